"""Look at a graph: `ms.viz`, with MXNet's functions and a few more.

>>> import minisym as ms
>>> net = ms.sym.tanh(ms.sym.Variable("x"), name="t")
>>> ms.viz.plot_network(net, title="net").source.splitlines()[0]
'digraph net {'
"""

from __future__ import annotations

from minisym.show.compare import plot_diff
from minisym.show.curves import plot_curves
from minisym.show.dot import plot_network
from minisym.show.export import export
from minisym.show.html.page import to_html
from minisym.show.layers import summary
from minisym.show.mermaid import mermaid
from minisym.show.save import save_picture
from minisym.show.summary import print_summary
from minisym.show.tree import tree

__all__ = [
    "export",
    "mermaid",
    "plot_curves",
    "plot_diff",
    "plot_network",
    "print_summary",
    "save_picture",
    "summary",
    "to_html",
    "tree",
]

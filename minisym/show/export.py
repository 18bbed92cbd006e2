"""Graphs for other programs: GraphML, Cytoscape and node-link JSON, written by networkx.

>>> from minisym import sym
>>> portable(sym.tanh(sym.Variable("x"), name="t").graph).nodes["t"]["op"]
'tanh'
"""

from __future__ import annotations

import inspect
import io
import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final

import networkx as nx

from minisym.core.files import write_atomically, write_text
from minisym.core.graph import Graph
from minisym.core.node import Entry
from minisym.core.symbol import Symbol
from minisym.show import roles, text
from minisym.show.html.page import to_html
from minisym.show.known import Known, learn
from minisym.show.save import save_picture

_NAMES: Final = inspect.signature(nx.node_link_data).parameters
_EDGES: Final = {"edges" if "edges" in _NAMES else "link": "edges"}
"""Call the edges so in node-link JSON; before 3.4, networkx names the parameter `link`."""
FORMATS: Final = {".graphml": "GraphML", ".cyjs": "Cytoscape JSON", ".json": "node-link JSON"}


def export(
    symbol: Symbol,
    path: str | PathLike[str],
    *,
    shape: Mapping[str, Any] | None = None,
    dtype: Mapping[str, Any] | None = None,
    **options: Any,
) -> Path:
    """Write a graph in the format that the path's suffix says.

    `.graphml` (Gephi, yEd, …), `.cyjs` (Cytoscape) and `.json` (networkx, D3) hold the structure: a
    node for each node, with op, kind, parameters and shapes; an edge for each input. `.html` is the
    interactive page, and everything else a picture: see `save_picture`.

    Parameters
    ----------
    symbol
        The symbol.
    path
        Where to write.
    shape, dtype
        Variable -> shape, and Variable -> type: inferred and written for all.
    **options
        Of `to_html` or `save_picture`.

    Returns
    -------
    The path.

    Examples
    --------
    >>> import tempfile
    >>> from minisym import sym
    >>> net = sym.tanh(sym.Variable("x"), name="t")
    >>> path = export(net, Path(tempfile.mkdtemp()) / "net.graphml", shape={"x": (2, 3)})
    >>> nx.read_graphml(path).nodes["t"]["shape"]
    '2×3'
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind == ".html":
        return to_html(symbol, path, shape=shape, dtype=dtype, **options)
    if kind not in FORMATS:
        return save_picture(symbol, path, shape=shape, dtype=dtype, **options)
    graph = portable(symbol.graph, learn(symbol.graph, shape, dtype))
    if kind == ".graphml":
        made = io.BytesIO()
        nx.write_graphml(graph, made)
        write_atomically(path, [made.getvalue()])
        return path
    data = nx.cytoscape_data(graph) if kind == ".cyjs" else nx.node_link_data(graph, **_EDGES)
    write_text(path, json.dumps(data, ensure_ascii=False, indent=1))
    return path


def portable(graph: Graph, known: Known | None = None) -> nx.MultiDiGraph[str]:
    """Return a networkx graph of strings and numbers: nodes are called by their names.

    Of nodes that share a name the later ones have a number behind it: `fc#2`.
    """
    known = known or Known()
    kinds = roles.kinds(graph)
    made: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    made.graph["outputs"] = ", ".join(text.plain(entry.name, 200) for entry in graph.outputs)
    names: dict[Any, str] = {}
    for number, node in enumerate(graph):
        name = text.plain(node.name, 500)
        name = names[node] = name if name not in made else f"{name}#{number}"
        entries = node.entries()
        made.add_node(
            name,
            op=node.op.name if node.op else "Variable",
            kind=kinds[node],
            params=text.plain(text.params_text(node), 500) if node.op else "",
            shape=", ".join(_shape(entry, known) for entry in entries),
            dtype=", ".join(text.dtype_text(known.dtypes.get(entry)) for entry in entries),
            writes=", ".join(text.plain(v.name, 500) for _, v in roles.written(node)),
        )
    for node in graph:
        for slot, entry in zip(node.input_names(), node.inputs, strict=False):
            shape = _shape(entry, known)
            made.add_edge(
                names[entry.node], names[node], slot=slot, output=entry.index, shape=shape
            )
    return made


def _shape(entry: Entry, known: Known) -> str:
    shape = known.shapes.get(entry)
    return "" if shape is None else text.shape_text(shape)

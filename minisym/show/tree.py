"""A graph as text: a line a node, as a program would write it.

>>> import minisym as ms
>>> w, g = ms.sym.Variable("w"), ms.sym.Variable("g")
>>> step = ms.sym.signsgd_update(w, g, lr=0.1, name="step")
>>> print(tree(step, shape={"w": (2, 3)}))
signsgd_update: 6 parameters (24 B) · 1 op · 24 FLOPs · 1 in-place update
  w                                    2×3  parameter
  g                                    2×3  gradient
  step = signsgd_update(w, g, lr=0.1)  2×3  writes w
output: step_output
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from minisym.core.node import Entry, Node
from minisym.core.symbol import Symbol
from minisym.show import labels, roles, text
from minisym.show.known import Known, learn

MANY_LINES: Final = 200
_WIDEST: Final = 96
_COLUMN: Final = 56


def tree(
    symbol: Symbol,
    shape: Mapping[str, Any] | None = None,
    dtype: Mapping[str, Any] | None = None,
    *,
    limit: int = MANY_LINES,
) -> str:
    """Return a symbol's graph as text, inputs before what reads them.

    Parameters
    ----------
    symbol
        The symbol.
    shape, dtype
        Variable -> shape, and Variable -> type: inferred and written for all.
    limit
        Of a graph of more nodes, the first and the last of them are written.
    """
    graph = symbol.graph
    known = learn(graph, shape, dtype)
    kinds = roles.kinds(graph)
    title, facts = labels.heading(graph, known, kinds, "")
    order = list(graph)
    shown: list[Node | None] = list(order)
    if len(order) > limit:
        half = max(1, limit // 2)
        shown = [*order[:half], None, *order[-half:]]
    rows = [_row(node, kinds[node], known) if node else None for node in shown]
    present = [row for row in rows if row]
    widths = [min(_COLUMN, max((len(row[i]) for row in present), default=0)) for i in range(2)]
    lines = [f"{title}: {' · '.join(facts)}"]
    for row in rows:
        if row is None:
            lines.append(f"  … {len(order) - len(present):,} more …")
        else:
            call, value, remark = row
            gap = "  " if widths[1] else ""
            lines.append(f"  {call:<{widths[0]}}{gap}{value:<{widths[1]}}  {remark}".rstrip())
    names = [text.plain(entry.name) for entry in symbol.entries]
    more = f", … ({len(names)})" if len(names) > 8 else ""
    noun = "output" if len(names) == 1 else "outputs"
    return "\n".join([*lines, f"{noun}: {', '.join(names[:8])}{more}"])


def _row(node: Node, kind: str, known: Known) -> tuple[str, str, str]:
    name = text.plain(node.name)
    if node.op is None:
        return name, known.of(Entry(node)), kind
    inputs = [_argument(entry) for entry in node.inputs]
    words = [*inputs, text.params_text(node).replace(" ", ", ")]
    call = f"{name} = {node.op.name}({', '.join(word for word in words if word)})"
    targets = ", ".join(text.plain(variable.name) for _, variable in roles.written(node))
    return (
        text.clip(call, _WIDEST),
        ", ".join(found for entry in node.entries() if (found := known.of(entry))),
        f"writes {targets}" if targets else "",
    )


def _argument(entry: Entry) -> str:
    name = text.plain(entry.node.name, 32)
    return name if entry.node.num_outputs == 1 else f"{name}[{entry.index}]"

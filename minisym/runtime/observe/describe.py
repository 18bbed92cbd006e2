"""What is bound, and what a plan does, as text: its steps, and the memory that each writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.core.shapes import show
from minisym.runtime.layout import total
from minisym.runtime.plan import Plan


def describe(plan: Plan) -> str:
    """Return the nodes in the order in which they run, each with its output's memory.

    A block is a piece of memory that several outputs may use one after the other.
    """
    rows = []
    layout = plan.layout
    for position, node in enumerate(layout.nodes):
        when = "forward" if position < layout.forward else "backward"
        for i in range(node.num_outputs):
            entry = Entry(node, i)
            size = f"{show(plan.typed.shapes[entry])} {plan.typed.dtypes[entry]}"
            rows.append((when, _op(node), entry.name, size, _place(plan, entry)))
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(4)]
    lines = [
        "  ".join([*(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=False)), row[4]])
        for row in rows
    ]
    apart = sum(plan.typed.nbytes(entry) for entry, _ in layout.of_kind("block"))
    allocated = total(layout.blocks)
    lines.append(f"Without sharing: {apart / 2**20:g} MB")
    # the end is MXNet's, which its modules read: what ops need inside, each thread has once
    lines.append(f"Total {allocated / 2**20:g} MB allocated")
    lines.append("Total 0 TempSpace resource requested")
    return "\n".join(lines) + "\n"


def describe_arrays(
    bound: Sequence[tuple[str, Array]],
    outputs: Sequence[tuple[str, Array]],
    remarks: Mapping[str, str],
) -> str:
    """List arrays with their names, shapes and types, inputs before outputs."""
    rows = [("  ", name, array, remarks.get(name, "")) for name, array in bound]
    rows += [("->", name, array, "") for name, array in outputs]
    kinds = [f"{show(array.shape)} {array.dtype}" for _, _, array, _ in rows]
    names = max((len(name) for _, name, _, _ in rows), default=0)
    wide = max(map(len, kinds), default=0)
    return "\n".join(
        f"  {arrow} {name:<{names}}  {kind:<{wide}}  {remark}".rstrip()
        for (arrow, name, _, remark), kind in zip(rows, kinds, strict=True)
    )


def _op(node: Node) -> str:
    return node.op.name if node.op else "Variable"


def _place(plan: Plan, entry: Entry) -> str:
    """Return where an entry's value is."""
    home = plan.layout.homes[entry]
    if home.kind == "view" and home.source is not None:
        return f"view of {home.source.name}"
    if home.kind == "write" and home.source is not None:
        return f"writes {home.source.name}"
    assert home.block is not None
    place = f"block {home.block.number}"
    target = next((w.variable.name for w in plan.writes.writes if w.entry == entry), None)
    return place if target is None else f"{place}, then written to {target}"

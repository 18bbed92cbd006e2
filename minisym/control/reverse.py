"""The gradient of a loop is a loop that runs the other way.

At each step it computes the gradient of the body: what flows in are the gradients of that step's
outputs and of the states that the step left. What flows out are the gradients of the elements,
which are stacked, of the states before the step, which the next one takes, and of what the body
uses of its surroundings, which are added up.

The body's own values are computed again, from the states that the forward run kept; only what
random ops drew is taken as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from minisym.control.inside import attach
from minisym.control.locations import scan_attrs
from minisym.control.scan import Scan, scan_op
from minisym.core.errors import GradientError
from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.core.op import Op, Params, get
from minisym.core.symbol import Symbol
from minisym.core.variable import Variable
from minisym.passes.gradient import gradient

Answer = Symbol | None
"""A gradient; None where there is none, or it is zero."""


@dataclass
class Forward:
    """A loop that has run, and the gradients that arrived at it."""

    body: Symbol
    data: list[tuple[Node, Symbol]]
    states: list[tuple[Node, Symbol]]
    """With their values before each step."""
    written: list[tuple[Node, Symbol]]
    outer: list[tuple[Node, Symbol]]
    draws: list[tuple[Entry, Symbol]]
    finals: list[Symbol]
    g_outputs: list[Answer]
    g_finals: list[Answer]
    g_states: list[Answer]
    """Gradients of the values before each step."""
    needed: frozenset[Node]
    reverse: bool
    count: Symbol | None = None


def backward(loop: Forward) -> dict[Node, Answer]:
    """Compose the reverse loop; return the gradients of what the body's variables stand for."""
    seeds = [_seed("g_output", i, g) for i, g in enumerate(loop.g_outputs)]
    flowing = [Variable(f"g_state{i}") for i in range(len(loop.states))]
    heads = zip(loop.body.entries, (*seeds, *flowing), strict=True)
    state_nodes = [node for node, _ in loop.states]
    elements = [node for node, _ in loop.data if node in loop.needed]
    summed = [node for node, _ in loop.outer if node in loop.needed]
    wrt = [*elements, *state_nodes, *summed]
    found = dict(
        zip(
            wrt,
            gradient(
                loop.body.graph,
                [(head, seed.entries[0]) for head, seed in heads if seed is not None],
                [Entry(node) for node in wrt],
            ),
            strict=True,
        )
    )
    elements = [node for node in elements if found[node] is not None]
    summed = [node for node in summed if found[node] is not None]
    late = [_seed("g_before", i, g) for i, g in enumerate(loop.g_states)]
    totals = [Variable(f"g_total{i}") for i in range(len(summed))]
    new = [
        *(found[node] for node in elements),
        *(
            _sum(found[node], extra, like=flow)
            for node, extra, flow in zip(state_nodes, late, flowing, strict=True)
        ),
        *(_sum(found[n], total, like=total) for n, total in zip(summed, totals, strict=True)),
    ]
    if not new:
        return {}
    drawn = [Variable(f"drawn{i}") for i in range(len(loop.draws))]
    values = {entry: v.entries[0] for (entry, _), v in zip(loop.draws, drawn, strict=True)}
    body = Symbol(Graph(entry for entry in new if entry is not None).substitute(values).outputs)
    data = [
        *loop.data, *loop.states, *loop.written,
        *((v.entries[0].node, array) for v, (_, array) in zip(drawn, loop.draws, strict=True)),
        *_pairs(seeds, loop.g_outputs),
        *_pairs(late, loop.g_states),
    ]  # fmt: skip
    used = body.graph
    data = [pair for pair in data if pair[0] in used] or data[:1]  # one says how many steps
    outer = dict(loop.outer)
    states = [
        *zip(flowing, map(_or_zeros, loop.g_finals, loop.finals), strict=True),
        *((total, zeros_like(outer[n])) for n, total in zip(summed, totals, strict=True)),
    ]
    around = [pair for pair in loop.outer if pair[0] in used]
    scan = Scan(
        body,
        (
            *(node for node, _ in data),
            *(state.entries[0].node for state, _ in states),
            *(node for node, _ in around),
        ),
        len(data),
        tuple(range(len(data), len(data) + len(states))),
        reverse=not loop.reverse,
        counted=loop.count is not None,
    )
    inputs = [*(a for _, a in data), *(a for _, a in states), *(a for _, a in around)]
    inputs += [] if loop.count is None else [loop.count]
    answer = attach(
        loop_op("_scan", scan), "_scan", [a.entries[0] for a in inputs], scan_attrs(scan)
    )
    found_by_node: dict[Node, Answer] = dict(
        zip((*elements, *state_nodes, *summed), answer, strict=True)
    )
    arrays = dict(loop.data)
    for node in elements:  # the elements of a vector have an axis more than the vector says
        found_by_node[node] = get("reshape_like")(found_by_node[node], arrays[node])  # type: ignore[operator]
    return found_by_node


def loop_op(name: str, scan: Scan) -> Op:
    """Make the op of a loop that has a gradient."""
    doc = "Run a body for each element of arrays, and carry states along."
    return scan_op(name, scan, scan_gradient, doc)


def scan_gradient(
    scan: Scan,
    g: Any,
    *inputs: Symbol,
    params: Params,
    y: Any,
    arrived: Sequence[Answer],
    needed: Sequence[bool],
    **_: object,
) -> list[Answer]:
    """Return the gradients of a scan's inputs."""
    ys = as_list(y)
    refuse_draws(scan.pick(arrived, "draw", "new"))
    nodes, count = scan.variables, len(scan.states)
    pairs = list(zip(nodes, inputs, strict=False))
    carried = [nodes[position] for position in scan.carried]
    history = list(zip(carried, scan.pick(ys, "history"), strict=True))
    steps = scan.pick(ys, "steps") or ([inputs[-1]] if scan.counted else [None])
    answers = backward(
        Forward(
            body=scan.body,
            data=pairs[: scan.num_data],
            states=history[:count],
            written=history[count:],
            outer=[pair for pair in pairs[scan.num_data :] if pair[0] not in carried],
            draws=list(zip(scan.draws, scan.pick(ys, "draw"), strict=True)),
            finals=scan.pick(ys, "final"),
            g_outputs=scan.pick(arrived, "stacked"),
            g_finals=scan.pick(arrived, "final"),
            g_states=scan.pick(arrived, "history")[:count],
            needed=frozenset(n for n, wanted in zip(nodes, needed, strict=False) if wanted),
            reverse=scan.reverse,
            count=steps[0],
        )
    )
    return [answers.get(node) for node in nodes] + [None] * scan.counted


# ------------------------------------------------------------------------------------ small things


def as_list(value: Any) -> list[Any]:
    """Return the gradients or outputs of an op as a list, also where there is one."""
    return value if isinstance(value, list) else [value]


def refuse_draws(arrived: Iterable[Answer]) -> None:
    """Refuse what would be wrong: what a random op drew is a constant in the gradient."""
    if any(g is not None for g in arrived):
        message = "a loop with random ops, such as Dropout, has no second gradient"
        raise GradientError(message, hint="leave them out of the body")


def zeros_like(symbol: Symbol) -> Symbol:
    """Compose zeros of a symbol's shape."""
    return get("zeros_like")(symbol)  # type: ignore[operator,no-any-return]


def _seed(name: str, position: int, arrived: Answer) -> Answer:
    return None if arrived is None else Variable(f"{name}{position}")


def _pairs(seeds: Sequence[Answer], arrived: Sequence[Answer]) -> Iterator[tuple[Node, Symbol]]:
    for seed, g in zip(seeds, arrived, strict=True):
        if seed is not None and g is not None:
            yield seed.entries[0].node, g


def _or_zeros(arrived: Answer, value: Symbol) -> Symbol:
    return zeros_like(value) if arrived is None else arrived


def _sum(found: Entry | None, other: Answer, *, like: Symbol) -> Entry:
    """Add up what there is."""
    parts = [] if found is None else [Symbol((found,))]
    parts += [] if other is None else [other]
    total = parts[0] + parts[1] if len(parts) == 2 else parts[0] if parts else zeros_like(like)
    return total.entries[0]

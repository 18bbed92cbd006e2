r"""Second order for ops whose gradient is a kernel: by the formula that the op computes.

A numeric gradient is fast, and a dead end for whoever differentiates it again. Where the op itself
is a formula of other ops, the gradient of its gradient is that of the formula: it is taken there,
on variables that stand for the inputs, and then the inputs take their places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any

from minisym.core.cost import each
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.graph import Graph
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.core.op import OF_GRADIENTS
from minisym.core.samples import Sample
from minisym.core.symbol import Symbol
from minisym.passes.gradient import gradient

op = partial(declare, kind="math", cost=each(2))

Formula = Callable[..., Symbol]


def second_order(
    formula: Formula, takes: Sequence[str], wrt: Sequence[str]
) -> Callable[..., list[Symbol | None]]:
    """Return the gradient rule of a backward op.

    Parameters
    ----------
    formula
        The op as a formula: `formula(inputs by name, params)`.
    takes
        The inputs of the backward op, in order; first the gradient of the op's output.
    wrt
        The inputs that the backward op has gradients for, in order. The others are constants.
    """

    def rule(g: Any, *given: Symbol, **params: Any) -> list[Symbol | None]:
        gs = g if isinstance(g, list) else [g]
        nodes = {name: Node(None, name) for name in (*takes, *(f"head {n}" for n in wrt))}
        place = {name: Entry(node) for name, node in nodes.items()}
        output = formula({n: Symbol((place[n],)) for n in takes[1:]}, params).entries[0]
        first = gradient(Graph((output,)), [(output, place[takes[0]])], [place[n] for n in wrt])
        seeds = [
            (slope, place[f"head {name}"])
            for slope, name in zip(first, wrt, strict=True)
            if slope is not None
        ]
        wanted = [takes[0], *wrt]
        slopes = gradient(Graph(tuple(s for s, _ in seeds)), seeds, [place[n] for n in wanted])
        actual = dict(zip((*takes, *(f"head {n}" for n in wrt)), (*given, *gs), strict=True))
        found = dict(zip(wanted, _given(slopes, actual), strict=True))
        return [found.get(name) for name in takes]

    return rule


def first_order(formula: Formula, takes: Sequence[str]) -> Callable[..., list[Symbol | None]]:
    """Return the gradient rule of an op that computes a formula of its inputs `takes`."""

    def rule(g: Symbol, *given: Symbol, **params: Any) -> list[Symbol | None]:
        place = {name: Entry(Node(None, name)) for name in (*takes, "head")}
        output = formula({n: Symbol((place[n],)) for n in takes}, params).entries[0]
        seeds = [(output, place["head"])]
        slopes = gradient(Graph((output,)), seeds, [place[n] for n in takes])
        return _given(slopes, dict(zip((*takes, "head"), (*given, g), strict=True)))

    return rule


def _given(slopes: Sequence[Entry | None], actual: dict[str, Any]) -> list[Symbol | None]:
    """Put the actual inputs into the places of the variables that stand for them."""
    found = (None if slope is None else Symbol((slope,)) for slope in slopes)
    return [
        None if slope is None else slope(**{n: actual[n] for n in slope.list_inputs()})
        for slope in found
    ]


@op(
    name="_by_mode",
    elementwise=True,
    samples=[
        Sample(((2, 3), (2, 3)), reference=lambda training, inference: training),
        Sample(((2, 3), (2, 3)), is_train=False, reference=lambda training, inference: inference),
    ],
    no_onnx=OF_GRADIENTS,
)
def by_mode(
    training: Annotated[Array, "What is chosen in training."],
    inference: Annotated[Array, "What is chosen in inference, of the same shape."],
    *,
    is_train: bool = False,
    out: Array,
) -> None:
    """Choose the first array in training, the second in inference."""
    chosen = training if is_train else inference
    if chosen is not out:
        out[...] = chosen


@by_mode.grad
def _(g: Symbol, training: Symbol, inference: Symbol) -> tuple[Symbol, Symbol]:
    nothing = F.zeros_like(g)
    return by_mode(g, nothing), by_mode(nothing, g)

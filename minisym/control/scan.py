"""Loops over the first axis of arrays: `foreach`, and the loops that are gradients of loops.

A scan runs a body once for each element of its data. The body sees the element, the states as the
element before left them, and what it uses of its surroundings; it gives outputs, which are stacked,
and the next states.

Behind the outputs that a user sees, a scan keeps what its gradient needs: the states before each
element (`history`), and what random ops drew (`draw`). The gradient is a scan, too, that runs the
other way: so it can be differentiated again. Variables that the body overwrites (the averages of a
BatchNorm) are carried along as states are, and written at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final

import numpy as np

from minisym.control.inside import compile_inside, draws, infer_inside, written
from minisym.errors import ShapeError
from minisym.graph import Entry, Node
from minisym.ndarray import Array
from minisym.op import Input, Op, Params
from minisym.passes.slots import SHAPES, Kind, Slots
from minisym.runtime.plan import execute
from minisym.runtime.steps import Step
from minisym.shapes import Mismatch, is_np_shape
from minisym.symbol.symbol import Symbol

COUNT: Final = np.dtype(np.int64)
"""The type of the number of steps that a counted loop makes."""


@dataclass(frozen=True)
class Scan:
    """What a loop is, whatever the arrays are."""

    body: Symbol
    """Its heads are the outputs and the next states."""
    variables: tuple[Node, ...]
    """What stands in the body for each input: data, states, then the surroundings."""
    num_data: int
    num_states: int
    reverse: bool = False
    counted: bool = False
    """Whether one more input says how many steps to make, from the beginning of the data."""

    @property
    def num_outputs(self) -> int:
        """How many outputs are stacked."""
        return len(self.body.entries) - self.num_states

    @cached_property
    def draws(self) -> list[Entry]:
        """What random ops make in the body."""
        return draws(self.body)

    @cached_property
    def carried(self) -> dict[int, Entry]:
        """The inputs whose value changes from step to step, with their next values."""
        first = self.num_data
        states = self.body.entries[self.num_outputs :]
        new = written(self.body)
        return {first + i: entry for i, entry in enumerate(states)} | {
            position: new[node] for position, node in enumerate(self.variables) if node in new
        }

    @cached_property
    def whole(self) -> Symbol:
        """The body with all that a step has to compute."""
        return Symbol(
            (
                *self.body.entries[: self.num_outputs],
                *self.carried.values(),
                *self.draws,
            )
        )

    @property
    def roles(self) -> list[str]:
        """What each output is: stacked, final, history, draw, new."""
        return (
            ["stacked"] * self.num_outputs
            + ["final"] * self.num_states
            + ["history"] * len(self.carried)
            + ["draw"] * len(self.draws)
            + ["new"] * (len(self.carried) - self.num_states)
        )

    def pick(self, values: Sequence[Any], *roles: str) -> list[Any]:
        """Return those of the outputs' values that have one of the roles."""
        return [v for v, role in zip(values, self.roles, strict=True) if role in roles]


def scan_op(name: str, scan: Scan, gradient: Callable[..., Any], doc: str) -> Op:
    """Make the op of a loop."""
    visible = scan.num_outputs + scan.num_states
    suffix = ["output"] if visible == 1 else [f"output{i}" for i in range(visible)]
    hidden = [f"{role}{i}" for i, role in enumerate(scan.roles[visible:])]
    inputs = [
        *(f"data{i}" for i in range(scan.num_data)),
        *(f"state{i}" for i in range(scan.num_states)),
        *(f"outer{i}" for i in range(len(scan.variables) - scan.num_data - scan.num_states)),
    ]
    changed = list(scan.carried)[scan.num_states :]
    first_new = len(scan.roles) - len(changed)
    op = Op(
        name=name,
        doc=doc,
        family="control",
        inputs=tuple(Input(n) for n in (*inputs, *(["count"] if scan.counted else []))),
        outputs=(*suffix, *hidden),
        visible=visible,
        writes={inputs[position]: first_new + i for i, position in enumerate(changed)},
        needs=frozenset(("is_train",)),
        shape_rule=partial(infer_scan, scan),
        dtype_rule=partial(infer_scan, scan),
        prepare=partial(prepare_scan, scan),
        gradient=partial(gradient, scan),
        subgraphs=(scan.body,),
    )
    op.finish()
    return op


# ------------------------------------------------------------------------------------- inference


def unstacked(shape: Any) -> Any:
    """Return the shape of one element; an element of a vector has one axis, as in MXNet.

    >>> unstacked((5, 2, 3)), unstacked((5,)), unstacked(None)
    ((2, 3), (1,), None)
    """
    if shape is None:
        return None
    return shape[1:] if len(shape) > 1 or is_np_shape() else (1,)


def stacked(length: Any, shape: Any) -> Any:
    """Return the shape of all elements."""
    return None if shape is None else (length, *shape)


def infer_scan(scan: Scan, s: Slots, *, params: Params) -> None:
    """Infer through the body, both ways."""
    kind: Kind = s._engine.kind
    ins, outs = list(s.inputs), list(s.outputs)
    one, many = _same, _same
    if kind is SHAPES:
        whole = [*ins[: scan.num_data], *scan.pick(outs, "stacked", "history", "draw")]
        one, many = unstacked, partial(stacked, _length(whole))
    values = [one(v) if i < scan.num_data else v for i, v in enumerate(ins)]
    known = dict(zip(scan.variables, values, strict=False))
    heads = [
        *(one(v) for v in scan.pick(outs, "stacked")),
        *scan.pick(outs, "final", "new"),
        *(one(v) for v in scan.pick(outs, "draw")),
    ]
    known, heads = settle(scan, known, heads, kind)
    for i, node in enumerate(scan.variables):
        value = known[node]
        if i < scan.num_data:
            value = many(value)
            if kind is SHAPES and not is_np_shape() and value is not None and value[1:] == (1,):
                # the elements of (5,) and of (5, 1) are alike: only their number is known
                value = None if ins[i] is None else value[: len(ins[i])]
        s.set_input(i, value)
    if scan.counted:
        s.set_input(len(scan.variables), (1,) if kind is SHAPES else COUNT)
    n, carried = scan.num_outputs, len(scan.carried)
    states, drawn = heads[n : n + carried], heads[n + carried :]
    answers = [many(v) for v in heads[:n]]
    answers += states[: scan.num_states]
    answers += [many(v) for v in (*states, *drawn)]
    answers += states[scan.num_states :]
    for i, value in enumerate(answers):
        s.set_output(i, value)


def _same(value: Any) -> Any:
    return value


def _length(shapes: Sequence[Any]) -> int | None:
    """Return how many elements there are."""
    found = {shape[0] for shape in shapes if shape and shape[0] is not None}
    if len(found) > 1:
        numbers = " and ".join(map(str, sorted(found)))
        message = f"all data of a loop must be equally long, but there are {numbers} elements"
        raise ShapeError(message)
    return found.pop() if found else None


def settle(
    scan: Scan, known: dict[Node, Any], heads: list[Any], kind: Kind
) -> tuple[dict[Node, Any], list[Any]]:
    """Infer until the states begin as each step leaves them."""
    places = range(scan.num_outputs, scan.num_outputs + len(scan.carried))
    while True:
        known, heads = infer_inside(scan.whole, known, heads, kind)
        changed = False
        for place, position in zip(places, scan.carried, strict=True):
            node = scan.variables[position]
            try:
                both = kind.unify(known[node], heads[place])
            except Mismatch:
                begins, ends = kind.show(known[node]), kind.show(heads[place])
                message = (
                    f"the state {node.name!r} of a loop begins with {kind.noun} {begins}, "
                    f"but a step makes {ends} of it"
                )
                raise kind.error(
                    message, hint="a state keeps its shape and type from step to step"
                ) from None
            changed = changed or known[node] != both or heads[place] != both
            known[node] = heads[place] = both
        if not changed:
            return known, heads


# --------------------------------------------------------------------------------------- running


def prepare_scan(
    scan: Scan, inputs: Sequence[Array], outs: Sequence[Array], *, params: Params, is_train: bool
) -> Iterator[Step]:
    """Compile the body once, for arrays that hold one element and the states."""
    yield Loop(scan, inputs, outs, is_train=is_train).run, ()


class Loop:
    """A scan with its arrays."""

    def __init__(
        self, scan: Scan, inputs: Sequence[Array], outs: Sequence[Array], *, is_train: bool
    ) -> None:
        self.reverse = scan.reverse
        self.count = inputs[-1] if scan.counted else None
        arrays: dict[Node, Array] = {}
        self.elements: list[tuple[Array, Array]] = []
        self.starts: list[tuple[Array, Array]] = []
        for i, (node, array) in enumerate(zip(scan.variables, inputs, strict=False)):
            if i < scan.num_data:
                arrays[node] = np.empty(unstacked(array.shape), array.dtype)
                self.elements.append((arrays[node], array))
            elif i in scan.carried:
                arrays[node] = np.empty(array.shape, array.dtype)
                self.starts.append((arrays[node], array))
            else:
                arrays[node] = array
        self.plan = compile_inside(scan.whole, arrays)
        self.steps = self.plan.steps(is_train=is_train)[0]
        values = [self.plan.output_array(entry) for entry in scan.whole.entries]
        states = [arrays[scan.variables[position]] for position in scan.carried]
        n = scan.num_outputs
        new = values[n : n + len(states)]
        self.stacks = list(zip(scan.pick(outs, "stacked"), values[:n], strict=True))
        self.stacks += zip(scan.pick(outs, "draw"), values[n + len(states) :], strict=True)
        self.history = list(zip(scan.pick(outs, "history"), states, strict=True))
        self.moves = [
            # a value that is the memory of a state must be read before that state moves on
            (state, value, np.empty_like(value) if _overlaps(value, states) else None)
            for state, value in zip(states, new, strict=True)
        ]
        self.finals = list(zip(scan.pick(outs, "final", "new"), states, strict=True))
        self.length = next((len(array) for _, array in self.elements), 0)

    def run(self) -> None:
        """Run the body for each element."""
        for state, start in self.starts:
            np.copyto(state, start)
        steps = self.length if self.count is None else min(self.length, int(self.count.item()))
        for t in range(steps - 1, -1, -1) if self.reverse else range(steps):
            for element, array in self.elements:
                element[...] = array[t]
            for stack, state in self.history:
                stack[t] = state
            execute(self.plan, self.steps)
            for stack, value in self.stacks:
                stack[t] = value
            self.move()
        for stack, _ in (*self.stacks, *self.history):
            stack[steps:] = 0
        for out, state in self.finals:
            np.copyto(out, state)

    def move(self) -> None:
        """Take the next values for the states."""
        for _, value, kept in self.moves:
            if kept is not None:
                np.copyto(kept, value)
        for state, value, kept in self.moves:
            np.copyto(state, value if kept is None else kept)


def _overlaps(value: Array, states: Sequence[Array]) -> bool:
    return any(np.may_share_memory(value, state) for state in states)


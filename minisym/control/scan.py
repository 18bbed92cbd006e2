"""Loops: a body that runs for each element of arrays, or while a condition holds.

The body sees the element (if there are data), the states as the step before left them, and what it
uses of its surroundings; it gives outputs, which are stacked, and the next states.

Behind the outputs that a user sees, a loop keeps what its gradient needs: the states before each
step (`history`), what random ops drew (`draw`), and how many steps there were. Variables that the
body overwrites (the averages of a BatchNorm) are carried along as states are, and written at the
end (`new`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final

import numpy as np

from minisym.control.inside import (
    OVERWRITTEN,
    USED,
    check_test,
    compile_inside,
    draws,
    infer_inside,
    written,
)
from minisym.core.errors import ShapeError
from minisym.core.kernels import Step
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.core.op import OF_GRADIENTS, Input, OnnxRule, Op, Params
from minisym.core.shapes import Mismatch, is_np_shape
from minisym.core.symbol import Symbol
from minisym.passes.slots import SHAPES, Kind, Slots, about

COUNT: Final = np.dtype(np.int64)
"""The type of a number of steps."""


@dataclass(frozen=True)
class Scan:
    """What a loop is, whatever the arrays are."""

    body: Symbol
    """Its heads are the outputs and the next states."""
    variables: tuple[Node, ...]
    """What stands in the body for each input; the first inputs are the data."""
    num_data: int
    states: tuple[int, ...]
    """Which inputs the states begin as."""
    reverse: bool = False
    """Whether the last element comes first."""
    counted: bool = False
    """Whether one more input says how many steps to make."""
    condition: Symbol | None = None
    """What is computed before each step: the loop ends where it is 0."""
    tested: tuple[Node, ...] = ()
    """What stands in the condition for each input."""
    limit: int = 0
    """The most steps that a loop with a condition makes."""

    @property
    def num_outputs(self) -> int:
        """How many outputs are stacked."""
        return len(self.body.entries) - len(self.states)

    @cached_property
    def draws(self) -> list[Entry]:
        """What random ops make in the body."""
        return draws(self.body)

    @cached_property
    def carried(self) -> dict[int, Entry]:
        """The inputs whose value changes from step to step, with their next values."""
        after = self.body.entries[self.num_outputs :]
        new = written(self.body)
        return dict(zip(self.states, after, strict=True)) | {
            position: new[node] for position, node in enumerate(self.variables) if node in new
        }

    @cached_property
    def whole(self) -> Symbol:
        """The body with all that a step has to compute."""
        outputs = self.body.entries[: self.num_outputs]
        return Symbol((*outputs, *self.carried.values(), *self.draws))

    @cached_property
    def roles(self) -> list[str]:
        """What each output is: stacked, final, history, draw, new, steps."""
        return (
            ["stacked"] * self.num_outputs
            + ["final"] * len(self.states)
            + ["history"] * len(self.carried)
            + ["draw"] * len(self.draws)
            + ["new"] * (len(self.carried) - len(self.states))
            + ["steps"] * (self.condition is not None)
        )

    def pick(self, values: Sequence[Any], *roles: str) -> list[Any]:
        """Return those of the outputs' values that have one of the roles."""
        return [v for v, role in zip(values, self.roles, strict=True) if role in roles]


def scan_op(name: str, scan: Scan, gradient: Callable[..., Any], doc: str) -> Op:
    """Make the op of a loop."""
    visible = len(scan.body.entries)
    shown = ["output"] if visible == 1 else [f"output{i}" for i in range(visible)]
    hidden = [f"{role}{i}" for i, role in enumerate(scan.roles[visible:])]
    inputs = [f"{'data' if i < scan.num_data else 'in'}{i}" for i in range(len(scan.variables))]
    changed = list(scan.carried)[len(scan.states) :]
    first_new = scan.roles.index("new") if changed else 0
    return Op(
        name=name,
        doc=doc,
        inputs=(
            *(Input(n, doc=_told(scan, i)) for i, n in enumerate(inputs)),
            *[Input("count", doc="How many steps to make.")] * scan.counted,
        ),
        outputs=(*shown, *hidden),
        visible=visible,
        writes={inputs[position]: first_new + i for i, position in enumerate(changed)},
        needs=frozenset(("is_train",)),
        shape_rule=partial(infer_scan, scan),
        dtype_rule=partial(infer_scan, scan),
        prepare=partial(prepare_scan, scan),
        gradient=partial(gradient, scan),
        onnx_rule=OnnxRule(partial(onnx_scan, scan), ()),
        subgraphs=(scan.body,) if scan.condition is None else (scan.condition, scan.body),
        control=scan,
    )


def _told(scan: Scan, position: int) -> str:
    """Say what an input is."""
    if position < scan.num_data:
        return "What the loop runs over, along its first axis."
    if position in scan.states:
        return "A state before the first step."
    return OVERWRITTEN if position in scan.carried else USED


# ---------------------------------------------------------------------------------- the ONNX form


def onnx_scan(scan: Scan, o: Any, *inputs: Any) -> Any:
    """Return the outputs that a user sees: those of a Scan of ONNX, or of a Loop that tests."""
    if scan.counted:
        o.refuse(OF_GRADIENTS)
    starts = [inputs[position] for position in scan.states]
    outer = dict(zip(scan.variables, inputs, strict=False))
    if scan.condition is not None:
        return _onnx_loop(scan, scan.condition, o, starts, outer)
    inner = o.inside()
    known = outer | _stand_ins(scan.variables, scan.states, starts, inner)
    for node, array in zip(scan.variables, inputs[: scan.num_data], strict=False):
        shape = unstacked(array.shape)
        element = inner.takes(array.dtype, array.shape[1:])
        known[node] = inner.reshape(element, shape)
    made = inner.lower(scan.body, known)
    outputs, after = made[: scan.num_outputs], made[scan.num_outputs :]
    back, number = [int(scan.reverse)], len(outputs)
    found = o.Scan(
        *starts,
        *inputs[: scan.num_data],
        outputs=len(made),
        dtype=[value.dtype for value in (*after, *outputs)],
        body=inner.gives([*after, *outputs]),
        num_scan_inputs=scan.num_data,
        scan_input_directions=back * scan.num_data,
        scan_output_directions=back * number if number else None,
    )
    values = found if isinstance(found, list) else [found]
    return [*values[len(after) :], *values[: len(after)]]


def _stand_ins(
    variables: Sequence[Node], positions: Sequence[int], starts: Sequence[Any], inner: Any
) -> dict[Node, Any]:
    """Return inputs of a body for its states."""
    given = [inner.takes(start.dtype, start.shape) for start in starts]
    return {variables[position]: v for position, v in zip(positions, given, strict=True)}


def _onnx_loop(scan: Scan, condition: Symbol, o: Any, starts: Any, outer: dict[Node, Any]) -> Any:
    """Return what a Loop gives; behind the last step, what is stacked is 0, as here."""

    def test(writer: Any, states: Sequence[Any]) -> Any:
        values = dict(zip(scan.tested, outer.values(), strict=False))
        places = dict(zip(scan.states, states, strict=True))
        values |= {scan.tested[position]: value for position, value in places.items()}
        (answer,) = writer.lower(condition, values)
        return writer.Cast(writer.Reshape(answer, ()), to=np.dtype(np.bool_))

    inner = o.inside()
    inner.takes(COUNT, ())
    inner.takes(np.bool_, ())
    known = outer | _stand_ins(scan.variables, scan.states, starts, inner)
    made = inner.lower(scan.body, known)
    outputs, after = made[: scan.num_outputs], made[scan.num_outputs :]
    found = o.Loop(
        np.array(scan.limit),
        test(o, starts),
        *starts,
        outputs=len(made),
        dtype=[value.dtype for value in (*after, *outputs)],
        body=inner.gives([test(inner, after), *after, *outputs]),
    )
    values = found if isinstance(found, list) else [found]
    stacked_ = []
    for value, one in zip(values[len(after) :], outputs, strict=True):
        short = o.Sub((scan.limit,), o.Shape(value, start=0, end=1))
        rest = o.Expand(o.constant(np.zeros(1, value.dtype)), o.Concat(short, one.shape, axis=0))
        stacked_.append(o.Concat(value, rest, axis=0))
    return [*stacked_, *values[: len(after)]]


# ------------------------------------------------------------------------------------- inference


def unstacked(shape: Any) -> Any:
    """Return the shape of one element; an element of a vector has one axis, as in MXNet.

    >>> unstacked((5, 2, 3)), unstacked((5,)), unstacked(None)
    ((2, 3), (1,), None)
    """
    if shape is None:
        return None
    return shape[1:] if len(shape) > 1 or is_np_shape() else (1,)


def stacked(length: int | None, shape: Any) -> Any:
    """Return the shape of all elements."""
    return None if shape is None else (length, *shape)


def infer_scan(scan: Scan, s: Slots, *, params: Params) -> None:
    """Infer through the body, both ways."""
    kind, holder = about(s)
    ins, outs = list(s.inputs), list(s.outputs)
    one: Callable[[Any], Any] = _same
    many: Callable[[Any], Any] = _same
    if kind is SHAPES:
        whole = [*ins[: scan.num_data], *scan.pick(outs, "stacked", "history", "draw")]
        length = scan.limit if scan.condition is not None else _length(whole, holder)
        one, many = unstacked, partial(stacked, length)
    values = [one(v) if i < scan.num_data else v for i, v in enumerate(ins)]
    if scan.condition is not None:
        seen, answer = infer_inside(
            scan.condition, dict(zip(scan.tested, values, strict=True)), [None], kind
        )
        check_test(answer[0], kind, holder)
        values = [seen[node] for node in scan.tested]
    known = dict(zip(scan.variables, values, strict=False))
    heads = [
        *(one(v) for v in scan.pick(outs, "stacked")),
        *scan.pick(outs, "final", "new"),
        *(one(v) for v in scan.pick(outs, "draw")),
    ]
    known, heads = settle(scan, known, heads, kind, holder)
    for i, node in enumerate(scan.variables):
        value = known[node]
        if i < scan.num_data:
            value = many(value)
            if kind is SHAPES and not is_np_shape() and value is not None and value[1:] == (1,):
                # the elements of (5,) and of (5, 1) are alike: only their number is known
                value = None if ins[i] is None else value[: len(ins[i])]
        s.set_input(i, value)
    number = (1,) if kind is SHAPES else COUNT
    if scan.counted:
        s.set_input(len(scan.variables), number)
    n, carried = scan.num_outputs, len(scan.carried)
    after, drawn = heads[n : n + carried], heads[n + carried :]
    answers = [many(v) for v in heads[:n]]
    answers += after[: len(scan.states)]
    answers += [many(v) for v in (*after, *drawn)]
    answers += after[len(scan.states) :]
    answers += [number] * (scan.condition is not None)
    for i, value in enumerate(answers):
        s.set_output(i, value)


def _same(value: Any) -> Any:
    return value


def _length(shapes: Sequence[Any], node: Node) -> int | None:
    """Return how many elements there are."""
    found = {shape[0] for shape in shapes if shape and shape[0] is not None}
    if len(found) > 1:
        numbers = " and ".join(map(str, sorted(found)))
        message = f"{_name(node)}: all data must be equally long, but have {numbers} elements"
        raise ShapeError(message, origin=node.origin)
    return found.pop() if found else None


def _name(node: Node) -> str:
    assert node.op is not None
    return f"{node.op.name} {node.name!r}"


def settle(
    scan: Scan, known: dict[Node, Any], heads: list[Any], kind: Kind, holder: Node
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
                    f"{_name(holder)}: the state {node.name!r} begins with {kind.noun} {begins}, "
                    f"but a step makes {ends} of it"
                )
                raise kind.error(
                    message,
                    origin=holder.origin,
                    hint="a state keeps its shape and type from step to step",
                ) from None
            changed = changed or known[node] != both or heads[place] != both
            known[node] = heads[place] = both
        if not changed:
            return known, heads


# --------------------------------------------------------------------------------------- running


def prepare_scan(
    scan: Scan,
    inputs: Sequence[Array],
    outs: Sequence[Array],
    *,
    params: Params,
    is_train: bool,
    state: dict[str, Any],
) -> Iterator[Step]:
    """Compile the body once, for arrays that hold one element and the states."""
    yield Loop(scan, inputs, outs, is_train=is_train, state=state).run, ()


class Loop:
    """A scan with its arrays."""

    def __init__(
        self,
        scan: Scan,
        inputs: Sequence[Array],
        outs: Sequence[Array],
        *,
        is_train: bool,
        state: dict[str, Any],
    ) -> None:
        self.reverse = scan.reverse
        self.count = inputs[-1] if scan.counted else None
        given = list(inputs[: len(scan.variables)])
        self.elements: list[tuple[Array, Array]] = []
        self.starts: list[tuple[Array, Array]] = []
        for i, array in enumerate(given):
            if i < scan.num_data:
                given[i] = np.empty(unstacked(array.shape), array.dtype)
                self.elements.append((given[i], array))
            elif i in scan.carried:
                given[i] = np.empty(array.shape, array.dtype)
                self.starts.append((given[i], array))
        arrays = dict(zip(scan.variables, given, strict=True))
        self.plan = compile_inside(scan.whole, arrays, state, "body")
        self.steps = self.plan.program(is_train=is_train).steps[0]
        self.test = None
        if scan.condition is not None:
            arrays = dict(zip(scan.tested, given, strict=True))
            test = compile_inside(scan.condition, arrays, state, "condition")
            self.test = (test, test.program(is_train=is_train).steps[0])
            self.answer = test.output_array(scan.condition.entries[0])
        values = [self.plan.output_array(entry) for entry in scan.whole.entries]
        states = [given[position] for position in scan.carried]
        n, last = scan.num_outputs, scan.num_outputs + len(states)
        self.stacks = list(zip(scan.pick(outs, "stacked"), values[:n], strict=True))
        self.stacks += zip(scan.pick(outs, "draw"), values[last:], strict=True)
        self.history = list(zip(scan.pick(outs, "history"), states, strict=True))
        self.moves = [
            # a value that is the memory of a state must be read before that state moves on
            (state, value, np.empty_like(value) if _overlaps(value, states) else None)
            for state, value in zip(states, values[n:last], strict=True)
        ]
        self.finals = list(zip(scan.pick(outs, "final", "new"), states, strict=True))
        self.made = scan.pick(outs, "steps")
        self.length = len(self.elements[0][1]) if self.elements else scan.limit

    def run(self) -> None:
        """Run the body for each element, or while the condition holds."""
        for state, start in self.starts:
            np.copyto(state, start)
        steps = self.length if self.count is None else min(self.length, int(self.count.item()))
        done = 0
        for t in range(steps - 1, -1, -1) if self.reverse else range(steps):
            if not self.goes_on():
                break
            for element, array in self.elements:
                element[...] = array[t]
            for stack, state in self.history:
                stack[t] = state
            self.plan.run(self.steps)
            for stack, value in self.stacks:
                stack[t] = value
            self.move()
            done += 1
        for stack, _ in (*self.stacks, *self.history):
            stack[done:] = 0
        for out, state in self.finals:
            np.copyto(out, state)
        for number in self.made:
            number[...] = done

    def goes_on(self) -> bool:
        """Whether the condition, if there is one, holds."""
        if self.test is None:
            return True
        plan, steps = self.test
        plan.run(steps)
        return bool(self.answer.item())

    def move(self) -> None:
        """Take the next values for the states."""
        for _, value, kept in self.moves:
            if kept is not None:
                np.copyto(kept, value)
        for state, value, kept in self.moves:
            np.copyto(state, value if kept is None else kept)


def _overlaps(value: Array, states: Sequence[Array]) -> bool:
    return any(np.may_share_memory(value, state) for state in states)

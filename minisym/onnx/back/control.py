"""Ops of ONNX that hold graphs: Scan, Loop and If become `foreach`, `while_loop` and `cond`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from minisym.control.branch import cond
from minisym.control.foreach import foreach
from minisym.control.while_loop import while_loop
from minisym.core.symbol import Symbol
from minisym.onnx.back.call import Call, Rule, Value, made
from minisym.onnx.read import Source

MOST_STEPS: Final = 1 << 20
"""The most steps that a loop may be bound by."""


def _body(c: Call, name: str, takes: int) -> Source:
    """Return a graph that the node holds, which has to take so many inputs."""
    found = c.attr(name)
    if not isinstance(found, Source):
        c.refuse(f"it holds no graph {name!r}")
    if len(found.inputs) != takes:
        c.refuse(f"its {name} takes {len(found.inputs)} inputs, but is given {takes}")
    return found


def _check_outputs(c: Call, made: int) -> None:
    """Refuse a node that has more outputs than its graph makes, or two of one name."""
    names = [name for name in c.record.outputs if name]
    if len(c.record.outputs) > made:
        c.refuse(f"it has {len(c.record.outputs)} outputs, but its graph makes {made}")
    if len(set(names)) < len(names):
        c.refuse("two of its outputs have one name")


def _symbols(c: Call, values: Sequence[Value]) -> list[Symbol]:
    """Return values of a body; what is known there becomes a parameter."""
    return [
        v if isinstance(v, Symbol) else c.parameter(f"{c.name}_constant{i}", v)
        for i, v in enumerate(values)
    ]


def _flipped(symbol: Symbol, directions: Sequence[int], i: int) -> Symbol:
    return made("reverse", symbol, axis=0) if i < len(directions) and directions[i] else symbol


def _scan(c: Call) -> list[Symbol]:
    count = int(c.attr("num_scan_inputs", 0))
    states = len(c) - count
    if not 0 < count <= len(c):
        c.refuse(f"it scans {count} of {len(c)} inputs")
    axes = [*(c.attr("scan_input_axes") or ()), *(c.attr("scan_output_axes") or ())]
    if any(axes):
        c.refuse("it scans along another axis than the first")
    body = _body(c, "body", len(c))
    _check_outputs(c, len(body.outputs))
    for which in ("scan_input_directions", "scan_output_directions"):
        if odd := {*(c.attr(which) or ())} - {0, 1}:
            c.refuse(f"its {which} hold {odd.pop()}, and 0 and 1 are all that there are")
    told = c.attr("scan_input_directions") or ()
    data = [_flipped(c.symbol(states + i), told, i) for i in range(count)]

    def step(elements: list[Symbol], before: list[Symbol]) -> tuple[list[Symbol], list[Symbol]]:
        given = _symbols(c, c.inside(body, [*before, *elements]))
        return given[states:], given[:states]

    stacked, final = foreach(step, data, [c.symbol(i) for i in range(states)], name=c.name)
    told = c.attr("scan_output_directions") or ()
    return [*final, *(_flipped(one, told, i) for i, one in enumerate(stacked))]


def _loop(c: Call) -> list[Symbol]:
    body = _body(c, "body", len(c))
    _check_outputs(c, len(body.outputs) - 1)
    starts = [c.symbol(i) for i in range(2, len(c))]
    most = c.known(0)
    if most is None or most.item() > MOST_STEPS:
        c.refuse("it says no bound of its steps, and what each begins with is kept for a gradient")
    begins = c.known(1)
    tests = not _stays(body) or (c.has(1) and (begins is None or not begins.all()))
    if tests and len(body.outputs) > len(c) - 1:
        c.refuse("it stacks what it makes over a number of steps that varies")
    number = made("_zeros", shape=(1,), dtype="int64")
    going = _number(c.symbol(1)) if tests and c.has(1) else made("_ones", shape=(1,))

    def step(going: Symbol, number: Symbol, *before: Symbol) -> tuple[list[Symbol], list[Symbol]]:
        more, *made_now = _symbols(c, c.inside(body, [number, going, *before]))
        still = made("identity", going)  # it is 1 in a step
        if tests:
            still = made("broadcast_mul", still, _number(more))
        states = len(before)
        return made_now[states:], [still, number + 1, *made_now[:states]]

    stacked, (_, _, *final) = while_loop(
        lambda going, *_: going, step, [going, number, *starts], max(0, int(most.item())), c.name
    )
    return [*final, *stacked]


def _stays(body: Source) -> bool:
    """Return whether a body ends nothing: its test is that which it was given, or true."""
    _, going, *_ = body.inputs
    makers = {name: record for record in body.records for name in record.outputs}
    name = body.outputs[0]
    while name in makers and makers[name].op == "Identity":
        name = makers[name].inputs[0]
    held = body.constants.get(name)
    if name in makers and makers[name].op == "Constant":
        held = makers[name].attrs.get("value")
    return name == going or (held is not None and bool(np.all(held)))


def _number(test: Symbol) -> Symbol:
    """Return a test as one number, which the loop's own variables are."""
    return made("Cast", made("Reshape", test, shape=(1,)), dtype="float32")


def _if(c: Call) -> Any:
    then, other = _body(c, "then_branch", 0), _body(c, "else_branch", 0)
    if len(then.outputs) != len(other.outputs):
        c.refuse(f"one branch makes {len(then.outputs)} outputs, the other {len(other.outputs)}")
    _check_outputs(c, len(then.outputs))
    known = c.known(0)
    if known is not None and (known.size != 1 or known.dtype != bool):
        c.refuse(f"its condition is no single truth value, but {known.dtype} of {known.shape}")
    if known is not None:
        return c.inside(then if known.all() else other, [])
    found = cond(
        c.symbol(0),
        lambda: _symbols(c, c.inside(then, [])),
        lambda: _symbols(c, c.inside(other, [])),
        name=c.name,
    )
    return found if isinstance(found, list) else [found]


RULES: Final[dict[str, Rule]] = {"Scan": _scan, "Loop": _loop, "If": _if}

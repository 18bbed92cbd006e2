"""What a group of elementwise nodes runs: one tape of all that its nodes do.

A node's steps are those that it would have alone, on stand-ins for its arrays; what they read and
write is looked up in the graph. So a group calls the same ufuncs in the same order, and has the
same bits.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any, Final

import numpy as np

from minisym.core.graph import Graph
from minisym.core.kernels import Step
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.core.op import Op, Params, Rule, is_own
from minisym.core.shapes import is_known
from minisym.ops.numeric.tape import Instruction, Tape, Traced, UntraceableError
from minisym.passes.group import Body, group, group_op
from minisym.passes.purpose import Purpose
from minisym.passes.typed import Typed
from minisym.runtime.program import is_compiled
from minisym.runtime.schedule import likely_order
from minisym.runtime.steps import positional, steps_of
from minisym.runtime.taped import is_worth_compiling, is_worth_sharing

LEAST: Final = 8 << 10
"""Elements of the smallest arrays that are looked at where loops are compiled."""
LARGE: Final = 64 << 10
"""And of those that are looked at elsewhere: smaller ones fill no cache."""
SLACK: Final = 0.02
"""What a graph with groups may need more memory than without, which is next to nothing."""
CACHE: Final = 16 << 20
"""Bytes that a cache holds: arrays that are larger together gain by pieces."""


def tape_of(
    body: Body, inputs: Sequence[Array], outs: Sequence[Array], *, is_train: bool
) -> Tape | None:
    """Return the tape of a body; None if one of its nodes has none."""
    calls: list[Instruction] = []
    graph = body.graph
    variables = [Entry(node) for node in graph.variables]
    values = {entry: Traced(calls, a.dtype) for entry, a in zip(variables, inputs, strict=True)}
    for node in body.nodes:
        read = [values[entry] for entry in node.inputs]
        made = write_down(node, read, body.dtypes[Entry(node)], calls, is_train=is_train)
        if made is None:
            return None
        values[Entry(node)] = made
    held = {
        values[entry].identity: array
        for entry, array in zip((*variables, *graph.outputs), (*inputs, *outs), strict=True)
    }
    outputs = tuple(values[entry].identity for entry in graph.outputs)
    names = {values[entry].identity: entry.name for entry in variables}
    return Tape([], calls, held, outputs, "group", names)


def prepare_group(
    body: Body,
    inputs: Sequence[Array],
    outs: Sequence[Array],
    *,
    params: Params,
    is_train: bool,
    state: dict[str, Any],
) -> tuple[Tape]:
    """Return what a run of a group is made of."""
    del params, state
    tape = tape_of(body, inputs, outs, is_train=is_train)
    assert tape is not None, "group_elementwise takes none into a group that has no tape"
    return (tape,)


def group_elementwise(typed: Typed, purpose: Purpose) -> Typed:
    """Put elementwise nodes on large arrays into groups; see `minisym.passes.group`."""
    least = LEAST if is_worth_compiling(LEAST) else LARGE
    if not any(is_known(shape) and prod(shape) >= least for shape in set(typed.shapes.values())):
        return typed
    forward = set(Graph(typed.graph.outputs[: purpose.heads]))

    def kind_of(node: Node) -> Any:
        """Return shape and order in memory, and whether the node is run before the gradients."""
        entry = Entry(node)
        shape, is_last = typed.shapes[entry], entry in typed.last
        if not is_known(shape) or prod(shape) < least or not _may_join(node):
            return None
        if any((e in typed.last) != (is_last and typed.shapes[e] == shape) for e in node.inputs):
            return None  # its values lie in several orders: so NumPy goes slowly over pieces, too
        takes = [typed.dtypes[e] for e in node.inputs]
        return (
            (shape, is_last, node in forward)
            if _has_tape(node, takes, typed.dtypes[entry])
            else None
        )

    kinds = {node: kind_of(node) for node in typed.graph if node.op is not None}
    if not any(kinds.values()):
        return typed
    order, nbytes = likely_order(typed, purpose.heads)
    found = group(typed, kinds.__getitem__, _op_of, order)
    if found is not typed and likely_order(found, purpose.heads)[1] > nbytes * (1 + SLACK):
        return typed
    return found


def _may_join(node: Node) -> bool:
    """Return whether a node is elementwise, and nothing else."""
    op = node.op
    assert op is not None
    return (
        op.single
        and (op.elementwise or op.stretches)
        and not (op.writes or op.loss or op.has_effects or node.computed)
        and op.needs <= {"is_train"}
    )


def _op_of(body: Body) -> Op | None:
    """Return the op of a group, if it is worth while."""
    nodes = len(body.nodes)
    size = prod(body.shapes[body.graph.outputs[0]])
    live = sum(body.nbytes(entry) for entry in body.shapes)
    gains = nodes > 1 and (live >= CACHE or is_worth_compiling(size))
    return group_op(body, prepare_group) if gains or is_worth_sharing(size, nodes) else None


def _has_tape(node: Node, takes: Iterable[np.dtype[Any]], gives: np.dtype[Any]) -> bool:
    """Return whether all that a node does can be written down, in either mode."""
    assert node.op is not None
    values = [Traced([], dtype) for dtype in takes]
    modes = (False, True) if node.op.needs else (False,)
    return all(write_down(node, values, gives, [], is_train=mode) is not None for mode in modes)


def write_down(
    node: Node,
    inputs: Sequence[Traced],
    dtype: np.dtype[Any],
    tape: list[Instruction],
    *,
    is_train: bool,
) -> Traced | None:
    """Add to a tape what a node does, and return what it makes; None if that cannot be told."""
    # they lie apart in memory, so that no step sees them as rows
    arrays = [np.empty(4, x.dtype)[::2] for x in inputs]
    out, result = np.empty(4, dtype)[::2], Traced(tape, dtype)
    steps = steps_of(node, arrays, [out], is_train=is_train)
    calls = _calls_of_steps(
        steps, {id(a): x for a, x in zip((*arrays, out), (*inputs, result), strict=True)}
    )
    if calls is None:
        calls = _calls_of_kernel(node, inputs, result, is_train=is_train)
    if calls is None or all(one.result is not result for one in calls):
        return None
    tape += calls
    return result


def _calls_of_steps(steps: Sequence[Step], known: dict[int, Traced]) -> list[Instruction] | None:
    """Return what steps do, on the values that stand behind their arrays."""
    calls = []
    for function, arguments in steps:
        if not is_compiled(function):
            return None
        one = _parts(function, arguments)
        if one is None:
            return None
        called, read, target = one
        if any(id(a) not in known and a.ndim for a in read):
            return None  # a view, or a table: nobody knows what it holds
        if id(target) not in known and target.base is not None:
            return None
        operands = tuple(known.get(id(a), a) for a in read)
        result = known.setdefault(id(target), Traced([], target.dtype))
        types = _types(called, read) if isinstance(called, np.ufunc) else ()
        calls.append(Instruction(called, operands, result, types))
    return calls


def _parts(
    function: Callable[..., Any], arguments: Sequence[Any]
) -> tuple[Callable[..., Any], tuple[Array, ...], Array] | None:
    """Return what a step calls, what this reads, and what it fills."""
    if function is operator.setitem:
        target, where, value = arguments
        return (function, (value,), target) if where is ... else None
    options: Mapping[str, Any] = {}
    called: Any = function
    if isinstance(function, partial):
        called, arguments = function.func, (*function.args, *arguments)
        options = function.keywords
    if options.keys() == {"out", "where", "casting"} and called is np.positive:
        return operator.setitem, (arguments[0], options["where"]), options["out"]
    if options.keys() == {"out"}:
        arguments = (*arguments, options["out"])
    elif options:
        return None
    if called.nout != 1 or len(arguments) != called.nargs:
        return None
    return called, tuple(arguments[:-1]), arguments[-1]


def _types(ufunc: np.ufunc, read: Sequence[Array]) -> tuple[np.dtype[Any], ...]:
    return ufunc.resolve_dtypes((*(a.dtype for a in read), None))


def _calls_of_kernel(
    node: Node, inputs: Sequence[Traced], result: Traced, *, is_train: bool
) -> list[Instruction] | None:
    """Return what a kernel of minisym's own does, by running it on values without arrays."""
    op = node.op
    assert op is not None
    if not is_own(op) or not isinstance(op.kernel, Rule):
        return None
    calls: list[Instruction] = []
    values: list[Any] = [Traced(calls, x.dtype) for x in inputs]
    out = Traced(calls, result.dtype)
    runtime = {"out": out, "is_train": is_train}
    wanted = op.kernel.wants
    if not node.params.keys() | runtime.keys() >= {*wanted}:
        return None
    given = {n: node.params[n] if n in node.params else runtime[n] for n in wanted}
    try:
        op.kernel.function(*positional(op, node.input_names(), values), **given)
    except UntraceableError:
        return None
    real = {x.identity: y for x, y in zip((*values, out), (*inputs, result), strict=True)}
    return [
        Instruction(
            one.function,
            tuple(real.get(x.identity, x) if isinstance(x, Traced) else x for x in one.operands),
            real.get(one.result.identity, one.result),
            one.types,
        )
        for one in calls
    ]

"""The same ops on NumPy arrays, at once: what `ms.nd` offers.

`ms.nd.tanh(x)` infers the result's shape and type by the op's own rules, runs its kernel and
returns an `NDArray`. With `out=` the result is written into an existing array. States (`mom`,
`mean`, …) are written in place; a weight is written only by `out=weight`, as in MXNet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from inspect import Parameter, Signature
from typing import Any

import numpy as np

from minisym.core.compose import compose
from minisym.core.context import Context
from minisym.core.errors import ArrayTypeError, BindError, ParamError
from minisym.core.functions import signature as symbolic_signature
from minisym.core.graph import Graph
from minisym.core.ndarray import Array, NDArray
from minisym.core.node import Entry, Node
from minisym.core.op import Op, is_own
from minisym.core.shapes import is_known, show
from minisym.core.symbol import Symbol
from minisym.core.variable import Variable
from minisym.core.words import docstring
from minisym.passes.typed import Typed
from minisym.runtime.late import make_plan
from minisym.runtime.program import Commit, move


def invoke(
    op: Op, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any = None
) -> Array | list[Array]:
    """Run one op on arrays; return its visible outputs, a list if there are several."""
    arrays: dict[str, Array] = {}

    def enter(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        name = f"input{len(arrays)}"
        arrays[name] = value
        return Variable(name)

    def enter_all(value: Any) -> Any:
        if isinstance(value, list) and value and all(isinstance(v, np.ndarray) for v in value):
            return [enter(item) for item in value]
        return enter(value)

    symbol = compose(
        op,
        op.name,
        [enter_all(value) for value in args],
        {key: enter_all(value) for key, value in kwargs.items()},
        name=op.name,
    )
    return _run(symbol, arrays, out)


def _run(symbol: Symbol, arrays: Mapping[str, Array], out: Any) -> Array | list[Array]:
    node = symbol.entries[0].node
    graph = Graph(tuple(Entry(node, i) for i in range(node.num_outputs)))
    bound: dict[Node, Array] = {}
    for variable in graph.variables:
        if variable.name not in arrays:
            assert node.op is not None
            message = (
                f"{node.op.name}: input {variable.name.removeprefix(node.name + '_')} is missing"
            )
            raise BindError(message, hint=f"it takes {', '.join(node.input_names())}")
        bound[variable] = arrays[variable.name]
    typed = _typed(graph, bound)
    plan = make_plan(typed, bound, len(graph.outputs), in_place=False)
    plan.run(plan.program(is_train=False).steps[0])
    visible = [plan.arrays[entry] for entry in symbol.entries]
    targets = [] if out is None else list(out) if isinstance(out, list | tuple) else [out]
    commits: list[Commit] = []
    for i, target in enumerate(targets[: len(visible)]):
        _check_out(node, target, visible[i], i)
        commits.append(move(node, target.view(np.ndarray), visible[i]))
        visible[i] = target
    written = plan.writes.writes
    for write in written:
        is_state = write.variable in graph.auxiliary
        target = bound[write.variable]
        if is_state and not any(target is t for t in targets):
            commits.append(move(node, target.view(np.ndarray), plan.arrays[write.entry]))
    plan.run(commits=commits)
    # as in NumPy, what was given as out= comes back itself
    found = [array if i < len(targets) else NDArray.of(array) for i, array in enumerate(visible)]
    return found[0] if len(found) == 1 else found


def _typed(graph: Graph, bound: Mapping[Node, Array]) -> Typed:
    typed = Typed.of(graph, bound)
    for entry in graph.outputs:
        shape = typed.shapes[entry]
        assert entry.node.op is not None
        if not is_known(shape) and entry.node.op.measure is None:
            message = f"the shape of {entry.name} does not follow from the inputs: {show(shape)}"
            raise BindError(message)
    return typed


def _check_out(node: Node, target: Any, value: Array, position: int) -> None:
    subject = f"{node.name}: out" if node.num_outputs == 1 else f"{node.name}: out[{position}]"
    fits = f"np.empty({show(value.shape)}, np.{value.dtype})"
    if not isinstance(target, np.ndarray):
        raise ArrayTypeError(
            f"{subject} must be a NumPy array, but got {type(target).__name__}", hint=fits
        )
    if target.shape != value.shape or target.dtype != value.dtype:
        raise BindError(
            f"{subject} has shape {show(target.shape)} and type {target.dtype}, "
            f"but the result has {show(value.shape)} and {value.dtype}",
            hint=fits,
        )
    if not target.flags.writeable:
        raise BindError(f"{subject} is read-only", hint="pass a copy")


def function_of(op: Op, called: str) -> Callable[..., Any]:
    """Return the function that runs an op at once."""
    return _kept(op, called) if is_own(op) else _made(op, called)


def _made(op: Op, called: str) -> Callable[..., Any]:
    def function(*args: Any, out: Any = None, name: str | None = None, **kwargs: Any) -> Any:
        del name
        kwargs.pop("ctx", None)
        return invoke(op, args, kwargs, out)

    function.__name__ = function.__qualname__ = called
    function.__module__ = "minisym.nd"
    function.__doc__ = docstring(op, "NDArray")
    parameters = [
        p.replace(annotation=Any if p.annotation == Symbol | None else p.annotation)
        for p in symbolic_signature(op).parameters.values()
        if p.name not in ("name", "attr")
    ]
    behind = len(parameters) - (op.choose is not None)  # that one ends in **kwargs
    target = Parameter("out", Parameter.KEYWORD_ONLY, default=None, annotation=Any)
    parameters.insert(behind, target)
    function.__signature__ = Signature(parameters, return_annotation=NDArray)  # type: ignore[attr-defined]
    function.op = op  # type: ignore[attr-defined]
    return function


_kept = cache(_made)


# ------------------------------------------------------------------------------- making arrays


def array(source_array: Any, ctx: Context | None = None, dtype: Any = None) -> NDArray:
    """Return a new array; float32 unless `dtype` says otherwise, or the source is an NDArray.

    A NumPy array does not keep its type, as in MXNet.

    >>> array([1, 2]), array(np.arange(2)), array(np.arange(2), dtype="int64")
    (NDArray([1., 2.], dtype=float32), NDArray([0., 1.], dtype=float32), NDArray([0, 1]))

    Raises
    ------
    ArrayTypeError
        The source is no array of numbers.
    """
    del ctx
    if dtype is None:
        dtype = source_array.dtype if isinstance(source_array, NDArray) else np.float32
    try:
        with np.errstate(all="ignore"):
            return np.array(source_array, dtype=dtype, order="C", subok=False).view(NDArray)
    except (TypeError, ValueError) as error:
        message = f"nd.array: {source_array!r:.60} is no array of numbers: {error}"
        raise ArrayTypeError(message) from None


def zeros(shape: Any, ctx: Context | None = None, dtype: Any = None) -> NDArray:
    """Return an array of zeros, float32 unless `dtype` says otherwise."""
    del ctx
    return _new("zeros", np.zeros, shape, dtype)


def ones(shape: Any, ctx: Context | None = None, dtype: Any = None) -> NDArray:
    """Return an array of ones, float32 unless `dtype` says otherwise."""
    del ctx
    return _new("ones", np.ones, shape, dtype)


def full(
    shape: Any, val: Any, ctx: Context | None = None, dtype: Any = None, out: Any = None
) -> NDArray:
    """Return an array filled with one value, float32 unless `dtype` says otherwise."""
    made = empty(shape, ctx, dtype) if out is None else NDArray.of(out)
    made[:] = val
    return made


def empty(shape: Any, ctx: Context | None = None, dtype: Any = None) -> NDArray:
    """Return an array whose values are arbitrary, float32 unless `dtype` says otherwise.

    >>> import minisym as ms
    >>> ms.nd.empty((2, 3)).shape
    (2, 3)
    """
    del ctx
    return _new("empty", np.empty, shape, dtype)


def _new(what: str, make: Callable[..., Array], shape: Any, dtype: Any) -> NDArray:
    try:
        return make(shape, dtype or np.float32).view(NDArray)
    except (TypeError, ValueError, MemoryError) as error:
        raise ParamError(
            f"nd.{what}: there is no array of shape {shape!r:.60} and type {dtype or 'float32'}: "
            f"{error}",
            hint='a shape is a tuple of sizes, (2, 3); a type is a name, "float32"',
        ) from None


def arange(
    start: float,
    stop: float | None = None,
    step: float = 1.0,
    repeat: int = 1,
    ctx: Context | None = None,
    dtype: Any = None,
) -> NDArray:
    """Return evenly spaced values in [start, stop), each repeated.

    >>> arange(3)
    NDArray([0., 1., 2.], dtype=float32)
    """
    del ctx
    low, high = (0, start) if stop is None else (start, stop)
    if not step:
        raise ParamError("nd.arange: step must not be 0", hint="nd.full repeats one value")
    even = int(step) if float(step).is_integer() else step  # integers stay exact beyond 2**53
    values = np.arange(low, high, even, dtype=dtype or np.float32)
    return NDArray.of(np.repeat(values, repeat))


def waitall() -> None:
    """Do nothing: every call has finished when it returns."""

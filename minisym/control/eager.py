"""`nd.contrib.foreach`, `while_loop` and `cond`: the same loops over arrays, at once.

There is no graph here: the functions that are passed are called with arrays, step by step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minisym.control.scan import unstacked
from minisym.core.errors import ArrayTypeError, ParamError
from minisym.core.ndarray import Array, NDArray


def _map(function: Callable[..., Any], *nested: Any) -> Any:
    """Call a function with the arrays at each place of nested lists."""
    if isinstance(nested[0], list | tuple):
        return [_map(function, *parts) for parts in zip(*nested, strict=True)]
    if not isinstance(nested[0], np.ndarray):
        message = f"a loop takes arrays and lists of them, but got {nested[0]!r:.60}"
        raise ArrayTypeError(message)
    return function(*nested)


def _first(nested: Any) -> Array:
    while isinstance(nested, list | tuple):
        if not nested:
            raise ArrayTypeError("foreach: there is no data to loop over")
        nested = nested[0]
    return np.asarray(nested)


def foreach(
    body: Callable[[Any, Any], tuple[Any, Any]], data: Any, init_states: Any
) -> tuple[Any, Any]:
    """Call a body for each element along the first axis; return stacked outputs and states.

    >>> import minisym as ms, numpy as np
    >>> data, start = np.array([1.0, 2.0, 3.0]), np.array([0.5])
    >>> ms.nd.contrib.foreach(lambda x, s: (x + s, x + s), data, start)
    (NDArray([[1.5],
              [3.5],
              [6.5]]), NDArray([6.5]))
    """
    steps, states = [], init_states
    for t in range(len(_first(data))):
        element = _map(lambda array, t=t: array[t].reshape(unstacked(array.shape)), data)
        outputs, states = body(element, states)
        steps.append(outputs)
    return _stack(steps, len(steps)), _map(NDArray.of, states)


def while_loop(
    cond: Callable[..., Array],
    func: Callable[..., tuple[Any, Any]],
    loop_vars: Any,
    max_iterations: int | None = None,
) -> tuple[Any, Any]:
    """Call a function while a condition holds; return stacked outputs and loop variables.

    >>> import minisym as ms, numpy as np
    >>> ms.nd.contrib.while_loop(lambda x: x < 9, lambda x: (x, x * x), np.array([2.0]), 3)
    (NDArray([[2.],
              [4.],
              [0.]]), NDArray([16.]))
    """
    if not isinstance(max_iterations, int) or max_iterations < 0:
        message = f"while_loop: max_iterations must be an int, but got {max_iterations!r}"
        raise ParamError(message)
    steps: list[Any] = []
    variables = loop_vars
    for _ in range(max_iterations):
        arguments = variables if isinstance(variables, list | tuple) else [variables]
        if not np.asarray(cond(*arguments)).item():
            break
        outputs, variables = func(*arguments)
        steps.append([] if outputs is None else outputs)
    return _stack(steps, max_iterations), _map(NDArray.of, variables)


def cond(
    pred: Array, then_func: Callable[[], NDArray], else_func: Callable[[], NDArray]
) -> NDArray | list[Any]:
    """Call one of two functions, by whether an array of one element is 0.

    >>> import minisym as ms, numpy as np
    >>> x = ms.nd.array([1.0])
    >>> ms.nd.contrib.cond(x < 2, lambda: x + 1, lambda: x - 1)
    NDArray([2.], dtype=float32)
    """
    return then_func() if np.asarray(pred).item() else else_func()


def _stack(steps: list[Any], length: int) -> Any:
    """Stack what each step gave, with zeros behind the last one."""

    def stack(*arrays: Array) -> NDArray:
        found = np.zeros((length, *arrays[0].shape), arrays[0].dtype)
        found[: len(arrays)] = arrays
        return NDArray.of(found)

    return _map(stack, *steps) if steps else []

"""From one node and its arrays to the steps that compute it.

A step is a function and its arguments, bound to the very arrays that it reads and writes: running
it is `function(*arguments)`. Most elementwise nodes are one NumPy ufunc; other ops are their kernel
with everything but the inputs filled in, or the steps that the op itself declares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import BuiltinFunctionType
from typing import Any

import numpy as np

from minisym.core import random
from minisym.core.kernels import native, step
from minisym.core.ndarray import Array
from minisym.core.op import FROM_INPUT, Op, Params, Rule

Step = tuple[Callable[..., Any], tuple[Any, ...]]


def steps_of(
    op: Op,
    params: Params,
    names: Sequence[str],
    inputs: Sequence[Array],
    outs: Sequence[Array],
    *,
    is_train: bool,
) -> list[Step]:
    """Return the steps that fill `outs` from `inputs`, which are called `names`."""
    inputs, names, params = _fed(inputs, names, params)
    found = declared_steps(op, params, names, inputs, outs, is_train=is_train)
    if found is not None:
        return found
    if op.ufunc is not None and native(op.ufunc, *(a.dtype for a in inputs), outs[0].dtype):
        return [step(op.ufunc, *inputs, out=outs[0])]
    kernel = op.kernel
    assert isinstance(kernel, Rule)
    runtime = {
        "out": outs[0] if len(outs) == 1 else tuple(outs),
        "is_train": is_train,
        "rng": random.generator,
    }
    bound = {n: params[n] if n in params else runtime[n] for n in kernel.wants}
    return [(partial(kernel.function, **bound), positional(op, names, inputs))]


def steps_in_place(
    op: Op, params: Params, names: Sequence[str], inputs: Sequence[Array], outs: Sequence[Array]
) -> list[Step] | None:
    """Return the steps of an update that may run in a commit; None if there are none.

    They overwrite their inputs, and run no Python, so that nothing can come between two of them.
    """
    inputs, names, params = _fed(inputs, names, params)
    found = declared_steps(op, params, names, inputs, outs, is_train=False)
    return found if found is not None and all(_is_compiled(f) for f, _ in found) else None


def _is_compiled(function: Callable[..., Any]) -> bool:
    inner = function.func if isinstance(function, partial) else function
    return isinstance(inner, np.ufunc | BuiltinFunctionType) or inner is np.copyto


def declared_steps(
    op: Op,
    params: Params,
    names: Sequence[str],
    inputs: Sequence[Array],
    outs: Sequence[Array],
    *,
    is_train: bool,
) -> list[Step] | None:
    """Return the steps that the op itself declares."""
    if op.prepare is None:
        return None
    found = op.prepare(inputs, outs, params=params, is_train=is_train)
    return None if found is None else list(found)


def _fed(
    inputs: Sequence[Array], names: Sequence[str], params: Params
) -> tuple[Sequence[Array], Sequence[str], Params]:
    """Take the parameters that the graph computes from the inputs."""
    if FROM_INPUT in params.values():
        # a computed parameter is read when the step runs, as an array of one element
        fed = {
            n: a.reshape(())
            for n, a in zip(names, inputs, strict=True)
            if params.get(n) is FROM_INPUT
        }
        count = len(inputs) - len(fed)
        return inputs[:count], names[:count], {**params, **fed}
    return inputs, names, params


def positional(op: Op, names: Sequence[str], inputs: Sequence[Array]) -> tuple[Any, ...]:
    """Return the kernel's positional arguments: None for inputs that do not exist."""
    if op.variadic or len(inputs) == len(op.inputs):
        return tuple(inputs)
    present = dict(zip(names, inputs, strict=True))
    return tuple(present.get(spec.name) for spec in op.inputs)

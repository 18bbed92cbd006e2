"""From one node and its arrays to the steps that compute it.

A step is a function and its arguments, bound to the very arrays that it reads and writes: running
it is `function(*arguments)`. Most elementwise nodes are one NumPy ufunc; other ops are their kernel
with everything but the inputs filled in, or the steps that the op itself declares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from minisym import random
from minisym.define import Rule
from minisym.families import native, step
from minisym.ndarray import Array
from minisym.op import FROM_INPUT, Op, Params

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
    """Return the steps that fill `outs` from `inputs`.

    `names` are the op's names for the inputs. Only the last step writes the output of an op that
    has one and several steps, unless the kernel itself writes it piece by piece.
    """
    if FROM_INPUT in params.values():
        # a computed parameter is read when the step runs, as an array of one element
        fed = {
            n: a.reshape(())
            for n, a in zip(names, inputs, strict=True)
            if params.get(n) is FROM_INPUT
        }
        inputs = inputs[: len(inputs) - len(fed)]
        names = names[: len(names) - len(fed)]
        params = {**params, **fed}
    if op.prepare is not None:
        found = op.prepare(inputs, outs, params=params, is_train=is_train)
        if found is not None:
            return list(found)
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


def positional(op: Op, names: Sequence[str], inputs: Sequence[Array]) -> tuple[Any, ...]:
    """Return the kernel's positional arguments: None for inputs that do not exist."""
    if op.variadic or len(inputs) == len(op.inputs):
        return tuple(inputs)
    present = dict(zip(names, inputs, strict=True))
    return tuple(present.get(spec.name) for spec in op.inputs)


def constant(value: float, dtype: np.dtype[Any]) -> Array:
    """Return a scalar as a 0-d array: as an operand it costs half of what a Python float costs."""
    return np.array(value).astype(dtype)

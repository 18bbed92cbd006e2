"""From one node and its arrays to the steps that compute it.

A step is a function and its arguments, bound to the very arrays that it reads and writes: running
it is `function(*arguments)`. Most elementwise nodes are one NumPy ufunc; other ops are their kernel
with everything but the inputs filled in, or the steps that the op itself declares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from minisym.core import random
from minisym.core.errors import DeclarationError, MinisymError
from minisym.core.kernels import Step, native, step
from minisym.core.ndarray import Array
from minisym.core.node import Node
from minisym.core.op import Op, Params, Rule, is_own
from minisym.ops.numeric.tape import Tape
from minisym.passes import verify
from minisym.runtime.checked import checked, filling
from minisym.runtime.peers import Peers
from minisym.runtime.pieces import Scratch
from minisym.runtime.program import is_compiled
from minisym.runtime.taped import steps_of_work


def steps_of(
    node: Node,
    inputs: Sequence[Array],
    outs: Sequence[Array],
    *,
    is_train: bool,
    state: dict[str, Any] | None = None,
    scratch: Scratch | None = None,
    comm: Peers | None = None,
) -> list[Step]:
    """Return the steps that fill `outs` from `inputs`.

    `state` is what the op keeps from run to run, `scratch` is room that it shares with others,
    `comm` are the processes that run the same graph.
    """
    op = node.op
    assert op is not None
    if outs and not op.has_effects and not any(out.size for out in outs):
        return []
    inputs, names, params = fed(node, inputs)
    runtime = {
        "out": outs[0] if len(outs) == 1 else tuple(outs),
        "is_train": is_train,
        "rng": random.generator,
        "state": {} if state is None else state,
        "comm": comm,
    }
    found = declared_steps(op, params, inputs, outs, runtime)
    if found is not None:
        return list(steps_of_work(found, scratch))
    if op.ufunc is not None and native(op.ufunc, *(a.dtype for a in inputs), outs[0].dtype):
        return [step(op.ufunc, *inputs, out=outs[0])]
    kernel = op.kernel
    assert isinstance(kernel, Rule)
    bound = {n: params[n] if n in params else runtime[n] for n in kernel.wants}
    call: Step = partial(kernel.function, **bound), positional(op, names, inputs)
    if verify.is_on():
        return [checked(node, call, outs)]
    return [call] if is_own(op) else [filling(node, call, outs)]


def steps_in_place(
    node: Node, inputs: Sequence[Array], outs: Sequence[Array]
) -> list[Step | Tape] | None:
    """Return the steps and tapes of an update that may run in a commit; None if there are none.

    They overwrite their inputs, and run no Python, so that nothing can come between two of them.
    """
    op = node.op
    assert op is not None
    inputs, _, params = fed(node, inputs)
    found = declared_steps(op, params, inputs, outs, {"is_train": False, "state": {}})
    if found is None or not all(isinstance(one, Tape) or is_compiled(one[0]) for one in found):
        return None
    return found


def declared_steps(
    op: Op,
    params: Params,
    inputs: Sequence[Array],
    outs: Sequence[Array],
    runtime: Mapping[str, Any],
) -> list[Step | Tape] | None:
    """Return the steps and tapes that the op itself declares."""
    if op.prepare is None:
        return None
    given = {name: runtime[name] for name in ("is_train", "state")}
    try:
        found = op.prepare(inputs, outs, params=params, **given)
        return None if found is None else list(found)
    except MinisymError:
        raise
    except Exception as error:
        raise DeclarationError(
            f"{op.name}: its steps rule fails: {type(error).__name__}: {error}",
            hint="it returns pairs, (function, arguments), or None where it has no steps",
        ) from error


def fed(node: Node, inputs: Sequence[Array]) -> tuple[Sequence[Array], Sequence[str], Params]:
    """Take the parameters that the graph computes from the inputs."""
    names, params, computed = node.input_names(), node.params, node.computed
    if not computed:
        return inputs, names, params
    # a computed parameter is read when the step runs, as an array of one element
    count = len(inputs) - len(computed)
    fed = {name: a.reshape(()) for name, a in zip(computed, inputs[count:], strict=True)}
    return inputs[:count], names[:count], {**params, **fed}


def positional(op: Op, names: Sequence[str], inputs: Sequence[Array]) -> tuple[Any, ...]:
    """Return the kernel's positional arguments: None for inputs that do not exist."""
    if op.variadic or len(inputs) == len(op.inputs):
        return tuple(inputs)
    present = dict(zip(names, inputs, strict=True))
    return tuple(present.get(spec.name) for spec in op.inputs)

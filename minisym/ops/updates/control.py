r"""What a training step needs around its updates: conditions, sums over micro-batches, loss scales.

Each is a node as any other, so that skipping a step, adding up gradients and scaling a loss are
seen in the graph. `ms.optimizer` composes them; see `Optimizer.minimize`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import numpy as np

from minisym.core.families import Elements
from minisym.core.kernels import Step, assignment
from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.ops.updates.common import Number, floating, update

_FLOAT32 = np.dtype(np.float32)
_X = np.array([1.0, 2.0])
_Y = np.array([3.0, 4.0])


def _alike(*names: str) -> Any:
    """Make the rule: these slots are one."""

    def rule(s: Any) -> None:
        """Rule: all arrays have one shape."""
        for name in names:
            for other in names:
                setattr(s, other, getattr(s, name))

    return rule


@update(
    writes=("weight",),
    samples=(
        Sample((_X, _Y), reference=lambda weight, value: value),
        Sample((_X.astype(np.float16), _Y.astype(np.float32)), wrt=()),
    ),
)
def assign(
    weight: Annotated[Array, "The variable; overwritten with the value."],
    value: Annotated[Array, "The new value, of the same shape."],
    *,
    out: Array,
) -> None:
    r"""Write a value into a variable, $w \leftarrow x$, in the variable's floating type.

    With it any formula becomes an update.

    Examples
    --------
    >>> import numpy as np
    >>> from minisym import sym
    >>> w = sym.Variable("w")
    >>> array = np.array([2.0])
    >>> _ = sym.assign(w, w * w).bind(args={"w": array}).forward()
    >>> array
    array([4.])
    """
    out[...] = value


@assign.steps
def _(inputs: Sequence[Array], outs: Sequence[Array]) -> Iterator[Step]:
    yield assignment(outs[0], inputs[1])


assign.shape(_alike("weight", "value", "output"))


@assign.dtype
def _(t: Any) -> None:
    floating(t, "weight", "output")
    floating(t, "value")


@update(
    writes=("state",),
    states=("state",),
    samples=(
        Sample((_X, _Y), reference=lambda state, value: value),
        Sample((_X.astype(np.float16), _Y.astype(np.float32)), wrt=()),
    ),
)
def keep(
    state: Annotated[Array, "The state, an auxiliary one; overwritten with the value."],
    value: Annotated[Array, "The new value, of the same shape."],
    *,
    out: Array,
) -> None:
    r"""Write a value into an auxiliary state, $s \leftarrow x$, in the state's floating type.

    It is `assign` for what is no parameter: `list_auxiliary_states` has it, `list_arguments` not.

    Examples
    --------
    >>> import numpy as np
    >>> from minisym import sym
    >>> count = sym.Variable("count")
    >>> executor = sym.keep(count, count + 1).bind(aux_states={"count": np.zeros(1)})
    >>> _ = executor.forward(), executor.forward()
    >>> executor.aux_dict["count"]
    NDArray([2.])
    """
    out[...] = value


@keep.steps
def _(inputs: Sequence[Array], outs: Sequence[Array]) -> Iterator[Step]:
    yield assignment(outs[0], inputs[1])


keep.shape(_alike("state", "value", "output"))


@keep.dtype
def _(t: Any) -> None:
    floating(t, "state", "output")
    floating(t, "value")


@update(
    writes=("weight",),
    samples=(
        Sample((_X, _Y, np.ones(1)), reference=lambda new, old, condition: new),
        Sample((_X, _Y, np.zeros(1)), reference=lambda new, old, condition: old),
    ),
)
def conditional_update(
    weight: Annotated[Array, "The new value, what an update gives; its variable is overwritten."],
    old: Annotated[Array, "The variable itself, the old value."],
    condition: Annotated[Array, "One number, (1,): 0 keeps the old value."],
    *,
    out: Array,
) -> None:
    r"""Let a write happen only where a condition holds: the new value if it is not 0, else the old.

    `weight` is the output of the update that is to be made conditional, `old` the variable itself.

    Examples
    --------
    >>> import numpy as np
    >>> from minisym import sym
    >>> w, ok = sym.Variable("w"), sym.Variable("ok")
    >>> step = sym.conditional_update(sym.sgd_update(w, sym.Variable("g"), lr=1), w, ok)
    >>> arrays = {"w": np.zeros(2), "g": np.ones(2), "ok": np.zeros(1)}
    >>> executor = step.bind(args=arrays)
    >>> _ = executor.forward()
    >>> arrays["w"]
    array([0., 0.])
    >>> _ = executor.forward(ok=1.0)
    >>> arrays["w"]
    array([-1., -1.])
    """
    np.copyto(out, weight if condition.item() else old)


@conditional_update.steps
def _(inputs: Sequence[Array], outs: Sequence[Array]) -> Iterator[Step]:
    """Copy one of both where the output is not that already: everywhere or nowhere."""
    (new, old, condition), (out,) = inputs, outs
    flag, zero = np.empty((), np.bool_), np.zeros((), condition.dtype)
    if np.may_share_memory(new, out):
        yield np.equal, (condition.reshape(()), zero, flag)
        yield assignment(out, old, flag)
        return
    yield np.not_equal, (condition.reshape(()), zero, flag)
    if not np.may_share_memory(old, out):
        yield assignment(out, old)
    yield assignment(out, new, flag)


@conditional_update.shape
def _(s: Any) -> None:
    """Rule: all arrays have one shape but `condition`, which is one number, (1,)."""
    _alike("weight", "old", "output")(s)
    s.condition = (1,)


@conditional_update.dtype
def _(t: Any) -> None:
    floating(t, "weight", "old", "output")


@update(
    writes={"total": 1},
    states=("total",),
    outputs=("output", "new_total"),
    visible=1,
    samples=(Sample((_X, _Y)), Sample((_X, _Y), {"reset": 1})),
)
def accumulate_update(
    total: Annotated[Array, "The sum so far; overwritten with the new one, or 0."],
    grad: Annotated[Array, "What is added to it, of the same shape."],
    *,
    reset: Annotated[float, "If it is not 0, the sum starts over after this run."] = 0.0,
    out: tuple[Array, Array],
) -> None:
    r"""Return the sum of a gradient over runs, $a + g$, and keep it: $a \leftarrow a + g$, or 0.

    A float16 gradient may be added up in a float32 total.
    """
    summed, new_total = out
    np.add(total, grad, out=summed)
    if _is_set(reset):
        new_total.fill(0)
    else:
        np.copyto(new_total, summed)


def _is_set(value: Number) -> bool:
    return bool(np.asarray(value).item())


accumulate_update.shape(_alike("total", "grad", "output", "new_total"))


@accumulate_update.dtype
def _(t: Any) -> None:
    floating(t, "total", "output", "new_total")
    floating(t, "grad")
    if t.total is None and t.grad is not None:
        t.total = np.promote_types(t.grad, _FLOAT32)


@update(samples=(Sample((_X, np.array([2.0])), wrt=(), reference=lambda data, scale: data),))
def scale_gradient(
    data: Annotated[Array, "The array that is passed on."],
    scale: Annotated[Array, "What the gradient is multiplied by, (1,)."],
    *,
    out: Array,
) -> None:
    r"""Return the data as they are; the gradient that flows back is multiplied by `scale`.

    It keeps small float16 gradients from vanishing: scaled where they leave the loss, and scaled
    back (`rescale_grad`) by the update.
    """
    np.copyto(out, data)


@scale_gradient.shape
def _(s: Any) -> None:
    """Rule: the output has the shape of `data`; `scale` is one number, (1,)."""
    _alike("data", "output")(s)
    s.scale = (1,)


@scale_gradient.dtype
def _(t: Any) -> None:
    floating(t, "data", "output")


@scale_gradient.grad
def _(g: Any, data: Any, scale: Any) -> tuple[Any, None]:
    return scale_by(g, scale), None


@update(
    name="_scale_by",
    samples=(Sample((_X, np.array([2.0])), wrt=(0,), reference=lambda data, scale: data * 2),),
)
def scale_by(
    data: Elements, scale: Annotated[Array, "What it is multiplied by, (1,)."], *, out: Array
) -> None:
    r"""Multiply by one number that the graph computes, $y = s\,x$, in the data's type.

    The number itself gets no gradient.
    """
    np.multiply(data, data.dtype.type(scale.item()), out=out)


@scale_by.shape
def _(s: Any) -> None:
    _alike("data", "output")(s)
    s.scale = (1,)


@scale_by.dtype
def _(t: Any) -> None:
    floating(t, "data", "output")


@scale_by.grad
def _(g: Any, data: Any, scale: Any) -> tuple[Any, None]:
    return scale_by(g, scale), None


@update(
    writes=("scale", "count"),
    states=("scale", "count"),
    outputs=("output", "new_count"),
    visible=1,
    samples=(
        Sample((np.array([8.0], "f4"), np.array([0.0], "f4"), np.array([0.0], "f4")), wrt=()),
        Sample(
            (np.array([8.0], "f4"), np.array([4.0], "f4"), np.array([1.0], "f4")),
            {"window": 5},
            wrt=(),
        ),
    ),
)
def loss_scale_update(
    scale: Annotated[Array, "The loss scale, (1,); overwritten with the new one."],
    count: Annotated[
        Array, "How many runs in a row were finite, (1,); overwritten with the new count."
    ],
    finite: Annotated[Array, "Whether this run's gradients are finite, (1,): 0 if not."],
    *,
    factor: Annotated[float, "What the scale is divided or multiplied by."] = 2.0,
    window: Annotated[int, "After so many finite runs in a row the scale grows."] = 2000,
    out: tuple[Array, Array],
) -> None:
    r"""Adapt a loss scale: divide it where gradients overflowed, and let it grow after a while.

    A scale never falls below 1. `count` holds how many runs in a row were finite.

    References
    ----------
    Micikevicius et al., "Mixed Precision Training", arXiv:1710.03740.
    """
    new_scale, new_count = out
    now, runs = scale.item(), count.item() + 1
    if not finite.item():
        now, runs = max(now / factor, 1.0), 0
    elif runs >= window:
        now, runs = min(now * factor, float(np.finfo(np.float32).max) / 2), 0
    new_scale[...], new_count[...] = now, runs


@loss_scale_update.shape
def _(s: Any) -> None:
    """Rule: all arrays are one number, (1,)."""
    s.scale = s.count = s.finite = s.output = s.new_count = (1,)


@loss_scale_update.dtype
def _(t: Any) -> None:
    t.scale = t.count = t.output = t.new_count = _FLOAT32

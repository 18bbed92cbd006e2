r"""What guards and scales updates: finiteness, sums of squares, LARS, resetting."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.ops.numeric.sums import sum_over
from minisym.ops.updates.common import Rescale, real, update

InitOutput = Annotated[bool, "Whether the output starts from 1 (in MXNet, else from its value)."]
_FLOAT32 = np.dtype(np.float32)


def _one_flag(s: Any) -> None:
    """Rule: one number, (1,)."""
    s.set_output(0, (1,))


def _float32_output(t: Any) -> None:
    t.set_output(0, _FLOAT32)


def _finite(*arrays: Array) -> bool:
    return all(bool(np.isfinite(array).all()) for array in arrays)


@update(
    samples=(
        Sample(((2, 3),), reference=lambda x: np.ones(1, np.float32)),
        Sample((np.array([1.0, np.inf]),), wrt=(), reference=lambda x: np.zeros(1, np.float32)),
    )
)
def all_finite(
    data: Annotated[Array, "The array to look at."], *, init_output: InitOutput = True, out: Array
) -> None:
    """Return 1 if no element is infinite or NaN, else 0."""
    out[...] = _finite(data)


all_finite.shape(_one_flag)
all_finite.dtype(_float32_output)
all_finite.grad(lambda g, data: None)


@update(
    count="num_arrays",
    samples=(Sample(((2, 3), (4,)), reference=lambda x, y: np.ones(1, np.float32)),),
)
def multi_all_finite(
    *data: Annotated[Array, "Arrays of any shapes."], init_output: InitOutput = True, out: Array
) -> None:
    """Return 1 if no element of any array is infinite or NaN, else 0."""
    out[...] = _finite(*data)


multi_all_finite.shape(_one_flag)
multi_all_finite.dtype(_float32_output)
multi_all_finite.grad(lambda g, *data: [None] * len(data))


@update(
    count="num_arrays",
    samples=(
        Sample(
            (np.arange(6, dtype=np.float32), np.ones(3, np.float32)),
            wrt=(),
            reference=lambda *xs: np.array([np.sum(x * x) for x in xs], np.float32),
        ),
    ),
)
def multi_sum_sq(*data: Annotated[Array, "Arrays of any shapes."], out: Array) -> None:
    r"""Return $\sum_j x_{ij}^2$ for each array $x_i$: squared in its type, summed in float32."""
    for i, array in enumerate(data):
        out[i] = sum_over(np.square(array), tuple(range(array.ndim)), dtype=np.float32)


@multi_sum_sq.shape
def _(s: Any) -> None:
    """Rule: one number for each array."""
    s.output = (len(s.inputs),)


multi_sum_sq.dtype(_float32_output)


@update(
    elementwise=True,
    samples=(
        Sample(
            (
                np.array([0.1, 0.2]),
                np.array([4.0, 0.0]),
                np.array([9.0, 1.0]),
                np.array([0.5, 0.5]),
            ),
            {"eta": 0.1, "eps": 1e-3},
            wrt=(),
        ),
    ),
)
def multi_lars(
    lrs: Annotated[Array, "Learning rate of each weight, a vector."],
    weights_sum_sq: Annotated[Array, "Sum of squares of each weight, a vector."],
    grads_sum_sq: Annotated[Array, "Sum of squares of each gradient, a vector."],
    wds: Annotated[Array, "Weight decay of each weight, a vector."],
    *,
    eta: Annotated[float, "LARS coefficient."],
    eps: Annotated[float, "A small number against division by zero."],
    rescale_grad: Rescale = 1.0,
    out: Array,
) -> None:
    r"""Scale each learning rate by LARS.

    $\eta_i \leftarrow \eta_i \cdot \eta \|w_i\| / (\|g_i\| + \lambda_i \|w_i\| + \epsilon)$, where
    both norms are positive.

    References
    ----------
    You, Gitman and Ginsburg, "Large Batch Training of Convolutional Networks", arXiv:1708.03888.
    """
    weights = np.sqrt(weights_sum_sq)
    grads = np.sqrt(grads_sum_sq) * real(rescale_grad, grads_sum_sq)
    scaled = real(eta, lrs) * weights / (grads + wds * weights + real(eps, lrs))
    out[...] = np.where((weights > 0) & (grads > 0), lrs * scaled, lrs)


def _same_count(params: Any) -> tuple[str, ...]:
    return tuple(f"output{i}" for i in range(params["num_arrays"]))


@update(
    count="num_arrays",
    group=("array",),
    writes=("array",),
    outputs=_same_count,
    samples=(Sample(((2, 3), (4,)), {"num_arrays": 2}, wrt=()),),
)
def reset_arrays(
    *data: Annotated[Array, "Arrays of any shapes; overwritten with zeros."], out: Any
) -> None:
    """Set all arrays to zero."""
    for array in out if isinstance(out, tuple) else (out,):
        array.fill(0)


@reset_arrays.shape
def _(s: Any) -> None:
    """Rule: each output has the shape of its input."""
    for i, shape in enumerate(s.inputs):
        s.set_output(i, shape)
        s.set_input(i, s.outputs[i])


@reset_arrays.dtype
def _(t: Any) -> None:
    for i, dtype in enumerate(t.inputs):
        t.set_output(i, dtype)
        t.set_input(i, t.outputs[i])

"""The initializers: constants, random numbers, and those for certain layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from minisym.core import random
from minisym.core.errors import ParamError, count
from minisym.core.ndarray import Array
from minisym.init.base import Initializer, alias, register


@register
class Zero(Initializer):
    """Fill with 0.

    >>> import minisym as ms
    >>> weight = ms.nd.empty((3,))
    >>> ms.init.Zero()("fc1_weight", weight)
    >>> weight
    NDArray([0., 0., 0.], dtype=float32)
    """

    def __init__(self) -> None:
        super().__init__()

    def _init_weight(self, _name: str, arr: Array) -> None:
        arr[...] = 0


@register
class One(Initializer):
    """Fill with 1.

    >>> import minisym as ms
    >>> weight = ms.nd.empty((3,))
    >>> ms.init.One()("fc1_weight", weight)
    >>> weight
    NDArray([1., 1., 1.], dtype=float32)
    """

    def __init__(self) -> None:
        super().__init__()

    def _init_weight(self, _name: str, arr: Array) -> None:
        arr[...] = 1


alias("zeros", Zero)
alias("ones", One)


@register
class Constant(Initializer):
    """Fill with a value, a number or an array.

    >>> import minisym as ms
    >>> weight = ms.nd.empty((3,))
    >>> ms.init.Constant(0.5)("fc1_weight", weight)
    >>> weight
    NDArray([0.5, 0.5, 0.5], dtype=float32)
    """

    def __init__(self, value: Any) -> None:
        super().__init__(value=value)
        self.value = value

    def _init_weight(self, _name: str, arr: Array) -> None:
        arr[...] = self.value


@register
class CopyOf(Initializer):
    """Begin as a copy of another array of the same executor; `initialize` does it."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)

    def _init_weight(self, name: str, _arr: Array) -> None:
        message = f"{name!r} begins as a copy of {self._kwargs['name']!r}, which is not at hand"
        raise ParamError(message, hint="ms.init.initialize(executor) knows both arrays")


def _needs(ndim: int, init: Initializer, name: str, arr: Array) -> None:
    """Refuse arrays of fewer dimensions."""
    if arr.ndim < ndim:
        dimensions = count(ndim, "dimension")
        message = f"{type(init).__name__} needs at least {dimensions}, but {name!r} has {arr.ndim}"
        raise ParamError(message, hint="for others: Variable(init=ms.init.Normal())")


# --------------------------------------------------------------------------------- random numbers


@register
class Uniform(Initializer):
    """Fill with random numbers from [-scale, scale).

    >>> import minisym as ms
    >>> ms.random.seed(0)
    >>> weight = ms.nd.empty((1000,))
    >>> ms.init.Uniform(0.1)("fc1_weight", weight)
    >>> bool(abs(weight).max() <= 0.1)
    True
    """

    def __init__(self, scale: float = 0.07) -> None:
        super().__init__(scale=scale)
        self.scale = scale

    def _init_weight(self, _name: str, arr: Array) -> None:
        arr[...] = random.generator.uniform(-self.scale, self.scale, arr.shape)


@register
class Normal(Initializer):
    """Fill with random numbers of a normal distribution with standard deviation `sigma`.

    >>> import minisym as ms
    >>> ms.random.seed(0)
    >>> weight = ms.nd.empty((1000,))
    >>> ms.init.Normal(0.1)("fc1_weight", weight)
    >>> bool(abs(weight.asnumpy().std() - 0.1) < 0.01)
    True
    """

    def __init__(self, sigma: float = 0.01) -> None:
        super().__init__(sigma=sigma)
        self.sigma = sigma

    def _init_weight(self, _name: str, arr: Array) -> None:
        arr[...] = random.generator.normal(0, self.sigma, arr.shape)


@register
class Orthogonal(Initializer):
    r"""Fill with a random orthogonal matrix, times `scale`: $W W^T = s^2 I$ or $W^T W = s^2 I$.

    Examples
    --------
    >>> import minisym as ms
    >>> ms.random.seed(0)
    >>> weight = ms.nd.empty((2, 3))
    >>> ms.init.Orthogonal(1.0)("fc1_weight", weight)
    >>> ms.nd.dot(weight, weight.T).round()
    NDArray([[1., 0.],
             [0., 1.]], dtype=float32)

    References
    ----------
    Saxe, McClelland and Ganguli, "Exact Solutions to the Nonlinear Dynamics of Learning in Deep
    Linear Neural Networks", arXiv:1312.6120.
    """

    def __init__(self, scale: float = 1.414, rand_type: str = "uniform") -> None:
        super().__init__(scale=scale, rand_type=rand_type)
        self.scale, self.rand_type = scale, rand_type

    def _init_weight(self, name: str, arr: Array) -> None:
        _needs(1, self, name, arr)
        size = len(arr), int(np.prod(arr.shape[1:]))
        draw = random.generator
        noise = draw.uniform(-1, 1, size) if self.rand_type == "uniform" else draw.normal(size=size)
        u, _, v = np.linalg.svd(noise, full_matrices=False)
        arr[...] = self.scale * (u if u.shape == size else v).reshape(arr.shape)


@register
class Xavier(Initializer):
    r"""Fill with random numbers whose variance keeps that of activations and gradients.

    They are uniform in $[-c, c)$, or normal with deviation $c$, where $c = \sqrt{m / n}$, and $n$
    is the number of inputs of a unit (`factor_type="in"`), of its outputs ("out"), or their mean
    ("avg").

    Examples
    --------
    >>> import minisym as ms
    >>> ms.random.seed(0)
    >>> weight = ms.nd.empty((100, 200))
    >>> ms.init.Xavier(magnitude=3)("fc1_weight", weight)
    >>> bound = (3 / 150) ** 0.5
    >>> bool(abs(weight).max() <= bound), bool(abs(weight).max() > 0.9 * bound)
    (True, True)

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010.
    """

    def __init__(
        self, rnd_type: str = "uniform", factor_type: str = "avg", magnitude: float = 3
    ) -> None:
        super().__init__(rnd_type=rnd_type, factor_type=factor_type, magnitude=magnitude)
        self.rnd_type, self.factor_type, self.magnitude = rnd_type, factor_type, float(magnitude)
        for value, known in (
            (rnd_type, ("uniform", "gaussian")),
            (factor_type, ("avg", "in", "out")),
        ):
            if value not in known:
                message = f"{type(self).__name__} knows {' and '.join(known)}, but got {value!r}"
                raise ParamError(message)

    def _init_weight(self, name: str, arr: Array) -> None:
        _needs(2, self, name, arr)
        window = float(np.prod(arr.shape[2:]))
        fan_in, fan_out = arr.shape[1] * window, arr.shape[0] * window
        fan = {"avg": (fan_in + fan_out) / 2, "in": fan_in, "out": fan_out}[self.factor_type]
        scale = np.sqrt(self.magnitude / fan)
        draw = random.generator
        if self.rnd_type == "uniform":
            arr[...] = draw.uniform(-scale, scale, arr.shape)
        else:
            arr[...] = draw.normal(0, scale, arr.shape)


@register
class MSRAPrelu(Xavier):
    """Fill with normal random numbers for layers of rectifiers that leak by `slope`.

    Examples
    --------
    >>> import minisym as ms
    >>> ms.random.seed(0)
    >>> weight = ms.nd.empty((100, 200))
    >>> ms.init.MSRAPrelu(slope=0)("fc1_weight", weight)
    >>> bool(abs(weight.asnumpy().std() - (2 / 150) ** 0.5) < 0.005)
    True

    References
    ----------
    He et al., "Delving Deep into Rectifiers", arXiv:1502.01852.
    """

    def __init__(self, factor_type: str = "avg", slope: float = 0.25) -> None:
        super().__init__("gaussian", factor_type, 2.0 / (1 + slope**2))
        self._kwargs = {"factor_type": factor_type, "slope": slope}


# ------------------------------------------------------------------------------- certain layers


@register
class Bilinear(Initializer):
    """Fill the kernels of an upsampling convolution, so that it interpolates.

    >>> import minisym as ms
    >>> weight = ms.nd.empty((1, 1, 4, 4))
    >>> ms.init.Bilinear()("fc1_weight", weight)
    >>> weight[0, 0]
    NDArray([[0.0625, 0.1875, 0.1875, 0.0625],
             [0.1875, 0.5625, 0.5625, 0.1875],
             [0.1875, 0.5625, 0.5625, 0.1875],
             [0.0625, 0.1875, 0.1875, 0.0625]], dtype=float32)
    """

    def __init__(self) -> None:
        super().__init__()

    def _init_weight(self, name: str, arr: Array) -> None:
        _needs(4, self, name, arr)
        height, width = arr.shape[-2:]
        factor = np.ceil(width / 2)
        centre = (2 * factor - 1 - factor % 2) / (2 * factor)
        rows = 1 - np.abs(np.arange(height) / factor - centre)
        columns = 1 - np.abs(np.arange(width) / factor - centre)
        arr[...] = rows[:, None] * columns


@register
class LSTMBias(Initializer):
    """Fill the biases of an LSTM with 0, those of its forget gates with `forget_bias`.

    >>> import minisym as ms
    >>> bias = ms.nd.empty((8,))
    >>> ms.init.LSTMBias(forget_bias=1.0).fill("lstm_i2h_bias", bias)
    >>> bias
    NDArray([0., 0., 1., 1., 0., 0., 0., 0.], dtype=float32)
    """

    def __init__(self, forget_bias: float = 1.0) -> None:
        super().__init__(forget_bias=forget_bias)
        self.forget_bias = forget_bias

    def _init_weight(self, name: str, arr: Array) -> None:
        _needs(1, self, name, arr)
        arr[...] = 0
        hidden = len(arr) // 4  # gates come in the order input, forget, candidate, output
        arr[hidden : 2 * hidden] = self.forget_bias

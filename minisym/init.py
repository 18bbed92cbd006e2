"""Initializers: the values that parameters begin with, by MXNet's names and rules.

An initializer is called with a name and an array, and fills the array. The name decides: what ends in
`weight` gets what the initializer is for, `bias`, `beta` and `moving_mean` 0, `gamma` and `moving_var`
1. A Variable with an initializer of its own (`Variable("w", init=ms.init.One())`) gets that.

>>> import numpy as np
>>> import minisym as ms
>>> weight = np.empty((2, 2))
>>> ms.init.Constant(0.5)("fc_weight", weight)
>>> weight
array([[0.5, 0.5],
       [0.5, 0.5]])
>>> ms.init.Xavier(magnitude=2).dumps()
'["xavier", {"rnd_type": "uniform", "factor_type": "avg", "magnitude": 2}]'
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from minisym import random
from minisym.errors import BindError, MinisymError, ParamError, did_you_mean
from minisym.formats import mxnet_params
from minisym.ndarray import Array
from minisym.runtime.executor import Executor

_log = logging.getLogger(__name__)
_registry: Final[dict[str, type[Initializer]]] = {}


class InitDesc(str):
    """A parameter's name, with its attributes and the initializer of the whole model."""

    __slots__ = ("attrs", "global_init")

    attrs: Mapping[str, str]
    global_init: Any

    def __new__(
        cls, name: str, attrs: Mapping[str, str] | None = None, global_init: Any = None
    ) -> InitDesc:
        """Make a description."""
        made = super().__new__(cls, name)
        made.attrs, made.global_init = attrs or {}, global_init
        return made


class Initializer:
    """What fills an array, by its name. Subclasses say how weights begin: `_init_weight`.

    Raises
    ------
    ParamError
        When it is called: the name tells nothing, and there is no initializer for it.
    """

    def __init__(self, **kwargs: Any) -> None:
        self._kwargs = kwargs
        self._print_func: Callable[[Array], str] | None = None

    def set_verbosity(
        self, verbose: bool = False, print_func: Callable[[Array], str] | None = None
    ) -> Initializer:
        """Log what is filled, with a statistic of the values (their root mean square)."""
        self._print_func = (print_func or _spread) if verbose else None
        return self

    def dumps(self) -> str:
        """Return name and parameters as JSON, the form of the attribute `__init__`."""
        return json.dumps([type(self).__name__.lower(), self._kwargs], default=_plain)

    def __call__(self, desc: str, arr: Array) -> None:
        """Fill an array."""
        attrs = getattr(desc, "attrs", {})
        if isinstance(desc, InitDesc) and desc.global_init is None:
            desc.global_init = self
        if own := attrs.get("__init__"):
            create(own)._init_weight(desc, arr)
            how = own
        else:
            how, fill = next(
                ((end, fill) for end, fill in _BY_ENDING.items() if desc.endswith(end)),
                ("default", "_init_default"),
            )
            getattr(self, fill)(desc, arr)
        if self._print_func is not None:
            _log.info("initialized %s as %s: %s", desc, how, self._print_func(arr))

    def __eq__(self, other: object) -> bool:
        """Compare class and parameters."""
        if not isinstance(other, Initializer):
            return NotImplemented
        return type(self) is type(other) and self._kwargs == other._kwargs

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show class and parameters."""
        inside = ", ".join(f"{name}={value!r}" for name, value in self._kwargs.items())
        return f"{type(self).__name__}({inside})"

    def _init_weight(self, name: str, arr: Array) -> None:
        raise NotImplementedError

    def _init_bias(self, name: str, arr: Array) -> None:
        arr[...] = 0

    def _init_gamma(self, name: str, arr: Array) -> None:
        arr[...] = 1

    _init_beta = _init_zero = _init_bias
    _init_one = _init_gamma

    def _init_default(self, name: str, arr: Array) -> None:
        del arr
        message = f"the name {name!r} does not say how the array begins"
        raise ParamError(
            message,
            hint="names end in weight, bias, gamma, beta; or give Variable(init=ms.init.…)",
        )


_BY_ENDING: Final = {
    "weight": "_init_weight",
    "bias": "_init_bias",
    "gamma": "_init_gamma",
    "beta": "_init_beta",
    "moving_mean": "_init_zero",
    "moving_var": "_init_one",
    "moving_inv_var": "_init_zero",
    "moving_avg": "_init_zero",
    "running_mean": "_init_zero",
    "running_var": "_init_one",
    "min": "_init_zero",
    "max": "_init_one",
}


def _spread(arr: Array) -> str:
    return f"{np.sqrt(np.mean(np.square(arr, dtype=np.float64))):.6g}"


def _plain(value: Any) -> Any:
    """Make JSON of NumPy's values."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError


def register(klass: type[Initializer]) -> type[Initializer]:
    """Enter an initializer's class under its name in lower case."""
    _registry[klass.__name__.lower()] = klass
    return klass


def create(init: str | Initializer, **kwargs: Any) -> Initializer:
    """Return an initializer by its name (`"xavier"`) or by what `dumps` returned.

    >>> create('["normal", {"sigma": 0.1}]')
    Normal(sigma=0.1)

    Raises
    ------
    ParamError
        There is no initializer of this name.
    """
    if isinstance(init, Initializer):
        return init
    name = init
    if init.startswith("["):
        try:
            name, kwargs = json.loads(init)
        except (ValueError, TypeError):
            message = f"no initializer can be read from {init!r}"
            raise ParamError(message, hint='the form is ["xavier", {"magnitude": 2}]') from None
    found = _registry.get(str(name).lower())
    if found is None:
        message = f"there is no initializer {name!r}"
        raise ParamError(message, hint=did_you_mean(str(name), _registry))
    return found(**kwargs)


# ------------------------------------------------------------------------------------ constants


@register
class Zero(Initializer):
    """Fill with 0."""

    def __init__(self) -> None:
        super().__init__()

    def _init_weight(self, name: str, arr: Array) -> None:
        arr[...] = 0


@register
class One(Initializer):
    """Fill with 1."""

    def __init__(self) -> None:
        super().__init__()

    def _init_weight(self, name: str, arr: Array) -> None:
        arr[...] = 1


_registry["zeros"], _registry["ones"] = Zero, One


@register
class Constant(Initializer):
    """Fill with a value, a number or an array."""

    def __init__(self, value: Any) -> None:
        super().__init__(value=value)
        self.value = value

    def _init_weight(self, name: str, arr: Array) -> None:
        arr[...] = self.value


@register
class CopyOf(Initializer):
    """Begin as a copy of another array of the same executor; `initialize` does it."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)

    def _init_weight(self, name: str, arr: Array) -> None:
        message = f"{name!r} begins as a copy of {self._kwargs['name']!r}, which is not at hand"
        raise ParamError(message, hint="ms.init.initialize(executor) knows both arrays")


# --------------------------------------------------------------------------------- random numbers


@register
class Uniform(Initializer):
    """Fill with random numbers from [-scale, scale)."""

    def __init__(self, scale: float = 0.07) -> None:
        super().__init__(scale=scale)
        self.scale = scale

    def _init_weight(self, name: str, arr: Array) -> None:
        arr[...] = random.generator.uniform(-self.scale, self.scale, arr.shape)


@register
class Normal(Initializer):
    """Fill with random numbers of a normal distribution with standard deviation `sigma`."""

    def __init__(self, sigma: float = 0.01) -> None:
        super().__init__(sigma=sigma)
        self.sigma = sigma

    def _init_weight(self, name: str, arr: Array) -> None:
        arr[...] = random.generator.normal(0, self.sigma, arr.shape)


@register
class Orthogonal(Initializer):
    r"""Fill with a random orthogonal matrix, times `scale`: $W W^T = s^2 I$ or $W^T W = s^2 I$.

    References
    ----------
    Saxe, McClelland and Ganguli, "Exact Solutions to the Nonlinear Dynamics of Learning in Deep
    Linear Neural Networks", arXiv:1312.6120.
    """

    def __init__(self, scale: float = 1.414, rand_type: str = "uniform") -> None:
        super().__init__(scale=scale, rand_type=rand_type)
        self.scale, self.rand_type = scale, rand_type

    def _init_weight(self, name: str, arr: Array) -> None:
        size = len(arr), int(np.prod(arr.shape[1:]))
        draw = random.generator
        noise = draw.uniform(-1, 1, size) if self.rand_type == "uniform" else draw.normal(size=size)
        u, _, v = np.linalg.svd(noise, full_matrices=False)
        arr[...] = self.scale * (u if u.shape == size else v).reshape(arr.shape)


@register
class Xavier(Initializer):
    r"""Fill with random numbers whose variance keeps that of activations and gradients.

    They are uniform in $[-c, c)$, or normal with deviation $c$, where $c = \sqrt{m / n}$, and $n$ is
    the number of inputs of a unit (`factor_type="in"`), of its outputs ("out"), or their mean ("avg").

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
        for value, known in ((rnd_type, ("uniform", "gaussian")), (factor_type, ("avg", "in", "out"))):
            if value not in known:
                message = f"{type(self).__name__} knows {' and '.join(known)}, but got {value!r}"
                raise ParamError(message)

    def _init_weight(self, name: str, arr: Array) -> None:
        if arr.ndim < 2:  # noqa: PLR2004
            message = f"{type(self).__name__} needs at least 2 dimensions, but {name!r} has {arr.ndim}"
            raise ParamError(message, hint="for vectors: Variable(init=ms.init.Normal())")
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
    """Fill the kernels of an upsampling convolution, so that it interpolates."""

    def __init__(self) -> None:
        super().__init__()

    def _init_weight(self, name: str, arr: Array) -> None:
        height, width = arr.shape[2:]
        factor = np.ceil(width / 2)
        centre = (2 * factor - 1 - factor % 2) / (2 * factor)
        rows = 1 - np.abs(np.arange(height) / factor - centre)
        columns = 1 - np.abs(np.arange(width) / factor - centre)
        arr[...] = rows[:, None] * columns


@register
class LSTMBias(Initializer):
    """Fill the biases of an LSTM with 0, those of its forget gates with `forget_bias`."""

    def __init__(self, forget_bias: float = 1.0) -> None:
        super().__init__(forget_bias=forget_bias)
        self.forget_bias = forget_bias

    def _init_weight(self, name: str, arr: Array) -> None:
        arr[...] = 0
        hidden = len(arr) // 4  # gates come in the order input, forget, candidate, output
        arr[hidden : 2 * hidden] = self.forget_bias


# ----------------------------------------------------------------------------------- compositions


class Load:
    """Fill from arrays by name, such as a file's; from another initializer what is not in it.

    Parameters
    ----------
    param
        A dict of arrays, or the name of a `.params` file. `arg:` and `aux:` before names are dropped.
    default_init
        For the others.
    verbose
        Whether to log where each array came from.
    """

    def __init__(self, param: Any, default_init: Any = None, verbose: bool = False) -> None:
        arrays = param if isinstance(param, Mapping) else mxnet_params.load(param)
        if not isinstance(arrays, Mapping):
            message = f"{param} holds arrays without names"
            raise ParamError(message)
        self.param = {n.removeprefix("arg:").removeprefix("aux:"): a for n, a in arrays.items()}
        self.default_init, self.verbose = default_init, verbose

    def __call__(self, name: str, arr: Array) -> None:
        """Fill an array."""
        found = self.param.get(str(name))
        if found is None:
            if self.default_init is None:
                message = f"{str(name)!r} is not among the loaded arrays"
                raise ParamError(message, hint=did_you_mean(str(name), self.param))
            self.default_init(name, arr)
        elif found.shape != arr.shape:
            message = f"{str(name)!r} has shape {arr.shape}, but {found.shape} was loaded"
            raise ParamError(message)
        else:
            arr[...] = found
        if self.verbose:
            _log.info("initialized %s by %s", name, "default" if found is None else "loading")


class Mixed:
    """Choose an initializer by the first regular expression that a name begins with."""

    def __init__(self, patterns: Sequence[str], initializers: Sequence[Any]) -> None:
        self.map = list(zip(map(re.compile, patterns), initializers, strict=True))

    def __call__(self, name: str, arr: Array) -> None:
        """Fill an array."""
        for pattern, init in self.map:
            if pattern.match(name):
                init(name, arr)
                return
        message = f"{str(name)!r} matches none of {[p.pattern for p, _ in self.map]}"
        raise ParamError(message, hint='end with ".*"')


# ------------------------------------------------------------------------------ a whole executor


def initialize(
    executor: Executor,
    initializer: Any = None,
    arg_params: Mapping[str, Any] | None = None,
    aux_params: Mapping[str, Any] | None = None,
    data: Iterable[str] = ("data",),
) -> None:
    """Fill all arrays of an executor: parameters and states.

    Parameters
    ----------
    initializer
        For what has neither an array given nor an initializer of its own; `Uniform(0.01)`.
    arg_params, aux_params
        Arrays by name, which win over all initializers. Other names in them are passed over.
    data
        Names of the arrays that runs are fed with: they stay as they are, as do those whose names
        end in `label`.

    Raises
    ------
    BindError
        A name says neither how its array begins, nor that it is data.

    Examples
    --------
    >>> import minisym as ms
    >>> net = ms.sym.FullyConnected(ms.sym.Variable("data"), num_hidden=3, name="fc")
    >>> executor = net.simple_bind(data=(2, 4))
    >>> ms.init.initialize(executor, ms.init.One())
    >>> executor.arg_dict["fc_weight"].sum().item(), executor.arg_dict["fc_bias"].sum().item()
    (12.0, 0.0)
    """
    fill = initializer if initializer is not None else Uniform(0.01)
    attrs = executor.symbol.attr_dict()
    arrays = {**executor.arg_dict, **executor.aux_dict}
    given = {**(arg_params or {}), **(aux_params or {})}
    unfed = set(data)
    copies: list[tuple[str, str]] = []
    for name, array in arrays.items():
        if name in given:
            Load(given)(name, array)
            continue
        own = attrs.get(name, {}).get("__init__", "")
        if own.startswith('["copyof"'):
            copies.append((name, json.loads(own)[1]["name"]))
        elif own or not (name in unfed or name.endswith("label")):
            try:
                fill(InitDesc(name, attrs.get(name)), array)
            except MinisymError as error:
                hint = f"{error.hint or ''}; what is fed is named in data=".removeprefix("; ")
                raise BindError(f"initialize: {error.sentence}", hint=hint) from error
    for name, source in copies:  # last: a master begins with what its weight has got
        arrays[name][...] = arrays[source]


def begin_states(executor: Executor) -> None:
    """Fill what an optimizer keeps (masters, loss scales) where it is all zeros.

    `Optimizer.step` does so at first: a training step is right without `initialize`, too.
    """
    arrays = {**executor.arg_dict, **executor.aux_dict}
    for name, attrs in executor.symbol.attr_dict().items():
        own = attrs.get("__init__", "")
        if name not in arrays or arrays[name].any():
            continue
        if own.startswith('["copyof"'):
            arrays[name][...] = arrays[json.loads(own)[1]["name"]]
        elif own.startswith('["constant"') and name in executor.aux_dict:
            create(own)._init_weight(name, arrays[name])

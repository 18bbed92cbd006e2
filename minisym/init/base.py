"""What all initializers share: the rules by name, and the registry."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Self

import numpy as np

from minisym.core.errors import ParamError, did_you_mean
from minisym.core.ndarray import Array

_log = logging.getLogger(__name__)
_registry: Final[dict[str, type[Initializer]]] = {}


class InitDesc(str):
    """A parameter's name, with its attributes and the initializer of the whole model."""

    __slots__ = ("attrs", "global_init")

    attrs: Mapping[str, str]
    global_init: Any

    def __new__(
        cls, name: str, attrs: Mapping[str, str] | None = None, global_init: Any = None
    ) -> Self:
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

    Examples
    --------
    >>> import numpy as np
    >>> import minisym as ms
    >>> class Count(ms.init.Initializer):
    ...     def _init_weight(self, name, array):
    ...         array[...] = np.arange(array.size).reshape(array.shape)
    >>> weight = ms.nd.empty((2, 2))
    >>> Count()("fc1_weight", weight)
    >>> weight
    NDArray([[0., 1.],
             [2., 3.]], dtype=float32)
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
            create(own).fill(desc, arr)
            how = own
        else:
            how, fill = next(
                ((end, fill) for end, fill in _BY_ENDING.items() if desc.endswith(end)),
                ("default", "_init_default"),
            )
            getattr(self, fill)(desc, arr)
        if self._print_func is not None:
            _log.info("initialized %s as %s: %s", desc, how, self._print_func(arr))

    def fill(self, name: str, arr: Array) -> None:
        """Fill an array as a weight, whatever its name is."""
        self._init_weight(name, arr)

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

    def _init_bias(self, _name: str, arr: Array) -> None:
        arr[...] = 0

    def _init_gamma(self, _name: str, arr: Array) -> None:
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


def alias(name: str, klass: type[Initializer]) -> None:
    """Enter an initializer's class under another name."""
    _registry[name] = klass


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

"""Parameters of ops: how a Python value or MXNet's string becomes a typed value.

MXNet keeps every parameter as a string (`kernel="(3, 3)"`, `no_bias="True"`), and so do its files.
A `Param` is read off the annotation in an op's declaration, and knows how to parse either form::

    num_hidden: int                              "64", 64
    kernel: Shape                                "(3, 3)", "(3L, 3L)", (3, 3), [3, 3], "3"
    axis: int | None                             "None", None, 1
    act_type: Literal["relu", "tanh"]            "relu"
    dtype: DType                                 "float32", np.float32
    p: Annotated[float, "Fraction.", Between(0, 1)]
"""

from __future__ import annotations

import math
import numbers
import operator
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, NewType, Union, get_args, get_origin

import numpy as np

from minisym.core.errors import DtypeError, ParamError, did_you_mean, meant

Ints = tuple[int, ...]
"""A tuple of integers, such as a kernel's size. MXNet calls it Shape(tuple)."""
OptionalInts = tuple[int | None, ...]
"""A tuple whose elements may be None, as in the `begin` and `end` of a slice."""
Floats = tuple[float, ...]
"""A tuple of floats."""
DType = NewType("DType", str)
"""The name of a NumPy dtype that MXNet has."""
FLOAT32: Final = DType("float32")
"""The default of most parameters of that kind."""

DTYPES: Final = (
    "float16",
    "float32",
    "float64",
    "uint8",
    "int8",
    "int32",
    "int64",
    "bool",
)

CODES: Final = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")
"""MXNet's numbers of element types, as attributes and files hold them."""


class _Required:
    """The default of a parameter that has none."""

    def __repr__(self) -> str:
        return "required"


REQUIRED: Final = _Required()


@dataclass(frozen=True, slots=True)
class Between:
    """Bounds of a number, both included."""

    low: float = -np.inf
    high: float = np.inf


class Hint:
    """Marks, in an annotation, a parameter that changes nothing here: it speaks to a device."""


HINT: Final = Hint()


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of an op: its name, how to parse it, its default, and what it means."""

    name: str
    kind: str
    """What values it takes, in words."""
    parse: Callable[[Any], Any]
    """What makes a value of what a user or a file says."""
    default: Any
    """Its value where nothing is said; `REQUIRED` of one that has to be said."""
    doc: str
    """What it means."""
    annotation: Any
    """Its type, as the declaration has it."""
    bounds: Between | None = None
    """Between which numbers it lies, if that is limited."""
    is_hint: bool = False
    """It changes nothing here: accepted, kept, and not shown."""

    @property
    def required(self) -> bool:
        """Whether the op cannot be composed without it."""
        return self.default is REQUIRED

    @property
    def is_float(self) -> bool:
        """Whether it is a plain float (only such a one may be computed by the graph)."""
        return self.annotation is float

    def takes(self, value: Any) -> bool:
        """Return whether it can have this value."""
        try:
            self.read(value, op="")
        except ParamError:
            return False
        return True

    def read(self, value: Any, *, op: str, node: str | None = None) -> Any:
        """Return the typed value; raise `ParamError` that names op, parameter and what it takes."""
        subject = f"{op} {node!r}" if node else op
        try:
            typed = self.parse(value)
        except (ValueError, TypeError, SyntaxError, OverflowError):
            message = f"{subject}: {self.name} takes {self.kind}, but got {value!r}"
            raise ParamError(message, hint=self._hint(value)) from None
        if self.bounds and typed is not None and not self.bounds.low <= typed <= self.bounds.high:
            message = (
                f"{subject}: {self.name} must lie in "
                f"[{self.bounds.low:g}, {self.bounds.high:g}], but got {value!r}"
            )
            raise ParamError(message, hint=self._hint(value))
        return typed

    def _hint(self, value: Any) -> str | None:
        """Return the choice that is close to what was written, or what the parameter means."""
        if get_origin(self.annotation) is Literal and isinstance(value, str):
            asked = meant(value, map(str, get_args(self.annotation)))
            if asked:
                return asked
        return f"{self.name}: {self.doc}" if self.doc else None


def whole(value: Any, what: str, least: int = 1) -> int:
    """Return an integer that a user gives; refuse what is none, or is less.

    >>> whole(3.0, "runs")
    3
    """
    number: Any = value
    if not isinstance(value, numbers.Real) or number != number // 1 or number < least:
        raise ParamError(f"{what} must be an integer of at least {least}, but got {value!r}")
    return int(number)


def dtype_from_user(dtype: Any, what: str = "a type") -> np.dtype[Any]:
    """Return the dtype that a user names; `what` is how an error calls it.

    >>> dtype_from_user("float32")
    dtype('float32')
    """
    try:
        found: np.dtype[Any] | None = np.dtype(dtype)
    except TypeError:
        found = None
    if found is None or found.name not in DTYPES:
        raise DtypeError(
            f"{what} must be a type that MXNet has, but got {dtype!r}",
            hint=did_you_mean(str(dtype), DTYPES),
        )
    return found


def dtype_code(dtype: Any) -> int:
    """Return MXNet's number for a dtype.

    >>> dtype_code("float32"), dtype_code(np.int64)
    (0, 6)
    """
    try:
        return CODES.index(np.dtype(dtype).name)
    except (TypeError, ValueError):
        message = f"there is no dtype {dtype!r}"
        raise ParamError(message, hint=f"one of {', '.join(DTYPES)}") from None


def dtype_of_code(code: str) -> np.dtype[Any] | None:
    """Return the dtype of MXNet's number, as an attribute holds it; None for -1 (unknown)."""
    number = int(code)
    return np.dtype(CODES[number]) if 0 <= number < len(CODES) else None


def write(value: Any) -> str:
    """Return the string that MXNet would keep for a value as the user wrote it.

    >>> write((3, 3)), write([3, 3]), write(np.float32), write(True)
    ('(3, 3)', '[3, 3]', 'float32', 'True')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, type | np.dtype) and not isinstance(value, str):
        return np.dtype(value).name
    if isinstance(value, np.generic):
        return str(value.item())
    if isinstance(value, np.ndarray):
        return str(value.tolist())
    if isinstance(value, tuple | list) and any(isinstance(item, np.generic) for item in value):
        return str(type(value)(i.item() if isinstance(i, np.generic) else i for i in value))
    return str(value)


def param_of(name: str, annotation: Any, default: Any) -> Param:
    """Read a parameter off its annotation."""
    doc, bounds, is_hint = "", None, False
    if get_origin(annotation) is Annotated:
        annotation, *extras = get_args(annotation)
        doc = next((e for e in extras if isinstance(e, str)), "")
        bounds = next((e for e in extras if isinstance(e, Between)), None)
        is_hint = HINT in extras
    kind, parse = _parser(annotation)
    return Param(name, kind, parse, default, doc, annotation, bounds, is_hint)


# ---------------------------------------------------------------------------------------- parsers


def _int(value: Any) -> int:
    if isinstance(value, float | np.floating):
        raise TypeError  # 3.0 hides a mistake; MXNet refuses it, too
    if isinstance(value, str):
        found = int(value.strip().rstrip("L"))
    elif isinstance(value, bool | np.bool_):
        found = int(value)
    else:
        found = operator.index(value)
    if not -(2**63) <= found < 2**63:
        raise OverflowError
    return found


def as_float(value: Any) -> float:
    """Read a number; one that no float holds, but int64 does, stays an integer."""
    if isinstance(value, str):
        near = float(value)
        whole = abs(near) < 1 << 64 and value.strip().lstrip("+-").isdecimal()
        return as_float(int(value)) if whole else near
    if isinstance(value, int | np.integer):
        near, exact = float(value), int(value)
        return exact if near != exact and -(1 << 63) <= exact < 1 << 64 else near
    if isinstance(value, float | np.number):
        return float(value)
    raise TypeError


def _finite(value: Any) -> float:
    """Read a float where None is possible, too: there MXNet takes neither infinity nor NaN."""
    found: float = as_float(value)
    if not math.isfinite(found):
        raise ValueError
    return found


def _bool(value: Any) -> bool:
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}[_known_bool(value)]
    if isinstance(value, bool | np.bool_ | int) and value in (0, 1):
        return bool(value)
    raise TypeError


def _known_bool(value: str) -> str:
    word = value.strip().lower()
    if word not in ("true", "false", "0", "1"):
        raise ValueError
    return word


def _str(value: Any) -> str:
    return write(value)


def _dtype(value: Any) -> str:
    name = value.strip() if isinstance(value, str) else np.dtype(value).name
    if name not in DTYPES:
        raise ValueError
    return name


def _items(value: Any) -> list[Any]:
    """Split '(1, 2)', '[1,2]', '3' or a sequence into its items."""
    if isinstance(value, str):
        text = value.strip()
        if text and text[0] in "([":
            if text[-1] != {"(": ")", "[": "]"}[text[0]]:
                raise ValueError
            text = text[1:-1]
        parts = [part.strip() for part in text.split(",")]
        if parts and parts[-1] == "":
            parts.pop()
        if "" in parts:
            raise ValueError
        return parts
    if isinstance(value, int | np.integer):
        return [value]
    if isinstance(value, float):
        return [value]
    return list(value)


def _tuple_of(parse: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    return lambda value: tuple(parse(item) for item in _items(value))


def _optional(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None or value == "None" else parse(value)


def _choice(choices: tuple[Any, ...]) -> Callable[[Any], Any]:
    by_text = {str(choice): choice for choice in choices}

    def parse(value: Any) -> Any:
        text = write(value).strip()
        if text not in by_text:
            raise ValueError
        return by_text[text]

    return parse


_SIMPLE: Final[dict[Any, tuple[str, Callable[[Any], Any]]]] = {
    int: ("an int", _int),
    float: ("a float", as_float),
    bool: ("a bool", _bool),
    str: ("a string", _str),
    DType: (f"one of {', '.join(DTYPES)}", _dtype),
    Ints: ("a tuple of ints", _tuple_of(_int)),
    OptionalInts: ("a tuple of ints or None", _tuple_of(_optional(_int))),
    Floats: ("a tuple of floats", _tuple_of(as_float)),
}


def _parser(annotation: Any) -> tuple[str, Callable[[Any], Any]]:
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    if get_origin(annotation) is Literal:
        choices = get_args(annotation)
        return f"one of {', '.join(map(repr, choices))}", _choice(choices)
    if get_origin(annotation) in (Union, types.UnionType):
        options = get_args(annotation)
        inner = tuple(option for option in options if option is not types.NoneType)
        if len(inner) == 1 and len(options) == 2:
            kind, parse = _parser(inner[0])
            if inner[0] is float:
                kind, parse = "a finite float", _finite
            return f"{kind} or None", _optional(parse)
        if set(inner) == {int, Ints}:  # an axis or several
            kind, parse = "an int, a tuple of ints", _tuple_of(_int)
            if len(inner) < len(options):
                return f"{kind} or None", _optional(parse)
            return kind, parse
    message = f"no parser for parameters of type {annotation!r}"
    raise TypeError(message)

"""The array of the border: NumPy's memory, and MXNet's meaning of what is done with it.

Executors, `ms.nd` and iterators hand out `NDArray`s, so that code written for MXNet computes what
it computed there. Inside, everything works on plain NumPy arrays: kernels never see this class.

It is a subclass of `numpy.ndarray` because whatever takes a NumPy array shall take this one at no
cost. What MXNet's arrays have, by name or as an operator, is MXNet's; all else is NumPy's, which
sees a plain array and returns plain ones. The ops that are methods, and the operators, stand above
this module: `minisym.nd.methods` gives them to the class.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar, cast

import numpy as np

from minisym.core.context import Context, cpu
from minisym.core.errors import (
    ArrayTypeError,
    ExecutionError,
    IndexTypeError,
    ParamError,
    ScalarError,
    ShapeError,
)
from minisym.core.shapes import show

Array = np.ndarray[Any, Any]

if TYPE_CHECKING:
    from minisym.nd.methods import Methods

    class _Base(Methods, Array):  # type: ignore[misc]  # MXNet's meaning comes first
        """What an NDArray is made of: `minisym.nd.methods` gives the first half to the class."""
else:
    _Base = np.ndarray


def is_masked(value: Any) -> bool:
    """Return whether an array has a mask, without naming `numpy.ma`, which loads it."""
    masked: Any = sys.modules.get("numpy.ma")
    return masked is not None and isinstance(value, masked.MaskedArray)


NUMPYS: Final = frozenset(
    ("casting", "dtype", "initial", "kind", "order", "stable", "subok", "where")
)
"""Parameters of NumPy's methods: whoever gives one that MXNet's method lacks means NumPy's."""

Method = TypeVar("Method", bound=Callable[..., Any])


def or_numpys(method: Method) -> Method:
    """Let a method be NumPy's, on a plain array, where it is called with a parameter of NumPy's."""
    words = NUMPYS - inspect.signature(method).parameters.keys()

    @wraps(method)
    def either(self: NDArray, *args: Any, **kwargs: Any) -> Any:
        if words.isdisjoint(kwargs):
            return method(self, *args, **kwargs)
        return by_numpy(self, method.__name__, args, kwargs)

    return cast("Method", either)


def by_numpy(array: NDArray, name: str, args: Iterable[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call a method of NumPy's with plain arrays."""
    return getattr(array.view(np.ndarray), name)(*map(plain, args), **plain(dict(kwargs)))


class NDArray(_Base):
    """An array as MXNet has it, in the memory of a NumPy array.

    `np.asarray(x)` is the same memory as a plain NumPy array, at no cost; `x.asnumpy()` is a copy.
    NumPy's functions see a plain array and return plain ones: `np.exp(x)`, `np.allclose(x, y)`. So
    do the operators and methods that MXNet's arrays do not have, and methods that are called with
    parameters of NumPy's: `x // 2`, `x.any()`, `x.tolist()`, `x.sum(dtype="f8")`.
    Beside a plain NumPy array an operator is NumPy's, too (MXNet refuses it).

    Examples
    --------
    >>> import minisym as ms
    >>> x = ms.nd.array([[1, 2], [3, 4]])
    >>> x > 2
    NDArray([[0., 0.],
             [1., 1.]], dtype=float32)
    >>> x.sum(), x[0, 1].asscalar(), x.reshape((-1,)).shape
    (NDArray([10.], dtype=float32), np.float32(2.0), (4,))
    >>> np.asarray(x).sum(), np.square(x)
    (np.float32(10.0), array([[ 1.,  4.],
           [ 9., 16.]], dtype=float32))
    """

    @classmethod
    def of(cls, array: Any) -> NDArray:
        """Return the same memory as an NDArray."""
        return array if isinstance(array, cls) else np.asarray(array).view(cls)

    # ------------------------------------------------------------------ out of it and into others

    def asnumpy(self) -> Array:
        """Return a copy as a plain NumPy array."""
        return np.array(self, order="C", subok=False)

    def asscalar(self) -> Any:
        """Return the one element, as NumPy's number.

        Raises
        ------
        ScalarError
            There are more elements, or none.
        """
        if self.size != 1:
            raise ScalarError(
                f"an array of shape {show(self.shape)} has {self.size} elements, and only one is a "
                f"number",
                hint="x[0, 0] is one of them; x.asnumpy() has all",
            )
        return self.view(np.ndarray).reshape(())[()]

    @or_numpys
    def copy(self, *numpys: Any) -> NDArray:
        """Return a copy."""
        if numpys:  # its masked arrays give the order by position
            made: NDArray = by_numpy(self, "copy", numpys, {})
            return made
        return np.array(self, order="C", subok=False).view(NDArray)

    def copyto(self, other: Any) -> Any:
        """Copy into another array of the same shape, or to a context (a new array).

        Raises
        ------
        ShapeError
            The other array has another shape.
        ArrayTypeError
            It is no array.
        """
        if isinstance(other, Context):
            return self.copy()
        if not isinstance(other, np.ndarray):
            raise ArrayTypeError(f"copyto takes an array or a context, but got {other!r:.60}")
        if other.shape != self.shape:
            raise ShapeError(
                f"copyto: {show(self.shape)} does not fit into an array of shape "
                f"{show(other.shape)}",
                hint="other[:] = x stretches axes of length 1",
            )
        with np.errstate(all="ignore"):
            np.copyto(other, self, casting="unsafe")
        return other

    @or_numpys
    def astype(self, dtype: Any, copy: bool = True) -> NDArray:  # type: ignore[override]
        """Return the values in another type; a copy, unless `copy` is False and the type is so."""
        try:
            kind = np.dtype(dtype)
        except TypeError as error:
            raise ParamError(f"astype: {error}", hint='a type is a name, "float32"') from None
        if not copy and kind == self.dtype:
            return self
        with np.errstate(all="ignore"):
            made: NDArray = self.view(np.ndarray).astype(kind, order="C").view(NDArray)
        return made

    def detach(self) -> NDArray:
        """Return the same memory as another array: there is no gradient to cut it from."""
        return self.view()

    # ------------------------------------------------------------------------------------ indexing

    def __getitem__(self, key: Any) -> NDArray:
        """Return elements; one element is an array of shape (1,).

        As in MXNet, what lies in one piece is the same memory, and anything else is a copy.
        """
        if key is None or (isinstance(key, tuple) and not key) or _is_all(key):
            return self if key is not None else self.view(np.ndarray)[None].view(NDArray)
        array, key = self.view(np.ndarray), _index(key)
        try:
            found: Any = array[key]
        except IndexError as error:
            raise _no_place(self, error) from None
        if not isinstance(found, np.ndarray):  # one element: in place, not as a number
            found = array[(*key, ...) if isinstance(key, tuple) else (key, ...)]
        if not found.ndim:
            found = found.reshape(1)
        if not found.flags.c_contiguous and array.flags.c_contiguous:
            found = found.copy(order="C")
        return NDArray.of(found)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Write elements, converted to this array's type; what has fewer stretches."""
        key = _index(key)
        keys = key if isinstance(key, tuple) else (key,)
        if not any(part is ... for part in keys):  # then NumPy assigns to a view, in every case
            key = (*keys, ...)
        array, new = self.view(np.ndarray), plain(value)
        try:
            array[key] = new
        except IndexError as error:
            raise _no_place(self, error) from None
        except (TypeError, ValueError) as error:
            if not _holds_numbers(new):
                kind = type(value).__name__
                message = f"an array of {self.dtype} takes numbers, but got {kind}: {error}"
                raise ArrayTypeError(message) from None
            message = (
                f"an array of shape {np.shape(new)} does not fit into {self.shape}[…]: {error}"
            )
            raise ShapeError(
                message, hint="what has fewer axes, or axes of 1, is stretched"
            ) from None

    def __iter__(self) -> Iterator[NDArray]:  # type: ignore[override]
        """Iterate over the first axis; elements of a vector are arrays of shape (1,)."""
        if not self.ndim:
            raise ScalarError("an array without axes cannot be iterated over")
        return map(self.__getitem__, range(len(self)))

    # -------------------------------------------------------------------------------- as one value

    def __bool__(self) -> bool:
        """Return whether the one element is not 0; without elements, False."""
        return bool(self.size) and bool(self._one("truth value"))

    def __float__(self) -> float:
        """Return the one element."""
        return float(self._one("float"))

    def __int__(self) -> int:
        """Return the one element, cut towards 0."""
        return int(self._one("int"))

    def __complex__(self) -> complex:
        """Return the one element."""
        return complex(self._one("complex"))

    def __round__(self, ndigits: int | None = None) -> Any:
        """Round the one element, as Python does: to an int without `ndigits`."""
        return round(self._one("rounded value").item(), ndigits)

    def __format__(self, spec: str) -> str:
        """Format the one element by a specification."""
        return format(self._one("number to format").item(), spec) if spec else str(self)

    def _one(self, what: str) -> Any:
        if self.size != 1:
            raise ScalarError(
                f"the {what} of {self.size} elements is ambiguous",
                hint="x.asnumpy() has all; (x > 0).min(), (x > 0).max() say whether all or any are",
            )
        return self.asscalar()

    def __hash__(self) -> int:  # type: ignore[override]
        """Hash which array it is, not what is in it."""
        return id(self) // 16

    def __repr__(self) -> str:
        """Show as NumPy does."""
        first, *rest = repr(self.view(np.ndarray)).split("\n")
        indented = [line and f"  {line}" for line in rest]  # as "array(" became "NDArray("
        return "\n".join([f"NDA{first[1:]}", *indented])

    def __str__(self) -> str:
        """Show the values as NumPy does."""
        return str(self.view(np.ndarray))

    # --------------------------------------------------------------------------- NumPy's functions

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **kwargs: Any
    ) -> Any:
        """Let a ufunc see plain arrays; an NDArray that is given as `out` comes back itself."""
        reflected = REFLECTED.get(ufunc)
        if reflected and method == "__call__" and out is None and not kwargs:
            left, right = inputs
            number = isinstance(left, np.generic) or (type(left) is np.ndarray and not left.ndim)
            if number and isinstance(right, NDArray):  # what NumPy makes of number * array
                return getattr(right, reflected)(left)
        if ufunc in _OF_TRUTHS and any(np.result_type(x).kind == "b" for x in inputs):
            ufunc = _OF_TRUTHS[ufunc]  # a comparison, which is 0.0 and 1.0, beside one of NumPy's
        if out is not None:
            kwargs["out"] = plain(out)
        found = getattr(ufunc, method)(*plain(inputs), **plain(kwargs))
        return found if out is None else out[0] if len(out) == 1 else out

    def __array_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Iterable[Any],
        kwargs: Mapping[str, Any],
    ) -> Any:
        """Let a function of NumPy see plain arrays."""
        del types
        found = func(*map(plain, args), **plain(dict(kwargs)))
        out = kwargs.get("out")
        return out if isinstance(out, NDArray) else found

    def to_numpy(self) -> Array:
        """Return the same memory as a plain NumPy array, as other libraries call it."""
        return self.view(np.ndarray)

    _typ: Final = "npy_extension"
    """pandas would keep a subclass as a column; of what says this it takes `to_numpy()`."""

    # ------------------------------------------------------- what has one answer, or none, on NumPy

    def as_in_context(self, context: Context) -> NDArray:
        """Return itself: there is only one device."""
        del context
        return self

    def as_nd_ndarray(self) -> NDArray:
        """Return itself."""
        return self

    def as_np_ndarray(self) -> Array:
        """Return the same memory as a plain NumPy array: there is no other `ndarray` here."""
        return self.view(np.ndarray)

    def wait_to_read(self) -> None:
        """Do nothing: every run has finished when it returns."""

    @property
    def context(self) -> Context:
        """The CPU."""
        return cpu()

    ctx = context

    @property
    def stype(self) -> str:
        """The storage type, which is always default."""
        return "default"

    @property
    def writable(self) -> bool:
        """Whether elements may be written."""
        return self.flags.writeable

    @property
    def grad(self) -> None:
        """None: gradients are symbols, or stand in an executor's `grad_dict`."""

    def attach_grad(self, grad_req: str = "write", stype: str | None = None) -> NoReturn:
        """Refuse: nothing records what is done with arrays."""
        del grad_req, stype
        raise ExecutionError(
            "attach_grad: nothing records what is done with arrays",
            hint="compose the function of Variables: bind and backward, or ms.grad, differentiate",
        )

    def backward(
        self, out_grad: Any = None, retain_graph: bool = False, train_mode: bool = True
    ) -> NoReturn:
        """Refuse: nothing records what is done with arrays."""
        del out_grad, retain_graph, train_mode
        raise ExecutionError(
            "backward: nothing records what is done with arrays",
            hint="compose the function of Variables: executor.backward() fills grad_dict",
        )

    @property
    def handle(self) -> NoReturn:
        """Refuse: there is no library of C behind the array."""
        raise AttributeError("an NDArray has no handle: its memory is that of np.asarray(x)")


def _holds_numbers(value: Any) -> bool:
    """Return whether NumPy makes an array of numbers of it."""
    try:
        return np.asarray(value).dtype.kind in "biuf"
    except ValueError:  # rows of different lengths
        return False


_OF_TRUTHS: Final[Mapping[Any, np.ufunc]] = {
    np.bitwise_and: np.logical_and,
    np.bitwise_or: np.logical_or,
    np.bitwise_xor: np.logical_xor,
}
"""What NumPy's operators between truths are."""
REFLECTED: Final[Mapping[Any, str]] = {
    np.add: "__radd__",
    np.subtract: "__rsub__",
    np.multiply: "__rmul__",
    np.divide: "__rtruediv__",
    np.remainder: "__rmod__",
    np.power: "__rpow__",
    np.equal: "__eq__",
    np.not_equal: "__ne__",
    np.greater: "__lt__",
    np.greater_equal: "__le__",
    np.less: "__gt__",
    np.less_equal: "__ge__",
}
"""What `number * array` means, which NumPy's numbers ask a ufunc about."""


def plain(value: Any) -> Any:
    """Return a value with plain arrays in place of NDArrays, also within lists and dicts."""
    if isinstance(value, NDArray):
        return value.view(np.ndarray)
    if type(value) in {list, tuple}:
        return type(value)(map(plain, value))
    if type(value) is dict:
        return {key: plain(item) for key, item in value.items()}
    return value


def _is_all(key: Any) -> bool:
    return isinstance(key, slice) and key == slice(None)


def _index(key: Any) -> Any:
    """Return an index with plain arrays; refuse arrays of floats, which may mean two things."""
    if isinstance(key, tuple):
        return tuple(map(_index, key))
    if not isinstance(key, np.ndarray):
        return key
    if key.dtype.kind not in "biu":
        raise IndexTypeError(
            f"an array of {key.dtype} is no index: it may be a mask, or mean the rows 0 and 1",
            hint="x[mask.astype(bool)] chooses elements; nd.take(x, rows), or rows.astype('int32')",
        )
    return np.asarray(key)


def _no_place(array: NDArray, error: IndexError) -> IndexTypeError:
    """Return the error for an index that means no place in an array."""
    return IndexTypeError(f"an array of shape {array.shape} has no such place: {error}")


def _numpys(name: str) -> Callable[..., Any]:
    def function(self: NDArray, *args: Any, **kwargs: Any) -> Any:
        return by_numpy(self, name, args, kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Do as NumPy's method `{name}`: return plain arrays and numbers."
    return function


_COMPUTING: Final = """
    all any argpartition choose compress conj conjugate cumprod cumsum diagonal dot nonzero ravel
    searchsorted std trace var
"""
"""NumPy's methods that MXNet's arrays do not have: they return plain arrays, as functions do."""

for _name in _COMPUTING.split():
    setattr(NDArray, _name, _numpys(_name))

"""What a rule writes with: `o.MatMul(a, b)` is a node of ONNX, and gives what it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NoReturn

import numpy as np

from minisym.core.ndarray import Array
from minisym.core.node import Node
from minisym.core.symbol import Symbol
from minisym.onnx.draft import BOOL, INT64, Draft, Value
from minisym.onnx.folding import run_node
from minisym.onnx.sizes import Size, Sizes, is_fixed

TRUTH: Final = frozenset(
    (
        *("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"),
        *("Not", "And", "Or", "Xor", "IsNaN", "IsInf"),
    )
)
"""The ops of ONNX that make truth values."""
COUNTS: Final = frozenset(("Shape", "Size", "ArgMax", "ArgMin", "NonZero", "NonMaxSuppression"))
"""Those that make int64."""
OF_FLOATS: Final = frozenset(
    (
        *("Floor", "Ceil", "Round", "Sqrt", "Reciprocal", "Exp", "Log", "Erf", "IsNaN"),
        *("Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh"),
        *("Sigmoid", "Tanh", "Softsign", "Softplus"),
        *("Conv", "ConvTranspose", "AveragePool"),
    )
)
"""Those that know floats only; integers are converted first."""
OF_WIDE: Final = frozenset(("Neg", "Relu", "ReduceSum", "ReduceProd", "CumSum"))
"""Those that know no bytes, which become int32 first, and are cut again at the end."""
REDUCE_AXES: Final = {"ReduceSum": 13}
"""From which version on the axes are an input; of the others it is 18."""


class Refused(Exception):  # noqa: N818  it is caught, and told with all others
    """A rule cannot say its node in ONNX."""


class Writer:
    """The ONNX form of one node, while its rule writes it; `o` in the rules.

    Any op of ONNX is a method: `o.Clip(x, 0, 6)`, `o.Transpose(x, perm=(1, 0))`. Inputs are values,
    arrays, numbers (of the type of the first value), tuples of sizes (int64; they may vary), or
    None for one that is left out. Keywords are attributes, None for none; `outputs=2` asks for a
    list of so many values, `dtype` says the type (a list: of each) where that is not that of the
    first input.

    Attributes
    ----------
    shapes, dtypes
        What the outputs of minisym's node are; a result of another type is cast.
    """

    def __init__(
        self,
        lowering: Any,
        draft: Draft,
        node: Node,
        shapes: Sequence[Any],
        dtypes: Sequence[np.dtype[Any]],
    ) -> None:
        self._lowering, self._draft, self._node = lowering, draft, node
        self.shapes, self.dtypes = shapes, dtypes

    @property
    def shape(self) -> Any:
        """The shape of the first output."""
        return self.shapes[0]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the first output."""
        return self.dtypes[0]

    @property
    def opset(self) -> int:
        """The version of ONNX."""
        return self._draft.opset

    def __getattr__(self, op: str) -> Callable[..., Any]:
        """Return the function that writes a node of this op of ONNX."""
        if not op[:1].isupper():
            raise AttributeError(f"a writer has no {op!r}; the ops of ONNX have a capital letter")
        return partial(self.node, op)

    def node(
        self, op: str, /, *inputs: Any, outputs: int = 1, dtype: Any = None, **attrs: Any
    ) -> Any:
        """Write a node of ONNX."""
        like = next((v.dtype for v in inputs if isinstance(v, Value) and v.dtype != BOOL), None)
        values = [self.value(given, like) for given in inputs]
        while values and values[-1] is None:
            values.pop()
        if op in OF_FLOATS:
            values = [None if v is None else self.real(v) for v in values]
        if op in OF_WIDE and values[0] is not None and values[0].dtype.itemsize == 1:
            values[0] = self.cast(values[0], "int32")
        if dtype is None:
            dtype = attrs["to"] if op == "Cast" else _type_of(op, values)
        each = dtype if isinstance(dtype, list) else [dtype] * outputs
        dtypes: list[np.dtype[Any]] = [np.dtype(d) for d in each]
        if op == "TopK":
            dtypes[1:] = [INT64]
        attrs = {name: value for name, value in attrs.items() if value is not None}
        made = self._draft.add(op, f"{self._node.name}/{op}", values, dtypes, attrs)
        return made[0] if outputs == 1 else made

    def value(self, given: Any, like: Any = None) -> Value | None:
        """Return what an input of a node is given as."""
        if given is None or isinstance(given, Value):
            return given
        if isinstance(given, tuple | list):
            return self.sizes(tuple(given))
        if isinstance(given, np.ndarray):
            return self.constant(given)
        return self.constant(np.array(given).astype(self.dtype if like is None else like))

    def constant(self, array: Any) -> Value:
        """Return a constant."""
        return self._draft.constant(np.asarray(array))

    def sizes(self, shape: Sizes) -> Value:
        """Return sizes as a vector of int64; those that vary are computed from the inputs."""
        if None in shape:
            self.refuse("a size is not known before it runs, or is no multiple of the batch")
        return self._draft.sizes(shape)

    def refuse(self, reason: str) -> NoReturn:
        """Say why there is no ONNX form with these parameters, shapes or types."""
        raise Refused(reason)

    def fixed(self, value: Value, why: str) -> tuple[int, ...]:
        """Return a shape that does not vary; refuse one that does."""
        if not is_fixed(value.shape):
            self.refuse(f"{why}, which here depends on the batch")
        return value.shape

    def fixed_sizes(self, sizes: Sizes, why: str) -> tuple[int, ...]:
        """Return some sizes that do not vary; refuse others."""
        return self.fixed(Value("", INT64, sizes), why)

    def evaluate(self, *arrays: Array) -> Any:
        """Return the outputs that minisym itself computes of these inputs, as constants."""
        return [self.constant(array) for array in run_node(self._node, arrays)]

    # ------------------------------------------------------------------------ graphs inside of it

    def inside(self) -> Writer:
        """Return the writer of a graph inside this one, which may read all values of this one."""
        draft = Draft(self.opset, around=self._draft)
        return Writer(self._lowering, draft, self._node, self.shapes, self.dtypes)

    def takes(self, dtype: Any, shape: Any) -> Value:
        """Give the graph inside one more input, and return it."""
        return self._draft.input(f"{self._node.name}/in", np.dtype(dtype), shape)

    def lower(self, symbol: Symbol, known: Mapping[Node, Value]) -> list[Value]:
        """Write a symbol's nodes here; return the values of its outputs."""
        found: list[Value] = self._lowering.values(symbol, known, self._draft)
        return found

    def gives(self, outputs: Sequence[Value]) -> Any:
        """Say what the graph inside gives; return it, for an attribute of a node."""
        own = {id(value) for record in self._draft.records for value in record.outputs}
        for value in outputs:
            head = value if id(value) in own else self.Identity(value)
            own.discard(id(head))  # what is given twice gets a node, too
            head.shape = value.shape
            self._draft.outputs.append(head)
        return self._draft

    # -------------------------------------------------------------------------- what is common

    def cast(self, x: Value, dtype: Any = None) -> Value:
        """Convert to a type, by default that of the output; nothing, if it has it already."""
        wanted = self.dtype if dtype is None else np.dtype(dtype)
        if x.dtype == wanted:
            return x
        made: Value = self.Cast(x, to=wanted)
        made.shape = x.shape
        return made

    def wide(self, x: Value) -> Value:
        """Convert float16 to float32, to compute in."""
        return self.cast(x, "float32") if x.dtype == np.float16 else x

    def real(self, x: Value) -> Value:
        """Convert integers to float32, for what ONNX computes of floats only."""
        return x if x.dtype.kind == "f" else self.cast(x, "float32")

    def reshape(self, x: Value, shape: Sizes | None = None) -> Value:
        """Give a shape, by default that of the output; one size that varies is left to infer."""
        wanted = self.shape if shape is None else shape
        if wanted is None:
            self.refuse("its shape is not known")
        if x.shape is not None and tuple(x.shape) == tuple(wanted):
            return x
        open_ = [axis for axis, d in enumerate(wanted) if not isinstance(d, int)]
        if len(open_) == 1 and 0 not in wanted:
            made: Value = self.Reshape(
                x, tuple(-1 if i in open_ else d for i, d in enumerate(wanted))
            )
        else:
            made = self.Reshape(x, tuple(wanted), allowzero=1 if 0 in wanted else None)
        made.shape = tuple(wanted)
        return made

    def transpose(self, x: Value, axes: Sequence[int]) -> Value:
        """Put the axes into another order."""
        if tuple(axes) == tuple(range(len(axes))):
            return x
        made: Value = self.Transpose(x, perm=tuple(axes))
        made.shape = None if x.shape is None else tuple(x.shape[axis] for axis in axes)
        return made

    def channels_first(self, x: Value, layout: str | None) -> Value:
        """See an array of any layout as (batch, channels, …)."""
        if not (layout and layout.endswith("C")):
            return x
        return self.transpose(x, (0, len(layout) - 1, *range(1, len(layout) - 1)))

    def channels_back(self, x: Value, layout: str | None) -> Value:
        """Put (batch, channels, …) into a layout."""
        if not (layout and layout.endswith("C")):
            return x
        return self.transpose(x, (0, *range(2, len(layout)), 1))

    def lay(self, vector: Value, rank: int, axis: int = 1) -> Value:
        """Lay a vector along an axis of arrays of this rank, to stretch along the others."""
        axis %= rank
        return self.reshape(vector, (*(1,) * axis, vector.shape[0], *(1,) * (rank - axis - 1)))

    def reduce(
        self, op: str, x: Value, axes: Sequence[int] | None = None, *, keepdims: bool = False
    ) -> Value:
        """Reduce over axes, by default over all; the versions of ONNX take them differently."""
        if axes is not None and not len(axes):
            return x
        keep = int(keepdims)
        if axes is None or self.opset >= REDUCE_AXES.get(op, 18):
            where = None if axes is None else tuple(axes)
            return self.node(op, x, where, keepdims=keep)  # type: ignore[no-any-return]
        return self.node(op, x, axes=tuple(axes), keepdims=keep)  # type: ignore[no-any-return]

    def in_type(self, dtype: Any, op: str, *inputs: Any, **attrs: Any) -> Value:
        """Write a node whose values are computed in another type, and cast back."""
        like = next(v.dtype for v in inputs if isinstance(v, Value))
        cast = [self.cast(v, dtype) if isinstance(v, Value) else v for v in inputs]
        return self.cast(self.node(op, *cast, **attrs), like)

    def stretch(self, x: Value, shape: Sizes | None = None) -> Value:
        """Repeat along axes of size 1 to a shape, by default that of the output."""
        wanted = self.shape if shape is None else shape
        if x.shape is not None and tuple(x.shape) == tuple(wanted):
            return x
        made: Value = self.Expand(x, tuple(wanted))
        made.shape = tuple(wanted)
        return made

    def shaped(self, x: Value, shape: Sizes) -> Value:
        """Say which shape a value has, for what goes by it."""
        x.shape = tuple(shape)
        return x

    def count(self, size: int | Size, dtype: Any) -> Value:
        """Return the numbers 0, 1, … below a size, as a vector."""
        if isinstance(size, int):
            return self.constant(np.arange(size).astype(dtype))
        made = self.Range(np.array(0), self.Squeeze(self.sizes((size,)), (0,)), np.array(1))
        return self.shaped(self.cast(made, dtype), (size,))

    def full(self, shape: Sizes, value: Any, dtype: Any) -> Value:
        """Return an array of one number."""
        number = np.array([value]).astype(dtype)
        if is_fixed(shape) and int(np.prod(shape)) <= 64:
            return self.constant(np.full(shape, number[0]))
        made: Value = self.ConstantOfShape(tuple(shape), value=number, dtype=number.dtype)
        made.shape = tuple(shape)
        return made


def _type_of(op: str, inputs: Sequence[Value | None]) -> np.dtype[Any]:
    """Return the type of what an op of ONNX makes."""
    if op in TRUTH:
        return BOOL
    if op in COUNTS:
        return INT64
    given = inputs[1] if op == "Where" else inputs[0]
    assert given is not None
    return given.dtype

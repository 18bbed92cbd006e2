r"""Ops of one's own, written in Python: `CustomOp`, `CustomOpProp` and `register`, as in MXNet.

An op is two classes. One says what it is: its arguments, outputs and shapes. The other computes:

>>> import numpy as np
>>> import minisym as ms
>>> class Cube(ms.operator.CustomOp):
...     def forward(self, is_train, req, in_data, out_data, aux):
...         self.assign(out_data[0], req[0], in_data[0] ** 3)
...
...     def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
...         self.assign(in_grad[0], req[0], out_grad[0] * 3 * in_data[0] ** 2)
>>> @ms.operator.register("cube")
... class CubeProp(ms.operator.CustomOpProp):
...     def create_operator(self, ctx, in_shapes, in_dtypes):
...         return Cube()
>>> x = ms.sym.Variable("x")
>>> y = ms.sym.Custom(x, op_type="cube")
>>> y.eval(x=np.array([2.0])), ms.grad(y, "x").eval(x=np.array([2.0]))
([NDArray([8.])], [NDArray([12.])])
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import count
from typing import Annotated, Any, TypeVar

import numpy as np

from minisym.core.context import Context
from minisym.core.errors import ArrayTypeError, ComposeError, ExecutionError
from minisym.core.functions import function_of
from minisym.core.ndarray import NDArray
from minisym.core.op import Input, Op, Rule, get, registered
from minisym.core.op import register as enter
from minisym.core.params import REQUIRED, param_of
from minisym.core.samples import Sample
from minisym.core.symbol import Symbol
from minisym.ops import custom

Arrays = Sequence[NDArray]


class CustomOp:
    """What computes: an instance for each node of an executor, which forward and backward share.

    >>> import minisym as ms
    >>> class Square(ms.operator.CustomOp):
    ...     def forward(self, is_train, req, in_data, out_data, aux):
    ...         self.assign(out_data[0], req[0], in_data[0] ** 2)
    ...
    ...     def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
    ...         self.assign(in_grad[0], req[0], 2 * in_data[0] * out_grad[0])
    >>> @ms.operator.register("my_square")
    ... class SquareProp(ms.operator.CustomOpProp):
    ...     def create_operator(self, ctx, in_shapes, in_dtypes):
    ...         return Square()
    >>> y = ms.sym.Custom(ms.sym.Variable("x"), op_type="my_square")
    >>> y.eval(x=ms.nd.array([3.0])), ms.grad(y, "x").eval(x=ms.nd.array([3.0]))
    ([NDArray([9.], dtype=float32)], [NDArray([6.], dtype=float32)])
    """

    def forward(
        self, is_train: bool, req: Sequence[str], in_data: Arrays, out_data: Arrays, aux: Arrays
    ) -> None:
        """Fill `out_data` from `in_data`; what is written into `aux` stays.

        Parameters
        ----------
        is_train
            Whether the run is one of training.
        req
            For each output what to do with it: see `assign`.
        in_data
            The arguments, read-only.
        out_data
            The outputs, to be filled.
        aux
            The auxiliary states.
        """

    def backward(
        self,
        req: Sequence[str],
        out_grad: Arrays,
        in_data: Arrays,
        out_data: Arrays,
        in_grad: Arrays,
        aux: Arrays,
    ) -> None:
        """Fill `in_grad`, the gradients of the arguments, from those of the outputs.

        Parameters
        ----------
        req
            For each argument what to do with its gradient: "null" where nobody wants it.
        out_grad
            The gradients of the outputs; None for one that is not declared to be needed.
        in_data, out_data
            The arguments and the outputs, read-only.
        in_grad
            The gradients, to be filled.
        aux
            The auxiliary states as the forward run has left them, read-only.
        """

    def assign(self, dst: NDArray, req: str, src: Any) -> None:
        """Write or add a value to an array: what `req` says."""
        if req in {"write", "inplace"}:
            dst[...] = src
        elif req == "add":
            dst[...] += src
        elif req != "null":
            raise ArrayTypeError(f"assign: req must be write, inplace, add or null, not {req!r}")


class CustomOpProp:
    """What an op is. Its parameters arrive as strings, as keyword arguments of `__init__`.

    Parameters
    ----------
    need_top_grad
        Whether gradients of the outputs are needed for those of the arguments; a loss has its own.

    Examples
    --------
    >>> import minisym as ms
    >>> class Add(ms.operator.CustomOp):
    ...     def __init__(self, factor):
    ...         self.factor = factor
    ...
    ...     def forward(self, is_train, req, in_data, out_data, aux):
    ...         self.assign(out_data[0], req[0], in_data[0] + self.factor * in_data[1])
    >>> @ms.operator.register("add_times")
    ... class AddProp(ms.operator.CustomOpProp):
    ...     def __init__(self, factor):
    ...         super().__init__()
    ...         self.factor = float(factor)
    ...
    ...     def list_arguments(self):
    ...         return ["lhs", "rhs"]
    ...
    ...     def infer_shape(self, in_shape):
    ...         return [in_shape[0], in_shape[0]], [in_shape[0]], []
    ...
    ...     def create_operator(self, ctx, in_shapes, in_dtypes):
    ...         return Add(self.factor)
    >>> a, b = ms.sym.Variable("a"), ms.sym.Variable("b")
    >>> y = ms.sym.Custom(a, b, op_type="add_times", factor=3)
    >>> y.infer_shape(a=(2,))
    ([(2,), (2,)], [(2,)], [])
    >>> y.eval(a=ms.nd.array([1.0, 2.0]), b=ms.nd.array([1.0, 1.0]))
    [NDArray([4., 5.], dtype=float32)]
    """

    def __init__(self, need_top_grad: bool = True) -> None:
        self.need_top_grad_ = need_top_grad

    def list_arguments(self) -> list[str]:
        """Return the names of the arguments."""
        return ["data"]

    def list_outputs(self) -> list[str]:
        """Return the names of the outputs."""
        return ["output"]

    def list_auxiliary_states(self) -> list[str]:
        """Return the names of the auxiliary states."""
        return []

    def infer_shape(self, in_shape: list[list[int]]) -> Any:
        """Return the shapes of arguments, outputs and, if there are any, auxiliary states.

        `in_shape` is what is known: an unknown dimension is -1, an unknown shape is [].
        """
        return in_shape, [in_shape[0]] * len(self.list_outputs()), []

    def infer_type(self, in_type: list[Any]) -> Any:
        """Return the element types of arguments, outputs and auxiliary states.

        `in_type` is what is known; an unknown type is None.
        """
        first = in_type[0]
        outputs, states = len(self.list_outputs()), len(self.list_auxiliary_states())
        return in_type, [first] * outputs, [first] * states

    def declare_backward_dependency(
        self, out_grad: list[int], in_data: list[int], out_data: list[int]
    ) -> list[int]:
        """Return which of these arrays, given by their numbers, the gradients need."""
        heads = out_grad if self.need_top_grad_ else []
        return [*heads, *in_data, *out_data]

    def create_operator(
        self, ctx: Context, in_shapes: list[list[int]], in_dtypes: list[Any]
    ) -> CustomOp:
        """Make what computes, for arguments and auxiliary states of these shapes and types."""
        del ctx, in_shapes, in_dtypes
        return CustomOp()


Properties = TypeVar("Properties", bound=type[CustomOpProp])


def register(reg_name: str) -> Callable[[Properties], Properties]:
    """Return a decorator that makes a class known as the `op_type` of that name.

    A class that is registered under the name of another takes its place.

    Raises
    ------
    ComposeError
        What is decorated is no subclass of `CustomOpProp`.
    """

    def enter_class(prop_cls: Properties) -> Properties:
        given: object = prop_cls
        if not (isinstance(given, type) and issubclass(given, CustomOpProp)):
            raise ComposeError(f"register: {prop_cls!r} is no subclass of CustomOpProp")
        custom.CLASSES[reg_name] = prop_cls
        return prop_cls

    return enter_class


def get_all_registered_operators() -> list[str]:
    """Return the names of all ops, those of users included."""
    return [*registered(), *custom.CLASSES]


# ------------------------------------------------------------------ the older way, in one class


class PythonOp(ABC):
    """An op in one class, called to compose it: the way before `CustomOp`.

    Parameters
    ----------
    need_top_grad
        Whether gradients of the outputs are needed for those of the arguments; a loss has its own.

    Examples
    --------
    >>> from minisym import sym
    >>> class Twice(NumpyOp):
    ...     def forward(self, in_data, out_data):
    ...         out_data[0][:] = 2 * in_data[0]
    ...
    ...     def backward(self, out_grad, in_data, out_data, in_grad):
    ...         in_grad[0][:] = 2 * out_grad[0]
    >>> Twice()(sym.Variable("x"), name="y").eval(x=np.ones(2))
    [NDArray([2., 2.])]
    """

    def __init__(self, need_top_grad: bool = True) -> None:
        self.need_top_grad_ = need_top_grad
        self._known_as = f"{type(self).__name__}:{next(_numbers)}"
        register(self._known_as)(_properties_of(self))

    def __call__(self, *args: Any, **kwargs: Any) -> Symbol:
        """Compose the op, on symbols by position or by name."""
        return self.get_symbol(*args, **kwargs)

    def get_symbol(self, *args: Any, **kwargs: Any) -> Symbol:
        """Compose the op, likewise."""
        return function_of(get("Custom"), "Custom")(*args, op_type=self._known_as, **kwargs)

    @staticmethod
    @abstractmethod
    def arrays_of(arrays: Sequence[Any]) -> Sequence[Any]:
        """Return arrays as the subclass computes with them."""

    def forward(self, in_data: Any, out_data: Any) -> None:
        """Fill `out_data`: with the first argument, unless a subclass says otherwise."""
        out_data[0][:] = in_data[0]

    def backward(self, out_grad: Any, in_data: Any, out_data: Any, in_grad: Any) -> None:
        """Fill `in_grad`: with 1, unless a subclass says otherwise."""
        del out_grad, in_data, out_data
        in_grad[0][:] = 1.0

    def infer_shape(self, in_shape: Any) -> Any:
        """Return the shapes of arguments and outputs."""
        return in_shape, [in_shape[0]]

    def list_outputs(self) -> list[str]:
        """Return the names of the outputs."""
        return ["output"]

    def list_arguments(self) -> list[str]:
        """Return the names of the arguments."""
        return ["data"]

    def need_top_grad(self) -> bool:
        """Return whether gradients of the outputs are needed."""
        return self.need_top_grad_


class NumpyOp(PythonOp):
    """An op that computes on NumPy arrays; see `PythonOp`.

    >>> import numpy as np
    >>> import minisym as ms
    >>> class Softplus(ms.operator.NumpyOp):
    ...     def forward(self, in_data, out_data):
    ...         out_data[0][:] = np.log1p(np.exp(in_data[0]))
    ...
    ...     def backward(self, out_grad, in_data, out_data, in_grad):
    ...         in_grad[0][:] = out_grad[0] / (1 + np.exp(-in_data[0]))
    >>> y = Softplus()(ms.sym.Variable("x"), name="y")
    >>> y.eval(x=np.array([0.0])), ms.grad(y, "x").eval(x=np.array([0.0]))
    ([NDArray([0.69314718])], [NDArray([0.5])])
    """

    @staticmethod
    def arrays_of(arrays: Sequence[Any]) -> Sequence[Any]:
        """Return them as plain NumPy arrays."""
        return [None if array is None else array.view(np.ndarray) for array in arrays]


class NDArrayOp(PythonOp):
    """An op that computes on NDArrays; see `PythonOp`.

    >>> import minisym as ms
    >>> class Twice(ms.operator.NDArrayOp):
    ...     def forward(self, in_data, out_data):
    ...         out_data[0][:] = 2 * in_data[0]
    ...
    ...     def backward(self, out_grad, in_data, out_data, in_grad):
    ...         in_grad[0][:] = 2 * out_grad[0]
    >>> Twice()(ms.sym.Variable("x"), name="y").eval(x=ms.nd.array([1.0, 2.0]))
    [NDArray([2., 4.], dtype=float32)]
    """

    @staticmethod
    def arrays_of(arrays: Sequence[Any]) -> Sequence[Any]:
        """Return them as they are."""
        return arrays

    def declare_backward_dependency(
        self, out_grad: list[int], in_data: list[int], out_data: list[int]
    ) -> list[int]:
        """Return which of these arrays, given by their numbers, the gradients need."""
        heads = out_grad if self.need_top_grad() else []
        return [*heads, *in_data, *out_data]


_numbers = count()


def _properties_of(op: PythonOp) -> type[CustomOpProp]:
    """Return the two classes that such an op stands for."""

    class Computing(CustomOp):
        def forward(
            self, is_train: bool, req: Sequence[str], in_data: Arrays, out_data: Arrays, aux: Arrays
        ) -> None:
            del is_train, req, aux
            op.forward(in_data=op.arrays_of(in_data), out_data=op.arrays_of(out_data))

        def backward(
            self,
            req: Sequence[str],
            out_grad: Arrays,
            in_data: Arrays,
            out_data: Arrays,
            in_grad: Arrays,
            aux: Arrays,
        ) -> None:
            del req, aux
            for gradient in in_grad:  # of labels, which such ops leave alone
                gradient[...] = 0
            heads = op.arrays_of(out_grad) if op.need_top_grad() else []
            op.backward(
                out_grad=heads,
                in_data=op.arrays_of(in_data),
                out_data=op.arrays_of(out_data),
                in_grad=op.arrays_of(in_grad),
            )

    class Properties(CustomOpProp):
        def __init__(self) -> None:
            super().__init__(op.need_top_grad())

        def list_arguments(self) -> list[str]:
            return op.list_arguments()

        def list_outputs(self) -> list[str]:
            return op.list_outputs()

        def infer_shape(self, in_shape: list[list[int]]) -> Any:
            arguments, outputs = op.infer_shape(in_shape)
            return arguments, outputs, []

        def create_operator(
            self, ctx: Context, in_shapes: list[list[int]], in_dtypes: list[Any]
        ) -> CustomOp:
            del ctx, in_shapes, in_dtypes
            return Computing()

    return Properties


# ----------------------------------------------------------------------------------- the op Custom


class _Scaled(CustomOp):
    """Multiply by a number, and count the runs."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def forward(
        self, is_train: bool, req: Sequence[str], in_data: Arrays, out_data: Arrays, aux: Arrays
    ) -> None:
        """Multiply."""
        del is_train
        self.assign(out_data[0], req[0], in_data[0] * self.scale)
        self.assign(out_data[1], req[1], in_data[0] * in_data[1])
        aux[0][...] += 1

    def backward(
        self,
        req: Sequence[str],
        out_grad: Arrays,
        in_data: Arrays,
        out_data: Arrays,
        in_grad: Arrays,
        aux: Arrays,
    ) -> None:
        """Multiply, too."""
        del out_data, aux
        self.assign(in_grad[0], req[0], out_grad[0] * self.scale + out_grad[1] * in_data[1])
        self.assign(in_grad[1], req[1], out_grad[1] * in_data[0])


class _ScaledProp(CustomOpProp):
    """The op of the samples: two arguments, two outputs, a state and a parameter."""

    def __init__(self, scale: str = "1") -> None:
        super().__init__()
        self.scale = float(scale)

    def list_arguments(self) -> list[str]:
        """Name them."""
        return ["data", "other"]

    def list_outputs(self) -> list[str]:
        """Name them."""
        return ["output", "product"]

    def list_auxiliary_states(self) -> list[str]:
        """Name it."""
        return ["count"]

    def infer_shape(self, in_shape: list[list[int]]) -> Any:
        """All are equal."""
        return [in_shape[0]] * 2, [in_shape[0]] * 2, [[1]]

    def create_operator(
        self, ctx: Context, in_shapes: list[list[int]], in_dtypes: list[Any]
    ) -> CustomOp:
        """Make it."""
        del ctx, in_shapes, in_dtypes
        return _Scaled(self.scale)


def _samples() -> Sequence[Sample]:
    register("_scaled")(_ScaledProp)
    return [
        Sample(
            ((2, 3), (2, 3), (1,)),
            {"op_type": "_scaled", "scale": "2.5"},
            wrt=(0, 1),
            reference=lambda x, y, n: [2.5 * x, x * y],
        ),
        Sample(((2, 3),), {"op_type": "_scald"}, raises=ComposeError, match="_scald"),
    ]


def _no_kernel(*data: Any, out: Any) -> None:
    """Never run: a node has the op that its op_type stands for."""
    raise ExecutionError("Custom: the op has no op_type")


def _declare(name: str, choose: Any, samples: Any, doc: str, kind: str) -> None:
    word = Annotated[str, "The name under which the op was registered."]
    op = Op(
        name=name,
        doc=doc,
        module=__name__,
        kind=kind,
        inputs=(Input("data", variadic=True, doc="The inputs of the op that op_type means."),),
        params={"op_type": param_of("op_type", word, REQUIRED)},
        choose=choose,
        kernel=Rule.of(_no_kernel),
        samples=samples,
        no_onnx=custom.PYTHON,
    )
    enter(op)


_declare(
    "Custom",
    custom.choose,
    _samples,
    """Run an op that was written in Python, and registered by `ms.operator.register`.

    The inputs are those that the op's `list_arguments` and `list_auxiliary_states` name. All
    parameters but `op_type` go to the op, as strings.""",
    "layer",
)
_declare("_backward_Custom", custom.choose_backward, (), "Gradient of an op of a user.", "backward")

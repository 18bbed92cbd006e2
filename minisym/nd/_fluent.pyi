"""The ops that are methods of an NDArray, and its operators.

Made by scripts/stubs from the ops' declarations: change those, and run it again.
"""

from collections.abc import Sequence
from typing import Literal, overload

from numpy.typing import DTypeLike

from minisym.core.ndarray import Array as Array
from minisym.core.ndarray import NDArray as NDArray

class Fluent:
    def abs(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        """Take the absolute value, $|x|$; its gradient at 0 is 0."""

    def arccos(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Inverse cosine, $\arccos x$ in radians; NaN outside [-1, 1]."""

    def arccosh(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Inverse hyperbolic cosine, $\ln(x + \sqrt{x^2 - 1})$; NaN below 1."""

    def arcsin(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Inverse sine, $\arcsin x$ in radians; NaN outside [-1, 1]."""

    def arcsinh(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Inverse hyperbolic sine, $\ln(x + \sqrt{x^2 + 1})$."""

    def arctan(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Inverse tangent, $\arctan x$ in radians."""

    def arctanh(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Inverse hyperbolic tangent, $\frac12 \ln \frac{1 + x}{1 - x}$; NaN outside [-1, 1]."""

    def argmax(
        self,
        axis: int | None = None,
        keepdims: bool = False,
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        """Say where the largest element is, in the type of the input; the first one of a tie."""

    def argmax_channel(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        """Say where the largest element is along axis 1, in the type of the input."""

    def argmin(
        self,
        axis: int | None = None,
        keepdims: bool = False,
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        """Say where the smallest element is, in the type of the input; the first one of a tie."""

    def argsort(
        self,
        axis: int | None = -1,
        is_ascend: bool = True,
        dtype: DTypeLike = "float32",
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        """Return the places of the elements in sorted order; see `sort`."""

    def broadcast_axes(
        self,
        axis: int | Sequence[int] = (),
        size: int | Sequence[int] = (),
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        """Stretch some axes of size 1."""

    def cbrt(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Take the cube root, $\sqrt[3] x$."""

    def ceil(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Round up, $\lceil x \rceil$."""

    def clip(
        self, a_min: float, a_max: float, *, out: Array | Sequence[Array] | None = None
    ) -> NDArray:
        r"""Limit to an interval, $\min(\max(x, a_\text{min}), a_\text{max})$."""

    def cos(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Cosine, $\cos x$, of radians."""

    def cosh(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Hyperbolic cosine, $\cosh x = (e^x + e^{-x}) / 2$."""

    def degrees(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Turn radians into degrees, $180 x / \pi$."""

    def depth_to_space(
        self, block_size: int, *, out: Array | Sequence[Array] | None = None
    ) -> NDArray:
        """Spread groups of $b^2$ channels over $b × b$ blocks of pixels."""

    def diag(
        self,
        k: int = 0,
        axis1: int = 0,
        axis2: int = 1,
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        """Take a diagonal, which becomes the last axis; or make a matrix of a vector."""

    def exp(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        """Exponential, $e^x$."""

    def expm1(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        """Exponential less one, $e^x - 1$, exact near 0."""

    def fix(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        """Round towards 0."""

    def flip(
        self, axis: int | Sequence[int], *, out: Array | Sequence[Array] | None = None
    ) -> NDArray:
        """Mirror an array along some axes."""

    def floor(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Round down, $\lfloor x \rfloor$."""

    def log(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Natural logarithm, $\ln x$."""

    def log10(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Decimal logarithm, $\log_{10} x$."""

    def log1p(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Logarithm of one more, $\ln(1 + x)$, exact near 0."""

    def log2(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Binary logarithm, $\log_2 x$."""

    def log_softmax(
        self,
        axis: int = -1,
        temperature: float | None = None,
        dtype: Literal["float16", "float32", "float64"] | None = None,
        use_length: bool | None = False,
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        r"""Take the logarithm of softmax, $y_i = x_i / T - \ln \sum_j e^{x_j / T}$, along an axis."""

    def max(
        self,
        axis: int | Sequence[int] | None = None,
        keepdims: bool = False,
        exclude: bool = False,
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        """Take the largest over axes; each element of a tie gets the whole gradient."""

    def mean(
        self,
        axis: int | Sequence[int] | None = None,
        keepdims: bool = False,
        exclude: bool = False,
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        r"""Average over axes, $\frac1n \sum_i x_i$; of integers an integer."""

    def min(
        self,
        axis: int | Sequence[int] | None = None,
        keepdims: bool = False,
        exclude: bool = False,
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        """Take the smallest over axes; each element of a tie gets the whole gradient."""

    def nanprod(
        self,
        axis: int | Sequence[int] | None = None,
        keepdims: bool = False,
        exclude: bool = False,
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        """Multiply over axes what is not NaN; of nothing but NaN it is 1."""

    def nansum(
        self,
        axis: int | Sequence[int] | None = None,
        keepdims: bool = False,
        exclude: bool = False,
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        """Add up over axes what is not NaN; of nothing but NaN it is 0."""

    def norm(
        self,
        ord: int = 2,
        axis: int | Sequence[int] | None = None,
        out_dtype: DTypeLike | None = None,
        keepdims: bool = False,
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        r"""Take the norm over axes, $\sum_i |x_i|$ or $\sqrt{\sum_i x_i^2}$."""

    def one_hot(
        self,
        depth: int,
        on_value: float = 1.0,
        off_value: float = 0.0,
        dtype: DTypeLike = "float32",
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        """Write an index as a row with one number on, $y_{ij} = [j = x_i]$."""

    def ones_like(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        """Make ones of the shape and type of another array."""

    def pad(
        self,
        mode: Literal["constant", "edge", "reflect"],
        pad_width: int | Sequence[int],
        constant_value: float = 0.0,
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        """Put margins around the pictures (n, c, h, w) or volumes (n, c, d, h, w) of a batch."""

    def pick(
        self,
        index: Array,
        axis: int | None = -1,
        keepdims: bool = False,
        mode: Literal["clip", "wrap"] = "clip",
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        """Pick one element along an axis for each place of the others, $y_i = x_{i, k_i}$."""

    def prod(
        self,
        axis: int | Sequence[int] | None = None,
        keepdims: bool = False,
        exclude: bool = False,
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        r"""Multiply over axes, $\prod_i x_i$."""

    def radians(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Turn degrees into radians, $\pi x / 180$."""

    def rcbrt(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Invert the cube root, $1 / \sqrt[3] x$."""

    def reciprocal(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        """Invert, $1 / x$."""

    def relu(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Rectify, $\max(x, 0)$; NaN stays NaN. The gradient at 0 is 0."""

    def repeat(
        self, repeats: int, axis: int | None = None, *, out: Array | Sequence[Array] | None = None
    ) -> NDArray:
        """Repeat each element, beside itself."""

    def reshape_like(
        self,
        rhs: Array,
        lhs_begin: int | None = None,
        lhs_end: int | None = None,
        rhs_begin: int | None = None,
        rhs_end: int | None = None,
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        """Give `lhs` the shape of `rhs`, or replace some of its axes by some of `rhs`'s."""

    def rint(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Round to the nearest integer, halves down: $1.5 \to 1$, $-1.5 \to -2$."""

    def round(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Round to the nearest integer, halves away from 0: $2.5 \to 3$, $-2.5 \to -3$."""

    def rsqrt(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Invert the square root, $1 / \sqrt x$."""

    def shape_array(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        """Tell the shape, as an array of int64."""

    def sigmoid(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Squash to (0, 1), $\sigma(x) = 1 / (1 + e^{-x})$."""

    def sign(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        """Take the sign: $-1$, 0 or 1; 0 for NaN."""

    def sin(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Sine, $\sin x$, of radians."""

    def sinh(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Hyperbolic sine, $\sinh x = (e^x - e^{-x}) / 2$."""

    def size_array(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        """Tell the number of elements, as an array of one int64."""

    def slice(
        self,
        begin: Sequence[int | None],
        end: Sequence[int | None],
        step: Sequence[int | None] = (),
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        """Cut out a region, $y = x[b_0:e_0:s_0, b_1:e_1:s_1, …]$, as Python's slices do."""

    def slice_axis(
        self, axis: int, begin: int, end: int | None, *, out: Array | Sequence[Array] | None = None
    ) -> NDArray:
        """Cut out a part along one axis."""

    def slice_like(
        self,
        shape_like: Array,
        axes: int | Sequence[int] = (),
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        """Cut an array down to the shape of another one, keeping the first elements of each axis."""

    def softmax(
        self,
        length: Array | None = None,
        axis: int = -1,
        temperature: float | None = None,
        dtype: Literal["float16", "float32", "float64"] | None = None,
        use_length: bool | None = False,
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        r"""Normalise exponentials, $y_i = e^{x_i / T} / \sum_j e^{x_j / T}$, along an axis."""

    def softmin(
        self,
        axis: int = -1,
        temperature: float | None = None,
        dtype: Literal["float16", "float32", "float64"] | None = None,
        use_length: bool | None = False,
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        r"""Normalise exponentials of negatives, $y_i = e^{-x_i / T} / \sum_j e^{-x_j / T}$."""

    def sort(
        self,
        axis: int | None = -1,
        is_ascend: bool = True,
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        """Sort along an axis, or all elements as one vector; NaN comes last."""

    def space_to_depth(
        self, block_size: int, *, out: Array | Sequence[Array] | None = None
    ) -> NDArray:
        """Stack $b × b$ blocks of pixels into $b^2$ times as many channels."""

    def split(
        self,
        num_outputs: int,
        axis: int = 1,
        squeeze_axis: bool = False,
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray | list[NDArray]:
        """Cut an array into equal parts along an axis."""

    def sqrt(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Take the square root, $\sqrt x$."""

    def square(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        """Square, $x^2$."""

    def sum(
        self,
        axis: int | Sequence[int] | None = None,
        keepdims: bool = False,
        exclude: bool = False,
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        r"""Add up over axes, $\sum_i x_i$."""

    def swapaxes(
        self, dim1: int = 0, dim2: int = 0, *, out: Array | Sequence[Array] | None = None
    ) -> NDArray:
        """Exchange two axes."""

    def take(
        self,
        indices: Array,
        axis: int = 0,
        mode: Literal["clip", "raise", "wrap"] = "clip",
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray:
        """Take slices along an axis, $y = a_{…, i, …}$: the indices' axes stand in its place."""

    def tan(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Tangent, $\tan x$, of radians."""

    def tanh(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        r"""Squash to (-1, 1), the hyperbolic tangent $\tanh x$."""

    def tile(
        self, reps: int | Sequence[int], *, out: Array | Sequence[Array] | None = None
    ) -> NDArray:
        """Lay copies of the whole array side by side."""

    def topk(
        self,
        axis: int | None = -1,
        k: int = 1,
        ret_typ: Literal["both", "indices", "mask", "value"] = "indices",
        is_ascend: bool = False,
        dtype: DTypeLike = "float32",
        *,
        out: Array | Sequence[Array] | None = None,
    ) -> NDArray | list[NDArray]:
        """Find the k greatest (or least) elements along an axis, in order."""

    def transpose(
        self, axes: int | Sequence[int] = (), *, out: Array | Sequence[Array] | None = None
    ) -> NDArray:
        """Permute the axes; of a matrix, $Y = X^T$."""

    def trunc(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        """Round towards 0."""

    def zeros_like(self, *, out: Array | Sequence[Array] | None = None) -> NDArray:
        """Make zeros of the shape and type of another array."""

    @overload
    def __add__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __add__(self, other: Array) -> Array: ...
    @overload
    def __radd__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __radd__(self, other: Array) -> Array: ...
    @overload
    def __sub__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __sub__(self, other: Array) -> Array: ...
    @overload
    def __rsub__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __rsub__(self, other: Array) -> Array: ...
    @overload
    def __mul__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __mul__(self, other: Array) -> Array: ...
    @overload
    def __rmul__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __rmul__(self, other: Array) -> Array: ...
    @overload
    def __truediv__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __truediv__(self, other: Array) -> Array: ...
    @overload
    def __rtruediv__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __rtruediv__(self, other: Array) -> Array: ...
    @overload
    def __mod__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __mod__(self, other: Array) -> Array: ...
    @overload
    def __rmod__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __rmod__(self, other: Array) -> Array: ...
    @overload
    def __pow__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __pow__(self, other: Array) -> Array: ...
    @overload
    def __rpow__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __rpow__(self, other: Array) -> Array: ...
    @overload  # type: ignore[override]
    def __eq__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __eq__(self, other: Array) -> Array: ...
    @overload  # type: ignore[override]
    def __ne__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __ne__(self, other: Array) -> Array: ...
    @overload
    def __gt__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __gt__(self, other: Array) -> Array: ...
    @overload
    def __ge__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __ge__(self, other: Array) -> Array: ...
    @overload
    def __lt__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __lt__(self, other: Array) -> Array: ...
    @overload
    def __le__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __le__(self, other: Array) -> Array: ...
    @overload
    def __iadd__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __iadd__(self, other: Array) -> NDArray: ...
    @overload
    def __isub__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __isub__(self, other: Array) -> NDArray: ...
    @overload
    def __imul__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __imul__(self, other: Array) -> NDArray: ...
    @overload
    def __itruediv__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __itruediv__(self, other: Array) -> NDArray: ...
    @overload
    def __imod__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __imod__(self, other: Array) -> NDArray: ...
    @overload
    def __ipow__(self, other: NDArray | float) -> NDArray: ...
    @overload
    def __ipow__(self, other: Array) -> NDArray: ...
    def __neg__(self) -> NDArray: ...
    def __abs__(self) -> NDArray: ...

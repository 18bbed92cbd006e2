"""The ops that are methods of a Symbol.

Made by scripts/stubs from the ops' declarations: change those, and run it again.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from numpy.typing import DTypeLike

from minisym.core.symbol import Symbol as Symbol

class Fluent:
    def abs(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        """Take the absolute value, $|x|$; its gradient at 0 is 0."""

    def arccos(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Inverse cosine, $\arccos x$ in radians; NaN outside [-1, 1]."""

    def arccosh(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Inverse hyperbolic cosine, $\ln(x + \sqrt{x^2 - 1})$; NaN below 1."""

    def arcsin(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Inverse sine, $\arcsin x$ in radians; NaN outside [-1, 1]."""

    def arcsinh(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Inverse hyperbolic sine, $\ln(x + \sqrt{x^2 + 1})$."""

    def arctan(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Inverse tangent, $\arctan x$ in radians."""

    def arctanh(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Inverse hyperbolic tangent, $\frac12 \ln \frac{1 + x}{1 - x}$; NaN outside [-1, 1]."""

    def argmax(
        self,
        axis: int | None = None,
        keepdims: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Say where the largest element is, in the type of the input; the first one of a tie."""

    def argmax_channel(
        self, *, name: str | None = None, attr: Mapping[str, str] | None = None
    ) -> Symbol:
        """Say where the largest element is along axis 1, in the type of the input."""

    def argmin(
        self,
        axis: int | None = None,
        keepdims: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Say where the smallest element is, in the type of the input; the first one of a tie."""

    def argsort(
        self,
        axis: int | None = -1,
        is_ascend: bool = True,
        dtype: DTypeLike = "float32",
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Return the places of the elements in sorted order; see `sort`."""

    def astype(
        self, dtype: DTypeLike, *, name: str | None = None, attr: Mapping[str, str] | None = None
    ) -> Symbol:
        """Convert to another type; floats are cut to integers towards 0."""

    def broadcast_axes(
        self,
        axis: int | Sequence[int] = (),
        size: int | Sequence[int] = (),
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Stretch some axes of size 1."""

    def broadcast_like(
        self,
        rhs: Symbol | None = None,
        lhs_axes: int | Sequence[int] | None = None,
        rhs_axes: int | Sequence[int] | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Stretch axes of size 1 to the shape of another array."""

    def broadcast_to(
        self,
        shape: int | Sequence[int] = (),
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Stretch axes of size 1 to a given shape."""

    def cbrt(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Take the cube root, $\sqrt[3] x$."""

    def ceil(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Round up, $\lceil x \rceil$."""

    def clip(
        self,
        a_min: float,
        a_max: float,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Limit to an interval, $\min(\max(x, a_\text{min}), a_\text{max})$."""

    def cos(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Cosine, $\cos x$, of radians."""

    def cosh(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Hyperbolic cosine, $\cosh x = (e^x + e^{-x}) / 2$."""

    def degrees(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Turn radians into degrees, $180 x / \pi$."""

    def depth_to_space(
        self, block_size: int, *, name: str | None = None, attr: Mapping[str, str] | None = None
    ) -> Symbol:
        """Spread groups of $b^2$ channels over $b × b$ blocks of pixels."""

    def diag(
        self,
        k: int = 0,
        axis1: int = 0,
        axis2: int = 1,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Take a diagonal, which becomes the last axis; or make a matrix of a vector."""

    def exp(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        """Exponential, $e^x$."""

    def expand_dims(
        self, axis: int, *, name: str | None = None, attr: Mapping[str, str] | None = None
    ) -> Symbol:
        """Insert an axis of size 1."""

    def expm1(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        """Exponential less one, $e^x - 1$, exact near 0."""

    def fix(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        """Round towards 0."""

    def flatten(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        """Collapse all axes but the first into one: $(d_1, d_2, …, d_k)$ becomes $(d_1, d_2⋯d_k)$."""

    def flip(
        self,
        axis: int | Sequence[int],
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Mirror an array along some axes."""

    def floor(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Round down, $\lfloor x \rfloor$."""

    def log(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Natural logarithm, $\ln x$."""

    def log10(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Decimal logarithm, $\log_{10} x$."""

    def log1p(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Logarithm of one more, $\ln(1 + x)$, exact near 0."""

    def log2(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Binary logarithm, $\log_2 x$."""

    def log_softmax(
        self,
        axis: int = -1,
        temperature: float | None = None,
        dtype: Literal["float16", "float32", "float64"] | None = None,
        use_length: bool | None = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Take the logarithm of softmax, $y_i = x_i / T - \ln \sum_j e^{x_j / T}$, along an axis."""

    def max(
        self,
        axis: int | Sequence[int] | None = None,
        keepdims: bool = False,
        exclude: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Take the largest over axes; each element of a tie gets the whole gradient."""

    def mean(
        self,
        axis: int | Sequence[int] | None = None,
        keepdims: bool = False,
        exclude: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Average over axes, $\frac1n \sum_i x_i$; of integers an integer."""

    def min(
        self,
        axis: int | Sequence[int] | None = None,
        keepdims: bool = False,
        exclude: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Take the smallest over axes; each element of a tie gets the whole gradient."""

    def nanprod(
        self,
        axis: int | Sequence[int] | None = None,
        keepdims: bool = False,
        exclude: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Multiply over axes what is not NaN; of nothing but NaN it is 1."""

    def nansum(
        self,
        axis: int | Sequence[int] | None = None,
        keepdims: bool = False,
        exclude: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Add up over axes what is not NaN; of nothing but NaN it is 0."""

    def norm(
        self,
        ord: int = 2,
        axis: int | Sequence[int] | None = None,
        out_dtype: DTypeLike | None = None,
        keepdims: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Take the norm over axes, $\sum_i |x_i|$ or $\sqrt{\sum_i x_i^2}$."""

    def one_hot(
        self,
        depth: int,
        on_value: float = 1.0,
        off_value: float = 0.0,
        dtype: DTypeLike = "float32",
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Write an index as a row with one number on, $y_{ij} = [j = x_i]$."""

    def ones_like(
        self, *, name: str | None = None, attr: Mapping[str, str] | None = None
    ) -> Symbol:
        """Make ones of the shape and type of another array."""

    def pad(
        self,
        mode: Literal["constant", "edge", "reflect"],
        pad_width: int | Sequence[int],
        constant_value: float = 0.0,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Put margins around the pictures (n, c, h, w) or volumes (n, c, d, h, w) of a batch."""

    def pick(
        self,
        index: Symbol | None = None,
        axis: int | None = -1,
        keepdims: bool = False,
        mode: Literal["clip", "wrap"] = "clip",
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Pick one element along an axis for each place of the others, $y_i = x_{i, k_i}$."""

    def prod(
        self,
        axis: int | Sequence[int] | None = None,
        keepdims: bool = False,
        exclude: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Multiply over axes, $\prod_i x_i$."""

    def radians(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Turn degrees into radians, $\pi x / 180$."""

    def rcbrt(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Invert the cube root, $1 / \sqrt[3] x$."""

    def reciprocal(
        self, *, name: str | None = None, attr: Mapping[str, str] | None = None
    ) -> Symbol:
        """Invert, $1 / x$."""

    def relu(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Rectify, $\max(x, 0)$; NaN stays NaN. The gradient at 0 is 0."""

    def repeat(
        self,
        repeats: int,
        axis: int | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Repeat each element, beside itself."""

    def reshape(
        self,
        shape: int | Sequence[int] = (),
        reverse: bool = False,
        target_shape: int | Sequence[int] = (),
        keep_highest: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Give an array another shape, $y = x$ in the same order of elements."""

    def reshape_like(
        self,
        rhs: Symbol | None = None,
        lhs_begin: int | None = None,
        lhs_end: int | None = None,
        rhs_begin: int | None = None,
        rhs_end: int | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Give `lhs` the shape of `rhs`, or replace some of its axes by some of `rhs`'s."""

    def rint(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Round to the nearest integer, halves down: $1.5 \to 1$, $-1.5 \to -2$."""

    def round(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Round to the nearest integer, halves away from 0: $2.5 \to 3$, $-2.5 \to -3$."""

    def rsqrt(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Invert the square root, $1 / \sqrt x$."""

    def shape_array(
        self, *, name: str | None = None, attr: Mapping[str, str] | None = None
    ) -> Symbol:
        """Tell the shape, as an array of int64."""

    def sigmoid(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Squash to (0, 1), $\sigma(x) = 1 / (1 + e^{-x})$."""

    def sign(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        """Take the sign: $-1$, 0 or 1; 0 for NaN."""

    def sin(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Sine, $\sin x$, of radians."""

    def sinh(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Hyperbolic sine, $\sinh x = (e^x - e^{-x}) / 2$."""

    def size_array(
        self, *, name: str | None = None, attr: Mapping[str, str] | None = None
    ) -> Symbol:
        """Tell the number of elements, as an array of one int64."""

    def slice(
        self,
        begin: Sequence[int | None],
        end: Sequence[int | None],
        step: Sequence[int | None] = (),
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Cut out a region, $y = x[b_0:e_0:s_0, b_1:e_1:s_1, …]$, as Python's slices do."""

    def slice_axis(
        self,
        axis: int,
        begin: int,
        end: int | None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Cut out a part along one axis."""

    def slice_like(
        self,
        shape_like: Symbol | None = None,
        axes: int | Sequence[int] = (),
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Cut an array down to the shape of another one, keeping the first elements of each axis."""

    def softmax(
        self,
        length: Symbol | None = None,
        axis: int = -1,
        temperature: float | None = None,
        dtype: Literal["float16", "float32", "float64"] | None = None,
        use_length: bool | None = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Normalise exponentials, $y_i = e^{x_i / T} / \sum_j e^{x_j / T}$, along an axis."""

    def softmin(
        self,
        axis: int = -1,
        temperature: float | None = None,
        dtype: Literal["float16", "float32", "float64"] | None = None,
        use_length: bool | None = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Normalise exponentials of negatives, $y_i = e^{-x_i / T} / \sum_j e^{-x_j / T}$."""

    def sort(
        self,
        axis: int | None = -1,
        is_ascend: bool = True,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Sort along an axis, or all elements as one vector; NaN comes last."""

    def space_to_depth(
        self, block_size: int, *, name: str | None = None, attr: Mapping[str, str] | None = None
    ) -> Symbol:
        """Stack $b × b$ blocks of pixels into $b^2$ times as many channels."""

    def split(
        self,
        num_outputs: int,
        axis: int = 1,
        squeeze_axis: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Cut an array into equal parts along an axis."""

    def split_v2(
        self, indices_or_sections: int | tuple[int, ...], axis: int = 0, squeeze_axis: bool = False
    ) -> Symbol:
        """Cut an array into a number of parts, or at the given indices."""

    def sqrt(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Take the square root, $\sqrt x$."""

    def square(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        """Square, $x^2$."""

    def squeeze(
        self,
        axis: int | Sequence[int] | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Drop axes of size 1; where all axes would go, one is kept."""

    def sum(
        self,
        axis: int | Sequence[int] | None = None,
        keepdims: bool = False,
        exclude: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Add up over axes, $\sum_i x_i$."""

    def swapaxes(
        self,
        dim1: int = 0,
        dim2: int = 0,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Exchange two axes."""

    def take(
        self,
        indices: Symbol | None = None,
        axis: int = 0,
        mode: Literal["clip", "raise", "wrap"] = "clip",
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Take slices along an axis, $y = a_{…, i, …}$: the indices' axes stand in its place."""

    def tan(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Tangent, $\tan x$, of radians."""

    def tanh(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        r"""Squash to (-1, 1), the hyperbolic tangent $\tanh x$."""

    def tile(
        self,
        reps: int | Sequence[int],
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Lay copies of the whole array side by side."""

    def topk(
        self,
        axis: int | None = -1,
        k: int = 1,
        ret_typ: Literal["both", "indices", "mask", "value"] = "indices",
        is_ascend: bool = False,
        dtype: DTypeLike = "float32",
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Find the k greatest (or least) elements along an axis, in order."""

    def transpose(
        self,
        axes: int | Sequence[int] = (),
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Permute the axes; of a matrix, $Y = X^T$."""

    def trunc(self, *, name: str | None = None, attr: Mapping[str, str] | None = None) -> Symbol:
        """Round towards 0."""

    def zeros_like(
        self, *, name: str | None = None, attr: Mapping[str, str] | None = None
    ) -> Symbol:
        """Make zeros of the shape and type of another array."""

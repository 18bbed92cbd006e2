"""Symbols, and a composing function for every op.

Made by scripts/stubs from the ops' declarations: change those, and run it again.
"""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Literal

from numpy.typing import DTypeLike

from minisym.formats.mxnet_json import load as load
from minisym.formats.mxnet_json import load_json as load_json
from minisym.symbol.functions import arange as arange
from minisym.symbol.functions import eye as eye
from minisym.symbol.functions import full as full
from minisym.symbol.functions import histogram as histogram
from minisym.symbol.functions import hypot as hypot
from minisym.symbol.functions import linspace as linspace
from minisym.symbol.functions import maximum as maximum
from minisym.symbol.functions import minimum as minimum
from minisym.symbol.functions import ones as ones
from minisym.symbol.functions import pow as pow
from minisym.symbol.functions import power as power
from minisym.symbol.functions import split_v2 as split_v2
from minisym.symbol.functions import zeros as zeros
from minisym.symbol.symbol import Group as Group
from minisym.symbol.symbol import NotImplementedForSymbol as NotImplementedForSymbol
from minisym.symbol.symbol import Symbol as Symbol
from minisym.symbol.symbol import Variable as Variable
from minisym.symbol.symbol import var as var

def Activation(
    data: Symbol | None = None,
    *,
    act_type: Literal["relu", "sigmoid", "softrelu", "softsign", "tanh"],
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Apply an activation function to each element."""

def BlockGrad(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Pass the array on, but no gradient back."""

def CTCLoss(
    data: Symbol | None = None,
    label: Symbol | None = None,
    data_lengths: Symbol | None = None,
    label_lengths: Symbol | None = None,
    use_data_lengths: bool = False,
    use_label_lengths: bool = False,
    blank_label: Literal["first", "last"] = "first",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Sum over all alignments, $L = -\ln \sum_{\pi} \prod_t \operatorname{softmax}(x_t)_{\pi_t}$."""

def Cast(
    data: Symbol | None = None,
    *,
    dtype: DTypeLike,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Convert to another type; floats are cut to integers towards 0."""

def Concat(
    *data: Symbol | Sequence[Symbol],
    num_args: int = 0,
    dim: int = 1,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Join arrays along an axis that exists; the others must agree."""

def Dropout(
    data: Symbol | None = None,
    p: float = 0.5,
    mode: Literal["always", "training"] = "training",
    axes: int | Sequence[int] = (),
    cudnn_off: bool | None = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Drop elements at random and scale the others, $y_i = x_i m_i / (1 - p)$, $m_i \in \{0, 1\}$."""

def Embedding(
    data: Symbol | None = None,
    weight: Symbol | None = None,
    *,
    input_dim: int,
    output_dim: int,
    dtype: DTypeLike = "float32",
    sparse_grad: bool = False,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Look up rows of a table, $y_i = W_{x_i}$: words become vectors."""

def Flatten(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Collapse all axes but the first into one: $(d_1, d_2, …, d_k)$ becomes $(d_1, d_2⋯d_k)$."""

def FullyConnected(
    data: Symbol | None = None,
    weight: Symbol | None = None,
    bias: Symbol | None = None,
    *,
    num_hidden: int,
    no_bias: bool = False,
    flatten: bool = True,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Apply a linear map, $Y = X W^\top + b$."""

def IdentityAttachKLSparseReg(
    data: Symbol | None = None,
    moving_avg: Symbol | None = None,
    sparseness_target: float | Symbol = 0.1,
    penalty: float | Symbol = 0.001,
    momentum: float | Symbol = 0.9,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Pass activations on, and penalise those that are not sparse by a KL divergence."""

def LeakyReLU(
    data: Symbol | None = None,
    gamma: Symbol | None = None,
    act_type: Literal["elu", "gelu", "leaky", "prelu", "rrelu", "selu"] = "leaky",
    slope: float = 0.25,
    lower_bound: float = 0.125,
    upper_bound: float = 0.334,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Rectify with a leak: $x$ where $x > 0$, and something small below."""

def LinearRegressionOutput(
    data: Symbol | None = None,
    label: Symbol | None = None,
    grad_scale: float = 1.0,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Predict the data, and learn by squared error, $(x - label) / m$."""

def LogisticRegressionOutput(
    data: Symbol | None = None,
    label: Symbol | None = None,
    grad_scale: float = 1.0,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Predict by the logistic function, and learn by cross-entropy, $(\sigma(x) - label) / m$."""

def MAERegressionOutput(
    data: Symbol | None = None,
    label: Symbol | None = None,
    grad_scale: float = 1.0,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Predict the data, and learn by absolute error, $\operatorname{sign}(x - label) / m$."""

def MakeLoss(
    data: Symbol | None = None,
    grad_scale: float = 1.0,
    valid_thresh: float = 0.0,
    normalization: Literal["batch", "null", "valid"] = "null",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Make any symbol a loss: pass it on, with the gradient 1 (times `grad_scale`)."""

def Reshape(
    data: Symbol | None = None,
    shape: int | Sequence[int] = (),
    reverse: bool = False,
    target_shape: int | Sequence[int] = (),
    keep_highest: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Give an array another shape, $y = x$ in the same order of elements."""

def SVMOutput(
    data: Symbol | None = None,
    label: Symbol | None = None,
    margin: float = 1.0,
    regularization_coefficient: float = 1.0,
    use_linear: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Pass scores on, and learn by the hinge loss $\sum_k \max(0, m - s_k x_k)^2$."""

def SliceChannel(
    data: Symbol | None = None,
    *,
    num_outputs: int,
    axis: int = 1,
    squeeze_axis: bool = False,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Cut an array into equal parts along an axis."""

def SoftmaxActivation(
    data: Symbol | None = None,
    mode: Literal["channel", "instance"] = "instance",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Normalise exponentials along the channels or the last axis; see `softmax`."""

def SoftmaxOutput(
    data: Symbol | None = None,
    label: Symbol | None = None,
    grad_scale: float = 1.0,
    ignore_label: float = -1.0,
    multi_output: bool = False,
    use_ignore: bool = False,
    preserve_shape: bool = False,
    normalization: Literal["batch", "null", "valid"] = "null",
    out_grad: bool = False,
    smooth_alpha: float = 0.0,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Predict by softmax, $p_k = e^{x_k} / \sum_j e^{x_j}$, and learn by cross-entropy."""

def SwapAxis(
    data: Symbol | None = None,
    dim1: int = 0,
    dim2: int = 0,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Exchange two axes."""

def abs(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Take the absolute value, $|x|$; its gradient at 0 is 0."""

def add_n(
    *data: Symbol | Sequence[Symbol],
    num_args: int = 0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Add any number of arrays of one shape, $\sum_i x_i$."""

def amp_cast(
    data: Symbol | None = None,
    *,
    dtype: DTypeLike,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Convert float16 and float32 to another type; other types stay as they are."""

def amp_multicast(
    *data: Symbol | Sequence[Symbol],
    num_outputs: int,
    cast_narrow: bool = False,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Convert float16 and float32 arrays to the widest type among them, or to the narrowest."""

def arccos(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Inverse cosine, $\arccos x$ in radians; NaN outside [-1, 1]."""

def arccosh(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Inverse hyperbolic cosine, $\ln(x + \sqrt{x^2 - 1})$; NaN below 1."""

def arcsin(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Inverse sine, $\arcsin x$ in radians; NaN outside [-1, 1]."""

def arcsinh(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Inverse hyperbolic sine, $\ln(x + \sqrt{x^2 + 1})$."""

def arctan(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Inverse tangent, $\arctan x$ in radians."""

def arctanh(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Inverse hyperbolic tangent, $\frac12 \ln \frac{1 + x}{1 - x}$; NaN outside [-1, 1]."""

def argmax(
    data: Symbol | None = None,
    axis: int | None = None,
    keepdims: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Say where the largest element is, in the type of the input; the first one of a tie."""

def argmax_channel(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Say where the largest element is along axis 1, in the type of the input."""

def argmin(
    data: Symbol | None = None,
    axis: int | None = None,
    keepdims: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Say where the smallest element is, in the type of the input; the first one of a tie."""

def batch_dot(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    transpose_a: bool = False,
    transpose_b: bool = False,
    forward_stype: Literal["default", "csr", "row_sparse"] | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Multiply the matrices of two batches pairwise, $Y_n = A_n B_n$."""

def batch_take(
    a: Symbol | None = None,
    indices: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Take one element of each row, $y_i = a_{i, k_i}$; see `pick`, which knows more."""

def broadcast_add(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Add with broadcasting, $x + y$."""

def broadcast_axis(
    data: Symbol | None = None,
    axis: int | Sequence[int] = (),
    size: int | Sequence[int] = (),
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Stretch some axes of size 1."""

def broadcast_div(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Divide with broadcasting, $x / y$. Integers are cut towards 0; 0 divides them to 0."""

def broadcast_equal(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Say where the operands are equal, ${x = y}$, with broadcasting."""

def broadcast_greater(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Say where the first operand is greater, ${x > y}$, with broadcasting."""

def broadcast_greater_equal(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Say where the first operand is greater or equal, ${x \ge y}$, with broadcasting."""

def broadcast_hypot(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Take the hypotenuse with broadcasting, $\sqrt{x^2 + y^2}$."""

def broadcast_lesser(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Say where the first operand is less, ${x < y}$, with broadcasting."""

def broadcast_lesser_equal(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Say where the first operand is less or equal, ${x \le y}$, with broadcasting."""

def broadcast_like(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    lhs_axes: int | Sequence[int] | None = None,
    rhs_axes: int | Sequence[int] | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Stretch axes of size 1 to the shape of another array."""

def broadcast_logical_and(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Say where both operands are nonzero, ${x \land y}$, with broadcasting."""

def broadcast_logical_or(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Say where an operand is nonzero, ${x \lor y}$, with broadcasting."""

def broadcast_logical_xor(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Say where exactly one operand is nonzero, ${x \veebar y}$, with broadcasting."""

def broadcast_maximum(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Take the larger with broadcasting, $\max(x, y)$; a tie sends the gradient to $x$."""

def broadcast_minimum(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Take the smaller with broadcasting, $\min(x, y)$; a tie sends the gradient to $x$."""

def broadcast_mod(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Take the remainder $x - \lfloor x / y \rfloor y$ with broadcasting; it has the sign of $y$."""

def broadcast_mul(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Multiply with broadcasting, $x y$."""

def broadcast_not_equal(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Say where the operands differ, ${x \ne y}$, with broadcasting."""

def broadcast_power(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Raise to a power with broadcasting, $x^y$. Integers are computed in float64."""

def broadcast_sub(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Subtract with broadcasting, $x - y$."""

def broadcast_to(
    data: Symbol | None = None,
    shape: int | Sequence[int] = (),
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Stretch axes of size 1 to a given shape."""

def cast_storage(
    data: Symbol | None = None,
    *,
    stype: Literal["default", "csr", "row_sparse"],
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Return the array as it is, $y = x$: arrays here are always dense."""

def cbrt(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Take the cube root, $\sqrt[3] x$."""

def ceil(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Round up, $\lceil x \rceil$."""

def clip(
    data: Symbol | None = None,
    *,
    a_min: float,
    a_max: float,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Limit to an interval, $\min(\max(x, a_\text{min}), a_\text{max})$."""

def cos(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Cosine, $\cos x$, of radians."""

def cosh(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Hyperbolic cosine, $\cosh x = (e^x + e^{-x}) / 2$."""

def cumsum(
    a: Symbol | None = None,
    axis: int | None = None,
    dtype: DTypeLike | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Add up what has come so far along an axis, $y_i = \sum_{j \le i} x_j$."""

def degrees(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Turn radians into degrees, $180 x / \pi$."""

def depth_to_space(
    data: Symbol | None = None,
    *,
    block_size: int,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Spread groups of $b^2$ channels over $b × b$ blocks of pixels."""

def diag(
    data: Symbol | None = None,
    k: int = 0,
    axis1: int = 0,
    axis2: int = 1,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Take a diagonal, which becomes the last axis; or make a matrix of a vector."""

def dot(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    transpose_a: bool = False,
    transpose_b: bool = False,
    forward_stype: Literal["default", "csr", "row_sparse"] | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Multiply matrices, $Y = AB$, where $Y_{ij} = \sum_k A_{ik} B_{kj}$."""

def elemwise_add(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Add two arrays of one shape, $x + y$."""

def elemwise_div(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Divide arrays of one shape, $x / y$. Integers are cut towards 0; 0 divides them to 0."""

def elemwise_mul(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Multiply arrays of one shape, $x y$."""

def elemwise_sub(
    lhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Subtract arrays of one shape, $x - y$."""

def erf(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Error function, $\operatorname{erf} x = \frac{2}{\sqrt\pi} \int_0^x e^{-t^2} dt$."""

def erfinv(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Inverse of the error function, $\operatorname{erf}^{-1} x$; NaN outside [-1, 1]."""

def exp(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Exponential, $e^x$."""

def expand_dims(
    data: Symbol | None = None,
    *,
    axis: int,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Insert an axis of size 1."""

def expm1(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Exponential less one, $e^x - 1$, exact near 0."""

def fix(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Round towards 0."""

def floor(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Round down, $\lfloor x \rfloor$."""

def gamma(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Gamma function, $\Gamma(x) = \int_0^\infty t^{x-1} e^{-t} dt$; exact at integers."""

def gammaln(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Logarithm of the gamma function, $\ln |\Gamma(x)|$."""

def hard_sigmoid(
    data: Symbol | None = None,
    alpha: float = 0.2,
    beta: float = 0.5,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Squash to [0, 1] by a line, $\min(\max(\alpha x + \beta, 0), 1)$."""

def identity(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Pass the array on, $x$."""

def log(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Natural logarithm, $\ln x$."""

def log10(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Decimal logarithm, $\log_{10} x$."""

def log1p(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Logarithm of one more, $\ln(1 + x)$, exact near 0."""

def log2(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Binary logarithm, $\log_2 x$."""

def log_softmax(
    data: Symbol | None = None,
    axis: int = -1,
    temperature: float | None = None,
    dtype: Literal["float16", "float32", "float64"] | None = None,
    use_length: bool | None = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Take the logarithm of softmax, $y_i = x_i / T - \ln \sum_j e^{x_j / T}$, along an axis."""

def logical_not(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Say where x is 0, $\lnot x$."""

def make_loss(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Pass the array on as a loss: its gradient is 1, whatever arrives at the output."""

def max(
    data: Symbol | None = None,
    axis: int | Sequence[int] | None = None,
    keepdims: bool = False,
    exclude: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Take the largest over axes; each element of a tie gets the whole gradient."""

def mean(
    data: Symbol | None = None,
    axis: int | Sequence[int] | None = None,
    keepdims: bool = False,
    exclude: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Average over axes, $\frac1n \sum_i x_i$; of integers an integer."""

def min(
    data: Symbol | None = None,
    axis: int | Sequence[int] | None = None,
    keepdims: bool = False,
    exclude: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Take the smallest over axes; each element of a tie gets the whole gradient."""

def moments(
    data: Symbol | None = None,
    axes: int | Sequence[int] | None = None,
    keepdims: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Take mean and variance over axes, $\mu = \sum_i x_i / n$ and $\sum_i (x_i - \mu)^2 / n$."""

def nanprod(
    data: Symbol | None = None,
    axis: int | Sequence[int] | None = None,
    keepdims: bool = False,
    exclude: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Multiply over axes what is not NaN; of nothing but NaN it is 1."""

def nansum(
    data: Symbol | None = None,
    axis: int | Sequence[int] | None = None,
    keepdims: bool = False,
    exclude: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Add up over axes what is not NaN; of nothing but NaN it is 0."""

def negative(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Negate, $-x$."""

def norm(
    data: Symbol | None = None,
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
    indices: Symbol | None = None,
    *,
    depth: int,
    on_value: float = 1.0,
    off_value: float = 0.0,
    dtype: DTypeLike = "float32",
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Write an index as a row with one number on, $y_{ij} = [j = x_i]$."""

def ones_like(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Make ones of the shape and type of another array."""

def pick(
    data: Symbol | None = None,
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
    data: Symbol | None = None,
    axis: int | Sequence[int] | None = None,
    keepdims: bool = False,
    exclude: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Multiply over axes, $\prod_i x_i$. The gradient is $y / x_i$: NaN where $x_i$ is 0."""

def radians(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Turn degrees into radians, $\pi x / 180$."""

def rcbrt(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Invert the cube root, $1 / \sqrt[3] x$."""

def reciprocal(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Invert, $1 / x$."""

def relu(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Rectify, $\max(x, 0)$; NaN stays NaN. The gradient at 0 is 0."""

def repeat(
    data: Symbol | None = None,
    *,
    repeats: int,
    axis: int | None = None,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Repeat each element, beside itself."""

def reshape_like(
    lhs: Symbol | None = None,
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

def reverse(
    data: Symbol | None = None,
    *,
    axis: int | Sequence[int],
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Mirror an array along some axes."""

def rint(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Round to the nearest integer, halves down: $1.5 \to 1$, $-1.5 \to -2$."""

def round(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Round to the nearest integer, halves away from 0: $2.5 \to 3$, $-2.5 \to -3$."""

def rsqrt(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Invert the square root, $1 / \sqrt x$."""

def shape_array(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Tell the shape, as an array of int64."""

def sigmoid(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Squash to (0, 1), $\sigma(x) = 1 / (1 + e^{-x})$."""

def sign(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Take the sign: $-1$, 0 or 1; 0 for NaN."""

def signsgd_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    *,
    lr: float | Symbol,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Step against the sign of the gradient, $w \leftarrow (1 - \eta\lambda)\,w - \eta\,\mathrm{sign}(g)$."""

def sin(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Sine, $\sin x$, of radians."""

def sinh(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Hyperbolic sine, $\sinh x = (e^x - e^{-x}) / 2$."""

def size_array(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Tell the number of elements, as an array of one int64."""

def slice(
    data: Symbol | None = None,
    *,
    begin: Sequence[int | None],
    end: Sequence[int | None],
    step: Sequence[int | None] = (),
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Cut out a region, $y = x[b_0:e_0:s_0, b_1:e_1:s_1, …]$, as Python's slices do."""

def slice_axis(
    data: Symbol | None = None,
    *,
    axis: int,
    begin: int,
    end: int | None,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Cut out a part along one axis."""

def slice_like(
    data: Symbol | None = None,
    shape_like: Symbol | None = None,
    axes: int | Sequence[int] = (),
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Cut an array down to the shape of another one, keeping the first elements of each axis."""

def smooth_l1(
    data: Symbol | None = None,
    scalar: float = 1.0,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Take the magnitude, rounded off by a parabola near 0."""

def softmax(
    data: Symbol | None = None,
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

def softmax_cross_entropy(
    data: Symbol | None = None,
    label: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Sum the cross-entropies of samples, $-\sum_i \ln \operatorname{softmax}(x_i)_{label_i}$."""

def softmin(
    data: Symbol | None = None,
    axis: int = -1,
    temperature: float | None = None,
    dtype: Literal["float16", "float32", "float64"] | None = None,
    use_length: bool | None = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Normalise exponentials of negatives, $y_i = e^{-x_i / T} / \sum_j e^{-x_j / T}$."""

def softsign(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Squash to (-1, 1), $x / (1 + |x|)$."""

def space_to_depth(
    data: Symbol | None = None,
    *,
    block_size: int,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Stack $b × b$ blocks of pixels into $b^2$ times as many channels."""

def sqrt(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Take the square root, $\sqrt x$."""

def square(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Square, $x^2$."""

def squeeze(
    data: Symbol | None = None,
    axis: int | Sequence[int] | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Drop axes of size 1; where all axes would go, one is kept."""

def stack(
    *data: Symbol | Sequence[Symbol],
    num_args: int = 0,
    axis: int = 0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Join arrays of one shape along a new axis."""

def sum(
    data: Symbol | None = None,
    axis: int | Sequence[int] | None = None,
    keepdims: bool = False,
    exclude: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Add up over axes, $\sum_i x_i$."""

def take(
    a: Symbol | None = None,
    indices: Symbol | None = None,
    axis: int = 0,
    mode: Literal["clip", "raise", "wrap"] = "clip",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Take slices along an axis, $y = a_{…, i, …}$: the indices' axes stand in its place."""

def tan(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Tangent, $\tan x$, of radians."""

def tanh(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Squash to (-1, 1), the hyperbolic tangent $\tanh x$."""

def tile(
    data: Symbol | None = None,
    *,
    reps: int | Sequence[int],
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Lay copies of the whole array side by side."""

def transpose(
    data: Symbol | None = None,
    axes: int | Sequence[int] = (),
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Permute the axes, $y_{i_0 i_1 …} = x_{…}$; of a matrix, $Y = X^T$."""

def trunc(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Round towards 0."""

def where(
    condition: Symbol | None = None,
    x: Symbol | None = None,
    y: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Choose from `x` where the condition is nonzero, else from `y`."""

def zeros_like(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Make zeros of the shape and type of another array."""

ElementWiseSum = add_n

Softmax = SoftmaxOutput

broadcast_axes = broadcast_axis

broadcast_minus = broadcast_sub

broadcast_plus = broadcast_add

cast = Cast

choose_element_0index = pick

concat = Concat

crop = slice

ctc_loss = CTCLoss

flatten = Flatten

flip = reverse

max_axis = max

min_axis = min

reshape = Reshape

split = SliceChannel

stop_gradient = BlockGrad

sum_axis = sum

swapaxes = SwapAxis

class _Linalg: ...

linalg: _Linalg

class _Random: ...

random: _Random

class _Contrib:
    @staticmethod
    def CTCLoss(
        data: Symbol | None = None,
        label: Symbol | None = None,
        data_lengths: Symbol | None = None,
        label_lengths: Symbol | None = None,
        use_data_lengths: bool = False,
        use_label_lengths: bool = False,
        blank_label: Literal["first", "last"] = "first",
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Sum over all alignments, $L = -\ln \sum_{\pi} \prod_t \operatorname{softmax}(x_t)_{\pi_t}$."""

    @staticmethod
    def ctc_loss(
        data: Symbol | None = None,
        label: Symbol | None = None,
        data_lengths: Symbol | None = None,
        label_lengths: Symbol | None = None,
        use_data_lengths: bool = False,
        use_label_lengths: bool = False,
        blank_label: Literal["first", "last"] = "first",
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Sum over all alignments, $L = -\ln \sum_{\pi} \prod_t \operatorname{softmax}(x_t)_{\pi_t}$."""

contrib: _Contrib

class _Image: ...

image: _Image

_internal: ModuleType

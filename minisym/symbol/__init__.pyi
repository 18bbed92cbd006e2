"""Symbols, and a composing function for every op.

Made by scripts/stubs from the ops' declarations: change those, and run it again.
"""

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Literal

from numpy.typing import DTypeLike

from minisym.core.errors import NotForSymbolError as NotForSymbolError
from minisym.core.symbol import Symbol as Symbol
from minisym.core.variable import Group as Group
from minisym.core.variable import Variable as Variable
from minisym.formats.mxnet_json import load as load
from minisym.formats.mxnet_json import load_json as load_json

NotImplementedForSymbol = NotForSymbolError

var = Variable

from minisym.core.functions import arange as arange
from minisym.core.functions import eye as eye
from minisym.core.functions import full as full
from minisym.core.functions import histogram as histogram
from minisym.core.functions import hypot as hypot
from minisym.core.functions import linspace as linspace
from minisym.core.functions import maximum as maximum
from minisym.core.functions import minimum as minimum
from minisym.core.functions import ones as ones
from minisym.core.functions import pow as pow
from minisym.core.functions import power as power
from minisym.core.functions import split_v2 as split_v2
from minisym.core.functions import zeros as zeros

def Activation(
    data: Symbol | None = None,
    *,
    act_type: Literal["relu", "sigmoid", "softrelu", "softsign", "tanh"],
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Apply an activation function to each element."""

def BatchNorm(
    data: Symbol | None = None,
    gamma: Symbol | None = None,
    beta: Symbol | None = None,
    moving_mean: Symbol | None = None,
    moving_var: Symbol | None = None,
    eps: float | Symbol = 0.001,
    momentum: float | Symbol = 0.9,
    fix_gamma: bool = True,
    use_global_stats: bool = False,
    output_mean_var: bool = False,
    axis: int = 1,
    cudnn_off: bool = False,
    min_calib_range: float | None = None,
    max_calib_range: float | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Normalise each channel over the batch, $y = \gamma (x - \mu) / \sqrt{v + \epsilon} + \beta$."""

def BatchNorm_v1(
    data: Symbol | None = None,
    gamma: Symbol | None = None,
    beta: Symbol | None = None,
    moving_mean: Symbol | None = None,
    moving_var: Symbol | None = None,
    eps: float | Symbol = 0.001,
    momentum: float | Symbol = 0.9,
    fix_gamma: bool = True,
    use_global_stats: bool = False,
    output_mean_var: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Normalise each channel over the batch: the first version of `BatchNorm`, for old files."""

def BilinearSampler(
    data: Symbol | None = None,
    grid: Symbol | None = None,
    cudnn_off: bool | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Interpolate an image bilinearly at the points of a grid."""

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

def Convolution(
    data: Symbol | None = None,
    weight: Symbol | None = None,
    bias: Symbol | None = None,
    *,
    kernel: int | Sequence[int],
    stride: int | Sequence[int] = (),
    dilate: int | Sequence[int] = (),
    pad: int | Sequence[int] = (),
    num_filter: int,
    num_group: int = 1,
    workspace: int = 1024,
    no_bias: bool = False,
    cudnn_tune: Literal["fastest", "limited_workspace", "off"] | None = None,
    cudnn_off: bool = False,
    layout: Literal["NCDHW", "NCHW", "NCW", "NDHWC", "NHWC"] | None = None,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Convolve, $y_f(p) = b_f + \sum_c \sum_k w_{fc}(k)\, x_c(s p + d k - pad)$."""

def Convolution_v1(
    data: Symbol | None = None,
    weight: Symbol | None = None,
    bias: Symbol | None = None,
    *,
    kernel: int | Sequence[int],
    stride: int | Sequence[int] = (),
    dilate: int | Sequence[int] = (),
    pad: int | Sequence[int] = (),
    num_filter: int,
    num_group: int = 1,
    workspace: int = 1024,
    no_bias: bool = False,
    cudnn_tune: Literal["fastest", "limited_workspace", "off"] | None = None,
    cudnn_off: bool = False,
    layout: Literal["NCDHW", "NCHW", "NCW", "NDHWC", "NHWC"] | None = None,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Convolve, $y_f(p) = b_f + \sum_c \sum_k w_{fc}(k)\, x_c(s p + d k - pad)$."""

def Correlation(
    data1: Symbol | None = None,
    data2: Symbol | None = None,
    kernel_size: int = 1,
    max_displacement: int = 1,
    stride1: int = 1,
    stride2: int = 1,
    pad_size: int = 0,
    is_multiply: bool = True,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Compare patches of an image with displaced patches of another, $\frac1n \sum x_1 x_2$."""

def Crop(
    *data: Symbol | Sequence[Symbol],
    num_args: int = 0,
    offset: int | Sequence[int] = (0, 0),
    h_w: int | Sequence[int] = (0, 0),
    center_crop: bool = False,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Crop the pictures (n, c, h, w) of a batch to a size, or to the size of a second array's."""

def Custom(
    *data: Symbol | Sequence[Symbol],
    op_type: str,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
    **kwargs: Any,
) -> Symbol:
    """Run an op that was written in Python, and registered by `ms.operator.register`."""

def Deconvolution(
    data: Symbol | None = None,
    weight: Symbol | None = None,
    bias: Symbol | None = None,
    *,
    kernel: int | Sequence[int],
    stride: int | Sequence[int] = (),
    dilate: int | Sequence[int] = (),
    pad: int | Sequence[int] = (),
    adj: int | Sequence[int] = (),
    target_shape: int | Sequence[int] = (),
    num_filter: int,
    num_group: int = 1,
    workspace: int = 512,
    no_bias: bool = True,
    cudnn_tune: Literal["fastest", "limited_workspace", "off"] | None = None,
    cudnn_off: bool = False,
    layout: Literal["NCDHW", "NCHW", "NCW", "NDHWC", "NHWC"] | None = None,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Convolve backwards: each element of the data adds a multiple of the kernel to the output."""

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

def GridGenerator(
    data: Symbol | None = None,
    *,
    transform_type: Literal["affine", "warp"],
    target_shape: int | Sequence[int] = (0, 0),
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Make a grid of points for `BilinearSampler`, (batch, 2, height, width) of x and y."""

def GroupNorm(
    data: Symbol | None = None,
    gamma: Symbol | None = None,
    beta: Symbol | None = None,
    num_groups: int = 1,
    eps: float = 1e-05,
    output_mean_var: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Normalise each group of channels of each sample, $y = \gamma (x - \mu) / \sigma + \beta$."""

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

def InstanceNorm(
    data: Symbol | None = None,
    gamma: Symbol | None = None,
    beta: Symbol | None = None,
    eps: float = 0.001,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Normalise each channel of each sample, $y = \gamma (x - \mu) / \sigma + \beta$."""

def L2Normalization(
    data: Symbol | None = None,
    eps: float = 1e-10,
    mode: Literal["channel", "instance", "spatial"] = "instance",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Scale to length 1, $y = x / \sqrt{\sum x^2 + \epsilon}$."""

def LRN(
    data: Symbol | None = None,
    alpha: float = 0.0001,
    beta: float = 0.75,
    knorm: float = 2.0,
    *,
    nsize: int,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Damp by neighbours, $y_c = x_c (k + \frac{\alpha}{n} \sum_{|j-c|<n/2} x_j^2)^{-\beta}$."""

def LayerNorm(
    data: Symbol | None = None,
    gamma: Symbol | None = None,
    beta: Symbol | None = None,
    axis: int = -1,
    eps: float = 1e-05,
    output_mean_var: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Normalise along one axis, $y = \gamma (x - \mu) / \sigma + \beta$."""

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
    out_grad: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Predict the data, and learn by squared error, $(x - label) / m$."""

def LogisticRegressionOutput(
    data: Symbol | None = None,
    label: Symbol | None = None,
    grad_scale: float = 1.0,
    out_grad: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Predict by the logistic function, and learn by cross-entropy, $(\sigma(x) - label) / m$."""

def MAERegressionOutput(
    data: Symbol | None = None,
    label: Symbol | None = None,
    grad_scale: float = 1.0,
    out_grad: bool = False,
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

def Pad(
    data: Symbol | None = None,
    *,
    mode: Literal["constant", "edge", "reflect"],
    pad_width: int | Sequence[int],
    constant_value: float = 0.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Put margins around the pictures (n, c, h, w) or volumes (n, c, d, h, w) of a batch."""

def Pooling(
    data: Symbol | None = None,
    kernel: int | Sequence[int] = (),
    pool_type: Literal["avg", "lp", "max", "sum"] = "max",
    global_pool: bool = False,
    cudnn_off: bool = False,
    pooling_convention: Literal["full", "same", "valid"] = "valid",
    stride: int | Sequence[int] = (),
    pad: int | Sequence[int] = (),
    p_value: int | None = None,
    count_include_pad: bool | None = None,
    layout: Literal["NCDHW", "NCHW", "NCW", "NDHWC", "NHWC", "NWC"] | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Reduce windows of each channel to their maximum, mean, sum, or $(\sum x^p)^{1/p}$."""

def Pooling_v1(
    data: Symbol | None = None,
    kernel: int | Sequence[int] = (),
    pool_type: Literal["avg", "max", "sum"] = "max",
    global_pool: bool = False,
    pooling_convention: Literal["full", "valid"] = "valid",
    stride: int | Sequence[int] = (),
    pad: int | Sequence[int] = (),
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Reduce windows of each channel: the first version of `Pooling`, for old files."""

def RNN(
    data: Symbol | None = None,
    parameters: Symbol | None = None,
    state: Symbol | None = None,
    state_cell: Symbol | None = None,
    sequence_length: Symbol | None = None,
    *,
    state_size: int,
    num_layers: int,
    bidirectional: bool = False,
    mode: Literal["gru", "lstm", "rnn_relu", "rnn_tanh"],
    p: float = 0.0,
    state_outputs: bool = False,
    projection_size: int | None = None,
    lstm_state_clip_min: float | None = None,
    lstm_state_clip_max: float | None = None,
    lstm_state_clip_nan: bool = False,
    use_sequence_length: bool = False,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Run recurrent layers over sequences (time, batch, size)."""

def ROIPooling(
    data: Symbol | None = None,
    rois: Symbol | None = None,
    *,
    pooled_size: int | Sequence[int],
    spatial_scale: float,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Reduce each region of an image to bins, and each bin to its maximum."""

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

def SequenceLast(
    data: Symbol | None = None,
    sequence_length: Symbol | None = None,
    use_sequence_length: bool = False,
    axis: int = 0,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Take the last element of each sequence."""

def SequenceMask(
    data: Symbol | None = None,
    sequence_length: Symbol | None = None,
    use_sequence_length: bool = False,
    value: float = 0.0,
    axis: int = 0,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Overwrite what lies behind the end of each sequence with a value."""

def SequenceReverse(
    data: Symbol | None = None,
    sequence_length: Symbol | None = None,
    use_sequence_length: bool = False,
    axis: int = 0,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Reverse each sequence; what lies behind its end stays where it is."""

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

def SpatialTransformer(
    data: Symbol | None = None,
    loc: Symbol | None = None,
    target_shape: int | Sequence[int] = (0, 0),
    *,
    transform_type: Literal["affine"],
    sampler_type: Literal["bilinear"],
    cudnn_off: bool | None = None,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Sample an image where affine maps take the pixels of the output."""

def SwapAxis(
    data: Symbol | None = None,
    dim1: int = 0,
    dim2: int = 0,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Exchange two axes."""

def UpSampling(
    *data: Symbol | Sequence[Symbol],
    scale: int,
    num_filter: int = 0,
    sample_type: Literal["bilinear", "nearest"],
    multi_input_mode: Literal["concat", "sum"] = "concat",
    num_args: int = 1,
    workspace: int = 512,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Enlarge images, $y_{ij} = x_{\lfloor i/s \rfloor \lfloor j/s \rfloor}$ with "nearest"."""

def abs(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Take the absolute value, $|x|$; its gradient at 0 is 0."""

def accumulate_update(
    total: Symbol | None = None,
    grad: Symbol | None = None,
    reset: float | Symbol = 0.0,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Return the sum of a gradient over runs, $a + g$, and keep it: $a \leftarrow a + g$, or 0."""

def adadelta_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    acc_g: Symbol | None = None,
    acc_delta: Symbol | None = None,
    rho: float | Symbol = 0.9,
    epsilon: float | Symbol = 1e-05,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Step by the gradient, in the unit of the steps before: there is no learning rate."""

def adagrad_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    history: Symbol | None = None,
    *,
    lr: float | Symbol,
    epsilon: float | Symbol = 1e-07,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Step by the gradient over the root of all its squares so far."""

def adam_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    mean: Symbol | None = None,
    var: Symbol | None = None,
    *,
    lr: float | Symbol,
    beta1: float | Symbol = 0.9,
    beta2: float | Symbol = 0.999,
    epsilon: float | Symbol = 1e-08,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    lazy_update: bool = True,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Step by the mean gradient over its root mean square."""

def adamax_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    mean: Symbol | None = None,
    bound: Symbol | None = None,
    *,
    lr: float | Symbol,
    beta1: float | Symbol = 0.9,
    beta2: float | Symbol = 0.999,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Step by the mean gradient over the largest one of late: Adam in the infinity norm."""

def add_n(
    *data: Symbol | Sequence[Symbol],
    num_args: int = 0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Add any number of arrays of one shape, $\sum_i x_i$."""

def all_finite(
    data: Symbol | None = None,
    init_output: bool = True,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Return 1 if no element is infinite or NaN, else 0."""

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

def argsort(
    data: Symbol | None = None,
    axis: int | None = -1,
    is_ascend: bool = True,
    dtype: DTypeLike = "float32",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Return the places of the elements in sorted order; see `sort`."""

def assign(
    weight: Symbol | None = None,
    value: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Write a value into a variable, $w \leftarrow x$, in the variable's floating type."""

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

def col2im(
    data: Symbol | None = None,
    *,
    output_size: int | Sequence[int],
    kernel: int | Sequence[int],
    stride: int | Sequence[int] = (),
    dilate: int | Sequence[int] = (),
    pad: int | Sequence[int] = (),
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Add columns up to the image whose windows they are: the adjoint of `im2col`."""

def conditional_update(
    weight: Symbol | None = None,
    old: Symbol | None = None,
    condition: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Let a write happen only where a condition holds: the new value if it is not 0, else the old."""

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

def dcasgd_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    mom: Symbol | None = None,
    previous: Symbol | None = None,
    *,
    lr: float | Symbol,
    momentum: float | Symbol = 0.0,
    lamda: float | Symbol = 0.04,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Step along a gradient that is late, by what the weights have moved in the meantime."""

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

def ef_signsgd_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    error: Symbol | None = None,
    *,
    lr: float | Symbol,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Step by a scaled sign, and keep what it left out for the next step."""

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

def fill_element_0index(
    lhs: Symbol | None = None,
    mhs: Symbol | None = None,
    rhs: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Return the matrix `lhs` with the elements of `mhs` in the columns that `rhs` names."""

def fix(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Round towards 0."""

def floor(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Round down, $\lfloor x \rfloor$."""

def ftml_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    d: Symbol | None = None,
    v: Symbol | None = None,
    z: Symbol | None = None,
    *,
    lr: float | Symbol,
    beta1: float | Symbol = 0.6,
    beta2: float | Symbol = 0.999,
    epsilon: float | Symbol = 1e-08,
    t: float | Symbol,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_grad: float | Symbol = -1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Follow the moving leader."""

def ftrl_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    z: Symbol | None = None,
    n: Symbol | None = None,
    *,
    lr: float | Symbol,
    lamda1: float | Symbol = 0.01,
    beta: float | Symbol = 1.0,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Follow the regularized leader: weights that matter little become exactly 0."""

def gamma(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Gamma function, $\Gamma(x) = \int_0^\infty t^{x-1} e^{-t} dt$; exact at integers."""

def gammaln(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Logarithm of the gamma function, $\ln |\Gamma(x)|$."""

def gather_nd(
    data: Symbol | None = None,
    indices: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Gather the elements at some coordinates, $y_{n…} = x_{k_{0n}, k_{1n}, …}$."""

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
    """Pass the array on, $y = x$."""

def im2col(
    data: Symbol | None = None,
    *,
    kernel: int | Sequence[int],
    stride: int | Sequence[int] = (),
    dilate: int | Sequence[int] = (),
    pad: int | Sequence[int] = (),
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Lay out the windows of an image as columns."""

def keep(
    state: Symbol | None = None,
    value: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Write a value into an auxiliary state, $s \leftarrow x$, in the state's floating type."""

def khatri_rao(
    *data: Symbol | Sequence[Symbol],
    num_args: int = 0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Multiply matrices column by column, $y_j = a_j \otimes b_j \otimes …$ (Kronecker)."""

def lamb_update_phase1(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    mean: Symbol | None = None,
    var: Symbol | None = None,
    beta1: float | Symbol = 0.9,
    beta2: float | Symbol = 0.999,
    epsilon: float | Symbol = 1e-06,
    *,
    t: float | Symbol,
    bias_correction: bool = True,
    wd: float | Symbol,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Return LAMB's direction, $\hat m / (\sqrt{\hat v} + \epsilon) + \lambda w$."""

def lamb_update_phase2(
    weight: Symbol | None = None,
    g: Symbol | None = None,
    r1: Symbol | None = None,
    r2: Symbol | None = None,
    *,
    lr: float | Symbol,
    lower_bound: float | Symbol = -1.0,
    upper_bound: float | Symbol = -1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Step along LAMB's direction, $w \leftarrow w - \eta\,\frac{r_1}{r_2}\, g$."""

def linalg_det(
    A: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Compute determinants, $y = \det A$."""

def linalg_extractdiag(
    A: Symbol | None = None,
    offset: int = 0,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Take a diagonal of each matrix."""

def linalg_extracttrian(
    A: Symbol | None = None,
    offset: int = 0,
    lower: bool = True,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Take a triangle of each matrix as a vector: a lower one row by row, an upper one by columns."""

def linalg_gelqf(
    A: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Factor wide matrices, $A = L Q$, L a lower triangle and $Q Q^T = I$; return Q, then L."""

def linalg_gemm(
    A: Symbol | None = None,
    B: Symbol | None = None,
    C: Symbol | None = None,
    transpose_a: bool = False,
    transpose_b: bool = False,
    alpha: float = 1.0,
    beta: float = 1.0,
    axis: int = -2,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Multiply matrices and add, $Y = \alpha A B + \beta C$."""

def linalg_gemm2(
    A: Symbol | None = None,
    B: Symbol | None = None,
    transpose_a: bool = False,
    transpose_b: bool = False,
    alpha: float = 1.0,
    axis: int = -2,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Multiply matrices, $Y = \alpha A B$."""

def linalg_inverse(
    A: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Invert matrices, $Y = A^{-1}$; a singular one is an error."""

def linalg_makediag(
    A: Symbol | None = None,
    offset: int = 0,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Make matrices that are 0 but for one diagonal."""

def linalg_maketrian(
    A: Symbol | None = None,
    offset: int = 0,
    lower: bool = True,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Make matrices that are 0 but for a triangle; the other way round than `extracttrian`."""

def linalg_potrf(
    A: Symbol | None = None,
    lower: bool = True,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Factor symmetric positive definite matrices, $A = L L^T$; return the lower triangle L."""

def linalg_potri(
    A: Symbol | None = None,
    lower: bool = True,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Invert from a Cholesky factor, $Y = (A A^T)^{-1}$ for lower triangles A; see `potrf`."""

def linalg_slogdet(
    A: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Compute the sign of the determinant, and $\ln |\det A|$."""

def linalg_sumlogdiag(
    A: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Add up the logarithms of the diagonal, $y = \sum_i \ln A_{ii}$."""

def linalg_syrk(
    A: Symbol | None = None,
    transpose: bool = False,
    alpha: float = 1.0,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Multiply matrices by their own transposes, $Y = \alpha A A^T$."""

def linalg_trmm(
    A: Symbol | None = None,
    B: Symbol | None = None,
    transpose: bool = False,
    rightside: bool = False,
    lower: bool = True,
    alpha: float = 1.0,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Multiply by a triangular matrix, $Y = \alpha A B$, or $\alpha B A$."""

def linalg_trsm(
    A: Symbol | None = None,
    B: Symbol | None = None,
    transpose: bool = False,
    rightside: bool = False,
    lower: bool = True,
    alpha: float = 1.0,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Solve a triangular system $A X = \alpha B$, or $X A = \alpha B$."""

def lion_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    mom: Symbol | None = None,
    *,
    lr: float | Symbol,
    beta1: float | Symbol = 0.9,
    beta2: float | Symbol = 0.99,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Step by the sign of gradient and momentum together."""

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

def loss_scale_update(
    scale: Symbol | None = None,
    count: Symbol | None = None,
    finite: Symbol | None = None,
    factor: float | Symbol = 2.0,
    window: int = 2000,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Adapt a loss scale: divide it where gradients overflowed, and let it grow after a while."""

def majority_vote(
    *data: Symbol | Sequence[Symbol],
    num_args: int = 0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Return the sign that most arrays have, $\mathrm{sign}(\sum_i \mathrm{sign}(x_i))$."""

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

def mp_lamb_update_phase1(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    mean: Symbol | None = None,
    var: Symbol | None = None,
    weight32: Symbol | None = None,
    beta1: float | Symbol = 0.9,
    beta2: float | Symbol = 0.999,
    epsilon: float | Symbol = 1e-06,
    *,
    t: float | Symbol,
    bias_correction: bool = True,
    wd: float | Symbol,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Do `lamb_update_phase1` with a float32 master of the weight; the direction is float32."""

def mp_lamb_update_phase2(
    weight: Symbol | None = None,
    g: Symbol | None = None,
    r1: Symbol | None = None,
    r2: Symbol | None = None,
    weight32: Symbol | None = None,
    *,
    lr: float | Symbol,
    lower_bound: float | Symbol = -1.0,
    upper_bound: float | Symbol = -1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Do `lamb_update_phase2` from a float32 master, and round it to the weight's type."""

def mp_nag_mom_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    mom: Symbol | None = None,
    weight32: Symbol | None = None,
    *,
    lr: float | Symbol,
    momentum: float | Symbol = 0.0,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Do `nag_mom_update` on a float32 master, and round it to the weight's type."""

def mp_sgd_mom_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    mom: Symbol | None = None,
    weight32: Symbol | None = None,
    *,
    lr: float | Symbol,
    momentum: float | Symbol = 0.0,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    lazy_update: bool = True,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Do `sgd_mom_update` on a float32 master, and round it to the weight's type."""

def mp_sgd_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    weight32: Symbol | None = None,
    *,
    lr: float | Symbol,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    lazy_update: bool = True,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Do `sgd_update` on a float32 master, and round it to the weight's type."""

def multi_all_finite(
    *data: Symbol | Sequence[Symbol],
    num_arrays: int = 0,
    init_output: bool = True,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Return 1 if no element of any array is infinite or NaN, else 0."""

def multi_lars(
    lrs: Symbol | None = None,
    weights_sum_sq: Symbol | None = None,
    grads_sum_sq: Symbol | None = None,
    wds: Symbol | None = None,
    *,
    eta: float,
    eps: float,
    rescale_grad: float = 1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Scale each learning rate by LARS."""

def multi_mp_sgd_mom_update(
    *data: Symbol | Sequence[Symbol],
    lrs: float | Sequence[float],
    wds: float | Sequence[float],
    momentum: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    num_weights: int = 1,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Do `mp_sgd_mom_update` on many weights."""

def multi_mp_sgd_update(
    *data: Symbol | Sequence[Symbol],
    lrs: float | Sequence[float],
    wds: float | Sequence[float],
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    num_weights: int = 1,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Do `mp_sgd_update` on many weights."""

def multi_sgd_mom_update(
    *data: Symbol | Sequence[Symbol],
    lrs: float | Sequence[float],
    wds: float | Sequence[float],
    momentum: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    num_weights: int = 1,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Do `sgd_mom_update` on many weights."""

def multi_sgd_update(
    *data: Symbol | Sequence[Symbol],
    lrs: float | Sequence[float],
    wds: float | Sequence[float],
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    num_weights: int = 1,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Do `sgd_update` on many weights."""

def multi_sum_sq(
    *data: Symbol | Sequence[Symbol],
    num_arrays: int = 0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Return $\sum_j x_{ij}^2$ for each array $x_i$: squared in its type, summed in float32."""

def nadam_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    mean: Symbol | None = None,
    var: Symbol | None = None,
    *,
    lr: float | Symbol,
    momentum: float | Symbol,
    next_momentum: float | Symbol,
    schedule: float | Symbol,
    correction: float | Symbol,
    beta1: float | Symbol = 0.9,
    beta2: float | Symbol = 0.999,
    epsilon: float | Symbol = 1e-08,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Do Adam with Nesterov's momentum, whose strength follows a schedule."""

def nag_mom_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    mom: Symbol | None = None,
    *,
    lr: float | Symbol,
    momentum: float | Symbol = 0.0,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Descend with Nesterov's momentum."""

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

def normal(
    loc: float = 0.0,
    scale: float = 1.0,
    shape: int | Sequence[int] | None = None,
    ctx: str = "",
    dtype: Literal["None", "float16", "float32", "float64"] = "None",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Draw from the normal distribution $N(loc, scale^2)$."""

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

def preloaded_multi_mp_sgd_mom_update(
    *data: Symbol | Sequence[Symbol],
    momentum: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    num_weights: int = 1,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Do `mp_sgd_mom_update` on many weights, with rates and decays from arrays."""

def preloaded_multi_mp_sgd_update(
    *data: Symbol | Sequence[Symbol],
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    num_weights: int = 1,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Do `mp_sgd_update` on many weights, with rates and decays from arrays."""

def preloaded_multi_sgd_mom_update(
    *data: Symbol | Sequence[Symbol],
    momentum: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    num_weights: int = 1,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Do `sgd_mom_update` on many weights, with rates and decays from arrays."""

def preloaded_multi_sgd_update(
    *data: Symbol | Sequence[Symbol],
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    num_weights: int = 1,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Do `sgd_update` on many weights, with rates and decays from arrays."""

def prod(
    data: Symbol | None = None,
    axis: int | Sequence[int] | None = None,
    keepdims: bool = False,
    exclude: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Multiply over axes, $\prod_i x_i$."""

def radians(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Turn degrees into radians, $\pi x / 180$."""

def random_exponential(
    lam: float = 1.0,
    shape: int | Sequence[int] | None = None,
    ctx: str = "",
    dtype: Literal["None", "float16", "float32", "float64"] = "None",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Draw from the exponential distribution with rate $\lambda$."""

def random_gamma(
    alpha: float = 1.0,
    beta: float = 1.0,
    shape: int | Sequence[int] | None = None,
    ctx: str = "",
    dtype: Literal["None", "float16", "float32", "float64"] = "None",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Draw from the gamma distribution with shape $\alpha$ and scale $\beta$."""

def random_generalized_negative_binomial(
    mu: float = 1.0,
    alpha: float = 1.0,
    shape: int | Sequence[int] | None = None,
    ctx: str = "",
    dtype: Literal["None", "float16", "float32", "float64"] = "None",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Draw from the negative binomial distribution with mean $\mu$ and dispersion $\alpha$."""

def random_negative_binomial(
    k: int = 1,
    p: float = 1.0,
    shape: int | Sequence[int] | None = None,
    ctx: str = "",
    dtype: Literal["None", "float16", "float32", "float64"] = "None",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Draw from the negative binomial distribution: successes before the $k$-th failure."""

def random_normal(
    loc: float = 0.0,
    scale: float = 1.0,
    shape: int | Sequence[int] | None = None,
    ctx: str = "",
    dtype: Literal["None", "float16", "float32", "float64"] = "None",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Draw from the normal distribution $N(loc, scale^2)$."""

def random_pdf_dirichlet(
    sample: Symbol | None = None,
    alpha: Symbol | None = None,
    is_log: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Density of the Dirichlet distribution."""

def random_pdf_exponential(
    sample: Symbol | None = None,
    lam: Symbol | None = None,
    is_log: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Density of the exponential distribution, $\lambda e^{-\lambda x}$."""

def random_pdf_gamma(
    sample: Symbol | None = None,
    alpha: Symbol | None = None,
    beta: Symbol | None = None,
    is_log: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Density of the gamma distribution with rate $\beta$, $\beta^\alpha x^{\alpha-1} e^{-\beta x} / \Gamma(\alpha)$."""

def random_pdf_generalized_negative_binomial(
    sample: Symbol | None = None,
    mu: Symbol | None = None,
    alpha: Symbol | None = None,
    is_log: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Probability of $x$ under the negative binomial distribution with mean $\mu$ and dispersion $\alpha$."""

def random_pdf_negative_binomial(
    sample: Symbol | None = None,
    k: Symbol | None = None,
    p: Symbol | None = None,
    is_log: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Probability of $x$ successes before the $k$-th failure, whose probability is $p$."""

def random_pdf_normal(
    sample: Symbol | None = None,
    mu: Symbol | None = None,
    sigma: Symbol | None = None,
    is_log: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Density of the normal distribution, $e^{-(x - \mu)^2 / 2\sigma^2} / \sqrt{2\pi\sigma^2}$."""

def random_pdf_poisson(
    sample: Symbol | None = None,
    lam: Symbol | None = None,
    is_log: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Probability of $x$ under the Poisson distribution, $\lambda^x e^{-\lambda} / x!$."""

def random_pdf_uniform(
    sample: Symbol | None = None,
    low: Symbol | None = None,
    high: Symbol | None = None,
    is_log: bool = False,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Density of the uniform distribution, $1 / (high - low)$."""

def random_poisson(
    lam: float = 1.0,
    shape: int | Sequence[int] | None = None,
    ctx: str = "",
    dtype: Literal["None", "float16", "float32", "float64"] = "None",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Draw from the Poisson distribution with rate $\lambda$."""

def random_randint(
    low: int,
    high: int,
    shape: int | Sequence[int] | None = None,
    ctx: str = "",
    dtype: Literal["None", "int32", "int64"] = "None",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Draw integers, each of [low, high) with the same probability."""

def random_uniform(
    low: float = 0.0,
    high: float = 1.0,
    shape: int | Sequence[int] | None = None,
    ctx: str = "",
    dtype: Literal["None", "float16", "float32", "float64"] = "None",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Draw from the uniform distribution on $[low, high)$."""

def ravel_multi_index(
    data: Symbol | None = None,
    shape: int | Sequence[int] | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Turn coordinates into positions, $y_n = \sum_i x_{in} \prod_{j>i} d_j$."""

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

def reset_arrays(
    *data: Symbol | Sequence[Symbol],
    num_arrays: int = 0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Set all arrays to zero."""

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

def rmsprop_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    n: Symbol | None = None,
    *,
    lr: float | Symbol,
    gamma1: float | Symbol = 0.95,
    epsilon: float | Symbol = 1e-08,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    clip_weights: float | Symbol = -1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Step by the gradient over its root mean square."""

def rmspropalex_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    n: Symbol | None = None,
    g: Symbol | None = None,
    delta: Symbol | None = None,
    *,
    lr: float | Symbol,
    gamma1: float | Symbol = 0.95,
    gamma2: float | Symbol = 0.9,
    epsilon: float | Symbol = 1e-08,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    clip_weights: float | Symbol = -1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Step by the gradient over its standard deviation, with momentum."""

def round(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Round to the nearest integer, halves away from 0: $2.5 \to 3$, $-2.5 \to -3$."""

def rsqrt(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    r"""Invert the square root, $1 / \sqrt x$."""

def sample_exponential(
    lam: Symbol | None = None,
    shape: int | Sequence[int] = (),
    dtype: Literal["None", "float16", "float32", "float64"] = "None",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Draw for each element of the parameters from the exponential distribution with rate $\lambda$."""

def sample_gamma(
    alpha: Symbol | None = None,
    beta: Symbol | None = None,
    shape: int | Sequence[int] = (),
    dtype: Literal["None", "float16", "float32", "float64"] = "None",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Draw for each element of the parameters from the gamma distribution with shape $\alpha$ and scale $\beta$."""

def sample_generalized_negative_binomial(
    mu: Symbol | None = None,
    alpha: Symbol | None = None,
    shape: int | Sequence[int] = (),
    dtype: Literal["None", "float16", "float32", "float64"] = "None",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Draw for each element of the parameters from the negative binomial distribution with mean $\mu$ and dispersion $\alpha$."""

def sample_multinomial(
    data: Symbol | None = None,
    shape: int | Sequence[int] = (),
    get_prob: bool = False,
    dtype: Literal["float16", "float32", "float64", "int32", "uint8"] = "int32",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Draw class numbers, $k$ with the probability $p_k$ that the last axis of `data` gives."""

def sample_negative_binomial(
    k: Symbol | None = None,
    p: Symbol | None = None,
    shape: int | Sequence[int] = (),
    dtype: Literal["None", "float16", "float32", "float64"] = "None",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Draw for each element of the parameters from the negative binomial distribution: successes before the $k$-th failure."""

def sample_normal(
    mu: Symbol | None = None,
    sigma: Symbol | None = None,
    shape: int | Sequence[int] = (),
    dtype: Literal["None", "float16", "float32", "float64"] = "None",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Draw for each element of the parameters from the normal distribution $N(loc, scale^2)$."""

def sample_poisson(
    lam: Symbol | None = None,
    shape: int | Sequence[int] = (),
    dtype: Literal["None", "float16", "float32", "float64"] = "None",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Draw for each element of the parameters from the Poisson distribution with rate $\lambda$."""

def sample_uniform(
    low: Symbol | None = None,
    high: Symbol | None = None,
    shape: int | Sequence[int] = (),
    dtype: Literal["None", "float16", "float32", "float64"] = "None",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Draw for each element of the parameters from the uniform distribution on $[low, high)$."""

def scale_gradient(
    data: Symbol | None = None,
    scale: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Return the data as they are; the gradient that flows back is multiplied by `scale`."""

def scatter_nd(
    data: Symbol | None = None,
    indices: Symbol | None = None,
    *,
    shape: int | Sequence[int],
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Scatter elements to coordinates in an array of zeros; where two meet, the last one stays."""

def sgd_mom_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    mom: Symbol | None = None,
    *,
    lr: float | Symbol,
    momentum: float | Symbol = 0.0,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    lazy_update: bool = True,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Descend with momentum."""

def sgd_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    *,
    lr: float | Symbol,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    lazy_update: bool = True,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Descend along the gradient, $w \leftarrow w - \eta\,(g + \lambda w)$."""

def sgld_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    noise: Symbol | None = None,
    *,
    lr: float | Symbol,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Step by noise, $w \leftarrow w - \frac{\eta}{2} (g + \lambda w) + \sqrt{\eta}\, n$."""

def shape_array(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Tell the shape, as an array of int64."""

def shuffle(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Put the elements of the first axis in random order, all orders being equally likely."""

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
    r"""Step against the sign, $w \leftarrow (1 - \eta\lambda)\,w - \eta\,\mathrm{sign}(g)$."""

def signum_update(
    weight: Symbol | None = None,
    grad: Symbol | None = None,
    mom: Symbol | None = None,
    *,
    lr: float | Symbol,
    momentum: float | Symbol = 0.0,
    wd: float | Symbol = 0.0,
    rescale_grad: float | Symbol = 1.0,
    clip_gradient: float | Symbol = -1.0,
    wd_lh: float | Symbol = 0.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Step by the sign of a momentum."""

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

def sort(
    data: Symbol | None = None,
    axis: int | None = -1,
    is_ascend: bool = True,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Sort along an axis, or all elements as one vector; NaN comes last."""

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

def topk(
    data: Symbol | None = None,
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
    data: Symbol | None = None,
    axes: int | Sequence[int] = (),
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Permute the axes; of a matrix, $Y = X^T$."""

def trunc(
    data: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
) -> Symbol:
    """Round towards 0."""

def uniform(
    low: float = 0.0,
    high: float = 1.0,
    shape: int | Sequence[int] | None = None,
    ctx: str = "",
    dtype: Literal["None", "float16", "float32", "float64"] = "None",
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Draw from the uniform distribution on $[low, high)$."""

def unravel_index(
    data: Symbol | None = None,
    shape: int | Sequence[int] | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Turn positions into coordinates; the other way round than `ravel_multi_index`."""

def where(
    condition: Symbol | None = None,
    x: Symbol | None = None,
    y: Symbol | None = None,
    *,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    """Choose from `x` where the condition is nonzero, else from `y`."""

def worker_mean(
    *data: Symbol | Sequence[Symbol],
    num_args: int = 0,
    bits: float = 64.0,
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
) -> Symbol:
    r"""Return the mean of arrays of one shape, $\frac{1}{k} \sum_i x_i$."""

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

pad = Pad

reshape = Reshape

split = SliceChannel

stop_gradient = BlockGrad

sum_axis = sum

swapaxes = SwapAxis

class _Linalg:
    @staticmethod
    def det(
        A: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
    ) -> Symbol:
        r"""Compute determinants, $y = \det A$."""

    @staticmethod
    def extractdiag(
        A: Symbol | None = None,
        offset: int = 0,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Take a diagonal of each matrix."""

    @staticmethod
    def extracttrian(
        A: Symbol | None = None,
        offset: int = 0,
        lower: bool = True,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Take a triangle of each matrix as a vector: a lower one row by row, an upper one by columns."""

    @staticmethod
    def gelqf(
        A: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
    ) -> Symbol:
        """Factor wide matrices, $A = L Q$, L a lower triangle and $Q Q^T = I$; return Q, then L."""

    @staticmethod
    def gemm(
        A: Symbol | None = None,
        B: Symbol | None = None,
        C: Symbol | None = None,
        transpose_a: bool = False,
        transpose_b: bool = False,
        alpha: float = 1.0,
        beta: float = 1.0,
        axis: int = -2,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Multiply matrices and add, $Y = \alpha A B + \beta C$."""

    @staticmethod
    def gemm2(
        A: Symbol | None = None,
        B: Symbol | None = None,
        transpose_a: bool = False,
        transpose_b: bool = False,
        alpha: float = 1.0,
        axis: int = -2,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Multiply matrices, $Y = \alpha A B$."""

    @staticmethod
    def inverse(
        A: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
    ) -> Symbol:
        """Invert matrices, $Y = A^{-1}$; a singular one is an error."""

    @staticmethod
    def makediag(
        A: Symbol | None = None,
        offset: int = 0,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Make matrices that are 0 but for one diagonal."""

    @staticmethod
    def maketrian(
        A: Symbol | None = None,
        offset: int = 0,
        lower: bool = True,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Make matrices that are 0 but for a triangle; the other way round than `extracttrian`."""

    @staticmethod
    def potrf(
        A: Symbol | None = None,
        lower: bool = True,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Factor symmetric positive definite matrices, $A = L L^T$; return the lower triangle L."""

    @staticmethod
    def potri(
        A: Symbol | None = None,
        lower: bool = True,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Invert from a Cholesky factor, $Y = (A A^T)^{-1}$ for lower triangles A; see `potrf`."""

    @staticmethod
    def slogdet(
        A: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
    ) -> Symbol:
        r"""Compute the sign of the determinant, and $\ln |\det A|$."""

    @staticmethod
    def sumlogdiag(
        A: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
    ) -> Symbol:
        r"""Add up the logarithms of the diagonal, $y = \sum_i \ln A_{ii}$."""

    @staticmethod
    def syevd(
        A: Symbol | None = None, *, name: str | None = None, attr: Mapping[str, str] | None = None
    ) -> Symbol:
        r"""Find the eigenvectors and eigenvalues of symmetric matrices, $A = U^T \Lambda U$."""

    @staticmethod
    def syrk(
        A: Symbol | None = None,
        transpose: bool = False,
        alpha: float = 1.0,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Multiply matrices by their own transposes, $Y = \alpha A A^T$."""

    @staticmethod
    def trmm(
        A: Symbol | None = None,
        B: Symbol | None = None,
        transpose: bool = False,
        rightside: bool = False,
        lower: bool = True,
        alpha: float = 1.0,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Multiply by a triangular matrix, $Y = \alpha A B$, or $\alpha B A$."""

    @staticmethod
    def trsm(
        A: Symbol | None = None,
        B: Symbol | None = None,
        transpose: bool = False,
        rightside: bool = False,
        lower: bool = True,
        alpha: float = 1.0,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Solve a triangular system $A X = \alpha B$, or $X A = \alpha B$."""

linalg: _Linalg

class _Random:
    @staticmethod
    def exponential(scale: Any = 1, shape: Any = None, dtype: Any = None, **options: Any) -> Symbol:
        """Draw from the exponential distribution with this mean."""

    @staticmethod
    def exponential_like(
        data: Symbol | None = None,
        lam: float = 1.0,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Draw in the shape of `data` from the exponential distribution with rate $\lambda$."""

    @staticmethod
    def gamma(
        alpha: Any = 1, beta: Any = 1, shape: Any = None, dtype: Any = None, **options: Any
    ) -> Symbol:
        """Draw from the gamma distribution with shape alpha and scale beta."""

    @staticmethod
    def gamma_like(
        data: Symbol | None = None,
        alpha: float = 1.0,
        beta: float = 1.0,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Draw in the shape of `data` from the gamma distribution with shape $\alpha$ and scale $\beta$."""

    @staticmethod
    def generalized_negative_binomial(
        mu: Any = 1, alpha: Any = 1, shape: Any = None, dtype: Any = None, **options: Any
    ) -> Symbol:
        """Draw from the negative binomial distribution with this mean and dispersion."""

    @staticmethod
    def generalized_negative_binomial_like(
        data: Symbol | None = None,
        mu: float = 1.0,
        alpha: float = 1.0,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Draw in the shape of `data` from the negative binomial distribution with mean $\mu$ and dispersion $\alpha$."""

    @staticmethod
    def multinomial(
        data: Any, shape: Any = None, get_prob: bool = False, dtype: Any = "int32", **options: Any
    ) -> Symbol:
        """Draw class numbers by the probabilities in the last axis of data."""

    @staticmethod
    def negative_binomial(
        k: Any = 1, p: Any = 1, shape: Any = None, dtype: Any = None, **options: Any
    ) -> Symbol:
        """Draw how many successes come before the k-th failure, whose probability is p."""

    @staticmethod
    def negative_binomial_like(
        data: Symbol | None = None,
        k: int = 1,
        p: float = 1.0,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Draw in the shape of `data` from the negative binomial distribution: successes before the $k$-th failure."""

    @staticmethod
    def normal(
        loc: Any = 0, scale: Any = 1, shape: Any = None, dtype: Any = None, **options: Any
    ) -> Symbol:
        """Draw from the normal distribution with this mean and standard deviation."""

    @staticmethod
    def normal_like(
        data: Symbol | None = None,
        loc: float = 0.0,
        scale: float = 1.0,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Draw in the shape of `data` from the normal distribution $N(loc, scale^2)$."""

    @staticmethod
    def pdf_dirichlet(
        sample: Symbol | None = None,
        alpha: Symbol | None = None,
        is_log: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Density of the Dirichlet distribution."""

    @staticmethod
    def pdf_exponential(
        sample: Symbol | None = None,
        lam: Symbol | None = None,
        is_log: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Density of the exponential distribution, $\lambda e^{-\lambda x}$."""

    @staticmethod
    def pdf_gamma(
        sample: Symbol | None = None,
        alpha: Symbol | None = None,
        beta: Symbol | None = None,
        is_log: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Density of the gamma distribution with rate $\beta$, $\beta^\alpha x^{\alpha-1} e^{-\beta x} / \Gamma(\alpha)$."""

    @staticmethod
    def pdf_generalized_negative_binomial(
        sample: Symbol | None = None,
        mu: Symbol | None = None,
        alpha: Symbol | None = None,
        is_log: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Probability of $x$ under the negative binomial distribution with mean $\mu$ and dispersion $\alpha$."""

    @staticmethod
    def pdf_negative_binomial(
        sample: Symbol | None = None,
        k: Symbol | None = None,
        p: Symbol | None = None,
        is_log: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Probability of $x$ successes before the $k$-th failure, whose probability is $p$."""

    @staticmethod
    def pdf_normal(
        sample: Symbol | None = None,
        mu: Symbol | None = None,
        sigma: Symbol | None = None,
        is_log: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Density of the normal distribution, $e^{-(x - \mu)^2 / 2\sigma^2} / \sqrt{2\pi\sigma^2}$."""

    @staticmethod
    def pdf_poisson(
        sample: Symbol | None = None,
        lam: Symbol | None = None,
        is_log: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Probability of $x$ under the Poisson distribution, $\lambda^x e^{-\lambda} / x!$."""

    @staticmethod
    def pdf_uniform(
        sample: Symbol | None = None,
        low: Symbol | None = None,
        high: Symbol | None = None,
        is_log: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Density of the uniform distribution, $1 / (high - low)$."""

    @staticmethod
    def poisson(lam: Any = 1, shape: Any = None, dtype: Any = None, **options: Any) -> Symbol:
        """Draw from the Poisson distribution with this rate."""

    @staticmethod
    def poisson_like(
        data: Symbol | None = None,
        lam: float = 1.0,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Draw in the shape of `data` from the Poisson distribution with rate $\lambda$."""

    @staticmethod
    def randint(
        low: int, high: int, shape: Any = None, dtype: Any = None, **options: Any
    ) -> Symbol:
        """Draw integers of [low, high)."""

    @staticmethod
    def randn(
        *shape: int, loc: Any = 0, scale: Any = 1, dtype: Any = None, **options: Any
    ) -> Symbol:
        """Draw from the normal distribution, with the shape as arguments."""

    @staticmethod
    def shuffle(data: Any, **options: Any) -> Symbol:
        """Shuffle along the first axis."""

    @staticmethod
    def uniform(
        low: Any = 0, high: Any = 1, shape: Any = None, dtype: Any = None, **options: Any
    ) -> Symbol:
        """Draw from the uniform distribution on [low, high)."""

    @staticmethod
    def uniform_like(
        data: Symbol | None = None,
        low: float = 0.0,
        high: float = 1.0,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Draw in the shape of `data` from the uniform distribution on $[low, high)$."""

random: _Random

class _Contrib:
    @staticmethod
    def AdaptiveAvgPooling2D(
        data: Symbol | None = None,
        output_size: int | Sequence[int] = (),
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Average images over bins whose number is given, whatever the images' size is."""

    @staticmethod
    def BatchNormWithReLU(
        data: Symbol | None = None,
        gamma: Symbol | None = None,
        beta: Symbol | None = None,
        moving_mean: Symbol | None = None,
        moving_var: Symbol | None = None,
        eps: float | Symbol = 0.001,
        momentum: float | Symbol = 0.9,
        fix_gamma: bool = True,
        use_global_stats: bool = False,
        output_mean_var: bool = False,
        axis: int = 1,
        cudnn_off: bool = False,
        min_calib_range: float | None = None,
        max_calib_range: float | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Normalise each channel over the batch, and put 0 for what is negative."""

    @staticmethod
    def BilinearResize2D(
        data: Symbol | None = None,
        like: Symbol | None = None,
        height: int = 1,
        width: int = 1,
        scale_height: float | None = None,
        scale_width: float | None = None,
        mode: Literal[
            "size", "odd_scale", "like", "to_even_down", "to_even_up", "to_odd_down", "to_odd_up"
        ] = "size",
        align_corners: bool = True,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Resize images by bilinear interpolation."""

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
    def DeformableConvolution(
        data: Symbol | None = None,
        offset: Symbol | None = None,
        weight: Symbol | None = None,
        bias: Symbol | None = None,
        *,
        kernel: int | Sequence[int],
        stride: int | Sequence[int] = (),
        dilate: int | Sequence[int] = (),
        pad: int | Sequence[int] = (),
        num_filter: int,
        num_group: int = 1,
        num_deformable_group: int = 1,
        workspace: int = 1024,
        no_bias: bool = False,
        layout: Literal["NCDHW", "NCHW", "NCW"] | None = None,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Convolve with windows that bend, $b_f + \sum_{c,k} w_{fc}(k)\, x_c(p + k + o_k(p))$."""

    @staticmethod
    def DeformablePSROIPooling(
        data: Symbol | None = None,
        rois: Symbol | None = None,
        trans: Symbol | None = None,
        *,
        spatial_scale: float,
        output_dim: int,
        group_size: int,
        pooled_size: int,
        part_size: int = 0,
        sample_per_part: int = 1,
        trans_std: float = 0.0,
        no_trans: bool = False,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Average regions of images in bins that have moved, each over channels of its own."""

    @staticmethod
    def ModulatedDeformableConvolution(
        data: Symbol | None = None,
        offset: Symbol | None = None,
        mask: Symbol | None = None,
        weight: Symbol | None = None,
        bias: Symbol | None = None,
        *,
        kernel: int | Sequence[int],
        stride: int | Sequence[int] = (),
        dilate: int | Sequence[int] = (),
        pad: int | Sequence[int] = (),
        num_filter: int,
        num_group: int = 1,
        num_deformable_group: int = 1,
        workspace: int = 1024,
        no_bias: bool = False,
        im2col_step: int = 64,
        layout: Literal["NCDHW", "NCHW", "NCW"] | None = None,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Convolve with windows that bend and fade, $\sum_{c,k} w_{fc}(k)\, m_k\, x_c(p + k + o_k)$."""

    @staticmethod
    def MultiBoxDetection(
        cls_prob: Symbol | None = None,
        loc_pred: Symbol | None = None,
        anchor: Symbol | None = None,
        clip: bool = True,
        threshold: float = 0.01,
        background_id: int = 0,
        nms_threshold: float = 0.5,
        force_suppress: bool = False,
        variances: float | Sequence[float] = (0.1, 0.1, 0.2, 0.2),
        nms_topk: int = -1,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Turn what a network says of anchors into detections, rows of [class, score, corners]."""

    @staticmethod
    def MultiBoxPrior(
        data: Symbol | None = None,
        sizes: float | Sequence[float] = (1.0,),
        ratios: float | Sequence[float] = (1.0,),
        clip: bool = False,
        steps: float | Sequence[float] = (-1.0, -1.0),
        offsets: float | Sequence[float] = (0.5, 0.5),
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Lay anchors over an image: in each cell one of each size, and one of each further ratio."""

    @staticmethod
    def MultiBoxTarget(
        anchor: Symbol | None = None,
        label: Symbol | None = None,
        cls_pred: Symbol | None = None,
        overlap_threshold: float = 0.5,
        ignore_label: float = -1.0,
        negative_mining_ratio: float = -1.0,
        negative_mining_thresh: float = 0.5,
        minimum_negative_samples: int = 0,
        variances: float | Sequence[float] = (0.1, 0.1, 0.2, 0.2),
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Say what each anchor shows: the targets that a detector learns."""

    @staticmethod
    def MultiProposal(
        cls_prob: Symbol | None = None,
        bbox_pred: Symbol | None = None,
        im_info: Symbol | None = None,
        rpn_pre_nms_top_n: int = 6000,
        rpn_post_nms_top_n: int = 300,
        threshold: float = 0.7,
        rpn_min_size: int = 16,
        scales: float | Sequence[float] = (4.0, 8.0, 16.0, 32.0),
        ratios: float | Sequence[float] = (0.5, 1.0, 2.0),
        feature_stride: int = 16,
        output_score: bool = False,
        iou_loss: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Propose boxes that may show something: `Proposal` in one image, `MultiProposal` in several."""

    @staticmethod
    def PSROIPooling(
        data: Symbol | None = None,
        rois: Symbol | None = None,
        *,
        spatial_scale: float,
        output_dim: int,
        pooled_size: int,
        group_size: int = 0,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Average regions of images in bins, each over channels of its own."""

    @staticmethod
    def Proposal(
        cls_prob: Symbol | None = None,
        bbox_pred: Symbol | None = None,
        im_info: Symbol | None = None,
        rpn_pre_nms_top_n: int = 6000,
        rpn_post_nms_top_n: int = 300,
        threshold: float = 0.7,
        rpn_min_size: int = 16,
        scales: float | Sequence[float] = (4.0, 8.0, 16.0, 32.0),
        ratios: float | Sequence[float] = (0.5, 1.0, 2.0),
        feature_stride: int = 16,
        output_score: bool = False,
        iou_loss: bool = False,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Propose boxes that may show something: `Proposal` in one image, `MultiProposal` in several."""

    @staticmethod
    def ROIAlign(
        data: Symbol | None = None,
        rois: Symbol | None = None,
        *,
        pooled_size: int | Sequence[int],
        spatial_scale: float,
        sample_ratio: int = -1,
        position_sensitive: bool = False,
        aligned: bool = False,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Average regions of images in a fixed number of bins, without rounding their edges."""

    @staticmethod
    def RROIAlign(
        data: Symbol | None = None,
        rois: Symbol | None = None,
        *,
        pooled_size: int | Sequence[int],
        spatial_scale: float,
        sampling_ratio: int = -1,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Average rotated regions of images in a fixed number of bins."""

    @staticmethod
    def SparseEmbedding(
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
        """Look up rows of a table, $y_i = W_{x_i}$: `Embedding`, as old files have it."""

    @staticmethod
    def SyncBatchNorm(
        data: Symbol | None = None,
        gamma: Symbol | None = None,
        beta: Symbol | None = None,
        moving_mean: Symbol | None = None,
        moving_var: Symbol | None = None,
        eps: float | Symbol = 0.001,
        momentum: float | Symbol = 0.9,
        fix_gamma: bool = True,
        use_global_stats: bool = False,
        output_mean_var: bool = False,
        ndev: int = 1,
        *,
        key: str,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Normalise each channel over the batch of all devices, of which there is one here."""

    @staticmethod
    def adamw_update(
        weight: Symbol | None = None,
        grad: Symbol | None = None,
        mean: Symbol | None = None,
        var: Symbol | None = None,
        rescale_grad: Symbol | None = None,
        *,
        lr: float | Symbol,
        beta1: float | Symbol = 0.9,
        beta2: float | Symbol = 0.999,
        epsilon: float | Symbol = 1e-08,
        wd: float | Symbol = 0.0,
        eta: float | Symbol,
        clip_gradient: float | Symbol = -1.0,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Do Adam with decoupled weight decay."""

    @staticmethod
    def allclose(
        a: Symbol | None = None,
        b: Symbol | None = None,
        rtol: float = 1e-05,
        atol: float = 1e-08,
        equal_nan: bool = True,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Compare two arrays: 1 if $|a - b| \le atol + rtol \cdot |b|$ everywhere, else 0."""

    @staticmethod
    def arange_like(
        data: Symbol | None = None,
        start: float = 0.0,
        step: float = 1.0,
        repeat: int = 1,
        ctx: str = "",
        axis: int | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Count the elements of an array, or along one axis of it: $a, a + s, a + 2s, …$."""

    @staticmethod
    def bipartite_matching(
        data: Symbol | None = None,
        is_ascend: bool = False,
        *,
        threshold: float,
        topk: int = -1,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Pair rows with columns, the best score first, each of them once."""

    @staticmethod
    def boolean_mask(
        data: Symbol | None = None,
        index: Symbol | None = None,
        axis: int = 0,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Keep those rows where a vector is not 0."""

    @staticmethod
    def box_decode(
        data: Symbol | None = None,
        anchors: Symbol | None = None,
        std0: float = 1.0,
        std1: float = 1.0,
        std2: float = 1.0,
        std3: float = 1.0,
        clip: float = -1.0,
        format: Literal["corner", "center"] = "center",
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Turn what a detector found, seen from anchors, into boxes by their corners."""

    @staticmethod
    def box_encode(
        samples: Symbol | None = None,
        matches: Symbol | None = None,
        anchors: Symbol | None = None,
        refs: Symbol | None = None,
        means: Symbol | None = None,
        stds: Symbol | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Say where boxes are, seen from anchors: the targets that a detector learns."""

    @staticmethod
    def box_iou(
        lhs: Symbol | None = None,
        rhs: Symbol | None = None,
        format: Literal["corner", "center"] = "corner",
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Measure how much boxes overlap, $|a \cap b| / |a \cup b|$, all pairs of them."""

    @staticmethod
    def box_nms(
        data: Symbol | None = None,
        overlap_thresh: float = 0.5,
        valid_thresh: float = 0.0,
        topk: int = -1,
        coord_start: int = 2,
        score_index: int = 1,
        id_index: int = -1,
        background_id: int = -1,
        force_suppress: bool = False,
        in_format: Literal["corner", "center"] = "corner",
        out_format: Literal["corner", "center"] = "corner",
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Keep the best of boxes that overlap: non-maximum suppression."""

    @staticmethod
    def box_non_maximum_suppression(
        data: Symbol | None = None,
        overlap_thresh: float = 0.5,
        valid_thresh: float = 0.0,
        topk: int = -1,
        coord_start: int = 2,
        score_index: int = 1,
        id_index: int = -1,
        background_id: int = -1,
        force_suppress: bool = False,
        in_format: Literal["corner", "center"] = "corner",
        out_format: Literal["corner", "center"] = "corner",
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Keep the best of boxes that overlap: non-maximum suppression."""

    @staticmethod
    def calibrate_entropy(
        hist: Symbol | None = None,
        hist_edges: Symbol | None = None,
        num_quantized_bins: int = 255,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Choose where to cut a distribution around 0 so that quantization loses least."""

    @staticmethod
    def cond(
        pred: Symbol, then_func: Callable[[], Any], else_func: Callable[[], Any], name: str = "cond"
    ) -> Symbol | list[Any]:
        """Run one of two bodies, by whether a symbol of one element is 0."""

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

    @staticmethod
    def dequantize(
        data: Symbol | None = None,
        min_range: Symbol | None = None,
        max_range: Symbol | None = None,
        out_type: Literal["float32"] = "float32",
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Turn bytes back into floats, $x = q m / 127.5$ or $q m / 255.5$."""

    @staticmethod
    def div_sqrt_dim(
        data: Symbol | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Divide by the square root of the size of the last axis, $x / \sqrt d$."""

    @staticmethod
    def foreach(
        body: Callable[[Any, Any], tuple[Any, Any]],
        data: Any,
        init_states: Any,
        name: str = "foreach",
    ) -> tuple[Any, Any]:
        """Run a body for each element along the first axis, and carry states along."""

    @staticmethod
    def gradientmultiplier(
        data: Symbol | None = None,
        scalar: float = 1.0,
        is_int: bool = True,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Return the input, and multiply its gradient by a number $\lambda$."""

    @staticmethod
    def group_adagrad_update(
        weight: Symbol | None = None,
        grad: Symbol | None = None,
        history: Symbol | None = None,
        *,
        lr: float | Symbol,
        rescale_grad: float | Symbol = 1.0,
        clip_gradient: float | Symbol = -1.0,
        epsilon: float | Symbol = 1e-05,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Do AdaGrad with one history a row: $h_i \leftarrow h_i + \mathrm{mean}_j\, g_{ij}^2$."""

    @staticmethod
    def hawkesll(
        lda: Symbol | None = None,
        alpha: Symbol | None = None,
        beta: Symbol | None = None,
        state: Symbol | None = None,
        lags: Symbol | None = None,
        marks: Symbol | None = None,
        valid_length: Symbol | None = None,
        max_time: Symbol | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Compute the log-likelihood of events under Hawkes processes with exponential decay."""

    @staticmethod
    def index_array(
        data: Symbol | None = None,
        axes: int | Sequence[int] | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Return the indices of each element, $y_{ij…} = (i, j, …)$, as int64."""

    @staticmethod
    def index_copy(
        old_tensor: Symbol | None = None,
        index_vector: Symbol | None = None,
        new_tensor: Symbol | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Put the rows of `new_tensor` in the place of some rows of `old_tensor`."""

    @staticmethod
    def interleaved_matmul_encdec_qk(
        queries: Symbol | None = None,
        keys_values: Symbol | None = None,
        *,
        heads: int,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Compute the scores of one sequence's attention to another, $q_i \cdot k_j / \sqrt d$."""

    @staticmethod
    def interleaved_matmul_encdec_valatt(
        keys_values: Symbol | None = None,
        attention: Symbol | None = None,
        *,
        heads: int,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Sum values by the weights of one sequence's attention to another, $\sum_j a_{ij} v_j$."""

    @staticmethod
    def interleaved_matmul_selfatt_qk(
        queries_keys_values: Symbol | None = None,
        *,
        heads: int,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Compute the scores of self-attention, $q_i \cdot k_j / \sqrt d$."""

    @staticmethod
    def interleaved_matmul_selfatt_valatt(
        queries_keys_values: Symbol | None = None,
        attention: Symbol | None = None,
        *,
        heads: int,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Sum values by the weights of self-attention, $\sum_j a_{ij} v_j$."""

    @staticmethod
    def mp_adamw_update(
        weight: Symbol | None = None,
        grad: Symbol | None = None,
        mean: Symbol | None = None,
        var: Symbol | None = None,
        weight32: Symbol | None = None,
        rescale_grad: Symbol | None = None,
        *,
        lr: float | Symbol,
        beta1: float | Symbol = 0.9,
        beta2: float | Symbol = 0.999,
        epsilon: float | Symbol = 1e-08,
        wd: float | Symbol = 0.0,
        eta: float | Symbol,
        clip_gradient: float | Symbol = -1.0,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Do `adamw_update` on a float32 master, and round it to the weight's type."""

    @staticmethod
    def multi_adamw_update(
        *data: Symbol | Sequence[Symbol],
        lrs: float | Sequence[float],
        beta1: float | Symbol = 0.9,
        beta2: float | Symbol = 0.999,
        epsilon: float | Symbol = 1e-08,
        wds: float | Sequence[float],
        etas: float | Sequence[float],
        clip_gradient: float | Symbol = -1.0,
        num_weights: int = 1,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Do `adamw_update` on many weights; an infinite gradient makes its means NaN, as in MXNet."""

    @staticmethod
    def multi_lamb_update(
        *data: Symbol | Sequence[Symbol],
        learning_rates: float | Sequence[float],
        beta1: float | Symbol = 0.9,
        beta2: float | Symbol = 0.999,
        epsilon: float | Symbol = 1e-06,
        wds: float | Sequence[float],
        rescale_grad: float | Symbol = 1.0,
        lower_bound: float | Symbol = -1.0,
        upper_bound: float | Symbol = -1.0,
        clip_gradient: float | Symbol = -1.0,
        bias_correction: bool = True,
        step_count: int | Sequence[int],
        num_tensors: int = 1,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Do both phases of LAMB on many weights."""

    @staticmethod
    def multi_mp_adamw_update(
        *data: Symbol | Sequence[Symbol],
        lrs: float | Sequence[float],
        beta1: float | Symbol = 0.9,
        beta2: float | Symbol = 0.999,
        epsilon: float | Symbol = 1e-08,
        wds: float | Sequence[float],
        etas: float | Sequence[float],
        clip_gradient: float | Symbol = -1.0,
        num_weights: int = 1,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Do `mp_adamw_update` on many weights; an infinite gradient makes its means NaN."""

    @staticmethod
    def multi_mp_lamb_update(
        *data: Symbol | Sequence[Symbol],
        learning_rates: float | Sequence[float],
        beta1: float | Symbol = 0.9,
        beta2: float | Symbol = 0.999,
        epsilon: float | Symbol = 1e-06,
        wds: float | Sequence[float],
        rescale_grad: float | Symbol = 1.0,
        lower_bound: float | Symbol = -1.0,
        upper_bound: float | Symbol = -1.0,
        clip_gradient: float | Symbol = -1.0,
        bias_correction: bool = True,
        step_count: int | Sequence[int],
        num_tensors: int = 1,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Do both phases of LAMB on the float32 masters of many weights, and round them."""

    @staticmethod
    def quadratic(
        data: Symbol | None = None,
        a: float = 0.0,
        b: float = 0.0,
        c: float = 0.0,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Compute a polynomial of second degree, $a x^2 + b x + c$."""

    @staticmethod
    def quantize(
        data: Symbol | None = None,
        min_range: Symbol | None = None,
        max_range: Symbol | None = None,
        out_type: Literal["int8", "uint8"] = "uint8",
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Turn floats into bytes, $q = [x \cdot 127 / m]$ or $[x \cdot 255 / m]$."""

    @staticmethod
    def quantize_asym(
        data: Symbol | None = None,
        min_calib_range: float | None = None,
        max_calib_range: float | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Turn floats into uint8 so that the whole range is used, $q = [s x + t]$."""

    @staticmethod
    def quantize_v2(
        data: Symbol | None = None,
        out_type: Literal["auto", "int8", "uint8"] = "int8",
        min_calib_range: float | None = None,
        max_calib_range: float | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Turn floats into bytes, $q = [x \cdot 127.5 / m]$ or $[x \cdot 255.5 / m]$."""

    @staticmethod
    def quantized_act(
        data: Symbol | None = None,
        min_data: Symbol | None = None,
        max_data: Symbol | None = None,
        *,
        act_type: Literal["relu"],
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        r"""Apply an activation to quantized data, $\max(q, 0)$; the range stays what it was."""

    @staticmethod
    def quantized_embedding(
        data: Symbol | None = None,
        weight: Symbol | None = None,
        min_weight: Symbol | None = None,
        max_weight: Symbol | None = None,
        *,
        input_dim: int,
        output_dim: int,
        dtype: DTypeLike = "float32",
        sparse_grad: bool = False,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Look up rows of a quantized table: `Embedding`."""

    @staticmethod
    def quantized_flatten(
        data: Symbol | None = None,
        min_data: Symbol | None = None,
        max_data: Symbol | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Join all axes but the first: `Flatten` of quantized data."""

    @staticmethod
    def quantized_fully_connected(
        data: Symbol | None = None,
        weight: Symbol | None = None,
        bias: Symbol | None = None,
        min_data: Symbol | None = None,
        max_data: Symbol | None = None,
        min_weight: Symbol | None = None,
        max_weight: Symbol | None = None,
        min_bias: Symbol | None = None,
        max_bias: Symbol | None = None,
        *,
        num_hidden: int,
        no_bias: bool = False,
        flatten: bool = True,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Multiply quantized data by a quantized matrix, $y = x W^T + b$, exactly, in int32."""

    @staticmethod
    def quantized_pooling(
        data: Symbol | None = None,
        min_data: Symbol | None = None,
        max_data: Symbol | None = None,
        kernel: int | Sequence[int] = (),
        pool_type: Literal["avg", "max"] = "max",
        global_pool: bool = False,
        cudnn_off: bool = False,
        pooling_convention: Literal["full", "same", "valid"] = "valid",
        stride: int | Sequence[int] = (),
        pad: int | Sequence[int] = (),
        p_value: int | None = None,
        count_include_pad: bool | None = None,
        layout: Literal["NCDHW", "NCHW", "NCW", "NDHWC", "NHWC", "NWC"] | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Reduce windows of quantized data to their maximum or mean, which is rounded: `Pooling`."""

    @staticmethod
    def requantize(
        data: Symbol | None = None,
        min_range: Symbol | None = None,
        max_range: Symbol | None = None,
        out_type: Literal["auto", "int8", "uint8"] = "int8",
        min_calib_range: float | None = None,
        max_calib_range: float | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Turn int32, such as sums of products of bytes, into bytes."""

    @staticmethod
    def round_ste(
        data: Symbol | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Round to the nearest integer, halves away from 0, with the gradient of the identity."""

    @staticmethod
    def sign_ste(
        data: Symbol | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Take the sign, $-1$, 0 or 1, with the gradient of the identity."""

    @staticmethod
    def while_loop(
        cond: Callable[..., Symbol],
        func: Callable[..., tuple[Any, Any]],
        loop_vars: Any,
        max_iterations: int | None = None,
        name: str = "while_loop",
    ) -> tuple[Any, Any]:
        """Run a function while a condition holds, at most `max_iterations` times."""

contrib: _Contrib

class _Image:
    @staticmethod
    def adjust_lighting(
        data: Symbol | None = None,
        *,
        alpha: float | Sequence[float],
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Shift colours along the principal components of natural images (AlexNet's augmentation)."""

    @staticmethod
    def crop(
        data: Symbol | None = None,
        *,
        x: int,
        y: int,
        width: int,
        height: int,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Cut a rectangle out of an image."""

    @staticmethod
    def flip_left_right(
        data: Symbol | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Mirror an image, left to right."""

    @staticmethod
    def flip_top_bottom(
        data: Symbol | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Mirror an image, top to bottom."""

    @staticmethod
    def from_tensor(
        g: Symbol | None = None,
        like: Symbol | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Bring a gradient of `to_tensor` back to height x width x channel."""

    @staticmethod
    def normalize(
        data: Symbol | None = None,
        mean: float | Sequence[float] = (0.0, 0.0, 0.0, 0.0),
        std: float | Sequence[float] = (1.0, 1.0, 1.0, 1.0),
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Return $(x - mean) / std$, channel by channel, of a channel x height x width array."""

    @staticmethod
    def random_brightness(
        data: Symbol | None = None,
        *,
        min_factor: float,
        max_factor: float,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Multiply all colours by a random factor."""

    @staticmethod
    def random_color_jitter(
        data: Symbol | None = None,
        *,
        brightness: float,
        contrast: float,
        saturation: float,
        hue: float,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Change brightness, contrast, saturation and hue at random, in random order."""

    @staticmethod
    def random_contrast(
        data: Symbol | None = None,
        *,
        min_factor: float,
        max_factor: float,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Move colours away from the mean gray, by a random factor."""

    @staticmethod
    def random_flip_left_right(
        data: Symbol | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Mirror an image, left to right, or not, with equal probability."""

    @staticmethod
    def random_flip_top_bottom(
        data: Symbol | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Mirror an image, top to bottom, or not, with equal probability."""

    @staticmethod
    def random_hue(
        data: Symbol | None = None,
        *,
        min_factor: float,
        max_factor: float,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Turn the colour circle by a random part of it."""

    @staticmethod
    def random_lighting(
        data: Symbol | None = None,
        alpha_std: float = 0.05,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Do `adjust_lighting` with normally distributed strengths."""

    @staticmethod
    def random_saturation(
        data: Symbol | None = None,
        *,
        min_factor: float,
        max_factor: float,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Move colours away from their gray, by a random factor."""

    @staticmethod
    def resize(
        data: Symbol | None = None,
        size: int | Sequence[int] = (),
        keep_ratio: bool = False,
        interp: int = 1,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Resize an image by the nearest pixel or bilinearly, pixels being squares with centres."""

    @staticmethod
    def to_tensor(
        data: Symbol | None = None,
        *,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Turn an image of [0, 255] into a channel x height x width array of [0, 1]."""

    @staticmethod
    def uncrop(
        g: Symbol | None = None,
        like: Symbol | None = None,
        *,
        x: int,
        y: int,
        width: int,
        height: int,
        name: str | None = None,
        attr: Mapping[str, str] | None = None,
    ) -> Symbol:
        """Put the gradient of a piece where the piece was cut out."""

image: _Image

_internal: ModuleType

op: ModuleType

sparse: ModuleType

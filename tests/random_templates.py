"""The templates of random_graphs: each composes one or a few ops, and keeps what others may read.

Kept out, because the answers of MXNet 1.9.1 are other ones on purpose (docs/mxnet-differences.md) or
left to chance: random ops, Dropout, BatchNorm(fix_gamma=True) as it writes its gamma, CTCLoss, RNN
(which needs oneDNN), the updates that MXNet runs from no file, and SequenceLast: in graphs like these
one in three that held it ended MXNet's process, with memory that was not its own. None without it did.
"""

import numpy as np
from random_graphs import TEMPLATES


def template(function):
    """Enter a template into the table."""
    TEMPLATES.append(function)
    return function


def enter(make, rows):
    """Enter a template for each row of a table."""
    for row in rows:
        TEMPLATES.append(lambda b, row=row: make(b, *row))


# Elementwise ops of one input: name, where it is smooth, what its values are below.

SMOOTH = [
    ("sin", -1, 1, 1), ("cos", -1, 1, 1), ("tan", -1, 1, 1.6), ("arcsin", -0.8, 0.8, 1),
    ("arccos", -0.8, 0.8, 2.6), ("arctan", -1, 1, 1), ("sinh", -1, 1, 1.2), ("cosh", -1, 1, 1.6),
    ("tanh", -1, 1, 1), ("arcsinh", -1, 1, 1), ("arccosh", 1.5, 3, 1.8), ("arctanh", -0.8, 0.8, 1.1),
    ("exp", -1, 1, 2.8), ("expm1", -1, 1, 1.8), ("log", 0.5, 2, 1), ("log2", 0.5, 2, 1),
    ("log10", 0.5, 2, 1), ("log1p", -0.5, 1, 1), ("sqrt", 0.3, 2, 1.5), ("rsqrt", 0.3, 2, 2),
    ("cbrt", 0.3, 2, 1.3), ("rcbrt", 0.3, 2, 1.5), ("square", -1, 1, 1), ("reciprocal", 0.5, 2, 2),
    ("erf", -1, 1, 1), ("erfinv", -0.7, 0.7, 1), ("gamma", 1.2, 3, 2), ("gammaln", 1.2, 3, 1),
    ("sigmoid", -1, 1, 1), ("softsign", -1, 1, 1), ("degrees", -1, 1, 60), ("radians", -1, 1, 1),
    ("negative", -1, 1, 1), ("identity", -1, 1, 1), ("hard_sigmoid", -1, 1, 1), ("smooth_l1", -0.8, 0.8, 1),
    ("zeros_like", -1, 1, 1), ("ones_like", -1, 1, 1), ("BlockGrad", -1, 1, 1), ("stop_gradient", -1, 1, 1),
    ("contrib.div_sqrt_dim", -1, 1, 1), ("contrib.gradientmultiplier", -1, 1, 1),
]  # fmt: skip


def smooth(b, op, low, high, bound):
    params = {"scalar": b.dice(1.0, 0.5)} if op == "contrib.gradientmultiplier" else {}
    x = b.pick()
    if (low, high) != (-1, 1):
        x = b.between(x, low, high)
    b.keep(b.call(op, x, bound=bound, **params))


enter(smooth, SMOOTH)

KINKED = ["abs", "relu", "sign", "floor", "ceil", "round", "rint", "fix", "trunc", "logical_not"]


def kinked(b, op):
    x = b.apart(b.pick())
    b.keep(b.call(op, x, bound=1.0 if op in ("sign", "logical_not") else x.bound + 1))


enter(kinked, [(op,) for op in KINKED])


@template
def clip(b):
    x = b.apart(b.pick())
    b.keep(b.call("clip", x, a_min=-1.0, a_max=b.dice(1.0, 2.0), bound=2.0))


def cast(b, there):
    x = b.pick()
    if (
        there == "amp"
    ):  # of float32: float16 would round what differs in the last bit to other numbers
        b.keep(b.call("amp_cast", x, dtype="float32"))
        return
    if there == "int32":
        x = b.apart(x)
    middle = b.call("Cast", x, dtype=there, bound=x.bound)
    if there == "float64":
        middle = b.call("sin", middle)
    b.keep(b.call(b.dice("Cast", "cast"), middle, dtype="float32", bound=middle.bound))


enter(cast, [(op,) for op in ("float64", "int32", "amp")])


@template
def activation(b):
    act = b.dice("relu", "sigmoid", "tanh", "softrelu", "softsign")
    x = b.apart(b.pick()) if act == "relu" else b.pick()
    b.keep(b.call("Activation", x, act_type=act, bound=max(x.bound, 1.4)))


@template
def leaky_relu(b):
    act = b.dice("leaky", "elu", "selu", "gelu", "prelu")
    x = b.apart(b.pick(2) if act == "prelu" else b.pick())
    params = {} if act in ("gelu", "selu", "prelu") else {"slope": 0.3}
    b.keep(b.call("LeakyReLU", x, act_type=act, bound=2 * x.bound, **params))


# Elementwise ops of two inputs, with and without broadcasting.


def stretched(b, x):
    """Return a value that can be broadcast with another one: of its shape, with some axes of 1."""
    shape = tuple(1 if b.chance(0.4) else n for n in x.shape)
    fit = [v for v in b.values if v.shape == shape]
    return b.tame(b.dice(*fit)) if fit else b.variable(shape)


def two(b, op, kind, bound):
    """Compose with two values of one shape: op is a name or a Python operation."""
    x = b.pick()
    pair = (lambda: stretched(b, x)) if isinstance(op, str) and op.startswith("broadcast") else (lambda: b.like(x))  # fmt: skip
    y = pair()
    if kind == "ratio":
        y = b.between(y, 0.5, 2)
    elif kind == "power":
        x = b.between(x, 0.5, 2)
    elif kind == "far":  # no ties: y is small where x is large
        x, y = b.apart(x), b.times(y, 0.1)
    elif kind == "whole":
        x, y = b.call("round", b.apart(x), bound=9), b.call("round", b.times(y, 2.2), bound=3)
    elif kind == "hypot":
        x = b.between(x, 0.5, 2)
    bound = x.bound + y.bound if bound is None else bound
    if isinstance(op, str):
        b.keep(b.call(op, x, y, bound=bound))
    else:
        b.keep(b.spell(op, x, y, bound=bound))


enter(two, [
    ("elemwise_add", "", None), ("elemwise_sub", "", None), ("elemwise_mul", "", 1), ("elemwise_div", "ratio", 2),
    (lambda x, y: x + y, "", None), (lambda x, y: x - y, "", None), (lambda x, y: x * y, "", 1),
    (lambda x, y: x / y, "ratio", 2), (lambda x, y: x**y, "power", 2), (lambda x, y: x > y, "far", 1),
    (lambda x, y: x >= y, "far", 1), (lambda x, y: x < y, "far", 1), (lambda x, y: x <= y, "far", 1),
    (lambda x, y: x == y, "whole", 1), (lambda x, y: x != y, "whole", 1),
    ("_internal._maximum", "far", None), ("_internal._minimum", "far", None), ("_internal._hypot", "hypot", 2.5),
    ("_internal._power", "power", 2),
    ("_internal._logical_and", "whole", 1), ("_internal._logical_or", "whole", 1), ("_internal._logical_xor", "whole", 1),
    ("broadcast_add", "", None), ("broadcast_sub", "", None), ("broadcast_mul", "", 1), ("broadcast_div", "ratio", 2),
    ("broadcast_plus", "", None), ("broadcast_minus", "", None),
    ("broadcast_power", "power", 2), ("broadcast_maximum", "far", None), ("broadcast_minimum", "far", None),
    ("broadcast_hypot", "hypot", 2.5), ("broadcast_equal", "whole", 1), ("broadcast_not_equal", "whole", 1),
    ("broadcast_greater", "far", 1), ("broadcast_greater_equal", "far", 1), ("broadcast_lesser", "far", 1),
    ("broadcast_lesser_equal", "far", 1), ("broadcast_logical_and", "whole", 1), ("broadcast_logical_or", "whole", 1),
    ("broadcast_logical_xor", "whole", 1),
])  # fmt: skip


def one_and_number(b, operation, low, high, bound):
    """Compose with a number; None as bounds asks for values that lie apart."""
    x = b.apart(b.pick()) if low is None else b.between(b.pick(), low, high)
    b.keep(b.spell(operation, x, bound=bound or x.bound + 3))


enter(one_and_number, [
    (lambda x: x + 0.3, -1, 1, None), (lambda x: x - 1.7, -1, 1, None), (lambda x: 2 - x, -1, 1, None),
    (lambda x: x * -1.1, -1, 1, None), (lambda x: x / 3.0, -1, 1, None), (lambda x: 0.7 / x, 0.5, 2, None),
    (lambda x: x**2, -1, 1, 1), (lambda x: x**1.5, 0.5, 2, 3), (lambda x: x**-1, 0.5, 2, 2), (lambda x: -x, -1, 1, None),
    (lambda x: x > 0, None, 0, 1), (lambda x: x >= 1, None, 0, 1), (lambda x: x < 0.5, None, 0, 1),
    (lambda x: x <= -1, None, 0, 1), (lambda x: x == 1, None, 0, 1), (lambda x: x != 1, None, 0, 1),
    (lambda x: x % 1, None, 0, 1), (lambda x: 1e-3 * x, None, 0, None),
])  # fmt: skip


def scalar_op(b, op, scalar, low, high, bound):
    x = b.apart(b.pick()) if low is None else b.between(b.pick(), low, high)
    b.keep(b.call("_internal." + op, x, scalar=scalar, bound=bound or x.bound + 3))


enter(scalar_op, [
    ("_maximum_scalar", 0.5, None, 0, None), ("_minimum_scalar", -1.0, None, 0, None), ("_hypot_scalar", 2.0, -1, 1, 3),
    ("_rpower_scalar", 2.0, -1, 1, 2), ("_rmod_scalar", 3.0, 1.6, 2.9, 2), ("_equal_scalar", 1.0, None, 0, 1),
    ("_logical_and_scalar", 1.0, None, 0, 1), ("_logical_or_scalar", 0.0, None, 0, 1), ("_logical_xor_scalar", 2.0, None, 0, 1),
])  # fmt: skip


def maximum_of_any(b, op):
    x = b.apart(b.pick())
    y = b.times(b.like(x), 0.1)
    if op == "hypot":
        b.keep(b.call("hypot", b.between(x, 0.5, 2), b.between(y, 0.5, 2), bound=3))
    else:
        b.keep(b.call(op, x, y, bound=x.bound + 1))


enter(maximum_of_any, [(op,) for op in ("maximum", "minimum", "hypot")])


@template
def add_n(b):
    x = b.pick()
    inputs = [x] + [b.like(x) for _ in range(b.dice(1, 2, 3))]
    b.keep(b.call(b.dice("add_n", "ElementWiseSum"), *inputs, bound=len(inputs)))


@template
def where(b):
    x = b.pick()
    vector = b.chance(0.3)
    bits = b.bits(x.shape[:1] if vector else x.shape)
    b.keep(b.call("where", bits, x, b.like(x), to=x.shape))


# Reductions.


def reduced(shape, axes, keepdims):
    if axes is None:
        return (1,) * len(shape) if keepdims else (1,)
    axes = [a % len(shape) for a in axes]
    if keepdims:
        return tuple(1 if i in axes else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axes) or (1,)


def some_axes(b, x):
    """Return parameters that say axes, and the axes; None is all."""
    form = b.dice("none", "one", "one", "many", "exclude")
    if form == "none":
        return {}, None
    if form == "one":
        axis = b.axis(x)
        return {"axis": axis}, [axis]
    axes = tuple(i for i in range(x.ndim) if b.chance(0.5)) or (0,)
    if form == "exclude" and len(axes) < x.ndim:
        return {"axis": axes, "exclude": True}, [i for i in range(x.ndim) if i not in axes]
    return {"axis": axes}, list(axes)


def reduction(b, op):
    x = b.pick()
    if op in ("max", "min"):
        x = b.apart(x)
    elif op in ("prod", "nanprod"):
        x = b.between(x, 0.6, 1.2)
    params, axes = some_axes(b, x)
    count = x.size if axes is None else int(np.prod([x.shape[a] for a in axes]))
    bound = {"sum": count, "nansum": count, "prod": 1.2**count, "nanprod": 1.2**count}.get(
        op, x.bound
    )
    keepdims = b.chance(0.4)
    if keepdims or b.chance(0.2):
        params["keepdims"] = keepdims
    b.keep(b.call(op, x, to=reduced(x.shape, axes, keepdims), bound=bound, **params))


enter(
    reduction, [(op,) for op in ("sum", "sum", "mean", "prod", "nansum", "nanprod", "max", "min")]
)


@template
def norm(b):
    x = b.between(b.pick(), 0.4, 1)
    params = {"ord": b.dice(1, 2)} if b.chance(0.7) else {}
    axes = None
    if b.chance(0.7):
        axes = [b.axis(x)]
        params["axis"] = axes[0]
    keepdims = b.chance(0.4)
    if keepdims:
        params["keepdims"] = True
    b.keep(b.call("norm", x, to=reduced(x.shape, axes, keepdims), bound=x.size, **params))


def arg_extreme(b, op):
    x = b.apart(b.pick())
    axis, keepdims = b.axis(x), b.chance(0.3)
    found = b.call(
        op, x, axis=axis, keepdims=keepdims, to=reduced(x.shape, [axis], keepdims), bound=9
    )
    b.keep(b.call("BlockGrad", found, bound=9))


enter(arg_extreme, [("argmax",), ("argmin",)])


@template
def argmax_channel(b):
    x = b.apart(b.pick(2))
    b.keep(b.call("BlockGrad", b.call("argmax_channel", x, to=x.shape[:1], bound=9), bound=9))


@template
def moments(b):
    x = b.pick()
    axes = tuple(i for i in range(x.ndim) if b.chance(0.5)) or (x.ndim - 1,)
    keepdims = b.chance(0.3)
    both = b.compose("moments", x, axes=axes, keepdims=keepdims)
    mean, variance = [type(x)(both[i], reduced(x.shape, axes, keepdims), 1) for i in (0, 1)]
    if b.chance(0.3):
        b.keep(mean)
    else:  # where nothing reads the mean, MXNet's variance is the mean of squares
        b.heads.append(mean)
        b.keep(variance)


@template
def cumsum(b):
    x = b.pick()
    b.keep(b.call("cumsum", x, axis=b.rng.randrange(x.ndim), bound=x.size))


# Shapes.


@template
def reshape(b):
    x = b.pick()
    s = x.shape
    forms = [((-1,), (x.size,)), ((0, -1), (s[0], x.size // s[0])), ((-1, 1), (x.size, 1)), ((-2,), s),
             ((-2, 1), (*s, 1))]  # fmt: skip
    if x.ndim >= 2:
        forms += [
            ((-3, -2), (s[0] * s[1], *s[2:])),
            ((0, 0, -1), (*s[:2], x.size // (s[0] * s[1]))),
        ]
    if s[0] % 2 == 0:
        forms += [
            ((-4, 2, -1, -2), (2, s[0] // 2, *s[1:])),
            ((-4, -1, 2, -2), (s[0] // 2, 2, *s[1:])),
        ]
    code, to = b.dice(*forms)
    if b.chance(0.15):
        b.keep(b.call("Reshape", x, shape=(-1, 0), reverse=True, to=(x.size // s[-1], s[-1])))
    else:
        b.keep(b.call(b.dice("Reshape", "reshape"), x, shape=code, to=to))


@template
def transpose(b):
    x = b.pick()
    axes = list(range(x.ndim))
    b.rng.shuffle(axes)
    if b.chance(0.3):
        b.keep(b.call("transpose", x, to=x.shape[::-1]))
    else:
        b.keep(b.call("transpose", x, axes=tuple(axes), to=tuple(x.shape[a] for a in axes)))


@template
def swap_axes(b):
    x = b.pick()
    i, j = b.rng.randrange(x.ndim), b.rng.randrange(x.ndim)
    if i != j:  # MXNet 1.9.1 refuses to swap an axis with itself
        to = np.empty(x.shape).swapaxes(i, j).shape
        b.keep(b.call(b.dice("SwapAxis", "swapaxes"), x, dim1=i, dim2=j, to=to))


@template
def flat(b):
    x = b.pick()
    b.keep(b.call(b.dice("Flatten", "flatten"), x, to=(x.shape[0], x.size // x.shape[0])))


@template
def expand_and_squeeze(b):
    x = b.pick()
    axis = b.rng.randrange(x.ndim + 1)
    to = (*x.shape[:axis], 1, *x.shape[axis:])
    y = b.call("expand_dims", x, axis=axis - b.dice(0, x.ndim + 1), to=to)
    if b.chance(0.6):
        y = b.call("squeeze", y, axis=axis, to=x.shape)
    b.keep(y)


@template
def slices(b):
    x = b.pick()
    begin = tuple(b.rng.randrange(n) for n in x.shape)
    end = tuple(i + 1 + b.rng.randrange(n - i) for i, n in zip(begin, x.shape))
    params = {"begin": begin, "end": end}
    step = (1,) * x.ndim
    form = b.dice("plain", "none", "step", "reverse")
    if form == "none":
        params["end"] = end = tuple(None if b.chance(0.5) else e for e in end)
    elif form == "step":
        params["step"] = step = tuple(b.dice(1, 2) for _ in step)
    elif form == "reverse":
        params.update(begin=(None,) * x.ndim, end=(None,) * x.ndim, step=(-1,) * x.ndim)
        begin, end, step = params["begin"], params["end"], params["step"]
    to = np.empty(x.shape)[tuple(slice(*w) for w in zip(begin, end, step))].shape
    b.keep(b.call("slice", x, to=to, **params))


@template
def slice_axis(b):
    x = b.pick()
    axis = b.axis(x)
    n = x.shape[axis]
    begin = b.rng.randrange(n)
    end = b.dice(None, begin + 1, n)
    to = list(x.shape)
    to[axis] = len(range(n)[begin:end])
    b.keep(b.call("slice_axis", x, axis=axis, begin=begin - b.dice(0, n), end=end, to=to))


@template
def slice_like(b):
    x = b.pick()
    y = b.variable(tuple(1 + b.rng.randrange(n) for n in x.shape))
    if b.chance(0.5):
        axis = b.rng.randrange(x.ndim)
        to = x.shape[:axis] + y.shape[axis : axis + 1] + x.shape[axis + 1 :]
        b.keep(b.call("slice_like", x, y, axes=(axis,), to=to))
    else:
        b.keep(b.call("slice_like", x, y, to=y.shape))


@template
def concat(b):
    x = b.pick(largest=30)
    axis = b.rng.randrange(x.ndim)
    inputs = [x, b.like(x)] + [b.like(x) for _ in range(b.dice(0, 0, 1))]
    to = list(x.shape)
    to[axis] *= len(inputs)
    if axis == 1 and b.chance(0.3):
        b.keep(b.call("Concat", *inputs, to=to))
    else:
        b.keep(b.call(b.dice("Concat", "concat"), *inputs, dim=axis, to=to))


@template
def stack(b):
    x = b.pick(largest=30, test=lambda s: len(s) < 4)
    axis = b.rng.randrange(x.ndim + 1)
    to = (*x.shape[:axis], 2, *x.shape[axis:])
    b.keep(b.call("stack", x, b.like(x), axis=axis - b.dice(0, x.ndim + 1), to=to))


@template
def tile(b):
    x = b.pick(largest=16)
    reps = tuple(b.dice(1, 2) for _ in range(b.dice(1, 2, 3)))
    b.keep(b.call("tile", x, reps=reps, to=np.tile(np.empty(x.shape), reps).shape))


@template
def repeat(b):
    x = b.pick(largest=30)
    if b.chance(0.3):
        b.keep(b.call("repeat", x, repeats=2, to=(2 * x.size,)))
    else:
        axis = b.axis(x)
        b.keep(
            b.call(
                "repeat", x, repeats=2, axis=axis, to=np.repeat(np.empty(x.shape), 2, axis).shape
            )
        )


@template
def split(b):
    x = b.pick(test=lambda s: any(n > 1 for n in s))
    axis = b.dice(*[i for i, n in enumerate(x.shape) if n > 1])
    n = x.shape[axis]
    squeeze = b.chance(0.3)
    parts = b.compose(
        b.dice("SliceChannel", "split"), x, num_outputs=n, axis=axis, squeeze_axis=squeeze
    )
    to = x.shape[:axis] + (() if squeeze else (1,)) + x.shape[axis + 1 :]
    if to:
        b.keep(*[type(x)(parts[i], to, 1) for i in range(n) if i == 0 or b.chance(0.4)])


@template
def split_v2(b):
    x = b.pick(test=lambda s: any(n > 2 for n in s))
    axis = b.dice(*[i for i, n in enumerate(x.shape) if n > 2])
    n = x.shape[axis]
    parts = b.compose("split_v2", x, indices_or_sections=(1, 2), axis=axis)
    sizes = (1, 1, n - 2)
    b.keep(*[type(x)(parts[i], (*x.shape[:axis], sizes[i], *x.shape[axis + 1:]), 1)
             for i in range(3) if i == 2 or b.chance(0.4)])  # fmt: skip


@template
def flip(b):
    x = b.pick()
    if b.chance(0.7):
        b.keep(b.call(b.dice("flip", "reverse"), x, axis=b.rng.randrange(x.ndim)))
    else:
        b.keep(b.call("reverse", x, axis=tuple(range(x.ndim))))


@template
def pad(b):
    x = b.image()
    mode = b.dice("constant", "edge", "reflect")
    width = [0, 0, 0, 0] + [b.dice(0, 1, 2) for _ in range(4)]
    params = {"constant_value": 0.5} if mode == "constant" else {}
    to = x.shape[:2] + tuple(
        n + width[2 * i] + width[2 * i + 1] for i, n in enumerate(x.shape[2:], 2)
    )
    b.keep(b.call(b.dice("Pad", "pad"), x, mode=mode, pad_width=tuple(width), to=to, **params))


@template
def space_and_depth(b):
    x = b.variable((b.dice(1, 2), b.dice(1, 2), 4, 2))
    n, c, h, w = x.shape
    y = b.call("space_to_depth", x, block_size=2, to=(n, 4 * c, h // 2, w // 2))
    b.keep(y)
    z = b.call("tanh", y)
    b.keep(b.call("depth_to_space", z, block_size=2, to=x.shape))


@template
def broadcast_axis(b):
    x = b.pick(largest=30, test=lambda s: 1 in s)
    axis = x.shape.index(1)
    to = list(x.shape)
    to[axis] = 3
    if b.chance(0.5):
        b.keep(b.call(b.dice("broadcast_axis", "broadcast_axes"), x, axis=axis, size=3, to=to))
    else:
        code = tuple(0 if b.chance(0.3) and i != axis else n for i, n in enumerate(to))
        b.keep(b.call("broadcast_to", x, shape=code, to=to))


@template
def like_another(b):
    x = b.pick()
    if b.chance(0.5):
        b.keep(b.call("reshape_like", x, b.variable((x.size, 1)), to=(x.size, 1)))
    else:
        y = b.like(x)
        b.keep(b.call("broadcast_like", stretched(b, x), y, to=x.shape))


@template
def diag(b):
    x = b.pick(2)
    k = b.dice(0, 0, 1, -1)
    if not -x.shape[0] < k < x.shape[1]:
        k = 0
    b.keep(b.call("diag", x, k=k, to=np.diag(np.empty(x.shape), k).shape))


@template
def sizes(b):
    x = b.pick()
    op, n = b.dice(("shape_array", x.ndim), ("size_array", 1))
    found = b.call(op, b.call("BlockGrad", x), to=(n,), bound=100)
    b.keep(b.call("BlockGrad", b.call("Cast", found, dtype="float32", bound=100), bound=100))


@template
def crop(b):
    x = b.image()
    h, w = (b.dice(2, n - 1) for n in x.shape[2:])
    if b.chance(0.5):
        b.keep(b.call("Crop", x, h_w=(h, w), offset=(1, 1) if b.chance(0.5) and h < x.shape[2] and w < x.shape[3] else (0, 0),
                      num_args=1, to=(*x.shape[:2], h, w)))  # fmt: skip
    else:
        y = b.variable((1, 1, h, w))
        b.keep(b.call("Crop", x, y, num_args=2, center_crop=b.chance(0.5), to=(*x.shape[:2], h, w)))


@template
def up_sampling(b):
    x = b.image()
    to = (*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    b.keep(b.call("UpSampling", x, scale=2, sample_type="nearest", num_args=1, to=to))


# Matrices.


@template
def fully_connected(b):
    x = b.pick(test=lambda s: len(s) > 1)
    hidden, flatten, no_bias = b.dice(2, 3, 4), b.chance(0.6), b.chance(0.4)
    params = {"no_bias": True} if no_bias else {}
    if not flatten:
        params["flatten"] = False
    to = (x.shape[0], hidden) if flatten else (*x.shape[:-1], hidden)
    b.keep(b.call("FullyConnected", x, num_hidden=hidden, to=to, bound=x.size, **params))


@template
def dot(b):
    x = b.pick(2)
    ta, tb = b.chance(0.3), b.chance(0.3)
    m, k = x.shape[::-1] if ta else x.shape
    n = b.dice(1, 2, 3)
    y = b.variable((n, k) if tb else (k, n))
    params = {key: True for key, on in (("transpose_a", ta), ("transpose_b", tb)) if on}
    b.keep(b.call("dot", x, y, to=(m, n), bound=k, **params))


@template
def dot_of_any(b):
    x = b.pick(test=lambda s: len(s) != 2)
    k = x.shape[-1]
    y = b.variable((k,) if x.ndim == 1 else (k, 2))
    b.keep(b.call("dot", x, y, to=(1,) if x.ndim == 1 else (*x.shape[:-1], 2), bound=k))


@template
def batch_dot(b):
    x = b.pick(3)
    ta, tb = b.chance(0.3), b.chance(0.3)
    m, k = x.shape[:0:-1] if ta else x.shape[1:]
    n = b.dice(1, 2)
    y = b.variable((x.shape[0], n, k) if tb else (x.shape[0], k, n))
    params = {key: True for key, on in (("transpose_a", ta), ("transpose_b", tb)) if on}
    b.keep(
        b.call(b.dice("batch_dot", "linalg.gemm2"), x, y, to=(x.shape[0], m, n), bound=k, **params)
    )


@template
def gemm(b):
    x = b.pick(2)
    m, k = x.shape
    y, z = b.variable((2, k)), b.variable((m, 2))
    b.keep(
        b.call(
            "linalg.gemm",
            x,
            y,
            z,
            transpose_b=True,
            alpha=0.5,
            beta=b.dice(1.0, -0.5),
            to=(m, 2),
            bound=k + 1,
        )
    )


@template
def syrk(b):
    x = b.pick(2)
    t = b.chance(0.5)
    n, k = x.shape[::-1] if t else x.shape
    b.keep(b.call("linalg.syrk", x, transpose=t, alpha=b.dice(1.0, 0.5), to=(n, n), bound=k))


def cholesky(b, op):
    x = b.square(b.chance(0.5))
    gram = b.call("linalg.gemm2", x, x, transpose_b=True, bound=5)
    lower = b.call("linalg.potrf", gram, bound=3)
    b.keep(lower)
    if op == "potri":
        b.keep(b.call("linalg.potri", lower, bound=20))
    elif op == "sumlogdiag":
        b.keep(b.call("linalg.sumlogdiag", lower, to=x.shape[:-2] or (1,), bound=5))
    else:
        params = {"rightside": True} if b.chance(0.5) else {}
        if b.chance(0.5):
            params["transpose"] = True
        b.keep(b.call("linalg." + op, lower, b.like(x), bound=20, **params))


enter(cholesky, [(op,) for op in ("potri", "trmm", "trsm", "sumlogdiag")])


def inverse(b, op):
    x = b.square(b.chance(0.5))
    if op == "inverse":
        b.keep(b.call("linalg.inverse", x, bound=9))
    elif op == "det":
        b.keep(b.call("linalg.det", x, to=x.shape[:-2] or (1,), bound=5))
    elif op == "slogdet":
        both = b.compose("linalg.slogdet", x)
        b.keep(type(x)(both[1], x.shape[:-2] or (1,), 5))
    else:
        both = b.compose("linalg.gelqf", x)
        b.keep(type(x)(both[0], x.shape, 2), type(x)(both[1], x.shape, 2))


enter(inverse, [(op,) for op in ("inverse", "det", "slogdet", "gelqf")])


@template
def diagonals(b):
    x = b.square(b.chance(0.5))
    n = x.shape[-1]
    op = b.dice("diag", "trian")
    if op == "diag":
        y = b.call("linalg.extractdiag", x, to=x.shape[:-1])
        b.keep(y)
        b.keep(b.call("linalg.makediag", b.call("sin", y), to=x.shape))
    else:
        count = n * (n + 1) // 2
        lower = b.chance(0.5)
        y = b.call("linalg.extracttrian", x, lower=lower, to=(*x.shape[:-2], count), bound=1.2)
        b.keep(y, b.call("linalg.maketrian", b.call("sin", y), lower=lower, to=x.shape))


@template
def khatri_rao(b):
    x, y = b.variable((b.dice(1, 2), 3)), b.variable((b.dice(2, 3), 3))
    b.keep(b.call("BlockGrad", b.call("khatri_rao", x, y, to=(x.shape[0] * y.shape[0], 3))))


# Layers.


def window(n, k, s, p, d=1):
    return (n + 2 * p - d * (k - 1) - 1) // s + 1


@template
def convolution(b):
    x = b.image()
    k, s, p, d = b.dice(1, 2, 3), b.dice(1, 1, 2), b.dice(0, 1), b.dice(1, 1, 2)
    if d == 2 and k == 3:
        p = 1
    group = 2 if x.shape[1] % 2 == 0 and b.chance(0.3) else 1
    filters = b.dice(2, 4)
    params = {"stride": (s, s)} if s > 1 else {}
    if p:
        params["pad"] = (p, p)
    if d > 1:
        params["dilate"] = (d, d)
    if group > 1:
        params["num_group"] = group
    if b.chance(0.4):
        params["no_bias"] = True
    out = tuple(window(n, k, s, p, d) for n in x.shape[2:])
    if min(out) > 0:
        b.keep(b.call("Convolution", x, kernel=(k, k), num_filter=filters, to=(x.shape[0], filters, *out),
                      bound=k * k * x.shape[1], **params))  # fmt: skip


@template
def convolution_1d(b):
    x = b.pick(3, test=lambda s: s[2] > 1)
    to = (x.shape[0], 2, window(x.shape[2], 2, 1, 1))
    b.keep(
        b.call("Convolution", x, kernel=(2,), pad=(1,), num_filter=2, to=to, bound=2 * x.shape[1])
    )


@template
def deconvolution(b):
    x = b.image()
    k, s, p = b.dice(2, 3), b.dice(1, 2), b.dice(0, 1)
    params = {"pad": (p, p)} if p else {}
    adj = 0
    if s == 2 and b.chance(0.4):
        adj, params["adj"] = 1, (1, 1)
    if b.chance(0.4):
        params["no_bias"] = False
    to = (x.shape[0], 2, *tuple(s * (n - 1) + k - 2 * p + adj for n in x.shape[2:]))
    b.keep(b.call("Deconvolution", x, kernel=(k, k), stride=(s, s), num_filter=2, to=to,
                  bound=k * k * x.shape[1], **params))  # fmt: skip


@template
def pooling(b):
    x = b.image()
    kind = b.dice("max", "avg", "sum", "lp")
    x = b.apart(x) if kind == "max" else b.between(x, 0.3, 1) if kind == "lp" else x
    params = {"pool_type": kind}
    if kind == "lp":
        params["p_value"] = b.dice(1, 2)
    bound = x.bound * (20 if kind in ("sum", "lp") else 1)
    if b.chance(0.25):
        b.keep(
            b.call(
                "Pooling",
                x,
                global_pool=True,
                kernel=(2, 2),
                to=(*x.shape[:2], 1, 1),
                bound=bound,
                **params,
            )
        )
        return
    k, s = b.dice(2, 3), b.dice(1, 2)
    p = b.dice(0, 1) if kind != "lp" else 0
    if kind == "avg" and b.chance(0.4):
        params["count_include_pad"] = False
    full = kind != "lp" and b.chance(0.3)
    if full:
        params["pooling_convention"] = "full"
        out = tuple(-((k - n - 2 * p) // s) + 1 for n in x.shape[2:])
    else:
        out = tuple(window(n, k, s, p) for n in x.shape[2:])
    b.keep(
        b.call(
            "Pooling",
            x,
            kernel=(k, k),
            stride=(s, s),
            pad=(p, p),
            to=x.shape[:2] + out,
            bound=bound,
            **params,
        )
    )


@template
def batch_norm(b):
    x = b.pick(test=lambda s: len(s) > 1 and np.prod(s) > 4 * s[1])
    params = {"fix_gamma": False, "eps": 0.01}
    if b.chance(0.3):
        params["use_global_stats"] = True
    if b.chance(0.3):
        params["momentum"] = 0.5
    b.keep(b.call("BatchNorm", x, bound=10, **params))


@template
def batch_norm_read_whole(b):
    x = b.pick(test=lambda s: len(s) > 1 and np.prod(s) > 4 * s[1])
    whole = b.compose("BatchNorm", x, fix_gamma=False, eps=0.01, output_mean_var=True)
    b.keep(type(x)(whole[0], x.shape, 10))


@template
def layer_norm(b):
    x = b.pick(test=lambda s: s[-1] > 1)
    params = {"axis": -1} if b.chance(0.5) else {}
    b.keep(b.call("LayerNorm", x, eps=0.01, bound=10, **params))


@template
def instance_norm(b):
    x = b.pick(test=lambda s: len(s) > 2 and np.prod(s[2:]) > 1)
    b.keep(
        b.call(
            "InstanceNorm",
            x,
            b.variable(x.shape[1:2]),
            b.variable(x.shape[1:2]),
            eps=0.01,
            bound=10,
        )
    )


@template
def group_norm(b):
    x = b.pick(4, test=lambda s: s[1] % 2 == 0 and np.prod(s[1:]) > 3)
    b.keep(
        b.call("GroupNorm", x, b.variable((2,)), b.variable((2,)), num_groups=2, eps=0.01, bound=10)
    )


@template
def l2_normalization(b):
    x = b.pick(test=lambda s: len(s) > 2)
    b.keep(
        b.call(
            "L2Normalization",
            b.between(x, 0.2, 1),
            mode=b.dice("instance", "channel", "spatial"),
            eps=0.01,
        )
    )


@template
def lrn(b):
    x = b.image(3)
    b.keep(b.call("LRN", x, nsize=3, alpha=b.dice(0.1, 0.01), beta=0.75, knorm=b.dice(1.0, 2.0)))


@template
def softmaxes(b):
    op = b.dice("softmax", "log_softmax", "softmin", "SoftmaxActivation")
    x = b.pick(test=lambda s: len(s) > 1)
    if op == "SoftmaxActivation":
        params = {"mode": "channel"} if x.ndim > 2 and b.chance(0.5) else {}
    else:
        params = {"axis": b.axis(x)} if b.chance(0.7) else {}
        if b.chance(0.3):
            params["temperature"] = 2.0
    b.keep(b.call(op, x, bound=6 if op == "log_softmax" else 1, **params))


@template
def softmax_of_lengths(b):
    x = b.pick(2)
    lengths = b.call(
        "Cast", b.variable(x.shape[:1], "length%d_" % x.shape[1]), dtype="int32", bound=9
    )
    b.keep(b.call("softmax", x, lengths, axis=1, use_length=True))


@template
def patches(b):
    x = b.image()
    k, p = b.dice(1, 2), b.dice(0, 1)
    out = [window(n, k, 1, p) for n in x.shape[2:]]
    y = b.call(
        "im2col", x, kernel=(k, k), pad=(p, p), to=(x.shape[0], x.shape[1] * k * k, out[0] * out[1])
    )
    b.keep(
        y,
        b.call(
            "col2im",
            b.call("sin", y),
            output_size=x.shape[2:],
            kernel=(k, k),
            pad=(p, p),
            to=x.shape,
            bound=k * k,
        ),
    )


@template
def adaptive_pooling(b):
    x = b.image()
    b.keep(b.call("contrib.AdaptiveAvgPooling2D", x, output_size=(2, 1), to=(*x.shape[:2], 2, 1)))


@template
def quadratic(b):
    b.keep(b.call("contrib.quadratic", b.pick(), a=0.5, b=-1.0, c=0.2, bound=2))


# Indices.


@template
def take(b):
    x = b.pick()
    axis = b.axis(x)
    shape = b.dice((2,), (3,), (2, 2))
    indices = b.variable(shape, "below%d_" % x.shape[axis])
    mode = {"mode": b.dice("wrap", "clip")} if b.chance(0.5) else {}
    if mode:
        indices = b.spell(lambda i: i * 2 - 1, indices, bound=9)
    at = axis % x.ndim
    to = x.shape[:at] + shape + x.shape[at + 1 :]
    if len(to) < 5:
        b.keep(b.call("take", x, indices, axis=axis, to=to, **mode))


@template
def embedding(b):
    words = b.variable(b.shape(b.dice(1, 2)), "below4_")
    b.keep(b.call("Embedding", words, input_dim=4, output_dim=3, to=(*words.shape, 3)))


@template
def embedding_of_found(b):
    x = b.apart(b.pick(2))
    found = b.call("BlockGrad", b.call("argmax", x, axis=1, to=x.shape[:1], bound=9), bound=9)
    b.keep(b.call("Embedding", found, input_dim=x.shape[1], output_dim=2, to=(*found.shape, 2)))


@template
def pick(b):
    x = b.pick(test=lambda s: len(s) > 1)
    axis, keepdims = b.axis(x), b.chance(0.4)
    at = axis % x.ndim
    index = b.variable(x.shape[:at] + x.shape[at + 1 :], "below%d_" % x.shape[at])
    b.keep(
        b.call(
            "pick", x, index, axis=axis, keepdims=keepdims, to=reduced(x.shape, [axis], keepdims)
        )
    )


@template
def one_hot(b):
    index = b.variable(b.shape(b.dice(1, 2)), "below3_")
    params = {"on_value": 2.0, "off_value": -1.0} if b.chance(0.4) else {}
    depth = b.dice(3, 4)
    found = b.call("one_hot", index, depth=depth, to=(*index.shape, depth), bound=2, **params)
    b.keep(b.call("BlockGrad", found, bound=2))


@template
def gather_nd(b):
    x = b.pick(test=lambda s: len(s) > 1)
    n = b.dice(2, 3)
    rows = [b.variable((1, n), "below%d_" % x.shape[i]) for i in range(2)]
    indices = b.call("Concat", *rows, dim=0, to=(2, n), bound=9)
    b.keep(b.call("gather_nd", x, indices, to=(n, *x.shape[2:])))


@template
def scatter_nd(b):
    x = b.pick(1, largest=4)
    indices = b.call("_internal._arange", start=0, stop=x.size, to=(x.size,), bound=9)
    indices = b.call("Reshape", indices, shape=(1, -1), to=(1, x.size), bound=9)
    b.keep(b.call("scatter_nd", x, indices, shape=(x.size + 2,), to=(x.size + 2,)))


@template
def batch_take(b):
    x = b.pick(2)
    index = b.call("Cast", b.variable(x.shape[:1], "below%d_" % x.shape[1]), dtype="int32", bound=9)
    b.keep(b.call("BlockGrad", b.call("batch_take", x, index, to=x.shape[:1])))


@template
def topk(b):
    x = b.apart(b.pick())
    axis = b.axis(x)
    k = 1 + b.rng.randrange(x.shape[axis])
    to = list(x.shape)
    to[axis] = k
    params = {"axis": axis, "k": k}
    if b.chance(0.5):
        params["is_ascend"] = b.chance(0.5)
    kind = b.dice("value", "indices", "mask", "both")
    if kind == "value":
        pair = b.compose("topk", x, ret_typ="value", **params)
        b.keep(type(x)(pair, to, x.bound))
    elif kind == "indices":
        b.keep(b.call("BlockGrad", b.call("topk", x, to=to, bound=9, **params), bound=9))
    elif kind == "mask":
        b.keep(b.call("BlockGrad", b.call("topk", x, ret_typ="mask", to=x.shape, **params)))
    else:
        pair = b.compose("topk", x, ret_typ="both", **params)
        b.keep(type(x)(pair[0], to, x.bound))


@template
def sort(b):
    x = b.apart(b.pick())
    axis = b.axis(x)
    if b.chance(0.6):
        b.keep(b.call("sort", x, axis=axis, is_ascend=b.chance(0.7), bound=x.bound))
    else:
        b.keep(
            b.call(
                "BlockGrad",
                b.call("argsort", x, axis=axis, is_ascend=b.chance(0.7), bound=9),
                bound=9,
            )
        )


@template
def places(b):
    index = b.variable((3,), "below6_")
    two = b.call("unravel_index", index, shape=(2, 3), to=(2, 3), bound=3)
    one = b.call("ravel_multi_index", two, shape=(2, 4), to=(3,), bound=9)
    b.keep(b.call("BlockGrad", one, bound=9))


def sequence(b, op):
    x = b.pick(test=lambda s: len(s) > 1)
    params = {}
    inputs = [x]
    if b.chance(0.7):
        inputs.append(b.variable(x.shape[1:2], "length%d_" % x.shape[0]))
        params["use_sequence_length"] = True
    if op == "SequenceMask":
        params["value"] = b.dice(0.0, -0.5)
    b.keep(b.call(op, *inputs, **params))


enter(sequence, [("SequenceMask",), ("SequenceReverse",)])


# Constants.


def constant(b, op, params, to, bound):
    b.keep(b.call(op, to=to, bound=bound, **params))


enter(constant, [
    ("zeros", {"shape": (2, 3)}, (2, 3), 1), ("ones", {"shape": (3,)}, (3,), 1),
    ("full", {"shape": (2, 2), "val": 0.5}, (2, 2), 1), ("arange", {"start": 0, "stop": 6, "step": 1.5}, (4,), 5),
    ("linspace", {"start": -1, "stop": 1, "num": 5}, (5,), 1), ("eye", {"N": 3, "k": 1}, (3, 3), 1),
])  # fmt: skip


@template
def arange_like(b):
    x = b.pick()
    b.keep(
        b.call(
            "BlockGrad", b.call("contrib.arange_like", x, axis=0, to=x.shape[:1], bound=9), bound=9
        )
    )


# Updates: a weight that nothing else reads, since MXNet leaves it as it is.


def update(b, op, states, params):
    grad = b.pick()
    weight = b.variable(grad.shape, "weight")
    kinds = {
        "mom": "state",
        "mean": "state",
        "z": "state",
        "g": "state",
        "delta": "state",
        "d": "positive",
    }
    held = [b.variable(grad.shape, kinds.get(s, "positive")) for s in states]
    found = b.update(op, [weight, grad, *held], ["weight", "grad", *states], **params)
    b.keep(b.call("BlockGrad", found, bound=3))


enter(update, [
    ("sgd_update", [], {"lr": 0.1, "wd": 0.01}), ("signsgd_update", [], {"lr": 0.1}),
    ("sgd_mom_update", ["mom"], {"lr": 0.1, "momentum": 0.9}), ("nag_mom_update", ["mom"], {"lr": 0.1, "momentum": 0.9}),
    ("signum_update", ["mom"], {"lr": 0.1, "momentum": 0.5, "wd_lh": 0.1}), ("adam_update", ["mean", "var"], {"lr": 0.1}),
    ("rmsprop_update", ["n"], {"lr": 0.1, "gamma1": 0.9}), ("ftrl_update", ["z", "n"], {"lr": 0.1}),
    ("ftml_update", ["d", "v", "z"], {"lr": 0.1, "t": 2}),
])  # fmt: skip


# Losses: heads, which nothing reads.


def loss(b, op):
    x = b.pick(2)
    if op == "SoftmaxOutput":
        label, to = b.variable(x.shape[:1], "below%d_" % x.shape[1]), x.shape
        params = {"normalization": b.dice("null", "batch", "valid")} if b.chance(0.5) else {}
        if b.chance(0.3):
            params["grad_scale"] = 0.5
        b.heads.append(b.call(op, x, label, to=to, **params))
    elif op == "SVMOutput":
        label = b.variable(x.shape[:1], "below%d_" % x.shape[1])
        b.heads.append(b.call(op, x, label, use_linear=b.chance(0.5)))
    elif op == "softmax_cross_entropy":
        label = b.variable(x.shape[:1], "below%d_" % x.shape[1])
        b.heads.append(b.call(op, x, label, to=(1,)))
    elif op in ("MakeLoss", "make_loss"):
        params = {"grad_scale": 0.5} if op == "MakeLoss" else {}
        b.heads.append(b.call(op, b.call("square", x), **params))
    else:
        if op == "MAERegressionOutput":
            x = b.apart(x)
        label = b.variable(x.shape, "below2_")
        params = {"grad_scale": 2.0} if b.chance(0.3) else {}
        b.heads.append(b.call(op, x, label, bound=x.bound, **params))


enter(loss, [
    (op,) for op in ("SoftmaxOutput", "LinearRegressionOutput", "LogisticRegressionOutput",
                     "MAERegressionOutput", "SVMOutput", "MakeLoss", "make_loss", "softmax_cross_entropy")
])  # fmt: skip

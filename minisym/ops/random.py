r"""Random numbers: each distribution from numbers, from arrays of parameters, and like an array.

A row declares three ops. `_random_uniform(low=, high=, shape=)` draws an array;
`_sample_uniform(low, high, shape=)` draws `shape` numbers for each element of its parameters;
`_random_uniform_like(data, low=, high=)` draws as many as `data` has. All draw from the generator
that `ms.random.seed` starts: NumPy's stream, not MXNet's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import each
from minisym.core.declare import Declaration, kernel_of
from minisym.core.declare import op as declare
from minisym.core.ndarray import Array
from minisym.core.op import get
from minisym.core.params import Ints
from minisym.core.samples import Sample
from minisym.core.shapes import show
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Shaped
from minisym.ops.numeric.rules import some_to_choose, wanted_shape

op = partial(declare, kind="source", cost=each(4))

RealType = Annotated[
    Literal["None", "float16", "float32", "float64"], "Element type; None is float32."
]
Size = Annotated[Ints | None, "Shape of the result; None: one number."]
Place = Annotated[str, "Accepted for old files: every array lives in main memory."]

Draw = Callable[..., Any]
Parameters = Mapping[str, tuple[Any, Any, str]]
"""Name -> type, default, and what it is."""


def _kernel(name: str, doc: str, inputs: Mapping[str, Any], params: Parameters, run: Draw) -> Draw:
    """Return `run` with the signature that an op's declaration reads."""
    annotated = {n: (Annotated[kind, told], default) for n, (kind, default, told) in params.items()}
    return kernel_of(name, doc, inputs, annotated, run, ("rng", "out"))


def _fill(out: Array, values: Any) -> None:
    np.copyto(out, values, casting="unsafe")


def _drawn_shape(s: Any, *, shape: Ints | None) -> None:
    """Rule: what `shape` says; without it, (1,)."""
    s.output = (1,) if shape is None else wanted_shape(shape)


def _drawn_dtype(t: Any, *, dtype: str) -> None:
    t.output = np.dtype("float32" if dtype == "None" else dtype)


_COMMON = {
    "shape": (Size, None, "Shape of the result."),
    "ctx": (Place, "", "Accepted."),
    "dtype": (RealType, "None", "Element type; None is float32."),
}


def distribution(
    name: str,
    draw: Draw,
    params: Parameters,
    doc: str,
    *,
    arrays: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
    usual: Mapping[str, float] = MappingProxyType({}),
) -> None:
    """Declare `_random_`, `_sample_` and `_random_…_like` of one distribution.

    `draw(rng, size, *params)` returns the numbers. `arrays` names the inputs of `_sample_…` where
    MXNet calls them otherwise than the parameters. `usual` are parameters whose numbers say more
    than those of the defaults.
    """
    names, arrays = tuple(params), arrays or tuple(params)

    def run(*, out: Array, rng: np.random.Generator, **values: Any) -> None:
        _fill(out, draw(rng, out.shape, *[values[n] for n in names]))

    def run_like(data: Array, *, out: Array, rng: np.random.Generator, **values: Any) -> None:
        _fill(out, draw(rng, out.shape, *[values[n] for n in names]))

    def run_each(*given: Array, out: Array, rng: np.random.Generator, **_: Any) -> None:
        tail = (1,) * (out.ndim - given[0].ndim)
        wide = [a.reshape(a.shape + tail).astype(np.float64) for a in given]
        _fill(out, draw(rng, out.shape, *wide))

    once = op(
        name=f"_random_{name}",
        aliases=(f"random_{name}", *also),
        samples=(Sample((), {**usual, "shape": (2, 3)}),),
    )(_kernel(f"_random_{name}", f"Draw from {doc}", {}, {**params, **_COMMON}, run))
    once.shape(_drawn_shape)
    once.dtype(_drawn_dtype)

    like = op(
        name=f"_random_{name}_like",
        elementwise=True,
        samples=(Sample(((2, 3),), usual, wrt=()),),
    )(
        _kernel(
            f"_random_{name}_like",
            f"Draw in the shape of `data` from {doc}",
            {"data": Shaped},
            params,
            run_like,
        )
    )
    like.grad(lambda g, data: None)

    pairs = tuple(np.array([1.0, 2.0]) * usual.get(n, 0.4) for n in names)
    each = op(
        name=f"_sample_{name}",
        aliases=(f"sample_{name}",),
        samples=(Sample(pairs, {"shape": (3,)}, wrt=()),),
    )(
        _kernel(
            f"_sample_{name}",
            f"Draw for each element of the parameters from {doc}",
            {
                array: Annotated[Array, f"{told[:-1]}; one for each set of draws."]
                for array, (_, _, told) in zip(arrays, params.values(), strict=True)
            },
            {
                "shape": (Ints, (), "How many numbers for each element."),
                "dtype": (RealType, "None", "Element type; None is float32."),
            },
            run_each,
        )
    )
    _each_rules(each, arrays)


def _each_rules(each: Declaration, names: tuple[str, ...]) -> None:
    @each.shape
    def _(s: Any, *, shape: Ints) -> None:
        """Rule: the shape of the parameters, and behind it `shape`."""
        for first in names:
            for other in names:
                setattr(s, other, getattr(s, first))
        given = getattr(s, names[0])
        if any(d < 1 for d in shape):
            raise ValueError(f"shape {show(shape)} must have positive sizes")
        if given is not None:
            s.output = given + shape

    @each.dtype
    def _(t: Any, *, dtype: str) -> None:
        for first in names:
            for other in names:
                setattr(t, other, getattr(t, first))
        given = getattr(t, names[0])
        if dtype != "None":
            t.output = np.dtype(dtype)
        elif given is not None:
            t.output = given if given.kind == "f" else np.dtype(np.float32)

    each.grad(lambda g, *inputs: [None] * len(names))


def _generalized(rng: np.random.Generator, size: Any, mu: Any, alpha: Any) -> Any:
    """Draw from a Poisson whose rate is gamma distributed; a plain Poisson for alpha 0."""
    spread = np.where(np.equal(alpha, 0), 1.0, alpha)
    rate = rng.gamma(1 / spread, spread * mu, size)
    return rng.poisson(np.where(np.equal(alpha, 0), mu, rate), size)


distribution(
    "uniform",
    lambda rng, size, low, high: rng.uniform(low, high, size),
    {"low": (float, 0.0, "Lower bound."), "high": (float, 1.0, "Upper bound, not included.")},
    r"the uniform distribution on $[low, high)$.",
    usual={"low": 1.0, "high": 4.0},
    also=("uniform",),
)
distribution(
    "normal",
    lambda rng, size, loc, scale: rng.normal(loc, scale, size),
    {"loc": (float, 0.0, "Mean."), "scale": (float, 1.0, "Standard deviation.")},
    r"the normal distribution $N(loc, scale^2)$.",
    arrays=("mu", "sigma"),
    also=("normal",),
)
distribution(
    "gamma",
    lambda rng, size, alpha, beta: rng.gamma(alpha, beta, size),
    {"alpha": (float, 1.0, "Shape."), "beta": (float, 1.0, "Scale.")},
    r"the gamma distribution with shape $\alpha$ and scale $\beta$.",
)
distribution(
    "exponential",
    lambda rng, size, lam: rng.exponential(1 / np.asarray(lam), size),
    {"lam": (float, 1.0, "Rate.")},
    r"the exponential distribution with rate $\lambda$.",
)
distribution(
    "poisson",
    lambda rng, size, lam: rng.poisson(lam, size),
    {"lam": (float, 1.0, "Rate.")},
    r"the Poisson distribution with rate $\lambda$.",
)
distribution(
    "negative_binomial",
    lambda rng, size, k, p: rng.negative_binomial(k, p, size),
    {"k": (int, 1, "How many failures end the trials."), "p": (float, 1.0, "Their probability.")},
    r"the negative binomial distribution: successes before the $k$-th failure.",
    usual={"k": 3, "p": 0.4},
)
distribution(
    "generalized_negative_binomial",
    _generalized,
    {"mu": (float, 1.0, "Mean."), "alpha": (float, 1.0, "Dispersion.")},
    r"the negative binomial distribution with mean $\mu$ and dispersion $\alpha$.",
)


@op(
    aliases=("random_randint",),
    samples=(Sample((), {"low": 0, "high": 5, "shape": (2, 3)}),),
)
def _random_randint(
    *,
    low: Annotated[int, "Lower bound."],
    high: Annotated[int, "Upper bound, not included."],
    shape: Size = None,
    ctx: Place = "",
    dtype: Annotated[Literal["None", "int32", "int64"], "Element type; None is int32."] = "None",
    rng: np.random.Generator,
    out: Array,
) -> None:
    """Draw integers, each of [low, high) with the same probability."""
    out[...] = rng.integers(low, high, out.shape)


_random_randint.shape(_drawn_shape)


@_random_randint.dtype
def _(t: Any, *, dtype: str) -> None:
    t.output = np.dtype("int32" if dtype == "None" else dtype)


def _multinomial_outputs(params: Any) -> tuple[str, ...]:
    return ("output0", "output1") if params["get_prob"] else ("output",)


@op(
    aliases=("sample_multinomial",),
    outputs=_multinomial_outputs,
    samples=(Sample((np.array([[0.2, 0.8], [1.0, 0.0]]),), {"shape": (3,)}, wrt=()),),
)
def _sample_multinomial(
    data: Annotated[Array, "Probabilities, (…, classes)."],
    *,
    shape: Annotated[Ints, "How many draws for each row of probabilities."] = (),
    get_prob: Annotated[
        bool, "Whether to return the logarithm of the probability drawn, too."
    ] = False,
    dtype: Annotated[
        Literal["float16", "float32", "float64", "int32", "uint8"], "Type of the result."
    ] = "int32",
    rng: np.random.Generator,
    out: Any,
) -> None:
    r"""Draw class numbers, $k$ with the probability $p_k$ that the last axis of `data` gives."""
    classes = out[0] if get_prob else out
    rows = data.reshape(-1, data.shape[-1]).astype(np.float64)
    bounds = np.cumsum(rows, axis=1)
    drawn = rng.random((len(rows), max(classes.size // len(rows), 1))) * bounds[:, -1:]
    found = (drawn[:, :, None] >= bounds[:, None, :]).sum(axis=2)
    found = np.minimum(found, data.shape[-1] - 1)
    np.copyto(classes, found.reshape(classes.shape), casting="unsafe")
    if get_prob:
        chosen = np.take_along_axis(rows, found, axis=1)
        out[1][...] = np.log(chosen).reshape(out[1].shape)


@_sample_multinomial.shape
def _(s: Any, *, shape: Ints) -> None:
    """Rule: the shape of `data` without its last axis, and behind it `shape`."""
    if any(d < -1 for d in shape):
        raise ValueError(f"shape {show(shape)} has a negative size")
    if s.data is None:
        return
    if not s.data:
        raise ValueError("data needs an axis of probabilities, its last one")
    drawn = s.data[:-1] + tuple(None if d < 0 else d for d in shape)
    for i in range(len(s.outputs)):
        s.set_output(i, drawn or (1,))
    some_to_choose(s)


@_sample_multinomial.dtype
def _(t: Any, *, dtype: str, get_prob: bool) -> None:
    t.set_output(0, np.dtype(dtype))
    if get_prob:
        t.set_output(1, t.data)


@_sample_multinomial.backward(wrt=("data",))
def _(g1: Array, data: Array, y0: Array, *, out: Array) -> None:
    """Gradient of the logarithm of the probability, as in policy gradients."""
    rows = data.reshape(-1, data.shape[-1])
    found = y0.reshape(len(rows), -1).astype(np.intp)
    chosen = np.take_along_axis(rows, found, axis=1)
    flat = out.reshape(rows.shape)
    flat.fill(0)
    np.add.at(flat, (np.arange(len(rows))[:, None], found), g1.reshape(found.shape) / chosen)


@_sample_multinomial.grad
def _(g: Any, data: Symbol, *, y: Any, **params: Any) -> Any:
    """Without the probability of what was drawn there is nothing to differentiate."""
    if not params["get_prob"]:
        return None
    numeric: Any = get("_backward__sample_multinomial")
    return numeric(g1=g[1], data=data, y0=y[0], **params)

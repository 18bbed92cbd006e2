r"""Probability densities $p(x \mid \theta)$ of the distributions of `ops/random.py`.

The parameters have the leading axes of `sample`: each of their elements belongs to a whole block of
it. A row gives the logarithm of the density and its slopes by $x$ and by each parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import each
from minisym.core.declare import op as declare
from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.ops.numeric.sums import sum_over
from minisym.ops.special import NO_GAMMA
from minisym.ops.special import _digamma as digamma
from minisym.ops.special import _gammaln as gammaln

op = partial(declare, kind="math", cost=each(8))

Values = Annotated[Array, "Points at which the density is asked for."]
Logarithm = Annotated[bool, "Whether to return the density's logarithm."]
LogDensity = Callable[..., Array]
Slopes = Callable[..., Sequence[Array]]

_ROWS = np.array([[0.3, 0.6, 0.9], [0.2, 0.5, 0.7]])


def density(
    name: str,
    told: Mapping[str, str],
    log_density: LogDensity,
    slopes: Slopes,
    doc: str,
    *,
    at: tuple[float, ...] = (0.6, 1.7),
    whole: tuple[int, ...] | None = None,
    onnx: Callable[..., Any] | None = None,
) -> None:
    """Declare the density of one distribution.

    `told` says what its parameters are called and mean, `at` are parameters for the samples.
    """
    params = tuple(told)
    sample_of = _ROWS if whole is None else np.tile(np.arange(3.0), (2, 1))
    arrays = (sample_of, *(np.full(2, value) for value in at[: len(params)]))
    if len(params) == 1:

        def kernel(sample: Values, a: Array, *, is_log: Logarithm = False, out: Array) -> None:
            _fill(log_density, sample, (a,), is_log, out)

        def back(g: Array, sample: Array, a: Array, y: Array, *, is_log: bool, out: Any) -> None:
            _slopes(slopes, g, sample, (a,), y, is_log, out)

    else:

        def kernel(  # type: ignore[misc]
            sample: Values, a: Array, b: Array, *, is_log: Logarithm = False, out: Array
        ) -> None:
            _fill(log_density, sample, (a, b), is_log, out)

        def back(  # type: ignore[misc]
            g: Array, sample: Array, a: Array, b: Array, y: Array, *, is_log: bool, out: Any
        ) -> None:
            _slopes(slopes, g, sample, (a, b), y, is_log, out)

    _rename(kernel, told)
    _rename(back, told)
    full = f"_random_pdf_{name}"
    kernel.__name__, kernel.__doc__, kernel.__module__ = full, doc, __name__
    declared = op(
        name=full,
        aliases=(f"random_pdf_{name}",),
        samples=(
            Sample(arrays, wrt=whole),
            Sample(arrays, {"is_log": True}, wrt=whole),
        ),
        no_onnx="" if onnx else NO_GAMMA,
    )(kernel)
    if onnx is not None:

        @declared.onnx
        def _(o: Any, *arrays: Any, is_log: bool) -> Any:
            x, *given = map(o.real, arrays)
            wide = (o.reshape(p, p.shape + (1,) * (x.rank - p.rank)) for p in given)
            found = onnx(o, x, *wide)
            return o.stretch(found if is_log else o.Exp(found), x.shape)

    declared.shape(_dirichlet_shape if name == "dirichlet" else _leading_shape(params))
    declared.backward(back)


def _rename(function: Any, told: Mapping[str, str]) -> None:
    """Give the arguments `a` and `b` the distribution's names for them, and what they mean."""
    import inspect

    signature = inspect.signature(function, eval_str=True)
    parameters = dict(signature.parameters)
    for letter, (name, meaning) in zip("ab", told.items(), strict=False):
        parameters[letter] = parameters[letter].replace(
            name=name, annotation=Annotated[Array, f"{meaning}, of the leading axes of sample."]
        )
    function.__signature__ = signature.replace(parameters=list(parameters.values()))


def _wide(sample: Array, params: Sequence[Array]) -> list[Array]:
    """Give each parameter the axes that it lacks."""
    return [p.reshape(p.shape + (1,) * (sample.ndim - p.ndim)) for p in params]


def _fill(
    log_density: LogDensity, sample: Array, params: Sequence[Array], is_log: bool, out: Array
) -> None:
    found = log_density(sample, *_wide(sample, params))
    out[...] = found if is_log else np.exp(found)


def _slopes(
    slopes: Slopes,
    g: Array,
    sample: Array,
    params: Sequence[Array],
    y: Array,
    is_log: bool,
    out: Any,
) -> None:
    factor = g if is_log else g * y
    found = slopes(sample, *_wide(sample, params))
    for target, slope in zip(out, found, strict=True):
        part = np.broadcast_to(factor * slope, sample.shape)
        axes = tuple(range(target.ndim, sample.ndim))
        target[...] = sum_over(part, axes) if axes else part


def _leading_shape(params: tuple[str, ...]) -> Callable[[Any], None]:
    def rule(s: Any) -> None:
        """Rule: the output has the shape of `sample`, which begins as the parameters do."""
        s.sample = s.output
        s.output = s.sample
        for first in params:
            for other in params:
                setattr(s, other, getattr(s, first))
        sample, given = s.sample, getattr(s, params[0])
        if sample is not None and given is not None:
            if len(given) > len(sample):
                raise ValueError(f"{params[0]} has more axes than sample")
            for name in params:
                setattr(s, name, sample[: len(given)])

    return rule


def _dirichlet_shape(s: Any) -> None:
    """Rule: the output has the shape of `sample` without its last axis."""
    if s.sample is not None:
        s.output = s.sample[:-1]
    if s.sample is not None and s.alpha is not None:
        s.alpha = (*s.sample[: len(s.alpha) - 1], s.sample[-1])


def _normal(x: Array, mu: Array, sigma: Array) -> Array:
    z: Array = (x - mu) / sigma
    result: Array = -0.5 * z * z - np.log(sigma * np.sqrt(2 * np.pi))
    return result


def _onnx_normal(o: Any, x: Any, mu: Any, sigma: Any) -> Any:
    z = o.Div(o.Sub(x, mu), sigma)
    return o.Sub(o.Mul(o.Mul(z, z), -0.5), o.Log(o.Mul(sigma, np.sqrt(2 * np.pi))))


def _normal_slopes(x: Array, mu: Array, sigma: Array) -> Sequence[Array]:
    pull = (x - mu) / (sigma * sigma)
    return -pull, pull, pull * (x - mu) / sigma - 1 / sigma


def _binomial(x: Array, k: Array, p: Array) -> Array:
    ways = gammaln(x + k) - gammaln(x + 1) - gammaln(k + 0 * x)
    result: Array = ways + k * np.log(p) + x * np.log(1 - p)
    return result


def _binomial_slopes(x: Array, k: Array, p: Array) -> Sequence[Array]:
    by_k = digamma(x + k) - digamma(k + 0 * x) + np.log(p)
    return 0 * x, by_k, k / p - x / (1 - p)


def _generalized_slopes(x: Array, mu: Array, alpha: Array) -> Sequence[Array]:
    p = 1 / (mu * alpha + 1)
    _, by_k, by_p = _binomial_slopes(x, 1 / alpha, p)
    return 0 * x, -by_p * alpha * p * p, -by_k / (alpha * alpha) - by_p * mu * p * p


density(
    "uniform",
    {"low": "Lower bounds", "high": "Upper bounds"},
    lambda x, low, high: -np.log(high - low) + 0 * x,
    lambda x, low, high: (0 * x, 1 / (high - low), -1 / (high - low)),
    r"Density of the uniform distribution, $1 / (high - low)$.",
    onnx=lambda o, x, low, high: o.Neg(o.Log(o.Sub(high, low))),
)
density(
    "normal",
    {"mu": "Means", "sigma": "Standard deviations"},
    _normal,
    _normal_slopes,
    r"Density of the normal distribution, $e^{-(x - \mu)^2 / 2\sigma^2} / \sqrt{2\pi\sigma^2}$.",
    onnx=_onnx_normal,
)
density(
    "gamma",
    {"alpha": "Shapes", "beta": "Rates"},
    lambda x, a, b: a * np.log(b) + (a - 1) * np.log(x) - b * x - gammaln(a + 0 * x),
    lambda x, a, b: (
        (a - 1) / x - b,
        np.log(b) + np.log(x) - digamma(a + 0 * x),
        a / b - x,
    ),
    r"Density of the gamma distribution with rate $\beta$, "
    r"$\beta^\alpha x^{\alpha-1} e^{-\beta x} / \Gamma(\alpha)$.",
)
density(
    "exponential",
    {"lam": "Rates"},
    lambda x, lam: np.log(lam) - lam * x,
    lambda x, lam: (-lam + 0 * x, 1 / lam - x),
    r"Density of the exponential distribution, $\lambda e^{-\lambda x}$.",
    onnx=lambda o, x, lam: o.Sub(o.Log(lam), o.Mul(lam, x)),
)
density(
    "poisson",
    {"lam": "Rates"},
    lambda x, lam: x * np.log(lam) - gammaln(x + 1) - lam,
    lambda x, lam: (0 * x, x / lam - 1),
    r"Probability of $x$ under the Poisson distribution, $\lambda^x e^{-\lambda} / x!$.",
    whole=(1,),
)
density(
    "negative_binomial",
    {"k": "How many failures end the trials", "p": "Their probabilities"},
    _binomial,
    _binomial_slopes,
    r"Probability of $x$ successes before the $k$-th failure, whose probability is $p$.",
    at=(2.0, 0.4),
    whole=(1, 2),
)
density(
    "generalized_negative_binomial",
    {"mu": "Means", "alpha": "Dispersions"},
    lambda x, mu, alpha: _binomial(x, 1 / alpha, 1 / (mu * alpha + 1)),
    _generalized_slopes,
    r"Probability of $x$ under the negative binomial distribution with mean $\mu$ and dispersion "
    r"$\alpha$.",
    at=(2.0, 0.3),
    whole=(1, 2),
)


@op(
    no_onnx=NO_GAMMA,
    aliases=("random_pdf_dirichlet",),
    samples=(Sample((_ROWS, np.array([1.5, 2.0, 0.5]) + np.zeros((2, 3)))),),
)
def _random_pdf_dirichlet(
    sample: Annotated[Array, "Probabilities, (…, classes)."],
    alpha: Annotated[Array, "Concentrations, (…, classes), of the leading axes of sample."],
    *,
    is_log: Logarithm = False,
    out: Array,
) -> None:
    r"""Density of the Dirichlet distribution.

    $\Gamma(\sum \alpha_i) \prod x_i^{\alpha_i - 1} / \Gamma(\alpha_i)$, over the last axis.
    """
    wide = _aligned(sample, alpha)
    found = sum_over((wide - 1) * np.log(sample) - gammaln(wide), -1) + gammaln(sum_over(wide, -1))
    out[...] = found if is_log else np.exp(found)


_random_pdf_dirichlet.shape(_dirichlet_shape)


def _aligned(sample: Array, alpha: Array) -> Array:
    """Put the axes that alpha lacks before its last one."""
    missing = (1,) * (sample.ndim - alpha.ndim)
    shaped = alpha.reshape(alpha.shape[:-1] + missing + alpha.shape[-1:])
    return np.broadcast_to(shaped, sample.shape)


@_random_pdf_dirichlet.backward
def _(
    g: Array, sample: Array, alpha: Array, y: Array, *, is_log: bool, out: tuple[Array, Array]
) -> None:
    factor = (g if is_log else g * y)[..., None]
    wide = _aligned(sample, alpha)
    out[0][...] = factor * (wide - 1) / sample
    by_alpha = factor * (np.log(sample) + digamma(sum_over(wide, -1))[..., None] - digamma(wide))
    axes = tuple(range(alpha.ndim - 1, sample.ndim - 1))
    out[1][...] = sum_over(by_alpha, axes) if axes else by_alpha

r"""Special functions: erf, its inverse, gamma and its logarithm, in NumPy to float64 accuracy.

Each is a polynomial on an interval, and a formula that carries it to the whole line. The
polynomials were fitted by Chebyshev interpolation in 40 digits to errors below 1e-16, and are
written in $u \in [-1, 1]$, highest power first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from minisym.core.families import unary
from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.ops.elemwise import exp, square

# ------------------------------------------------------------------------------------ the tables

_ERF_CORE = (
    -3.80659122412214e-13,
    9.21125018742823e-12,
    -2.035231956483527e-10,
    4.115751500265885e-09,
    -7.51156925108609e-08,
    1.2233827638093572e-06,
    -1.75371694412802e-05,
    0.00021751715603563488,
    -0.0022854855611440855,
    0.019852496688984218,
    -0.1405360890227171,
    0.9654687386698673,
)
_ERFC_TAIL = (
    -1.6799777159311457e-13,
    -4.468786282795809e-15,
    6.716060821011204e-12,
    -6.030100178315267e-12,
    -2.5809703293704675e-10,
    2.6378817019432074e-10,
    1.1340261055840323e-08,
    4.526722197970927e-09,
    -5.541277438329464e-07,
    -2.4255574811020284e-06,
    1.956358330834969e-05,
    0.00033160296057845436,
    0.0024793146970724187,
    0.012713147695691995,
    0.0496984454033948,
    0.15436117429436919,
    0.20798329133342885,
)
_ERFINV_CORE = (
    4.082529185839612e-10,
    -3.2035603189848607e-10,
    -4.0964285191008486e-09,
    7.1169767139452206e-09,
    1.4963424189401708e-08,
    -6.29741653302746e-08,
    3.5392072457962174e-08,
    2.728732674903525e-07,
    -7.594836362330169e-07,
    2.9610315901774704e-08,
    4.303022343838663e-06,
    -9.209095952234993e-06,
    -5.566942132589193e-06,
    6.559147704275708e-05,
    -0.00010761048394638062,
    -0.00015542173302415948,
    0.0009841181254748599,
    -0.0012742935284965119,
    -0.0030900907012091023,
    0.015799967277511966,
    -0.022576907976551548,
    -0.05164321698905371,
    0.7248912124984749,
    1.6235420064648298,
)
_ERFINV_TAIL = (
    -2.8260981502776964e-08,
    3.6665182492668564e-08,
    1.8798738703252353e-07,
    -3.015584160334026e-07,
    -3.6005188311997083e-07,
    6.594099201211414e-07,
    3.281528559523717e-07,
    1.9258691848201966e-07,
    -2.8640542118515187e-06,
    1.7281031953919273e-06,
    6.674056017576686e-06,
    -1.6975121583986496e-05,
    1.869023646895532e-05,
    6.901246691719147e-07,
    -4.696532155909947e-05,
    0.00010123406930746007,
    -0.0001156714365774452,
    4.004258320016004e-05,
    0.00013666365420830757,
    -0.000364467872672621,
    0.0005556325541293346,
    -0.0006429672190919292,
    0.000632221364213159,
    -0.0006152888693068487,
    0.0007509954144864268,
    -0.0012415263916683323,
    0.002268723987321815,
    -0.0035712194434561733,
    0.0022267891029299634,
    1.843530398949788,
    4.117215633536215,
)
_GAMMA = (
    -1.2065795806905696e-10,
    3.619717777203195e-10,
    -4.222860834512988e-10,
    1.2668173984174721e-09,
    -5.376342561695971e-09,
    1.612798073885946e-08,
    -4.626341522760591e-08,
    1.3876428601225825e-07,
    -4.179235032058876e-07,
    1.253145449369262e-06,
    -3.7549508241290755e-06,
    1.125235085741242e-05,
    -3.363759182230581e-05,
    0.00010092817306671023,
    -0.000296890120563888,
    0.0009157859942678981,
    -0.0024225953844321537,
    0.009040334940473975,
    -0.01341185057059498,
    0.10370336342207065,
    0.0161691987244425,
    0.886226925452758,
)
_GAMMALN = (
    -3.44138388395326e-11,
    1.0811060848639768e-10,
    -1.6832632347974095e-10,
    5.338892309612246e-10,
    -2.0645205106753336e-09,
    6.5744295616983814e-09,
    -2.0587178010528767e-08,
    6.613648184278213e-08,
    -2.138781508158277e-07,
    6.948877197562772e-07,
    -2.274243403133106e-06,
    7.511379855481206e-06,
    -2.5094329288815257e-05,
    8.510090557578434e-05,
    -0.00029455070147065866,
    0.0010498186643114226,
    -0.003913560937627712,
    0.01572785026864542,
    -0.07297994795715304,
    0.4831289505409809,
)

_STIRLING = (1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12)
r"""$\ln\Gamma(z) - (z - \frac12)\ln z + z - \frac12\ln 2\pi$ in odd powers of 1/z."""
_DIGAMMA = (-1 / 12, 691 / 32760, -1 / 132, 1 / 240, -1 / 252, 1 / 120, -1 / 12)
r"""$\psi(z) - \ln z + 1 / 2z$ in even powers of 1/z."""
_TRIGAMMA = (-3617 / 510, 7 / 6, -691 / 2730, 5 / 66, -1 / 30, 1 / 42, -1 / 30, 1 / 6)
r"""$\psi'(z) - 1/z - 1 / 2z^2$ in odd powers of 1/z, from the third."""
_FACTORIALS = np.array([math.factorial(n) for n in range(171)], dtype=np.float64)

# ----------------------------------------------------------------------------------- how they run

NO_GAMMA = "ONNX has no gamma function"
"""Why some ops have no form there."""


def _polynomial(coefficients: Sequence[float], u: Array) -> Array:
    """Evaluate a polynomial by Horner's rule."""
    value = np.full_like(u, coefficients[0])
    for coefficient in coefficients[1:]:
        value *= u
        value += coefficient
    return value


def _onto(u: Array, low: float, high: float) -> Array:
    """Map an interval onto [-1, 1], what is outside onto its ends."""
    return (np.clip(u, low, high) - (low + high) / 2) * (2 / (high - low))


def _kernel(function: Callable[[Array], Array]) -> Callable[[Array, Array], None]:
    """Make a kernel of a function of float64 arrays."""

    def kernel(x: Array, out: Array) -> None:
        with np.errstate(all="ignore"):  # all branches are computed, and the right one is chosen
            np.copyto(out, function(x.astype(np.float64)), casting="unsafe")

    return kernel


def _erf(x: Array) -> Array:
    far = np.abs(x)
    core = x * _polynomial(_ERF_CORE, _onto(x * x, 0, 1))
    tail = _polynomial(_ERFC_TAIL, _onto(1 / (np.clip(far, 1, 6) + 3), 1 / 9, 1 / 4))
    return np.where(far < 1, core, np.copysign(1 - np.exp(-far * far) * tail, x))


def _erfinv(x: Array) -> Array:
    far = np.abs(x)
    w = -np.log((1 - far) * (1 + far))
    core = _polynomial(_ERFINV_CORE, _onto(w, 0, 6))
    tail = _polynomial(_ERFINV_TAIL, _onto(np.sqrt(w), math.sqrt(6), 6.1))
    return np.where(far == 1, np.copysign(np.inf, x), x * np.where(w < 6, core, tail))


def _sine_of_pi(x: Array) -> Array:
    r"""Return $\sin \pi x$, exactly 0 at integers."""
    whole = np.rint(x)
    sine: Array = np.sin(np.pi * (x - whole)) * (1 - 2 * np.abs(np.fmod(whole, 2)))
    return sine


def _from_one_to_two(z: Array) -> tuple[Array, Array]:
    r"""Return f in [1, 2] and p, so that $\Gamma(z) = p\, \Gamma(f)$, for z in [1/2, 12]."""
    steps = np.floor(z) - 1
    f = z - steps
    product = np.where(steps < 0, 1 / z, 1.0)
    for i in range(10):
        product *= np.where(i < steps, f + i, 1)
    return f, product


def _stirling(z: Array) -> Array:
    return _polynomial(_STIRLING, 1 / (z * z)) / z


def _gamma(x: Array) -> Array:
    z = np.where(x < 0.5, 1 - x, x)
    f, product = _from_one_to_two(np.clip(z, 0.5, 12))
    near = product * _polynomial(_GAMMA, 2 * f - 3)
    big = np.clip(z, 12, 180)
    root = big ** (big / 2 - 0.25)  # the power in two halves, which do not overflow
    far = math.sqrt(2 * math.pi) * root * np.exp(_stirling(big) - big) * root
    value = np.where(z < 12, near, far)
    value = np.where(x < 0.5, np.pi / (_sine_of_pi(x) * value), value)
    whole = np.floor(x) == x
    table = _FACTORIALS[np.clip(np.nan_to_num(x) - 1, 0, 170).astype(np.intp)]
    value = np.where(whole & (x >= 1) & (x < 172), table, value)
    value = np.where(whole & (x < 0), np.nan, value)
    return np.where(x == 0, np.copysign(np.inf, x), value)


def _gammaln(x: Array) -> Array:
    z = np.where(x < 0.5, 1 - x, x)
    f, product = _from_one_to_two(np.clip(z, 0.5, 12))
    below = z < 1  # there f is z + 1, rounded
    near = np.where(below, z, f - 1) * np.where(below, z - 1, f - 2)
    near = near * _polynomial(_GAMMALN, 2 * f - 3) + np.log(product)
    big = np.maximum(z, 12)
    far = (big - 0.5) * (np.log(big) - 1) - 0.5 + math.log(2 * math.pi) / 2 + _stirling(big)
    value = np.where(z < 12, near, far)
    value = np.where(x < 0.5, np.log(np.pi / np.abs(_sine_of_pi(x))) - value, value)
    return np.where(np.isinf(x), np.inf, value)


def _digamma(x: Array) -> Array:
    z = np.where(x < 0.5, 1 - x, x)
    value = np.zeros_like(z)
    for _ in range(10):
        low = z < 10
        value -= np.where(low, 1 / z, 0)
        z = z + low
    r = 1 / (z * z)
    value += np.log(z) - 0.5 / z + r * _polynomial(_DIGAMMA, r)
    value = np.where(x < 0.5, value - np.pi / np.tan(np.pi * (x - np.rint(x))), value)
    return np.where((x <= 0) & (np.floor(x) == x), np.inf, value)


def _trigamma(x: Array) -> Array:
    z = np.where(x < 0.5, 1 - x, x)
    value = np.zeros_like(z)
    for _ in range(10):
        low = z < 10
        value += np.where(low, 1 / (z * z), 0)
        z = z + low
    r = 1 / (z * z)
    value += 1 / z + r / 2 + r / z * _polynomial(_TRIGAMMA, r)
    return np.where(x < 0.5, np.square(np.pi / _sine_of_pi(x)) - value, value)


# --------------------------------------------------------------------------------------- the ops

_LINE = np.array([-3.3, -1.2, -0.4, 0.1, 0.7, 1.0, 1.4616, 2.0, 2.5, 5.0, 11.9, 12.1, 30.5])


def _each(function: Callable[[float], float]) -> Callable[[Array], Array]:
    """Make a reference of a function of one number."""
    return lambda x: np.array([function(v) for v in x.flat]).reshape(x.shape)


unary(
    "erf",
    _kernel(_erf),
    lambda g, x, y: g * (exp(-square(x)) * (2 / math.sqrt(math.pi))),
    r"Error function, $\operatorname{erf} x = \frac{2}{\sqrt\pi} \int_0^x e^{-t^2} dt$.",
    samples=[Sample((_LINE,), reference=_each(math.erf))],
    onnx="Erf",
)


def _erfinv_kernel(x: Array, out: Array) -> None:
    with np.errstate(all="ignore"):
        value = _erfinv(x.astype(np.float64))
        if out.dtype.kind != "f":  # as in MXNet: what is no number is 0 among integers
            value[np.isnan(value)] = 0
        np.copyto(out, value, casting="unsafe")


def _inverse_of_erf(value: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf((1 + value) / 2) / math.sqrt(2)


unary(
    "erfinv",
    _erfinv_kernel,
    lambda g, x, y: g * (exp(square(y)) * (math.sqrt(math.pi) / 2)),
    r"Inverse of the error function, $\operatorname{erf}^{-1} x$; NaN outside [-1, 1].",
    samples=[
        Sample(((2, 3),), domain=(-0.9, 0.9)),
        Sample(
            (np.array([-0.9999999, -0.9, -0.2, 0.0, 0.01, 0.5, 0.995]),),
            wrt=(),
            reference=_each(_inverse_of_erf),
        ),
    ],
    no_onnx="ONNX has no inverse of the error function",
)
trigamma = unary(
    "_trigamma",
    _kernel(_trigamma),
    None,
    r"Second derivative of the logarithm of the gamma function, $\psi'(x)$.",
    samples=[
        Sample((np.array([0.5, 1.0]),), reference=lambda x: np.pi**2 / np.array([2.0, 6.0])),
    ],
    no_onnx=NO_GAMMA,
)
digamma = unary(
    "_digamma",
    _kernel(_digamma),
    lambda g, x, y: g * trigamma(x),
    r"Derivative of the logarithm of the gamma function, $\psi(x) = (\ln \Gamma(x))'$.",
    samples=[
        Sample((_LINE,)),
        Sample(
            (np.array([0.5, 1.0]),),
            reference=lambda x: -np.euler_gamma - np.array([2 * math.log(2), 0.0]),
        ),
    ],
    no_onnx=NO_GAMMA,
)
unary(
    "gamma",
    _kernel(_gamma),
    lambda g, x, y: g * (y * digamma(x)),
    r"Gamma function, $\Gamma(x) = \int_0^\infty t^{x-1} e^{-t} dt$; exact at integers.",
    aliases=("_sparse_gamma",),
    samples=[
        Sample((_LINE[:-3],), reference=_each(math.gamma)),
        Sample((np.array([-30.1, -20.5]),), reference=_each(math.gamma)),
        Sample(
            (np.array([1, 2, 7, 20]),),
            wrt=(),
            reference=_each(lambda v: math.factorial(int(v) - 1)),
        ),
    ],
    no_onnx=NO_GAMMA,
)
unary(
    "gammaln",
    _kernel(_gammaln),
    lambda g, x, y: g * digamma(x),
    r"Logarithm of the gamma function, $\ln |\Gamma(x)|$.",
    aliases=("_sparse_gammaln",),
    samples=[Sample((_LINE,), reference=_each(math.lgamma))],
    no_onnx=NO_GAMMA,
)

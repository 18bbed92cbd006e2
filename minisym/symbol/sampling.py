"""`sym.random.*` and `nd.random.*`: MXNet's functions over the random ops.

Each draws from numbers or, where a parameter is a symbol (an array), once for each of its elements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minisym.core import op as registry
from minisym.core.errors import ComposeError
from minisym.core.op import Op

Call = Callable[..., Any]


def functions(
    function_of: Callable[[Op, str], Call], is_array: Callable[[Any], bool]
) -> Mapping[str, Call]:
    """Return the functions, made of ops by `function_of`; `is_array` tells symbols from numbers."""

    def op(name: str) -> Call:
        return function_of(registry.get(name), name)

    def draw(name: str, params: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
        given = {key: value for key, value in options.items() if value is not None}
        given = _filling(given)
        arrays = [is_array(value) for value in params.values()]
        if all(arrays):
            return op(f"_sample_{name}")(*params.values(), **given)
        if any(arrays):
            raise ComposeError(
                f"random.{name}: the parameters must all be numbers or all symbols, but got "
                + ", ".join(f"{key}={value!r}" for key, value in params.items())
            )
        return op(f"_random_{name}")(**params, **given)

    def uniform(
        low: Any = 0, high: Any = 1, shape: Any = None, dtype: Any = None, **options: Any
    ) -> Any:
        """Draw from the uniform distribution on [low, high)."""
        return draw(
            "uniform", {"low": low, "high": high}, {"shape": shape, "dtype": dtype, **options}
        )

    def normal(
        loc: Any = 0, scale: Any = 1, shape: Any = None, dtype: Any = None, **options: Any
    ) -> Any:
        """Draw from the normal distribution with this mean and standard deviation."""
        return draw(
            "normal", {"loc": loc, "scale": scale}, {"shape": shape, "dtype": dtype, **options}
        )

    def randn(*shape: int, loc: Any = 0, scale: Any = 1, dtype: Any = None, **options: Any) -> Any:
        """Draw from the normal distribution, with the shape as arguments."""
        return normal(loc, scale, shape or None, dtype, **options)

    def poisson(lam: Any = 1, shape: Any = None, dtype: Any = None, **options: Any) -> Any:
        """Draw from the Poisson distribution with this rate."""
        return draw("poisson", {"lam": lam}, {"shape": shape, "dtype": dtype, **options})

    def exponential(scale: Any = 1, shape: Any = None, dtype: Any = None, **options: Any) -> Any:
        """Draw from the exponential distribution with this mean."""
        return draw(
            "exponential", {"lam": 1.0 / scale}, {"shape": shape, "dtype": dtype, **options}
        )

    def gamma(
        alpha: Any = 1, beta: Any = 1, shape: Any = None, dtype: Any = None, **options: Any
    ) -> Any:
        """Draw from the gamma distribution with shape alpha and scale beta."""
        return draw(
            "gamma", {"alpha": alpha, "beta": beta}, {"shape": shape, "dtype": dtype, **options}
        )

    def negative_binomial(
        k: Any = 1, p: Any = 1, shape: Any = None, dtype: Any = None, **options: Any
    ) -> Any:
        """Draw how many successes come before the k-th failure, whose probability is p."""
        return draw(
            "negative_binomial", {"k": k, "p": p}, {"shape": shape, "dtype": dtype, **options}
        )

    def generalized_negative_binomial(
        mu: Any = 1, alpha: Any = 1, shape: Any = None, dtype: Any = None, **options: Any
    ) -> Any:
        """Draw from the negative binomial distribution with this mean and dispersion."""
        params = {"mu": mu, "alpha": alpha}
        options = {"shape": shape, "dtype": dtype, **options}
        return draw("generalized_negative_binomial", params, options)

    def multinomial(
        data: Any, shape: Any = None, get_prob: bool = False, dtype: Any = "int32", **options: Any
    ) -> Any:
        """Draw class numbers by the probabilities in the last axis of data."""
        given = {} if shape is None else {"shape": shape}
        return op("_sample_multinomial")(data, get_prob=get_prob, dtype=dtype, **given, **options)

    def shuffle(data: Any, **options: Any) -> Any:
        """Shuffle along the first axis."""
        return op("_shuffle")(data, **options)

    def randint(low: int, high: int, shape: Any = None, dtype: Any = None, **options: Any) -> Any:
        """Draw integers of [low, high)."""
        given = {"shape": shape, "dtype": dtype, **options}
        given = _filling({key: value for key, value in given.items() if value is not None})
        return op("_random_randint")(low=low, high=high, **given)

    made = (
        uniform,
        normal,
        randn,
        poisson,
        exponential,
        gamma,
        negative_binomial,
        generalized_negative_binomial,
        multinomial,
        shuffle,
        randint,
    )
    return {function.__name__: function for function in made}


def _filling(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with the shape of the array to fill, where no shape is given."""
    out = options.get("out")
    return options if out is None or "shape" in options else {**options, "shape": out.shape}

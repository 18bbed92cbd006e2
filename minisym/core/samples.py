"""Samples: calls that travel with an op's declaration, for the tests of every system to make.

`minisym.testing.check_op` takes an op with its samples and checks value against reference, inferred
shape and type against the real ones, gradient against finite differences, that an error sample
raises, and more; `tests/ops/test_ops.py` does it with all of minisym's own ops.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minisym.core.errors import DeclarationError


@dataclass(frozen=True)
class Sample:
    """One call of an op.

    Attributes
    ----------
    inputs
        One item an input: a shape (filled with random numbers from `domain`) or an array. An error
        sample may hold anything else, which is given as it is.
    params
        The parameters.
    wrt
        Positions of the inputs whose gradients are checked; None: every float input, if the op has
        a gradient; (): none.
    domain
        Bounds of the random numbers.
    reference
        What the outputs should be, as a NumPy function of the inputs (and nothing else).
    is_train
        The mode of the run.
    raises, match
        For an error sample: the exception and a regular expression for its message.
    """

    inputs: tuple[Any, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    wrt: tuple[int, ...] | None = None
    domain: tuple[float, float] = (-2.0, 2.0)
    reference: Callable[..., Any] | None = None
    is_train: bool = True
    raises: type[Exception] | None = None
    match: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no sample, where it is written."""
        for name, kind, form in (
            ("inputs", (tuple, list), "a tuple, with a shape or an array for each input"),
            ("params", Mapping, "a dict of parameters"),
            ("wrt", (tuple, list, type(None)), "a tuple of positions of inputs"),
        ):
            if not isinstance(getattr(self, name), kind):
                raise DeclarationError(
                    f"Sample: {name} must be {form}, but got {getattr(self, name)!r:.60}",
                    hint="Sample(((2, 3),), {'axis': 1}) is one array of shape (2, 3), and axis=1",
                )
        raises: Any = self.raises
        if raises is not None and not (isinstance(raises, type) and issubclass(raises, Exception)):
            raise DeclarationError(
                f"Sample: raises must be a class of exceptions, but got {raises!r:.60}",
                hint="raises=ms.ShapeError, match='axis 2'",
            )

    def arrays(self, rng: np.random.Generator) -> list[Any]:
        """Return the inputs as arrays; random ones are float64, at least 1e-2 apart."""
        return [
            _spread(rng, given, *self.domain) if isinstance(given, tuple) else given
            for given in self.inputs
        ]


def _spread(
    rng: np.random.Generator, shape: tuple[int, ...], low: float, high: float
) -> np.ndarray[Any, Any]:
    """Return random numbers that do not tie, so that max and sort have clean derivatives."""
    size = int(np.prod(shape))
    steps = np.linspace(low, high, size + 2)[1:-1]
    jitter = rng.uniform(-0.3, 0.3, size) * (high - low) / (size + 2)
    return rng.permutation(steps + jitter).reshape(shape)

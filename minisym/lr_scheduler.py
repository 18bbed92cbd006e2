"""Learning rate schedules: functions of the number of the update, with MXNet's names.

A schedule may begin with a warm-up, in which the rate rises from `warmup_begin_lr` to `base_lr` (or
stays at `warmup_begin_lr`, with `warmup_mode="constant"`).

>>> schedule = CosineScheduler(max_update=100, base_lr=0.5, warmup_steps=10)
>>> [round(schedule(t), 3) for t in (1, 5, 10, 55, 100, 200)]
[0.05, 0.25, 0.5, 0.25, 0.0, 0.0]
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from minisym.core.errors import ParamError


class LRScheduler:
    """What all schedules share: the base rate and the warm-up.

    Schedules keep no count, so that training can be resumed at any update. A `base_lr` that is set
    later (by an optimizer's `learning_rate`) holds for warm-up and schedule alike; in MXNet the
    warm-up, Poly and Cosine do not hear of it.

    Parameters
    ----------
    base_lr
        The rate behind the warm-up.
    warmup_steps
        How many updates the warm-up takes.
    warmup_begin_lr
        The rate that it begins with.
    warmup_mode
        "linear" or "constant".

    Examples
    --------
    >>> warm = FactorScheduler(step=100, base_lr=1.0, warmup_steps=4)
    >>> [warm(t) for t in (0, 1, 2, 3, 4, 5)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self,
        base_lr: float = 0.01,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ) -> None:
        self.base_lr = base_lr
        self.warmup_steps, self.warmup_begin_lr = warmup_steps, warmup_begin_lr
        self.warmup_mode = warmup_mode
        _check(warmup_begin_lr <= base_lr, "warmup_begin_lr", "at most base_lr", warmup_begin_lr)
        _check(warmup_steps >= 0, "warmup_steps", "at least 0", warmup_steps)
        known = ("linear", "constant")
        _check(warmup_mode in known, "warmup_mode", "linear or constant", warmup_mode)

    def __call__(self, num_update: int) -> float:
        """Return the rate of an update; they count from 1."""
        if num_update < self.warmup_steps:
            return self.get_warmup_lr(num_update)
        return self.rate(num_update)

    def get_warmup_lr(self, num_update: int) -> float:
        """Return the rate of an update in the warm-up."""
        if self.warmup_mode == "constant":
            return self.warmup_begin_lr
        rise = (self.base_lr - self.warmup_begin_lr) * num_update / self.warmup_steps
        return self.warmup_begin_lr + rise

    def rate(self, num_update: int) -> float:
        """Return the rate of an update behind the warm-up."""
        raise NotImplementedError


class FactorScheduler(LRScheduler):
    """Multiply the rate by `factor` every `step` updates, down to `stop_factor_lr`.

    >>> [FactorScheduler(step=10, factor=0.5, base_lr=1.0)(t) for t in (1, 10, 11, 21)]
    [1.0, 1.0, 0.5, 0.25]
    """

    def __init__(
        self,
        step: int,
        factor: float = 1,
        stop_factor_lr: float = 1e-8,
        base_lr: float = 0.01,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ) -> None:
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        _check(step >= 1, "step", "at least 1", step)
        _check(factor <= 1, "factor", "at most 1", factor)
        self.step, self.factor, self.stop_factor_lr = step, factor, stop_factor_lr

    def rate(self, num_update: int) -> float:
        """Return the rate of an update behind the warm-up."""
        rate = self.base_lr
        for _ in range((num_update - 1) // self.step if num_update > 0 else 0):
            rate *= self.factor
            if rate < self.stop_factor_lr:
                return self.stop_factor_lr
            if self.factor == 1:
                break
        return rate


class MultiFactorScheduler(LRScheduler):
    """Multiply the rate by `factor` behind each of the updates in `step`.

    >>> [MultiFactorScheduler([2, 5], factor=0.5, base_lr=1.0)(t) for t in (2, 3, 6)]
    [1.0, 0.5, 0.25]
    """

    def __init__(
        self,
        step: Sequence[int],
        factor: float = 1,
        base_lr: float = 0.01,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ) -> None:
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        rising = all(a < b for a, b in zip([0, *step], step, strict=False))
        _check(bool(step) and rising, "step", "rising numbers from 1", step)
        _check(factor <= 1, "factor", "at most 1", factor)
        self.step, self.factor = list(step), factor

    def rate(self, num_update: int) -> float:
        """Return the rate of an update behind the warm-up."""
        rate = self.base_lr
        for step in self.step:
            if num_update > step:
                rate *= self.factor
        return rate


class PolyScheduler(LRScheduler):
    r"""Fall to `final_lr` at update `max_update` as $(1 - p)^{pwr}$, p being the progress.

    >>> [PolyScheduler(max_update=10, base_lr=1.0, pwr=2)(t) for t in (0, 5, 10, 20)]
    [1.0, 0.25, 0.0, 0.0]
    """

    def __init__(
        self,
        max_update: int,
        base_lr: float = 0.01,
        pwr: float = 2,
        final_lr: float = 0,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ) -> None:
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        _check(max_update >= 1, "max_update", "at least 1", max_update)
        self.max_update, self.power, self.final_lr = max_update, pwr, final_lr
        self.max_steps = max_update - warmup_steps

    def rate(self, num_update: int) -> float:
        """Return the rate of an update behind the warm-up."""
        left = 1 - (min(num_update, self.max_update) - self.warmup_steps) / self.max_steps
        return self.final_lr + (self.base_lr - self.final_lr) * float(left**self.power)


class CosineScheduler(LRScheduler):
    """Fall to `final_lr` at update `max_update` along half a cosine.

    >>> [round(CosineScheduler(max_update=10, base_lr=1.0)(t), 3) for t in (0, 5, 10, 20)]
    [1.0, 0.5, 0.0, 0.0]
    """

    def __init__(
        self,
        max_update: int,
        base_lr: float = 0.01,
        final_lr: float = 0,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ) -> None:
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        _check(max_update >= 1, "max_update", "at least 1", max_update)
        self.max_update, self.final_lr = max_update, final_lr
        self.max_steps = max_update - warmup_steps

    def rate(self, num_update: int) -> float:
        """Return the rate of an update behind the warm-up."""
        done = (min(num_update, self.max_update) - self.warmup_steps) / self.max_steps
        return self.final_lr + (self.base_lr - self.final_lr) * (1 + math.cos(math.pi * done)) / 2


def _check(holds: bool, name: str, takes: str, value: object) -> None:
    if not holds:
        message = f"{name} must be {takes}, but got {value!r}"
        raise ParamError(message)

"""Optimizers that step by signs: SignSGD, Signum, EFSignSGD, Lion."""

from __future__ import annotations

from typing import Any

from minisym.core.declare import F
from minisym.core.symbol import Symbol
from minisym.optimizer.base import Optimizer
from minisym.optimizer.descent import WithMomentum
from minisym.optimizer.parameter import Parameter


@Optimizer.register
class Signum(WithMomentum):
    """Step by the sign of a momentum: `signum_update`; of the gradient without: `signsgd_update`.

    Parameters
    ----------
    momentum
        Decay rate of the momentum.
    wd_lh
        Weight decay apart from the gradient.
    **kwargs
        As for `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: float | None = None,
        momentum: float = 0.9,
        wd_lh: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.momentum, self.wd_lh = momentum, wd_lh

    def rule(self, p: Parameter) -> Symbol:
        """Compose the update of one parameter."""
        name = f"{p.name}_update"
        if not self.momentum:
            return F.signsgd_update(p.weight, p.grad, **p.decayed, name=name)
        own = {"momentum": self.momentum, **({"wd_lh": self.wd_lh} if self.wd_lh else {})}
        return F.signum_update(p.weight, p.grad, p.state("mom"), **own, **p.decayed, name=name)


@Optimizer.register
class SignSGD(Signum):
    """Step by the sign of the gradient: `signsgd_update`. It is Signum without momentum."""

    def __init__(self, learning_rate: float | None = None, **kwargs: Any) -> None:
        super().__init__(learning_rate, momentum=0.0, **kwargs)


@Optimizer.register
class EFSignSGD(Optimizer):
    """Step by a scaled sign, with error feedback: `ef_signsgd_update`."""

    def states(self) -> tuple[str, ...]:
        """Return the error that was left out."""
        return ("error",)

    def rule(self, p: Parameter) -> Symbol:
        """Compose the update of one parameter."""
        return F.ef_signsgd_update(
            p.weight, p.grad, p.state("error"), **p.decayed, name=f"{p.name}_update"
        )


@Optimizer.register
class Lion(Optimizer):
    """Step by the sign of gradient and momentum together: `lion_update`.

    Parameters
    ----------
    beta1
        Weight of the momentum in the direction of the step.
    beta2
        Decay rate of the momentum.
    **kwargs
        As for `Optimizer`. The weight decay is apart from the gradient.
    """

    default_rate = 1e-4

    def __init__(
        self,
        learning_rate: float | None = None,
        beta1: float = 0.9,
        beta2: float = 0.99,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta1, self.beta2 = beta1, beta2

    def states(self) -> tuple[str, ...]:
        """Return the momentum."""
        return ("mom",)

    def rule(self, p: Parameter) -> Symbol:
        """Compose the update of one parameter."""
        own = {"beta1": self.beta1, "beta2": self.beta2}
        return F.lion_update(
            p.weight, p.grad, p.state("mom"), **own, **p.decayed, name=f"{p.name}_update"
        )

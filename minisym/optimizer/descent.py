"""Optimizers that step along a gradient or a sign: SGD, NAG, SignSGD, Signum, EFSignSGD, Lion."""

from __future__ import annotations

from typing import Any

from minisym.define import F
from minisym.optimizer.base import Optimizer
from minisym.optimizer.parameter import Parameter
from minisym.symbol.symbol import Symbol


class _WithMomentum(Optimizer):
    """What SGD, NAG and Signum share: one state, unless the momentum is 0."""

    momentum: float

    def states(self) -> tuple[str, ...]:
        """Return the momentum, if there is one."""
        return ("mom",) if self.momentum else ()

    def values(self, t: int, lr: float) -> dict[str, float]:
        """Return the learning rate: nothing here counts steps."""
        del t
        return {"lr": lr}


class _Descent(_WithMomentum):
    """SGD with one of two momenta."""

    master_first = False
    _with_momentum: str

    def __init__(self, momentum: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.momentum = momentum

    def rule(self, p: Parameter) -> Symbol:
        """Compose the update of one parameter."""
        return self._compose(p, [], "")

    def mixed_rule(self, p: Parameter) -> Symbol:
        """Compose the update of a float16 parameter with a float32 master."""
        return self._compose(p, [p.master()], "mp_")

    def _compose(self, p: Parameter, masters: list[Symbol], prefix: str) -> Symbol:
        name = f"{p.name}_update"
        if not self.momentum:
            op = getattr(F, f"{prefix}sgd_update")
            return op(p.weight, p.grad, *masters, **p.decayed, name=name)  # type: ignore[no-any-return]
        op = getattr(F, f"{prefix}{self._with_momentum}")
        return op(  # type: ignore[no-any-return]
            p.weight,
            p.grad,
            p.state("mom"),
            *masters,
            momentum=self.momentum,
            **p.decayed,
            name=name,
        )


@Optimizer.register
class SGD(_Descent):
    """Gradient descent, with momentum if there is one: `sgd_update`, `sgd_mom_update`.

    Parameters
    ----------
    momentum
        Decay rate of the momentum.
    lazy_update
        For sparse gradients in MXNet; accepted.
    **kwargs
        As for `Optimizer`.
    """

    _with_momentum = "sgd_mom_update"

    def __init__(self, momentum: float = 0.0, lazy_update: bool = True, **kwargs: Any) -> None:
        super().__init__(momentum, **kwargs)
        self.lazy_update = lazy_update


@Optimizer.register
class ccSGD(SGD):
    """SGD, under the name of MXNet's early days."""


@Optimizer.register
class NAG(_Descent):
    """Gradient descent with Nesterov's momentum: `nag_mom_update`."""

    _with_momentum = "nag_mom_update"


@Optimizer.register
class Signum(_WithMomentum):
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

"""Optimizers that step along a gradient: SGD, NAG, LARS, DCASGD, SGLD."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from minisym.core.declare import F
from minisym.core.ndarray import Array
from minisym.core.symbol import Symbol
from minisym.optimizer.base import Optimizer
from minisym.optimizer.parameter import Parameter, call, copy_of


class WithMomentum(Optimizer):
    """What SGD, NAG and Signum share: one state, unless the momentum is 0."""

    momentum: float

    def states(self) -> tuple[str, ...]:
        """Return the momentum, if there is one."""
        return ("mom",) if self.momentum else ()

    def values(self, t: int, lr: float) -> dict[str, float]:
        """Return the learning rate: nothing here counts steps."""
        del t
        return {"lr": lr}


class _Descent(WithMomentum):
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
            momentum=self._momentum_of(p),
            **p.decayed,
            name=name,
        )

    def _momentum_of(self, p: Parameter) -> float | Symbol:
        """Return the momentum: a number that stays, or one that the steps are fed with."""
        del p
        return self.momentum


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

    Examples
    --------
    >>> import minisym as ms
    >>> weight, grad = ms.nd.array([1.0, 2.0]), ms.nd.array([0.5, -4.0])
    >>> rule = ms.optimizer.SGD(learning_rate=0.1, momentum=0.5)
    >>> state = rule.create_state(0, weight)
    >>> for _ in range(2):
    ...     rule.update(0, weight, grad, state)
    >>> weight
    NDArray([0.875, 3.   ], dtype=float32)
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
    """Gradient descent with Nesterov's momentum: `nag_mom_update`.

    >>> import minisym as ms
    >>> weight, grad = ms.nd.array([1.0, 2.0]), ms.nd.array([0.5, -4.0])
    >>> rule = ms.optimizer.NAG(learning_rate=0.1, momentum=0.5)
    >>> state = rule.create_state(0, weight)
    >>> for _ in range(2):
    ...     rule.update(0, weight, grad, state)
    >>> weight
    NDArray([0.8375, 3.3   ], dtype=float32)
    """

    _with_momentum = "nag_mom_update"


@Optimizer.register
class LARS(SGD):
    r"""SGD with a rate for each layer: `multi_lars`.

    The rate is multiplied by $\eta \|w\| / (\|g\| + \lambda \|w\| + \epsilon)$, for all parameters
    but those whose names end in `gamma`, `beta` or `bias`. Only those ending in `_weight` decay.

    Parameters
    ----------
    momentum
        Decay rate of the momentum.
    eta
        How far a step may go, in units of the weight's norm.
    eps
        A small number against division by zero.
    momentum_correction
        Whether the momentum follows a schedule's changes of the rate.
    **kwargs
        As for `SGD`.

    References
    ----------
    You, Gitman and Ginsburg, "Large Batch Training of Convolutional Networks", arXiv:1708.03888.
    """

    decaying = ("_weight",)

    def __init__(
        self,
        momentum: float = 0.0,
        lazy_update: bool = True,
        eta: float = 0.001,
        eps: float = 0.0,
        momentum_correction: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(momentum, lazy_update, **kwargs)
        self.eta, self.eps, self.momentum_correction = eta, eps, momentum_correction

    def values(self, t: int, lr: float) -> dict[str, float]:
        """Return the learning rate, and the momentum in its proportion to the rate before."""
        before = self.rate_of(t - 1) if t > 1 and self.momentum_correction else 0.0
        return {"lr": lr, "momentum": self.momentum * (self.rate_of(t) / before if before else 1)}

    def _momentum_of(self, p: Parameter) -> Symbol:
        return p.hyper("momentum")

    def _compose(self, p: Parameter, masters: list[Symbol], prefix: str) -> Symbol:
        if p.name.endswith(("gamma", "beta", "bias")):
            return super()._compose(p, masters, prefix)
        squares, rescale = F.multi_sum_sq(p.grad), p.rescale_grad
        if isinstance(rescale, Symbol):  # the graph computes it, which multi_lars cannot take
            squares = squares * F.square(F.cast(rescale, dtype="float32"))
            rescale = 1.0
        rate = F.multi_lars(
            F.cast(p.lr, dtype="float32"),
            F.multi_sum_sq(p.weight),
            squares,
            call("_full", shape=(1,), value=p.wd),
            eta=self.eta,
            eps=self.eps,
            rescale_grad=rescale,
            name=f"{p.name}_rate",
        )
        return super()._compose(replace(p, lr=rate), masters, prefix)


@Optimizer.register
class DCASGD(Optimizer):
    """SGD for gradients that come late, with compensation: `dcasgd_update`.

    Parameters
    ----------
    momentum
        Decay rate of the momentum.
    lamda
        Strength of the compensation.
    **kwargs
        As for `Optimizer`.

    Examples
    --------
    >>> import minisym as ms
    >>> weight, grad = ms.nd.array([1.0, 2.0]), ms.nd.array([0.5, -4.0])
    >>> rule = ms.optimizer.DCASGD(learning_rate=0.1)
    >>> state = rule.create_state(0, weight)
    >>> rule.update(0, weight, grad, state)
    >>> weight
    NDArray([0.95, 2.4 ], dtype=float32)
    """

    def __init__(self, momentum: float = 0.0, lamda: float = 0.04, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.momentum, self.lamda = momentum, lamda

    def states(self) -> tuple[str, ...]:
        """Return the momentum and the weight before the last step."""
        return "mom", "previous"

    def create_state(self, index: Any, weight: Array) -> tuple[Array, ...]:
        """Return the states of a parameter; the weight before is the weight at first."""
        mom, previous = super().create_state(index, weight)
        previous[...] = weight
        return mom, previous

    def rule(self, p: Parameter) -> Symbol:
        """Compose the update of one parameter."""
        own = {"momentum": self.momentum, "lamda": self.lamda}
        states = p.state("mom"), p.state("previous", copy_of(p.name))
        return F.dcasgd_update(
            p.weight, p.grad, *states, **own, **p.decayed, name=f"{p.name}_update"
        )


@Optimizer.register
class SGLD(Optimizer):
    """Langevin's dynamics: half a step of SGD, and noise: `sgld_update`.

    It does not look for a minimum. In the long run, with `rescale_grad` such that the gradient is
    that of all data, the weights are samples from their posterior distribution.
    """

    def rule(self, p: Parameter) -> Symbol:
        """Compose the update of one parameter."""
        noise = call("_random_normal_like", p.weight, name=f"{p.name}_noise")
        return F.sgld_update(p.weight, p.grad, noise, **p.decayed, name=f"{p.name}_update")

"""Optimizers with a step size of their own for each element: AdaGrad, RMSProp, Ftrl and others."""

from __future__ import annotations

from typing import Any

from minisym.core.declare import F
from minisym.core.errors import ParamError
from minisym.core.ndarray import Array
from minisym.core.symbol import Symbol
from minisym.optimizer.base import Optimizer
from minisym.optimizer.parameter import Parameter, call


@Optimizer.register
class AdaGrad(Optimizer):
    """Step by the gradient over the root of all its squares so far: `adagrad_update`.

    Parameters
    ----------
    eps
        A small number against division by zero.
    **kwargs
        As for `Optimizer`.

    Examples
    --------
    >>> import minisym as ms
    >>> weight, grad = ms.nd.array([1.0, 2.0]), ms.nd.array([0.5, -4.0])
    >>> rule = ms.optimizer.AdaGrad(learning_rate=0.1)
    >>> state = rule.create_state(0, weight)
    >>> for _ in range(2):
    ...     rule.update(0, weight, grad, state)
    >>> weight.asnumpy().round(3)
    array([0.829, 2.171], dtype=float32)
    """

    def __init__(self, eps: float = 1e-7, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.float_stable_eps = eps

    def states(self) -> tuple[str, ...]:
        """Return the sum of squares."""
        return ("history",)

    def rule(self, p: Parameter) -> Symbol:
        """Compose the update of one parameter."""
        return F.adagrad_update(
            p.weight,
            p.grad,
            p.state("history"),
            epsilon=self.float_stable_eps,
            **p.decayed,
            name=f"{p.name}_update",
        )


@Optimizer.register
class GroupAdaGrad(AdaGrad):
    """AdaGrad with one history a row: `group_adagrad_update`. It knows no weight decay."""

    def __init__(self, eps: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(eps, **kwargs)
        if self.wd:
            message = "GroupAdaGrad knows no weight decay"
            raise ParamError(message)

    def state_shape(self, weight: tuple[int, ...]) -> tuple[int, ...]:
        """Return one number a row."""
        return (weight[0], 1)

    def rule(self, p: Parameter) -> Symbol:
        """Compose the update of one parameter."""
        return call(
            "_contrib_group_adagrad_update",
            p.weight,
            p.grad,
            p.state("history"),
            epsilon=self.float_stable_eps,
            lr=p.lr,
            **p.common,
            name=f"{p.name}_update",
        )


@Optimizer.register
class AdaDelta(Optimizer):
    """Step by the gradient, in the unit of the steps before: `adadelta_update`.

    Parameters
    ----------
    rho
        Decay rate of both means.
    epsilon
        A small number against division by zero.
    **kwargs
        As for `Optimizer`. There is no learning rate.

    Examples
    --------
    >>> import minisym as ms
    >>> weight, grad = ms.nd.array([1.0, 2.0]), ms.nd.array([0.5, -4.0])
    >>> rule = ms.optimizer.AdaDelta(rho=0.9)
    >>> state = rule.create_state(0, weight)
    >>> rule.update(0, weight, grad, state)
    >>> weight.asnumpy().round(3)
    array([0.99, 2.01], dtype=float32)
    """

    def __init__(self, rho: float = 0.9, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rho, self.epsilon = rho, epsilon

    def states(self) -> tuple[str, ...]:
        """Return the means of squared gradients and of squared steps."""
        return "acc_g", "acc_delta"

    def rule(self, p: Parameter) -> Symbol:
        """Compose the update of one parameter."""
        return F.adadelta_update(
            p.weight,
            p.grad,
            p.state("acc_g"),
            p.state("acc_delta"),
            rho=self.rho,
            epsilon=self.epsilon,
            wd=p.wd,
            **p.common,
            name=f"{p.name}_update",
        )


@Optimizer.register
class RMSProp(Optimizer):
    """Step by the gradient over its root mean square: `rmsprop_update`, `rmspropalex_update`.

    Parameters
    ----------
    gamma1
        Decay rate of the mean of squared gradients.
    gamma2
        Decay rate of the step, if `centered`.
    epsilon
        A small number against division by zero.
    centered
        Whether the step is over the standard deviation, as Graves has it.
    clip_weights
        Clips new weights to [-clip_weights, clip_weights].
    **kwargs
        As for `Optimizer`.

    Examples
    --------
    >>> import minisym as ms
    >>> weight, grad = ms.nd.array([1.0, 2.0]), ms.nd.array([0.5, -4.0])
    >>> rule = ms.optimizer.RMSProp(learning_rate=0.1)
    >>> state = rule.create_state(0, weight)
    >>> rule.update(0, weight, grad, state)
    >>> weight.asnumpy().round(3)
    array([0.684, 2.316], dtype=float32)
    """

    default_rate = 0.001

    def __init__(
        self,
        learning_rate: float | None = None,
        gamma1: float = 0.9,
        gamma2: float = 0.9,
        epsilon: float = 1e-8,
        centered: bool = False,
        clip_weights: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.gamma1, self.gamma2, self.epsilon = gamma1, gamma2, epsilon
        self.centered, self.clip_weights = centered, clip_weights

    def states(self) -> tuple[str, ...]:
        """Return the means that the step is measured by."""
        return ("n", "g", "delta") if self.centered else ("n",)

    def create_state(self, index: Any, weight: Array) -> tuple[Array, ...]:
        """Return the states of a parameter: a tuple even of one, as in MXNet."""
        found = super().create_state(index, weight)
        return found if self.centered else (found,)

    def rule(self, p: Parameter) -> Symbol:
        """Compose the update of one parameter."""
        own = {"gamma1": self.gamma1, "epsilon": self.epsilon}
        if self.centered:
            own["gamma2"] = self.gamma2
        if self.clip_weights:
            own["clip_weights"] = self.clip_weights
        op = F.rmspropalex_update if self.centered else F.rmsprop_update
        states = [p.state(name) for name in self.states()]
        return op(p.weight, p.grad, *states, **own, **p.decayed, name=f"{p.name}_update")


@Optimizer.register
class Ftrl(Optimizer):
    """Follow the regularized leader: `ftrl_update`.

    Parameters
    ----------
    lamda1
        L1 regularization.
    beta
        Smoothing of the step size.
    **kwargs
        As for `Optimizer`.

    Examples
    --------
    >>> import minisym as ms
    >>> weight, grad = ms.nd.array([1.0, 2.0]), ms.nd.array([0.5, -4.0])
    >>> rule = ms.optimizer.Ftrl(learning_rate=0.1)
    >>> state = rule.create_state(0, weight)
    >>> rule.update(0, weight, grad, state)
    >>> weight.asnumpy().round(3)
    array([0.299, 1.68 ], dtype=float32)
    """

    default_rate = 0.1

    def __init__(
        self,
        lamda1: float = 0.01,
        learning_rate: float | None = None,
        beta: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.lamda1, self.beta = lamda1, beta

    def states(self) -> tuple[str, ...]:
        """Return the leader's sums."""
        return "z", "n"

    def rule(self, p: Parameter) -> Symbol:
        """Compose the update of one parameter."""
        own = {"lamda1": self.lamda1, "beta": self.beta}
        states = p.state("z"), p.state("n")
        return F.ftrl_update(p.weight, p.grad, *states, **own, **p.decayed, name=f"{p.name}_update")


@Optimizer.register
class FTML(Optimizer):
    """Follow the moving leader: `ftml_update`.

    Parameters
    ----------
    beta1
        Decay rate of the mean of gradients.
    beta2
        Decay rate of the mean of squared gradients.
    epsilon
        A small number against division by zero.
    **kwargs
        As for `Optimizer`.

    Examples
    --------
    >>> import minisym as ms
    >>> weight, grad = ms.nd.array([1.0, 2.0]), ms.nd.array([0.5, -4.0])
    >>> rule = ms.optimizer.FTML(learning_rate=0.1)
    >>> state = rule.create_state(0, weight)
    >>> rule.update(0, weight, grad, state)
    >>> weight.asnumpy().round(3)
    array([0.9, 2.1], dtype=float32)
    """

    def __init__(
        self, beta1: float = 0.6, beta2: float = 0.999, epsilon: float = 1e-8, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def states(self) -> tuple[str, ...]:
        """Return the leader's means."""
        return "d", "v", "z"

    def rule(self, p: Parameter) -> Symbol:
        """Compose the update of one parameter."""
        own = {"beta1": self.beta1, "beta2": self.beta2, "epsilon": self.epsilon, **p.decayed}
        if "clip_gradient" in own:
            own["clip_grad"] = own.pop("clip_gradient")
        states = [p.state(name) for name in self.states()]
        return F.ftml_update(
            p.weight, p.grad, *states, t=p.hyper("t"), **own, name=f"{p.name}_update"
        )

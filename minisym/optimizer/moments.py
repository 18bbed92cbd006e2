"""Adam and its kin: Adam, AdamW, Adamax, Nadam, LAMB."""

from __future__ import annotations

import math
from typing import Any

from minisym.core.declare import F
from minisym.core.symbol import Symbol
from minisym.optimizer.base import Optimizer
from minisym.optimizer.parameter import Parameter


class _Moments(Optimizer):
    """What Adam's family shares: two decay rates, and the correction of the first steps' bias.

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
    """

    default_rate = 0.001

    def __init__(
        self,
        learning_rate: float | None = None,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def states(self) -> tuple[str, ...]:
        """Return the means of gradients and of their squares."""
        return "mean", "var"

    def _correction(self, t: int) -> float:
        """Return what the means of the first steps are too small by, for the step."""
        return math.sqrt(1 - self.beta2**t) / (1 - self.beta1**t)

    @property
    def _own(self) -> dict[str, float]:
        return {"beta1": self.beta1, "beta2": self.beta2, "epsilon": self.epsilon}


@Optimizer.register
class Adam(_Moments):
    """Step by the mean gradient over its root mean square: `adam_update`.

    The learning rate that the graph is fed with holds the correction of the first steps' bias, as
    in MXNet.

    Parameters
    ----------
    beta1
        Decay rate of the mean of gradients.
    beta2
        Decay rate of the mean of squared gradients.
    epsilon
        A small number against division by zero.
    lazy_update
        For sparse gradients in MXNet; accepted.
    **kwargs
        As for `Optimizer`.

    Examples
    --------
    >>> import minisym as ms
    >>> weight, grad = ms.nd.array([1.0, 2.0]), ms.nd.array([0.5, -4.0])
    >>> rule = ms.optimizer.Adam(learning_rate=0.1)
    >>> state = rule.create_state(0, weight)
    >>> rule.update(0, weight, grad, state)
    >>> weight.asnumpy().round(3)
    array([0.9, 2.1], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: float | None = None,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        lazy_update: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, **kwargs)
        self.lazy_update = lazy_update

    def values(self, t: int, lr: float) -> dict[str, float]:
        """Return the corrected learning rate."""
        return {"lr": lr * self._correction(t)}

    def rule(self, p: Parameter) -> Symbol:
        """Compose the update of one parameter."""
        states = p.state("mean"), p.state("var")
        return F.adam_update(
            p.weight, p.grad, *states, **self._own, **p.decayed, name=f"{p.name}_update"
        )


@Optimizer.register
class AdamW(_Moments):
    """Adam with decoupled weight decay: `_adamw_update`.

    A step moves by lr * (corrected Adam + wd * weight). MXNet 1.9.1 has the op, but no optimizer.

    Parameters
    ----------
    correct_bias
        Whether the first steps' bias is corrected.
    **kwargs
        As for `Adam`.

    Examples
    --------
    >>> import minisym as ms
    >>> weight, grad = ms.nd.array([1.0, 2.0]), ms.nd.array([0.5, -4.0])
    >>> rule = ms.optimizer.AdamW(learning_rate=0.1, wd=0.5)
    >>> state = rule.create_state(0, weight)
    >>> rule.update(0, weight, grad, state)
    >>> weight.asnumpy().round(3)
    array([0.85, 2.  ], dtype=float32)
    """

    master_first = False

    def __init__(
        self, learning_rate: float | None = None, correct_bias: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.correct_bias = correct_bias

    def values(self, t: int, lr: float) -> dict[str, float]:
        """Return the learning rate, and the correction of Adam's part of the step."""
        return {"lr": lr, "correction": self._correction(t) if self.correct_bias else 1.0}

    def rule(self, p: Parameter) -> Symbol:
        """Compose the update of one parameter."""
        return self._compose(p, [], "_adamw_update")

    def mixed_rule(self, p: Parameter) -> Symbol:
        """Compose the update of a float16 parameter with a float32 master."""
        return self._compose(p, [p.master()], "_mp_adamw_update")

    def _compose(self, p: Parameter, masters: list[Symbol], op: str) -> Symbol:
        own = {**self._own, **({"wd": p.wd} if p.wd else {})}
        if p.clip_gradient:
            own["clip_gradient"] = p.clip_gradient
        states = (p.state("mean"), p.state("var"), *masters)
        return getattr(F, op)(  # type: ignore[no-any-return]
            p.weight,
            p.grad,
            *states,
            p.rescale_array(),
            lr=p.hyper("correction"),
            eta=p.lr,
            **own,
            name=f"{p.name}_update",
        )


@Optimizer.register
class Adamax(_Moments):
    """Step by the mean gradient over the largest one of late: `adamax_update`.

    >>> import minisym as ms
    >>> weight, grad = ms.nd.array([1.0, 2.0]), ms.nd.array([0.5, -4.0])
    >>> rule = ms.optimizer.Adamax(learning_rate=0.1)
    >>> state = rule.create_state(0, weight)
    >>> rule.update(0, weight, grad, state)
    >>> weight
    NDArray([0.9, 2.1], dtype=float32)
    """

    default_rate = 0.002

    def __init__(
        self,
        learning_rate: float | None = None,
        beta1: float = 0.9,
        beta2: float = 0.999,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, **kwargs)

    def states(self) -> tuple[str, ...]:
        """Return the mean of gradients and the largest one."""
        return "mean", "bound"

    def values(self, t: int, lr: float) -> dict[str, float]:
        """Return the corrected learning rate."""
        return {"lr": lr / (1 - self.beta1**t)}

    def rule(self, p: Parameter) -> Symbol:
        """Compose the update of one parameter."""
        own = {"beta1": self.beta1, "beta2": self.beta2}
        states = p.state("mean"), p.state("bound")
        return F.adamax_update(
            p.weight, p.grad, *states, **own, **p.decayed, name=f"{p.name}_update"
        )


@Optimizer.register
class Nadam(_Moments):
    """Adam with Nesterov's momentum: `nadam_update`.

    There is one schedule of momenta for all parameters. (MXNet advances its own once a parameter,
    so that training depends on their number.)

    Parameters
    ----------
    schedule_decay
        How fast the momentum rises to beta1.
    **kwargs
        As for `Adam`.

    Examples
    --------
    >>> import minisym as ms
    >>> weight, grad = ms.nd.array([1.0, 2.0]), ms.nd.array([0.5, -4.0])
    >>> rule = ms.optimizer.Nadam(learning_rate=0.1)
    >>> state = rule.create_state(0, weight)
    >>> rule.update(0, weight, grad, state)
    >>> weight.asnumpy().round(3)
    array([0.894, 2.106], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: float | None = None,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        schedule_decay: float = 0.004,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, **kwargs)
        self.schedule_decay = schedule_decay
        self._products = [1.0]

    def _momentum(self, t: int) -> float:
        return self.beta1 * (1 - 0.5 * math.pow(0.96, t * self.schedule_decay))

    def values(self, t: int, lr: float) -> dict[str, float]:
        """Return the learning rate, the momenta and the corrections."""
        while len(self._products) <= t:
            self._products.append(self._products[-1] * self._momentum(len(self._products)))
        return {
            "lr": lr,
            "momentum": self._momentum(t),
            "next_momentum": self._momentum(t + 1),
            "schedule": self._products[t],
            "correction": 1 - self.beta2**t,
        }

    def rule(self, p: Parameter) -> Symbol:
        """Compose the update of one parameter."""
        fed = {n: p.hyper(n) for n in ("momentum", "next_momentum", "schedule", "correction")}
        states = p.state("mean"), p.state("var")
        return F.nadam_update(
            p.weight, p.grad, *states, **fed, **self._own, **p.decayed, name=f"{p.name}_update"
        )


@Optimizer.register
class LAMB(_Moments):
    """Adam whose step is scaled to the weight's norm: `lamb_update_phase1`, `lamb_update_phase2`.

    Parameters
    ----------
    lower_bound, upper_bound
        Bounds of the weight's norm.
    bias_correction
        Whether the first steps' bias is corrected.
    **kwargs
        As for `Adam`.

    Examples
    --------
    >>> import minisym as ms
    >>> weight, grad = ms.nd.array([1.0, 2.0]), ms.nd.array([0.5, -4.0])
    >>> rule = ms.optimizer.LAMB(learning_rate=0.1)
    >>> state = rule.create_state(0, weight)
    >>> rule.update(0, weight, grad, state)
    >>> weight.asnumpy().round(3)
    array([0.842, 2.158], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: float | None = None,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-6,
        lower_bound: float | None = None,
        upper_bound: float | None = None,
        bias_correction: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, **kwargs)
        self.lower_bound, self.upper_bound = lower_bound, upper_bound
        self.bias_correction = bias_correction

    def rule(self, p: Parameter) -> Symbol:
        """Compose both phases, and the norms between them."""
        name = f"{p.name}_update"
        direction = F.lamb_update_phase1(
            p.weight,
            p.grad,
            p.state("mean"),
            p.state("var"),
            t=p.hyper("t"),
            wd=p.wd,
            bias_correction=self.bias_correction,
            **self._own,
            **p.common,
            name=f"{name}_direction",
        )
        bounds = {"lower_bound": self.lower_bound, "upper_bound": self.upper_bound}
        return F.lamb_update_phase2(
            p.weight,
            direction,
            F.norm(p.weight),
            F.norm(direction),
            lr=p.lr,
            name=name,
            **{key: value for key, value in bounds.items() if value},
        )

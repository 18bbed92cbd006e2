"""Optimizers that step by signs: SignSGD, Signum, EFSignSGD, Lion, and what came of them.

Where there is an op for the update, the rule is that op; others are written as formulas, of which
`minimize` makes a graph as of any other: see `Parameter`.
"""

from __future__ import annotations

from typing import Any

from minisym.core.declare import F
from minisym.core.errors import ParamError
from minisym.core.symbol import Symbol
from minisym.optimizer.base import Optimizer
from minisym.optimizer.descent import WithMomentum
from minisym.optimizer.parameter import Parameter, Rule, call


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

    Examples
    --------
    >>> import minisym as ms
    >>> weight, grad = ms.nd.array([1.0, 2.0]), ms.nd.array([0.5, -4.0])
    >>> rule = ms.optimizer.Signum(learning_rate=0.1, momentum=0.9)
    >>> state = rule.create_state(0, weight)
    >>> rule.update(0, weight, grad, state)
    >>> weight
    NDArray([0.9, 2.1], dtype=float32)

    References
    ----------
    Bernstein et al., "signSGD: Compressed Optimisation for Non-Convex Problems", arXiv:1802.04434,
    Algorithm 2; MXNet's `signum_update` for the place of weight decay.
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

    def rule(self, p: Parameter) -> Rule:
        """Compose the update of one parameter."""
        name = f"{p.name}_update"
        if not self.momentum:
            return F.signsgd_update(p.weight, p.grad, **p.decayed, name=name)
        own = {"momentum": self.momentum, **({"wd_lh": self.wd_lh} if self.wd_lh else {})}
        return F.signum_update(p.weight, p.grad, p.state("mom"), **own, **p.decayed, name=name)


@Optimizer.register
class SignSGD(Signum):
    """Step by the sign of the gradient: `signsgd_update`. It is Signum without momentum.

    Examples
    --------
    >>> import minisym as ms
    >>> weight, grad = ms.nd.array([1.0, 2.0]), ms.nd.array([0.5, -4.0])
    >>> rule = ms.optimizer.SignSGD(learning_rate=0.1)
    >>> state = rule.create_state(0, weight)
    >>> rule.update(0, weight, grad, state)
    >>> weight
    NDArray([0.9, 2.1], dtype=float32)

    References
    ----------
    Bernstein et al., "signSGD: Compressed Optimisation for Non-Convex Problems", arXiv:1802.04434,
    Algorithm 1.
    """

    def __init__(self, learning_rate: float | None = None, **kwargs: Any) -> None:
        super().__init__(learning_rate, momentum=0.0, **kwargs)


@Optimizer.register
class EFSignSGD(Optimizer):
    """Step by a scaled sign, with error feedback: `ef_signsgd_update`.

    Examples
    --------
    >>> import minisym as ms
    >>> weight, grad = ms.nd.array([1.0, 2.0]), ms.nd.array([0.5, -4.0])
    >>> rule = ms.optimizer.EFSignSGD(learning_rate=0.1)
    >>> state = rule.create_state(0, weight)
    >>> for _ in range(2):
    ...     rule.update(0, weight, grad, state)
    >>> weight.asnumpy().round(3)
    array([1.125, 2.575], dtype=float32)

    References
    ----------
    Karimireddy et al., "Error Feedback Fixes SignSGD and other Gradient Compression Schemes",
    arXiv:1901.09847, Algorithm 1.
    """

    def states(self) -> tuple[str, ...]:
        """Return the error that was left out."""
        return ("error",)

    def rule(self, p: Parameter) -> Rule:
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

    Examples
    --------
    >>> import minisym as ms
    >>> weight, grad = ms.nd.array([1.0, 2.0]), ms.nd.array([0.5, -4.0])
    >>> rule = ms.optimizer.Lion(learning_rate=0.1)
    >>> state = rule.create_state(0, weight)
    >>> rule.update(0, weight, grad, state)
    >>> weight
    NDArray([0.9, 2.1], dtype=float32)

    References
    ----------
    Chen et al., "Symbolic Discovery of Optimization Algorithms", arXiv:2302.06675, Algorithm 2.
    For the two votes of distributed Lion see `ms.parallel.data_parallel`.
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

    def rule(self, p: Parameter) -> Rule:
        """Compose the update of one parameter."""
        own = {"beta1": self.beta1, "beta2": self.beta2}
        return F.lion_update(
            p.weight, p.grad, p.state("mom"), **own, **p.decayed, name=f"{p.name}_update"
        )


@Optimizer.register
class CautiousLion(Lion):
    r"""Lion that moves only where its direction and the gradient agree.

    With $u = \mathrm{sign}(\beta_1 m + (1 - \beta_1) g)$ and the mask $\phi = [u g > 0]$:
    $w \leftarrow w - \eta\,(u\,\phi / (\mathrm{mean}(\phi) + \epsilon) + \lambda w)$,
    $m \leftarrow \beta_2 m + (1 - \beta_2) g$. The mean is that of the parameter's own mask, so
    that what still moves makes up for what waits.

    Parameters
    ----------
    epsilon
        A small number against division by zero.
    **kwargs
        As for `Lion`.

    References
    ----------
    Liang et al., "Cautious Optimizers: Improving Training with One Line of Code",
    arXiv:2411.16085, Algorithm 1.
    """

    def __init__(
        self, learning_rate: float | None = None, epsilon: float = 1e-3, **kwargs: Any
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.epsilon = epsilon

    def rule(self, p: Parameter) -> Rule:
        """Compose the update of one parameter."""
        m, g, b1, b2 = p.state("mom"), p.gradient, self.beta1, self.beta2
        u = F.sign(m * b1 + g * (1 - b1))
        agrees = u * g > 0
        share = F.mean(agrees) + self.epsilon
        return [p.step(over(u * agrees, share)), p.keep(m, m * b2 + g * (1 - b2))]


def over(x: Symbol, number: Symbol) -> Symbol:
    """Divide an array by one number that the graph computes."""
    return call("_scale_by", x, 1 / number)


@Optimizer.register
class StochasticSignSGD(Optimizer):
    r"""Step by signs that are right on average: the sign of the gradient with uniform noise.

    $w \leftarrow w - \eta\,(\mathrm{sign}(g + u) + \lambda w)$, where $u$ is drawn from
    $[-b, b)$ for each element. For $|g| \le b$ the mean of the sign is $g / b$: the noise *dithers*
    what a sign rounds away, so that many steps, or the votes of many workers, add up to the
    gradient; without it (b = 0) an element moves as far for a small gradient as for a large one.

    Parameters
    ----------
    bound
        The bound b of the noise; gradients above it have their own sign.
    **kwargs
        As for `Optimizer`. The weight decay is apart from the gradient.

    References
    ----------
    Jin et al., "Stochastic-Sign SGD for Federated Learning with Theoretical Guarantees",
    arXiv:2002.10940, for the formula.
    """

    def __init__(
        self, learning_rate: float | None = None, bound: float = 0.01, **kwargs: Any
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        if bound < 0:
            raise ParamError(f"bound must not be negative, but got {bound!r}")
        self.bound = bound

    def rule(self, p: Parameter) -> Rule:
        """Compose the update of one parameter."""
        g = p.gradient
        if self.bound:
            noise = call("_random_uniform_like", g, low=-self.bound, high=self.bound)
            g = F.elemwise_add(g, noise)
        decay = {"wd": p.wd} if p.wd else {}
        return F.signsgd_update(p.weight, g, lr=p.lr, **decay, name=f"{p.name}_update")


@Optimizer.register
class SwitchedSGD(Optimizer):
    r"""Step by signs first, and from one update on by gradients.

    $w \leftarrow w - \eta\,(\mathrm{sign}(g) + \lambda w)$ in the first updates,
    $w \leftarrow w - \eta_2\,(g + \lambda w)$ after them: signs are quick while gradients are of
    one kind, and stop at a distance of the learning rate, where gradients go on. The formula is
    that sentence written down, and no paper's in particular.

    Parameters
    ----------
    switch
        How many updates are made by signs.
    sgd_rate
        The learning rate after the switch. A scheduler counts for both: it is multiplied by
        `sgd_rate / learning_rate`.
    **kwargs
        As for `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: float | None = None,
        switch: int = 1000,
        sgd_rate: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.switch, self.sgd_rate = switch, sgd_rate
        self._factor = sgd_rate / self.lr

    def values(self, t: int, lr: float) -> dict[str, float]:
        """Return the rate, and by which of the two is stepped."""
        if t <= self.switch:
            return {"lr": lr, "by_sign": 1.0, "by_gradient": 0.0}
        return {"lr": lr * self._factor, "by_sign": 0.0, "by_gradient": 1.0}

    def rule(self, p: Parameter) -> Rule:
        """Compose the update of one parameter."""
        g = p.gradient
        signs = call("_scale_by", F.sign(g), p.hyper("by_sign"))
        return p.step(signs + call("_scale_by", g, p.hyper("by_gradient")))

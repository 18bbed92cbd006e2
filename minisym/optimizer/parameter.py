"""One parameter as an optimizer's rule sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from minisym.core.declare import F
from minisym.core.op import get
from minisym.core.symbol import Symbol
from minisym.core.variable import Variable

ZERO = '["zero", {}]'
Rule = Symbol | Sequence[Symbol]
"""What composes an update: the new weight, and behind it whatever else is written."""


@dataclass(frozen=True)
class Parameter:
    """What an update of one parameter is composed of.

    A rule that is a formula needs `gradient`, `state`, `step` and `keep`. Within one run every
    reader sees the values from before it, so the order of the lines does not matter:

    >>> import minisym as ms
    >>> class Momentum(ms.optimizer.Optimizer):
    ...     def rule(self, p):
    ...         m = p.state("mom")
    ...         new = 0.9 * m + p.gradient
    ...         return [p.step(new), p.keep(m, new)]
    >>> w = ms.sym.Variable("w", init="ones")
    >>> step = Momentum(learning_rate=0.5).minimize(ms.sym.sum(w * w))
    >>> step.list_auxiliary_states()
    ['w_mom']
    """

    name: str
    """The name of the parameter."""
    weight: Symbol
    """The Variable that is to be overwritten."""
    grad: Symbol
    """Its gradient, as it comes."""
    mixed: bool
    """The weight is float16, and a float32 master of it is wanted."""
    lr: Symbol
    """The learning rate, times this parameter's factor."""
    wd: float
    """The weight decay, times this parameter's factor."""
    rescale_grad: float | Symbol
    """What gradients are multiplied by; a Symbol, where the graph computes it."""
    clip_gradient: float | None
    """The bound of each element of the gradient, after that; None: no bound."""
    hyper: Callable[[str], Symbol]
    """Returns a number that each run is fed with, such as "t"; the same one for all parameters."""
    states: dict[str, Symbol] = field(default_factory=dict)
    """The states that the rule has asked for."""
    writes: list[Symbol] = field(default_factory=list)
    """What `step` and `keep` have made, all of which the rule has to return."""

    def state(self, name: str, init: str = ZERO) -> Symbol:
        """Return the state of this name: a Variable such as fc1_weight_mom."""
        found = self.states.get(name)
        if found is None:
            found = self.states[name] = Variable(f"{self.name}_{name}", init=init)
        return found

    def master(self) -> Symbol:
        """Make the float32 master of the weight, which begins as its copy."""
        return Variable(f"{self.name}_weight32", dtype="float32", init=copy_of(self.name))

    @property
    def common(self) -> dict[str, Any]:
        """What all update ops take, as far as it differs from their defaults."""
        found: dict[str, Any] = {}
        if isinstance(self.rescale_grad, Symbol) or self.rescale_grad != 1:
            found["rescale_grad"] = self.rescale_grad
        if self.clip_gradient:
            found["clip_gradient"] = self.clip_gradient
        return found

    @property
    def decayed(self) -> dict[str, Any]:
        """The same with learning rate and weight decay."""
        return {"lr": self.lr, **({"wd": self.wd} if self.wd else {}), **self.common}

    @property
    def gradient(self) -> Symbol:
        """The gradient as updates use it: times `rescale_grad`, and clipped."""
        g, by, bound = self.grad, self.rescale_grad, self.clip_gradient
        if isinstance(by, Symbol):
            g = call("_scale_by", g, by)
        elif by != 1:
            g = g * by
        return F.clip(g, a_min=-bound, a_max=bound) if bound else g

    def step(self, direction: Symbol) -> Symbol:
        r"""Move the weight against a direction $d$: $w \leftarrow w - \eta\,(d + \lambda w)$."""
        decay = {"wd": self.wd} if self.wd else {}
        name = f"{self.name}_update"
        return self._noted(F.sgd_update(self.weight, direction, lr=self.lr, **decay, name=name))

    def keep(self, state: Symbol, value: Symbol) -> Symbol:
        """Write a value into a state, which the next run reads."""
        return self._noted(F.keep(state, value, name=f"{state.name}_update"))

    def _noted(self, update: Symbol) -> Symbol:
        self.writes.append(update)
        return update

    def rescale_array(self) -> Symbol:
        """Return `rescale_grad` as an array of one number."""
        if isinstance(self.rescale_grad, Symbol):
            return self.rescale_grad
        name = f"{self.name}_rescale_grad"
        return call("_full", shape=(1,), value=self.rescale_grad, name=name)


def call(op: str, *args: Any, **kwargs: Any) -> Symbol:
    """Compose an op whose name is no identifier of the public namespaces."""
    return get(op)(*args, **kwargs)  # type: ignore[operator, no-any-return]


def copy_of(name: str) -> str:
    """Return the initializer of an array that begins as a copy of another."""
    return f'["copyof", {{"name": "{name}"}}]'

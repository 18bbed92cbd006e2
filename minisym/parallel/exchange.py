r"""What workers send each other, and what each does with the answer: an exchange.

An exchange takes an update apart into three: what a worker sends, made of its own gradient; what
all of them agree on; and the step, the same one for every worker. The middle part is a node: of one
graph that holds all workers (`simulate`), or of a graph that each of several processes runs.

| exchange | a worker keeps | it sends | they agree on | step |
|---|---|---|---|---|
| `mean` | | $g_i$ | $\bar g$, the mean | the update's own, with $\bar g$ |
| `majority_vote` | with momentum: $m_i \leftarrow \mu m_i + (1-\mu) g_i$ | sign of $g_i$, or of $m_i$ | the sign that most have | $w \leftarrow w - \eta\,(v + \lambda w)$ |
| `lion_vote`, `lion_mean` | $m_i \leftarrow \beta_2 m_i + (1-\beta_2) g_i$ | $\mathrm{sign}(\beta_1 m_i + (1-\beta_1) g_i)$ | the sign that most have, or the mean | $w \leftarrow w - \eta\,(v + \lambda w)$ |
| `ef_sign` | $e_i \leftarrow p_i - \delta_i$ with $p_i = \eta g_i + e_i$ | $\delta_i = \mathrm{mean}\lvert p_i\rvert\,\mathrm{sign}(p_i)$ | the mean $\bar\delta$ | $w \leftarrow w - \bar\delta$ |

References
----------
Bernstein et al., "signSGD with Majority Vote is Communication Efficient And Fault Tolerant",
arXiv:1810.05291. Liu et al., "Communication Efficient Distributed Training with Distributed Lion",
arXiv:2404.00438. Karimireddy et al., "Error Feedback Fixes SignSGD and other Gradient Compression
Schemes", arXiv:1901.09847.
"""  # noqa: E501  # a row of a table is a line

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from minisym.core.declare import F
from minisym.core.errors import ComposeError, did_you_mean
from minisym.core.node import Entry, Node
from minisym.core.op import FROM_INPUT
from minisym.core.symbol import Symbol
from minisym.optimizer.parameter import call


@dataclass(frozen=True)
class Update:
    """An update node taken apart."""

    node: Node
    weight: Symbol
    grad: Symbol
    hyper: Mapping[str, Any]
    """Its parameters, numbers or what computes them."""

    @classmethod
    def of(cls, node: Node) -> Update:
        """Read an update node.

        Raises
        ------
        ComposeError
            It has no gradient, or updates several parameters at once.
        """
        assert node.op is not None
        inputs = dict(zip(node.input_names(), node.inputs, strict=False))
        if not inputs.keys() >= {"weight", "grad"}:
            raise ComposeError(
                f"an exchange stands between gradients and updates, but {node.op.name} "
                f"{node.name!r} reads {', '.join(inputs)}: no weight and grad of one parameter",
                hint='exchange="mean" takes any training step that minimize made',
            )
        hyper: dict[str, Any] = {k: v for k, v in node.params.items() if v is not FROM_INPUT}
        if computed := node.computed:
            entries = node.inputs[-len(computed) :]
            hyper |= {name: Symbol((e,)) for name, e in zip(computed, entries, strict=True)}
        return cls(node, Symbol((inputs["weight"],)), Symbol((inputs["grad"],)), hyper)

    @property
    def name(self) -> str:
        """The name of the parameter."""
        return str(self.weight.name)

    def scaled(self, g: Symbol) -> Symbol:
        """Return a gradient as the update uses it: times `rescale_grad`, and clipped."""
        by, bound = self.hyper.get("rescale_grad", 1.0), self.hyper.get("clip_gradient", -1.0)
        g = call("_scale_by", g, by) if isinstance(by, Symbol) else g * by if by != 1 else g
        return F.clip(g, a_min=-bound, a_max=bound) if bound > 0 else g

    def reading(self, g: Symbol) -> Symbol:
        """Return the update itself, with another gradient."""
        slot = self.node.input_names().index("grad")
        inputs = [*self.node.inputs]
        inputs[slot] = g.entries[0]
        return Symbol((Entry(self.node.reading(tuple(inputs))),))

    def step(self, direction: Symbol, wd: float) -> Symbol:
        r"""Return $w \leftarrow w - \eta\,(d + \lambda w)$."""
        decay = {"wd": wd} if wd else {}
        return F.sgd_update(
            self.weight, direction, lr=self.hyper["lr"], **decay, name=self.node.name
        )


@dataclass(frozen=True)
class Message:
    """What a worker sends for one parameter, and what it keeps."""

    value: Symbol
    keeps: Sequence[Symbol] = ()


@dataclass(frozen=True)
class Exchange:
    """One way of agreeing.

    Attributes
    ----------
    name
        Its name.
    updates
        The update ops that it takes apart; empty: any.
    message
        `message(update, g, state)`: what a worker with this gradient sends. `state(name)` is a
        Variable of this worker.
    finish
        `finish(update, agreed)`: the step.
    votes
        Whether they agree by a vote, or by the mean.
    bits
        `bits(workers)`: how many an element takes for each worker, there and back.
    """

    name: str
    updates: tuple[str, ...]
    message: Callable[[Update, Symbol, Callable[[str], Symbol]], Message]
    finish: Callable[[Update, Symbol], Symbol]
    votes: bool
    bits: Callable[[int], float] = field(default=lambda workers: 2.0)

    def take(self, node: Node) -> Update:
        """Take an update apart; refuse one that this exchange has no formula for."""
        assert node.op is not None
        if self.updates and node.op.name not in self.updates:
            raise ComposeError(
                f"exchange={self.name!r} is made of {' or '.join(self.updates)}, but "
                f"{node.name!r} is {node.op.name}",
                origin=node.origin,
                hint='exchange="mean" takes any update',
            )
        return Update.of(node)

    def agree(self, messages: Sequence[Symbol], name: str) -> Symbol:
        """Compose what workers of one graph agree on."""
        if self.votes:
            return F.majority_vote(*messages, name=name)
        return F.worker_mean(*messages, bits=self.bits(len(messages)), name=name)


def _of_gradient(update: Update, g: Symbol, state: Callable[[str], Symbol]) -> Message:
    """Send the gradient; of Signum, the momentum of each worker's own."""
    assert update.node.op is not None
    if update.node.op.name != "signum_update":
        return Message(g)
    mu, wd = update.hyper["momentum"], update.hyper["wd"]
    g = update.scaled(g)
    step = g + update.weight * wd if wd else g
    m = state("mom")
    new = m * mu + step * (1 - mu)
    return Message(new, [F.keep(m, new, name=f"{m.name}_update")])


def _step_by_vote(update: Update, agreed: Symbol) -> Symbol:
    assert update.node.op is not None
    if update.node.op.name != "signum_update":
        return update.reading(agreed)
    return update.step(agreed, update.hyper["wd_lh"])


def _of_lion(update: Update, g: Symbol, state: Callable[[str], Symbol]) -> Message:
    b1, b2, g, m = update.hyper["beta1"], update.hyper["beta2"], update.scaled(g), state("mom")
    keep = F.keep(m, m * b2 + g * (1 - b2), name=f"{m.name}_update")
    return Message(F.sign(m * b1 + g * (1 - b1)), [keep])


def _of_error(update: Update, g: Symbol, state: Callable[[str], Symbol]) -> Message:
    lr, wd, e = update.hyper["lr"], update.hyper["wd"], state("error")
    g = update.scaled(g)
    g = g + update.weight * wd if wd else g
    p = (call("_scale_by", g, lr) if isinstance(lr, Symbol) else g * lr) + e
    delta = call("_scale_by", F.sign(p), F.mean(F.abs(p)))
    return Message(delta, [F.keep(e, p - delta, name=f"{e.name}_update")])


def _by_lion(update: Update, agreed: Symbol) -> Symbol:
    return update.step(agreed, update.hyper["wd"])


def _subtracted(update: Update, agreed: Symbol) -> Symbol:
    return F.assign(update.weight, update.weight - agreed, name=update.node.name)


EXCHANGES: Final = {
    one.name: one
    for one in (
        Exchange(
            "mean", (), lambda update, g, state: Message(g), Update.reading, votes=False,
            bits=lambda workers: 64.0,
        ),
        Exchange(
            "majority_vote", ("signsgd_update", "signum_update"), _of_gradient, _step_by_vote,
            votes=True,
        ),
        Exchange("lion_vote", ("lion_update",), _of_lion, _by_lion, votes=True),
        Exchange(
            "lion_mean", ("lion_update",), _of_lion, _by_lion, votes=False,
            bits=lambda workers: 1.0 + workers.bit_length(),  # a sum of k signs has k + 1 values
        ),
        Exchange(
            "ef_sign", ("ef_signsgd_update",), _of_error, _subtracted, votes=False,
            bits=float,  # one bit there, and those of all the others back: their scales differ
        ),
    )
}  # fmt: skip
"""The exchanges by name."""

_USUAL: Final = {
    "signsgd_update": "majority_vote",
    "signum_update": "majority_vote",
    "lion_update": "lion_vote",
    "ef_signsgd_update": "ef_sign",
}


def exchange_for(name: str | None, updates: Sequence[Node]) -> Exchange:
    """Return the exchange of this name; without one, what the papers take for these updates.

    Raises
    ------
    ComposeError
        There is none.
    """
    if name is None:
        usual = {_USUAL.get(node.op.name, "mean") for node in updates if node.op}
        name = usual.pop() if len(usual) == 1 else "mean"
    found = EXCHANGES.get(name)
    if found is None:
        raise ComposeError(
            f"there is no exchange {name!r}",
            hint=did_you_mean(name, EXCHANGES),
        )
    return found

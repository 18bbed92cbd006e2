"""A training step for several processes: exchanges between gradients and updates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from minisym.core.errors import ComposeError
from minisym.core.graph import Graph
from minisym.core.node import OWNER, Entry, Node
from minisym.core.symbol import Symbol
from minisym.core.variable import Variable
from minisym.optimizer.parameter import ZERO, call
from minisym.parallel.exchange import Exchange, Message, Update, exchange_for
from minisym.runtime.peers import OWN

BUCKET: Final = 32
"""How many gradients one exchange of means takes at most: their messages are joined."""


def data_parallel(step: Symbol, exchange: str | None = None) -> Symbol:
    """Return a training step that several processes make together, each with data of its own.

    It is a rewrite: what stands between gradients and updates afterwards are nodes that exchange
    messages, `_exchange_votes` or `_exchange_means`; see `minisym.parallel.exchange` for what each
    process sends. They draw, print, save and load like any node. `bind(..., comm=comm)` gives them
    the other processes. Without any, the step is that of one process, whose vote is the outcome and
    whose mean is its own, and no MPI is needed.

    Parameters
    ----------
    step
        What `Optimizer.minimize` returns, or any symbol that updates weights.
    exchange
        "majority_vote", "lion_vote", "lion_mean", "ef_sign" or "mean". Without it, that of the
        updates: votes for SignSGD, Signum and Lion, error feedback for EFSignSGD, else the mean,
        also for steps that `minimize` composed with `accumulate` or `loss_scale`.

    Returns
    -------
    Symbol
        The outputs of `step`, with the same names, and behind them what processes keep for
        themselves: the states of the updates that went into the exchange.

    Raises
    ------
    ComposeError
        Nothing is updated, or the exchange does not fit an update.

    Examples
    --------
    >>> import minisym as ms
    >>> net = ms.sym.FullyConnected(ms.sym.Variable("data"), num_hidden=2, name="fc")
    >>> step = ms.optimizer.Signum().minimize(ms.sym.SoftmaxOutput(net, name="softmax"))
    >>> together = ms.parallel.data_parallel(step)
    >>> [node.name for node in together.graph if node.op and node.op.name == "_exchange_votes"]
    ['exchange_majority_vote']
    >>> together.list_auxiliary_states()
    ['fc_weight_mom', 'fc_bias_mom']
    """
    if not isinstance(step, Symbol):
        raise ComposeError(f"data_parallel takes a Symbol, but got {type(step).__name__}")
    graph = step.graph
    updates = [node for node in graph if _is_update(node)]
    if not updates:
        raise ComposeError(
            f"{step!r} updates nothing, so there is nothing to exchange",
            hint="take what optimizer.minimize(loss) returns",
        )
    agreed = exchange_for(exchange, updates)
    if agreed.name == "mean":
        return Symbol(graph.substitute(_means(graph)).outputs)
    taken = [agreed.take(node) for node in updates]
    messages = [_message(agreed, update) for update in taken]
    values = _exchanged(agreed, [m.value for m in messages], f"exchange_{agreed.name}")
    steps = [agreed.finish(update, value) for update, value in zip(taken, values, strict=True)]
    changes = {Entry(update.node): new.entries[0] for update, new in zip(taken, steps, strict=True)}
    keeps = [entry for m in messages for keep in m.keeps for entry in keep.entries]
    return Symbol((*graph.substitute(changes).outputs, *keeps))


def _is_update(node: Node) -> bool:
    """Return whether a node updates a parameter (and not only a state)."""
    return node.kind == "update" and node.op is not None and "weight" in node.op.writes


def _message(agreed: Exchange, update: Update) -> Message:
    def state(name: str) -> Symbol:
        return Variable(f"{update.name}_{name}", init=ZERO, attr={OWN: "1"})

    return agreed.message(update, update.grad, state)


def _exchanged(agreed: Exchange, messages: Sequence[Symbol], name: str) -> list[Symbol]:
    """Compose the node in which processes agree."""
    op = "_exchange_votes" if agreed.votes else "_exchange_means"
    return list(call(op, *messages, name=name))


def _means(graph: Graph) -> dict[Entry, Entry]:
    """Return the means that take the places of gradients: of what leaves the backward part."""
    gradients = list(_leaving(graph))
    if not gradients:
        raise ComposeError(
            "no gradient leaves for an update: this step has no backward part",
            hint="take what optimizer.minimize(loss) returns",
        )
    found = {}
    for start in range(0, len(gradients), BUCKET):
        bucket = gradients[start : start + BUCKET]
        name = f"exchange_mean{start // BUCKET}"
        for entry, mean in zip(
            bucket, call("_exchange_means", *map(_symbol, bucket), name=name), strict=True
        ):
            found[entry] = mean.entries[0]
    return found


def _leaving(graph: Graph) -> Iterable[Entry]:
    """Return the outputs of the backward part that nodes outside of it read."""
    return dict.fromkeys(
        entry
        for node in graph
        if node.op is not None and OWNER not in node.attrs
        for entry in node.inputs
        if OWNER in entry.node.attrs
    )


def _symbol(entry: Entry) -> Symbol:
    return Symbol((entry,))

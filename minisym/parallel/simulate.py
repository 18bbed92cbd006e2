"""Many workers in one graph: learning by votes without a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, Final

from minisym.core.declare import F
from minisym.core.errors import ComposeError, ParamError, did_you_mean
from minisym.core.node import Entry, Node
from minisym.core.symbol import Symbol
from minisym.core.variable import Group, Variable
from minisym.optimizer.base import Optimizer
from minisym.optimizer.compose import compose_updates, parameters_of
from minisym.optimizer.parameter import ZERO, call
from minisym.parallel.exchange import Exchange, Update, exchange_for
from minisym.passes.gradient import grad

ATTACKS: Final[dict[str, Callable[[Symbol], Symbol]]] = {
    "invert": lambda g: -g,
    "random": lambda g: call("_random_normal_like", g),
    "silent": lambda g: g * 0,
}
"""What an adversary makes of its gradient."""


def simulate(
    loss: Symbol,
    optimizer: str | Optimizer = "signsgd",
    *,
    workers: int = 3,
    adversaries: int = 0,
    attack: str = "invert",
    exchange: str | None = None,
    wrt: Sequence[str] | None = None,
    shared: Sequence[str] = (),
) -> Symbol:
    """Return one training step in which several workers learn together.

    Each worker has the loss for itself, with its part of each batch: inputs that are no parameters
    are split along their first axis, so a batch is a multiple of `workers`. Random nodes (noise,
    Dropout) draw anew for each. What the workers make of their gradients is exchanged, see
    `minisym.parallel.exchange`, and one update a parameter follows. It is a graph as any other: it
    draws, saves, runs in one process; `ms.summary` says how many bits the exchange would send.

    Parameters
    ----------
    loss
        What to minimize.
    optimizer
        An optimizer or its name; `optimizer.step(executor, data=…)` trains.
    workers
        How many there are.
    adversaries
        So many of them, the last ones, send something else than their gradient.
    attack
        What they send: "invert" (its negative), "random" (normal noise), or "silent" (zeros).
    exchange
        "majority_vote", "lion_vote", "lion_mean", "ef_sign" or "mean". Without it, that of the
        optimizer: votes for SignSGD, Signum and Lion, error feedback for EFSignSGD, else the mean.
    wrt
        The parameters, as for `Optimizer.minimize`.
    shared
        Inputs of which every worker reads all.

    Returns
    -------
    Symbol
        The outputs of the loss, those of all workers one behind the other along the first axis;
        then the updates.

    Raises
    ------
    ComposeError
        The exchange does not fit the optimizer, or there is no such input.
    ParamError
        A number is out of range, or there is no such attack.

    Examples
    --------
    Seven workers see the slope of a bowl through noise, and three of them lie.

    >>> import numpy as np
    >>> import minisym as ms
    >>> x = ms.sym.Variable("x", init="ones")
    >>> noisy = x + ms.sym.BlockGrad(ms.sym.random.normal_like(x))
    >>> loss = ms.sym.MakeLoss(ms.sym.sum(noisy * noisy) / 2)
    >>> optimizer = ms.optimizer.SignSGD(learning_rate=0.02)
    >>> step = ms.parallel.simulate(loss, optimizer, workers=7, adversaries=3, wrt=["x"])
    >>> executor = step.simple_bind(x=(100,))
    >>> executor.arg_dict["x"][:] = 1
    >>> for _ in range(300):
    ...     _ = optimizer.step(executor)
    >>> bool(np.abs(executor.arg_dict["x"]).mean() < 0.3)
    True
    """
    optimizer = Optimizer.create_optimizer(optimizer)
    _check(workers, adversaries, attack)
    names = list(parameters_of(loss) if wrt is None else wrt)
    losses = _split(loss, names, workers, shared)
    slopes = [list(grad(one, names)) for one in losses]
    for one in slopes[workers - adversaries :]:
        one[:] = [ATTACKS[attack](g) for g in one]
    alone = [compose_updates(optimizer, loss, names, gs) for gs in slopes]
    agreed = exchange_for(exchange, [update.entries[0].node for update in alone[0]])
    if agreed.name == "mean":
        means = [
            agreed.agree(gs, f"{name}_mean")
            for name, gs in zip(names, zip(*slopes, strict=True), strict=True)
        ]
        updates = compose_updates(optimizer, loss, names, means)
    else:
        updates = [
            _together(agreed, [agreed.take(update.entries[0].node) for update in of_one])
            for of_one in zip(*alone, strict=True)
        ]
    heads = [
        F.Concat(*(one[i] for one in losses), dim=0, name=f"all_{entry.node.name}")
        for i, entry in enumerate(loss.entries)
    ]
    return Group([*heads, *updates])


def _together(agreed: Exchange, updates: Sequence[Update]) -> Symbol:
    """Compose the step of one parameter: of the updates that each worker would make alone."""
    messages, update = [], updates[0]
    for i, own in enumerate(updates):

        def state(name: str, i: int = i) -> Symbol:
            return Variable(f"worker{i}_{update.name}_{name}", init=ZERO)

        messages.append(agreed.message(update, own.grad, state))
    together = agreed.agree([m.value for m in messages], f"{update.name}_{agreed.name}")
    keeps = [keep for message in messages for keep in message.keeps]
    return Group([agreed.finish(update, together), *keeps])


def _check(workers: Any, adversaries: Any, attack: str) -> None:
    for name, number, least in (("workers", workers, 1), ("adversaries", adversaries, 0)):
        if not isinstance(number, Integral) or number < least:
            raise ParamError(f"{name} must be an integer of at least {least}, but got {number!r}")
    if adversaries > workers:
        raise ParamError(f"of {workers} workers, {adversaries} cannot be adversaries")
    if attack not in ATTACKS:
        raise ParamError(f"there is no attack {attack!r}", hint=did_you_mean(attack, ATTACKS))


def _split(
    loss: Symbol, parameters: Sequence[str], workers: int, shared: Sequence[str]
) -> list[Symbol]:
    """Return the loss once for each worker, with its part of every input and states of its own."""
    graph = loss.graph
    inputs = {n.name: n for n in graph.arguments if n.name not in parameters}
    for name in shared:
        if name not in inputs:
            raise ComposeError(
                f"there is no input {name!r} to share", hint=did_you_mean(name, inputs)
            )
    parts = {
        node: F.SliceChannel(Symbol((Entry(node),)), num_outputs=workers, axis=0, name=f"{name}_of")
        for name, node in inputs.items()
        if name not in shared
    }
    found = []
    for i in range(workers):
        changes = {Entry(node): part[i].entries[0] for node, part in parts.items()}

        def own(node: Node, read: tuple[Entry, ...], prefix: str = f"worker{i}_") -> Node:
            if node.op is None and node not in graph.auxiliary:
                return node
            return node.replace(name=prefix + node.name, inputs=read)

        found.append(Symbol(graph.substitute(changes, own).outputs))
    return found

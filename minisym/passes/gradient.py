"""The gradient is another graph.

`gradient` walks the nodes backwards and asks each op's rule for the gradients of its inputs, given
those of its outputs. The rules compose symbols, so the answer is an ordinary graph: it can be
drawn, checked, run together with the loss, and differentiated again.

>>> import minisym as ms
>>> x = ms.sym.Variable("x")
>>> cube_slope = ms.grad(x * x * x, "x")
>>> import numpy as np
>>> cube_slope.eval(x=np.array([1.0, 2.0]))
[NDArray([ 3., 12.])]
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from minisym.errors import ComposeError, GradientError, did_you_mean
from minisym.graph import Entry, Graph, Node
from minisym.naming import NameManager
from minisym.op import NO_PARAMS, get
from minisym.origin import inherit
from minisym.symbol.symbol import Symbol, connect


class _BackwardNames(NameManager):
    """Name gradient nodes after the node that they belong to: fc1_backward_dot0."""

    def __init__(self) -> None:
        super().__init__()
        self.owner = ""

    def get(self, name: str | None, hint: str) -> str:
        """Return a name that begins with the forward node's."""
        hint = hint.removeprefix("_").removeprefix("backward_")
        return super().get(None, f"{self.owner}_backward_{name or hint}")


def grad(
    symbol: Symbol,
    wrt: str | Symbol | Sequence[str | Symbol],
    head_grads: Symbol | Sequence[Symbol | None] | Mapping[str, Symbol] | None = None,
) -> Symbol:
    """Return the gradients of a symbol's outputs, summed, as a Symbol with one output per `wrt`.

    Parameters
    ----------
    symbol
        What to differentiate. Loss heads (SoftmaxOutput, MakeLoss, …) have gradients of their own.
    wrt
        Names of variables, or symbols inside the graph; one or several.
    head_grads
        The gradients that flow into the outputs; ones where absent.

    Raises
    ------
    GradientError
        An op on the way has no gradient, or a name in `wrt` is not in the graph.

    Examples
    --------
    >>> import minisym as ms
    >>> x = ms.sym.Variable("x")
    >>> ms.grad(ms.sym.tanh(x, name="t"), "x").list_outputs()
    ['t_backward_mul1_output']

    Second order is the gradient of the gradient:

    >>> ms.grad(ms.grad(x * x * x, "x"), "x").eval(x=ms.nd.array([2.0]))
    [NDArray([12.], dtype=float32)]
    """
    targets = [wrt] if isinstance(wrt, str | Symbol) else list(wrt)
    entries = [_target(symbol, target) for target in targets]
    seeds = _seeds(symbol, head_grads)
    found = gradient(symbol.graph, seeds, entries)
    with inherit(()):
        return Symbol(
            tuple(
                got if got is not None else _zeros_like(entry)
                for got, entry in zip(found, entries, strict=True)
            )
        )


def _target(symbol: Symbol, target: str | Symbol) -> Entry:
    if isinstance(target, Symbol):
        if len(target.entries) != 1:
            message = f"wrt must be symbols of one output, but {target!r} has {len(target.entries)}"
            raise ComposeError(message, hint="choose one by index or name")
        return target.entries[0]
    found = [node for node in symbol.graph.variables if node.name == target]
    if len(found) == 1:
        return Entry(found[0])
    known = [node.name for node in symbol.graph.variables]
    if found:
        message = f"{len(found)} variables are named {target!r}"
        raise GradientError(message, hint="pass the symbol itself instead of its name")
    message = f"there is no variable {target!r} to differentiate by"
    raise GradientError(message, hint=did_you_mean(target, known))


def _seeds(
    symbol: Symbol, head_grads: Symbol | Sequence[Symbol | None] | Mapping[str, Symbol] | None
) -> list[tuple[Entry, Entry | None]]:
    """Pair each output with the gradient that flows into it."""
    heads = symbol.entries
    if head_grads is None:
        return [(head, None) for head in heads]
    if isinstance(head_grads, Mapping):
        names = [entry.name for entry in heads]
        for name in head_grads:
            if name not in names:
                message = f"there is no output {name!r} to give a head gradient to"
                raise GradientError(message, hint=did_you_mean(name, names))
        given = [head_grads.get(name) for name in names]
    else:
        given = list(head_grads)
    if len(given) != len(heads):
        names_ = ", ".join(entry.name for entry in heads)
        message = f"{len(given)} head gradients were given for {len(heads)} outputs: {names_}"
        raise GradientError(message, hint="one each, in order; None stands for ones")
    return [
        (head, None if g is None else g.entries[0]) for head, g in zip(heads, given, strict=True)
    ]


def gradient(
    graph: Graph, seeds: Iterable[tuple[Entry, Entry | None]], wrt: Sequence[Entry]
) -> list[Entry | None]:
    """Return the gradient entry for each of `wrt`; None where nothing flows.

    `seeds` pairs outputs with the gradients flowing into them (None: ones, or the loss's own).
    """
    wanted = _on_the_way(graph, wrt)
    flowing: defaultdict[Entry, list[Entry]] = defaultdict(list)
    names = _BackwardNames()
    with names:
        for head, given in seeds:
            if head.node not in wanted:
                continue
            names.owner = head.node.name
            with inherit(head.node.origin):
                seed = given if given is not None else _ones_like(head)
            flowing[head].append(seed)
        for node in reversed(graph.order):
            if node.op is None or node not in wanted:
                continue
            arrived = [_total(flowing, Entry(node, i), names) for i in range(node.num_outputs)]
            if all(g is None for g in arrived):
                continue
            names.owner = node.name
            with inherit(node.origin):
                _send_back(node, arrived, wanted, flowing)
        return [_total(flowing, entry, names) for entry in wrt]


def _on_the_way(graph: Graph, wrt: Sequence[Entry]) -> set[Node]:
    """Return the nodes that depend on `wrt`, and the nodes of `wrt` themselves.

    What is behind a BlockGrad does not: so there may be ops without a gradient.
    """
    wanted = {entry.node for entry in wrt}
    for node in graph.order:
        ends_here = node.op is not None and node.op.name == "BlockGrad"
        if not ends_here and any(entry.node in wanted for entry in node.inputs):
            wanted.add(node)
    return wanted


def _total(
    flowing: defaultdict[Entry, list[Entry]], entry: Entry, names: _BackwardNames
) -> Entry | None:
    """Add up what has arrived at an entry, once."""
    parts = flowing.get(entry)
    if not parts:
        return None
    if len(parts) > 1:
        names.owner = entry.node.name
        with inherit(entry.node.origin):
            add_n = get("add_n")
            total = add_n(*(Symbol((part,)) for part in parts))  # type: ignore[operator]
        flowing[entry] = parts = [total.entries[0]]
    return parts[0]


def _send_back(
    node: Node,
    arrived: Sequence[Entry | None],
    wanted: set[Node],
    flowing: defaultdict[Entry, list[Entry]],
) -> None:
    """Ask a node's rule for the gradients of its inputs, and let them flow on."""
    op = node.op
    assert op is not None
    if op.gradient is None:
        message = f"{op.name} {node.name!r} has no gradient"
        raise GradientError(
            message,
            origin=node.origin,
            hint="an update has none: differentiate the loss, or bind with grad_req='null'"
            if op.writes
            else "put BlockGrad before it, or leave its inputs out of the differentiation",
        )
    outputs = [Symbol((Entry(node, i),)) for i in range(node.num_outputs)]
    single = len(outputs) == 1
    gs = [
        Symbol((g if g is not None else _zeros_like(Entry(node, i)),))
        for i, g in enumerate(arrived)
    ]
    inputs: list[Symbol | None] = [Symbol((entry,)) for entry in node.inputs]
    if not op.variadic:  # absent optional inputs keep their places
        present = dict(zip(node.input_names(), inputs, strict=False))
        inputs = [present.get(spec.name) for spec in op.inputs]
    answer = op.gradient(
        gs[0] if single else gs,
        *inputs,
        params=node.params,
        y=outputs[0] if single else outputs,
        needed=[s is not None and s.entries[0].node in wanted for s in inputs],
    )
    answers = answer if isinstance(answer, list | tuple) else [answer]
    for source, g in zip(inputs, answers, strict=False):
        if source is not None and g is not None and source.entries[0].node in wanted:
            flowing[source.entries[0]].append(g.entries[0])


def _ones_like(entry: Entry) -> Entry:
    return connect(get("ones_like"), "ones_like", (entry,), NO_PARAMS).entries[0]


def _zeros_like(entry: Entry) -> Entry:
    return connect(get("zeros_like"), "zeros_like", (entry,), NO_PARAMS).entries[0]

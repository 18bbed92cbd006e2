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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from minisym.core.errors import ComposeError, GradientError, MinisymError, did_you_mean, listed
from minisym.core.graph import Graph
from minisym.core.naming import AttrScope, NameManager
from minisym.core.node import OWNER, Entry, Node, names_of
from minisym.core.op import FROM_INPUT, NO_PARAMS, get
from minisym.core.origin import inherit
from minisym.core.several import Several
from minisym.core.symbol import Symbol, connect
from minisym.passes import verify


class _BackwardNames(NameManager):
    """Name gradient nodes after the node that they belong to, fc1_backward_dot0, each otherwise."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.owner = ""
        self.taken = {node.name for node in graph}

    def get(self, name: str | None, hint: str) -> str:
        """Return a name that begins with the forward node's, and that no node has yet."""
        hint = hint.removeprefix("_").removeprefix("backward_")
        found = super().get(None, f"{self.owner}_backward_{name or hint}")
        while found in self.taken:  # by a gradient of which this is the gradient
            found = super().get(None, f"{self.owner}_backward_{name or hint}")
        return found

    @contextmanager
    def of(self, node: Node) -> Iterator[None]:
        """Let what is composed belong to a node: in name, in origin, and by an attribute.

        What is composed for a node of a gradient belongs to the owner of that node.
        """
        self.owner = node.name
        with inherit(node.origin), AttrScope(**{OWNER: f"{node.gradient_order + 1} {node.owner}"}):
            yield


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
    is_one = isinstance(wrt, str | Symbol) or not isinstance(wrt, Iterable)
    targets: list[Any] = [wrt] if is_one else list(wrt)
    variables: dict[str, list[Node]] = {}
    for node in symbol.graph.variables:
        variables.setdefault(node.name, []).append(node)
    entries = [_target(variables, target) for target in targets]
    seeds = _seeds(symbol, head_grads)
    found = gradient(symbol.graph, seeds, entries)
    with inherit(()):
        return Symbol(
            tuple(
                got if got is not None else _zeros_like(entry)
                for got, entry in zip(found, entries, strict=True)
            )
        )


def _target(variables: Mapping[str, Sequence[Node]], target: Any) -> Entry:
    if isinstance(target, Symbol):
        if len(target.entries) != 1:
            message = f"wrt must be symbols of one output, but {target!r} has {len(target.entries)}"
            raise ComposeError(message, hint="choose one by index or name")
        return target.entries[0]
    if not isinstance(target, str):
        message = f"wrt must be names or symbols, but got {target!r:.60}"
        raise GradientError(message, hint='such as "fc1_weight", or a list of them')
    found = variables.get(target, ())
    if len(found) == 1:
        return Entry(found[0])
    if found:
        message = f"{len(found)} variables are named {target!r}"
        raise GradientError(message, hint="pass the symbol itself instead of its name")
    message = f"there is no variable {target!r} to differentiate by"
    raise GradientError(message, hint=did_you_mean(target, variables))


def _seeds(
    symbol: Symbol, head_grads: Symbol | Sequence[Symbol | None] | Mapping[str, Symbol] | None
) -> list[tuple[Entry, Entry | None]]:
    """Pair each output with the gradient that flows into it."""
    heads = symbol.entries
    if head_grads is None:
        return [(head, None) for head in heads]
    if isinstance(head_grads, Mapping):
        names = names_of(heads)
        for name in head_grads:
            if name not in names:
                message = f"there is no output {name!r} to give a head gradient to"
                raise GradientError(message, hint=did_you_mean(name, names))
        given = [head_grads.get(name) for name in names]
    else:
        given = list(head_grads)
    if len(given) != len(heads):
        names_ = listed(names_of(heads))
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
    # behind a BlockGrad nothing depends on `wrt`: so there may be ops without a gradient
    stops = (node for node in graph if node.op is not None and node.op.stops_gradient)
    wanted = graph.reached((e.node for e in wrt), stop=stops)
    flowing: defaultdict[Entry, list[Entry]] = defaultdict(list)
    names = _BackwardNames(graph)
    with names:
        for head, given in seeds:
            if head.node not in wanted:
                continue
            with names.of(head.node):
                seed = given if given is not None else _ones_like(head)
            flowing[head].append(seed)
        for node in reversed(list(graph)):
            if node.op is None or node not in wanted:
                continue
            arrived = [_total(flowing, Entry(node, i), names) for i in range(node.num_outputs)]
            if all(g is None for g in arrived) and not (node.op.loss and _is_read(graph, node)):
                continue
            with names.of(node):
                _send_back(node, arrived, wanted, flowing)
        return [_total(flowing, entry, names) for entry in wrt]


def _is_read(graph: Graph, loss: Node) -> bool:
    """Return whether an op that is no gradient reads a loss head.

    Then it sends its own gradient, also where no other one arrives (behind a BlockGrad, an argmax).
    """
    return any(reader.kind != "backward" for reader in graph.successors(loss))


def _total(
    flowing: defaultdict[Entry, list[Entry]], entry: Entry, names: _BackwardNames
) -> Entry | None:
    """Add up what has arrived at an entry, once."""
    parts = flowing.get(entry)
    if not parts:
        return None
    if len(parts) > 1:
        with names.of(entry.node):
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
    if computed := [name for name, value in node.params.items() if value is FROM_INPUT]:
        raise GradientError(
            f"{op.name} {node.name!r} has no gradient while the graph computes {listed(computed)}",
            origin=node.origin,
            hint=f"give {listed(computed)} as a number",
        )
    outputs = [Symbol((Entry(node, i),)) for i in range(node.num_outputs)]
    gs = [
        Symbol((g if g is not None else _zeros_like(Entry(node, i)),))
        for i, g in enumerate(arrived)
    ]
    inputs: list[Symbol | None] = [Symbol((entry,)) for entry in node.inputs]
    if not op.variadic:  # absent optional inputs keep their places
        present = dict(zip(node.input_names(), inputs, strict=False))
        inputs = [present.get(spec.name) for spec in op.inputs]
    single, names = len(outputs) == 1, op.output_names(node.params)
    y = outputs[0] if single else Several(outputs, "y", names)
    try:
        answer = op.gradient(
            gs[0] if single else Several(gs, "g", names),
            *inputs,
            params=node.params,
            y=y,
            output=y,
            arrived=[None if g is None else Symbol((g,)) for g in arrived],
            needed=[s is not None and s.entries[0].node in wanted for s in inputs],
        )
    except (ArithmeticError, IndexError, ValueError) as reason:
        if isinstance(reason, MinisymError):
            raise
        raise GradientError(
            f"{op.name} {node.name!r}: {reason}",
            origin=node.origin,
            hint="infer_shape would refuse this node, too",
        ) from None
    except Exception as error:
        raise _slip(node, error) from error
    for source, g in zip(inputs, _checked(node, answer, len(inputs)), strict=True):
        if source is not None and g is not None and source.entries[0].node in wanted:
            verify.claim_gradient(g, source.entries[0], node)
            flowing[source.entries[0]].append(g)


def _slip(node: Node, error: Exception) -> GradientError:
    """Say whose rule it was that failed."""
    assert node.op is not None
    told = error.sentence if isinstance(error, MinisymError) else f"{type(error).__name__}: {error}"
    hint = error.hint if isinstance(error, MinisymError) else None
    return GradientError(
        f"{node.op.name} {node.name!r}: its gradient rule fails: {told}",
        origin=node.origin,
        hint=hint or "it composes symbols, with operators and with the ops of F",
    )


def _checked(node: Node, answer: Any, count: int) -> list[Entry | None]:
    """Return what a rule answers as entries; refuse what are not as many symbols as inputs."""
    op = node.op
    assert op is not None
    answers = answer if isinstance(answer, list | tuple) else [answer]
    found: list[Entry | None] = []
    for slot, g in enumerate(answers):
        if isinstance(g, Several):
            raise _slip(node, g.refusal())
        if g is not None and not (isinstance(g, Symbol) and len(g.entries) == 1):
            got = f"a Symbol of {len(g.entries)} outputs" if isinstance(g, Symbol) else repr(g)
            raise GradientError(
                f"{op.name} {node.name!r}: its gradient rule returns {got:.80} for input {slot}",
                origin=node.origin,
                hint="it composes a Symbol of one output for each input; None stands for none",
            )
        found.append(None if g is None else g.entries[0])
    if len(found) != count:
        if isinstance(answer, Several):
            raise _slip(node, answer.refusal())
        slots = ", ".join(node.input_names()[:12])
        raise GradientError(
            f"{op.name} {node.name!r}: its gradient rule returns {len(found)} "
            f"for {count} inputs ({slots})",
            origin=node.origin,
            hint="one for each input, in order; None for an input that gets none",
        )
    return found


def _ones_like(entry: Entry) -> Entry:
    return connect(get("ones_like"), "ones_like", (entry,), NO_PARAMS).entries[0]


def _zeros_like(entry: Entry) -> Entry:
    return connect(get("zeros_like"), "zeros_like", (entry,), NO_PARAMS).entries[0]

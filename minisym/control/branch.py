"""`contrib.cond`: one of two bodies runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from minisym.control.inside import (
    OVERWRITTEN,
    USED,
    attach,
    check_test,
    compile_inside,
    cut,
    draws,
    flatten,
    infer_inside,
    protected,
    scope,
    unflatten,
    written,
)
from minisym.control.locations import check, inputs_of, read_number, read_numbers, stand_ins
from minisym.control.reverse import Answer, as_list, refuse_draws, zeros_like
from minisym.core.errors import ComposeError
from minisym.core.graph import Graph
from minisym.core.kernels import Step
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.core.op import Input, OnnxRule, Op, Params
from minisym.core.shapes import Mismatch
from minisym.core.symbol import Symbol
from minisym.core.variable import Variable
from minisym.passes.gradient import gradient
from minisym.passes.slots import Slots, about


@dataclass(frozen=True)
class Branch:
    """What a choice is, whatever the arrays are: a test and two bodies."""

    graphs: tuple[Symbol, Symbol, Symbol]
    variables: tuple[tuple[Node, ...], ...]
    """What stands for each input, in each of the graphs."""

    @property
    def num_outputs(self) -> int:
        """How many outputs there are."""
        return len(self.graphs[1].entries)

    @cached_property
    def draws(self) -> tuple[list[Entry], list[Entry]]:
        """What random ops make in the bodies."""
        return draws(self.graphs[1]), draws(self.graphs[2])

    @cached_property
    def written(self) -> list[int]:
        """The inputs that a body overwrites."""
        found = [written(graph) for graph in self.graphs]
        return [
            i
            for i in range(len(self.variables[0]))
            if any(nodes[i] in new for nodes, new in zip(self.variables, found, strict=True))
        ]

    def whole(self, which: int) -> Symbol:
        """Return a body with all that it has to compute, in the order of the op's outputs.

        What the other body draws is not there: its places are left out.
        """
        body, nodes = self.graphs[which], self.variables[which]
        new = written(body)
        after = [new.get(nodes[i], Entry(nodes[i])) for i in self.written]
        return Symbol((*body.entries, *after, *self.draws[which - 1]))


def branch_op(name: str, branch: Branch) -> Op:
    """Make the op of a choice."""
    shown = branch.num_outputs
    names = ["output"] if shown == 1 else [f"output{i}" for i in range(shown)]
    names += [f"new{i}" for i in range(len(branch.written))]
    names += [f"then_draw{i}" for i in range(len(branch.draws[0]))]
    names += [f"else_draw{i}" for i in range(len(branch.draws[1]))]
    return Op(
        name=name,
        doc="Run one of two bodies, by a test.",
        inputs=tuple(
            Input(f"in{i}", doc=OVERWRITTEN if i in branch.written else USED)
            for i in range(len(branch.variables[0]))
        ),
        outputs=tuple(names),
        visible=shown,
        writes={f"in{position}": shown + i for i, position in enumerate(branch.written)},
        needs=frozenset(("is_train",)),
        shape_rule=partial(infer_branch, branch),
        dtype_rule=partial(infer_branch, branch),
        prepare=partial(prepare_branch, branch),
        gradient=partial(branch_gradient, branch),
        onnx_rule=OnnxRule(partial(onnx_branch, branch), ()),
        subgraphs=branch.graphs,
        control=branch,
    )


def onnx_branch(branch: Branch, o: Any, *inputs: Any) -> Any:
    """Return the outputs of an If of ONNX, whose branches read the inputs where they are."""
    known = [dict(zip(nodes, inputs, strict=True)) for nodes in branch.variables]
    (answer,) = o.lower(branch.graphs[0], known[0])
    test = o.Cast(o.Reshape(answer, ()), to=np.dtype(np.bool_))
    bodies, types = [], []
    for graph, values in zip(branch.graphs[1:], known[1:], strict=True):
        inner = o.inside()
        made = inner.lower(graph, values)
        types = [value.dtype for value in made]
        bodies.append(inner.gives(made))
    then, other = bodies
    return o.If(test, outputs=len(types), dtype=types, then_branch=then, else_branch=other)


def places_of(branch: Branch, which: int) -> list[int]:
    """Return which outputs the heads of a whole body are."""
    common = branch.num_outputs + len(branch.written)
    first = common + (len(branch.draws[0]) if which == 2 else 0)
    return [*range(common), *range(first, first + len(branch.draws[which - 1]))]


def infer_branch(branch: Branch, s: Slots, *, params: Params) -> None:
    """Infer through the test and both bodies, which must agree."""
    kind, holder = about(s)
    for which, graph in enumerate(branch.graphs):
        whole = branch.whole(which) if which else graph
        places = places_of(branch, which) if which else []
        known = dict(zip(branch.variables[which], s.inputs, strict=True))
        heads = [s.outputs[place] for place in places] or [None]
        try:
            known, heads = infer_inside(whole, known, heads, kind)
        except Mismatch as mismatch:
            message = f"_cond {holder.name!r}: the bodies make different {kind.noun}s: {mismatch}"
            hint = "both must return the same: a run allocates nothing"
            raise kind.error(message, origin=holder.origin, hint=hint) from None
        if not which:
            check_test(heads[0], kind, holder)
        for i, node in enumerate(branch.variables[which]):
            s.set_input(i, known[node])
        for place, value in zip(places, heads, strict=False):
            s.set_output(place, value)


def prepare_branch(
    branch: Branch,
    inputs: Sequence[Array],
    outs: Sequence[Array],
    *,
    params: Params,
    is_train: bool,
    state: dict[str, Any],
) -> Iterator[Step]:
    """Compile the test and both bodies."""
    parts = []
    for which, graph in enumerate(branch.graphs):
        whole = branch.whole(which) if which else graph
        arrays = dict(zip(branch.variables[which], inputs, strict=True))
        plan = compile_inside(whole, arrays, state, f"body {which}")
        steps = plan.program(is_train=is_train).steps[0]
        places = places_of(branch, which) if which else []
        values = [plan.output_array(entry) for entry in whole.entries]
        moves = [(outs[place], v) for place, v in zip(places, values, strict=False)]
        others = [outs[i] for i in range(len(outs)) if which and i not in places]
        parts.append((plan, steps, moves, others))
    test = parts[0][0].output_array(branch.graphs[0].entries[0])

    def run() -> None:
        parts[0][0].run(parts[0][1])
        plan, steps, moves, others = parts[1 if test.item() else 2]
        plan.run(steps)
        for out, value in moves:
            np.copyto(out, value)
        for out in others:
            out.fill(0)

    yield run, ()


def branch_gradient(
    branch: Branch,
    g: Any,
    *inputs: Symbol,
    params: Params,
    y: Any,
    arrived: Sequence[Answer],
    needed: Sequence[bool],
    **_: object,
) -> list[Answer]:
    """Return the gradients of the inputs: a choice between the gradients of the bodies."""
    ys = as_list(y)
    shown = branch.num_outputs
    refuse_draws(arrived[shown:])
    wanted = [i for i, is_needed in enumerate(needed) if is_needed]
    entries = [symbol.entries[0] for symbol in inputs]
    seeds: dict[int, Entry] = {}
    for i, symbol in enumerate(arrived[:shown]):
        if symbol is not None:
            seeds[i] = symbol.entries[0]
    found = []
    for which in (1, 2):
        body, nodes = branch.graphs[which], branch.variables[which]
        flowing = {i: Variable(f"g_output{i}").entries[0] for i in seeds}
        answers = gradient(
            body.graph,
            [(body.entries[i], seed) for i, seed in flowing.items()],
            [Entry(nodes[i]) for i in wanted],
        )
        drawn = {entry: Variable("drawn").entries[0] for entry in branch.draws[which - 1]}
        found.append((nodes, flowing, answers, drawn))
    kept = [k for k in range(len(wanted)) if any(part[2][k] is not None for part in found)]
    if not kept:
        return [None] * len(inputs)
    outer = [*entries, *seeds.values(), *(e.entries[0] for e in ys[shown + len(branch.written) :])]
    bodies, variables = [branch.graphs[0]], [_padded(branch.variables[0], len(outer))]
    for which, (nodes, flowing, answers, drawn) in enumerate(found):
        heads = [_or_zeros(answers[k], nodes[wanted[k]]) for k in kept]
        bodies.append(Symbol(Graph(heads).substitute(drawn).outputs))
        others = len(branch.draws[1 - which])
        own = [entry.node for entry in drawn.values()]
        unused = [Node(None, "unused") for _ in range(others)]
        both = [*own, *unused] if which == 0 else [*unused, *own]
        variables.append((*nodes, *(entry.node for entry in flowing.values()), *both))
    new = Branch((bodies[0], bodies[1], bodies[2]), tuple(variables))
    used = [
        i
        for i in range(len(outer))
        if any(
            nodes[i] in graph.graph for nodes, graph in zip(new.variables, new.graphs, strict=True)
        )
    ]
    new = Branch(new.graphs, tuple(tuple(nodes[i] for i in used) for nodes in new.variables))
    attrs = branch_attrs(new)
    answer = list(attach(branch_op("_cond", new), "_cond", [outer[i] for i in used], attrs))
    result: list[Answer] = [None] * len(inputs)
    for k, symbol in zip(kept, answer, strict=True):
        result[wanted[k]] = symbol
    return result


def _or_zeros(found: Entry | None, node: Node) -> Entry:
    return zeros_like(Symbol((Entry(node),))).entries[0] if found is None else found


def _padded(nodes: Sequence[Node], count: int) -> tuple[Node, ...]:
    return (*nodes, *(Node(None, "unused") for _ in range(count - len(nodes))))


# --------------------------------------------------------------------------------------- the file

_KEYS = ("cond_input_locs", "then_input_locs", "else_input_locs")


def branch_attrs(branch: Branch) -> dict[str, str]:
    """Return what a file keeps of a choice."""
    parts = zip(_KEYS, branch.graphs, branch.variables, strict=True)
    return {
        **{key: str(inputs_of(graph, nodes)) for key, graph, nodes in parts},
        "num_args": str(len(branch.variables[0]) + 3),
        "num_outputs": str(branch.num_outputs),
    }


def branch_of(attrs: Mapping[str, str], bodies: Sequence[Symbol], inputs: int) -> Branch:
    """Read a choice."""
    check(len(bodies) == 3 and len(bodies[0].entries) == 1)
    check(len(bodies[1].entries) == len(bodies[2].entries) == read_number(attrs, "num_outputs"))
    variables = tuple(
        stand_ins(body, read_numbers(attrs, key), inputs)
        for key, body in zip(_KEYS, bodies, strict=True)
    )
    return Branch((bodies[0], bodies[1], bodies[2]), variables)


# --------------------------------------------------------------------------------- for the user


def cond(
    pred: Symbol,
    then_func: Callable[[], Any],
    else_func: Callable[[], Any],
    name: str = "cond",
) -> Symbol | list[Any]:
    """Run one of two bodies, by whether a symbol of one element is 0.

    Parameters
    ----------
    pred
        A symbol of one element.
    then_func, else_func
        Compose the bodies, and return as many symbols, in lists or not, of the same shapes.
    name
        Marks what is composed inside, in its attributes.

    Returns
    -------
    What `then_func` returns, or `else_func` where `pred` is 0.

    Raises
    ------
    ComposeError
        `pred` is no symbol, or the bodies return different numbers of symbols.

    Examples
    --------
    >>> from minisym import sym
    >>> import numpy as np
    >>> a, b = sym.Variable("a"), sym.Variable("b")
    >>> larger = sym.contrib.cond(a < b, lambda: b, lambda: a)
    >>> larger.eval(a=np.array([3.0]), b=np.array([2.0]))
    [NDArray([3.])]
    """
    if len(getattr(pred, "entries", ())) != 1:
        message = f"cond: pred must be one Symbol, but got {pred!r:.60}"
        raise ComposeError(message)
    parts = []
    layouts = []
    for compose, suffix in ((lambda: pred, "pred"), (then_func, "then"), (else_func, "else")):
        with scope(f"{name}_{suffix}") as unique:
            symbols, layout = flatten(compose(), f"cond: what {suffix}_func returns")
            heads = protected(symbols, (), unique)
        parts.append(cut(heads, unique, ()))
        layouts.append(layout)
    if len(parts[1][0].entries) != len(parts[2][0].entries):
        numbers = " and ".join(str(len(part[0].entries)) for part in parts[1:])
        message = f"cond: then_func and else_func return {numbers} symbols"
        raise ComposeError(message, hint="both must return as many")
    inputs: list[Entry] = []
    named: dict[str, int] = {}
    places: list[list[int]] = []
    for _, captured in parts:
        found = []
        for entry in captured.values():
            # variables are one for all bodies by their name, as in MXNet
            shared = named.get(entry.node.name) if entry.node.op is None else None
            if shared is None:
                shared = len(inputs)
                inputs.append(entry)
                if entry.node.op is None:
                    named[entry.node.name] = shared
            found.append(shared)
        places.append(found)
    branch = Branch(
        (parts[0][0], parts[1][0], parts[2][0]),
        tuple(
            stand_ins(body, found, len(inputs))
            for (body, _), found in zip(parts, places, strict=True)
        ),
    )
    answer = attach(branch_op("_cond", branch), "_cond", inputs, branch_attrs(branch))
    returned: Symbol | list[Any] = unflatten(answer, layouts[1])
    return returned

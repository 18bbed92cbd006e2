"""`contrib.while_loop`: a body that runs while a condition holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minisym.control.inside import attach, cut, flatten, placeholders, protected, scope, unflatten
from minisym.control.locations import while_attrs
from minisym.control.reverse import loop_op
from minisym.control.scan import Scan
from minisym.core.errors import ComposeError, ParamError
from minisym.core.node import Entry, Node
from minisym.core.symbol import Symbol


def while_loop(
    cond: Callable[..., Symbol],
    func: Callable[..., tuple[Any, Any]],
    loop_vars: Any,
    max_iterations: int | None = None,
    name: str = "while_loop",
) -> tuple[Any, Any]:
    """Run a function while a condition holds, at most `max_iterations` times.

    Parameters
    ----------
    cond
        `cond(*loop_vars)` returns a symbol of one element; the loop ends where it is 0.
    func
        `func(*loop_vars)` returns (outputs, next loop variables). The outputs may be None.
    loop_vars
        A symbol or a list of symbols, whose shapes stay from step to step.
    max_iterations
        The most steps; the stacked outputs are as long, with zeros behind the last step.
    name
        Marks what is composed inside, in its attributes.

    Returns
    -------
    The outputs of all steps, stacked, and the loop variables after the last one.

    Raises
    ------
    ComposeError
        A function returns something else, or `func` does not use a loop variable.

    Examples
    --------
    >>> from minisym import sym
    >>> import numpy as np
    >>> x = sym.Variable("x")
    >>> powers, last = sym.contrib.while_loop(lambda x: x < 9, lambda x: (x, x * x), x, 4)
    >>> sym.Group([powers, last]).eval(x=np.array([2.0]))
    [NDArray([[2.],
              [4.],
              [0.],
              [0.]]), NDArray([16.])]
    """
    if not isinstance(max_iterations, int) or max_iterations < 0:
        message = f"while_loop: max_iterations must be an int, but got {max_iterations!r}"
        raise ParamError(message, hint="it decides how long the stacked outputs are")
    starts, layout = flatten(loop_vars, "while_loop: loop_vars")
    if not starts:
        message = "while_loop: there are no loop variables"
        raise ComposeError(message, hint="the condition could never change")
    condition, tested_own, tested, _, _ = _part(
        cond, starts, layout, f"{name}_cond", lambda answer: ([_single(answer)], [], None)
    )
    body, own, captured, count, output_layout = _part(
        func, starts, layout, f"{name}_func", lambda answer: _outputs(answer, layout)
    )
    for start, node in zip(starts, own, strict=True):
        if node not in body.graph:
            message = f"while_loop: func does not use the loop variable {start.name}"
            raise ComposeError(message, hint="leave it out")
    given = [start.entries[0] for start in starts]
    inputs: list[Entry] = []
    at: dict[int, int] = {}
    places = [
        _place(graph, nodes, given, at, around, inputs)
        for graph, nodes, around in ((condition, tested_own, tested), (body, own, captured))
    ]
    states = tuple(places[1][node] for node in own)
    stand_ins = [{place: node for node, place in found.items()} for found in places]
    at_test, in_body = (
        tuple(found.get(i) or Node(None, "unused") for i in range(len(inputs)))
        for found in stand_ins
    )
    scan = Scan(body, in_body, 0, states, condition=condition, tested=at_test, limit=max_iterations)
    found = list(attach(loop_op("_while_loop", scan), "_while_loop", inputs, while_attrs(scan)))
    return unflatten(found[:count], output_layout), unflatten(found[count:], layout)


def _part(
    function: Callable[..., Any],
    starts: list[Symbol],
    layout: Any,
    name: str,
    read: Callable[[Any], tuple[list[Symbol], list[Symbol], Any]],
) -> tuple[Symbol, list[Node], dict[Node, Entry], int, Any]:
    """Compose one of the two graphs; the outputs of `cond` need no node of their own."""
    with scope(name) as unique:
        own = placeholders(starts)
        variables = unflatten(own, layout)
        answer = function(*variables) if isinstance(variables, list) else function(variables)
        outputs, after, output_layout = read(answer)
        heads = (
            protected(outputs, after, unique)
            if after
            else tuple(symbol.entries[0] for symbol in outputs)
        )
    nodes = [symbol.entries[0].node for symbol in own]
    body, captured = cut(heads, unique, nodes)
    return body, nodes, captured, len(outputs), output_layout


def _single(answer: Any) -> Symbol:
    if not isinstance(answer, Symbol) or len(answer.entries) != 1:
        message = f"while_loop: cond must return one Symbol, but returned {answer!r:.60}"
        raise ComposeError(message)
    return answer


def _outputs(answer: Any, layout: Any) -> tuple[list[Symbol], list[Symbol], Any]:
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        message = f"while_loop: func must return (outputs, loop variables), not {answer!r:.60}"
        raise ComposeError(message)
    outputs, found = flatten([] if answer[0] is None else answer[0], "while_loop: an output")
    after, after_layout = flatten(answer[1], "while_loop: a loop variable")
    if after_layout != layout and not (after_layout is None and layout == [None]):
        message = "while_loop: func returns loop variables that are nested unlike loop_vars"
        raise ComposeError(message, hint="return as many, in lists where loop_vars has lists")
    return outputs, after, found


def _place(
    graph: Symbol,
    own: Sequence[Node],
    given: Sequence[Entry],
    at: dict[int, int],
    around: dict[Node, Entry],
    inputs: list[Entry],
) -> dict[Node, int]:
    """Find an input for each variable of a graph; loop variables have one (`at`) for both graphs.

    What two of them begin with, or one and something around, may be the same, and still they are
    different inputs.
    """
    numbers = {node: number for number, node in enumerate(own)}
    places: dict[Node, int] = {}
    for node in graph.graph.variables:
        number = numbers.get(node)
        place = len(inputs) if number is None else at.setdefault(number, len(inputs))
        if place == len(inputs):
            inputs.append(around[node] if number is None else given[number])
        places[node] = place
    return places

"""`contrib.foreach`: a body for each element of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minisym.control.inside import attach, cut, flatten, placeholders, protected, scope, unflatten
from minisym.control.locations import scan_attrs
from minisym.control.reverse import loop_op
from minisym.control.scan import Scan
from minisym.core.errors import ComposeError
from minisym.core.symbol import Symbol


def foreach(
    body: Callable[[Any, Any], tuple[Any, Any]],
    data: Any,
    init_states: Any,
    name: str = "foreach",
) -> tuple[Any, Any]:
    """Run a body for each element along the first axis, and carry states along.

    Parameters
    ----------
    body
        `body(element, states)` returns (outputs, next states), of symbols or lists of them as
        `init_states` has them. It may use symbols from outside.
    data
        A symbol, or nested lists of symbols, all equally long. The elements of a vector have the
        shape (1,), as in MXNet.
    init_states
        A symbol, or nested lists of symbols.
    name
        Marks what is composed in the body, in its attributes.

    Returns
    -------
    The outputs of all steps, stacked, and the states after the last one.

    Raises
    ------
    ComposeError
        The body returns something else, or does not use an element or a state.

    Examples
    --------
    >>> from minisym import sym
    >>> import numpy as np
    >>> x, start = sym.Variable("x"), sym.Variable("start")
    >>> sums, last = sym.contrib.foreach(lambda x, s: (x + s, x + s), x, start)
    >>> sums.eval(x=np.array([[1.0], [2.0], [3.0]]), start=np.array([0.5]))
    [NDArray([[1.5],
              [3.5],
              [6.5]])]
    """
    arrays, data_layout = flatten(data, "foreach: data")
    starts, state_layout = flatten(init_states, "foreach: init_states")
    if not arrays:
        message = "foreach: there is no data to loop over"
        raise ComposeError(message, hint="while_loop runs without")
    with scope(name) as unique:
        inputs = placeholders((*arrays, *starts))
        elements, states = inputs[: len(arrays)], inputs[len(arrays) :]
        answer = body(unflatten(elements, data_layout), unflatten(states, state_layout))
        outputs, after, output_layout = _parts(answer, state_layout)
        heads = protected(outputs, after, unique)
    own = [symbol.entries[0].node for symbol in inputs]
    inner, captured = cut(heads, unique, own)
    for symbol, node in zip((*arrays, *starts), own, strict=True):
        if node not in inner.graph:
            kind = "element" if node in own[: len(arrays)] else "state"
            message = f"foreach: the body does not use the {kind} of {symbol.name}"
            raise ComposeError(message, hint="leave it out")
    states_at = tuple(range(len(arrays), len(own)))
    scan = Scan(inner, (*own, *captured), len(arrays), states_at)
    given = [*(symbol.entries[0] for symbol in (*arrays, *starts)), *captured.values()]
    found = list(attach(loop_op("_foreach", scan), "_foreach", given, scan_attrs(scan)))
    stacked, finals = found[: len(outputs)], found[len(outputs) :]
    return unflatten(stacked, output_layout), unflatten(finals, state_layout)


def _parts(answer: Any, state_layout: Any) -> tuple[list[Symbol], list[Symbol], Any]:
    """Take apart what a body returned."""
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        message = f"foreach: the body must return (outputs, states), but returned {answer!r:.60}"
        raise ComposeError(message)
    outputs, layout = flatten(answer[0], "foreach: an output of the body")
    after, after_layout = flatten(answer[1], "foreach: a state")
    if after_layout != state_layout:
        message = "foreach: the states that the body returns are nested unlike init_states"
        raise ComposeError(message, hint="return as many, in lists where init_states has lists")
    return outputs, after, layout

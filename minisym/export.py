"""Symbols as source: `python` writes the Python that composes a symbol again.

Pictures and other forms of graphs are written by `ms.viz`, models by `ms.onnx.export` and
`Model.save`.
"""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from minisym import symbol as sym
from minisym.core.compose import initialized
from minisym.core.errors import ComposeError, ExportError
from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.core.op import SYMBOL_PARAMS
from minisym.core.symbol import Symbol

__all__ = ["python"]

HOMES: Final = (
    ("", "sym"),
    ("_contrib_", "sym.contrib"),
    ("_linalg_", "sym.linalg"),
    ("linalg_", "sym.linalg"),
    ("_image_", "sym.image"),
    ("", "sym.op"),
    ("", "sym._internal"),
)
"""Beginnings of names of ops, and the module that has them without it."""
WIDTH: Final = 100
TAKEN: Final = frozenset({"ms", "sym", "net", *keyword.kwlist, *keyword.softkwlist})


def python(symbol: Symbol, name: str = "net") -> str:
    """Return Python source that composes a symbol again: one line an op, in the order of the graph.

    Variables that an op makes for itself (`fc1_weight`) are left to it. The source imports minisym,
    and defines one function without parameters.

    Parameters
    ----------
    symbol
        The symbol.
    name
        The name of the function.

    Raises
    ------
    ExportError
        A node cannot be written: it holds graphs, as loops do, is known from a file alone, or reads
        an output that nobody sees.
    ComposeError
        `symbol` is no Symbol, or `name` no name.

    Examples
    --------
    >>> import minisym as ms
    >>> x = ms.sym.Variable("data")
    >>> net = ms.sym.FullyConnected(x, num_hidden=10, name="fc")
    >>> print(python(ms.sym.SoftmaxOutput(net, name="softmax") ))
    import minisym as ms
    from minisym import sym
    <BLANKLINE>
    <BLANKLINE>
    def net() -> ms.Symbol:
        data = sym.Variable("data")
        fc = sym.FullyConnected(data, num_hidden=10, name="fc")
        softmax = sym.SoftmaxOutput(fc, name="softmax")
        return softmax
    <BLANKLINE>
    """
    if not isinstance(symbol, Symbol):
        raise ComposeError(f"python takes a Symbol, but got {type(symbol).__name__}")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ComposeError(f"{name!r} is no name of a function")
    graph = symbol.graph
    own = _made_by_ops(graph)
    words = _words(graph, name)
    lines = [_line(node, words, own) for node in graph if node not in own]
    outputs = [_read(entry, words) for entry in symbol.entries]
    answer = outputs[0] if len(outputs) == 1 else f"ms.Group([{', '.join(outputs)}])"
    body = "\n".join(f"    {line}" for line in [*lines, f"return {answer}"])
    head = "import minisym as ms\nfrom minisym import sym\n\n\n"
    return f"{head}def {name}() -> ms.Symbol:\n{body}\n"


def _made_by_ops(graph: Graph) -> set[Node]:
    """Return the Variables that composing makes by itself."""
    found = set()
    kept = {entry.node for entry in graph.outputs}
    for node in graph:
        if node.op is None or node.op.variadic:
            continue
        slots = node.input_names()[: len(node.inputs) - len(node.computed)]
        for slot, entry in reversed(list(zip(slots, node.inputs, strict=False))):
            variable = entry.node
            if (
                variable.op is not None
                or variable in kept
                or variable.name != f"{node.name}_{slot}"
                or graph.out_degree(variable) != 1
                or node.inputs.count(entry) != 1
                or dict(variable.attrs) != dict(initialized(node.op, slot, node.attrs))
                or slot == node.op.inputs[0].name
            ):
                break
            found.add(variable)
    return found


def _words(graph: Graph, function: str) -> dict[Node, str]:
    """Return a name in Python for every node."""
    words, taken = dict[Node, str](), {*TAKEN, function}
    for node in graph:
        word = re.sub(r"\W", "_", node.name, flags=re.ASCII) or "_"
        word = f"n{word}" if word[0].isdigit() else word
        base, number = word, 1
        while word in taken:
            number += 1
            word = f"{base}_{number}"
        taken.add(word)
        words[node] = word
    return words


def _line(node: Node, words: Mapping[Node, str], own: set[Node]) -> str:
    call, arguments = "sym.Variable", [_text(node.name)]
    if node.op is not None:
        call, arguments = _function(node), list(_arguments(node, words, own))
    elif node.attrs:
        arguments.append(f"attr={_dict(node.attrs)}")
    line = f"{words[node]} = {call}({', '.join(arguments)})"
    if len(line) + 4 <= WIDTH:
        return line
    inner = ",\n".join(f"        {argument}" for argument in arguments)
    return f"{words[node]} = {call}(\n{inner},\n    )"


def _arguments(node: Node, words: Mapping[Node, str], own: set[Node]) -> Iterator[str]:
    op = node.op
    assert op is not None
    count = len(node.inputs) - len(node.computed)
    slots = node.input_names()
    given = [
        (slot, _read(entry, words))
        for slot, entry in zip(slots[:count], node.inputs, strict=False)
        if entry.node not in own
    ]
    if op.variadic and op.named is None:
        yield from (read for _, read in given)
    else:
        places = [spec.name for spec in op.inputs]
        in_order = [slot for slot, _ in given] == places[: len(given)]
        for slot, read in given:
            yield read if in_order else f"{slot}={read}"
    for key in op.params:
        if key in node.attrs and not (key == op.count and _is_count(node, key, count)):
            yield f"{key}={_value(node.params[key])}"
    for key, entry in zip(node.computed, node.inputs[count:], strict=True):
        yield f"{key}={_read(entry, words)}"
    yield f"name={_text(node.name)}"
    others = {k: v for k, v in node.attrs.items() if k not in op.params and k != SYMBOL_PARAMS}
    if others:
        yield f"attr={_dict(others)}"


def _is_count(node: Node, key: str, count: int) -> bool:
    """Return whether a parameter only says how many inputs there are, as composing does."""
    return bool(node.params[key] == count)


def _function(node: Node) -> str:
    """Return what composes a node's op."""
    op = node.op
    assert op is not None
    if op.subgraphs or not op.is_known:
        why = "it holds graphs" if op.subgraphs else "minisym does not know the op"
        raise _refused(node, why)
    for beginning, home in HOMES:
        module: Any = sym
        for part in home.split(".")[1:]:
            module = getattr(module, part)
        called = op.name.removeprefix(beginning)
        function: Callable[..., Any] | None = getattr(module, called, None)
        made_of = getattr(function, "op", None)
        if called.isidentifier() and op.name.startswith(beginning) and made_of is op:
            return f"{home}.{called}"
    raise _refused(node, f"ms.sym has no function for {op.name}")


def _read(entry: Entry, words: Mapping[Node, str]) -> str:
    node = entry.node
    if node.op is None or (
        (visible := node.op.visible_outputs(node.params)) == 1 and not entry.index
    ):
        return words[node]
    if entry.index >= visible:
        raise _refused(node, f"its output {entry.index} is read, which nobody sees")
    return f"{words[node]}[{entry.index}]"


def _refused(node: Node, why: str) -> ExportError:
    op = node.op.name if node.op else "Variable"
    return ExportError(
        f"{op} {node.name!r} cannot be written as Python: {why}",
        origin=node.origin,
        hint="tojson() writes any symbol",
    )


def _value(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, tuple):
        inner = ", ".join(map(_value, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return _text(value) if isinstance(value, str) else repr(value)


def _dict(attrs: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{_text(k)}: {_text(v)}' for k, v in attrs.items())}}}"


def _text(value: str) -> str:
    """Write text in double quotes, where that is as short."""
    said = repr(value)
    if said.startswith("'") and '"' not in said and "\\" not in said:
        return f'"{said[1:-1]}"'
    return said

"""`Symbol.debug_str`: every node in one text, laid out as MXNet does."""

from __future__ import annotations

from collections import Counter

from minisym.core.graph import Graph
from minisym.core.node import Node
from minisym.core.symbol import Symbol

_RULE = "-" * 20


def debug_str(symbol: Symbol) -> str:
    """Return the outputs, then every node with its inputs and attributes, as MXNet lays them out.

    A variable among the inputs has a version: how many ops have overwritten it as their state.

    >>> from minisym import sym
    >>> print(sym.tanh(sym.Variable("x"), name="t").debug_str())
    Symbol Outputs:
        output[0]=t(0)
    Variable:x
    --------------------
    Op:tanh, Name=t
    Inputs:
        arg[0]=x(0) version=0
    <BLANKLINE>
    """
    graph = Graph(symbol)
    if len(symbol) == 1 and symbol.entries[0].node.op is None:
        return f"Variable:{symbol.name}\n"
    lines = ["Symbol Outputs:"]
    lines += [f"\toutput[{i}]={e.node.name}({e.index})" for i, e in enumerate(graph.outputs)]
    versions: Counter[Node] = Counter()
    for node in graph:
        if node.op is None:
            lines.append(f"Variable:{node.name}")
            continue
        lines += [_RULE, f"Op:{node.op.name}, Name={node.name}", "Inputs:"]
        for position, (slot, entry) in enumerate(zip(node.input_names(), node.inputs, strict=True)):
            source = entry.node
            if slot in node.op.states:
                versions[source] += 1
            version = f" version={versions[source]}" if source.op is None else ""
            lines.append(f"\targ[{position}]={source.name}({entry.index}){version}")
        if node.attrs:
            lines += ["Attrs:", *(f"\t{key}={node.attrs[key]}" for key in sorted(node.attrs))]
    return "\n".join(lines) + "\n"

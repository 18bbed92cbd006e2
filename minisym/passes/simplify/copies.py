"""Nodes that hand on what they read: their readers read it directly.

Which ops do so, and when, their declarations say: `hands_on`.
"""

from __future__ import annotations

from minisym.core.node import Entry, Node
from minisym.passes.purpose import Purpose
from minisym.passes.simplify.pinned import written
from minisym.passes.typed import Typed


def skip_copies(typed: Typed, purpose: Purpose) -> Typed:
    """Let the readers of a node that hands on its input read the input."""
    able = {op for op in typed.declared.values() if op.hands_on}
    if not able:
        return typed
    kept = {entry.node for entry in typed.graph.outputs}
    busy = written(typed)

    def hands_on(node: Node) -> bool:
        assert node.op is not None
        source, made = node.inputs[0], Entry(node)
        if typed.dtypes[source] != typed.dtypes[made] or typed.shapes[source] != typed.shapes[made]:
            return False
        if node in kept or source.node in busy or (node.op.variadic and len(node.inputs) > 1):
            return False
        rule = node.op.hands_on
        kind = typed.dtypes[made].kind
        return rule(node.params, kind, purpose.is_train) if callable(rule) else rule

    found = {node for node in typed.graph if node.op in able and hands_on(node)}
    # a view costs nothing in a run: for views alone no graph is rewritten
    if all(node.op is not None and node.op.view for node in found):
        return typed
    return typed.substitute(
        {}, lambda node, inputs: inputs[0] if node in found else node.reading(inputs)
    )

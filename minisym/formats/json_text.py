"""Writing a symbol as the text that MXNet 1.9.1 would write, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.core.op import Op
from minisym.core.shapes import is_np_shape
from minisym.formats.json_draft import VERSION
from minisym.passes.rewrite import rewrite

_LARGE: Final = 10
"""MXNet breaks lists longer than this into lines."""
_AMP: Final = ("amp_cast", "amp_multicast")


def text_of(graph: Graph, *, remove_amp_cast: bool) -> str:
    """Return the text of a file."""
    if remove_amp_cast and any(n.op is not None and n.op.name in _AMP for n in graph):
        graph = _without_amp_casts(graph)
    attrs = {"mxnet_version": f'["int", {VERSION}]'}
    if is_np_shape():
        attrs = {"is_np_shape": '["int", 1]', **attrs}
    return _graph(graph, "", attrs)


def _graph(graph: Graph, pad: str, attrs: Mapping[str, str]) -> str:
    """Write a graph, or a graph inside a node, `pad` deep."""
    index = graph.numbered()
    versions: dict[Node, int] = {}
    nodes, arguments, row_ptr, total = [], [], [0], 0
    for position, node in enumerate(graph):
        op = node.op
        if op is None:
            arguments.append(str(position))
            total += 1
            entries = "[]"
        else:
            total += op.file_outputs(node.params)
            entries = _list(_entries(node, op, index, versions), f"{pad}      ")
        row_ptr.append(total)
        lines = f'{pad}      "op": {_quote(op.name if op else "null")}, \n'
        lines += f'{pad}      "name": {_quote(node.name)}, \n'
        found = graph.attributes(node)
        if found:
            pairs = [_pair(key, found[key]) for key in sorted(found)]
            lines += f'{pad}      "attrs": {_object(pairs, pad + "      ")}, \n'
        lines += f'{pad}      "inputs": {entries}'
        if op is not None and op.subgraphs:
            lines += _subgraphs(op, pad)
        nodes.append(f"{pad}    {{\n{lines}\n{pad}    }}")
    heads = [f"[{index[node]}, {output}, 0]" for node, output in graph.outputs]
    inner = f"{pad}  "
    parts = [
        f'{inner}"nodes": [\n' + ", \n".join(nodes) + f"\n{inner}]",
        f'{inner}"arg_nodes": {_list(arguments, inner)}',
        f'{inner}"node_row_ptr": {_list([str(n) for n in row_ptr], inner)}',
        f'{inner}"heads": {_list(heads, inner)}',
    ]
    if attrs:
        pairs = [f'"{key}": {value}' for key, value in attrs.items()]
        parts.append(f'{inner}"attrs": {_object(pairs, inner)}')
    return "{\n" + ", \n".join(parts) + f"\n{pad}}}"


def _subgraphs(op: Op, pad: str) -> str:
    deeper = f"{pad}        "
    graphs = [deeper + _graph(inside.graph, deeper, {}) for inside in op.subgraphs]
    return f', \n{pad}      "subgraphs": [\n' + ", \n".join(graphs) + f"\n{pad}      ]"


_ESCAPES: Final = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_special = re.compile(r'["\\\n\r\t]').search


def _quote(text: str) -> str:
    """Quote a string; MXNet escapes five characters, and knows no other escapes when it reads."""
    return f'"{text.translate(_ESCAPES)}"' if _special(text) else f'"{text}"'


@lru_cache(maxsize=4096)
def _pair(key: str, value: str) -> str:
    return f"{_quote(key)}: {_quote(value)}"


def _list(items: Sequence[str], pad: str) -> str:
    if len(items) <= _LARGE:
        return f"[{', '.join(items)}]"
    inner = f", \n{pad}  ".join(items)
    return f"[\n{pad}  {inner}\n{pad}]"


def _object(pairs: Sequence[str], pad: str) -> str:
    if len(pairs) == 1:
        return f"{{{pairs[0]}}}"
    inner = f", \n{pad}  ".join(pairs)
    return f"{{\n{pad}  {inner}\n{pad}}}"


# ----------------------------------------------------------------------------------- versions
# The third number of an input says how often the variable had been overwritten when the node was
# composed: in `[3, 0, 1]` a BatchNorm is the first to write node 3. What a file said is kept.


def _entries(node: Node, op: Op, index: Mapping[Node, int], versions: dict[Node, int]) -> list[str]:
    """Write a node's inputs."""
    if not versions and not op.states:
        return [f"[{index[source]}, {output}, 0]" for source, output in node.inputs]
    found = [versions.get(source, 0) for source, _ in node.inputs]
    if op.states:
        for slot, name in enumerate(node.input_names()):
            source = node.inputs[slot].node
            if source.op is None and op.is_state(name):
                found[slot] = versions[source] = versions.get(source, 0) + 1
    if any(found) or op.states:
        found = list(node.versions or found)
    return [
        f"[{index[source]}, {output}, {version}]"
        for (source, output), version in zip(node.inputs, found, strict=True)
    ]


# ------------------------------------------------------------------ automatic mixed precision


@rewrite()
def _without_amp_casts(graph: Graph) -> Graph:
    """Let the readers of inserted casts read what was cast; a cast that is a head stays."""
    behind: dict[Entry, Entry] = {}

    def look_behind(node: Node, inputs: tuple[Entry, ...]) -> Node:
        new = node.reading(tuple([behind.get(entry, entry) for entry in inputs]))
        if node.op is not None and node.op.name in _AMP:
            behind.update({Entry(new, i): entry for i, entry in enumerate(new.inputs)})
        return new

    return graph.substitute({}, look_behind)

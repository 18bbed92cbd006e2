"""MXNet's symbol files: `-symbol.json`.

A file lists nodes in depth-first order, each with its op ('null' for a variable), name, attributes
(strings) and inputs ([node, output, version]); then the heads. `tojson` writes what MXNet 1.9.1
writes, `load_json` reads what any version wrote: three spellings of the attributes, entries of two
or three numbers, states that old versions did not store. An op that nobody knows becomes an opaque
node, which lists, draws and saves.

Nothing in a file is trusted: every index is checked, cycles are named, nothing is evaluated.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import networkx as nx

from minisym.errors import ArrayTypeError, FormatError, MinisymError
from minisym.formats.files import write_atomically
from minisym.graph import Entry, Graph, Node
from minisym.naming import HIDDEN_KEYS, hide, is_attribute
from minisym.op import FROM_INPUT, NO_PARAMS, SYMBOL_PARAMS, Op, Params, find, opaque
from minisym.shapes import is_np_shape
from minisym.symbol.symbol import Symbol

VERSION: Final = 10901
"""The MXNet version whose format is written: 1.9.1."""
_FIRST_WITH_FACTORS_IN_PLACE: Final = 900
"""Earlier files (those without a version count as 0.8) have `weight_lr_mult` at the op."""
_FIRST_WITH_INITS: Final = 905
"""Earlier files do not store the initializers that ops give to their states."""
_LARGE: Final = 10
"""MXNet breaks lists longer than this into lines."""

# --------------------------------------------------------------------------------------- writing


def tojson(symbol: Symbol, *, remove_amp_cast: bool = True) -> str:
    """Return the symbol as text that MXNet 1.9.1 loads, laid out as MXNet does."""
    graph = symbol.graph
    if remove_amp_cast and any(n.op is not None and n.op.name.startswith("amp_") for n in graph):
        graph = _without_amp_casts(graph)
    index = graph.index
    versions: dict[Node, int] = {}
    nodes = []
    row_ptr = [0]
    for node in graph.order:
        lines = [f'      "op": {_quote(node.op.name if node.op else "null")}']
        lines.append(f'      "name": {_quote(node.name)}')
        if node.attrs:
            lines.append(f'      "attrs": {_strings(node.attrs)}')
        entries = _versioned(node, index, versions)
        lines.append(f'      "inputs": {_list(entries, "      ")}')
        nodes.append("    {\n" + ", \n".join(lines) + "\n    }")
        row_ptr.append(row_ptr[-1] + (node.op.file_outputs(node.params) if node.op else 1))
    arguments = [str(i) for i, node in enumerate(graph.order) if node.op is None]
    heads = [f"[{index[e.node]}, {e.index}, 0]" for e in graph.outputs]
    attrs = f'"mxnet_version": ["int", {VERSION}]'
    if is_np_shape():
        attrs = f'"is_np_shape": ["int", 1], {attrs}'
    return (
        '{\n  "nodes": [\n' + ", \n".join(nodes) + "\n  ], \n"
        f'  "arg_nodes": {_list(arguments, "  ")}, \n'
        f'  "node_row_ptr": {_list([str(n) for n in row_ptr], "  ")}, \n'
        f'  "heads": {_list(heads, "  ")}, \n'
        f'  "attrs": {{{attrs}}}\n}}'
    )


def save(symbol: Symbol, fname: str | os.PathLike[str], *, remove_amp_cast: bool = True) -> None:
    """Write the symbol to a file; an interrupted write leaves what was there."""
    write_atomically(Path(fname), tojson(symbol, remove_amp_cast=remove_amp_cast).encode())


_ESCAPES = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"} | {
    chr(code): f"\\u{code:04x}" for code in range(32) if chr(code) not in "\n\r\t"
})  # fmt: skip


def _quote(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'


def _list(items: Sequence[str], indent: str) -> str:
    if len(items) <= _LARGE:
        return f"[{', '.join(items)}]"
    inner = f", \n{indent}  ".join(items)
    return f"[\n{indent}  {inner}\n{indent}]"


def _strings(attrs: Mapping[str, str]) -> str:
    pairs = [f"{_quote(key)}: {_quote(attrs[key])}" for key in sorted(attrs)]
    if len(pairs) == 1:
        return f"{{{pairs[0]}}}"
    return "{\n        " + ", \n        ".join(pairs) + "\n      }"


def _versioned(node: Node, index: Mapping[Node, int], versions: dict[Node, int]) -> list[str]:
    """Write a node's inputs; a state's version counts how often it has been overwritten."""
    if not node.inputs:
        return []
    assert node.op is not None
    states = node.op.states
    names = node.input_names() if states else ()
    entries = []
    for slot, (source, output) in enumerate(node.inputs):
        if states and source.op is None and node.op.is_state(names[slot]):
            versions[source] = versions.get(source, 0) + 1
        version = versions.get(source, 0) if versions else 0
        entries.append(f"[{index[source]}, {output}, {version}]")
    return entries


def _without_amp_casts(graph: Graph) -> Graph:
    """Leave out the casts that automatic mixed precision inserted, as MXNet does when it saves."""
    made: dict[Entry, Entry] = {}
    for node in graph.order:
        inputs = tuple(made[entry] for entry in node.inputs)
        if node.op is not None and node.op.name in ("amp_cast", "amp_multicast"):
            made.update({Entry(node, i): entry for i, entry in enumerate(inputs)})
            continue
        new = node if inputs == node.inputs else node.replace(inputs=inputs)
        made.update({Entry(node, i): Entry(new, i) for i in range(node.num_outputs)})
    return Graph(tuple(made[entry] for entry in graph.outputs))


# --------------------------------------------------------------------------------------- reading


def load(fname: str | os.PathLike[str]) -> Symbol:
    """Read a symbol from a `-symbol.json` file.

    Raises
    ------
    FormatError
        The file is no symbol; the message says where and why.
    OSError
        It cannot be read.
    """
    if not isinstance(fname, str | os.PathLike):
        message = f"load takes a file name, but got {fname!r}"
        raise ArrayTypeError(message)
    try:
        text = Path(fname).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        message = f"{Path(fname).name} is no symbol file: byte {error.start} is no UTF-8 text"
        raise FormatError(message) from None
    return load_json(text)


def load_json(json_str: str) -> Symbol:
    """Make a symbol of the text of a `-symbol.json` file.

    >>> import minisym as ms
    >>> net = ms.sym.tanh(ms.sym.Variable("x"), name="t")
    >>> ms.sym.load_json(net.tojson()).list_outputs()
    ['t_output']
    """
    if not isinstance(json_str, str):
        message = f"load_json takes a string, but got {type(json_str).__name__}"
        raise ArrayTypeError(message, hint="load reads a file")
    try:
        data = json.loads(json_str)
    except (json.JSONDecodeError, RecursionError) as error:
        message = f"this is no JSON: {error}"
        raise FormatError(message) from None
    return Symbol(_Reader(data).entries())


class _Reader:
    """One file on its way to nodes."""

    def __init__(self, data: Any) -> None:
        if not isinstance(data, dict):
            message = f"a symbol file holds a JSON object, but this is a {type(data).__name__}"
            raise FormatError(message)
        self.nodes: list[dict[str, Any]] = _field(data, "nodes", list, "the file")
        self.version = _version(data)
        self.made: dict[int, Node] = {}
        self.data = data

    def entries(self) -> tuple[Entry, ...]:
        """Make all nodes and return the heads."""
        sources = [self._sources(position) for position in range(len(self.nodes))]
        self.attrs = [_attributes(data, self._label(i)) for i, data in enumerate(self.nodes)]
        if self.version < _FIRST_WITH_FACTORS_IN_PLACE:
            self._move_factors(sources)
        for position in self._order(sources):
            self.made[position] = self._node(position, sources[position])
        heads = _field(self.data, "heads", list, "the file")
        if not heads:
            message = "the file has no heads"
            raise FormatError(message)
        return tuple(
            self._entry(*self._pair(head, f"head {i}"), f"head {i}") for i, head in enumerate(heads)
        )

    def _move_factors(self, sources: Sequence[Sequence[tuple[int, int]]]) -> None:
        """Move `weight_lr_mult` of an op to its weight, as files of 2015 spell it."""
        for position, pairs in enumerate(sources):
            for key in list(self.attrs[position]):
                for factor in HIDDEN_KEYS:
                    owner = key.removesuffix(f"_{factor}")
                    if owner == key:
                        continue
                    for source, _ in pairs:
                        name = self.nodes[source].get("name")
                        if isinstance(name, str) and name.endswith(owner):
                            self.attrs[source][f"__{factor}__"] = self.attrs[position][key]
                            self.attrs[position].pop(key, None)
                            break

    def _order(self, sources: Sequence[Sequence[tuple[int, int]]]) -> Iterable[int]:
        """Return the positions so that inputs come first; files are written in such an order."""
        if all(source < i for i, pairs in enumerate(sources) for source, _ in pairs):
            return range(len(sources))
        graph = nx.DiGraph()
        graph.add_nodes_from(range(len(sources)))
        graph.add_edges_from((source, i) for i, pairs in enumerate(sources) for source, _ in pairs)
        try:
            return list(nx.topological_sort(graph))
        except nx.NetworkXUnfeasible:
            ring = " -> ".join(self._label(edge[0]) for edge in nx.find_cycle(graph))
            message = f"the file's nodes form a cycle: {ring}"
            raise FormatError(message) from None

    def _label(self, position: int) -> str:
        node = self.nodes[position]
        name = node.get("name") if isinstance(node, dict) else None
        return f"node {position} ({name!r})"

    def _sources(self, position: int) -> list[tuple[int, int]]:
        node = self.nodes[position]
        if not isinstance(node, dict):
            message = f"node {position} is a {type(node).__name__}, not an object"
            raise FormatError(message)
        label = self._label(position)
        return [self._pair(entry, label) for entry in _field(node, "inputs", list, label)]

    def _pair(self, entry: Any, label: str) -> tuple[int, int]:
        """Check an entry [node, output] or [node, output, version]."""
        if (
            not isinstance(entry, list)
            or len(entry) not in (2, 3)
            or not all(isinstance(n, int) and not isinstance(n, bool) for n in entry)
        ):
            message = f"{label}: an entry is [node, output, version], but this is {entry!r:.60}"
            raise FormatError(message)
        if not 0 <= entry[0] < len(self.nodes):
            message = f"{label}: there is no node {entry[0]}, only {len(self.nodes)} nodes"
            raise FormatError(message)
        return entry[0], entry[1]

    def _entry(self, source: int, output: int, label: str) -> Entry:
        node = self.made[source]
        known = node.op is None or node.op.family != "opaque"
        if not 0 <= output < (node.num_outputs if known else 1 << 16):
            message = f"{label}: {node!r} has no output {output}"
            raise FormatError(message)
        return Entry(node, output)

    def _node(self, position: int, sources: Sequence[tuple[int, int]]) -> Node:
        data, attrs = self.nodes[position], self.attrs[position]
        label = self._label(position)
        op_name = _field(data, "op", str, label)
        name = _field(data, "name", str, label)
        if op_name == "null":
            if sources:
                message = f"{label}: a variable has no inputs, but this has {len(sources)}"
                raise FormatError(message)
            return Node(None, name, attrs=_kept({hide(k): v for k, v in attrs.items()}))
        inputs = tuple(self._entry(source, output, label) for source, output in sources)
        op = find(op_name)
        if op is None:
            return Node(opaque(op_name, len(inputs)), name, inputs, NO_PARAMS, _kept(attrs))
        params, attrs = self._params(op, attrs, label)
        inputs = self._complete(op, name, inputs, params, label)
        if op.inits and self.version < _FIRST_WITH_INITS:
            inputs = self._initialize(op, params, inputs, sources)
        return Node(op, name, inputs, params, _kept(attrs))

    def _initialize(
        self,
        op: Op,
        params: Params,
        inputs: tuple[Entry, ...],
        sources: Sequence[tuple[int, int]],
    ) -> tuple[Entry, ...]:
        """Note the initializers that an op gives to its variables; old files lack them."""
        found = list(inputs)
        names = op.input_names(params, len(inputs))
        for slot, (name, (node, output)) in enumerate(zip(names, inputs, strict=True)):
            if name in op.inits and node.op is None and "__init__" not in node.attrs:
                new = node.replace(attrs=_kept({**node.attrs, "__init__": op.inits[name]}))
                if slot < len(sources):  # later readers get the same node
                    self.made[sources[slot][0]] = new
                found[slot] = Entry(new, output)
        return tuple(found)

    def _params(
        self, op: Op, attrs: Mapping[str, str], label: str
    ) -> tuple[Params, dict[str, str]]:
        """Tell parameters from attributes, and parse them."""
        hidden = {hide(key): value for key, value in attrs.items() if key not in op.params}
        computed = [key for key in hidden.get(SYMBOL_PARAMS, "").split(",") if key]
        given = {key: value for key, value in attrs.items() if key in op.params}
        unknown = [key for key in hidden if not is_attribute(key)]
        legacy = self.version < VERSION
        if unknown and not legacy and op.params:
            message = f"{label}: {op.name} has no parameter {unknown[0]!r}"
            raise FormatError(message, hint=f"it has: {', '.join(op.params)}")
        try:
            typed = op.read_params(given | dict.fromkeys(computed, 0.0))
        except MinisymError as error:
            message = f"{label}: {error.sentence}"
            raise FormatError(message, hint=error.hint) from None
        if computed:
            typed = MappingProxyType({k: FROM_INPUT if k in computed else v for k, v in typed.items()})
        return typed, given | hidden

    def _complete(
        self, op: Op, name: str, inputs: tuple[Entry, ...], params: Params, label: str
    ) -> tuple[Entry, ...]:
        """Check the number of inputs; add those that old files lack (states, mostly)."""
        names = op.input_names(params, len(inputs))
        if len(inputs) < len(names) and self.version < VERSION:
            return inputs + tuple(
                Entry(Node(None, f"{name}_{slot}")) for slot in names[len(inputs) :]
            )
        if len(inputs) != len(names):
            message = f"{label}: {op.name} has {len(names)} inputs, but this has {len(inputs)}"
            raise FormatError(message, hint=f"they are: {', '.join(names)}")
        return inputs


def _field(data: Mapping[str, Any], key: str, kind: type, label: str) -> Any:
    value = data.get(key)
    if not isinstance(value, kind):
        got = "nothing" if key not in data else type(value).__name__
        message = f"{label}: {key!r} must be a {kind.__name__}, but it is {got}"
        raise FormatError(message)
    return value


def _version(data: Mapping[str, Any]) -> int:
    """Return the MXNet version that wrote the file; 0.8 where it does not say."""
    attrs = data.get("attrs")
    stored = attrs.get("mxnet_version") if isinstance(attrs, dict) else None
    if isinstance(stored, list) and len(stored) == 2 and isinstance(stored[1], int):  # noqa: PLR2004
        return stored[1]
    return 800


def _attributes(data: Mapping[str, Any], label: str) -> dict[str, str]:
    """Merge the three spellings: param and attr (old), attrs (new)."""
    merged: dict[str, str] = {}
    for key in ("param", "attr", "attrs"):
        found = data.get(key)
        if found is None:
            continue
        if not isinstance(found, dict):
            message = f"{label}: {key!r} must be an object, but it is a {type(found).__name__}"
            raise FormatError(message)
        for name, value in found.items():
            merged[name] = value if isinstance(value, str) else json.dumps(value)
    return merged


def _kept(attrs: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(attrs)) if attrs else NO_PARAMS

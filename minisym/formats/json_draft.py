"""The first step of reading a symbol file: from JSON to checked drafts of nodes.

A draft is what a file says about one node, with nothing believed: every type is checked, every
index points somewhere. The three spellings of attributes become one, as in MXNet: of `attr` and
`attrs` the last in the text counts, and `param` (2015) fills in what they do not say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from reprlib import Repr
from typing import Any, Final, NoReturn

from minisym.core.errors import FormatError
from minisym.core.shapes import is_np_shape
from minisym.formats.foreign import JSON, LONGEST, looks_like_a_name, recognized

VERSION: Final = 10901
"""The MXNet version whose files are written: 1.9.1."""
OLDEST: Final = 800
"""What a file that names no version counts as: 0.8."""

_SPELLINGS: Final = ("attr", "attrs")
_REQUIRED: Final = {"op": str, "name": str, "inputs": list}
_EXTRAS: Final = {"attr": dict, "attrs": dict, "param": dict, "subgraphs": list}

_repr = Repr()
_repr.maxstring = 60
short = _repr.repr


@dataclass(slots=True)
class Draft:
    """One node of a file."""

    op: str
    """'null' for a variable."""
    name: str
    attrs: dict[str, str]
    inputs: list[tuple[int, int, int]]
    """Of each input: the position of its node, its output, and the version of the variable."""
    subgraphs: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class File:
    """What a file says, checked."""

    nodes: list[Draft]
    heads: list[tuple[int, int, int]]
    version: int
    outputs: list[int]
    """How many outputs each node has, or an empty list if the file does not say."""


_ZERO: Final = re.compile(r"\b(?<!-)0+\b")
"""An unknown size in a file that was not written under `np_shape`."""


def _is_np_shape(data: Mapping[str, Any]) -> bool:
    """Return whether a file was written under `np_shape`, where 0 is a size."""
    attrs = data.get("attrs")
    return isinstance(attrs, dict) and attrs.get("is_np_shape") == ["int", 1]


def label(position: int, name: object) -> str:
    """Return how messages call a node."""
    return f"node {position} ({short(name)})" if isinstance(name, str) else f"node {position}"


def parse(text: str) -> Any:
    """Return the JSON value; control characters stand for themselves, as in MXNet's strings."""
    try:
        text.encode()
        data = json.loads(text, strict=False, parse_constant=_no_number)
        if "\\u" in text:  # two escapes may spell a half of a character
            json.dumps(data, ensure_ascii=False).encode()
    except RecursionError:
        message = "this is no symbol: its JSON is nested too deeply"
        raise FormatError(message) from None
    except UnicodeEncodeError as error:
        message = f"this is no text: character {error.start} is half of a surrogate pair"
        raise FormatError(message) from None
    except ValueError as error:  # JSONDecodeError, or an integer of thousands of digits
        raise _no_json(text, error) from None
    return data


def _no_json(text: str, reason: ValueError) -> FormatError:
    other = recognized(text[:LONGEST].encode(), JSON)
    if other is not None:
        return FormatError(f"this is no JSON: it is {other[0]}", hint=other[1])
    if looks_like_a_name(text):
        message = f"this is no JSON, but it looks like the name of a file: {short(text)}"
        return FormatError(message, hint="ms.sym.load reads a file, load_json the text of one")
    hint = "is the file complete? A symbol file ends with }"
    return FormatError(f"this is no JSON: {reason}", hint=hint)


def _no_number(word: str) -> NoReturn:
    message = f"{word} is no number"
    raise ValueError(message)


def drafts(data: Any, *, version: int | None = None) -> File:
    """Check a graph; `version` is that of the file around it, if it is a subgraph."""
    if not isinstance(data, dict):
        message = f"a symbol file holds a JSON object, but this is {_kind(data)}"
        raise FormatError(message)
    nodes = _field(data, "nodes", list, "the file")
    heads = _field(data, "heads", list, "the file")
    if not heads:
        message = "the file has no heads"
        raise FormatError(message)
    count = len(nodes)
    found = [_draft(i, node, count) for i, node in enumerate(nodes)]
    if version is None and is_np_shape() and not _is_np_shape(data):
        for draft in found:
            if draft.op == "null" and "__shape__" in draft.attrs:
                draft.attrs["__shape__"] = _ZERO.sub("-1", draft.attrs["__shape__"])
    return File(
        found,
        [_entry(head, count, f"head {i}") for i, head in enumerate(heads)],
        _version(data) if version is None else version,
        _outputs(data.get("node_row_ptr"), count),
    )


def _draft(position: int, node: Any, count: int) -> Draft:
    if not isinstance(node, dict):
        message = f"node {position} is {_kind(node)}, not an object"
        raise FormatError(message)
    op, name, inputs = node.get("op"), node.get("name"), node.get("inputs")
    if not isinstance(op, str) or not isinstance(name, str) or not isinstance(inputs, list):
        key, kind = next(k for k in _REQUIRED.items() if not isinstance(node.get(k[0]), k[1]))
        _wrong_field(node, key, kind, label(position, name))
    entries = []
    for entry in inputs:  # the short way for what is in order; `_entry` says what is not
        if type(entry) is list and 2 <= len(entry) <= 3:
            source, output, version = entry if len(entry) == 3 else (*entry, 0)
            if (
                type(source) is type(output) is type(version) is int
                and 0 <= source < count
                and output >= 0
            ):
                entries.append((source, output, version))
                continue
        entries.append(_entry(entry, count, label(position, name)))
    spelling = "attrs" if "attrs" in node else "attr"
    attrs = node.get(spelling, {})
    if type(attrs) is not dict:
        _wrong_field(node, spelling, dict, label(position, name))
    draft = Draft(op, name, attrs, entries)
    if len(node) > len(_REQUIRED) + (spelling in node):
        _read_extras(draft, position, node)
    for key, value in draft.attrs.items():
        if type(value) is not str:
            where = label(position, name)
            message = f"{where}: the attribute {short(key)} must be a string, not {_kind(value)}"
            raise FormatError(message)
    return draft


def _read_extras(draft: Draft, position: int, node: Mapping[str, Any]) -> None:
    """Read the other fields that a node may have; those that nobody knows are passed over."""
    for key in node:
        if key in _EXTRAS and not isinstance(node[key], _EXTRAS[key]):
            _wrong_field(node, key, _EXTRAS[key], label(position, draft.name))
        if key in _SPELLINGS:
            draft.attrs = node[key]
    if "param" in node:
        draft.attrs = {**node["param"], **draft.attrs}
    if node.get("control_deps"):
        where = label(position, draft.name)
        message = f"{where} has control dependencies, which no symbol can have"
        raise FormatError(message)
    draft.subgraphs = node.get("subgraphs", [])


def _entry(entry: Any, count: int, where: str) -> tuple[int, int, int]:
    """Check an entry [node, output] or [node, output, version]."""
    numbers = entry if isinstance(entry, list) else []
    if len(numbers) not in (2, 3) or any(type(number) is not int for number in numbers):
        message = f"{where}: an entry is [node, output, version], but this is {short(entry)}"
        raise FormatError(message)
    source, output = numbers[:2]
    if not 0 <= source < count:
        message = f"{where}: there is no node {short(source)}, only {count} nodes"
        raise FormatError(message, hint="an entry is [node, output, version]; nodes count from 0")
    if output < 0:
        message = f"{where}: there is no output {short(output)}"
        raise FormatError(message)
    return source, output, numbers[2] if len(numbers) == 3 else 0


def _field(data: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    value = data.get(key)
    if not isinstance(value, kind):
        _wrong_field(data, key, kind, where)
    return value


def _wrong_field(data: Mapping[str, Any], key: str, kind: type, where: str) -> NoReturn:
    got = _kind(data[key]) if key in data else "missing"
    message = f"{where}: {key!r} must be {_KINDS[kind]}, but it is {got}"
    hint = "is it a -symbol.json file, as symbol.save writes it?" if where == "the file" else None
    raise FormatError(message, hint=hint)


_KINDS: Final[dict[type, str]] = {
    bool: "a boolean",
    dict: "an object",
    float: "a number",
    int: "a number",
    list: "an array",
    str: "a string",
    type(None): "null",
}


def _kind(value: object) -> str:
    return _KINDS[type(value)]


def _version(data: Mapping[str, Any]) -> int:
    """Return the MXNet version that wrote the file."""
    if "attrs" not in data:
        return OLDEST
    stored = _field(data, "attrs", dict, "the file").get("mxnet_version", ["int", OLDEST])
    if not isinstance(stored, list) or stored[:1] != ["int"] or type(stored[-1]) is not int:
        message = f"'mxnet_version' must be ['int', number], but it is {short(stored)}"
        raise FormatError(message)
    return stored[-1]


def _outputs(row_ptr: Any, count: int) -> list[int]:
    """Read how many outputs each node has off the running total, if that is sound."""
    if not isinstance(row_ptr, list) or len(row_ptr) != count + 1:
        return []
    if any(type(total) is not int for total in row_ptr):
        return []
    return [after - before for before, after in pairwise(row_ptr)]

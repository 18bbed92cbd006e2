"""What MXNet changed in its symbol files over the years, undone step by step as MXNet 1.9.1 does.

before 1.9.1   `lr_mult` and four other words are spelled `__lr_mult__`; `weight_lr_mult` of an op
               belongs to the variable that is its weight
before 0.9.0   an op's states are not stored, nor other inputs that nobody gave: they are variables
before 0.9.4   the initializers that ops give to their variables are not stored
before 0.9.5   `axis=-1` of argmax and argmin means no axis

A file without a version counts as 0.8.0. Files of 0.9.0 and later are complete: an input that is
missing there is an error.

`note_owners` does the same for gradients that minisym wrote before its nodes said themselves what
they are the gradient of.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from minisym.core.errors import FormatError
from minisym.core.naming import HIDDEN_KEYS
from minisym.core.node import OWNER
from minisym.core.op import find
from minisym.formats.json_draft import Draft, label
from minisym.formats.json_kinds import MOST_MISSING, Kinds

_BACKWARD: Final = "_backward_"
_DIGITS: Final = "0123456789"
_MOST_ADDED: Final = 5
"""How many times as many nodes a file may have when all are there; BatchNorm lacks four inputs."""
_COMPLETE: Final = 900
_WITH_INITS: Final = 904
_WITH_OPTIONAL_AXIS: Final = 905


def upgrade(nodes: list[Draft], order: Iterable[int], version: int, kinds: Kinds) -> list[int]:
    """Change the drafts to what MXNet 1.9.1 would write; return the order with what was added.

    `order` holds the positions of the nodes that count, inputs first.
    """
    kept: list[int] = []
    most = _MOST_ADDED * len(nodes) + MOST_MISSING
    for position in order:
        draft = nodes[position]
        if any(key.endswith(HIDDEN_KEYS) for key in draft.attrs):
            _hide(draft, nodes, position, kinds)
        if draft.op != "null" and version < _WITH_OPTIONAL_AXIS:
            if version < _COMPLETE:
                kept += _complete(draft, nodes, position, kinds)
                if len(nodes) > most:
                    message = f"{label(position, draft.name)}: too many inputs are missing"
                    raise FormatError(message, hint="are they in the file, under other names?")
            if version < _WITH_INITS:
                _initialize(draft, nodes, position, kinds)
            if draft.op in ("argmax", "argmin") and draft.attrs.get("axis") == "-1":
                del draft.attrs["axis"]
        kept.append(position)
    return kept


def note_owners(nodes: list[Draft], order: Iterable[int]) -> None:
    """Note in the nodes of a gradient whose they are, where only their names say it.

    A name says it if it is one that minisym gives, `fc1_backward_dot0`: that of an earlier op, and
    that of the node's own op with a number. Files in which nodes say it themselves stay as they
    are.
    """
    if not any(_BACKWARD in draft.name for draft in nodes):
        return
    ops = [nodes[position] for position in order if nodes[position].op != "null"]
    if any(OWNER in draft.attrs for draft in ops):
        return
    seen: set[str] = set()
    for draft in ops:
        before, _, last = draft.name.rpartition(_BACKWARD)
        if before in seen and last.rstrip(_DIGITS) != last:
            op = find(draft.op)
            names = () if op is None else (op.name, *op.aliases)
            hints = {name.lower().removeprefix("_").removeprefix("backward_") for name in names}
            if last.rstrip(_DIGITS) in hints:
                owner = before.partition(_BACKWARD)[0]
                draft.attrs[OWNER] = f"{draft.name.count(_BACKWARD)} {owner}"
        seen.add(draft.name)


def _hide(draft: Draft, nodes: list[Draft], position: int, kinds: Kinds) -> None:
    """Respell the hidden keys, and hand those that name an input to its variable."""
    found = [
        (key, word) for key in sorted(draft.attrs) for word in HIDDEN_KEYS if key.endswith(word)
    ]
    values = {key: draft.attrs.pop(key) for key, _ in found}
    for key, word in found:
        if key == word:
            draft.attrs[f"__{word}__"] = values[key]
            continue
        owner = None if draft.op == "null" else _input(draft, nodes, key, word, position, kinds)
        if owner is None:
            draft.attrs[key] = values[key]
        else:
            owner.attrs[f"__{word}__"] = values[key]


def _input(
    draft: Draft, nodes: list[Draft], key: str, word: str, position: int, kinds: Kinds
) -> Draft | None:
    """Return the variable that `weight` of `weight_lr_mult` stands for, if it is there."""
    kind = kinds.of(draft, position)
    name = key[: -len(word) - 1]
    if kind is None or name not in kind.inputs:
        return None
    slot = kind.inputs.index(name)
    if slot >= len(draft.inputs):
        return None
    owner = nodes[draft.inputs[slot][0]]
    return owner if owner.op == "null" else None


def _complete(draft: Draft, nodes: list[Draft], position: int, kinds: Kinds) -> list[int]:
    """Add the inputs that are missing: variables, with the op's own attributes as MXNet has it."""
    kind = kinds.of(draft, position)
    if kind is None:
        return []
    missing = kind.inputs[len(draft.inputs) :]
    if len(missing) > MOST_MISSING:
        where = label(position, draft.name)
        message = (
            f"{where}: {draft.op} has {len(kind.inputs)} inputs, but {len(missing)} are missing"
        )
        raise FormatError(message)
    added = range(len(nodes), len(nodes) + len(missing))
    for source, slot in zip(added, missing, strict=True):
        name = f"{draft.name}_{slot}" if draft.name else slot
        draft.inputs.append((source, 0, 0))
        nodes.append(Draft("null", name, dict(draft.attrs), []))
    return list(added)


def _initialize(draft: Draft, nodes: list[Draft], position: int, kinds: Kinds) -> None:
    """Note the initializers that the op gives to its variables."""
    kind = kinds.of(draft, position)
    if kind is None or not kind.op.inits:
        return
    for name, (source, _, _) in zip(kind.inputs, draft.inputs, strict=False):
        init = kind.op.inits.get(name)
        if init is not None and nodes[source].op == "null":
            nodes[source].attrs.setdefault("__init__", init)

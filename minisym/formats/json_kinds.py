"""What the op and the attributes of a node in a file mean.

Nodes of a net are much alike: what one op name with certain attributes means is found out once.
Counts are checked before anything of their size is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from minisym.core.errors import FormatError, MinisymError, did_you_mean
from minisym.core.naming import HIDDEN_KEYS, is_attribute
from minisym.core.op import FROM_INPUT, NO_PARAMS, SYMBOL_PARAMS, Op, Params, find
from minisym.formats.json_draft import Draft, label, short

_COUNTS: Final = ("num_outputs", "sections")
"""Parameters that say how many outputs an op has."""
_MOST_OUTPUTS: Final = 1 << 18
MOST_MISSING: Final = 64
"""No op lacks more inputs than this in an old file."""


@dataclass(frozen=True, slots=True)
class Kind:
    """An op with its parameters."""

    op: Op
    params: Params
    attrs: Params
    inputs: tuple[str, ...]
    outputs: int


class Kinds:
    """The kinds of nodes that a file has, each resolved once."""

    def __init__(self) -> None:
        self._found: dict[tuple[object, ...], Kind | None] = {}

    def of(self, draft: Draft, position: int) -> Kind | None:
        """Return what a draft of an op means, or None if nobody knows the op."""
        key = (draft.op, len(draft.inputs), *draft.attrs.items())
        try:
            return self._found[key]
        except KeyError:
            found = self._found[key] = _resolve(draft, label(position, draft.name))
            return found


def _resolve(draft: Draft, where: str) -> Kind | None:
    op = _meant(draft)
    if op is None:
        return None
    params, attrs = _parameters(op, draft.attrs, where)
    given = len(draft.inputs)
    count = params.get(op.count) if op.variadic else None
    if count == 0 and op.count not in draft.attrs:
        message = f"{where}: {op.name} needs {op.count}, the number of its inputs"
        raise FormatError(message)
    if isinstance(count, int) and not 0 <= count <= given + MOST_MISSING:
        message = f"{where}: {op.name} has {given} inputs, but {op.count} is {count}"
        raise FormatError(message)
    for name in _COUNTS:
        if isinstance(params.get(name), int) and not 0 <= params[name] <= _MOST_OUTPUTS:
            message = f"{where}: no {op.name} has {name}={params[name]}"
            raise FormatError(message)
    outputs = 1 if op.single else len(op.output_names(params))
    return Kind(op, params, freeze(attrs), op.input_names(params, given), outputs)


def _meant(draft: Draft) -> Op | None:
    """Return the op that a draft names; None if nobody knows it, or what its parameters mean."""
    op = find(draft.op)
    if op is None or op.choose is None:
        return op
    given = {k: v for k, v in draft.attrs.items() if k not in HIDDEN_KEYS and not is_attribute(k)}
    try:
        return op.chosen(given)
    except MinisymError:
        return None


def _parameters(op: Op, found: dict[str, str], where: str) -> tuple[Params, dict[str, str]]:
    """Tell parameters from attributes, and parse them."""
    given = {key: value for key, value in found.items() if key in op.params}
    others = {key: value for key, value in found.items() if key not in op.params}
    for key in others:
        takes_any = not op.params or op.lenient
        if not takes_any and (key in HIDDEN_KEYS or not is_attribute(key)):
            message = f"{where}: {op.name} has no parameter {short(key)}"
            raise FormatError(message, hint=did_you_mean(key, op.params))
    computed = [key for key in others.get(SYMBOL_PARAMS, "").split(",") if key]
    for key in computed:
        if key not in op.params or not op.params[key].is_float or not op.writes:
            message = f"{where}: {op.name} cannot compute a parameter {key!r}"
            raise FormatError(message)
    try:
        typed = op.read_params(given | dict.fromkeys(computed, 0.0))
    except MinisymError as error:
        sentence = error.sentence if len(error.sentence) < 300 else f"{error.sentence[:300]}…"
        message = f"{where}: {sentence}"
        raise FormatError(message, hint=error.hint) from None
    if computed:  # their inputs come in the order of the declaration, as compose has them
        marked = {k: FROM_INPUT if k in computed else typed[k] for k in op.params if k in typed}
        typed = MappingProxyType(marked)
    return typed, given | others


def freeze(attrs: dict[str, str]) -> Params:
    """Return attributes that nobody can change."""
    return MappingProxyType(attrs) if attrs else NO_PARAMS

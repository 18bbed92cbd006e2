"""The slots of a node under the names that another op has for them, for the rule of that op.

A gradient reads some of what its forward op reads and makes: the forward op's rule says which of
their shapes belong together. So whoever names a gradient in a file is held to it, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minisym.core.shapes import unify


class Renamed:
    """Slots as a rule sees them, under other names.

    A name may stand for several slots, which are one shape then, or for none: what a rule says of
    that is kept, and checked against what it says later.
    """

    __slots__ = ("_inputs", "_outputs", "_own", "_slots", "_stands_for")

    def __init__(
        self,
        slots: Any,
        inputs: Mapping[str, Sequence[str]],
        outputs: Mapping[str, Sequence[str]],
    ) -> None:
        init = object.__setattr__
        init(self, "_slots", slots)
        init(self, "_inputs", list(inputs))
        init(self, "_outputs", list(outputs))
        init(self, "_stands_for", {**inputs, **outputs})
        init(self, "_own", {})

    @property
    def names(self) -> tuple[str, ...]:
        """The names, inputs first."""
        return tuple(self._stands_for)

    @property
    def inputs(self) -> Sequence[Any]:
        """What is known of the inputs, in order."""
        return _Live(self, self._inputs)

    @property
    def outputs(self) -> Sequence[Any]:
        """What is known of the outputs, in order."""
        return _Live(self, self._outputs)

    def __getattr__(self, name: str) -> Any:
        found = self._own.get(name)
        for slot in self._stands_for.get(name, ()):
            if found is not None:
                setattr(self._slots, slot, found)
            found = getattr(self._slots, slot)
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        slots = self._stands_for.get(name)
        if slots:
            for slot in slots:
                setattr(self._slots, slot, value)
        elif slots is not None:
            self._own[name] = unify(self._own.get(name), value)

    def set_input(self, position: int, value: Any) -> None:
        """Unify the input at this position."""
        setattr(self, self._inputs[position], value)

    def set_output(self, position: int, value: Any) -> None:
        """Unify the output at this position."""
        setattr(self, self._outputs[position], value)


class _Live(Sequence[Any]):
    """The values of some names, as they are when they are asked for."""

    def __init__(self, slots: Renamed, names: Sequence[str]) -> None:
        self._slots, self._names = slots, names

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._names)

    def __getitem__(self, at: Any) -> Any:
        """Return one value, or several as a tuple."""
        if isinstance(at, slice):
            return tuple(getattr(self._slots, name) for name in self._names[at])
        return getattr(self._slots, self._names[at])

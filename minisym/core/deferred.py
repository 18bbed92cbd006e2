"""Ops of minisym's own are read when something of them is first asked for.

An import makes five hundred declarations, of which a program uses thirty; and to read one (the
signature of its kernel, the words in its annotations, what its rules take) takes a tenth of a
millisecond. So the registry gets a name at once, and what was declared under it is kept as it was
written until a slot of its record is asked for, which is empty until then.

What a user declares is read where it stands, and refused there if it cannot be. So are all ops
while the environment variable `MINISYM_VERIFY` is 1, as in tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from threading import RLock
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from minisym.core.declared import VERIFY
from minisym.core.op import Op, is_own, register

_reading = RLock()
P = ParamSpec("P")
D = TypeVar("D", bound="Deferred")


class Deferred(Op):
    """An op whose declaration may still have to be read."""

    unread: list[Callable[..., Any]] | None = None
    """What was declared, unread: how to make the op, and then what its rules are."""

    @classmethod
    def declared(
        cls, name: str, aliases: tuple[str, ...], module: str, read: Callable[[], Self]
    ) -> Self:
        """Enter an op into the registry; `read` makes it, now or later."""
        op = cls.__new__(cls)
        op.name, op.aliases, op.module = name, aliases, module
        if VERIFY or not is_own(op):
            op = read()
        else:
            op.unread = [read]
        register(op)
        return op

    if not TYPE_CHECKING:  # mypy knows which slots there are

        def __getattr__(self, slot: str) -> Any:
            """Read the declaration: a slot is empty. What its module filled itself stays."""
            with _reading:  # another thread sees all of it, or waits here
                if self.unread is not None:
                    read, *rules = self.unread
                    op = read()
                    for rule in rules:
                        rule(op)
                    for field in fields(Op):
                        try:
                            object.__getattribute__(self, field.name)
                        except AttributeError:
                            setattr(self, field.name, getattr(op, field.name))
                    self.unread = None
            return object.__getattribute__(self, slot)


def when_read(say: Callable[Concatenate[D, P], D]) -> Callable[Concatenate[D, P], D]:
    """Let a method that says something of an op wait until the rest is read."""

    @wraps(say)
    def later(self: D, /, *args: P.args, **kwargs: P.kwargs) -> D:
        if self.unread is None:
            return say(self, *args, **kwargs)
        self.unread.append(lambda op: say(op, *args, **kwargs))
        return self

    return later

"""Names and attributes that a scope gives to the symbols composed inside it.

A node without a name gets its function's name in lower case and a counter, per thread and per
`NameManager`; `Prefix` puts a word before every op's name; `AttrScope` adds attributes to variables
and ops alike. A scope holds for what its own thread or asyncio task composes inside, and for the
tasks that are started there.

>>> from minisym import sym
>>> with NameManager(), Prefix("block1_"):
...     print(sym.tanh(sym.Variable("x")).name)
block1_tanh0
>>> with AttrScope(__lr_mult__="2"):
...     print(sym.Variable("w").attr("__lr_mult__"))
2
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType, TracebackType
from typing import Self, TypeVar

from minisym.core.errors import ParamError
from minisym.core.op import NO_PARAMS

_Scope = TypeVar("_Scope")

HIDDEN_KEYS = ("ctx_group", "lr_mult", "wd_mult", "force_mirroring", "mirror_stage")
"""Attributes that MXNet keeps as `__key__` and answers under both spellings."""


class NameManager:
    """Give automatic names: a hint and a counter that starts at 0.

    Examples
    --------
    >>> manager = NameManager()
    >>> manager.get(None, "fullyconnected"), manager.get(None, "fullyconnected")
    ('fullyconnected0', 'fullyconnected1')
    >>> manager.get("fc", "fullyconnected")
    'fc'
    """

    def __init__(self) -> None:
        self._counter: defaultdict[str, int] = defaultdict(int)

    def get(self, name: str | None, hint: str) -> str:
        """Return `name` if there is one, else the hint with the next number."""
        if name:
            return name
        counter = self._counter
        count = counter[hint]
        counter[hint] = count + 1
        return f"{hint}{count}"

    def __enter__(self) -> Self:
        """Make this the manager of the thread or task."""
        _managers.set((*_managers.get(), self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Go back to the manager before."""
        _managers.set(_without(_managers.get(), self))


class Prefix(NameManager):
    """Put a prefix before every op's name, automatic or not.

    Examples
    --------
    >>> Prefix("mlp_").get("fc1", "fullyconnected")
    'mlp_fc1'
    """

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def get(self, name: str | None, hint: str) -> str:
        """Return the prefixed name."""
        return self._prefix + super().get(name, hint)


class AttrScope:
    """Add attributes to every variable and op composed inside.

    Inner scopes win over outer ones, and what the user writes at the op wins over all.

    Raises
    ------
    ParamError
        A value is no string (it is a ValueError, too).

    Examples
    --------
    >>> from minisym import sym
    >>> with AttrScope(__lr_mult__="2"):
    ...     w = sym.Variable("w")
    >>> w.attr("__lr_mult__")
    '2'
    """

    def __init__(self, **attrs: str) -> None:
        check_strings(attrs)
        self._own = attrs

    @property
    def _attr(self) -> dict[str, str]:
        """The attributes that hold inside: its own, and inside of others theirs; as in MXNet."""
        scopes = _scopes.get()
        if self not in scopes:
            return dict(self._own)
        return _merged(scopes[: len(scopes) - scopes[::-1].index(self)])

    def get(self, attrs: Mapping[str, str] | None) -> dict[str, str]:
        """Return the scope's attributes, overridden by `attrs`."""
        if attrs:
            check_strings(attrs)
        return {**self._attr, **(attrs or {})}

    def __enter__(self) -> Self:
        """Enter the scope: the enclosing scope's attributes hold here, too."""
        _enter((*_scopes.get(), self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Leave the scope."""
        _enter(_without(_scopes.get(), self))


_managers: ContextVar[tuple[NameManager, ...]] = ContextVar("name managers", default=())
_scopes: ContextVar[tuple[AttrScope, ...]] = ContextVar("attribute scopes", default=())
_attrs: ContextVar[Mapping[str, str]] = ContextVar("attributes that hold", default=NO_PARAMS)


class _Outermost(threading.local):
    """The manager that counts where no other one was entered: one a thread, whatever the task."""

    def __init__(self) -> None:
        self.manager = NameManager()


_outermost = _Outermost()


def _enter(scopes: tuple[AttrScope, ...]) -> None:
    """Let these scopes hold, and keep what they add as nodes keep it."""
    _scopes.set(scopes)
    kept = {hide(key): value for key, value in _merged(scopes).items()}
    _attrs.set(MappingProxyType(kept) if scopes else NO_PARAMS)


def _merged(scopes: tuple[AttrScope, ...]) -> dict[str, str]:
    """Return the attributes of scopes, the inner ones winning."""
    return {key: value for scope in scopes for key, value in scope._own.items()}  # noqa: SLF001


def _without(entered: tuple[_Scope, ...], scope: _Scope) -> tuple[_Scope, ...]:
    """Return what stays when a scope is left.

    It is not always the last one (generators interleave), nor always there (one that is collected
    leaves its scopes wherever that happens).
    """
    if scope not in entered:
        return entered
    last = len(entered) - 1 - entered[::-1].index(scope)
    return entered[:last] + entered[last + 1 :]


def current_manager() -> NameManager:
    """Return the innermost name manager."""
    managers = _managers.get()
    return managers[-1] if managers else _outermost.manager


def current_attrs() -> Mapping[str, str]:
    """Return the attributes that the scopes add."""
    return _attrs.get()


def auto_name(name: str | None, hint: str) -> str:
    """Return the name of the next op."""
    return current_manager().get(name, hint)


def hide(key: str) -> str:
    """Return the spelling under which an attribute is kept.

    >>> hide("lr_mult"), hide("mood")
    ('__lr_mult__', 'mood')
    """
    return f"__{key}__" if key in HIDDEN_KEYS else key


def is_attribute(key: str) -> bool:
    """Return whether an op accepts this key as a user attribute (else it is a parameter).

    >>> is_attribute("__mood__"), is_attribute("ctx_group"), is_attribute("mood")
    (True, True, False)
    """
    return key in HIDDEN_KEYS or (key.startswith("__") and key.endswith("__") and len(key) > 4)


def check_strings(attrs: Mapping[str, str]) -> None:
    """Refuse attributes whose values are no strings."""
    for key, value in attrs.items():
        if not isinstance(value, str):
            message = f"attribute {key!r} must be a string, but got {value!r}"
            raise ParamError(message, hint=f"write {key}={str(value)!r}")


def both_spellings(attrs: Mapping[str, str]) -> dict[str, str]:
    """Return attributes for a user: hidden keys as they are kept, and as they are written."""
    both = dict(attrs)
    for key in HIDDEN_KEYS:
        if f"__{key}__" in attrs:
            both[key] = attrs[f"__{key}__"]
    return both


def scoped_attrs(attr: Mapping[str, str] | None) -> dict[str, str]:
    """Merge the scopes' attributes with the node's own, hidden keys in their kept spelling."""
    if attr is not None:
        if not isinstance(attr, Mapping):
            message = f"attr must be a dict of strings, but got {attr!r}"
            raise ParamError(message)
        for key, value in attr.items():
            if not isinstance(value, str):
                message = f"attribute {key!r} must be a string, but got {value!r}"
                raise ParamError(message, hint=f"write {str(value)!r}")
    merged = {**current_attrs(), **(attr or {})}
    return {hide(key): value for key, value in merged.items()}

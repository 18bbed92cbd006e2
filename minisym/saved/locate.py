"""Which files make a model: a symbol, and the parameters of one epoch.

Only names are looked at here, so that folders and archives go by the same rules.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from minisym.core.errors import NoFileError, ParamError, listed

_SYMBOL: Final = re.compile(r"(?P<prefix>.*?)[-_.]?symbol(-[\w.]+)?\.json", re.IGNORECASE)
_PARAMS: Final = re.compile(r"(?P<prefix>.*?)(-(?P<epoch>\d{1,9}))?\.params", re.IGNORECASE)


class Chosen(NamedTuple):
    """The names of the files of a model."""

    symbol: str
    params: str | None


def choose(
    names: Sequence[str], where: str, prefix: str | None = None, epoch: int | None = None
) -> Chosen:
    """Choose the symbol and the parameters among the names of files.

    Parameters
    ----------
    names
        The files that there are.
    where
        How an error calls the place.
    prefix
        What the names begin with; without it there must be one symbol.
    epoch
        Of which epoch the parameters are; without it there must be one.

    Raises
    ------
    NoFileError
        There is no symbol, or no file of this epoch.
    ParamError
        There are several, and nothing says which is meant.
    """
    names = visible(names)
    symbol = _symbol(names, where, prefix)
    own = prefix_of(symbol)
    return Chosen(symbol, params_of(own, names, where, epoch, or_others=prefix is None))


def visible(names: Sequence[str]) -> list[str]:
    """Return the names of files that are not hidden."""
    return sorted(n for n in names if not n.rpartition("/")[2].startswith("."))


def symbol_beside(params: str, names: Sequence[str]) -> str | None:
    """Return the name of the symbol that belongs to a file of parameters.

    >>> symbol_beside("net-0003.params", ["net-0003.params", "net-symbol.json"])
    'net-symbol.json'
    """
    found = _PARAMS.fullmatch(params)
    prefix = found["prefix"] if found else params
    return next((n for n in _symbols(names) if prefix_of(n) == prefix), None)


def _symbols(names: Sequence[str]) -> list[str]:
    """Return the names that a symbol has: as MXNet writes it, else any JSON."""
    own = [n for n in names if n.endswith("-symbol.json")]
    return sorted(
        own
        or [n for n in names if _SYMBOL.fullmatch(n)]
        or [n for n in names if n.lower().endswith(".json")]
    )


def prefix_of(symbol: str) -> str:
    """Return what the names of a model's files begin with."""
    found = _SYMBOL.fullmatch(symbol)
    return found["prefix"] if found else symbol.rpartition(".")[0]


def _symbol(names: Sequence[str], where: str, prefix: str | None) -> str:
    found = _symbols(names)
    if prefix is not None:
        found = [n for n in found if prefix_of(n) == prefix]
    if len(found) == 1:
        return found[0]
    if found:
        raise ParamError(
            f"{where} has {len(found)} symbols: {listed(found, 8)}",
            hint=f"name one: load_model({found[0]!r})",
        )
    others = [n for n in sorted(names) if n.lower().endswith((".json", ".params"))]
    raise NoFileError(
        f"{where} has no symbol, a file such as net-symbol.json"
        if prefix is None
        else f"there is no model {prefix!r}: {where} has no file such as {prefix}-symbol.json",
        hint=f"there are {listed(others, 8)}" if others else None,
    )


def params_of(
    prefix: str, names: Sequence[str], where: str, epoch: int | None, *, or_others: bool = False
) -> str | None:
    """Return the file of parameters of a symbol; None if there is none.

    With `or_others` it may have another prefix, if there is no other file.
    """
    every = {name: found for name in names if (found := _PARAMS.fullmatch(name))}
    own = {name: found for name, found in every.items() if found["prefix"] == prefix}
    if not own and or_others and len({found["prefix"] for found in every.values()}) == 1:
        own = every  # nothing else can be meant
    if epoch is not None:
        if not isinstance(epoch, int):
            raise ParamError(f"the epoch must be a number, but got {epoch!r:.60}")
        same = [n for n, found in own.items() if found["epoch"] and int(found["epoch"]) == epoch]
        if not same:
            raise NoFileError(
                f"{where} has no parameters of epoch {epoch}: {prefix}-{epoch:04d}.params",
                hint=f"there is {_told(own) or listed(sorted(every), 8)}" if every else None,
            )
        return same[0]
    if len(own) > 1:
        raise ParamError(
            f"{where} has the parameters of {len(own)} epochs of {prefix!r}: {_told(own)}",
            hint=f"say which: epoch={max(int(found['epoch'] or 0) for found in own.values())}",
        )
    return next(iter(own), None)


def _told(own: dict[str, re.Match[str]]) -> str:
    """Say which epochs there are."""
    numbers = sorted(int(found["epoch"]) for found in own.values() if found["epoch"])
    words = [str(number) for number in numbers]
    words += [f"none ({name})" for name, found in own.items() if not found["epoch"]]
    return f"epoch{'s' if len(words) > 1 else ''} {listed(words, 12)}" if words else ""

"""What a function takes, read from its code.

Each rule and kernel of each op is asked for it while minisym is imported. `inspect.signature` says
the same, also of what is no plain function, and takes ten times as long.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, ClassVar, NamedTuple


class _Parameter(NamedTuple):
    name: str
    kind: Any
    default: Any = inspect.Parameter.empty
    annotation: Any = inspect.Parameter.empty


class Taken(_Parameter):
    """One parameter, with as much of `inspect.Parameter` as declarations need."""

    __slots__ = ()
    empty: ClassVar = inspect.Parameter.empty
    POSITIONAL_ONLY: ClassVar = inspect.Parameter.POSITIONAL_ONLY
    POSITIONAL_OR_KEYWORD: ClassVar = inspect.Parameter.POSITIONAL_OR_KEYWORD
    VAR_POSITIONAL: ClassVar = inspect.Parameter.VAR_POSITIONAL
    KEYWORD_ONLY: ClassVar = inspect.Parameter.KEYWORD_ONLY
    VAR_KEYWORD: ClassVar = inspect.Parameter.VAR_KEYWORD


def is_plain(function: Callable[..., Any]) -> bool:
    """Return whether the code of a function says what it takes.

    That of a class or a partial call does not, nor that of a function which stands for another one,
    or tells a signature.
    """
    return type(function) is FunctionType and not function.__dict__


def keywords_of(function: Callable[..., Any]) -> tuple[tuple[str, ...], bool]:
    """Return the parameters that are given by keyword only, and whether any others may be.

    >>> keywords_of(lambda data, *, axis=0, **others: data)
    (('axis',), True)
    """
    if is_plain(function):
        code = function.__code__
        count = code.co_argcount
        names = code.co_varnames[count : count + code.co_kwonlyargcount]
        return names, bool(code.co_flags & inspect.CO_VARKEYWORDS)
    taken = taken_by(function)
    names = tuple(p.name for p in taken if p.kind is p.KEYWORD_ONLY)
    return names, any(p.kind is p.VAR_KEYWORD for p in taken)


def places_of(function: Callable[..., Any]) -> tuple[int, int, bool]:
    """Return how many arguments must be given by position, how many may be, and whether any may.

    >>> places_of(lambda data, axis=0, *others: data)
    (1, 2, True)
    """
    if is_plain(function):
        code = function.__code__
        count = code.co_argcount
        least = count - len(function.__defaults__ or ())
        return least, count, bool(code.co_flags & inspect.CO_VARARGS)
    taken = taken_by(function)
    places = [p for p in taken if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
    least = sum(p.default is p.empty for p in places)
    return least, len(places), any(p.kind is p.VAR_POSITIONAL for p in taken)


def taken_by(function: Callable[..., Any], *, evaluate: bool = False) -> list[Taken]:
    """Return what a function takes, in order; `evaluate` makes objects of written annotations.

    Raises
    ------
    TypeError, ValueError
        It is no function, or one of C that does not say.
    NameError
        An annotation names what there is not.

    >>> [(p.name, p.default) for p in taken_by(lambda data, *, axis=0: data)]
    [('data', <class 'inspect._empty'>), ('axis', 0)]
    """
    if not is_plain(function):
        signature = inspect.signature(function, eval_str=evaluate)
        return [
            Taken(p.name, p.kind, p.default, p.annotation) for p in signature.parameters.values()
        ]
    code, said, names = function.__code__, function.__annotations__, function.__globals__
    count, only, keywords = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount
    empty = Taken.empty

    def annotation(name: str) -> Any:
        found = said.get(name, empty)
        if not evaluate or not isinstance(found, str):
            return found
        return names[found] if found in names else eval(found, names)  # noqa: S307  it is source

    places, rest = code.co_varnames, count + keywords
    of_places, of_keywords = function.__defaults__ or (), function.__kwdefaults__ or {}
    defaults = (empty,) * (count - len(of_places)) + of_places
    taken = [
        Taken(
            name,
            Taken.POSITIONAL_ONLY if i < only else Taken.POSITIONAL_OR_KEYWORD,
            defaults[i],
            annotation(name),
        )
        for i, name in enumerate(places[:count])
    ]
    if code.co_flags & inspect.CO_VARARGS:
        taken.append(Taken(places[rest], Taken.VAR_POSITIONAL, empty, annotation(places[rest])))
        rest += 1
    taken += [
        Taken(name, Taken.KEYWORD_ONLY, of_keywords.get(name, empty), annotation(name))
        for name in places[count : count + keywords]
    ]
    if code.co_flags & inspect.CO_VARKEYWORDS:
        taken.append(Taken(places[rest], Taken.VAR_KEYWORD, empty, annotation(places[rest])))
    return taken

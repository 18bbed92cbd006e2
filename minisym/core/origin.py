"""Where in the user's program a node was composed.

Composing must stay fast, so `capture` keeps only the code objects and instruction offsets of a few
frames (about 1 us); file names, lines and carets are worked out when an error asks for them.
"""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from pathlib import Path
from types import CodeType

Origin = tuple[CodeType | int, ...]
"""Code object and instruction offset of the innermost user frame, then of its callers."""

_PACKAGE = str(Path(__file__).parents[1]) + os.sep
"""What the paths of our own files begin with; that of a `minisym_demo.py` beside us does not."""
_DEPTH = 3


class _Internal(dict[str, bool]):
    """File name -> whether it belongs to minisym; worked out once a file."""

    def __missing__(self, file: str) -> bool:
        self[file] = found = file.startswith(_PACKAGE)
        return found


_is_internal = _Internal().__getitem__
_inherited: ContextVar[Origin | None] = ContextVar("inherited origin", default=None)
_last: Origin = ()


def capture() -> Origin:
    """Return the innermost frames outside of minisym, innermost first."""
    inherited = _inherited.get()
    if inherited is not None:
        return inherited
    global _last  # noqa: PLW0603  a loop composes many nodes on one line: they share one tuple
    frame = sys._getframe(1)  # noqa: SLF001  the documented way to be fast
    while _is_internal(frame.f_code.co_filename):
        if frame.f_back is None:
            return ()
        frame = frame.f_back
    found: list[CodeType | int] = [frame.f_code, frame.f_lasti]
    for _ in range(_DEPTH - 1):
        if frame.f_back is None:
            break
        frame = frame.f_back
        found += (frame.f_code, frame.f_lasti)
    origin = tuple(found)
    if origin == _last:
        return _last
    _last = origin
    return origin


@contextmanager
def inherit(origin: Origin) -> Iterator[None]:
    """Let all nodes composed inside have this origin: a gradient's is that of its forward node."""
    token = _inherited.set(origin)
    try:
        yield
    finally:
        _inherited.reset(token)


def position(origin: Origin) -> tuple[str, int, str] | None:
    """Return file name, line and function of the innermost frame, or None if there is none."""
    if not origin:
        return None
    code, lasti = origin[0], origin[1]
    assert isinstance(code, CodeType) and isinstance(lasti, int)  # noqa: PT018
    line, *_ = next(islice(code.co_positions(), lasti // 2, None), (None,))
    return _file_name(code.co_filename), line or code.co_firstlineno, code.co_name


def _file_name(path: str) -> str:
    """Return a file's name; for a cell of a notebook what the user sees there: In[3]."""
    notebook = sys.modules.get("IPython")
    shell = notebook.get_ipython() if notebook else None
    cell = shell.compile.format_code_name(path) if shell else None
    return cell[1] if cell else Path(path).name


def describe(origin: Origin | str) -> str:
    """Return 'composed at file:line, in function', the source line, and carets below it.

    What is described already stays as it is.
    """
    if isinstance(origin, str):
        return origin
    where = position(origin)
    if where is None:
        return ""
    file, line, function = where
    inside = "" if function.startswith("<") else f", in {function}"
    text = [f"  composed at {file}:{line}{inside}"]
    code, lasti = origin[0], origin[1]
    assert isinstance(code, CodeType) and isinstance(lasti, int)  # noqa: PT018
    source = linecache.getline(code.co_filename, line)
    if source.strip():
        shown = source.rstrip()
        indent = len(shown) - len(shown.lstrip())
        text.append("    " + shown[indent:])
        _, last, begin, end = next(
            islice(code.co_positions(), lasti // 2, None), (None, None, None, None)
        )
        if begin is not None:
            # columns count UTF-8 bytes, carets count characters
            raw = shown.encode()
            start = len(raw[:begin].decode(errors="replace"))
            stop = len(raw[:end].decode(errors="replace")) if last == line else len(shown)
            text.append(" " * (4 + start - indent) + "^" * max(1, stop - start))
    return "\n".join(text)

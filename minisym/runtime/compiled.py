"""Loops compiled by numba: when, where they are kept, and what may be called in a commit.

numba is no part of minisym: `pip install minisym[fast]` brings it. Without it, or where it fails,
everything runs in NumPy, with the same bits.

A loop becomes a function of C, a *kernel*, which takes the address of a row of numbers, checked
when they were made. What is called from Python makes all rows of a table (see `loop_rows`). It is
not numba's dispatcher, which may enter Python to find out about its arguments, but the compiled
function behind it, and no Python runs within it.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from functools import cache, partial
from hashlib import sha256
from importlib import import_module
from math import sqrt
from pathlib import Path
from typing import Any, Final

import numpy as np

from minisym.core.errors import ParamError, did_you_mean
from minisym.runtime import loop_rows
from minisym.runtime.calls import Call
from minisym.runtime.loop_source import TYPES

VARIABLE: Final = "MINISYM_COMPILE"
"""The environment variable that says when loops are compiled, until `set_compile` does."""
MODES: Final = ("auto", "always", "never")

_mode: str | None = None


def set_compile(mode: str) -> None:
    """Say when updates become compiled loops, where numba is installed.

    A loop gives the bits that NumPy gives, but compiling takes some tenths of a second, or one that
    was kept on disk less. The mode holds for executors that run for the first time from then on.

    Parameters
    ----------
    mode
        `"auto"`, the default: as soon as the updates of an executor have taken half a second in
        all. `"always"`: before the first run. `"never"`: not at all. The environment variable
        `MINISYM_COMPILE` says it for programs that do not.

    Raises
    ------
    ParamError
        There is no such mode.

    Examples
    --------
    >>> set_compile("never")
    >>> get_compile()
    'never'
    >>> set_compile("auto")
    """
    global _mode  # noqa: PLW0603 - one mode for the process
    _mode = _checked(mode, "set_compile takes")


def get_compile() -> str:
    """Return when updates become compiled loops: what `set_compile` has said, or `"auto"`.

    Raises
    ------
    ParamError
        The environment variable `MINISYM_COMPILE` holds no mode.
    """
    if _mode is not None:
        return _mode
    return _checked(os.environ.get(VARIABLE, "").strip() or "auto", f"{VARIABLE} must be")


def _checked(mode: str, what: str) -> str:
    if mode not in MODES:
        raise ParamError(
            f'{what} "auto", "always" or "never", but got {mode!r:.60}',
            hint=did_you_mean(str(mode), MODES),
        )
    return mode


# ------------------------------------------------------------------------------------- compiling

_lock: Final = threading.RLock()
_found: Final[dict[str, int | None]] = {}
_kept: Final[list[Any]] = []
"""What holds the code of the kernels."""


def is_loop(function: Callable[..., Any]) -> bool:
    """Return whether a function makes the rows of compiled loops: a call of it runs no Python."""
    return bool(_kept) and function is loop_rows.compiled(loop_rows.alone)


def call_of_rows(table: Any) -> Call:
    """Return what makes all rows of a table."""
    return loop_rows.compiled(loop_rows.alone), table


def compiled(source: str, name: str) -> int | None:
    """Return the address of the kernel of a loop, `name(row)`; None if it cannot be compiled."""
    with _lock:
        if source not in _found:
            try:
                _found[source] = _compiled(source, name)
            except ImportError:
                _found[source] = None
            except Exception as error:  # noqa: BLE001 - whatever it is, NumPy can do without
                _found[source] = None
                warnings.warn(
                    f"{name} could not be compiled and runs in NumPy: "
                    f"{type(error).__name__}: {error}",
                    RuntimeWarning,
                    stacklevel=2,
                )
        return _found[source]


def _compiled(source: str, name: str) -> int:
    numba: Any = import_module("numba")
    loop_rows.compiled(loop_rows.alone)  # what calls it
    path = _written(source, name)
    given = {
        "__name__": __name__,
        "sqrt": sqrt,
        **{dtype.name: dtype.type for dtype in TYPES},
        **_views(),
    }
    code = compile(source, f"<{name}>" if path is None else str(path), "exec")
    exec(code, given)  # noqa: S102 - it was made by `loop_source`
    signature = numba.void(numba.types.CPointer(numba.int64))
    compile_it = partial(numba.cfunc, signature, error_model="numpy")
    try:
        made = compile_it(cache=path is not None)(given[name])
    except Exception:  # noqa: BLE001 - what was kept cannot be read: numba does not look
        made = compile_it()(given[name])
    _kept.append(made)
    address: int = made.address
    return address


@cache
def _views() -> dict[str, Any]:
    """Return functions for the loops, such as `float32s(address, size)`, the array there."""
    numba: Any = import_module("numba")

    def view_of(dtype: np.dtype[Any]) -> Any:
        kind = numba.types.CPointer(numba.from_dtype(dtype))

        @numba.extending.intrinsic  # type: ignore[untyped-decorator]
        def pointer(_: Any, address: Any) -> Any:
            def code(context: Any, builder: Any, _: Any, values: Any) -> Any:
                return builder.inttoptr(values[0], context.get_value_type(kind))

            return kind(address), code

        @numba.njit  # type: ignore[untyped-decorator]
        def view(address: int, size: int) -> Any:
            return numba.carray(pointer(address), size)

        return view

    return {f"{dtype.name}s": view_of(dtype) for dtype in TYPES}


# --------------------------------------------------------------------------------------- on disk


def _written(source: str, name: str) -> Path | None:
    """Keep a source as a file, beside which numba keeps what it has compiled; None if it cannot be.

    The name says what is in it, so nothing is ever written twice.
    """
    try:
        folder = _folder()
        if folder is None:
            return None
        text = source.encode()
        path = folder / f"{name}_{sha256(text).hexdigest()[:20]}.py"
        if not path.exists() or path.read_bytes() != text:
            with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
                file.write(text)
            Path(file.name).replace(path)
    except OSError:
        return None
    return path


def _folder() -> Path | None:
    """Return the user's own folder for loops; None where it could be somebody else's.

    What numba has kept there it loads and runs, so nobody else may write there.
    """
    folder = _caches() / "minisym" / "loops"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "geteuid"):
        found = folder.lstat()
        is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        if not is_own or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return None
    return folder if os.access(folder, os.W_OK) else None


def _caches() -> Path:
    """Return where a user's programs keep what they can make again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")

"""Writing files so that a reader, or a crash, never sees a half-written one.

The new content is written aside and takes the file's place when it is complete. Otherwise all is as
if the file had been opened and written: it keeps its mode and owner, a new one gets those that the
process gives, a symbolic link stays one, and pipes and devices receive what is written.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from minisym.core.errors import FormatError, NoFileError, meant

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_MARK: Final = ".minisym"
"""What ends the name of a file that is being written."""
_ROOM: Final = 50
"""How many characters of the name begin it, so that a name of any length can be saved."""

Parts = Iterable[bytes | memoryview]


def readable(path: str | os.PathLike[str], what: str) -> Path:
    """Return the path of a file to read, if there is one.

    Raises
    ------
    NoFileError
        There is none of this name; the hint names one that is close.
    FormatError
        It is a folder, or no name at all.
    """
    if not isinstance(path, str | os.PathLike):
        raise FormatError(f"{what}: the name of a file is text or a path, but got {path!r:.60}")
    found = Path(path)
    if found.is_dir():
        raise FormatError(f"{what}: {os.fspath(path)!r} is a folder", hint="name a file in it")
    if not found.exists():
        beside = [one.name for one in found.parent.iterdir()] if found.parent.is_dir() else []
        raise NoFileError(
            f"{what}: there is no file {os.fspath(path)!r}", hint=meant(found.name, beside)
        )
    return found


def write_atomically(path: Path, parts: Parts) -> None:
    """Write a file: readers see the old one or the new one, never a half of one.

    Raises
    ------
    OSError
        It cannot be written, as `open` would say it. A file that was there is as it was.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        target = _behind_links(path)
        if target is not None:
            _replace(target, None, parts)
            return
    else:
        target = _behind_links(path) if stat.S_ISREG(found.st_mode) else None
        if target is not None:
            _replace(target, found, parts)
            return
    with _opened(path) as file:  # a pipe, a device, a stream of this process
        for part in parts:
            file.write(part)


def write_text(path: Path, text: str, *, errors: str = "strict") -> None:
    """Write a text likewise, in UTF-8."""
    write_atomically(path, [text.encode("utf-8", errors)])


def remove_leftovers(path: Path) -> None:
    """Remove what processes that died while they wrote this file have left beside it.

    Of a process that is still writing, nothing is touched: it holds a lock.
    """
    if fcntl is None:
        return
    whole = path.resolve()
    pattern = re.compile(rf"\.{re.escape(whole.name[:_ROOM])}\.[0-9a-f]{{16}}{re.escape(_MARK)}")
    for left in whole.parent.iterdir():
        if pattern.fullmatch(left.name):
            with suppress(OSError), left.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()


def _behind_links(path: Path) -> Path | None:
    """Return the file that links lead to; None if it is one that a process has open.

    What `/dev/stdout` and its like lead to has a name, but whoever reads it does not go by that.
    """
    while path.is_symlink():
        if os.path.realpath(path.parent).startswith("/proc/"):
            return None
        path = path.parent / path.readlink()
    return path


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open what is no plain file; a pipe that nobody reads is an error, not a wait for ever."""
    flags = os.O_WRONLY | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    number = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(number, "wb") as file:
        if hasattr(os, "set_blocking"):
            os.set_blocking(number, True)
        yield file


def _replace(path: Path, old: os.stat_result | None, parts: Parts) -> None:
    """Write a plain file aside, and put it in the place of the old one."""
    if old is not None and not os.access(path, os.W_OK):
        raise PermissionError(13, "Permission denied", str(path))
    aside = path.with_name(f".{path.name[:_ROOM]}.{secrets.token_hex(8)}{_MARK}")
    try:
        file = aside.open("xb")
    except OSError as error:  # it is the file that the user knows
        raise OSError(error.errno, error.strerror, str(path)) from None
    with file:
        try:
            if fcntl is not None:
                with suppress(OSError):  # file systems that lock nothing
                    fcntl.flock(file, fcntl.LOCK_EX)
            if old is not None:
                _take_over(aside, old)
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
            if fcntl is None:  # Windows moves no open file
                file.close()
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise


def _take_over(path: Path, old: os.stat_result) -> None:
    """Give a file the owner, as far as that is allowed, and the mode of another."""
    new = path.stat()
    if hasattr(os, "chown") and (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        with suppress(PermissionError):
            os.chown(path, old.st_uid, old.st_gid)
    path.chmod(stat.S_IMODE(old.st_mode))

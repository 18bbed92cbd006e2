"""Models in archives, such as the `model.tar.gz` of a training job: read, and never unpacked.

Members are read in memory, so nothing is written anywhere. How much is read is bounded by the size
of the archive, however large it says that its members are.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Final

from minisym.core.errors import FormatError

_MOST_MEMBERS: Final = 10_000
_FREE, _MOST_TIMES, _MOST = 1 << 26, 64, 1 << 34
"""So many bytes an archive may hold, so many times its own size beyond that, and never more."""


class _Bounded(io.RawIOBase):
    """A stream that refuses to give more than some bytes in all, whatever it is asked for."""

    def __init__(self, inner: Any, most: int, name: str, *, packed: bool) -> None:
        self.inner, self.left, self.name, self.packed = inner, most, name, packed

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read again."""
        return True

    def tell(self) -> int:
        """Return the place."""
        return int(self.inner.tell())

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place; what lies on the way is unpacked, and counts as read."""
        if not self.packed:
            return int(self.inner.seek(offset, whence))
        target = offset if whence == 0 else self.inner.tell() + offset
        if target < self.inner.tell():
            self.inner.seek(0)
        while (far := target - self.inner.tell()) > 0:
            if not self.read(min(far, 1 << 20)):
                break
        return int(self.inner.tell())

    def read(self, size: int = -1) -> bytes:
        """Read some bytes."""
        wanted = self.left + 1 if size < 0 else min(size, self.left + 1)
        found: bytes = self.inner.read(wanted)
        self.left -= len(found)
        if self.left < 0:
            message = f"{self.name} unpacks to more than its size can hold of a model"
            raise FormatError(message, hint="if you trust it, unpack it: tar -xf")
        return found


class Archive:
    """The files in a tar archive, by their paths in it."""

    def __init__(self, name: str, tar: Any) -> None:
        self.name, self._tar = name, tar
        self._members = {}
        for number, member in enumerate(tar, 1):
            path = PurePosixPath(member.name)
            if path.is_absolute() or ".." in path.parts:
                raise FormatError(
                    f"{name} is no archive of a model: it has a member {member.name!r:.80}, "
                    "which points out of it",
                )
            if number > _MOST_MEMBERS:
                raise FormatError(f"{name} is no archive of a model: it has too many members")
            self._members[str(path)] = member

    @property
    def names(self) -> list[str]:
        """The paths of all that is in it."""
        return [*self._members]

    def read(self, path: str) -> bytes:
        """Return what a member holds.

        Raises
        ------
        FormatError
            It is no plain file: a link, or one with holes.
        """
        member = self._members[path]
        if not member.isreg() or member.issparse():
            kind = "a link" if member.issym() or member.islnk() else "no plain file"
            message = f"{self.name}: its member {path!r:.80} is {kind}, and is not followed"
            raise FormatError(message, hint="pack the file itself")
        file = self._tar.extractfile(member)
        assert file is not None
        found: bytes = file.read()
        if len(found) < member.size:
            raise FormatError(f"{self.name}: its member {path!r:.80} is cut short")
        return found


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open an archive, compressed by gzip or not.

    Raises
    ------
    FormatError
        It is no archive, corrupt, too large for its size, or has members outside of itself.
    """
    import tarfile

    with path.open("rb") as file:
        size = path.stat().st_size
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        # it is read three times at most: for the names, the symbol, and the parameters
        most = 3 * (min(_MOST, _FREE + _MOST_TIMES * size) if packed else size)
        inner = gzip.GzipFile(fileobj=file) if packed else file
        stream: Any = _Bounded(inner, most, path.name, packed=packed)
        try:
            with tarfile.open(fileobj=stream, mode="r:") as tar:
                yield Archive(path.name, tar)
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            message = f"{path.name} is no sound archive: {error}"
            raise FormatError(message, hint="was it downloaded as a whole?") from None

"""What a file is that is not what it was taken for, and what to do about it."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 512
"""How many bytes at the beginning of a file tell what it is."""

ARRAYS: Final = "a file of MXNet arrays"
JSON: Final = "JSON text"
_LFS: Final = b"version https://git-lfs.github.com/spec/"
_PAGE: Final = re.compile(rb"<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_MAGIC: Final = {
    b"\x12\x01\0\0\0\0\0\0": (ARRAYS, "ms.nd.load reads arrays"),
    b"\x1f\x8b": ("compressed by gzip", "unpack it: gunzip"),
    b"BZh": ("compressed by bzip2", "unpack it: bunzip2"),
    b"\xfd7zXZ\0": ("compressed by xz", "unpack it: unxz"),
    b"PK\x03\x04": ("a zip archive", "unpack it; if NumPy wrote it (.npz), np.load reads it"),
    b"\x93NUMPY": ("an array of NumPy's (.npy)", "np.load reads it"),
    b"\x89HDF\r\n": ("an HDF5 file", "h5py reads it; ms.nd.save writes what MXNet reads"),
    b"\x89PNG": ("a picture", None),
    b"\x7fELF": ("a program", None),
    b"%PDF-": ("a PDF document", None),
    b"\xff\xfe": ("text in UTF-16", "save it as UTF-8"),
    b"\xfe\xff": ("text in UTF-16", "save it as UTF-8"),
}
_PICKLE: Final = re.compile(rb"\x80[\x02-\x05].", re.DOTALL)


def recognized(head: bytes, expected: str) -> tuple[str, str | None] | None:
    """Return what a file is that begins so, in words, and a hint.

    None if that cannot be said, or if it is what was expected.

    >>> recognized(b"<!DOCTYPE html>", JSON)
    ('a web page', 'the address was that of a page about the file: ask for the raw file')
    """
    found = _recognized(head)
    return None if found is not None and found[0] == expected else found


def _recognized(head: bytes) -> tuple[str, str | None] | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(_LFS):
        size = re.search(rb"^size (\d+)$", text, re.MULTILINE)
        told = f" of {int(size[1]):,} bytes" if size and len(size[1]) < 20 else ""
        return f"a pointer of Git LFS, not the file{told} itself", "git lfs pull fetches the file"
    if _PAGE.match(text):
        return "a web page", "the address was that of a page about the file: ask for the raw file"
    if text.startswith(b"<"):
        return "an XML document", "did a server answer with an error?"
    for magic, found in _MAGIC.items():
        if head.startswith(magic):
            return found
    if _PICKLE.match(head):
        return "a pickle", "minisym reads none: whoever reads a pickle runs what is in it"
    if head[257:262] == b"ustar":
        return "a tar archive", "unpack it: tar -xf"
    if re.match(rb'[{]\s*"', text):
        return JSON, "ms.sym.load reads symbols"
    return ("empty", "did a download fail?") if not text else None


def looks_like_a_name(text: str) -> bool:
    """Return whether a text is rather the name of a file than its content.

    >>> looks_like_a_name("models/net-symbol.json"), looks_like_a_name('{"nodes": []}')
    (True, False)
    """
    ends = (".json", ".params", ".txt", ".gz")
    return len(text) < 4096 and text.isprintable() and text.strip().lower().endswith(ends)

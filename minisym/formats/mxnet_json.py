"""MXNet's symbol files: `-symbol.json`.

A file lists nodes in depth-first order, each with its op ('null' for a variable), name, attributes
(strings) and inputs ([node, output, version]); then the heads. `tojson` writes what MXNet 1.9.1
writes, `load_json` reads what any version wrote: three spellings of the attributes, entries of two
or three numbers, states that old versions did not store. An op that nobody knows becomes an opaque
node, which lists, draws and saves.

Nothing in a file is trusted: every index is checked, cycles are named, nothing is evaluated.
Reading goes in steps: `json_draft` checks, `json_legacy` upgrades, `json_nodes` makes the graph.
"""

from __future__ import annotations

import os
from pathlib import Path

from minisym.core.collector import paused
from minisym.core.errors import ArrayTypeError, FormatError
from minisym.core.files import write_atomically
from minisym.core.symbol import Symbol
from minisym.formats.foreign import JSON, LONGEST, recognized
from minisym.formats.json_draft import parse
from minisym.formats.json_nodes import read
from minisym.formats.json_text import text_of


def tojson(symbol: Symbol, remove_amp_cast: bool = True) -> str:
    """Return the symbol as text that MXNet 1.9.1 loads, laid out as MXNet does."""
    return text_of(symbol.graph, remove_amp_cast=remove_amp_cast)


def save(symbol: Symbol, fname: str | os.PathLike[str], remove_amp_cast: bool = True) -> None:
    """Write the symbol to a file; an interrupted write leaves what was there."""
    write_atomically(Path(fname), [tojson(symbol, remove_amp_cast=remove_amp_cast).encode()])


def load(fname: str | os.PathLike[str]) -> Symbol:
    """Read a symbol from a `-symbol.json` file.

    Raises
    ------
    FormatError
        The file is no symbol; the message says where and why.
    OSError
        It cannot be read.
    """
    if not isinstance(fname, str | os.PathLike):
        message = f"load takes a file name, but got {fname!r}"
        raise ArrayTypeError(message)
    path = Path(fname)
    return loads(path.read_bytes(), path.name)


def loads(raw: bytes, name: str) -> Symbol:
    """Make a symbol of the bytes of a file; errors call it by its name."""
    try:
        return _symbol(raw.decode())
    except UnicodeDecodeError as error:
        other = recognized(error.object[:LONGEST], JSON)
        why = f"it is {other[0]}" if other else f"byte {error.start} is no UTF-8 text"
        message = f"{name} is no symbol file: {why}"
        raise FormatError(message, hint=other and other[1]) from None
    except FormatError as error:
        raise FormatError(f"{name}: {error.sentence}", hint=error.hint) from None


def load_json(json_str: str) -> Symbol:
    """Make a symbol of the text of a `-symbol.json` file.

    >>> import minisym as ms
    >>> net = ms.sym.tanh(ms.sym.Variable("x"), name="t")
    >>> ms.sym.load_json(net.tojson()).list_outputs()
    ['t_output']
    """
    if not isinstance(json_str, str):
        message = f"load_json takes a string, but got {type(json_str).__name__}"
        raise ArrayTypeError(message, hint="load reads a file")
    return _symbol(json_str)


def _symbol(text: str) -> Symbol:
    with paused():
        return read(parse(text))

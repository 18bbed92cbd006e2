"""What all commands share: where they write, how they fail, and which files they are given."""

from __future__ import annotations

import glob
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, ParamSpec

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from minisym.core.errors import MinisymError
from minisym.saved.load import load_model
from minisym.saved.model import Model

P = ParamSpec("P")

FOUND = 1
"""The exit status where a problem or a difference was found."""
USELESS = 2
"""The exit status where a file or an argument is no good."""
WIDE = 1000
"""Columns where there is no terminal: tables are as wide as they need to be."""

_ENDINGS = (
    "-symbol.json", ".json", ".tar.gz", ".tgz", ".tar", ".params", ".npz", ".safetensors", ".onnx",
)  # fmt: skip


class _Console(Console):
    def on_broken_pipe(self) -> None:
        # rich would end with 1, which here means that a problem was found; see `legibly`
        raise BrokenPipeError


def out() -> Console:
    """Return where results go: to a terminal in its width, elsewhere without folding lines."""
    return _Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def err() -> Console:
    """Return where everything else goes."""
    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else WIDE)


def fail(message: str, hint: str | None = None) -> NoReturn:
    """End with an error, in words."""
    console = err()
    console.print(f"[bold red]error:[/] {escape(message)}")
    if hint:
        console.print(f"  hint: {escape(hint)}")
    raise typer.Exit(USELESS)


def legibly(command: Callable[P, None]) -> Callable[P, None]:
    """Let a command fail in words: what minisym refuses, and files that cannot be had."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except BrokenPipeError:
            # whoever reads has enough; nothing more is written, not even at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except MinisymError as error:
            sentence, _, rest = str(error).partition("\n")
            err().print(f"[bold red]error:[/] {escape(sentence)}")
            if rest.strip():
                err().print(escape(rest.strip("\n")))
            raise typer.Exit(USELESS) from None
        except OSError as error:
            name = f"{error.filename}: " if error.filename else ""
            fail(f"{name}{error.strerror or error}")
        except MemoryError:
            fail("there is not enough memory for that")

    return run


def files(patterns: Sequence[str]) -> list[str]:
    """Return the files that some names and patterns stand for; a name stands for itself."""
    found: list[str] = []
    for pattern in patterns:
        # glob and not pathlib: what follows a pattern's folder may be of any depth
        is_pattern = glob.has_magic(pattern) and not Path(pattern).exists()
        matches = sorted(glob.glob(pattern)) if is_pattern else [pattern]  # noqa: PTH207
        if not matches:
            fail(f"no file is like {pattern!r}")
        found += matches
    return found


def each_model(
    names: Sequence[str],
    epoch: int | None,
    params: Path | None,
    act: Callable[[str, Model], None],
) -> int:
    """Load one model after the other and do something with it; return the exit status.

    Where there are several, a bar shows how far it is; one that fails is told of, and the others
    have their turn.
    """
    status = 0
    shown = len(names) > 1 and sys.stderr.isatty()  # a colour may be forced on a file, but no bar
    with Progress(console=err(), transient=True, disable=not shown) as progress:
        task = progress.add_task("reading", total=len(names))
        for name in names:
            progress.update(task, description=escape(Path(name).name))
            try:
                legibly(lambda name=name: act(name, load_model(name, epoch, params=params)))()
            except typer.Exit as ended:
                if len(names) == 1 or ended.exit_code != USELESS:
                    raise
                err().print(f"  in {escape(name)}")
                status = USELESS
            progress.advance(task)
    return status


def end(status: int) -> None:
    """End with this exit status, if it is not that of success."""
    if status:
        raise typer.Exit(status)


def name_each(names: Sequence[str], output: Path | None, ending: str, mark: str = "") -> list[Path]:
    """Return how what is made of each file is called.

    `output` is a name, which goes for one file; or an ending alone, or a folder: then each is named
    after its file, with the mark behind. Without it they have the ending, and lie here.

    >>> [str(path) for path in name_each(["old/a-symbol.json", "b"], Path(".png"), ".svg")]
    ['a.png', 'b.png']
    """
    if output is None or output.is_dir():
        folder = output or Path()
    elif output.name.startswith("."):
        folder, ending = output.parent, output.name
    elif len(names) == 1:
        return [output]
    else:
        fail(
            f"{output} is one name for what is made of {len(names)} files",
            f"a folder, or an ending such as {output.suffix or '.npz'}, names each after its file",
        )
    made = [folder / f"{stem(name)}{mark}{ending}" for name in names]
    for path, count in Counter(made).items():
        if count > 1:
            fail(f"{path} would be made of {count} files", "one call for each names them apart")
    return made


def stem(file: str) -> str:
    """Return a name for what is made of a file.

    >>> stem("old/net-symbol.json")
    'net'
    """
    name = Path(file).resolve().name
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name or "net"


def target(path: Path, *, force: bool) -> Path:
    """Refuse to write over a file, unless told to."""
    if path.exists() and not force:
        fail(f"{path} is there already", "--force writes over it")
    if not path.parent.is_dir():
        fail(f"there is no folder {path.parent}", f"make it first: {path.name} goes there")
    return path


def print_json(value: Any) -> None:
    """Print data for another program."""
    out().print_json(data=value, default=_plain, highlight=False)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple | set | frozenset) else str(value)

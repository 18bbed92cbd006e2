"""Engines that lay out DOT: the program `dot` on the path, or the one that a wheel brings.

The `graphviz` package only writes DOT. `pip install 'minisym[viz]'` installs the program
`graphviz-pure` (no module), which is looked for where this Python's scripts are, too: the path need
not name that directory.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from minisym.core.errors import MinisymError

WHEEL: Final = "graphviz-pure"
INSTALL: Final = (
    "pip install 'minisym[viz]' brings an engine; so does a Graphviz with `dot` on the path"
)


class EngineError(MinisymError, RuntimeError):
    """There is no program that lays out a picture, or it failed."""


def find_engine() -> str | None:
    """Return the path of a program that lays out DOT, or None."""
    return shutil.which("dot") or find_wheel()


def find_wheel() -> str | None:
    """Return the path of the wheel's program, or None."""
    return shutil.which(WHEEL) or next(
        (path for folder in _script_folders() if (path := shutil.which(WHEEL, path=folder))), None
    )


def is_wheel_needed() -> bool:
    """Return whether there is no `dot`, but the wheel's program."""
    return shutil.which("dot") is None and find_wheel() is not None


def _script_folders() -> Iterator[str]:
    yield str(Path(sys.executable).parent)
    yield sysconfig.get_path("scripts")
    yield sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user"))


def render(dot_source: str, format: str = "svg", *, timeout: float = 20.0) -> bytes | None:
    """Lay out DOT source; return the picture, or None where that is not possible.

    It never raises: a repr may call it. `run_engine` says what is wrong.

    >>> render("this is no DOT") is None
    True
    """
    try:
        return run_engine(dot_source, format, timeout=timeout)
    except (EngineError, OSError, ValueError):
        return None


def run_engine(
    dot_source: str,
    format: str = "svg",
    *,
    layout: str = "dot",
    timeout: float | None = None,
) -> bytes:
    """Lay out DOT source and return the picture.

    Parameters
    ----------
    dot_source
        What to lay out.
    format
        "svg", "png", "pdf", … The wheel writes no PDF of its own: then it is a sharp image in one.
    layout
        Graphviz' layout: dot, neato, …
    timeout
        Seconds until the engine is stopped.

    Raises
    ------
    EngineError
        There is no engine, it does not write this format, takes too long, or refuses the source.
    """
    program = find_engine()
    if program is None:
        message = f"there is no program to make a {format} of a graph"
        raise EngineError(message, hint=INSTALL)
    is_wheel = Path(program).stem == WHEEL
    if is_wheel and format == "pdf":
        from minisym.show.pdf import page_of_jpeg

        photo = _run([program, f"-K{layout}", "-Tjpg", "-Gdpi=192"], dot_source, timeout)
        return page_of_jpeg(photo, dpi=192)
    return _run([program, f"-K{layout}", f"-T{format}"], dot_source, timeout)


def _run(command: list[str], dot_source: str, timeout: float | None) -> bytes:
    try:
        done = subprocess.run(
            command,
            input=dot_source.encode("utf-8", "replace"),
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"{Path(command[0]).name} did not lay out the graph within {timeout:g} s"
        raise EngineError(message, hint='draw less of it: collapse="scope"') from None
    except OSError as error:
        message = f"{command[0]} could not be started: {error}"
        raise EngineError(message, hint=INSTALL) from None
    if done.returncode or not done.stdout:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = said[0] if said else f"it ended with {done.returncode}"
        message = f"{Path(command[0]).name} refused: {reason}"
        raise EngineError(message)
    return done.stdout

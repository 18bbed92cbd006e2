"""Engines that lay out DOT: the program `dot` on the path, or the one that a wheel brings.

The `graphviz` package only writes DOT. `pip install 'minisym[viz]'` installs the program
`graphviz-pure` (no module), which is looked for where this Python's scripts are, too: the path need
not name that directory.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from minisym.core.errors import MinisymError

WHEEL: Final = "graphviz-pure"
INSTALL: Final = (
    "pip install 'minisym[viz]' brings an engine; so does a Graphviz with `dot` on the path"
)


_FRAME: Final = re.compile(r'^(\s*)subgraph "cluster:(?!title")', re.MULTILINE)
_ROWS: Final = re.compile(r"(\s*)newrank=true([,;])")


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
    import sysconfig

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
        There is no engine, it does not write this format, takes too long, or refuses the source,
        and what `simpler` makes of it, too.
    """
    program = find_engine()
    if program is None:
        message = f"there is no program to make a {format} of a graph"
        raise EngineError(message, hint=INSTALL)
    is_wheel = Path(program).stem == WHEEL
    made = ["-Tjpg", "-Gdpi=192"] if is_wheel and format == "pdf" else [f"-T{format}"]
    command = [program, f"-K{layout}", *made]
    end = None if timeout is None else time.monotonic() + timeout
    try:
        picture = _run(command, dot_source, timeout)
    except _RefusedError as refusal:
        for source in simpler(dot_source):
            left = None if end is None else max(0.0, end - time.monotonic())
            try:
                picture = _run(command, source, left)
            except EngineError:
                continue
            break
        else:
            raise EngineError(refusal.sentence) from None
    if is_wheel and format == "pdf":
        from minisym.show.pdf import page_of_jpeg

        return page_of_jpeg(picture, dpi=192)
    return picture


def simpler(dot_source: str) -> Iterator[str]:
    r"""Yield a picture's source with less and less that an engine might stumble over.

    Engines give up on some graphs that are none too large. Rather than nothing they then draw the
    boxes in other rows, without frames, and at last with straight links.

    >>> for source in simpler('digraph {\n  newrank=true;\n  subgraph "cluster:fc" {"a"}\n}\n'):
    ...     print(source, end="")
    digraph {
      subgraph "cluster:fc" {"a"}
    }
    digraph {
      newrank=true;
      subgraph "fc" {"a"}
    }
    digraph {
      splines=line;
      subgraph "fc" {"a"}
    }
    """
    yield _ROWS.sub("", dot_source)  # newrank=false would not do: dot 2.43 ignores the value
    bare = _FRAME.sub(r'\1subgraph "', dot_source)
    yield bare
    yield _ROWS.sub(r"\1splines=line\2", bare)


class _RefusedError(EngineError):
    """An engine was there, and said no."""


def _run(command: list[str], dot_source: str, timeout: float | None) -> bytes:
    import subprocess

    name = Path(command[0]).name
    try:
        done = subprocess.run(
            command,
            input=dot_source.encode("utf-8", "replace"),
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"{name} did not lay out the graph within {timeout:g} s"
        raise EngineError(message, hint='draw less of it: collapse="scope"') from None
    except OSError as error:
        message = f"{command[0]} could not be started: {error}"
        raise EngineError(message, hint=INSTALL) from None
    if done.returncode or not done.stdout:
        said = done.stderr.decode("utf-8", "replace")
        message = f"{name} refused: {reason(said) or f'it ended with {done.returncode}'}"
        raise _RefusedError(message)
    return done.stdout


def reason(said: str) -> str:
    r"""Return why an engine gave up, out of all that it said.

    >>> reason("Warning: no value for width of a character\nError: trouble in init_rank\n  t 3")
    'trouble in init_rank'
    """
    lines = said.strip().splitlines()
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    others = [line for line in lines if not line.startswith("Warning: ")]
    return next(iter([*errors, *others, *lines]), "")

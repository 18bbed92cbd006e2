"""The command `minisym`: look at, check, run, cut, compare and convert models, without Python.

    minisym show net-symbol.json
    minisym run net --data cat.jpg --labels synset.txt

`minisym --help` lists the commands. They need the extra `cli` (typer, rich and Pillow). The exit
status is 0 where all is well, 1 where a problem or a difference was found, and 2 where a file or an
argument is no good.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

NEEDED = 'the command needs typer and rich: pip install "minisym[cli]"'


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, by default those of the process.

    Raises
    ------
    SystemExit
        Always: with the exit status.
    """
    try:
        from minisym.cli.commands import app
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in {"typer", "rich", "click"}:
            raise
        sys.stderr.write(f"minisym: {NEEDED}\n")
        raise SystemExit(2) from None
    app(args=None if arguments is None else list(arguments), prog_name="minisym")

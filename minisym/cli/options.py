"""What commands take: arguments and options that mean the same in all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

File = Annotated[str, typer.Argument(help="A file, a prefix or a folder.", show_default=False)]
Files = Annotated[
    list[str], typer.Argument(help="Files, prefixes, folders or patterns.", show_default=False)
]
Epoch = Annotated[Optional[int], typer.Option(help="Of which epoch the parameters are.")]  # noqa: UP045
Params = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(help="The file of parameters, where its name does not go with the symbol's."),
]
Shape = Annotated[
    list[str], typer.Option(help="The shape of an input: data=1,3,224,224. May be repeated.")
]
Data = Annotated[
    list[str],
    typer.Option(help="An input: FILE or NAME=FILE (.npy, .npz, or an image). May be repeated."),
]
Json = Annotated[bool, typer.Option("--json", help="Print data for another program.")]
Force = Annotated[bool, typer.Option("--force", "-f", help="Write over what is there.")]
Output = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "-o", "--output",
        help="Where to write: a name, a folder, or an ending alone, such as .npz, which names each "
        "after its file.",
    ),
]  # fmt: skip

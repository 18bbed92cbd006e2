"""The program: its commands, which are functions of the modules beside this one."""

from __future__ import annotations

from typing import Annotated

import typer

import minisym as ms
from minisym import launch as launcher
from minisym.cli import look, make, predict
from minisym.cli.terminal import legibly, out

app = typer.Typer(
    help="Look at, check, run, cut, compare and convert models: MXNet's -symbol.json and .params, "
    "archives of them, and what `convert` writes. FILE may be a file, a prefix or a folder.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

for command in (
    look.show, look.check, make.plot, predict.run, make.cut, look.diff, look.params, make.convert,
    look.bench,
):  # fmt: skip
    app.command()(legibly(command))


@app.command(
    add_help_option=False,  # the launcher has its own
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def launch(context: typer.Context) -> None:
    """Run a training script in several processes: minisym launch -n 4 train.py."""
    launcher.main(context.args, name="minisym launch")


def _version(wanted: bool) -> None:
    if wanted:
        out().print(f"minisym {ms.__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    pass

"""Commands that make a file of a model: plot, cut, convert."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

import minisym as ms
from minisym.cli.options import Epoch, Files, Force, Output, Params, Shape
from minisym.cli.shapes import all_known, complete, refuse_part, shapes_of
from minisym.cli.terminal import each_model, end, fail, files, name_each, out, target
from minisym.core.errors import listed
from minisym.core.files import write_text
from minisym.saved.load import PACKED
from minisym.saved.model import Model

_ENDING: Final = re.compile(r"\.[A-Za-z]\w*")
"""What says a format: `.xyz` does, and the number in `mobilenet-0.25` does not."""


def plot(
    file: Files,
    output: Output = None,
    shape: Shape = [],  # noqa: B006
    epoch: Epoch = None,
    params: Params = None,
    weights: Annotated[bool, typer.Option(help="Draw the weights, too.")] = False,
    force: Force = False,
) -> None:
    """Draw networks: svg, png, pdf, dot, mmd, txt, or html, a page to search and click in."""
    names = files(file)
    places = dict(zip(names, name_each(names, output, ".svg"), strict=True))
    for path in places.values():
        target(path, force=force)

    def draw(name: str, model: Model) -> None:
        path, shapes = places[name], all_known(model, shapes_of(shape))
        if path.suffix == ".html":
            model.prediction.to_html(path, shape=shapes)
        else:
            ms.viz.save_picture(model.prediction, path, shape=shapes, hide_weights=not weights)
        out().print(escape(str(path)))

    end(each_model(names, epoch, params, draw))


def cut(
    file: Files,
    at: Annotated[list[str], typer.Option(help="The layer it is to end in. May be repeated.")],
    output: Output = None,
    epoch: Epoch = None,
    params: Params = None,
    force: Force = False,
) -> None:
    """Write the part of a model that ends in a layer."""
    names = files(file)
    places = dict(zip(names, name_each(names, output, "", f"-{'-'.join(at)}"), strict=True))
    for place in places.values():
        _writable(place, PACKED, force=force)

    def write(name: str, model: Model) -> None:
        for path in model.cut(at if len(at) > 1 else at[0]).save(places[name]):
            out().print(escape(str(path)))

    end(each_model(names, epoch, params, write))


def convert(
    file: Files,
    to: Annotated[
        Path,
        typer.Argument(
            help="A file .onnx, .safetensors, .npz, .py; a prefix, for MXNet's two files; an "
            "ending alone, or a folder, which name each after its file.",
            show_default=False,
        ),
    ],
    shape: Shape = [],  # noqa: B006
    half: Annotated[bool, typer.Option(help="In float16.")] = False,
    rename: Annotated[
        bool, typer.Option(help="Rename the arrays to what `check` says is meant.")
    ] = False,
    fixed_batch: Annotated[bool, typer.Option(help="ONNX: keep the batch as it is given.")] = False,
    opset: Annotated[int, typer.Option(help="ONNX: its version.")] = 17,
    epoch: Epoch = None,
    params: Params = None,
    force: Force = False,
) -> None:
    """Write models in another form: ONNX, safetensors, NumPy, Python source, or MXNet's pair."""
    names = files(file)
    places = dict(zip(names, name_each(names, to, ""), strict=True))
    for place in places.values():
        _writable(place, (".onnx", *PACKED, ".py"), force=force)

    def write(name: str, model: Model) -> None:
        model = model.rename(model.check().names) if rename else model
        model = model.half() if half else model
        written = [place := places[name]]
        if place.suffix == ".onnx":
            refuse_part(model)
            shapes = complete(model, shapes_of(shape))
            ms.onnx.export(
                model.symbol, place, model.params, shapes, opset=opset,
                dynamic_batch=not fixed_batch,
            )  # fmt: skip
        elif place.suffix == ".py":
            write_text(place, ms.export.python(model.symbol))
        else:
            written = model.save(place)
        for path in written:
            out().print(escape(str(path)))

    end(each_model(names, epoch, params, write))


def _writable(place: Path, forms: Sequence[str], *, force: bool) -> None:
    """Refuse a name of no form of a model, and to write over any file of one."""
    if place.suffix in forms:
        target(place, force=force)
        return
    if _ENDING.fullmatch(place.suffix):
        prefix = place.with_suffix("")
        fail(
            f"{place} ends in {place.suffix}, and no form of a model that is written here does",
            f"known are {listed(forms)}, and a prefix, such as {prefix}, for MXNet's two files",
        )
    for ending in ("-symbol.json", "-0000.params"):
        target(place.with_name(place.name + ending), force=force)

"""The command that predicts: run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import numpy as np
import typer
from rich.markup import escape
from rich.table import Table

from minisym.cli.data import Images, read_inputs, read_labels
from minisym.cli.options import Data, Epoch, Files, Force, Json, Output, Params
from minisym.cli.shapes import refuse_part, wants
from minisym.cli.terminal import each_model, end, fail, files, name_each, out, print_json, target
from minisym.core.ndarray import Array
from minisym.saved.model import Model


def run(
    file: Files,
    data: Data = [],  # noqa: B006
    output: Output = None,
    size: Annotated[str, typer.Option(help="Resize images: HEIGHTxWIDTH, or one number.")] = "",
    stretch: Annotated[bool, typer.Option(help="Resize without keeping proportions.")] = False,
    channels: Annotated[str, typer.Option(help="rgb, bgr or gray.")] = "rgb",
    mean: Annotated[str, typer.Option(help="What is subtracted: 123.68,116.78,103.94")] = "0",
    std: Annotated[str, typer.Option(help="What is divided by, after that.")] = "1",
    scale: Annotated[float, typer.Option(help="Multiplies values 0 to 255, first.")] = 1.0,
    labels: Annotated[Optional[Path], typer.Option(help="Names of classes, a line each.")] = None,  # noqa: UP045
    top: Annotated[int, typer.Option(help="How many classes to print.", min=1)] = 5,
    epoch: Epoch = None,
    params: Params = None,
    json: Json = False,
    force: Force = False,
) -> None:
    """Predict: print the best classes of each row, or what the outputs are; write them with -o."""
    if channels not in {"rgb", "bgr", "gray"}:
        fail(f"--channels takes rgb, bgr or gray, but got {channels!r}")
    models = files(file)
    places: dict[str, Path] = {}
    if output is not None:
        places = dict(zip(models, name_each(models, output, ".npz"), strict=True))
        for path in places.values():
            if path.suffix not in {".npz", ".npy"}:
                fail(f"-o takes a name that ends in .npz or .npy, but got {path}")
            target(path, force=force)
    images = Images(
        _size(size), not stretch, channels, _numbers(mean, "--mean"), _numbers(std, "--std"), scale
    )
    names = read_labels(labels) if labels else []
    found: list[dict[str, Any]] = []

    def predict(file: str, model: Model) -> None:
        if not data:
            fail("there is nothing to predict from", f"--data FILE; {wants(model)}")
        refuse_part(model)
        made = model(read_inputs(data, model.inputs, images))
        outputs: list[Array] = made if isinstance(made, list) else [made]
        pairs = list(zip(model.outputs, outputs, strict=True))
        if file in places:
            _write(places[file], pairs)
        found.append({"file": file, "outputs": [_told(n, a, top, names) for n, a in pairs]})
        if json:
            return
        if len(models) > 1:
            out().print(f"[bold]{escape(file)}[/]")
        for name, array in pairs:
            # no title of the table: that would be folded to its width
            out().print(f"[italic]{escape(name)}[/] ({'×'.join(map(str, array.shape))})")
            out().print(_table(array, top, names))

    status = each_model(models, epoch, params, predict)
    if json:
        print_json(found)
    end(status)


def _size(given: str) -> tuple[int, int] | None:
    if not given:
        return None
    parts = given.lower().replace(",", "x").split("x")
    if len(parts) > 2 or not all(part.isdigit() and int(part) for part in parts):
        fail(f"--size takes HEIGHTxWIDTH or one number, but got {given!r}")
    return int(parts[0]), int(parts[-1])


def _numbers(given: str, option: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in given.split(","))
    except ValueError:
        fail(f"{option} takes numbers such as 123.68,116.78,103.94, but got {given!r}")


def _write(path: Path, pairs: list[tuple[str, Array]]) -> None:
    if path.suffix == ".npy":
        if len(pairs) > 1:
            fail(f"the model has {len(pairs)} outputs, and .npy holds one", "-o out.npz")
        np.save(path, pairs[0][1])
    else:
        np.savez(path, **dict(pairs))  # type: ignore[arg-type]


def _is_classes(array: Array) -> bool:
    return array.ndim == 2 and array.shape[1] > 1


def _best(row: Array, top: int, labels: list[str]) -> list[tuple[int, str, float]]:
    order = np.argsort(-row, kind="stable")[:top]
    return [(int(i), labels[i] if i < len(labels) else "", float(row[i])) for i in order]


def _told(name: str, array: Array, top: int, labels: list[str]) -> dict[str, Any]:
    said: dict[str, Any] = {"output": name, "shape": list(array.shape)}
    if _is_classes(array):
        said["rows"] = [
            [{"class": i, "label": label, "value": v} for i, label, v in _best(row, top, labels)]
            for row in array
        ]
    elif array.size <= 100:
        said["values"] = array
    return said


def _table(array: Array, top: int, labels: list[str]) -> Table:
    table = Table()
    if not _is_classes(array):
        for column in ("smallest", "mean", "largest"):
            table.add_column(column, justify="right")
        if array.size:
            table.add_row(*(f"{f(array):.6g}" for f in (np.min, np.mean, np.max)))
        return table
    for column in ("row", "class", "label", "value"):
        table.add_column(column, justify="left" if column == "label" else "right")
    for number, row in enumerate(array):
        for place, (i, label, value) in enumerate(_best(row, top, labels)):
            table.add_row(str(number) if not place else "", str(i), escape(label), f"{value:.6g}")
    return table

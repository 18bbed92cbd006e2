"""Commands that look: show, check, diff, params, bench."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.markup import escape
from rich.table import Table

import minisym as ms
from minisym.cli.data import Images, read_inputs
from minisym.cli.options import Data, Epoch, File, Files, Force, Json, Output, Params, Shape
from minisym.cli.shapes import complete, example, of_prediction, refuse_part, shapes_of
from minisym.cli.terminal import FOUND, each_model, end, err, fail, files, out, print_json, target
from minisym.core.ndarray import Array
from minisym.saved.compare import ModelDifference
from minisym.saved.load import load_model
from minisym.saved.model import Model
from minisym.show import text


def show(
    file: Files,
    shape: Shape = [],  # noqa: B006
    epoch: Epoch = None,
    params: Params = None,
    json: Json = False,
) -> None:
    """Show a table of the layers: what each makes, holds and costs."""
    found = []

    def tell(name: str, model: Model) -> None:
        known = {n: a.shape for n, a in model.params.items()} | shapes_of(shape)
        try:
            table = ms.summary(model.prediction, **of_prediction(model, known))
        except ms.ShapeError as error:
            if shape:
                raise
            fail(error.sentence, " ".join(map(example, model.check().inputs[:4])))
        found.append({"file": name, "layers": table.data(), "parameters": table.parameters})
        if json:
            return
        out().print(f"[bold]{escape(name)}[/]: {escape(repr(model).strip('<>'))}")
        out().print(table)
        if not table.is_complete and not shape:
            wants = " ".join(example(slot) for slot in model.check().inputs[:4])
            err().print(f"Some shapes are not known: {escape(wants)} settles them.")

    status = each_model(files(file), epoch, params, tell)
    if json:
        print_json(found)
    end(status)


def check(
    file: Files,
    shape: Shape = [],  # noqa: B006
    epoch: Epoch = None,
    params: Params = None,
    every: Annotated[
        bool, typer.Option("--all", help="Show each row of many that are alike.")
    ] = False,
    json: Json = False,
) -> None:
    """Report what is missing, unused, wrong or unknown. Exit status 1 if a model cannot predict."""
    names, reports = files(file), []

    def tell(name: str, model: Model) -> None:
        report = model.check(**of_prediction(model, shapes_of(shape)))
        reports.append({"file": name, **report.as_dict()})
        if json:
            return
        if len(names) > 1:
            out().print(f"[bold]{escape(name)}[/]")
        out().print(escape(report.text(fold=not every)), end="\n\n" if len(names) > 1 else "\n")
        if report.names:
            err().print(f"Here: minisym convert {escape(name)} NEW --rename")
        elif not report.ok and report.runnable:
            part = report.runnable[0].removesuffix("_output")
            err().print(f"Here: minisym cut {escape(name)} --at {escape(part)}")

    status = each_model(names, epoch, params, tell)
    if json:
        print_json(reports)
    end(status or (0 if all(report["ok"] for report in reports) else FOUND))


def diff(
    before: File,
    after: File,
    data: Data = [],  # noqa: B006
    tolerance: Annotated[float, typer.Option(help="Of a layer's largest value.")] = 1e-5,
    json: Json = False,
) -> None:
    """Compare two models: graphs, weights, with data all layers. Exit status 1 if they differ."""
    one, two = load_model(before), load_model(after)
    fed = read_inputs(data, one.inputs, Images()) if data else None
    found: ModelDifference = ms.diff(one, two, fed, tolerance=tolerance)
    if json:
        print_json(found.as_dict())
    else:
        out().print(escape(repr(found)))
    if found:
        raise typer.Exit(FOUND)


def params(
    file: File,
    output: Output = None,
    stats: Annotated[bool, typer.Option(help="Read all values: smallest, largest, mean.")] = False,
    epoch: Epoch = None,
    json: Json = False,
    force: Force = False,
) -> None:
    """List the arrays of a file, or write them as .npz, .safetensors or .params with -o."""
    arrays = _arrays(file, epoch)
    if output is not None:
        _convert_arrays(arrays, target(output, force=force))
        out().print(escape(str(output)))
        return
    rows = [_row(name, array, stats=stats) for name, array in arrays.items()]
    if json:
        print_json(rows)
        return
    table = Table(caption=f"{len(rows)} arrays, {sum(a.size for a in arrays.values()):,} numbers")
    for column in (
        "name",
        "shape",
        "type",
        "bytes",
        *(("smallest", "mean", "largest") if stats else ()),
    ):
        table.add_column(column, justify="left" if column == "name" else "right", overflow="fold")
    for row in rows:
        numbers = [f"{row[k]:.4g}" for k in ("smallest", "mean", "largest")] if stats else []
        shape = "×".join(map(str, row["shape"])) or "()"
        table.add_row(
            escape(text.plain(row["name"])), shape, row["type"],
            text.size_in_bytes(row["bytes"]), *numbers,
        )  # fmt: skip
    out().print(table)


def bench(
    file: Files,
    shape: Shape = [],  # noqa: B006
    runs: Annotated[int, typer.Option(help="How many predictions to time.", min=1)] = 20,
    epoch: Epoch = None,
    params: Params = None,
    json: Json = False,
) -> None:
    """Time a prediction from random numbers: the shortest and the median of some runs."""
    rows: list[tuple[str, dict[str, float]]] = []

    def time_it(name: str, model: Model) -> None:
        refuse_part(model)
        shapes = complete(model, shapes_of(shape))
        rng = np.random.default_rng(0)
        fed = {n: rng.random(s, np.float32) for n, s in shapes.items()}
        begin = time.perf_counter()
        model(fed)
        first, times = time.perf_counter() - begin, []
        for _ in range(runs):
            begin = time.perf_counter()
            model(fed)
            times.append(time.perf_counter() - begin)
        took = {"first": first, "shortest": min(times), "median": statistics.median(times)}
        rows.append((name, took))

    status = each_model(files(file), epoch, params, time_it)
    if json:
        print_json([{"file": name, **took} for name, took in rows])
    elif rows:
        table = Table("model", "first, ms", "shortest, ms", "median, ms")
        for name, took in rows:
            table.add_row(escape(name), *(f"{1000 * seconds:.2f}" for seconds in took.values()))
        out().print(table)
    end(status)


def _arrays(file: str, epoch: int | None) -> dict[str, Array]:
    path = Path(file)
    if path.suffix == ".params" and path.is_file():
        loaded = ms.nd.load(path)
        pairs = loaded.items() if isinstance(loaded, dict) else enumerate(loaded)
        return {str(name): np.asarray(array) for name, array in pairs}
    model = load_model(file, epoch)
    if not model.params:
        fail(f"there are no parameters beside {model.source}")
    return model.params


def _convert_arrays(arrays: dict[str, Array], path: Path) -> None:
    if path.suffix == ".npz":
        np.savez(path, **arrays)  # type: ignore[arg-type]
    elif path.suffix == ".params":
        ms.nd.save(path, arrays)
    elif path.suffix == ".safetensors":
        try:
            from safetensors.numpy import save_file
        except ImportError:
            fail("this needs safetensors", 'pip install "minisym[safetensors]"')
        save_file({n: np.ascontiguousarray(a) for n, a in arrays.items()}, path)
    else:
        fail(f"-o takes a name that ends in .npz, .safetensors or .params, but got {path}")


def _row(name: str, array: Array, *, stats: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": name, "shape": list(array.shape), "type": str(array.dtype), "bytes": array.nbytes,
    }  # fmt: skip
    if stats:
        wide = array.astype(np.float64)
        numbers = (wide.min(), wide.mean(), wide.max()) if wide.size else (0.0, 0.0, 0.0)
        row |= dict(zip(("smallest", "mean", "largest"), map(float, numbers), strict=True))
    return row

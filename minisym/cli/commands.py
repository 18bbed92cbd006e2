"""The commands, one function each."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Annotated, Any, Optional

import numpy as np
import typer
from rich.markup import escape
from rich.table import Table

import minisym as ms
from minisym.cli.data import Images, read_inputs, read_labels
from minisym.cli.terminal import (
    FOUND,
    each_model,
    err,
    fail,
    legibly,
    out,
    print_json,
    shapes_of,
    target,
)
from minisym.core.errors import listed
from minisym.core.files import write_text
from minisym.core.ndarray import Array
from minisym.saved.check import Slot
from minisym.saved.compare import ModelDifference
from minisym.saved.load import load_model
from minisym.saved.model import Model
from minisym.show import text

app = typer.Typer(
    help="Look at, check, run, cut, compare and convert models: MXNet's -symbol.json and .params, "
    "archives of them, and what `convert` writes. FILE may be a file, a prefix or a folder.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

File = Annotated[str, typer.Argument(help="A file, a prefix or a folder.", show_default=False)]
Files = Annotated[
    list[str], typer.Argument(help="Files, prefixes or patterns.", show_default=False)
]
Epoch = Annotated[Optional[int], typer.Option(help="Of which epoch the parameters are.")]  # noqa: UP045
Shape = Annotated[
    list[str], typer.Option(help="The shape of an input: data=1,3,224,224. May be repeated.")
]
Json = Annotated[bool, typer.Option("--json", help="Print data for another program.")]
Force = Annotated[bool, typer.Option("--force", "-f", help="Write over what is there.")]
Output = Annotated[Optional[Path], typer.Option("-o", "--output", help="Where to write.")]  # noqa: UP045
Data = Annotated[
    list[str],
    typer.Option(help="An input: FILE or NAME=FILE (.npy, .npz, or an image). May be repeated."),
]


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


@app.command()
@legibly
def show(file: Files, shape: Shape = [], epoch: Epoch = None, json: Json = False) -> None:  # noqa: B006
    """Show a table of the layers: what each makes, holds and costs."""
    found = []
    for name, model in each_model(file, epoch):
        known = {n: a.shape for n, a in model.params.items()} | shapes_of(shape)
        try:
            table = ms.summary(model.prediction, **_of(model, known))
        except ms.ShapeError as error:
            if shape:
                raise
            fail(error.sentence, " ".join(map(_example, model.check().inputs[:4])))
        if json:
            found.append({"file": name, "layers": table.data(), "parameters": table.parameters})
            continue
        out().print(f"[bold]{escape(name)}[/]: {escape(repr(model).strip('<>'))}")
        out().print(table)
        if not table.is_complete and not shape:
            wants = " ".join(_example(slot) for slot in model.check().inputs[:4])
            err().print(f"Some shapes are not known: {escape(wants)} settles them.")
    if json:
        print_json(found)


@app.command()
@legibly
def check(file: Files, shape: Shape = [], epoch: Epoch = None, json: Json = False) -> None:  # noqa: B006
    """Report what is missing, unused, wrong or unknown. Exit status 1 if a model cannot predict."""
    reports, wrong = [], False
    for name, model in each_model(file, epoch):
        report = model.check(**_of(model, shapes_of(shape)))
        wrong = wrong or not report.ok
        reports.append({"file": name, **report.as_dict()})
        if not json:
            out().print(escape(str(report)), end="\n\n" if len(file) > 1 else "\n")
            if report.names:
                err().print(f"Here: minisym convert {escape(name)} NEW --rename")
            elif not report.ok and report.runnable:
                part = report.runnable[0].removesuffix("_output")
                err().print(f"Here: minisym cut {escape(name)} --at {escape(part)}")
    if json:
        print_json(reports)
    if wrong:
        raise typer.Exit(FOUND)


@app.command()
@legibly
def plot(
    file: File,
    output: Output = None,
    shape: Shape = [],  # noqa: B006
    epoch: Epoch = None,
    weights: Annotated[bool, typer.Option(help="Draw the weights, too.")] = False,
    force: Force = False,
) -> None:
    """Draw the network: svg, png, pdf, dot, mmd, txt, or html, a page to search and click in."""
    model = load_model(file, epoch)
    path = target(output or Path(f"{_stem(file)}.svg"), force=force)
    shapes = _known(model, shapes_of(shape))
    if path.suffix == ".html":
        model.prediction.to_html(path, shape=shapes)
    else:
        ms.viz.save_picture(model.prediction, path, shape=shapes, hide_weights=not weights)
    out().print(escape(str(path)))


@app.command()
@legibly
def run(
    file: File,
    data: Data = [],  # noqa: B006
    output: Output = None,
    size: Annotated[str, typer.Option(help="Resize images: HEIGHTxWIDTH, or one number.")] = "",
    stretch: Annotated[bool, typer.Option(help="Resize without keeping proportions.")] = False,
    channels: Annotated[str, typer.Option(help="rgb, bgr or gray.")] = "rgb",
    mean: Annotated[str, typer.Option(help="What is subtracted: 123.68,116.78,103.94")] = "0",
    std: Annotated[str, typer.Option(help="What is divided by, after that.")] = "1",
    scale: Annotated[float, typer.Option(help="What values 0 to 255 are multiplied by.")] = 1.0,
    labels: Annotated[Optional[Path], typer.Option(help="Names of classes, a line each.")] = None,  # noqa: UP045
    top: Annotated[int, typer.Option(help="How many classes to print.", min=1)] = 5,
    epoch: Epoch = None,
    json: Json = False,
    force: Force = False,
) -> None:
    """Predict: print the best classes of each row, or what the outputs are; write them with -o."""
    if channels not in {"rgb", "bgr", "gray"}:
        fail(f"--channels takes rgb, bgr or gray, but got {channels!r}")
    if output is not None:
        target(output, force=force)
        if output.suffix not in {".npz", ".npy"}:
            fail(f"-o takes a name that ends in .npz or .npy, but got {output}")
    model = load_model(file, epoch)
    images = Images(
        _size(size), not stretch, channels, _numbers(mean, "--mean"), _numbers(std, "--std"), scale
    )
    names = read_labels(labels) if labels else []
    if not data:
        fail("there is nothing to predict from", f"--data FILE; {_wants(model)}")
    _whole(model)
    made = model(read_inputs(data, model.inputs, images))
    outputs: list[Array] = made if isinstance(made, list) else [made]
    pairs = list(zip(model.outputs, outputs, strict=True))
    if output is not None:
        _write(output, pairs)
    if json:
        print_json([_told(name, array, top, names) for name, array in pairs])
        return
    for name, array in pairs:
        # no title of the table: that would be folded to its width
        out().print(f"[italic]{escape(name)}[/] ({'×'.join(map(str, array.shape))})")
        out().print(_table(array, top, names))


@app.command()
@legibly
def cut(
    file: File,
    at: Annotated[list[str], typer.Option(help="The layer it is to end in. May be repeated.")],
    output: Output = None,
    epoch: Epoch = None,
    force: Force = False,
) -> None:
    """Write the part of a model that ends in a layer."""
    model = load_model(file, epoch).cut(at if len(at) > 1 else at[0])
    place = output or Path(f"{_stem(file)}-{'-'.join(at)}")
    for path in _saved(model, place, force=force):
        out().print(escape(str(path)))


@app.command()
@legibly
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


@app.command()
@legibly
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


@app.command()
@legibly
def convert(
    file: File,
    to: Annotated[Path, typer.Argument(help="A file .onnx, .safetensors, .npz, .py; or a prefix.")],
    shape: Shape = [],  # noqa: B006
    half: Annotated[bool, typer.Option(help="In float16.")] = False,
    rename: Annotated[
        bool, typer.Option(help="Rename the arrays to what `check` says is meant.")
    ] = False,
    fixed_batch: Annotated[bool, typer.Option(help="ONNX: keep the batch as it is given.")] = False,
    opset: Annotated[int, typer.Option(help="ONNX: its version.")] = 17,
    epoch: Epoch = None,
    force: Force = False,
) -> None:
    """Write a model in another form: ONNX, safetensors, NumPy, Python source, or MXNet's pair."""
    model = load_model(file, epoch)
    model = model.rename(model.check().names) if rename else model
    model = model.half() if half else model
    if to.suffix == ".onnx":
        _whole(model)
        shapes = _complete(model, shapes_of(shape))
        ms.onnx.export(
            model.symbol, target(to, force=force), model.params, shapes,
            opset=opset, dynamic_batch=not fixed_batch,
        )  # fmt: skip
        written = [to]
    elif to.suffix == ".py":
        written = [target(to, force=force)]
        write_text(to, ms.export.python(model.symbol))
    else:
        written = _saved(model, to, force=force)
    for path in written:
        out().print(escape(str(path)))


@app.command()
@legibly
def bench(
    file: Files,
    shape: Shape = [],  # noqa: B006
    runs: Annotated[int, typer.Option(help="How many predictions to time.", min=1)] = 20,
    epoch: Epoch = None,
    json: Json = False,
) -> None:
    """Time a prediction from random numbers: the shortest and the median of some runs."""
    rows: list[tuple[str, dict[str, float]]] = []
    for name, model in each_model(file, epoch):
        _whole(model)
        shapes = _complete(model, shapes_of(shape))
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
    if json:
        print_json([{"file": name, **took} for name, took in rows])
        return
    table = Table("model", "first, ms", "shortest, ms", "median, ms")
    for name, took in rows:
        table.add_row(escape(name), *(f"{1000 * seconds:.2f}" for seconds in took.values()))
    out().print(table)


# --------------------------------------------------------------------------------------- helpers


def _stem(file: str) -> str:
    """Return a name for what is made of a file."""
    name = Path(file).resolve().name
    for ending in ("-symbol.json", ".json", ".tar.gz", ".tgz", ".params", ".npz", ".safetensors"):
        name = name.removesuffix(ending)
    return name or "net"


def _of(model: Model, shapes: dict[str, Any]) -> dict[str, Any]:
    """Return the shapes of what the prediction reads; a name that is none is refused."""
    known = model.prediction.list_inputs()
    for name in shapes:
        if name not in known and name not in model.params and name not in model.labels:
            fail(f"the model has no input {name!r}", f"its inputs are {', '.join(model.inputs)}")
    return {name: shape for name, shape in shapes.items() if name in known}


def _known(model: Model, given: dict[str, Any]) -> dict[str, Any] | None:
    """Return all shapes, with 0 for what is open; None where nothing is known of an input."""
    slots = model.check(**_of(model, given)).inputs
    if any(slot.shape is None for slot in slots):
        return None
    inputs = {slot.name: tuple(d or 0 for d in slot.shape or ()) for slot in slots}
    return {**_of(model, {n: a.shape for n, a in model.params.items()}), **inputs}


def _complete(model: Model, shapes: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the shape of every input; an unknown batch is 1, and anything else has to be given."""
    report = model.check(**_of(model, shapes))
    if report.contradictions:
        fail(report.contradictions[0])
    found = {}
    unknown: list[Slot] = []
    for slot in report.inputs:
        dims = slot.shape
        if dims is None or any(d is None for d in dims[1:]):
            unknown.append(slot)
        else:
            found[slot.name] = (dims[0] or 1, *(d or 1 for d in dims[1:])) if dims else ()
    if unknown:
        told = listed([f"{slot.name} ({slot})" for slot in unknown])
        fail(f"the shape is not known of {told}", " ".join(map(_example, unknown[:4])))
    return found


def _example(slot: Slot) -> str:
    """Return how a shape is given: what is known of it stays, the rest is an example.

    >>> _example(Slot("data", (None, 1, None, None), "float32"))
    '--shape data=1,1,224,224'
    """
    dims = slot.shape
    if dims is None:
        return f"--shape {slot.name}=…"
    usual = (1, 3, 224, 224) if len(dims) == 4 else (1, *(16 for _ in dims[1:]))
    numbers = ",".join(str(d or u) for d, u in zip(dims, usual, strict=True))
    return f"--shape {slot.name}={numbers}"


def _whole(model: Model) -> None:
    """Refuse a model that lacks parameters, before anything is asked about shapes."""
    missing = [one.name for one in model.check().missing]
    if missing:
        if not model.params:
            fail(f"there are no parameters beside {model.source}")
        fail(f"the model lacks {listed(missing)}", "`minisym check` says what is wrong")


def _wants(model: Model) -> str:
    return f"the inputs are {', '.join(model.inputs) or 'none'}"


def _saved(model: Model, place: Path, *, force: bool) -> list[Path]:
    if place.suffix not in {".npz", ".safetensors"}:
        target(Path(f"{place}-symbol.json"), force=force)
        target(Path(f"{place}-0000.params"), force=force)
    else:
        target(place, force=force)
    return model.save(place)


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

"""Export: a symbol and its parameters become ONNX, or a report of all that stands against it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np

from minisym.core.errors import (
    ArrayTypeError,
    BindError,
    ComposeError,
    ExportError,
    IncompleteError,
    ParamError,
    Row,
    count,
    did_you_mean,
    listed,
)
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node, names_of
from minisym.core.origin import position
from minisym.core.params import dtype_from_user
from minisym.core.shapes import from_user, show
from minisym.core.symbol import Symbol
from minisym.formats import mxnet_params
from minisym.onnx.draft import Draft, Value
from minisym.onnx.lower import Lowering, needed
from minisym.onnx.proto import Message, check, check_opset, save
from minisym.onnx.sizes import Size, Sizes, with_free_batch
from minisym.passes.typed import Inference

OPSET: Final = 17
"""The version of ONNX that is written by default: all that is in use reads it."""
EXAMPLE: Final = 2
"""A batch that was left open, while shapes are inferred; 1 would stretch where it should not."""


def export(
    model: Any,
    path: str | os.PathLike[str],
    params: Any = None,
    shapes: Mapping[str, Any] | None = None,
    *,
    dtypes: Mapping[str, Any] | None = None,
    opset: int = OPSET,
    dynamic_batch: bool | Mapping[str, int] = True,
) -> Path:
    """Write a symbol and its parameters as a file of ONNX, for a prediction.

    What is computed is what `forward(is_train=False)` computes. Inputs, outputs, parameters and
    nodes keep their names; labels that a loss head reads are no inputs of the file. What does not
    depend on the inputs is computed now. The package onnx checks the result before anything is
    written, and a reader never sees a half-written file. Parameters of more than 2 GB lie in a
    second file, `path` with `.data` behind it.

    Parameters
    ----------
    model
        A Symbol; or what has a `symbol` and `params`, as a saved model does.
    path
        The file to write.
    params
        The parameters by name, perhaps with `arg:` and `aux:` before it; a pair of such
        dictionaries, arguments and states, as `load_checkpoint` returns them; or the path of a
        file of them.
    shapes
        The shape of each input, the batch included. What is named here is an input, even if there
        is an array of this name among the parameters. A batch may be None.
    dtypes
        The type of each input; by default what follows from the parameters, else float32.
    opset
        The version of ONNX, 17 or later.
    dynamic_batch
        Whether the first axis of each input may have another size in each run. Or which axis of
        which input it is: `{"data": 1}`. The number in `shapes` is an example then.

    Returns
    -------
    The path.

    Raises
    ------
    ExportError
        Nodes cannot be said in ONNX: `problems` lists all of them, and nothing is written. Or a
        size that should vary is built into the symbol; or the package onnx is not installed.
    BindError
        An input has no shape, or a parameter no value.
    ShapeError
        Shapes and parameters do not fit the symbol.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import minisym as ms
    >>> net = ms.sym.FullyConnected(ms.sym.Variable("data"), num_hidden=2, name="fc")
    >>> params = {"fc_weight": np.ones((2, 3), "f"), "fc_bias": np.zeros(2, "f")}
    >>> path = pathlib.Path(tempfile.mkdtemp(), "net.onnx")
    >>> export(net, path, params, {"data": (1, 3)}).name
    'net.onnx'
    """
    target = Path(path)
    check_opset(opset)
    draft = drafted(model, params, shapes, dtypes=dtypes, opset=opset, dynamic_batch=dynamic_batch)
    save(draft, target, target.stem)
    return target


def convert(
    model: Any,
    params: Any = None,
    shapes: Mapping[str, Any] | None = None,
    *,
    dtypes: Mapping[str, Any] | None = None,
    opset: int = OPSET,
    dynamic_batch: bool | Mapping[str, int] = True,
) -> Any:
    """Return what `export` writes, as an `onnx.ModelProto`.

    >>> import minisym as ms
    >>> model = convert(ms.sym.tanh(ms.sym.Variable("x"), name="t"), shapes={"x": (1, 3)})
    >>> [node.op_type for node in model.graph.node]
    ['Tanh']
    """
    check_opset(opset)
    draft = drafted(model, params, shapes, dtypes=dtypes, opset=opset, dynamic_batch=dynamic_batch)
    message = Message(draft, name="minisym")
    check(message.model)
    return message.model


def drafted(
    model: Any,
    params: Any,
    shapes: Mapping[str, Any] | None,
    *,
    dtypes: Mapping[str, Any] | None,
    opset: int,
    dynamic_batch: bool | Mapping[str, int],
) -> Draft:
    """Return the ONNX graph of a model, in plain Python."""
    symbol, own = _parts(model)
    arrays = named(own if params is None else params)
    wanted = needed(symbol.entries)
    live = dict.fromkeys(node for node in wanted if node.op is None)
    examples = {
        node: from_user(shape, f"export: the shape of {node.name}")
        for node, shape in _given(symbol, shapes or {}, "shapes").items()
    }
    constants = {n: arrays[n.name] for n in live if n.name in arrays and n not in examples}
    missing = [n for n in live if n not in constants and n not in examples]
    blocked = {n: why for n in wanted if n.op is not None and (why := n.op.why_no_onnx)}
    if missing and blocked:  # what they are for has no form: that comes first
        raise _report(symbol, blocked)
    _refuse_missing(missing)
    batch, sizes = _varying(examples, dynamic_batch)
    symbol = with_free_batch(symbol, sizes, batch)
    types = {n: dtype_from_user(d) for n, d in _given(symbol, dtypes or {}, "dtypes").items()}
    known: dict[Node, Any] = {node: array.dtype for node, array in constants.items()} | types
    inference = Inference(symbol.graph)
    inference.infer_dtypes(known, "given to export")
    draft = Draft(opset)
    values: dict[Node, Value] = {}
    for node in symbol.graph.variables:
        if node in constants:
            values[node] = draft.constant(constants[node], node.name)
        elif node in sizes and node in live:
            values[node] = draft.input(node.name, inference.type_of(Entry(node)), sizes[node])
        elif node in sizes:  # nothing reads its numbers, but its shape may decide others
            values[node] = Value(node.name, inference.type_of(Entry(node)), sizes[node])
    lowering = Lowering(draft, batch)
    outputs = lowering.values(symbol, values)
    if lowering.problems:
        raise _report(symbol, lowering.problems)
    _name_outputs(draft, symbol, outputs)
    draft.finish()
    return draft


# ------------------------------------------------------------------------------- what is given


def _parts(model: Any) -> tuple[Symbol, Any]:
    """Return the symbol of a model, and the parameters that it brings."""
    if isinstance(model, Symbol):
        return model, {}
    symbol = getattr(model, "symbol", None)
    if not isinstance(symbol, Symbol):
        raise ComposeError(
            f"export takes a Symbol, or a model that has one, but got {model!r:.60}",
            hint="ms.sym.load reads a symbol from a file",
        )
    if hasattr(model, "get_params"):  # a Module
        return symbol, model.get_params()
    return symbol, getattr(model, "params", {})


def named(params: Any) -> dict[str, Array]:
    """Return parameters by their plain names."""
    if isinstance(params, str | os.PathLike):
        params = mxnet_params.load(params)
    parts = params if isinstance(params, tuple | list) else [params]
    found: dict[str, Array] = {}
    for part in parts:
        if not isinstance(part, Mapping):
            raise ArrayTypeError(
                f"export: params must be arrays by name, but got {part!r:.60}",
                hint="pass what ms.nd.load returns, or the path of the file",
            )
        for name, array in part.items():
            kind, _, rest = name.partition(":")
            found[rest if kind in ("arg", "aux") and rest else name] = np.asarray(array)
    return found


def _given(symbol: Symbol, by_name: Mapping[str, Any], what: str) -> dict[Node, Any]:
    """Return what is said of inputs, by their nodes."""
    nodes = {node.name: node for node in symbol.graph.variables}
    for name in by_name:
        if name not in nodes:
            raise BindError(
                f"export: {what} names {name!r}, which is no input of {symbol!r}",
                hint=did_you_mean(name, nodes),
            )
    return {nodes[name]: value for name, value in by_name.items()}


def _refuse_missing(missing: Sequence[Node]) -> None:
    """Refuse inputs of which nothing is known: nothing is filled with zeros in silence."""
    names = [node.name for node in missing]
    if names:
        verb = "has" if len(names) == 1 else "have"
        raise IncompleteError(
            f"export: {listed(names)} {verb} neither a value nor a shape",
            rows=[(name, "", "", "") for name in names] if len(names) > 1 else (),
            hint="parameters come by params=, the shapes of inputs by shapes={'data': (1, 3)}",
        )


def _varying(
    shapes: Mapping[Node, Any], dynamic: bool | Mapping[str, int]
) -> tuple[dict[str, int], dict[Node, Sizes]]:
    """Return the sizes that may vary by name, and the shapes in which they stand.

    First axes of one size are one batch; one of another size varies for itself.
    """
    if dynamic is False:
        for node, shape in shapes.items():
            _refuse_unknown(node, shape)
        return {}, dict(shapes)
    names = {node.name for node in shapes}
    axes = dict.fromkeys(names, 0) if dynamic is True else dict(dynamic)
    if not names.issuperset(axes):
        wrong = next(name for name in axes if name not in names)
        raise ParamError(
            f"export: dynamic_batch names {wrong!r}, whose shape is not given",
            hint=did_you_mean(wrong, names),
        )
    called: dict[int, str] = {}
    found: dict[Node, Sizes] = {}
    for node, shape in shapes.items():
        axis = axes.get(node.name)
        if axis is None or not shape:
            _refuse_unknown(node, shape)
            found[node] = shape
            continue
        if not -len(shape) <= axis < len(shape):
            raise ParamError(f"export: dynamic_batch: {node.name} has no axis {axis}")
        at = axis % len(shape)
        number = EXAMPLE if shape[at] is None else shape[at]
        _refuse_unknown(node, shape, but=at)
        name = called.setdefault(number, f"batch_{node.name}" if called else "batch")
        size = Size(((name, Fraction(1)),))
        found[node] = (*shape[:at], size, *shape[at + 1 :])
    return {name: number for number, name in called.items()}, found


def _refuse_unknown(node: Node, shape: Any, but: int | None = None) -> None:
    """Refuse a shape with sizes that nothing says, but for that of the batch."""
    if shape is None or None in (d for axis, d in enumerate(shape) if axis != but):
        raise IncompleteError(
            f"export: the shape of {node.name} is {show(shape)}, which leaves sizes open",
            hint="only the batch may be left open, or vary; give an example of the other sizes",
        )


# ------------------------------------------------------------------------------- what comes out


def _name_outputs(draft: Draft, symbol: Symbol, outputs: list[Value]) -> None:
    """Give the outputs their names; one that is no node's own gets a node."""
    taken: set[int] = set()
    for value, name in zip(outputs, names_of(symbol.entries), strict=True):
        head = value
        if value.maker is None or id(value) in taken:
            (head,) = draft.add("Identity", name, [value], [value.dtype], {})
            head.shape = value.shape
        head.hint = name
        taken.add(id(head))
        draft.outputs.append(head)


def _report(symbol: Symbol, problems: Mapping[Node, str]) -> ExportError:
    """Make the error that lists all nodes which cannot be said."""
    rows: list[Row] = []
    for node, reason in problems.items():
        where = position(node.origin) if node.origin else None
        place = "" if where is None else f"{where[0]}:{where[1]}"
        assert node.op is not None
        rows.append((node.name, node.op.name, place, reason))
    total = sum(node.op is not None for node in symbol.graph)
    verb = "has" if len(rows) == 1 else "have"
    error = ExportError(
        f"export: {len(rows)} of {count(total, 'node')} {verb} no ONNX form; nothing was written",
        rows=rows,
        origin=next(iter(problems)).origin if len(rows) == 1 else None,
        hint="symbol.get_internals()['…_output'] cuts the symbol before what cannot be said",
    )
    error.problems = tuple((name, op, reason) for name, op, _, reason in rows)
    return error

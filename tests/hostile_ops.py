"""Symbol files of one op that no program of ours would write, for every op that a file can name.

They begin with calls that make sense: the samples of the ops, and every node of their gradients (to
the second order), which is where the hidden ops come from. Then parameters, shapes, element types,
wiring and values are spoilt. `use` takes such a file through everything that a reader does.
"""

from __future__ import annotations

import json
import random
import types
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np

import minisym as ms
from minisym.core import op as registry
from minisym.core.functions import function_of
from minisym.core.op import Op
from minisym.core.params import DTYPES, DType, Floats, Ints, OptionalInts, Param
from minisym.core.symbol import Symbol
from minisym.formats.mxnet_json import load_json
from minisym.passes.infer import infer_dtypes, infer_shapes

Shape = tuple[int, ...]


@dataclass
class Call:
    """An op with its parameters as strings, and of each input its shape, type and source."""

    op: str
    attrs: dict[str, str]
    shapes: list[Shape]
    dtypes: list[str]
    wires: list[int]
    """Which variable each input reads."""
    through: list[str]
    """What lies between the variable and the input: nothing, or the name of an elementwise op."""
    seed: int = 0
    hidden: int = 0
    """The variables, as bits, whose shapes inference has to find."""
    output: int = 0
    """The output that is the head."""

    def text(self) -> str:
        """Return the file."""
        count = len(self.shapes)
        nodes: list[Any] = [{"op": "null", "name": f"v{i}", "inputs": []} for i in range(count)]
        inputs = []
        for wire, between in zip(self.wires, self.through, strict=True):
            inputs.append([len(nodes) if between else wire, 0, 0])
            if between:
                name = f"n{len(nodes)}"
                nodes.append({"op": between, "name": name, "inputs": [[wire, 0, 0]]})
        nodes.append({"op": self.op, "name": "t", "attrs": self.attrs, "inputs": inputs})
        heads = [[len(nodes) - 1, self.output, 0]]
        return json.dumps(
            {
                "nodes": nodes,
                "arg_nodes": [*range(count)],
                "heads": heads,
                "attrs": {"mxnet_version": ["int", 10901]},
            }
        )


def dumped(call: Call) -> str:
    """Return a call as a line of JSON."""
    return json.dumps(asdict(call))


def parsed(line: str) -> Call:
    """Return a call again."""
    told = json.loads(line)
    return Call(**{**told, "shapes": [tuple(s) for s in told["shapes"]]})


# ------------------------------------------------------------------------- calls that make sense


def names() -> list[str]:
    """Return the ops that a file can name, each once; those of the tests' own are left out."""
    return sorted(
        op.name
        for op in {*registry.registered().values()}
        if op.kernel is not None and op.kernel.function.__module__.startswith("minisym.")
    )


def sound_calls() -> dict[str, list[Call]]:
    """Return calls that work, by op."""
    found: dict[str, list[Call]] = {name: [] for name in names()}
    for name in list(found):
        op = registry.get(name)
        for sample in op.samples() if callable(op.samples) else op.samples:
            if sample.raises is not None:
                continue
            arrays = sample.arrays(np.random.default_rng(0))
            _enter(found, op, sample.params, arrays)
    for name, calls in found.items():
        if not calls:  # gradients of what only a run knows the shape of
            count = len(registry.get(name).inputs)
            calls.append(
                Call(name, {}, [(2, 3)] * count, ["float32"] * count, [*range(count)], [""] * count)
            )
    return found


def _enter(
    found: dict[str, list[Call]], op: Op, params: Mapping[str, Any], arrays: Sequence[Any]
) -> None:
    """Note a call, and those that its gradients make."""
    variables = [ms.sym.Variable(f"v{i}") for i in range(len(arrays))]
    try:
        function = function_of(op, op.name)
        if op.variadic:
            net = function(*variables, **params)
        else:
            given = op.input_names(op.chosen(params).read_params(params))
            net = function(**dict(zip(given, variables, strict=True)), **params)
    except ms.MinisymError:  # ops of users, whose inputs have names of their own
        net = function_of(op, op.name)(*variables, **params)
    known = {f"v{i}": np.shape(a) for i, a in enumerate(arrays)}
    dtypes = {f"v{i}": np.asarray(a).dtype for i, a in enumerate(arrays)}
    _note(found, net, known, dtypes)
    for _ in range(2):
        wanted = [
            name
            for name in net.list_arguments()
            if name in dtypes and dtypes[name].kind == "f" and name.startswith("v")
        ]
        try:
            net = ms.Group(list(ms.grad(net, wanted)))
        except (ms.MinisymError, ValueError, TypeError, KeyError):
            return
        try:
            _note(found, net, known, dtypes)
        except (ms.MinisymError, ValueError):
            return


def _note(
    found: dict[str, list[Call]],
    net: Symbol,
    known: Mapping[str, Shape],
    dtypes: Mapping[str, np.dtype[Any]],
) -> None:
    graph = net.graph
    given = {n: known.get(n.name) for n in graph.variables}
    shapes = infer_shapes(graph, given)
    types = infer_dtypes(graph, {n: dtypes.get(n.name) for n in graph.variables})
    for node in graph:
        if node.op is None or node.op.name not in found or len(found[node.op.name]) > 12:
            continue
        ins = [shapes[entry] for entry in node.inputs]
        if any(shape is None or None in shape for shape in ins):
            continue
        attrs = {k: v for k, v in graph.attributes(node).items() if not k.startswith("__")}
        kinds = [str(types[entry] or "float32") for entry in node.inputs]
        count = len(ins)
        call = Call(node.op.name, attrs, ins, kinds, [*range(count)], [""] * count)
        if call not in found[node.op.name]:
            found[node.op.name].append(call)


# ------------------------------------------------------------------------------------- spoiling

INTS = (-(1 << 62), -(1 << 31), -3, -2, -1, 0, 1, 2, 3, 4, 5, 7, 8, 16, 100, 1000, 70_000,
        1 << 20, (1 << 31) - 1, 1 << 31, 1 << 40, 1 << 62, 1 << 70)  # fmt: skip
SMALL = (-2, -1, 0, 1, 2, 3, 4, 5, 7)
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-30, 1e30, -1e30, float("inf"), float("-inf"),
          float("nan"), 1e308, 3.7, 1e6)  # fmt: skip
BETWEEN = ("tanh", "_copy", "BlockGrad", "zeros_like")


def _int(rng: random.Random) -> int:
    return rng.choice(SMALL) if rng.random() < 0.75 else rng.choice(INTS)


def a_value(rng: random.Random, annotation: Any) -> str:
    """Return a string for a parameter of this kind; mostly one that it can read."""
    if rng.random() < 0.01:
        return rng.choice(["", "None", "x", "()", "(,)", "1.5", "[1", "9" * 30])
    origin = get_origin(annotation)
    if origin is Literal:
        return str(rng.choice(get_args(annotation)))
    if origin in (Union, types.UnionType):
        return a_value(rng, rng.choice(get_args(annotation)))
    if annotation is types.NoneType:
        return "None"
    if annotation is bool:
        return rng.choice(["True", "False"])
    if annotation is int:
        return str(_int(rng))
    if annotation is float:
        return str(rng.choice(FLOATS))
    if annotation is DType:
        return rng.choice(DTYPES)
    length = rng.choice((0, 1, 1, 2, 2, 2, 3, 4, 5, 9))
    if rng.random() < 0.01:
        length = rng.choice((33, 65, 3000))
    if annotation == Ints:
        return f"({', '.join(str(_int(rng)) for _ in range(length))})"
    if annotation == OptionalInts:
        items = [str(_int(rng)) if rng.random() < 0.7 else "None" for _ in range(length)]
        return f"({', '.join(items)})"
    if annotation == Floats:
        return f"({', '.join(str(rng.choice(FLOATS)) for _ in range(length))})"
    return rng.choice(["", "x", "sum", "write", "1"])


def a_shape(rng: random.Random, shape: Shape) -> Shape:
    """Return a shape like another."""
    dims, what = list(shape), rng.random()
    if what < 0.4 and dims:
        axis = rng.randrange(len(dims))
        dims[axis] = max(0, dims[axis] + rng.choice((-1, 1, 1, 2, -2)))
    elif what < 0.55 and dims:
        dims[rng.randrange(len(dims))] = rng.choice((0, 1, 1, 2, 3, 4, 9, 33, 300))
    elif what < 0.7:
        dims.insert(rng.randrange(len(dims) + 1), rng.choice((1, 2, 3)))
    elif what < 0.85 and dims:
        del dims[rng.randrange(len(dims))]
    elif what < 0.95:
        rng.shuffle(dims)
    else:
        dims = [rng.choice((1, 2, 3, 4)) for _ in range(rng.randrange(6))]
    while np.prod(dims, dtype=float) > 20_000:
        dims[dims.index(max(dims))] = 1
    return tuple(dims)


def spoil(rng: random.Random, base: Call) -> Call:
    """Return a call with something wrong in it."""
    op = registry.get(base.op)
    call = parsed(dumped(base))
    call.seed = rng.randrange(1 << 30)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3, 5))):
        what, inputs = rng.random(), len(call.wires)
        if what < 0.45 and op.params:
            _spoil_parameter(rng, call, rng.choice([*op.params.values()]))
        elif what < 0.8 and call.shapes:
            i = rng.randrange(len(call.shapes))
            call.shapes[i] = (
                rng.choice(call.shapes) if rng.random() < 0.2 else a_shape(rng, call.shapes[i])
            )
        elif what < 0.86 and inputs:
            call.wires[rng.randrange(inputs)] = rng.randrange(len(call.shapes))
        elif what < 0.92 and inputs:
            call.through[rng.randrange(inputs)] = rng.choice(BETWEEN)
        elif what < 0.96 and call.shapes:
            call.dtypes[rng.randrange(len(call.shapes))] = rng.choice(DTYPES)
        elif what < 0.98 and call.shapes:
            call.dtypes = [rng.choice(DTYPES)] * len(call.shapes)
        elif op.variadic:
            call.wires.append(0)
            call.through.append("")
            if not call.shapes:
                call.shapes, call.dtypes = [(2, 3)], ["float32"]
            if op.count in call.attrs:
                call.attrs[op.count] = str(len(call.wires))
    if rng.random() < 0.3:
        call.hidden = rng.randrange(1 << len(call.shapes))
    if rng.random() < 0.1:
        call.output = rng.randrange(3)
    return call


def _spoil_parameter(rng: random.Random, call: Call, param: Param) -> None:
    if rng.random() < 0.1 and param.name in call.attrs:
        del call.attrs[param.name]
        return
    call.attrs[param.name] = a_value(rng, param.annotation)


# ---------------------------------------------------------------------------------------- using


def arrays_of(call: Call) -> dict[str, np.ndarray[Any, Any]]:
    """Return arrays for the variables: values of all sizes, the special ones too."""
    rng = np.random.default_rng(call.seed)
    found = {}
    for i, (shape, dtype) in enumerate(zip(call.shapes, call.dtypes, strict=True)):
        scale = rng.choice([0, 1, 3, 10, 1e3, 1e9, 1e30], p=[0.1, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1])
        values = rng.standard_normal(shape) * scale
        if rng.random() < 0.4:
            values = np.floor(np.abs(values))
        if rng.random() < 0.15 and values.size:
            values.flat[rng.integers(values.size)] = rng.choice([np.nan, np.inf, -np.inf])
        with np.errstate(all="ignore"):
            found[f"v{i}"] = np.asarray(values).astype(dtype)
    return found


@dataclass
class Outcome:
    """How far a file came."""

    stage: str = "load"
    refused: str = ""
    message: str = ""


def use(call: Call, outcome: Outcome | None = None) -> Outcome:
    """Read the file, infer, bind, run; an error of minisym's own ends it, any other one escapes."""
    outcome = outcome or Outcome()
    arrays = arrays_of(call)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _use(call, arrays, outcome)
        except ms.MinisymError as error:
            outcome.refused, outcome.message = type(error).__name__, str(error)
    return outcome


def _use(call: Call, arrays: Mapping[str, Any], outcome: Outcome) -> None:
    net = load_json(call.text())
    outcome.stage = "list"
    net.list_outputs()
    net.tojson()
    shapes = {n: a.shape for n, a in arrays.items() if n in net.list_inputs()}
    outcome.stage = "infer"
    part = {n: s for i, (n, s) in enumerate(shapes.items()) if not call.hidden >> i & 1}
    net.infer_shape_partial(**part)
    net.infer_type_partial(**{n: arrays[n].dtype for n in part})
    net.infer_shape(**shapes)
    outcome.stage = "bind"
    aux = {*net.list_auxiliary_states()}
    given = {n: arrays[n] for n in net.list_arguments()}
    states = {n: arrays[n] for n in aux}
    executor = net.bind(args=given, aux_states=states, grad_req="null")
    outcome.stage = "run"
    executor.forward(is_train=bool(call.seed & 1))
    if call.seed & 2:
        outcome.stage = "gradient: bind"
        slopes = {n: np.zeros_like(a) for n, a in given.items() if a.dtype.kind == "f"}
        executor = net.bind(args=given, args_grad=slopes, aux_states=states)
        outcome.stage = "gradient: run"
        executor.forward(is_train=True)
        executor.backward([np.ones(o.shape, o.dtype) for o in executor.outputs])
    outcome.stage = "end"

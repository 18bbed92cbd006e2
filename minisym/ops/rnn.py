r"""RNN: several recurrent layers, in one or both directions of time, as one op."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from math import prod
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import Dims
from minisym.core.declare import op as declare
from minisym.core.errors import ParamError, ShapeError
from minisym.core.kernels import single
from minisym.core.ndarray import Array
from minisym.core.op import Params
from minisym.core.params import Between
from minisym.core.samples import Sample
from minisym.core.shapes import show
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Head, Lengths
from minisym.ops.numeric.cells import GATES
from minisym.ops.numeric.recurrent import Run, Stack, clip_of
from minisym.ops.numeric.rules import as_forward

Units = Annotated[int, "Number of units of each layer.", Between(1)]
Layers = Annotated[int, "Number of layers.", Between(1, 4096)]
Mode = Annotated[Literal["gru", "lstm", "rnn_relu", "rnn_tanh"], "What the cells are."]


def _recurrent(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count two operations for each parameter at each step of each sequence."""
    data, parameters = ins[0], ins[1]
    return 2 * data[0] * data[1] * prod(parameters)


def _recurrent_back(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count the same again for the gradient of the data, and for that of the parameters."""
    data, parameters = max(outs, key=len), min(outs, key=len)
    return 4 * data[0] * data[1] * prod(parameters)


op = partial(declare, kind="layer", cost=_recurrent)
Steps = Annotated[Array, "Sequences, (time, batch, size)."]
Packed = Annotated[Array, "Weights of all layers, then all biases, as one vector."]
States = Annotated[Array, "States to begin with, (layers · directions, batch, units)."]
Cells = Annotated[Array, "An LSTM's cells to begin with, of the shape of state."]


def _is_lstm(params: Any) -> bool:
    return bool(params["mode"] == "lstm")


def _outputs(params: Any) -> tuple[str, ...]:
    names: tuple[str, ...] = ("output",)
    if params["state_outputs"]:
        names += ("state_output", "statecell_output") if _is_lstm(params) else ("state_output",)
    return (*names, "mask") if _drops(params) else names


def _drops(params: Any) -> bool:
    return bool(params["p"] > 0 and params["num_layers"] > 1)


def _widened(array: Array | None) -> Array | None:
    """Return float16 as float32, to compute in."""
    return array.astype(np.float32) if array is not None and array.dtype == np.float16 else array


def _stack(mode: str, state_size: int, num_layers: int, size: int | None, *, both: bool) -> Stack:
    return Stack(mode, state_size, num_layers, 2 if both else 1, size)


def _by_hand(mode: str, units: int) -> Any:
    """Return a reference for one layer and one step."""

    def reference(x: Array, flat: Array, h: Array, c: Array | None = None) -> Array:
        rows = GATES[mode] * units
        size = x.shape[2]
        w, flat = flat[: rows * size].reshape(rows, size), flat[rows * size :]
        r, flat = flat[: rows * units].reshape(rows, units), flat[rows * units :]
        left, right = x[0] @ w.T + flat[:rows], h[0] @ r.T + flat[rows:]
        if mode == "rnn_tanh":
            plain: Array = np.tanh(left + right)
            return plain[np.newaxis]

        def gate(k: int, scale: Any = 1.0) -> Array:
            part = slice(k * units, (k + 1) * units)
            found: Array = left[:, part] + scale * right[:, part]
            return found

        def squash(a: Array) -> Array:
            found: Array = 1 / (1 + np.exp(-a))
            return found

        if mode == "gru":
            z, n = squash(gate(1)), np.tanh(gate(2, squash(gate(0))))
            mixed: Array = (1 - z) * n + z * h[0]
            return mixed[np.newaxis]
        assert c is not None
        cell = squash(gate(1)) * c[0] + squash(gate(0)) * np.tanh(gate(2))
        opened: Array = squash(gate(3)) * np.tanh(cell)
        return opened[np.newaxis]

    return reference


def _sample(mode: str, **more: Any) -> Sample:
    """Make a sample of one layer of 2 units, 1 step, 3 samples of 4 numbers."""
    count = _stack(mode, 2, 1, 4, both=False).count()
    states = ((1, 3, 2),) * (2 if mode == "lstm" else 1)
    params = {"mode": mode, "state_size": 2, "num_layers": 1}
    return Sample(
        ((1, 3, 4), (count,), *states), params, reference=_by_hand(mode, 2), domain=(-1, 1), **more
    )


@op(
    hides=True,
    when={
        "state_cell": _is_lstm,
        "sequence_length": lambda p: p["use_sequence_length"],
    },
    outputs=_outputs,
    sometimes=("state_output", "statecell_output", "mask"),
    visible=lambda p: len(_outputs(p)) - _drops(p),
    samples=[
        _sample("rnn_tanh"),
        _sample("lstm"),
        _sample("gru"),
        Sample(
            ((3, 2, 2), (56,), (4, 2, 2)),
            {
                "mode": "rnn_relu",
                "state_size": 2,
                "num_layers": 2,
                "bidirectional": True,
                "state_outputs": True,
            },
            domain=(-0.7, 0.7),
        ),
        Sample(
            ((3, 2, 2), (224,), (4, 2, 2), (4, 2, 2), np.array([2, 3])),
            {
                "mode": "lstm",
                "state_size": 2,
                "num_layers": 2,
                "bidirectional": True,
                "state_outputs": True,
                "use_sequence_length": True,
            },
            domain=(-1, 1),
        ),
        Sample(
            ((3, 2, 2), (72,), (2, 2, 2), np.array([2, 3])),
            {"mode": "gru", "state_size": 2, "num_layers": 2, "use_sequence_length": True},
            domain=(-1, 1),
        ),
        Sample(
            ((3, 2, 2), (24,), (2, 2, 2)),
            {"mode": "rnn_tanh", "state_size": 2, "num_layers": 2, "p": 0.5},
            domain=(-1, 1),
        ),
        Sample(
            ((3, 2, 2), (49,), (1, 2, 2), (1, 2, 2)),
            {"mode": "lstm", "state_size": 2, "num_layers": 1},
            raises=ShapeError,
            match="parameters has shape",
        ),
        Sample(
            ((3, 2, 2), (48,), (1, 2, 2), (1, 2, 2)),
            {"mode": "lstm", "state_size": 2, "num_layers": 1, "projection_size": 1},
            raises=ShapeError,
            match="projection_size",
        ),
        Sample(
            ((3, 2, 2),),
            {"mode": "lstm", "state_size": 2, "num_layers": 0},
            raises=ParamError,
            match="num_layers must lie in",
        ),
    ],
)
def RNN(
    data: Steps,
    parameters: Packed,
    state: States,
    state_cell: Cells | None = None,
    sequence_length: Lengths | None = None,
    *,
    state_size: Units,
    num_layers: Layers,
    bidirectional: Annotated[bool, "Whether each layer runs backwards in time, too."] = False,
    mode: Mode,
    p: Annotated[
        float,
        "Fraction of the outputs of all layers but the last to drop in training.",
        Between(0, 1),
    ] = 0.0,
    state_outputs: Annotated[bool, "Whether the last states are outputs, too."] = False,
    projection_size: Annotated[int | None, "Not supported, as in MXNet on CPUs."] = None,
    lstm_state_clip_min: Annotated[float | None, "Least value of an LSTM's cells."] = None,
    lstm_state_clip_max: Annotated[float | None, "Largest value of an LSTM's cells."] = None,
    lstm_state_clip_nan: Annotated[bool, "Accepted, without effect."] = False,
    use_sequence_length: Annotated[
        bool, "Whether there is an input sequence_length; else all sequences are full."
    ] = False,
    is_train: bool = False,
    rng: Any = None,
    out: Any,
) -> None:
    r"""Run recurrent layers over sequences (time, batch, size).

    `rnn_tanh` and `rnn_relu` compute $h_t = f(W x_t + b + R h_{t-1} + c)$. `lstm` and `gru` have
    gates, of which each matrix holds the rows one after the other: i, f, g, o in

    $c_t = \sigma(f)\, c_{t-1} + \sigma(i) \tanh g, \quad h_t = \sigma(o) \tanh c_t$

    and r, z, n in

    $h_t = (1 - \sigma(z)) \tanh(n_x + \sigma(r)\, n_h) + \sigma(z)\, h_{t-1}$

    `parameters` is one vector: W and R of each layer and direction, then b and c of each. `state`,
    and `state_cell` of an LSTM, are (layers times directions, batch, units). The output is (time,
    batch, directions times units). With `use_sequence_length`, outputs behind the end of a sequence
    are 0, its last state is that at its end, and the way back begins there.

    Reference: Hochreiter and Schmidhuber, *Long short-term memory*, 1997; Cho et al., *Learning
    phrase representations using RNN encoder-decoder*, 2014, arXiv:1406.1078.

    >>> from minisym import sym
    >>> rnn = sym.RNN(sym.Variable("x"), mode="lstm", state_size=3, num_layers=1, name="rnn")
    >>> rnn.infer_shape(x=(5, 2, 4))
    ([(5, 2, 4), (108,), (1, 2, 3), (1, 2, 3)], [(5, 2, 3)], [])
    """
    out = out if isinstance(out, tuple) else (out,)
    mask = _draw(out[-1], p, rng, is_train=is_train) if p > 0 and num_layers > 1 else None
    stack = _stack(mode, state_size, num_layers, data.shape[2], both=bidirectional)
    arrays = tuple(_widened(a) for a in (data, parameters, state, state_cell, sequence_length))
    done = Run(stack, arrays, mask, clip_of(lstm_state_clip_min, lstm_state_clip_max))
    np.copyto(out[0], done.output, casting="unsafe")
    if state_outputs:
        for k, trace in enumerate(done.traces):
            out[1][k] = trace.states[-1]
            if mode == "lstm":
                out[2][k] = trace.cells[-1]


def _draw(mask: Array, p: float, rng: Any, *, is_train: bool) -> Array | None:
    """Fill the mask of what is kept, scaled; return it, or None where all is."""
    if not is_train:
        mask.fill(1)
        return None
    keep = 1 - single(p)
    np.copyto(mask, rng.random(mask.shape, np.float32) < keep)
    if keep:
        mask /= keep
    return mask


@RNN.shape
def _(
    s: Any,
    *,
    state_size: int,
    num_layers: int,
    bidirectional: bool,
    mode: str,
    projection_size: int | None,
) -> None:
    """Rule: (length, batch, width) becomes (length, batch, directions · state_size).

    A state is (layers · directions, batch, state_size), and `parameters` one vector with all
    weights.
    """
    if projection_size is not None:
        raise ValueError("projection_size is not supported")
    if s.data is None:
        return
    if len(s.data) != 3:
        raise ValueError(f"data {show(s.data)} must have 3 dimensions: time, batch and size")
    stack = _stack(mode, state_size, num_layers, s.data[2], both=bidirectional)
    width = stack.directions * state_size
    s.parameters = (stack.count(),)
    s.output = (*s.data[:2], width)
    batch = s.output[1]
    for name in ("state", "state_cell", "state_output", "statecell_output"):
        setattr(s, name, (num_layers * stack.directions, batch, state_size))
    s.sequence_length = (batch,)
    s.data = (s.output[0], s.state[1], s.data[2])
    s.mask = (num_layers - 1, *s.output)


@RNN.dtype
def _(t: Any) -> None:
    names = ("data", "parameters", "state", "state_cell")
    known = next((d for d in (*(getattr(t, n) for n in names), t.output) if d is not None), None)
    if known is None:
        return
    if known.kind != "f":
        raise ValueError(f"it takes float arrays, but got {known}")
    for name in (*names, "output", "state_output", "statecell_output", "mask"):
        setattr(t, name, known)


_SHARED = (
    "state_size",
    "num_layers",
    "bidirectional",
    "mode",
    "p",
    "state_outputs",
    "lstm_state_clip_min",
    "lstm_state_clip_max",
    "use_sequence_length",
)


_IN_ONNX = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn_tanh": (0,), "rnn_relu": (0,)}
"""In which order ONNX has the gates."""


def _onnx_weights(o: Any, parameters: Any, stack: Stack, layer: int) -> list[Any]:
    """Return the weights W, R and B of a layer as ONNX has them, (directions, …)."""
    units, gates, both = stack.units, _IN_ONNX[stack.mode], stack.directions
    widths = list(stack.widths())
    offsets = list(accumulate((stack.rows * (w + units) for w in widths), initial=0))

    def taken(starts: Sequence[int], count: int) -> Any:
        """Put pieces of the vector together, at once if they are known."""
        if parameters.array is not None:
            return o.constant(np.concatenate([parameters.array[s : s + count] for s in starts]))
        pieces = [o.Slice(parameters, (s,), (s + count,), (0,)) for s in starts]
        return o.wide(o.Concat(*pieces, axis=0))

    found = []
    directions = range(layer * both, (layer + 1) * both)
    width = widths[directions[0]]
    for columns, behind in ((width, 0), (units, stack.rows * width)):
        starts = [
            offsets[k] + behind + gate * units * columns for k in directions for gate in gates
        ]
        matrix = taken(starts, units * columns)
        found.append(o.Reshape(matrix, (both, stack.rows, columns)))
    starts = [
        offsets[-1] + (2 * k + which) * stack.rows + gate * units
        for k in directions
        for which in (0, 1)
        for gate in gates
    ]
    found.append(o.Reshape(taken(starts, units), (both, 2 * stack.rows)))
    return found


@RNN.onnx
def _(
    o: Any,
    data: Any,
    parameters: Any,
    state: Any,
    state_cell: Any = None,
    sequence_length: Any = None,
    *,
    state_size: int,
    num_layers: int,
    bidirectional: bool,
    mode: str,
    state_outputs: bool,
    lstm_state_clip_min: float | None,
    lstm_state_clip_max: float | None,
) -> Any:
    if lstm_state_clip_min is not None or lstm_state_clip_max is not None:
        o.refuse("the LSTM of ONNX does not cut its cells")
    stack = _stack(mode, state_size, num_layers, data.shape[2], both=bidirectional)
    both = stack.directions
    lengths = None if sequence_length is None else o.cast(sequence_length, "int32")
    form = {"lstm": "LSTM", "gru": "GRU"}.get(mode, "RNN")
    attrs: dict[str, Any] = {"hidden_size": state_size}
    attrs["direction"] = "bidirectional" if bidirectional else "forward"
    if form == "GRU":
        attrs["linear_before_reset"] = 1
    if form == "RNN":
        attrs["activations"] = ["Tanh" if mode == "rnn_tanh" else "Relu"] * both
    steps, ends, cells = o.wide(data), [], []
    for layer in range(num_layers):
        begin = [
            None if x is None else o.Slice(o.wide(x), (layer * both,), ((layer + 1) * both,), (0,))
            for x in (state, state_cell)
        ]
        inputs = (*_onnx_weights(o, parameters, stack, layer), lengths, *begin)
        made = o.node(form, steps, *inputs, outputs=3 if form == "LSTM" else 2, **attrs)
        ends.append(made[1])
        cells += made[2:]
        apart = o.Transpose(made[0], perm=(0, 2, 1, 3))  # (time, batch, directions, units)
        steps = o.Reshape(apart, (0, 0, both * state_size))
    last = [o.Concat(*each, axis=0) for each in (ends, cells) if each and state_outputs]
    return [steps, *last]


@RNN.grad
def _(
    g: Any,
    data: Symbol,
    parameters: Symbol,
    state: Symbol,
    state_cell: Symbol | None = None,
    sequence_length: Symbol | None = None,
    *,
    y: Any,
    **params: Any,
) -> list[Symbol | None]:
    gs, ys = (v if isinstance(v, list) else [v] for v in (g, y))
    heads = dict(zip(_outputs(params), gs, strict=True))
    given = {
        "state_cell": state_cell,
        "sequence_length": sequence_length,
        "mask": ys[-1] if _drops(params) else None,
        "g_state": heads.get("state_output"),
        "g_cell": heads.get("statecell_output"),
    }
    present = {name: symbol for name, symbol in given.items() if symbol is not None}
    shared = {name: params[name] for name in _SHARED}
    found = _rnn_gradient(gs[0], data, parameters, state, **present, **shared)
    return [*found, *[None] * (5 - len(found))]


@op(
    name="_backward_RNN",
    kind="backward",
    cost=_recurrent_back,
    when={
        "state_cell": _is_lstm,
        "sequence_length": lambda p: p["use_sequence_length"],
        "mask": _drops,
        "g_state": lambda p: p["state_outputs"],
        "g_cell": lambda p: p["state_outputs"] and _is_lstm(p),
    },
    sometimes=("state_cell_grad",),
    outputs=lambda p: (
        "data_grad",
        "parameters_grad",
        "state_grad",
        *(("state_cell_grad",) if _is_lstm(p) else ()),
    ),
)
def _rnn_gradient(
    g: Head,
    data: Steps,
    parameters: Packed,
    state: States,
    state_cell: Cells | None = None,
    sequence_length: Lengths | None = None,
    mask: Annotated[Array | None, "What dropout multiplied the outputs between layers by."] = None,
    g_state: Annotated[Array | None, "Gradient of the last states."] = None,
    g_cell: Annotated[Array | None, "Gradient of the last cells."] = None,
    *,
    state_size: Units,
    num_layers: Layers,
    bidirectional: bool,
    mode: Mode,
    p: float,
    state_outputs: bool,
    lstm_state_clip_min: float | None,
    lstm_state_clip_max: float | None,
    use_sequence_length: bool,
    out: tuple[Array, ...],
) -> None:
    """Run an RNN forwards once more, and then back, to the gradients of its inputs."""
    stack = _stack(mode, state_size, num_layers, data.shape[2], both=bidirectional)
    inputs = tuple(_widened(a) for a in (data, parameters, state, state_cell, sequence_length))
    done = Run(stack, inputs, _widened(mask), clip_of(lstm_state_clip_min, lstm_state_clip_max))
    narrow = data.dtype == np.float16
    filled = tuple(np.empty(a.shape, np.float32) for a in out) if narrow else out
    head = _widened(g)
    assert head is not None
    done.back(head, _widened(g_state), _widened(g_cell), filled)
    if narrow:
        for target, source in zip(out, filled, strict=True):
            np.copyto(target, source, casting="unsafe")


def _gradient_slots(s: Any) -> None:
    """Rule: each gradient is like its input."""
    for name in ("data", "parameters", "state", "state_cell"):
        setattr(s, f"{name}_grad", getattr(s, name))


@_rnn_gradient.shape
def _(s: Any, **params: Any) -> None:
    _gradient_slots(s)
    inputs = ("data", "parameters", "state", "state_cell", "sequence_length")
    heads = {"output": ["g"], "state_output": ["g_state"], "statecell_output": ["g_cell"]}
    here = s.names
    as_forward(
        RNN,
        s,
        {**params, "projection_size": None},
        {name: [name] for name in inputs if name in here},
        {name: [n for n in found if n in here] for name, found in heads.items()}
        | ({"mask": ["mask"]} if "mask" in here else {}),
    )
    _gradient_slots(s)


_rnn_gradient.dtype(_gradient_slots)

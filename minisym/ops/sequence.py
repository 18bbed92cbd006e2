r"""Sequences of different lengths in one array: the last element of each, masks, and reversal.

Time lies along axis 0 (or 1, where an op has the choice), the samples along the other of the two.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import nothing
from minisym.core.declare import op as declare
from minisym.core.errors import ExecutionError, ShapeError
from minisym.core.ndarray import Array
from minisym.core.op import OF_GRADIENTS
from minisym.core.samples import Sample
from minisym.core.shapes import show
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Lengths, Sequences
from minisym.ops.numeric.rules import as_forward, some_to_choose

Series = Annotated[Array, "Sequences, (time, batch, …); with axis=1, (batch, time, …)."]
op = partial(declare, cost=nothing)

UseLength = Annotated[bool, "Whether there is an input sequence_length; else all are full."]
Axis = Annotated[int, "The axis of time, 0 or 1."]
WHEN = {"sequence_length": lambda p: p["use_sequence_length"]}


def _check(s: Any, axis: int) -> None:
    """Rule: there are time and samples, and one length for each sample."""
    if axis not in (0, 1):
        raise ValueError(f"axis must be 0 or 1, not {axis}")
    data = s.data
    if data is None:
        return
    if len(data) < 2:
        raise ValueError(f"data {show(data)} needs at least 2 dimensions: time and samples")
    s.sequence_length = (data[1 - axis],)
    samples = None if s.sequence_length is None else s.sequence_length[0]
    if samples is not None:
        s.data = (data[0], samples, *data[2:]) if axis == 0 else (samples, *data[1:])


def _same_shape(s: Any, *, axis: int) -> None:
    """Rule: the output has the shape of the data."""
    s.output = s.data
    s.data = s.output
    _check(s, axis)


def _types(t: Any) -> None:
    """Rule: the output has the type of the data, and so has a length that nobody said."""
    t.output = t.data
    t.data = t.output
    if t.sequence_length is None:
        t.sequence_length = t.data


def _behind(data: Array, length: Array, axis: int) -> Array:
    """Return where time has run out, with the axes of time and samples."""
    time = np.arange(data.shape[axis])
    limit = length.astype(np.int64)
    return time[:, np.newaxis] >= limit if axis == 0 else time >= limit[:, np.newaxis]


def _widen(mask: Array, rank: int) -> Array:
    """See an array of time and samples with all axes of the data."""
    return mask.reshape(mask.shape + (1,) * (rank - 2))


# ---------------------------------------------------------------------------------- SequenceMask


@op(
    when=WHEN,
    samples=[
        Sample(((3, 2),), reference=lambda x: x),
        Sample(
            ((3, 2, 2), np.array([1.0, 3.0])),
            {"use_sequence_length": True, "value": -1.0},
            wrt=(0,),
            reference=lambda x, n: np.stack(
                [np.concatenate([x[:1, 0], np.full((2, 2), -1.0)]), x[:, 1]], 1
            ),
        ),
        Sample(((2, 3), np.array([2, 0])), {"use_sequence_length": True, "axis": 1}, wrt=(0,)),
        Sample(((3, 2), (3,)), {"use_sequence_length": True}, raises=ShapeError, match="has shape"),
        Sample(((3, 2),), {"axis": 2}, raises=ShapeError, match="axis must be 0 or 1"),
    ],
)
def SequenceMask(
    data: Series,
    sequence_length: Lengths | None = None,
    *,
    use_sequence_length: UseLength = False,
    value: Annotated[float, "What is written behind the end of each sequence."] = 0.0,
    axis: Axis = 0,
    out: Array,
) -> None:
    r"""Overwrite what lies behind the end of each sequence with a value.

    >>> from minisym import sym
    >>> import numpy as np
    >>> masked = sym.SequenceMask(
    ...     sym.Variable("x"), sym.Variable("length"), use_sequence_length=True, value=-1
    ... )
    >>> words = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])  # its columns
    >>> masked.eval(x=words, length=np.array([3.0, 2.0]))
    [NDArray([[ 1., 10.],
              [ 2., 20.],
              [ 3., -1.]])]
    """
    np.copyto(out, data)
    if sequence_length is not None:
        behind = _widen(_behind(data, sequence_length, axis), data.ndim)
        np.copyto(out, np.array(value).astype(out.dtype), where=behind)


SequenceMask.shape(_same_shape)
SequenceMask.dtype(_types)


def _onnx_ends(o: Any, length: Any) -> Any:
    """Return lengths as int64, in ONNX."""
    return o.cast(length, "int64")


@SequenceMask.onnx
def _(o: Any, data: Any, sequence_length: Any = None, *, value: float, axis: int) -> Any:
    if sequence_length is None:
        return data
    time = o.lay(o.count(data.shape[axis], "int64"), data.rank, axis)
    end = o.shaped(_onnx_ends(o, sequence_length), sequence_length.shape)
    return o.Where(o.Less(time, o.lay(end, data.rank, 1 - axis)), data, value)


@SequenceMask.grad
def _(
    g: Symbol,
    data: Symbol,
    sequence_length: Symbol | None = None,
    *,
    use_sequence_length: bool,
    axis: int,
) -> tuple[Symbol | None, ...]:
    if sequence_length is None:
        return g, None
    return SequenceMask(g, sequence_length, use_sequence_length=True, axis=axis), None


# ------------------------------------------------------------------------------- SequenceReverse


@op(
    when=WHEN,
    samples=[
        Sample(((3, 2, 2),), reference=lambda x: x[::-1]),
        Sample(
            ((3, 2), np.array([2.0, 3.0])),
            {"use_sequence_length": True},
            wrt=(0,),
            reference=lambda x, n: np.stack([x[[1, 0, 2], 0], x[::-1, 1]], 1),
        ),
        Sample(((3, 2),), {"axis": 1}, raises=ShapeError, match="axis must be 0"),
    ],
)
def SequenceReverse(
    data: Sequences,
    sequence_length: Lengths | None = None,
    *,
    use_sequence_length: UseLength = False,
    axis: Annotated[int, "The axis of time, which must be 0."] = 0,
    out: Array,
) -> None:
    r"""Reverse each sequence; what lies behind its end stays where it is.

    >>> from minisym import sym
    >>> import numpy as np
    >>> turned = sym.SequenceReverse(
    ...     sym.Variable("x"), sym.Variable("length"), use_sequence_length=True
    ... )
    >>> words = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])  # its columns
    >>> turned.eval(x=words, length=np.array([3.0, 2.0]))
    [NDArray([[ 3., 20.],
              [ 2., 10.],
              [ 1., 30.]])]
    """
    if sequence_length is None:
        np.copyto(out, data[::-1])
        return
    time = np.arange(len(data))[:, np.newaxis]
    length = np.clip(sequence_length.astype(np.int64), 0, len(data))
    source = np.where(time < length, length - 1 - time, time)
    np.copyto(out, np.take_along_axis(data, _widen(source, data.ndim), 0))


@SequenceReverse.shape
def _(s: Any, *, axis: int) -> None:
    """Rule: the output has the shape of `data`."""
    if axis != 0:
        raise ValueError(f"axis must be 0, not {axis}")
    _same_shape(s, axis=0)


SequenceReverse.dtype(_types)


@SequenceReverse.onnx
def _(o: Any, data: Any, sequence_length: Any = None) -> Any:
    if sequence_length is None:
        return o.Slice(data, (-1,), (np.iinfo(np.int64).min,), (0,), (-1,))
    least = o.Max(_onnx_ends(o, sequence_length), 1)  # none is as good as one, which ONNX wants
    length = o.Min(least, o.sizes(data.shape[:1]))
    return o.ReverseSequence(data, length, time_axis=0, batch_axis=1)


@SequenceReverse.grad
def _(
    g: Symbol, data: Symbol, sequence_length: Symbol | None = None, *, use_sequence_length: bool
) -> tuple[Symbol | None, ...]:
    if sequence_length is None:
        return SequenceReverse(g), None
    return SequenceReverse(g, sequence_length, use_sequence_length=True), None


# ---------------------------------------------------------------------------------- SequenceLast


def _ends(length: Array | None, steps: int, samples: int) -> Array:
    """Return the index of the last element of each sequence."""
    if length is None:
        return np.full(samples, steps - 1)
    last = length.astype(np.int64) - 1
    wrong = (last < 0) | (last >= steps)
    if wrong.any():
        raise ExecutionError(
            f"a sequence_length is {length[wrong][0]:g}, but must lie in [1, {steps}]"
        )
    return last


def _last(data: Array, length: Array | None, axis: int) -> Any:
    """Return the index of the last elements into data."""
    ends = _ends(length, data.shape[axis], data.shape[1 - axis])
    each = np.arange(len(ends))
    return (ends, each) if axis == 0 else (each, ends)


@op(
    when=WHEN,
    samples=[
        Sample(((3, 2, 2),), reference=lambda x: x[-1]),
        Sample(
            ((3, 2), np.array([1.0, 3.0])),
            {"use_sequence_length": True},
            wrt=(0,),
            reference=lambda x, n: x[[0, 2], [0, 1]],
        ),
        Sample(
            ((2, 3, 2), np.array([3, 2])),
            {"use_sequence_length": True, "axis": 1},
            wrt=(0,),
            reference=lambda x, n: x[[0, 1], [2, 1]],
        ),
        Sample(((3,),), raises=ShapeError, match="at least 2 dimensions"),
        Sample(
            ((3, 2), np.array([0.0, 3.0])),
            {"use_sequence_length": True},
            raises=ExecutionError,
            match="must lie in",
        ),
    ],
)
def SequenceLast(
    data: Series,
    sequence_length: Lengths | None = None,
    *,
    use_sequence_length: UseLength = False,
    axis: Axis = 0,
    out: Array,
) -> None:
    r"""Take the last element of each sequence.

    >>> from minisym import sym
    >>> import numpy as np
    >>> last = sym.SequenceLast(
    ...     sym.Variable("x"), sym.Variable("length"), use_sequence_length=True
    ... )
    >>> words = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])  # its columns
    >>> last.eval(x=words, length=np.array([3.0, 2.0]))
    [NDArray([ 3., 20.])]
    """
    np.copyto(out, data[_last(data, sequence_length, axis)])


@SequenceLast.shape
def _(s: Any, *, axis: int) -> None:
    """Rule: the shape of `data` without the axis of time."""
    _check(s, axis)
    if s.data is not None:
        s.output = (s.data[1 - axis], *s.data[2:])
        some_to_choose(s)


SequenceLast.dtype(_types)


@SequenceLast.onnx
def _(o: Any, data: Any, sequence_length: Any = None, *, axis: int) -> Any:
    if sequence_length is None:
        return o.Gather(data, np.array(-1), axis=axis)
    last = o.Unsqueeze(o.Sub(_onnx_ends(o, sequence_length), 1), (1,))
    each = o.transpose(data, (1, 0, *range(2, data.rank))) if axis == 0 else data
    return o.GatherND(each, last, batch_dims=1)


@SequenceLast.grad
def _(
    g: Symbol,
    data: Symbol,
    sequence_length: Symbol | None = None,
    *,
    use_sequence_length: bool,
    axis: int,
) -> tuple[Symbol | None, ...]:
    params = {"use_sequence_length": use_sequence_length, "axis": axis}
    return put_last(g, data, sequence_length, **params), None


@op(
    name="_put_last",
    when=WHEN,
    samples=[
        Sample(((2,), (3, 2)), wrt=(0,), reference=lambda g, x: np.stack([0 * g, 0 * g, g])),
        Sample(
            ((2, 2), (2, 3, 2), np.array([3, 2])),
            {"use_sequence_length": True, "axis": 1},
            wrt=(0,),
        ),
    ],
    no_onnx=OF_GRADIENTS,
)
def put_last(
    values: Annotated[Array, "One element for each sequence."],
    data: Series,
    sequence_length: Lengths | None = None,
    *,
    use_sequence_length: UseLength = False,
    axis: Axis = 0,
    out: Array,
) -> None:
    """Put values where the last elements of sequences are, in zeros."""
    out.fill(0)
    out[_last(data, sequence_length, axis)] = values


@put_last.shape
def _(s: Any, *, axis: int) -> None:
    s.output = s.data
    s.data = s.output
    as_forward(
        SequenceLast,
        s,
        {"axis": axis},
        {"data": ["data"], "sequence_length": ["sequence_length"]},
        {"output": ["values"]},
    )


@put_last.dtype
def _(t: Any) -> None:
    t.values = t.data
    t.output = t.data


@put_last.grad
def _(
    g: Symbol,
    values: Symbol,
    data: Symbol,
    sequence_length: Symbol | None = None,
    *,
    use_sequence_length: bool,
    axis: int,
) -> tuple[Symbol | None, ...]:
    params = {"use_sequence_length": use_sequence_length, "axis": axis}
    return SequenceLast(g, sequence_length, **params), None, None

"""How much arithmetic a node does: one table, a rule for each family of ops.

A multiplication and the addition of its product are two operations, as everywhere in this field.
An elementwise function is one for each element, whatever the function is; moving data is none. Ops
that do an amount of work which depends on the values (sorting, sampling) are counted by elements.

>>> from minisym import sym
>>> net = sym.FullyConnected(sym.Variable("x"), num_hidden=10, no_bias=True, name="fc")
>>> from minisym.passes.infer import infer_shapes
>>> graph = net.graph
>>> flops(graph.order[-1], infer_shapes(graph, {graph.order[0]: (4, 100)}))
8000
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isqrt, prod
from typing import Final

from minisym.graph import Entry, Node
from minisym.op import Params
from minisym.shapes import Shape, is_known

Dims = tuple[int, ...]
Rule = Callable[[Sequence[Dims], Sequence[Dims], Params], int]
"""From the shapes of inputs and outputs, and the parameters."""


def _each(factor: int) -> Rule:
    """Count so many operations for each element of the first output."""
    return lambda ins, outs, params: factor * prod(outs[0])


def _each_input(factor: int) -> Rule:
    """Count so many operations for each element of the first input."""
    return lambda ins, outs, params: factor * prod(ins[0])


def _nothing(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count nothing: it only moves data, or makes them."""
    return 0


def _product(a: Dims, b: Dims, c: Dims, batch: int = 1) -> int:
    """Count two operations for each term: m k n is the root of the product of the three sizes."""
    return 2 * isqrt(prod(a) * prod(b) * prod(c) // max(1, batch))


def _dense(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    bias = prod(outs[0]) if len(ins) > 2 else 0
    return 2 * prod(outs[0]) * ins[1][1] + bias


def _dot(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    return _product(ins[0], ins[1], outs[0])


def _each_dot(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    return _product(ins[0], ins[1], outs[0], prod(ins[0][:-2]))


def _scores(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count queries times keys: each element of the result is a product of two heads."""
    interleaved = 3 if len(ins) == 1 else 1  # queries, keys and values in one array
    return 2 * prod(outs[0]) * (ins[0][2] // interleaved // int(params["heads"]))


def _mixture(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count attention times values: each element of the result is a mean over all places."""
    return 2 * prod(outs[0]) * ins[1][2]


def _rank_update(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    return 2 * prod(outs[0]) * ins[0][-2 if params["transpose"] else -1]


def _convolution(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    bias = prod(outs[0]) if len(ins) > 2 else 0
    return 2 * prod(outs[0]) * prod(ins[1][1:]) + bias


def _deconvolution(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    bias = prod(outs[0]) if len(ins) > 2 else 0
    return 2 * prod(ins[0]) * prod(ins[1][1:]) + bias


def _deformable(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count a convolution; its gradient is two. The weight is the last input but for the bias.

    What finds the values between the pixels is not counted.
    """
    filters = next(a for a in reversed(ins) if len(a) > 1)
    places = outs[0] if len(outs) == 1 else ins[0]
    return (1 + (len(outs) > 1)) * 2 * prod(places) * prod(filters[1:])


def _filters(weight: Callable[[Sequence[Dims], Sequence[Dims]], Dims], output: int) -> Rule:
    """Count two operations for each weight at each place: the family of convolutions."""
    return lambda ins, outs, params: 2 * prod(ins[output]) * prod(weight(ins, outs)[1:])


def _pool(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    if params.get("global_pool"):
        return prod(ins[0])
    return prod(outs[0]) * prod(params.get("kernel") or (1,))


def _pool_back(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    return _pool(outs, ins, params)


def _recurrent(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count two operations for each parameter at each step of each sequence."""
    data, parameters = ins[0], ins[1]
    return 2 * data[0] * data[1] * prod(parameters)


def _recurrent_back(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count the same again for the gradient of the data, and for that of the parameters."""
    data, parameters = max(outs, key=len), min(outs, key=len)
    return 4 * data[0] * data[1] * prod(parameters)


def _cubic(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count a factorization of n×n matrices, in the order of n³ each."""
    return prod(ins[0]) * (ins[0][-1] if ins[0] else 1)


_OPS: Final[Mapping[str, Rule]] = {
    "FullyConnected": _dense,
    "Dropout": _each(1),
    "Deconvolution": _deconvolution,
    "_correlate": _filters(lambda ins, outs: ins[1], 2),
    "_correlate_filters": _filters(lambda ins, outs: outs[0], 0),
    "_scatter": _filters(lambda ins, outs: ins[1], 0),
    "_pool_back": _pool_back,
    "_backward_RNN": _recurrent_back,
    "_contrib_quantized_fully_connected": _dense,
    "_contrib_quantized_pooling": _pool,
    "_contrib_quantized_act": _each(1),
    "batch_dot": _each_dot,
    "_linalg_gemm": _each_dot,
    "_linalg_gemm2": _each_dot,
    "_linalg_syrk": _rank_update,
    "_backward_dot_lhs": lambda ins, outs, params: _product(ins[0], ins[1], ins[2]),
    "_backward_dot_rhs": lambda ins, outs, params: _product(ins[0], ins[1], ins[2]),
    "_contrib_interleaved_matmul_selfatt_qk": _scores,
    "_contrib_interleaved_matmul_encdec_qk": _scores,
    "khatri_rao": _each(1),
    "add_n": lambda ins, outs, params: (len(ins) - 1) * prod(outs[0]),
    "smooth_l1": _each(3),
    "clip": _each(2),
    "_unbroadcast": _each_input(1),
    "norm": _each_input(2),
    "moments": _each_input(4),
}
"""Ops that differ from their family."""

_FAMILIES: Final[Mapping[str, Rule]] = {
    "conv": _convolution,
    "linalg": _dot,
    "attention": _mixture,
    "pooling": _pool,
    "batch_norm": _each(4),
    "sync_norm": _each(4),
    "norm": _each(8),
    "response": _each(6),
    "softmax": _each(5),
    "loss": _each_input(5),
    "optimizer": _each_input(4),
    "densities": _each(8),
    "random": _each(4),
    "rnn": _recurrent,
    "quantize": _each(3),
    "calibrate": lambda ins, outs, params: 4 * prod(ins[0]) ** 2,  # all cuts
    "hawkes": _each_input(4),
    "boxes": _each(8),
    "deformable": _deformable,
    "image": _each(2),
    "multibox": _each_input(4),
    "proposal": _each_input(8),
    "psroi": _each_input(4),
    "roi_align": _each_input(4),
    "suppression": _each_input(4),
    "resize": _each(7),
    "special": _each(1),
    "regions": _each_input(4),
    "sampling": _each(8),
    "second": _each(2),
    "matrices": _cubic,
    "factors": _cubic,
    "reduce": _each_input(1),
    "statistics": _each_input(1),
    "sorting": _each_input(1),
    "counting": _each_input(1),
    "channels": _each_input(1),
    "correlate": _each(2),
} | dict.fromkeys(
    ("activation", "arithmetic", "broadcast", "comparison", "elemwise", "scalars", "trigonometry",
     "contrib"),
    _each(1),
) | dict.fromkeys(
    ("axes", "basic", "casting", "indexing", "layout", "margins", "nn", "patches", "pieces",
     "quantized", "scatter", "sequence", "slices", "sources", "stretch", "triangles", "upsampling"),
    _nothing,
)  # fmt: skip


UNKNOWN: Final = frozenset({"opaque", "custom", "control"})
"""Families of ops whose work only their bodies know."""


def flops(node: Node, shapes: Mapping[Entry, Shape]) -> int | None:
    """Return how many floating point operations a node does; None if that is not known.

    Parameters
    ----------
    node
        The node.
    shapes
        The shape of each entry.
    """
    op = node.op
    if op is None:
        return 0
    rule = _OPS.get(op.name) or _FAMILIES.get(op.family)
    ins = [shapes.get(entry) for entry in node.inputs]
    outs = [shapes.get(Entry(node, i)) for i in range(node.num_outputs)]
    if rule is None or not all(map(is_known, (*ins, *outs))):
        return None
    if not ins and rule is not _nothing:
        rule = _each(1)
    return int(rule(ins, outs, node.params))  # type: ignore[arg-type]  # all are known

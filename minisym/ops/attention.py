r"""Products of attention, whose heads lie interleaved in one projection.

A projection has the shape (length, batch, heads · kinds · dim): for each head, vectors of `dim`
elements stand side by side, queries, keys and values (3 kinds), keys and values (2) or one of them
(1). Scores and weights of attention have the shape (batch · heads, queries, keys).

Reference: Vaswani et al., *Attention is all you need*, 2017, arXiv:1706.03762.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod, sqrt
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import Dims
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.op import Params
from minisym.core.params import Between
from minisym.core.samples import Sample
from minisym.core.shapes import Dim, Shape, product, show
from minisym.core.symbol import Symbol
from minisym.ops.contrib import div_sqrt_dim
from minisym.ops.numeric.rules import floats_only


def _score_work(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count queries times keys: each element of the result is a product of two heads."""
    interleaved = 3 if len(ins) == 1 else 1  # queries, keys and values in one array
    return 2 * prod(outs[0]) * (ins[0][2] // interleaved // int(params["heads"]))


def _mixture_work(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count attention times values: each element of the result is a mean over all places."""
    return 2 * prod(outs[0]) * ins[1][2]


op = partial(declare, cost=_mixture_work)
Projection = Annotated[
    Array, "Query, key and value of each head side by side, (length, batch, heads · 3 · dim)."
]
KeysValues = Annotated[
    Array, "Key and value of each head side by side, (keys, batch, heads · 2 · dim)."
]

Heads = Annotated[int, "Number of heads.", Between(1)]

# ----------------------------------------------------------------------------------- the kernels


def _vectors(projection: Array, heads: int, kinds: int, kind: int) -> Array:
    """See one kind of vectors of a projection as (batch, heads, length, dim)."""
    length, batch, width = projection.shape
    split = projection.reshape(length, batch, heads, kinds, width // (heads * kinds))
    return split[:, :, :, kind].transpose(1, 2, 0, 3)


def _fill_scores(queries: Array, keys: Array, out: Array) -> None:
    """Fill (batch · heads, queries, keys) with products divided by the root of dim."""
    scale = queries.dtype.type(1 / sqrt(queries.shape[-1]))
    np.copyto(out, np.matmul(queries * scale, keys.swapaxes(2, 3)).reshape(out.shape))


def _fill_sums(weights: Array, values: Array, out: Array) -> None:
    """Fill (queries, batch, heads · dim) with the values' weighted sums."""
    heads = values.shape[1]
    found = np.matmul(weights.reshape(-1, heads, *weights.shape[1:]), values)
    np.copyto(out, found.transpose(2, 0, 1, 3).reshape(out.shape))


# ------------------------------------------------------------------------------- the same in ONNX


def _onnx_vectors(o: Any, projection: Any, heads: int, kinds: int, kind: int) -> Any:
    """See one kind of vectors of a projection as (batch, heads, length, dim) in ONNX."""
    (width,) = o.fixed_sizes(projection.shape[2:], "heads split the projection")
    split = o.Reshape(projection, (0, 0, heads, kinds, width // (heads * kinds)))
    chosen = o.Gather(split, np.array(kind), axis=3)
    return o.Transpose(chosen, perm=(1, 2, 0, 3))


def _onnx_scores(o: Any, queries: Any, keys: Any, dim: int) -> Any:
    turned = o.Transpose(keys, perm=(0, 1, 3, 2))
    return o.reshape(o.MatMul(o.Mul(queries, 1 / sqrt(dim)), turned))


def _onnx_sums(o: Any, weights: Any, values: Any, heads: int) -> Any:
    split = o.Reshape(weights, (-1, heads, *weights.shape[1:]))
    return o.reshape(o.Transpose(o.MatMul(split, values), perm=(2, 0, 1, 3)))


# --------------------------------------------------------------------- the same, made of symbols


def _taken(projection: Symbol, heads: int, kinds: int, kind: int) -> Symbol:
    """Take one kind of vectors of a projection as (batch · heads, length, dim)."""
    split = F.Reshape(projection, shape=(0, 0, heads, kinds, -1))
    chosen = F.slice_axis(split, axis=3, begin=kind, end=kind + 1)
    apart = F.transpose(F.Reshape(chosen, shape=(0, 0, 0, -3)), axes=(1, 2, 0, 3))
    return F.Reshape(apart, shape=(-3, 0, 0))


def _packed(heads: int, *kinds: Symbol | None) -> Symbol:
    """Put kinds of vectors side by side as a projection; None stands for zeros."""
    zeros = F.zeros_like(next(kind for kind in kinds if kind is not None))
    apart = [
        F.transpose(
            F.Reshape(zeros if kind is None else kind, shape=(-4, -1, heads, 0, 0)),
            axes=(2, 0, 1, 3),
        )
        for kind in kinds
    ]
    return F.Reshape(F.stack(*apart, axis=3), shape=(0, 0, -1))


def _scores_back(g: Symbol, queries: Symbol, keys: Symbol) -> tuple[Symbol, Symbol]:
    """Return the gradients of the scores by queries and keys."""
    scaled = div_sqrt_dim(queries), div_sqrt_dim(keys)
    return F.batch_dot(g, scaled[1]), F.batch_dot(g, scaled[0], transpose_a=True)


def _sums_back(g: Symbol, weights: Symbol, values: Symbol) -> tuple[Symbol, Symbol]:
    """Return the gradients of the sums by weights and values."""
    return (
        F.batch_dot(g, values, transpose_b=True),
        F.batch_dot(weights, g, transpose_a=True),
    )


# ------------------------------------------------------------------------------------ the shapes


def _check(name: str, shape: Shape, heads: int = 1, kinds: int = 1) -> None:
    """Raise where a shape does not have 3 dimensions, of which the last splits into heads."""
    if shape is None:
        return
    if len(shape) != 3:
        raise ValueError(f"{name} must have 3 dimensions, but has {len(shape)}: {show(shape)}")
    if shape[2] is not None and shape[2] % (heads * kinds):
        raise ValueError(
            f"{name} has {shape[2]} elements at each place, which do not split into {kinds} "
            f"vector(s) for each of {heads} head(s)"
        )


def _part(dim: Dim, factor: int) -> Dim:
    return None if dim is None else dim // factor


def _reference(heads: int, kinds: int, combine: Callable[..., Array]) -> Callable[..., Array]:
    """Return a reference that gets the vectors (kinds, length, batch, heads, dim) first."""

    def reference(projection: Array, *others: Array) -> Array:
        split = projection.reshape(*projection.shape[:2], heads, kinds, -1)
        return combine(np.moveaxis(split, 3, 0), *others)

    return reference


def _scores(queries: Array, keys: Array) -> Array:
    found: Array = np.einsum("qbhd,kbhd->bhqk", queries, keys) / np.sqrt(queries.shape[-1])
    return found.reshape(-1, *found.shape[2:])


def _sums(weights: Array, values: Array) -> Array:
    heads = values.shape[2]
    split = weights.reshape(-1, heads, *weights.shape[1:])
    found: Array = np.einsum("bhqk,kbhd->qbhd", split, values)
    return found.reshape(*found.shape[:2], -1)


# -------------------------------------------------------------------------------- self-attention


@op(
    name="_contrib_interleaved_matmul_selfatt_qk",
    cost=_score_work,
    samples=[
        Sample(((3, 2, 12),), {"heads": 2}, reference=_reference(2, 3, lambda v: _scores(*v[:2]))),
        Sample(((3, 1, 6),), {"heads": 1}),
        Sample(((3, 2, 10),), {"heads": 2}, raises=ShapeError, match="do not split into 3"),
        Sample(((3, 12),), {"heads": 2}, raises=ShapeError, match="3 dimensions"),
    ],
)
def selfatt_qk(queries_keys_values: Projection, *, heads: Heads, out: Array) -> None:
    r"""Compute the scores of self-attention, $q_i \cdot k_j / \sqrt d$.

    The projection (length, batch, heads · 3 · dim) holds query, key and value of each head side by
    side; the output has the shape (batch · heads, length, length).

    >>> from minisym import sym
    >>> qkv = sym.Variable("qkv")
    >>> weights = sym.softmax(sym.contrib.interleaved_matmul_selfatt_qk(qkv, heads=2))
    >>> y = sym.contrib.interleaved_matmul_selfatt_valatt(qkv, weights, heads=2)
    >>> weights.infer_shape(qkv=(5, 1, 24))[1], y.infer_shape(qkv=(5, 1, 24))[1]
    ([(2, 5, 5)], [(5, 1, 8)])
    """
    queries, keys = (_vectors(queries_keys_values, heads, 3, kind) for kind in (0, 1))
    _fill_scores(queries, keys, out)


@selfatt_qk.shape
def _(s: Any, *, heads: int) -> None:
    """Rule: the output is (batch · heads, length, length)."""
    qkv = s.queries_keys_values
    _check("queries_keys_values", qkv, heads, 3)
    if qkv is not None:
        s.output = (product((qkv[1], heads)), qkv[0], qkv[0])
    if s.output is not None:
        s.queries_keys_values = (s.output[1], _part(s.output[0], heads), None)


@selfatt_qk.onnx
def _(o: Any, queries_keys_values: Any, *, heads: int) -> Any:
    queries, keys = (_onnx_vectors(o, queries_keys_values, heads, 3, kind) for kind in (0, 1))
    return _onnx_scores(o, queries, keys, queries_keys_values.shape[2] // (3 * heads))


@selfatt_qk.grad
def _(g: Symbol, queries_keys_values: Symbol, *, heads: int) -> Symbol:
    queries, keys = (_taken(queries_keys_values, heads, 3, kind) for kind in (0, 1))
    return _packed(heads, *_scores_back(g, queries, keys), None)


@op(
    name="_contrib_interleaved_matmul_selfatt_valatt",
    samples=[
        Sample(
            ((3, 2, 12), (4, 3, 3)),
            {"heads": 2},
            reference=_reference(2, 3, lambda v, weights: _sums(weights, v[2])),
        ),
        Sample(((3, 2, 12), (2, 3, 3)), {"heads": 2}, raises=ShapeError, match="attention"),
        Sample(((3, 2, 12), (4, 3, 4)), {"heads": 2}, raises=ShapeError, match="attention"),
    ],
)
def selfatt_valatt(
    queries_keys_values: Projection,
    attention: Annotated[Array, "Weights of the sums, (batch · heads, length, length)."],
    *,
    heads: Heads,
    out: Array,
) -> None:
    r"""Sum values by the weights of self-attention, $\sum_j a_{ij} v_j$.

    The projection is that of `interleaved_matmul_selfatt_qk`, `attention` has the shape (batch ·
    heads, length, length), and the output (length, batch, heads · dim).
    """
    _fill_sums(attention, _vectors(queries_keys_values, heads, 3, 2), out)


@selfatt_valatt.shape
def _(s: Any, *, heads: int) -> None:
    """Rule: the output is (length, batch, width), a third of `queries_keys_values`."""
    qkv, attention = s.queries_keys_values, s.attention
    _check("queries_keys_values", qkv, heads, 3)
    if qkv is not None:
        s.attention = (product((qkv[1], heads)), qkv[0], qkv[0])
        s.output = (qkv[0], qkv[1], _part(qkv[2], 3))
    elif attention is not None:
        _check("attention", attention)
        s.queries_keys_values = (attention[1], _part(attention[0], heads), None)
    if s.output is not None:
        _check("output", s.output, heads)
        s.queries_keys_values = (*s.output[:2], product((s.output[2], 3)))


@selfatt_valatt.onnx
def _(o: Any, queries_keys_values: Any, attention: Any, *, heads: int) -> Any:
    return _onnx_sums(o, attention, _onnx_vectors(o, queries_keys_values, heads, 3, 2), heads)


@selfatt_valatt.grad
def _(
    g: Symbol, queries_keys_values: Symbol, attention: Symbol, *, heads: int
) -> tuple[Symbol, Symbol]:
    values = _taken(queries_keys_values, heads, 3, 2)
    weights, sums = _sums_back(_taken(g, heads, 1, 0), attention, values)
    return _packed(heads, None, None, sums), weights


# ---------------------------------------------------------- attention of one sequence to another


@op(
    name="_contrib_interleaved_matmul_encdec_qk",
    cost=_score_work,
    samples=[
        Sample(
            ((3, 2, 4), (5, 2, 8)),
            {"heads": 2},
            reference=lambda q, kv: _scores(
                q.reshape(3, 2, 2, 2), kv.reshape(5, 2, 2, 2, 2)[:, :, :, 0]
            ),
        ),
        Sample(((3, 2, 4), (5, 2, 9)), {"heads": 2}, raises=ShapeError, match="keys_values"),
        Sample(((3, 2, 4), (5, 1, 8)), {"heads": 2}, raises=ShapeError, match="keys_values"),
    ],
)
def encdec_qk(
    queries: Annotated[Array, "Query of each head side by side, (queries, batch, heads · dim)."],
    keys_values: KeysValues,
    *,
    heads: Heads,
    out: Array,
) -> None:
    r"""Compute the scores of one sequence's attention to another, $q_i \cdot k_j / \sqrt d$.

    `queries` has the shape (queries, batch, heads · dim), `keys_values`, with key and value of each
    head side by side, (keys, batch, heads · 2 · dim); the output is (batch · heads, queries, keys).
    """
    pair = _vectors(queries, heads, 1, 0), _vectors(keys_values, heads, 2, 0)
    _fill_scores(*pair, out)


@encdec_qk.shape
def _(s: Any, *, heads: int) -> None:
    """Rule: the output is (batch · heads, length of `queries`, length of `keys_values`)."""
    _check("queries", s.queries, heads)
    _check("keys_values", s.keys_values, heads, 2)
    if s.keys_values is not None:
        s.queries = (None, s.keys_values[1], _part(s.keys_values[2], 2))
    if s.output is not None:
        s.queries = (s.output[1], _part(s.output[0], heads), None)
        s.keys_values = (s.output[2], _part(s.output[0], heads), None)
    if s.queries is not None:
        length, batch, width = s.queries
        s.keys_values = (None, batch, product((width, 2)))
        s.output = (product((batch, heads)), length, s.keys_values[0])


@encdec_qk.onnx
def _(o: Any, queries: Any, keys_values: Any, *, heads: int) -> Any:
    keys = _onnx_vectors(o, keys_values, heads, 2, 0)
    return _onnx_scores(o, _onnx_vectors(o, queries, heads, 1, 0), keys, queries.shape[2] // heads)


@encdec_qk.grad
def _(g: Symbol, queries: Symbol, keys_values: Symbol, *, heads: int) -> tuple[Symbol, Symbol]:
    vectors = _taken(queries, heads, 1, 0), _taken(keys_values, heads, 2, 0)
    to_queries, to_keys = _scores_back(g, *vectors)
    return _packed(heads, to_queries), _packed(heads, to_keys, None)


@op(
    name="_contrib_interleaved_matmul_encdec_valatt",
    samples=[
        Sample(
            ((5, 2, 8), (4, 3, 5)),
            {"heads": 2},
            reference=_reference(2, 2, lambda v, weights: _sums(weights, v[1])),
        ),
        Sample(((5, 2, 8), (4, 3, 6)), {"heads": 2}, raises=ShapeError, match="attention"),
        Sample(((5, 2, 9), (4, 3, 5)), {"heads": 2}, raises=ShapeError, match="do not split"),
    ],
)
def encdec_valatt(
    keys_values: KeysValues,
    attention: Annotated[Array, "Weights of the sums, (batch · heads, queries, keys)."],
    *,
    heads: Heads,
    out: Array,
) -> None:
    r"""Sum values by the weights of one sequence's attention to another, $\sum_j a_{ij} v_j$.

    `keys_values` is that of `interleaved_matmul_encdec_qk`, `attention` has the shape (batch ·
    heads, queries, keys), and the output (queries, batch, heads · dim).
    """
    _fill_sums(attention, _vectors(keys_values, heads, 2, 1), out)


@encdec_valatt.shape
def _(s: Any, *, heads: int) -> None:
    """Rule: the output is (length of the queries, batch, width), half as wide as `keys_values`."""
    _check("keys_values", s.keys_values, heads, 2)
    _check("attention", s.attention)
    _check("output", s.output, heads)
    if s.attention is not None:
        s.keys_values = (s.attention[2], _part(s.attention[0], heads), None)
    if s.output is not None:
        s.keys_values = (None, s.output[1], product((s.output[2], 2)))
    if s.keys_values is not None:
        length, batch, width = s.keys_values
        s.attention = (product((batch, heads)), s.output and s.output[0], length)
        s.output = (s.attention[1], batch, _part(width, 2))


@encdec_valatt.onnx
def _(o: Any, keys_values: Any, attention: Any, *, heads: int) -> Any:
    return _onnx_sums(o, attention, _onnx_vectors(o, keys_values, heads, 2, 1), heads)


@encdec_valatt.grad
def _(g: Symbol, keys_values: Symbol, attention: Symbol, *, heads: int) -> tuple[Symbol, Symbol]:
    values = _taken(keys_values, heads, 2, 1)
    weights, sums = _sums_back(_taken(g, heads, 1, 0), attention, values)
    return _packed(heads, None, sums), weights


for _product in (selfatt_qk, selfatt_valatt, encdec_qk, encdec_valatt):
    _product.dtype(floats_only)

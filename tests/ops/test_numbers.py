"""Numbers that go wrong quietly: long sums, float16, narrow integers, gradients at 0, second order.

What is right follows from mathematics, and from MXNet's documentation where a rule is a convention.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minisym as ms
from minisym import sym
from minisym.core.params import REQUIRED
from minisym.ops.numeric import sums

X, Y, W, B = (sym.Variable(name) for name in "xywb")
ROWS = 4_000_000
TENTH = np.float64(np.float32(0.1))
"""What a float32 of 0.1 is."""


def named(value: Any) -> str:
    return value.list_outputs()[0] if isinstance(value, ms.Symbol) else ""


def run(symbol: ms.Symbol, *, is_train: bool = False, **arrays: Any) -> Any:
    states = symbol.list_auxiliary_states()
    return symbol.bind(
        args={n: a for n, a in arrays.items() if n not in states},
        aux_states={n: a for n, a in arrays.items() if n in states},
    ).forward(is_train=is_train)


def slopes(symbol: ms.Symbol, head: Any = None, **arrays: Any) -> dict[str, Any]:
    """Return the gradients by all arrays; `head` (default: ones) is what arrives at the output."""
    found = {name: np.zeros_like(a) for name, a in arrays.items()}
    executor = symbol.bind(args=arrays, args_grad=found)
    (output,) = executor.forward(is_train=True)
    executor.backward([np.ones_like(output) if head is None else head])
    return found


def tenths(*shape: int) -> Any:
    return np.full(shape, 0.1, np.float32)


def assert_near(got: Any, right: Any) -> None:
    """Compare float32 with what is right: to a millionth."""
    assert got.dtype == np.float32
    np.testing.assert_allclose(np.asarray(got, np.float64), right, rtol=1e-6)


# --------------------------------------------------------------------------------------- long sums

REDUCTIONS = [
    (sym.sum(X, axis=0), (ROWS, 2), ROWS * TENTH),
    (sym.sum(X, axis=1), (2, ROWS // 2, 2), ROWS // 2 * TENTH),
    (sym.sum(X, axis=(0, 2)), (ROWS // 4, 3, 2), ROWS // 2 * TENTH),
    (sym.sum(X, axis=1, exclude=True, keepdims=True), (ROWS // 4, 2, 2, 2), ROWS * TENTH),
    (sym.sum(X), (ROWS, 1), ROWS * TENTH),
    (sym.mean(X, axis=0), (ROWS, 2), TENTH),
    (sym.nansum(X, axis=0), (ROWS, 2), ROWS * TENTH),
    (sym.norm(X, axis=0), (ROWS, 2), ROWS**0.5 * TENTH),
    (sym.moments(X, axes=(0,))[0], (ROWS, 2), TENTH),
    (sym.sum(sym.transpose(X), axis=1), (ROWS, 2), ROWS * TENTH),
    (sym.max(X, axis=0), (ROWS, 2), TENTH),
    (sym.cumsum(X, axis=0), (ROWS, 2), np.arange(1, ROWS + 1)[:, None] * TENTH),
    (sym.softmax(X, axis=0), (ROWS, 2), 1 / ROWS),
    (sym.Pooling(X, global_pool=True, pool_type="avg"), (1, 1, 2000, 2000), TENTH),
    (sym.Pooling(X, kernel=(ROWS,), pool_type="sum"), (1, 2, ROWS), ROWS * TENTH),
    (sym.Pooling(X, kernel=(30_000,), stride=(999,), pool_type="avg"), (1, 1, 50_000), TENTH),
    (sym.contrib.AdaptiveAvgPooling2D(X), (1, 1, 2000, 2000), TENTH),
]


@pytest.mark.parametrize(("symbol", "shape", "right"), REDUCTIONS, ids=named)
def test_sums_over_millions(symbol: ms.Symbol, shape: tuple[int, ...], right: Any):
    assert_near(*np.broadcast_arrays(run(symbol, x=tenths(*shape))[0], right))


GRADIENTS = [
    ("b", sym.FullyConnected(X, W, B, num_hidden=2), {"x": (ROWS, 1), "w": (2, 1), "b": (2,)}),
    ("y", sym.broadcast_add(X, Y), {"x": (ROWS, 2), "y": (1, 2)}),
    ("x", sym.broadcast_to(X, shape=(ROWS, 2)), {"x": (1, 2)}),
    ("x", sym.broadcast_axis(X, axis=0, size=ROWS), {"x": (1, 2)}),
    ("x", sym.broadcast_like(X, Y), {"x": (1, 2), "y": (ROWS, 2)}),
    ("x", sym.tile(X, reps=(ROWS, 1)), {"x": (1, 2)}),
    ("x", sym.repeat(X, repeats=ROWS, axis=0), {"x": (1, 2)}),
    ("b", sym.LayerNorm(X, W, B), {"x": (ROWS, 2), "w": (2,), "b": (2,)}),
    ("b", sym.BatchNorm(X, W, B), {"x": (ROWS, 2), "w": (2,), "b": (2,)}),
    ("b", sym.BatchNorm(X, W, B, axis=-1), {"x": (40, 400, 250, 2), "w": (2,), "b": (2,)}),
    ("b", sym.Convolution(X, W, B, kernel=(1,), num_filter=1), {
        "x": (ROWS // 8, 1, 8), "w": (1, 1, 1), "b": (1,),
    }),
    ("x", sym.UpSampling(X, scale=1000, sample_type="nearest"), {"x": (1, 1, 2, 2)}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "symbol", "shapes"), GRADIENTS, ids=named)
def test_gradients_that_add_up_millions(name: str, symbol: ms.Symbol, shapes: dict[str, Any]):
    """A gradient of 0.1 arrives at every element of the output."""
    arrays = {n: tenths(*shape) for n, shape in shapes.items()}
    states = {n: np.ones(2, np.float32) for n in symbol.list_auxiliary_states()}
    found = np.zeros_like(arrays[name])
    executor = symbol.bind(args=arrays, args_grad={name: found}, aux_states=states)
    (output,) = executor.forward(is_train=True)
    executor.backward([np.full_like(output, 0.1)])
    assert_near(found, np.full(found.shape, output.size // found.size * TENTH))


def test_a_word_that_is_everywhere():
    """The gradient of a table's row is the sum over all places where its word stands."""
    words = np.zeros(ROWS // 4, np.int32)
    words[:3] = 1
    table = np.zeros((2, 3), np.float32)
    for symbol in (sym.Embedding(X, W, input_dim=2, output_dim=3), sym.take(W, X)):
        found = slopes(symbol, tenths(ROWS // 4, 3), x=words, w=table)["w"]
        assert_near(found, np.outer([ROWS // 4 - 3, 3], np.full(3, TENTH)))


def test_norms_over_millions():
    """What is scaled to length 1 has length 1; standardised data have mean 0 and variance 1."""
    out = run(sym.L2Normalization(X, mode="channel"), x=tenths(1, ROWS // 2, 2))[0]
    np.testing.assert_allclose(np.square(out[0], dtype=np.float64).sum(0), 1, rtol=1e-6)
    data = tenths(ROWS // 2, 2)
    data[::2] = 0.3
    ones, zeros = np.ones(2, np.float32), np.zeros(2, np.float32)
    spread = (np.float64(np.float32(0.3)) - TENTH) ** 2 / 4
    states = {"m": zeros.copy(), "v": ones.copy()}
    norm = sym.BatchNorm(X, W, B, sym.Variable("m"), sym.Variable("v"), momentum=0, eps=1e-5)
    run(norm, is_train=True, x=data, w=ones, b=zeros, **states)
    np.testing.assert_allclose(states["m"], [0.2, 0.2], rtol=1e-6)
    np.testing.assert_allclose(states["v"], [spread, spread], rtol=1e-5)
    gamma = np.ones(ROWS // 2, np.float32)
    norm = sym.LayerNorm(X, W, B, axis=0, output_mean_var=True)
    mean = run(norm, x=data, w=gamma, b=0 * gamma)[1]
    np.testing.assert_allclose(mean[0], [0.2, 0.2], rtol=1e-6)


@given(st.data())
def test_a_sum_does_not_depend_on_the_layout(data: st.DataObject):
    """Any axes of any strides: sums of whole numbers are exact, and extremes are NumPy's."""
    sizes = st.sampled_from([1, 2, 3, 5, 16, 17, 33, 70])
    shape = tuple(data.draw(st.lists(sizes, min_size=1, max_size=4)))
    dtype = data.draw(st.sampled_from([np.float32, np.float64, np.float16, np.int32, np.int8]))
    array = (np.arange(np.prod(shape)) * 7 % 11 - 5).reshape(shape).astype(dtype)
    array = array.transpose(data.draw(st.permutations(range(array.ndim))))
    steps = st.sampled_from([slice(None), slice(None, None, 2), slice(None, None, -1)])
    array = array[tuple(data.draw(steps) for _ in range(array.ndim))]
    if data.draw(st.booleans()):
        array = np.broadcast_to(array, (40, *array.shape))
    axes = tuple(sorted(data.draw(st.sets(st.integers(0, array.ndim - 1)))))
    kind = np.float32 if array.dtype.kind == "f" else np.int64
    found = sums.sum_over(array, axes, dtype=kind)
    np.testing.assert_array_equal(found, array.sum(axes, dtype=kind))
    largest = np.empty(found.shape, array.dtype)
    sums.fold(np.maximum, array, axes, largest)
    np.testing.assert_array_equal(largest, array.max(axes))


# ----------------------------------------------------------------------------------------- float16

HALF = [
    (sym.Pooling(X, global_pool=True, pool_type="avg"), np.full((1, 1, 20, 20), 4000), 4000),
    (sym.Pooling(X, kernel=(8, 8), pool_type="avg"), np.full((1, 1, 8, 8), 2000), 2000),
    (sym.Pooling(X, kernel=(60, 60), pool_type="sum"), np.ones((1, 1, 60, 60)), 3600),
    (sym.Pooling(X, kernel=(2, 2), pool_type="lp", p_value=2), np.full((1, 1, 2, 2), 300), 600),
    (sym.Pooling_v1(X, kernel=(8, 8), pool_type="avg"), np.full((1, 1, 8, 8), 2000), 2000),
    (sym.contrib.AdaptiveAvgPooling2D(X), np.full((1, 1, 20, 20), 4000), 4000),
    (sym.sum(X, axis=0), np.ones((3000, 2)), 3000),
    (sym.cumsum(X), np.ones(3000), np.arange(1, 3001).astype(np.float16)),
    (sym.L2Normalization(X), np.full((1, 1600), 50), 0.025),
    (sym.LRN(X, nsize=3, alpha=3, beta=0.5, knorm=0), np.full((1, 1, 2, 2), 300), 1),
    (sym.softmax(X, axis=0), np.zeros((4096, 1)), 1 / 4096),
    (sym.Correlation(X, X, max_displacement=0), np.full((1, 2, 1, 1), 200), 40_000),
    (sym.softmax_cross_entropy(X, sym.zeros(shape=(1,), dtype="float16")),
     np.array([[0, 20]]), -np.log(1e-8)),
    (-sym.softmax_cross_entropy(X, sym.zeros(shape=(30_000,), dtype="float16")),
     np.zeros((30_000, 2)), -30_000 * np.log(2)),
]  # fmt: skip


@pytest.mark.parametrize(("symbol", "data", "right"), HALF, ids=named)
def test_float16_is_added_up_in_float32(symbol: ms.Symbol, data: Any, right: Any):
    (out,) = run(symbol, x=data.astype(np.float16))
    assert out.dtype == np.float16
    np.testing.assert_allclose(*np.broadcast_arrays(out, right), rtol=1e-3)


def test_gradients_of_float16_are_added_up_in_float32():
    """Each is a sum that float16 cannot hold on the way: 3000 ones, or squares of 300."""
    ones = np.ones(3000, np.float16)
    table = np.zeros((1, 1), np.float16)
    for symbol, arrays in (
        (sym.Embedding(X, W, input_dim=1, output_dim=1), {"x": 0 * ones, "w": table}),
        (sym.broadcast_to(W, shape=(3000, 1)), {"w": table}),
        (sym.tile(W, reps=(3000, 1)), {"w": table}),
    ):
        assert slopes(symbol, **arrays)["w"].item() == 3000
    data = np.full((1, 1, 2, 2), 300, np.float16)
    head = np.array([[[[1, 0], [0, 0]]]], np.float16)  # g / norm - x (x g) / norm^3
    found = slopes(sym.L2Normalization(X), head, x=data)["x"].ravel()
    np.testing.assert_allclose(found, (np.array([1, 0, 0, 0]) - 0.25) / 600, rtol=2e-3)
    found = slopes(sym.LRN(X, nsize=1, beta=0.5, alpha=1, knorm=90_000), x=data)["x"]
    np.testing.assert_allclose(found, 1 / (8**0.5 * 300), rtol=2e-3)  # x / sqrt(90000 + x^2)


# -------------------------------------------------------------------------- integers and truth


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "int64"])
def test_the_mean_of_integers_is_theirs(dtype: str):
    """It is cut towards 0, as MXNet cuts it; MXNet adds up in the type itself."""
    data = np.full((300, 2), 101, dtype)
    data[:150, 1] = 100
    assert run(sym.mean(X, axis=0), x=data)[0].tolist() == [101, 100]
    assert run(sym.mean(X), x=data)[0].dtype == dtype
    if dtype.startswith("i"):
        assert run(sym.mean(X), x=-data)[0].tolist() == [-100]
    assert slopes(sym.mean(X), np.full(1, 100, dtype), x=data[:50])["x"].tolist() == [[1, 1]] * 50


POSITIONS = [
    (sym.argmax(X, axis=0), "argmax", "uint8", 300),
    (sym.argmax(X, axis=0), "argmax", "int8", 200),
    (sym.argmin(X, axis=0), "argmin", "int8", 128),
    (sym.argmax(X, axis=0), "argmax", "float16", 2049),
    (sym.argmax_channel(sym.expand_dims(X, axis=0)), "argmax_channel", "uint8", 256),
    (sym.topk(X, dtype="uint8"), "topk", "float32", 256),
    (sym.argsort(X, dtype="uint8"), "argsort", "float32", 256),
]


@pytest.mark.parametrize(("symbol", "name", "dtype", "place"), POSITIONS)
def test_a_position_that_does_not_fit(symbol: ms.Symbol, name: str, dtype: str, place: int):
    """MXNet answers with another position: 300 in uint8 is 44."""
    data = np.zeros(place + 1, dtype)
    data[-1] = -1 if name == "argmin" else 1
    with pytest.raises(ms.DtypeError, match=f"{name}: position {place} does not fit into"):
        run(symbol, x=data)
    assert run(symbol, x=data[-100:])[0].ravel()[0] in (99, 0)


@pytest.mark.parametrize(
    "symbol",
    [sym.sum(X), sym.mean(X), sym.nansum(X), sym.prod(X), sym.norm(X), sym.cumsum(X),
     sym.moments(X, axes=(0,)), sym.add_n(X, X)],
    ids=named,
)  # fmt: skip
def test_there_is_no_sum_of_truth_values(symbol: ms.Symbol):
    with pytest.raises(ms.DtypeError, match="it takes numbers, but got bool; Cast says"):
        run(symbol, x=np.ones(3, bool))
    counted = sym.sum(sym.Cast(X, dtype="float32"))
    assert run(counted, x=np.array([True, False, True]))[0].tolist() == [2]


BIG = 2**53


@pytest.mark.parametrize(
    ("symbol", "right"),
    [
        (X + (BIG + 1), [BIG + 1, 2 * BIG + 2]),
        ((BIG + 1) - X, [BIG + 1, 0]),
        (X * 3 / (BIG + 1), [0, 3]),
        (X % (BIG + 1), [0, 0]),
        (X == BIG + 1, [0, 1]),
        (X < BIG + 1, [1, 0]),
        (sym.maximum(X, BIG + 1), [BIG + 1, BIG + 1]),
        (sym.clip(X, 0, BIG + 1), [0, BIG + 1]),
        (X + np.int64(BIG + 1), [BIG + 1, 2 * BIG + 2]),
        (X + sym.full((2,), BIG + 1, dtype="int64"), [BIG + 1, 2 * BIG + 2]),
        (X + sym.arange(BIG + 1, BIG + 3, dtype="int64"), [BIG + 1, 2 * BIG + 3]),
    ],
    ids=named,
)
def test_large_integers_are_exact(symbol: ms.Symbol, right: list[int]):
    data = np.array([0, BIG + 1])
    for one in (symbol, ms.sym.load_json(symbol.tojson())):
        assert run(one, x=data)[0].tolist() == right


def test_large_integers_at_once():
    assert ms.nd.arange(BIG + 1, BIG + 3, dtype="int64").tolist() == [BIG + 1, BIG + 2]
    assert ms.nd.full((1,), BIG + 1, dtype="int64").tolist() == [BIG + 1]


@pytest.mark.parametrize("number", [2**63, 2**70, -(2**70), 10**30])
def test_integers_that_no_type_holds_are_floats(number: int):
    assert run(X + number, x=np.ones(1))[0].tolist() == [1.0 + number]


# ------------------------------------------------------------------------- gradients where it is 0


def test_slopes_of_powers_at_zero():
    """x^0 is 1 everywhere, 0^x is 0 for x > 0. All else as MXNet has it: x^(1/2) rises at once."""
    at = np.array([0.0, 1.0, -2.0])
    assert slopes(X**0, x=at)["x"].tolist() == [0, 0, 0]
    assert slopes(X**1, x=at)["x"].tolist() == [1, 1, 1]
    assert slopes(0**X, x=np.array([1.0, 2.0, 0.0, -1.0]))["x"].tolist() == [0, 0, -np.inf, -np.inf]
    assert slopes(X**0.5, x=at[:2])["x"].tolist() == [np.inf, 0.5]
    bases, exponents = np.array([0.0, 0, 0, 2, -2, 0]), np.array([0.0, 1, 2, 0, 2, -1])
    for symbol in (X**Y, sym.broadcast_power(X, Y)):
        found = slopes(symbol, x=bases, y=exponents)
        assert found["x"].tolist() == [0, 1, 0, 0, -4, -np.inf]
        np.testing.assert_array_equal(found["y"], [-np.inf, 0, 0, np.log(2), np.nan, -np.inf])


def test_second_slopes_of_powers():
    bend = ms.grad(ms.grad(sym.sum(X**Y), "x"), "x")
    found = run(bend, x=np.array([0.0, 0, 0, 2]), y=np.array([1.0, 2, 3, 4]))[0]
    assert found.tolist() == [0, 2, 0, 48]
    bend = ms.grad(ms.grad(sym.sum(X**Y), "y"), "x")  # x^(y-1) (1 + y ln x)
    found = run(bend, x=np.array([2.0, 3.0]), y=np.array([3.0, 0.0]))[0]
    np.testing.assert_allclose(found, [4 * (1 + 3 * np.log(2)), 1 / 3])
    assert run(ms.grad(ms.grad(sym.sum(X**0), "x"), "x"), x=np.zeros(2))[0].tolist() == [0, 0]


def without(line: Any, *gone: int) -> float:
    return float(np.prod(np.delete(line, gone)))


LINES = np.array([[4.0, 0, 5], [0, 0, 5], [2, 3, 4], [0, 0, 0], [1, 0, 0]])


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_slopes_of_products_are_those_of_the_others(dtype: str):
    right = [[without(line, i) for i in range(3)] for line in LINES]
    data = LINES.astype(dtype)
    assert slopes(sym.prod(X, axis=1), x=data)["x"].tolist() == right
    assert slopes(sym.prod(X, axis=0, exclude=True, keepdims=True), x=data)["x"].tolist() == right
    assert slopes(sym.prod(X, axis=0), x=data.T.copy())["x"].T.tolist() == right
    assert slopes(sym.prod(X), x=data[:1])["x"].tolist() == right[:1]
    holes = np.insert(data, 1, np.nan, axis=1)
    right = [[first, 0, *rest] for first, *rest in right]
    assert slopes(sym.nanprod(X, axis=1), x=holes)["x"].tolist() == right


def test_second_slopes_of_products():
    r"""The slopes of $\sum_i v_i \partial_i P$ are $\sum_{i \ne k} v_i \prod_{j \ne i, k} x_j$."""
    weights = np.array([1.0, 2.0, 3.0])
    right = [
        [sum(weights[i] * without(line, i, k) for i in range(3) if i != k) for k in range(3)]
        for line in LINES
    ]
    slope = ms.grad(sym.prod(X, axis=1), "x")
    bend = ms.grad(sym.sum(slope * W), "x")
    assert run(bend, x=LINES, w=np.tile(weights, (5, 1)))[0].tolist() == right


def test_products_of_nothing():
    with ms.util.np_shape():
        assert run(sym.prod(X, axis=1), x=np.zeros((2, 0)))[0].tolist() == [1, 1]
        assert slopes(sym.prod(X, axis=1), x=np.zeros((2, 0)))["x"].shape == (2, 0)
        assert slopes(sym.prod(X, axis=0), x=np.zeros((2, 0)))["x"].shape == (2, 0)
        assert slopes(sym.prod(X), x=np.array(3.0))["x"].tolist() == 1


# ----------------------------------------------------------------------------------------- updates

UPDATES = {name: op for name, op in ms.op.registered().items() if op.writes and op.kind == "update"}
HYPER: dict[str, Any] = {
    "lr": 0.001, "t": 1, "wd": 0, "eta": 1, "momentum": 0.9, "next_momentum": 0.9,
    "schedule": 0.9, "correction": 0.001, "lrs": (0.001,), "wds": (0,), "etas": (1,),
    "learning_rates": (0.001,), "step_count": (1,),
}  # fmt: skip


def step(name: str, weight: Any, grad: Any, **params: Any) -> Any:
    """Do one step from states that are 0; return the weight, or the direction of LAMB's phase 1."""
    op = UPDATES[name]
    params |= {p: HYPER[p] for p, known in op.params.items() if known.default is REQUIRED}
    if op.variadic:
        params[op.count] = 1
    names = [*op.group, *op.trailing] if op.variadic else [i.name for i in op.inputs]
    symbol = getattr(sym, name)(*map(sym.Variable, names), **params)
    types = dict(
        zip(symbol.list_arguments(), symbol.infer_type(weight=weight.dtype)[0], strict=True)
    )
    types |= dict(
        zip(symbol.list_auxiliary_states(), symbol.infer_type(weight=weight.dtype)[2], strict=True)
    )
    arrays = {n: np.zeros_like(weight, dtype=types[n]) for n in names}
    arrays |= {"weight": weight.copy(), "grad": np.asarray(grad, weight.dtype)}
    arrays |= {
        n: np.ones(1, types[n]) for n in ("rescale_grad", "r1", "r2", "lrs", "wds") if n in arrays
    }
    if "weight32" in arrays:
        arrays["weight32"] = weight.astype(np.float32)
    if name == "_contrib_group_adagrad_update":
        arrays["history"] = np.zeros((len(weight), 1), weight.dtype)
    out = run(symbol, **arrays)[0]
    return arrays["weight"] if "weight" in op.writes else out


EPSILON = sorted(
    n for n, op in UPDATES.items()
    if n == op.name and any(p.startswith("epsilon") for p in op.params)
)  # fmt: skip


@pytest.mark.parametrize("name", EPSILON)
def test_float16_steps_where_epsilon_vanishes(name: str):
    """A gradient of 0 moves nothing; one whose square vanishes moves what it moves in float32."""
    weight = np.array([[1.0, -2.0], [0.5, 4.0]], np.float16)
    still = 0 if name.endswith("phase1") else weight
    assert np.array_equal(step(name, weight, 0 * weight, epsilon=1e-8), weight * 0 + still)
    grad = np.array([[1e-4, -1e-4], [0, 2e-4]])
    found = step(name, weight, grad, epsilon=1e-8)
    assert np.isfinite(found).all()
    if "mp_" not in name and "phase" not in name and "group" not in name:
        wide = step(name, weight.astype(np.float32), grad, epsilon=1e-8)
        np.testing.assert_allclose(found, wide, rtol=2e-3, atol=2e-3)


CLIPPED = sorted(
    n for n, op in UPDATES.items()
    if n == op.name and {"clip_gradient", "clip_grad"} & set(op.params) and "preloaded" not in n
)  # fmt: skip


@pytest.mark.parametrize("name", CLIPPED)
def test_a_clip_of_zero_clips_nothing(name: str):
    """MXNet's documentation: "If clip_gradient <= 0, gradient clipping is turned off"."""
    clip = "clip_grad" if "clip_grad" in UPDATES[name].params else "clip_gradient"
    weight, grad = np.array([[1.0, -2.0], [0.5, 4.0]], np.float32), [[5.0, -3.0], [0.25, 1.0]]
    right = step(name, weight, grad, **{clip: -1.0})
    assert not np.array_equal(right, weight)
    np.testing.assert_array_equal(step(name, weight, grad, **{clip: 0.0}), right)


def test_other_bounds_of_zero_are_none():
    weight, grad = np.array([[1.0, -2.0]], np.float32), [[5.0, -3.0]]
    for name in ("rmsprop_update", "rmspropalex_update"):
        right = step(name, weight, grad)
        np.testing.assert_array_equal(step(name, weight, grad, clip_weights=0.0), right)
    arrays = {"w": weight, "g": weight.copy(), "r1": np.full(1, 6, "f4"), "r2": np.full(1, 3, "f4")}
    phase2 = sym.lamb_update_phase2(
        *map(sym.Variable, arrays), lr=0.5, lower_bound=0, upper_bound=0
    )
    run(phase2, **arrays)
    assert weight.tolist() == [[0, 0]]  # w - 0.5 * 6 / 3 * w


# ---------------------------------------------------------------- losses and second gradients

SCORES, CLASSES = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]]), np.array([0.0, 1.0])
LOSS = sym.SoftmaxOutput(X, Y)


@pytest.mark.parametrize(
    "symbol",
    [
        sym.BlockGrad(LOSS),
        sym.argmax(LOSS, axis=1),
        sym.sign(LOSS),
        sym.BlockGrad(sym.BlockGrad(LOSS) * 2),
        sym.Group([LOSS, sym.BlockGrad(LOSS)]),
    ],
    ids=named,
)
def test_a_loss_speaks_behind_an_op_without_gradient(symbol: ms.Symbol):
    """MXNet: the zeros that arrive are ignored, as anything that arrives at a loss head is."""
    right = np.exp(SCORES) / np.exp(SCORES).sum(1, keepdims=True) - np.eye(3)[[0, 1]]
    found = np.zeros_like(SCORES)
    executor = symbol.bind(args={"x": SCORES, "y": CLASSES}, args_grad={"x": found})
    executor.backward([np.ones_like(o) for o in executor.forward(is_train=True)])
    np.testing.assert_allclose(found, right)


def test_a_loss_inside_a_gradient_is_silent():
    """In w * (x + sign of a gradient) the sign is constant: the loss it comes from adds nothing."""
    inner = sym.SoftmaxOutput(X * W, Y)
    outer = sym.sum(W * (X + sym.sign(ms.grad(inner, "x"))))
    arrays = {"x": SCORES, "w": np.ones((2, 3)), "y": CLASSES}
    found = run(ms.grad(outer, "w"), **arrays)[0]
    signs = np.sign(run(ms.grad(inner, "x"), **arrays)[0])
    np.testing.assert_allclose(found, SCORES + signs)


def nearest(*inputs: ms.Symbol, **params: Any) -> ms.Symbol:
    return sym.sum(sym.sin(sym.UpSampling(*inputs, scale=2, sample_type="nearest", **params)))


PENALISED = [
    sym.MakeLoss(sym.tanh(X)),
    sym.MakeLoss(sym.tanh(X), grad_scale=3, normalization="batch"),
    sym.MakeLoss(sym.square(sym.tanh(X)), normalization="valid"),
    sym.softmax_cross_entropy(sym.tanh(sym.Flatten(X)), Y),
    nearest(sym.tanh(X)),
    nearest(sym.tanh(X), sym.sin(X), num_args=2),
    nearest(sym.tanh(X), X, num_args=2, multi_input_mode="sum"),
]


@pytest.mark.parametrize("loss", PENALISED, ids=range(len(PENALISED)))
def test_penalties_on_gradients(loss: ms.Symbol, rng: Any):
    """The gradient of a gradient's square against differences of that square."""
    penalty = sym.sum(sym.square(ms.grad(loss, "x")))
    arrays = {"x": rng.normal(size=(2, 1, 2, 2)), "y": np.array([0.0, 3.0])}
    arrays = {n: a for n, a in arrays.items() if n in penalty.list_arguments()}
    found = run(ms.grad(penalty, "x"), is_train=True, **arrays)[0]
    move = rng.normal(size=found.shape)

    def value(sign: float) -> float:
        moved = arrays | {"x": arrays["x"] + sign * 1e-5 * move}
        return float(run(penalty, is_train=True, **moved)[0].item())

    assert (found * move).sum() == pytest.approx((value(1) - value(-1)) / 2e-5, rel=1e-6)

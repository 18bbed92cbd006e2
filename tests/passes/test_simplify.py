"""Each rule of `minisym.passes.simplify`: what it joins, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minisym as ms
from minisym import sym
from minisym.runtime import constants

x, y = sym.Variable("x"), sym.Variable("y")

FLOATS = np.array(
    [0.0, -0.0, 1.0, -1.5, 3e38, -3e38, 1e-45, -1e-40, np.inf, -np.inf, np.nan, 65504, 6e-8, 1e-3]
)
INTS = np.array([0, 1, -1, 127, -128, 100, 2, -100])


def array_of(dtype):
    dtype = np.dtype(dtype)
    with np.errstate(all="ignore"):
        return (FLOATS if dtype.kind == "f" else INTS).astype(dtype)


def ops(symbol):
    return [node.op.name for node in symbol.graph if node.op]


def runs(net, arrays, **options):
    """Return the ops that run, and the bits of the outputs."""
    executor = net.bind(args=dict(arrays), grad_req="null", **options)
    outputs = [np.array(out) for out in executor.forward()]
    return ops(executor.get_optimized_symbol()), [out.tobytes() for out in outputs]


def left_of(net, arrays):
    """Return the ops that run, but for the `tanh` around the net; see that the bits stay."""
    around = sym.tanh(net) if array_dtype(net, arrays) == "f" else net == 3
    found, bits = runs(around, arrays)
    plain, same = runs(around, arrays, optimize=False)
    assert bits == same
    assert plain[-1] == found[-1]
    return found[:-1]


def array_dtype(net, arrays):
    (dtype,) = net.infer_type(**{name: array.dtype for name, array in arrays.items()})[1]
    return np.dtype(dtype).kind


def transposed(net, *axes):
    for one in axes:
        net = sym.transpose(net, axes=one)
    return net


ANY = ("float16", "float32", "float64", "int8", "int32", "uint8")
SINGLE, WHOLE = ("float16", "float32", "float64"), ("int8", "int32", "int64", "uint8")

RULES = [
    # what hands on its input
    (lambda a: sym.identity(a) * 1, ANY, []),
    (lambda a: sym.BlockGrad(a) * 1, ANY, []),
    (lambda a: sym.reshape(a, shape=(-1,)) * 1, ANY, []),
    (sym.identity, ANY, ["_copy"]),  # a view costs nothing: there is nothing to gain
    (lambda a: sym.Concat(a, dim=0), ANY, []),
    (sym.add_n, ANY, []),
    (lambda a: sym.slice_axis(a, axis=0, begin=0, end=None), ANY, []),
    (lambda a: sym.slice(a, begin=(None,), end=(None,), step=(-1,)), ANY, ["slice"]),
    (lambda a: a * 1, ANY, []),
    (lambda a: a / 1, ANY, []),
    (lambda a: a - 0.0, ANY, []),
    (lambda a: a + 0.0, WHOLE, []),
    (lambda a: a + 0.0, SINGLE, ["_plus_scalar"]),  # -0.0 + 0.0 is 0.0
    (lambda a: a + -0.0, SINGLE, []),
    (lambda a: a - -0.0, SINGLE, ["_minus_scalar"]),
    (lambda a: a * 1.5, WHOLE, ["_mul_scalar"]),
    (sym.Dropout, SINGLE, []),
    # pairs
    (lambda a: sym.negative(sym.negative(a)), ANY, []),
    (lambda a: sym.reverse(sym.reverse(a, axis=0), axis=0), ANY, []),
    (lambda a: sym.relu(sym.relu(a)), ANY, ["relu"]),
    (lambda a: sym.abs(sym.abs(a)), ANY, ["abs"]),
    (lambda a: sym.floor(sym.floor(a)), SINGLE, ["floor"]),
    (lambda a: sym.floor(sym.ceil(a)), SINGLE, ["ceil", "floor"]),
    (lambda a: sym.cast(sym.cast(a, "float64"), "float32"), ["float32"], []),
    (lambda a: sym.cast(sym.cast(a, "float16"), "float32"), ["float32"], ["Cast", "Cast"]),
    (lambda a: sym.cast(sym.cast(a, "float64"), "int32"), ["int32"], []),
    (lambda a: sym.cast(sym.cast(a, "float64"), "int64"), ["int64"], ["Cast", "Cast"]),
    (lambda a: sym.cast(sym.cast(a, "int32"), "uint8"), ["uint8"], []),
    # numbers
    (lambda a: a * 2 * 4, ANY, ["_mul_scalar"]),
    (lambda a: a * 3 * 4, WHOLE, ["_mul_scalar"]),
    (lambda a: a * 3 * 4, SINGLE, ["_mul_scalar"] * 2),
    (lambda a: a * 0.5 * 4, SINGLE, ["_mul_scalar"] * 2),
    (lambda a: a * 1024 * 1024, ["float16"], ["_mul_scalar"] * 2),  # 2**20 is infinite there
    (lambda a: a + 3 - 5, ["int8", "int64"], ["_minus_scalar"]),
    (lambda a: a + 100 + 100, ["int8"], ["_plus_scalar"] * 2),  # int8 has no 200
    (lambda a: a + 1 + 1, SINGLE, ["_plus_scalar"] * 2),
    (lambda a: sym.maximum(sym.maximum(a, 1), 2), ANY, ["_maximum_scalar"]),
    (lambda a: sym.minimum(sym.minimum(a, 0.0), -0.0), SINGLE, ["_minimum_scalar"] * 2),
]


@pytest.mark.parametrize("number", range(len(RULES)))
def test_rules(number):
    build, dtypes, expected = RULES[number]
    for dtype in dtypes:
        assert left_of(build(x), {"x": array_of(dtype)}) == expected


def test_transpositions():
    data = {"x": np.arange(24.0).reshape(2, 3, 4)}
    assert left_of(transposed(x, (1, 2, 0), (2, 0, 1)), data) == []
    assert left_of(transposed(x, (), ()), data) == []
    assert left_of(transposed(x, (0, 1, 2)), data) == []
    assert left_of(transposed(x, (1, 2, 0), (1, 2, 0)), data) == ["transpose"]
    assert left_of(transposed(x, (1, 2, 0), (0, 2, 1), (2, 1, 0)), data) == ["transpose"]
    swapped = sym.SwapAxis(sym.SwapAxis(x, dim1=0, dim2=2), dim1=0, dim2=2)
    assert left_of(swapped, data) == []
    first = sym.transpose(x, axes=(1, 0, 2))
    both = sym.sum(first) + sym.sum(sym.transpose(first, axes=(0, 2, 1)))
    assert ops(both.bind(args=data, grad_req="null").get_optimized_symbol()) == ops(both)


def test_an_output_is_never_taken_away():
    nets = [sym.identity(x), sym.negative(sym.negative(x)), x * 1, sym.Group([x * 1, x * 1])]
    for net in nets:
        arrays = {"x": np.ones(2)}
        executor = net.bind(args=arrays)
        for output in executor.forward():
            assert not np.may_share_memory(output, arrays["x"])
        assert executor.get_optimized_symbol().list_outputs() == net.list_outputs()
        assert len({out.ctypes.data for out in executor.outputs}) == len(net.list_outputs())


class TestCommon:
    def test_what_is_computed_twice(self):
        net = sym.tanh(sym.exp(x) + y) * sym.tanh(sym.exp(x) + y)
        found, _ = runs(net, {"x": np.ones(3), "y": np.ones(3)})
        assert found == ["exp", "elemwise_add", "tanh", "elemwise_mul"]

    def test_parameters_count(self):
        net = sym.sum(x, axis=0) + sym.sum(x, axis=0, keepdims=False) + sym.sum(x, axis=1)
        assert runs(net, {"x": np.ones((3, 3))})[0].count("sum") == 2
        # equal numbers of which one is not the other
        net = 1 / (x * 0.0) + 1 / (x * -0.0)
        assert runs(net, {"x": np.ones(3)})[0].count("_mul_scalar") == 2

    def test_random_numbers_are_drawn_as_often(self):
        drawn = sym.random.uniform(shape=(3,)), sym.random.uniform(shape=(3,))
        net = sym.Dropout(x + drawn[0], mode="always") - sym.Dropout(x + drawn[0], mode="always")
        net = net + drawn[1]
        found = []
        for option in (True, False):
            ms.random.seed(5)
            found.append(runs(net, {"x": np.ones(3, "f4")}, optimize=option))
        assert found[0][1] == found[1][1]
        assert found[0][0].count("Dropout") == found[0][0].count("_random_uniform") == 2

    def test_what_would_have_to_be_kept_is_made_again(self):
        """The first value is dead when the second one is made, and as large as any."""
        first = sym.exp(x, name="first")
        for i in range(4):
            first = sym.dot(first, first, name=f"d{i}")
        net = sym.dot(first, sym.exp(x, name="second"))
        assert runs(net, {"x": np.eye(3)})[0].count("exp") == 2
        rows = sym.max(x, axis=0)  # small beside x
        net = sym.broadcast_add(sym.exp(sym.broadcast_sub(x, rows)), sym.max(x, axis=0))
        assert runs(net, {"x": np.eye(100)})[0].count("max") == 1

    def test_readers_of_what_is_written_stay(self):
        w, g = sym.Variable("w"), sym.Variable("g")
        step = sym.signsgd_update(w, g, lr=0.5, name="step")
        net = sym.Group([step, sym.exp(w) + sym.exp(w) + w * 1])
        arrays = {"w": np.ones(2), "g": np.ones(2)}
        executor = net.bind(args=arrays)
        assert ops(executor.get_optimized_symbol()) == ops(net)
        np.testing.assert_allclose(executor.forward()[1], 2 * np.e + 1)
        np.testing.assert_allclose(arrays["w"], 0.5)


class TestConstants:
    def test_what_depends_on_nothing(self):
        shift = sym.sqrt(sym.arange(4) + sym.ones((4,)), name="shift")
        net = sym.tanh(x + shift)
        executor = net.bind(args={"x": np.zeros(4, "f4")})
        run = executor.get_optimized_symbol()
        assert run.list_arguments() == ["x", "shift"]
        assert ops(run) == ["elemwise_add", "tanh"]
        np.testing.assert_allclose(executor.forward()[0], np.tanh(np.sqrt(np.arange(4) + 1)), 1e-6)

    def test_large_ones_are_made_in_each_run(self):
        size = constants.LIMIT // 4
        small, large = sym.ones((size,)), sym.ones((size + 1,))
        assert runs(x + small, {"x": np.zeros(size, "f4")})[0] == ["elemwise_add"]
        assert runs(x + large, {"x": np.zeros(size + 1, "f4")})[0] == ["_ones", "elemwise_add"]
        grown = sym.broadcast_to(sym.ones((1,)) * 3, shape=(size + 1,))
        assert runs(x + grown, {"x": np.zeros(size + 1, "f4")})[0] == [
            "broadcast_to",
            "elemwise_add",
        ]

    def test_what_a_run_may_change_is_none(self):
        drawn = sym.random.uniform(shape=(2,)) + 1
        assert len(runs(x + drawn, {"x": np.zeros(2, "f4")})[0]) == 3
        read = np.ones(2)
        read[:].flags.writeable = False
        assert runs(x + sym.exp(y), {"x": np.zeros(2), "y": read})[0] == ["exp", "elemwise_add"]

    def test_arrays_that_nobody_can_write(self):
        frozen = np.ones(2)
        frozen.flags.writeable = False
        assert runs(x + sym.exp(y), {"x": np.zeros(2), "y": frozen})[0] == ["elemwise_add"]
        view = np.ones(4)[::2]
        view.flags.writeable = False  # but its owner may be written
        assert runs(x + sym.exp(y), {"x": np.zeros(2), "y": view})[0] == ["exp", "elemwise_add"]

    def test_files_that_are_mapped(self, tmp_path):
        np.save(tmp_path / "w.npy", np.ones(2))
        for mode, expected in (("r", 1), ("c", 2), ("r+", 2)):
            mapped = np.load(tmp_path / "w.npy", mmap_mode=mode)
            assert len(runs(x + sym.exp(y), {"x": np.zeros(2), "y": mapped})[0]) == expected

    def test_a_view_of_a_constant_array_is_no_copy(self):
        frozen = np.ones((2, 2))
        frozen.flags.writeable = False
        net = x + sym.reshape(y, shape=(-1,))
        assert runs(net, {"x": np.zeros(4), "y": frozen})[0] == ["Reshape", "elemwise_add"]

    def test_an_error_is_one_of_the_run(self):
        net = x + sym.linalg_potrf(sym.zeros((2, 2)) - 1, name="no_root")
        executor = net.bind(args={"x": np.zeros((2, 2), "f4")})
        with pytest.raises(ms.MinisymError, match="no_root"):
            executor.forward()


@st.composite
def nets(draw):
    """Return a random net of what the rules look for, and of little else."""
    values = [x, y, sym.Variable("z")]
    one = [
        sym.identity,
        sym.negative,
        sym.transpose,
        lambda a: sym.reverse(a, axis=0),
        sym.relu,
        lambda a: a * 2,
        lambda a: a * -4,
        lambda a: a * 1,
        lambda a: a + 0.0,
        lambda a: a - 0.0,
        lambda a: sym.maximum(a, 0.5),
        lambda a: sym.Dropout(a, p=0.5),
        lambda a: sym.Dropout(a, p=0.5, mode="always"),
        lambda a: sym.sum(a, axis=0, keepdims=True),
        lambda a: a + sym.random.uniform(shape=(2, 2)),
        lambda a: a + sym.ones((2, 2)) * 3,
        sym.BatchNorm,
    ]
    two = [
        sym.broadcast_add,
        sym.broadcast_mul,
        sym.broadcast_maximum,
    ]
    for _ in range(draw(st.integers(1, 14))):
        a = draw(st.sampled_from(values[-5:]))
        if draw(st.booleans()):
            new = draw(st.sampled_from(two))(a, draw(st.sampled_from(values)))
        else:
            new = draw(st.sampled_from(one))(a)
        values.append(sym.broadcast_to(new, shape=(2, 2)) if draw(st.booleans()) else new)
    heads = draw(st.lists(st.sampled_from(values), min_size=1, max_size=3))
    heads = [sym.broadcast_add(head, sym.zeros((2, 2))) for head in heads]
    if draw(st.booleans()):
        heads.append(sym.sgd_update(sym.Variable("w"), heads[0], lr=0.5))
    return sym.Group(heads)


@settings(max_examples=150, deadline=None)
@given(
    net=nets(), with_gradient=st.booleans(), modes=st.lists(st.booleans(), min_size=1, max_size=4)
)
def test_random_nets(net, with_gradient, modes):
    """Bits of outputs, gradients, weights and states, whatever the modes and who looks on."""
    with_gradient = with_gradient and "w" not in net.list_arguments()  # an update has none
    found = []
    for optimize in (True, False):
        executor = net.simple_bind(
            x=(2, 2), y=(2, 2), z=(2, 2), optimize=optimize,
            grad_req="write" if with_gradient else "null",
        )  # fmt: skip
        rng = np.random.default_rng(0)
        for array in (*executor.arg_arrays, *executor.aux_arrays):
            array[...] = rng.uniform(-2, 2, array.shape)
        ms.random.seed(1)
        values = []
        for i, is_train in enumerate(modes):
            executor.set_monitor_callback((lambda name, array: None) if i == 2 else None)
            values += [out.tobytes() for out in executor.forward(is_train=is_train)]
            if with_gradient:
                executor.backward([np.ones(out.shape, out.dtype) for out in executor.outputs])
                values += [slope.tobytes() for slope in executor.grad_arrays]
        values += [array.tobytes() for array in (*executor.arg_arrays, *executor.aux_arrays)]
        found.append(values)
    assert found[0] == found[1]

"""Groups of elementwise nodes: the bits of each node by itself, piece by piece, alone or shared."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
import random_graphs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import minisym as ms
from minisym import sym
from minisym.core.node import Entry, Node
from minisym.core.op import registered
from minisym.ops.numeric.tape import Tape, Traced
from minisym.runtime import groups, loop_rows, loop_source, pieces, taped, workers
from minisym.runtime.compiled import is_loop

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 3e38, -3e38, 1e-45, -1e-40, np.inf, -np.inf, np.nan]


@pytest.fixture(scope="module", autouse=True)
def small():
    """Let groups be made of small arrays, and cut into pieces of a few elements."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "LEAST", 1)
        patch.setattr(groups, "LARGE", 1)
        patch.setattr(groups, "CACHE", 0)
        patch.setattr(pieces, "PIECE", 7)
        patch.setattr(taped, "SHARED", 1)
        patch.setattr(pieces, "ROOMY", 0)
        patch.setattr(workers, "TRIES", 0)
        yield
    ms.set_num_threads(1)
    ms.set_compile("auto")


KEPT = []
"""Kernels that C knows by their addresses."""


def interpreted(source, _):
    """Return the kernel of a loop as it is written, run by Python on NumPy's numbers."""

    def view_of(dtype):
        kind = np.ctypeslib.as_ctypes_type(dtype)

        def view(place, size):
            return np.frombuffer((kind * size).from_address(int(place)), dtype)

        return view

    given_ = {"sqrt": np.sqrt, **{d.name: d.type for d in loop_source.TYPES}}
    given_ |= {f"{d.name}s": view_of(d) for d in loop_source.TYPES}
    exec(source, given_)
    KEPT.append(ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_int64))(given_["loop"]))
    return ctypes.cast(KEPT[-1], ctypes.c_void_p).value


def interpreting(monkeypatch):
    """Let loops, and what calls them, run as they are written, without numba."""
    monkeypatch.setattr(taped, "find_spec", lambda _: True)
    monkeypatch.setattr(taped, "compiled", interpreted)
    monkeypatch.setattr(taped, "call_of_rows", lambda table: (loop_rows.alone, table))


@pytest.fixture(params=["never", "loops"])
def mode(request, monkeypatch):
    """Let tapes run as ufuncs, or have loops in them."""
    if request.param == "never":
        ms.set_compile("never")
        return
    ms.set_compile("always")
    interpreting(monkeypatch)
    for name, value in (("LEAST", 1), ("SHORTEST", 1), ("ALONE", 9), ("TOGETHER", 5)):
        monkeypatch.setattr(taped, name, value)


def ops_of(executor):
    return [node.op.name for node in executor.get_optimized_symbol().graph if node.op]


# ------------------------------------------------------------------------------------- every op

ELEMENTWISE = {
    op.name: op for op in registered().values() if op.elementwise and op.single and not op.writes
}
PARAMS = {"act_type": "sigmoid", "dtype": "float64", "scalar": 0.5, "num_args": 2}
WITHOUT = {
    *("_digamma", "_trigamma", "erf", "erfinv", "gamma", "gammaln", "_inverse_gap", "smooth_l1"),
    *("_random_exponential_like", "_random_gamma_like", "_random_normal_like"),
    *("_random_generalized_negative_binomial_like", "_random_negative_binomial_like"),
    *("_random_poisson_like", "_random_uniform_like", "majority_vote", "multi_lars"),
    *("ones_like", "zeros_like"),
}
"""Ops that are no ufuncs, one after the other: they branch on values, draw, or read none."""


def node_of(op):
    params = dict(op.defaults) | {n: PARAMS.get(n, 1.0) for n in op.required}
    if op.variadic and op.count:
        params[op.count] = 2
    number = 2 if op.variadic else len(op.inputs)
    inputs = tuple(Entry(Node(None, f"x{i}")) for i in range(number))
    return Node(op, "node", inputs, params=params)


@pytest.mark.parametrize("name", sorted(ELEMENTWISE))
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32"])
def test_what_is_written_down_has_the_bits_of_the_op(name, dtype):
    """Its steps and its tape fill two arrays alike, whatever lies in them."""
    if (name, dtype) == ("Activation", "int32"):
        pytest.skip("it takes floats")
    node = node_of(ELEMENTWISE[name])
    gives = np.dtype(node.params.get("dtype", dtype))
    calls = []
    values = [Traced(calls, dtype) for _ in node.inputs]
    try:
        result = groups.write_down(node, values, gives, calls, is_train=True)
    except ms.MinisymError:  # there is no such op of this type
        result = None
    if result is None:  # integers go through float64 in several ops
        assert name in WITHOUT or dtype == "int32" or gives != np.dtype(dtype)
        return
    assert name not in WITHOUT
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        arrays = [
            np.concatenate([rng.normal(size=50) * 3, rng.permutation(SPECIAL)]).astype(dtype)
            if dtype != "int32"
            else rng.integers(-9, 9, 62, dtype=dtype)
            for _ in values
        ]
        plain, made = np.empty(62, gives), np.empty(62, gives)
        for function, given_ in groups.steps_of(node, arrays, [plain], is_train=True):
            function(*given_)
        held = {v.identity: a for v, a in zip((*values, result), (*arrays, made), strict=True)}
        tape = Tape([], calls, held, (result.identity,), "node", {})
        for function, given_ in taped.steps_of_work([tape]):
            function(*given_)
    assert plain.tobytes() == made.tobytes()


# ------------------------------------------------------------------------------------ random nets

UNARY = (
    *("tanh", "exp", "sqrt", "square", "abs", "negative", "sigmoid", "relu", "reciprocal"),
    *("log", "sin", "rsqrt", "sign", "floor", "softsign", "_copy"),
)
BINARY = ("add", "sub", "mul", "div", "maximum", "minimum", "greater", "power")
SHAPES = ((31,), (5, 6), (1, 5, 6), (3, 1, 4), (2, 3, 4), (2, 3, 1, 5))


def narrower(shape):
    """Return shapes that stretch to a shape."""
    return st.tuples(*(st.sampled_from([1, d]) for d in shape)).flatmap(
        lambda whole: st.integers(0, len(shape) - 1).map(lambda skip: whole[skip:])
    )


@st.composite
def nets(draw):
    """Compose elementwise nodes over inputs that stretch to one shape; some are outputs."""
    shape = draw(st.sampled_from(SHAPES))
    x = sym.Variable("x")
    values, shapes = [x], {"x": shape}
    for _ in range(draw(st.integers(1, 7))):
        value = draw(st.sampled_from(values))
        kind = draw(st.sampled_from(["unary", "unary", "binary", "stretch", "scalar"]))
        if kind == "unary":
            made = getattr(sym, draw(st.sampled_from(UNARY)))(value)
        elif kind == "scalar":
            made = draw(st.sampled_from([value * 0.5, 1 - value, value + 0.1, value > 0.3]))
            made = sym.clip(made, a_min=-2, a_max=0) if draw(st.booleans()) else made
        else:
            other = draw(st.sampled_from(values))
            if kind == "stretch":
                name = f"b{len(shapes)}"
                other, shapes[name] = sym.Variable(name), draw(narrower(shape))
            function = getattr(sym, f"broadcast_{draw(st.sampled_from(BINARY))}")
            made = function(value, other)
        values.append(made)
    heads = draw(st.lists(st.sampled_from(values[1:]), min_size=1, max_size=3, unique_by=id))
    return sym.Group(heads), shapes


def filled(shapes, dtype, seed):
    rng = np.random.default_rng(seed)

    def numbers(shape):
        plain = rng.normal(size=shape) * 2
        with np.errstate(over="ignore"):
            return np.where(rng.random(shape) < 0.2, rng.choice(SPECIAL, shape), plain).astype(
                dtype
            )

    return {name: numbers(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.usefixtures("mode")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nets(), st.sampled_from(["float32", "float64", "float16"]), st.booleans(), st.integers(0, 9))
def test_the_same_bits(number, net, dtype, slopes, seed):
    """Of outputs and gradients."""
    symbol, shapes = net
    arrays = filled({k: v for k, v in shapes.items() if k in symbol.list_arguments()}, dtype, seed)
    found = []
    ms.set_num_threads(number)
    for optimize in (True, False):
        grads = {name: np.zeros_like(a) for name, a in arrays.items()} if slopes else None
        executor = symbol.bind(args=arrays, args_grad=grads, optimize=optimize)
        outputs = [out.tobytes() for out in executor.forward()]
        if slopes:
            executor.backward([np.ones_like(out) for out in executor.outputs])
            outputs += [grad.tobytes() for grad in grads.values()]
        found.append(outputs)
    assert found[0] == found[1]


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("seed", range(3000, 3040))
@pytest.mark.usefixtures("mode")
def test_the_same_bits_in_random_graphs(seed, number):
    """Among all other ops, too."""
    ms.set_num_threads(number)
    made = random_graphs.make(ms, seed)
    runs = [random_graphs.numbers(ms, made, optimize=option) for option in (True, False)]
    for (name, one), (_, two) in zip(*runs, strict=True):
        assert one.tobytes() == two.tobytes(), name


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_compiled_loops_have_the_bits(monkeypatch, number, dtype):
    """Those of numba itself: rows, what stretches over them, and functions in between."""
    pytest.importorskip("numba")
    monkeypatch.setattr(taped, "LEAST", 1)
    x, b, c = map(sym.Variable, "xbc")
    y = sym.relu(sym.broadcast_add(x, b)) * 1.25 + sym.tanh(x)
    y = sym.sqrt(sym.abs(sym.broadcast_mul(y, c)) + 1) * sym.sign(x) - (y > 0.5) * x
    net = sym.Group([y, sym.exp(y) / 3 - sym.clip(x, a_min=-1, a_max=0)])
    arrays = filled({"x": (6, 400), "b": (400,), "c": (6, 1)}, dtype, 0)
    ms.set_num_threads(number)
    found = []
    for when in ("always", "never"):
        ms.set_compile(when)
        executor = net.bind(args=arrays, grad_req="null")
        found.append([out.tobytes() for out in executor.forward()])
        works = [
            step.__self__.work
            for step, _ in executor._plan.program(is_train=False).steps[0]
            if isinstance(getattr(step, "__self__", None), taped.Taped)
        ]
        calls = [call for work in works for part in work.parts for call in part]
        assert any(is_loop(call[0]) for call in calls) == (when == "always")
    assert found[0] == found[1]


def test_a_tape_is_compiled_when_it_has_taken_long(monkeypatch):
    """By default: compiling takes about as long."""
    interpreting(monkeypatch)
    monkeypatch.setattr(taped, "LEAST", 1)
    monkeypatch.setattr(taped, "SHORTEST", 1)
    now = [0.0]

    def clock():
        now[0] += 0.125
        return now[0]

    monkeypatch.setattr(taped, "perf_counter", clock)
    ms.set_compile("auto")
    ms.set_num_threads(1)
    net = sym.Variable("x") * 2 + 1
    executor = net.bind(args={"x": np.arange(9.0)}, grad_req="null")
    ((run, _),) = executor._plan.program(is_train=False).steps[0]
    states = []
    for _ in range(7):
        np.testing.assert_array_equal(executor.forward()[0], np.arange(9.0) * 2 + 1)
        states.append(run.__self__.is_final)
    assert states == [False] * 4 + [True] * 3


# --------------------------------------------------------------------------------------- executors


def test_arrays_that_lie_apart_are_cut_along_an_axis():
    """They are the user's own, and no copies are made."""
    whole = np.arange(60.0).reshape(5, 12)
    net = sym.tanh(sym.Variable("x") * 0.1) + 1
    executor = net.bind(args={"x": whole[:, ::2]}, grad_req="null")
    assert ops_of(executor) == ["_group"]
    np.testing.assert_array_equal(executor.forward()[0], np.tanh(whole[:, ::2] * 0.1) + 1)


def test_a_group_takes_part_in_updates():
    """It reads the weight of before, and its gradient moves it."""
    w = np.linspace(-1, 1, 20)
    weight = sym.Variable("w")
    slope = sym.tanh(weight * 3) + weight
    step = sym.sgd_update(weight, slope, lr=0.5)
    executor = sym.Group([sym.BlockGrad(slope), step]).bind(args={"w": w}, grad_req="null")
    assert "_group" in ops_of(executor)
    before = w.copy()
    seen = executor.forward()[0].asnumpy()
    np.testing.assert_array_equal(seen, np.tanh(before * 3) + before)
    np.testing.assert_allclose(w, before - 0.5 * seen, rtol=1e-15)


def test_whoever_looks_on_sees_the_nodes():
    """A monitor, and internals that are asked for, are of the graph that was composed."""
    net = sym.exp(sym.tanh(sym.Variable("x"), name="t"), name="e")
    executor = net.bind(args={"x": np.ones(9)}, grad_req="null")
    executor.forward()
    inner = executor.internals
    with pytest.raises(ms.ExecutionError, match="t_output is gone: what ran was simpler"):
        inner["t_output"]
    executor.forward()
    np.testing.assert_array_equal(inner["t_output"], np.tanh(np.ones(9)))
    seen = []
    executor.set_monitor_callback(lambda name, _: seen.append(name))
    executor.forward()
    assert seen == ["t_output", "e_output"]


def test_small_arrays_and_single_nodes_stay(monkeypatch):
    """Nothing is gained there."""
    monkeypatch.setattr(groups, "LARGE", 100)
    ms.set_compile("never")
    net = sym.exp(sym.tanh(sym.Variable("x")))
    ms.set_num_threads(1)
    for size, ops in ((99, ["tanh", "exp"]), (100, ["_group"])):
        assert ops_of(net.bind(args={"x": np.ones(size)}, grad_req="null")) == ops
    one = sym.tanh(sym.Variable("x"))
    assert ops_of(one.bind(args={"x": np.ones(200)}, grad_req="null")) == ["tanh"]
    ms.set_num_threads(2)
    assert ops_of(one.bind(args={"x": np.ones(200)}, grad_req="null")) == ["_group"]


def test_optimize_false_leaves_all_nodes():
    """As everywhere."""
    net = sym.exp(sym.tanh(sym.Variable("x")))
    executor = net.bind(args={"x": np.ones(9)}, grad_req="null", optimize=False)
    assert ops_of(executor) == ["tanh", "exp"]

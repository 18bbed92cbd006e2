"""What `bind` makes of a graph before it runs: the same bits, in no more memory."""

from __future__ import annotations

import nets_of_sequences  # noqa: F401  they enter themselves into the table
import nets_of_tasks  # noqa: F401
import numpy as np
import pytest
import random_graphs
from nets import NETS

import minisym as ms
from minisym import sym
from minisym.core.errors import GraphError
from minisym.passes.typed import Typed
from minisym.runtime import optimize
from minisym.runtime.observe.usage import memory_report

SEEDS = range(2000, 2030)


def same(one, two):
    assert one.dtype == two.dtype
    assert one.shape == two.shape
    assert one.tobytes() == two.tobytes()


def alike(net, one, two):
    """Compare bits, but where layers do what follows them, or lie channels last, nearly."""
    if not {"BatchNorm", "Convolution"} & {node.op.name for node in net[0].graph if node.op}:
        same(one, two)
        return
    assert one.dtype == two.dtype
    np.testing.assert_allclose(one, two, rtol=2e-5, atol=2e-5 * max(abs(two).max(initial=0), 1))


def net_of(name):
    if isinstance(name, int):
        made = random_graphs.make(ms, name)
        return made.symbol, made.shapes
    with ms.name.NameManager():
        return NETS[name](ms)[:2]


def filled(net, seed=0, **options):
    """Bind a net to arrays of a seed."""
    symbol, shapes = net
    executor = symbol.simple_bind(**shapes, **options)
    rng = np.random.default_rng(seed)
    for array in (*executor.arg_arrays, *executor.aux_arrays):
        array[...] = rng.uniform(0.2, 1.2, array.shape)
    return executor


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_bits_in_random_graphs(seed):
    """Of outputs, states, updated weights and gradients, in inference and in training."""
    made = random_graphs.make(ms, seed)
    found = random_graphs.numbers(ms, made, optimize=True)
    for (name, one), (other, two) in zip(
        found, random_graphs.numbers(ms, made, optimize=False), strict=True
    ):
        assert name == other
        same(one, two)


@pytest.mark.parametrize("name", NETS)
def test_the_same_bits_without_gradients(name):
    """Both modes in turn; random ops draw the same numbers."""
    net, runs = net_of(name), []
    for option in (True, False):
        executor = filled(net, grad_req="null", optimize=option)
        ms.random.seed(3)
        arrays = []
        for is_train in (False, True, True, False):
            arrays += [np.array(out) for out in executor.forward(is_train=is_train)]
        runs.append([*arrays, *executor.aux_arrays])
    for one, two in zip(*runs, strict=True):
        alike(net, one, two)


@pytest.mark.parametrize("grad_req", ["null", "write"])
@pytest.mark.parametrize("name", [*SEEDS, *NETS])
def test_no_more_memory(name, grad_req):
    """Up to a fiftieth: see `minisym.passes.simplify.common`."""
    symbol, shapes = net_of(name)
    quick, plain = (
        symbol.simple_bind(**shapes, grad_req=grad_req, optimize=option) for option in (True, False)
    )
    for is_train in (False, True):
        reports = [memory_report(one._plans.quick(is_train=is_train)) for one in (quick, plain)]
        assert reports[0].peak <= reports[1].peak * 1.02


@pytest.fixture
def twice():
    """Make a net in which much is done twice, or for nothing."""
    x = sym.Variable("x")
    dropped = sym.Dropout(sym.exp(x, name="exp"), p=0.5, name="drop")
    one = sym.tanh(sym.identity(dropped, name="same"), name="one")
    return sym.elemwise_add(one, sym.tanh(dropped * 1, name="two"), name="sum")


def names(symbol):
    return [node.name for node in symbol.graph if node.op]


def test_the_symbol_that_runs(twice):
    executor = twice.bind(args={"x": np.ones(3)}, grad_req="null")
    before = twice.tojson()
    assert names(executor.get_optimized_symbol()) == ["exp", "one", "sum"]
    executor.forward(is_train=True)
    assert names(executor.get_optimized_symbol()) == ["exp", "drop", "one", "sum"]
    assert executor.symbol is twice
    assert twice.tojson() == before
    plain = twice.bind(args={"x": np.ones(3)}, grad_req="null", optimize=False)
    assert names(plain.get_optimized_symbol()) == names(twice)
    drawn = ms.viz.plot_network(executor.get_optimized_symbol()).source
    assert "drop" in drawn


@pytest.mark.parametrize("name", NETS)
def test_the_symbol_that_runs_can_be_saved(name):
    symbol, shapes = net_of(name)
    executor = symbol.simple_bind(**shapes, grad_req="null")
    executor.freeze()
    run = executor.get_optimized_symbol()
    again = ms.sym.load_json(run.tojson())
    assert again.list_arguments() == run.list_arguments()
    assert [n.op and dict(n.params) for n in again.graph] == [
        n.op and dict(n.params) for n in run.graph
    ]


def test_with_gradients_one_graph_serves_both_modes(twice):
    """`backward` may follow in either."""
    args, slopes = {"x": np.ones(3)}, {"x": np.zeros(3)}
    executor = twice.bind(args=args, args_grad=slopes)
    executor.forward()
    executor.backward(np.ones(3))
    np.testing.assert_allclose(slopes["x"], 2 * np.e / np.cosh(np.e) ** 2)
    assert names(executor.get_optimized_symbol()) == ["exp", "drop", "one", "sum"]


def test_outputs_stay_where_they_are(twice):
    """In both modes, watched or not; so does what a thread has in hand."""
    executor = twice.bind(args={"x": np.ones(3)}, grad_req="null")
    (output,) = executor.outputs
    place = output.ctypes.data
    want = np.tanh(np.exp(np.ones(3))) * 2
    for is_train in (False, True, False):
        for watch in (None, lambda name, array: None):
            executor.set_monitor_callback(watch)
            (found,) = executor.forward(is_train=is_train)
            assert found is output
            assert found.ctypes.data == place
            if not is_train:
                np.testing.assert_allclose(output, want)
    executor.step().finish()
    np.testing.assert_allclose(output, want)


def test_outputs_that_see_one_memory_only_when_optimized_are_right():
    """The plain plan has two arrays for them, the other one a view."""
    x = sym.Variable("x")
    y = sym.exp(x, name="y")
    both = sym.Group([y, sym.reshape(y * 1, shape=(-1,), name="flat")])
    executor = both.bind(args={"x": np.zeros((2, 2))}, grad_req="null")
    for watch in (None, lambda name, array: None, None):
        executor.set_monitor_callback(watch)
        executor.forward(x=np.full((2, 2), np.log(3.0)))
        np.testing.assert_allclose(executor.outputs[0], np.full((2, 2), 3.0))
        np.testing.assert_allclose(executor.outputs[1], np.full(4, 3.0))


def test_two_modes_share_their_memory():
    x = sym.Variable("x")
    for i in range(4):
        x = sym.Dropout(sym.dot(x, sym.Variable(f"w{i}")), name=f"d{i}")
    shapes = {"x": (64, 64)} | {f"w{i}": (64, 64) for i in range(4)}
    executor = x.simple_bind(grad_req="null", **shapes)
    executor.forward(is_train=False)
    executor.forward(is_train=True)
    plans = [executor._plans.quick(is_train=mode) for mode in (False, True)]
    raws = {id(b.array): b.array.nbytes for plan in plans for b in plan.layout.blocks}
    most = max(memory_report(plan).allocated for plan in plans)
    assert sum(raws.values()) <= most + 64 * 64 * 4


def test_who_looks_on_sees_the_graph_as_it_was_composed(twice):
    executor = twice.bind(args={"x": np.ones(3)}, grad_req="null")
    seen = []
    executor.set_monitor_callback(lambda name, array: seen.append(name))
    executor.forward()
    outputs = [name for name in twice.get_internals().list_outputs() if name != "x"]
    assert [name for name in seen if name != "drop_mask"] == outputs
    executor.set_monitor_callback(None)
    assert [moment.node.name for moment in executor.step()] == names(twice)
    with executor.nan_guard(allow=["same"]):
        executor.forward()
    inner = executor.internals
    executor.forward()
    np.testing.assert_allclose(inner["two_output"], np.tanh(np.exp(np.ones(3))))
    assert "7 ops" in repr(executor)


def test_an_error_names_the_users_own_node():
    x, i = sym.Variable("x"), sym.Variable("i")
    net = sym.Custom(sym.identity(x), sym.BlockGrad(i) * 1, op_type="fails_when_told", name="mine")
    executor = net.bind(args={"x": np.ones(2), "i": np.ones(1)}, grad_req="null")
    assert len(executor.get_optimized_symbol().graph) == 3
    with pytest.raises(ms.MinisymError, match="'mine'") as caught:
        executor.forward()
    assert "op_type=" in str(caught.value)  # the line that composed it


@ms.operator.register("fails_when_told")
class _Fails(ms.operator.CustomOpProp):
    def list_arguments(self):
        return ["x", "i"]

    def infer_shape(self, in_shape):
        return in_shape, [in_shape[0]], []

    def create_operator(self, *_):
        class Fails(ms.operator.CustomOp):
            def forward(self, *_, **__):
                raise RuntimeError("told")

        return Fails()


def test_options():
    x = sym.Variable("x")
    net = sym.tanh(x * 1, name="t")
    executor = net.simple_bind(x=(4,), optimize=False)
    assert names(executor.get_optimized_symbol()) == names(net)
    assert names(executor.reshape(x=(2,)).get_optimized_symbol()) == names(net)
    assert names(net.simple_bind(x=(4,)).reshape(x=(2,)).get_optimized_symbol()) == ["t"]


def test_an_input_named_optimize_wins():
    net = sym.Variable("optimize") * 1 + 1
    executor = net.simple_bind(optimize=(2, 3))
    assert executor.arg_dict["optimize"].shape == (2, 3)
    assert len(names(executor.get_optimized_symbol())) == 1


def test_passes_are_checked(monkeypatch):
    """Each result, for what all passes promise."""
    x = sym.Variable("x")

    def first_only(typed, purpose):
        return Typed(ms.Graph(typed.graph.outputs[:1]), typed.shapes, typed.dtypes)

    def to_the_input(typed, purpose):
        heads = [ms.Entry(typed.graph.variables[0])] * 2
        return Typed(ms.Graph(heads), typed.shapes, typed.dtypes)

    def untrained(typed, purpose):
        (write,) = [node for node in typed.graph if node.name == "step"]
        return typed.substitute({ms.Entry(write): write.inputs[1]})

    two = sym.Group([sym.tanh(x, name="a"), sym.exp(x, name="b")])
    w = sym.Variable("w")
    step = sym.signsgd_update(w, sym.Variable("g"), lr=0.1, name="step")
    training = sym.Group([sym.identity(step, name="other"), sym.exp(w, name="b")])
    for one, net in ((first_only, two), (to_the_input, two), (untrained, training)):
        monkeypatch.setattr(optimize, "PASSES", (one,))
        arrays = {name: np.ones(2) for name in net.list_arguments()}
        with pytest.raises(GraphError, match=one.__name__):
            net.bind(args=arrays)

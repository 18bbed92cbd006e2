"""Observers of runs: a monitor hears true values, a guard stops at the first NaN, both at once."""

import logging

import numpy as np
import pytest
from debugging_cases import filled, mlp
from hypothesis import given
from hypothesis import strategies as st

import minisym as ms
from minisym import sym
from minisym.core.errors import ArrayTypeError, ComposeError, ParamError
from minisym.core.functions import function_of
from minisym.core.op import registered
from minisym.runtime.observe.guard import NonFiniteError

# ------------------------------------------------------------------- the values that are heard

UNARY = {
    "tanh": (sym.tanh, np.tanh),
    "abs": (sym.abs, np.abs),
    "negative": (sym.negative, np.negative),
    "sin": (sym.sin, np.sin),
}
BINARY = {
    "add": (sym.elemwise_add, np.add),
    "sub": (sym.elemwise_sub, np.subtract),
}


@st.composite
def nets(draw):
    """Draw a net over `w` and `x`, and what NumPy makes of each of its nodes.

    Steps overwrite what dies in them, reshapes are views, and an update writes `w`, which may be
    read before, behind and beside it.
    """
    values = [np.array([[0.5, -1.25], [2.0, 0.75]]), np.array([[-0.5, 3.0], [0.25, -2.0]])]
    made = [sym.Variable("w"), sym.Variable("x")]
    wanted = {}
    for i in range(draw(st.integers(2, 14))):
        kind = draw(st.sampled_from([*UNARY, *BINARY, "view"]))
        late = st.integers(max(0, len(made) - 3), len(made) - 1)
        a, b = draw(late), draw(st.integers(0, len(made) - 1))
        if kind == "view":
            made.append(sym.Reshape(made[a], shape=(2, 2), name=f"n{i}"))
            values.append(values[a].copy())
        elif kind in UNARY:
            made.append(UNARY[kind][0](made[a], name=f"n{i}"))
            values.append(UNARY[kind][1](values[a]))
        else:
            made.append(BINARY[kind][0](made[a], made[b], name=f"n{i}"))
            values.append(BINARY[kind][1](values[a], values[b]))
        wanted[f"n{i}_output"] = values[-1]
    grad = draw(st.integers(1, len(made) - 1))
    step = sym.signsgd_update(made[0], made[grad], lr=0.25, name="step")
    wanted["step_output"] = values[0] - 0.25 * np.sign(values[grad])
    readers = [made[-1], step] if draw(st.booleans()) else [step, made[0] * 1, made[-1]]
    return sym.Group(readers), wanted, {"w": values[0], "x": values[1]}


@given(nets())
def test_a_monitor_hears_what_numpy_computes(drawn):
    net, wanted, arrays = drawn
    executor = net.bind(args={n: arrays[n].copy() for n in net.list_arguments()})
    assert not executor._plan.keep  # memory is shared
    heard = {}

    def listen(name, array):
        heard[name] = array.copy()

    executor.set_monitor_callback(listen)
    executor.forward()
    for name, value in heard.items():
        if name in wanted:
            np.testing.assert_array_equal(value, wanted[name], err_msg=name)
    assert "step_output" in heard
    assert {e.name for e in net.graph.nx if e.op} <= {n.removesuffix("_output") for n in heard}


@given(nets())
def test_inputs_are_heard_before_they_are_overwritten(drawn):
    net, wanted, arrays = drawn
    known = wanted | arrays
    sources = {
        f"{node.name}_{slot}": entry.name
        for node in net.graph
        if node.op is not None
        for slot, entry in zip(node.input_names(), node.inputs, strict=True)
    }
    executor = net.bind(args={n: arrays[n].copy() for n in net.list_arguments()})
    heard = {}
    executor.set_monitor_callback(lambda n, a: heard.setdefault(n, a.copy()), monitor_all=True)
    executor.forward()
    for name, source in sources.items():
        if source in known:
            np.testing.assert_array_equal(heard[name], known[source], err_msg=name)


def test_a_backward_run_is_heard_as_without_shared_memory():
    one, two = filled(mlp()), filled(mlp())
    wanted = {n: a.copy() for m in one.step(True, backward=True) for n, a in m.outputs.items()}
    heard = {}
    two.set_monitor_callback(lambda name, array: heard.setdefault(name, array.copy()))
    two.forward(is_train=True)
    two.backward()
    assert len(heard) > 20
    for name, value in heard.items():
        np.testing.assert_array_equal(value, wanted[name], err_msg=name)


def test_names_and_their_order_are_those_of_mxnet():
    h = sym.FullyConnected(sym.Variable("x"), num_hidden=2, name="fc")
    h = sym.split(sym.BatchNorm(h, name="bn"), num_outputs=2, name="sp")
    executor = sym.elemwise_add(h[0], h[1], name="s").simple_bind(x=(2, 3))
    heard = []
    executor.set_monitor_callback(lambda name, _: heard.append(name), monitor_all=True)
    executor.forward(is_train=True)
    # recorded from MXNet 1.9.1
    assert " ".join(heard) == (
        "x fc_data fc_weight fc_weight fc_bias fc_bias fc_output bn_data bn_gamma bn_gamma "
        "bn_beta bn_beta bn_moving_mean bn_moving_mean bn_moving_var bn_moving_var bn_output "
        "bn_mean bn_var sp_data sp_output0 sp_output1 s_lhs s_rhs s_output"
    )


def test_stepping_is_heard_too():
    executor = sym.tanh(sym.Variable("x"), name="t").bind(args={"x": np.zeros(2)})
    heard = []
    executor.set_monitor_callback(lambda name, _: heard.append(name))
    executor.step().finish()
    assert heard == ["t_output"]


# ------------------------------------------------------------------------ a guard and a monitor


def logs():
    return sym.exp(sym.log(sym.Variable("x"), name="logs"), name="end")


def test_a_monitor_hears_under_a_guard():
    executor = logs().bind(args={"x": np.array([1.0, -1.0])})
    heard = []
    executor.set_monitor_callback(lambda name, array: heard.append((name, array.copy())))
    with pytest.raises(NonFiniteError, match="log 'logs' made the first NaN"), executor.nan_guard():
        executor.forward()
    [(name, value)] = heard  # the value that the guard stopped at
    assert name == "logs_output"
    np.testing.assert_array_equal(value, [0.0, np.nan])
    heard.clear()
    executor.forward()  # the guard is gone, the monitor is not
    assert [name for name, _ in heard] == ["logs_output", "end_output"]


def test_a_monitor_installed_under_a_guard_stays():
    executor = logs().bind(args={"x": np.array([1.0, -1.0])})
    monitor = ms.mon.Monitor(1)
    with executor.nan_guard(allow=["logs", "end"]):
        monitor.install(executor)
        monitor.tic()
        executor.forward()
        assert [name for _, name, _ in monitor.toc()] == ["logs_output", "end_output", "x"]
        with pytest.raises(NonFiniteError), executor.nan_guard():
            executor.forward()  # the inner guard decides
        executor.forward()
    monitor.tic()
    executor.forward()
    assert len(monitor.toc()) == 3


def test_a_guard_stops_a_stepped_run():
    weight = np.ones(2)
    step = sym.signsgd_update(sym.Variable("w"), logs(), lr=0.5)
    executor = step.bind(args={"w": weight, "x": np.array([1.0, -1.0])})
    with executor.nan_guard(), pytest.raises(NonFiniteError):
        executor.step().finish()
    np.testing.assert_array_equal(weight, [1.0, 1.0])


def test_a_run_may_outlive_the_guard_under_which_it_began():
    executor = logs().bind(args={"x": np.array([1.0, 2.0])})
    with executor.nan_guard():
        run = executor.step()
        next(run)
    run.finish()
    executor.forward()
    assert not executor._plan.keep  # memory is shared again


def test_the_guard_says_what_the_node_read():
    executor = logs().bind(args={"x": np.array([4.0, -1.0])})
    with executor.nan_guard(), pytest.raises(NonFiniteError) as caught:
        executor.forward()
    error = caught.value
    assert error.node.name == "logs"
    [(name, read)] = error.inputs.items()
    assert (name, read.least, read.greatest, read.nans) == ("data", -1.0, 4.0, 0)
    assert error.outputs["logs_output"].nans == 1
    assert 'sym.log(sym.Variable("x"), name="logs")' in str(error)
    assert "-1 … 4, mean 1.5" in str(error)


# -------------------------------------------------------------------------------- what is refused


def test_errors_say_what_was_expected():
    executor = logs().bind(args={"x": np.ones(2)})
    with (
        pytest.raises(ParamError, match="nan_guard: there is no node 'lgs' to allow") as caught,
        executor.nan_guard(allow="lgs"),
    ):
        pass
    assert "logs" in str(caught.value)  # the hint
    with executor.nan_guard(allow="logs"):  # one name is a name, not its letters
        executor.forward()
    with pytest.raises(ParamError, match="takes a function of name and array, or None"):
        executor.set_monitor_callback("print")
    with pytest.raises(ParamError, match=r"interval must be an integer of at least 1, .* 2\.5"):
        ms.mon.Monitor(2.5)
    with pytest.raises(ParamError, match=r"pattern '\*' is no regular expression"):
        ms.mon.Monitor(1, pattern="*")
    with pytest.raises(ParamError, match="stat_func must be a function of an array"):
        ms.mon.Monitor(1, stat_func="norm")
    with pytest.raises(ArrayTypeError, match="install takes an executor, but got Symbol"):
        ms.mon.Monitor(1).install(logs())


def test_nothing_is_printed(capfd, caplog):
    executor = logs().bind(args={"x": np.ones(2)})
    monitor = ms.mon.Monitor(1)
    monitor.install(executor)
    with caplog.at_level(logging.INFO, logger="minisym"):
        monitor.tic()
        executor.forward()
        monitor.toc_print()
    assert "logs_output" in caplog.text
    assert capfd.readouterr().out == ""


def calls():
    """Yield a net and its arrays for each op's samples."""
    for name, op in registered().items():
        for sample in op.samples() if callable(op.samples) else op.samples:
            if sample.raises is None:
                arrays = [np.array(a) for a in sample.arrays(np.random.default_rng(0))]
                inputs = [sym.Variable(f"v{i}") for i in range(len(arrays))]
                try:
                    net = function_of(op, name)(*inputs, **sample.params, name="n")
                except ComposeError:
                    continue  # this sample counts its inputs otherwise
                yield net, {v.name: a for v, a in zip(inputs, arrays, strict=True)}


@pytest.mark.parametrize("is_train", [False, True])
def test_no_alarm_is_false(is_train):
    """Hidden outputs count, too: every op fills all of them, in both modes."""
    number = 0
    for net, arrays in calls():
        states = {n: arrays[n] for n in net.list_auxiliary_states()}
        bound = {n: arrays[n] for n in net.list_arguments()}
        executor = net.bind(args=bound, aux_states=states)
        with executor.nan_guard():
            for entry, array in executor._fitting().arrays.items():
                is_own = not any(np.may_share_memory(array, one) for one in arrays.values())
                if entry.node.op is not None and array.dtype.kind == "f" and is_own:
                    array[...] = np.nan  # what new memory may hold
            executor.forward(is_train=is_train)
        number += 1
    assert number > 500

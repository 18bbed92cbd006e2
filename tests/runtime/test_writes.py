"""The write rule: readers see the old value, writes land last, a failed run changes nothing."""

import itertools
import signal

import networkx as nx
import numpy as np
import pytest

import minisym as ms
from minisym import sym
from minisym.runtime import program


def bind(symbol, **arrays):
    return symbol.bind(args=arrays)


def arrays(**values):
    return {name: np.array(value, np.float64) for name, value in values.items()}


@pytest.fixture
def w():
    return sym.Variable("w")


@pytest.fixture
def g():
    return sym.Variable("g")


# ------------------------------------------------------------------------------------- readers


def test_forward_writes_the_bound_array_itself(w, g):
    a = arrays(w=[1, 2, 3], g=[5, -5, 0])
    executor = bind(sym.signsgd_update(w, g, lr=0.5), **a)
    assert a["w"].tolist() == [1, 2, 3]  # binding writes nothing
    (out,) = executor.forward()
    assert a["w"].tolist() == [0.5, 2.5, 3]
    assert np.shares_memory(out, a["w"])  # the output is the weight
    executor.forward()
    assert a["w"].tolist() == [0, 3, 3]


@pytest.mark.parametrize("update_first", [True, False])
def test_reader_beside_the_update_sees_the_old_value(w, g, update_first):
    update, reader = sym.signsgd_update(w, g, lr=0.5), w * 10
    heads = [update, reader] if update_first else [reader, update]
    a = arrays(w=[1], g=[1])
    outputs = bind(sym.Group(heads), **a).forward()
    assert sorted(float(o[0]) for o in outputs) == [0.5, 10]
    assert a["w"].tolist() == [0.5]


def test_reader_behind_the_update_sees_both_values(w, g):
    update = sym.signsgd_update(w, g, lr=0.5)
    a = arrays(w=[1], g=[1])
    executor = bind(w * 10 + update, **a)
    assert executor.forward()[0].tolist() == [10.5]
    assert a["w"].tolist() == [0.5]
    assert executor.forward()[0].tolist() == [5.0]
    assert a["w"].tolist() == [0.0]


def test_the_weight_as_a_head_shows_the_old_value(w, g):
    a = arrays(w=[1], g=[1])
    old, new = bind(sym.Group([w, sym.signsgd_update(w, g, lr=0.5)]), **a).forward()
    assert (old.tolist(), new.tolist(), a["w"].tolist()) == ([1], [0.5], [0.5])


def test_a_view_of_the_weight_as_a_head_shows_the_old_value(w, g):
    a = arrays(w=[[1, 2]], g=[[1, 1]])
    flat, _ = bind(sym.Group([sym.Flatten(w), sym.signsgd_update(w, g, lr=0.5)]), **a).forward()
    assert flat.tolist() == [[1, 2]]
    assert a["w"].tolist() == [[0.5, 1.5]]


def test_two_weights_that_read_each_other():
    """No order of the nodes serves both updates: each gradient is the other's old weight."""
    a, b = sym.Variable("a"), sym.Variable("b")
    step = sym.Group([sym.signsgd_update(a, b, lr=1), sym.signsgd_update(b, a, lr=1)])
    values = arrays(a=[3, -3], b=[-2, 2])
    bind(step, **values).forward()
    assert values["a"].tolist() == [4, -4]
    assert values["b"].tolist() == [-3, 3]


def test_chained_updates_write_the_last_value(w, g):
    h = sym.Variable("h")
    first = sym.signsgd_update(w, g, lr=1, name="first")
    second = sym.signsgd_update(first, h, lr=10, name="second")
    a = arrays(w=[0, 0], g=[1, 1], h=[-1, 0])
    executor = bind(sym.Group([first, second, w * 1]), **a)
    outputs = [o.tolist() for o in executor.forward()]
    assert outputs == [[-1, -1], [9, -1], [0, 0]]
    assert a["w"].tolist() == [9, -1]
    assert executor.writes == {"w": "second"}


def test_two_writers_of_one_variable_are_refused(w, g):
    step = sym.Group(
        [sym.signsgd_update(w, g, lr=1, name="one"), sym.signsgd_update(w, g, lr=2, name="two")]
    )
    with pytest.raises(ms.BindError, match=r"'w' is written by two nodes.*'one'.*'two'"):
        bind(step, **arrays(w=[1], g=[1]))


def test_an_update_of_what_is_no_variable_is_refused(w, g):
    with pytest.raises(ms.BindError, match="an update overwrites a Variable"):
        bind(sym.signsgd_update(w * 2, g, lr=1), **arrays(w=[1], g=[1]))


def test_order_puts_readers_before_the_writer(w, g):
    from minisym.passes.order import order_writes

    update = sym.signsgd_update(w, g, lr=1, name="update")
    reader = sym.tanh(w, name="reader")
    late = sym.tanh(w + update, name="late")
    found = order_writes(sym.Group([update, reader, late]).graph)
    names = [node.name for node in found.order]
    assert names.index("reader") < names.index("update") < names.index("late")


def test_an_executor_runs_in_the_order_of_networkx(w, g):
    """It is the topological sort of the graph and of the arrows that writes add."""
    reader = sym.tanh(w, name="reader")
    update = sym.signsgd_update(w, g * 2, lr=1, name="update")
    net = sym.Group([update, reader, sym.exp(reader, name="after")])
    graph, executor = net.graph, bind(net, w=np.ones(2), g=np.ones(2))
    place = {node: i for i, node in enumerate(graph)}
    arrows = nx.DiGraph(graph)
    arrows.add_edge(graph.node("reader"), graph.node("update"))
    order = nx.lexicographical_topological_sort(arrows, key=place.__getitem__)
    ran = [moment.node.name for moment in executor.step()]
    assert ran == [node.name for node in order if node.op is not None]
    assert ran == ["_mulscalar0", "reader", "update", "after"]


# ------------------------------------------------------------------------------ kinds of arrays


def _strided():
    return np.zeros((4, 6))[::2, ::3]


def _negative():
    return np.zeros((2, 2))[::-1, ::-1]


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.zeros((2, 2)),
        lambda: np.asfortranarray(np.zeros((2, 2))),
        _strided,
        _negative,
        lambda: np.zeros((3, 2, 2))[1],
        lambda: np.zeros((2, 2)).T,
        lambda: np.ndarray((2, 2), buffer=bytearray(33), offset=1),
        lambda: ms.nd.zeros((2, 2), dtype="float64"),
    ],
    ids=["plain", "fortran", "strided", "negative", "slice", "transposed", "unaligned", "ndarray"],
)
def test_arrays_of_every_layout_are_written_through(make, w, g):
    weight = make()
    weight[...] = [[1, 2], [3, 4]]
    base = weight.base if weight.base is not None else weight
    executor = bind(sym.signsgd_update(w, g, lr=0.5, wd=0.5), w=weight, g=np.ones((2, 2)))
    executor.forward()
    assert np.allclose(weight, np.array([[1, 2], [3, 4]]) * 0.75 - 0.5)
    assert base is weight or weight.base is not None


def test_a_memory_mapped_array_is_written_through(tmp_path, w, g):
    path = tmp_path / "weight.npy"
    np.save(path, np.array([1.0, 2.0]))
    weight = np.load(path, mmap_mode="r+")
    bind(sym.signsgd_update(w, g, lr=0.5), w=weight, g=np.array([1.0, -1.0])).forward()
    weight.flush()
    assert np.load(path).tolist() == [0.5, 2.5]


def test_read_only_arrays_are_refused_where_a_run_writes(tmp_path, w, g):
    frozen = np.ones(2)
    frozen.flags.writeable = False
    np.save(tmp_path / "w.npy", frozen)
    for weight in (frozen, np.load(tmp_path / "w.npy", mmap_mode="r"), np.broadcast_to(1.0, (2,))):
        with pytest.raises(ms.BindError, match="'w' is read-only"):
            bind(sym.signsgd_update(w, g, lr=1), w=weight, g=np.ones(2))
    bind(sym.signsgd_update(w, g, lr=1), w=np.ones(2), g=frozen).forward()  # reading is fine


def test_a_weight_whose_elements_overlap_is_refused(w, g):
    weight = np.lib.stride_tricks.as_strided(np.ones(3), (2, 2), (8, 8))
    with pytest.raises(ms.BindError, match="share memory with each other"):
        bind(sym.signsgd_update(w, g, lr=1), w=weight, g=np.ones((2, 2)))


@pytest.mark.parametrize(
    ("weight", "grad", "shared"),
    [
        (lambda m: m[:4], lambda m: m[2:6], True),
        (lambda m: m[:4], lambda m: m[:4], True),
        (lambda m: m[::2], lambda m: m[1::2], False),
        (lambda m: m[:4], lambda m: m[4:8], False),
    ],
    ids=["overlap", "same", "interleaved", "neighbours"],
)
def test_arrays_that_share_memory(weight, grad, shared, w, g):
    memory = np.arange(8.0)
    a = {"w": weight(memory), "g": grad(memory)}
    if shared:
        with pytest.raises(ms.BindError, match=r"'(w|g)' and '(w|g)' share memory"):
            bind(sym.signsgd_update(w, g, lr=1), **a)
    else:
        bind(sym.signsgd_update(w, g, lr=1), **a).forward()


def test_shared_arrays_are_fine_while_nobody_writes(w, g):
    a = np.array([2.0])
    assert bind(w * g, w=a, g=a).forward()[0].tolist() == [4]


@pytest.mark.parametrize(
    ("bad", "error", "match"),
    [
        ([1.0, 2.0], TypeError, "must be a NumPy array, but got list"),
        ((2,), TypeError, "simple_bind takes shapes"),
        (3.0, TypeError, "must be a NumPy array, but got float"),
        (np.ones(3), ms.ShapeError, r"grad has shape \(2,\)|weight has shape \(3,\)"),
        (np.ones(2, np.float32), ms.DtypeError, "float32"),
        (np.ones(2, np.int64), ms.DtypeError, "int64"),
        (np.ones(2, object), TypeError, "object"),
        (np.ones(2, ">f8"), TypeError, ">f8"),
        (np.ones(2, complex), TypeError, "complex128"),
    ],
    ids=[
        "list",
        "shape",
        "number",
        "wrong shape",
        "float32",
        "int",
        "object",
        "big-endian",
        "complex",
    ],
)
def test_what_is_no_fitting_array_is_refused_at_bind(bad, error, match, w, g):
    with pytest.raises(error, match=match):
        bind(sym.signsgd_update(w, g, lr=1), w=bad, g=np.ones(2))


# --------------------------------------------------------------------------------- runs that fail


def test_a_run_that_raises_leaves_every_bound_array_as_it_was(w, g):
    x = sym.Variable("x")
    picked = sym.take(sym.Variable("table"), x, mode="raise", name="pick")
    bad = sym.Group([sym.signsgd_update(w, g, lr=0.5), sym.tanh(picked)])
    a = arrays(w=[1, 2], g=[1, 1], x=[1], table=[3, 4])
    executor = bind(bad, **a)
    executor.forward()
    before = {name: array.copy() for name, array in a.items()}
    with pytest.raises(ms.ExecutionError, match="take 'pick'") as caught:
        executor.forward(x=np.array([7.0]), g=np.array([7.0, 7.0]))
    assert "every bound array is as it was" in str(caught.value)
    for name, array in a.items():  # those that forward was given, too
        assert array.tobytes() == before[name].tobytes()
    executor.forward(x=np.array([1.0]))
    assert a["w"].tolist() == [0, 1]


def test_bad_arguments_of_forward_copy_nothing(w, g):
    a = arrays(w=[1], g=[1])
    executor = bind(w * g, **a)
    for bad in ({"g": np.ones(2)}, {"nope": np.ones(1)}, {"g": [1.0]}, {"g": "1"}):
        with pytest.raises((ValueError, TypeError)):
            executor.forward(w=np.array([9.0]), **bad)
        assert a["w"].tolist() == [1]


STATES = {"signsgd_update": (), "sgd_mom_update": ("mom",), "adam_update": ("mean", "var")}
each_update = pytest.mark.parametrize("update", STATES)


def _training_step(rng, update="signsgd_update", size=5, layers=3):
    """Return a step with several weights and their states, and the arrays for it."""
    out = sym.Variable("x")
    weights = [sym.Variable(f"w{i}") for i in range(layers)]
    for weight in weights:
        out = sym.tanh(out * weight)
    slopes = ms.grad(sym.sum(out), weights)
    updates, values = [], {"x": rng.normal(size=size)}
    for weight, slope in zip(weights, slopes, strict=True):
        states = [f"{weight.name}_{state}" for state in STATES[update]]
        values |= {name: rng.uniform(size=size) for name in (weight.name, *states)}
        op = getattr(sym, update)
        updates.append(op(weight, slope, *map(sym.Variable, states), lr=0.1, wd=0.1))
    return sym.Group([out, *updates]), values


@each_update
def test_keyboard_interrupt_between_any_two_steps(rng, update):
    """Ctrl-C may come before any step: the bound arrays hold the state before the run."""
    step, values = _training_step(rng, update)
    executor = step.bind(args=values, aux_states=values)
    executor.forward()
    flat = executor._flat
    steps = flat.steps
    before = {name: array.tobytes() for name, array in values.items()}

    def interrupt():
        raise KeyboardInterrupt

    for i in range(len(steps) + 1):
        broken = [*steps[:i], (interrupt, ()), *steps[i:]]
        flat.steps = broken
        with pytest.raises(KeyboardInterrupt):
            executor.forward(x=np.ones(5))
        assert {name: array.tobytes() for name, array in values.items()} == before
    flat.steps = steps
    executor.forward()
    assert all(values[f"w{i}"].tobytes() != before[f"w{i}"] for i in range(3))


@pytest.mark.usefixtures("uncollected")
@each_update
def test_a_real_signal_leaves_all_or_nothing(rng, update):
    """SIGINT at arbitrary moments: weights and states are those of a whole number of runs."""
    step, values = _training_step(rng, update, size=2000)
    twin = {name: array.copy() for name, array in values.items()}
    executor = step.bind(args=values, aux_states=values)
    other = step.bind(args=twin, aux_states=twin)
    weights = [name for name in values if name.startswith("w")]

    def handler(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, handler)
    hits = 0
    try:
        for delay in itertools.islice(itertools.cycle(np.linspace(2e-5, 4e-4, 40)), 200):
            start = [values[n].copy() for n in weights]
            try:
                signal.setitimer(signal.ITIMER_REAL, delay, 0.05)  # again, should it be swallowed
                while True:
                    executor.forward()
                    start = [values[n].copy() for n in weights]
            except KeyboardInterrupt:
                hits += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            states = [start]
            for n, s in zip(weights, start, strict=True):
                twin[n][...] = s
            other.forward()
            states.append([twin[n].copy() for n in weights])
            now = [values[n].tobytes() for n in weights]
            assert now in [[a.tobytes() for a in state] for state in states]
    finally:
        signal.signal(signal.SIGALRM, before)
    assert hits == 200


@each_update
def test_the_commit_runs_no_python_code(rng, update):
    """What writes into bound arrays is C functions on plain arrays, done by one C call."""
    step, values = _training_step(rng, update)
    executor = step.bind(args=values, aux_states=values)
    commits = executor._plan.program(is_train=False).commits
    assert commits
    for commit in commits:
        function, *arguments = commit.call
        assert program.is_compiled(function)
        assert all(type(a) is np.ndarray or a is ... for a in arguments)
    assert "starmap" in program.run_through.__code__.co_names


@pytest.mark.parametrize("update", ["sgd_update", "sgd_mom_update", "adam_update"])
def test_updates_that_read_each_others_weights_see_the_old_values(rng, update):
    """In place, the second one would read what the first one has written."""
    names = ("w", "v")
    states = {n: [f"{n}{i}" for i in range(len(ms.op.get(update).inputs) - 2)] for n in names}
    values = {n: rng.uniform(size=4) for n in (*names, *states["w"], *states["v"])}
    kept = {n: a.copy() for n, a in values.items()}
    variables = {n: sym.Variable(n) for n in values}

    def step(weight, other):
        arguments = [variables[n] for n in (weight, other, *states[weight])]
        return getattr(sym, update)(*arguments, lr=0.1)

    pair = sym.Group([step("w", "v"), step("v", "w")])
    pair.bind(args=values, aux_states=values).forward()
    for one, other in (names, names[::-1]):
        alone = {n: kept[n].copy() for n in (one, other, *states[one])}
        step(one, other).bind(args=alone, aux_states=alone).forward()
        for name in (one, *states[one]):
            np.testing.assert_array_equal(values[name], alone[name])


# ------------------------------------------------------------------------------ what a run writes


def test_updates_run_whatever_is_train_says(w, g):
    a = arrays(w=[0], g=[1])
    executor = bind(sym.signsgd_update(w, g, lr=1), **a)
    executor.forward(is_train=True)
    executor.forward(is_train=False)
    assert a["w"].tolist() == [-2]


def test_one_binds_the_net_over_the_same_arrays_to_evaluate(w, g):
    a = arrays(w=[1], g=[1])
    net = w * 2
    step = bind(sym.Group([net, sym.signsgd_update(w, g, lr=1)]), **a)
    evaluate = bind(net, w=a["w"])
    step.forward()
    assert evaluate.forward()[0].tolist() == [0]
    assert a["w"].tolist() == [0]


def test_a_learning_rate_in_the_graph_needs_no_new_bind(w, g):
    step = sym.signsgd_update(w, g, lr=sym.Variable("lr"), wd=sym.Variable("wd"))
    a = arrays(w=[8], g=[1]) | {"lr": np.array([0.5], np.float32), "wd": np.zeros(1, np.float32)}
    executor = bind(step, **a)
    executor.forward()
    assert a["w"].tolist() == [7.5]
    executor.forward(lr=np.float32(0.25))
    assert a["w"].tolist() == [7.25]
    executor.forward(wd=np.float32(2.0))
    assert a["w"].tolist() == [7.25 * 0.5 - 0.25]

"""Loops and choices: the graphs, files, values and gradients of MXNet 1.9.1.

fixtures/control_flow.json was recorded by scripts/mxnet/record_control.py from tables/control_flow.
"""

import json

import numpy as np
import pytest
from places import FIXTURES
from tables.control_flow import PROGRAMS, REFUSED, START

import minisym as ms
from minisym import sym
from minisym.core.errors import ComposeError, FormatError, GradientError, ParamError, ShapeError

RECORDED = json.loads((FIXTURES / "control_flow.json").read_text(encoding="utf-8"))
each = pytest.mark.parametrize("name", PROGRAMS)


def composed(name: str):
    names = {"mx": ms}
    with ms.name.NameManager():
        exec(START + PROGRAMS[name][0], names)
    return names["net"]


def arrays_of(name: str, dtype="float32") -> dict[str, np.ndarray]:
    return {key: np.array(value, dtype) for key, value in PROGRAMS[name][1].items()}


def run(net, arrays, is_train=True):
    """Run forward and backward with ones; return values and gradients."""
    arguments = net.list_arguments()
    gradients = {name: np.full_like(arrays[name], 9) for name in arguments}
    executor = net.bind(args=arrays, args_grad=gradients)
    values = [o.copy() for o in executor.forward(is_train=is_train)]
    executor.backward([np.ones(o.shape, o.dtype) for o in executor.outputs])
    return values, gradients


def test_every_program_is_recorded():
    assert set(RECORDED) == set(PROGRAMS)


@each
def test_graph_and_file_are_mxnets(name: str):
    net, recorded = composed(name), RECORDED[name]
    assert net.list_arguments() == recorded["arguments"]
    assert net.list_outputs() == recorded["outputs"]
    assert net.get_internals().list_outputs() == recorded["internals"]
    assert net.attr_dict() == recorded["attributes"]
    assert net.tojson() == recorded["text"]


@each
def test_values_and_gradients_are_mxnets(name: str):
    recorded = RECORDED[name]
    values, gradients = run(composed(name), arrays_of(name))
    for value, wanted in zip(values, recorded["values"], strict=True):
        stop = len(value)
        if name.startswith("while") and value.ndim > 1:  # MXNet leaves memory behind the last step
            stop = np.flatnonzero([*value.any(axis=tuple(range(1, value.ndim))), True])[-2] + 1
        np.testing.assert_allclose(value[:stop], np.array(wanted)[:stop], rtol=1e-6, atol=1e-6)
        assert not value[stop:].any()
    if recorded["gradients"] is not None:
        for key, wanted in recorded["gradients"].items():
            np.testing.assert_allclose(gradients[key], wanted, rtol=1e-5, atol=1e-6)


@each
def test_files_are_read(name: str):
    net = composed(name)
    again = sym.load_json(RECORDED[name]["text"])
    assert ms.Graph(again) == ms.Graph(net)
    assert again.tojson() == net.tojson()
    arrays = arrays_of(name)
    for one, other in zip(run(net, arrays)[0], run(again, arrays)[0], strict=True):
        np.testing.assert_array_equal(one, other)


@each
def test_gradients_are_those_of_the_function(name: str):
    if not any(node.op is not None and node.op.subgraphs for node in ms.Graph(composed(name))):
        pytest.fail("there is no control flow in it")
    arrays = {k: a + 0.01 for k, a in arrays_of(name, "float64").items()}
    ms.testing.check_numeric_gradient(composed(name), arrays, rtol=1e-4, atol=1e-5)


@each
def test_gradient_graphs_go_through_files(name: str):
    net = composed(name)
    names = net.list_arguments()
    slopes = ms.grad(net, names)
    again = sym.load_json(slopes.tojson())
    assert ms.Graph(again) == ms.Graph(slopes)
    arrays = arrays_of(name)
    for one, other in zip(slopes.eval(**arrays), again.eval(**arrays), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("call", REFUSED)
def test_refusals(call: str):
    names = {"mx": ms}
    exec(START, names)
    with pytest.raises((ComposeError, ParamError), match=r"^(foreach|while_loop|cond): "):
        eval(REFUSED[call], names)


# -------------------------------------------------------------------------------- what is inferred


def foreach(body, **options):
    return sym.Group(
        list(sym.contrib.foreach(body, sym.Variable("d"), sym.Variable("s"), **options))
    )


def test_shapes_flow_both_ways():
    net = foreach(lambda x, s: (sym.FullyConnected(x, num_hidden=3, name="fc") + s, s))
    assert net.infer_shape(d=(5, 4, 2)) == (
        [(5, 4, 2), (4, 3), (3, 2), (3,)],
        [(5, 4, 3), (4, 3)],
        [],
    )
    assert net.infer_shape_partial(s=(4, 3))[1] == [(0, 4, 3), (4, 3)]
    loop = sym.contrib.foreach(lambda x, s: (x + s, s), sym.Variable("d"), sym.Variable("s"))[0]
    net = loop + sym.Variable("like")
    assert net.infer_shape(like=(5, 2))[0] == [(5, 2), (2,), (5, 2)]


def test_types_flow():
    net = foreach(lambda x, s: (x + s, s))
    assert net.infer_type(d="float64")[0] == [np.float64, np.float64]


def test_elements_of_a_vector():
    net = foreach(lambda x, s: (x + s, s))
    assert net.infer_shape(d=(4,)) == ([(4,), (1,)], [(4, 1), (1,)], [])
    assert net.infer_shape(d=(4, 1)) == ([(4, 1), (1,)], [(4, 1), (1,)], [])
    with ms.util.np_shape(True):
        assert net.infer_shape(d=(4,)) == ([(4,), ()], [(4,), ()], [])
        sums = net.eval(d=np.arange(3.0), s=np.array(1.0))
    np.testing.assert_array_equal(sums[0], [1, 2, 3])


def test_a_state_keeps_its_shape():
    net = foreach(lambda x, s: (x, sym.concat(s, s, dim=0)))
    with pytest.raises(ShapeError) as caught:
        net.infer_shape(d=(3, 2), s=(2,))
    text = str(caught.value)
    assert text.startswith(
        "_foreach '_foreach0': the state 's-0' begins with shape (2,), but a step makes (4,) of it"
    )
    assert "test_control.py" in text


def test_data_are_equally_long():
    data = [sym.Variable("d"), sym.Variable("e")]
    net = sym.contrib.foreach(lambda x, s: (x[0] + x[1], []), data, [])[0]
    with pytest.raises(
        ShapeError, match="all data must be equally long, but have 2 and 3 elements"
    ):
        net.infer_shape(d=(3, 2), e=(2, 2))


def test_a_test_is_one_number():
    x = sym.Variable("x")
    loop = sym.contrib.while_loop(lambda x: x < 3, lambda x: (x, x + 1), x, 4)[1]
    choice = sym.contrib.cond(x < 3, lambda: x, lambda: x * 2)
    for net in (loop, choice):
        with pytest.raises(
            ShapeError, match=r"what is tested must be one number, but has shape \(2,\)"
        ):
            net.infer_shape(x=(2,))


def test_bodies_of_a_choice_agree():
    net = sym.contrib.cond(sym.Variable("p"), lambda: sym.Variable("a"), lambda: sym.Variable("b"))
    with pytest.raises(ShapeError, match=r"^_cond '_cond0': output has shape \(2,\), but"):
        net.infer_shape(p=(1,), a=(2,), b=(3,))


def test_an_error_inside_names_the_node_inside():
    net = foreach(lambda x, s: (sym.FullyConnected(x, num_hidden=3, name="fc"), s * 2))
    with pytest.raises(ShapeError, match="FullyConnected 'fc': weight has shape"):
        net.infer_shape(d=(5, 4, 2), fc_weight=(3, 7), s=(1,))


# ------------------------------------------------------------------------------------------ running


def test_no_elements_at_all():
    net = foreach(lambda x, s: (x * s, s + x))
    with ms.util.np_shape(True):
        values, gradients = run(net, {"d": np.zeros((0, 2)), "s": np.array([1.0, 2.0])})
    assert values[0].shape == (0, 2)
    np.testing.assert_array_equal(values[1], [1, 2])
    np.testing.assert_array_equal(gradients["s"], [1, 1])


def test_a_condition_that_never_holds():
    i = sym.Variable("i")
    net = sym.Group(list(sym.contrib.while_loop(lambda i: i < 0, lambda i: (i * 2, i + 1), i, 3)))
    values, gradients = run(net, {"i": np.array([5.0])})
    np.testing.assert_array_equal(values[0], np.zeros((3, 1)))
    np.testing.assert_array_equal(values[1], [5])
    np.testing.assert_array_equal(gradients["i"], [1])


def test_it_runs_again_with_other_values():
    executor = foreach(lambda x, s: (x * s, s + x)).simple_bind(d=(2, 1), s=(1,))
    for scale in (1, 2):
        out = executor.forward(d=np.array([[1], [2]]) * scale, s=np.array([3]))
        np.testing.assert_array_equal(out[1], [3 + 3 * scale])
    larger = executor.reshape(allow_up_sizing=True, d=(5, 1))
    assert larger.forward(d=np.ones((5, 1)), s=np.zeros(1))[1] == 5


def test_averages_move_at_every_step():
    """MXNet cannot differentiate this loop."""
    net = foreach(lambda x, s: (sym.BatchNorm(x, fix_gamma=False, momentum=0.5, name="bn"), s + 1))
    data = np.arange(12.0).reshape(3, 2, 2) ** 2
    mean, var = np.zeros(2), np.ones(2)
    arrays = {"d": data, "s": np.zeros(1), "bn_gamma": np.ones(2), "bn_beta": np.zeros(2),
              "bn_moving_mean": mean, "bn_moving_var": var}  # fmt: skip
    executor = net.bind(args=arrays)
    assert executor.writes == {"bn_moving_mean": "_foreach0", "bn_moving_var": "_foreach0"}
    executor.forward(is_train=False)
    np.testing.assert_array_equal(mean, [0, 0])
    executor.forward(is_train=True)
    wanted = np.zeros(2)
    for element in data:
        wanted = 0.5 * wanted + 0.5 * element.mean(axis=0)
    np.testing.assert_allclose(mean, wanted)
    assert (var > 1).all()


def test_a_gradient_sees_what_was_dropped():
    net = foreach(lambda x, s: (sym.Dropout(x, p=0.5), s + 1))
    ms.random.seed(3)
    values, gradients = run(net, {"d": np.ones((50, 4)), "s": np.zeros(1)})
    np.testing.assert_array_equal(values[0], gradients["d"])
    assert {0.0, 2.0} == set(values[0].ravel())


def test_a_choice_sees_what_was_dropped():
    x = sym.Variable("x")
    net = sym.contrib.cond(sym.Variable("p"), lambda: sym.Dropout(x, p=0.5), lambda: x * 3)
    for p in (1.0, 0.0):
        values, gradients = run(net, {"p": np.array([p]), "x": np.ones((50, 4))})
        np.testing.assert_array_equal(values[0], gradients["x"])


def test_the_second_gradient():
    net = sym.contrib.foreach(lambda x, s: (x * s * s, s + x * x), *map(sym.Variable, "ds"))[0]
    slope = ms.grad(ms.grad(net, "s"), "s")
    arrays = {"d": np.array([[1.0], [2.0], [-1.0]]), "s": np.array([3.0])}
    np.testing.assert_allclose(slope.eval(**arrays)[0], [2 * (1 + 2 - 1)])
    ms.testing.check_numeric_gradient(ms.grad(net, "d"), arrays, rtol=1e-4, atol=1e-5)


def test_no_second_gradient_through_random_numbers():
    net = sym.contrib.foreach(
        lambda x, s: (sym.tanh(sym.Dropout(x * x)), []), sym.Variable("d"), []
    )[0]
    with pytest.raises(GradientError, match="has no second gradient"):
        ms.grad(ms.grad(net, "d"), "d")


def test_long_loops_are_loops():
    net = foreach(lambda x, s: (s + x, s + x))
    values, gradients = run(net, {"d": np.ones((5000, 1)), "s": np.zeros(1)})
    assert values[1] == 5000
    assert gradients["s"] == 5001


def test_an_error_of_a_step_inside_leaves_the_arrays(monkeypatch: pytest.MonkeyPatch):
    net = foreach(lambda x, s: (sym.square(x), s + 1))
    arrays = {"d": np.ones((2, 1)), "s": np.zeros(1)}
    executor = net.bind(args=arrays)

    def fail(*_):
        raise ValueError("no such number")

    loop = executor._plan.program(is_train=False).steps[0][-1][0].__self__
    monkeypatch.setattr(loop, "steps", [(fail, ())])
    with pytest.raises(ms.errors.ExecutionError, match="no such number"):
        executor.forward()


# --------------------------------------------------------------------------------- names, pictures


def test_a_symbol_from_outside_may_be_composed_inside():
    """MXNet takes the nodes of a symbol that is composed anew for nodes from outside."""
    block = sym.tanh(sym.Variable("z") * 2, name="t")
    net = foreach(lambda x, s: (block(z=x) + s, s * 1))
    want = np.tanh(2 * np.array([[1.0], [2.0]])) + 3
    np.testing.assert_allclose(net.eval(d=np.array([[1.0], [2.0]]), s=np.array([3.0]))[0], want)


def test_names_restart_with_the_manager():
    def names():
        with ms.name.NameManager():
            net = foreach(lambda x, s: (x + s, s * 1), name="loop")
            return {n.attrs["__subgraph_name__"] for n in net.entries[0].node.op.subgraphs[0].graph}

    assert names() == names() == {"loop0"}


def test_it_can_be_looked_at(capsys):
    net = composed("a layer in the body")
    assert "_foreach" in ms.viz.plot_network(net).source
    ms.viz.print_summary(net, shape={"d": (2, 3, 2), "s": (3, 3)})
    assert "_foreach" in capsys.readouterr().out
    assert "_foreach" in repr(net.debug_str())


def test_copies_are_equal():
    net = composed("while")
    import copy
    import pickle

    assert ms.Graph(pickle.loads(pickle.dumps(net))) == ms.Graph(net)
    assert ms.Graph(copy.deepcopy(net)) == ms.Graph(net)
    assert ms.Graph(composed("while")) == ms.Graph(net)
    assert ms.Graph(composed("while, to the limit")) != ms.Graph(net)


# --------------------------------------------------------------------------------- arrays, at once


def test_loops_over_arrays_give_the_same():
    loops = ms.nd.contrib
    d, e, s = np.arange(6.0).reshape(3, 2), np.ones(3), np.array([1.0, 2.0])

    def body(x, s):
        return [x[0] * s[0], [x[1] + s[1]]], [s[0] + x[0], s[1] * 2]

    now = loops.foreach(body, [d, e], [s, np.array([3.0])])
    later = sym.contrib.foreach(
        body, [sym.Variable("d"), sym.Variable("e")], [sym.Variable("s"), sym.Variable("t")]
    )
    (a, (b,)), (c, t) = later
    values = sym.Group([a, b, c, t]).eval(d=d, e=e, s=s, t=np.array([3.0]))
    (a, (b,)), (c, t) = now
    for one, other in zip((a, b, c, t), values, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_loop_over_arrays_ends_by_its_condition():
    outputs, (i, total) = ms.nd.contrib.while_loop(
        lambda i, s: i < 3, lambda i, s: (i, [i + 1, s + i]), [np.array([0]), np.array([0])], 5
    )
    np.testing.assert_array_equal(outputs[:, 0], [0, 1, 2, 0, 0])
    assert (i.item(), total.item()) == (3, 3)
    nothing = ms.nd.contrib.while_loop(lambda i: i < 0, lambda i: (i, i), np.array([1]), 2)
    assert nothing[0] == []


def test_a_choice_calls_one_function():
    assert ms.nd.contrib.cond(np.array([0.0]), lambda: 1 / 0, lambda: "else") == "else"


def test_loops_take_arrays():
    with pytest.raises(TypeError, match="a loop takes arrays and lists of them, but got 'text'"):
        ms.nd.contrib.foreach(lambda x, s: (x, s), [np.ones(2), "text"], [])
    with pytest.raises(TypeError, match="there is no data to loop over"):
        ms.nd.contrib.foreach(lambda x, s: (x, s), [], [])


# --------------------------------------------------------------------------------- files that lie


@pytest.mark.parametrize("name", ["sums", "while", "then"])
def test_any_wrong_number_in_a_file(name: str):
    data = json.loads(RECORDED[name]["text"])
    node = next(n for n in data["nodes"] if "subgraphs" in n)
    bad = [
        "",
        "x",
        "[]",
        "[0]",
        "[0, 0]",
        "[9]",
        "[-1]",
        "[0, 1, 2, 3]",
        "-1",
        "9",
        "1e9",
        "[1, 0]",
    ]
    refused = 0
    for key in list(node["attrs"]):
        original = node["attrs"].pop(key)
        for value in (None, *bad):
            if value is not None:
                node["attrs"][key] = value
            try:
                sym.load_json(json.dumps(data)).infer_shape_partial()
            except (FormatError, ShapeError):
                refused += 1
            node["attrs"].pop(key, None)
        node["attrs"][key] = original
    assert refused > 3 * len(bad)
    for graphs in ([], node["subgraphs"][:1] * 4, [{}], [5]):
        changed = json.loads(json.dumps(data))
        next(n for n in changed["nodes"] if "subgraphs" in n)["subgraphs"] = graphs
        try:
            sym.load_json(json.dumps(changed)).list_outputs()
        except FormatError:
            continue
        assert not graphs  # without graphs, it is an op that nobody knows


def test_loop_variables_may_begin_with_one_symbol():
    """MXNet refuses it; i and j go 1, 1 and 2, 2 and 3, 4."""
    s = sym.Variable("s")

    def func(i, j):
        return [sym.contrib.cond(i > j, lambda: i, lambda: i + s * j)], [i + 1, j * 2]

    sums, last = sym.contrib.while_loop(lambda i, _: i < 3, func, [s, s], max_iterations=3)
    net = sym.Group([*sums, *last])
    for same in (net, sym.load_json(net.tojson())):
        assert same.list_arguments() == ["s"]
        found = [array.tolist() for array in same.eval(s=np.array([1.0]))]
        assert found == [[[2.0], [4.0], [0.0]], [3.0], [4.0]]
    # the sum is s + s s, and s + 1 + s 2 s
    (slope,) = sym.sum(sums[0] + 0).gradient(["s"]).eval(s=np.array([1.0]))
    assert slope.tolist() == [1 + 2 + 1 + 4]

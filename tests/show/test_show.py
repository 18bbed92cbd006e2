"""Pictures, tables and texts of graphs: what they say, and that they never get in the way."""

import json
import pickle
import re
import warnings
from xml.etree import ElementTree as ET

import graphviz
import pytest
from drawn_nets import chain, edges, encoder, mlp, needs_engine, tangle, training, update
from places import SNAPSHOTS

import minisym as ms
from minisym import sym
from minisym.core.errors import ComposeError, DtypeError, ParamError, ShapeError
from minisym.core.op import opaque
from minisym.core.symbol import Symbol
from minisym.show import render, roles, text
from minisym.show.groups import groups
from minisym.show.mermaid import MOST_CHARACTERS, MOST_EDGES, TooLargeError, mermaid
from minisym.show.scene import scene
from minisym.show.style import LIGHT
from minisym.show.tree import tree
from minisym.visualization import plot_network, print_summary

HOSTILE = 'a"]; evil [label=<B>&lt;\\N\n\x00\u2028|{}%% --> </TABLE>\\'


# -------------------------------------------------------------------------------- what is in them


def test_a_group_has_room_for_all_that_it_does():
    x, y = sym.Variable("x"), sym.Variable("y")
    net = sym.sum(sym.exp(sym.tanh(x + y) * 0.5), name="total")
    optimized = net.simple_bind(x=(1100, 2000), y=(1100, 2000), grad_req="null")
    source = plot_network(optimized.get_optimized_symbol()).source
    [group] = re.findall(r".*tanh → × 0.5 → exp.*", source)
    assert "shape=circle" not in group
    assert "shape=circle" in plot_network(x + y).source


def test_returns_a_digraph_named_as_the_title():
    digraph = plot_network(mlp(), title="net")
    assert isinstance(digraph, graphviz.Digraph)
    assert digraph.source.startswith("digraph net {")
    assert (digraph.name, digraph.format) == ("net", "pdf")
    assert plot_network(mlp(), save_format="svg").format == "svg"


def test_weights_are_hidden_unless_they_are_written():
    source = plot_network(mlp()).source
    assert "fc1_weight" not in source
    assert '"fc1_weight" -> "fc1"' in plot_network(mlp(), hide_weights=False).source
    assert '"fc1_weight" -> "fc1"' in plot_network(training(mlp())).source


def test_a_write_back_points_into_the_weight():
    found = plot_network(update()).source
    write = next(line for line in found.splitlines() if '"w" -> "step"' in line and "back" in line)
    assert "style=dashed" in write
    assert '"step" -> "w"' not in found


def test_shapes_are_written_in_full():
    source = plot_network(mlp(), shape={"data": (64, 784)}).source
    assert "64×784" in source
    assert "64×10" in source
    assert "101,770 parameters (407 KB)" in source


def test_an_unknown_batch_is_drawn_as_n():
    assert "N×784" in plot_network(mlp(), shape={"data": (0, 784)}).source


def test_totals_say_how_much_work_it_is():
    dense = 2 * 64 * (784 * 128 + 128 * 10)
    assert text.count(dense) == "13.0M"
    assert "13.0M FLOPs" in plot_network(mlp(), shape={"data": (64, 784)}).source
    a_sample = plot_network(mlp(), shape={"data": (0, 784)}).source
    assert "204K FLOPs a sample" in a_sample
    assert "FLOPs" not in plot_network(mlp()).source


def test_a_tooltip_says_all_attributes():
    source = plot_network(sym.Dropout(sym.Variable("x", lr_mult=2), p=0.25, name="d")).source
    assert 'tooltip="Dropout d&#10;p = 0.25&#10;' in source
    assert "mode = training" in source
    assert "__lr_mult__ = 2" in source


def test_what_changes_nothing_is_left_out():
    ones = {"stride": (1, 1), "dilate": (1, 1), "pad": (0, 0)}
    net = sym.Convolution(
        sym.Variable("x"), kernel=(3, 3), num_filter=2, workspace=9, name="c", **ones
    )
    assert text.params_text(net.entries[0].node) == "kernel=3×3 num_filter=2"
    net = sym.Convolution(sym.Variable("x"), kernel=(3, 3), num_filter=2, stride=(1, 2), name="c")
    assert "stride=1×2" in text.params_text(net.entries[0].node)


def test_a_gradient_has_the_colour_of_its_op():
    source = plot_network(training(mlp())).source
    line = next(row for row in source.splitlines() if '"∂ fc1" [' in row)
    assert LIGHT.kinds["layer"].line in line


def test_types_are_written_when_asked_for():
    source = plot_network(mlp(), shape={"data": (2, 3)}, dtype={"data": "float64"}).source
    assert "2×3  f64" in source


def test_shapes_that_the_variables_declare_are_drawn():
    net = sym.tanh(sym.Variable("x", shape=(2, 3)))
    assert "2×3" in plot_network(net).source


def test_contradicting_declarations_do_not_stop_a_picture_without_shapes():
    net = sym.Variable("x", shape=(2, 3)) + sym.Variable("y", shape=(3, 2))
    assert '"x"' in plot_network(net).source
    with pytest.raises(ShapeError, match=r"\(3, 2\)"):
        plot_network(net, shape={})


def test_too_few_shapes_are_an_error_that_names_them():
    net = sym.Variable("a") + sym.FullyConnected(sym.Variable("b"), num_hidden=2)
    with pytest.raises(ValueError, match=r"Input shape is incomplete.* a, b"):
        plot_network(net, shape={})


def test_node_attrs_override_those_of_the_style():
    source = plot_network(mlp(), node_attrs={"shape": "oval", "fixedsize": "false"}).source
    boxes = [line for line in source.splitlines() if "class=layer" in line]
    assert boxes
    assert all("shape=oval" in line and "shape=box" not in line for line in boxes)


def test_only_symbols_can_be_drawn():
    for draw in (plot_network, print_summary):
        with pytest.raises(TypeError, match="must be a Symbol, but got str"):
            draw("net")
        with pytest.raises(ComposeError):
            draw(None)


def test_a_wrong_theme_or_collapse_is_named():
    for known in ({"shape": 3}, {"dtype": 3}, {"shape": [("x", (2,))]}):
        with pytest.raises(ParamError, match="are given as a dict"):
            plot_network(sym.tanh(sym.Variable("x")), **known)
    with pytest.raises(DtypeError, match="float12"):
        plot_network(sym.tanh(sym.Variable("x")), dtype={"x": "float12"})
    with pytest.raises(ParamError, match="there is no theme 'drak'"):
        plot_network(mlp(), theme="drak")
    with pytest.raises(ParamError, match="collapse takes one of"):
        plot_network(mlp(), collapse="repeats")


def test_repeated_names_warn_once_and_stay_apart():
    h = sym.Variable("data")
    for _ in range(2):
        h = sym.FullyConnected(h, num_hidden=4, name="fc")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        source = plot_network(h, shape={"data": (2, 3)}, dtype={"data": "float32"}).source
    assert len(caught) == 1
    assert caught[0].category is RuntimeWarning
    assert caught[0].filename == __file__
    said = str(caught[0].message)
    assert said.startswith("There are multiple variables with the same name in your graph")
    assert all(name in said for name in ("fc", "fc_weight", "fc_bias"))
    assert len(set(edges(source))) == 3
    assert all(tail != head for tail, head in edges(source))


def test_an_op_that_nobody_knows_is_drawn():
    x = sym.Variable("x")
    node = ms.Node(opaque("FancyOp", 1), "f", x.entries, attrs={"depth": "3"})
    net = Symbol((ms.Entry(node),)) + sym.Variable("y")
    source = plot_network(net, shape={"x": (2, 3)}).source
    assert "<B>FancyOp</B>" in source
    assert "depth=3" in source
    assert "unknown op" in source
    assert "FancyOp" in tree(net)
    assert "FancyOp" in mermaid(net)


def test_two_writers_of_one_weight_are_drawn_although_they_cannot_be_bound():
    w, g = sym.Variable("w"), sym.Variable("g")
    both = sym.Group([sym.signsgd_update(w, g, lr=0.1, name=name) for name in "ab"])
    assert plot_network(both).source.count("class=write") == 2


def test_names_leave_out_what_their_frames_say():
    h = sym.Variable("data")
    for unit in ("a", "b"):
        h = sym.FullyConnected(h, num_hidden=3 + (unit == "b"), name=f"net_{unit}_fc")
        h = sym.Activation(h, act_type="relu", name=f"net_{unit}_relu")
    drawn = scene(training(sym.Flatten(h, name="last")).graph)
    said = {box.name: (box.title, box.detail) for box in drawn.boxes}
    assert said["net_a_fc_weight"][0] == "weight"
    assert said["net_a_fc"] == ("FullyConnected", "num_hidden=3")  # the frame is called fc
    assert said["net_a_relu"] == ("Activation", "relu · relu")
    assert said["∂ net_a_fc"][0] == "∂ fc"
    assert {"fc", "a", "b"} <= {frame.title for frame in drawn.frames}
    assert said["last"][1] == "last"


def test_axes_are_no_sizes():
    x = sym.Variable("x")
    moved = sym.transpose(x, axes=(0, 3, 1, 2), name="moved")
    assert text.params_text(moved.entries[0].node) == "axes=(0,3,1,2)"
    shaped = sym.reshape(x, shape=(0, -1), name="shaped")
    assert text.params_text(shaped.entries[0].node) == "shape=(0,-1)"
    filled = sym.zeros(shape=(64, 784), name="filled")
    assert "shape=64×784" in text.params_text(filled.entries[0].node)


def test_a_chain_of_updates_writes_one_weight():
    w, g = sym.Variable("w"), sym.Variable("g")
    twice = sym.signsgd_update(sym.signsgd_update(w, g, lr=0.1), g, lr=0.1, name="second")
    assert ("w", "second") in edges(plot_network(twice).source)


def test_the_gradient_flows_up_beside_the_forward_pass():
    source = plot_network(training(mlp())).source
    assert ("∂ relu1", "∂ fc2") in edges(source)
    assert ("∂ fc2", "∂ relu1") not in edges(source)
    assert "fc1_backward" in source  # in the tooltip
    assert '"∂ fc1" -> "fc1_weight_step"' in source


def test_a_graph_that_is_all_gradient_runs_down():
    x = sym.Variable("x")
    source = plot_network(ms.grad(sym.exp(sym.tanh(x, name="t"), name="e"), "x")).source
    assert "dir=back" not in source


def test_a_variable_alone_is_a_picture():
    source = plot_network(sym.Variable("x")).source
    assert ("x", "x (output)") in edges(source)


def test_auxiliary_states_are_stores(monkeypatch):
    from minisym.define import Array, op

    @op(name="_test_state", states=("mom",), writes=("mom",))
    def _state(data: Array, mom: Array, *, out: Array):
        """Keep something."""

    net = sym.Group([sym.tanh(ms.op.get("_test_state")(sym.Variable("x"), name="s"))])
    kinds = {node.name: kind for node, kind in roles.kinds(net.graph).items()}
    assert kinds["s_mom"] == "state"
    assert kinds["s"] != "update"
    assert ("s_mom", "s") in edges(plot_network(net).source)


# -------------------------------------------------------------------------------- names that attack


def test_hostile_names_are_escaped():
    net = sym.tanh(sym.Variable(HOSTILE), name=HOSTILE + "2")
    source = plot_network(net, title=HOSTILE).source
    assert "evil [label" in text.plain(HOSTILE)
    assert "\x00" not in source
    labels = re.findall(r"label=<(.*?)>(?:, shape=|; |$)", source, re.MULTILINE)
    assert len(labels) == 5
    for label in labels:  # well-formed, and nothing is markup that we did not write
        tags = {e.tag for e in ET.fromstring(f"<B>{label}</B>").iter()}
        assert tags <= {"B", "BR", "FONT", "TABLE", "TR", "TD"}
    assert not re.search(r"^\s*evil", source, re.MULTILINE)
    for written in (mermaid(net), tree(net)):
        assert "\x00" not in written
        assert "</TABLE>\n" not in written
    assert "-->" not in mermaid(sym.Variable(HOSTILE)).replace(" n0 --> n1", "")


@needs_engine
@pytest.mark.parametrize(
    "name",
    [HOSTILE, "", "a:b", "<B>", "->", "\\", '"', "node", "&amp;", "名前", "x" * 5000, "\ud800"],
)
def test_any_name_can_be_laid_out(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = plot_network(sym.tanh(sym.Variable(name)) + sym.Variable(name)).source
    picture = render.run_engine(source, "svg", timeout=60).decode()
    assert picture.count("<g id=") > 3
    assert "<B>" not in picture


# ----------------------------------------------------------------------------- size and collapsing


def test_a_chain_of_5000_is_written_without_recursion():
    net = chain(5000)
    source = plot_network(net, collapse="none").source
    assert len(edges(source)) == 5001
    assert "folded" not in source
    assert len(tree(net).splitlines()) < 210


def test_repeats_are_drawn_once():
    source = plot_network(encoder(6), collapse="repeat").source
    assert "block0…5" in source
    assert "×6" in source
    assert "block1_up" not in source
    heads = {head for _, head in edges(source)}
    assert {"block0_up", "head", "head_output (output)"} <= heads


def test_what_differs_is_no_repeat():
    h = sym.Variable("data")
    for i, width in enumerate((8, 9)):
        h = sym.FullyConnected(h, num_hidden=width, name=f"b{i}_fc")
        h = sym.Activation(h, act_type="relu", name=f"b{i}_relu")
    source = plot_network(h, collapse="repeat").source
    assert "×2" not in source
    assert '"b1_fc"' in source


def test_a_scope_is_one_box():
    drawn = scene(encoder(3).graph, collapse="scope")
    assert [box.name for box in drawn.boxes if box.kind == "scope"] == [
        "block0",
        "block1",
        "block2",
    ]


def test_alternating_names_are_no_scope():
    h = sym.Variable("data")
    for i in range(3):
        h = sym.FullyConnected(h, num_hidden=3, name=f"fc_{i}")
        h = sym.Activation(h, act_type="relu", name=f"relu_{i}")
    found = groups(h.graph, roles.kinds(h.graph))
    assert not any(found.scopes.values())


def test_mermaid_keeps_its_limits():
    written = mermaid(encoder(200))
    assert len(written) <= MOST_CHARACTERS
    assert written.count("-->") <= MOST_EDGES
    assert "t0 ×500" in mermaid(chain(500), collapse="repeat")
    assert mermaid(tangle(501), collapse="none").count("-->") <= MOST_EDGES
    x = sym.Variable("x")
    heads = [sym.FullyConnected(x, num_hidden=i + 1, name=f"fc{i}") for i in range(501)]
    with pytest.raises(TooLargeError, match=r"5\d\d edges"):
        mermaid(sym.Group(heads))


def test_mermaid_of_a_training_step():
    written = mermaid(training(mlp()))
    assert written.startswith("flowchart TD\n")
    assert written.count("-. writes .->") == 4
    assert "subgraph" in written
    assert written.count("subgraph") == len(re.findall(r"^\s*end$", written, re.MULTILINE))


# --------------------------------------------------------------------------------------- the table

SUMMARIES = json.loads((SNAPSHOTS / "summaries.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", SUMMARIES, ids=lambda case: case["name"])
def test_summary_is_mxnets_text(case, capsys):
    """The texts were recorded from MXNet 1.9.1; see scripts/mxnet/record_summaries.py."""
    shape = case["shape"] and {name: tuple(dims) for name, dims in case["shape"].items()}
    print_summary(sym.load_json(case["json"]), shape, **case["options"])
    assert capsys.readouterr().out == case["text"]


def test_exact_summary_counts_what_there_is(capsys):
    print_summary(mlp(), {"data": (64, 784)}, exact=True)
    said = capsys.readouterr().out
    assert "64x784" in said
    assert "Total params: 101,770 (407 KB)" in said


def test_summary_of_too_few_shapes():
    with pytest.raises(ValueError, match="incomplete"):
        print_summary(sym.Variable("a") + sym.Variable("b"), {})


# ----------------------------------------------------------------------------------- and besides


def test_tree_of_a_training_step():
    lines = tree(training(mlp()), shape={"data": (2, 784)}).splitlines()
    assert lines[0].startswith("softmax + signsgd_update ×4: 101,770 parameters")
    written = [line for line in lines if "writes" in line]
    assert len(written) == 4
    assert "fc1 = FullyConnected(data, fc1_weight, fc1_bias, num_hidden=128)" in "\n".join(lines)


def test_numbers_for_people():
    assert [text.count(n) for n in (0, 999, 1000, 99_949, 999_499, 999_500, 10**15)] == [
        "0",
        "999",
        "1.0K",
        "99.9K",
        "999K",
        "1.0M",
        "1000T",
    ]


def test_drawing_changes_nothing():
    net = training(mlp())
    before = pickle.dumps(net)
    plot_network(net, shape={"data": (2, 3)})
    assert pickle.dumps(net) == before


def test_viz_is_public(capsys):
    assert ms.viz is ms.visualization
    ms.viz.print_summary(sym.tanh(sym.Variable("x"), name="t"))
    assert "t(tanh)" in capsys.readouterr().out
    assert ms.viz.plot_network(mlp()).source

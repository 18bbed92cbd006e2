"""Every picture is laid out, by `dot` and by the wheel; where an engine gives up, less is drawn."""

import os
import random
import shutil
import stat
import subprocess
import sys

import graphviz
import networkx as nx
import pytest
from drawn_nets import any_options, anything, mlp, training
from hypothesis import given, settings
from hypothesis import strategies as st

import minisym as ms
from minisym import sym
from minisym.core.errors import ParamError
from minisym.show import render
from minisym.show.known import learn
from minisym.show.render import EngineError, run_engine
from minisym.show.scene import scene
from minisym.visualization import plot_network, save_picture

DOT = shutil.which("dot")


@pytest.fixture(scope="module", params=["dot", "wheel"])
def engine(request, tmp_path_factory):
    """Put one engine on the path, and no other."""
    folder = tmp_path_factory.mktemp("path")
    if request.param == "dot":
        if DOT is None:
            assert not os.environ.get("MINISYM_REQUIRE_DOT"), "no Graphviz on the path"
            pytest.skip("no Graphviz on the path")
        (folder / "dot").symlink_to(DOT)
    elif render.find_wheel() is None:
        pytest.skip("graphviz-pure is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder))
        yield request.param


def drawn(symbol, options):
    """Return what is to be in a picture."""
    return scene(
        symbol.graph,
        learn(symbol.graph, options["shape"], options["dtype"]),
        hide_weights=options["hide_weights"],
        collapse=options["collapse"],
    )


# ----------------------------------------------------------------------------------- any graph


@pytest.mark.filterwarnings("ignore:There are multiple variables with the same name")
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_nothing_is_lost(engine, seed):
    chance = random.Random(seed)
    with ms.name.NameManager():
        net = anything(chance)
    options = any_options(chance, net)
    wanted = drawn(net, options)
    hidden = options.pop("hide_weights")
    svg = run_engine(plot_network(net, hide_weights=hidden, **options).source).decode()
    assert svg.count('class="node') == len(wanted.boxes)
    assert svg.count('class="edge') == len(wanted.links)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_no_path_leaves_a_frame_and_comes_back(seed):
    chance = random.Random(seed)
    with ms.name.NameManager():
        net = anything(chance)
    picture = drawn(net, any_options(chance, net))
    down = nx.DiGraph()
    down.add_nodes_from(picture.boxes)
    mirrors = any(
        link.tail.kind == link.head.kind == "backward" and link.mirrored for link in picture.links
    )
    for link in picture.links:
        if not (mirrors and link.kind == "saved"):
            down.add_edge(*(link.head, link.tail) if link.mirrored else (link.tail, link.head))
    assert nx.is_directed_acyclic_graph(down)
    inside = {frame: set() for frame in picture.frames}
    for box in picture.boxes:
        frame = box.frame
        while frame is not None:
            inside[frame].add(box)
            frame = frame.outer
    for frame, own in inside.items():
        assert own, f"{frame.title} is empty"
        after = set().union(*(nx.descendants(down, box) for box in own)) - own
        before = set().union(*(nx.ancestors(down, box) for box in own)) - own
        assert not after & before, frame.title


def test_gradients_of_gradients_have_frames_of_their_own():
    x = sym.Variable("x")
    first = ms.grad(sym.sum(sym.tanh(x, name="t"), name="loss"), "x")
    second = ms.grad(sym.sum(first, name="again"), "x")
    frames = scene(second.graph, collapse="none").frames
    assert [frame.title for frame in frames if frame.backward].count("∂ t") > 1


# ------------------------------------------------------------------------- engines that give up


@pytest.fixture
def moody(tmp_path, monkeypatch):
    """Put a `dot` on the path that gives up where its source has some words in it."""

    def make(*words):
        program = tmp_path / "bin" / "dot"
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            f"#!{sys.executable}\n"
            "import sys\n"
            "from pathlib import Path\n"
            "files = [a for a in sys.argv[1:] if not a.startswith('-')]\n"
            "given = Path(files[-1]) if files else None\n"
            "source = given.read_text('utf-8') if given else sys.stdin.buffer.read().decode()\n"
            f"if any(word in source for word in {words!r}):\n"
            "    sys.stderr.write('Warning: no font\\nError: trouble in init_rank\\n\\tt 3\\n')\n"
            "    sys.exit(1)\n"
            "seen = [w for w in ('newrank', 'cluster:fc', 'splines') if w in source]\n"
            "made = '<svg>' + ' '.join(seen)\n"
            "if '-O' in sys.argv:\n"
            "    given.with_name(given.name + '.svg').write_text(made + '</svg>')\n"
            "else:\n"
            "    sys.stdout.write(made + '</svg>')\n",
            encoding="utf-8",
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(program.parent))

    return make


LESS = [
    (("nothing of this",), "newrank cluster:fc"),
    (("newrank",), "cluster:fc"),
    (("cluster:fc",), "newrank"),
    (("newrank", "cluster:fc"), "splines"),
]


@pytest.mark.parametrize(("words", "left"), LESS)
def test_less_is_drawn_rather_than_nothing(moody, tmp_path, words, left):
    moody(*words)
    picture = plot_network(training(mlp()), save_format="svg", theme="light")
    assert save_picture(training(mlp()), tmp_path / "net.svg").read_text().count(left) == 1
    assert picture.pipe() == f"<svg>{left}</svg>".encode()
    assert left in training(mlp())._repr_mimebundle_()["image/svg+xml"]
    path = picture.render(tmp_path / "plot")
    assert (tmp_path / "plot.svg").read_text() == f"<svg>{left}</svg>"
    assert path == str(tmp_path / "plot.svg")


def test_the_error_is_the_engines_own(moody, tmp_path):
    moody("digraph")
    with pytest.raises(
        EngineError, match=r"^dot refused: trouble in init_rank; the DOT source is in"
    ):
        save_picture(mlp(), tmp_path / "net.svg")
    with pytest.raises(subprocess.CalledProcessError, match="trouble in init_rank"):
        plot_network(mlp()).pipe("svg")
    with pytest.raises(graphviz.CalledProcessError):
        plot_network(mlp()).render(tmp_path / "plot")


def test_what_real_engines_refuse_is_quoted(engine):
    with pytest.raises(EngineError, match=r"refused: <stdin>: syntax error in line 1 near 'this'"):
        run_engine("this is no DOT")
    with pytest.raises(EngineError, match=r'refused: Format: "unheard" not recognized'):
        run_engine("digraph {}", "unheard")


def test_positions_of_graphviz_arguments_still_work(engine, tmp_path):
    made = plot_network(mlp()).render("net", tmp_path, False, True, "svg")
    assert made == str(tmp_path / "net.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["net.svg"]


# ------------------------------------------------------------------------------------ strangers


def test_shapes_may_be_given_to_what_a_gradient_does_not_read():
    net = sym.broadcast_mul(sym.Variable("x"), sym.Variable("scale"))
    second = ms.grad(ms.grad(net, "scale"), "x")  # of scale nothing is left
    shapes = {"x": (4, 3), "scale": (1, 3)}
    assert "4×3" in plot_network(second, shape=shapes, dtype=dict.fromkeys(shapes, "f4")).source
    with pytest.warns(RuntimeWarning, match="no argument 'picture' to give a shape to"):
        plot_network(net, shape={"picture": (4, 3), "scale": (1, 3)})
    with pytest.raises(ParamError, match="no argument 'scle' to give a shape to"):
        plot_network(net, shape={"scle": (1, 3)})

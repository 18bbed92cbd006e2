"""Pictures as files and in notebooks: with an engine, with another one, and without any."""

import os
import subprocess
import sys
import time
from pathlib import Path

import graphviz
import pytest
from drawn_nets import needs_engine

from minisym import sym
from minisym.runtime.observe.drawing import NoPainterError
from minisym.show import notebook, render
from minisym.show.notebook import mimebundle
from minisym.show.pdf import page_of_jpeg
from minisym.show.render import EngineError
from minisym.visualization import plot_network, save_picture


@pytest.fixture
def net():
    h = sym.FullyConnected(sym.Variable("data"), num_hidden=4, name="fc")
    return sym.SoftmaxOutput(h, name="softmax")


# --------------------------------------------------------------------------------- engines, files


@pytest.fixture
def no_engine(monkeypatch):
    monkeypatch.setattr(render, "find_engine", lambda: None)
    monkeypatch.setattr(render, "find_wheel", lambda: None)
    monkeypatch.setenv("PATH", "")


@pytest.fixture
def only_wheel(monkeypatch):
    if render.find_wheel() is None:
        pytest.skip("graphviz-pure is not installed")
    found = render.find_wheel()
    monkeypatch.setattr(render, "find_engine", lambda: found)
    monkeypatch.setattr(render, "is_wheel_needed", lambda: True)
    monkeypatch.setenv("PATH", "")


def test_without_an_engine_minisym_draws(net, no_engine, tmp_path):
    assert render.render(plot_network(net).source) is None
    bundle = mimebundle(net)
    assert set(bundle) == {"text/plain", "text/vnd.mermaid", "image/svg+xml"}
    assert "FullyConnected" in bundle["image/svg+xml"]
    assert save_picture(net, tmp_path / "net.svg").read_text("utf-8").startswith("<svg")
    assert plot_network(net).pipe("svg").startswith(b"<svg")
    assert "image/svg+xml" in plot_network(net)._repr_mimebundle_()
    made = plot_network(net).render(tmp_path / "plot", format="svg")
    assert made == str(tmp_path / "plot.svg")
    assert (tmp_path / "plot").read_text("utf-8").startswith("digraph")
    save_picture(net, tmp_path / "net.mmd")
    save_picture(net, tmp_path / "net.txt")


def test_without_an_engine_matplotlib_paints(net, no_engine, tmp_path):
    pytest.importorskip("matplotlib")
    for suffix, start in {"png": b"\x89PNG", "pdf": b"%PDF"}.items():
        made = save_picture(net, tmp_path / f"net.{suffix}").read_bytes()
        assert made.startswith(start)
        assert b"/Subtype /Image" not in made  # of lines and letters
    assert plot_network(net).pipe("png").startswith(b"\x89PNG")


def test_without_anything_an_error_says_what_to_install(net, no_engine, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(NoPainterError, match=r"pip install 'minisym\[figures\]'"):
        save_picture(net, tmp_path / "net.png")
    assert (tmp_path / "net.dot").read_text(encoding="utf-8").startswith("digraph")
    with pytest.raises(EngineError, match=r"pip install 'minisym\[viz\]'"):
        save_picture(net, tmp_path / "net.gif")
    with pytest.raises(graphviz.ExecutableNotFound) as caught:
        plot_network(net).pipe("gif")
    assert "minisym[viz]" in "".join(caught.value.__notes__)


def test_the_wheel_renders_where_there_is_no_dot(net, only_wheel, tmp_path):
    digraph = plot_network(net, save_format="svg")
    assert digraph.pipe(encoding="utf-8").rstrip().endswith("</svg>")
    assert digraph.pipe("png").startswith(b"\x89PNG")
    assert "</svg>" in digraph._repr_mimebundle_()["image/svg+xml"]
    made = digraph.render(tmp_path / "net", cleanup=True)
    assert made == str(tmp_path / "net.svg")
    assert not (tmp_path / "net").exists()
    assert Path(made).read_bytes().rstrip().endswith(b"</svg>")
    made = digraph.render(outfile=tmp_path / "other.png")
    assert Path(made).read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "other.gv").read_text(encoding="utf-8") == digraph.source
    made = plot_network(net).render("net", directory=tmp_path)
    assert Path(made).read_bytes().startswith(b"%PDF-1.4")


def test_words_of_the_wheel_fit_their_boxes_in_any_font(net, only_wheel):
    svg = plot_network(net).pipe("svg").decode()
    assert svg.count("<text") == svg.count("textLength=")
    assert 'textLength="' in plot_network(net, theme="light").pipe("svg").decode()


@needs_engine
def test_pictures_are_saved_as_their_suffix_says(net, tmp_path):
    for suffix, start in {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}.items():
        path = save_picture(net, tmp_path / f"net.{suffix}", shape={"data": (2, 3)})
        assert path.read_bytes().startswith(start)
    with pytest.raises(ValueError, match="which format"):
        save_picture(net, tmp_path / "net")
    with pytest.raises(EngineError):
        save_picture(net, tmp_path / "net.unheard")


def test_a_slow_engine_is_stopped(monkeypatch, tmp_path):
    slow = tmp_path / "dot"
    slow.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n", encoding="utf-8")
    slow.chmod(0o755)
    monkeypatch.setattr(render, "find_engine", lambda: str(slow))
    before = time.perf_counter()
    assert render.render("digraph {}", timeout=0.5) is None
    assert time.perf_counter() - before < 20
    with pytest.raises(EngineError, match=r"within 0\.5 s"):
        render.run_engine("digraph {}", timeout=0.5)


def test_an_engine_that_cannot_start_is_no_error_of_a_repr(net, monkeypatch, tmp_path):
    broken = tmp_path / "dot"
    broken.write_bytes(b"\x7fELF nonsense")
    broken.chmod(0o755)
    monkeypatch.setattr(render, "find_engine", lambda: str(broken))
    assert render.render("digraph {}") is None
    assert "text/plain" in mimebundle(net)


def test_the_wheel_is_found_beside_the_python_that_runs(tmp_path):
    if render.find_wheel() is None:
        pytest.skip("graphviz-pure is not installed")
    code = "from minisym.show.render import find_wheel; print(find_wheel() is not None)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={k: v for k, v in os.environ.items() if k != "PATH"} | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "True"


def test_a_pdf_of_a_jpeg():
    header = b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xc0\x00\x0b\x08\x00\x60\x00\xc0\x03\x01\x11\x00"
    made = page_of_jpeg(header + b"\xff\xd9", dpi=96)
    assert b"/Width 192 /Height 96" in made
    assert b"/MediaBox [0 0 144.00 72.00]" in made
    table = int(made.split(b"startxref\n")[1].split()[0])
    assert made[table:].startswith(b"xref")
    with pytest.raises(ValueError, match="no JPEG"):
        page_of_jpeg(b"GIF89a")


# ----------------------------------------------------------------------------------------- texts


def test_a_notebook_gets_text_whatever_happens(net, monkeypatch):
    assert "text/plain" in net._repr_mimebundle_()
    for name in ("plot_network", "mermaid", "tree"):
        monkeypatch.setattr(notebook, name, lambda *_, **__: 1 / 0)
    assert mimebundle(net) == {"text/plain": "<Symbol softmax>"}


def test_a_large_graph_is_shown_as_text():
    h = sym.Variable("x")
    for _ in range(notebook.MANY_NODES):
        h = sym.tanh(h)
    assert set(mimebundle(h)) == {"text/plain"}

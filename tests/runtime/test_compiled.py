"""When updates are compiled, to what, where that is kept, and what happens if it cannot be done."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import ROOT

import minisym as ms
from minisym import sym
from minisym.runtime import compiled, warmup
from minisym.runtime.compiled import is_loop

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the mode back."""
    monkeypatch.setattr(compiled, "_mode", None)
    monkeypatch.delenv(compiled.VARIABLE, raising=False)


def bound(dtype: str = "float32", size: int = 5, update: str = "sgd_update", **hyper: Any) -> Any:
    """Return an executor of an update, and its arrays."""
    names = [i.name for i in ms.op.get(update).inputs]
    arrays = {n: np.linspace(0.5, 1, size).astype(dtype) for n in names}
    symbol = getattr(sym, update)(*map(sym.Variable, names), **{"lr": 0.5, **hyper}, name="step")
    return symbol.bind(args=arrays, aux_states=arrays), arrays


def runs_loops(executor: Any) -> bool:
    return any(is_loop(call[0]) for call in executor._flat.calls)


# --------------------------------------------------------------------------------------- the mode


def test_the_mode_is_what_was_set_or_what_the_environment_says(monkeypatch: pytest.MonkeyPatch):
    assert ms.get_compile() == "auto"
    monkeypatch.setenv("MINISYM_COMPILE", "always")
    assert ms.get_compile() == "always"
    ms.set_compile("never")
    assert ms.get_compile() == "never"


def test_a_mode_that_there_is_not(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ms.ParamError, match=r"set_compile takes .auto., .always. or .never.") as e:
        ms.set_compile("alway")
    assert "always" in str(e.value.hint)
    with pytest.raises(ms.ParamError, match="but got None"):
        ms.set_compile(None)  # type: ignore[arg-type]
    monkeypatch.setenv("MINISYM_COMPILE", "yes")
    with pytest.raises(ms.ParamError, match="MINISYM_COMPILE must be"):
        bound()


@needs_numba
def test_always_is_before_the_first_run():
    ms.set_compile("always")
    executor, arrays = bound()
    executor.forward()
    assert runs_loops(executor)
    np.testing.assert_array_equal(arrays["weight"], np.linspace(0.5, 1, 5).astype("f4") * 0.5)


def test_never_is_never(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(warmup, "LONG", 0)
    ms.set_compile("never")
    executor, _ = bound()
    for _ in range(20):
        executor.forward()
    assert not runs_loops(executor)


@needs_numba
@pytest.mark.parametrize("fed", [{}, {"grad": np.zeros(5, np.float32)}])
def test_auto_is_when_updates_have_taken_long(monkeypatch: pytest.MonkeyPatch, fed: Any):
    """The clock runs in few runs, and is no part of what is called in the others."""
    executor, _ = bound()
    monkeypatch.setattr(warmup, "LONG", 1e9)
    counts = []
    for _ in range(40):
        executor.forward(**fed)
        counts.append(len(executor._flat.calls))
    assert counts.count(min(counts)) > 30
    assert not runs_loops(executor)
    monkeypatch.setattr(warmup, "LONG", 0)
    for _ in range(200):
        executor.forward(**fed)
    assert runs_loops(executor)


# -------------------------------------------------------------------------------------- the loops


def test_the_source_says_whose_work_it_does_and_with_which_numbers():
    a, _ = bound()
    text = a.source()
    assert "def sgd_update(row):" in text
    assert "# in step" in text
    assert "c2 = 0.5" in text
    b, _ = bound("float16")
    assert b.source().startswith("# no loop, but NumPy: step")


def test_where_nothing_is_updated_the_source_says_so():
    executor = sym.tanh(sym.Variable("x")).bind(args={"x": np.ones(2)})
    assert executor.source() == "# no update computes in place here\n"


def test_another_rate_is_no_other_loop():
    texts = {bound(lr=lr)[0].source().split("def ")[1] for lr in (0.1, 0.2, 1.0)}
    assert len(texts) == 1


@needs_numba
def test_equal_updates_are_one_call():
    ms.set_compile("always")
    names = [f"{kind}{i}" for i in range(9) for kind in "wg"]
    arrays = {n: np.ones(int(n[1]) + 1, np.float32) for n in names}
    pairs = zip(*[map(sym.Variable, names)] * 2, strict=True)
    step = sym.Group([sym.signsgd_update(w, g, lr=0.25 * i) for i, (w, g) in enumerate(pairs)])
    executor = step.bind(args=arrays)
    executor.forward()
    assert [is_loop(call[0]) for call in executor._flat.calls] == [True, False]
    for i in range(9):
        assert arrays[f"w{i}"].tolist() == [1 - 0.25 * i] * (i + 1)


@needs_numba
def test_a_rate_that_the_graph_computes_is_read_in_each_run():
    ms.set_compile("always")
    w, g = np.ones(3, np.float32), np.ones(3, np.float32)
    rate = np.array([0.5], np.float32)
    step = sym.sgd_update(sym.Variable("w"), sym.Variable("g"), lr=sym.Variable("rate") * 2)
    executor = step.bind(args={"w": w, "g": g, "rate": rate})
    executor.forward()
    executor.forward(rate=np.array([0.25], np.float32))
    assert runs_loops(executor)
    assert w.tolist() == [-0.5] * 3


@needs_numba
@pytest.mark.parametrize("sizes", [(0,), (0, 3)])
def test_a_weight_with_nothing_in_it_is_no_row(sizes: tuple[int, ...]):
    ms.set_compile("always")
    arrays = {f"{kind}{i}": np.ones(n, np.float32) for i, n in enumerate(sizes) for kind in "wg"}
    pairs = [(sym.Variable(f"w{i}"), sym.Variable(f"g{i}")) for i in range(len(sizes))]
    step = sym.Group([sym.sgd_update(w, g, lr=0.5) for w, g in pairs])
    with ms.util.np_shape():
        executor = step.bind(args=arrays)
        executor.forward()
    assert runs_loops(executor) == any(sizes)
    assert [arrays[f"w{i}"].tolist() for i in range(len(sizes))] == [[0.5] * n for n in sizes]


def misaligned(size: int) -> Any:
    return np.zeros(4 * size + 1, np.uint8)[1:].view(np.float32)


@pytest.mark.parametrize(
    "weight",
    [
        np.zeros(10, np.float32)[::2],
        np.zeros((5, 2), np.float32).T,
        misaligned(5),
        np.zeros(5, np.float16),
    ],
)
def test_what_no_loop_can_read_stays_numpy(weight: Any):
    """A loop would have to look at its arrays in the commit; so they are looked at before."""
    ms.set_compile("always")
    grad = np.ones(weight.shape, weight.dtype)
    executor = sym.sgd_update(sym.Variable("w"), sym.Variable("g"), lr=1.0).bind(
        args={"w": weight, "g": grad}
    )
    executor.forward()
    assert not runs_loops(executor)
    assert (weight == -1).all()


@needs_numba
def test_what_is_only_read_may_be_read_only_and_shared():
    ms.set_compile("always")
    grad = np.ones(6, np.float32)
    grad.flags.writeable = False
    weights = {n: np.zeros(6, np.float32) for n in "uvw"}
    variables = {n: sym.Variable(n) for n in (*weights, "g")}
    step = sym.Group([sym.sgd_update(variables[n], variables["g"], lr=1.0) for n in weights])
    executor = step.bind(args={**weights, "g": grad})
    executor.forward()
    assert runs_loops(executor)
    assert all((w == -1).all() for w in weights.values())


# ------------------------------------------------------------------------------------- going wrong


@needs_numba
def test_what_cannot_be_compiled_runs_in_numpy_and_is_told_once(monkeypatch: pytest.MonkeyPatch):
    def fail(source: str, name: str) -> Any:
        raise RuntimeError("no compiler today")

    monkeypatch.setattr(compiled, "_compiled", fail)
    monkeypatch.setattr(compiled, "_found", {})
    ms.set_compile("always")
    executor, arrays = bound()
    with pytest.warns(RuntimeWarning, match="sgd_update could not be compiled .* no compiler"):
        executor.forward()
    other, _ = bound()
    with warnings.catch_warnings(action="error"):
        other.forward()
    np.testing.assert_array_equal(arrays["weight"], np.linspace(0.5, 1, 5).astype("f4") * 0.5)


def test_without_numba_all_is_numpy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr(compiled, "_found", {})
    ms.set_compile("always")
    executor, arrays = bound()
    executor.forward()
    assert not runs_loops(executor)
    assert "def sgd_update(row):" in executor.source()
    np.testing.assert_array_equal(arrays["weight"], np.linspace(0.5, 1, 5).astype("f4") * 0.5)


def test_minisym_does_not_import_numba_before_it_is_needed():
    code = "import sys, minisym; print('numba' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert found.stdout.split() == ["False"]


# ---------------------------------------------------------------------------------------- on disk


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be where nothing has been compiled yet."""
    if sys.platform in ("win32", "darwin"):
        pytest.skip("the folder is another one there")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compiled, "_found", {})
    return tmp_path / "minisym" / "loops"


@needs_numba
def test_loops_are_kept_as_files_beside_what_numba_made_of_them(home: Path):
    ms.set_compile("always")
    executor, _ = bound()
    executor.forward()
    (file,) = home.glob("*.py")
    assert file.name.startswith("sgd_update_")
    assert file.read_text(encoding="utf-8") in executor.source()
    assert home.stat().st_mode & 0o077 == 0
    assert list(home.glob("__pycache__/*.nbc"))


@needs_numba
def test_a_file_that_somebody_has_changed_is_not_used(home: Path):
    ms.set_compile("always")
    bound()[0].forward()
    (file,) = home.glob("*.py")
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("v1 - v2", "v1 + v2"), encoding="utf-8")
    compiled._found.clear()
    executor, arrays = bound()
    executor.forward()
    assert file.read_text(encoding="utf-8") == text
    np.testing.assert_array_equal(arrays["weight"], np.linspace(0.5, 1, 5).astype("f4") * 0.5)


@needs_numba
@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("content", [b"", b"no pickle"])
def test_what_is_kept_may_be_broken(home: Path, ending: str, content: bytes):
    ms.set_compile("always")
    bound()[0].forward()
    for file in home.glob(f"__pycache__/*.{ending}"):
        file.write_bytes(content)
    compiled._found.clear()
    executor, arrays = bound()
    executor.forward()
    assert runs_loops(executor)
    np.testing.assert_array_equal(arrays["weight"], np.linspace(0.5, 1, 5).astype("f4") * 0.5)


@needs_numba
@pytest.mark.parametrize("wrong", ["others may write", "a link", "a file in its way"])
def test_a_folder_that_is_not_one_s_own_is_not_used(home: Path, wrong: str, tmp_path: Path):
    """Whoever could write there could let this process run anything."""
    home.parent.mkdir()
    if wrong == "others may write":
        home.mkdir()
        home.chmod(0o777)
    elif wrong == "a link":
        (tmp_path / "elsewhere").mkdir()
        home.symlink_to(tmp_path / "elsewhere")
    else:
        home.write_text("")
    ms.set_compile("always")
    executor, _ = bound()
    executor.forward()
    assert runs_loops(executor)
    assert not list(tmp_path.rglob("*.py"))
    assert not list(tmp_path.rglob("*.nb?"))


@needs_numba
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_nothing_is_kept_where_nothing_can_be_written(home: Path, tmp_path: Path):
    tmp_path.chmod(0o500)
    ms.set_compile("always")
    executor, _ = bound()
    executor.forward()
    assert runs_loops(executor)
    tmp_path.chmod(0o700)
    assert not home.exists()

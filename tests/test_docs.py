"""The Markdown pages outside docs/: their Python runs, and does what they say.

(The pages in docs/ run when the documentation is built.)
"""

from __future__ import annotations

import linecache
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import ROOT

import minisym as ms


def blocks(page: str) -> str:
    """Return all Python of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE))


def test_readme_trains():
    names: dict[str, Any] = {"__name__": "readme"}
    before: dict[str, Any] = {}

    def trace(line: str) -> None:
        """Run the page up to a line, and keep the weights."""
        code, rest = source.split(line)
        exec(compile(code, "README.md", "exec"), names)
        before.update({n: a.copy() for n, a in names["arrays"].items()})
        exec(compile(line + rest, "README.md", "exec"), names)

    source = blocks("README.md")
    trace("step.bind(args=arrays).forward()")
    for name, array in names["arrays"].items():
        moved = np.abs(array - before[name])
        if name in names["names"]:
            assert moved.max() > 0
            assert moved.max() <= 0.001 * (1 + 1e-3)
        else:
            assert not moved.any()


def test_readme_shows_the_picture_of_its_program():
    """It is what minisym draws without an engine, so that words fit their boxes in any font."""
    names: dict[str, Any] = {}
    exec(compile(blocks("README.md"), "README.md", "exec"), names)
    picture = ms.viz.plot_network(names["step"], title="a training step", shape={"data": (64, 784)})
    drawn = (ROOT / "docs" / "_static" / "training-step.svg").read_text(encoding="utf-8")
    said = re.findall(r'tooltip="(.*?)(?:&#10;|")', picture.source)
    assert len(said) > 15
    assert [words for words in said if words not in drawn] == []


def test_readme_shows_the_error_as_it_is():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"^```text\n(ShapeError: .*?)\n```", text, re.DOTALL | re.MULTILINE)
    assert shown
    source, names = blocks("README.md"), {"__name__": "model"}
    linecache.cache["model.py"] = (len(source), None, source.splitlines(keepends=True), "model.py")
    exec(compile(source, "model.py", "exec"), names)
    with pytest.raises(ms.ShapeError) as caught:
        names["loss"].infer_shape(data=(64, 784), fc2_weight=(10, 31))
    names_of_activations = re.compile(r"activation\d+")  # a number for each process
    message = names_of_activations.sub("activation0", str(caught.value))
    assert shown[1] == f"ShapeError: {message}"


CELLS = """
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.run_cell("from minisym import sym", store_history=True)
shell.run_cell("c = sym.Variable('a') + sym.Variable('b')", store_history=True)
shell.run_cell("try: c.infer_shape(a=(2,), b=(3,))\\nexcept ValueError as e: print(e)")
"""


def test_an_error_names_the_cell_of_a_notebook(tmp_path: Path):
    pytest.importorskip("IPython", reason="cells are run by IPython")
    environment = os.environ | {"IPYTHONDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", CELLS], capture_output=True, text=True, check=False, env=environment
    )
    assert "  composed at In[2]:1\n    c = sym.Variable('a')" in done.stdout, done.stderr


CHECK_OUTER = """
import re
import minisym as ms
from minisym import sym

y = sym.outer(sym.Variable("a"), sym.Variable("b"), scale=3.0)
assert y.infer_shape_partial(a=(2,), b=(0,))[1] == [(2, 0)]
total = y + sym.Variable("c")
assert total.infer_shape(c=(2, 3)) == ([(2,), (3,), (2, 3)], [(2, 3)], [])
a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0])
assert (y.eval(a=a, b=b)[0] == 3 * np.outer(a, b)).all()
ms.testing.check_numeric_gradient(y, [a, b])
ms.testing.check_numeric_gradient(ms.grad(sym.square(y), "a"), [a, b])
good, bad = outer.samples
assert good.reference(a, b).shape == (2, 3)
try:
    sym.outer(sym.Variable("a"), sym.Variable("b")).infer_shape(a=(2, 2), b=(3,))
except bad.raises as error:
    assert re.search(bad.match, str(error)), error
else:
    raise AssertionError("no error")
x = np.array([0.5, 3.0])
assert np.allclose(sym.exp2(sym.Variable("x")).eval(x=x)[0], 2**x)
ms.testing.check_numeric_gradient(sym.exp2(sym.Variable("x")), [x])
"""


def test_contributing_declares_ops(tmp_path: Path):
    # in a process of its own: an op, once registered, stays
    script = tmp_path / "contributing.py"
    script.write_text(blocks("CONTRIBUTING.md") + CHECK_OUTER, encoding="utf-8")
    command = [sys.executable, "-W", "error", "-m", "doctest", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

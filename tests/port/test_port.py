"""MXNet's names that are not there, imports under its other names, `python -m minisym.port`."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from places import FIXTURES

import minisym as ms
from minisym.port.names import ABSENT

PUBLIC = json.loads((FIXTURES / "mxnet_names.json").read_text(encoding="utf-8"))
"""The public names of MXNet 1.9.1 and of its modules, by scripts/mxnet/record_names.py."""


@pytest.mark.parametrize("name", PUBLIC["mxnet"])
def test_every_public_name_is_there_or_explained(name: str):
    if name in ABSENT:
        with pytest.raises(AttributeError) as caught:
            getattr(ms, name)
        assert ABSENT[name] in str(caught.value)
        assert "did you mean" not in str(caught.value)
        with pytest.raises(ImportError) as refused:
            importlib.import_module(f"minisym.{name}")
        assert ABSENT[name] in str(refused.value)
    elif name != "ndarray":
        assert hasattr(ms, name)


def test_no_name_that_is_there_is_called_absent():
    for name in ABSENT:
        module, _, last = name.rpartition(".")
        found = ms if not module else getattr(ms, module)
        assert not hasattr(found, last), name


def test_from_imports_are_explained():
    with pytest.raises(ImportError, match=r"compose networks of ms\.sym"):
        from minisym import gluon  # noqa: F401
    with pytest.raises(ImportError, match="packed pictures are read by"):
        from minisym.io import ImageRecordUInt8Iter  # noqa: F401


def test_did_you_mean_what_is_near():
    with pytest.raises(AttributeError, match="did you mean 'Symbol'"):
        _ = ms.Symbl  # type: ignore[attr-defined]
    with pytest.raises(AttributeError) as caught:
        _ = ms.maximum  # type: ignore[attr-defined]
    assert "did you mean" not in str(caught.value)


def test_a_module_has_one_object_under_all_its_names(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "mxnet", ms)
    before = dict(sys.modules)
    try:
        for name in ("minisym.initializer", "mxnet.init", "mxnet.initializer"):
            assert importlib.import_module(name) is ms.init
        base = importlib.import_module("mxnet.module.base_module")
        assert base.BaseModule is ms.mod.BaseModule
        assert importlib.import_module("mxnet.symbol") is ms.sym
        assert importlib.import_module("mxnet.contrib.ndarray") is ms.nd.contrib
        with pytest.raises(ModuleNotFoundError, match="encode_sentences"):
            importlib.import_module("mxnet.contrib.text")
        assert ms.init.__spec__.name == "minisym.init"
        with pytest.raises(ModuleNotFoundError, match=r"ms\.grad"):
            importlib.import_module("mxnet.autograd")
    finally:
        for name in sys.modules.keys() - before.keys():
            if name.startswith("mxnet"):
                del sys.modules[name]


SCRIPT = """
import mxnet as mx
from mxnet import gluon, nd as F
from mxnet.gluon import nn
data = mx.sym.Variable("data")
batches = mx.io.ImageDetRecordIter(path_imgrec="train.rec")
module = mx.mod.Module.load("net", 1)
with mx.autograd.record():
    pass
mx.autograd.backward([])
x = F.ones((2, 3)).asnumpy().sum()
y = mx.sym.Convolutional(data)
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "minisym.port", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_lists_what_a_script_lacks(tmp_path: Path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT, encoding="utf-8")
    done = run(str(path))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"{path}:3, 4: mx.gluon: {ABSENT['gluon']}",
        f"{path}:6: mx.io.ImageDetRecordIter: {ABSENT['io.ImageDetRecordIter']}",
        f"{path}:8, 10: mx.autograd: {ABSENT['autograd']}",
        f"{path}:12: mx.sym.Convolutional: not there",
    ]
    path.write_text("import mxnet as mx\nmx.nd.ones(3)\n", encoding="utf-8")
    done = run(str(path))
    assert (done.returncode, done.stdout) == (0, "every name is there\n")
    path.write_text("print 'old'\n", encoding="utf-8")
    assert "no Python 3" in run(str(path)).stdout
    assert run().returncode == 2

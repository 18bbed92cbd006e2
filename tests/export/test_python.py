"""Source of symbols: run, it composes the symbol again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import nets
import pytest
import random_graphs
from minisym.errors import ComposeError, ExportError

import minisym as ms
from minisym import sym

FOLDER = Path(os.environ.get("MINISYM_MODELS") or "no folder")


def again(symbol: ms.Symbol) -> ms.Symbol:
    """Run the source of a symbol."""
    names: dict[str, Any] = {}
    exec(ms.export.python(symbol), names)
    return names["net"]()


def is_same(symbol: ms.Symbol) -> bool:
    made = again(symbol)
    return (
        not ms.diff(symbol, made)
        and made.list_inputs() == symbol.list_inputs()
        and made.list_outputs() == symbol.list_outputs()
        and attributes(made) == attributes(symbol)
    )


def attributes(symbol: ms.Symbol) -> dict[str, dict[str, str]]:
    """Return all that is no parameter: those may be spelled in another way, and mean the same."""
    return {
        name: {key: value for key, value in found.items() if key.startswith("__")}
        for name, found in symbol.attr_dict().items()
    }


@pytest.mark.parametrize("name", nets.NETS)
def test_nets(name: str) -> None:
    symbol, *_ = nets.NETS[name](ms)
    assert is_same(symbol)


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs(seed: int) -> None:
    assert is_same(random_graphs.make(ms, seed).symbol)


@pytest.mark.parametrize("optimizer", ["signsgd", "adam", "lion", "cautiouslion", "muon"])
def test_training_steps(optimizer: str) -> None:
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=2, name="fc")
    net = sym.Activation(net, act_type="tanh", name="act")
    net = sym.LinearRegressionOutput(net, name="loss")
    step = ms.optimizer.create(optimizer, wd=0.1, clip_gradient=2.0).minimize(net)
    assert is_same(step)


def models() -> list[Path]:
    manifest = FOLDER / "manifest.json"
    if not manifest.is_file():
        return []
    entries = json.loads(manifest.read_text(encoding="utf-8"))["models"]
    return [FOLDER / entry["id"] / entry["symbol"] for entry in entries]


@pytest.mark.parametrize("path", models(), ids=lambda path: path.stem)
def test_published_files(path: Path) -> None:
    symbol = sym.load(path)
    if all(node.op is None or node.op.is_known for node in symbol.graph):
        assert is_same(symbol)
    else:
        with pytest.raises(ExportError, match="minisym does not know the op"):
            ms.export.python(symbol)


def test_it_reads_as_one_would_write_it() -> None:
    data = sym.Variable("data", shape=(0, 3), lr_mult=2.0)
    with ms.AttrScope(ctx_group="first"):
        net = sym.FullyConnected(data, num_hidden=4, no_bias=True, name="fc-1")
    parts = sym.SliceChannel(net, num_outputs=2, name="for")
    step = sym.signsgd_update(
        sym.Variable("w"), parts[1], lr=sym.Variable("rate"), wd=0.5, name="step"
    )
    source = ms.export.python(sym.Group([parts[0], step]), "small")
    assert source == (
        "import minisym as ms\n"
        "from minisym import sym\n\n\n"
        "def small() -> ms.Symbol:\n"
        '    data = sym.Variable("data", attr={"__shape__": "(0, 3)", "__lr_mult__": "2.0"})\n'
        "    fc_1 = sym.FullyConnected(\n"
        "        data,\n"
        "        num_hidden=4,\n"
        "        no_bias=True,\n"
        '        name="fc-1",\n'
        '        attr={"__ctx_group__": "first"},\n'
        "    )\n"
        '    for_2 = sym.SliceChannel(fc_1, num_outputs=2, name="for")\n'
        '    w = sym.Variable("w")\n'
        '    rate = sym.Variable("rate")\n'
        '    step = sym.signsgd_update(w, for_2[1], wd=0.5, lr=rate, name="step")\n'
        "    return ms.Group([for_2[0], step])\n"
    )


def test_hostile_names_stay_text() -> None:
    name = 'x"); import os; os.abort(); ("'
    net = sym.Variable(name, attr={"__note__": "'\"\\\n{}"}) + 1
    assert is_same(net)


def test_what_cannot_be_written_is_refused() -> None:
    outs, _ = sym.contrib.foreach(lambda x, s: (x + s, x + s), sym.Variable("x"), sym.Variable("s"))
    with pytest.raises(ExportError, match="cannot be written as Python: it holds graphs"):
        ms.export.python(outs)
    with pytest.raises(ComposeError, match="'for' is no name of a function"):
        ms.export.python(sym.Variable("x"), "for")
    with pytest.raises(ComposeError, match="python takes a Symbol, but got int"):
        ms.export.python(3)

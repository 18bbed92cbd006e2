"""Graphs and arrays in files: an unrolled LSTM of some 6,000 nodes, and 150 arrays of 256 kB."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from cases import lstm

TITLE = "Files"
UNIT = "ms"


def rows(quick):
    """Return {name: net}; the name says what is done with it."""
    net = lstm.rows(quick)["LSTM, 6,000 nodes"]
    verbs = ("compose", "tojson", "load_json", "save", "load", "nd.save", "nd.load")
    return {verb: (verb, net) for verb in verbs}


def work(mx, row, fresh):
    verb, net = row
    symbol = lstm.symbol(mx.sym, net)
    text = symbol.tojson()
    folder = tempfile.TemporaryDirectory()
    path, params = (str(Path(folder.name) / name) for name in ("net.json", "net.params"))
    arrays = {f"arg:w{i}": mx.nd.array(np.ones((256, 256), "f4")) for i in range(150)}
    symbol.save(path)
    mx.nd.save(params, arrays)

    def read():
        for array in mx.nd.load(params).values():
            array.wait_to_read()
        return folder  # is removed when this function is

    calls = {
        "compose": lambda: lstm.symbol(mx.sym, net),
        "tojson": lambda: fresh(symbol).tojson(),
        "load_json": lambda: mx.sym.load_json(text),
        "save": lambda: fresh(symbol).save(path) or folder,
        "load": lambda: (mx.sym.load(path), folder),
        "nd.save": lambda: mx.nd.save(params, arrays) or folder,
        "nd.load": read,
    }
    return calls[verb], lambda: 0


def in_minisym(row, way):
    if way.name or way.threads > 1:
        return None
    import minisym as ms

    # without what an earlier call has remembered of the symbol
    return work(ms, row, lambda symbol: ms.Symbol(symbol.entries))


def in_mxnet(row, way):
    if "oneDNN" in way.name or way.threads > 1:
        return None
    import mxnet as mx

    return work(mx, row, lambda symbol: symbol)

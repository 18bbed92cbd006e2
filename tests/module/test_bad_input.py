"""What a Module does not take is told by minisym, not by Python or NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minisym as ms
from minisym import sym

X, Y = np.ones((4, 5), np.float32), np.ones(4, np.float32)
Batch = ms.io.DataBatch
PAIRS = "shapes must be a list of pairs of name and shape, but got "


def module(*, bound: bool = True) -> Any:
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc1")
    made = ms.mod.Module(sym.SoftmaxOutput(net, name="softmax"))
    if bound:
        made.bind([("data", (4, 5))], [("softmax_label", (4,))])
        made.init_params()
    return made


def fit(**options: Any) -> Any:
    return module(bound=False).fit(ms.io.NDArrayIter(X, Y, 4), **{"num_epoch": 1} | options)


BAD: dict[str, tuple[Any, str]] = {
    "shapes as a word": (lambda: module(bound=False).bind("data"), PAIRS + "'data'"),
    "names alone": (lambda: module(bound=False).bind(["data"]), PAIRS + "['data']"),
    "one pair": (
        lambda: module(bound=False).bind(("data", (4, 5))),
        PAIRS + "('data', (4, 5))",
    ),
    "a name without a shape": (
        lambda: module(bound=False).bind([("data",)]),
        "the shape of data must be a tuple, but none was given",
    ),
    "a list of parameters": (
        lambda: module().set_params([1], {}),
        "set_params: arg_params must be a dict of arrays, but got list",
    ),
    "a list of states": (
        lambda: module().set_params({}, [1], allow_missing=True),
        "set_params: aux_params must be a dict of arrays, but got list",
    ),
    "a list to begin with": (
        lambda: module().init_params(arg_params=[1], force_init=True),
        "init_params: arg_params must be a dict of arrays, but got list",
    ),
    "a batch of None": (
        lambda: module().forward(Batch([None])),
        "Module.forward: data must be an array, but got None",
    ),
    "a batch of lists": (
        lambda: module().forward(Batch([[1, 2]])),
        "Module.forward: data must be an array, but got [1, 2]",
    ),
    "a list of arrays": (
        lambda: module().forward([X]),
        "Module.forward takes a batch, but got list",
    ),
    "a metric by its name": (
        lambda: module().update_metric("acc", [Y]),
        "update_metric takes a metric, but got 'acc'",
    ),
    "epochs in words": (
        lambda: fit(num_epoch="2"),
        "fit: num_epoch must be an integer of at least 0, but got '2'",
    ),
    "a callback that is none": (
        lambda: fit(batch_end_callback=[3]),
        "a callback must be a function, but got 3",
    ),
    "an epoch in words": (
        lambda: module().save_checkpoint("p", "a"),
        "save_checkpoint: epoch must be an integer of at least 0, but got 'a'",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_refused(what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make, sentence = BAD[what]
    with pytest.raises(ms.MinisymError) as caught:
        make()
    assert caught.value.sentence == sentence
    assert list(tmp_path.iterdir()) == []

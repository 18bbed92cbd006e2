"""Checkpoints of several processes, from which others go on: fewer, more, or one."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fitted_together as fitted
import numpy as np
import pytest
import resumed_training as resumed
from launched import launch
from minisym.errors import FormatError
from places import TESTS

import minisym as ms
from minisym.formats import mxnet_params

Array = np.ndarray[Any, Any]
SCRIPT = TESTS / "resumed_training.py"


def run(folder: Path, name: str, what: str, file: Path, processes: int) -> list[dict[str, Array]]:
    """Return what each process told."""
    folder.mkdir()
    launch(SCRIPT, folder, name, what, file, processes=processes)
    told = []
    for rank in range(processes):
        with np.load(folder / f"{rank}.npz") as arrays:
            told.append(dict(arrays))
    return told


@pytest.mark.parametrize(("name", "before", "after"), [("efsignsgd", 3, 2), ("signum", 2, 4)])
def test_another_number_of_processes_goes_on(
    name: str, before: int, after: int, tmp_path: Path
) -> None:
    file = tmp_path / "training.params"
    old = run(tmp_path / "old", name, "save", file, before)
    new = run(tmp_path / "new", name, "restore", file, after)
    own = [*map(str, old[0]["own"])]
    assert {"bn_moving_mean", "bn_moving_var"} < {*own}
    differ = {*own, "own", "data", "softmax_label", "lr", "after", "drawn", "num_update"}
    for key in old[0].keys() - differ:
        for one in (*old, *new):
            np.testing.assert_array_equal(one[key], old[0][key])
    for key in own:
        assert len({one[key].tobytes() for one in old}) == before  # each had its own
        mean = sum(one[key].astype("f8") for one in old) / before
        for one in new:
            np.testing.assert_allclose(one[key], mean, rtol=1e-6, atol=1e-7)
    assert len({one["after"].tobytes() for one in new}) == 1
    assert [int(one["num_update"]) for one in new] == [5] * after
    assert len({float(one["drawn"]) for one in new}) == after
    alone = bound(name)
    optimizer = ms.optimizer.create(name)
    ms.train.restore(file, alone, optimizer)
    assert optimizer.num_update == 4
    np.testing.assert_array_equal(alone.arg_dict["fc1_weight"], old[0]["fc1_weight"])


def bound(name: str) -> ms.Executor:
    """Bind the training step for one process."""
    step = ms.optimizer.create(name).minimize(resumed.loss())
    return ms.parallel.data_parallel(step).simple_bind(data=(8, 5))


def test_a_checkpoint_of_one_process_leaves_out_what_is_fed(tmp_path: Path) -> None:
    file = tmp_path / "training.params"
    ms.train.save(file, bound("signum"), ms.optimizer.Signum())
    assert not {"arg:data", "arg:softmax_label"} & {*mxnet_params.load(file)}


def test_what_is_kept_for_oneself_is_known_by_name() -> None:
    found = {name: bound(name).own for name in ("signum", "efsignsgd", "adam")}
    averages = ["bn_moving_mean", "bn_moving_var"]
    assert found["adam"] == averages
    parameters = ["fc1_weight", "bn_gamma", "bn_beta", "fc2_weight", "fc2_bias"]
    assert {*found["signum"]} == {*averages, *(f"{p}_mom" for p in parameters)}
    assert {*found["efsignsgd"]} == {*averages, *(f"{p}_error" for p in parameters)}


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    other = tmp_path / "other.params"
    ms.train.save(other, bound("adam"), ms.optimizer.Adam())
    executor = bound("signum")
    executor.arg_dict["fc1_weight"][:] = 1
    with pytest.raises(
        FormatError, match=r"other\.params is a checkpoint of another training step"
    ):
        ms.train.restore(other, executor, ms.optimizer.Signum())
    cut = tmp_path / "cut.params"
    cut.write_bytes(other.read_bytes()[:-40])
    with pytest.raises(FormatError, match=r"cut\.params, "):
        ms.train.restore(cut, executor, ms.optimizer.Signum())
    assert np.all(executor.arg_dict["fc1_weight"] == 1)


def test_processes_fit_alike_and_one_goes_on(tmp_path: Path) -> None:
    """Means of metrics decide when all stop; the bar is the first one's, and so is the file."""
    done = launch(TESTS / "fitted_together.py", tmp_path, 3, processes=2)
    one, other = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    assert one == other
    assert one["exchanges"] == ["exchange_majority_vote"]
    assert [{*row} for row in one["history"]] == [{"accuracy", "val_accuracy"}] * 3
    assert one["history"][-1]["val_accuracy"] > 0.8
    # of 240 rows each reads a half, in batches of 20, three times; one of them shows the bar
    assert done.stderr.count("18/18") == (1 if find_spec("rich") else 0)
    alone = fitted.fit(tmp_path, 5, None)
    assert len(alone.history) == 5
    assert alone.history[:3] == one["history"]

"""Exchanges as nodes: the rewrite, one process, and a few."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from minisym.errors import ArrayTypeError, ComposeError
from places import ROOT

import minisym as ms
from minisym import sym
from minisym.ops.numeric import ballots

Array = np.ndarray[Any, Any]


def loss() -> ms.Symbol:
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=4, name="fc1")
    net = sym.BatchNorm(net, name="bn")
    net = sym.FullyConnected(sym.Activation(net, act_type="tanh"), num_hidden=3, name="fc2")
    return sym.SoftmaxOutput(net, name="softmax")


OPTIMIZERS = ["sgd", "adam", "signsgd", "signum", "lion", "efsignsgd", "cautiouslion", "muon"]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_one_process_makes_the_step_itself(name: str, rng: np.random.Generator) -> None:
    step = ms.optimizer.create(name, learning_rate=0.05, wd=0.01).minimize(loss())
    found = []
    for one in (step, ms.parallel.data_parallel(step)):
        optimizer = ms.optimizer.create(name, learning_rate=0.05, wd=0.01)
        executor = one.simple_bind(data=(6, 5))
        values = np.random.default_rng(3)
        for key in ("fc1_weight", "fc2_weight", "bn_gamma"):
            executor.arg_dict[key][:] = values.normal(size=executor.arg_dict[key].shape)
        for _ in range(4):
            data, labels = values.normal(size=(6, 5)), values.integers(0, 3, 6)
            optimizer.step(executor, data=data, softmax_label=labels)
        found.append(np.array(executor.arg_dict["fc1_weight"]))
    np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_it_is_a_graph_like_any_other(name: str) -> None:
    step = ms.optimizer.create(name).minimize(loss())
    together = ms.parallel.data_parallel(step)
    assert together.list_outputs()[: len(step.list_outputs())] == step.list_outputs()
    assert {*together.list_arguments()} == {*step.list_arguments()}
    assert not ms.diff(together, sym.load_json(together.tojson()))
    assert "exchange_" in ms.viz.plot_network(together, collapse="none").source
    assert ms.summary(together, data=(6, 5)).bits_sent > 0


def test_votes_are_one_message_and_means_come_in_buckets() -> None:
    def exchanges(name: str) -> list[str]:
        step = ms.parallel.data_parallel(ms.optimizer.create(name).minimize(loss()))
        return [n.op.name for n in step.graph if n.op and n.op.name.startswith("_exchange")]

    assert exchanges("signum") == ["_exchange_votes"]
    assert exchanges("efsignsgd") == exchanges("adam") == ["_exchange_means"]


@pytest.mark.parametrize("options", [{"accumulate": 2}, {"loss_scale": 8.0}])
def test_updates_that_may_not_land_take_means(options: dict[str, Any]) -> None:
    """What a worker keeps for itself would change, whether they land or not."""
    step = ms.optimizer.Signum().minimize(loss(), **options)
    names = [n.name for n in ms.parallel.data_parallel(step).graph]
    assert "exchange_mean0" in names
    with pytest.raises(ComposeError, match="made of signsgd_update or signum_update, but"):
        ms.parallel.data_parallel(step, "majority_vote")


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ComposeError, match="updates nothing"):
        ms.parallel.data_parallel(loss())
    with pytest.raises(ComposeError, match="made of lion_update, but 'fc1_weight_update' is adam"):
        ms.parallel.data_parallel(ms.optimizer.Adam().minimize(loss()), "lion_vote")
    step = ms.parallel.data_parallel(ms.optimizer.SGD().minimize(loss()))
    with pytest.raises(ArrayTypeError, match="comm must be a communicator of mpi4py, but got int"):
        step.simple_bind(data=(6, 5), comm=3)


def test_an_input_named_comm_is_the_users_own() -> None:
    net = sym.Variable("comm") * 2
    assert net.simple_bind(comm=(2, 3)).outputs[0].shape == (2, 3)


# ------------------------------------------------------------------------------------- ballots


@pytest.mark.parametrize("voters", range(1, 9))
@pytest.mark.parametrize("abstain", [False, True])
def test_votes_are_counted_as_numpy_counts(
    voters: int, abstain: bool, rng: np.random.Generator
) -> None:
    shapes = [(3, 5), (64,), (1,), (130,)]
    choices = [-1.0, 0.0, 1.0, np.nan] if abstain else [-1.0, 1.0]
    ballot = [[rng.choice(choices, shape) for shape in shapes] for _ in range(voters)]
    size = -(-sum((np.prod(s) + 7) // 8 for s in shapes) // 8) * 8
    ups, downs = np.zeros((2, voters, size), np.uint8)
    whole = [ballots.pack(b, u, d) for b, u, d in zip(ballot, ups, downs, strict=True)]
    assert all(whole) != abstain
    told = ballots.majority(ups.view(np.uint64), downs.view(np.uint64) if abstain else None)
    more, fewer = (one.view(np.uint8) for one in told)
    outs = [np.empty(shape, np.float32) for shape in shapes]
    ballots.unpack(more, fewer, outs)
    for i, out in enumerate(outs):
        votes = sum((b[i] > 0).astype(int) - (b[i] < 0) for b in ballot)
        np.testing.assert_array_equal(out, np.sign(votes))


# ------------------------------------------------------------------------------ a few processes

SCRIPT = """
import numpy as np
from mpi4py import MPI
import minisym as ms
comm = MPI.COMM_WORLD
peers = ms.parallel.Peers(comm, timeout=30)
rng = np.random.default_rng(comm.rank)
for trial in range(6):
    dtype = "f4" if trial % 2 else "f8"
    shapes = [(3, 5), (17,), (), (200,)]
    choices = [-1.0, 1.0] if trial < 3 else [-2.0, 0.0, 3.0, np.nan]
    mine = [rng.choice(choices, shape).astype(dtype) for shape in shapes]
    outs = [np.empty_like(m) for m in mine]
    peers.vote(mine, outs)
    for i, told in enumerate(zip(*comm.allgather(mine))):
        votes = sum((one > 0).astype(int) - (one < 0) for one in told)
        np.testing.assert_array_equal(outs[i], np.sign(votes))
    mine = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    peers.mean(mine, outs)
    gathered = comm.allgather(mine)
    for i, told in enumerate(zip(*gathered)):
        total = told[0].copy()
        for one in told[1:]:
            total = total + one
        np.testing.assert_array_equal(outs[i], total / np.dtype(dtype).type(comm.size))
    same = comm.allgather([out.tobytes() for out in outs])
    assert all(one == same[0] for one in same)
print("fine", flush=True)
"""


@pytest.mark.parametrize("processes", [2, 4, 7])
def test_processes_agree_as_numpy_would(processes: int, tmp_path: Path) -> None:
    printed = run_processes(SCRIPT, processes, tmp_path)
    assert printed.count("fine") == processes


def run_processes(text: str, number: int, folder: Path) -> str:
    """Run a script in several processes; return what they printed."""
    pytest.importorskip("mpi4py", reason="mpi4py is not installed")
    mpiexec = Path(sys.executable).with_name("mpiexec")
    if not mpiexec.exists():
        pytest.skip("there is no mpiexec")
    script = folder / "script.py"
    script.write_text(text, encoding="utf-8")
    command = [
        str(mpiexec), "--with-ft", "ulfm", "--allow-run-as-root", "--oversubscribe",
        "-n", str(number), sys.executable, str(script),
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

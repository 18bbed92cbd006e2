"""Train, be killed at random moments, resume: run by test_training.py as a program.

Usage: python killed_training.py FOLDER KILLS

Each life is a process of its own (a fork, so that it costs no import), which SIGKILL ends. Prints
as JSON how often it was killed, how far the training had come each time, and whether a half-written
file was left behind.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from places import FIXTURES

import minisym as ms
from minisym import sym

HERE = Path(__file__).resolve().parent
EPOCHS, EVERY = 250, 3


def network() -> ms.Symbol:
    """Compose an MLP whose dropout draws random numbers in each run."""
    x = sym.FullyConnected(sym.Variable("data"), num_hidden=64, name="fc1")
    x = sym.BatchNorm(x, fix_gamma=False, name="bn")
    x = sym.Dropout(sym.Activation(x, act_type="relu"), p=0.25)
    return sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=10, name="fc2"), name="softmax")


def train(path: Path, every: int) -> ms.train.Trained:
    """Train to the end, from the checkpoint on if there is one."""
    ms.random.seed(1)
    with np.load(FIXTURES / "digits.npz", allow_pickle=False) as found:
        images, labels = found["images"] / np.float32(16), found["labels"].astype(np.float32)
    data = ms.io.NDArrayIter(images, labels, batch_size=32, shuffle=True, seed=5)
    schedule = ms.lr_scheduler.CosineScheduler(max_update=2000, base_lr=0.01, warmup_steps=50)
    return ms.train.fit(
        network(),
        data,
        num_epoch=EPOCHS,
        optimizer="adam",
        optimizer_params={"lr_scheduler": schedule, "wd": 1e-4},
        minimize={"accumulate": 2, "clip_global_norm": 5.0, "loss_scale": "dynamic"},
        eval_metric=["acc", "ce"],
        checkpoint=path,
        checkpoint_every=every,
        progress=False,
    )


def wait(child: int, seconds: float) -> None:
    """Wait until a child has worked for so long, however busy the machine is."""
    ends = time.monotonic() + 20 * seconds
    ticks = os.sysconf("SC_CLK_TCK")
    time.sleep(seconds)
    status = Path(f"/proc/{child}/stat")
    while status.exists() and time.monotonic() < ends:
        fields = status.read_text(encoding="ascii").rpartition(")")[2].split()
        if fields[0] == "Z" or (int(fields[11]) + int(fields[12])) / ticks > seconds:
            return
        time.sleep(0.003)


def live(path: Path, seconds: float | None, every: int = EVERY) -> bool:
    """Train in a child, which is killed after a while; return whether it came to that."""
    child = os.fork()
    if child == 0:
        try:
            train(path, every)
        except BaseException as error:  # noqa: BLE001  nothing may run on in the parent's code
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    if seconds is not None:
        wait(child, seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    if os.waitstatus_to_exitcode(status):
        sys.exit("a life failed")
    return False


def progress(path: Path) -> dict[str, Any]:
    """Return where the checkpoint stands: reading it shows that it is whole."""
    if not path.exists():
        return {"num_update": 0}
    found = ms.nd.load(str(path))
    return json.loads(found["train:position"].tobytes())


def main(folder: Path, kills: int) -> None:
    """Live, be killed, live again; then train without a break."""
    path, whole = folder / "killed.params", folder / "whole.params"
    chance = random.Random(7)
    killed, updates, halves = 0, [], 0
    for _ in range(kills):
        killed += live(path, chance.uniform(0.02, 0.16))
        halves += any(folder.glob(".killed.params.*"))
        updates.append(progress(path)["num_update"])
    live(path, None)
    live(whole, None, every=0)
    told = {"killed": killed, "updates": updates, "halves": halves}
    told["left"] = [p.name for p in folder.iterdir()]
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

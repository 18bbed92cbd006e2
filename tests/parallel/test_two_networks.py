"""Processes in two network namespaces, as on two machines: what they exchange goes by TCP."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from places import ROOT

pytest.importorskip("mpi4py", reason="mpi4py is not installed")
pytest.importorskip("sklearn", reason="scikit-learn is not installed")

HERE = Path(__file__).parent
WIRE = "10.77.0.0/24"
HOSTS = "10.77.0.1", "10.77.0.2"

Run = Callable[..., subprocess.CompletedProcess[str]]


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr.strip())


def inside(space: str) -> list[str]:
    """Return how to start a program in a namespace, on a host of that name."""
    return [
        "unshare",
        "--uts",
        "sh",
        "-c",
        f'hostname {space}; exec ip netns exec {space} "$@"',
        "sh",
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Make two hosts with a wire between them; give what launches a script on both."""
    if shutil.which("ip") is None or shutil.which("unshare") is None:
        pytest.skip("there are no programs ip and unshare (iproute2, util-linux)")
    one, two = spaces = [f"minisym{os.getpid()}{letter}" for letter in "ab"]
    try:
        try:
            for space in spaces:
                ip("netns", "add", space)
                ip("-n", space, "link", "set", "lo", "up")
            ip("link", "add", "wire", "netns", one, "type", "veth", "peer", "wire", "netns", two)
            for space, host in zip(spaces, HOSTS, strict=True):
                ip("-n", space, "address", "add", f"{host}/24", "dev", "wire")
                ip("-n", space, "link", "set", "wire", "up")
        except OSError as error:
            pytest.skip(f"no network namespaces can be made here: {error}")
        agent = tmp_path_factory.mktemp("agent") / "agent"
        words = " ".join(f"'{word}'" for word in inside(two))
        # as ssh does, it brings nothing of the environment
        agent.write_text(
            f'#!/bin/sh\nshift\nexec env -i PATH="$PATH" HOME="$HOME" {words} sh -c "$*"\n'
        )
        agent.chmod(0o755)
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "PRTE_MCA_plm_ssh_agent": str(agent),
            "PRTE_MCA_prte_if_include": WIRE,
            "OMPI_MCA_btl": "tcp,self",
            "OMPI_MCA_btl_tcp_if_include": WIRE,
        }

        def launch(script: Path, *arguments: str, here: int = 1) -> Any:
            return subprocess.run(
                [
                    *inside(one), sys.executable, "-m", "minisym.launch", "--timeout", "120",
                    "--hosts", f"{one}:{here},{HOSTS[1]}:1", "-n", str(here + 1),
                    str(script), *arguments,
                ],
                capture_output=True, text=True, check=False, timeout=150, env=environment,
            )  # fmt: skip

        yield launch
    finally:
        for space in spaces:
            subprocess.run(["ip", "netns", "delete", space], capture_output=True, check=False)


MESSAGES = """
import hashlib, sys
from pathlib import Path
import numpy as np
from mpi4py import MPI
import minisym as ms

peers = ms.parallel.Peers(MPI.COMM_WORLD)
messages = [np.random.default_rng([peers.rank, n]).normal(size=n).astype("f4") for n in (5, 70001)]
messages[1][::7] = 0
outs = [np.empty_like(m) for m in messages]
found = hashlib.sha256()
for exchange in (peers.vote, peers.mean):
    exchange(messages, outs)
    for out in outs:
        found.update(out.tobytes())
where = MPI.Get_processor_name()
Path(sys.argv[1], str(peers.rank)).write_text(f"{where} {found.hexdigest()}")
"""


def test_a_vote_and_a_mean_have_the_same_bits_by_tcp(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "messages.py"
    script.write_text(MESSAGES, encoding="utf-8")

    def told() -> tuple[list[str], list[str]]:
        where, found = zip(*((tmp_path / n).read_text().split() for n in "01"), strict=True)
        return where, found

    done = run(script, str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    where, by_tcp = told()
    assert where[0] != where[1]
    done = subprocess.run(
        [sys.executable, "-m", "minisym.launch", "-n", "2", str(script), str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=150,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    where, by_memory = told()
    assert where[0] == where[1]
    assert {*by_tcp} == {*by_memory}
    assert len({*by_tcp}) == 1


@pytest.mark.parametrize("seed", [1, 5])  # the first one's victim is 0, the second one's 2
def test_who_is_killed_on_another_host_is_left_behind(seed: int, run: Run, tmp_path: Path) -> None:
    done = run(HERE / "faulty.py", str(tmp_path), str(seed), "kill", here=2)
    assert done.returncode == 0, done.stdout + done.stderr
    told = {int(path.stem): json.loads(path.read_text()) for path in tmp_path.glob("*.json")}
    victim = 0 if seed == 1 else 2
    assert {one["victim"] for one in told.values()} == {victim}
    assert set(told) == {0, 1, 2} - {victim}
    assert len({(one["runs"], one["trajectory"]) for one in told.values()}) == 1
    assert all(one["lost"] == [victim] and one["accuracy"] > 0.9 for one in told.values())

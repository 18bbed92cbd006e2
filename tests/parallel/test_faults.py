"""What goes wrong in one of several processes: nothing is torn, nobody hangs, survivors agree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from places import ROOT

pytest.importorskip("mpi4py", reason="mpi4py is not installed")
pytest.importorskip("sklearn", reason="scikit-learn is not installed")

SCRIPT = Path(__file__).with_name("faulty.py")
STEPS = 150


def launch(
    folder: Path, what: str, *, processes: int = 3, seed: int = 3
) -> tuple[dict[int, Any], subprocess.CompletedProcess[str]]:
    """Run the script; return what the processes that ended told, by their numbers."""
    command = [
        sys.executable, "-m", "minisym.launch", "-n", str(processes), "--timeout", "250",
        str(SCRIPT), str(folder), str(seed), what,
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    told = {int(path.stem): json.loads(path.read_text()) for path in folder.glob("*.json")}
    return told, done


def same(told: dict[int, Any], key: str) -> Any:
    """Return what all have told, which has to be the same."""
    values = {json.dumps(one[key]) for one in told.values()}
    assert len(values) == 1, {rank: one[key] for rank, one in told.items()}
    return json.loads(values.pop())


def test_votes_learn_as_one_process_does(tmp_path: Path) -> None:
    """Within a point of the accuracy of one process, which sees half of the data in a step."""
    found = {}
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        folder.mkdir()
        told, done = launch(folder, "none", processes=processes)
        assert done.returncode == 0, done.stderr
        assert len(told) == processes
        same(told, "trajectory")
        found[processes] = same(told, "accuracy")
    assert found[2] > found[1] - 0.01


@pytest.mark.parametrize("seed", range(5))  # scripts/kill_workers.py has more
def test_who_is_killed_is_left_behind(seed: int, tmp_path: Path) -> None:
    told, done = launch(tmp_path, "kill", seed=seed)
    assert done.returncode == 0, done.stderr
    victim = same(told, "victim")
    # a process that was killed when it had ended is not missed
    assert set(told) in ({0, 1, 2} - {victim}, {0, 1, 2})
    assert same(told, "runs") == STEPS
    same(told, "trajectory")
    assert same(told, "accuracy") > 0.9


@pytest.mark.parametrize(
    ("what", "error", "text"),
    [
        ("monitor", "ZeroDivisionError", "a monitor failed"),
        ("custom", "ExecutionError", "Custom 'touchy': an operator failed"),
    ],
)
def test_an_error_stops_the_step_everywhere(
    what: str, error: str, text: str, tmp_path: Path
) -> None:
    told, done = launch(tmp_path, what)
    assert done.returncode == 0, done.stderr
    assert same(told, "runs") == STEPS
    same(told, "trajectory")
    victim = same(told, "victim")
    for rank, one in told.items():
        ((name, said, runs),) = one["caught"]
        assert runs == told[victim]["caught"][0][2]
        if rank == victim:
            assert (name, said.partition("\n")[0]) == (error, text)
        else:
            assert name == "StepGivenUpError"
            assert said.startswith(f"process {victim} ({error}: {text}): this step was given up")


def test_who_has_no_data_is_left_behind(tmp_path: Path) -> None:
    told, done = launch(tmp_path, "data")
    victim = same(told, "victim")
    assert done.returncode == 1
    assert done.stderr.count("LookupError: no such data") == 1
    assert f"[{victim}] LookupError: no such data" in done.stderr
    assert set(told) == {0, 1, 2} - {victim}
    assert same(told, "runs") == STEPS
    same(told, "trajectory")
    assert same(told, "lost") == [victim]


@pytest.mark.parametrize("seed", [3])
def test_an_interrupt_leaves_all_at_the_same_step(seed: int, tmp_path: Path) -> None:
    told, done = launch(tmp_path, "interrupt", seed=seed)
    assert done.returncode == 0, done.stderr
    assert set(told) == {0, 1, 2}
    assert same(told, "runs") == STEPS
    same(told, "trajectory")
    victim = same(told, "victim")
    ((interrupt, _, at),) = told.pop(victim)["caught"]
    assert interrupt == "KeyboardInterrupt"
    # where it came before the step had begun, or when it had landed, the others know nothing
    for name, text, runs in same(told, "caught"):
        assert (name, runs) == ("StepGivenUpError", at)
        assert text.startswith(f"process {victim} (KeyboardInterrupt: ): this step was given up")


def test_interrupts_at_any_instruction_tear_nothing(tmp_path: Path) -> None:
    """In each step a process is interrupted, somewhere in the code that keeps them together."""
    told, done = launch(tmp_path, "moments")
    assert done.returncode == 0, done.stderr
    assert set(told) == {0, 1, 2}
    assert same(told, "runs") == STEPS
    same(told, "trajectory")
    for one in told.values():
        assert {name for name, *_ in one["caught"]} == {"KeyboardInterrupt", "StepGivenUpError"}


def test_weights_that_differ_are_noticed(tmp_path: Path) -> None:
    told, done = launch(tmp_path, "diverge")
    assert done.returncode == 0, done.stderr
    victim = same(told, "victim")
    for one in told.values():
        ((_, text, _),) = one["caught"]
        assert text.startswith(
            f"'fc2_weight' is another array in process {victim} than in the others, after"
        )


def test_who_is_too_slow_is_named(tmp_path: Path) -> None:
    told, done = launch(tmp_path, "slow")
    assert done.returncode == 0, done.stderr
    (victim,) = {one["victim"] for one in told.values()}
    for rank, one in told.items():
        if rank != victim:
            ((name, text, _),) = one["caught"]
            assert name == "TooLateError"
            waited = text.partition("\n")[0].partition("has waited 3 s for process ")[2]
            assert str(victim) in waited.split(", ")  # a third one may be slow by itself


@pytest.mark.parametrize(
    ("lies", "learns"), [("invert3", True), ("garbage3", True), ("invert4", False)]
)
def test_a_minority_of_seven_is_outvoted(lies: str, learns: bool, tmp_path: Path) -> None:
    told, done = launch(tmp_path, lies, processes=7)
    assert done.returncode == 0, done.stderr
    same(told, "trajectory")
    assert (same(told, "accuracy") > 0.85) == learns


# -------------------------------------------------------------------------------- the launcher


def run(tmp_path: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "script.py"
    script.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "minisym.launch", *arguments[:2], str(script), *arguments[2:]]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_arguments_and_status(tmp_path: Path) -> None:
    text = "import sys\nfrom mpi4py import MPI\nprint(MPI.COMM_WORLD.size, *sys.argv[1:])"
    done = run(tmp_path, text, "-n", "2", "a", "--b")
    assert (done.returncode, done.stdout) == (0, "2 a --b\n" * 2)
    text = "import sys\nfrom mpi4py import MPI\nsys.exit(3 * MPI.COMM_WORLD.rank)"
    assert run(tmp_path, text, "-n", "2").returncode == 3


def test_an_error_is_told_once_and_whole(tmp_path: Path) -> None:
    text = (
        "from mpi4py import MPI\n"
        "import minisym as ms\n"
        "if MPI.COMM_WORLD.rank == 1:\n"
        "    ms.sym.FullyConnected(ms.sym.Variable('x'), num_hiden=3)\n"
    )
    done = run(tmp_path, text, "-n", "2")
    assert done.returncode == 1
    assert done.stderr.startswith("[1] ParamError: FullyConnected")
    assert "Traceback" not in done.stderr


def test_an_error_of_all_is_told_once(tmp_path: Path) -> None:
    text = "import minisym as ms\nms.sym.FullyConnected(ms.sym.Variable('x'), num_hiden=3)\n"
    done = run(tmp_path, text, "-n", "3")
    assert done.returncode == 1
    first, *_ = done.stderr.partition("]")
    assert done.stderr.count("ParamError") == 1
    others = sorted({"0", "1", "2"} - {first.removeprefix("[")})
    assert done.stderr.endswith(f"minisym.launch: the same error in {' and '.join(others)}\n")


def heard(*chunks: str) -> tuple[list[int], str]:
    """Return the statuses and the text that the launcher makes of what processes write."""
    script = (
        "import os, sys\nfrom minisym import launch\n"
        "heard = launch._Heard()\nlaunch._listen(sys.stdin, heard)\nheard.close()\n"
        "print(heard.failed)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input="".join(chunks), capture_output=True,
        text=True, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return json.loads(done.stdout), done.stderr


def test_what_processes_say_passes_and_their_errors_are_put_together() -> None:
    """Lines of two errors may come mixed, behind a line that is not ended, or cut off."""
    assert heard(
        "a bar 10%",
        "\x1e[0] Error: here\n\x1e[10] Error: here\n\x1e[0] exit status 1\nwords\n",
        "\x1e[2] Error: there\n\x1e[10] exit status 1\n\x1e[2] exit status 3\n",
        "\x1e[9] Error: here\n\x1e[9] exit status 1\n\x1e[5] exit status 1\n",
        "\x1e[7] exit status 1\n\x1e[4] Error: cut",
    ) == (
        [1, 1, 3, 1, 1, 1],
        (
            "a bar 10%\n[0] Error: here\n[0] exit status 1\nwords\n"
            "[2] Error: there\n[2] exit status 3\n[5] exit status 1\n[7] exit status 1\n"
            "[4] Error: cut\nminisym.launch: the same error in 9 and 10\n"
        ),
    )


def test_a_run_ends_in_time(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "minisym.launch", "-n", "2", "--timeout", "1.5"]
    script = tmp_path / "script.py"
    script.write_text("import time; time.sleep(50)", encoding="utf-8")
    done = subprocess.run(
        [*command, str(script)], capture_output=True, text=True, check=False, timeout=300,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 124
    assert "stopped after 1.5 s" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-n", "0", "x.py"], "-n takes a number from 1 on, but got 0"),
        (["-n", "2", "nothing.py"], "there is no script 'nothing.py'"),
        (["-n", "2", "--timeout", "-1", __file__], "--timeout takes seconds"),
    ],
)
def test_what_is_no_good_is_said(arguments: list[str], words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "minisym.launch", *arguments],
        capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 2
    assert words in done.stderr

"""Kill a process at random in many runs of several that train together; see that survivors agree.

    python scripts/kill_workers.py --runs 100 [--seed 0] [--processes 4]

Every run has to end in time, with survivors whose weights were the same after each step, and whose
accuracy is that of runs in which nobody is killed, within two points.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(seed: int, processes: int, what: str) -> tuple[list[dict[str, object]], int, float]:
    """Run once; return what survivors told, the exit status and the time."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "minisym.launch", "-n", str(processes), "--timeout", "60",
            str(ROOT / "tests/parallel/faulty.py"), folder, str(seed), what,
        ]  # fmt: skip
        begin = time.monotonic()
        done = subprocess.run(command, capture_output=True, check=False, cwd=ROOT)
        took = time.monotonic() - begin
        told = [json.loads(path.read_text()) for path in sorted(Path(folder).glob("*.json"))]
        return told, done.returncode, took


def main() -> None:
    """Run often, and sum up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=4)
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.runs)
    usual = []
    for seed in seeds[:: max(1, options.runs // 5)]:
        told, _, _ = run(seed, options.processes, "none")
        usual += [float(str(one["accuracy"])) for one in told]
    killed, failed, slowest, found = 0, 0, 0.0, []
    for seed in seeds:
        told, status, took = run(seed, options.processes, "kill")
        slowest = max(slowest, took)
        killed += len(told) < options.processes
        agree = len({(one["runs"], str(one["trajectory"])) for one in told}) == 1
        whole = len(told) >= options.processes - 1 and status == 0
        accuracy = min((float(str(one["accuracy"])) for one in told), default=0.0)
        found.append(accuracy)
        enough = min(usual) - 0.02
        if accuracy < enough:  # ask what this seed learns undisturbed, with all and with one less
            for processes in (options.processes, options.processes - 1):
                alike, _, _ = run(seed, processes, "none")
                enough = min([enough, *(float(str(one["accuracy"])) - 0.02 for one in alike)])
        if not (agree and whole and accuracy >= enough):
            failed += 1
            print(f"seed {seed}: status {status}, {len(told)} told, agree {agree}, {accuracy:.3f}")
    print(
        f"{options.runs} runs, {killed} with a process killed in the middle, {failed} failed, "
        f"slowest {slowest:.1f} s\n"
        f"accuracy {min(found):.3f} to {max(found):.3f}; {min(usual):.3f} to {max(usual):.3f} "
        "where nobody was killed"
    )
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()

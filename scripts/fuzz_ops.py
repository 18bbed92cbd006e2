"""Take spoilt symbol files of every op through reading, inference, binding and running.

    python scripts/fuzz_ops.py --seed 1 --seconds 600

Only errors of minisym's own may come out. The work is done in a child process that may take 3 GiB
and ten seconds for a file: what escapes, ends or stops it is printed with the file, so that
`python scripts/fuzz_ops.py --again '{"op": …}'` shows it again. The last lines are totals.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import random
import resource
import select
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import hostile_ops  # noqa: E402  it is a file of the tests'

MEMORY = 3 << 30
PATIENCE = 10.0
"""How many seconds a file may take."""
SLOW = 1.0


def work(seed: int, only: str, told: IO[str]) -> None:
    """Fuzz for ever, and tell each file before it is used and how it went."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    rng = random.Random(seed)
    sound = hostile_ops.sound_calls()
    names = [name for name in sound if only in name]
    while True:
        name = rng.choice(names)
        call = hostile_ops.spoil(rng, rng.choice(sound[name]))
        print(hostile_ops.dumped(call), file=told, flush=True)
        print(json.dumps(tried(call)), file=told, flush=True)


def tried(call: hostile_ops.Call) -> dict[str, Any]:
    """Use a file, and say how it went."""
    outcome, start = hostile_ops.Outcome(), time.perf_counter()
    raw, where = "", ""
    try:
        hostile_ops.use(call, outcome)
    except Exception as error:  # noqa: BLE001  that is what is looked for
        raw = f"{type(error).__name__}: {error}"[:200]
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
    seconds = time.perf_counter() - start
    return {
        "stage": outcome.stage,
        "refused": outcome.refused,
        "raw": raw,
        "where": where,
        "seconds": seconds,
    }


class Worker:
    """A child process that fuzzes."""

    def __init__(self, seed: int, only: str) -> None:
        read, write = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(read)
            faulthandler.disable()
            with os.fdopen(write, "w") as told:
                work(seed, only, told)
        os.close(write)
        self.told = read
        self.rest = b""

    def line(self, patience: float) -> str | None:
        """Return the next line; None if there is none in time, '' if the process has ended."""
        until = time.monotonic() + patience
        while b"\n" not in self.rest:
            ready, _, _ = select.select([self.told], [], [], max(0, until - time.monotonic()))
            if not ready:
                return None
            more = os.read(self.told, 1 << 16)
            if not more:
                return ""
            self.rest += more
        found, self.rest = self.rest.split(b"\n", 1)
        return found.decode()

    def end(self) -> int:
        """End it; return the signal that it died of before."""
        died, status = os.waitpid(self.pid, os.WNOHANG)
        if not died:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
        os.close(self.told)
        return os.WTERMSIG(status) if died and os.WIFSIGNALED(status) else 0


def main() -> None:
    """Fuzz for some seconds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--only", default="", help="a part of the ops' names")
    parser.add_argument("--again", help="a file that was printed")
    options = parser.parse_args()
    if options.again:
        print(hostile_ops.use(hostile_ops.parsed(options.again)))
        return
    totals: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    slowest: list[tuple[float, str]] = []
    until, seed = time.monotonic() + options.seconds, options.seed * 1_000_000
    worker = Worker(seed, options.only)
    while time.monotonic() < until:
        call = worker.line(60)
        answer = worker.line(PATIENCE) if call else ""
        if not call or not answer:
            what = "hang" if answer is None else "crash"
            signal = worker.end()
            totals[what] += 1
            print(f"{what.upper()} (signal {signal}): {call}", flush=True)
            seed += 1
            worker = Worker(seed, options.only)
            continue
        told = json.loads(answer)
        totals["files"] += 1
        totals[f"reached {told['stage']}"] += 1
        totals["refused"] += bool(told["refused"])
        slowest = sorted([*slowest, (told["seconds"], call)], reverse=True)[:5]
        totals["slow"] += told["seconds"] > SLOW
        if told["raw"]:
            totals["raw"] += 1
            op = json.loads(call)["op"]
            key = f"{op} {told['where']} {told['raw'].split(':')[0]}"
            seen[key] += 1
            if seen[key] == 1:
                print(f"RAW {op}, {told['stage']}, {told['where']}: {told['raw']}\n    {call}",
                      flush=True)  # fmt: skip
    worker.end()
    print("slowest:")
    for seconds, call in slowest:
        print(f"{seconds:8.2f} s  {call}")
    print(", ".join(f"{name}: {count}" for name, count in sorted(totals.items())))


if __name__ == "__main__":
    main()

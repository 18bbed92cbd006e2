#!/usr/bin/env python
"""Interrupt runs of every op that writes, at random moments, and see that the write rule holds.

    python scripts/attack_writes.py --seed 0 --seconds 600

prints for each op and kind of run how many ran to their end, how many were stopped before their
writes and changed nothing, how many while the writes landed or behind that, and what went wrong.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import write_cases as cases


def main() -> int:
    """Attack until the time is over; return 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--size", type=int, default=cases.LARGE)
    parser.add_argument("--ops", nargs="*", default=cases.OPS)
    parser.add_argument("--engines", nargs="*", default=cases.engines.FOUND)
    parser.add_argument("--kinds", nargs="*", default=cases.KINDS)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    end = time.monotonic() + given.seconds
    table: dict[tuple[str, str], dict[str, int]] = {}
    wrong: list[str] = []
    pairs = [(name, kind) for name in given.ops for kind in given.kinds]
    pairs = [pair for pair in pairs if cases.fits(*pair)]
    with cases.Interrupts() as interrupts:
        while time.monotonic() < end:
            for i in rng.permutation(len(pairs)):
                if time.monotonic() > end:
                    break
                name, kind = pairs[i]
                engine = rng.choice(given.engines)
                with closing(cases.Case(kind, name, given.size, rng, engine)) as case:
                    attack = cases.Attack(case, rng)
                    row = table.setdefault(pairs[i], dict.fromkeys(attack.seen, 0))
                    for source in (*cases.SOURCES, "moment") * 3:
                        fault = attack.once(interrupts, source)
                        if fault is not None:
                            wrong.append(f"{name}, {kind}, {engine}, {source}: {fault}")
                            break
                for what, count in attack.seen.items():
                    row[what] += count
    print(f"{'op':34}{'run':16}" + "".join(f"{w:>11}" for w in cases.OUTCOMES))
    for (name, kind), row in sorted(table.items()):
        print(f"{name:34}{kind:16}" + "".join(f"{row[w]:11}" for w in cases.OUTCOMES))
    total = [sum(row[w] for row in table.values()) for w in cases.OUTCOMES]
    print(f"{'all':50}" + "".join(f"{n:11}" for n in total))
    print(f"{len(table)} of {len(pairs)} pairs, seed {given.seed}: {len(wrong)} went wrong")
    print("\n".join(wrong[:100]))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

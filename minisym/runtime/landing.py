"""How updates land: as ufuncs piece by piece, or as compiled loops; by one thread, or by several.

What an update does in a commit is steps and tapes. A tape can be run in either way, and its arrays
can be cut, so that workers take a stretch of elements each. All ways give the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from minisym.core.kernels import Step
from minisym.core.ndarray import Array
from minisym.core.node import Node
from minisym.ops.numeric.tape import Tape
from minisym.runtime.calls import Call
from minisym.runtime.compiled import call_of_rows, compiled
from minisym.runtime.loop_rows import UNIT
from minisym.runtime.loop_source import Loop, loop_of
from minisym.runtime.pieces import PIECE, Scratch, Stretch, can_be_cut, steps_of_stretches

WORTH: Final = 1 << 19
"""From how many elements on workers gain more than it takes to wake them."""

SHARED_PIECE: Final = 128 << 10
"""Elements of a piece where workers run side by side: they take turns at Python's lock."""

LINE: Final = 64
"""Arrays are cut at multiples of so many elements: no two workers write into a line of a cache."""


class Landing(NamedTuple):
    """What an update does in a commit, in place.

    Attributes
    ----------
    node
        The update.
    target
        The weight.
    work
        Steps that run no Python, and tapes.
    """

    node: Node
    target: Array
    work: Sequence[Step | Tape]

    @property
    def tapes(self) -> list[Tape]:
        """The tapes."""
        return [one for one in self.work if isinstance(one, Tape)]


def calls_of(landings: Sequence[Landing], workers: int, *, loops: bool) -> list[list[Call]]:
    """Return the calls of some landings: a list for each worker, or one list if they are small.

    Parameters
    ----------
    landings
        What updates do.
    workers
        How many threads may share it.
    loops
        Whether tapes become compiled loops, those that can.
    """
    tapes = [tape for landing in landings for tape in landing.tapes]
    shares = _shares(tapes, workers)
    piece = PIECE if len(shares) == 1 else SHARED_PIECE
    found = [[*_calls_of_stretches(share, piece, loops=loops)] for share in shares]
    steps = (one for landing in landings for one in landing.work if not isinstance(one, Tape))
    found[0] += [(function, *arguments) for function, arguments in steps]
    return found


def _shares(tapes: Sequence[Tape], workers: int) -> list[list[Stretch]]:
    """Share tapes out: large ones are cut, small ones go where there is least to do."""
    if sum(tape.whole.size for tape in tapes) < WORTH:
        workers = 1
    shares: list[list[Stretch]] = [[] for _ in range(workers)]
    loads = [0] * workers
    for tape in sorted(tapes, key=lambda tape: -tape.whole.size):
        size = tape.whole.size
        if workers > 1 and size >= PIECE and can_be_cut(tape):
            edges = [size * i // workers // LINE * LINE for i in range(workers)] + [size]
            for share, start, stop in zip(shares, edges, edges[1:], strict=False):
                share.append(Stretch(tape, start, stop))
        else:
            least = loads.index(min(loads))
            shares[least].append(Stretch.whole(tape))
            loads[least] += size * len(tape.calls)
    return shares


def _calls_of_stretches(stretches: Iterable[Stretch], piece: int, *, loops: bool) -> Iterator[Call]:
    """Yield what one worker calls: each loop once, with a row for each piece, then ufuncs."""
    rest: list[Stretch] = []
    rows: dict[int, list[list[int]]] = {}
    """The kernel of each loop -> its rows."""
    for one in stretches:
        loop = loop_of(one.tape) if loops else None
        kernel = None if loop is None else compiled(loop.source, loop.name)
        if loop is None or kernel is None:
            rest.append(one)
        else:
            edges = [*range(one.start, one.stop, UNIT), one.stop]
            found = ([kernel, *loop.row(*ends)] for ends in pairwise(edges))
            rows.setdefault(kernel, []).extend(found)
    for own in filter(None, rows.values()):  # an array with nothing in it has no rows
        yield call_of_rows(np.array(own, np.int64))
    for function, arguments in steps_of_stretches(rest, Scratch(), piece):
        yield function, *arguments


def source_of(landings: Sequence[Landing]) -> str:
    """Return the loops of some landings as text, each with the nodes whose work it does."""
    loops: dict[str, list[tuple[Node, Loop]]] = {}
    rest: list[str] = []
    for landing in landings:
        for one in landing.work:
            loop = loop_of(one) if isinstance(one, Tape) else None
            if loop is None:
                rest.append(landing.node.name)
            else:
                loops.setdefault(loop.source, []).append((landing.node, loop))
    parts = []
    for source, users in loops.items():
        node, first = users[0]
        names = ", ".join(dict.fromkeys(user.name for user, _ in users))
        values = ", ".join(f"{name} = {array}" for name, array in first.numbers.items())
        parts.append(f"# {names}\n# in {node.name}: {values}\n{source}")
    if rest:
        parts.append(f"# no loop, but NumPy: {', '.join(dict.fromkeys(rest))}\n")
    return "\n\n".join(parts) or "# no update computes in place here\n"

"""Peers: the processes that run the same symbol, and what keeps them together.

* **A step is everybody's, or nobody's.** Before the commit of a run all agree, as they do after
  each exchange. A process in which an error or Ctrl-C has come up says no there: then all raise,
  and no array of any process has changed. From the last agreement to the end of the commit signals
  wait, and so they do from any exception on until the others know of it.
* **Whether there is anybody to be told is a state**, `Circle.is_settled`, and not the type of an
  exception, which may have become another one on its way.
* **Equal weights are seen to be equal.** They are those of the first process at the beginning, and
  are compared by a hash then and again.
* Arrays that messages are made of are used again in the next step. Where an exchange has failed,
  a late message may still write into them: those are left behind.

`minisym.runtime.circle` has the rules of a single exchange. Failures are noticed by MPI's own means
(ULFM): the launcher must be `mpiexec --with-ft ulfm`, as `python -m minisym.launch` has it.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import numpy as np

from minisym.core.errors import ArrayTypeError, ExecutionError, ParamError
from minisym.core.ndarray import Array
from minisym.ops.numeric import ballots
from minisym.runtime.circle import TIMEOUT, WILLING, Circle, TooLateError
from minisym.runtime.signals import Signals

Answer = TypeVar("Answer")

OWN: Final = "__own__"
"""The attribute of a Variable that each process has for itself, such as an error memory."""

WORD: Final = 8
"""Bytes of a word, in which votes are counted, and of a hash."""


class Peers:
    """Processes that run the same symbol.

    `bind(..., comm=MPI.COMM_WORLD)` makes one with the defaults.

    Parameters
    ----------
    comm
        A communicator of mpi4py.
    timeout
        How many seconds a process waits for the others in an exchange. One that is slower than that
        is named in an error.
    check_every
        After so many steps weights are compared again; 0: only at the beginning.
    """

    def __init__(self, comm: Any, *, timeout: float = TIMEOUT, check_every: int = 100) -> None:
        if check_every < 0:
            raise ParamError(f"check_every must not be negative, but got {check_every!r}")
        self.check_every = check_every
        self._signals = Signals()
        self._circle = Circle(comm, self._signals)
        self.timeout = timeout
        self._room: dict[Any, Array] = {}
        self._is_guarded = False

    @classmethod
    def of(cls, comm: Any) -> Peers | None:
        """Return peers for what a user gave: peers, a communicator, or None."""
        if comm is None or isinstance(comm, Peers):
            return comm
        try:
            return cls(comm)
        except ImportError:
            raise ArrayTypeError(
                f"comm must be a communicator of mpi4py, but got {type(comm).__name__}, "
                "and mpi4py is not installed",
                hint='pip install "minisym[mpi]"',
            ) from None

    @property
    def rank(self) -> int:
        """The number of this process among those that are left."""
        return self._circle.rank

    @property
    def size(self) -> int:
        """How many processes are left."""
        return self._circle.size

    @property
    def lost(self) -> list[int]:
        """Who has died, by the numbers that they had at the beginning."""
        return self._circle.lost

    @property
    def timeout(self) -> float:
        """How many seconds this process waits for others; it may be changed between steps."""
        return self._circle.timeout

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        if not seconds > 0:
            raise ParamError(f"timeout must be positive, but got {seconds!r}")
        self._circle.timeout = seconds

    def __repr__(self) -> str:
        """Say which process of how many this is."""
        lost = f", {len(self.lost)} lost" if self.lost else ""
        return f"<Peers: process {self.rank} of {self.size}{lost}>"

    # --------------------------------------------------------------------------------- exchanges

    def vote(self, messages: Sequence[Array], outs: Sequence[Array]) -> None:
        """Fill `outs` with the signs that most processes have; see `majority_vote`."""
        nbytes = ballots.size_of(messages)
        if not nbytes:
            return
        ups, downs = self._array("ballot", 2, self._part(nbytes, WORD) * self.size)
        whole = ballots.pack(messages, ups, downs)
        more, fewer = self._together(lambda: self._vote(ups, downs, nbytes, whole=whole))
        ballots.unpack(more, fewer, outs)

    def _vote(
        self, ups: Array, downs: Array, nbytes: int, *, whole: bool
    ) -> tuple[Array, Array | None]:
        """Count this process's part of the ballots, and gather all parts.

        A ballot is one plane of bits where it is whole, with a vote on every element: then who does
        not vote up votes down. If all are, and no tie is possible, so is the outcome.
        """
        size, me = self._part(nbytes, WORD), self.rank
        parts = [slice(i * size, (i + 1) * size) for i in range(self.size)]
        ups, downs = (_padded(plane, size * self.size) for plane in (ups, downs))
        taken = self._array("votes", self.size, 2 * size)
        taken[me, :size], taken[me, size:] = ups[parts[me]], downs[parts[me]]
        sent = [ups[p] if whole else np.concatenate([ups[p], downs[p]]) for p in parts]
        lengths = self._circle.swap([[m] for m in sent], [[row] for row in taken])

        are_whole = [whole if i == me else length == size for i, length in enumerate(lengths)]
        for row in (row for row, one in zip(taken, are_whole, strict=True) if one):
            if not all(are_whole):
                np.invert(row[:size], row[size:])
        words = taken.view(np.uint64)
        for_, against = words[:, : size // WORD], words[:, size // WORD :]
        outcome = ballots.majority(for_, None if all(are_whole) else against)
        planes = outcome[: 1 if all(are_whole) and self.size % 2 else 2]
        found = self._array("outcome", len(planes), size * self.size)
        for plane, counted in zip(found, planes, strict=True):
            plane[parts[me]] = counted.view(np.uint8)
        gathered = [[plane[p] for plane in found] for p in parts]
        self._circle.swap([gathered[me]] * self.size, gathered)
        return found[0], found[1] if len(found) > 1 else None

    def mean(self, messages: Sequence[Array], outs: Sequence[Array]) -> None:
        """Fill `outs` with means over all processes, added up in the order of their numbers."""
        for dtype in dict.fromkeys(m.dtype for m in messages):
            mine = [(m, o) for m, o in zip(messages, outs, strict=True) if m.dtype == dtype]
            length = sum(message.size for message, _ in mine)
            flat = self._array("message", self._part(length) * self.size, dtype=dtype)
            at = 0
            for message, _ in mine:
                flat[at : at + message.size] = message.reshape(-1)
                at += message.size
            agreed = self._together(lambda f=flat, n=length: self._mean(f, n))  # type: ignore[misc]
            at = 0
            for _, out in mine:
                out[...] = agreed[at : at + out.size].reshape(out.shape)
                at += out.size

    def _mean(self, flat: Array, length: int) -> Array:
        """Average this process's part of the messages, and gather all parts."""
        size, me = self._part(length), self.rank
        parts = [slice(i * size, (i + 1) * size) for i in range(self.size)]
        flat = _padded(flat, size * self.size)
        taken = self._array("terms", self.size, size, dtype=flat.dtype)
        taken[me] = flat[parts[me]]
        self._circle.swap([[flat[p]] for p in parts], [[row] for row in taken])
        found = self._array("mean", size * self.size, dtype=flat.dtype)
        total = found[parts[me]]
        total[...] = taken[0]
        for term in taken[1:]:
            total += term
        total /= flat.dtype.type(self.size)
        self._circle.swap([[total]] * self.size, [[found[p]] for p in parts])
        return found

    def _part(self, length: int, unit: int = 1) -> int:
        """Return how much of a message each process takes care of, in whole units."""
        return -(-length // (unit * self.size)) * unit

    def _array(self, use: str, *shape: int, dtype: Any = np.uint8) -> Array:
        """Return an array for messages, the same one in each step."""
        key = use, shape, dtype
        if key not in self._room:
            self._room[key] = np.zeros(shape, dtype)
        return self._room[key]

    def _together(self, exchange: Callable[[], Answer]) -> Answer:
        """Make an exchange until it is everybody's, with arrays that no late message reaches."""

        def attempt() -> Answer:
            try:
                return exchange()
            except BaseException:
                self._room.clear()
                raise

        if self._is_guarded:
            return self._circle.together(attempt)
        answers: list[Answer] = []

        def alone() -> None:
            answers.append(self._circle.together(attempt))
            self.agree()

        self._guarded(alone)  # an exchange by itself, in no step
        return answers[0]

    # -------------------------------------------------------------------------------- a step

    def step(self, shared: Mapping[str, Array], runs: int, run: Callable[[], None]) -> None:
        """Make a step, which is a run that calls `agree`; what ends it early, ends it for all.

        `shared` are the arrays that are the same in all processes, `runs` how many steps an
        executor has made.
        """

        def checked() -> None:
            if runs == 0:
                self._send_first(shared)
            if runs == 0 or (self.check_every and runs % self.check_every == 0):
                self._compare(shared, runs)
            run()

        self._guarded(checked)

    def _guarded(self, run: Callable[[], None]) -> None:
        """Call what calls `agree` at its end, and tell all others if it ends before that."""
        if self._circle.is_broken:
            raise TooLateError(
                "a step has ended without an answer of another process: this run is over",
                hint="start again from a checkpoint",
            )
        try:  # twice: an interrupt could come before the inner `finally` has begun, but only once
            try:
                self._signals.begin()
                self._circle.is_settled, self._is_guarded = False, True
                run()
            finally:
                self._end()
        finally:
            self._end()

    def agree(self) -> None:
        """Agree with all to commit: the last act of a run before its commit.

        Raises
        ------
        StepGivenUpError
            A process has said no.
        """
        self._signals.hold()
        if not self._circle.agree(WILLING) & WILLING:
            raise self._circle.refusal()
        self._circle.is_settled = True

    def _end(self) -> None:
        """End a step: whatever has ended it early, all others are told."""
        self._signals.hold()
        try:
            if not self._circle.is_settled:
                error = sys.exception()
                reason = f"{type(error).__name__}: {error}".partition("\n")[0]
                self._circle.give_up(reason)
        finally:
            self._is_guarded = False
            self._signals.end()

    # ----------------------------------------------------------------------------- equal weights

    def _send_first(self, shared: Mapping[str, Array]) -> None:
        """Let the arrays of the first process be everybody's."""
        for array in shared.values():
            array[...] = self._together(lambda a=array: self._from_first(a))  # type: ignore[misc]

    def _from_first(self, array: Array) -> Array:
        held = np.array(array, order="C")
        nothing: list[list[Array]] = [[] for _ in range(self.size)]
        if self.rank == 0:
            self._circle.swap([[held]] * self.size, nothing)
        else:
            self._circle.swap(nothing, [[held], *nothing[1:]])
        return held

    def _compare(self, shared: Mapping[str, Array], runs: int) -> None:
        """Compare arrays by a hash.

        Raises
        ------
        ExecutionError
            They differ: it names the processes and an array.
        """
        hashes = (
            hashlib.blake2b(np.ascontiguousarray(a).data, digest_size=WORD).digest()
            for a in shared.values()
        )
        own = np.frombuffer(b"".join(hashes), np.uint8)
        told = self._together(lambda: self._gather(own))
        for i, name in enumerate(shared):
            found = [bytes(m[i * WORD : (i + 1) * WORD]) for m in told]
            usual, _ = Counter(found).most_common(1)[0]
            pairs = zip(self._circle.numbers, found, strict=True)
            other = [number for number, one in pairs if one != usual]
            if other:
                raise ExecutionError(
                    f"{name!r} is another array in process {', '.join(map(str, other))} than in "
                    f"the others, after {runs} steps",
                    hint="only updates may change what all share; seeds and data may differ",
                )

    def _gather(self, own: Array) -> Array:
        """Return what each process has sent to all."""
        told = np.empty((self.size, len(own)), own.dtype)
        told[self.rank] = own
        self._circle.swap([[own]] * self.size, [[row] for row in told])
        return told


def _padded(array: Array, size: int) -> Array:
    """Return an array of this size that begins with another."""
    if len(array) == size:
        return array
    found = np.zeros(size, array.dtype)
    kept = min(size, len(array))
    found[:kept] = array[:kept]
    return found

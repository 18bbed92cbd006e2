"""Peers: the processes that run the same symbol, and what keeps them together.

Underneath is MPI (mpi4py), and nothing of it is imported before a communicator comes. The rules:

* **An exchange is repeated until it is everybody's.** It changes no bound array, so where a process
  dies in the middle, the others shrink the communicator and exchange the same messages again. After
  each exchange all agree whether it has worked: nobody goes on with an answer that others lack.
* **A step is everybody's, or nobody's.** Before the commit of a run all agree once more. A process
  in which an error or Ctrl-C has come up says no: then all raise, and no array of any process has
  changed. Between that agreement and the end of the commit signals wait.
* **Equal weights are seen to be equal.** They are those of the first process at the beginning, and
  are compared by a hash then and again.

Failures are noticed by MPI's own means (ULFM): the launcher must be `mpiexec --with-ft ulfm`, as
`python -m minisym.launch` has it.
"""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn, TypeVar

import numpy as np

from minisym.core.errors import ArrayTypeError, ExecutionError, ParamError
from minisym.core.ndarray import Array
from minisym.ops.numeric import ballots

Answer = TypeVar("Answer")

OWN: Final = "__own__"
"""The attribute of a Variable that each process has for itself, such as an error memory."""

EXCHANGED: Final = 1
WILLING: Final = 2
"""What a process says when all agree, as bits: its exchange has worked; it wants the step."""

WORD: Final = 8
"""Bytes of a word, in which votes are counted, and of the number before a message."""

REASON: Final = 240
"""Bytes of what a process may say about why it gave a step up."""


class StepGivenUpError(ExecutionError):
    """A process has given up a step, and so all did: nothing was written anywhere."""


class TooLateError(ExecutionError):
    """Another process has not answered in time: nothing was written here, and the run is over."""


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

    Attributes
    ----------
    rank, size
        The number of this process among those that are left, and how many these are.
    lost : list of int
        Who has died, by the numbers that they had at the beginning.
    """

    def __init__(self, comm: Any, *, timeout: float = 600.0, check_every: int = 100) -> None:
        from mpi4py import MPI

        if not isinstance(comm, MPI.Comm):
            raise ArrayTypeError(
                f"comm must be a communicator of mpi4py, but got {type(comm).__name__}",
                hint="from mpi4py import MPI; MPI.COMM_WORLD",
            )
        if not timeout > 0 or check_every < 0:
            raise ParamError(
                f"timeout must be positive and check_every not negative, "
                f"but got {timeout!r} and {check_every!r}"
            )
        self._mpi = MPI
        self._comm = comm.Dup()  # nobody else's messages
        self._comm.Set_errhandler(MPI.ERRORS_RETURN)
        self.timeout, self.check_every = timeout, check_every
        self.rank, self.size = comm.Get_rank(), comm.Get_size()
        self._number = self.rank
        self._numbers = [*range(self.size)]
        self.lost: list[int] = []
        self._left_behind: list[Any] = []
        self._deferred: list[tuple[int, Any]] = []
        self._handlers: dict[int, Any] = {}
        self._is_over = True  # no step that others could still be told to give up

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

    def __repr__(self) -> str:
        """Say which process of how many this is."""
        lost = f", {len(self.lost)} lost" if self.lost else ""
        return f"<Peers: process {self.rank} of {self.size}{lost}>"

    # --------------------------------------------------------------------------------- exchanges

    def vote(self, messages: Sequence[Array], outs: Sequence[Array]) -> None:
        """Fill `outs` with the signs that most processes have; see `majority_vote`."""
        nbytes = ballots.size_of(messages)
        words = -(-nbytes // (WORD * self.size))

        ups, downs = np.zeros((2, words * self.size * WORD), np.uint8)
        whole = ballots.pack(messages, ups, downs)
        agreed = self._together(lambda: self._vote(ups, downs, whole=whole))
        ballots.unpack(*agreed, outs)

    def _vote(self, ups: Array, downs: Array, *, whole: bool) -> tuple[Array, Array | None]:
        """Count this process's part of the ballots, and gather all parts."""
        size = -(-len(ups) // (WORD * self.size)) * WORD
        ups, downs = (_padded(one, size * self.size) for one in (ups, downs))
        parts = [slice(i * size, (i + 1) * size) for i in range(self.size)]
        sent = [_message(ups[part], None if whole else downs[part]) for part in parts]
        ballots_of_part = [_planes(m, size) for m in self._all_to_all(sent, WORD + 2 * size)]
        rows = [np.stack(plane).view(np.uint64) for plane in zip(*ballots_of_part, strict=True)]
        more, fewer = (one.view(np.uint8) for one in ballots.majority(*rows))
        is_decided = bool(np.all((more ^ fewer) == 255))
        told = _message(more, None if is_decided else fewer)
        gathered = self._all_to_all([told] * self.size, WORD + 2 * size)
        planes = [_planes(m, size) for m in gathered]
        decided = all(m[0] == 1 for m in gathered)
        found = [np.concatenate(plane) for plane in zip(*planes, strict=True)]
        return found[0], None if decided else found[1]

    def mean(self, messages: Sequence[Array], outs: Sequence[Array]) -> None:
        """Fill `outs` with means over all processes, added up in the order of their numbers."""
        for dtype in dict.fromkeys(m.dtype for m in messages):
            mine = [(m, o) for m, o in zip(messages, outs, strict=True) if m.dtype == dtype]
            flat = np.concatenate([m.reshape(-1) for m, _ in mine])
            agreed = self._together(lambda flat=flat: self._mean(flat))  # type: ignore[misc]
            at = 0
            for message, out in mine:
                out[...] = agreed[at : at + message.size].reshape(out.shape)
                at += message.size

    def _mean(self, flat: Array) -> Array:
        size = -(-len(flat) // self.size)
        whole = _padded(flat, size * self.size)
        sent = [whole[i * size : (i + 1) * size].view(np.uint8) for i in range(self.size)]
        terms = [m.view(flat.dtype) for m in self._all_to_all(sent, size * flat.itemsize)]
        total = terms[0].copy()
        for term in terms[1:]:
            total += term
        total /= flat.dtype.type(self.size)
        told = [total.view(np.uint8)] * self.size
        gathered = self._all_to_all(told, size * flat.itemsize)
        return np.concatenate(gathered).view(flat.dtype)[: len(flat)]

    def _all_to_all(self, messages: Sequence[Array], most: int) -> list[Array]:
        """Send message i to process i; return what each has sent to this one, at most so long."""
        found: list[Array] = [np.empty(most, np.uint8) for _ in messages]
        found[self.rank] = messages[self.rank]
        if self.size == 1:
            return found
        others = [i for i in range(self.size) if i != self.rank]
        takes = [self._comm.Irecv(found[i], source=i) for i in others]
        gives = [self._comm.Isend(messages[i], dest=i) for i in others]
        states = [self._mpi.Status() for _ in others]
        self._wait(takes, others, states)
        self._wait(gives, others)
        for i, state in zip(others, states, strict=True):
            found[i] = found[i][: state.Get_count(self._mpi.BYTE)]
        return found

    def _wait(self, requests: list[Any], peers: Sequence[int], states: Any = None) -> None:
        """Wait until all requests are done, or the time is over."""
        end, pause = time.monotonic() + self.timeout, 0.0
        try:
            while not self._mpi.Request.Testall(requests, states):
                if time.monotonic() > end:
                    self._refuse_late(peers, requests)
                time.sleep(pause)
                pause = min(pause + 2e-6, 2e-4)  # processes may share a CPU
        except BaseException:
            self._left_behind += requests  # what they read has to stay where it is
            raise

    def _refuse_late(self, peers: Sequence[int], requests: Sequence[Any]) -> NoReturn:
        self._is_over = True  # they do not answer
        late = [i for i, request in zip(peers, requests, strict=True) if not request.Test()]
        names = ", ".join(str(self._numbers[i]) for i in late)
        raise TooLateError(
            f"process {self._number} has waited {self.timeout:g} s for process {names}",
            hint="Peers(comm, timeout=…) waits longer; nothing was written",
        )

    # -------------------------------------------------------------------------------- agreement

    def _together(self, exchange: Callable[[], Answer]) -> Answer:
        """Make an exchange, and again with those who are left, until it has worked for all."""
        while True:
            answer: list[Answer] = []
            try:
                answer.append(exchange())
            except self._mpi.Exception:
                self._comm.Revoke()  # whoever still waits need not
            flags = self._agree(WILLING | EXCHANGED * bool(answer))
            if not flags & WILLING:
                self._raise_given_up()
            if flags & EXCHANGED and answer:
                return answer[0]
            self._shrink()

    def _agree(self, flags: int) -> int:
        """Return what all say: a bit is set where everybody has set it."""
        while self.size > 1:
            try:
                return int(self._comm.Agree(flags))
            except self._mpi.Exception:  # somebody has died, and everybody is told so
                self._comm.Ack_failed()
                flags &= ~EXCHANGED
        return flags

    def _shrink(self) -> None:
        """Go on with those who are left."""
        while True:
            comm = self._comm.Shrink()
            comm.Set_errhandler(self._mpi.ERRORS_RETURN)
            self._left_behind.append(self._comm)
            self._comm = comm
            self.rank, self.size = comm.Get_rank(), comm.Get_size()
            numbers = np.empty(self.size, np.int64)
            try:
                comm.Allgather(np.array([self._number], np.int64), numbers)
            except self._mpi.Exception:
                continue
            left = [int(number) for number in numbers]
            self.lost += [number for number in self._numbers if number not in left]
            self._numbers = left
            return

    # -------------------------------------------------------------------------------- a step

    @contextmanager
    def step(self, shared: Mapping[str, Array], runs: int) -> Iterator[None]:
        """Be in a step: what ends it early, ends it for all.

        `shared` are the arrays that are the same in all processes, `runs` how many steps an
        executor has made.
        """
        self._is_over = False
        try:
            if runs == 0:
                self._send_first(shared)
            if runs == 0 or (self.check_every and runs % self.check_every == 0):
                self._compare(shared, runs)
            yield
        except BaseException as error:
            if not self._is_over:
                self._give_up(error)
            raise
        finally:
            self._deliver()

    def agree(self) -> None:
        """Agree with all to commit: the last act of a run before its commit.

        Raises
        ------
        StepGivenUpError
            A process has said no.
        """
        self._defer()
        if not self._agree(WILLING) & WILLING:
            self._raise_given_up()

    def _give_up(self, error: BaseException) -> None:
        """Tell all others that this step is not to be."""
        if self.size == 1:
            return
        self._comm.Revoke()
        self._agree(0)
        self._reasons(f"{type(error).__name__}: {error}".partition("\n")[0])

    def _raise_given_up(self) -> NoReturn:
        told = self._reasons("")
        raise StepGivenUpError(
            f"{told or 'another process gave up'}: this step was given up",
            hint="nothing was written, in no process; forward again, or stop",
        )

    def _reasons(self, mine: str) -> str:
        """Renew the communicator, and return who gave up, and why."""
        self._is_over = True
        self._shrink()
        said = np.zeros((self.size, REASON), np.uint8)
        word = mine.encode()[:REASON]
        own = np.zeros(REASON, np.uint8)
        own[: len(word)] = list(word)
        try:
            self._comm.Allgather(own, said)
        except self._mpi.Exception:
            return ""
        texts = [bytes(row).rstrip(b"\0").decode(errors="replace") for row in said]
        found = [
            f"process {n} ({text})" for n, text in zip(self._numbers, texts, strict=True) if text
        ]
        return ", ".join(found)

    def _defer(self) -> None:
        """Let signals wait until the step has landed."""
        if threading.current_thread() is not threading.main_thread():
            return  # only the main thread has handlers
        for number in (signal.SIGINT, signal.SIGTERM):
            before = signal.getsignal(number)
            if callable(before):
                self._handlers[number] = before
                signal.signal(number, lambda n, frame: self._deferred.append((n, frame)))

    def _deliver(self) -> None:
        """Call the handlers of the signals that have waited."""
        handlers, self._handlers = self._handlers, {}
        for number, handler in handlers.items():
            signal.signal(number, handler)
        waited, self._deferred = self._deferred, []
        for number, frame in waited:
            handlers[number](number, frame)

    # ----------------------------------------------------------------------------- equal weights

    def _send_first(self, shared: Mapping[str, Array]) -> None:
        """Let the arrays of the first process be everybody's."""
        for array in shared.values():
            array[...] = self._together(lambda a=array: self._from_first(a))  # type: ignore[misc]

    def _from_first(self, array: Array) -> Array:
        if self.size == 1:
            return array
        held = np.array(array, order="C")
        if self.rank:
            self._wait([self._comm.Irecv([held, self._mpi.BYTE], source=0)], [0])
        else:
            others = range(1, self.size)
            gives = [self._comm.Isend([held, self._mpi.BYTE], dest=i) for i in others]
            self._wait(gives, others)
        return held

    def _compare(self, shared: Mapping[str, Array], runs: int) -> None:
        """Compare arrays by a hash.

        Raises
        ------
        ExecutionError
            They differ: it names the processes and an array.
        """
        own = np.frombuffer(
            b"".join(
                hashlib.blake2b(np.ascontiguousarray(a).data, digest_size=WORD).digest()
                for a in shared.values()
            ),
            np.uint8,
        ).copy()
        told = self._together(lambda: self._all_to_all([own] * self.size, len(own)))
        for i, name in enumerate(shared):
            hashes = [bytes(m[i * WORD : (i + 1) * WORD]) for m in told]
            usual, _ = Counter(hashes).most_common(1)[0]
            other = [n for n, h in zip(self._numbers, hashes, strict=True) if h != usual]
            if other:
                raise ExecutionError(
                    f"{name!r} is another array in process {', '.join(map(str, other))} than in "
                    f"the others, after {runs} steps",
                    hint="only updates may change what all share; seeds and data may differ",
                )


def _message(first: Array, second: Array | None) -> Array:
    """Join one or two planes, behind a word that says how many they are."""
    head = np.zeros(WORD, np.uint8)
    head[0] = 1 if second is None else 2
    return np.concatenate([head, first] if second is None else [head, first, second])


def _planes(message: Array, size: int) -> tuple[Array, Array]:
    """Return both planes of a message; where one came, the second is its complement."""
    first = message[WORD : WORD + size]
    return first, ~first if message[0] == 1 else message[WORD + size : WORD + 2 * size]


def _padded(array: Array, size: int) -> Array:
    """Return an array of this size that begins with another."""
    if len(array) == size:
        return array
    found = np.zeros(size, array.dtype)
    found[: len(array)] = array[:size]
    return found

"""Processes that exchange messages: all of them have an answer, or nobody has.

Underneath is MPI (mpi4py), and nothing of it is imported before a communicator comes. Failures are
noticed by MPI's own means (ULFM).

* **An exchange is repeated until it is everybody's.** It changes nothing that is bound. Who sees in
  the middle that another has died revokes the communicator, so that nobody waits; then all agree,
  and where not all have an answer, those who are left make a smaller circle and exchange the same
  messages again. That somebody has died counts as no answer, also where all had one.
* **All say the same sequence of things.** Between two agreements a process only sends and receives.
  So whatever ends an exchange early in one, an error or an interrupt, the others come to an
  agreement, and find its "no" there. What follows depends on the outcome alone.
* **A new circle is agreed upon**, before anybody can give it up: Open MPI's `Shrink` does not
  survive that the communicator is revoked by the others while it is still being made.
* Everything that waits does so with a limit, but for `Shrink`, which follows an agreement at once.
  (Open MPI 5.0 has `Ishrink`, for which one could wait with a limit, but where a process has been
  killed it ends in an error instead of a smaller circle.)
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NoReturn, TypeVar

import numpy as np

from minisym.core.errors import ArrayTypeError, ExecutionError
from minisym.core.ndarray import Array
from minisym.runtime.signals import Signals

Answer = TypeVar("Answer")

EXCHANGED: Final = 1
WILLING: Final = 2
"""What a process says when all agree, as bits: its exchange has worked; it wants the step."""

REASON: Final = 240
"""Bytes of what a process may say about why it gave up."""

TIMEOUT: Final = 600.0
"""Seconds that others are waited for, unless another number is given."""
BRIEFLY: Final = 1e-3
"""Seconds of waiting in which the processor is only offered to others, before sleeping."""
PAUSE: Final = 1e-4
"""Seconds between two looks afterwards."""
_offer: Final = getattr(os, "sched_yield", partial(time.sleep, 0))


class TooLateError(ExecutionError):
    """Another process has not answered in time: nothing was written here, and the run is over."""


class StepGivenUpError(ExecutionError):
    """A process has given up a step, and so all did: nothing was written anywhere."""


class Circle:
    """The processes that are left of those that began.

    Attributes
    ----------
    rank, size
        The number of this process, and how many there are.
    numbers
        The numbers that they had at the beginning.
    lost
        Who has died, by such numbers.
    is_settled
        Whether all know how the step ends that they are in, or nobody can be told.
    is_broken
        Whether a process was waited for in vain: then nothing can be agreed any more.
    """

    def __init__(self, comm: Any, signals: Signals) -> None:
        from mpi4py import MPI

        if not isinstance(comm, MPI.Comm):
            raise ArrayTypeError(
                f"comm must be a communicator of mpi4py, but got {type(comm).__name__}",
                hint="from mpi4py import MPI; MPI.COMM_WORLD",
            )
        self._mpi = MPI
        self.timeout, self.signals = TIMEOUT, signals
        self.lost: list[int] = []
        self.is_settled, self.is_broken = True, False
        self._late: deque[Sequence[Any]] = deque(maxlen=16)
        self._comm, self.numbers = comm, [*range(comm.Get_size())]
        with signals:
            self._renew()  # a communicator of its own: nobody else's messages
        self.number = self.numbers[self.rank]

    # ---------------------------------------------------------------------------------- messages

    def swap(self, sent: Sequence[Sequence[Array]], taken: Sequence[Sequence[Array]]) -> list[int]:
        """Send arrays to each process, and receive others; return how many bytes each has sent.

        `sent[i]` go to process i, in this order, and what it has sent fills `taken[i]`. A message
        may be shorter than its array. To itself a process sends nothing.
        """
        others = [i for i in range(self.size) if i != self.rank]
        takes = [(i, self._comm.Irecv(_raw(a), source=i)) for i in others for a in taken[i]]
        gives = [(i, self._comm.Isend(_raw(a), dest=i)) for i in others for a in sent[i]]
        states = [self._mpi.Status() for _ in (*takes, *gives)]
        who, requests = zip(*takes, *gives, strict=True) if others else ((), ())
        self._wait(requests, who, states)
        nbytes = [0] * self.size
        for (i, _), state in zip(takes, states, strict=False):
            nbytes[i] += state.Get_count(self._mpi.BYTE)
        return nbytes

    def _wait(self, requests: Sequence[Any], who: Sequence[int] = (), states: Any = None) -> None:
        """Wait until all requests are done, or the time is over."""
        begin = time.monotonic()
        try:
            while not self._mpi.Request.Testall(requests, states):
                waited = time.monotonic() - begin
                if waited < BRIEFLY:
                    _offer()  # processes may share a CPU
                elif waited < self.timeout:
                    time.sleep(PAUSE)
                else:
                    self._refuse_late(requests, who)
        except BaseException:
            self._late.append(requests)  # they have their arrays, which may still be written
            raise

    def _refuse_late(self, requests: Sequence[Any], who: Sequence[int]) -> NoReturn:
        late = {i for i, request in zip(who, requests, strict=False) if not request.Test()}
        names = ", ".join(str(self.numbers[i]) for i in sorted(late))
        self.is_settled = self.is_broken = True
        raise TooLateError(
            f"process {self.number} has waited {self.timeout:g} s for "
            + (f"process {names}" if names else "another process to agree"),
            hint="Peers(comm, timeout=…) waits longer; nothing was written",
        )

    # --------------------------------------------------------------------------------- agreement

    def together(self, exchange: Callable[[], Answer]) -> Answer:
        """Make an exchange, and again with those who are left, until it has worked for all.

        Raises
        ------
        StepGivenUpError
            A process has said no instead.
        TooLateError
            A process does not answer.
        ExecutionError
            It fails, and nobody has died: processes do not run the same symbol.
        """
        while True:
            answer: list[Answer] = []
            try:
                answer.append(exchange())
            except self._mpi.Exception:
                self._comm.Revoke()  # whoever still waits need not
            with self.signals:
                flags = self.agree(WILLING | EXCHANGED * bool(answer))
                if not flags & WILLING:
                    raise self.refusal()
                if flags & EXCHANGED:
                    return answer[0]
                size = self.size
                self.renew()
                if self.size == size:
                    raise ExecutionError(
                        "messages of other processes do not fit",
                        hint="all have to bind the same symbol, with the same shapes and types",
                    )

    def agree(self, flags: int) -> int:
        """Return what all say: a bit is set where everybody has set it."""
        with self.signals:
            while self.size > 1:
                said = np.array([flags], np.int32)
                try:
                    self._wait([self._comm.Iagree(said)])
                    return int(said[0])
                except self._mpi.Exception:  # somebody has died, and everybody is told so
                    self._comm.Ack_failed()
                    flags &= ~EXCHANGED
        return flags

    def give_up(self, reason: str) -> None:
        """Say no to whatever all agree upon next, and why, and let nobody wait for messages."""
        with self.signals:
            self._comm.Revoke()
            self.agree(0)
            self._hear(reason)

    def refusal(self) -> StepGivenUpError:
        """Make the error for who has heard that another process has said no."""
        with self.signals:
            told = self._hear("")
        return StepGivenUpError(
            f"{told or 'another process gave up'}: this step was given up",
            hint="nothing was written, in no process; forward again, or stop",
        )

    def _hear(self, mine: str) -> str:
        """Make a new circle, in which all hear who has given up, and why."""
        self.is_settled = True
        self.renew()
        own = np.frombuffer(mine.encode()[:REASON].ljust(REASON, b"\0"), np.uint8)

        def tell() -> list[Array]:
            said = [np.zeros(REASON, np.uint8) for _ in range(self.size)]
            self.swap([[own]] * self.size, [[one] for one in said])
            said[self.rank] = own
            return said

        texts = [bytes(one).rstrip(b"\0").decode(errors="replace") for one in self.together(tell)]
        pairs = zip(self.numbers, texts, strict=True)
        return ", ".join(f"process {number} ({text})" for number, text in pairs if text)

    def renew(self) -> None:
        """Go on with those who are left."""
        before = self._comm
        self._renew()
        before.Free()

    def _renew(self) -> None:
        """Make a communicator of those who are left."""
        comm = self._comm.Shrink()
        groups = comm.Get_group(), self._comm.Get_group()
        ranks = self._mpi.Group.Translate_ranks(groups[0], [*range(comm.Get_size())], groups[1])
        for group in groups:
            group.Free()
        left = [self.numbers[rank] for rank in ranks]
        self.lost += [number for number in self.numbers if number not in left]
        self._comm, self.numbers = comm, left
        self._comm.Set_errhandler(self._mpi.ERRORS_RETURN)
        self.rank, self.size = comm.Get_rank(), comm.Get_size()
        self.agree(0)  # all have it


def _raw(array: Array) -> Array:
    """Return the bytes of an array that lies in one piece."""
    return array.reshape(-1).view(np.uint8)

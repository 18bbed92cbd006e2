"""Signals that wait while something must not be torn apart."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Final

NUMBERS: Final = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """Ctrl-C and SIGTERM of the main thread, from `begin` to `end`.

    In a `with` block, and from `hold` to `end`, they wait. Elsewhere they arrive as always, once:
    where a handler has raised, all that follow wait for the end, so that nothing comes in between
    an exception and what has to be done about it.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._is_held = False
        self._handlers: dict[int, Any] = {}
        self._waiting: list[tuple[int, FrameType | None]] = []

    def begin(self) -> None:
        """From now on see to the signals that Python code handles."""
        if threading.current_thread() is not threading.main_thread():
            return  # only the main thread has handlers
        for number in NUMBERS:
            handler = signal.getsignal(number)
            if callable(handler) and handler != self._arrive:
                self._handlers[number] = handler
                signal.signal(number, self._arrive)

    def hold(self) -> None:
        """Let all signals wait until the end."""
        self._is_held = True

    def end(self) -> None:
        """Put the handlers back, and call them for the signals that have waited."""
        self._is_held = True
        try:
            for number, handler in self._handlers.items():
                if signal.getsignal(number) == self._arrive:
                    signal.signal(number, handler)
        finally:
            self._is_held = False
            self._deliver()

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        while self._waiting and not (self._depth or self._is_held):
            self._arrive(*self._waiting.pop(0))

    def _arrive(self, number: int, frame: FrameType | None) -> None:
        if self._depth or self._is_held:
            self._waiting.append((number, frame))
            return
        self._is_held = True  # if the handler raises, it stays so
        self._handlers[number](number, frame)
        self._is_held = False

    def _deliver(self) -> None:
        """Call the handlers of all that wait, whatever they raise."""
        if self._waiting:
            number, frame = self._waiting.pop(0)
            try:
                self._handlers[number](number, frame)
            finally:
                self._deliver()

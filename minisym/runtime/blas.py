"""BLAS keeps to one thread while workers have the CPUs.

Its own threads go on looking for work for some 20 ms after each product, and so keep the workers
from their CPUs for whole slices of time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_lock = threading.Lock()
"""Held by who has set the number of threads."""


@contextmanager
def one_thread_of_blas() -> Iterator[None]:
    """Let BLAS have one thread; where somebody has seen to that already, do nothing."""
    lock, blas = _lock, _blas()
    if blas is None or not lock.acquire(blocking=False):
        yield
        return
    try:
        with blas.limit(limits=1):
            yield
    finally:
        lock.release()


@cache
def _blas() -> Any:
    """Return what sets the number of BLAS' own threads; None without threadpoolctl."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController().select(user_api="blas")


def _forget() -> None:
    """Begin anew in a forked child: another thread may have held the lock."""
    global _lock  # noqa: PLW0603 - one BLAS for the process
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

"""Python's collector of reference cycles, and when to pause it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Pause the collector while many objects are made that all stay and hold no cycle.

    It would look through them again and again and find nothing, for more than half of the time
    that a large graph takes.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def importing() -> Iterator[None]:
    """Pause the collector for an import, and count what that has made among what is old.

    Else the collector would look through all of it as soon as it is back.
    """
    with paused():
        yield
        if not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()

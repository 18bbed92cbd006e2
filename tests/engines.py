"""The ways in which updates may land: see `minisym.runtime.landing`."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import pytest

from minisym.runtime import compiled, landing, loop_rows, workers

ENGINES = ("numpy", "workers", "compiled", "compiled workers")
"""All of them; without numba, only those that do without it can be told apart."""

FOUND = ENGINES if find_spec("numba") else ENGINES[:2]


@contextmanager
def using(engine: str) -> Iterator[None]:
    """Let executors that are bound here land their updates so, small ones too."""
    with pytest.MonkeyPatch.context() as patch:
        if "workers" in engine:
            patch.setattr(landing, "WORTH", 0)
            patch.setattr(landing, "PIECE", 128)
            patch.setattr(landing, "LINE", 16)
            patch.setattr(landing, "SHARED_PIECE", 1000)
            patch.setattr(landing, "UNIT", 100)
            patch.setattr(loop_rows, "UNIT", 100)
            patch.setattr(workers.Work, "_choose", lambda _: (True, False))
            patch.setattr(workers, "_number", 2)
        patch.setattr(compiled, "_mode", "always" if "compiled" in engine else "never")
        yield

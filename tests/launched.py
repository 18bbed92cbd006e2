"""Scripts in several processes, started as a user starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT


def launch(
    script: Path, *arguments: object, processes: int, status: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run a script in so many processes, which have to end with this status within minutes."""
    pytest.importorskip("mpi4py", reason="mpi4py is not installed")
    command = [
        sys.executable, "-m", "minisym.launch", "-n", str(processes), "--timeout", "200",
        str(script), *map(str, arguments),
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=240, env=environment
    )
    assert done.returncode == status, done.stderr
    return done

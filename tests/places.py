"""Where things are that tests read."""

from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
FIXTURES = TESTS / "fixtures"
"""What MXNet 1.9.1 answered; the scripts in scripts/mxnet record it."""
SNAPSHOTS = TESTS / "snapshots"
"""What minisym says and draws, word for word."""

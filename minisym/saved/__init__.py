"""Models as they were saved: found, loaded, checked, run, changed, and saved again."""

from __future__ import annotations

from minisym.saved.check import Check
from minisym.saved.load import load_model
from minisym.saved.model import Model

__all__ = ["Check", "Model", "load_model"]

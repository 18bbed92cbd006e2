"""Whole scripts, as people wrote them for MXNet: they run as they are, and compute its numbers."""

from __future__ import annotations

import runpy
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import minisym as ms

TESTS = Path(__file__).parent
RECORDED = np.load(TESTS / "fixtures" / "scripts_of_mxnet.npz")  # by scripts/record_scripts.py
SCRIPTS = {path.stem: path for path in sorted((TESTS / "scripts_of_mxnet").glob("*.py"))}


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "mxnet", ms)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what MXNet warns of, too
        found = runpy.run_path(str(SCRIPTS[name]))["RESULT"]
    wanted = {key: RECORDED[key] for key in RECORDED if key.startswith(f"{name}/")}
    assert {f"{name}/{key}" for key in found} == wanted.keys()
    for key, value in found.items():
        np.testing.assert_allclose(
            np.asarray(value), wanted[f"{name}/{key}"], rtol=1e-4, atol=1e-4, err_msg=key
        )

"""Whole scripts, as people wrote them for MXNet: they run as they are, and compute its numbers."""

from __future__ import annotations

import runpy
import sys
import warnings

import numpy as np
import pytest
from places import FIXTURES, TESTS

import minisym as ms

RECORDED = np.load(FIXTURES / "scripts_of_mxnet.npz")  # scripts/mxnet/record_scripts.py
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

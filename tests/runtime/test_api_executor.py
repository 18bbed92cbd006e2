"""The Executor API, row by row as MXNet 1.9.1 answers it.

The tables say where minisym differs, and why.
"""

from __future__ import annotations

import pytest
from tables import binding, cases, running

import minisym as ms


@pytest.mark.parametrize(("code", "expected"), cases.rows(binding, running))
def test_as_mxnet(code, expected):
    cases.check(ms, code, expected)

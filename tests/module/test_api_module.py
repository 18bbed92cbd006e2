"""Modules and what stands around them, row by row as MXNet 1.9.1 answers it.

The table says where minisym differs, and why.
"""

from __future__ import annotations

import pytest
from tables import cases, modules

import minisym as ms


@pytest.mark.parametrize(("code", "expected"), cases.rows(modules))
def test_as_mxnet(code, expected):
    cases.check(ms, code, expected)

"""The Symbol API, row by row as MXNet 1.9.1 answers; the tables say where minisym differs, and why."""

from __future__ import annotations

import pytest

import minisym as ms
from tables import cases, inferring, making, using

ROWS = [
    pytest.param(code, expected, id=f"{section.lower()}: {code.splitlines()[-1][:60]}")
    for module in (making, using, inferring)
    for section, table in module.TABLES.items()
    for code, expected in table
]


@pytest.mark.parametrize(("code", "expected"), ROWS)
def test_as_mxnet(code, expected):
    here = expected.here if isinstance(expected, cases.Differs) else expected
    found = cases.answer(ms, code)
    if isinstance(found, cases.Failure) and not cases.agrees(found, here):
        raise found.error
    assert cases.agrees(found, here), f"{code}\n-> {found!r}, not {here!r}"

"""Verify every graph that is bound, and load the package before its modules are collected.

Without the import, pytest, asked for one module of `minisym/ops`, would run it twice and register
its ops twice.
"""

import os

os.environ.setdefault("MINISYM_VERIFY", "1")

import pytest

import minisym
from minisym.core import op as registry

collect_ignore = ["minisym/ndarray.py"]
"""It stands for `minisym.nd` once it is imported; pytest would put the file itself in its place."""


@pytest.fixture(autouse=True)
def _fresh_names():
    """Count automatic names from 0 in every test and docstring."""
    with minisym.name.NameManager():
        yield


@pytest.fixture(autouse=True)
def _own_ops(request):
    """Forget the ops that a docstring declares: to later tests they would look like minisym's."""
    ops = registry._registry  # noqa: SLF001 - users declare an op anew, and never take one away
    known = set(ops)
    yield
    if isinstance(request.node, pytest.DoctestItem):
        for name in ops.keys() - known:
            del ops[name]

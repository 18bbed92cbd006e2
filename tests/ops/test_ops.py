"""Every op, with the samples that travel with its declaration (`minisym.core.samples`).

What is checked stands in `minisym.testing.checks`, and is the same for an op that is declared
elsewhere (`ms.testing.check_op`). An op without samples fails here: that is the checklist of
whoever declares one. A numeric gradient (`_backward_…`) is covered through the op that it belongs
to.
"""

from __future__ import annotations

import pytest

import minisym as ms
from minisym.core import op as registry
from minisym.core.op import Op
from minisym.testing.case import Case
from minisym.testing.checks import CHECKS, Check, writes
from minisym.testing.ops import cases_of

OPS = sorted(
    # tests declare ops of their own
    {op for op in registry.registered().values() if registry.is_own(op)},
    key=lambda op: op.name,
)
CASES = [case for op in OPS for case in cases_of(op)]
CHOSEN = [(check, case) for check in CHECKS for case in CASES if check.applies(case)]


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_has_samples(op: Op):
    forward = ms.op.find(op.name.removeprefix("_backward_"))
    tested = cases_of(op) or (forward is not None and cases_of(forward))
    assert tested, f"declare samples for {op.name}: see minisym/core/samples.py"
    assert not all(case.is_error for case in tested), f"{op.name} has error samples only"


@pytest.mark.parametrize(
    ("check", "case"), CHOSEN, ids=[f"{case}-{check.name}" for check, case in CHOSEN]
)
def test_op(check: Check, case: Case):
    reason = check.run(case)
    if reason:
        pytest.skip(reason)


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_writes(op: Op):
    writes([case for case in CASES if case.op is op and not case.is_error])

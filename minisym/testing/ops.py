"""`check_op`: one op through everything that the suite of minisym runs on its own ops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minisym.core import op as registry
from minisym.core.declared import check_samples
from minisym.core.errors import CheckError, ComposeError, DeclarationError, MinisymError, count
from minisym.core.op import Op
from minisym.core.samples import Sample
from minisym.passes.verify import verified
from minisym.testing.case import Case
from minisym.testing.checks import CHECKS, Check, writes


@dataclass(frozen=True)
class Report:
    """What was checked of an op; printed, a table.

    Attributes
    ----------
    op
        The op's name.
    checked
        Check -> how many samples it was made with.
    left_out
        Check -> why it was made with none.
    """

    op: str
    checked: Mapping[str, int]
    left_out: Mapping[str, str]

    def __repr__(self) -> str:
        """Lay out as a table."""
        width = max(map(len, [*self.checked, *self.left_out]))
        told = "it runs as declared, but no value was compared with what it should be"
        lines = [f"{self.op}: {told if 'value' in self.left_out else 'all is as declared'}"]
        lines += [f"  {n:<{width}}  {count(times, 'sample')}" for n, times in self.checked.items()]
        lines += [f"  {n:<{width}}  - ({reason})" for n, reason in self.left_out.items()]
        return "\n".join(lines)


def check_op(op: str | Op | Callable[..., Any], samples: Sequence[Sample] | None = None) -> Report:
    """Take an op through everything that minisym's own ops are taken through.

    Each of its samples is composed, inferred (also from some of the sizes), run, run at once by
    `ms.nd`, run in float32 and float16 and with strided, reversed and Fortran arrays; its kernel
    must fill `out` and leave its inputs alone; its gradients, and theirs, must be central
    differences in float64; a file must keep it; a run must write exactly what the op declares.

    Parameters
    ----------
    op
        What `@op` returned, the op's name, or its function in `ms.sym` or `ms.nd`.
    samples
        The calls to make; by default those of the declaration.

    Returns
    -------
    What was checked, and what was not and why.

    Raises
    ------
    CheckError
        The op does not do what its declaration says; an AssertionError, too. The message names op,
        sample, what was expected and what came.
    DeclarationError
        The op has no samples, or a rule of it fails.

    Examples
    --------
    >>> import numpy as np
    >>> from minisym import sym
    >>> from minisym.define import Sample
    >>> report = check_op(sym.tanh, [Sample(((2, 3),), reference=np.tanh)])
    >>> report.checked["gradient"], report.left_out["error"]
    (1, 'no sample says which error is raised')
    """
    found = _op(op)
    cases = cases_of(found, samples)
    if all(case.is_error for case in cases):
        has = "has only samples that raise errors" if cases else "has no samples"
        raise DeclarationError(
            f"{found.name} {has}, so that there is nothing to check it with",
            hint="declare some, with a shape or an array for each input: "
            "@op(samples=[Sample(((2, 3),), {'axis': 1}, reference=…)]); or give them here: "
            f"check_op({found.name}, [Sample(…)])",
        )
    checked: dict[str, int] = {}
    left_out: dict[str, str] = {}
    with verified():
        for check in CHECKS:
            reasons = [_told(check, case) for case in cases if check.applies(case)]
            if made := reasons.count(None):
                checked[check.name] = made
            else:
                left_out[check.name] = next(filter(None, reasons), check.otherwise)
        valid = [case for case in cases if not case.is_error]
        writes(valid)
        checked["writes"] = len(valid)
    if not found.doc:
        left_out["docstring"] = "it has none, so that help() says nothing of it"
    return Report(found.name, checked, left_out)


def _told(check: Check, case: Case) -> str | None:
    """Run a check; whatever else goes wrong in it is told as an error of the op."""
    subject = f"{case.op.name}, sample {case.number}: the check of {check.name} fails"
    try:
        return check.run(case)
    except (CheckError, DeclarationError):
        raise
    except MinisymError as error:
        raise CheckError(
            f"{subject}: {error.sentence}", rows=error.rows, origin=error.origin, hint=error.hint
        ) from error
    except Exception as error:
        raise CheckError(f"{subject}: {type(error).__name__}: {error}") from error


def cases_of(op: Op, samples: Sequence[Sample] | None = None) -> list[Case]:
    """Return an op's samples as cases; one that stands for many is the one that is meant."""
    if samples is None:
        samples = _declared(op)
    check_samples(op.name, samples)
    return [
        Case(op if sample.raises else op.chosen(sample.params), sample, i)
        for i, sample in enumerate(samples)
    ]


def _declared(op: Op) -> Sequence[Sample]:
    """Return the samples of a declaration, which may be made when they are asked for."""
    if not callable(op.samples):
        return op.samples
    try:
        made: Sequence[Sample] = op.samples()
    except Exception as error:
        raise DeclarationError(
            f"{op.name}: its samples cannot be made: {type(error).__name__}: {error}"
        ) from error
    return made


def _op(op: Any) -> Op:
    """Return the op that is meant."""
    if isinstance(op, str):
        return registry.get(op)
    found = op if isinstance(op, Op) else getattr(op, "op", None)
    if not isinstance(found, Op):
        raise ComposeError(
            f"check_op takes what @op returns, an op's name or its function, but got {op!r:.60}",
            hint="check_op(softsign), check_op('softsign') or check_op(ms.sym.softsign)",
        )
    return found

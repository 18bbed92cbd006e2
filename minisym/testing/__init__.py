"""Checks for tests: of one op, by its samples, and of symbols, by differences and by hand.

`check_op` takes an op through everything that minisym's own ops go through. The other three are
MXNet's `test_utils`: each builds an executor from a symbol and arrays, runs it, and raises
AssertionError with the first difference where it does not do what it should.
"""

from minisym.testing.ops import Report, check_op
from minisym.testing.symbols import (
    check_numeric_gradient,
    check_symbolic_backward,
    check_symbolic_forward,
)

__all__ = [
    "Report",
    "check_numeric_gradient",
    "check_op",
    "check_symbolic_backward",
    "check_symbolic_forward",
]

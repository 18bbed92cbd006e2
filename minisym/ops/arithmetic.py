r"""Arithmetic: functions of two arrays of one shape, of two that stretch, and of one and a number.

An operation is a kernel and its derivatives, which three tables share: `elemwise_add` and `_plus`
want one shape, `broadcast_add` stretches, `_plus_scalar` takes a number.
"""

from __future__ import annotations

"""Ops that are read when they are first asked for are what they would be, read at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

import minisym as ms
from minisym.core import op as registry
from minisym.core.declare import Declaration
from minisym.core.op import Op


def in_a_new_process(script: str, verify: str = "0") -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "MINISYM_VERIFY": verify},
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout


ALL = """
import hashlib
from dataclasses import fields
import minisym as ms

def said(value):
    if callable(value) and not isinstance(value, type):
        wants = getattr(value, "wants", ())
        return f"{getattr(value, '__qualname__', type(value).__name__)} {wants}"
    if isinstance(value, frozenset):
        return str(sorted(value))
    if isinstance(value, tuple):
        return [said(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return [said(getattr(value, f.name)) for f in fields(value)]
    if hasattr(value, "items"):
        return [(name, said(item)) for name, item in value.items()]
    plain = isinstance(value, str | int | float | bool | None)
    return str(value) if plain else type(value).__name__

for name, op in sorted(ms.op.registered().items()):
    told = [(f.name, said(getattr(op, f.name))) for f in fields(type(op))]
    print(name, hashlib.sha256(str(told).encode()).hexdigest())
"""


def test_read_late_all_ops_are_the_same():
    late = in_a_new_process(ALL)
    assert late.count("\n") > 500
    assert late == in_a_new_process(ALL, verify="1")


def test_a_program_reads_what_it_uses():
    told = in_a_new_process(
        "import minisym as ms\n"
        "x = ms.sym.tanh(ms.sym.Variable('x'))\n"
        "assert x.infer_shape(x=(2,))[1] == [(2,)]\n"
        "ops = {op for op in ms.op.registered().values()}\n"
        "unread = {op.name for op in ops if getattr(op, 'unread', None)}\n"
        "print('tanh' in unread, 'sinh' in unread, len(unread) > len(ops) - 30)\n"
    )
    assert told.split() == ["False", "True", "True"]


def test_what_a_user_declares_is_refused_where_it_stands():
    told = in_a_new_process(
        "from minisym.define import Array, op\n"
        "try:\n"
        "    @op(states=('wieght',))\n"
        "    def f(weight: Array, *, out: Array) -> None: ...\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, \"'wieght'\" in str(error))\n"
    )
    assert told.split() == ["DeclarationError", "True"]


def deferred(read: Any) -> Declaration:
    """Return an op that nobody else knows."""
    op = Declaration.__new__(Declaration)
    op.name, op.unread = "late", [read]
    return op


def test_threads_that_ask_at_once_see_the_whole():
    def read() -> Op:
        time.sleep(0.02)
        return Declaration(name="late", doc="Read.")

    op = deferred(read)
    op.grad(lambda g: None)
    seen: list[Any] = []
    slots = ("doc", "gradient", "inputs", "gradient", "kind", "gradient") * 2
    threads = [
        threading.Thread(target=lambda slot=slot: seen.append((slot, getattr(op, slot))))
        for slot in slots
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == len(slots)
    assert all(value is not None for _, value in seen)
    assert ("doc", "Read.") in seen


def test_what_its_module_filled_stays():
    op = deferred(lambda: Declaration(name="late", no_onnx="as declared", doc="Read."))
    op.no_onnx = "as assigned"
    assert (op.doc, op.no_onnx) == ("Read.", "as assigned")


def test_a_slip_is_told_each_time():
    def read() -> Op:
        raise ms.DeclarationError("late: a slip")

    op = deferred(read)
    for _ in range(2):
        with pytest.raises(ms.DeclarationError, match="a slip"):
            _ = op.inputs
    assert registry.find("late") is None


def test_an_op_has_no_other_attributes():
    op = deferred(lambda: Declaration(name="late"))
    with pytest.raises(AttributeError, match="inputz"):
        _ = op.inputz  # type: ignore[attr-defined]

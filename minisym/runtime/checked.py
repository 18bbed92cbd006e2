"""What a kernel must keep to, checked in each run while graphs are verified.

It fills `out`, all of it, returns nothing new, and writes into no input. A kernel that breaks this
computes wrong numbers in silence, or changes what other nodes read; so under `MINISYM_VERIFY=1` its
inputs cannot be written, and its outputs hold a mark before it runs that none of it may keep. What
the kernel of a user returns is looked at in every run: that costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from minisym.core.errors import ExecutionError
from minisym.core.kernels import Step
from minisym.core.ndarray import Array
from minisym.core.node import Node

_MARKS: Final = {2: 0x7DAD, 4: 0x7FADDEAD, 8: 0x7FFADDEADDEADDEA}
"""By the size of an element: NaNs that no arithmetic makes, and integers that hardly any does.

A single byte has no value to spare; `minisym.testing.check_op` compares two runs of a kernel.
"""


def checked(node: Node, step: Step, outs: Sequence[Array]) -> Step:
    """Return a step that runs a kernel and sees to it that it keeps to the rules."""
    op = node.op
    assert op is not None
    function, arguments = step
    given = tuple(_read_only(a) if isinstance(a, np.ndarray) else a for a in arguments)
    # one that computes in place may leave what is right already
    fresh = [
        out
        for out in outs
        if out.itemsize in _MARKS
        and not any(isinstance(a, np.ndarray) and np.may_share_memory(a, out) for a in arguments)
    ]

    def run() -> None:
        for out in fresh:
            out.view(f"u{out.itemsize}")[...] = _MARKS[out.itemsize]
        try:
            answer = function(*given)
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            raise ExecutionError(
                f"{op.name} {node.name!r}: its kernel writes into one of its inputs",
                origin=node.origin,
                hint="it fills `out` from them; an update declares the inputs that its outputs "
                'overwrite: @op(writes=("weight",))',
            ) from error
        refuse_answer(node, answer, outs)
        for out in fresh:
            if (out.view(f"u{out.itemsize}") == _MARKS[out.itemsize]).any():
                raise ExecutionError(
                    f"{op.name} {node.name!r}: its kernel leaves a part of `out` as it was",
                    origin=node.origin,
                    hint="it must fill every element of every output; `out = …` fills none",
                )

    return run, ()


def filling(node: Node, step: Step, outs: Sequence[Array]) -> Step:
    """Return a step that runs a user's kernel, which may return what `out` should hold."""
    function, arguments = step
    return (lambda: refuse_answer(node, function(*arguments), outs)), ()


def refuse_answer(node: Node, answer: Any, outs: Sequence[Array]) -> None:
    """Refuse a kernel that returns something new: then `out` holds what was there before."""
    if answer is None:
        return
    if not {id(one) for one in (answer if isinstance(answer, tuple) else (answer,))} <= {
        id(out) for out in outs
    }:
        assert node.op is not None
        raise ExecutionError(
            f"{node.op.name} {node.name!r}: its kernel returns {type(answer).__name__}, "
            "but it must fill `out`",
            origin=node.origin,
            hint="write out[...] = … instead of return …",
        )


def _read_only(array: Array) -> Array:
    view = array.view()
    view.flags.writeable = False
    return view

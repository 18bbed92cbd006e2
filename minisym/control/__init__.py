"""Control flow: ops that hold graphs, as MXNet's `foreach`, `while_loop` and `cond`.

A body is an ordinary symbol. The node that holds it infers through it, compiles it to a plan of its
own, and has a gradient: another loop, or another choice, of gradients of the body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minisym.control.branch import branch_of, branch_op, cond
from minisym.control.foreach import foreach
from minisym.control.locations import scan_of, while_of
from minisym.control.reverse import loop_op
from minisym.control.while_loop import while_loop
from minisym.core.op import Op
from minisym.core.symbol import Symbol

__all__ = ["cond", "foreach", "op_of_file", "while_loop"]


def op_of_file(
    name: str, attrs: Mapping[str, str], bodies: Sequence[Symbol], inputs: int
) -> Op | None:
    """Make the op of a node that a file says, or None if it is none of these.

    Raises
    ------
    FormatError, ParamError
        The attributes are missing, or do not fit the graphs.
    """
    if name in ("_foreach", "_scan"):
        return loop_op(name, scan_of(attrs, bodies, inputs))
    if name == "_while_loop":
        return loop_op(name, while_of(attrs, bodies, inputs))
    if name == "_cond":
        return branch_op(name, branch_of(attrs, bodies, inputs))
    return None

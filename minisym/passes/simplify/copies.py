"""Nodes that hand on what they read: their readers read it directly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import copysign
from typing import Final

from minisym.core.node import Entry, Node
from minisym.passes.purpose import Purpose
from minisym.passes.simplify.pinned import having, written
from minisym.passes.typed import Typed

Test = Callable[[Node, Typed, Purpose], bool]
"""Whether a node whose output has the shape and type of its first input hands it on, bit by bit."""


def _always(node: Node, typed: Typed, purpose: Purpose) -> bool:
    return True


def _in_place(node: Node, typed: Typed, purpose: Purpose) -> bool:
    axes = node.params["axes"]
    return bool(axes) and list(axes) == sorted(axes)


def _all_steps_forward(node: Node, typed: Typed, purpose: Purpose) -> bool:
    return not any(step is not None and step < 0 for step in node.params["step"])


def _times_one(node: Node, typed: Typed, purpose: Purpose) -> bool:
    return bool(node.params["scalar"] == 1) and _kind(node, typed) in "iuf"


def _plus_nothing(node: Node, typed: Typed, purpose: Purpose) -> bool:
    scalar = node.params["scalar"]  # -0.0 + 0.0 is 0.0: of floats only -0.0 changes nothing
    return bool(scalar == 0) and (_kind(node, typed) in "iu" or copysign(1, scalar) < 0)


def _minus_nothing(node: Node, typed: Typed, purpose: Purpose) -> bool:
    scalar = node.params["scalar"]  # and here it is the other way round
    return bool(scalar == 0) and (_kind(node, typed) in "iu" or copysign(1, scalar) > 0)


def _in_inference(node: Node, typed: Typed, purpose: Purpose) -> bool:
    return purpose.is_train is False and node.params["mode"] != "always"


def _kind(node: Node, typed: Typed) -> str:
    """Return the kind of numbers that a node computes: "f", "i", "u" or "b"."""
    return typed.dtypes[Entry(node)].kind


COPIES: Final[Mapping[str, Test]] = {
    "_copy": _always,
    "_identity_with_attr_like_rhs": _always,
    "BlockGrad": _always,
    "make_loss": _always,
    "Cast": _always,
    "amp_cast": _always,
    "Reshape": _always,
    "reshape_like": _always,
    "Flatten": _always,
    "squeeze": _always,
    "broadcast_to": _always,
    "broadcast_axis": _always,
    "broadcast_like": _always,
    "tile": _always,
    "slice_axis": _always,
    "slice": _all_steps_forward,
    "Concat": _always,
    "add_n": _always,
    "transpose": _in_place,
    "_mul_scalar": _times_one,
    "_div_scalar": _times_one,
    "_plus_scalar": _plus_nothing,
    "_minus_scalar": _minus_nothing,
    "Dropout": _in_inference,
}
"""Op -> when it hands on its first input. That shape and type stay has been asked before."""
_SEVERAL: Final = frozenset({"Concat", "add_n"})
"""Of many arrays these hand on one only if there is no other."""


def skip_copies(typed: Typed, purpose: Purpose) -> Typed:
    """Let the readers of a node that hands on its input read the input."""
    candidates = having(typed, COPIES)
    if not candidates:
        return typed
    kept = {entry.node for entry in typed.graph.outputs}
    busy = written(typed)

    def hands_on(node: Node) -> bool:
        assert node.op is not None
        source = node.inputs[0]
        return (
            COPIES[node.op.name](node, typed, purpose)
            and node not in kept
            and typed.dtypes[source] == typed.dtypes[Entry(node)]
            and typed.shapes[source] == typed.shapes[Entry(node)]
            and source.node not in busy
            and not (len(node.inputs) > 1 and node.op.name in _SEVERAL)
        )

    found = {node for node in candidates if hands_on(node)}
    # a view costs nothing in a run: for views alone no graph is rewritten
    if all(node.op is not None and node.op.view for node in found):
        return typed
    return typed.substitute(
        {}, lambda node, inputs: inputs[0] if node in found else node.reading(inputs)
    )

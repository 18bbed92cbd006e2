"""What `bind` does to a graph before it plans it: the passes, in order.

A pass is a function of a `Typed` graph and the `Purpose` of its runs, and returns a `Typed` graph:
the same object, if it has found nothing to do. It must see that quickly (`typed.ops` are the names
of all ops), since most graphs are small and are bound once.

What a pass may do:

* The outputs keep their number, order, names, shapes and types, and none becomes another one, or a
  Variable: they are arrays that a user holds.
* Elementwise results and updates keep their bits; whatever else changes a result says by how much.
* Random ops, operators of a user and updates keep their number and their order. An update may go
  only where it writes what was there before, in inference.
* A node that takes the place of another keeps its name and its origin (`rewrite.instead_of`):
  errors lead to the user's own line.

The user's symbol never changes. Whoever looks on (a monitor, `nan_guard`, `internals`, `step`) sees
a run of the graph as it was composed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from minisym.core.errors import GraphError
from minisym.passes import verify
from minisym.passes.order import find_writes
from minisym.passes.purpose import Purpose
from minisym.passes.rewrite import verified
from minisym.passes.simplify.channels import lay_filters, lie_channels_last
from minisym.passes.simplify.common import share_common
from minisym.passes.simplify.copies import skip_copies
from minisym.passes.simplify.finish import finish_layers
from minisym.passes.simplify.pairs import join_pairs
from minisym.passes.simplify.scalars import join_scalars
from minisym.passes.simplify.winograd import use_winograd
from minisym.passes.typed import Typed
from minisym.runtime.constants import compute_constants
from minisym.runtime.groups import group_elementwise

Optimization = Callable[[Typed, Purpose], Typed]

PASSES: Final[tuple[Optimization, ...]] = (
    skip_copies,  # nodes that hand on what they read
    join_pairs,  # transpositions there and back, and the like
    join_scalars,  # x * 2 * 4
    share_common,  # what is computed twice
    finish_layers,  # normalisations, residuals and rectifiers behind a convolution
    compute_constants,  # what is the same in every run
    lie_channels_last,  # in which order images lie in memory
    use_winograd,  # filters that are transformed once
    compute_constants,
    lay_filters,  # the others in the order of the images
    group_elementwise,  # large arrays, piece by piece
)
"""In the order in which they run."""


def optimize(typed: Typed, purpose: Purpose) -> Typed:
    """Return the graph that runs: the same one, if no pass finds anything to do.

    Raises
    ------
    GraphError
        While `MINISYM_VERIFY` is 1, a pass has made a broken graph, or has not kept its promises.
    """
    for one in PASSES:
        after = one(typed, purpose)
        if after is not typed and verify.is_on():
            check(typed, after, purpose, one.__name__)
        typed = after
    return typed


def check(before: Typed, after: Typed, purpose: Purpose, name: str) -> None:
    """See that a pass has made a sound graph and kept what all passes promise.

    Raises
    ------
    GraphError
        It has not.
    """
    verified(before.graph, after.graph, name, ["outputs"])
    for one, two in zip(before.graph.outputs, after.graph.outputs, strict=True):
        had = before.shapes[one], before.dtypes[one], one.node.op is None
        has = after.shapes[two], after.dtypes[two], two.node.op is None
        if had != has:
            raise GraphError(f"{name}: the output {one.name} was {had}, and became {has}")
    if len(set(before.graph.outputs)) != len(set(after.graph.outputs)):
        raise GraphError(f"{name}: outputs that were apart became one")
    for node in after.graph:
        if node.op is None and node not in before.graph and node not in purpose.constants:
            raise GraphError(f"{name}: {node!r} is new, and no constant")
    had_writes, has_writes = (_writes(typed, purpose) for typed in (before, after))
    if had_writes != has_writes:
        raise GraphError(f"{name}: the graph wrote {had_writes}, and now it writes {has_writes}")


def _writes(typed: Typed, purpose: Purpose) -> list[str]:
    """Return the Variables that are written in any case."""
    return [
        write.variable.name
        for entry, write in find_writes(typed.graph).items()
        if entry.node.op is not None and not (purpose.is_train is False and entry.node.op.learns)
    ]

"""The node that makes the first NaN or infinity of a run.

The guard looks at every value right after it has been computed, on a plan that keeps all of them,
so that the error can say what the node read. Nothing has been written then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minisym.core.errors import ExecutionError, Row
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.core.shapes import show
from minisym.runtime.observe.values import Statistics, is_finite, statistics
from minisym.runtime.plan import Plan


class NonFiniteError(ExecutionError):
    """A node made a NaN or an infinity.

    Attributes
    ----------
    node
        The node.
    inputs, outputs
        Name -> statistics of what it read and made.
    """

    node: Node
    inputs: dict[str, Statistics]
    outputs: dict[str, Statistics]


@dataclass(frozen=True)
class NanGuard:
    """An observer that stops a run at the first NaN or infinity; see `Executor.nan_guard`."""

    allow: frozenset[str] = frozenset()
    """Nodes that may make them."""
    infinities: bool = True
    """Whether infinities count."""

    def before(self, plan: Plan, node: Node, *, backward: bool) -> None:
        """Do nothing: what a node reads has been looked at when it was made."""

    def after(self, plan: Plan, node: Node, *, backward: bool) -> None:
        """Raise if the node has made a NaN or an infinity."""
        if node.name in self.allow:
            return
        entries = [Entry(node, i) for i in range(node.num_outputs)]
        bad = [entry for entry in entries if not self._is_well(plan.arrays[entry])]
        if bad:
            raise _not_finite(plan, node, bad, backward=backward)

    def _is_well(self, array: Array) -> bool:
        return is_finite(array) or not (self.infinities or np.isnan(array).any())


def _not_finite(plan: Plan, node: Node, bad: Sequence[Entry], *, backward: bool) -> NonFiniteError:
    """Say which node it was, what it read, and what came out."""
    assert node.op is not None
    inputs: dict[str, Statistics] = {}
    rows: list[Row] = []
    is_view = plan.layout.homes[Entry(node)].kind == "view"  # then the input is there still
    for name, entry in zip(node.input_names(), node.inputs, strict=True):
        array = plan.value(entry, backward=backward)
        kind = f"{show(array.shape)} {array.dtype}"
        if any(np.may_share_memory(array, plan.arrays[b]) for b in bad) and not is_view:
            rows.append((name, kind, f"{entry.name}: overwritten by the output", ""))
            continue
        inputs[name] = found = statistics(array)
        remark = "" if found.is_finite else "not finite already"
        rows.append((name, kind, f"{entry.name}: {found}", remark))
    outputs = {entry.name: statistics(plan.arrays[entry]) for entry in bad}
    for name, found in outputs.items():
        rows.append((name, f"{show(found.shape)} {found.dtype}", str(found), "here"))
    what = "NaN" if any(found.nans for found in outputs.values()) else "infinity"
    verb = "made the first" if all(f.is_finite for f in inputs.values()) else "passed on a"
    error = NonFiniteError(
        f"{node.op.name} {node.name!r} {verb} {what}",
        rows=rows,
        origin=node.origin,
        hint="every bound array is as it was before the run",
    )
    error.node, error.inputs, error.outputs = node, inputs, outputs
    return error

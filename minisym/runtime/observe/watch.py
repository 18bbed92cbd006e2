"""A run in front of observers: node by node, each value shown while it is there.

Memory is used again and again in a run, so that most values are gone at its end. An observer sees
each one right after the step that computed it. There are two kinds: the `Monitor` that tells a
callback, and the `NanGuard` of `minisym.runtime.observe.guard`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from minisym.core.ndarray import NDArray
from minisym.core.node import Entry, Node
from minisym.runtime.plan import Plan
from minisym.runtime.program import Part


class Observer(Protocol):
    """What looks on while the nodes of a run are computed; `backward` says which run."""

    def before(self, plan: Plan, node: Node, *, backward: bool) -> None:
        """Look at what a node is going to read."""

    def after(self, plan: Plan, node: Node, *, backward: bool) -> None:
        """Look at what a node has made. An exception ends the run, and nothing is written."""


def watch(
    plan: Plan, parts: Sequence[Part], observers: Sequence[Observer], *, backward: bool
) -> None:
    """Run the nodes one after the other in front of observers; the writes come behind that.

    The plan is one without updates in place, so that a run which an observer stops writes nothing.
    """
    for part in parts:
        run_part(plan, part, observers, backward=backward)


def run_part(plan: Plan, part: Part, observers: Sequence[Observer], *, backward: bool) -> None:
    """Run one node in front of observers."""
    node, steps = part
    for observer in observers:
        observer.before(plan, node, backward=backward)
    plan.run(steps)
    if node.op is not None:
        for observer in observers:
            observer.after(plan, node, backward=backward)


class Monitor(NamedTuple):
    """An observer that tells a callback; see `Executor.set_monitor_callback`."""

    callback: Callable[[str, NDArray], object]
    inputs: bool
    """Whether the inputs of each node are shown, too."""

    def before(self, plan: Plan, node: Node, *, backward: bool) -> None:
        """Show a node's inputs as MXNet names them: Variables under their own name, too."""
        if not self.inputs:
            return
        for slot, entry in zip(node.input_names(), node.inputs, strict=True):
            array = NDArray.of(plan.value(entry, backward=backward))
            if entry.node.op is None:
                self.callback(entry.node.name, array)
            self.callback(f"{node.name}_{slot}", array)

    def after(self, plan: Plan, node: Node, *, backward: bool) -> None:  # noqa: ARG002  an Observer's
        """Show a node's outputs, hidden ones too, but not the new values of its states."""
        assert node.op is not None
        visible, new = node.op.visible_outputs(node.params), set(node.op.writes.values())
        for i in range(node.num_outputs):
            if i < visible or i not in new:
                entry = Entry(node, i)
                self.callback(entry.name, NDArray.of(plan.arrays[entry]))

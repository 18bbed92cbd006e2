"""A run in front of an observer: node by node, each value shown while it is there.

Memory is used again and again in a run, so that most values are gone at its end. A monitor sees
each one right after the step that computed it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from minisym.graph import Entry, Node
from minisym.ndarray import NDArray
from minisym.runtime.plan import Commit, Part, Plan, execute


class Observer(Protocol):
    """What runs the nodes in place of the executor, and looks on."""

    def run(
        self, plan: Plan, parts: Sequence[Part], commits: Sequence[Commit], *, late: bool
    ) -> None:
        """Run the nodes, then do the writes. `late` tells the backward run from the forward run."""


class Monitor(NamedTuple):
    """Who is told about values."""

    callback: Callable[[str, NDArray], object]
    inputs: bool
    """Whether the inputs of each node are shown, too."""

    def run(
        self, plan: Plan, parts: Sequence[Part], commits: Sequence[Commit], *, late: bool
    ) -> None:
        """Run, and show each value."""
        run_watched(plan, parts, commits, self, late=late)


def run_watched(
    plan: Plan, parts: Sequence[Part], commits: Sequence[Commit], monitor: Monitor, *, late: bool
) -> None:
    """Run the nodes one after the other, then do the writes; show each node's outputs.

    A node whose last step is the write into a bound array is shown behind the writes. `late` tells
    the backward run from the forward run.
    """
    waiting: list[Node] = []
    for node, steps in parts:
        if monitor.inputs:
            _show_inputs(plan, node, monitor, late=late)
        execute(plan, steps)
        if Entry(node) in plan.direct:
            waiting.append(node)
        elif node.op is not None:
            _show_outputs(plan, node, monitor)
    execute(plan, (), commits)
    for node in waiting:
        _show_outputs(plan, node, monitor)


def _show_inputs(plan: Plan, node: Node, monitor: Monitor, *, late: bool) -> None:
    """Show a node's inputs as MXNet names them: Variables under their own name, too."""
    for slot, entry in zip(node.input_names(), node.inputs, strict=True):
        array = NDArray.of(plan.value(entry, late=late))
        if entry.node.op is None:
            monitor.callback(entry.node.name, array)
        monitor.callback(f"{node.name}_{slot}", array)


def _show_outputs(plan: Plan, node: Node, monitor: Monitor) -> None:
    """Show a node's outputs, hidden ones too, but not the new values of its states."""
    assert node.op is not None
    visible, new = node.op.visible_outputs(node.params), set(node.op.writes.values())
    for i in range(node.num_outputs):
        if i < visible or i not in new:
            entry = Entry(node, i)
            monitor.callback(entry.name, NDArray.of(plan.arrays[entry]))

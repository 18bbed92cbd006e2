"""Inner values of a graph after a run, by name: `executor.internals["fc1_output"]`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from minisym.core.errors import ExecutionError, OutputNameError, did_you_mean
from minisym.core.graph import Graph
from minisym.core.ndarray import NDArray
from minisym.core.node import Entry
from minisym.runtime.plan import Plan

_NOW_KEPT: Final = "now that you have asked, all are kept: run forward() once more"


class InnerNameError(OutputNameError, KeyError):
    """No inner output, or more than one, has the name asked for."""

    __str__ = OutputNameError.__str__


class Internals(Mapping[str, NDArray]):
    """The value of every output of every node, by its name in `get_internals()`.

    A plan uses memory again, so that a value may be gone after the run. Asking an executor for its
    internals makes it keep all of them from its next run on; until then those can be read that
    nothing has overwritten.
    """

    def __init__(
        self, heads: Iterable[Entry], state: Callable[[], tuple[Plan, bool, bool]]
    ) -> None:
        self._state = state
        self._names = {entry.name: None for entry in _outputs(heads)}
        self._plan: Plan | None = None
        self._entries: dict[str, list[Entry]] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in the graph's order."""
        return iter(self._names)

    def __contains__(self, name: object) -> bool:
        """Return whether there is an output of this name, with a value or without."""
        return name in self._names

    def __repr__(self) -> str:
        """Show the names."""
        return f"<internals: {', '.join(self)}>"

    def __getitem__(self, name: str) -> NDArray:
        """Return a value; it is the plan's own memory, which the next run overwrites.

        Raises
        ------
        OutputNameError
            There is no such name (this is a KeyError, too), or more than one.
        ExecutionError
            There was no run yet, or the memory has been used again since the value was there.
        """
        if name not in self._names:
            raise InnerNameError(
                f"there is no inner output {name!r}", hint=did_you_mean(name, self._names)
            )
        plan, ran_forward, ran_backward = self._state()
        found = self._found(plan, name)
        if not found:
            raise ExecutionError(
                f"the value of {name} is gone: what ran was simpler, and did without it",
                hint=_NOW_KEPT,
            )
        if len(found) > 1:
            raise InnerNameError(
                f"{len(found)} inner outputs are named {name!r}",
                hint="rename one when it is composed",
            )
        entry = found[0]
        if entry.node.op is not None and not ran_forward:
            raise ExecutionError(f"{name} has no value yet", hint="run forward() first")
        tenant = _later_tenant(plan, entry, ran_backward=ran_backward)
        if tenant is not None:
            raise ExecutionError(
                f"the value of {name} is gone: {tenant.name} used its memory again",
                hint=_NOW_KEPT,
                origin=entry.node.origin,
            )
        return NDArray.of(plan.arrays[entry])

    def _found(self, plan: Plan, name: str) -> list[Entry]:
        """Return the entries of this name in the graph that has run."""
        if plan is not self._plan:
            self._plan, self._entries = plan, {}
            for entry in _outputs(plan.heads):
                self._entries.setdefault(entry.name, []).append(entry)
        return self._entries.get(name, [])


def _outputs(heads: Iterable[Entry]) -> Iterator[Entry]:
    """Iterate over all outputs of all nodes, hidden ones included."""
    return (Entry(node, i) for node in Graph(heads) for i in range(node.num_outputs))


def _later_tenant(plan: Plan, entry: Entry, *, ran_backward: bool) -> Entry | None:
    """Return who has overwritten an entry's memory since, if anybody."""
    layout = plan.layout
    root = layout.root(entry)
    home = layout.homes[root]
    if home.block is None:
        return None
    ran = len(layout.nodes) if ran_backward else layout.forward
    return next(
        (
            other
            for other, its in layout.of_kind("block")
            if its.block is home.block and home.begin < its.begin < ran
        ),
        None,
    )

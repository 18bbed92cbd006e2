"""The plans of an executor: one graph may run in several ways, each planned when it is needed.

Runs that nobody watches run the graph that `optimize` has made: for both modes one, or, where ops
behave differently in them, one for each, in the same memory. Runs that somebody watches run the
graph as it was composed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minisym.core.ndarray import Array
from minisym.core.node import Node
from minisym.passes import purpose
from minisym.passes.purpose import Purpose
from minisym.passes.typed import Typed
from minisym.runtime.late import is_late, make_plan
from minisym.runtime.optimize import optimize
from minisym.runtime.peers import Peers
from minisym.runtime.plan import Memory, Plan, States


class Plans:
    """Plans for one graph and its arrays.

    Parameters
    ----------
    typed
        The graph as it was composed, with its gradients.
    bound
        Variable -> the user's array.
    num_heads
        How many outputs belong to the forward run.
    optimize
        Whether runs that nobody watches may run a graph that was rewritten.
    memory
        The memory that the outputs take, as far as it fits.
    states
        What ops keep from run to run.
    comm
        The processes that run the same graph.
    """

    def __init__(
        self,
        typed: Typed,
        bound: Mapping[Node, Array],
        num_heads: int,
        *,
        optimize: bool,
        memory: Memory,
        states: States,
        comm: Peers | None = None,
    ) -> None:
        self.typed = typed
        self.bound = {node: array.view(np.ndarray) for node, array in bound.items()}
        self._num_heads = num_heads
        self._shared: dict[str, Any] = {"states": states, "comm": comm}
        self._heads = memory.heads
        self._optimizes = optimize and not is_late(typed)
        self._by_mode = (
            self._optimizes
            and num_heads == len(typed.graph.outputs)  # a backward run may follow in either mode
            and any("is_train" in op.needs for op in typed.declared.values())
        )
        self._tile = 2
        self._quick: dict[bool | None, Plan] = {}
        self._watched: Plan | None = None
        self.first = self.quick(is_train=None)
        self._heads = self.first.memory().heads

    def of(self, *, is_train: bool | None, keep: bool, in_place: bool) -> Plan:
        """Return the plan for runs in a mode, None standing for the likely one.

        Without `keep`, and with updates `in_place`, nobody looks on.
        """
        if in_place and not keep:
            self._watched = None
            return self.quick(is_train=is_train)
        plan = self._watched
        if plan is None or plan.keep != keep or plan.in_place != in_place:
            self._quick = {}
            memory = Memory(self._heads)
            self._watched = plan = self.plain(keep=keep, in_place=in_place, memory=memory)
        return plan

    def quick(self, *, is_train: bool | None) -> Plan:
        """Return the plan for runs that nobody watches."""
        mode = self._mode(is_train)
        plan = self._quick.get(mode)
        if plan is None:
            rest = [raw for other in self._quick.values() for raw in other.memory().rest]
            memory = Memory(self._heads, rest)
            plan = self._quick[mode] = self._optimized(mode, memory)
        return plan

    def plain(self, *, bound: Mapping[Node, Array] | None = None, **options: Any) -> Plan:
        """Return a new plan of the graph as it was composed."""
        arrays = self.bound if bound is None else bound
        return make_plan(self.typed, arrays, self._num_heads, **self._shared, **options)

    def elsewhere(self) -> Plan:
        """Forget all plans and the memory of the outputs; return a plan with new memory."""
        self._heads, self._quick, self._watched = (), {}, None
        plan = self.quick(is_train=None)
        self._heads = plan.memory().heads
        return plan

    def keep_gradients(self, keep: bool) -> None:
        """Let runs that nobody watches leave what updates read where it can be read."""
        self._shared["gradients"] = keep
        self._quick, self._watched = {}, None

    def freeze(self, arrays: Mapping[Node, Array], tile: int) -> None:
        """Take note that some arrays are read-only from now on: plans may rely on their values."""
        self._tile = tile
        self.bound |= {node: array.view(np.ndarray) for node, array in arrays.items()}
        self._quick, self._watched = {}, None

    @property
    def memory(self) -> Memory:
        """The memory of the outputs."""
        return Memory(self._heads)

    def _mode(self, is_train: bool | None) -> bool | None:
        """Return the mode that a graph is made for; None: one graph serves both."""
        if not self._by_mode:
            return None
        if is_train is not None:
            return is_train
        # a graph that updates its arguments is a step of training
        return any(op.kind == "update" for op in self.typed.declared.values())

    def _optimized(self, mode: bool | None, memory: Memory) -> Plan:
        if not self._optimizes:
            return self.plain(memory=memory)
        known = purpose.constants(self.bound)
        inference = mode is None and self._num_heads == len(self.typed.graph.outputs)
        use = Purpose(False if inference else mode, self._num_heads, known, self._tile)
        typed = optimize(self.typed, use)
        for plan in self._quick.values():
            if plan.typed.graph is typed.graph:  # the mode makes no difference after all
                return plan
        bound = {**self.bound, **use.constants}
        return Plan(typed, bound, self._num_heads, memory=memory, **self._shared)

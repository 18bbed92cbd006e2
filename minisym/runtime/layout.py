"""Who lives where in a run, and from when to when.

`lay_out` decides it once, as data: every value of a plan gets a `Home`. The plan makes arrays of
it, and reports, pictures and `debug_str` read the same, so that they cannot disagree.

A value lives from the node that computes it to its last reader. Blocks of memory are taken from the
smallest free one that is large enough, and given back after the last reader.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Any, Final, Literal

import numpy as np

from minisym.core.errors import BindError
from minisym.core.node import Entry, Node, all_entries
from minisym.core.shapes import show
from minisym.passes.order import Write
from minisym.passes.typed import Typed

ALIGNMENT: Final = 64
"""Where a block begins: at a multiple of a cache line, which is what vector units like."""


@contextmanager
def _enough(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[None]:
    """Say for what there is not enough memory."""
    try:
        yield
    except (MemoryError, OverflowError, ValueError):  # the last two: it cannot even be addressed
        message = f"there is no memory for {name}, {show(shape)} of {dtype}"
        raise BindError(message) from None


def zeros(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Return an array of zeros for a variable of this name."""
    with _enough(name, shape, dtype):
        return np.zeros(shape, dtype)


Kind = Literal["bound", "copy", "block", "view", "write"]


@dataclass(eq=False)
class Block:
    """A piece of memory that several values use one after the other."""

    nbytes: int
    number: int = 0
    """Its place among the blocks, in the order in which they are first needed."""
    last: Entry | None = None
    """The value that lives in it last."""
    array: np.ndarray[Any, Any] | None = field(default=None, repr=False)
    views: dict[Any, np.ndarray[Any, Any]] = field(default_factory=dict, repr=False)
    """The arrays that values have seen it as: one for all that are alike, so that a long run finds
    it in the cache of the processor."""

    def view(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        """Return the block's beginning as an array."""
        found = self.views.get((shape, dtype))
        if found is None:
            found = self.views[shape, dtype] = self._seen_as(shape, dtype)
        return found

    def _seen_as(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        if self.array is None:
            assert self.last is not None
            with _enough(self.last.name, shape, dtype):
                raw = np.empty(self.nbytes + ALIGNMENT, np.uint8)
            skip = -raw.ctypes.data % ALIGNMENT
            self.array = raw[skip : skip + self.nbytes]
        size = prod(shape) * dtype.itemsize
        return self.array[:size].view(dtype).reshape(shape)

    def holds(self, typed: Typed, entry: Entry) -> np.ndarray[Any, Any]:
        """Return the block's beginning as the array of an entry, in its order of memory."""
        shape, dtype = typed.shapes[entry], typed.dtypes[entry]
        if entry not in typed.last:
            return self.view(shape, dtype)
        return np.moveaxis(self.view((shape[0], *shape[2:], shape[1]), dtype), -1, 1)


@dataclass(slots=True)
class Home:
    """Where one value lives.

    Attributes
    ----------
    kind
        "bound": the user's array. "copy": of a bound one before the run. "block": memory of the
        plan. "view": another value's memory. "write": the bound array that it is the new value of.
    begin, end
        The positions of the node that computes it and of its last reader; -1 is before the run, the
        number of nodes behind it.
    block
        Of a value in a block, which one.
    source
        Of a view, what it sees; of a write, the Variable; in a block, whose memory it has taken
        over, if anybody's.
    in_place
        Whether it overwrites `source` while it is computed.
    """

    kind: Kind
    begin: int
    end: int
    block: Block | None = None
    source: Entry | None = None
    in_place: bool = False


@dataclass
class Layout:
    """The homes of all values of a run.

    Attributes
    ----------
    nodes
        The ops in the order in which they run, and how many of them run `forward`.
    homes
        Entry -> where it lives; `copies` are those of bound arrays that are read after the writes.
    """

    nodes: Sequence[Node]
    forward: int
    homes: dict[Entry, Home]
    copies: dict[Entry, Home]
    blocks: list[Block] = field(default_factory=list)
    roots: dict[Entry, Entry] = field(default_factory=dict)
    """View -> the value whose memory it sees in the end."""

    def root(self, entry: Entry) -> Entry:
        """Return the entry whose memory this one sees, or itself."""
        return self.roots.get(entry, entry)

    def is_write(self, node: Node) -> bool:
        """Return whether a node computes its new values in place, at the end of the run."""
        home = self.homes.get(Entry(node))
        return home is not None and home.kind == "write"

    def of_kind(self, kind: Kind) -> Iterator[tuple[Entry, Home]]:
        """Iterate over the values of one kind of home, in the order of the run."""
        return ((entry, home) for entry, home in self.homes.items() if home.kind == kind)


def lay_out(
    typed: Typed,
    runs: tuple[Sequence[Node], Sequence[Node]],
    ends: tuple[Sequence[Entry], Sequence[Entry]],
    written: Mapping[Node, Write],
    views: Collection[Node],
    *,
    direct: Collection[Node],
    keep: bool,
    also: Iterable[Entry] = (),
) -> Layout:
    """Give every value of a run a home.

    Parameters
    ----------
    typed
        The graph, with shapes and types.
    runs
        The ops of the forward run and those of the backward run, in order.
    ends
        The outputs of either.
    written
        Variable -> what writes it.
    views
        Nodes whose output is a view of their input.
    direct
        Updates that may compute in place, at the end of the run.
    keep
        Whether every value keeps memory of its own, so that all can be read after a run.
    also
        Values that can be read after it in any case.
    """
    forward, backward = runs
    nodes, behind = (*forward, *backward), frozenset(backward)
    after = len(nodes)
    homes = {Entry(node): Home("bound", -1, after) for node in typed.graph.variables}
    outputs = set(ends[0]) | set(ends[1])
    copies = {
        Entry(node): Home("copy", -1, after)
        for node in written
        # read after the writes have landed? then from a copy of the value before
        if Entry(node) in outputs or not behind.isdisjoint(typed.graph.successors(node))
    }
    new = {write.entry: Entry(variable) for variable, write in written.items()}
    layout = Layout(nodes, len(forward), homes, copies)
    roots = layout.roots
    for position, node in enumerate(nodes):
        for entry in all_entries(node):
            if node in views:
                homes[entry] = Home("view", position, position, source=node.inputs[0])
                roots[entry] = roots.get(node.inputs[0], node.inputs[0])
            elif node in direct:
                homes[entry] = Home("write", position, position, source=new[entry])
            else:
                homes[entry] = Home("block", position, position)
        reads = after if node in direct else position  # in place means at the end
        for entry in node.inputs:
            root = homes[roots.get(entry, entry)]
            root.end = max(root.end, reads)
    kept = {layout.root(entry) for entry in outputs} | {w.entry for w in written.values()}
    # what backward reads stays, so that it may run again without a forward run
    kept |= {layout.root(e) for node in backward for e in node.inputs if e.node not in behind}
    kept |= homes.keys() if keep else {layout.root(entry) for entry in also}
    for entry in kept:
        homes[entry].end = after
    _share(layout, typed, kept)
    return layout


def _share(layout: Layout, typed: Typed, kept: Collection[Entry]) -> None:
    """Give each value that lives in a block one: a walk over them with a list of free ones."""
    homes, blocks = layout.homes, layout.blocks
    free: list[tuple[int, int, Block]] = []
    dying: dict[int, list[Entry]] = {}
    count = 0
    before = 0
    for entry, home in homes.items():
        if home.kind != "block":
            continue
        for position in range(before, home.begin):  # what dies where a node runs is free behind it
            for dead in dying.pop(position, ()):
                count += 1
                block = homes[dead].block
                assert block is not None
                insort(free, (block.nbytes, count, block))
        before = home.begin
        size = typed.nbytes(entry)
        source = _taken_over(layout, typed, entry, size, kept)
        if source is not None:
            home.block, home.in_place = homes[source].block, True
            dying[home.begin].remove(source)
        else:
            at = bisect_left(free, (size, -1))
            if at < len(free) and free[at][0] <= 2 * size + ALIGNMENT:
                # a larger one would be wasted on it
                home.block = free.pop(at)[2]
                source = home.block.last
            else:
                home.block = Block(size, len(blocks))
                blocks.append(home.block)
        assert home.block is not None
        home.source, home.block.last = source, entry
        if entry not in kept:
            dying.setdefault(home.end, []).append(entry)


def _taken_over(
    layout: Layout, typed: Typed, entry: Entry, size: int, kept: Collection[Entry]
) -> Entry | None:
    """Return an input that dies where this value is made in place: its memory may be used."""
    node, home = entry.node, layout.homes[entry]
    if node.op is None or not (may := node.op.in_place):
        return None
    sources = node.inputs if may is True else [node.inputs[i] for i in may.get(entry.index, ())]
    for source in sources:
        held = layout.homes[source]
        if (
            held.kind == "block"
            and held.block is not None
            and held.block.last == source
            and held.block.nbytes >= size
            and held.end == home.begin
            and source not in kept
            and typed.dtypes[source] is typed.dtypes[entry]
            and (source in typed.last) == (entry in typed.last)
            and typed.shapes[source] == typed.shapes[entry]
        ):
            return source
    return None


def total(blocks: Iterable[Block]) -> int:
    """Return the bytes of some blocks."""
    return sum(block.nbytes for block in blocks)

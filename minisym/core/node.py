"""Nodes: immutable, and owners of their inputs.

A `Node` is one Variable or one op call. It names its inputs when it is made, so a cycle cannot be
written down, and whoever holds a node may share it. An `Entry` is one output of a node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, Self

from minisym.core.op import FROM_INPUT, NO_PARAMS, Op, Params
from minisym.core.origin import Origin

Attrs = Mapping[str, str]

OWNER: Final = "__gradient_of__"
"""The attribute of a node of a gradient, in files, too: its order, and its owner's name."""


class Entry(NamedTuple):
    """One output of one node.

    >>> from minisym import sym
    >>> node, index = sym.tanh(sym.Variable("x"), name="t").entries[0]
    >>> node, index, Entry(node, index).name
    (<tanh 't'>, 0, 't_output')
    """

    node: Node
    """The node."""
    index: int = 0  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    """The number of the output, from 0."""

    @property
    def name(self) -> str:
        """The output's name, such as a variable's own, `fc1_output`, or `split_output1`."""
        return names_of((self,))[0]


def names_of(entries: Iterable[Entry]) -> list[str]:
    """Return the names of outputs; those of one node that follow each other are made once."""
    found: list[str] = []
    last, names = None, ()  # type: tuple[Node | None, tuple[str, ...]]
    for node, index in entries:
        if node.op is None:
            found.append(node.name)
            continue
        if node is not last:
            last, names = node, _output_names(node.op, node)
        found.append(names[index])
    return found


def by_name(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Return the outputs that each name stands for."""
    entries = tuple(entries)
    found: dict[str, list[Entry]] = {}
    for entry, name in zip(entries, names_of(entries), strict=True):
        found.setdefault(name, []).append(entry)
    return found


def _output_names(op: Op, node: Node) -> tuple[str, ...]:
    suffixes = op.output_names(node.params)
    if op.visible_outputs(node.params) > 1 and set(suffixes) == {"output"}:
        suffixes = tuple(f"output{i}" for i in range(len(suffixes)))
    return tuple(f"{node.name}_{suffix}" for suffix in suffixes) if node.name else suffixes


class _Draft:
    """A node while it is being made: plain slots, quick to fill."""

    __slots__ = ("__weakref__", "attrs", "inputs", "name", "op", "origin", "params", "versions")

    op: Op | None
    name: str
    inputs: tuple[Entry, ...]
    params: Params
    attrs: Attrs
    origin: Origin
    versions: tuple[int, ...] | None


class Node(_Draft):
    """One Variable (`op` is None) or one op call; immutable.

    Attributes
    ----------
    op
        What is called; None for a Variable.
    name
        The user's name for it, or an automatic one.
    inputs
        The entries that it reads, in the op's order.
    params
        The op's parameters, typed, with defaults filled in.
    attrs
        The strings that MXNet keeps: the parameters that the user wrote, and user attributes
        (`__shape__`, `__lr_mult__`, …).
    origin
        Where the user composed it: code and places in it, of which an error makes lines.
    versions
        What a file says of how often its inputs had been overwritten; () if it says nothing of it,
        None if no file but a program says what this node is.

    Examples
    --------
    >>> from minisym import sym
    >>> layer = sym.FullyConnected(sym.Variable("x"), num_hidden=2, no_bias=True, name="fc")
    >>> node = layer.graph.node("fc")
    >>> node.op.name, node.params["num_hidden"]
    ('FullyConnected', 2)
    >>> node.input_names(), [entry.name for entry in node.inputs]
    (('data', 'weight'), ['x', 'fc_weight'])
    >>> node.replace(name="out")
    <FullyConnected 'out'>
    """

    __slots__ = ()

    def __new__(
        cls,
        op: Op | None,
        name: str,
        inputs: tuple[Entry, ...] = (),
        params: Params = NO_PARAMS,
        attrs: Attrs = NO_PARAMS,
        origin: Origin = (),
        versions: tuple[int, ...] | None = None,
    ) -> Self:
        """Fill in a draft and freeze it: from then on nothing can be set."""
        draft = _Draft()
        draft.op = op
        draft.name = name
        draft.inputs = inputs
        draft.params = params
        draft.attrs = attrs
        draft.origin = origin
        draft.versions = versions
        draft.__class__ = cls
        return draft  # type: ignore[return-value]

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: everybody who holds the node relies on it."""
        message = f"a node is immutable: {name} of {self!r} cannot be set"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> None:
        """Refuse."""
        self.__setattr__(name, None)

    def __copy__(self) -> Self:
        """Return the node itself: it cannot change."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return the node itself, so that networkx may copy graphs deeply."""
        return self

    def __repr__(self) -> str:
        """Show op and name."""
        return f"<{self.op.name if self.op else 'Variable'} {self.name!r}>"

    @property
    def given(self) -> frozenset[str]:
        """The parameters that the user wrote; JSON keeps only these."""
        return frozenset(self.attrs).intersection(self.op.params) if self.op else frozenset()

    @property
    def is_variable(self) -> bool:
        """Whether it is a Variable."""
        return self.op is None

    @property
    def from_file(self) -> bool:
        """Whether a file says what it is, and not a program."""
        return self.versions is not None

    @property
    def owner(self) -> str:
        """The name of the forward node whose gradient it computes; otherwise its own."""
        return self.attrs[OWNER].partition(" ")[2] if OWNER in self.attrs else self.name

    @property
    def gradient_order(self) -> int:
        """How often a gradient was taken until it was made, 0 for what a user composes."""
        return int(self.attrs[OWNER].partition(" ")[0]) if OWNER in self.attrs else 0

    @property
    def kind(self) -> str:
        """What it is for, "variable", "backward" in a gradient, or what its op says."""
        if self.op is None:
            return "variable"
        return "backward" if OWNER in self.attrs else self.op.kind

    @property
    def computed(self) -> tuple[str, ...]:
        """The parameters that the graph computes; the last inputs carry them."""
        op = self.op
        if op is None or not op.writes:  # only updates take them
            return ()
        return tuple([name for name, value in self.params.items() if value is FROM_INPUT])

    @property
    def num_outputs(self) -> int:
        """How many outputs there are, hidden ones included."""
        op = self.op
        return 1 if op is None or op.single else len(op.output_names(self.params))

    def input_names(self) -> tuple[str, ...]:
        """Return the names of the inputs, as the op calls them."""
        return () if self.op is None else self.op.input_names(self.params, len(self.inputs))

    def entries(self) -> tuple[Entry, ...]:
        """Return the outputs that a user sees."""
        if self.op is None:
            return (Entry(self),)
        return tuple(Entry(self, i) for i in range(self.op.visible_outputs(self.params)))

    def replace(self, **changes: Any) -> Node:
        """Return a copy with some fields changed."""
        fields = {n: getattr(self, n) for n in _Draft.__slots__ if n != "__weakref__"}
        if "inputs" in changes and self.versions:
            changes["versions"] = ()  # they were those of the inputs before
        return Node(**(fields | changes))

    def reading(self, inputs: tuple[Entry, ...]) -> Node:
        """Return the node with these inputs: itself, if they are its own."""
        if inputs == self.inputs:
            return self
        versions = () if self.versions else self.versions  # they were those of the inputs before
        cls = self.__class__
        return cls(self.op, self.name, inputs, self.params, self.attrs, self.origin, versions)


def first_entry(node: Node) -> Entry:
    """Return `Entry(node, 0)`, made the short way: composing makes one for every node."""
    return _new_tuple(Entry, (node, 0))


def all_entries(node: Node) -> tuple[Entry, ...]:
    """Return all outputs of a node, hidden ones included; the short way, too."""
    op = node.op
    if op is None or op.single:
        return (_new_tuple(Entry, (node, 0)),)
    return tuple([_new_tuple(Entry, (node, i)) for i in range(node.num_outputs)])


_new_tuple = tuple.__new__

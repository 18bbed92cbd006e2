r"""Layers do what follows them: $\max(y\,s_c + t_c + r, 0)$ while a piece of $y$ is in the cache.

In inference a BatchNorm is two vectors, $s = \gamma / \sqrt{v + \epsilon}$ and $t = \beta - s \mu$.
The layer before it, if nobody else reads that, multiplies and adds them; it adds a residual, and
rectifies, if these follow. The vectors are computed in each run, from the arrays as they are then.
Where these never change, and the filters do not, the filters take in $s$ when arrays are bound.

A convolution with its bias and rectifier keeps its bits. A normalisation that is written so differs
in the last digits: by the rounding of $s \mu$, which is large where the mean is large beside the
deviation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from minisym.core.node import Entry, Node
from minisym.core.op import NO_PARAMS, Params, get
from minisym.core.symbol import Symbol
from minisym.passes.purpose import Purpose
from minisym.passes.rewrite import instead_of
from minisym.passes.typed import Typed

FINISHED: Final[Mapping[str, str]] = {
    "Convolution": "_Convolution_finished",
    "FullyConnected": "_FullyConnected_finished",
}
"""Layer -> the op that also does what follows it."""
_OWN: Final = {"_finished": 1, "_Convolution_finished": 2, "_FullyConnected_finished": 2}
"""Op that does what follows -> how many inputs its product has; the first one has no product."""
_FLAGS: Final = {"scale": "scaled", "shift": "shifted", "residual": "added"}


@dataclass(frozen=True)
class Layer:
    """A product and what follows it."""

    op: str
    inputs: tuple[Entry, ...]
    params: Params
    scale: Entry | None = None
    shift: Entry | None = None
    residual: Entry | None = None
    rectified: bool = False

    @classmethod
    def of(cls, node: Node) -> Layer | None:
        """Read a node; None if it is nothing that something else can follow."""
        name = "" if node.op is None else node.op.name
        if name in FINISHED:
            layout, flatten = node.params.get("layout") or "NCW", node.params.get("flatten", True)
            if layout.endswith("C") or not flatten:  # the channels lie along another axis
                return None
            bias = None if node.params["no_bias"] else node.inputs[2]
            return cls(FINISHED[name], node.inputs[:2], node.params, shift=bias)
        if name not in _OWN:
            return None
        rest = iter(node.inputs[_OWN[name] :])
        given = {key: next(rest) for key, flag in _FLAGS.items() if node.params[flag]}
        rectified = node.params["rectified"]
        return cls(name, node.inputs[: _OWN[name]], node.params, **given, rectified=rectified)

    def instead_of(self, node: Node) -> Node:
        """Return the layer as a node that takes another one's place."""
        op = get(self.op)
        follow = {key: getattr(self, key) for key in _FLAGS}
        present = [entry for entry in follow.values() if entry is not None]
        flags = {_FLAGS[key]: entry is not None for key, entry in follow.items()}
        params = {name: self.params[name] for name in op.params if name in self.params}
        params |= {**flags, "rectified": self.rectified}
        told = {name: value for name, value in params.items() if value != op.defaults.get(name)}
        attrs = MappingProxyType(op.write_params(told))
        made = Node(op, node.name, (*self.inputs, *present), MappingProxyType(params), attrs)
        return instead_of(node, Symbol((Entry(made),)))


def finish_layers(typed: Typed, purpose: Purpose) -> Typed:
    """Let layers do what follows them."""
    if typed.ops.isdisjoint(_FOLLOWERS) or typed.ops.isdisjoint({*FINISHED, *_NORMS}):
        return typed
    after = typed.substitute({}, _Change(typed, purpose))
    return typed if after.graph == typed.graph else after


class _Change:
    """What takes the place of each node, in the order of the graph."""

    def __init__(self, typed: Typed, purpose: Purpose) -> None:
        self.typed, self.purpose = typed, purpose
        self.place = typed.graph.numbered()
        self.readers = Counter(entry for node in typed.graph for entry in node.inputs)
        self.readers.update(typed.graph.outputs)

    def __call__(self, node: Node, inputs: tuple[Entry, ...]) -> Node:
        """Return what takes a node's place, now that its inputs are these."""
        follow = None if node.op is None else _FOLLOWERS.get(node.op.name)
        found = None
        if follow is not None and self.typed.dtypes[Entry(node)].char in "fd":
            found = follow(self, node, inputs)
        return node.reading(inputs) if found is None else found.instead_of(node)

    def layer(self, old: Entry, new: Entry, but: str = "FullyConnected") -> Layer | None:
        """Return the layer that makes an entry, if it may do what its only reader does.

        A matrix product is small beside its layer's weights: to rectify it at once gains nothing.
        """
        name = "" if new.node.op is None else new.node.op.name
        found = Layer.of(new.node) if self.readers[old] == 1 and name != but else None
        return None if found is None or found.rectified else found

    def normalised(self, node: Node, inputs: tuple[Entry, ...]) -> Layer | None:
        """Return what a normalisation by known statistics is, with the layer before it."""
        params, rank = node.params, len(self.typed.shapes[node.inputs[0]])
        hidden = any(self.readers[Entry(node, i)] for i in range(1, node.num_outputs))
        if self.purpose.is_train is not False or hidden or params["axis"] % rank != 1:
            return None
        before = self.layer(node.inputs[0], inputs[0], but="")
        if before is None or before.scale is not None or before.residual is not None:
            before = Layer("_finished", inputs[:1], {})
        gamma, beta, mean, var = inputs[1:]
        known = self.never_change((*before.inputs[1:], *inputs[1:]))
        if before.shift is not None:  # the bias of the layer: it moves the mean
            known = known and self.never_change((before.shift,))
            mean = Entry(_helper("elemwise_sub", node, "mean", (mean, before.shift)))
        told = {"eps": params["eps"], "fix_gamma": params["fix_gamma"]}
        factors = _helper("_norm_factors", node, "factors", (gamma, beta, mean, var), told)
        scale, shift = Entry(factors), Entry(factors, 1)
        if known and len(before.inputs) > 1:
            return replace(before, inputs=self.scaled(node, before.inputs, scale), shift=shift)
        return replace(before, scale=scale, shift=shift)

    def never_change(self, entries: Iterable[Entry]) -> bool:
        """Return whether arrays are constants."""
        return all(entry.node in self.purpose.constants for entry in entries)

    def scaled(self, node: Node, inputs: tuple[Entry, ...], scale: Entry) -> tuple[Entry, ...]:
        """Return the inputs of a layer whose filters have taken in a scale: once, for all runs."""
        data, weight = inputs
        ones = (1,) * (len(self.typed.shapes[weight]) - 1)
        told = get("Reshape").read_params({"shape": (-1, *ones)})
        column = Entry(_helper("Reshape", node, "column", (scale,), told))
        return data, Entry(_helper("broadcast_mul", node, "filters", (weight, column)))

    def summed(self, node: Node, inputs: tuple[Entry, ...]) -> Layer | None:
        """Return a layer and what is added to all of it."""
        one, two = node.inputs
        if self.typed.shapes[one] != self.typed.shapes[two]:
            return None
        # of the layer that comes last: it finds the residual there
        last = 0 if self.place[one.node] > self.place[two.node] else 1
        before = self.layer(node.inputs[last], inputs[last])
        if before is None or before.residual is not None:
            return None
        return replace(before, residual=inputs[1 - last])

    def rectified(self, node: Node, inputs: tuple[Entry, ...]) -> Layer | None:
        """Return a rectified layer."""
        if node.params.get("act_type", "relu") != "relu":
            return None
        before = self.layer(node.inputs[0], inputs[0])
        return None if before is None else replace(before, rectified=True)


_NORMS: Final = frozenset({"BatchNorm"})
_FOLLOWERS: Final[Mapping[str, Callable[..., Layer | None]]] = {
    "BatchNorm": _Change.normalised,
    "elemwise_add": _Change.summed,
    "broadcast_add": _Change.summed,
    "relu": _Change.rectified,
    "Activation": _Change.rectified,
}
"""Op -> what a layer becomes that does it, too."""


def _helper(
    op: str, node: Node, what: str, inputs: tuple[Entry, ...], params: Params = NO_PARAMS
) -> Node:
    """Return a new node that computes something for another one."""
    fixed = MappingProxyType({**params})
    told = MappingProxyType(get(op).write_params(fixed))
    return Node(get(op), f"{node.name}_{what}", inputs, fixed, told, node.origin)

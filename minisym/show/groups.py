"""What belongs together in a picture: a layer with its parameters, a scope of names.

A *layer* is one op with all that serves it: its parameters, the updates that write them, and what
computes their gradients. A *scope* is a run of ops whose names begin alike (`block0_conv1`,
`block0_relu1`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from minisym.core.graph import Graph
from minisym.core.node import Node
from minisym.show.roles import is_auto_name, written

Scope = tuple[str, ...]
"""The name prefixes of a scope and of those around it, the outermost first."""


@dataclass(eq=False)
class Layer:
    """An op and all that serves it. Without an op: parameters whose names begin alike."""

    title: str
    op: Node | None = None
    variables: list[Node] = field(default_factory=list)
    updates: list[Node] = field(default_factory=list)


@dataclass
class Bodies:
    """The frames of loops and branches that stand open in a graph."""

    scopes: dict[Node, Scope] = field(default_factory=dict)
    """What stands in a body -> the frames around it."""
    titles: dict[str, str] = field(default_factory=dict)
    """Frame -> what it says."""
    forward: dict[str, Scope] = field(default_factory=dict)
    """Frame of a gradient -> the frames of what it is the gradient of, none if that is not here."""

    def is_gradient(self, scope: Scope) -> bool:
        """Return whether a scope lies in the gradient of a loop or a branch."""
        return not self.forward.keys().isdisjoint(scope)


@dataclass
class Groups:
    """The layer and the scope of each node."""

    layers: dict[Node, Layer]
    scopes: dict[Node, Scope]
    bodies: Bodies


def groups(graph: Graph, kinds: Mapping[Node, str], bodies: Bodies | None = None) -> Groups:
    """Find layers and scopes; linear in the size of the graph."""
    bodies = bodies or Bodies()
    layers = _layers(graph, kinds, bodies)
    forward = [node for node in graph if _is_forward(node, kinds)]
    scopes: dict[Node, Scope] = dict.fromkeys(graph, ())
    scopes |= _scopes(forward)
    scopes |= {node: scope for node, scope in bodies.scopes.items() if node in scopes}
    for node, layer in layers.items():
        if layer.op is not None:
            scopes[node] = scopes[layer.op]
    return Groups(layers, scopes, bodies)


def _is_forward(node: Node, kinds: Mapping[Node, str]) -> bool:
    return node.op is not None and kinds[node] not in ("update", "backward")


# ----------------------------------------------------------------------------------------- layers


def _layers(graph: Graph, kinds: Mapping[Node, str], bodies: Bodies) -> dict[Node, Layer]:
    found: dict[Node, Layer] = {}
    by_name: dict[tuple[Scope, str], Layer] = {}
    around = bodies.scopes
    for node in graph:
        if _is_forward(node, kinds):
            layer = Layer(node.op.name if node.op and is_auto_name(node) else node.name, node)
            found[node] = layer
            # of several ops of one name the first counts; what a gradient computes again is another
            by_name.setdefault((around.get(node, ()), node.name), layer)
    stems: dict[str, Layer] = {}
    for node in graph.variables:
        if kinds[node] in ("parameter", "state"):
            readers = [
                reader
                for reader in graph.successors(node)
                if _is_forward(reader, kinds) and not bodies.is_gradient(around.get(reader, ()))
            ]
            its = _layer_of_variable(node, readers, found, by_name)
            if its is None and kinds[node] == "parameter":
                stem = node.name.rpartition("_")[0] or node.name
                its = stems.setdefault(stem, Layer(stem))
            if its is not None:
                found[node] = its
                its.variables.append(node)
    for node in graph:
        if kinds[node] == "update":
            its = next((found[v] for _, v in written(node) if v in found), None)
            if its is not None:
                found[node] = its
                its.updates.append(node)
                _serve(graph, node, its, found, kinds)
        elif kinds[node] == "backward":
            its = by_name.get((around.get(node, ()), node.owner))
            if its is not None:
                found[node] = its
    if len(stems) < 2:
        alone = {id(layer) for layer in stems.values()}
        found = {node: layer for node, layer in found.items() if id(layer) not in alone}
    return found


def _layer_of_variable(
    node: Node,
    readers: Sequence[Node],
    found: Mapping[Node, Layer],
    by_name: Mapping[tuple[Scope, str], Layer],
) -> Layer | None:
    """Return the layer of the only forward op that reads it; what several read belongs to none."""
    if len(readers) == 1:
        return found[readers[0]]
    if not readers:  # the gradient may need a weight that the forward graph no longer shows
        return by_name.get(((), node.name.rpartition("_")[0]))
    return None


def _serve(
    graph: Graph, update: Node, layer: Layer, found: dict[Node, Layer], kinds: Mapping[Node, str]
) -> None:
    """Put the states and gradients that only this update reads into its layer."""
    for entry in update.inputs:
        node = entry.node
        if (
            node.op is None
            and node not in found
            and kinds[node] in ("state", "gradient")
            and list(graph.successors(node)) == [update]
        ):
            found[node] = layer
            layer.variables.append(node)


# ----------------------------------------------------------------------------------------- scopes

_SEPARATOR = re.compile(r"[_/.]+")


def _prefixes(name: str, deepest: int = 3) -> Iterator[str]:
    """Yield what a name may begin with: block0, block0_unit1 and so on."""
    for depth, match in enumerate(_SEPARATOR.finditer(name)):
        if match.start() and match.end() < len(name):
            yield name[: match.start()]
        if depth == deepest:
            return


def _scopes(forward: list[Node]) -> dict[Node, Scope]:
    """Find the scopes of forward ops by their names.

    A prefix is a scope if several ops have it, not all of them, and no way leads out of them and
    back in: conv_1 and conv_2 with a relu_1 between them are no scope.
    """
    place = {node: i for i, node in enumerate(forward)}
    inputs = [[place[e.node] for e in node.inputs if e.node in place] for node in forward]
    members: defaultdict[str, list[int]] = defaultdict(list)
    for i, node in enumerate(forward):
        if not node.name.startswith("_") and not is_auto_name(node):
            for prefix in _prefixes(node.name):
                members[prefix].append(i)
    # of prefixes with the same members the longest is the scope's name
    longest: dict[tuple[int, int, int], str] = {}
    for prefix, found in members.items():
        key = (found[0], found[-1], len(found))
        if 2 <= len(found) < len(forward) and len(prefix) >= len(longest.get(key, "")):
            longest[key] = prefix
    scopes: dict[Node, Scope] = {}
    visits = 20 * len(forward) + 1_000_000
    for prefix in sorted(longest.values(), key=len):
        visits -= members[prefix][-1] - members[prefix][0]
        if visits < 0:  # thousands of scopes that all overlap: enough of them have been found
            break
        inside = _closed(members[prefix], inputs, forward)
        for i in inside or ():
            outer = scopes.get(forward[i], ())
            if not outer or prefix.startswith(outer[-1]):
                scopes[forward[i]] = (*outer, prefix)
    _add_sums(forward, inputs, scopes)
    return scopes


def _add_sums(
    forward: Sequence[Node], inputs: Sequence[Sequence[int]], scopes: dict[Node, Scope]
) -> None:
    """Put the sum that ends a block, which nobody named, into the block's scope.

    It is that of its last term, or one around it: whose ops have read or made the other terms.
    """
    near: defaultdict[Scope, set[int]] = defaultdict(set)
    for i, node in enumerate(forward):
        is_sum = is_auto_name(node) and len(inputs[i]) > 1
        if (node.name.startswith("_") or is_sum) and node not in scopes:
            *others, last = sorted(inputs[i]) or [i]
            nearest = scopes.get(forward[last])
            if nearest:
                depths = range(len(nearest), 1, -1)
                scopes[node] = nearest[
                    : next((d for d in depths if near[nearest[:d]].issuperset(others)), 1)
                ]
        scope = scopes.get(node, ())
        for depth in range(1, len(scope) + 1):
            near[scope[:depth]].update(inputs[i], [i])


def _closed(
    members: list[int], inputs: Sequence[Sequence[int]], forward: Sequence[Node]
) -> list[int] | None:
    """Add the unnamed ops between members to them; None if there are named ones, too."""
    first, last = members[0], members[-1]
    own = set(members)
    after, before = set(own), set(own)
    for i in range(first, last + 1):
        if any(j in after for j in inputs[i]):
            after.add(i)
    for i in range(last, first - 1, -1):
        if i in before:
            before.update(j for j in inputs[i] if j >= first)
    between = (after & before) - own
    if all(is_auto_name(forward[i]) for i in between):
        return sorted(own | between)
    return None

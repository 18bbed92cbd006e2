"""What differs from an earlier graph, marked on the page of the later one; what is gone is back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minisym.core.node import Node
from minisym.passes.diff import Difference
from minisym.show import text
from minisym.show.html.model import model
from minisym.show.known import Known

Json = dict[str, Any]


def mark(page: Json, found: Difference) -> None:
    """Mark the nodes of a page, whose graph is the later one; add those that are gone.

    A node has a `status`, unless it is as it was: added, removed, changed or renamed. `was` says of
    each field what it was and what it is; `lost` are entries of removed nodes that it has read.
    """
    nodes: list[Json] = page["nodes"]
    places = found.after.numbered()
    at = {before: places[after] for before, after in found.pairs.items()}
    at |= {node: len(nodes) + i for i, node in enumerate(found.removed)}
    for node in found.added:
        nodes[places[node]]["status"] = "added"
    for change in found.changed:
        fields = {name: [*map(_shown, values)] for name, values in change.fields.items()}
        nodes[places[change.after]] |= {"status": "changed", "was": fields}
    for one, other in found.renamed:
        names = {"name": [_shown(one.name), _shown(other.name)]}
        nodes[places[other]] |= {"status": "renamed", "was": names}
    _bring_back(page, found, at)
    kinds = ("added", "removed", "changed", "renamed")
    told = [f"{number} {kind}" for kind in kinds if (number := len(getattr(found, kind)))]
    page["facts"] = [*(told or ["no difference"]), *page["facts"]]
    page["differences"] = [i for i, node in enumerate(nodes) if "status" in node]


def _bring_back(page: Json, found: Difference, at: Mapping[Node, int]) -> None:
    """Add what was removed, in the frame of what it was linked with."""
    earlier = model(found.before, Known())["nodes"]
    listed = list(found.before)
    for node in found.removed:
        told = earlier[found.before.numbered()[node]]
        inputs = [[at[listed[i]], index, slot] for i, index, slot in told.get("inputs", ())]
        readers = list(found.before.successors(node))
        near = [at[reader] for reader in readers if reader in found.pairs]
        near += [source for source, _, _ in inputs]
        frame = next((page["nodes"][i]["frame"] for i in near if i < len(page["nodes"])), -1)
        told = {key: told[key] for key in told if key not in ("beside", "small", "writes")}
        page["nodes"].append(told | {"status": "removed", "frame": frame})
        if inputs:
            page["nodes"][-1]["inputs"] = inputs
    for reader in found.before:
        lost = [[at[e.node], e.index] for e in reader.inputs if e.node not in found.pairs]
        if lost and reader in found.pairs:
            page["nodes"][at[reader]]["lost"] = lost


def _shown(value: str) -> str:
    return text.plain(value, 200)

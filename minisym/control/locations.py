"""How a file says which input of a node is which variable of its body.

MXNet numbers a body's variables as `list_inputs` does, and keeps, as strings, the numbers of those
that stand for data, for states, and for the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from minisym.control.scan import Scan
from minisym.errors import FormatError
from minisym.graph import Node
from minisym.params import REQUIRED, Ints, param_of
from minisym.symbol.symbol import Symbol

UNUSED: Final = -1
"""The number of an input that the body does not use (only in minisym's own gradients)."""


def numbers(body: Symbol, nodes: Iterable[Node]) -> str:
    """Write where variables stand among those of a body."""
    places = {node: i for i, node in enumerate(body.graph.variables)}
    return str([places.get(node, UNUSED) for node in nodes])


def scan_attrs(scan: Scan) -> dict[str, str]:
    """Return what a file keeps of a loop over elements."""
    first, last = scan.num_data, scan.num_data + scan.num_states
    attrs = {
        "in_data_locs": numbers(scan.body, scan.variables[:first]),
        "in_state_locs": numbers(scan.body, scan.variables[first:last]),
        "remain_locs": numbers(scan.body, scan.variables[last:]),
        "num_args": str(len(scan.variables) + scan.counted + 1),
        "num_out_data": str(scan.num_outputs),
        "num_outputs": str(len(scan.body.entries)),
    }
    if scan.reverse:
        attrs["reverse"] = "True"
    if scan.counted:
        attrs["counted"] = "True"
    return attrs


def scan_of(attrs: Mapping[str, str], bodies: Sequence[Symbol], inputs: int) -> Scan:
    """Read a loop over elements."""
    (body,) = bodies
    data, states, rest = (
        read_numbers(attrs, key) for key in ("in_data_locs", "in_state_locs", "remain_locs")
    )
    counted, reverse = attrs.get("counted") == "True", attrs.get("reverse") == "True"
    places = (*data, *states, *rest)
    outputs = read_number(attrs, "num_out_data")
    check(
        len(places) + counted == inputs
        and sorted(p for p in places if p != UNUSED) == list(range(len(body.graph.variables)))
        and len(data) > 0
        and outputs >= 0
        and outputs + len(states) == len(body.entries)
    )
    return Scan(body, pick(body, places), len(data), len(states), reverse, counted)


def pick(body: Symbol, places: Iterable[int]) -> tuple[Node, ...]:
    """Return the variables that stand at these places; others for those that are not used."""
    variables = body.graph.variables
    return tuple(Node(None, "unused") if p == UNUSED else variables[p] for p in places)


def read_numbers(attrs: Mapping[str, str], key: str) -> tuple[int, ...]:
    """Read a tuple of places."""
    found: tuple[int, ...] = param_of(key, Ints, REQUIRED).read(attrs.get(key), op="control flow")
    return found


def read_number(attrs: Mapping[str, str], key: str) -> int:
    """Read a number."""
    found: int = param_of(key, int, REQUIRED).read(attrs.get(key), op="control flow")
    return found


def check(fits: bool) -> None:
    """Refuse a node whose numbers do not fit its graphs."""
    if not fits:
        message = "the places of its inputs do not fit the graphs inside"
        raise FormatError(message)

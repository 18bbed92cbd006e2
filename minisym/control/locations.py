"""How a file says which input of a node is which variable of its body.

MXNet numbers a body's variables as `list_inputs` does, and keeps, as strings, the numbers of those
that stand for data, for states, and for the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from minisym.control.scan import Scan
from minisym.core.errors import FormatError
from minisym.core.node import Node
from minisym.core.params import REQUIRED, Ints, param_of
from minisym.core.symbol import Symbol

UNUSED: Final = -1
"""The number of an input that the body does not use (only in minisym's own gradients)."""
_MOST_STEPS: Final = 1 << 31


def numbers(body: Symbol, nodes: Iterable[Node]) -> str:
    """Write where variables stand among those of a body."""
    places = {node: i for i, node in enumerate(body.graph.variables)}
    return str([places.get(node, UNUSED) for node in nodes])


def scan_attrs(scan: Scan) -> dict[str, str]:
    """Return what a file keeps of a loop over elements."""
    first, last = scan.num_data, scan.num_data + len(scan.states)
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
    check(len(bodies) == 1)
    body = bodies[0]
    data, states, rest = (
        read_numbers(attrs, key) for key in ("in_data_locs", "in_state_locs", "remain_locs")
    )
    counted, reverse = attrs.get("counted") == "True", attrs.get("reverse") == "True"
    places = (*data, *states, *rest)
    check(len(places) + counted == inputs and len(data) > 0)
    check(all_used(body, places))
    check(read_number(attrs, "num_out_data") + len(states) == len(body.entries))
    check(read_number(attrs, "num_out_data") >= 0)
    at = tuple(range(len(data), len(data) + len(states)))
    return Scan(body, pick(body, places), len(data), at, reverse, counted)


def while_attrs(scan: Scan) -> dict[str, str]:
    """Return what a file keeps of a loop with a condition: which inputs its graphs read."""
    assert scan.condition is not None
    func = inputs_of(scan.body, scan.variables)
    return {
        "cond_input_locs": str(inputs_of(scan.condition, scan.tested)),
        "func_input_locs": str(func),
        "func_var_locs": str([func.index(position) for position in scan.states]),
        "max_iterations": str(scan.limit),
        "num_args": str(len(scan.variables) + 2),
        "num_out_data": str(scan.num_outputs),
        "num_outputs": str(len(scan.body.entries)),
    }


def while_of(attrs: Mapping[str, str], bodies: Sequence[Symbol], inputs: int) -> Scan:
    """Read a loop with a condition."""
    check(len(bodies) == 2)
    condition, body = bodies
    tested = stand_ins(condition, read_numbers(attrs, "cond_input_locs"), inputs)
    func = read_numbers(attrs, "func_input_locs")
    variables = stand_ins(body, func, inputs)
    loop = read_numbers(attrs, "func_var_locs")
    check(len(set(loop)) == len(loop) and all(0 <= place < len(func) for place in loop))
    check(read_number(attrs, "num_out_data") + len(loop) == len(body.entries))
    check(read_number(attrs, "num_out_data") >= 0 and len(condition.entries) == 1)
    limit = read_number(attrs, "max_iterations")
    check(0 <= limit <= _MOST_STEPS)
    states = tuple(func[place] for place in loop)
    return Scan(body, variables, 0, states, condition=condition, tested=tested, limit=limit)


def inputs_of(body: Symbol, nodes: Sequence[Node]) -> list[int]:
    """Return, for each variable of a body, which input it stands for."""
    positions = {node: i for i, node in enumerate(nodes)}
    return [positions[node] for node in body.graph.variables]


def stand_ins(body: Symbol, locations: Sequence[int], inputs: int) -> tuple[Node, ...]:
    """Return, for each input, what stands for it in a body: something else if nothing does."""
    variables = body.graph.variables
    check(len(locations) == len(variables) and len(set(locations)) == len(locations))
    check(all(0 <= location < inputs for location in locations))
    found = dict(zip(locations, variables, strict=True))
    return tuple(found.get(i) or Node(None, "unused") for i in range(inputs))


def pick(body: Symbol, places: Iterable[int]) -> tuple[Node, ...]:
    """Return the variables that stand at these places; something else for those not used."""
    variables = body.graph.variables
    return tuple(Node(None, "unused") if p == UNUSED else variables[p] for p in places)


def all_used(body: Symbol, places: Iterable[int]) -> bool:
    """Whether each variable of a body stands for one input."""
    return sorted(p for p in places if p != UNUSED) == list(range(len(body.graph.variables)))


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

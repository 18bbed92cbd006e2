"""What the boxes of a picture say, and its heading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.core.op import Op
from minisym.core.shapes import Shape
from minisym.passes.flops import bits_sent, flops
from minisym.show import roles, text
from minisym.show.bodies import SIGNS
from minisym.show.known import Known
from minisym.show.parts import Box, Chip, Frame


def label(box: Box, known: Known, hidden: int = 0) -> None:
    """Write a box's title, detail and chips; `hidden` is the size of its parameters not drawn."""
    node = box.nodes[0]
    if box.kind == "scope":
        box.title, box.detail = relative(box.name, box.frame), _contents(box, hidden)
    elif box.kind == "backward" and box.name.startswith("∂"):
        box.title = _gradient_of(box)
        box.detail = _ops(box.nodes)
    elif node.op is None:
        box.title = _name_of_variable(box)
        box.detail = known.of(Entry(node))
        number = known.elements(node)
        if box.kind == "parameter" and number is not None:
            box.detail += f" · {text.count(number)}"
    else:
        _label_op(box, node, hidden)
        box.chips = [Chip(n.kind, _short_title(n)) for n in box.nodes[1:]]
        box.chips += [Chip("input", _fed(name, entry)) for name, entry in roles.numbers_of(node)]
        box.small = box.small and not box.chips


def tooltip(box: Box) -> str:
    """Return all that is to say of a box: every attribute of a node, or the names of many."""
    if len(box.nodes) == 1:
        return "\n".join(text.plain(line, 200) for line in text.attributes_of(box.nodes[0]))
    if box.chips and box.kind != "scope":
        said = (" ".join(text.attributes_of(node)) for node in box.nodes)
        return "\n".join(text.plain(line, 200) for line in said)
    names = [text.plain(node.name) for node in box.nodes[:12]]
    more = f", … ({len(box.nodes)})" if len(box.nodes) > 12 else ""
    return ", ".join(names) + more if names else text.plain(box.title)


def relative(name: str, frame: Frame | None) -> str:
    """Return a name without what the frame around it says already.

    >>> relative("stage1_unit2_conv1", Frame("stage1", "stage1", prefix="stage1"))
    'unit2_conv1'
    """
    if frame is None or not frame.prefix or not name.startswith(frame.prefix):
        return name
    rest = name.removeprefix(frame.prefix)
    if not rest:  # the frame is called as the op in it
        return relative(name, frame.outer)
    return rest.lstrip("_/.") if rest[:1] in ("_", "/", ".") and rest.strip("_/.") else name


def _label_op(box: Box, node: Node, hidden: int) -> None:
    assert node.op is not None
    noise = roles.is_auto_name(node) or box.kind == "backward"
    params = text.params_text(node)
    sign = node.op.sign
    if noise and "scalar" in node.params and "{}" in sign:
        box.title = sign.format(text.value_text(node.params["scalar"]).replace("-", "−"))
        return
    if noise and sign and len(node.inputs) > 1:
        box.title, box.small = sign, not node.op.subgraphs  # a group says all that it does
        return
    is_said = noise or (box.frame is not None and box.frame.prefix == node.name)
    words = ["" if is_said else text.plain(relative(node.name, box.frame)), params]
    words.append(f"{text.count(hidden)} params" if hidden else "")
    box.title = sign if sign and node.op.subgraphs else node.op.name
    if node.op.kind == "backward":
        box.title = f"∂ {_forward_name(node.op)}"
    box.detail = " · ".join(word for word in words if word)


def _short_title(node: Node) -> str:
    """Return what a chip says of an op: `relu`, `BatchNorm`, `× 2`."""
    assert node.op is not None
    sign = node.op.sign
    if "scalar" in node.params and "{}" in sign:
        return sign.format(text.value_text(node.params["scalar"]).replace("-", "−"))
    return str(node.params.get("act_type") or node.op.name)


def _fed(name: str, entry: Entry) -> str:
    """Return what a chip says of a number that is fed: `lr`, or `lr ← rate`."""
    source = entry.node
    is_said = source.name == name or roles.is_auto_name(source)
    return name if is_said else f"{name} ← {text.plain(source.name, 24)}"


def _name_of_variable(box: Box) -> str:
    stem = box.name.removesuffix("_grad")
    if box.kind == "gradient" and stem and stem != box.name:
        return f"∂ {relative(stem, box.frame)}"
    return relative(box.name, box.frame)


def _gradient_of(box: Box) -> str:
    """Return `∂ fc1`; of an op without a name of its own `∂ ×`."""
    owner = box.layer.op if box.layer else None
    if owner is None or owner.op is None or not roles.is_auto_name(owner):
        mark, _, name = box.name.partition(" ")
        return f"{mark} {plain_name(relative(name, box.frame))}"
    return box.name.replace(owner.name, owner.op.sign or _short(owner))


def plain_name(name: str) -> str:
    """Return what an automatic name says: the op.

    >>> plain_name("_foreach0"), plain_name("fc1")
    ('foreach', 'fc1')
    """
    return name.strip("_").rstrip("0123456789") or name if name.startswith("_") else name


def _ops(nodes: Iterable[Node]) -> str:
    """Count ops: `dot ×2, sum`, or `21 ops`."""
    found = Counter(_short(node) for node in nodes if node.op and node.op not in SIGNS)
    if len(found) > 4:
        return _plural(found.total(), "op")
    return ", ".join(f"{name} ×{n}" if n > 1 else name for name, n in found.most_common())


def _short(node: Node) -> str:
    """Return `mul` for elemwise_mul, broadcast_mul and _mul_scalar."""
    assert node.op is not None
    name = _forward_name(node.op).removesuffix("_scalar")
    return name.removeprefix("elemwise_").removeprefix("broadcast_").lstrip("_")


def _forward_name(op: Op) -> str:
    """Return `FullyConnected` for what computes its gradient."""
    return op.name.removeprefix("_backward_")


def _contents(box: Box, elements: int) -> str:
    """Return what is in a box: `Convolution ×3 · 10 ops · 70.4K params`."""
    ops = sum(node.op is not None and node.op not in SIGNS for node in box.nodes)
    writes = sum(roles.is_update(node) for node in box.nodes)
    layers = Counter(node.op.name for node in box.nodes if node.op and node.op.kind == "layer")
    words = [f"{name} ×{n}" if n > 1 else name for name, n in layers.most_common(2)]
    words.append(_plural(ops, "op"))
    if elements:
        each = " each" if box.repeated > 1 else ""
        words.append(f"{text.count(elements)} params{each}")
    if writes:
        words.append(_plural(writes, "update"))
    return " · ".join(words)


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def heading(
    graph: Graph,
    known: Known,
    kinds: Mapping[Node, str],
    title: str,
    amount: str | None = None,
) -> tuple[str, list[str]]:
    """Return a picture's title and its totals; `amount` is what `work` says of it opened."""
    parameters = [node for node in graph.variables if kinds[node] == "parameter"]
    updates = [node for node in graph if kinds[node] == "update"]
    facts = [_plural(sum(node.op is not None for node in graph), "op")]
    numbers = [known.elements(node) for node in parameters]
    if parameters and None not in numbers:
        total = sum(number or 0 for number in numbers)
        size = sum(known.size(node) or 0 for node in parameters)
        facts.insert(0, f"{_plural(total, 'parameter')} ({text.size_in_bytes(size)})")
    elif parameters:
        facts.insert(0, _plural(len(parameters), "parameter array"))
    if amount := work(graph, known) if amount is None else amount:
        facts.append(amount)
    if updates:
        fed = ", ".join(dict.fromkeys(roles.fed(graph).values()))
        writing = sum(node.op is not None and bool(node.op.writes) for node in updates)
        told = [_plural(writing, "in-place update")] * bool(writing) + [f"fed {fed}"] * bool(fed)
        facts += [", ".join(told)] * bool(told)
    if sent := sum(bits_sent(node, known.shapes) or 0 for node in graph):
        facts.append(f"{text.count(sent)} bits sent")
    return title or _title(graph, kinds, updates), facts


def work(graph: Graph, known: Known, times: Mapping[Node, int | None] | None = None) -> str:
    """Return how many operations a run does; of an unknown batch, how many a sample takes.

    `times` says how often a node runs, where that is not once.
    """
    if not known.shapes:
        return ""
    for shapes, of in ((known.shapes, ""), (_one_sample(known.shapes), " a sample")):
        total = 0
        for node in graph:
            often = (times or {}).get(node, 1)
            number = 0 if often == 0 else flops(node, shapes)
            if number is None or (often is None and number):
                break
            total += number * (often or 0)
        else:
            return f"{text.count(total)} FLOPs{of}"
    return ""


def _one_sample(shapes: Mapping[Entry, Shape]) -> dict[Entry, Shape]:
    """Return shapes with 1 in place of an unknown first dimension."""
    return {
        entry: (1, *shape[1:]) if shape and shape[0] is None else shape
        for entry, shape in shapes.items()
    }


def _title(graph: Graph, kinds: Mapping[Node, str], updates: Sequence[Node]) -> str:
    heads = dict.fromkeys(entry.node for entry in graph.outputs)
    names = [text.plain(node.name) for node in heads if kinds[node] != "update"]
    words = [*names[:3], "…"] if len(names) > 3 else names
    found = Counter(node.op.name for node in updates if node.op)
    words += [f"{name} ×{n}" if n > 1 else name for name, n in found.items()]
    return " + ".join(words)

"""What the declaration of an op says, in words: for `help()`, and for the reference."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from minisym.core.op import Input, Op, Rule
from minisym.core.params import Param


def docstring(op: Op, kind: str = "Symbol") -> str:
    """Put what the declaration says behind the summary of an op's text: Parameters and Notes."""
    lines = op.doc.split("\n\n")
    head, rest = lines[0], lines[1:]
    prose, sections = rest, list[str]()
    # a section runs on over blank lines: all behind the first one belongs to it
    for i, part in enumerate(rest):
        if _is_section(part):
            prose, sections = rest[:i], rest[i:]
            break
    table = ["Parameters", "----------"]
    for spec in op.inputs:
        notes = [
            note
            for note, holds in (
                ("any number of them", spec.variadic),
                (presence(op, spec), True),
                ("auxiliary state", spec.auxiliary),
                ("written in place", spec.name in op.writes),
            )
            if note and holds
        ]
        name = f"*{several(spec)}" if spec.variadic else spec.name
        table.append(f"{name} : {kind}{', ' + ', '.join(notes) if notes else ''}")
        table += [f"    {spec.doc}"] * bool(spec.doc)
    for param in op.params.values():
        if param.name == op.count:
            default = "counted"
        else:
            default = "required" if param.required else f"default {param.default!r}"
        takes = kind_of(op, param) if kind == "Symbol" else param.kind
        table.append(f"{param.name} : {takes}, {default}")
        table.append(f"    {param.doc or 'As in MXNet.'}")
    if kind == "Symbol":
        table += ["name : str, optional", "    Name of the new node."]
        table += ["attr : dict of str, optional", "    Attributes of the new node."]
    else:
        table += ["out : NDArray, optional", "    Array to write the result into."]
    said = {"Shapes": shapes(op), "Gradient": gradient(op) + ".", "ONNX": _onnx(op)}
    said["Writes"] = ", ".join(f"`{name}`" for name in op.writes) + "." * bool(op.writes)
    facts = [f"{what}: {words}" for what, words in said.items() if words]
    remarks = "\n".join(["Notes", "-----", "\n\n".join(facts)])
    return "\n\n".join([head, *prose, "\n".join(table), remarks, *sections])


def _is_section(part: str) -> bool:
    lines = part.splitlines()
    return len(lines) > 1 and bool(lines[1].strip()) and set(lines[1].strip()) == {"-"}


def kind_of(op: Op, param: Param) -> str:
    """Say what a parameter takes; one of an update may be computed by the graph."""
    return param.kind + (", or a Symbol" if op.writes and param.is_float else "")


def several(spec: Input) -> str:
    """Return what any number of inputs are called together: args, workers, data."""
    stem = spec.name.rstrip("_")
    return stem if stem.endswith("s") or stem == "data" else f"{stem}s"


def presence(op: Op, spec: Input) -> str:
    """Say with which values of which parameter an input exists; or nothing, if it always does."""
    if spec.when is None:
        return ""
    params = _Asked(_usual(op))
    spec.when(params)
    found = [
        f"`{name}={value!r}`"
        for name in params.asked
        for value in _choices(op.params[name])
        if spec.when({**params, name: value})
    ]
    return f"only with {' or '.join(found)}" if found else "only with some parameters"


def _usual(op: Op) -> dict[str, Any]:
    """Return a value for each parameter: its default, or one that it may have."""
    return {
        name: _choices(param)[0] if param.required else param.default
        for name, param in op.params.items()
    }


def _choices(param: Param) -> tuple[Any, ...]:
    """Return the values that a parameter may have: those of a choice, or of a bool."""
    is_choice = get_origin(param.annotation) is Literal
    return get_args(param.annotation) if is_choice else (True, False)


class _Asked(dict[str, Any]):
    """Parameters that note which of them somebody asks for."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params)
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> Any:
        self.asked.append(name)
        return super().__getitem__(name)


def shapes(op: Op) -> str:
    """Return the shape rule in words: its docstring, or what holds without a rule."""
    rule = op.shape_rule
    if rule is None:
        if op.elementwise and len(op.inputs) == 1 and not op.variadic:
            return f"The output has the shape of `{op.inputs[0].name}`."
        return "All arrays have one shape." if op.elementwise or op.stretches else ""
    function = rule.function if isinstance(rule, Rule) else rule
    words = inspect.cleandoc(getattr(function, "__doc__", None) or "").removeprefix("Rule: ")
    return words[:1].upper() + words[1:]


def gradient(op: Op) -> str:
    """Say what differentiating the op gives."""
    rule = op.gradient
    if op.loss:
        return "its own, whatever flows into it: it is a loss head"
    if op.choose is not None:
        return "that of the op that is chosen"
    if rule is None:
        return "none"
    if "back" in inspect.getclosurevars(getattr(rule, "function", rule)).nonlocals:
        return "a kernel of its own"  # the op that Declaration.backward made
    return "zero everywhere" if _is_zero(op) else "composed of other ops"


def _is_zero(op: Op) -> bool:
    """Ask the rule about things that nobody can compute with: what answers None does not look."""
    usual = _usual(op)
    others = [
        {**usual, name: value}
        for name, param in op.params.items()
        for value in _choices(param)
        if param.annotation is bool or get_origin(param.annotation) is Literal
    ]
    return all(_answers_none(op, params) for params in (usual, *others))


def _answers_none(op: Op, params: Mapping[str, Any]) -> bool:
    thing = object()
    facts = {"y": thing, "output": thing, "arrived": (thing,) * 9, "needed": (True,) * 9}
    assert op.gradient is not None
    try:
        answer = op.gradient(thing, *(thing for _ in op.inputs), params=params, **facts)
    except Exception:  # noqa: BLE001  it does compute, and how that fails does not matter
        return False
    answers = answer if isinstance(answer, list | tuple) else [answer]
    return all(g is None for g in answers)


def _onnx(op: Op) -> str:
    return f"none, since {op.why_no_onnx}." if op.why_no_onnx else "it can be exported."

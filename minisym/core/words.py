"""What the declaration of an op says, in words: for `help()`, and for the reference."""

from __future__ import annotations

import inspect

from minisym.core import families
from minisym.core.op import Op, Rule


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
                ("only with some parameters", spec.when is not None),
                ("auxiliary state", spec.auxiliary),
                ("written in place", spec.name in op.writes),
            )
            if holds
        ]
        name = f"*{spec.name}" if spec.variadic else spec.name
        table.append(f"{name} : {kind}{', ' + ', '.join(notes) if notes else ''}")
        table += [f"    {spec.doc}"] * bool(spec.doc)
    for param in op.params.values():
        default = "required" if param.required else f"default {param.default!r}"
        table.append(f"{param.name} : {param.kind}, {default}")
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


def shapes(op: Op) -> str:
    """Return the shape rule in words: its docstring, or what holds without a rule."""
    rule = op.shape_rule
    if rule is None:
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
    held = inspect.getclosurevars(getattr(rule, "function", rule)).nonlocals
    if held.get("grad") is families.ZERO:
        return "zero everywhere"
    if "back" in held:  # the op that Declaration.backward made
        return "a kernel of its own"
    return "composed of other ops"


def _onnx(op: Op) -> str:
    return f"none, since {op.why_no_onnx}." if op.why_no_onnx else "it can be exported."

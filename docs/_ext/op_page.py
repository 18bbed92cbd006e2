"""The page of one op, in Markdown: what its declaration says, an example, a curve, its source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from curves import curves
from declared_at import declaration
from op_example import example
from op_picture import picture, picture_of_example

import minisym as ms
from minisym import sym
from minisym.core import words
from minisym.core.functions import function_of
from minisym.core.op import Op
from minisym.onnx.export import OPSET, drafted
from minisym.onnx.proto import held
from minisym.symbol.namespaces import PREFIXES
from minisym.testing.case import Case
from minisym.testing.ops import cases_of

NAMESPACES = {name: PREFIXES[name][0] for name in ("linalg", "random", "contrib", "image")}
MXNET = "https://mxnet.apache.org/versions/1.9.1/api/python/docs/api/symbol"
OURS = {
    *("image.from_tensor", "image.uncrop", "adagrad_update", "assign", "keep"),
    *("conditional_update", "accumulate_update", "scale_gradient", "loss_scale_update"),
    *("contrib.multi_adamw_update", "contrib.multi_mp_adamw_update"),
    *("contrib.multi_lamb_update", "contrib.multi_mp_lamb_update"),
    *("ef_signsgd_update", "lion_update", "adadelta_update", "adamax_update", "nadam_update"),
    *("sgld_update", "dcasgd_update", "majority_vote", "worker_mean"),
}
"""What MXNet 1.9.1 does not have in `mx.sym`."""
AT_MOST = 6
"""So many samples of an op are said in ONNX."""


@cache
def names_of(op: Op) -> tuple[str, ...]:
    """Return the names that a user would call: plain ones, then those in a namespace."""
    names = (op.name, *op.aliases)
    plain = [name for name in names if not name.startswith("_")]
    return (
        *plain,
        *(
            f"{namespace}.{name.removeprefix(prefix)}"
            for namespace, prefix in NAMESPACES.items()
            for name in names
            if name.startswith(prefix)
        ),
    )


def called(op: Op) -> str:
    """Return the name that a user would call first."""
    return names_of(op)[0]


def function(name: str) -> Any:
    """Return a function of `ms.sym` by its name, which may have a namespace."""
    found: Any = sym
    for part in name.split("."):
        found = getattr(found, part)
    return found


def page(op: Op) -> str:
    """Describe an op."""
    return "\n".join(_lines(op)) + "\n"


def plain(name: str) -> str:
    """Describe a function that is no op itself: by its signature and its docstring."""
    where = "minisym.sym." + name
    mxnet = f"*MXNet:* {_mxnet(name)}."
    told = f"# {name}\n\n```{{eval-rst}}\n.. autofunction:: {where}\n```\n\n{mxnet}\n"
    is_loop = name.startswith("contrib.")
    return told + ("\n" + picture_of_example(function(name), name) + "\n") * is_loop


def _lines(op: Op) -> Iterator[str]:
    summary, *rest = [part for part in op.doc.split("\n\n") if part.strip()]
    yield f"# {called(op)}"
    yield ""
    yield "```{eval-rst}"
    for name in names_of(op):
        yield f".. py:function:: minisym.sym.{name}()\n   :no-typesetting:"
        yield ""
    yield "```"
    yield ""
    yield prose(_coded(op, summary))
    yield ""
    yield f"```python\n{_signature(op)}\n```"
    yield ""
    sections = [i for i, part in enumerate(rest) if _is_title(part)]
    prosaic, behind = (rest[: sections[0]], rest[sections[0] :]) if sections else (rest, [])
    examples = [part for part in rest if ">>>" in part]
    references = [part for part in prosaic if part.startswith("Reference:")]
    for part in prosaic:
        if part not in examples and part not in references:
            yield prose(_coded(op, part))
            yield ""
    yield from _tables(op)
    yield from _facts(op)
    if drawn := picture(op, called(op)):
        yield f"{drawn}\n"
    if drawn := curves(op, called(op)):
        yield f'<div class="curves">\n{drawn}\n</div>\n'
    shown = [_session(part) for part in examples] or [example(op, called(op))]
    if any(shown):
        yield "## Example"
        yield ""
    for session in filter(None, shown):
        yield f"```pycon\n{session}\n```"
        yield ""
    for part in references:
        yield f"## References\n\n{prose(part.removeprefix('Reference:'))}\n"
    for part in behind:
        if part not in examples and (text := _section(part)):
            yield text
            yield ""
    file, line, source = declaration(op)
    yield "## Declaration"
    yield ""
    yield f"In `{file}`, line {line}; [how an op is declared](../your-own-op.md)."
    yield ""
    if source:
        yield f"```python\n{source}\n```"


def _tables(op: Op) -> Iterator[str]:
    if op.inputs:
        yield "| input | what it is |"
        yield "|---|---|"
        for spec in op.inputs:
            name = f"*{words.several(spec)}" if spec.variadic else spec.name
            there = words.presence(op, spec)
            notes = "".join(
                f" *{note}.*"
                for note, holds in (
                    ("Written in place", spec.name in op.writes),
                    ("Auxiliary state", spec.auxiliary),
                    (there[:1].upper() + there[1:], bool(there)),
                )
                if holds
            )
            yield f"| `{name}` | {cell(_coded(op, spec.doc))}{notes} |"
        yield ""
    if op.params:
        yield "| parameter | takes | default | meaning |"
        yield "|---|---|---|---|"
        for param in op.params.values():
            default = "**required**" if param.required else f"`{param.default!r}`"
            if param.name == op.count:
                default = "counted"
            meaning = _coded(op, param.doc or "As in MXNet.")
            takes = cell(words.kind_of(op, param))
            yield f"| `{param.name}` | {takes} | {default} | {cell(meaning)} |"
        yield ""


def _coded(op: Op, text: str) -> str:
    """Write names of inputs and parameters as code, where they stand in a text as words."""
    names = [*(spec.name for spec in op.inputs), *op.params]
    found = "|".join(re.escape(name) for name in names if "_" in name)
    if not found:
        return text
    pieces = re.split(r"(`[^`]*`|\$[^$]*\$)", text)
    pieces[::2] = [re.sub(rf"(?<!\w)({found})(?!\w)", r"`\1`", piece) for piece in pieces[::2]]
    return "".join(pieces)


def _facts(op: Op) -> Iterator[str]:
    facts = {"Shapes": prose(_coded(op, words.shapes(op))), "Gradient": _gradient(op) + "."}
    if op.writes:
        facts["Writes"] = ", ".join(f"`{name}`" for name in op.writes) + "."
    if op.states:
        facts["States"] = ", ".join(f"`{name}`" for name in sorted(op.states)) + "."
    facts["ONNX"] = _onnx(op) + "."
    facts["MXNet"] = _mxnet(called(op)) + "."
    if others := names_of(op)[1:]:
        facts["Also called"] = ", ".join(f"`{name}`" for name in others) + "."
    for name, text in facts.items():
        if text:
            yield f"{name}\n: {text[0].upper()}{text[1:]}"
            yield ""


def _signature(op: Op) -> str:
    """Return the call as a user writes it: inputs, then parameters with their defaults."""
    optional = next((i for i, spec in enumerate(op.inputs) if spec.when), len(op.inputs))
    parts = [
        f"*{words.several(spec)}" if spec.variadic else spec.name + "=None" * (i >= optional)
        for i, spec in enumerate(op.inputs)
    ]
    params = [p for p in op.params.values() if p.name != op.count]
    if params and not op.variadic:
        parts.append("*")
    parts += [p.name if p.required else f"{p.name}={p.default!r}" for p in params]
    parts += ["**kwargs"] * (op.choose is not None)
    one_line = f"sym.{called(op)}({', '.join(parts)})"
    if len(one_line) <= 88:
        return one_line
    lines, line = [], "   "
    for word in parts:
        if len(line) + len(word) > 80:
            lines.append(line)
            line = "   "
        line += f" {word},"
    return "\n".join([f"sym.{called(op)}(", *lines, line, ")"])


def _gradient(op: Op) -> str:
    """Say what differentiating the op gives, and how often that may be done."""
    said = words.gradient(op)
    again = said.startswith(("a kernel", "composed")) and not _second_order(op)
    return said + ", first order only" * again


def _onnx(op: Op) -> str:
    """Say which ops of ONNX the op becomes: in its first sample, and then in others."""
    if op.why_no_onnx:
        return f"none: {op.why_no_onnx}"
    forms = [form for case in _few_cases(op) if (form := _form(case)) is not None]
    if not forms:
        return "from a newer version on, or with other parameters"
    usual = next(filter(None, forms), ())
    others = dict.fromkeys(name for form in forms for name in form if name not in usual)
    if not usual:
        is_constant = words.gradient(op) == "zero everywhere" and not op.stops_gradient
        return "a constant" if is_constant else "none of its own: its input takes its place"
    said = ", ".join(f"`{name}`" for name in usual)
    more = ", ".join(f"`{name}`" for name in others)
    return f"{said}; with other parameters also {more}" if more else said


def _few_cases(op: Op) -> Iterator[Case]:
    """Yield the samples that differ in their parameters, the first ones of them."""
    seen: list[Any] = []
    for case in cases_of(op):
        params = {k: v for k, v in case.sample.params.items() if isinstance(v, str | bool)}
        params = {
            **params,
            "type": [a.dtype.kind for a in case.sample.inputs if hasattr(a, "dtype")],
        }
        if not case.is_error and params not in seen and len(seen) < AT_MOST:
            seen.append(params)
            yield case


def _form(case: Case) -> tuple[str, ...] | None:
    """Return the ops of ONNX that a sample becomes, if it does, but those that do nothing."""
    arrays = case.arrays
    shapes = {name: array.shape for name, array in arrays.items()}
    dtypes = {name: array.dtype for name, array in arrays.items()}
    try:
        draft = drafted(case.symbol, {}, shapes, dtypes=dtypes, opset=OPSET, dynamic_batch=False)
    except ms.ExportError:
        return None
    return tuple(name for name in held(draft) if name != "Identity")


def _second_order(op: Op) -> bool:
    """Try it: differentiate the first sample's symbol twice."""
    for sample in op.samples() if callable(op.samples) else op.samples:
        if sample.raises is not None:
            continue
        x = [sym.Variable(f"x{i}") for i in range(len(sample.inputs))]
        wrt = [f"x{i}" for i in (range(len(x)) if sample.wrt is None else sample.wrt)]
        symbol = function_of(op, op.name)(*x, **sample.params)
        try:
            first = ms.grad(symbol, wrt)
            ms.grad(first, [name for name in first.list_arguments() if name in wrt])
        except ms.GradientError:
            return False
        return True
    return True


def _mxnet(name: str) -> str:
    """Lead to MXNet's own page, and to where minisym answers otherwise."""
    if name in OURS:
        return "has none of this name"
    namespace, _, last = name.rpartition(".")
    module = namespace or "op"
    link = f"[`mx.sym.{name}`]({MXNET}/{module}/index.html#mxnet.symbol.{module}.{last})"
    differs = f"`{name}`" in _differences() or f"`{last}`" in _differences()
    return link + ", [with differences](../mxnet-differences.md)" * differs


@cache
def _differences() -> str:
    page = Path(__file__).parents[1] / "mxnet-differences.md"
    return page.read_text(encoding="utf-8")


# -------------------------------------------------------------------- from docstring to Markdown


def _is_title(part: str) -> bool:
    lines = part.split("\n")
    return len(lines) > 1 and bool(lines[1]) and set(lines[1]) <= {"-"}


def _session(part: str) -> str:
    """Return the session of a part of a docstring, without the title above it."""
    return part[part.index(">>>") :].strip()


def _section(part: str) -> str:
    if not _is_title(part):
        return prose(part)
    title, _, *body = part.split("\n")
    return f"## {title}\n\n{prose(chr(10).join(body))}" if body else ""


def prose(text: str) -> str:
    """Join lines; formulas and code are Markdown's own already."""
    return re.sub(r"\s*\n\s*", " ", text.strip()).replace(r"\*", "*")


def cell(text: str) -> str:
    """Make a text fit a cell of a table."""
    return prose(text).replace("|", r"\|")

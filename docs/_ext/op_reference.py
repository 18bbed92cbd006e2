"""The op reference: replaces the marker in ops.md by Markdown made from the registry.

Each family (a module of `minisym.ops`) becomes a section, each op that a user may call an entry,
with what its declaration says and nothing else. Ops whose names begin with an underscore are listed
in one table at the end: operators, gradients and rewrites are made of them.
"""

from __future__ import annotations

import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import minisym as ms
from minisym import sym
from minisym.core import families
from minisym.core import op as registry
from minisym.core.functions import function_of
from minisym.core.op import Op
from minisym.onnx.export import OPSET, drafted
from minisym.onnx.proto import held
from minisym.symbol.namespaces import PREFIXES
from minisym.testing.ops import cases_of

if TYPE_CHECKING:
    from sphinx.application import Sphinx

MARKER = "<!-- op reference -->"

TITLES = {
    "optimizer": "Updates",
    "arithmetic": "Arithmetic of two arrays of one shape",
    "scalars": "Arithmetic of an array and a number",
    "broadcast": "Arithmetic that stretches shapes",
    "comparison": "Comparisons and logic",
    "elemwise": "Elementwise functions",
    "trigonometry": "Trigonometric and hyperbolic functions",
    "special": "Special functions",
    "basic": "Copies and constants like another array",
    "casting": "Element types",
    "reduce": "Reductions",
    "statistics": "Norms and moments",
    "sorting": "Sorting and searching",
    "layout": "New shapes for the same elements",
    "axes": "Another order of the axes",
    "slices": "Slices",
    "pieces": "Putting together and taking apart",
    "stretch": "Stretching and padding",
    "indexing": "Indexing",
    "scatter": "Scattering",
    "counting": "Counting",
    "linalg": "Products of matrices",
    "matrices": "Linear algebra",
    "factors": "Factors of matrices",
    "triangles": "Triangles and diagonals",
    "nn": "Layers",
    "conv": "Convolutions",
    "correlate": "Correlations",
    "pooling": "Pooling",
    "activation": "Activations",
    "softmax": "Softmax",
    "norm": "Normalization",
    "batch_norm": "Batch normalization",
    "response": "Local responses",
    "channels": "Layers over channels",
    "loss": "Loss heads",
    "cross_entropy": "Cross-entropy",
    "margins": "Margin losses",
    "ctc": "Connectionist temporal classification",
    "sync_norm": "Batch normalization, as `contrib` has it",
    "sequence": "Sequences of any length",
    "rnn": "Recurrent layers",
    "attention": "Attention",
    "image": "Images",
    "sampling": "Sampling between pixels",
    "upsampling": "Enlarging",
    "patches": "Patches",
    "regions": "Regions",
    "resize": "Resizing",
    "deformable": "Deformable convolutions",
    "boxes": "Boxes",
    "suppression": "Choosing among boxes",
    "multibox": "Detection with anchors",
    "proposal": "Proposals of regions",
    "roi_align": "Pooling of regions, between pixels",
    "psroi": "Pooling of regions, part by part",
    "hawkes": "Hawkes processes",
    "quantize": "Quantization",
    "quantized": "Layers on bytes",
    "calibrate": "Calibration of a quantization",
    "contrib": "Small ops of `contrib`",
    "custom": "Ops of your own",
    "sources": "Arrays out of nothing",
    "random": "Random numbers",
    "densities": "Densities of random numbers",
}
"""The sections in their order; a family that has no title here comes behind them."""


CHAPTERS = {"ctc": "loss", "cross_entropy": "loss", "operator": "custom"}
"""Modules whose ops stand in the section of another one."""


def op_reference() -> str:
    """Describe every registered op, in Markdown."""
    public: defaultdict[str, list[Op]] = defaultdict(list)
    internal: list[Op] = []
    for op in dict.fromkeys(registry.registered().values()):
        if any(_names(op)):
            public[_chapter(op)].append(op)
        else:
            internal.append(op)
    families_ = [f for f in TITLES if f in public] + sorted(set(public) - set(TITLES))
    lines = [f"{sum(map(len, public.values()))} ops in {len(families_)} families.", ""]
    for family in families_:
        title = TITLES.get(family, family.replace("_", " ").capitalize())
        lines += [f"## {title}", ""]
        for op in sorted(public[family], key=lambda op: _called(op).lower()):
            lines += [*_entry(op), ""]
    lines += ["## Behind the scenes", "", *_table_of_internal(internal)]
    return "\n".join(lines)


def _chapter(op: Op) -> str:
    """Return the section of an op: that of the module which declares it."""
    module = op.module.removeprefix("minisym.").removeprefix("ops.")
    return CHAPTERS.get(module, "optimizer" if module.startswith("updates") else module)


def _names(op: Op) -> list[str]:
    """Return the names that a user would call: plain ones, then those in a namespace."""
    names = (op.name, *op.aliases)
    plain = [name for name in names if not name.startswith("_")]
    return plain + [
        f"{namespace}.{name.removeprefix(prefixes[0])}"
        for namespace, prefixes in PREFIXES.items()
        for name in names
        if namespace != "_internal" and name.startswith(prefixes[0])
    ]


def _called(op: Op) -> str:
    """Return the name that a user would call first."""
    return _names(op)[0]


# ------------------------------------------------------------------------------------ one op


def _entry(op: Op) -> Iterator[str]:
    summary, *rest = [part for part in op.doc.split("\n\n") if part.strip()]
    yield f"### `{_called(op)}`"
    yield ""
    yield _prose(summary)
    yield ""
    yield f"```python\n{_signature(op)}\n```"
    yield ""
    for part in rest:
        yield _part(part)
        yield ""
    if op.inputs:
        yield "| input | what it is |"
        yield "|---|---|"
        for spec in op.inputs:
            name = f"*{spec.name}s" if spec.variadic else spec.name
            yield f"| `{name}` | {_cell(spec.doc)} |"
        yield ""
    if op.params:
        yield "| parameter | takes | default | meaning |"
        yield "|---|---|---|---|"
        for param in op.params.values():
            default = "**required**" if param.required else f"`{param.default!r}`"
            kind = param.kind + (", or a Symbol" if op.writes and param.is_float else "")
            meaning = param.doc or "As in MXNet."
            yield f"| `{param.name}` | {_cell(kind)} | {default} | {_cell(meaning)} |"
        yield ""
    facts = [f"*Gradient:* {_gradient(op)}.", f"*ONNX:* {_onnx(op)}."]
    if op.writes:
        facts.append(f"*Writes:* {', '.join(f'`{name}`' for name in op.writes)}.")
    if op.states:
        facts.append(f"*States:* {', '.join(f'`{name}`' for name in sorted(op.states))}.")
    if others := _names(op)[1:]:
        facts.append(f"*Also called:* {', '.join(f'`{name}`' for name in others)}.")
    yield " ".join(facts)


def _signature(op: Op) -> str:
    """Return the call as a user writes it: inputs, then parameters with their defaults."""
    optional = next((i for i, spec in enumerate(op.inputs) if spec.when), len(op.inputs))
    words = [
        f"*{spec.name}s" if spec.variadic else spec.name + "=None" * (i >= optional)
        for i, spec in enumerate(op.inputs)
    ]
    params = [p for p in op.params.values() if p.name != op.count]
    if params and not op.variadic:
        words.append("*")
    words += [p.name if p.required else f"{p.name}={p.default!r}" for p in params]
    words += ["**kwargs"] * (op.choose is not None)
    one_line = f"sym.{_called(op)}({', '.join(words)})"
    if len(one_line) <= 88:
        return one_line
    lines, line = [], "   "
    for word in words:
        if len(line) + len(word) > 80:
            lines.append(line)
            line = "   "
        line += f" {word},"
    return "\n".join([f"sym.{_called(op)}(", *lines, line, ")"])


def _gradient(op: Op) -> str:
    """Say what differentiating the op gives, and how often that may be done."""
    rule = op.gradient
    if op.loss:
        return "its own, whatever flows into it: it is a loss head"
    if op.choose is not None:
        return "that of the op that is chosen"
    if rule is None:
        return "none"
    function = getattr(rule, "function", rule)
    if inspect.getclosurevars(function).nonlocals.get("grad") is families.ZERO:
        return "zero everywhere"
    times = "" if _second_order(op) else ", first order only"
    if "backward.<locals>" in function.__qualname__:
        return f"a kernel of its own{times}"
    return f"composed of other ops{times}"


def _onnx(op: Op) -> str:
    """Say which ops of ONNX the op becomes: those of its first sample that has a form."""
    if op.why_no_onnx:
        return f"none: {op.why_no_onnx}"
    for case in cases_of(op):
        if case.is_error:
            continue
        arrays = case.arrays
        shapes = {name: array.shape for name, array in arrays.items()}
        dtypes = {name: array.dtype for name, array in arrays.items()}
        try:
            draft = drafted(
                case.symbol, {}, shapes, dtypes=dtypes, opset=OPSET, dynamic_batch=False
            )
        except ms.ExportError:
            continue
        made = [f"`{name}`" for name in held(draft) if name != "Identity"]
        return ", ".join(made) or "its input, or a constant"
    return "from a newer version on, or with other parameters"


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


# -------------------------------------------------------------------- from docstring to Markdown


def _part(text: str) -> str:
    """Translate one paragraph, doctest, or section title of a docstring."""
    if text.lstrip().startswith(">>>"):
        return f"```pycon\n{text.strip()}\n```"
    lines = text.split("\n")
    if len(lines) > 1 and lines[1] and set(lines[1]) <= {"-"}:
        title, body = lines[0], "\n".join(lines[2:])
        return f"**{title}.** {_prose(body)}" if ">>>" not in body else _part(body)
    return _prose(text)


def _prose(text: str) -> str:
    """Join lines; formulas and code are Markdown's own already."""
    return re.sub(r"\s*\n\s*", " ", text.strip()).replace(r"\*", "*")


def _cell(text: str) -> str:
    """Make a text fit a cell of a table."""
    return _prose(text).replace("|", r"\|")


def _table_of_internal(ops: list[Op]) -> Iterator[str]:
    yield "Python's operators, gradients and rewrites are made of these; files name them, too."
    yield ""
    yield "| op | what it does |"
    yield "|---|---|"
    for op in sorted(ops, key=lambda op: op.name.lower()):
        yield f"| `{op.name}` | {_cell(op.doc.split(chr(10) * 2)[0])} |"


# ----------------------------------------------------------------------------------- for Sphinx


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the reference where ops.md has the marker."""
    if docname == "ops":
        source[0] = source[0].replace(MARKER, op_reference())


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True}

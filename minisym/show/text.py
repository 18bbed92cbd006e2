"""Words and numbers as pictures show them: counts, bytes, shapes, types, parameters of an op."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from minisym.core.node import OWNER, Node
from minisym.core.op import FROM_INPUT
from minisym.core.shapes import Shape

_SHORT: Final = {
    "float16": "f16",
    "float32": "f32",
    "float64": "f64",
    "uint8": "u8",
    "int8": "i8",
    "int32": "i32",
    "int64": "i64",
}
_UNPRINTABLE: Final = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]"


def count(number: int) -> str:
    """Return a number for people.

    >>> count(128), count(1290), count(100480), count(7_680_000)
    ('128', '1.3K', '100K', '7.7M')
    """
    if number < 1000:
        return str(number)
    size, units = number / 1000, "KMGT"
    while size >= 999.5 and len(units) > 1:  # 999.7 is "1.0M", not "1000K"
        size, units = size / 1000, units[1:]
    return f"{size:.1f}{units[0]}" if size < 99.95 else f"{size:.0f}{units[0]}"


def size_in_bytes(number: int) -> str:
    """Return a number of bytes for people.

    >>> size_in_bytes(512), size_in_bytes(407_080)
    ('512 B', '407 KB')
    """
    text = count(number)
    return f"{text[:-1]} {text[-1]}B" if text[-1].isalpha() else f"{text} B"


def shape_text(shape: Shape) -> str:
    """Return a shape; an unknown first dimension is the batch, N.

    >>> shape_text((64, 784)), shape_text((None, 10)), shape_text((10, None)), shape_text(())
    ('64×784', 'N×10', '10×?', 'scalar')
    """
    if shape is None:
        return "?"
    if not shape:
        return "scalar"
    return "×".join(
        str(dim) if dim is not None else "?" if axis else "N" for axis, dim in enumerate(shape)
    )


def dtype_text(dtype: Any) -> str:
    """Return the short name of an element type: f32, i64 and so on."""
    if dtype is None:
        return ""
    name = str(np.dtype(dtype).name)
    return _SHORT.get(name, name)


def elements(shape: Shape) -> int | None:
    """Return how many elements an array of this shape has, if that is known."""
    if shape is None or None in shape:
        return None
    return math.prod(dim for dim in shape if dim is not None)


def clip(text: str, limit: int = 48) -> str:
    """Cut a long text in its middle, where names differ least.

    >>> clip("a" * 50, 9)
    'aaaa…aaaa'
    """
    if len(text) <= limit:
        return text
    half = (limit - 1) // 2
    return f"{text[: limit - 1 - half]}…{text[-half:]}"


def plain(text: str, limit: int = 48) -> str:
    r"""Return a name without characters that cannot be printed; never empty.

    >>> plain("two\nlines"), plain("")
    ('two¶lines', '(unnamed)')
    """
    cleaned = re.sub(_UNPRINTABLE, lambda c: "¶" if c.group() == "\n" else "·", text)
    return clip(cleaned, limit) or "(unnamed)"


def markup(text: str, limit: int = 48) -> str:
    """Return a name for the HTML of a label.

    >>> markup('<b>"&"')
    '&lt;b&gt;&quot;&amp;&quot;'
    """
    # an engine would take a backslash for the beginning of an escape, in HTML, too
    return html.escape(plain(text, limit)).replace("\\", "&#92;")


def value_text(value: Any) -> str:
    """Return a parameter's value.

    >>> value_text(0.01), value_text((3, 3)), value_text(None), value_text(1e-05)
    ('0.01', '(3, 3)', 'None', '1e-5')
    """
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        return re.sub(r"e([-+])0*(\d)", r"e\1\2", f"{value:g}").replace("e+", "e")
    if isinstance(value, tuple) and value:
        return f"({', '.join(value_text(item) for item in value)}{',' * (len(value) == 1)})"
    return str(value)


_SIZES: Final = re.compile(r"kernel|stride|dilate|pad|adj|(.*_)?(shape|size)")
"""Parameters that are sizes along axes, and not a list of axes, of places, or of anything else."""


def param_text(name: str, value: Any) -> str:
    """Return the value of a parameter: sizes as `3×3`, an unknown one of them as `?`.

    >>> param_text("kernel", (3, 3)), param_text("shape", (0, 10)), param_text("axes", (0, 2, 1))
    ('3×3', '?×10', '(0, 2, 1)')
    """
    if isinstance(value, tuple) and len(value) > 1 and _SIZES.fullmatch(name):
        is_shape = name.endswith("shape")
        if is_shape and any(isinstance(size, int) and size < 0 for size in value):
            return value_text(value)  # codes of `reshape`
        return "×".join("?" if is_shape and size == 0 else value_text(size) for size in value)
    return value_text(value)


_NEUTRAL: Final = {"stride": 1, "dilate": 1, "pad": 0, "adj": 0}
"""Where a default is empty, a tuple of these says the same."""


def params_of(node: Node) -> Iterator[tuple[str, Any]]:
    """Yield the parameters of a node that differ from their defaults."""
    op = node.op
    if op is None:
        return
    if not op.is_known:
        yield from ((k, v) for k, v in node.attrs.items() if not k.startswith("__"))
        return
    for name, param in op.params.items():
        value = node.params.get(name)
        if name not in node.params or name == op.count or value is FROM_INPUT or param.is_hint:
            continue
        if isinstance(value, tuple) and not param.default and name in _NEUTRAL:
            value = tuple(size for size in value if size != _NEUTRAL[name]) and value
        if name == "layout" and str(value).startswith("NC"):
            continue  # channels first, as without it
        if param.required or value != param.default or name == "scalar":
            yield name, value


def attributes_of(node: Node) -> Iterator[str]:
    """Yield lines that say all of a node: its op and name, every parameter, every attribute.

    >>> from minisym import sym
    >>> list(attributes_of(sym.Variable("x", lr_mult=2).entries[0].node))
    ['x', '__lr_mult__ = 2']
    """
    yield f"{node.op.name} {node.name}" if node.op else node.name
    yield from (f"{name} = {param_text(name, value)}" for name, value in node.params.items())
    hidden = {OWNER, *node.params}
    yield from (f"{name} = {value}" for name, value in node.attrs.items() if name not in hidden)


def params_text(node: Node) -> str:
    """Return what distinguishes this call of an op: `num_hidden=128`, `relu`, `no_bias`.

    >>> from minisym import sym
    >>> step = sym.signsgd_update(sym.Variable("w"), sym.Variable("g"), lr=0.01, wd=1e-4)
    >>> params_text(step.entries[0].node)
    'lr=0.01 wd=0.0001'
    """
    words = []
    for name, value in params_of(node):
        if value is True:
            words.append(name)
        elif name.endswith("_type"):
            words.append(value_text(value))
        else:
            words.append(f"{name}={param_text(name, value).replace(', ', ',')}")
    return " ".join(words)

"""How things look: what kinds of things there are, and their colours on light and dark paper.

The shape says what something is: a cylinder stores, a pill enters or leaves, a filled box computes.
The colour says which family it belongs to, so that a picture can be read without colours, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from minisym.core.errors import ParamError, did_you_mean


class Paint(NamedTuple):
    """Colours of one kind."""

    fill: str
    line: str
    text: str


@dataclass(frozen=True)
class Theme:
    """All colours of a picture."""

    paper: str
    ink: str
    quiet: str
    """Second lines of titles, labels of edges."""
    edge: str
    frame: Paint
    """The box around a layer or a scope."""
    repeated: Paint
    """The box around a scope that stands for several."""
    write: str
    """The arrow of a write-back."""
    before: str
    """The outline, in a page, of what the chosen node is computed from."""
    after: str
    """The outline of what it flows into."""
    kinds: Mapping[str, Paint]


KINDS: Final[Mapping[str, str]] = {
    "input": "input",
    "parameter": "parameter",
    "state": "state",
    "layer": "layer",
    "norm": "normalization",
    "activation": "activation",
    "pooling": "pooling",
    "math": "arithmetic",
    "reduce": "reduction",
    "layout": "layout",
    "source": "source",
    "loss": "loss head",
    "gradient": "gradient",
    "backward": "gradient",
    "update": "update",
    "opaque": "unknown op",
    "scope": "scope",
    "output": "output",
}
"""The kinds of things in a picture and their names in the legend, in its order."""

PILLS: Final = frozenset({"input", "gradient", "output"})
"""Kinds that enter or leave the graph."""
STORES: Final = frozenset({"parameter", "state"})
"""Kinds that are kept from run to run."""

_WHITE: Final = "#FFFFFF"

LIGHT: Final = Theme(
    paper="#FFFFFF",
    ink="#0F172A",
    quiet="#475569",
    edge="#64748B",
    frame=Paint("#F8FAFC", "#CBD5E1", "#334155"),
    repeated=Paint("#FAF5FF", "#6D28D9", "#334155"),
    write="#7C3AED",
    before="#0284C7",
    after="#059669",
    kinds={
        "input": Paint("#F1F5F9", "#64748B", "#0F172A"),
        "parameter": Paint("#FFF7E6", "#CC6F05", "#78350F"),
        "state": Paint("#FEFCE8", "#B77E04", "#713F12"),
        "layer": Paint("#1D4ED8", "#1E3A8A", _WHITE),
        "norm": Paint("#0E7490", "#164E63", _WHITE),
        "activation": Paint("#B45353", "#7F1D1D", _WHITE),
        "pooling": Paint("#4D7C0F", "#365314", _WHITE),
        "math": Paint("#64748B", "#334155", _WHITE),
        "reduce": Paint("#854D0E", "#5B3509", _WHITE),
        "layout": Paint("#57534E", "#292524", _WHITE),
        "source": Paint("#E2E8F0", "#475569", "#0F172A"),
        "loss": Paint("#0F766E", "#134E4A", _WHITE),
        "gradient": Paint("#FFFFFF", "#DB2777", "#9D174D"),
        "backward": Paint("#FCE7F3", "#DB2777", "#9D174D"),
        "update": Paint("#6D28D9", "#4C1D95", _WHITE),
        "opaque": Paint("#FFFFFF", "#334155", "#334155"),
        "scope": Paint("#3730A3", "#1E1B4B", _WHITE),
        "output": Paint("#ECFDF5", "#059669", "#065F46"),
    },
)

DARK: Final = Theme(
    paper="#0B1220",
    ink="#E5E7EB",
    quiet="#94A3B8",
    edge="#94A3B8",
    frame=Paint("#111A2E", "#334155", "#CBD5E1"),
    repeated=Paint("#1A1433", "#A78BFA", "#CBD5E1"),
    write="#A78BFA",
    before="#38BDF8",
    after="#34D399",
    kinds={
        "input": Paint("#1E293B", "#94A3B8", "#F1F5F9"),
        "parameter": Paint("#3A2A0A", "#F59E0B", "#FDE68A"),
        "state": Paint("#33300A", "#EAB308", "#FEF08A"),
        "layer": Paint("#2563EB", "#93C5FD", _WHITE),
        "norm": Paint("#0E7490", "#67E8F9", _WHITE),
        "activation": Paint("#B45353", "#FCA5A5", _WHITE),
        "pooling": Paint("#4D7C0F", "#BEF264", _WHITE),
        "math": Paint("#475569", "#CBD5E1", _WHITE),
        "reduce": Paint("#854D0E", "#FCD34D", _WHITE),
        "layout": Paint("#57534E", "#D6D3D1", _WHITE),
        "source": Paint("#334155", "#94A3B8", "#F1F5F9"),
        "loss": Paint("#0F766E", "#5EEAD4", _WHITE),
        "gradient": Paint("#0B1220", "#F472B6", "#FBCFE8"),
        "backward": Paint("#3B1029", "#F472B6", "#FBCFE8"),
        "update": Paint("#6D28D9", "#C4B5FD", _WHITE),
        "opaque": Paint("#0B1220", "#CBD5E1", "#CBD5E1"),
        "scope": Paint("#4338CA", "#A5B4FC", _WHITE),
        "output": Paint("#052E1E", "#34D399", "#A7F3D0"),
    },
)

DIFFERENCES: Final[Mapping[str, tuple[Paint, Paint]]] = {
    "same": (Paint("#F8FAFC", "#CBD5E1", "#475569"), Paint("#111A2E", "#334155", "#94A3B8")),
    "added": (Paint("#D1FAE5", "#059669", "#065F46"), Paint("#052E1E", "#34D399", "#A7F3D0")),
    "removed": (Paint("#FEE2E2", "#DC2626", "#991B1B"), Paint("#3F1212", "#F87171", "#FECACA")),
    "changed": (Paint("#FEF3C7", "#D97706", "#78350F"), Paint("#3A2A0A", "#F59E0B", "#FDE68A")),
    "renamed": (Paint("#DBEAFE", "#2563EB", "#1E3A8A"), Paint("#172554", "#60A5FA", "#BFDBFE")),
}
"""What became of a node between two graphs, on light and on dark paper."""

AUTO: Final = "auto"
"""As light, but an svg follows the reader's system."""
THEMES: Final[Mapping[str, Theme]] = {AUTO: LIGHT, "light": LIGHT, "dark": DARK}


def theme_named(name: str) -> Theme:
    """Return a theme; raise `ParamError` if there is none of this name."""
    found = THEMES.get(name)
    if found is None:
        message = f"there is no theme {name!r}"
        raise ParamError(message, hint=did_you_mean(str(name), THEMES))
    return found

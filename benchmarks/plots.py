"""Bars of times, a panel for each work: minisym in colour, its peers in grey."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

INK = "#808080"  # can be read on white and on black
COLOURS = {"minisym": "#7c5cd6", "minisym[fast]": "#2a9d8f"}
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "minisym",
    "font.size": 9,
    "font.family": "sans-serif",
}


def digits(value: float) -> str:
    """Return a number of three figures."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"


def draw(case: dict[str, Any], scale: float, file: Path) -> None:
    """Draw a case as svg."""
    panels = {row: shown(entries) for row, entries in case["rows"].items()}
    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    tallest = max(map(len, panels.values()))
    with mpl.rc_context(STYLE):
        figure = Figure(
            figsize=(5 * columns, lines * (0.55 + 0.21 * tallest)), layout="constrained"
        )
        axes = figure.subplots(lines, columns, squeeze=False).ravel()
        for axis, (row, entries) in zip(axes, panels.items(), strict=False):
            panel(axis, row, case["unit"], entries, scale)
        for axis in axes[len(panels) :]:
            axis.set_axis_off()
        figure.savefig(file, transparent=True, metadata={"Date": None})


def shown(entries: dict[str, Any]) -> dict[str, Any]:
    """Return minisym's ways, and the best of each peer on one thread and on two."""
    found: dict[tuple[str, int], str] = {}
    ours = [
        title
        for title, entry in entries.items()
        if entry["peer"] == "minisym" and not entry["error"]
    ]
    for title, entry in entries.items():
        key = entry["peer"], entry["threads"]
        if title not in ours and not entry["error"]:
            found[key] = min(found.get(key, title), title, key=lambda t: entries[t]["min"])
    return {title: entries[title] for title in (*ours, *found.values())}


def panel(axis: Any, row: str, unit: str, entries: dict[str, Any], scale: float) -> None:
    """Draw a row."""
    values = [entry["min"] * scale for entry in entries.values()]
    colours = [
        COLOURS.get(title.split(",")[0], "#b0b0b0" if entry["threads"] == 1 else "#888888")
        for title, entry in entries.items()
    ]
    bars = axis.barh(list(entries), values, color=colours, height=0.72)
    axis.bar_label(bars, list(map(digits, values)), padding=3, color=INK, fontsize=8)
    axis.set_xlim(0, 1.15 * max(values))
    axis.invert_yaxis()
    axis.set_title(f"{row}, {unit}", loc="left", color=INK, fontsize=10)
    axis.tick_params(colors=INK, length=0)
    axis.set_xticks([])
    axis.spines[:].set_visible(False)

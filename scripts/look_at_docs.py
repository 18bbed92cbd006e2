"""Look at the built documentation in a browser: every page, in three widths and both themes.

    python scripts/look_at_docs.py [--out DIR] [--ops N] [PAGE ...]

Prints what is wrong on a page (it is wider than the window, the header has two rows, a picture is
missing or has no text, something is white in the dark, a link leads nowhere) and keeps contact
sheets of how the pages look. It needs chromium with chromedriver, and what scripts/docs has built.
Of the pages of ops and classes it takes every N-th.
"""

from __future__ import annotations

import argparse
import base64
import io
import re
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from browser import browser  # noqa: E402 - the one that the tests drive

BUILT = ROOT / "docs" / "_build" / "html"
WIDTHS = (1280, 1920, 390)
TALLEST = 2800
"""How much of a page a sheet shows, in pixels."""
COLUMN = 480

LOOK = """
const faults = [], root = document.documentElement, wide = innerWidth;
if (root.scrollWidth > wide + 1) {
    const out = [...document.querySelectorAll("article *")].filter((e) => {
        const box = e.getBoundingClientRect();
        const scrolls = e.closest("pre, .picture, iframe, math, table");
        return box.right > wide + 1 && box.width && !scrolls;
    });
    faults.push(`wider than the window by ${root.scrollWidth - wide}: `
        + out.slice(0, 2).map((e) => e.outerHTML.slice(0, 90)).join(" … "));
}
const header = document.querySelector(".bd-header");
if (header && header.offsetHeight > 84) faults.push(`the header is ${header.offsetHeight} high`);
for (const image of document.querySelectorAll("article img")) {
    if (image.complete && !image.naturalWidth) faults.push(`a picture is missing: ${image.src}`);
    if (image.alt.startsWith("_images") || (!image.alt && !image.closest("nav")))
        faults.push(`a picture says nothing: ${image.src.slice(-40)}`);
}
for (const block of document.querySelectorAll("article pre")) {
    const lines = block.innerText.split("\\n").sort((a, b) => b.length - a.length);
    if (block.clientWidth && block.scrollWidth > block.clientWidth + 1 && wide > 1000)
        faults.push(`code is cut: ${lines[0]}`);
}
if (root.dataset.theme === "dark") {
    for (const e of document.querySelectorAll("article *")) {
        const paint = getComputedStyle(e);
        const white = (c) => (c.match(/[\\d.]+/g) || []).slice(0, 3).every((n) => n > 225);
        const solid = !/, 0\\)$|transparent/.test(paint.backgroundColor);
        if (!e.closest("svg") && solid && white(paint.backgroundColor) && e.offsetWidth > 60)
            faults.push(`white in the dark: ${e.outerHTML.slice(0, 90)}`);
    }
}
return [faults, root.scrollHeight];
"""


def pages(every: int) -> list[str]:
    """Return the pages to look at."""
    found = [path.relative_to(BUILT).as_posix() for path in sorted(BUILT.rglob("*.html"))]
    many = [page for page in found if page.startswith(("ops/", "api/"))]
    return [p for p in found if not p.startswith(("ops/", "api/", "_"))] + many[::every]


def dead_links() -> list[str]:
    """Return the links within the site that lead to no page, or to no place on it."""
    places: dict[Path, set[str]] = {}
    for path in BUILT.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        places[path] = set(re.findall(r'\b(?:id|name)="([^"]+)"', text)) | {"", "top"}
    dead = []
    for path in places:
        text = re.sub(r'srcdoc="[^"]*"', "", path.read_text(encoding="utf-8"))
        for link in set(re.findall(r'<a\b[^>]*?\bhref="([^"]+)"', text)):
            if re.match(r"[a-z]+:", link) or link.startswith("//"):
                continue
            file, _, place = unquote(link).partition("#")
            target = (path.parent / file.partition("?")[0]).resolve() if file else path
            if not target.exists() or (target.suffix == ".html" and place not in places[target]):
                dead.append(f"{path.relative_to(BUILT)}: {link}")
    return sorted(dead)


def main() -> int:
    """Look, and say what is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "_build" / "sheets")
    parser.add_argument("--ops", type=int, default=25, metavar="N")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    parser.add_argument("page", nargs="*")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    wrong = [f"a link leads nowhere: {link}" for link in dead_links()]
    with tempfile.TemporaryDirectory() as folder, browser(Path(folder)) as window:
        for width in asked.widths:
            for theme in ("light", "dark"):
                shots = []
                for page in asked.page or pages(asked.ops):
                    faults, shot = look(window, page, width, theme)
                    wrong += [f"{page} at {width}, {theme}: {fault}" for fault in faults]
                    shots.append(shot)
                for i in range(0, len(shots), 4):
                    sheet(shots[i : i + 4]).save(asked.out / f"{width}-{theme}-{i // 4}.png")
    print("\n".join(dict.fromkeys(wrong)) or "nothing is wrong")
    return bool(wrong)


def look(window: Any, page: str, width: int, theme: str) -> tuple[list[str], Image.Image]:
    """Return what is wrong with a page, and how it looks."""
    size = {"width": width, "deviceScaleFactor": 1, "mobile": False}
    window.devtools("Emulation.setDeviceMetricsOverride", height=1000, **size)
    window.send("POST", "/url", url=(BUILT / page).as_uri())
    window.run("document.documentElement.dataset.theme = arguments[0]", theme)
    faults, height = window.run(LOOK)
    tall = min(height, TALLEST)
    window.devtools("Emulation.setDeviceMetricsOverride", height=tall, **size)
    picture = Image.open(io.BytesIO(base64.b64decode(window.send("GET", "/screenshot"))))
    return faults, picture.convert("RGB")


def sheet(shots: list[Image.Image]) -> Image.Image:
    """Put pictures beside each other."""
    small = [s.resize((COLUMN, s.height * COLUMN // s.width)) for s in shots]
    whole = Image.new("RGB", (len(small) * (COLUMN + 8), max(s.height for s in small)), "orange")
    for i, picture in enumerate(small):
        whole.paste(picture, (i * (COLUMN + 8), 0))
    return whole


if __name__ == "__main__":
    sys.exit(main())

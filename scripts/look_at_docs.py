"""Look at the built documentation in a browser: every page, in three widths and both themes.

    python scripts/look_at_docs.py [--site DIR] [--out DIR] [--ops N] [PAGE ...]

Prints what is wrong on a page (it is wider than the window, the header has two rows, a picture is
missing or has no text, code is cut, something is white in the dark, a link leads nowhere) and keeps
a sheet of each page as it looks, to its end, with everything unfolded. It needs chromium with
chromedriver, and what scripts/docs has built. Of the pages of ops and classes it takes every N-th.
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
COLUMN, TALLEST = 480, 1400
"""How large a column of a sheet is, at most."""

LOOK = """
const faults = [], root = document.documentElement, wide = innerWidth;
document.querySelectorAll("details").forEach((folded) => (folded.open = true));
document.querySelectorAll("img").forEach((image) => (image.loading = "eager"));
if (root.scrollWidth > wide + 1) {
    const out = [...document.querySelectorAll("article *")].filter((e) => {
        const box = e.getBoundingClientRect();
        const scrolls = e.closest("pre, .picture, .formula, iframe, table");
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


def pages(site: Path, every: int) -> list[str]:
    """Return the pages to look at."""
    found = [path.relative_to(site).as_posix() for path in sorted(site.rglob("*.html"))]
    many = [page for page in found if page.startswith(("ops/", "api/"))]
    return [p for p in found if not p.startswith(("ops/", "api/", "_"))] + many[::every]


def dead_links(site: Path) -> list[str]:
    """Return the links within the site that lead to no page, or to no place on it."""
    places: dict[Path, set[str]] = {}
    for path in site.rglob("*.html"):
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
                dead.append(f"{path.relative_to(site)}: {link}")
    return sorted(dead)


def main() -> int:
    """Look, and say what is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--site", type=Path, default=BUILT)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "_build" / "sheets")
    parser.add_argument("--ops", type=int, default=25, metavar="N")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    parser.add_argument("page", nargs="*")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    site = asked.site.resolve()
    wrong = [f"a link leads nowhere: {link}" for link in dead_links(site)]
    with tempfile.TemporaryDirectory() as folder, browser(Path(folder)) as window:
        for width in asked.widths:
            for theme in ("light", "dark"):
                for page in asked.page or pages(site, asked.ops):
                    faults, picture = look(window, site / page, width, theme)
                    wrong += [f"{page} at {width}, {theme}: {fault}" for fault in faults]
                    name = page.removesuffix(".html").replace("/", "-")
                    sheet(picture).save(asked.out / f"{name}-{width}-{theme}.png")
    print("\n".join(dict.fromkeys(wrong)) or "nothing is wrong")
    return bool(wrong)


def look(window: Any, page: Path, width: int, theme: str) -> tuple[list[str], Image.Image]:
    """Return what is wrong with a page, and how it looks."""
    size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    window.devtools("Emulation.setDeviceMetricsOverride", **size)
    window.send("POST", "/url", url=page.as_uri())
    window.run("document.documentElement.dataset.theme = arguments[0]", theme)
    faults, high = window.run(LOOK)
    whole = Image.new("RGB", (width, high))
    for top in range(0, high, TALLEST):
        part = {"x": 0, "y": top, "width": width, "height": min(TALLEST, high - top), "scale": 1}
        seen = window.devtools("Page.captureScreenshot", captureBeyondViewport=True, clip=part)
        whole.paste(Image.open(io.BytesIO(base64.b64decode(seen["data"]))), (0, top))
    return faults, whole


def sheet(page: Image.Image) -> Image.Image:
    """Cut a page into columns."""
    wide = min(COLUMN, page.width)
    page = page.resize((wide, page.height * wide // page.width))
    count = -(-page.height // TALLEST)
    whole = Image.new("RGB", (count * (wide + 8), min(TALLEST, page.height)), "orange")
    for i in range(count):
        part = page.crop((0, i * TALLEST, wide, min((i + 1) * TALLEST, page.height)))
        whole.paste(part, (i * (wide + 8), 0))
    return whole


if __name__ == "__main__":
    sys.exit(main())

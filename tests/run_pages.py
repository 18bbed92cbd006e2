"""Run the Python of Markdown pages with the minisym that is installed: `run_pages.py page.md …`."""

import re
import sys
from pathlib import Path

import minisym

_BLOCK = re.compile(r"^```(?:python|\{code-cell\})\n(.*?)^```", re.DOTALL | re.MULTILINE)
_OPTIONS = re.compile(r"\A(?:---\n.*?\n---\n|(?::[^\n]*\n)+)", re.DOTALL)

if __name__ == "__main__":
    checkout = Path(__file__).resolve().parent.parent
    if checkout in Path(minisym.__file__).resolve().parents:
        sys.exit(f"this is the minisym of the checkout, not an installed one: {minisym.__file__}")
    for page in map(Path, sys.argv[1:]):
        blocks = _BLOCK.findall(page.read_text(encoding="utf-8"))
        if not blocks:
            sys.exit(f"{page.name} has no Python")
        names = {"__name__": page.stem}
        for block in blocks:
            code = _OPTIONS.sub("", block)
            exec(compile(code, page.name, "exec"), names)
        print(f"{page.name}: {len(blocks)} blocks ran with minisym {minisym.__version__}")

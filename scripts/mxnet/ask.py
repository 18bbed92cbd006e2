"""Ask MXNet 1.9.1 whether the tables of `tests/tables` say what it does.

It needs Python 3.8 with `mxnet==1.9.1` and `numpy<1.24`; nothing else of this project does::

    MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0 python3.8 scripts/mxnet/ask.py
"""

import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

import mxnet as mx
from tables import cases


def main(names):
    """Run the tables of these names, or all; print the rows that MXNet contradicts."""
    folder = Path(cases.__file__).parent
    names = names or sorted(
        p.stem for p in folder.glob("*.py") if p.stem not in ("cases", "__init__")
    )
    rows = wrong = 0
    for name in names:
        module = importlib.import_module("tables." + name)
        for section, table in getattr(module, "TABLES", {}).items():
            for code, expected in table:
                claimed = expected.mxnet if isinstance(expected, cases.Differs) else expected
                found = cases.answer(mx, code)
                rows += 1
                if not cases.agrees(found, claimed):
                    wrong += 1
                    text = code.strip().replace("\n", "\n  ")
                    print(f"{name}: {section}\n  {text}")
                    print(f"    claimed {claimed!r}\n    found   {found!r}")
    print(f"{rows} rows, {wrong} contradicted")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

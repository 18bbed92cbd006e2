"""Run the tables of `tests/tables` under MXNet 1.9.1: do they say what it does?

It needs Python 3.8 with `mxnet==1.9.1` and `numpy<1.24`; nothing else of this project does::

    MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0 python3.8 scripts/ask_mxnet.py
"""

import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import mxnet as mx  # noqa: E402

from tables import cases  # noqa: E402


def main(names):
    """Run the tables of these names, or all; print the rows that MXNet contradicts."""
    folder = Path(cases.__file__).parent
    names = names or sorted(p.stem for p in folder.glob("*.py") if p.stem not in ("cases", "__init__"))
    rows = wrong = 0
    for name in names:
        for section, table in importlib.import_module("tables." + name).TABLES.items():
            for code, expected in table:
                claimed = expected.mxnet if isinstance(expected, cases.Differs) else expected
                found = cases.answer(mx, code)
                rows += 1
                if not cases.agrees(found, claimed):
                    wrong += 1
                    print("{}: {}\n  {}\n    claimed {!r}\n    found   {!r}".format(
                        name, section, code.strip().replace("\n", "\n  "), claimed, found))
    print("{} rows, {} contradicted".format(rows, wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Write the public names of MXNet 1.9.1 into tests/fixtures/mxnet_names.json.

Run under Python 3.8 with mxnet==1.9.1, which is no dependency of minisym:

    python scripts/mxnet/record_names.py
"""

from __future__ import annotations

import json
from pathlib import Path

import mxnet as mx

PATH = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "mxnet_names.json"


def main() -> None:
    """List what does not begin with an underscore."""
    found = {"mxnet": [name for name in dir(mx) if not name.startswith("_")]}
    PATH.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {PATH}")


if __name__ == "__main__":
    main()

"""Let MXNet 1.9.1 read symbol files of all ages, and note what it finds in them.

Run under Python 3.8 with mxnet==1.9.1, which is no dependency of minisym:

    MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0 python scripts/mxnet/record_json.py

Reads tests/tables/symbol_files.py and writes tests/fixtures/symbol_files.json.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import mxnet as mx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))


def answer(text: str) -> dict[str, Any]:
    """Return what MXNet makes of a file."""
    try:
        net = mx.sym.load_json(text)
        return {
            "arguments": net.list_arguments(),
            "outputs": net.list_outputs(),
            "states": net.list_auxiliary_states(),
            "internals": net.get_internals().list_outputs(),
            "attributes": net.attr_dict(),
            "text": net.tojson(),
        }
    except mx.MXNetError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        found = [line for line in lines if line and not line.startswith(("Stack", "[bt]", "File"))]
        return {"refused": found[-1][:100]}
    except UnicodeDecodeError:
        return {"refused": "(with a message that is no text)"}


def isolated(text: str) -> dict[str, Any]:
    """Ask in a process of its own: some files end it."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        with os.fdopen(write, "w") as pipe:
            json.dump(answer(text), pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        found = pipe.read()
    os.waitpid(child, 0)
    return json.loads(found) if found else {"refused": "(the process ends)"}


def main() -> None:
    """Ask about every file."""
    from tables.symbol_files import FILES

    if os.environ.get("MXNET_MKLDNN_ENABLED") != "0":
        sys.exit("set MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0: MXNet's own kernels")
    found = {name: isolated(text) for name, text in FILES.items()}
    path = ROOT / "tests" / "fixtures" / "symbol_files.json"
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    refused = sum("refused" in one for one in found.values())
    print(f"wrote {path}: {len(found)} files, of which MXNet refuses {refused}")


if __name__ == "__main__":
    main()

"""Read files with MXNet 1.9.1, and tell what is in them, for tests/formats/test_with_mxnet.py.

    python reads.py FOLDER        (Python 3.8 with mxnet==1.9.1)

Every `.json` in the folder gets an `.answer`; all arrays of `.params` files go to `arrays.npz`, and
files whose name begins with `np` are read under `np_shape`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np


def lists(net: Any) -> dict[str, Any]:
    """Return all that MXNet lists of a symbol."""
    return {
        "arguments": net.list_arguments(),
        "outputs": net.list_outputs(),
        "states": net.list_auxiliary_states(),
        "internals": net.get_internals().list_outputs(),
        "attributes": net.attr_dict(),
        "text": net.tojson(),
    }


def main(folder: Path) -> None:
    """Read every file."""
    for path in sorted(folder.glob("*.json")):
        try:
            answer = lists(mx.sym.load(str(path)))
        except mx.MXNetError as error:
            answer = {"refused": str(error)[-300:]}
        path.with_suffix(".answer").write_text(json.dumps(answer))
    arrays = {}
    for path in sorted(folder.glob("*.params")):
        with mx.util.np_shape(path.name.startswith("np")):
            found = mx.nd.load(str(path))
            pairs = found.items() if isinstance(found, dict) else enumerate(found)
            arrays.update({f"{path.stem}/{key}": value.asnumpy() for key, value in pairs})
    np.savez(folder / "arrays.npz", **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

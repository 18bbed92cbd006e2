"""Published MXNet models are read: MINISYM_MODELS names the folder that holds them.

They are not part of this repository, for most have no licence. Without the folder these tests are
skipped, and with MINISYM_REQUIRE_MODELS=1 they fail. Its manifest.json holds, for each model, the
digests of what MXNet 1.9.1 lists, writes and reads.
"""

import hashlib
import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minisym as ms

FOLDER = Path(os.environ.get("MINISYM_MODELS") or "no folder")
MANIFEST = FOLDER / "manifest.json"
WHY = "set MINISYM_MODELS to the folder of the published models"


@cache
def manifest() -> dict[str, Any]:
    if not MANIFEST.is_file():
        return {"models": [], "ndarray_files": []}
    return json.loads(MANIFEST.read_text(encoding="utf-8"))


def test_the_models_are_there():
    if not MANIFEST.is_file():
        if os.environ.get("MINISYM_REQUIRE_MODELS") == "1":
            pytest.fail(f"there is no {MANIFEST}: {WHY}")
        pytest.skip(WHY)
    assert len(manifest()["models"]) > 50


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def each(entries: list[dict[str, Any]], key: str):
    return pytest.mark.parametrize("entry", [pytest.param(e, id=e[key]) for e in entries])


each_model = each(manifest()["models"], "id")
each_trained = each([e for e in manifest()["models"] if "params_digest" in e["check"]], "id")
each_file = each(manifest()["ndarray_files"], "file")


@cache
def load(path: Path) -> ms.Symbol:
    return ms.sym.load(path)


def symbol_of(entry: dict[str, Any]) -> ms.Symbol:
    return load(FOLDER / entry["id"] / entry["symbol"])


def opaque_in(symbol: ms.Symbol) -> dict[str, str]:
    """Return the nodes whose op nobody knows, and their ops."""
    nodes = ms.Graph(symbol)
    return {n.name: n.op.name for n in nodes if n.op is not None and not n.op.is_known}


@each_model
def test_unknown_ops_are_those_that_mxnet_does_not_know(entry):
    assert opaque_in(symbol_of(entry)) == entry["check"].get("opaque", {})


@each_model
def test_lists(entry):
    symbol = symbol_of(entry)
    names = "|".join(re.escape(name) for name in opaque_in(symbol)) or "(?!)"
    of_opaque = re.compile(rf"({names})_output\d*")
    found = {
        "arguments": symbol.list_arguments(),
        "auxiliary_states": symbol.list_auxiliary_states(),
        "outputs": symbol.list_outputs(),
        "internals": symbol.get_internals().list_outputs(),
    }
    digests = {
        kind: [len(listed), digest("\n".join(n for n in listed if not of_opaque.fullmatch(n)))]
        for kind, listed in found.items()
    }
    assert digests == entry["check"]["lists"]


@each_model
def test_attributes(entry):
    symbol = symbol_of(entry)
    opaque = opaque_in(symbol)
    found = {name: attrs for name, attrs in symbol.attr_dict().items() if name not in opaque}
    assert digest(json.dumps(found, sort_keys=True)) == entry["check"]["attr_dict_sha256"]


@each_model
def test_the_text_is_that_of_mxnet(entry):
    text = symbol_of(entry).tojson()
    if "tojson_sha256" in entry["check"]:  # MXNet reads the file, too
        assert digest(text) == entry["check"]["tojson_sha256"]
    again = ms.sym.load_json(text)
    assert again.tojson() == text
    assert ms.Graph(again) == ms.Graph(symbol_of(entry))


def check_arrays(found: dict[str, np.ndarray], wanted: dict[str, tuple]) -> None:
    """Compare with {name: (shape, type, the digest's beginning)}."""
    assert sorted(found) == sorted(wanted)
    for name, (shape, dtype, sha) in wanted.items():
        array = found[name]
        assert (list(array.shape), array.dtype.name) == (shape, dtype), name
        assert hashlib.sha256(np.ascontiguousarray(array)).hexdigest()[:16] == sha, name


@each_trained
def test_arrays(entry):
    folder = FOLDER / entry["id"]
    wanted = json.loads((folder / entry["check"]["params_digest"]).read_text(encoding="utf-8"))
    found = ms.nd.load(folder / entry["params"])
    check_arrays(found, wanted)
    names = {f"arg:{name}" for name in symbol_of(entry).list_arguments()}
    names |= {f"aux:{name}" for name in symbol_of(entry).list_auxiliary_states()}
    assert names & set(found), "none of them belongs to the symbol"


@each_file
def test_files_of_arrays(entry):
    found = ms.nd.load(FOLDER / entry["file"])
    assert isinstance(found, dict if entry["kind"] == "dict" else list)
    pairs = found.items() if isinstance(found, dict) else enumerate(found)
    wanted = {name: (shape, dtype, sha) for name, shape, dtype, sha, _ in entry["arrays"]}
    check_arrays({str(key): array for key, array in pairs}, wanted)

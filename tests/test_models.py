"""Published MXNet models are read: MINISYM_MODELS names the folder that holds them.

They are not part of this repository, for most have no licence. Without the folder these tests are
skipped, and with MINISYM_REQUIRE_MODELS=1 they fail. Its manifest.json holds, for each model, the
digests of what MXNet 1.9.1 lists, writes and reads.
"""

import hashlib
import importlib.util
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


# ------------------------------------------------------------------------------------- ms.Model


@cache
def common() -> Any:
    """Return the module that makes the weights of symbols which were published without them."""
    spec = importlib.util.spec_from_file_location("common", FOLDER / "common.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shapes_of(entry: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    lists = json.loads((FOLDER / entry["id"] / "shapes.json").read_text(encoding="utf-8"))
    return {name: tuple(shape) for kind in lists.values() for name, shape in kind}


def model_of(entry: dict[str, Any]) -> ms.Model:
    """Return a model that can run: with made weights where none were published."""
    loaded = ms.load_model(FOLDER / entry["id"])
    check = entry["check"]
    if "cut_heads" in check:
        loaded = loaded.cut(check["cut_heads"])
    if loaded.arg_params:
        return loaded
    shapes, fill = shapes_of(entry), common().fill
    made = {}
    for name in loaded.symbol.list_arguments():
        if name not in loaded.labels and name not in check["inputs"]:
            array = fill(name, shapes[name])
            made[name] = array * np.float32(check.get("gain", 1) if array.ndim > 1 else 1)
    states = {
        name: fill(f"{name}_var" if name in check.get("aux_as_var", []) else name, shapes[name])
        for name in loaded.symbol.list_auxiliary_states()
    }
    return ms.Model(loaded.symbol, made, states)


def inputs_of(entry: dict[str, Any], model: ms.Model) -> dict[str, np.ndarray]:
    """Return the inputs for which the outputs were recorded."""
    shapes, found = shapes_of(entry), {}
    with np.load(FOLDER / entry["id"] / entry["reference"]) as reference:
        for name in model.inputs:
            source = entry["check"]["inputs"][name]
            if source == "reference":
                found[name] = reference[f"in:{name}"].astype(np.float32)
            elif source == "zeros":
                found[name] = np.zeros(shapes[name], np.float32)
            else:
                below = source["integers_below"] if isinstance(source, dict) else None
                found[name] = common().fill_input(name, shapes[name], below)
    return found


def assert_recorded(entry: dict[str, Any], outputs: list[np.ndarray]) -> None:
    """Compare with what MXNet 1.9.1 computed: whole arrays, or every so manieth value of them."""
    with np.load(FOLDER / entry["id"] / entry["reference"]) as reference:
        for out in entry["check"]["outputs"]:
            key, found = f"out:{out['index']}:{out['name']}", outputs[out["index"]]
            assert list(found.shape) == out["shape"]
            if key in reference:
                wanted, largest = reference[key], np.abs(reference[key]).max(initial=0)
            else:
                step = next(k for k in reference if k.startswith(f"{key}@step"))
                wanted = reference[step]
                found = found.ravel()[:: int(step.rpartition("@step")[2])][:4096]
                largest = np.abs(reference[f"{key}@stats"][2:]).max()
            if out["name"] in ANY_ORDER:
                found, wanted = np.sort(found, 1), np.sort(wanted, 1)
            tolerance = out.get("tolerance", entry["check"]["tolerance"]) * (largest or 1)
            assert np.abs(found - wanted).max(initial=0) <= tolerance, key


FIXED_BATCH = {"textcnn_oak": "Reshape(shape=(50, 1, 56, 300))"}
"""Models whose graph names the size of the batch, and where."""

TIME_FIRST = {"cnn_ocr_plate": 7, "ocr_lstm_ctc": 30}
"""Models whose rows are all samples at one time, then all at the next; and how many times."""

ANY_ORDER = {"det_out_output": "boxes of almost the same score change places"}
"""Outputs that are lists, which another rounding sorts otherwise."""


def halves(entry: dict[str, Any], large: np.ndarray) -> list[np.ndarray]:
    """Return what each half of a batch has led to."""
    if entry["id"] in TIME_FIRST:
        by_time = large.reshape(TIME_FIRST[entry["id"]], -1, *large.shape[1:])
        return [half.reshape(-1, *large.shape[1:]) for half in np.split(by_time, 2, 1)]
    return np.split(large, 2)


@each_model
def test_a_model_predicts_what_mxnet_did_in_a_batch_of_another_size(entry):
    model = model_of(entry)
    report = model.check()
    assert report.ok, report
    inputs = inputs_of(entry, model)
    if entry["id"] in FIXED_BATCH:
        found = model(inputs)
        assert_recorded(entry, found if isinstance(found, list) else [found])
        with pytest.raises(ms.ShapeError):
            model({name: array[:1] for name, array in inputs.items()})
        return
    found = model({name: np.concatenate([array, array]) for name, array in inputs.items()})
    outputs = found if isinstance(found, list) else [found]
    for half in zip(*(halves(entry, out) for out in outputs), strict=True):
        assert_recorded(entry, list(half))

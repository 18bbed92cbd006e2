"""Published models (MINISYM_MODELS), exported with one batch size and run with another.

The numbers that they are compared with are those which MXNet 1.9.1 computed, to 1e-4 of the largest
value (a file that says otherwise has its reason there).
"""

import importlib.util
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_running import run_there

import minisym as ms

pytest.importorskip("onnx")

FOLDER = Path(os.environ.get("MINISYM_MODELS") or "no folder")

REFUSED = {
    "ssd_sagemaker_boats": {"multibox_target"},
}
"""What cannot be said in ONNX: nodes that compare with labels, which no prediction needs."""


@cache
def entries() -> list[dict[str, Any]]:
    manifest = FOLDER / "manifest.json"
    found = json.loads(manifest.read_text(encoding="utf-8"))["models"] if manifest.is_file() else []
    return [entry for entry in found if entry["check"]["kind"] == "run"]


@cache
def common() -> Any:
    """Return the module of the folder that fills parameters of models without any."""
    spec = importlib.util.spec_from_file_location("common_of_models", FOLDER / "common.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Published:
    """A model with its arrays and the numbers that it should give."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self.folder = FOLDER / entry["id"]
        self.check = entry["check"]
        self.symbol = ms.sym.load(self.folder / entry["symbol"])
        if heads := self.check.get("cut_heads"):
            internals = self.symbol.get_internals()
            self.symbol = ms.Group([internals[head] for head in heads])
        self.reference = np.load(self.folder / "reference.npz")
        self.trained = ms.nd.load(self.folder / entry["params"]) if entry.get("params") else {}
        self.inputs = {
            name: self.value_of_input(name, shape)
            for name, shape in self.check["input_shapes"].items()
        }

    def value_of_input(self, name: str, shape: list[int]) -> np.ndarray:
        source = self.check["inputs"].get(name)
        if source == "reference":
            return self.reference[f"in:{name}"].astype(np.float32)
        if source == "zeros":
            return np.zeros(shape, np.float32)
        high = source["integers_below"] if isinstance(source, dict) else None
        return common().fill_input(name, shape, high)

    def params(self) -> dict[str, np.ndarray]:
        shapes = json.loads((self.folder / "shapes.json").read_text(encoding="utf-8"))
        labels = {*self.inputs, *self.check["zeros"]}
        states = dict(shapes["auxiliary_states"])
        known = {**dict(shapes["arguments"]), **states}
        wanted = [name for name in self.symbol.list_inputs() if name not in labels]
        return {name: self.value_of_param(name, known[name], name in states) for name in wanted}

    def value_of_param(self, name: str, shape: list[int], is_state: bool) -> np.ndarray:
        for key in (f"arg:{name}", f"aux:{name}", name):
            if key in self.trained:
                return np.asarray(self.trained[key], np.float32)
        if is_state:
            called = f"{name}_var" if name in self.check.get("aux_as_var", ()) else name
            return common().fill(called, shape)
        made = common().fill(name, shape)
        return (
            made * np.float32(self.check["gain"])
            if "gain" in self.check and made.ndim > 1
            else made
        )

    def compare(self, output: dict[str, Any], found: np.ndarray) -> None:
        """Compare an output with what was recorded of it: all, or every so many-th element."""
        key = f"out:{output['index']}:{output['name']}"
        tolerance = output.get("tolerance", self.check["tolerance"])
        if key in self.reference:
            wanted = self.reference[key]
            largest = np.abs(wanted).max()
        else:
            (thinned,) = [k for k in self.reference.files if k.startswith(f"{key}@step")]
            assert found.shape == tuple(self.reference[f"{key}@shape"])
            found = found.ravel()[:: int(thinned.partition("@step")[2])][:4096]
            wanted, largest = self.reference[thinned], np.abs(self.reference[f"{key}@stats"]).max()
        assert found.shape == wanted.shape
        assert np.abs(found - wanted).max() <= tolerance * largest, output["name"]


@pytest.mark.parametrize("entry", [pytest.param(e, id=e["id"]) for e in entries()])
def test_another_batch_gives_what_mxnet_gives(entry: dict[str, Any]):
    model = Published(entry)
    params = model.params()
    shapes = {name: (2 * len(x), *x.shape[1:]) for name, x in model.inputs.items()}
    outputs = model.check["outputs"]
    if entry["id"] in REFUSED:
        with pytest.raises(ms.ExportError) as caught:
            ms.onnx.convert(model.symbol, params, shapes)
        assert {name for name, _, _ in caught.value.problems} == REFUSED[entry["id"]]
        outputs = [o for o in outputs if o["index"] in PREDICTIONS[entry["id"]]]
        model.symbol = ms.Group([model.symbol[o["index"]] for o in outputs])
        outputs = [{**o, "place": i} for i, o in enumerate(outputs)]
    exported = ms.onnx.convert(model.symbol, params, shapes)
    found = run_there(exported, model.inputs, optimize=False)
    for output in outputs:
        model.compare(output, found[output.get("place", output["index"])])


PREDICTIONS = {"ssd_sagemaker_boats": (0, 3)}
"""Of those, the outputs that are predictions."""

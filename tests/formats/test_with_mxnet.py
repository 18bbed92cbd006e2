"""What minisym writes, MXNet 1.9.1 reads: the same lists, and arrays with the same bits.

MXNet needs a Python of its own (3.8), which MINISYM_MXNET_PYTHON names; without it, these tests are
skipped. With MINISYM_MODELS, the published models go through MXNet, too.
"""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from places import ROOT
from tables.graphs import GRAPHS
from tables.symbol_files import FILES

import minisym as ms
from minisym.formats.mxnet_params import dumps

PYTHON = os.environ.get("MINISYM_MXNET_PYTHON")
MODELS = os.environ.get("MINISYM_MODELS")
pytestmark = pytest.mark.skipif(not PYTHON, reason="MINISYM_MXNET_PYTHON names no Python")

DTYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")


def arrays_of(rng) -> dict[str, np.ndarray]:
    """Return arrays of any bits: NaNs of all kinds, infinities, denormals."""
    found = {}
    for dtype in DTYPES:
        size = np.dtype(dtype).itemsize
        for shape in [(1,), (3, 5), (2, 1, 4, 3)]:
            if dtype == "bool":
                found[f"{dtype} {shape}"] = rng.random(shape) < 0.5
                continue
            raw = rng.integers(0, 256, (*shape, size), dtype=np.uint8)
            found[f"{dtype} {shape}"] = raw.view(dtype)[..., 0]
    found["arg:ä/中"] = np.asfortranarray(rng.random((4, 3)))
    found["none"] = np.zeros((0, 3), np.float32)
    return found


def composed(program: str) -> str:
    names = {"mx": ms}
    with ms.name.NameManager():
        exec(program, names)
    return names["net"].tojson()


def symbols() -> dict[str, str]:
    """Return texts that minisym writes."""
    found = {f"composed {name}": composed(program) for name, program in GRAPHS.items()}
    for name, text in FILES.items():
        try:
            found[f"read {name}"] = ms.sym.load_json(text).tojson()
        except ms.FormatError:
            continue
    for path in sorted(Path(MODELS).glob("*/*-symbol.json")) if MODELS else ():
        found[f"published {path.parent.name}"] = ms.sym.load(path).tojson()
    return found


def opaque(text: str) -> bool:
    nodes = ms.Graph(ms.sym.load_json(text))
    return any(node.op is not None and not node.op.is_known for node in nodes)


@pytest.fixture(scope="module")
def read(tmp_path_factory) -> Path:
    """Write everything, and let MXNet read it in one go."""
    folder = tmp_path_factory.mktemp("files")
    for i, text in enumerate(symbols().values()):
        (folder / f"{i}.json").write_text(text, encoding="utf-8")
    arrays = arrays_of(np.random.default_rng(1))
    full = {key: array for key, array in arrays.items() if array.size}
    for version in ("V0", "V1", "V2"):
        (folder / f"{version}.params").write_bytes(dumps(full, version))
    (folder / "default.params").write_bytes(dumps(arrays))
    (folder / "list.params").write_bytes(dumps(list(arrays.values())))
    scalars = {dtype: np.array(1, dtype) for dtype in DTYPES}
    (folder / "np.params").write_bytes(dumps(arrays | scalars))
    settings = {"MXNET_SUBGRAPH_BACKEND": "NONE", "MXNET_MKLDNN_ENABLED": "0"}
    clean = {key: v for key, v in os.environ.items() if not key.startswith("PYTHON")}
    script = str(ROOT / "scripts" / "mxnet" / "reads.py")
    assert PYTHON
    command = [PYTHON, "-W", "ignore", script, str(folder)]
    subprocess.run(command, env=clean | settings, check=True, capture_output=True)
    return folder


def test_mxnet_reads_every_symbol(read: Path):
    wrong = []
    for i, (name, text) in enumerate(symbols().items()):
        answer = json.loads((read / f"{i}.answer").read_text())
        net = ms.sym.load_json(text)
        mine = {
            "arguments": net.list_arguments(),
            "outputs": net.list_outputs(),
            "states": net.list_auxiliary_states(),
            "internals": net.get_internals().list_outputs(),
            "attributes": net.attr_dict(),
            "text": text,
        }
        if "refused" in answer and (opaque(text) or "Python 2" in name):
            continue  # a file that MXNet did not read before, either
        if opaque(text):  # an op that only MXNet knows: its outputs may have names
            mine, answer = {"text": text}, {"text": answer["text"]}
        if answer != mine:
            wrong.append(f"{name}: {answer.get('refused', 'other lists')}")
    assert not wrong


@pytest.mark.parametrize("file", ["V0", "V1", "V2", "default", "list", "np"])
def test_mxnet_reads_every_bit(read: Path, file: str):
    arrays = arrays_of(np.random.default_rng(1))
    wanted = {k: v for k, v in arrays.items() if v.size or not file.startswith("V")}
    if file == "list":
        wanted = {str(i): array for i, array in enumerate(arrays.values())}
    if file == "np":
        wanted |= {dtype: np.array(1, dtype) for dtype in DTYPES}
    with np.load(read / "arrays.npz") as found:
        keys = [key for key in found.files if key.startswith(f"{file}/")]
        assert [key.removeprefix(f"{file}/") for key in keys] == list(wanted)
        for key, array in zip(keys, wanted.values(), strict=True):
            assert found[key].dtype == array.dtype, key
            assert found[key].shape == array.shape, key
            assert found[key].tobytes() == array.tobytes(), key

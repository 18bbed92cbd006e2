"""Models that MXNet saved predict what it predicted, in batches of any size, by either engine.

The files and the numbers are from MXNet 1.9.1 (scripts/mxnet/record_saved.py). The published models
are in tests/test_models.py.
"""

import importlib.util

import numpy as np
import pytest
from places import ROOT

import minisym as ms

FOLDER = ROOT / "tests" / "fixtures" / "saved"
NAMES = {"classes": ["data"], "heads": ["x"], "words": ["data", "begin_h", "begin_c"]}
LABELS = {
    "classes": ["softmax_label"],
    "heads": ["truth", "how_much_label", "whether_label"],
    "words": [],
}
ENGINES = ["numpy"]
if importlib.util.find_spec("onnxruntime"):
    ENGINES.append("onnxruntime")


def recorded(name: str, rows: int) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    with np.load(FOLDER / "predictions.npz") as file:
        start = f"{name}:{rows}:"
        inputs = {n: file[f"{start}in:{n}"] for n in NAMES[name]}
        count = sum(key.startswith(f"{start}out:") for key in file)
        return inputs, [file[f"{start}out:{i}"] for i in range(count)]


def as_list(found: object) -> list[np.ndarray]:
    return found if isinstance(found, list) else [found]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", NAMES)
def test_predictions(name, engine):
    model = ms.load_model(FOLDER / name, 3, engine=engine)
    assert model.labels == LABELS[name]
    assert sorted(model.inputs) == sorted(NAMES[name])
    assert model.check().ok
    for rows in (2, 5):
        inputs, outputs = recorded(name, rows)
        for found in (model(inputs), model.predict(inputs, 2)):
            for ours, theirs in zip(as_list(found), outputs, strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["pair", "npz", "safetensors", "half"])
def test_what_is_saved_again_predicts_the_same(name, how, tmp_path):
    model = ms.load_model(FOLDER / name)
    model = model.half() if how == "half" and name != "words" else model
    path = tmp_path / ("again" if how in ("pair", "half") else f"again.{how}")
    model.save(path)
    inputs, outputs = recorded(name, 5)
    for ours, theirs in zip(as_list(ms.load_model(path)(inputs)), outputs, strict=True):
        tolerance = 1e-2 if how == "half" else 1e-5
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_a_spoilt_file_of_parameters_ends_in_an_error_or_a_report(name, tmp_path):
    """Whatever byte is another one: a clear refusal, or a model whose report can be printed."""
    symbol = (FOLDER / f"{name}-symbol.json").read_bytes()
    (tmp_path / "net-symbol.json").write_bytes(symbol)
    raw = (FOLDER / f"{name}-0003.params").read_bytes()
    rng = np.random.default_rng(29)
    for at in [*range(0, 64, 3), *rng.integers(0, len(raw), 60)]:
        for byte in (0, 1, 0x7F, 0xFF):
            spoilt = raw[:at] + bytes([byte]) + raw[at + 1 :]
            (tmp_path / "net-0000.params").write_bytes(spoilt)
            try:
                report = str(ms.load_model(tmp_path / "net").check())
            except ms.FormatError as error:
                report = str(error)
                assert "net-0000.params, byte" in report
            assert report
    for size in range(0, len(raw), max(len(raw) // 40, 1)):
        (tmp_path / "net-0000.params").write_bytes(raw[:size])
        with pytest.raises(ms.FormatError, match=r"net-0000.params, byte"):
            ms.load_model(tmp_path / "net")


def test_views_read_what_the_reader_reads():
    """Every format and type that the plain reader knows, the mapped one reads alike."""
    for path in sorted((ROOT / "tests" / "fixtures" / "params").glob("*.params")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("warnings.warn", lambda *a, **k: None)  # of sparse arrays, as ever
            plain, mapped = (
                read(path) for read in (ms.nd.load, ms.formats.mxnet_params.load_mapped)
            )
        pairs = zip(
            plain.values() if isinstance(plain, dict) else plain,
            mapped.values() if isinstance(mapped, dict) else mapped,
            strict=True,
        )
        for one, other in pairs:
            assert (one.shape, one.dtype) == (other.shape, other.dtype)
            assert one.tobytes() == other.tobytes()
            assert not other.flags.writeable

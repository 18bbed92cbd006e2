"""Writing models, and reading them back, whole or spoilt."""

import io
import json
import zipfile

import numpy as np
import pytest

import minisym as ms
from minisym import sym

F4 = np.float32
RNG = np.random.default_rng(11)
DATA = RNG.normal(size=(4, 3)).astype(F4)


def model() -> ms.Model:
    x = sym.FullyConnected(sym.Variable("data"), num_hidden=2, name="a/fc")
    x = sym.BatchNorm(x, fix_gamma=False, name="bn")
    params = {
        "a/fc_weight": RNG.normal(size=(2, 3)).astype(F4),
        "a/fc_bias": np.zeros(2, F4),
        "bn_gamma": np.ones(2, F4),
        "bn_beta": np.ones(2, F4),
        "left over": np.arange(3, dtype=np.int8),
    }
    states = {"bn_moving_mean": np.ones(2, F4), "bn_moving_var": np.full(2, 4, F4)}
    return ms.Model(sym.SoftmaxOutput(x, name="softmax"), params, states)


@pytest.mark.parametrize("name", ["net", "net.npz", "net.safetensors", "dots.in.name"])
def test_a_model_comes_back(tmp_path, name):
    written = model()
    files = written.save(tmp_path / name)
    assert sorted(files) == sorted(tmp_path.iterdir())
    read = ms.load_model(tmp_path / name)
    assert ms.Graph(read.symbol) == ms.Graph(written.symbol)
    for part in ("arg_params", "aux_params"):
        had, has = getattr(written, part), getattr(read, part)
        assert set(has) == set(had)
        for key in had:
            assert has[key].dtype == had[key].dtype
            np.testing.assert_array_equal(np.asarray(has[key]), np.asarray(had[key]))
    # read-only arrays let a run sum in another order
    np.testing.assert_allclose(read(DATA), written(DATA), rtol=1e-6)
    assert not ms.diff(written, read, DATA)


def test_the_epoch_is_in_the_name(tmp_path):
    assert [file.name for file in model().save(tmp_path / "net", 12)] == [
        "net-symbol.json",
        "net-0012.params",
    ]


def test_a_model_is_saved_over_the_files_that_it_is_mapped_from(tmp_path):
    model().save(tmp_path / "net")
    loaded = ms.load_model(tmp_path / "net")
    before = loaded(DATA)
    loaded.save(tmp_path / "net")
    np.testing.assert_allclose(loaded(DATA), before, rtol=1e-6)
    np.testing.assert_allclose(ms.load_model(tmp_path / "net")(DATA), before, rtol=1e-6)


def test_a_model_without_arrays_is_its_symbol(tmp_path):
    model().save(tmp_path / "net")  # whose arrays would be taken for those of the next one
    bare = ms.Model(sym.tanh(sym.Variable("data"), name="t"), {})
    assert bare.save(tmp_path / "net") == [tmp_path / "net-symbol.json"]
    assert [file.name for file in tmp_path.iterdir()] == ["net-symbol.json"]
    np.testing.assert_array_equal(ms.load_model(tmp_path / "net")(DATA), bare(DATA))


@pytest.mark.parametrize("name", ["net.json", "net-symbol.json", "net.params", "n.tgz", "n.onnx"])
def test_what_is_no_prefix(tmp_path, name):
    with pytest.raises(ms.ParamError, match="is no prefix"):
        model().save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_what_is_no_name():
    with pytest.raises(ms.ArrayTypeError, match="prefix or a file name"):
        model().save(3)


def test_without_the_package_safetensors(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "safetensors.numpy", None)
    with pytest.raises(ms.ParamError, match="package safetensors") as error:
        model().save(tmp_path / "net.safetensors")
    assert "minisym[safetensors]" in error.value.hint


# ---------------------------------------------------------------------------------- other's files


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_arrays_of_somebody_else_as_parameters(tmp_path, ending):
    written = model()
    written.save(tmp_path / "net")
    (tmp_path / "net-0000.params").unlink()
    arrays = {name: np.array(array) for name, array in written.params.items()}
    path = tmp_path / f"other.{ending}"
    if ending == "npz":
        np.savez_compressed(path, **arrays)
    else:
        from safetensors.numpy import save_file

        save_file(arrays, path)
    with pytest.raises(ms.FormatError, match=f"other.{ending} holds arrays, and no symbol"):
        ms.load_model(path)
    read = ms.load_model(tmp_path / "net-symbol.json", params=path)
    np.testing.assert_allclose(read(DATA), written(DATA), rtol=1e-6)


def archive(path, **members: bytes):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(f"{name}.npy", content)
    return path


def stored(array: np.ndarray, **options) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, array, **options)
    return out.getvalue()


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("a pickle was read",)


SPOILT = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "no archive": lambda path: path.write_bytes(b"PK\x03\x04 and no more"),
    "objects": lambda path: archive(path, w=stored(np.array([Bomb()], object))),
    "too short": lambda path: archive(path, w=stored(np.zeros(9))[:-8]),
    "too large": lambda path: archive(path, w=stored(np.zeros(9)).replace(b"(9,)", b"(9999999,)")),
    "no header": lambda path: archive(path, w=b"\x93NUMPY\x01\0\x05\0{}{}{"),
    "empty": lambda path: archive(path, w=b""),
    "unpacks to too much": lambda path: archive(path, w=stored(np.zeros(1 << 24))),
}


@pytest.mark.parametrize("how", SPOILT)
def test_spoilt_npz(tmp_path, how):
    path = tmp_path / "net.npz"
    model().save(path)
    SPOILT[how](path)
    with pytest.raises(ms.FormatError, match=r"net.npz"):
        ms.load_model(path)


@pytest.mark.parametrize("at", [0, 4, 8, 30, 200, -1])
def test_spoilt_safetensors(tmp_path, at):
    path = tmp_path / "net.safetensors"
    model().save(path)
    raw = bytearray(path.read_bytes())
    for spoilt in (bytes(raw[:at]), bytes(raw[:at]) + b"\xff\xff" + bytes(raw[at:][2:])):
        path.write_bytes(spoilt)
        try:
            ms.load_model(path)
        except ms.FormatError as error:
            assert "net.safetensors" in str(error)  # noqa: PT017  a changed number may be sound


def test_the_symbol_in_a_file_is_checked_like_any_other(tmp_path):
    text = json.dumps({"nodes": [], "heads": [[5, 0]], "arg_nodes": []}).encode()
    np.savez(tmp_path / "net.npz", **{"symbol.json": np.frombuffer(text, np.uint8)})
    with pytest.raises(ms.FormatError, match=r"net.npz"):
        ms.load_model(tmp_path / "net.npz")

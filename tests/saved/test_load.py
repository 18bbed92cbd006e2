"""From names of files to a model: what is found, what is refused, and how it is said."""

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

import minisym as ms
from minisym import sym

WEIGHT = np.arange(6, dtype=np.float32).reshape(2, 3)
BIAS = np.array([1, -1], np.float32)
DATA = np.array([[1.0, 0.0, 2.0]], np.float32)
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 102400\n"


def net() -> ms.Symbol:
    layer = sym.FullyConnected(sym.Variable("data"), num_hidden=2, name="fc")
    return sym.LinearRegressionOutput(layer, name="out")


def save(prefix: Path, *epochs: int) -> Path:
    """Write a model whose bias is the number of the epoch."""
    for epoch in epochs:
        params = {"fc_weight": WEIGHT, "fc_bias": np.full(2, epoch, np.float32)}
        ms.model.save_checkpoint(str(prefix), epoch, net(), params, {})
    return prefix


def predicted(epoch: int) -> np.ndarray:
    return DATA @ WEIGHT.T + epoch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "net", 3)
    return tmp_path


@pytest.mark.parametrize("name", ["", "net", "net-symbol.json", "net-0003.params"])
def test_a_folder_a_prefix_and_both_files_lead_to_the_model(folder, name):
    model = ms.load_model(folder / name)
    assert model.source == "net-symbol.json and net-0003.params"
    np.testing.assert_array_equal(model(DATA), predicted(3))
    assert model.inputs == ["data"]
    assert model.labels == ["out_label"]


def test_a_name_as_text_will_do(folder):
    np.testing.assert_array_equal(ms.load_model(f"{folder}/net")(DATA), predicted(3))


def test_of_several_epochs_one_is_chosen(tmp_path):
    save(tmp_path / "net", 1, 2, 10)
    for path in (tmp_path, tmp_path / "net", tmp_path / "net-symbol.json"):
        with pytest.raises(ms.ParamError, match=r"3 epochs of 'net': epochs 1, 2 and 10") as error:
            ms.load_model(path)
        assert error.value.hint == "say which: epoch=10"
        np.testing.assert_array_equal(ms.load_model(path, 2)(DATA), predicted(2))
    np.testing.assert_array_equal(ms.load_model(tmp_path / "net-0001.params")(DATA), predicted(1))


@pytest.mark.parametrize("epoch", ["3", 3.5])
def test_what_is_no_epoch(folder, epoch):
    with pytest.raises(ms.ParamError, match="must be a number"):
        ms.load_model(folder, epoch)


def test_a_prefix_is_the_whole_of_it(folder):
    with pytest.raises(ms.FormatError, match=r"there is no model 'n': .* n-symbol.json") as error:
        ms.load_model(folder / "n")
    assert "net-symbol.json" in error.value.hint


def test_an_epoch_that_is_not_there(folder):
    with pytest.raises(FileNotFoundError, match=r"no parameters of epoch 7: net-0007.params"):
        ms.load_model(folder, 7)


def test_several_models_in_a_folder(folder):
    save(folder / "other", 1)
    with pytest.raises(ms.ParamError, match=r"2 symbols: net-symbol.json and other-symbol.json"):
        ms.load_model(folder)
    np.testing.assert_array_equal(ms.load_model(folder / "other")(DATA), predicted(1))


def test_files_whose_names_differ(folder):
    (folder / "net-0003.params").rename(folder / "trained.params")
    np.testing.assert_array_equal(ms.load_model(folder)(DATA), predicted(3))
    alone = ms.load_model(folder / "net-symbol.json")
    assert alone.arg_params == {}
    params = folder / "trained.params"
    for path in (folder, folder / "net", folder / "net-symbol.json"):
        np.testing.assert_array_equal(ms.load_model(path, params=params)(DATA), predicted(3))
    with pytest.raises(ms.FormatError, match=r"no symbol such as .* lies beside"):
        ms.load_model(params)


def test_a_symbol_without_parameters(folder):
    (folder / "net-0003.params").unlink()
    model = ms.load_model(folder)
    assert [one.name for one in model.check().missing] == ["fc_weight", "fc_bias"]
    with pytest.raises(ms.BindError, match="no arrays for fc_weight and fc_bias"):
        model(DATA)


@pytest.mark.parametrize("name", ["nothing", "nothing/at/all", "net-0003"])
def test_what_is_not_there(folder, name):
    with pytest.raises(FileNotFoundError, match=r"there is no model|no file or folder"):
        ms.load_model(folder / name)


def test_a_folder_without_a_model(tmp_path):
    (tmp_path / "net-0001.params").write_bytes(b"")
    with pytest.raises(ms.FormatError, match="has no symbol") as error:
        ms.load_model(tmp_path)
    assert error.value.hint == "there are net-0001.params"


@pytest.mark.parametrize("name", ["net-symbol.json", "net-0003.params"])
def test_a_pointer_of_git_lfs_is_called_one(folder, name):
    (folder / name).write_text(LFS)
    for path in (folder, folder / name):
        with pytest.raises(ms.FormatError, match=r"pointer of Git LFS.*102,400 bytes") as error:
            ms.load_model(path)
        assert name in str(error.value)
        assert "git lfs pull" in str(error.value)


@pytest.mark.parametrize(("content", "kind"), [(b"<!DOCTYPE html>", "a web page"), (b"", "empty")])
def test_what_is_no_model_is_named(folder, content, kind):
    (folder / "net-symbol.json").write_bytes(content)
    with pytest.raises(ms.FormatError, match=kind):
        ms.load_model(folder)


@pytest.mark.parametrize("value", [3, None, b"net", ["net"]])
def test_what_is_no_name(value):
    with pytest.raises(ms.ArrayTypeError, match="load_model takes the name"):
        ms.load_model(value)


# ---------------------------------------------------------------------------------- mapped files


def test_parameters_stay_in_the_file_and_cannot_be_written(folder):
    model = ms.load_model(folder)
    weight = model.arg_params["fc_weight"]
    assert not weight.flags.writeable
    assert not weight.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        weight[:] = 0


def test_a_file_may_be_replaced_or_removed_while_it_is_used(folder):
    model = ms.load_model(folder)
    save(folder / "net", 3)  # written aside, then moved
    (folder / "net-0003.params").unlink()
    np.testing.assert_array_equal(model(DATA), predicted(3))


@pytest.mark.parametrize("first", ["float16", "uint8", "int8", "bool"])
def test_arrays_at_any_place_of_a_file(tmp_path, first):
    arrays = {
        "odd": np.ones(3, first),
        "double": np.arange(4.0),
        "none": np.empty((0, 5), np.float32),
        "single": np.arange(5, dtype=np.float32),
    }
    ms.nd.save(tmp_path / "some.params", arrays)
    mapped = ms.formats.mxnet_params.load_mapped(tmp_path / "some.params")
    assert list(mapped) == list(arrays)
    for name, array in arrays.items():
        assert mapped[name].flags.aligned
        assert not mapped[name].flags.writeable
        np.testing.assert_array_equal(np.asarray(mapped[name]), array)
        assert mapped[name].dtype == array.dtype


# -------------------------------------------------------------------------------------- archives


def packed(path: Path, members: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def files(folder: Path, prefix: str = "") -> dict[str, bytes]:
    return {prefix + path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("mode", ["w:gz", "w"])
@pytest.mark.parametrize("prefix", ["", "./", "job/output/"])
def test_an_archive_is_read_where_it_is(folder, tmp_path_factory, mode, prefix):
    members = {"model-shapes.json.txt": b"", f"{prefix}._net-symbol.json": b"\0"}
    path = tmp_path_factory.mktemp("job") / "model.tar.gz"
    packed(path, members | files(folder, prefix), mode)
    before = set(path.parent.iterdir())
    np.testing.assert_array_equal(ms.load_model(path)(DATA), predicted(3))
    np.testing.assert_array_equal(ms.load_model(path.parent)(DATA), predicted(3))
    assert set(path.parent.iterdir()) == before


@pytest.mark.parametrize("name", ["../net-symbol.json", "/etc/passwd", "a/../../b"])
def test_members_that_point_out_of_an_archive(tmp_path, name):
    path = packed(tmp_path / "model.tar.gz", {name: b"{}"})
    with pytest.raises(ms.FormatError, match="points out of it"):
        ms.load_model(path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_in_an_archive_are_not_followed(tmp_path, kind):
    with tarfile.open(tmp_path / "model.tar", "w") as tar:
        link = tarfile.TarInfo("net-symbol.json")
        link.type, link.linkname = kind, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(ms.FormatError, match=r"'net-symbol.json' is (a link|no plain file)"):
        ms.load_model(tmp_path / "model.tar")


def test_an_archive_that_unpacks_to_far_too_much(tmp_path, monkeypatch):
    monkeypatch.setattr("minisym.saved.archive._FREE", 1 << 20)
    path = tmp_path / "model.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        info = tarfile.TarInfo("net-symbol.json")
        info.size = 1 << 40
        file.write(info.tobuf())
        for _ in range(20):
            file.write(bytes(1 << 20))
    with pytest.raises(ms.FormatError, match="unpacks to more than its size can hold"):
        ms.load_model(path)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("opener", [open, gzip.open])
def test_a_header_that_promises_a_hundred_gigabytes(tmp_path, kind, opener):
    path = tmp_path / "model.tar.gz"
    info = tarfile.TarInfo("net-symbol.json")
    info.type, info.size = kind, 100 << 30
    with opener(path, "wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT) + bytes(20_000))
    with pytest.raises(ms.FormatError, match=r"model.tar.gz"):
        ms.load_model(path)


@pytest.mark.parametrize("keep", [3, 40, 200, 400])
def test_an_archive_that_is_cut(folder, tmp_path_factory, keep):
    path = packed(tmp_path_factory.mktemp("cut") / "model.tar.gz", files(folder))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ms.FormatError, match=r"no sound archive|has no symbol|cut"):
        ms.load_model(path)


def test_an_archive_with_a_hole(tmp_path):
    path = tmp_path / "model.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("net-symbol.json")
        headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
        headers |= {"GNU.sparse.name": "net-symbol.json", "GNU.sparse.realsize": str(1 << 50)}
        info.pax_headers = headers
        content = f"1\n{1 << 49}\n0\n".encode().ljust(512, b"\0")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    with pytest.raises(ms.FormatError, match="no plain file"):
        ms.load_model(path)

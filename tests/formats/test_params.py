"""Files of arrays: what MXNet wrote is read, what is broken is refused.

`fixtures/params` was written by MXNet 1.9.1 (scripts/mxnet/record_params.py), together with how
MXNet reads it back. tests/formats/test_with_mxnet.py lets MXNet itself read what minisym writes.
"""

from __future__ import annotations

import itertools
import re
import struct
import time
import tracemalloc
import warnings
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from places import FIXTURES

import minisym as ms
from minisym.core.errors import ArrayTypeError, FormatError
from minisym.formats import mxnet_params
from minisym.formats.mxnet_params import V1, V2, V3, dumps, load_frombuffer

FIXTURES = FIXTURES / "params"
DTYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")
WRITTEN = ["types", "shapes", "list", "empty", "gluon", "np_shape", "np_list"]
SPARSE = ["row_sparse", "csr"]
AT_BYTE = re.compile(r"byte \d+: ")


def expected(name: str) -> dict[str, np.ndarray]:
    with np.load(FIXTURES / "expected.npz") as file:
        return {k.removeprefix(f"{name}/"): file[k] for k in file.files if k.startswith(f"{name}/")}


def by_name(found) -> dict[str, np.ndarray]:
    return found if isinstance(found, dict) else {str(i): array for i, array in enumerate(found)}


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


def read(data: bytes):
    """Read and forget the notices about sparse arrays."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_frombuffer(data)


# ------------------------------------------------------------------------------- what MXNet wrote


@pytest.mark.parametrize("name", WRITTEN + SPARSE)
def test_reads_what_mxnet_wrote(name: str):
    wanted = expected(name)
    found = by_name(read((FIXTURES / f"{name}.params").read_bytes()))
    assert list(found) == list(wanted)
    assert all(same_bits(found[key], wanted[key]) for key in wanted)


@pytest.mark.parametrize("name", WRITTEN)
def test_writes_the_bytes_that_mxnet_writes(name: str):
    raw = (FIXTURES / f"{name}.params").read_bytes()
    with ms.util.np_shape(name.startswith("np_")):
        assert dumps(load_frombuffer(raw)) == raw


@pytest.mark.parametrize("name", SPARSE)
def test_a_sparse_array_is_read_with_a_notice(name: str):
    words = rf"a {name} array of shape .* was read as a dense one \(and 2 more such arrays\)"
    with pytest.warns(UserWarning, match=words) as seen:
        ms.nd.load(FIXTURES / f"{name}.params")
    assert [warning.filename for warning in seen] == [__file__]


def test_arrays_are_writable_and_keep_no_file():
    (array,) = load_frombuffer(dumps([np.arange(4.0)]))
    array[0] = 9
    assert array.base is None or isinstance(array.base, np.ndarray)
    assert array.flags.writeable


# ----------------------------------------------------------------- formats that MXNet only reads


def listed(*arrays: bytes, names: tuple[bytes, ...] = ()) -> bytes:
    """Lay out a file by hand."""
    head = struct.pack("<QQQ", 0x112, 0, len(arrays))
    tail = b"".join(struct.pack("<Q", len(name)) + name for name in names)
    return head + b"".join(arrays) + struct.pack("<Q", len(names)) + tail


SIX = np.arange(6, dtype="f4").reshape(2, 3)
V0_ARRAY = struct.pack("<III", 2, 2, 3) + struct.pack("<iii", 1, 0, 0) + SIX.tobytes()
V1_ARRAY = struct.pack("<IIqq", V1, 2, 2, 3) + struct.pack("<iii", 2, 5, 0) + SIX.tobytes()
V2_ARRAY = struct.pack("<Iii2q", V2, 0, 2, 2, 3) + struct.pack("<iii", 1, 0, 0) + SIX.tobytes()
BY_HAND = {"V0": V0_ARRAY, "V1": V1_ARRAY, "V2": V2_ARRAY}


@pytest.mark.parametrize("version", BY_HAND)
def test_reads_each_format(version: str):
    (found,) = load_frombuffer(listed(BY_HAND[version]))
    assert same_bits(found, SIX)


def test_formats_may_be_mixed():
    found = load_frombuffer(listed(V1_ARRAY, V0_ARRAY, V2_ARRAY, names=(b"a", b"b", b"c")))
    assert list(found) == ["a", "b", "c"]
    assert all(same_bits(array, SIX) for array in found.values())


NOTHING = {
    "V0 of rank 0": struct.pack("<I", 0),
    "V1 of rank 0": struct.pack("<II", V1, 0),
    "V2 of rank 0": struct.pack("<Iii", V2, 0, 0),
    "V2 of rank -1": struct.pack("<Iii", V2, 0, -1),
    "V3 of rank -1": struct.pack("<Iii", V3, 0, -1),
}


@pytest.mark.parametrize("kind", NOTHING)
def test_no_array_is_read_as_an_empty_one(kind: str):
    found = load_frombuffer(listed(NOTHING[kind], V2_ARRAY))
    assert [array.shape for array in found] == [(0,), (2, 3)]


def test_reads_bfloat16_as_float32():
    halves = np.array([0x3F80, 0xC000, 0x7FC0, 0x0001], "<u2")
    raw = struct.pack("<Iii1q", V2, 0, 1, 4) + struct.pack("<iii", 1, 0, 12) + halves.tobytes()
    with pytest.warns(UserWarning, match=r"a bfloat16 array of shape \(4,\) was read as float32"):
        (found,) = load_frombuffer(listed(raw))
    np.testing.assert_array_equal(found, np.array([1, -2, np.nan, 2.0**-133], "f4"))


def test_any_byte_is_a_sound_bool():
    raw = struct.pack("<Iii1q", V2, 0, 1, 3) + struct.pack("<iii", 1, 0, 7) + b"\x00\x02\xff"
    (found,) = load_frombuffer(listed(raw))
    assert found.tobytes() == b"\x00\x01\x01"


# --------------------------------------------------------------------------------------- writing

arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(
        dtype, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=3)
    )
)
scalars = st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, ()))
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.dictionaries(text, arrays, max_size=4), st.sampled_from(["V0", "V1", "V2", "V3", None]))
def test_round_trip_of_a_dict(data, version):
    found = load_frombuffer(dumps(data, version))
    if not data:
        assert found == []
        return
    assert list(found) == list(data)
    assert all(same_bits(found[key], data[key]) for key in data)


@given(st.lists(arrays | scalars, max_size=4))
@example([np.array(1.5), np.zeros((0, 3), "i1")])
def test_round_trip_of_a_list(data):
    found = load_frombuffer(dumps(data))
    assert isinstance(found, list)
    assert all(same_bits(a, b) for a, b in zip(found, data, strict=True))


@pytest.mark.parametrize(
    "array",
    [
        SIX.T,
        np.asfortranarray(SIX),
        SIX[::-1, ::2],
        SIX.astype(">f4"),
        np.broadcast_to(np.float64(3), (2, 2)),
        SIX[:0],
    ],
    ids=["transposed", "Fortran", "strided", "big-endian", "broadcast", "empty"],
)
def test_writes_any_memory_layout(array: np.ndarray):
    (found,) = load_frombuffer(dumps([array]))
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype.newbyteorder("=")


def test_the_format_is_that_of_mxnet():
    def formats(data: bytes) -> int:
        return struct.unpack_from("<I", data, 24)[0]

    assert formats(dumps([SIX])) == V2
    assert formats(dumps([SIX, np.array(1.0)])) == V3  # MXNet reads V3 alone or not at all
    with ms.util.np_shape(True):
        assert formats(dumps([SIX])) == V3
    assert formats(dumps([SIX], "V1")) == V1
    assert formats(dumps([SIX], "V0")) == 2


def test_an_array_alone_is_a_list_of_one():
    assert dumps(SIX) == dumps([SIX])


@pytest.mark.parametrize(
    ("data", "version", "message"),
    [
        ([[1, 2]], None, "save: 0 must be a NumPy array, but got list"),
        ({"w": 3.0}, None, "save: 'w' must be a NumPy array, but got float"),
        ({"w": np.ones(2, "u2")}, None, "save: 'w' has the element type uint16, which has no code"),
        ({3: SIX}, None, "save: names must be text, but got 3"),
        ({"\ud800": SIX}, None, "save: names must be text, but got '\\ud800'"),
        (5, None, "save takes an array, a list or a dict of arrays, but got 5"),
        ([np.array(1.0)], "V2", "save: 0 is a scalar, which V2 takes for no array"),
        ([np.empty((0, 1 << 32))], "V0", "save: 0 has the shape (0, 4294967296), which V0"),
        ([SIX], "V7", "save: there is no format 'V7'"),
    ],
)
def test_refuses_to_write(data, version, message: str):
    with pytest.raises((ArrayTypeError, FormatError)) as caught:
        dumps(data, version)
    assert str(caught.value).startswith(message)


def test_a_refused_save_leaves_the_file(tmp_path: Path):
    path = tmp_path / "net.params"
    ms.nd.save(path, {"w": SIX})
    with pytest.raises(ArrayTypeError, match="names must be text"):
        ms.nd.save(path, {3: SIX})
    assert same_bits(ms.nd.load(path)["w"], SIX)
    assert [file.name for file in tmp_path.iterdir()] == ["net.params"]


# ---------------------------------------------------------------------------------- broken files

SPARSE_RAW = [(FIXTURES / f"{name}.params").read_bytes() for name in SPARSE]
SMALL = {
    "V0": listed(V0_ARRAY, names=(b"w",)),
    "V1": listed(V1_ARRAY, V1_ARRAY),
    "V2": listed(V2_ARRAY, names=("é/w".encode(),)),
    "V3": dumps({"s": np.array(1.5), "e": np.zeros((0, 2)), "b": np.array([True, False])}),
    "row_sparse": SPARSE_RAW[0],
    "csr": SPARSE_RAW[1],
}


@pytest.mark.parametrize("name", SMALL)
def test_every_cut_is_refused(name: str):
    raw = SMALL[name]
    for size in range(len(raw)):
        with pytest.raises(FormatError, match=r"^byte \d+: "):
            read(raw[:size])


@pytest.mark.parametrize("name", SMALL)
def test_every_flip_is_refused_or_read(name: str):
    """A flip in the elements or a name gives other values; else there is a `FormatError`."""
    raw = SMALL[name]
    refused = 0
    for place, mask in itertools.product(range(len(raw)), (0x01, 0x10, 0x80, 0xFF)):
        data = bytearray(raw)
        data[place] ^= mask
        try:
            read(bytes(data))
        except FormatError as error:
            refused += 1
            assert AT_BYTE.match(str(error))  # noqa: PT017  most flips raise, not all
    assert refused > len(raw)


@given(st.data())
def test_any_damage_is_refused_or_read(data):
    raw = bytearray(SMALL[data.draw(st.sampled_from(sorted(SMALL)))])
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        stop = data.draw(st.integers(start, min(start + 12, len(raw))))
        raw[start:stop] = data.draw(st.binary(max_size=12))
    try:
        read(bytes(raw))
    except FormatError as error:
        assert AT_BYTE.match(str(error))  # noqa: PT017  not all damage raises


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes):
    with pytest.raises(FormatError, match=r"^byte \d+: "):
        read(noise)


def array_of(shape: tuple[int, ...], code: int = 0, storage: int = 0) -> bytes:
    rank = struct.pack(f"<Iii{len(shape)}q", V2, storage, len(shape), *shape)
    return rank + struct.pack("<iii", 1, 0, code)


def sparse_of(storage, stored, shape, values: bytes, *indices, magic: int = V2) -> bytes:
    dims = [struct.pack(f"<i{len(s)}q", len(s), *s) for s in (stored, shape)]
    kinds = [struct.pack(f"<ii{len(s)}q", 6, len(s), *s) for s, _ in indices]
    head = struct.pack("<Ii", magic, storage) + b"".join(dims) + struct.pack("<iii", 1, 0, 0)
    return head + b"".join(kinds) + values + b"".join(raw for _, raw in indices)


def longs(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}q", *numbers)


HUGE = 1 << 62
HOSTILE = {
    "arrays": (struct.pack("<QQQ", 0x112, 0, HUGE), "arrays do not fit into the 0 bytes left"),
    "names": (listed() [:24] + struct.pack("<Q", HUGE), "names do not fit"),
    "names without arrays": (listed(names=(b"w",)), "0 arrays have 1 names"),
    "too few names": (listed(V2_ARRAY, V2_ARRAY, names=(b"w",)), "2 arrays have 1 names"),
    "a name's length": (listed(V2_ARRAY)[:-8] + struct.pack("<QQ", 1, HUGE), "needed, 0 are left"),
    "a name twice": (listed(V2_ARRAY, V2_ARRAY, names=(b"w", b"w")), "the name 'w' stands twice"),
    "a name that is no text": (listed(V2_ARRAY, names=(b"\xff",)), "a name is no UTF-8 text"),
    "left over": (listed(V2_ARRAY) + b"x", "1 bytes are left behind the last name"),
    "magic": (struct.pack("<QQQ", 0x113, 0, 0), "does not begin with 0x112"),
    "a dimension": (listed(array_of((HUGE,))), "elements: 18446744073709551616 bytes are needed"),
    "all dimensions": (listed(array_of((HUGE,) * 32)), "an array's elements: "),
    "a negative dimension": (listed(array_of((-1, 3))), "a dimension is negative"),
    "rank": (listed(struct.pack("<Iii", V2, 0, 33)), "33 dimensions, but 32 are possible"),
    "a negative rank": (listed(struct.pack("<Iii", V2, 0, -2)), "an array has -2 dimensions"),
    "rank of V0": (listed(struct.pack("<I", 77)), "no array begins with 0x4d"),
    "V0 dimensions": (listed(struct.pack("<III", 2, 1 << 31, 1 << 31) + bytes(12)), "needed"),
    "zero and astronomic": (listed(array_of((0, HUGE, HUGE))), "no array has the shape"),
    "type": (listed(array_of((1,), code=9)), "there is no element type 9"),
    "negative type": (listed(array_of((1,), code=-1)), "there is no element type -1"),
    "storage": (listed(array_of((1,), storage=5)), "there is no storage type 5"),
    "a sparse shape": (
        listed(sparse_of(1, (0, 1), (HUGE, 1), b"", ((0,), b""))), "too large to make dense",
    ),
    "a row that is not there": (
        listed(sparse_of(1, (1, 1), (3, 1), b"abcd", ((1,), longs(3)))), "do not fit its shape",
    ),
    "a negative row": (
        listed(sparse_of(1, (1, 1), (3, 1), b"abcd", ((1,), longs(-1)))), "do not fit its shape",
    ),
    "fewer rows than values": (
        listed(sparse_of(1, (2, 1), (3, 1), b"abcdabcd", ((1,), longs(1)))), "do not fit its shape",
    ),
    "a row of a scalar": (
        listed(sparse_of(1, (1,), (), b"abcd", ((1,), longs(0)), magic=V3)), "do not fit its shape",
    ),
    "csr of one axis": (
        listed(sparse_of(2, (0,), (2,), b"", ((3,), longs(0, 0, 0)), ((0,), b""))), "do not fit",
    ),
    "csr with a column too many": (
        listed(sparse_of(2, (1,), (1, 2), b"abcd", ((2,), longs(0, 1)), ((1,), longs(2)))),
        "do not fit its shape",
    ),
    "csr that runs backwards": (
        listed(sparse_of(2, (1,), (2, 2), b"abcd", ((3,), longs(0, 1, 0)), ((1,), longs(0)))),
        "do not fit its shape",
    ),
    "csr that ends early": (
        listed(sparse_of(2, (2,), (1, 2), b"abcdabcd", ((2,), longs(0, 1)), ((2,), longs(0, 1)))),
        "do not fit its shape",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_refused_without_waste(kind: str):
    raw, message = HOSTILE[kind]
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match=message):
            read(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


def test_sparse_arrays_share_one_allowance(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mxnet_params, "_MAX_DENSE", 1000)
    small = sparse_of(1, (0, 10), (10, 10), b"", ((0,), b""))  # 400 bytes when dense
    assert len(read(listed(small, small))) == 2
    with pytest.raises(FormatError, match="too large to make dense"):
        read(listed(small, small, small))


def test_a_small_file_makes_no_large_array():
    large = sparse_of(1, (0, 1 << 20), (64, 1 << 20), b"", ((0,), b""))  # 256 MiB
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="too large to make dense, from a file of 108 bytes"):
            read(listed(large))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 16
    rows = struct.pack(f"<{1 << 16}q", *range(1 << 16))
    wide = ((1 << 16, 4), (1 << 20, 4))  # 1 of 16 rows: such files exist
    (found,) = read(listed(sparse_of(1, *wide, bytes(1 << 20), ((1 << 16,), rows))))
    assert found.nbytes == 1 << 24


def test_many_names_take_linear_time():
    empty = struct.pack("<Iii", V2, 0, -1)
    names = [b"%d" % i for i in range(50_000)]
    raw = listed(*[empty] * len(names), names=(*names[:-1], names[-2]))
    start = time.process_time()
    with pytest.raises(FormatError, match="stands twice"):
        read(raw)
    assert time.process_time() - start < 5  # quadratic: minutes


def test_the_message_names_file_and_offset(tmp_path: Path):
    path = tmp_path / "net.params"
    path.write_bytes(dumps({"w": SIX})[:70])
    with pytest.raises(FormatError) as caught:
        ms.nd.load(path)
    message = "net.params, byte 64: an array's elements: 24 bytes are needed, 6 are left"
    assert str(caught.value) == message


@pytest.mark.parametrize(("call", "value"), [("load", 5), ("load_frombuffer", "text")])
def test_takes_a_path_or_bytes(call: str, value):
    with pytest.raises(ArrayTypeError, match=rf"^{call} takes "):
        getattr(ms.nd, call)(value)


# ------------------------------------------------------------------------------------ checkpoints


def test_checkpoint(tmp_path: Path):
    prefix = str(tmp_path / "net")
    x = ms.sym.Variable("x")
    net = ms.sym.FullyConnected(x, num_hidden=3, name="fc")
    ms.model.save_checkpoint(prefix, 7, net, {"fc_weight": SIX}, {"state": SIX.T})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net-0007.params", "net-symbol.json"]
    symbol, arguments, states = ms.model.load_checkpoint(prefix, 7)
    assert symbol.tojson() == net.tojson()
    assert {k: v.shape for k, v in arguments.items()} == {"fc_weight": (2, 3)}
    assert {k: v.shape for k, v in states.items()} == {"state": (3, 2)}


def test_checkpoint_without_arrays(tmp_path: Path):
    prefix = str(tmp_path / "net")
    ms.model.save_checkpoint(prefix, 0, ms.sym.Variable("x"), {}, {})
    assert ms.model.load_checkpoint(prefix, 0)[1:] == ({}, {})


def test_names_without_prefix_are_arguments(tmp_path: Path):
    (tmp_path / "net-0000.params").write_bytes((FIXTURES / "gluon.params").read_bytes())
    arguments, states = ms.model.load_params(str(tmp_path / "net"), 0)
    assert list(arguments) == list(expected("gluon"))
    assert states == {}


def test_a_list_is_no_checkpoint(tmp_path: Path):
    (tmp_path / "net-0000.params").write_bytes((FIXTURES / "list.params").read_bytes())
    with pytest.raises(FormatError, match=r"net-0000\.params holds a list of 2 arrays without"):
        ms.model.load_params(str(tmp_path / "net"), 0)


NO_ARRAYS = {
    "a pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 102400000\n",
        (
            "it is a pointer of Git LFS, not the file of 102,400,000 bytes itself\n\n"
            "  hint: git lfs pull fetches the file"
        ),
    ),
    "a page": (b"<!doctype html><title>404</title>", "it is a web page"),
    "a symbol": (b'{\n  "nodes": [', "it is JSON text\n\n  hint: ms.sym.load reads symbols"),
    "an archive": (b"PK\x03\x04" + bytes(20), "it is a zip archive"),
    "NumPy's": (b"\x93NUMPY\x01\x00", "it is an array of NumPy's (.npy)\n\n  hint: np.load"),
    "a pickle": (b"\x80\x02}q\x00.", "it is a pickle\n\n  hint: minisym reads none"),
    "nothing": (b"", "it is empty\n\n  hint: did a download fail?"),
}


@pytest.mark.parametrize("kind", NO_ARRAYS)
def test_what_is_no_file_of_arrays_is_called_by_its_name(kind: str, tmp_path: Path):
    raw, message = NO_ARRAYS[kind]
    path = tmp_path / "net.params"
    path.write_bytes(raw)
    with pytest.raises(FormatError) as caught:
        ms.nd.load(path)
    start = "net.params, byte 0: this is no file of MXNet arrays: "
    assert str(caught.value).startswith(start + message)
    with pytest.raises(FormatError) as caught:
        load_frombuffer(raw)
    assert str(caught.value).startswith(start.removeprefix("net.params, ") + message)

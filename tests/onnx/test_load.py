"""Files of ONNX, read: what was exported comes back, and what other frameworks write comes in."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from minisym.errors import FormatError, NoFileError
from onnx_running import run_there

import minisym as ms
from minisym import sym
from minisym.testing.case import Case
from minisym.testing.case import run as run_here
from minisym.testing.ops import cases_of

onnx = pytest.importorskip("onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64

Array = np.ndarray[Any, Any]

CASES = [
    pytest.param(case, id=str(case))
    for op in dict.fromkeys(ms.op.registered().values())
    if op.module.startswith("minisym.") and op.choose is None and not op.why_no_onnx
    for case in cases_of(op)
    if not case.is_error
]
NOT_BACK = (
    "minisym has no op for it",
    "it takes several elements along an axis",
    "its pads differ at both ends",
    "it pads the first two axes",
    "it leaves the element itself out",
    "what it takes as weights depends on values of a run",
    "what it takes as depth depends on values of a run",
    "it interpolates by",
    "it takes the nearest pixel",
)
"""Why some of what the export writes is not read: forms that ONNX has, and minisym has not."""


def single(array: Array) -> Array:
    """Return an array as models have them: float64 are float32."""
    return array.astype(np.float32) if array.dtype == np.float64 else array


def bound(path: Path, fed: dict[str, Array]) -> list[Array]:
    """Load a file, and run it."""
    symbol, arguments, states = ms.onnx.load(path)
    known = {**fed, **{n: np.asarray(a) for n, a in {**arguments, **states}.items()}}
    executor = symbol.bind(
        args={n: known[n] for n in symbol.list_arguments()},
        aux_states={n: known[n] for n in symbol.list_auxiliary_states()},
        grad_req="null",
    )
    return [np.asarray(one) for one in executor.forward()]


@pytest.mark.parametrize("case", CASES)
def test_what_is_exported_comes_back(case: Case, tmp_path: Path) -> None:
    arrays = {name: single(array) for name, array in case.arrays.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    dtypes = {name: array.dtype for name, array in arrays.items()}
    path = tmp_path / "case.onnx"
    try:
        ms.onnx.export(case.symbol, path, {}, shapes, dtypes=dtypes, dynamic_batch=False)
    except ms.ExportError:
        pytest.skip("it has no ONNX form with these parameters")
    try:
        found = bound(path, arrays)
    except FormatError as error:
        for reason in NOT_BACK:
            if reason in str(error):
                pytest.skip(reason)
        raise
    for back, here in zip(found, run_here(case.symbol, arrays, is_train=False), strict=True):
        # MXNet, and so minisym, has no arrays without dimensions
        assert back.shape == here.shape or (here.shape, back.shape) == ((), (1,))
        wide = here.astype(np.float64)
        largest = np.abs(wide[np.isfinite(wide)]).max(initial=1) if wide.size else 1
        np.testing.assert_allclose(
            back.astype(np.float64).reshape(here.shape), wide, rtol=1e-4, atol=1e-5 * largest
        )


# ------------------------------------------------------------------- what other frameworks write


def written(
    path: Path,
    nodes: list[Any],
    constants: dict[str, Array],
    shape: tuple[Any, ...],
    outputs: tuple[str, ...] = ("y",),
    *,
    opset: int = 17,
    kind: int = FLOAT,
) -> Path:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", kind, list(shape))],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(a), name) for name, a in constants.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.save(model, path)
    return path


def agrees(path: Path, x: Array, tolerance: float = 1e-5) -> None:
    for here, there in zip(
        bound(path, {"x": x}), run_there(onnx.load(path), {"x": x}), strict=True
    ):
        assert here.shape == there.shape
        np.testing.assert_allclose(here, there, rtol=tolerance, atol=tolerance)


def node(op: str, reads: str, makes: str, **attrs: Any) -> Any:
    return helper.make_node(op, reads.split(), makes.split(), name=f"{op}_{makes}", **attrs)


def test_a_batch_that_varies_through_shapes_that_are_computed(tmp_path: Path, rng) -> None:
    """`x.view(x.size(0), -1)`, as torch writes it."""
    nodes = [
        node("GlobalAveragePool", "x", "p"),
        node("Shape", "p", "s"),
        node("Constant", "", "zero", value=numpy_helper.from_array(np.array(0))),
        node("Gather", "s zero", "n", axis=0),
        node("Unsqueeze", "n axis", "n1"),
        node("Concat", "n1 rest", "shape", axis=0),
        node("Reshape", "p shape", "flat"),
        node("Gemm", "flat w b", "y", transB=1),
    ]
    constants = {
        "axis": np.array([0]), "rest": np.array([-1]),
        "w": rng.normal(size=(5, 3)).astype("f4"), "b": rng.normal(size=5).astype("f4"),
    }  # fmt: skip
    path = written(tmp_path / "net.onnx", nodes, constants, ("n", 3, 4, 4))
    for batch in (1, 3):
        agrees(path, rng.normal(size=(batch, 3, 4, 4)).astype("f4"))


def test_attention(tmp_path: Path, rng) -> None:
    nodes = [
        node("MatMul", "x w", "qkv"),
        node("Split", "qkv", "q k v", axis=-1),
        *[node("Reshape", f"{n} heads", f"{n}h") for n in "qkv"],
        node("Transpose", "qh", "qt", perm=[0, 2, 1, 3]),
        node("Transpose", "kh", "kt", perm=[0, 2, 3, 1]),
        node("Transpose", "vh", "vt", perm=[0, 2, 1, 3]),
        node("MatMul", "qt kt", "scores"),
        node("Mul", "scores scale", "scaled"),
        node("Where", "mask scaled low", "masked"),
        node("Softmax", "masked", "weights", axis=-1),
        node("MatMul", "weights vt", "mixed"),
        node("Transpose", "mixed", "back", perm=[0, 2, 1, 3]),
        node("Reshape", "back flat", "joined"),
        node("Add", "joined x", "sum"),
        node("ReduceMean", "sum", "mean", axes=[-1]),
        node("Sub", "sum mean", "centred"),
        node("Pow", "centred two", "squares"),
        node("ReduceMean", "squares", "var", axes=[-1]),
        node("Add", "var eps", "var1"),
        node("Sqrt", "var1", "deviation"),
        node("Div", "centred deviation", "normal"),
        node("Mul", "normal gamma", "scaled2"),
        node("Erf", "scaled2", "y"),
    ]
    constants = {
        "w": rng.normal(size=(8, 24)).astype("f4"), "heads": np.array([0, 0, 2, 4]),
        "flat": np.array([0, 0, 8]), "scale": np.float32(0.5), "low": np.float32(-1e9),
        "mask": np.tril(np.ones((1, 1, 5, 5), bool)), "two": np.float32(2),
        "eps": np.float32(1e-5), "gamma": rng.normal(size=8).astype("f4"),
    }  # fmt: skip
    path = written(tmp_path / "net.onnx", nodes, constants, ("n", 5, 8))
    agrees(path, rng.normal(size=(2, 5, 8)).astype("f4"), 1e-4)


@pytest.mark.parametrize(
    ("op", "attrs"),
    [
        ("MaxPool", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]}),
        ("MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
        ("MaxPool", {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
        ("AveragePool", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
        ("AveragePool", {"kernel_shape": [2, 2], "count_include_pad": 1, "pads": [0, 1, 1, 1]}),
    ],
)
def test_pooling(op: str, attrs: dict[str, Any], tmp_path: Path, rng) -> None:
    path = written(tmp_path / "net.onnx", [node(op, "x", "y", **attrs)], {}, (2, 3, 7, 7))
    agrees(path, rng.normal(size=(2, 3, 7, 7)).astype("f4"))


@pytest.mark.parametrize("auto", ["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"])
def test_pads_of_convolutions(auto: str, tmp_path: Path, rng) -> None:
    attrs = {"pads": [1, 2, 0, 1]} if auto == "NOTSET" else {"auto_pad": auto}
    nodes = [node("Conv", "x w", "c", strides=[2, 2], group=2, **attrs), node("Relu", "c", "y")]
    constants = {"w": rng.normal(size=(4, 2, 3, 3)).astype("f4")}
    path = written(tmp_path / "net.onnx", nodes, constants, (1, 4, 6, 7))
    agrees(path, rng.normal(size=(1, 4, 6, 7)).astype("f4"), 1e-4)


@pytest.mark.parametrize(("op", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_recurrent_layers(op: str, gates: int, direction: str, tmp_path: Path, rng) -> None:
    n = 2 if direction == "bidirectional" else 1
    attrs = {"linear_before_reset": 1} if op == "GRU" else {}
    nodes = [node(op, "x w r b", "y h", hidden_size=3, direction=direction, **attrs)]
    constants = {
        name: rng.normal(size=size).astype("f4")
        for name, size in (
            ("w", (n, gates * 3, 4)), ("r", (n, gates * 3, 3)), ("b", (n, 2 * gates * 3)),
        )
    }  # fmt: skip
    path = written(tmp_path / "net.onnx", nodes, constants, (5, "n", 4), ("y", "h"))
    agrees(path, rng.normal(size=(5, 2, 4)).astype("f4"), 1e-5)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_gathering_within_rows(rows: int, tmp_path: Path, rng) -> None:
    places = rng.integers(0, 2, (*(2, 3, 2)[:rows], 4, 2))
    nodes = [node("GatherND", "x places", "y", batch_dims=rows)]
    path = written(tmp_path / "net.onnx", nodes, {"places": places}, (2, 3, 2, 2, 5))
    agrees(path, rng.normal(size=(2, 3, 2, 2, 5)).astype("f4"))


def test_versions_differ_in_where_axes_are(tmp_path: Path, rng) -> None:
    x = rng.normal(size=(1, 3, 4)).astype("f4")
    old = [
        node("Squeeze", "x", "s", axes=[0]),
        node("Slice", "s", "c", starts=[1], ends=[3], axes=[1]),
        node("ReduceSum", "c", "y", axes=[0], keepdims=0),
    ]
    agrees(written(tmp_path / "old.onnx", old, {}, (1, 3, 4), opset=9), x)
    new = [
        node("Squeeze", "x zero", "s"),
        node("Slice", "s one three one", "c"),
        node("ReduceSum", "c zero", "y", keepdims=0),
    ]
    constants = {"zero": np.array([0]), "one": np.array([1]), "three": np.array([3])}
    agrees(written(tmp_path / "new.onnx", new, constants, (1, 3, 4), opset=18), x)


# ------------------------------------------------------------------------------------ in minisym


def test_names_are_kept_and_a_model_loads_it(tmp_path: Path, rng) -> None:
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=2, name="fc")
    net = sym.SoftmaxOutput(net, name="softmax")
    params = {"fc_weight": rng.normal(size=(2, 3)).astype("f4"), "fc_bias": np.zeros(2, "f4")}
    path = tmp_path / "net.onnx"
    ms.onnx.export(net, path, params, {"data": (1, 3)})
    symbol, arguments, _ = ms.onnx.load(path)
    assert symbol.list_arguments() == ["data", "fc_weight", "fc_bias"]
    np.testing.assert_array_equal(arguments["fc_weight"], params["fc_weight"])
    x = rng.normal(size=(4, 3)).astype("f4")
    right = ms.Model(net, params)(x)
    np.testing.assert_allclose(ms.load_model(path)(x), right, rtol=1e-6)
    found = ms.contrib.onnx.import_model(str(path))
    assert found[0].list_arguments() == symbol.list_arguments()
    told = ms.contrib.onnx.get_model_metadata(str(path))
    assert told["input_tensor_data"] == [("data", (0, 3))]


def test_all_that_cannot_be_said_is_told_at_once(tmp_path: Path) -> None:
    nodes = [
        node("NonZero", "x", "a"),
        node("Einsum", "x x", "b", equation="ij,jk->ik"),
        helper.make_node("Fancy", ["x"], ["c"], name="own", domain="com.example"),
        node("Add", "b c", "y"),
    ]
    path = written(tmp_path / "net.onnx", nodes, {}, (2, 2))
    with pytest.raises(FormatError, match="3 nodes cannot be said in minisym") as caught:
        ms.onnx.load(path)
    told = str(caught.value)
    assert "Einsum 'Einsum_b': minisym has no op for it" in told
    assert "com.example.Fancy 'own': it is an op of somebody's own" in told


# --------------------------------------------------------------------------------- hostile files


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    with pytest.raises(NoFileError):
        ms.onnx.load(path)
    for text in (b"", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", bytes(100)):
        path.write_bytes(text)
        with pytest.raises(FormatError):
            ms.onnx.load(path)


def test_cut_and_changed_files_are_refused_or_read(tmp_path: Path, rng) -> None:
    nodes = [node("Conv", "x w", "c"), node("Flatten", "c", "f"), node("Relu", "f", "y")]
    constants = {"w": rng.normal(size=(2, 3, 3, 3)).astype("f4")}
    path = written(tmp_path / "net.onnx", nodes, constants, (1, 3, 5, 5))
    whole = path.read_bytes()
    for trial in range(300):
        text = bytearray(whole)
        if trial % 2:
            del text[int(rng.integers(len(text))) :]
        for _ in range(int(rng.integers(1, 6))):
            if text:
                text[int(rng.integers(len(text)))] = int(rng.integers(256))
        path.write_bytes(text)
        with contextlib.suppress(ms.MinisymError):
            ms.onnx.load(path)


@pytest.mark.parametrize(
    ("nodes", "constants", "words"),
    [
        ([node("ConstantOfShape", "big", "y")], {"big": np.array([10**6, 10**6])},
         "constant of more"),
        ([node("Expand", "one big", "y")],
         {"one": np.float32([1]), "big": np.array([10**6, 10**6])}, "constant of more"),
        ([node("Range", "a b c", "y")],
         {"a": np.int64(0), "b": np.int64(10**15), "c": np.int64(1)}, "constant of more"),
        ([node("Add", "y x", "y")], {}, "reads 'y', which nothing makes"),
        ([node("Add", "a x", "b"), node("Add", "b x", "a"), node("Relu", "b", "y")], {},
         "which nothing makes"),
        ([node("Relu", "x", "z")], {}, "nothing makes the output 'y'"),
        ([node("Relu", "", "y")], {}, "it has no input 0"),
        ([node("Softmax", "x", "y", axis=9)], {}, "it has no axis 9 of 2"),
    ],
)  # fmt: skip
def test_graphs_that_are_wrong(
    nodes: list[Any], constants: dict[str, Array], words: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "net.onnx", nodes, constants, (2, 3))
    with pytest.raises(ms.MinisymError) as caught:
        ms.onnx.load(path)
    assert words in str(caught.value)


@pytest.mark.parametrize("place", ["../secret.bin", "/etc/passwd", ""])
def test_nothing_outside_of_the_folder_is_read(place: str, tmp_path: Path) -> None:
    folder = tmp_path / "net"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(24))
    tensor = onnx.TensorProto(name="w", dims=[2, 3], data_type=FLOAT)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    graph = helper.make_graph(
        [node("Add", "x w", "y")], "net",
        [helper.make_tensor_value_info("x", FLOAT, [2, 3])],
        [helper.make_tensor_value_info("y", FLOAT, None)], [tensor],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(FormatError, match="outside of the file's own folder"):
        ms.onnx.load(folder / "net.onnx")

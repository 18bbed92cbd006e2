"""Scan, Loop and If, read: what the export writes, and what others write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from minisym.errors import FormatError
from onnx_running import run_there

import minisym as ms
from minisym import sym

onnx = pytest.importorskip("onnx")
helper = onnx.helper
FLOAT, INT64, BOOL = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64, onnx.TensorProto.BOOL

Array = np.ndarray[Any, Any]


def there_and_back(net: ms.Symbol, arrays: dict[str, Array], params: dict[str, Array]) -> None:
    shapes = {name: array.shape for name, array in arrays.items()}
    model = ms.onnx.convert(net, params, shapes, dynamic_batch=False)
    path = Path("net.onnx")
    onnx.save(model, path)
    symbol, known, _ = ms.onnx.load(path)
    found = symbol.eval(**arrays, **known)
    for one, wanted in zip(found, net.eval(**arrays, **params), strict=True):
        assert one.shape == wanted.shape
        np.testing.assert_allclose(one, wanted, rtol=1e-6)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_loop_over_elements_with_a_weight_in_it(rng: np.random.Generator) -> None:
    x, start, w = (sym.Variable(n) for n in ("x", "start", "w"))

    def step(element: ms.Symbol, state: ms.Symbol) -> tuple[list[ms.Symbol], ms.Symbol]:
        new = sym.tanh(sym.broadcast_add(sym.dot(element, w), state))
        return [new * 2, sym.sum(new, axis=1)], new

    outputs, last = sym.contrib.foreach(step, x, start)
    arrays = {"x": rng.random((6, 5, 3), np.float32), "start": rng.random((5, 4), np.float32)}
    there_and_back(sym.Group([*outputs, last]), arrays, {"w": rng.random((3, 4), np.float32)})


def test_a_loop_in_a_loop(rng: np.random.Generator) -> None:
    x, start = sym.Variable("x"), sym.Variable("start")

    def outer(row: ms.Symbol, state: ms.Symbol) -> tuple[ms.Symbol, ms.Symbol]:
        inner, _ = sym.contrib.foreach(lambda e, s: (e * s, e + s), row, state)
        total = sym.sum(inner, axis=0)
        return total, total

    net = sym.contrib.foreach(outer, x, start)[0]
    arrays = {"x": rng.random((3, 2, 4), np.float32), "start": rng.random(4, np.float32)}
    there_and_back(net, arrays, {})


@pytest.mark.parametrize("begin", [0.0, 1.0, 7.0])
def test_while(begin: float, rng: np.random.Generator) -> None:
    n, x = sym.Variable("n"), sym.Variable("x")
    _, states = sym.contrib.while_loop(
        lambda n, x: n < 3, lambda n, x: (None, [n + 1, x + n]), [n, x], max_iterations=5
    )
    arrays = {"n": np.array([begin], np.float32), "x": np.ones(1, np.float32)}
    there_and_back(sym.Group(states), arrays, {})


def test_while_that_stacks_is_told_of(rng: np.random.Generator) -> None:
    n = sym.Variable("n")
    outputs, _ = sym.contrib.while_loop(lambda n: n < 3, lambda n: (n * 2, n + 1), n, 5)
    with pytest.raises(FormatError, match="over a number of steps that varies"):
        there_and_back(outputs, {"n": np.zeros(1, np.float32)}, {})


@pytest.mark.parametrize("more", [1, -1])
def test_cond(more: float, rng: np.random.Generator) -> None:
    x, y = sym.Variable("x"), sym.Variable("y")
    made = sym.contrib.cond(sym.sum(x) > sym.sum(y), lambda: [x * 2, y], lambda: [y - x, x])
    a = rng.random((2, 3), np.float32)
    there_and_back(sym.Group(list(made)), {"x": a, "y": a + np.float32(more)}, {})


# ------------------------------------------------------------------------ as others write them


def values(**shapes: tuple[int, tuple[int, ...]]) -> list[Any]:
    return [helper.make_tensor_value_info(n, kind, dims) for n, (kind, dims) in shapes.items()]


def model_of(
    nodes: list[Any], inputs: list[Any], outputs: list[Any], held: dict[str, Array]
) -> Any:
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in held.items()]
    graph = helper.make_graph(nodes, "net", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def counting(limit: int) -> Any:
    """Return a loop that adds the number of each step and a matrix of its surroundings."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["still"]),
            helper.make_node("Cast", ["i"], ["number"], to=FLOAT),
            helper.make_node("MatMul", ["h", "w"], ["hw"]),
            helper.make_node("Add", ["hw", "number"], ["next"]),
            helper.make_node("Mul", ["next", "two"], ["twice"]),
        ],
        "body",
        values(i=(INT64, ()), going=(BOOL, ()), h=(FLOAT, (2, 2))),
        values(still=(BOOL, ()), next=(FLOAT, (2, 2)), twice=(FLOAT, (2, 2))),
        [onnx.numpy_helper.from_array(np.float32([2, 3]), "two")],
    )
    return model_of(
        [helper.make_node("Loop", ["most", "true", "x"], ["last", "all"], "loop", body=body)],
        values(x=(FLOAT, (2, 2))),
        values(last=(FLOAT, (2, 2)), all=(FLOAT, (limit, 2, 2))),
        {"most": np.array(limit), "true": np.array(True), "w": np.float32([[0, 1], [1, 0]])},
    )


def test_a_loop_that_counts(rng: np.random.Generator) -> None:
    model = counting(3)
    x = rng.random((2, 2), np.float32)
    onnx.save(model, "loop.onnx")
    symbol, params, _ = ms.onnx.load("loop.onnx")
    assert sorted(params) == ["two", "w"]
    for found, wanted in zip(symbol.eval(x=x, **params), run_there(model, {"x": x}), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


def choice(test: Any, *, twice: bool = False) -> Any:
    """Return a choice between exp and negation; `twice`: exp is made twice."""

    def branch(op: str, times: int) -> Any:
        node = helper.make_node(op, ["x"], [f"{op}_made"])
        made = values(**{f"{op}_made": (FLOAT, (2,))})
        return helper.make_graph([node], op, [], made * times)

    node = helper.make_node(
        "If", ["test"], ["y"],
        then_branch=branch("Exp", 1 + twice), else_branch=branch("Neg", 1),
    )  # fmt: skip
    held = {"test": np.array(test)}
    return model_of([node], values(x=(FLOAT, (2,))), values(y=(FLOAT, (2,))), held)


def test_a_choice_that_is_known_is_made_now() -> None:
    onnx.save(choice(test=False), "if.onnx")
    symbol, _, _ = ms.onnx.load("if.onnx")
    np.testing.assert_array_equal(symbol.eval(x=np.float32([1, 2]))[0], [-1, -2])


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (choice([True, False]), r"no single truth value, but bool of \(2,\)"),
        (choice(1.5), "no single truth value, but float64"),
        (choice(test=True, twice=True), "one branch makes 2 outputs, the other 1"),
    ],
)
def test_a_choice_that_is_none(model: Any, words: str) -> None:
    onnx.save(model, "if.onnx")
    with pytest.raises(FormatError, match=words):
        ms.onnx.load("if.onnx")


@pytest.mark.parametrize(("direction", "words"), [(1, None), (7, "scan_input_directions hold 7")])
def test_a_scan_goes_forward_or_backward(direction: int, words: str | None) -> None:
    body = helper.make_graph(
        [helper.make_node("Add", ["s", "e"], ["so"]), helper.make_node("Identity", ["so"], ["eo"])],
        "body",
        values(s=(FLOAT, (2,)), e=(FLOAT, (2,))),
        values(so=(FLOAT, (2,)), eo=(FLOAT, (2,))),
    )
    node = helper.make_node(
        "Scan", ["x0", "x"], ["y", "ys"],
        body=body, num_scan_inputs=1, scan_input_directions=[direction],
    )  # fmt: skip
    model = model_of(
        [node], values(x0=(FLOAT, (2,)), x=(FLOAT, (3, 2))), values(ys=(FLOAT, (3, 2))), {}
    )
    onnx.save(model, "scan.onnx")
    if words is not None:
        with pytest.raises(FormatError, match=words):
            ms.onnx.load("scan.onnx")
        return
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    (found,) = ms.onnx.load("scan.onnx")[0].eval(x0=np.zeros(2, np.float32), x=x)
    np.testing.assert_array_equal(found, np.cumsum(x[::-1], 0))


def _no_graph(node: Any) -> None:
    del node.attribute[:]


def _one_input_less(node: Any) -> None:
    del node.input[-1]


def _no_bound(node: Any) -> None:
    node.input[0] = ""


def _odd_inside(node: Any) -> None:
    node.attribute[0].g.node[2].op_type = "Hardmax"


def _outputs_too_many(node: Any) -> None:
    node.output.append("more")


def _outputs_of_one_name(node: Any) -> None:
    node.output[1] = node.output[0]


def _torn_inside(node: Any) -> None:
    node.attribute[0].g.node[2].input[0] = "nobody"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_no_graph, "it holds no graph 'body'"),
        (_one_input_less, "its body takes 3 inputs, but is given 2"),
        (_no_bound, "it says no bound of its steps"),
        (_odd_inside, "inside, Hardmax 'hw': minisym has no op for it"),
        (_outputs_too_many, "it has 3 outputs, but its graph makes 2"),
        (_outputs_of_one_name, "two of its outputs have one name"),
        (_torn_inside, "inside, MatMul 'hw' reads 'nobody', which nothing makes"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(change: Any, words: str) -> None:
    model = counting(3)
    change(model.graph.node[0])
    onnx.save(model, "loop.onnx")
    with pytest.raises(FormatError, match=words):
        ms.onnx.load("loop.onnx")


def test_graphs_do_not_nest_without_end() -> None:
    made = values(y=(BOOL, ()))
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "end", [], made)
    for _ in range(12):
        node = helper.make_node("If", ["x"], ["y"], then_branch=graph, else_branch=graph)
        graph = helper.make_graph([node], "more", [], made)
    graph.input.extend(values(x=(BOOL, ())))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, "deep.onnx")
    with pytest.raises(FormatError, match="nests graphs more than 8 deep"):
        ms.onnx.load("deep.onnx")

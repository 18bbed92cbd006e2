"""Symbol files that nobody wrote in good faith: `FormatError`, or a symbol that works.

What is read after all has to be usable: its lists, its text and its inference answer, or raise an
error of minisym's own.
"""

import copy
import gc
import json
import time
import tracemalloc
import warnings
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables.symbol_files import FILES, dense, graph, node, var

import minisym as ms
from minisym import sym
from minisym.core.errors import FormatError, MinisymError

MODERN = graph(
    [
        var("x", attrs={"__shape__": "(2, 4)"}),
        var("w"),
        dense("fc", 0, 1, key="attrs", no_bias="True"),
        node("split", "s", 2, attrs={"num_outputs": "2", "axis": "1"}),
        node("Vendor", "v", (3, 1, 0), subgraphs=[{"nodes": [var("a")], "heads": [[0, 0, 0]]}]),
        node("Concat", "c", (3, 0, 0), 4, attrs={"num_args": "2"}),
    ],
    heads=[[5, 0, 0], [3, 1, 0]],
    node_row_ptr=[0, 1, 2, 3, 5, 6, 7],
    version=10901,
)
LEGACY = FILES["2015 with attributes"]
STATES = FILES["2015"]


def use(text: str) -> bool:
    """Read a file and use it; return whether it was accepted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            net = sym.load_json(text)
        except FormatError as error:
            assert 5 < len(str(error)) < 2000  # noqa: PT017  most files raise, not all
            return False
        names = net.list_arguments() + net.list_outputs() + net.list_auxiliary_states()
        assert all(isinstance(name, str) for name in names)
        net.attr_dict()
        net.get_internals().list_outputs()
        assert sym.load_json(net.tojson()).tojson() == net.tojson()
        try:
            net.infer_shape_partial()
            net.infer_type_partial()
        except MinisymError:
            pass
    return True


@pytest.mark.parametrize("text", [MODERN, LEGACY, STATES], ids=["modern", "legacy", "states"])
def test_the_files_are_sound(text: str):
    assert use(text)


# -------------------------------------------------------------------------------------- wrong types

WRONG = [
    *(None, True, False, 0, 1, -1, 1.5, 1e308, 10**30, "", "x", "null", "tanh", "\0", "(1,", "é"),
    *([], {}, [[]], [0], [0, 0, 0], [None], {"a": 1}, {"op": "null"}, [["int", 1]], "9" * 5000),
]


def places(data, path=()) -> Iterator[tuple]:
    """Return the path of every value inside."""
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def at(data, path: tuple):
    for key in path:
        data = data[key]
    return data


@pytest.mark.parametrize("text", [MODERN, LEGACY, STATES], ids=["modern", "legacy", "states"])
def test_any_value_of_any_kind_anywhere(text: str):
    data = json.loads(text)
    accepted = 0
    for *path, key in list(places(data)):
        for value in WRONG:
            changed = copy.deepcopy(data)
            at(changed, path)[key] = value
            accepted += use(json.dumps(changed))
    assert accepted


@pytest.mark.parametrize("text", [MODERN, LEGACY, STATES], ids=["modern", "legacy", "states"])
def test_any_part_may_be_missing_or_there_twice(text: str):
    data = json.loads(text)
    for *path, key in list(places(data)):
        changed = copy.deepcopy(data)
        holder = at(changed, path)
        if isinstance(holder, list):
            holder.insert(key, holder[key])
            use(json.dumps(changed))
            del holder[key]
        del holder[key]
        use(json.dumps(changed))


@pytest.mark.parametrize("text", [MODERN, LEGACY], ids=["modern", "legacy"])
def test_every_cut_is_refused(text: str):
    assert not any(use(text[:size]) for size in range(len(text)))


@pytest.mark.parametrize("text", [MODERN, LEGACY], ids=["modern", "legacy"])
def test_any_byte_may_be_flipped(text: str, tmp_path):
    raw = text.encode()
    for place in range(len(raw)):
        for mask in (0x01, 0x04, 0x20, 0x80):
            damaged = bytearray(raw)
            damaged[place] ^= mask
            try:
                use(damaged.decode())
            except UnicodeDecodeError:
                continue
    path = tmp_path / "net.json"
    path.write_bytes(raw[:-1] + b"\xc3")
    with pytest.raises(FormatError, match="no UTF-8 text"):
        sym.load(path)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.data())
def test_any_value_may_take_any_place(data):
    found = json.loads(data.draw(st.sampled_from([MODERN, LEGACY, STATES])))
    for _ in range(data.draw(st.integers(1, 3))):
        *path, key = data.draw(st.sampled_from(list(places(found))))
        holder = at(found, path)
        if isinstance(holder, dict) and data.draw(st.booleans()):
            key = data.draw(
                st.sampled_from(["op", "name", "attrs", "attr", "param", "inputs", "x"])
            )
        holder[key] = data.draw(values)
        if not list(places(found)):
            break
    use(json.dumps(found))


@given(values)
def test_any_json_is_refused_or_read(value):
    use(json.dumps(value))


@given(st.text())
def test_any_text_is_refused(text: str):
    assert not use(text)


# ------------------------------------------------------------------------------------ what is large


def with_attrs(op: str, inputs: int = 1, **attrs: str) -> str:
    return graph([var("x"), node(op, "n", *[0] * inputs, attrs=attrs)], version=10901)


deep = "[" * 100_000
ring = [node("tanh", f"a very long name {i}", (i + 1) % 20_000) for i in range(20_000)]
ABSURD = {
    "nested lists": (deep, "nested too deeply"),
    "nested objects": ('{"a":' * 100_000, "nested too deeply"),
    "a nested value": (MODERN.replace('"True"', deep + "]" * 100_000), "nested too deeply"),
    "a long integer": (MODERN.replace("[5, 0, 0]", f"[{'5' * 100_000}, 0, 0]"), "no JSON"),
    "an integer": (MODERN.replace("[5, 0, 0]", f"[{10**30}, 0, 0]"), "there is no node 10"),
    "an output": (MODERN.replace("[5, 0, 0]", f"[4, {10**12}, 0]"), "no op has 1000000000001"),
    "outputs by the row": (MODERN.replace("5, 6, 7]", f"5, {10**12}, 7]"), "no op has 9999"),
    "num_outputs": (with_attrs("split", num_outputs=str(10**9)), "no SliceChannel has"),
    "negative num_outputs": (with_attrs("split", num_outputs="-3"), "num_outputs"),
    "many outputs": (with_attrs("split", num_outputs="200000"), "claims too many outputs"),
    "sections": (
        with_attrs("_split_v2", indices="()", sections=str(10**9)), "no _split_v2 has sections"),
    "num_args": (with_attrs("Concat", num_args=str(10**9)), "1 inputs, but num_args is"),
    "missing inputs of an old file": (
        graph([var("x"), *(node("Concat", "n", 0, attr={"num_args": "64"}) for _ in range(999))],
              heads=[[i, 0, 0] for i in range(1000)]),
        "too many inputs are missing"),
    "num_args of an old file": (
        graph([var("x"), node("Concat", "n", 0, attr={"num_args": str(10**9)})]), "has 1 inputs"),
    "num_weights": (
        with_attrs("multi_sgd_update", 2, num_weights=str(10**9), lrs="(1,)", wds="(1,)"),
        "multi_sgd_update has 2 inputs, but num_weights is"),
    "a parameter of digits": (with_attrs("SwapAxis", dim1="9" * 5000), "dim1 takes an int"),
    "a cycle of 20,000": (graph(ring, version=10901), "(20000 nodes)"),
    "half a character": (MODERN.replace('"x"', '"\\ud800"'), "half of a surrogate pair"),
    "graphs in graphs": ("", "nests graphs more than 16 deep"),
}  # fmt: skip


def nested(depth: int) -> dict:
    inner = {"nodes": [var("a")], "heads": [[0, 0, 0]]}
    for _ in range(depth):
        inner = {"nodes": [node("Vendor", "v", subgraphs=[inner])], "heads": [[0, 0, 0]]}
    return inner


ABSURD["graphs in graphs"] = (json.dumps(nested(40)), ABSURD["graphs in graphs"][1])


@pytest.mark.parametrize("kind", ABSURD)
def test_absurd_files_are_refused_in_little_time_and_memory(kind: str):
    text, message = ABSURD[kind]
    start = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(FormatError) as caught:
            sym.load_json(text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert message in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert time.process_time() - start < 10
    assert peak < (50 << 20) + 100 * len(text)


@pytest.mark.parametrize("name", ["Vendor", "Vendor{}"])
def test_ops_that_nobody_knows_take_little_memory(name: str):
    nodes = [var("x"), *(node(name.format(i), f"n{i}", i) for i in range(5000))]
    text = graph(nodes, version=10901)
    gc.collect()
    tracemalloc.start()
    try:
        net = sym.load_json(text)
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(net.graph) == 5001
    # a node and, where names differ, the record of an op: some forty facts of 8 bytes each
    assert kept < 30 * len(text)


def test_half_a_character_in_python_is_refused():
    with pytest.raises(FormatError, match="character 3 is half of a surrogate pair"):
        sym.load_json('{"x\ud800": 1}')


def test_graphs_in_graphs_are_read():
    assert use(json.dumps(nested(10)))


def test_a_parameter_that_the_graph_computes_is_a_float_of_an_update():
    for op, key in [("tanh", "lr"), ("FullyConnected", "num_hidden"), ("signsgd_update", "mood")]:
        text = with_attrs(op, 2, __symbol_params__=key, num_hidden="2")
        with pytest.raises(
            FormatError, match=f"has no parameter|cannot compute a parameter '{key}'"
        ):
            sym.load_json(text)


def chain(length: int) -> str:
    nodes = [var("x"), *(node("tanh", f"t{i}", i) for i in range(length - 1))]
    return graph(nodes, version=10901)


def test_time_is_linear():
    """Twenty times the nodes take about twenty times as long; a quadratic reader needs hours."""
    text = chain(100_000)
    start = time.process_time()
    net = sym.load_json(text)
    assert json.loads(net.tojson())["heads"] == [[99_999, 0, 0]]
    assert time.process_time() - start < 30


def test_nodes_in_any_order_take_linear_time():
    data = json.loads(chain(30_000))
    last = len(data["nodes"]) - 1
    nodes = [
        n | {"inputs": [[last - s, o, v] for s, o, v in n["inputs"]]} for n in data["nodes"][::-1]
    ]
    start = time.process_time()
    net = sym.load_json(graph(nodes, heads=[[0, 0, 0]], version=10901))
    assert ms.Graph(net) == ms.Graph(sym.load_json(chain(30_000)))
    assert time.process_time() - start < 30

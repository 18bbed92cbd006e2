"""Symbol files of all ages and of all faults, as MXNet 1.9.1 reads them.

The files are in tables/symbol_files.py, MXNet's answers in fixtures/symbol_files.json (recorded by
scripts/mxnet/record_json.py). Where minisym is stricter, or more lenient, the tables below say so.
"""

import json
from pathlib import Path

import pytest
from places import FIXTURES
from tables.symbol_files import FILES, graph, node, var

import minisym as ms
from minisym import sym
from minisym.core.errors import FormatError

ANSWERS = json.loads((FIXTURES / "symbol_files.json").read_text(encoding="utf-8"))

AGES = (900, 905, 10900, 10901, 10902)
STRICTER = {
    **{f"inputs missing, {age}": "FullyConnected has 3 inputs, but this has 1" for age in AGES},
    **{f"states missing, {age}": "BatchNorm has 5 inputs, but this has 3" for age in AGES},
    **{
        f"too many inputs, {age}": "FullyConnected has 3 inputs, but this has 4"
        for age in ("legacy", "current", "newer")
    },
    "an output that is not there": "node 1 ('t'): <Variable 'x'> has no output 1",
    "a negative output": "node 1 ('t'): there is no output -1",
    "a node that reads itself": "the file's nodes form a cycle: node 1 ('t') -> node 1",
    "a variable with inputs": "node 1 ('y'): a variable has no inputs, but this has 1",
    "no heads": "the file has no heads",
    "control dependencies": "node 2 ('t') has control dependencies, which no symbol can have",
    "something behind the end": "this is no JSON: Extra data: ",
}
"""MXNet takes these files, and fails later, or silently means something else."""

LENIENT = {
    "long integers of Python 2",
    "an op that nobody knows",
    "an unknown op that no head reaches",
    "a field that nobody knows",
    "a node's field that nobody knows",
    "no list of arguments",
    "a wrong list of arguments",
    "escapes in four digits",
}
"""MXNet refuses these files, though it is clear what they mean."""

REFUSED = {
    "a factor of a weight that is computed": "FullyConnected has no parameter 'weight_lr_mult'",
    "a factor of nothing": "node 2 ('f'): FullyConnected has no parameter 'bias_lr_mult'",
    "an unknown parameter, legacy": "node 2 ('f'): FullyConnected has no parameter 'mood'",
    "an unknown parameter, current": "node 2 ('f'): FullyConnected has no parameter 'mood'",
    "an unknown parameter, newer": "node 2 ('f'): FullyConnected has no parameter 'mood'",
    "a parameter missing, legacy": "node 1 ('c'): Cast: required parameter dtype (one of float16",
    "a parameter missing, current": "node 1 ('c'): Cast: required parameter dtype (one of float16",
    "a parameter missing, newer": "node 1 ('c'): Cast: required parameter dtype (one of float16",
    "a parameter of another kind, legacy": "num_hidden takes an int, but got 'two'",
    "a parameter of another kind, current": "num_hidden takes an int, but got 'two'",
    "a parameter of another kind, newer": "num_hidden takes an int, but got 'two'",
    "Concat without a count": "node 1 ('c'): Concat needs num_args, the number of its inputs",
    "a node that is not there": "node 1 ('t'): there is no node 9, only 2 nodes",
    "a negative node": "node 1 ('t'): there is no node -1, only 2 nodes",
    "a head that is not there": "head 0: there is no node 7, only 2 nodes",
    "a cycle": "the file's nodes form a cycle: node 1 ('t') -> node 2 ('u') -> node 1",
    "an entry of one number": "an entry is [node, output, version], but this is [0]",
    "an entry of four numbers": "an entry is [node, output, version], but this is [0, 0, 0, 0]",
    "an entry of fractions": "an entry is [node, output, version], but this is [0.0, 0, 0]",
    "a version that is text": "'mxnet_version' must be ['int', number], but it is ['str', '10901']",
    "a version without a type": "'mxnet_version' must be ['int', number], but it is 10901",
    "a name that is a number": "node 1: 'name' must be a string, but it is a number",
    "a node without a name": "node 1: 'name' must be a string, but it is missing",
    "a node without inputs": "node 0 ('x'): 'inputs' must be an array, but it is missing",
    "an attribute that is a number": "the attribute '__a__' must be a string, not a number",
    "an attribute that is true": "the attribute '__a__' must be a string, not a boolean",
    "attributes that are null": "node 0 ('x'): 'attrs' must be an object, but it is null",
    "a list": "a symbol file holds a JSON object, but this is an array",
    "no text": "this is no JSON: it is empty",
    "a comma too many": "this is no JSON: Expecting value: line 1 column",
    "no number": "this is no JSON: NaN is no number",
}  # fmt: skip
"""Both refuse these, and minisym says why."""

AS_MXNET = [name for name in FILES if "refused" not in ANSWERS[name] and name not in STRICTER]


def found_in(net) -> dict[str, object]:
    return {
        "arguments": net.list_arguments(),
        "outputs": net.list_outputs(),
        "states": net.list_auxiliary_states(),
        "internals": net.get_internals().list_outputs(),
        "attributes": net.attr_dict(),
        "text": net.tojson(),
    }


def test_every_file_has_an_answer():
    assert list(ANSWERS) == list(FILES)
    refused = {name for name in FILES if "refused" in ANSWERS[name]}
    assert refused == LENIENT | set(REFUSED)
    assert not refused & set(STRICTER)


@pytest.mark.parametrize("name", AS_MXNET)
def test_reads_as_mxnet_reads(name: str):
    assert found_in(sym.load_json(FILES[name])) == ANSWERS[name]


@pytest.mark.parametrize("name", AS_MXNET)
def test_what_was_read_is_written_and_read_again(name: str):
    net = sym.load_json(FILES[name])
    again = sym.load_json(net.tojson(remove_amp_cast=False))
    assert found_in(again) == found_in(net)
    assert ms.Graph(again) == ms.Graph(net)


@pytest.mark.parametrize(("name", "message"), (STRICTER | REFUSED).items())
def test_refusals_say_why(name: str, message: str):
    with pytest.raises(FormatError) as caught:
        sym.load_json(FILES[name])
    assert message in str(caught.value)


@pytest.mark.parametrize("name", sorted(LENIENT))
def test_what_is_clear_is_read(name: str):
    net = sym.load_json(FILES[name])
    assert net.tojson() == sym.load_json(net.tojson()).tojson()


def test_long_integers_are_integers():
    net = sym.load_json(FILES["long integers of Python 2"])
    assert net.infer_shape(x=(1, 3, 8, 8))[:2] == ([(1, 3, 8, 8), (4, 3, 3, 3)], [(1, 4, 6, 6)])


def test_the_message_of_a_file_names_it(tmp_path: Path):
    path = tmp_path / "net-symbol.json"
    path.write_text(FILES["a cycle"], encoding="utf-8")
    with pytest.raises(FormatError, match=r"^net-symbol\.json: the file's nodes form a cycle"):
        sym.load(path)
    path.write_bytes(b'{"nodes": "\xff"}')
    with pytest.raises(
        FormatError, match=r"^net-symbol\.json is no symbol file: byte 11 is no UTF"
    ):
        sym.load(path)


# ----------------------------------------------------------------------------------- opaque nodes


def test_an_unknown_op_keeps_all_that_the_file_says():
    inner = json.loads(graph([var("a"), node("tanh", "b", 0)], version=None))
    text = graph(
        [
            var("x"),
            node("Vendor", "v", 0, attrs={"mode": "fast"}, subgraphs=[inner]),
            node("tanh", "t", (1, 2, 0)),
        ],
        node_row_ptr=[0, 1, 5, 6],
        version=10901,
    )
    net = sym.load_json(text)
    assert net.get_internals().list_outputs()[1:] == [f"v_output{i}" for i in range(4)] + [
        "t_output"
    ]
    again = json.loads(net.tojson())
    assert again["node_row_ptr"] == [0, 1, 5, 6]
    assert again["nodes"][1]["attrs"] == {"mode": "fast"}
    assert again["nodes"][1]["subgraphs"][0]["nodes"] == inner["nodes"]
    assert sym.load_json(net.tojson()).tojson() == net.tojson()


def test_an_unknown_op_has_the_outputs_that_are_read():
    text = graph([var("x"), node("Vendor", "v", 0), node("tanh", "t", (1, 2, 0))], node_row_ptr="?")
    assert len(sym.load_json(text).get_internals()) == 5


def test_hidden_keys_of_an_unknown_op_are_hidden():
    text = graph([var("x"), node("Vendor", "v", 0, attr={"lr_mult": "2", "x_lr_mult": "3"})])
    assert sym.load_json(text).attr_dict() == {
        "v": {"__lr_mult__": "2", "lr_mult": "2", "x_lr_mult": "3"}
    }


# ------------------------------------------------------------------------------ composed, or read


def test_a_passed_state_is_initialized_as_mxnet_says():
    """MXNet notes it in the variable itself; a node is immutable, so the graph notes it."""
    mean = sym.Variable("mean")
    net = sym.BatchNorm(sym.Variable("x"), moving_mean=mean, name="bn")
    assert net.attr_dict()["mean"] == {"__init__": '["zero", {}]'}
    assert mean.list_attr() == {}
    again = sym.load_json(net.tojson())
    assert again.attr_dict() == net.attr_dict()
    assert ms.Graph(again) == ms.Graph(net)


def test_a_given_initializer_stays():
    mean = sym.Variable("mean", init="mine")
    net = sym.BatchNorm(sym.Variable("x"), moving_mean=mean, name="bn")
    assert net.attr_dict()["mean"] == {"__init__": "mine"}


def test_versions_of_a_file_outlive_composition():
    """They are MXNet's count of writes: nodes that are kept keep theirs."""
    net = sym.load_json(FILES["versions"])
    entries = [n["inputs"] for n in json.loads(sym.tanh(net, name="t").tojson())["nodes"]]
    assert entries[-3:] == [
        [[0, 0, 0], [1, 0, 0], [1, 0, 0], [2, 0, 4], [2, 0, 5]],
        [[3, 0, 0], [2, 0, 5]],
        [[4, 0, 0]],
    ]


POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d' * 32}\nsize 102400000\n"
NO_SYMBOLS = {
    "a pointer": (
        POINTER.encode(),
        (
            "it is a pointer of Git LFS, not the file of 102,400,000 bytes itself\n\n"
            "  hint: git lfs pull fetches the file"
        ),
    ),
    "a page": (b"\n<!DOCTYPE html>\n<html lang=en>", "it is a web page\n\n  hint: the address was"),
    "a page in capitals": (b"<HTML><HEAD>", "it is a web page"),
    "the error of a server": (
        b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
        "it is an XML document\n\n  hint: did a server answer with an error?",
    ),
    "nothing": (b"", "it is empty\n\n  hint: did a download fail?"),
    "arrays": (
        b"\x12\x01" + bytes(20) + b"\xff",
        "it is a file of MXNet arrays\n\n  hint: ms.nd.load reads arrays",
    ),
    "compressed": (b"\x1f\x8b\x08\x00", "it is compressed by gzip\n\n  hint: unpack it: gunzip"),
    "text in UTF-16": ("{}".encode("utf-16"), "it is text in UTF-16\n\n  hint: save it as UTF-8"),
    "a pickle": (b"\x80\x04\x95\x10", "it is a pickle\n\n  hint: minisym reads none"),
}


@pytest.mark.parametrize("kind", NO_SYMBOLS)
def test_what_is_no_symbol_is_called_by_its_name(kind: str, tmp_path: Path):
    raw, message = NO_SYMBOLS[kind]
    path = tmp_path / "net-symbol.json"
    path.write_bytes(raw)
    with pytest.raises(FormatError) as caught:
        sym.load(path)
    assert str(caught.value).startswith("net-symbol.json")
    assert message in str(caught.value)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return
    with pytest.raises(FormatError) as caught:
        sym.load_json(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "name", ["net-symbol.json", "/data/a b/Net-symbol.JSON", "net-0001.params"]
)
def test_the_name_of_a_file_is_no_text_of_one(name: str):
    with pytest.raises(FormatError) as caught:
        sym.load_json(name)
    assert str(caught.value) == (
        f"this is no JSON, but it looks like the name of a file: {name!r}\n\n"
        "  hint: ms.sym.load reads a file, load_json the text of one"
    )

"""What goes wrong, and how it is told: the full text of every message, kept in snapshots/errors.

Messages are API. The first line is one sentence that names op, node and argument, what was expected
and what came. Then, where there is something to show: the slots involved and where each value came
from, the line that composed the node, with carets, and one hint.
"""

import concurrent.futures
import json
import multiprocessing
import os
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from places import SNAPSHOTS

import minisym as ms
from minisym import nd, sym
from minisym.core import errors

SNAPSHOTS = SNAPSHOTS / "errors"

CASES = {}


def case(*kinds, table=False, source=True, hint=True):
    """Register a function that goes wrong: its errors, and the parts of its message."""

    def register(function):
        CASES[function.__name__] = (function, kinds, table, source, hint)
        return function

    return register


def var(*names):
    return [sym.Variable(name) for name in names] if len(names) > 1 else sym.Variable(names[0])


def mlp():
    """Return a deep net: layer 7 has another width than the others."""
    h = var("data")
    for i in range(12):
        h = sym.FullyConnected(h, num_hidden=10 if i != 7 else 6, name=f"fc{i}")
        h = sym.Activation(h, act_type="relu", name=f"relu{i}")
    return sym.SoftmaxOutput(h, name="softmax")


def update():
    weight, grad = var("weight", "grad")
    return sym.signsgd_update(weight, grad, lr=0.1, name="step")


# ------------------------------------------------------------------------------------- composing


@case(ms.ParamError, ValueError, source=False)
def missing_required_parameter():
    sym.signsgd_update(*var("weight", "grad"), name="step")


@case(ms.ParamError, ValueError, source=False)
def misspelt_parameter():
    sym.FullyConnected(var("data"), num_hiden=10, name="fc1")


@case(ms.ParamError, ValueError, source=False)
def misspelt_input():
    sym.FullyConnected(dta=var("data"), num_hidden=10, name="fc1")


@case(ms.ComposeError, TypeError, source=False)
def parameter_in_the_place_of_an_input():
    sym.FullyConnected(var("data"), 10, name="fc1")


@case(ms.ComposeError, TypeError, source=False)
def tuple_in_the_place_of_an_input():
    sym.Convolution(var("data"), (3, 3), 8, name="conv1")


@case(ms.ParamError, ValueError, source=False)
def numbers_for_one_tuple():
    var("data").reshape(2, 2)


@case(ms.ComposeError, TypeError, source=False)
def more_numbers_for_one_tuple():
    var("data").transpose(0, 2, 1)


@case(ms.DtypeError, TypeError, table=True)
def scale_beside_float16_data():
    net = sym.BatchNorm(var("data"), name="bn")
    net.infer_type(data="float16", bn_gamma="float16")


@case(ms.ShapeError, ValueError, table=True, hint=False)
def too_few_rates():
    arrays = var("w1", "g1", "w2", "g2")
    net = sym.multi_sgd_update(*arrays, lrs=(0.1,), wds=(0, 0), num_weights=2, name="step")
    net.infer_shape()


@case(ms.BindError, ValueError, source=False, hint=False)
def more_memory_than_there_is():
    var("data").tanh().simple_bind(data=(2**22, 2**22))


@case(ms.BindError, ValueError, source=False, hint=False)
def more_memory_than_there_is_for_an_output():
    sym.zeros((2**22, 2**22), name="huge").simple_bind()


@case(ms.GradientError, ValueError)
def gradient_of_an_op_that_cannot_be():
    ms.grad(sym.transpose(var("data"), axes=(0, 0), name="turn"), "data")


@case(ms.ParamError, ValueError, TypeError, source=False)
def keyword_that_no_optimizer_takes():
    ms.optimizer.SGD(lr=0.1)


@case(ms.ParamError, ValueError, TypeError, source=False)
def misspelt_keyword_of_an_optimizer():
    ms.optimizer.create("adam", learning_rat=0.1)


@case(ms.ParamError, ValueError, source=False)
def wrong_enum_value():
    sym.Activation(var("data"), act_type="rellu", name="act")


@case(ms.ParamError, ValueError, source=False)
def value_of_wrong_type():
    sym.FullyConnected(var("data"), num_hidden="ten", name="fc1")


@case(ms.ParamError, ValueError, source=False)
def value_out_of_range():
    sym.Dropout(var("data"), p=1.5, name="drop")


@case(ms.ComposeError, TypeError, source=False)
def array_as_input():
    sym.tanh(np.ones(3), name="t")


@case(ms.ComposeError, TypeError, source=False)
def several_outputs_as_input():
    parts = sym.SliceChannel(var("data"), num_outputs=2, name="parts")
    sym.tanh(parts, name="t")


@case(ms.ComposeError, TypeError, source=False)
def input_given_twice():
    sym.tanh(var("a"), data=var("b"), name="t")


@case(ms.ComposeError, TypeError, source=False)
def too_many_arguments():
    sym.tanh(var("a"), var("b"), name="t")


@case(ms.ComposeError, TypeError, source=False)
def symbol_as_integer():
    sym.FullyConnected(var("data"), num_hidden=var("n"), name="fc1")


@case(AttributeError, source=False, hint=False)
def misspelt_op():
    sym.FullyConected(var("data"), num_hidden=3)


@case(ms.ComposeError, TypeError, NotImplementedError, source=False)
def truth_value():
    if var("a") > 0:
        raise AssertionError


@case(ms.ComposeError, TypeError, NotImplementedError, source=False)
def changed_in_place():
    total = var("a")
    total += 1


@case(ms.ComposeError, TypeError, source=False)
def array_plus_symbol():
    np.ones(3) + var("a")


@case(ms.ComposeError, TypeError, source=False)
def operator_on_several_outputs():
    sym.SliceChannel(var("data"), num_outputs=2, name="parts") + 1


@case(ms.ComposeError, TypeError, NotImplementedError, source=False)
def value_of_a_symbol():
    var("a").asnumpy()


@case(ms.ComposeError, TypeError, ValueError, source=False)
def output_of_unknown_name():
    sym.tanh(var("a"), name="t")["t_outptu"]


@case(ms.ComposeError, TypeError, IndexError, source=False)
def output_out_of_range():
    sym.tanh(var("a"), name="t")[2]


@case(ms.ComposeError, TypeError, source=False)
def replacing_an_unknown_variable():
    sym.tanh(var("data"), name="t")(dta=var("x"))


@case(ms.ParamError, ValueError, source=False)
def attribute_that_is_no_string():
    ms.AttrScope(lr_mult=2)


@case(ms.ComposeError, TypeError, source=False)
def variable_without_name():
    sym.Variable(3)


# ------------------------------------------------------------------------------------- inference


@case(ms.ShapeError, ValueError, table=True)
def wrong_shape_in_a_deep_net():
    mlp().infer_shape(data=(4, 5), fc8_weight=(10, 10))


@case(ms.ShapeError, ValueError, table=True)
def elementwise_shapes_differ():
    a, b = var("a", "b")
    sym.elemwise_add(a, b, name="sum").infer_shape(a=(2, 3), b=(2, 4))


@case(ms.ShapeError, ValueError, table=True)
def shapes_do_not_broadcast():
    a, b = var("a", "b")
    sym.broadcast_add(a, b, name="sum").infer_shape(a=(2, 3), b=(4, 3))


@case(ms.ShapeError, ValueError, IndexError, table=True)
def axis_out_of_range():
    sym.sum(var("a"), axis=2, name="total").infer_shape(a=(2, 3))


@case(ms.ParamError, ValueError, source=False)
def shape_of_an_unknown_name():
    mlp().infer_shape(dta=(4, 5))


@case(ms.ParamError, ValueError, source=False)
def shapes_by_position_and_keyword():
    mlp().infer_shape((4, 5), fc0_bias=(10,))


@case(ms.ShapeError, TypeError, source=False)
def shape_that_is_no_tuple():
    mlp().infer_shape(data=5)


@case(ms.DtypeError, TypeError, table=True)
def types_differ():
    a, b = var("a", "b")
    sym.elemwise_add(a, b, name="sum").infer_type(a="float32", b="float64")


@case(ms.DtypeError, TypeError, table=True)
def integer_weight():
    ones = np.ones(3, np.int64)
    update().bind(args={"weight": ones, "grad": ones.copy()})


@case(ms.ShapeError, ValueError, table=True)
def a_rate_that_is_no_number():
    weight, grad, rate = var("weight", "grad", "rate")
    step = sym.signsgd_update(weight, grad, lr=rate, name="step")
    step.infer_shape(weight=(3,), rate=(2,))


# --------------------------------------------------------------------------------------- binding


@case(ms.BindError, ValueError, table=True, source=False)
def missing_array():
    mlp().bind(args={"data": np.ones((4, 5)), "fc0_wieght": np.ones((10, 5))})


@case(ms.BindError, ValueError, source=False)
def list_of_wrong_length():
    update().bind(args=[np.ones(3)])


@case(ms.BindError, TypeError, source=False)
def list_as_array():
    update().bind(args={"weight": [1.0, 2.0], "grad": np.ones(2)})


@case(ms.BindError, TypeError, source=False)
def shape_as_array():
    update().bind(args={"weight": (2, 3), "grad": np.ones((2, 3))})


@case(ms.ShapeError, ValueError, table=True)
def arrays_of_two_shapes():
    update().bind(args={"weight": np.ones((2, 3)), "grad": np.ones((3, 2))})


@case(ms.BindError, ValueError)
def duplicate_names():
    (var("a") + var("a")).bind(args={"a": np.ones(2)})


@case(ms.BindError, ValueError)
def aliasing_arrays():
    memory = np.ones(5)
    update().bind(args={"weight": memory[1:], "grad": memory[:-1]})


@case(ms.BindError, ValueError)
def read_only_weight():
    weight = np.ones(3)
    weight.flags.writeable = False
    update().bind(args={"weight": weight, "grad": np.ones(3)})


@case(ms.BindError, TypeError, source=False)
def gradient_of_another_type():
    x = np.ones(3, np.float32)
    sym.tanh(var("x")).bind(args={"x": x}, args_grad={"x": np.ones(3)})


@case(ms.BindError, ValueError, source=False)
def gradient_of_another_shape():
    sym.tanh(var("x")).bind(args={"x": np.ones(3)}, args_grad={"x": np.ones(4)})


@case(ms.BindError, ValueError)
def two_writers_of_one_variable():
    weight, grad = var("weight", "grad")
    one = sym.signsgd_update(weight, grad, lr=0.1, name="one")
    two = sym.signsgd_update(weight, grad, lr=0.2, name="two")
    sym.Group([one, two]).bind(args={"weight": np.ones(3), "grad": np.ones(3)})


@case(ms.BindError, ValueError)
def update_of_a_value():
    weight, grad = var("weight", "grad")
    step = sym.signsgd_update(weight * 2, grad, lr=0.1, name="step")
    step.bind(args={"weight": np.ones(3), "grad": np.ones(3)})


@case(ms.BindError, RuntimeError, table=True, source=False)
def shapes_that_do_not_decide():
    mlp().simple_bind(softmax_label=(4,))


@case(ms.BindError, ValueError, source=False)
def unknown_gradient_request():
    sym.tanh(var("x")).bind(args={"x": np.ones(3)}, grad_req="wirte")


# --------------------------------------------------------------------------------------- running


@case(ms.GradientError, ValueError)
def no_gradient():
    weight = np.ones(3)
    update().bind(args={"weight": weight, "grad": np.ones(3)}, args_grad={"grad": np.ones(3)})


@case(ms.GradientError, ValueError, source=False)
def gradient_by_an_unknown_name():
    ms.grad(sym.tanh(var("x")), "y")


def bound():
    a, b = var("a", "b")
    both = sym.Group([sym.tanh(a, name="t"), sym.MakeLoss(b, name="loss")])
    arrays = {"a": np.ones((2, 3)), "b": np.ones(4)}
    gradients = {name: np.zeros_like(array) for name, array in arrays.items()}
    return both.bind(args=arrays, args_grad=gradients)


@case(ms.GradientError, ValueError, table=True, source=False)
def missing_head_gradient():
    bound().backward()


@case(ms.GradientError, ValueError, source=False)
def head_gradient_of_another_shape():
    bound().backward([np.ones((3, 2))])


@case(ms.BindError, TypeError, source=False)
def feeding_an_unknown_name():
    bound().forward(c=np.ones(3))


@case(ms.BindError, ValueError, source=False)
def feeding_another_shape():
    bound().forward(a=np.ones((3, 2)))


@case(ms.BindError, ValueError, source=False)
def running_an_unknown_op():
    text = sym.tanh(var("data"), name="warp").tojson().replace('"tanh"', '"WarpCTC"')
    sym.load_json(text).bind(args={"data": np.ones(3)}).forward()


@case(ms.ExecutionError, RuntimeError, table=True)
def a_step_that_fails():
    data = var("data")
    sym.linalg.potrf(data, name="root").eval(data=-np.eye(2))


@case(ms.BindError, ValueError, source=False)
def eager_input_missing():
    nd.signsgd_update(np.ones(3), lr=0.1)


@case(ms.BindError, ValueError, source=False)
def eager_out_of_another_shape():
    nd.tanh(np.ones(3), out=np.ones(4))


# ----------------------------------------------------------------------------------------- files


def file(**changes):
    """Return a symbol file with some fields changed."""
    data = json.loads(sym.FullyConnected(var("data"), num_hidden=3, name="fc1").tojson())
    return json.dumps(data | changes)


def nodes(position, **changes):
    data = json.loads(file())["nodes"]
    data[position] |= changes
    return data


@case(ms.FormatError, ValueError, source=False)
def truncated_json():
    sym.load_json(file()[:100])


@case(ms.FormatError, ValueError, source=False)
def cyclic_json():
    sym.load_json(file(nodes=nodes(0, op="tanh", inputs=[[3, 0, 0]])))


@case(ms.FormatError, ValueError, source=False)
def index_out_of_range():
    sym.load_json(file(heads=[[7, 0, 0]]))


@case(ms.FormatError, ValueError, source=False)
def output_out_of_range_in_a_file():
    sym.load_json(file(heads=[[3, 1, 0]]))


@case(ms.FormatError, ValueError, source=False)
def unknown_parameter_in_a_file():
    sym.load_json(file(nodes=nodes(3, attrs={"num_hiden": "3"})))


@case(ms.FormatError, ValueError, source=False)
def missing_input_in_a_file():
    sym.load_json(file(nodes=nodes(3, inputs=[[0, 0, 0]])))


@case(ms.FormatError, ValueError, source=False)
def json_of_something_else():
    sym.load_json('{"cells": []}')


# ----------------------------------------------------------------------------------------- tests


def told(function, kind):
    """Return a message: class and text, without line numbers."""
    with ms.name.NameManager(), pytest.raises(kind) as caught:
        function()
    text = f"{type(caught.value).__name__}: {caught.value}\n"
    return re.sub(r"(\w+\.py):\d+", r"\1:N", text), caught.value


@pytest.mark.parametrize("name", CASES)
def test_message(name):
    """Set MINISYM_SNAPSHOTS=write to record them anew; then read them."""
    function, kinds, *_ = CASES[name]
    text, _ = told(function, kinds[0])
    path = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("MINISYM_SNAPSHOTS") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_it_is_the_builtin_error_too(name):
    function, kinds, *_ = CASES[name]
    _, error = told(function, kinds[0])
    for kind in kinds:
        assert isinstance(error, kind)
    assert isinstance(error, ms.MXNetError) or kinds[0] is AttributeError


@pytest.mark.parametrize("name", CASES)
def test_layout(name):
    """A sentence, then the parts that belong to it, each once and in order."""
    function, kinds, table, source, hint = CASES[name]
    text, _ = told(function, kinds[0])
    sentence, *parts = text.rstrip("\n").split("\n\n")
    assert "\n" not in sentence
    assert not sentence.endswith(".")
    found = ["hint" if p.startswith("  hint: ") else "source" if p.startswith("  composed at ")
             else "table" for p in parts]  # fmt: skip
    assert found == ["table"] * table + ["source"] * source + ["hint"] * hint
    if source:
        place, line, carets = parts[found.index("source")].split("\n")
        assert re.match(r"  composed at test_errors\.py:N, in \w+", place)
        assert carets.strip(" ^") == ""
        assert len(carets) <= len(line)


@pytest.mark.parametrize("name", CASES)
def test_it_reads_the_same_in_another_process(name):
    """Pickled where it was raised, and again where it has arrived."""
    function, kinds, *_ = CASES[name]
    _, error = told(function, kinds[0])
    arrived = pickle.loads(pickle.dumps(error))
    again = pickle.loads(pickle.dumps(arrived))
    assert [(type(e), str(e), e.args) for e in (arrived, again)] == [
        (type(error), str(error), error.args)
    ] * 2


class TooHotError(ms.ExecutionError):
    """An error that wants something of its own to be made."""

    def __init__(self, degrees, place):
        super().__init__(f"{degrees} degrees", hint="open a window")
        self.degrees, self.place = degrees, place


def test_an_error_of_a_user_travels_with_what_can_be_pickled():
    error = TooHotError(40, lambda: None)
    arrived = pickle.loads(pickle.dumps(error))
    assert (type(arrived), str(arrived), arrived.degrees) == (TooHotError, str(error), 40)
    assert not hasattr(arrived, "place")


def test_an_error_is_raised_again_in_the_process_that_waits():
    spawn = multiprocessing.get_context("spawn")
    with (
        concurrent.futures.ProcessPoolExecutor(1, spawn) as pool,
        pytest.raises(ms.ShapeError) as caught,
    ):
        pool.submit(contradiction).result(timeout=60)
    with pytest.raises(ms.ShapeError) as here:
        contradiction()
    assert str(caught.value) == str(here.value)
    assert "in contradiction" in str(here.value)


def contradiction():
    net = sym.FullyConnected(var("data"), num_hidden=10, name="fc1")
    net.infer_shape(data=(2, 3), fc1_weight=(10, 4))


def test_a_file_whose_path_only_begins_like_ours_is_the_users():
    path = f"{Path(ms.__file__).parent}_demo.py"
    source = """from minisym import sym
x, y = sym.Variable("x"), sym.Variable("y")
def mine():
    return x + y
"""
    space = {}
    exec(compile(source, path, "exec"), space)
    with pytest.raises(ms.ShapeError, match=r"composed at minisym_demo\.py:4, in mine"):
        space["mine"]().infer_shape(x=(1,), y=(2,))


def test_every_snapshot_has_its_case():
    assert {path.stem for path in SNAPSHOTS.glob("*.txt")} == set(CASES)


def test_nothing_is_printed(capsys):
    for function, kinds, *_ in CASES.values():
        told(function, kinds[0])
    assert capsys.readouterr() == ("", "")


def test_the_tree_in_the_docstring_is_the_tree():
    """Each class stands there, under its parent, with the builtin error that it is, too."""
    drawn = {}
    path = ["MinisymError"]
    for line in errors.__doc__.splitlines():
        match = re.match(r"    ((?:[| ]   )*)[|`]-- (\w+)\((\w+)\)", line)
        if match:
            depth = len(match[1]) // 4
            path = [*path[: depth + 1], match[2]]
            drawn[match[2]] = (path[depth], match[3])
    classes = {
        name: thing
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and issubclass(thing, ms.MinisymError)
    }
    assert drawn == {
        name: tuple(base.__name__ for base in thing.__bases__)
        for name, thing in classes.items()
        if name != "MinisymError"
    }

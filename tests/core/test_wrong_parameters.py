"""Every op with every parameter set to nonsense: it works, or it fails with an error of minisym.

What a value should be is the business of each op's own samples; here nothing may come out that a
user of MXNet's API could not catch.
"""

import math

import numpy as np
import pytest

import minisym as ms
from minisym import op, sym
from minisym.core.functions import function_of
from minisym.core.samples import Sample

OPS = sorted(
    {
        op
        for op in op.registered().values()
        if op.params and op.kernel and op.kernel.function.__module__.startswith("minisym.ops.")
    },
    key=lambda op: op.name,
)
NONSENSE = [
    *(math.inf, -math.inf, math.nan, 1e300, 0.5, np.float32(2)),
    *(10**20, 2**31, -(2**31), 3000, -1, -2, 0, 1, 2, 7, True),
    *("", "abc", "inf", "1e400", "None", "(1,", "()", b"x", None),
    *([], (0,), (-1,), (-1, -1), (-3, 2), (2, 3), (1, 2, 3, 4, 5), (0, 0, 0, 0)),
    *((2**31, 2**31), (10**20,), (math.inf,), (None,), ("a",)),
    *({}, object(), np.ones(2), 1 + 2j, sym.Variable("computed")),
]
COUNTS = (
    *("num_args", "num_arrays", "num_outputs", "num_weights", "num_tensors"),
    *("num_layers", "sections"),
)
"""What makes as many nodes or outputs as it says: a large one is slow, and right."""


def first(op):
    """Return a valid sample."""
    found: list[Sample] = list(op.samples() if callable(op.samples) else op.samples)
    return next((sample for sample in found if sample.raises is None), None)


def attempt(function, *args, **kwargs):
    """Return the answer, or None if it was an error of minisym, which must be readable."""
    try:
        return function(*args, **kwargs)
    except ms.MinisymError as error:
        str(error)  # a message that cannot be made fails here
        return None


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
@pytest.mark.filterwarnings("ignore:cannot decide")
def test_only_errors_of_minisym_come_out(op):
    sample = first(op)
    if sample is None:
        pytest.skip("a numeric gradient: its op is swept")
    arrays = sample.arrays(np.random.default_rng(0))
    names = [f"in{i}" for i in range(len(arrays))]
    inputs = [sym.Variable(name) for name in names]
    shapes = {name: np.shape(array) for name, array in zip(names, arrays, strict=True)}
    if not op.variadic:
        called = op.input_names(op.read_params(sample.params))
        given = {}, dict(zip(called, inputs, strict=True))
    else:
        given = inputs, {}
    for name in op.params:
        for value in NONSENSE:
            if name in COUNTS and isinstance(value, int) and value > 100:
                continue
            args, kwargs = given
            params = {**sample.params, name: value}
            net = attempt(function_of(op, op.name), *args, **kwargs, **params, name="t")
            if net is None:
                continue
            known = {n: s for n, s in shapes.items() if n in net.list_inputs()}
            attempt(net.infer_shape_partial)
            attempt(net.infer_shape, **known)
            attempt(net.infer_type_partial)
            attempt(ms.grad, net, net.list_arguments())


EMPTY = [op for op in OPS if first(op) is not None and first(op).inputs]


@pytest.mark.parametrize("op", EMPTY, ids=lambda op: op.name)
def test_empty_arrays_run_or_are_refused(op):
    """Under np_shape an input may have no elements, whatever its op does."""
    sample = first(op)
    arrays = sample.arrays(np.random.default_rng(0))
    names = [f"in{i}" for i in range(len(arrays))]
    inputs = [sym.Variable(name) for name in names]
    with ms.util.np_shape():
        if op.variadic:
            net = function_of(op, op.name)(*inputs, **sample.params)
        else:
            called = op.input_names(op.read_params(sample.params))
            net = function_of(op, op.name)(
                **dict(zip(called, inputs, strict=True)), **sample.params
            )
        for axis in range(4):
            given = {
                name: tuple(0 if i == axis else d for i, d in enumerate(np.shape(array)))
                for name, array in zip(names, arrays, strict=True)
            }
            executor = attempt(net.simple_bind, **given)
            outputs = executor and attempt(executor.forward, is_train=True)
            if outputs and any(gradient is not None for gradient in executor.grad_arrays):
                attempt(executor.backward)


def test_sampling_has_a_gradient_only_with_probabilities():
    x = sym.Variable("x")
    drawn = sym.sample_multinomial(x, shape=(3,))
    assert (ms.grad(drawn, "x").eval(x=np.full((1, 2), 0.5))[0] == 0).all()
    both = sym.sample_multinomial(x, shape=(3,), get_prob=True)
    found = ms.grad(both, "x").eval(x=np.array([[1.0, 0.0]]))[0]
    assert found.tolist() == [[3.0, 0.0]]  # the logarithm of 1, drawn three times


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (sym.softmax(sym.Variable("x")), (2, 1, 0)),
        (sym.log_softmax(sym.Variable("x")), (0, 3)),
        (sym.SoftmaxActivation(sym.Variable("x")), (0, 3)),
        (sym.contrib.box_nms(sym.Variable("x")), (1, 0, 6)),
        (sym.sample_multinomial(sym.Variable("x"), shape=(0,)), (2, 3)),
        (sym.Pad(sym.Variable("x"), mode="edge", pad_width=(0, 0, 0, 0, 1, 1, 1, 1)), (0, 1, 2, 2)),
    ],
)
def test_of_nothing_comes_nothing(net, shape):
    with ms.util.np_shape():
        executor = net.simple_bind(x=shape)
        (output,) = executor.forward(is_train=True)
        assert output.size == 0
        assert (output.shape,) == tuple(net.infer_shape(x=shape)[1])


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (sym.max(sym.Variable("x"), axis=1), (2, 0)),
        (sym.argmin(sym.Variable("x"), axis=1), (2, 0)),
        (sym.take(sym.Variable("x"), sym.zeros((2,))), (0, 3)),
        (sym.SequenceLast(sym.Variable("x")), (0, 2)),
        (sym.sample_multinomial(sym.Variable("x"), shape=(3,)), (2, 0)),
    ],
)
def test_nothing_can_be_chosen_from_nothing(net, shape):
    with ms.util.np_shape(), pytest.raises(ms.ShapeError, match="no elements to choose from"):
        net.infer_shape(x=shape)

"""What NumPy's functions do with a Symbol: operators and methods compose, all else is refused."""

import operator

import numpy as np
import pytest

import minisym as ms
from minisym import sym


@pytest.fixture
def w():
    return sym.Variable("w")


BINARY = [
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.mod, operator.pow),
    *(operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge),
]


@pytest.mark.parametrize("number", [np.float32(2), np.float64(2.5), np.int64(3)], ids=repr)
@pytest.mark.parametrize("of", BINARY, ids=lambda of: of.__name__)
def test_a_number_of_numpy_on_either_side_is_that_of_python(of, number, w):
    x = np.array([1.0, 2.0, 3.5])
    for made, plain in (
        (of(number, w), of(number.item(), w)),
        (of(w, number), of(w, number.item())),
    ):
        assert made.entries[0].node.op is plain.entries[0].node.op
        np.testing.assert_array_equal(made.eval(w=x)[0], plain.eval(w=x)[0])
    np.testing.assert_array_equal(of(number, w).eval(w=x)[0], of(number, x))


def test_the_ufunc_of_an_operator_is_that_operator(w):
    x = np.array([1.0, 4.0])
    np.testing.assert_array_equal(np.subtract(w, w * 3).eval(w=x)[0], -2 * x)
    np.testing.assert_array_equal(np.subtract(1, w).eval(w=x)[0], 1 - x)
    with pytest.raises(ms.ComposeError, match="an operator takes a symbol or a number, but got"):
        np.ones(2) * w
    with pytest.raises(ms.ComposeError, match="an operator takes a symbol or a number, but got"):
        np.ones(2) == w  # noqa: B015


def test_a_function_that_numpy_hands_over_to_a_method(w):
    """As it does in MXNet; the arguments are those that the user gave."""
    x = np.array([[1.0, 2.0], [3.0, 5.0]])
    for function, *arguments in (
        (np.sum, 0),
        (np.mean,),
        (np.clip, 1.5, 4),
        (np.transpose,),
        (np.argmax, 1),
    ):
        (made,) = function(w, *arguments).eval(w=x)
        np.testing.assert_array_equal(np.squeeze(made), function(x, *arguments))


@pytest.mark.parametrize(
    ("call", "name", "hint"),
    [
        (np.sign, "sign", "the op is ms.sym.sign"),
        (np.exp, "exp", "the op is ms.sym.exp"),
        (np.abs, "absolute", "the op is ms.sym.abs"),
        (lambda w: np.maximum(w, 0), "maximum", "the op is ms.sym.broadcast_maximum"),
        (lambda w: np.dot(w, w), "dot", "the op is ms.sym.dot"),
        (lambda w: np.concatenate([w, w]), "concatenate", "the op is ms.sym.concat"),
        (lambda w: np.where(w, w, w), "where", "the op is ms.sym.where"),
        (lambda w: np.arctan2(w, w), "arctan2", "did you mean ms.sym.arctan?"),
        (lambda w: np.logaddexp(w, w), "logaddexp", "the ops of symbols are those of ms.sym"),
        (lambda w: np.ones((2, 2)) @ w, "matmul", "the op is ms.sym.dot"),
    ],
)
def test_any_other_function_names_the_op(call, name, hint, w):
    with pytest.raises(ms.MinisymError) as caught:
        call(w)
    assert isinstance(caught.value, TypeError)
    assert caught.value.sentence == (
        f"np.{name} computes with arrays, but got a Symbol, which has no values yet"
    )
    assert caught.value.hint == hint


@pytest.mark.parametrize("call", [np.array, np.asarray, np.float32, lambda w: np.array([w, w])])
def test_a_symbol_is_no_array(call, w):
    with pytest.raises(ms.MinisymError, match="<Symbol w> is no array: it has not run yet"):
        call(w)


def test_there_is_no_matmul(w):
    with pytest.raises(ms.MinisymError, match="@ is no operator of symbols") as caught:
        w @ w
    assert caught.value.hint == "the op is ms.sym.dot"

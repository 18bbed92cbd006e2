"""NDArray: what MXNet means by it (recorded by scripts/mxnet/record_ndarray.py), and what NumPy."""

import inspect
import io
import json
import math
import pickle
import subprocess
import sys

import ndarray_cases
import numpy as np
import pytest
from places import FIXTURES

import minisym as ms
from minisym import nd

RECORDED = json.loads((FIXTURES / "ndarray.json").read_text(encoding="utf-8"))
ANSWERS = RECORDED["answers"]


def array(dtype, values, shape=None):
    return {"array": dtype, "shape": shape or [len(values)], "values": values}


def numpys(dtype, values):
    return {"numpy": dtype, "shape": [len(values)], "values": values}


REFUSED = {"raises": ["IndexError"]}
PLAIN_BESIDE = "a plain NumPy array stays NumPy's: the operator is, too"
NUMPYS_OPERATOR = "MXNet has no such operator; NumPy's, on a plain array"
ONE_NUMBER = "one number is a number, as for NumPy"
MASK_OR_ROWS = "MXNet takes the rows 0 and 1, NumPy a mask: either would be a trap"
MASK = "MXNet takes the rows 0 and 1; what is made of bools is a mask"
LESS_STRICT = "nothing speaks against it"

DIFFERS = {
    "a.dtype is np.float32": ({"python": "bool", "value": False}, "it is equal to it"),
    "n + b": (numpys("float64", [4.0, 3.0, 5.0]), PLAIN_BESIDE),
    "b + n": (numpys("float64", [4.0, 3.0, 5.0]), PLAIN_BESIDE),
    "n > b": (numpys("bool", [False, True, True]), PLAIN_BESIDE),
    "n * b": (numpys("float64", [3.0, 2.0, 6.0]), PLAIN_BESIDE),
    "r = nd.ones(3); r += np.ones(3); r": (array("float32", [2.0, 2.0, 2.0]), PLAIN_BESIDE),
    "i // 2": (numpys("int32", [0, 1, 1]), NUMPYS_OPERATOR),
    "b // 2": (numpys("float32", [1.0, 0.0, 1.0]), NUMPYS_OPERATOR),
    "2 // b": (numpys("float32", [0.0, 2.0, 1.0]), NUMPYS_OPERATOR),
    "~o": (numpys("bool", [False, True, False]), NUMPYS_OPERATOR),
    "o & o": (numpys("bool", [True, False, True]), NUMPYS_OPERATOR),
    "b @ b": ({"number": "float32", "value": 14.0}, NUMPYS_OPERATOR),
    "divmod(b, 2)": (
        {"list": [numpys("float32", [1.0, 0.0, 1.0]), numpys("float32", [1.0, 1.0, 0.0])]},
        NUMPYS_OPERATOR,
    ),
    "+b": (numpys("float32", [3.0, 1.0, 2.0]), NUMPYS_OPERATOR),
    "float(s)": ({"python": "float", "value": 5.0}, ONE_NUMBER),
    "int(s)": ({"python": "int", "value": 5}, ONE_NUMBER),
    "complex(s)": ({"shown": "(5+0j)"}, ONE_NUMBER),
    "'%.3f' % s": ({"python": "str", "value": "5.000"}, ONE_NUMBER),
    "'%d' % s": ({"python": "str", "value": "5"}, ONE_NUMBER),
    "format(s, '.3f')": ({"python": "str", "value": "5.000"}, ONE_NUMBER),
    "nd.array([[7]]).asscalar()": ({"number": "float32", "value": 7.0}, "it is a scalar"),
    "o == o": (array("bool", [True, True, True]), LESS_STRICT),
    "a[nd.array([0, 1])]": (REFUSED, MASK_OR_ROWS),
    "b[b > 1]": (REFUSED, MASK_OR_ROWS),
    "b[(b > 1).asnumpy()]": (REFUSED, MASK_OR_ROWS),
    "a[nd.array([0, 1]), nd.array([1, 2])]": (REFUSED, MASK_OR_ROWS),
    "r = nd.zeros((3,)); r[b > 1] = 1; r": (REFUSED, MASK_OR_ROWS),
    "b[np.array([True, False, True])]": (array("float32", [3.0, 2.0]), MASK),
    "b[[True, False, True]]": (array("float32", [3.0, 2.0]), MASK),
    "b[o]": (array("float32", [3.0, 2.0]), MASK),
    "r = nd.zeros((3,)); r[np.array([True, False, True])] = 1; r": (
        array("float32", [1.0, 0.0, 1.0]),
        MASK,
    ),
    "a[True]": (array("float32", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1, 2, 3]), MASK),
    "a[1:0]": (array("float32", [], [0, 3]), LESS_STRICT),
    "a[np.array(1)]": (array("float32", [4.0, 5.0, 6.0]), LESS_STRICT),
    "a[[0, 1], None].shape": (
        {"list": [{"python": "int", "value": d} for d in (2, 1, 3)]},
        "a new axis stands where it is written",
    ),
    "nd.array([i, i])": (array("float32", [1.0, 2.0, 3.0] * 2, [2, 3]), LESS_STRICT),
    "nd.array([b, b])": (array("float32", [3.0, 1.0, 2.0] * 2, [2, 3]), LESS_STRICT),
    "nd.array([b[0], b[1]])": (array("float32", [3.0, 1.0], [2, 1]), LESS_STRICT),
    "nd.zeros(()).shape": ({"list": []}, LESS_STRICT),
    "nd.zeros((2, 0)).shape": (
        {"list": [{"python": "int", "value": d} for d in (2, 0)]},
        LESS_STRICT,
    ),
    "nd.concatenate((a, a))": (
        array("float32", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0] * 2, [4, 3]),
        LESS_STRICT,
    ),
    "a.astype('int16')": (
        array("int16", [1, 2, 3, 4, 5, 6], [2, 3]),
        "NumPy has the type; no op takes it",
    ),
    "len(nd.array(3.0))": ({"raises": ["TypeError"]}, "Python's kind of error"),
    "list(nd.array(3.0))": ({"raises": ["TypeError"]}, "Python's kind of error"),
    "a[1.0]": ({"raises": ["IndexError"]}, "Python's kind of error"),
    "a['x']": ({"raises": ["IndexError"]}, "Python's kind of error"),
    "a.reshape((3, 2), order='F')": (
        {"numpy": "float32", "shape": [3, 2], "values": [1.0, 5.0, 4.0, 3.0, 2.0, 6.0]},
        "that is NumPy's parameter",
    ),
    "a.copyto(np.zeros((2, 3)))": (
        {"numpy": "float64", "shape": [2, 3], "values": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]},
        LESS_STRICT,
    ),
}
"""Where the answer is another one on purpose: what it is, and why."""


def agrees(found, wanted):
    """Compare answers: floats to the last digits of float32, errors by Python's own kinds."""
    if "raises" in wanted and "raises" in found:
        kinds = {"TypeError", "ValueError", "IndexError"}.intersection(wanted["raises"])
        return kinds <= {*found["raises"]}
    return same(found, wanted)


def same(x, y):
    if isinstance(x, dict) and isinstance(y, dict):
        return x.keys() == y.keys() and all(same(x[key], y[key]) for key in x)
    if isinstance(x, list) and isinstance(y, list):
        return len(x) == len(y) and all(map(same, x, y))
    if isinstance(x, float) and isinstance(y, float):
        if math.isnan(x) or math.isnan(y):
            return math.isnan(x) and math.isnan(y)
        return math.isclose(x, y, rel_tol=2.0**-22)
    return type(x) is type(y) and x == y


@pytest.mark.parametrize("code", ndarray_cases.cases())
def test_answers_are_mxnets(code):
    wanted = DIFFERS[code][0] if code in DIFFERS else ANSWERS[code]
    found = ndarray_cases.answer(ms, code)
    assert agrees(found, wanted)


@pytest.mark.parametrize("code", DIFFERS)
def test_what_differs_does(code):
    assert not agrees(ANSWERS[code], DIFFERS[code][0])


def test_every_public_method_is_there_and_asked():
    asked = " ".join(ANSWERS)
    elsewhere = {"attach_grad", "backward", "ctx", "handle"}  # tests of their own, below
    elsewhere |= {"to_dlpack_for_read", "to_dlpack_for_write"}
    for name in RECORDED["methods"]:
        assert name in dir(nd.NDArray), name
        assert f".{name}" in asked or name in elsewhere, name


# ------------------------------------------------------------------------------ NumPy's functions

V = np.array([3.0, 1.0, 2.0], np.float32)


def vector():
    return nd.array(V)


@pytest.mark.parametrize(
    "function",
    [
        np.exp, np.sum, np.mean, np.max, np.argmax, np.sort, np.round, np.std, np.isfinite, np.any,
        np.median, np.cumsum, np.linalg.norm, np.ravel, np.transpose, np.squeeze, np.atleast_2d,
        np.unique, np.flatnonzero, np.array, np.asarray, np.ascontiguousarray, np.copy,
        lambda x: np.concatenate([x, x]), lambda x: np.stack([x, x]), lambda x: np.add(x, x),
        lambda x: np.add(x, 1), lambda x: np.add(1, x), lambda x: np.greater(x, 1),
        lambda x: np.where(x > 1, x, 0),
        np.add.reduce, lambda x: np.add.outer(x, x), lambda x: np.split(x, 3)[0],
        lambda x: np.block([[x, x], [x, x]]), lambda x: np.einsum("i,i", x, x),
        lambda x: np.histogram(x, 2)[1], lambda x: np.pad(x, 1), lambda x: np.take(x, [0]),
        lambda x: np.broadcast_to(x, (2, 3)), np.zeros_like, lambda x: np.dot(x, x),
        lambda x: x.ravel(), lambda x: x.std(), lambda x: x.any(), lambda x: x.cumsum(),
        lambda x: x.dot(x), lambda x: x.nonzero()[0], lambda x: x.tolist(), lambda x: x.var(),
        lambda x: x.sum(dtype="f8"), lambda x: x.max(initial=7.0), lambda x: x.copy(order="K"),
        lambda x: x.astype("i4", order="F"), lambda x: x.argsort(kind="stable"),
        lambda x: x.reshape((3, 1), order="F"), lambda x: x.flatten(order="F"),
        lambda x: x.mean(axis=0, where=np.array([True, True, False])),
        lambda x: x // 2, lambda x: x @ x, lambda x: +x, lambda x: V + x, lambda x: x + V,
        lambda x: np.sin(V) > x, lambda x: x == V, lambda x: V.astype("f8") * x,
    ],
)  # fmt: skip
def test_numpys_functions_see_plain_arrays(function):
    found, wanted = function(vector()), function(V)
    assert type(found) is type(wanted)
    np.testing.assert_array_equal(found, wanted)
    assert getattr(found, "dtype", None) == getattr(wanted, "dtype", None)


def test_numpys_allclose_and_array_equal():
    assert np.allclose(vector(), vector())
    assert np.array_equal(vector(), V)
    assert not np.allclose(vector(), V + 1)


CHECKS = [
    np.testing.assert_allclose,
    np.testing.assert_array_equal,
    np.testing.assert_equal,
    np.testing.assert_almost_equal,
    np.testing.assert_array_almost_equal,
    lambda x, y: np.testing.assert_array_less(x, y + 1e-6),
    lambda x, y: np.testing.assert_array_max_ulp(x, y, 1),
    lambda x, y: np.testing.assert_array_almost_equal_nulp(x, y, 1),
]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("shape", [(6,), (2, 3), (1,), (2, 1, 3)])
@pytest.mark.parametrize("make", [nd.array, np.array], ids=["NDArray", "plain"])
def test_numpys_checks_for_tests(check, shape, make):
    """They keep subclasses, so each must find its way through MXNet's meaning, and fail well."""
    size = math.prod(shape)
    one = nd.array(np.arange(1, size + 1).reshape(shape))
    check(one, make(one, dtype=np.float32))
    with pytest.raises(AssertionError):
        check(one + 1, make(one, dtype=np.float32))
    some = make(one, dtype=np.float32)
    some[..., -1] -= 0.5
    with pytest.raises(AssertionError):
        check(one, some)
    with pytest.raises(AssertionError):
        check(nd.array(np.full(shape, np.nan)), make(one, dtype=np.float32))


def test_a_comparison_beside_a_mask_of_numpy_is_one():
    """As NumPy's own checks for tests take it, before NumPy 2."""
    x, mask = nd.array([1, 2, 3]), np.array([True, False, True])
    assert (mask & (x > 1)).tolist() == [False, False, True]
    assert ((x > 1) | mask).tolist() == [True, True, True]
    assert (mask ^ (x > 1)).tolist() == [True, True, False]
    assert (mask & (x > 1)).dtype == bool


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_numpys_checks_of_what_is_no_number(wrong):
    x, y = nd.array([1, wrong, 3]), nd.array([1, wrong, 3])
    np.testing.assert_array_equal(x, y)
    np.testing.assert_allclose(x, y)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(x, nd.array([1, 2, 3]))


def test_masked_arrays_are_made_of_them():
    masked = np.ma.array(vector(), mask=[0, 1, 0])
    assert (masked.sum(), masked.mean(), masked.max()) == (5, 2.5, 3)
    assert masked.filled(7).tolist() == [3, 7, 2]


def test_ufuncs_write_into_an_ndarray():
    x, target = vector(), nd.zeros(3)
    assert np.multiply(x, 2, out=target) is target
    assert target.asnumpy().tolist() == [6, 2, 4]
    assert np.sum(x.reshape((1, 3)), axis=0, out=target) is target
    np.add.at(target, [0], 1)
    np.copyto(target[:1], 7)
    assert target.asnumpy().tolist() == [7, 1, 2]
    plain = np.zeros(3, np.float32)
    plain += x
    assert type(plain) is np.ndarray
    assert plain.tolist() == [3, 1, 2]
    same = x
    x //= 2
    assert x is same
    assert x.asnumpy().tolist() == [1, 0, 1]


def test_numbers_of_numpy_count_as_numbers():
    for two in (2, 2.0, np.float64(2), np.float32(2), np.int64(2), np.array(2.0)):
        for found in (two * vector(), vector() * two):
            assert isinstance(found, nd.NDArray), two
            assert found.dtype == np.float32
            assert found.asnumpy().tolist() == [6, 2, 4]
        for found, wanted in ((two > vector(), [0, 1, 0]), (vector() > two, [1, 0, 0])):
            assert (found.dtype, found.asnumpy().tolist()) == (np.float32, wanted)


def test_one_number_is_a_number():
    loss = nd.array([0.25, 0.5]).mean()
    assert (float(loss), int(loss), round(loss, 2), round(loss)) == (0.375, 0, 0.38, 0)
    assert (f"{loss:.2f}", "%.2f" % loss, f"{loss:>8.3g}") == ("0.38", "0.38", "   0.375")  # noqa: UP031
    assert math.sqrt(nd.array([4])) == 2
    assert loss.item() == 0.375
    assert loss < 1
    assert not nd.zeros(1)
    assert f"{loss}" == str(loss) == "[0.375]"
    assert repr(nd.array([[1, 2], [3, 4]])) == (
        "NDArray([[1., 2.],\n         [3., 4.]], dtype=float32)"
    )


@pytest.mark.parametrize("ask", [float, int, bool, complex, round, lambda x: f"{x:.2f}"])
def test_many_numbers_are_not_one(ask):
    with pytest.raises(TypeError, match="of 3 elements is ambiguous"):
        ask(vector())
    with pytest.raises(ValueError, match="of 3 elements is ambiguous"):
        ask(vector())


def test_memory_is_shared_with_plain_arrays():
    memory = np.zeros((2, 3), np.float32)
    x = nd.NDArray.of(memory)
    assert np.asarray(x).base is not None
    assert np.shares_memory(x, memory)
    np.asarray(x)[0, 0] = 1
    x[1] = 2
    assert memory.tolist() == [[1, 0, 0], [2, 2, 2]]
    assert not np.shares_memory(x.asnumpy(), memory)
    assert type(x.asnumpy()) is type(np.asarray(x)) is type(x.as_np_ndarray()) is np.ndarray


def test_a_strided_array_keeps_its_memory():
    """MXNet has no such arrays: what is bound here may be one, and slices of it are written."""
    memory = np.zeros((3, 4))
    x = nd.NDArray.of(memory[:, ::2])
    x[1:] += 1
    rows = x[:1]
    rows += 2
    assert memory.tolist() == [[2, 0, 2, 0], [1, 0, 1, 0], [1, 0, 1, 0]]


def test_files_and_copies_of_numpy():
    buffer = io.BytesIO()
    np.savez(buffer, x=vector())
    buffer.seek(0)
    with np.load(buffer) as found:
        assert found["x"].tolist() == [3, 1, 2]
    for text in (pickle.dumps(vector()), pickle.dumps(vector(), 0)):
        again = pickle.loads(text)
        assert type(again) is nd.NDArray
        assert again.asnumpy().tolist() == [3, 1, 2]


def test_old_pickles_load():
    """They name the module in which the class stood once."""
    old = pickle.dumps(vector(), 0).replace(b"minisym.core.ndarray", b"minisym.ndarray")
    assert b"cminisym.ndarray\nNDArray" in old
    again = pickle.loads(old)
    assert type(again) is nd.NDArray
    assert again.asnumpy().tolist() == [3, 1, 2]


def test_matplotlib_draws_them(tmp_path):
    """Bars and histograms look at single elements, which are arrays: they take plain arrays."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    x, y = nd.arange(4), nd.array([1, 4, 2, 3])
    figure, axes = pyplot.subplots(2, 3)
    (line,) = axes[0, 0].plot(x, y)
    assert line.get_xydata().tolist() == [[0, 1], [1, 4], [2, 2], [3, 3]]
    bars = axes[0, 1].bar(x, np.asarray(y))
    assert [bar.get_height() for bar in bars] == [1, 4, 2, 3]
    assert axes[0, 2].hist(np.asarray(y), bins=3)[0].tolist() == [1, 1, 2]
    points = axes[1, 0].scatter(x, y, c=y, s=y * 5)
    assert points.get_offsets().tolist() == [[0, 1], [1, 4], [2, 2], [3, 3]]
    image = axes[1, 1].imshow(y.reshape((2, 2)))
    assert image.get_array().tolist() == [[1, 4], [2, 3]]
    axes[1, 2].fill_between(*map(np.asarray, (x, y, y + 1)))
    axes[1, 2].set_xlim(x.min(), x.max())
    axes[1, 2].axhline(y.mean())
    figure.savefig(tmp_path / "arrays.png")
    pyplot.close(figure)


def test_pandas_takes_them():
    pandas = pytest.importorskip("pandas")
    column = pandas.Series(vector())
    assert type(column.to_numpy()) is np.ndarray
    assert (column[column > 1].tolist(), column[1], column.mean()) == ([3, 2], 1, 2)
    for table in (pandas.DataFrame({"x": vector()}), pandas.DataFrame(vector().reshape((3, 1)))):
        (first,) = table.columns
        assert type(table[first].to_numpy()) is np.ndarray
        assert table[table[first] > 1].sum().tolist() == [5]
    for product in (column * vector(), vector() * column):
        assert isinstance(product, pandas.Series)
        assert product.tolist() == [9, 1, 4]


def test_scikit_learn_takes_them():
    linear_model = pytest.importorskip("sklearn.linear_model")
    metrics = pytest.importorskip("sklearn.metrics")
    x, y = nd.array([[0], [1], [2], [3]]), nd.array([1, 3, 5, 7])
    model = linear_model.LinearRegression().fit(x, y)
    np.testing.assert_allclose(model.predict(nd.array([[10]])), [21], rtol=1e-5)
    assert metrics.accuracy_score(nd.array([0, 1, 1]), nd.array([0, 1, 0])) == 2 / 3
    assert metrics.mean_squared_error(y, y + 1) == 1
    labels = nd.array([0, 0, 1, 1])
    fitted = linear_model.LogisticRegression().fit(x, labels)
    assert fitted.predict(x).tolist() == [0, 0, 1, 1]


# ------------------------------------------------------------------------------------ what says no


def test_floats_are_no_index():
    with pytest.raises(IndexError) as raised:
        vector()[vector() > 1]
    assert str(raised.value) == (
        "an array of float32 is no index: it may be a mask, or mean the rows 0 and 1\n\n"
        "  hint: x[mask.astype(bool)] chooses elements; nd.take(x, rows), or rows.astype('int32')"
    )
    x = vector()
    assert x[(x > 1).astype(bool)].asnumpy().tolist() == [3, 2]
    x[(x > 1).astype(bool)] = 0
    assert x.asnumpy().tolist() == [0, 1, 0]
    assert nd.take(x, x[:2]).asnumpy().tolist() == [0, 1]


@pytest.mark.parametrize(
    ("refused", "kind", "text"),
    [
        (lambda x: x + None, TypeError, "add takes arrays and numbers, but got NoneType"),
        (lambda x: x == "a", TypeError, "equal takes arrays and numbers, but got str"),
        (lambda x: x - x.astype("int32"), TypeError, "rhs has type int32"),
        (lambda x: x * nd.ones(2), ValueError, "axis 0"),
        (lambda x: nd.maximum("a", 1), TypeError, "maximum takes arrays and numbers"),
        (lambda x: x.asscalar(), ValueError, "has 3 elements, and only one is a number"),
        (lambda x: x.reshape((2, 2)), ValueError, r"\(3,\) does not fit into \(2, 2\)"),
        (lambda x: x.reshape((2, -7)), ValueError, r"\(3,\) does not fit into \(2, -7\)"),
        (lambda x: x.reshape(), ValueError, "the shape is missing"),
        (lambda x: x.reshape((3,), rows=1), ValueError, "no parameter 'rows'"),
        (lambda x: x.copyto(nd.ones((1, 3))), ValueError, r"\(3,\) does not fit into an array of"),
        (lambda x: x.copyto("gpu"), TypeError, "copyto takes an array or a context, but got 'gpu'"),
        (lambda x: x.attach_grad(), RuntimeError, "nothing records what is done with arrays"),
        (lambda x: x.backward(), RuntimeError, "nothing records what is done with arrays"),
        (lambda x: x.handle, AttributeError, "has no handle"),
        (lambda x: nd.array("text"), TypeError, "'text' is no array of numbers"),
        (lambda x: nd.moveaxis(x, 2, 0), IndexError, "moveaxis: source"),
        (lambda x: nd.split_v2(x, 2), ValueError, "an axis of 3 has no 2 equal parts"),
        (lambda x: nd.split_v2(x, [1]), ValueError, "must be an int or a tuple of ints"),
        (lambda x: nd.histogram(x, bins=1.5), ValueError, "bins must be an int or an array"),
        (lambda x: nd.concatenate([]), TypeError, "concatenate takes a list of arrays"),
        (lambda x: nd.from_numpy(3), TypeError, "from_numpy takes a NumPy array, but got int"),
        (lambda x: nd.from_numpy(np.ones((2, 3)).T), ValueError, "do not lie in order"),
        (lambda x: list(nd.array(1.0)), TypeError, "without axes cannot be iterated over"),
        (lambda x: x.__iadd__(nd.ones((2, 3))), ValueError, r"\(3,\)"),
        (lambda x: x * ms.sym.var("a"), TypeError, "an operator takes a symbol or a number"),
    ],
)
def test_refusals_are_minisyms(refused, kind, text):
    x = vector()
    with pytest.raises(kind, match=text) as raised:
        refused(x)
    assert isinstance(raised.value, ms.MinisymError) or kind is AttributeError
    assert x.asnumpy().tolist() == [3, 1, 2]


# -------------------------------------------------------------------------------- names and places


def test_ndarray_is_nd():
    assert ms.ndarray is ms.nd
    assert {"add", "true_divide", "logical_xor", "concatenate", "topk"} <= {*dir(ms.nd)}


def test_the_module_under_the_name_mxnet():
    """Its own modules too are found there, whoever is asked first."""
    code = (
        "import sys, minisym; sys.modules['mxnet'] = minisym\n"
        "from mxnet.ndarray import topk, NDArray\n"
        "import mxnet.ndarray as other, minisym.ndarray as own\n"
        "assert other is own is minisym.nd is minisym.ndarray\n"
        "assert topk is minisym.nd.topk and NDArray is minisym.NDArray\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_from_numpy_takes_the_memory_over():
    source = np.ones(2)
    x = nd.from_numpy(source)
    x[0] = 5
    assert source.tolist() == [5, 1]
    assert not source.flags.writeable  # as in MXNet
    assert nd.from_numpy(source, zero_copy=False).writable


@pytest.mark.parametrize("give", ["to_dlpack_for_read", "to_dlpack_for_write"])
def test_dlpack_shares_memory(give):
    x = vector()
    for y in (
        nd.from_dlpack(getattr(x, give)()),
        nd.from_dlpack(getattr(nd, give)(x)),
        nd.from_dlpack(V.copy()),
    ):
        assert isinstance(y, nd.NDArray)
        assert y.asnumpy().tolist() == [3, 1, 2]
    assert np.shares_memory(nd.from_dlpack(x.to_dlpack_for_write()), x)


def test_places_are_all_the_cpu():
    x = vector()
    assert x.ctx == x.context == ms.cpu()
    assert x.as_in_context(ms.cpu()) is x
    assert x.copyto(ms.cpu()) is not x


def test_hashes_tell_arrays_apart():
    x, y = vector(), vector()
    assert {x: 1, y: 2}[y] == 2


def test_methods_have_their_ops_signatures():
    assert inspect.signature(vector().topk) == inspect.Signature(
        list(inspect.signature(nd.topk).parameters.values())[1:], return_annotation=nd.NDArray
    )
    assert nd.NDArray.topk.__doc__ == nd.topk.__doc__


# --------------------------------------------------------------------------------------- executors


def test_outputs_are_made_once():
    x = nd.ones((2, 2))
    executor = (ms.sym.var("x") * 2).bind(args={"x": x})
    first = executor.forward()[0]
    assert executor.forward()[0] is first
    assert type(first) is nd.NDArray
    assert executor.arg_dict["x"] is x


def test_bind_takes_both_and_keeps_plain_arrays_plain():
    plain = np.array([1.0, 2.0])
    w, g = ms.sym.var("w"), ms.sym.var("g")
    step = ms.sym.signsgd_update(w, g, lr=0.5)
    executor = step.bind(args={"w": plain, "g": nd.array(plain, dtype="float64")})
    executor.forward()
    assert type(plain) is np.ndarray
    assert plain.tolist() == [0.5, 1.5]
    assert (plain > 1).dtype == bool


def test_training_by_hand_as_in_mxnet():
    """An update written with NDArray's operators goes into the bound array."""
    x = ms.sym.var("x")
    executor = (x * x).bind(args={"x": nd.array([1, 2])}, args_grad={"x": nd.zeros(2)})
    executor.forward(is_train=True)
    executor.backward(nd.ones(2))
    weight = executor.arg_dict["x"]
    weight -= 0.25 * executor.grad_dict["x"]
    assert executor.arg_dict["x"].asnumpy().tolist() == [0.5, 1]
    weight[:] = weight * 2
    assert executor.forward()[0].asnumpy().tolist() == [1, 4]
    hits = (nd.argmax(nd.array([[1, 2], [3, 1]]), axis=1) == nd.array([1, 1])).sum().asscalar()
    assert hits == 1


def test_places_that_are_not_there_are_named():
    x = nd.zeros((2, 3))
    for write in (lambda: x[7], lambda: x[0, 0, 0], lambda: x.__setitem__(7, 1)):
        with pytest.raises(ms.MXNetError, match=r"shape \(2, 3\) has no such place") as found:
            write()
        assert isinstance(found.value, IndexError)
    with pytest.raises(ms.ShapeError, match=r"shape \(7,\) does not fit into \(2, 3\)"):
        x[:] = np.zeros(7)
    with pytest.raises(ms.ShapeError, match=r"shape \(2,\) does not fit into \(2, 3\)"):
        x[0] = nd.ones(2)
    assert not x.asnumpy().any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nd.zeros((-1, 2)), r"nd.zeros: there is no array of shape \(-1, 2\)"),
        (lambda: nd.ones("a"), "nd.ones: there is no array of shape 'a'"),
        (lambda: nd.empty((2,), dtype="foo"), "there is no array of shape .* and type foo"),
        (lambda: nd.full((2,), "a"), "an array of float32 takes numbers, but got str"),
        (lambda: nd.arange(0, 5, 0), "step must not be 0"),
        (lambda: nd.ones((2,)).astype("foo"), "astype: data type 'foo'"),
        (lambda: nd.ones((2,)).__setitem__(0, [[1], [2, 3]]), "takes numbers, but got list"),
        (lambda: nd.ones((2,)).__setitem__(slice(None), [1, 2, 3]), "does not fit into"),
    ],
)
def test_what_is_no_array_is_said_by_minisym(call, message):
    with pytest.raises(ms.MXNetError, match=message):
        call()

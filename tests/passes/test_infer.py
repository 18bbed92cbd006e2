"""Inference: shapes and types flow both ways, in whatever order the nodes come."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minisym as ms
from minisym import sym
from minisym.util import np_shape


def var(*names):
    return [sym.Variable(name) for name in names]


def fc(data, hidden, name, **kwargs):
    return sym.FullyConnected(data, num_hidden=hidden, name=name, **kwargs)


def sum_of(*names):
    first, second = var(*names)
    return first + second


def two_layers():
    a, b = var("a", "b")
    return fc(a, 21, "f1") + fc(b, 21, "f2")


def sliced():
    a, b = var("a", "b")
    return sym.SliceChannel(a, num_outputs=10, axis=1, squeeze_axis=True, name="s")[1] + b


def convolved():
    a, b = var("a", "b")
    return sym.Convolution(a, kernel=(3, 3), pad=(1, 1), num_filter=7, name="c") + b


def joined():
    a, b, c = var("a", "b", "c")
    return sym.Concat(a, b, dim=1, name="j") + c


def shared_weight():
    x, y, w = var("x", "y", "w")
    return sym.Group([fc(x, 4, "f", weight=w, no_bias=True), fc(y, 4, "g", weight=w, no_bias=True)])


def with_zeros():
    """Take a state of zeros whose batch size is not written down."""
    return fc(sym.zeros((0, 8), name="z"), 3, "f", no_bias=True) + sym.Variable("y")


def rows(table):
    """Parametrise by a table: a name, a symbol, what is known, and what follows from it."""
    ids = [row[0] for row in table]
    return pytest.mark.parametrize(("make", "known", "expected"), [r[1:] for r in table], ids=ids)


FLOWS = [
    (
        "outputs to inputs",
        lambda: sum_of("a", "b"),
        dict(a=(0, 10), b=(12, 0)),
        dict(a=(12, 10), b=(12, 10)),
    ),
    ("only rank", lambda: sum_of("a", "b"), dict(a=(0, 0), b=(12, 0)), dict(a=(12, 0), b=(12, 0))),
    (
        "data to weights",
        two_layers,
        dict(a=(4, 6), b=(4, 5)),
        dict(f1_weight=(21, 6), f1_bias=(21,), f2_weight=(21, 5), f2_bias=(21,)),
    ),
    ("batch through a sum", two_layers, dict(a=(4, 6), b=(0, 5)), dict(b=(4, 5))),
    ("batch through a sum, the other way", two_layers, dict(a=(0, 6), b=(4, 5)), dict(a=(4, 6))),
    (
        "weights to data",
        lambda: fc(var("x")[0], 3, "f"),
        dict(x=(4, 0), f_weight=(3, 5)),
        dict(x=(4, 5)),
    ),
    ("data to label", lambda: sym.SoftmaxOutput(*var("x", "y")), dict(x=(4, 3)), dict(y=(4,))),
    (
        "slices to the whole",
        sliced,
        dict(a=(15, 10, 0), b=(0, 17)),
        dict(a=(15, 10, 17), b=(15, 17)),
    ),
    (
        "through a convolution",
        convolved,
        dict(a=(2, 5, 6, 6), b=(0, 0, 0, 0)),
        dict(c_weight=(7, 5, 3, 3), c_bias=(7,), b=(2, 7, 6, 6)),
    ),
    (
        "batch back through a convolution",
        convolved,
        dict(a=(0, 5, 6, 6), b=(2, 0, 0, 0)),
        dict(a=(2, 5, 6, 6)),
    ),
    ("parts from the whole", joined, dict(a=(4, 2), b=(4, 0), c=(4, 5)), dict(b=(4, 3))),
    ("the whole from parts", joined, dict(a=(4, 2), b=(0, 3)), dict(b=(4, 3), c=(4, 5))),
    ("through a shared weight", shared_weight, dict(x=(4, 6), y=(5, 0)), dict(w=(4, 6), y=(5, 6))),
    ("into zeros", with_zeros, dict(y=(4, 0)), dict(y=(4, 3), f_weight=(3, 8))),
    (
        "through a transpose",
        lambda: sym.transpose(var("a")[0], axes=(1, 0)) + var("b")[0],
        dict(a=(2, 0), b=(3, 0)),
        dict(a=(2, 3), b=(3, 2)),
    ),
    (
        "declared by a Variable",
        lambda: sym.Variable("a", shape=(0, 3)) + var("b")[0],
        dict(b=(2, 0)),
        dict(a=(2, 3), b=(2, 3)),
    ),
    (
        "a declaration is a default",
        lambda: sym.Variable("a", shape=(9, 9)) + var("b")[0],
        dict(a=(2, 3)),
        dict(a=(2, 3), b=(2, 3)),
    ),
    ("unknown rank", lambda: sum_of("a", "b"), dict(a=(), b=(2, 3)), dict(a=(2, 3))),
    ("broadcast", lambda: sym.broadcast_add(*var("a", "b")), dict(a=(2, 1), b=(1, 3)), {}),
    (
        "states",
        lambda: sym.BatchNorm(var("x")[0], name="bn"),
        dict(x=(4, 3, 2, 2)),
        dict(bn_gamma=(3,), bn_moving_mean=(3,), bn_moving_var=(3,)),
    ),
    (
        "a computed rate",
        lambda: sym.signsgd_update(*var("w", "g"), lr=var("r")[0]),
        dict(w=(3,)),
        dict(g=(3,), r=(1,)),
    ),
]


flows = rows(FLOWS)


def shapes_of(symbol, partial=True, **known):
    infer = symbol.infer_shape_partial if partial else symbol.infer_shape
    arguments, _, states = infer(**known)
    names = symbol.list_arguments() + symbol.list_auxiliary_states()
    return dict(zip(names, arguments + states, strict=True))


@flows
def test_shapes_flow(make, known, expected):
    found = shapes_of(make(), **known)
    assert {name: found[name] for name in expected} == expected


@flows
def test_both_forms_agree(make, known, expected):
    symbol = make()
    partial = symbol.infer_shape_partial(**known)
    if all(0 not in shape and shape for shapes in partial for shape in shapes):
        assert symbol.infer_shape(**known) == partial
    else:
        with pytest.warns(UserWarning, match="cannot decide the shape of"):
            assert symbol.infer_shape(**known) == (None, None, None)


@flows
def test_the_answer_is_a_fixed_point(make, known, expected):
    """Inference learns nothing from its own answer, and contradicts no part of it."""
    symbol = make()
    found = shapes_of(symbol, **known)
    assert shapes_of(symbol, **found) == found


@flows
def test_heads_in_any_order(make, known, expected):
    """The order of nodes follows the heads; what is found does not."""
    heads = [*make().get_internals()]
    want = shapes_of(sym.Group(heads), **known)
    orders = itertools.islice(itertools.permutations(heads), 0, 5000, 97)
    for order in (heads[::-1], *orders):
        assert shapes_of(sym.Group(order), **known) == want


def test_positions_are_arguments():
    assert sum_of("a", "b").infer_shape((2, 3)) == ([(2, 3), (2, 3)], [(2, 3)], [])
    assert sum_of("a", "b").infer_shape(None, (2, 3)) == ([(2, 3), (2, 3)], [(2, 3)], [])


def test_all_variables_of_one_name_take_the_shape():
    assert sum_of("a", "a").infer_shape(a=(2,)) == ([(2,), (2,)], [(2,)], [])


@pytest.mark.parametrize(
    ("make", "known"),
    [
        (lambda: sum_of("a", "b"), dict(a=(2, 3), b=(2, 4))),
        (lambda: fc(var("x")[0], 3, "f"), dict(x=(4, 5), f_weight=(3, 6), f_bias=(3,))),
        (two_layers, dict(a=(4, 6), b=(5, 6))),
        (shared_weight, dict(x=(4, 6), y=(4, 7))),
        (joined, dict(a=(4, 2), b=(4, 3), c=(4, 6))),
        (with_zeros, dict(y=(4, 4))),
    ],
)
def test_contradictions_are_found_even_where_all_is_given(make, known):
    with pytest.raises(ms.ShapeError, match="composed at"):
        make().infer_shape(**known)
    with pytest.raises(ms.ShapeError):
        make().infer_shape_partial(**known)


def test_np_shape_changes_what_unknown_is():
    both = sum_of("a", "b")
    with np_shape():
        assert both.infer_shape_partial(a=(-1, 10), b=(12, -1))[0] == [(12, 10), (12, 10)]
        assert both.infer_shape(a=(0, 3))[1] == [(0, 3)]
        assert both.infer_shape(a=())[1] == [()]
        assert both.infer_shape_partial()[0] == [None, None]


TYPES = [
    ("inputs to outputs", lambda: sum_of("a", "b"), dict(a="float16"), dict(b=np.float16)),
    ("to weights", lambda: fc(var("x")[0], 3, "f"), dict(x="float64"), dict(f_weight=np.float64)),
    ("from weights", lambda: fc(var("x")[0], 3, "f"), dict(f_bias="float16"), dict(x=np.float16)),
    (
        "not through a Cast",
        lambda: sym.Cast(var("x")[0], dtype="float16") + var("y")[0],
        dict(x="int32"),
        dict(y=np.float16),
    ),
    (
        "back through a sum",
        lambda: sym.Cast(var("x")[0], dtype="float16") + var("y")[0],
        {},
        dict(y=np.float16),
    ),
    (
        "declared by a Variable",
        lambda: sym.Variable("a", dtype="float64") + var("b")[0],
        {},
        dict(b=np.float64),
    ),
    (
        "not through a lookup",
        lambda: sym.Embedding(var("i")[0], var("w")[0], input_dim=3, output_dim=2),
        dict(i="int32"),
        dict(w=np.float32),
    ),
]


@rows(TYPES)
def test_types_flow(make, known, expected):
    symbol = make()
    found = dict(zip(symbol.list_arguments(), symbol.infer_type_partial(**known)[0], strict=True))
    assert {name: found[name] for name in expected} == expected


# ------------------------------------------------------------------------------- in random graphs


@st.composite
def graphs(draw):
    """Draw a graph of matrices, and the true shapes of its variables."""
    sizes = st.integers(2, 3)
    rows = draw(sizes)
    symbols, widths, shapes = [], [], {}
    for i in range(draw(st.integers(2, 4))):
        symbols.append(sym.Variable(f"v{i}"))
        widths.append(draw(sizes))
        shapes[f"v{i}"] = (rows, widths[-1])
    for i in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(symbols) - 1))
        kind = draw(st.sampled_from(["add", "add", "fc", "concat", "tanh", "transposed twice"]))
        source, width = symbols[at], widths[at]
        if kind == "tanh":
            made = sym.tanh(source, name=f"n{i}")
        elif kind == "fc":
            hidden = draw(sizes)
            made = fc(source, hidden, f"n{i}")
            shapes |= {f"n{i}_weight": (hidden, width), f"n{i}_bias": (hidden,)}
            width = hidden
        elif kind == "add":
            alike = [s for s, w in zip(symbols, widths, strict=True) if w == width]
            made = sym.elemwise_add(source, draw(st.sampled_from(alike)), name=f"n{i}")
        elif kind == "concat":
            made = sym.Concat(source, source, dim=1, name=f"n{i}")
            width *= 2
        else:
            made = sym.transpose(sym.transpose(source, name=f"m{i}"), name=f"n{i}")
        symbols.append(made)
        widths.append(width)
    return symbols, shapes


@st.composite
def knowledge(draw, shapes):
    """Draw part of what is true of some variables: unknown dimensions are 0."""
    known = {}
    for name, shape in shapes.items():
        if draw(st.booleans()):
            known[name] = tuple(d if draw(st.booleans()) else 0 for d in shape)
    return known


@settings(max_examples=300)
@given(st.data())
def test_random_graphs_in_any_order(data):
    """What is found is true, does not depend on the order, and grows with what is known."""
    symbols, truth = data.draw(graphs())
    known = data.draw(knowledge(truth))
    found = shapes_of(sym.Group(symbols), **known)
    for name, shape in found.items():
        assert all(d in {0, true} for d, true in zip(shape, truth[name], strict=False)), name
    again = sym.Group(data.draw(st.permutations(symbols)))
    assert shapes_of(again, **known) == found
    more = known | data.draw(knowledge(truth))
    more = {n: merged(s, known.get(n, (0,) * len(s))) for n, s in more.items()}
    for name, shape in shapes_of(again, **more).items():
        assert merged(shape, found[name]) == shape, name


def merged(shape, other):
    """Put two statements about one shape together."""
    return tuple(max(pair) for pair in zip(shape, other, strict=True)) if other else shape


# ------------------------------------------------------------------------------- what users write


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2.5, 3), r"the shape of a must be a tuple of integers, but got \(2.5, 3\)"),
        (("2", 3), "must be a tuple of integers"),
        ((2, -3), r"the shape of a has a negative size: \(2, -3\)"),
        ([2, 3], r"the shape of a must be a tuple, but got \[2, 3\]"),
    ],
)
def test_shapes_that_are_none(shape, message):
    with pytest.raises(ms.ShapeError, match=message):
        sum_of("a", "b").infer_shape(a=shape)


def test_numpys_integers_are_sizes():
    shape = tuple(np.array([2, 3]))
    assert sum_of("a", "b").infer_shape(a=shape)[1] == [(2, 3)]


@pytest.mark.parametrize("dtype", ["flot32", "complex64", 3.5, "U3"])
def test_types_that_are_none(dtype):
    with pytest.raises(ms.DtypeError, match="the type of a must be a type that MXNet has"):
        sum_of("a", "b").infer_type(a=dtype)
    with pytest.raises(ms.DtypeError, match="simple_bind: the type of a"):
        sum_of("a", "b").simple_bind(type_dict={"a": dtype}, a=(2,))


def test_nothing_follows_from_an_unknown_op():
    text = (sym.tanh(sym.Variable("x"), name="t") + sym.Variable("y")).tojson()
    net = sym.load_json(text.replace('"tanh"', '"Mystery"'))
    assert net.infer_type_partial(x="int32", y="float64")[0] == [np.int32, np.float64]
    assert net.infer_shape_partial(x=(2, 3), y=(4,))[0] == [(2, 3), (4,)]

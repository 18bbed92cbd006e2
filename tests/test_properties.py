"""Laws, on graphs and values that Hypothesis invents."""

import pickle

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minisym as ms
from minisym import sym
from minisym.core.functions import function_of
from minisym.core.graph import Graph
from minisym.core.params import write
from minisym.core.shapes import Mismatch, broadcast, from_user, to_user, unify
from minisym.passes.typed import Typed
from minisym.runtime.layout import lay_out

# ---------------------------------------------------------------------------------- random graphs

UNARY = {
    "negative": np.negative,
    "abs": np.abs,
    "square": np.square,
    "tanh": np.tanh,
    "sin": np.sin,
    "exp": np.exp,
    "floor": np.floor,
    "identity": lambda x: x,
    "BlockGrad": lambda x: x,
}
BINARY = {
    "elemwise_add": np.add,
    "elemwise_sub": np.subtract,
    "elemwise_mul": np.multiply,
    "elemwise_div": np.divide,
    "_maximum": np.maximum,
    "_greater": lambda x, y: np.greater(x, y).astype(x.dtype),
}
SCALAR = {
    "_plus_scalar": np.add,
    "_mul_scalar": np.multiply,
    "_rminus_scalar": lambda x, s: np.subtract(s, x),
    "_maximum_scalar": np.maximum,
}


def call(op, /, *args, **kwargs):
    return function_of(ms.op.get(op), op)(*args, **kwargs)


@st.composite
def programs(draw):
    """Draw the steps of a program on arrays of one shape: an op, and which results it reads."""
    variables = draw(st.integers(1, 3))
    steps = []
    for i in range(draw(st.integers(1, 12))):
        source = st.integers(0, variables + i - 1)
        kind = draw(st.sampled_from(["unary", "binary", "scalar"]))
        if kind == "unary":
            steps.append((draw(st.sampled_from(sorted(UNARY))), draw(source)))
        elif kind == "binary":
            steps.append((draw(st.sampled_from(sorted(BINARY))), draw(source), draw(source)))
        else:
            number = draw(st.sampled_from([-1.5, 0.0, 0.5, 3.0]))
            steps.append((draw(st.sampled_from(sorted(SCALAR))), draw(source), number))
    heads = draw(st.lists(st.integers(0, variables + len(steps) - 1), min_size=1, max_size=4))
    return variables, steps, heads


def compose(program):
    variables, steps, heads = program
    made = [sym.Variable(f"v{i}") for i in range(variables)]
    for i, (name, *sources) in enumerate(steps):
        if name in SCALAR:
            made.append(call(name, made[sources[0]], scalar=sources[1], name=f"n{i}"))
        else:
            made.append(call(name, *(made[s] for s in sources), name=f"n{i}"))
    return sym.Group([made[head] for head in heads])


def compute(program, arrays):
    """Do what the program says, in NumPy, one array after the other."""
    _, steps, heads = program
    made = list(arrays)
    with np.errstate(all="ignore"):
        for name, *sources in steps:
            if name in SCALAR:
                number = np.array(sources[1], made[0].dtype)
                made.append(SCALAR[name](made[sources[0]], number))
            else:
                function = UNARY.get(name) or BINARY[name]
                made.append(function(*(made[s] for s in sources)))
    return [made[head] for head in heads]


def bound(program, arrays, **kwargs):
    symbol = compose(program)
    names = set(symbol.list_arguments())
    args = {f"v{i}": a for i, a in enumerate(arrays) if f"v{i}" in names}
    return symbol.bind(args=args, **kwargs)


FLOATS = st.floats(-4, 4, width=32)
DTYPES = st.sampled_from([np.float32, np.float64])


@st.composite
def runs(draw):
    """Draw a program and its arrays."""
    program = draw(programs())
    dtype, size = draw(DTYPES), draw(st.integers(1, 5))
    return program, [draw(hnp.arrays(dtype, size, elements=FLOATS)) for _ in range(program[0])]


@given(runs())
def test_a_run_is_numpy(run):
    """Shared memory, in-place steps and the order of steps cannot be seen: the bits are NumPy's."""
    program, arrays = run
    before = [a.copy() for a in arrays]
    executor = bound(program, arrays)
    want = compute(program, arrays)
    for _ in range(2):
        for got, expected in zip(executor.forward(), want, strict=True):
            np.testing.assert_array_equal(got, expected, strict=False)
            assert got.dtype == expected.dtype
    for array, kept in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, kept)


@given(runs(), st.data())
def test_fresh_values_are_read(run, data):
    """Nothing of an earlier run is left in a later one."""
    program, arrays = run
    executor = bound(program, arrays)
    executor.forward()
    fresh = [data.draw(hnp.arrays(a.dtype, a.shape, elements=FLOATS)) for a in arrays]
    names = executor.arg_dict
    found = executor.forward(**{f"v{i}": a for i, a in enumerate(fresh) if f"v{i}" in names})
    for got, expected in zip(found, compute(program, fresh), strict=True):
        np.testing.assert_array_equal(got, expected)


@given(runs())
def test_backward_is_the_gradient_graph(run):
    """What `backward` writes is what `ms.grad` computes, and inputs stay as they are."""
    program, arrays = run
    symbol = compose(program)
    names = symbol.list_arguments()
    args = {name: arrays[int(name[1:])] for name in names}
    executor = symbol.bind(args=args, args_grad={n: np.full_like(a, 9) for n, a in args.items()})
    outputs = [o.copy() for o in executor.forward(is_train=True)]
    executor.backward([np.ones_like(o) for o in outputs])
    for got, expected in zip(executor.outputs, outputs, strict=True):
        np.testing.assert_array_equal(got, expected)
    slopes = ms.grad(symbol, names).bind(args=args).forward()
    for name, expected in zip(names, slopes, strict=True):
        np.testing.assert_array_equal(executor.grad_dict[name], expected)


@given(programs())
def test_a_graph_goes_through_everything(program):
    """JSON, pickle, networkx and rebuilding give the same graph back."""
    graph = Graph(compose(program))
    symbol = ms.Symbol(graph.outputs)
    assert Graph(sym.load_json(symbol.tojson())) == graph
    assert sym.load_json(symbol.tojson()).tojson() == symbol.tojson()
    assert Graph(pickle.loads(pickle.dumps(symbol))) == graph
    assert Graph.from_nx(graph.nx) == graph
    assert graph.substitute({}, lambda node, inputs: node.replace(inputs=inputs)) == graph


@given(programs(), programs())
def test_equal_graphs_have_equal_files(one, two):
    first, second = compose(one), compose(two)
    assert (Graph(first) == Graph(second)) == (first.tojson() == second.tojson())


@given(programs())
def test_order(program):
    """Inputs come first, every node once, and the lists follow."""
    symbol = compose(program)
    graph = Graph(symbol)
    place = graph.numbered()
    for node in graph:
        assert all(place[entry.node] < place[node] for entry in node.inputs)
    assert len(set(graph)) == len(graph)
    assert symbol.list_inputs() == [n.name for n in graph if n.is_variable]
    assert symbol.get_internals().list_outputs() == [e.name for n in graph for e in n.entries()]


# -------------------------------------------------------------------------------- writes in graphs


@given(runs(), st.data())
def test_updates_write_last(run, data):
    """Every reader of an updated weight sees the old value, whatever else is in the graph."""
    program, arrays = run
    symbol = compose(program)
    name = data.draw(st.sampled_from(symbol.list_arguments()))
    weight = sym.Symbol(tuple(e for e in symbol.get_internals().entries if e.name == name))
    grad = sym.Variable("grad")
    step = sym.signsgd_update(weight, grad, lr=0.25, name="step")
    heads = [*symbol, step]
    order = data.draw(st.permutations(range(len(heads))))
    args = {n: arrays[int(n[1:])].copy() for n in symbol.list_arguments()}
    g = data.draw(hnp.arrays(args[name].dtype, args[name].shape, elements=FLOATS))
    executor = sym.Group([heads[i] for i in order]).bind(args=args | {"grad": g})
    want = compute(program, arrays)
    stepped = args[name] - args[name].dtype.type(0.25) * np.sign(g)
    found = dict(zip(order, [o.copy() for o in executor.forward()], strict=True))
    for i, expected in enumerate(want):
        np.testing.assert_array_equal(found[i], expected)
    np.testing.assert_array_equal(args[name], stepped)
    np.testing.assert_array_equal(found[len(want)], stepped)
    for n, array in args.items():
        if n != name:
            np.testing.assert_array_equal(array, arrays[int(n[1:])])


# ---------------------------------------------------------------------------------------- memory


@given(programs(), st.data())
def test_no_two_live_values_share_memory(program, data):
    """A value keeps its block from the node that makes it to the last that reads it."""
    graph = Graph(compose(program))
    nodes = [node for node in graph if not node.is_variable]
    every = [entry for node in graph for entry in node.entries()]
    typed = Typed(
        graph,
        {entry: (data.draw(st.integers(1, 200)),) for entry in every},
        dict.fromkeys(every, np.dtype("uint8")),
    )
    layout = lay_out(typed, (nodes, ()), (graph.outputs, ()), {}, (), direct=(), keep=False)
    living = list(layout.of_kind("block"))
    readers = {e: [p for p, n in enumerate(nodes) if e in n.inputs] for e, _ in living}
    for one, home in living:
        assert home.block.nbytes >= typed.nbytes(one)
        last = len(nodes) if one in graph.outputs else max(readers[one], default=home.begin)
        assert home.end == last
        for other, its in living:
            if other is not one and its.block is home.block and home.begin <= its.begin:
                # one may take the other's memory where it is read last, if it works in place
                in_place = its.in_place and one in other.node.inputs
                assert its.begin > home.end or (its.begin == home.end and in_place)


# ---------------------------------------------------------------------------------------- shapes

DIMS = st.none() | st.integers(0, 4)
SHAPES = st.none() | st.lists(DIMS, max_size=4).map(tuple)


def together(*shapes):
    """Unify from left to right; None, as a value of its own, where there is no common shape."""
    found = None
    try:
        for shape in shapes:
            found = unify(found, shape)
    except Mismatch:
        return "no such shape"
    return found


@given(SHAPES, SHAPES, SHAPES)
def test_unify_is_a_meet(a, b, c):
    """Commutative, associative, idempotent, and None says nothing."""
    assert together(a, b) == together(b, a)
    assert together(a, b, c) == together(c, b, a) == together(b, c, a)
    assert together(a, a) == a
    assert together(a, None) == a
    both = together(a, b)
    if both != "no such shape":
        assert together(a, both) == both  # what both say, each allows


@given(st.lists(st.lists(st.integers(1, 3), max_size=3).map(tuple), min_size=1, max_size=3))
def test_broadcast_is_numpys(shapes):
    try:
        want = np.broadcast_shapes(*shapes)
    except ValueError:
        with pytest.raises(Mismatch):
            broadcast(shapes)
    else:
        assert broadcast(shapes) == want


@given(st.data())
def test_broadcast_of_partial_shapes_is_true(data):
    """What is said of a partly known broadcast holds, however the rest is filled in."""
    shapes = data.draw(
        st.lists(st.lists(st.integers(1, 3), max_size=3).map(tuple), min_size=1, max_size=3)
    )
    try:
        want = np.broadcast_shapes(*shapes)
    except ValueError:
        assume(False)
    partial = [tuple(d if data.draw(st.booleans()) else None for d in s) for s in shapes]
    assert unify(broadcast(partial), want) == want


@given(SHAPES.filter(lambda s: s is None or (s and 0 not in s)))
def test_users_notation_and_back(shape):
    assert from_user(to_user(shape)) == shape


@given(SHAPES)
def test_numpys_notation_and_back(shape):
    with ms.util.np_shape():
        assert from_user(to_user(shape)) == shape


# ------------------------------------------------------------------------------------- parameters

VALUES = {
    int: st.integers(-(2**62), 2**62),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
}


@given(st.data())
def test_parameters_survive_their_strings(data):
    """What a parameter is written as reads as what it was, for every op."""
    op = data.draw(st.sampled_from(sorted(set(ms.op.registered().values()), key=lambda o: o.name)))
    for param in op.params.values():
        if not param.required and param.name != op.count:  # a number of inputs is counted
            assert param.read(write(param.default), op=op.name) == param.default
        strategy = VALUES.get(param.annotation)
        if strategy is not None and param.bounds is None:
            value = data.draw(strategy)
            assert param.read(value, op=op.name) == value
            assert param.read(write(value), op=op.name) == value

"""What the author of an op gets wrong is told in words: where it is written, or first seen."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import pytest

import minisym as ms
from minisym import sym
from minisym.core import op as registry
from minisym.core.errors import DeclarationError, ExecutionError, GradientError, MinisymError
from minisym.define import Array, Between, F, Sample, binary, op, scalar, unary
from minisym.passes import verify

ONE = np.ones(3)


@pytest.fixture(autouse=True)
def _own_registry():
    """Forget what a test declares."""
    kept = dict(registry._registry)
    yield
    registry._registry.clear()
    registry._registry.update(kept)


def one(data: Array, *, out: Array) -> None:
    """Copy."""
    out[...] = data


def two(lhs: Array, rhs: Array, *, out: Array) -> None:
    """Add."""
    np.add(lhs, rhs, out)


def pair(data: Array, *, out: tuple[Array, ...]) -> None:
    """Copy twice."""
    out[0][...] = out[1][...] = data


def many(*data: Array, number: int, out: Array) -> None:
    """Copy the first."""
    out[...] = data[0]


def scaled(data: Array, *, scale: float = 1.0, out: Array) -> None:
    """Multiply."""
    np.multiply(data, scale, out)


def declare(kernel: Any = one, **options: Any) -> Any:
    return op(name="mine", **options)(kernel)


def told(error: MinisymError) -> list[str]:
    """Return the sentence, and the hint if there is one."""
    return [error.sentence, error.hint] if error.hint else [error.sentence]


def refuses(make: Any, *text: str, error: type[MinisymError] = DeclarationError) -> None:
    with pytest.raises(error) as caught:
        make()
    assert told(caught.value) == [*text]


# ----------------------------------------------------------------------------------- the signature


def no_type(data: Array, *, scale, out: Array) -> None: ...
def no_input_type(data, *, out: Array) -> None: ...
def of_a_list(data: Array, *, sizes: list, out: Array) -> None: ...
def in_front(data: Array, scale: float = 1.0, *, out: Array) -> None: ...
def out_in_front(data: Array, out: Array) -> None: ...
def no_out(data: Array) -> None: ...
def other_out(data: Array, *, output: Array, out: Array) -> None: ...
def any_words(data: Array, *, out: Array, **words: float) -> None: ...
def unknown_type(data: Arrray, *, out: Array) -> None: ...  # noqa: F821
def absent(data: Array, bias: Array | None = None, *, out: Array) -> None: ...
def named_name(data: Array, *, name: str = "", out: Array) -> None: ...
def text_default(data: Array, *, scale: float = "x", out: Array) -> None: ...
def none_default(data: Array, *, axis: int = None, out: Array) -> None: ...  # noqa: RUF013
def choice(data: Array, *, mode: Literal["a", "b"] = "c", out: Array) -> None: ...
def bounded(data: Array, *, p: Annotated[float, Between(0, 1)] = 3.0, out: Array) -> None: ...


SIGNATURES = [
    (
        no_type,
        "mine: the parameter scale has no type",
        'write scale: float, or scale: Annotated[float, "What it means."]',
    ),
    (
        no_input_type,
        "mine: the input data has no type",
        (
            'write data: Array, or data: Annotated[Array, "What it is."]; parameters stand '
            "behind the *"
        ),
    ),
    (
        of_a_list,
        "mine: the parameter sizes has a type that no file can hold, list",
        ("int, float, bool, str, DType, a Literal, Ints or Floats, each perhaps with None"),
    ),
    (
        in_front,
        "mine: the input scale is annotated as float, not as Array",
        "what is no array is a parameter: put scale behind the *",
    ),
    (
        out_in_front,
        "mine: an input cannot be called out",
        "`out`, what is to be filled, stands behind the *",
    ),
    (
        no_out,
        "mine: its kernel takes no `out`, the array (or arrays) to fill",
        "def mine(data, *, out: Array): …",
    ),
    (
        other_out,
        (
            "mine: the parameter output has a type that no file can hold, "
            "numpy.ndarray[typing.Any, typing.Any]"
        ),
        "inputs stand before the *, and what is to be filled is called `out`",
    ),
    (
        any_words,
        "mine: its kernel takes **words, but a parameter has a name and a type",
        'write each as in scale: Annotated[float, "What it means."] = 1.0',
    ),
    (
        unknown_type,
        "mine: an annotation of its kernel cannot be read: name 'Arrray' is not defined",
        "import what it names; arrays are `Array` of minisym.define",
    ),
    (
        absent,
        "mine: the input bias may be None, but nothing says when",
        '@op(when={"bias": lambda p: not p["no_bias"]})',
    ),
    (
        named_name,
        "mine: a parameter cannot be called name: every op takes that already",
        "choose another name",
    ),
    (
        text_default,
        (
            "mine: the default of a parameter is none that it can have: "
            "scale takes a float, but got 'x'"
        ),
    ),
    (
        none_default,
        (
            "mine: the default of a parameter is none that it can have: axis takes an int, "
            "but got None"
        ),
        "write axis: int | None = None",
    ),
    (
        choice,
        (
            "mine: the default of a parameter is none that it can have: "
            "mode takes one of 'a', 'b', but got 'c'"
        ),
    ),
    (
        bounded,
        (
            "mine: the default of a parameter is none that it can have: "
            "p must lie in [0, 1], but got 3.0"
        ),
    ),
    (
        lambda data, *, out: None,
        "mine: the input data has no type",
        (
            'write data: Array, or data: Annotated[Array, "What it is."]; parameters stand '
            "behind the *"
        ),
    ),
]


@pytest.mark.parametrize("row", SIGNATURES, ids=[row[0].__name__ for row in SIGNATURES])
def test_signature(row):
    kernel, *text = row
    refuses(lambda: declare(kernel, elementwise=True), *text)


def test_a_default_has_the_type_of_its_parameter():
    """An int where a float is meant is that float, as it would be if it were given."""

    def kernel(data: Array, *, scale: float = 2, out: Array) -> None:
        np.multiply(data, scale, out)

    declare(kernel, elementwise=True)
    (scale,) = [p for p in ms.op.get("mine").params.values() if p.name == "scale"]
    assert type(scale.default) is float
    np.testing.assert_array_equal(sym.mine(sym.Variable("x")).eval(x=ONE)[0], 2 * ONE)


# ------------------------------------------------------------------------------------ the options


def missing(p: Any) -> bool:
    return p["scal"]


OPTIONS = {
    "writes": (
        two,
        {"writes": ("lsh",)},
        "mine: writes names 'lsh', which is no input",
        "did you mean 'lhs'? Possible: lhs, rhs",
    ),
    "writes as a string": (
        two,
        {"writes": "lhs"},
        "mine: writes takes several names, but got the string 'lhs'",
        'writes=("lhs",)',
    ),
    "outputs as a string": (
        one,
        {"outputs": "y"},
        "mine: outputs takes several names, but got the string 'y'",
        'outputs=("y",)',
    ),
    "states": (
        two,
        {"states": ("momm",)},
        "mine: states names 'momm', which is no input",
        "Possible: lhs, rhs",
    ),
    "when": (
        two,
        {"when": {"rsh": missing}},
        "mine: when names 'rsh', which is no input",
        "did you mean 'rhs'? Possible: lhs, rhs",
    ),
    "when of an unknown parameter": (
        scaled,
        {"when": {"data": missing}},
        "mine: its when of data asks for 'scal', which is no parameter",
        "did you mean 'scale'? Possible: scale",
    ),
    "outputs of an unknown parameter": (
        scaled,
        {"outputs": lambda p: ("y",) * missing(p)},
        "mine: its outputs asks for 'scal', which is no parameter",
        "did you mean 'scale'? Possible: scale",
    ),
    "inits": (
        two,
        {"inits": {"gama": "zero"}},
        "mine: inits names 'gama', which is no input",
        "Possible: lhs, rhs",
    ),
    "inits of no string": (
        two,
        {"inits": {"lhs": 0}},
        "mine: inits of lhs must be MXNet's string, but got 0",
        "inits={'gamma': '[\"one\", {}]'}",
    ),
    "parameters": (
        two,
        {"parameters": ("rsh",)},
        "mine: parameters names 'rsh', which is no input",
        "did you mean 'rhs'? Possible: lhs, rhs",
    ),
    "group": (
        two,
        {"group": ("weight", "grad")},
        "mine: group is for inputs in any number",
        'take *data, and say which parameter counts the groups: count="num_weights"',
    ),
    "writes of a group": (
        many,
        {"group": ("weight", "grad"), "count": "number", "writes": ("wieght",)},
        "mine: writes names 'wieght', which is no input",
        "did you mean 'weight'? Possible: weight, grad",
    ),
    "states of a group": (
        many,
        {"group": ("weight", "grad"), "count": "number", "states": ("mom",)},
        "mine: states names 'mom', which is no input",
        "Possible: weight, grad",
    ),
    "trailing": (
        two,
        {"trailing": ("lrs",)},
        "mine: trailing names what stands behind groups, but there is no group",
        "without groups, name the inputs in the kernel's signature",
    ),
    "count": (
        many,
        {"count": "numbr"},
        "mine: count names 'numbr', but its kernel takes 'number'",
        "the parameter that holds the number of inputs has one name",
    ),
    "count of one input": (
        one,
        {"count": "number"},
        "mine: count is for inputs in any number, but its kernel takes no *data",
        "def kernel(*data: Array, out: Array): …",
    ),
    "one output for two": (
        pair,
        {},
        "mine: `out` of its kernel is annotated as several arrays, but there is one output, output",
        'write out: Array; several outputs are named: @op(outputs=("mean", "var"))',
    ),
    "two outputs for one": (
        one,
        {"outputs": ("mean", "var")},
        "mine: `out` of its kernel is annotated as one array, but the outputs are mean and var",
        "write out: tuple[Array, ...]; it holds one array for each output",
    ),
    "outputs of one name": (
        pair,
        {"outputs": ("y", "y")},
        "mine: each output has a name of its own, but got ('y', 'y')",
        'outputs=("mean", "var")',
    ),
    "visible": (
        pair,
        {"outputs": ("mean", "var"), "visible": 3},
        "mine: visible is 3, but the outputs are mean and var",
        "it is how many of them, counted from the first, a user sees",
    ),
    "sometimes": (
        pair,
        {"outputs": ("mean", "var"), "sometimes": ("vra",)},
        "mine: sometimes names 'vra', which is no output",
        "did you mean 'var'? Possible: mean, var",
    ),
    "new value in no output": (
        two,
        {"writes": {"lhs": 1}},
        "mine: lhs gets its new value from output 1, but the outputs are output",
        "name an output for each input that is written",
    ),
    "kind": (
        one,
        {"kind": "layers"},
        "mine: there is no kind 'layers'",
        (
            "did you mean 'layer'? Possible: layer, activation, norm, pooling, loss, math, "
            "reduce, layout, source, update, backward, opaque"
        ),
    ),
    "alias": (
        one,
        {"aliases": ("my op",)},
        "an op cannot be called 'my op': sym.my op is no Python",
        'give it a name: @op(name="…")',
    ),
    "ufunc": (
        one,
        {"ufunc": np.add},
        "mine: add takes 2 arrays and gives 1, but the op takes 1 and gives 1",
        "a ufunc has as many inputs as the op, and one output",
    ),
    "samples": (
        one,
        {"samples": [((2, 3),)]},
        "mine: samples must be a list of Sample, but got [((2, 3),)]",
        "samples=[Sample(((2, 3),))]: one shape (or array) for each input",
    ),
}


@pytest.mark.parametrize("what", OPTIONS)
def test_option(what):
    kernel, options, *text = OPTIONS[what]
    refuses(lambda: declare(kernel, **options), *text)
    assert ms.op.find("mine") is None


def test_brackets():
    refuses(
        lambda: op(one),
        "@op is written with brackets: it was given 'one'",
        "@op(), or @op(elementwise=True) where all arrays have one shape",
    )


# -------------------------------------------------------------------------------------- the rules


def shape_of_scal(s: Any, *, scal: float) -> None: ...
def backward(g: Array, dta: Array, *, out: Array) -> None: ...
def backward_out(g: Array, data: Array) -> None: ...
def backward_scal(g: Array, data: Array, *, scal: float, out: Array) -> None: ...


RULES = {
    "shape": (
        shape_of_scal,
        "mine: its shape rule asks for 'scal', which is no parameter",
        "did you mean 'scale'? Possible: scale",
    ),
    "dtype": (
        lambda t, *, scal: None,
        "mine: its dtype rule asks for 'scal', which is no parameter",
        "did you mean 'scale'? Possible: scale",
    ),
    "grad": (
        lambda g, data, *, scal: g,
        "mine: its grad rule asks for 'scal', which is no parameter",
        "did you mean 'scale'? Possible: scale, y, output, arrived, needed",
    ),
    "steps": (
        lambda inputs, outs, *, scal: None,
        "mine: its steps rule asks for 'scal', which is no parameter",
        "did you mean 'scale'? Possible: scale, is_train, state",
    ),
    "measured": (
        lambda data, *, scal: None,
        "mine: its measured rule asks for 'scal', which is no parameter",
        "did you mean 'scale'? Possible: scale",
    ),
    "shape ": (
        lambda: None,
        "mine: its shape rule takes (), but is called with (s)",
        "lambda s: …; parameters stand behind a *, by their names",
    ),
    "grad ": (
        lambda g, data, y: g,
        "mine: its grad rule takes (g, data, y), but is called with (g, data)",
        "lambda g, data: …; parameters stand behind a *, by their names",
    ),
    "grad  ": (
        "g",
        "mine: its grad rule must be a function of g, data, but got 'g'",
        "lambda g, data: …",
    ),
    "backward": (
        backward,
        (
            "mine: its backward kernel takes 'dta', which is neither an input of the op, "
            "nor a gradient (g), nor an output (y)"
        ),
        "did you mean 'data'? Possible: g, y, data",
    ),
    "backward ": (
        backward_out,
        "mine: its backward kernel takes no `out`, the array (or arrays) to fill",
        "def mine(g, data, *, out: Array): …",
    ),
}


@pytest.mark.parametrize("which", RULES)
def test_rule(which):
    rule, *text = RULES[which]
    mine = declare(scaled)
    refuses(lambda: getattr(mine, which.strip())(rule), *text)


def test_backward_of_an_unknown_parameter():
    with pytest.raises(DeclarationError, match="its backward kernel asks for 'scal'"):
        declare(scaled).backward(backward_scal)


def test_backward_by_an_unknown_input():
    mine = declare(elementwise=True)
    refuses(
        lambda: mine.backward(lambda g, *, out: None, wrt=("dta",)),
        "mine: wrt names 'dta', which is no input",
        "did you mean 'data'? Possible: data",
    )


def test_an_elementwise_op_has_no_shape_rule():
    refuses(
        lambda: declare(elementwise=True).shape(lambda s: None),
        (
            "mine: it is declared elementwise, so its shapes are one; a shape rule would "
            "not be asked"
        ),
        "leave out elementwise=True",
    )


# ----------------------------------------------------------------------- what a rule says of shapes

SHAPE_HINT = "a tuple of sizes, None for one that is not known: s.output = (*s.data[:-1], None)"
SHAPES = {
    "misspelt slot": (
        lambda s: setattr(s, "ouptut", s.data),
        "mine: its shape rule speaks of 'ouptut', which is no input or output",
        "did you mean 'output'? Possible: data, output",
    ),
    "returned": (
        lambda s: s.data,
        "mine: its shape rule returns (3,), but it has to assign",
        SHAPE_HINT,
    ),
    "an int": (
        lambda s: setattr(s, "output", s.data[0]),
        "mine: its shape rule gives output the shape 3, which is none",
        SHAPE_HINT,
    ),
    "a float": (
        lambda s: setattr(s, "output", (s.data[0] / 2,)),
        "mine: its shape rule gives output the shape (1.5,), which is none",
        SHAPE_HINT,
    ),
    "an array's attribute": (
        lambda s: setattr(s, "output", s.data.shape),
        "mine 'm': its shape rule raises AttributeError: 'tuple' object has no attribute 'shape'",
        SHAPE_HINT,
    ),
}


@pytest.mark.parametrize("what", SHAPES)
def test_shape_rule(what):
    rule, *text = SHAPES[what]
    declare().shape(rule)
    symbol = sym.mine(sym.Variable("x"), name="m")
    refuses(lambda: symbol.infer_shape(x=(3,)), *text)
    refuses(lambda: symbol.bind(args={"x": ONE}), *text)
    with pytest.raises(DeclarationError):
        ms.nd.mine(ONE)


def test_a_shape_may_be_a_list_and_sizes_numpys():
    def rule(s: Any) -> None:
        s.output = [np.int64(s.data[0]), 2]

    declare().shape(rule)
    found = sym.mine(sym.Variable("x")).infer_shape(x=(3,))[1]
    assert found == [(3, 2)]
    assert type(found[0]) is tuple
    assert type(found[0][0]) is int


@pytest.mark.parametrize("known", [{}, {"x": (0,)}])
def test_a_rule_that_forgets_what_is_unknown(known):
    """`s.data` is None, and then its one dimension."""
    declare().shape(lambda s: setattr(s, "output", (s.data[0] + 1,)))
    with pytest.raises(
        DeclarationError, match=r"mine 'm': its shape rule raises TypeError"
    ) as caught:
        sym.mine(sym.Variable("x"), name="m").infer_shape_partial(**known)
    assert "what is not known yet is None" in str(caught.value)
    assert isinstance(caught.value.__cause__, TypeError)  # whose traceback shows the rule's line


WAYS = {
    "infer_shape": lambda symbol: symbol.infer_shape(x=(3,)),
    "bind": lambda symbol: symbol.bind(args={"x": ONE}),
    "simple_bind": lambda symbol: symbol.simple_bind(x=(3,)),
    "eval": lambda symbol: symbol.eval(x=ONE),
    "nd": lambda symbol: ms.nd.mine(ONE),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_shape_rule(way):
    declare()
    with pytest.raises(DeclarationError) as caught:
        WAYS[way](sym.mine(sym.Variable("x"), name="mine"))
    assert told(caught.value) == [
        "mine 'mine': it has no shape rule, so that nothing says which shape output has",
        "declare one, @mine.shape, or elementwise=True where all arrays have one shape",
    ]


def test_a_shape_rule_that_leaves_the_output_open():
    declare().shape(lambda s: None)
    refuses(
        lambda: sym.mine(sym.Variable("x"), name="m").eval(x=ONE),
        "bind: the shape of m_output (mine) stays unknown: ?",
        "its shape rule leaves it open, although the inputs are known",
        error=ms.BindError,
    )


def test_types():
    """A type may be said as NumPy takes it; what is none is refused."""
    mine = declare(elementwise=True).dtype(lambda t: setattr(t, "output", "int32"))
    assert sym.mine(sym.Variable("x")).infer_type(x="float32")[1] == [np.int32]
    mine.dtype(lambda t: setattr(t, "output", "foo"))
    refuses(
        lambda: sym.mine(sym.Variable("x")).infer_type(x="float32"),
        "mine: its type rule gives output the type 'foo', which is none",
        "a type of NumPy: t.output = np.dtype(np.int32)",
    )


# ----------------------------------------------------------------------------------- the gradient

GRADIENTS = {
    "one for two": (
        lambda g, lhs, rhs: g,
        "mine 'm': its gradient rule returns 1 for 2 inputs (lhs, rhs)",
        "one for each input, in order; None for an input that gets none",
    ),
    "three for two": (
        lambda g, lhs, rhs: (g, g, g),
        "mine 'm': its gradient rule returns 3 for 2 inputs (lhs, rhs)",
        "one for each input, in order; None for an input that gets none",
    ),
    "a number": (
        lambda g, lhs, rhs: (0, g),
        "mine 'm': its gradient rule returns 0 for input 0",
        "it composes a Symbol of one output for each input; None stands for none",
    ),
    "NumPy": (
        lambda g, lhs, rhs: (g * np.tanh(lhs), g),
        (
            "mine 'm': its gradient rule fails: np.tanh computes with arrays, but got a Symbol, "
            "which has no values yet"
        ),
        "the op is ms.sym.tanh",
    ),
}


@pytest.mark.parametrize("what", GRADIENTS)
def test_gradient(what):
    rule, *text = GRADIENTS[what]
    declare(two, elementwise=True).grad(rule)
    symbol = sym.mine(sym.Variable("a"), sym.Variable("b"), name="m")
    refuses(lambda: ms.grad(symbol, ["a", "b"]), *text, error=GradientError)


def test_gradient_of_an_unknown_op():
    declare(elementwise=True).grad(lambda g, x: F.tahn(x))
    with pytest.raises(GradientError, match="mine 'm': its gradient rule fails: there is no op"):
        ms.grad(sym.mine(sym.Variable("a"), name="m"), "a")


def test_gradient_of_a_wrong_shape():
    """Graphs that are verified, as in the tests, see it when they are bound."""
    mine = declare(summing)
    mine.shape(lambda s: setattr(s, "output", (1,)))
    mine.grad(lambda g, data: g)
    with pytest.raises(
        GradientError, match=r"mine 'm': its rule returns a gradient of shape \(1,\)"
    ):
        ms.grad(sym.mine(sym.Variable("a"), name="m"), "a").eval(a=ONE)


def summing(data: Array, *, out: Array) -> None:
    """Sum."""
    out[...] = data.sum()


def test_gradient_of_a_wrong_shape_where_nothing_is_verified():
    """It would be stretched in silence when it is copied into the array that is bound."""
    mine = declare(summing)
    mine.shape(lambda s: setattr(s, "output", (1,)))
    mine.grad(lambda g, data: g)
    symbol = sym.mine(sym.Variable("a"), name="m")
    token = verify._on.set(False)
    try:
        refuses(
            lambda: symbol.bind(args={"a": ONE}, args_grad={"a": np.zeros(3)}),
            "bind: the gradient of a has shape (1,), but a has (3,)",
            (
                "a rule on the way gives a gradient that is not shaped like its input; "
                "MINISYM_VERIFY=1 in the environment names it"
            ),
            error=GradientError,
        )
    finally:
        verify._on.reset(token)


def test_steps_that_are_none():
    declare(elementwise=True).steps(lambda inputs, outs: 3)
    refuses(
        lambda: sym.mine(sym.Variable("x")).eval(x=ONE),
        "mine: its steps rule fails: TypeError: 'int' object is not iterable",
        "it returns pairs, (function, arguments), or None where it has no steps",
    )


# ------------------------------------------------------------------------------------- the kernel


def returns(data: Array, *, out: Array) -> Any:
    """Double."""
    return data * 2


def rebinds(data: Array, *, out: Array) -> None:
    """Double."""
    out = data * 2  # noqa: F841


def half(data: Array, *, out: Array) -> None:
    """Copy the first two."""
    out[:2] = data[:2]


def writes(data: Array, *, out: Array) -> None:
    """Add one."""
    data += 1
    out[...] = data


KERNELS = {
    returns: (
        "mine 'm': its kernel returns ndarray, but it must fill `out`",
        "write out[...] = … instead of return …",
    ),
    rebinds: (
        "mine 'm': its kernel leaves a part of `out` as it was",
        "it must fill every element of every output; `out = …` fills none",
    ),
    half: (
        "mine 'm': its kernel leaves a part of `out` as it was",
        "it must fill every element of every output; `out = …` fills none",
    ),
    writes: (
        "mine 'm': its kernel writes into one of its inputs",
        (
            "it fills `out` from them; an update declares the inputs that its outputs overwrite: "
            '@op(writes=("weight",))'
        ),
    ),
}


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32, np.int64])
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.__name__)
def test_kernel(kernel, dtype):
    declare(kernel, elementwise=True)
    x = np.ones(3, dtype)
    symbol = sym.mine(sym.Variable("x"), name="m")
    with pytest.raises(ExecutionError) as caught:
        symbol.eval(x=x)
    assert told(caught.value) == [*KERNELS[kernel]]
    np.testing.assert_array_equal(x, np.ones(3, dtype))


def returns_from_lambda(x: Array, out: Array) -> Array:
    return x + 1


def test_what_a_kernel_returns_is_looked_at_in_every_run(monkeypatch):
    """Without it `out` would be whatever lay in memory; `out` itself may be returned."""
    monkeypatch.setattr(verify, "is_on", lambda: False)
    x = sym.Variable("x")
    declare(returns, elementwise=True)
    with pytest.raises(ExecutionError) as caught:
        sym.mine(x, name="m").eval(x=ONE)
    assert told(caught.value) == [*KERNELS[returns]]
    unary("mine", returns_from_lambda, None, "Doc.")
    with pytest.raises(ExecutionError, match="its kernel returns ndarray"):
        sym.mine(x, name="m").eval(x=ONE)
    unary("mine", lambda x, out: np.multiply(x, 2, out), None, "Doc.")
    np.testing.assert_array_equal(sym.mine(x).eval(x=ONE)[0], 2 * ONE)


# ------------------------------------------------------------------- other shapes than it says


def assigned(data: Array, *, out: Array) -> None:
    """Add rows up."""
    out[...] = data.sum(1)


def reduced(data: Array, *, out: Array) -> None:
    """Add rows up."""
    np.sum(data, axis=1, out=out)


def multiplied(data: Array, *, out: Array) -> None:
    """Multiply each row with ones."""
    np.matmul(data, np.ones(data.shape[1]), out)


def taken(data: Array, *, out: Array) -> None:
    """Take the first of each row."""
    np.take(data, 0, 1, out)


@pytest.mark.parametrize("kernel", [assigned, reduced, multiplied, taken])
def test_a_kernel_that_gives_another_shape_than_its_rule_says(kernel):
    mine = declare(kernel)

    @mine.shape
    def _(s: Any) -> None:
        s.output = s.data

    with pytest.raises(ExecutionError) as caught:
        sym.mine(sym.Variable("x"), name="m").eval(x=np.ones((2, 3)))
    assert told(caught.value) == [
        "mine 'm': its kernel gives output another shape than its declaration says",
        "mend the kernel, or the rule @mine.shape; every bound array is as it was before the run",
    ]
    assert caught.value.rows == (
        ("data", "(2, 3)", "float64 x", ""),
        ("output", "(2, 3)", "as its shape rule says", "the kernel gave (2,)"),
    )


def test_of_two_outputs_the_one_with_another_shape_is_named():
    def kernel(data: Array, *, out: tuple[Array, Array]) -> None:
        np.add(data, 1, out[0])
        out[1][:] = data.T

    declare(kernel, outputs=("more", "turned"), elementwise=True)
    with pytest.raises(ExecutionError) as caught:
        sym.mine(sym.Variable("x"), name="m").eval(x=np.ones((2, 3)))
    assert caught.value.rows[1:] == (
        ("more", "(2, 3)", "as all arrays have one shape", ""),
        ("turned", "(2, 3)", "as all arrays have one shape", "the kernel gave (3, 2)"),
    )
    assert "turned another shape" in caught.value.sentence
    assert caught.value.hint.startswith("mend the kernel, or elementwise=True;")


def takes_one_for_two(data: Array, *, out: Any) -> None:
    """Fill two."""
    first, second, third = out
    first[...] = second[...] = third[...] = data


def takes_two_for_one(data: Array, *, out: Any) -> None:
    """Fill one."""
    out[...] = data


@pytest.mark.parametrize(
    ("kernel", "outputs", "hint"),
    [
        (takes_one_for_two, ("y",), "its kernel fills `out`, which is one array"),
        (
            takes_two_for_one,
            ("a", "b"),
            "its kernel fills `out`, a tuple of 2 arrays: a and b",
        ),
    ],
)
def test_a_kernel_that_takes_out_for_something_else(kernel, outputs, hint):
    declare(kernel, outputs=outputs, elementwise=True)
    with pytest.raises(ExecutionError) as caught:
        sym.mine(sym.Variable("x")).eval(x=np.ones((2, 3)))
    assert caught.value.hint == f"{hint}; every bound array is as it was before the run"


def test_a_kernel_that_keeps_something_is_not_called_again():
    calls = []

    def kernel(data: Array, *, state: Any, out: Array) -> None:
        calls.append(1)
        out[...] = data.sum(1)

    declare(kernel, elementwise=True)
    with pytest.raises(ExecutionError, match="could not broadcast"):
        sym.mine(sym.Variable("x")).eval(x=np.ones((2, 3)))
    assert calls == [1]


# ------------------------------------------------------------------------------- lists in gradients

MISUSED = {
    "times": (lambda g, data: g * data, "g"),
    "behind a symbol": (lambda g, data: data * g, "g"),
    "behind a number": (lambda g, data: 2 * g, "g"),
    "negated": (lambda g, data: -g, "g"),
    "in an op": (lambda g, data: F.sin(g), "g"),
    "a method": (lambda g, data: g.sum(), "g"),
    "as it is": (lambda g, data: g, "g"),
    "in a tuple": (lambda g, data: (g,), "g"),
    "a third": (lambda g, data: g[2], "g"),
    "the output": (lambda g, data, *, y: g[0] / y, "y"),
}


@pytest.mark.parametrize("what", MISUSED)
def test_a_list_of_gradients_that_is_taken_for_one(what):
    rule, called = MISUSED[what]
    declare(pair, outputs=("a", "b"), elementwise=True).grad(rule)
    head = sym.mine(sym.Variable("x"), name="m")[0]
    with pytest.raises(GradientError) as caught:
        ms.grad(head, "x")
    held = "the gradients of the outputs" if called == "g" else "the outputs"
    assert told(caught.value) == [
        f"mine 'm': its gradient rule fails: `{called}` is a list here: it holds {held} a and b",
        f"take one: {called}[0] for a and {called}[1] for b",
    ]


# --------------------------------------------------------------------------------------- families

FAMILIES = {
    "no function": (
        lambda: unary("mine", 3, None, "Doc."),
        "mine: its function must be a function of x, out, but got 3",
        "lambda x, out: …",
    ),
    "a function that returns": (
        lambda: unary("mine", lambda x: x, None, "Doc."),
        "mine: its function takes (x), but is called with (x, out)",
        "it fills `out`: lambda x, out: np.copyto(out, …)",
    ),
    "a ufunc of two": (
        lambda: unary("mine", np.add, None, "Doc."),
        "mine: add takes 2 arrays and gives 1, but the op takes 1 and gives 1",
        "a ufunc has as many inputs as the op, and one output",
    ),
    "the text first": (
        lambda: unary("mine", np.tanh, "Doc.", None),
        "mine: its gradient must be a function of g, x, y, but got 'Doc.'",
        "lambda g, x, y: …",
    ),
    "a gradient of two": (
        lambda: unary("mine", np.tanh, lambda g, x: g, "Doc."),
        "mine: its gradient takes (g, x), but is called with (g, x, y)",
        "lambda g, x, y: …; parameters stand behind a *, by their names",
    ),
    "one gradient": (
        lambda: binary("mine", np.add, max, "Doc."),
        ("mine: it takes two gradients, one for each operand, but got <built-in function max>"),
        "(lambda g, x, y, z: …, lambda g, x, y, z: …), with z the output",
    ),
    "no scalar": (
        lambda: scalar("mine", np.add, lambda g, x, y: g, "Doc."),
        "mine: its gradient takes (g, x, y), but is called with (g, x, y, scalar)",
        "lambda g, x, y, scalar: …; parameters stand behind a *, by their names",
    ),
}


@pytest.mark.parametrize("what", FAMILIES)
def test_family(what):
    make, *text = FAMILIES[what]
    refuses(make, *text)


# ------------------------------------------------------------------------------- names, and again


@pytest.mark.parametrize(
    ("name", "module"), [("tanh", "minisym.ops.elemwise"), ("Cast", "minisym.ops.casting")]
)
def test_names_of_ops_are_taken(name, module):
    refuses(
        lambda: op(name=name, elementwise=True)(one),
        f"an op named {name!r} exists already: <op {name}> of {module}",
        "choose another name",
    )


@pytest.mark.parametrize("name", ["Variable", "zeros", "linalg", "array"])
def test_names_of_functions_are_taken(name):
    """`sym.zeros` would still be minisym's own, and the op could not be called."""
    refuses(
        lambda: op(name=name, elementwise=True)(one),
        f"an op cannot be called {name!r}: sym.{name} is something else already",
        "choose another name",
    )


def shape_from_nowhere(g0: Array, *, out: Array) -> None: ...


def one_gradient(g: Array, lhs: Array, rhs: Array, *, out: Array) -> None: ...


def test_backward_fills_as_many_arrays_as_it_says():
    refuses(
        lambda: declare(two, elementwise=True).backward(one_gradient),
        "mine: `out` of its backward kernel is annotated as one array, "
        "but the outputs are lhs_grad and rhs_grad",
        "write out: tuple[Array, ...]; it holds one array for each output",
    )


def test_a_class_is_no_kernel():
    refuses(
        lambda: declare(dict),
        "mine: its kernel must be a function, but got <class 'dict'>",
        "def my_op(data: Array, *, out: Array) -> None: …",
    )


def test_backward_says_which_shape_its_gradients_have():
    refuses(
        lambda: declare(pair, outputs=("a", "b"), elementwise=True).backward(shape_from_nowhere),
        "mine: its backward kernel takes neither data nor g, so that nothing says which shape the "
        "gradient of data has",
        "let it take data, or leave that out of wrt=(…)",
    )


CELL = '''
from typing import Annotated
from minisym.define import Array, op

@op(elementwise=True, aliases=({aliases}))
def {name}(
    data: Array,
    *,
    {parameter}: Annotated[float, "A number."] = {default},
    out: Array,
) -> None:
    """{doc}"""
    out[...] = data * {parameter}

@{name}.backward
def _(g: Array, *, {parameter}: float, out: Array) -> None:
    out[...] = g * {parameter}
'''


def cell(name: str, doc: str, parameter: str, default: float, aliases: str = "") -> None:
    """Run a cell of a notebook."""
    text = CELL.format(name=name, doc=doc, parameter=parameter, default=default, aliases=aliases)
    exec(text, {"__name__": "a_notebook"})


@pytest.mark.parametrize(
    ("name", "find"),
    [
        ("mine", lambda module: module.mine),
        ("_contrib_mine", lambda module: module.contrib.mine),
        ("_linalg_mine", lambda module: module.linalg.mine),
        ("_mine", lambda module: module._internal._mine),
    ],
    ids=["sym", "contrib", "linalg", "_internal"],
)
def test_a_cell_that_runs_again_replaces_its_op(name, find, capsys):
    x = sym.Variable("x")
    cell(name, "Multiply once.", "factor", 2.0)
    earlier = find(sym)(x, factor=3.0, name="e")
    assert find(sym)(x).eval(x=ONE)[0][0] == 2
    assert find(ms.nd)(ONE)[0] == 2
    cell(name, "Multiply again.", "scale", 5.0)
    for function in (find(sym), find(ms.nd)):
        help(function)
        told = capsys.readouterr().out
        assert "Multiply again." in told
        assert "scale: 'float'" in told or "scale: float" in told
        assert "factor" not in told
    assert find(sym)(x, scale=7.0).eval(x=ONE)[0][0] == 7
    assert find(ms.nd)(ONE)[0] == 5
    assert ms.grad(find(sym)(x), "x").eval(x=ONE)[0][0] == 5
    with pytest.raises(ms.ParamError, match="no input or parameter 'factor'"):
        find(sym)(x, factor=3.0)
    assert earlier.eval(x=ONE)[0][0] == 3  # what is composed already stays what it is
    assert ms.grad(earlier, "x").eval(x=ONE)[0][0] == 3


def test_what_an_earlier_cell_called_it_is_forgotten():
    cell("mine", "Multiply.", "factor", 2.0, aliases="'my_own',")
    assert sym.my_own(sym.Variable("x")).eval(x=ONE)[0][0] == 2
    cell("mine", "Multiply.", "factor", 2.0)
    assert not hasattr(sym, "my_own")
    assert not hasattr(ms.nd, "my_own")


def test_another_module_cannot_replace_an_op():
    cell("mine", "Multiply.", "factor", 2.0)
    refuses(
        lambda: declare(elementwise=True),
        "an op named 'mine' exists already: <op mine> of a_notebook",
        "choose another name",
    )


def test_samples_may_be_made_when_they_are_asked_for():
    assert declare(samples=lambda: [Sample(((2,),))], elementwise=True).name == "mine"

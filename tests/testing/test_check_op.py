"""`ms.testing.check_op`: right ops pass, and of each wrong one it says what is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minisym as ms
from minisym import sym
from minisym.core import op as registry
from minisym.core.errors import CheckError, DeclarationError
from minisym.define import Array, F, Sample, op, unary
from minisym.passes.verify import verified
from minisym.testing import check_op
from minisym.testing.checks import CHECKS
from minisym.testing.ops import cases_of

TWO = [Sample(((2, 3),))]


@pytest.fixture(autouse=True)
def _own_registry():
    """Forget what a test declares."""
    kept = dict(registry._registry)
    yield
    registry._registry.clear()
    registry._registry.update(kept)


def copy(data: Array, *, out: Array) -> None:
    """Copy."""
    out[...] = data


def declare(kernel: Any = copy, samples: Any = TWO, **options: Any) -> Any:
    return op(name="mine", samples=samples, **options)(kernel)


def elementwise(kernel: Any = copy, samples: Any = TWO, **options: Any) -> Any:
    return declare(kernel, samples, elementwise=True, **options)


def refused(op: Any, *samples: Sample) -> CheckError:
    with pytest.raises(CheckError) as caught:
        check_op(op, samples or None)
    assert isinstance(caught.value, AssertionError)  # what test frameworks expect
    return caught.value


# --------------------------------------------------------------------------------------- right ops


def softsign() -> Any:
    return unary(
        "mine",
        lambda x, out: np.divide(x, 1 + np.abs(x), out),
        lambda g, x, y: g / F.square(1 + F.abs(x)),
        "Squash.",
        samples=[Sample(((2, 3),), reference=lambda x: x / (1 + np.abs(x)))],
    )


def test_by_declaration_name_and_function():
    mine = softsign()
    reports = [check_op(given) for given in (mine, "mine", sym.mine, ms.nd.mine)]
    assert all(report == reports[0] for report in reports)
    assert check_op(sym.linalg.gemm2).op == "_linalg_gemm2"


def test_report():
    assert (
        repr(check_op(softsign()))
        == """\
mine: all is as declared
  shapes and types      1 sample
  shapes given in part  1 sample
  value                 1 sample
  at once               1 sample
  strides               1 sample
  short floats          1 sample
  kernel                1 sample
  output in an input    1 sample
  gradient              1 sample
  second order          1 sample
  file                  1 sample
  writes                1 sample
  steps                 - (it has neither steps nor a ufunc)
  updates in place      - (it is no update with steps)
  error                 - (no sample says which error is raised)"""
    )


def test_where_no_value_is_compared_the_report_says_so():
    """Samples of a family are shapes: that an op runs on them says little of what it computes."""
    first, *rest = repr(check_op(unary("mine", np.tanh, None, ""))).splitlines()
    assert first == "mine: it runs as declared, but no value was compared with what it should be"
    assert "  value                 - (no sample has a reference)" in rest
    assert rest[-1] == (
        "  docstring             - (it has none, so that help() says nothing of it)"
    )


def test_a_sample_without_what_the_op_requires():
    def scaled(data: Array, *, scale: float, out: Array) -> None:
        """Multiply."""
        np.multiply(data, scale, out)

    error = refused(elementwise(scaled, TWO))
    assert error.sentence == "mine, sample 0: the sample gives no value to what the op requires"
    assert [row[:2] for row in error.rows[:2]] == [("expected", "scale, a float"), ("got", "{}")]
    assert error.hint == "parameters follow the inputs: Sample(((2, 3),), {'scale': …})"
    missing = Sample(((2, 3),), raises=ms.ParamError, match="scale")
    assert check_op("mine", [Sample(((2, 3),), {"scale": 2}), missing]).checked["error"] == 1


def test_samples_may_be_given():
    """One that declares none, and one whose own are left aside."""
    assert check_op(elementwise(samples=()), TWO).checked["kernel"] == 1
    assert check_op("tanh", [*TWO, Sample(((4,),))]).checked["kernel"] == 2


def test_float32_samples_have_gradients():
    """Differences need more digits than float32 has: those are taken in float64."""
    x = np.array([0.5, -1.5], np.float32)
    assert check_op("tanh", [Sample((x,))]).checked["gradient"] == 1


def test_verification_ends_with_it(monkeypatch):
    """It sees what a verified graph shows, without the environment's help."""
    token = ms.passes.verify._on.set(False)
    try:
        assert refused(elementwise(returning)).sentence == (
            "mine, sample 0: the check of shapes and types fails: "
            "mine 't': its kernel returns ndarray, but it must fill `out`"
        )
        assert not ms.passes.verify.is_on()
    finally:
        ms.passes.verify._on.reset(token)


def returning(data: Array, *, out: Array) -> Any:
    """Copy."""
    return data.copy()


# ------------------------------------------------------------------------------- what is no check


@pytest.mark.parametrize(
    ("samples", "what"),
    [
        ([], "has no samples"),
        ([Sample((), raises=ValueError)], "has only samples that raise errors"),
    ],
)
def test_nothing_to_check(samples, what):
    with pytest.raises(DeclarationError) as caught:
        check_op(elementwise(samples=samples))
    assert caught.value.sentence == f"mine {what}, so that there is nothing to check it with"
    assert caught.value.hint == (
        "declare some, with a shape or an array for each input: "
        "@op(samples=[Sample(((2, 3),), {'axis': 1}, reference=…)]); or give them here: "
        "check_op(mine, [Sample(…)])"
    )


def test_no_op():
    with pytest.raises(ms.ComposeError, match="check_op takes what @op returns, an op's name or"):
        check_op(np.tanh)
    with pytest.raises(ms.ComposeError, match="there is no op 'tahn'"):
        check_op("tahn")


@pytest.mark.parametrize(
    ("sample", "what"),
    [
        (Sample((2, 3)), "mine, sample 0: input 0 of the sample is neither a shape nor an array"),
        (
            Sample(((2,), (2,))),
            "mine, sample 0: the sample has another number of inputs than the op",
        ),
        (Sample(((2,),), wrt=(1,)), "mine, sample 0: wrt names inputs that there are not"),
        (
            Sample(((2,),), reference=lambda x, y: x),
            (
                "mine, sample 0: its reference raises TypeError: <lambda>() missing 1 required "
                "positional argument: 'y'"
            ),
        ),
    ],
)
def test_samples_that_do_not_fit(sample, what):
    mine = elementwise().grad(lambda g, data: g)
    assert refused(mine, sample).sentence == what


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (
            lambda: Sample(((2, 3),), 1),
            "Sample: params must be a dict of parameters, but got 1",
        ),
        (
            lambda: Sample(3),
            "Sample: inputs must be a tuple, with a shape or an array for each input, but got 3",
        ),
        (
            lambda: Sample(((2,),), wrt=0),
            "Sample: wrt must be a tuple of positions of inputs, but got 0",
        ),
        (
            lambda: Sample(((2,),), raises="ShapeError"),
            "Sample: raises must be a class of exceptions, but got 'ShapeError'",
        ),
        (
            lambda: check_op("tanh", TWO[0]),
            "tanh: samples must be a list of Sample, but got Sample(inputs=((2, 3),), params={}, ",
        ),
        (
            lambda: check_op(elementwise(samples=lambda: 1 / 0)),
            "mine: its samples cannot be made: ZeroDivisionError: division by zero",
        ),
    ],
)
def test_what_is_no_sample(make, what):
    with pytest.raises(DeclarationError) as caught:
        make()
    assert caught.value.sentence.startswith(what)


# ---------------------------------------------------------------------------------------- wrong ops


def test_message():
    wrong = [Sample(((2, 3),), {}, reference=lambda x: x + (np.arange(3) == 1))]
    error = refused(elementwise(samples=wrong))
    assert error.sentence == "mine, sample 0: output 0 differs at (0, 1), 2 of 6 elements in all"
    named = {name: value for name, value, *_ in error.rows}
    assert float(named["expected"]) == pytest.approx(float(named["got"]) + 1)
    assert named["inputs"] == "(2, 3)"


def guessing(s: Any) -> None:
    """Take an unknown size for 1."""
    s.data = (None, None)
    s.output = tuple(1 if d is None else d for d in s.data)


def in_memory_order(data: Array, *, out: Array) -> None:
    """Copy what lies behind each other."""
    out[...] = np.ravel(data, order="K").reshape(out.shape)


def coarse(data: Array, *, out: Array) -> None:
    """Compute in float16 unless it is float64."""
    short = data if data.dtype == np.float64 else data.astype(np.float16)
    out[...] = short + short.dtype.type(1 / 3)


def unfilled(data: Array, *, out: Array) -> None:
    """Copy the first two."""
    out[:2] = data[:2]


def twice_through_out(data: Array, *, out: Array) -> None:
    """Add the array to itself, in a buffer that may be its own."""
    out[...] = 0
    out += data
    out += data


def counting(data: Array, *, out: Array) -> None:
    """Add how often it was called."""
    counting.calls += 1  # type: ignore[attr-defined]
    out[...] = data + counting.calls  # type: ignore[attr-defined]


def update(weight: Array, grad: Array, *, lr: float = 0.5, out: Array) -> None:
    """Descend."""
    out[...] = weight - lr * grad


def keep(weight: Array, grad: Array, *, out: Array) -> None:
    """Change nothing."""
    out[...] = weight


def steps_that_differ(inputs: Any, outs: Any) -> Any:
    return [(np.negative, (inputs[0], outs[0]))]


def steps_that_write(inputs: Any, outs: Any) -> Any:
    return [(np.positive, (inputs[0], outs[0])), (np.negative, (inputs[0], inputs[0]))]


def steps_that_read_too_late(inputs: Any, outs: Any, *, lr: float) -> Any:
    """Write the weight before the last reading of it."""
    weight, grad = inputs
    return [(np.multiply, (grad, -lr, outs[0])), (np.add, (outs[0], weight, outs[0]))]


def no_short(data: Array, *, out: Array) -> None:
    """Refuse float32."""
    if data.dtype == np.float32:
        raise ms.DtypeError("mine: no float32")
    out[...] = data


def backward(g: Array, data: Array, *, out: Array) -> None:
    """Differentiate a square."""
    np.multiply(2 * g, data, out)


def square(data: Array, *, out: Array) -> None:
    """Square."""
    np.multiply(data, data, out)


BYTES = [Sample((np.array([1, 2, 3], np.uint8),))]
PAIR = [Sample(((3,), (3,)))]
WRONG = {
    "shapes given in part": (
        lambda: declare().shape(guessing),
        "from data=(0, 3), seen0=(2, 3) it infers what contradicts the full shapes",
    ),
    "strides": (
        lambda: elementwise(in_memory_order),
        "Fortran inputs: output 0 differs at",
    ),
    "short floats": (
        lambda: elementwise(coarse),
        "float32: output 0 differs at",
    ),
    "short floats, none": (lambda: elementwise(no_short), "it takes no float32"),
    "kernel": (
        lambda: elementwise(unfilled, BYTES),
        "what was in `out` before is left in it differs at",
    ),
    "at once": (
        lambda: elementwise(counting),
        "ms.nd differs at",
    ),
    "steps": (
        lambda: elementwise().steps(steps_that_differ),
        "the steps against the kernel differs at",
    ),
    "steps, written inputs": (
        lambda: elementwise().steps(steps_that_write),
        "the steps write into the inputs differs at",
    ),
    "updates in place": (
        lambda: (
            declare(update, PAIR, writes=("weight",))
            .shape(lambda s: [setattr(s, "output", s.weight), setattr(s, "weight", s.grad)].clear())
            .steps(steps_that_read_too_late)
        ),
        "in place, against the kernel differs at",
    ),
    "output in an input": (
        lambda: elementwise(twice_through_out),
        "with the memory of data as its output differs at",
    ),
    "gradient": (
        lambda: elementwise().grad(lambda g, data: g * 2),
        "gradient by data at (0, 0) is wrong",
    ),
    "gradient, forgotten": (
        lambda: elementwise().grad(lambda g, data: None),
        "gradient by data at (0, 0) is wrong",
    ),
    "second order": (
        lambda: elementwise(square).backward(
            backward, grad=lambda h, g, data: (2 * h * data, 3 * h * g)
        ),
        "second gradient by data at (0, 0) is wrong",
    ),
    "error": (
        lambda: elementwise(samples=[*TWO, Sample(((2,),), raises=ms.ShapeError)]),
        "no error is raised",
    ),
    "error, another": (
        lambda: elementwise(samples=[*TWO, Sample((7,), raises=ms.ShapeError)]),
        "another error is raised",
    ),
    "error, another text": (
        lambda: elementwise(samples=[*TWO, Sample((7,), raises=ms.ComposeError, match="axis")]),
        "the error says something else",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong(what):
    """The check in question tells, and so does `check_op`, be it by an earlier check."""
    counting.calls = 0  # type: ignore[attr-defined]
    make, text = WRONG[what]
    mine = make()
    case = cases_of(mine)[-1]
    (check,) = (check for check in CHECKS if check.name == what.partition(",")[0])
    assert check.applies(case)
    with pytest.raises(CheckError) as caught, verified():
        check.run(case)
    assert caught.value.sentence.startswith(f"mine, sample {case.number}: {text}")
    refused(mine)


def test_each_check_has_an_op_that_fails_it():
    """Two have tests of their own, and one cannot fail: outputs are made as they were inferred."""
    names = {check.name for check in CHECKS}
    assert names - WRONG.keys() == {"shapes and types", "value", "file"}


def test_gradient_message():
    error = refused(elementwise().grad(lambda g, data: g * 2))
    expected, got = (float(row[1]) for row in error.rows[:2])
    assert got == pytest.approx(2 * expected, rel=1e-6)
    assert error.hint == "expected are central differences, got what the gradient says"


def total(data: Array, *, out: Array) -> None:
    """Sum over the first axis."""
    np.sum(data, axis=0, out=out)


def test_a_gradient_of_another_shape():
    """It would be stretched in silence when it is copied into the array for it."""
    mine = declare(total).shape(lambda s: s.data and setattr(s, "output", s.data[1:]))
    mine.grad(lambda g, data: g)
    assert refused(mine).sentence == (
        "mine, sample 0: the check of gradient fails: mine 't': its rule returns a gradient of "
        "shape (3,) for data, which has (2, 3)"
    )


def uniform(*, rng: np.random.Generator, out: Array) -> None:
    """Draw numbers."""
    out[...] = rng.uniform(size=out.shape)


def test_an_op_without_inputs():
    """Random numbers start over for each run; what nothing decides is float32."""
    mine = declare(uniform, [Sample(())]).shape(lambda s: setattr(s, "output", (3,)))
    report = check_op(mine)
    assert report.checked["at once"] == 1
    assert report.left_out["strides"] == "it has no inputs"


def test_a_declaration_that_was_replaced():
    earlier = elementwise()
    elementwise()
    error = refused(earlier)
    assert error.sentence == "mine, sample 0: from a file, it is another op"
    assert error.hint == "mine was declared again since: take that one"


def test_writes_that_never_happen():
    error = refused(elementwise(keep, PAIR, writes=("weight",)))
    assert error.sentence == ("mine: it declares that it writes weight, but no sample changes that")


def test_an_update():
    report = check_op(elementwise(update, PAIR, writes=("weight",)))
    assert report.checked["writes"] == 1
    assert report.left_out["gradient"] == "it has none, or `wrt` says that none is to be checked"


def test_samples_outside_of_where_an_op_is_defined_are_refused() -> None:
    """Two NaN are alike, whatever the kernel does."""

    def root(data: Array, *, out: Array) -> None:
        """Take the root."""
        with np.errstate(invalid="ignore"):
            np.sqrt(data, out)

    def reference(x: Any) -> Any:
        with np.errstate(invalid="ignore"):
            return np.sqrt(x)

    mine = elementwise(root, samples=[Sample(((2, 3),), reference=reference)])
    error = refused(mine)
    assert "output 0 of the reference has NaN" in str(error)
    assert "domain=" in str(error)
    inside = Sample(((2, 3),), reference=reference, domain=(0.5, 2.0))
    check_op(mine, [inside])

"""Shapes of ops: Hypothesis invents the arrays and parameters, NumPy says what comes out."""

import numpy as np
import pytest
import shape_cases
import shape_cases_of_nets  # noqa: F401 -- it registers its cases, too
import shape_cases_of_sums  # noqa: F401 -- likewise
from hypothesis import given, settings
from hypothesis import strategies as st

import minisym as ms
from minisym import sym
from minisym.core.functions import function_of

CASES = pytest.mark.parametrize("name", sorted(shape_cases.CASES))
GUESSED = {"pick"}  # without its rank, the index is taken for the form that lacks the axis


def composed(draw, name):
    """Draw a case; return its symbol, its arrays by name, and the expected outputs."""
    op, arrays, params, want = shape_cases.CASES[name](draw)
    function = function_of(ms.op.get(op), op) if isinstance(op, str) else op
    variables = [sym.Variable(f"x{i}") for i in range(len(arrays))]
    symbol = function(*variables, **params)
    wanted = want if isinstance(want, list) else [want]
    return symbol, {f"x{i}": a for i, a in enumerate(arrays)}, wanted


@CASES
@given(data=st.data())
@settings(max_examples=40)
def test_a_run_has_the_inferred_shapes_and_numpys_values(name, data):
    symbol, arrays, want = composed(data.draw, name)
    args, inferred, _ = symbol.infer_shape(**{n: a.shape for n, a in arrays.items()})
    assert args == [arrays[n].shape for n in symbol.list_arguments()]
    assert inferred == [w.shape for w in want]
    for got, expected in zip(symbol.bind(args=arrays).forward(), want, strict=True):
        assert got.shape == expected.shape
        open_ = np.isnan(expected)
        np.testing.assert_allclose(np.where(open_, expected, got), expected, rtol=1e-12)


def hidden(draw, shape, *, rank=True):
    """Return a shape of which some numbers, or the number of axes, are not said."""
    if rank and draw(st.integers(0, 3)) == 0:
        return ()
    return tuple(d if draw(st.booleans()) else 0 for d in shape)


def agree(partial, full):
    """Return whether a partial shape can become the full one."""
    return not partial or (
        len(partial) == len(full) and all(p in (0, f) for p, f in zip(partial, full, strict=True))
    )


@CASES
@given(data=st.data())
@settings(max_examples=40)
def test_partial_knowledge_never_contradicts(name, data):
    """Of the inputs, some is known; of one output, too: `seen`, an input that has its shape."""
    symbol, arrays, want = composed(data.draw, name)
    which = data.draw(st.integers(0, len(want) - 1))
    both = sym.Group([symbol, sym.elemwise_add(symbol[which], sym.Variable("seen"))])
    arguments = both.list_arguments()
    full = {n: a.shape for n, a in arrays.items()} | {"seen": want[which].shape}
    known = {n: hidden(data.draw, s, rank=name not in GUESSED) for n, s in full.items()}
    args, outputs, _ = both.infer_shape_partial(**known)
    for n, found in zip(arguments, args, strict=True):
        assert agree(found, full[n]), (n, known)
        assert agree(known[n], found), (n, known)  # nor is anything forgotten
    for found, expected in zip(outputs, [*want, want[which]], strict=True):
        assert agree(found, expected.shape), known
    again = both.infer_shape_partial(**dict(zip(arguments, args, strict=True)))
    assert again[:2] == (args, outputs)  # nothing new follows from the answer

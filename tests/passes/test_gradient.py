"""What one differentiates by."""

import numpy as np
import pytest

import minisym as ms
from minisym import sym


@pytest.mark.parametrize("wrt", ["x", sym.Variable("x"), ["x"], ("x",), {"x": 1}.keys()])
def test_a_name_a_symbol_or_some(wrt):
    x = wrt if isinstance(wrt, ms.Symbol) else sym.Variable("x")
    (found,) = ms.grad(x * x, wrt).eval(x=np.array([3.0]))
    assert found.asscalar() == 6


@pytest.mark.parametrize("wrt", [3, None, ["x", 3], [["x"]]])
def test_anything_else_is_refused(wrt):
    x = sym.Variable("x")
    with pytest.raises(ms.GradientError, match="wrt must be names or symbols, but got"):
        ms.grad(x * x, wrt)


def test_two_variables_of_one_name():
    with pytest.raises(ms.GradientError, match="2 variables are named 'x'"):
        ms.grad(sym.Variable("x") * sym.Variable("x"), "x")

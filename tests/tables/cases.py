"""What a row of the tables is, how it is run, and how its answer is compared.

The tables say how MXNet 1.9.1 behaves. They run under MXNet itself (`scripts/mxnet/ask.py`, on
Python 3.8: hence no newer syntax here) and under minisym (`tests/test_api_*.py`), so that a row
cannot claim what MXNet does not do.

A row is a snippet and what its last expression gives. The snippet sees `mx`, `sym`, `nd`, `np`, and
`bound(symbol, ...)`, which binds nested lists. Where minisym differs on purpose the row holds both
answers and the reason.
"""

import ast
import builtins
import warnings

import numpy as np


class Raises:
    """The snippet raises this exception: a builtin one, "MXNetError" or "NotForSymbol"."""

    def __init__(self, kind):
        self.kind = kind

    def __eq__(self, other):
        return isinstance(other, Raises) and self.kind == other.kind

    __hash__ = None

    def __repr__(self):
        return f"Raises({self.kind!r})"


class Warns:
    """The snippet answers `value` and warns once."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, Warns) and same(self.value, other.value)

    __hash__ = None

    def __repr__(self):
        return f"Warns({self.value!r})"


class Differs:
    """MXNet answers one thing, minisym another, for a reason."""

    def __init__(self, mxnet, here, why):
        self.mxnet, self.here, self.why = mxnet, here, why


class Anything:
    """What MXNet answers here is no model: a crash, or what happens to lie in memory."""

    def __eq__(self, other):
        return True

    __hash__ = None

    def __repr__(self):
        return "Anything()"


def plain(value):
    """Return what can be compared: lists for arrays, names for types, output names for symbols."""
    if isinstance(value, type) and issubclass(value, np.generic):
        return np.dtype(value).name
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "asnumpy") and hasattr(value, "shape"):
        return np.array(value.asnumpy()).tolist()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if hasattr(value, "list_outputs"):
        return f"<{' '.join(value.list_outputs())}>"
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(item) for item in value) if type(value) in (list, tuple) else list(value)
    return value


def same(a, b):
    """Compare answers; floats to six digits."""
    if isinstance(a, float) and isinstance(b, (int, float)) and not isinstance(b, bool):
        return a == b or abs(a - b) <= 1e-6 * max(1.0, abs(a))
    if isinstance(a, (list, tuple)) and type(a) is type(b):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and a == b


def compiled(code):
    """Split a snippet into what is executed first and the expression that answers."""
    body = ast.parse(code, mode="exec").body
    if not isinstance(body[-1], ast.Expr):
        body.append(ast.parse("None").body[0])
    last = ast.Expression(body[-1].value)
    return (
        compile(ast.Module(body[:-1], type_ignores=[]), "<row>", "exec"),
        compile(last, "<row>", "eval"),
    )


def answer(mx, code):
    """Run a snippet under a module; return its plain answer, or Raises, or Warns.

    The exception comes as the most telling of the kinds that rows name.
    """

    def arrays(values, dtype="float32"):
        if values is None:
            return None
        if isinstance(values, dict):
            return {name: mx.nd.array(value, dtype=dtype) for name, value in values.items()}
        return [None if value is None else mx.nd.array(value, dtype=dtype) for value in values]

    def bound(symbol, args, args_grad=None, grad_req="write", aux_states=None, **more):
        return symbol.bind(
            mx.cpu(), arrays(args), arrays(args_grad), grad_req, arrays(aux_states), **more
        )

    def text(name):
        return name if isinstance(name, str) else name.decode()

    space = {"mx": mx, "sym": mx.sym, "nd": mx.nd, "np": np}
    space.update(bound=bound, arrays=arrays, text=text)
    first, last = compiled(code)
    with mx.name.NameManager(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(first, space)
            value = plain(eval(last, space))
        except Exception as error:
            return Failure(mx, error)
    told = [w for w in caught if not issubclass(w.category, (DeprecationWarning, ResourceWarning))]
    return Warns(value) if told else value


class Failure:
    """An exception as an answer: equal to the `Raises` of any kind that it is."""

    def __init__(self, mx, error):
        self.error, self.mx = error, mx

    def __eq__(self, other):
        if not isinstance(other, Raises):
            return False
        named = {
            "MXNetError": getattr(self.mx, "MXNetError", None) or self.mx.base.MXNetError,
            "NotForSymbol": self.mx.base.NotImplementedForSymbol,
        }
        kind = named.get(other.kind) or getattr(builtins, other.kind)
        return isinstance(self.error, kind)

    __hash__ = None

    def __repr__(self):
        text = str(self.error).strip().splitlines()
        return f"{type(self.error).__name__}: {text[0] if text else ''}"


def agrees(found, expected):
    """Return whether an answer is the expected one."""
    if isinstance(found, Failure) or isinstance(expected, Anything):
        return bool(found == expected) if not isinstance(expected, Anything) else True
    return same(expected, found)


def rows(*modules):
    """Return all rows as parameters for pytest."""
    import pytest  # MXNet's Python has none

    return [
        pytest.param(code, expected, id=f"{section}: {code.splitlines()[-1][:60]}")
        for module in modules
        for section, table in module.TABLES.items()
        for code, expected in table
    ]


def check(ms, code, expected):
    """Run a row under minisym; raise what it raised if that is not what the row says."""
    here = expected.here if isinstance(expected, Differs) else expected
    found = answer(ms, code)
    if isinstance(found, Failure) and not agrees(found, here):
        raise found.error
    assert agrees(found, here), f"{code}\n-> {found!r}, not {here!r}"

"""Checks of a symbol's gradients and values, by finite differences and by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minisym.core.ndarray import Array
from minisym.core.symbol import Symbol

Location = Mapping[str, Any] | Sequence[Any]


def _by_name(names: Sequence[str], values: Location | None, dtype: Any) -> dict[str, Array]:
    """Return arrays by name from a list in order or a dict."""
    if values is None:
        return {}
    pairs = values.items() if isinstance(values, Mapping) else zip(names, values, strict=True)
    return {name: np.array(value, dtype=_dtype(value, dtype)) for name, value in pairs}


def _dtype(value: Any, dtype: Any) -> Any:
    given = np.asarray(value).dtype
    return given if given.kind in "iub" else dtype or given


def check_numeric_gradient(
    sym: Symbol,
    location: Location,
    aux_states: Location | None = None,
    numeric_eps: float = 1e-4,
    rtol: float = 1e-2,
    atol: float | None = None,
    grad_nodes: Sequence[str] | Mapping[str, str] | None = None,
    use_forward_train: bool = True,
    ctx: Any = None,
    grad_stype_dict: Any = None,
    dtype: Any = np.float64,
) -> None:
    r"""Compare the gradients of a symbol with central differences.

    The outputs are projected on random numbers $r$; the derivative of $\sum_i r_i y_i$ by each
    element of each argument must be $(f(x + \epsilon/2) - f(x - \epsilon/2)) / \epsilon$.

    Parameters
    ----------
    sym
        What to differentiate.
    location
        The arguments: a list in the order of `list_arguments`, or a dict.
    aux_states
        The auxiliary states, likewise.
    numeric_eps
        The step of the differences.
    rtol, atol
        The tolerance.
    grad_nodes
        The arguments to check, all of floating type by default.
    use_forward_train
        Whether the values are those of is_train=True.
    ctx, grad_stype_dict
        Accepted for ported code.
    dtype
        The type to compute in.

    Raises
    ------
    AssertionError
        The gradients differ; the message says where.

    Examples
    --------
    >>> import numpy as np
    >>> from minisym import sym
    >>> x = sym.Variable("x")
    >>> check_numeric_gradient(sym.tanh(x) * x, [np.array([0.5, -1.0])])
    """
    del ctx, grad_stype_dict
    arguments = _by_name(sym.list_arguments(), location, dtype)
    states = _by_name(sym.list_auxiliary_states(), aux_states, dtype)
    names = list(grad_nodes or [n for n, a in arguments.items() if a.dtype.kind == "f"])
    rng = np.random.default_rng(0)
    runner = sym.bind(
        args=arguments, aux_states={n: a.copy() for n, a in states.items()}, grad_req="null"
    )
    outputs = runner.forward(is_train=use_forward_train)
    weights = [np.asarray(rng.uniform(0.5, 1.5, o.shape), o.dtype) for o in outputs]

    def value() -> float:
        for name, state in states.items():
            runner.aux_dict[name][...] = state
        found = runner.forward(is_train=use_forward_train)
        return float(
            sum(np.sum(w * np.asarray(o, np.float64)) for w, o in zip(weights, found, strict=True))
        )

    gradients = {name: np.zeros_like(arguments[name]) for name in names}
    executor = sym.bind(
        args=arguments, args_grad=gradients, grad_req="write",
        aux_states={n: a.copy() for n, a in states.items()},
    )  # fmt: skip
    executor.forward(is_train=True)
    executor.backward(weights)
    for name in names:
        array = arguments[name]
        numeric = np.empty_like(array)
        for where in np.ndindex(array.shape):
            kept = array[where]
            array[where] = kept + numeric_eps / 2
            above = value()
            array[where] = kept - numeric_eps / 2
            below = value()
            array[where] = kept
            numeric[where] = (above - below) / numeric_eps
        np.testing.assert_allclose(
            gradients[name],
            numeric,
            rtol=rtol,
            atol=1e-3 * max(1.0, float(np.abs(numeric).max(initial=0))) if atol is None else atol,
            err_msg=f"gradient of {sym!r} by {name}",
        )


def check_symbolic_forward(
    sym: Symbol,
    location: Location,
    expected: Sequence[Any] | Mapping[str, Any],
    rtol: float = 1e-4,
    atol: float | None = None,
    aux_states: Location | None = None,
    ctx: Any = None,
    equal_nan: bool = False,
    dtype: Any = np.float32,
) -> list[Array]:
    """Compare the outputs of a symbol with what they should be; return them.

    >>> import numpy as np
    >>> from minisym import sym
    >>> _ = check_symbolic_forward(sym.Variable("x") * 2, [np.array([1.0])], [np.array([2.0])])
    """
    del ctx
    executor = sym.bind(
        args=_by_name(sym.list_arguments(), location, dtype),
        grad_req="null",
        aux_states=_by_name(sym.list_auxiliary_states(), aux_states, dtype),
    )
    outputs = [o.asnumpy() for o in executor.forward(is_train=False)]
    names = sym.list_outputs()
    wanted = [expected[n] for n in names] if isinstance(expected, Mapping) else expected
    for name, got, want in zip(names, outputs, wanted, strict=True):
        np.testing.assert_allclose(
            got, want, rtol=rtol, atol=1e-6 if atol is None else atol, equal_nan=equal_nan,
            err_msg=f"output {name}",
        )  # fmt: skip
    return outputs


def check_symbolic_backward(
    sym: Symbol,
    location: Location,
    out_grads: Any,
    expected: Sequence[Any] | Mapping[str, Any],
    rtol: float = 1e-5,
    atol: float | None = None,
    aux_states: Location | None = None,
    grad_req: str | Sequence[str] | Mapping[str, str] = "write",
    ctx: Any = None,
    grad_stypes: Any = None,
    equal_nan: bool = False,
    dtype: Any = np.float32,
) -> dict[str, Array]:
    """Compare the gradients of a symbol with what they should be; return them by name.

    >>> import numpy as np
    >>> from minisym import sym
    >>> x = np.array([3.0], np.float32)
    >>> _ = check_symbolic_backward(sym.square(sym.Variable("x")), [x], [x], [2 * x * x])
    """
    del ctx, grad_stypes
    names = sym.list_arguments()
    arguments = _by_name(names, location, dtype)
    wanted = (
        dict(expected) if isinstance(expected, Mapping) else dict(zip(names, expected, strict=True))
    )
    rng = np.random.default_rng(0)
    before = {n: np.asarray(rng.normal(size=a.shape), a.dtype) for n, a in arguments.items()}
    gradients = {n: a.copy() for n, a in before.items()}
    if isinstance(grad_req, str):
        requests = dict.fromkeys(names, grad_req)
    elif isinstance(grad_req, Mapping):
        requests = dict(grad_req)
    else:
        requests = dict(zip(names, grad_req, strict=True))
    executor = sym.bind(
        args=arguments,
        args_grad=gradients,
        grad_req=requests,
        aux_states=_by_name(sym.list_auxiliary_states(), aux_states, dtype),
    )
    executor.forward(is_train=True)
    if isinstance(out_grads, list | tuple):
        out_grads = [None if g is None else np.asarray(g, dtype) for g in out_grads]
    executor.backward(out_grads)
    for name, want in wanted.items():
        request = requests.get(name, "null")
        got = gradients[name] - before[name] if request == "add" else gradients[name]
        target = before[name] if request == "null" else want
        np.testing.assert_allclose(
            got, target, rtol=rtol, atol=1e-6 if atol is None else atol, equal_nan=equal_nan,
            err_msg=f"gradient by {name}",
        )  # fmt: skip
    return gradients

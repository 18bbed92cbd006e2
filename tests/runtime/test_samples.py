"""Layers whose samples are shared by workers give the same numbers, up to last digits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_conv_nets import arrays_of, conv_nets

import minisym as ms
from minisym import sym
from minisym.runtime import samples
from minisym.runtime.workers import Work


@pytest.fixture(autouse=True)
def all_is_shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """However small it is, and whatever is faster."""
    monkeypatch.setattr(samples, "LEAST_ELEMENTS", 0)
    monkeypatch.setattr(Work, "_choose", lambda _: (True, False))
    yield
    ms.set_num_threads(1)


def shared(executor: Any) -> list[str]:
    """Return the names of the nodes that workers share."""
    program = executor._plans.quick(is_train=False).program(is_train=False)
    parts = [*program.forward, *program.backward]
    return [
        node.name
        for node, steps in parts
        if any(isinstance(getattr(function, "__self__", None), Work) for function, _ in steps)
    ]


@given(conv_nets(), st.integers(1, 3), st.integers(0, 99))
def test_outputs_and_gradients(net: Any, threads: int, seed: int) -> None:
    symbol, shape = net
    runs = []
    for number in (1, threads):
        ms.set_num_threads(number)
        args, states = arrays_of(symbol, shape, seed)
        slopes = {name: np.zeros_like(a) for name, a in args.items()}
        executor = symbol.bind(args=args, args_grad=slopes, aux_states=states)
        (output,) = executor.forward(is_train=True)
        executor.backward(np.cos(np.arange(output.size).reshape(output.shape)))
        runs.append([output.copy(), *slopes.values(), executor.forward()[0].copy()])
    for found, want in zip(*runs, strict=True):
        np.testing.assert_allclose(found, want, rtol=0, atol=1e-11 * max(abs(want).max(), 1))


def test_what_is_shared() -> None:
    x = sym.Convolution(sym.Variable("data"), kernel=(3, 3), num_filter=4, name="conv")
    x = sym.Pooling(sym.tanh(x, name="tanh"), kernel=(2, 2), pool_type="avg", name="pool")
    net = sym.FullyConnected(sym.Flatten(x), num_hidden=2, name="fc")
    args, _ = arrays_of(net, (4, 2, 6, 6), 0)
    slopes = {"conv_weight": np.zeros_like(args["conv_weight"])}
    ms.set_num_threads(2)
    executor = net.bind(args=args, args_grad=slopes)
    assert shared(executor) == [
        "conv",
        "pool",
        "pool_backward_pool_back0",
        "conv_backward_correlate_filters0",
    ]


def test_a_single_sample_is_not_cut() -> None:
    net = sym.Convolution(sym.Variable("data"), kernel=(3, 3), num_filter=4, name="conv")
    args, _ = arrays_of(net, (1, 2, 6, 6), 0)
    ms.set_num_threads(2)
    assert not shared(net.bind(args=args, grad_req="null"))


def test_little_work_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    net = sym.Convolution(sym.Variable("data"), kernel=(3, 3), num_filter=4, name="conv")
    args, _ = arrays_of(net, (4, 2, 6, 6), 0)
    ms.set_num_threads(2)
    assert not shared(net.bind(args=args, grad_req="null"))

"""BLAS has one thread while workers share layers, and has its own again behind them."""

from __future__ import annotations

import os
import threading
import warnings
from typing import Any

import numpy as np
import pytest

import minisym as ms
from minisym import sym
from minisym.runtime import program
from minisym.runtime.blas import one_thread_of_blas

threadpoolctl = pytest.importorskip("threadpoolctl")


def number() -> int:
    """Return how many threads BLAS has."""
    found = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    return max((pool["num_threads"] for pool in found), default=0)


MANY = number()
"""How many it has if nobody sets a limit: whoever sets one keeps other threads from doing so."""

pytestmark = pytest.mark.skipif(MANY < 2, reason="this BLAS has one thread")


@pytest.mark.parametrize("is_first_out_first", [True, False])
def test_contexts_may_overlap(*, is_first_out_first: bool) -> None:
    """Those of two executors in two threads: who came first brings the threads back."""
    first_in, first_may_go = threading.Event(), threading.Event()

    def first() -> None:
        with one_thread_of_blas():
            first_in.set()
            first_may_go.wait(30)

    thread = threading.Thread(target=first)
    thread.start()
    first_in.wait(30)
    with one_thread_of_blas():
        with one_thread_of_blas():
            assert number() == 1
        assert number() == 1
        if is_first_out_first:
            first_may_go.set()
            thread.join()
            assert number() == MANY
    if not is_first_out_first:
        assert number() == 1
        first_may_go.set()
        thread.join()
    assert number() == MANY


def test_an_error_brings_the_threads_back() -> None:
    """As the end does."""
    with pytest.raises(LookupError), one_thread_of_blas():
        raise LookupError
    assert number() == MANY


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_may_enter_on_its_own() -> None:
    """Nobody is inside there."""
    with one_thread_of_blas(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it may deadlock: that is the test
        child = os.fork()
        if child == 0:
            with one_thread_of_blas():
                os._exit(0 if number() == 1 else 1)
    assert number() == MANY
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(("workers", "batch", "inside"), [(2, 64, 1), (2, 1, MANY), (1, 64, MANY)])
def test_a_run_in_which_layers_are_shared_has_one_thread(
    monkeypatch: pytest.MonkeyPatch, workers: int, batch: int, inside: int
) -> None:
    """All of it: the product of the layer behind the shared one, too."""
    seen = []

    def watched(*arguments: Any) -> None:
        seen.append(number())
        plain(*arguments)

    plain = program.run_through
    monkeypatch.setattr(program, "run_through", watched)
    monkeypatch.setattr("minisym.runtime.plan.run_through", watched)
    ms.set_num_threads(workers)
    try:
        x = sym.Convolution(sym.Variable("data"), kernel=(5, 5), num_filter=8, name="a")
        net = sym.FullyConnected(x, num_hidden=3, name="b")
        executor = net.simple_bind(data=(batch, 3, 24, 24))
        executor.forward(is_train=True)
        executor.backward(np.ones((batch, 3), np.float32))
    finally:
        ms.set_num_threads(1)
    assert seen == [inside, inside]
    assert number() == MANY

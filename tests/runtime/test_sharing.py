"""One executor for several callers: threads, runs within runs, callers who go away; odd arrays."""

from __future__ import annotations

import contextvars
import copy
import gc
import pickle
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import minisym as ms
from minisym import sym

SIZE = 500


@pytest.fixture
def net():
    """Return an update beside what it reads."""
    w, g, x = map(sym.Variable, "wgx")
    return sym.Group([sym.sgd_update(w, g, lr=1.0), sym.tanh(x * 2), sym.sum(x)])


@pytest.fixture
def bound():
    return {"w": np.zeros(3), "g": np.ones(3), "x": np.zeros(SIZE)}


# --------------------------------------------------------------------------------------- threads


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("threads", [2, 4])
def test_threads_get_their_own_outputs(net, bound, threads, watched):
    executor = net.bind(args=bound)
    if watched:
        executor.set_monitor_callback(lambda *_: None)
    runs, start = 60, threading.Barrier(threads)

    def work(number):
        start.wait()
        found = []
        for i in range(runs):
            value = number + i / runs
            given = np.full(SIZE, value)
            try:
                run = executor.step(x=given).finish if i % 7 == 3 else executor.forward
                outputs = run() if i % 7 == 3 else run(x=given)
            except ms.ExecutionError as error:  # the run that waited was given up for another's
                assert "another run of this executor began" in str(error)  # noqa: PT017
            else:
                found.append((value, *map(np.array, outputs)))
        return found

    with ThreadPoolExecutor(threads) as pool:
        answers = [pair for found in pool.map(work, range(threads)) for pair in found]
    assert len(answers) > threads
    for value, _, squashed, total in answers:
        np.testing.assert_allclose(squashed, np.tanh(np.full(SIZE, value) * 2))
        np.testing.assert_allclose(total, SIZE * value)
    assert executor.runs == len(answers)
    assert bound["w"].tolist() == [-executor.runs] * 3  # each run's update has landed once


def test_the_first_thread_keeps_what_it_got(net, bound):
    executor = net.bind(args=bound)
    mine = executor.forward(x=np.ones(SIZE))
    before = [np.array(mine[i]) for i in (1, 2)]
    other = threading.Thread(target=executor.forward, kwargs={"x": np.zeros(SIZE)})
    other.start()
    other.join()
    assert [np.array(mine[i]).tobytes() for i in (1, 2)] == [a.tobytes() for a in before]
    assert executor.outputs[2].item() == 0


def test_a_run_within_a_run_of_another_executor(bound):
    """Even in a new context, as one of another task has."""
    inner = sym.exp(sym.Variable("x")).bind(args={"x": np.full(2, 800.0)})
    outer = sym.exp(sym.Variable("x")).bind(args={"x": np.full(2, 800.0)})
    seen = []

    def look(*_):
        seen.append(inner.forward()[0].tolist())
        seen.append(contextvars.Context().run(inner.forward)[0].tolist())

    outer.set_monitor_callback(look)
    outer.forward()  # infinities are values: no warning comes out
    assert seen == [[np.inf] * 2] * 2


def test_a_run_within_a_run_of_the_same_executor_is_refused(net, bound):
    executor = net.bind(args=bound)
    executor.set_monitor_callback(lambda *_: executor.forward())
    with pytest.raises(ms.ExecutionError, match="this executor is running"):
        executor.forward()
    assert bound["w"].tolist() == [0, 0, 0]
    executor.set_monitor_callback(None)
    executor.forward()
    assert bound["w"].tolist() == [-1, -1, -1]


# ---------------------------------------------------------------------------- callers who go away


def test_a_run_that_is_dropped_changes_nothing(net, bound):
    executor = net.bind(args=bound)
    executor.forward(x=np.ones(SIZE))
    before = {name: array.tobytes() for name, array in bound.items()}
    shown = [output.tobytes() for output in executor.outputs]
    run = executor.step(x=np.full(SIZE, 5.0), g=np.full(3, 7.0), backward=False)
    next(run)
    del run
    gc.collect()
    assert {name: array.tobytes() for name, array in bound.items()} == before
    assert [output.tobytes() for output in executor.outputs] == shown
    executor.forward()
    assert executor.outputs[2].item() == SIZE


def test_a_run_that_waits_is_given_up_by_whatever_changes_its_arrays(net, bound):
    executor = net.bind(args=bound)
    for begin in (
        executor.forward,
        executor.step,
        executor.profile,
        lambda: executor.copy_params_from({"w": np.ones(3)}),
    ):
        run = executor.step()
        next(run)
        begin()
        before = bound["w"].copy()
        with pytest.raises(ms.ExecutionError, match="another run"):
            run.finish()
        assert bound["w"].tolist() == before.tolist()


def test_an_executor_is_not_copied(net, bound):
    executor = net.bind(args=bound)
    for refused in (copy.copy, copy.deepcopy):
        with pytest.raises(ms.ExecutionError, match=r"(?s)cannot be copied.*bind the symbol"):
            refused(executor)
    with pytest.raises(ms.ExecutionError, match=r"(?s)cannot be pickled.*pickle executor.symbol"):
        pickle.dumps(executor)


# ------------------------------------------------------------------------ arrays by name, and fed


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.__setitem__("w", np.ones(3)),
        lambda d: d.__delitem__("w"),
        lambda d: d.__ior__({"w": np.ones(3)}),
        lambda d: d.update(w=np.ones(3)),
        lambda d: d.update({"w": np.ones(3)}),
        lambda d: d.setdefault("w", np.ones(3)),
        lambda d: d.pop("w"),
        lambda d: d.popitem(),
        lambda d: d.clear(),
    ],
)
def test_another_array_cannot_take_the_place_of_one(net, bound, change):
    executor = net.bind(args=bound)
    with pytest.raises(ms.ArrayTypeError, match=r"(?s)'w' is bound.*write into it: …\['w'\]\[:\]"):
        change(executor.arg_dict)
    executor.arg_dict["w"][:] = 5
    assert bound["w"].tolist() == [5, 5, 5]


def test_a_copy_of_the_arrays_by_name_is_a_plain_dict(net, bound):
    arrays = net.bind(args=bound).arg_dict
    for made in (copy.copy(arrays), copy.deepcopy(arrays), pickle.loads(pickle.dumps(arrays))):
        made["w"] = 1
        assert type(made) is dict
    assert not np.shares_memory(copy.deepcopy(arrays)["w"], bound["w"])
    with pytest.raises(ms.ArrayTypeError, match="nothing named 'v' is bound"):
        arrays["v"] = np.ones(3)


def test_an_array_in_the_place_of_the_mode_is_named(net, bound):
    executor = net.bind(args=bound)
    for call in (executor.forward, executor.step, lambda a: executor.profile(1, is_train=a)):
        with pytest.raises(ms.ArrayTypeError, match=r"(?s)got ndarray.*forward\(x=array\)"):
            call(np.ones(SIZE))
    with pytest.raises(ms.ArrayTypeError, match="must be True or False, but got str"):
        executor.forward("train")
    for mode in (True, np.True_, 1, np.int64(1), 0, np.False_):
        executor.forward(mode)
        assert executor._last["is_train"] is bool(mode)


def test_values_that_are_fed_are_those_of_before(net, bound):
    """Also where they are views of what the same call overwrites."""
    a, b = np.arange(4.0), np.arange(4.0) + 10
    executor = (sym.Variable("a") - sym.Variable("b")).bind(args={"a": a, "b": b})
    assert executor.forward(a=b, b=a)[0].tolist() == [10] * 4
    assert (a.tolist(), b.tolist()) == ([10, 11, 12, 13], [0, 1, 2, 3])
    executor.forward(a=a[::-1])
    assert a.tolist() == [13, 12, 11, 10]
    executor.copy_params_from({"a": b[::-1], "b": a[::-1]})
    assert (a.tolist(), b.tolist()) == ([3, 2, 1, 0], [10, 11, 12, 13])
    executor.copy_params_from(executor.arg_dict)
    assert (a.tolist(), b.tolist()) == ([3, 2, 1, 0], [10, 11, 12, 13])


MASKED = np.ma.masked_array(np.ones(3), [1, 0, 0])
ODD = {
    "masked": MASKED,
    "object": np.ones(3, object),
    "structured": np.zeros(3, "f8,f8"),
    "complex": np.ones(3, complex),
    "text": np.full(3, "1"),
    "dates": np.zeros(3, "M8[s]"),
}


def _all_ways(array):
    """Yield each way of giving an array to an executor, and where it arrives."""
    g = np.zeros(3)
    executor = sym.sgd_update(sym.Variable("w"), sym.Variable("g"), lr=1.0).bind(
        args={"w": np.zeros(3), "g": g}
    )
    yield lambda: executor.forward(g=array), g
    yield lambda: executor.step(g=array).finish(), g
    yield lambda: executor.copy_params_from({"g": array}), g
    into = np.zeros(3)
    squares = (sym.Variable("x") * 1).bind(args={"x": np.ones(3)}, args_grad={"x": into})
    squares.forward(is_train=True)
    yield lambda: squares.backward(array), into


@pytest.mark.parametrize("name", ODD)
def test_odd_arrays_are_refused(name):
    for give, where in _all_ways(ODD[name]):
        with pytest.raises(ms.ArrayTypeError, match=r"takes numbers|masked array"):
            give()
        assert where.tolist() == [0, 0, 0]
    step = sym.sgd_update(sym.Variable("w"), sym.Variable("g"), lr=1.0)
    for given in ({"w": ODD[name], "g": np.ones(3)}, {"w": np.ones(3), "g": ODD[name]}):
        with pytest.raises(ms.ArrayTypeError, match=r"masked|which no op takes"):
            step.bind(args=given)


def _read_only():
    array = np.arange(3.0)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "array",
    [
        _read_only(),
        np.arange(3.0).astype(">f8"),
        np.arange(3, dtype=np.longdouble),
        np.arange(3.0).view(np.recarray),
        np.array([False, True, True]) * np.arange(3, dtype=np.uint8),
        np.broadcast_to(np.arange(3.0), (3, 3))[1],
    ],
    ids=["read-only", "swapped", "long", "record", "small", "broadcast"],
)
def test_other_arrays_of_numbers_are_right(array):
    for give, where in _all_ways(array):
        give()
        assert where.tolist() == [0, 1, 2]


def test_a_matrix_computes_as_an_array():
    """Its `*` would be a product of matrices."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        matrix = np.matrix([[1.0, 2.0], [3.0, 4.0]])
    x = sym.Variable("x")
    executor = sym.Group([x * x, sym.sgd_update(x, x * 1, lr=0.5)]).bind(args={"x": matrix})
    assert executor.forward()[0].tolist() == [[1, 4], [9, 16]]
    assert matrix.tolist() == [[0.5, 1], [1.5, 2]]


def test_numbers_too_large_for_a_type_are_infinite_without_a_word():
    into = np.zeros(2, np.float16)
    executor = (sym.Variable("x") * 1).bind(args={"x": into.copy()}, args_grad={"x": into})
    large = np.array([1e300, 1.0])
    assert executor.forward(x=large)[0].tolist() == [np.inf, 1]
    executor.backward(large)
    assert into.tolist() == [np.inf, 1]
    executor.copy_params_from({"x": -large})
    assert executor.forward()[0].tolist() == [-np.inf, -1]

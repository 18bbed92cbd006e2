"""Updates in cache-sized pieces: the kernel's own bits, whatever the arrays are like."""

from __future__ import annotations

import copy
from typing import Any

import engines
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minisym as ms
from minisym import sym
from minisym.core.node import Entry, Node
from minisym.ops.numeric.tape import Traced
from minisym.runtime import pieces
from minisym.runtime.steps import steps_of

STATES = {
    "sgd_update": 0, "signsgd_update": 0, "sgd_mom_update": 1, "nag_mom_update": 1,
    "signum_update": 1, "lion_update": 1, "ef_signsgd_update": 1, "adam_update": 2,
    "adagrad_update": 1, "dcasgd_update": 2,
}  # fmt: skip
SIZES = st.sampled_from([1, 7, 15, 16, 17, 31, 32, 33, 48, 65])  # rows of 2: around pieces of 32
LAYOUTS = ("plain", "strided", "reversed", "transposed", "read from a file's middle")


def by_kernel(name: str, arrays: dict[str, Any], hyper: dict[str, Any]):
    """Do one update by calling the kernel on whole arrays, and write what it returns."""
    op = copy.copy(ms.op.get(name))
    op.prepare = None
    params = op.read_params(hyper)
    places = {place: slot for slot, place in op.writes.items()}
    outs = [np.empty_like(arrays[places[i]]) for i in range(len(op.outputs))]
    with np.errstate(all="ignore"):
        inputs = tuple(Entry(Node(None, slot)) for slot in op.input_names(params))
        node = Node(op, "update", inputs, params)
        for function, arguments in steps_of(node, [*arrays.values()], outs, is_train=False):
            function(*arguments)
    for i, out in enumerate(outs):
        arrays[places[i]][...] = out


def laid_out(values: Any, layout: str) -> Any:
    """Return an array with these values in memory of this layout."""
    count, width = values.shape
    if layout == "strided":
        target = np.zeros((2 * count, width), values.dtype)[::2]
    elif layout == "reversed":
        target = np.zeros_like(values)[::-1]
    elif layout == "transposed":
        target = np.zeros((width, count), values.dtype).T
    elif layout == "plain":
        target = np.zeros_like(values)
    else:  # not aligned
        raw = np.zeros(values.nbytes + 1, np.uint8)[1:]
        target = raw.view(values.dtype).reshape(values.shape)
    target[...] = values
    return target


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_arrays_give_what_the_kernel_gives_on_copies(data: Any):
    """Each array has a layout of its own; pieces of 32 elements; a chain of three runs.

    What is only read cannot be written.
    """
    name = data.draw(st.sampled_from(sorted(STATES)))
    size = data.draw(SIZES)
    dtype = data.draw(st.sampled_from(["float16", "float32", "float64"]))
    hyper: dict[str, Any] = {"lr": data.draw(st.sampled_from([0.0, 0.1, 1.0]))}
    hyper |= data.draw(st.sampled_from([{}, {"wd": 0.5}, {"rescale_grad": 0.25}]))
    hyper |= data.draw(st.sampled_from([{}, {"clip_gradient": 0.5}]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    names = [i.name for i in ms.op.get(name).inputs]
    plain = {n: np.abs(rng.normal(size=(size, 2))).astype(dtype) for n in names}
    plain["grad"] *= rng.integers(-1, 2, (size, 2)).astype(dtype)
    bound = {n: laid_out(a, data.draw(st.sampled_from(LAYOUTS))) for n, a in plain.items()}
    bound["grad"].flags.writeable = False
    symbol = getattr(sym, name)(*map(sym.Variable, names), **hyper)
    engine = data.draw(st.sampled_from(engines.FOUND))
    with pytest.MonkeyPatch.context() as patch, engines.using(engine):
        patch.setattr(pieces, "PIECE", 32)
        patch.setattr(pieces, "ROOMY", 8)
        executor = symbol.bind(args=bound, aux_states=bound)
        for _ in range(3):
            executor.forward()
            by_kernel(name, plain, hyper)
    for n, want in plain.items():
        np.testing.assert_array_equal(bound[n], want, err_msg=n)
        np.testing.assert_array_equal(np.signbit(bound[n]), np.signbit(want), err_msg=n)


def test_no_two_values_of_a_tape_are_taken_for_one():
    """Those that nobody reads are gone when others are made, and memory is given again."""
    assert len({Traced([], np.float32).identity for _ in range(100)}) == 100


@pytest.mark.parametrize("name", sorted(STATES))
def test_a_weight_that_is_its_own_gradient(name: str, rng: Any):
    """One Variable in both places, as in weight decay by hand: all reads are of the old value."""
    weight = rng.normal(size=100)
    states = [np.abs(rng.normal(size=100)) for _ in range(STATES[name])]
    w, rest = sym.Variable("w"), [f"s{i}" for i in range(len(states))]
    symbol = getattr(sym, name)(w, w, *map(sym.Variable, rest), lr=0.25, wd=0.5)
    names = [i.name for i in ms.op.get(name).inputs]
    want = {n: a.copy() for n, a in zip(names, [weight, weight, *states], strict=True)}
    by_kernel(name, want, {"lr": 0.25, "wd": 0.5})
    arrays = {"w": weight, **dict(zip(rest, states, strict=True))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE", 32)
        patch.setattr(pieces, "ROOMY", 8)
        symbol.bind(args=arrays, aux_states=arrays).forward()
    del want["grad"]
    for got, expected in zip([weight, *states], want.values(), strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("engine", engines.FOUND)
@pytest.mark.parametrize("name", ["sgd_mom_update", "adam_update", "signsgd_update"])
def test_a_number_is_a_weight_too(name: str, engine: str):
    """Arrays without dimensions, under MXNet's switch that lets shapes be ()."""
    arrays = [np.array(x) for x in (2.0, 0.5, 0.25, 0.125)[: 2 + STATES[name]]]
    names = [i.name for i in ms.op.get(name).inputs]
    want = {n: a.reshape(1).copy() for n, a in zip(names, arrays, strict=True)}
    by_kernel(name, want, {"lr": 0.5})
    with ms.util.np_shape(True), engines.using(engine):
        bound = dict(zip(names, arrays, strict=True))
        symbol = getattr(sym, name)(*map(sym.Variable, names), lr=0.5)
        symbol.bind(args=bound, aux_states=bound).forward()
    assert [a.item() for a in arrays] == [a.item() for a in want.values()]


@pytest.mark.parametrize("engine", engines.FOUND)
@pytest.mark.parametrize("name", sorted(STATES))
def test_nothing_is_a_weight_too(name: str, engine: str):
    """Arrays of size 0, under the same switch."""
    names = [i.name for i in ms.op.get(name).inputs]
    for shape in ((0,), (0, 2), (3, 0)):
        with ms.util.np_shape(True), engines.using(engine):
            arrays = {n: np.zeros(shape, np.float32) for n in names}
            symbol = getattr(sym, name)(*map(sym.Variable, names), lr=0.5)
            assert symbol.bind(args=arrays, aux_states=arrays).forward()[0].shape == shape

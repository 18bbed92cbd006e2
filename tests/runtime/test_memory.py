"""Arrays of any layout, and arrays that share memory: right, or refused when they are bound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

import minisym as ms
from minisym import sym
from minisym.runtime.aliasing import _overlaps_itself

# --------------------------------------------------------------------------------------- layouts


def _memmap(values, tmp_path):
    """Return an array in the middle of a file, at an odd place."""
    path = tmp_path / f"{np.random.default_rng().integers(1 << 60)}.bin"
    path.write_bytes(bytes(values.nbytes + 16))
    array = np.memmap(path, values.dtype, "r+", offset=3, shape=values.shape)
    array[...] = values
    return array


def _in(make):
    def laid_out(values, _):
        array = make(values.shape, values.dtype)
        array[...] = values
        return array

    return laid_out


LAYOUTS = {
    "C": _in(np.zeros),
    "Fortran": _in(lambda shape, dtype: np.zeros(shape, dtype, order="F")),
    "transposed": _in(lambda shape, dtype: np.zeros(shape[::-1], dtype).T),
    "strided": _in(lambda shape, dtype: np.zeros((2 * shape[0], 3 * shape[1]), dtype)[::2, 1::3]),
    "reversed": _in(lambda shape, dtype: np.zeros(shape, dtype)[::-1, ::-1]),
    "column": _in(lambda shape, dtype: np.zeros((*shape, 2), dtype)[..., 1]),
    "unaligned": _in(
        lambda shape, dtype: (
            np.zeros(8 * shape[0] * shape[1] + 1, np.uint8)[1:]
            .view(dtype)[: shape[0] * shape[1]]
            .reshape(shape)
        )
    ),
    "file": _memmap,
}


def _net():
    """Return outputs of every kind: an update, its Variable, views and readers of both, a loss."""
    w, g, m = map(sym.Variable, "wgm")
    update = sym.sgd_mom_update(w, g * 1, m, lr=0.5, momentum=0.5, name="update")
    heads = [update, w, sym.Flatten(w), sym.reshape(w, shape=(-1,)), sym.transpose(w), sym.tanh(w)]
    inner = sym.tanh(sym.reshape(g, shape=(-1,))), sym.sum(sym.reshape(w, shape=(-1,)))
    return sym.Group([*heads, *inner, update + w, sym.reshape(update, shape=(-1,)), g])


def _run(kind, executor):
    if kind == "internals":
        _ = executor.internals
    if kind == "monitor":
        executor.set_monitor_callback(lambda *_: None, monitor_all=True)
    for _ in range(2):
        executor.arg_dict["g"][...] *= 2  # what a view of it would see
        if kind == "nan_guard":
            with executor.nan_guard():
                outputs = executor.forward()
        elif kind == "step":
            outputs = executor.step().finish()
        elif kind == "fed":
            outputs = executor.forward(g=executor.arg_dict["g"][::-1], w=executor.arg_dict["w"].T.T)
        elif kind == "profile":
            before = [array.tobytes() for array in executor.arg_arrays]
            executor.profile(2)
            assert [array.tobytes() for array in executor.arg_arrays] == before
            outputs = executor.forward()
        else:
            outputs = executor.forward()
    return [np.array(output) for output in outputs]


@pytest.mark.parametrize("kind", ["plain", "internals", "monitor", "nan_guard", "step", "fed"])
@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "C"])
def test_every_kind_of_run_over_every_layout(layout, kind, rng, tmp_path):
    """The outputs and what is written are those of plain arrays in a plain run."""
    values = {name: rng.normal(size=(4, 5)) for name in "wgm"}
    found = {}
    for which, how in (("C", "fed" if kind == "fed" else "plain"), (layout, kind)):
        bound = {name: LAYOUTS[which](array, tmp_path) for name, array in values.items()}
        executor = _net().bind(args=bound, aux_states=bound)
        outputs = _run(how, executor)
        shown = [np.array(output) for output in executor.outputs]
        found[which] = [*outputs, *shown, *map(np.array, bound.values())]
    for one, other in zip(*found.values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-15)


@pytest.mark.parametrize("request_", ["write", "add"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_gradients_reach_arrays_of_every_layout(layout, request_, rng, tmp_path):
    x, w = rng.normal(size=(3, 5)), rng.normal(size=(4, 5))
    net = sym.FullyConnected(sym.Variable("x"), sym.Variable("w"), no_bias=True, num_hidden=4)
    bound = {"x": LAYOUTS[layout](x, tmp_path), "w": LAYOUTS[layout](w, tmp_path)}
    into = {name: LAYOUTS[layout](np.ones_like(array), tmp_path) for name, array in bound.items()}
    executor = net.bind(args=bound, args_grad=into, grad_req=request_)
    executor.forward(is_train=True)
    head = rng.normal(size=(3, 4))
    executor.backward(LAYOUTS[layout](head, tmp_path))
    old = request_ == "add"
    np.testing.assert_allclose(into["x"], head @ w + old)
    np.testing.assert_allclose(into["w"], head.T @ x + old)


# ------------------------------------------------------------------------------- shared memory

SIZE = 48
SHAPE = (2, 3)


@st.composite
def places(draw):
    """Return a place in the memory of any kind: reversed, transposed, overlapping itself."""
    strides = [draw(st.integers(-5, 5)) for _ in SHAPE]
    reach = [(n - 1) * s for n, s in zip(SHAPE, strides, strict=True)]
    low, high = (sum(f(0, r) for r in reach) for f in (min, max))
    return draw(st.integers(-low, SIZE - 1 - high)), tuple(8 * s for s in strides)


def view(memory, place):
    start, strides = place
    return as_strided(memory[start:], SHAPE, strides)


GRAPHS = {
    "update": (lambda w, g: sym.signsgd_update(w, g, lr=1), "wg", "w"),
    "momentum": (lambda w, g, m: sym.sgd_mom_update(w, g, m, lr=1, momentum=0.5), "wgm", "wm"),
    "assignment": (lambda w, g: sym.Group([w * 2, sym.assign(w, g)]), "wg", "w"),
    "gradients": (lambda w, g: w * g, "wg", ""),
}


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_views_of_one_memory_are_refused_or_right(data):
    """What binds gives what separate arrays give, and changes nothing else of the memory."""
    memory = np.random.default_rng(data.draw(st.integers(0, 99))).integers(1, 9, SIZE).astype(float)
    compose, names, updated = GRAPHS[data.draw(st.sampled_from(sorted(GRAPHS)))]
    symbol = compose(*map(sym.Variable, names))
    at = {n: data.draw(places()) for n in names}
    requests = {}
    if not updated:
        requests = {n: data.draw(st.sampled_from(["write", "add", "null"])) for n in names}
    into = {n: data.draw(places()) for n in names if requests.get(n, "null") != "null"}
    if data.draw(st.booleans()):  # one place twice
        into, at = dict.fromkeys(into, at["w"]), at | {"g": at["w"]}

    def run(arrays, gradients):
        executor = symbol.bind(
            args=arrays, aux_states=arrays, args_grad=gradients or None, grad_req=requests or "null"
        )
        outputs = [np.array(output) for output in executor.forward()]
        executor.backward([np.full(SHAPE, 2.0)] * len(outputs))
        return outputs

    before = memory.copy()
    apart = {n: view(memory, place).copy() for n, place in at.items()}
    grown = {n: view(memory, place).copy() for n, place in into.items()}
    expected = run(apart, grown)
    readers = [view(memory, at[n]) for n in names if n not in updated]
    written = [view(memory, at[n]) for n in updated]
    sums = [view(memory, into[n]) for n in into if requests[n] == "add"]
    written += [view(memory, into[n]) for n in into if requests[n] == "write"]
    clash = (
        any(np.shares_memory(a, b) for i, a in enumerate(written) for b in written[:i])
        or any(np.shares_memory(a, b) for a in written for b in [*readers, *sums])
        or any(np.shares_memory(a, b) for a in sums for b in readers)
    )
    try:
        held = {place: view(memory, place) for place in (*at.values(), *into.values())}
        outputs = run(*({n: held[place] for n, place in d.items()} for d in (at, into)))
    except ms.BindError:
        assert clash or any(map(_overlaps_itself, [*written, *sums]))
        assert memory.tolist() == before.tolist()
        return
    assert not clash
    for found, right in zip(outputs, expected, strict=True):
        np.testing.assert_array_equal(found, right)
    right = before.copy()
    for n in updated:
        view(right, at[n])[...] = apart[n]
    for n, place in into.items():
        added = grown[n] - view(before, place)  # integers: exact
        view(right, place)[...] = view(right, place) + added if requests[n] == "add" else grown[n]
    assert memory.tolist() == right.tolist()

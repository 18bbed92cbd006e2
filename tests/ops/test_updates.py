"""The update ops: MXNet 1.9.1's values over three steps, and exactly the declared writes."""

from __future__ import annotations

import copy
import operator
from typing import Any

import numpy as np
import pytest
import update_cases
from places import FIXTURES

import minisym as ms
from minisym import sym
from minisym.core.node import Entry, Node
from minisym.runtime import pieces
from minisym.runtime.steps import steps_of

FIXTURE = FIXTURES / "updates.npz"
RECORDED = np.load(FIXTURE, allow_pickle=False)  # by scripts/mxnet/record_updates.py
CASES = list(update_cases.cases())
UPDATES = [case for case in CASES if ms.op.get(case[1]).writes]
SMALL = ("sgd_mom_update", "signum_update", "adam_update", "lamb_update_phase2", "_adamw_update",
         "rmspropalex_update", "preloaded_multi_sgd_update", "_multi_adamw_update",
         "multi_sum_sq")  # fmt: skip
MORE = ("mp_sgd_mom_update", "preloaded_multi_sgd_mom_update", "_mp_adamw_update",
        "_multi_mp_adamw_update")  # fmt: skip
ULPS = dict.fromkeys(SMALL + MORE, 4)
"""Units in the last place that a value may be off, where MXNet's compiler fuses or reorders."""


def each(cases: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case[0] for case in cases])


def compose(op: str, slots: Any, setting: Any) -> ms.Symbol:
    variables = {name: sym.Variable(name) for name, _ in slots}
    if ms.op.get(op).variadic:
        return getattr(sym, op)(*variables.values(), **setting, name="t")
    return getattr(sym, op)(**variables, **setting, name="t")


def run_symbol(op: str, slots: Any, outs: Any, setting: Any, arrays: Any) -> list[Any]:
    """Bind the arrays and run: a symbol writes the weights, too."""
    symbol = compose(op, slots, setting)
    executor = symbol.bind(
        args={n: arrays[n] for n in symbol.list_arguments()},
        aux_states={n: arrays[n] for n in symbol.list_auxiliary_states()},
    )
    return executor.forward()


def run_at_once(op: str, slots: Any, outs: Any, setting: Any, arrays: Any) -> list[Any]:
    """Call `ms.nd`: weights are written by out=."""
    targets = [arrays[name] for name, kind in slots if name in outs or op == "reset_arrays"]
    given = {"out": targets if len(targets) > 1 else targets[0]} if targets else {}
    found = getattr(ms.nd, op)(*arrays.values(), **setting, **given)
    return found if isinstance(found, list) else [found]


def assert_close(got: Any, want: Any, before: Any, ulps: int, what: str) -> None:
    """Compare bits, or up to some units of the larger one of old value and new."""
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    if not ulps:
        np.testing.assert_array_equal(got, want, what)
        return
    nan, finite = np.isnan(want), np.isfinite(want)
    np.testing.assert_array_equal(np.isnan(got), nan, what)
    np.testing.assert_array_equal(got[~nan & ~finite], want[~nan & ~finite], what)
    with np.errstate(all="ignore"):
        scale = np.maximum(np.abs(want), np.abs(before))
        unit = np.maximum(np.finfo(want.dtype).eps * scale, np.finfo(want.dtype).smallest_subnormal)
        off = (np.abs(got.astype(float) - want) / unit)[finite]
    assert off.max(initial=0) <= ulps, f"{what}: {off.max():.1f} units"


@pytest.mark.parametrize("run", [run_symbol, run_at_once], ids=["symbol", "nd"])
@each(CASES)
def test_values_of_mxnet(case: Any, run: Any):
    name, op, slots, outs, dtype, setting = case
    arrays, later = update_cases.inputs(name, slots, dtype)
    data, at = RECORDED[name].tobytes(), 0

    def recorded(like: Any) -> Any:
        nonlocal at
        at += like.nbytes
        return np.frombuffer(data, like.dtype, like.size, at - like.nbytes).reshape(like.shape)

    for fresh in [{}, *later]:
        arrays |= fresh
        before = {slot: array.copy() for slot, array in arrays.items()}
        outputs = run(op, slots, outs, setting, arrays)
        for output in [] if outs or op == "reset_arrays" else outputs:
            got = output.asnumpy()
            assert_close(got, recorded(got), 0, ULPS.get(op, 0), "output")
        for slot, kind in slots:
            if kind not in update_cases.KEPT:
                assert arrays[slot].tobytes() == before[slot].tobytes(), f"{slot} is written"
                continue
            want = recorded(arrays[slot])
            assert_close(arrays[slot], want, before[slot], ULPS.get(op, 0), slot)
            arrays[slot] = want.copy()  # errors do not add up
    assert at == len(data)


def test_every_update_of_mxnet_is_recorded():
    """All ops that write, but for those that MXNet lacks or has for sparse arrays only."""
    ours = {"assign", "keep", "conditional_update", "accumulate_update", "loss_scale_update",
            "ef_signsgd_update", "lion_update", "adadelta_update", "adamax_update",
            "nadam_update", "sgld_update", "dcasgd_update"}  # fmt: skip
    sparse = {"_sparse_adagrad_update", "_contrib_group_adagrad_update"}
    updates = {
        op.name
        for op in ms.op.registered().values()
        if op.module.startswith("minisym.ops.updates.") and op.writes
    }
    assert updates == {op for _, op, *_ in UPDATES} | ours | sparse


# ------------------------------------------------------------------------------------------ writes


@each(UPDATES)
def test_a_run_changes_what_is_declared_and_nothing_else(case: Any):
    """Two runs: what the op declares may change, all else keeps its bytes."""
    name, op, slots, outs, dtype, setting = case
    arrays, _ = update_cases.inputs(name, slots, dtype)
    before = {slot: array.tobytes() for slot, array in arrays.items()}
    symbol = compose(op, slots, setting)
    for _ in range(2):
        run_symbol(op, slots, outs, setting, arrays)
    changed = {slot for slot, array in arrays.items() if array.tobytes() != before[slot]}
    declared = ms.op.get(op).writes_of(symbol.entries[0].node.params)
    assert changed <= set(declared)
    scale = arrays.get("rescale_grad", np.ones(1)).item()
    if np.isfinite(scale) and scale != 0:  # else AdamW waits
        assert changed == set(declared)


@each([case for case in UPDATES if case[0].endswith("/0")])
def test_states_are_auxiliary_and_weights_are_arguments(case: Any):
    _, op, slots, *_, setting = case
    symbol = compose(op, slots, setting)
    declared = ms.op.get(op)
    states = [name for name, _ in slots if declared.is_state(name)]
    assert symbol.list_auxiliary_states() == states
    assert symbol.list_arguments() == [name for name, _ in slots if name not in states]


@each([case for case in UPDATES if case[0].endswith("float32/0")])
def test_at_once_a_weight_is_written_by_out_only(case: Any):
    """As in MXNet: without out= states change and weights do not."""
    name, op, slots, outs, dtype, setting = case
    arrays, _ = update_cases.inputs(name, slots, dtype)
    before = {slot: array.copy() for slot, array in arrays.items()}
    getattr(ms.nd, op)(*arrays.values(), **setting)
    for slot in outs:
        assert arrays[slot].tobytes() == before[slot].tobytes()


# --------------------------------------------------------------- beyond MXNet: the papers' formulas


def mixed(rng: Any, shape: tuple[int, ...]) -> Any:
    """Draw gradients, some of which are zero."""
    return rng.normal(size=shape) * rng.integers(0, 2, shape)


@pytest.mark.parametrize("shape", [(7,), (4, 5), (2, 3, 4)])
def test_error_feedback_is_the_papers(shape: Any, rng: Any):
    r"""Algorithm 1 of arXiv:1901.09847, d-scaled: p = lr g + e; delta = |p|_1/d sign(p); ..."""
    w, error = rng.normal(size=shape), np.zeros(shape)
    arrays = {"w": w.copy(), "g": np.zeros(shape)}
    states = {"e": np.zeros(shape)}
    step = sym.ef_signsgd_update(*map(sym.Variable, "wge"), lr=0.25)
    executor = step.bind(args=arrays, aux_states=states)
    for _ in range(5):
        g = mixed(rng, shape)
        p = 0.25 * g + error
        delta = np.abs(p).sum() / p.size * np.sign(p)
        w, error = w - delta, p - delta
        executor.forward(g=g)
        np.testing.assert_allclose(arrays["w"], w, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(states["e"], error, rtol=1e-12, atol=1e-12)
    assert np.abs(error).max() > 0.01


def test_error_feedback_loses_nothing(rng: Any):
    """What was not stepped is in the error: w_0 - w_t = lr * sum of gradients - e."""
    arrays = {"w": np.zeros(50), "g": np.zeros(50)}
    states = {"e": np.zeros(50)}
    step = sym.ef_signsgd_update(*map(sym.Variable, "wge"), lr=0.5)
    executor = step.bind(args=arrays, aux_states=states)
    total = np.zeros(50)
    for _ in range(100):
        g = rng.normal(size=50)
        total += g
        executor.forward(g=g)
    np.testing.assert_allclose(-arrays["w"], 0.5 * total - states["e"], atol=1e-10)


@pytest.mark.parametrize("shape", [(7,), (4, 5)])
def test_lion_is_the_papers(shape: Any, rng: Any):
    """Algorithm 2 of arXiv:2302.06675: c = b1 m + (1-b1) g; w -= lr (sign(c) + wd w); ..."""
    b1, b2, lr, wd = (float(np.float32(x)) for x in (0.9, 0.99, 0.01, 0.1))
    w, m = rng.normal(size=shape), np.zeros(shape)
    arrays, states = {"w": w.copy(), "g": np.zeros(shape)}, {"m": np.zeros(shape)}
    step = sym.lion_update(*map(sym.Variable, "wgm"), lr=lr, wd=wd)
    executor = step.bind(args=arrays, aux_states=states)
    for _ in range(5):
        g = mixed(rng, shape)
        c = b1 * m + (1 - b1) * g
        w, m = w - lr * (np.sign(c) + wd * w), b2 * m + (1 - b2) * g
        executor.forward(g=g)
        np.testing.assert_allclose(arrays["w"], w, rtol=1e-12)
        np.testing.assert_allclose(states["m"], m, rtol=1e-6, atol=1e-12)


def test_rescaled_and_clipped_gradients_and_decay(rng: Any):
    """Both new updates treat rescale_grad, clip_gradient and wd as MXNet's do."""
    w, g, s = rng.normal(size=(3, 6))
    seen = np.clip(0.5 * g, -0.25, 0.25)
    hyper = {"rescale_grad": 0.5, "clip_gradient": 0.25}
    plain = ms.nd.ef_signsgd_update(w, seen + 0.5 * w, s.copy(), lr=0.25)
    found = ms.nd.ef_signsgd_update(w, g, s.copy(), lr=0.25, wd=0.5, **hyper)
    np.testing.assert_allclose(found, plain, rtol=1e-12)
    plain = ms.nd.lion_update(w, seen, s.copy(), lr=0.25, wd=0.5)
    found = ms.nd.lion_update(w, g, s.copy(), lr=0.25, wd=0.5, **hyper)
    np.testing.assert_allclose(found, plain, rtol=1e-12)


# ------------------------------------------------------------------------------------------ control


def test_a_condition_holds_back_weight_and_states():
    """The second writer takes the first one's output, hidden ones included."""
    w, g, m, ok = map(sym.Variable, ("w", "g", "m", "ok"))
    update = sym.sgd_mom_update(w, g, m, lr=1.0, momentum=0.5)
    new_m = ms.Symbol((ms.Entry(update.entries[0].node, 1),))
    step = sym.Group([sym.conditional_update(update, w, ok), sym.conditional_update(new_m, m, ok)])
    assert step.list_auxiliary_states() == ["m"]
    arrays = {"w": np.zeros(2), "g": np.ones(2), "ok": np.zeros(1, np.float32)}
    states = {"m": np.full(2, 2.0)}
    executor = step.bind(args=arrays, aux_states=states)
    executor.forward()
    assert (arrays["w"].tolist(), states["m"].tolist()) == ([0, 0], [2, 2])
    executor.forward(ok=1)
    assert (arrays["w"].tolist(), states["m"].tolist()) == ([0, 0], [0, 0])
    executor.forward(g=np.full(2, np.nan), ok=0)
    assert (arrays["w"].tolist(), states["m"].tolist()) == ([0, 0], [0, 0])
    executor.forward(g=np.ones(2), ok=1)
    assert (arrays["w"].tolist(), states["m"].tolist()) == ([-1, -1], [-1, -1])


def test_sums_of_gradients_start_over():
    total, g = sym.Variable("total"), sym.Variable("g")
    step = sym.accumulate_update(total, g, reset=sym.Variable("reset"))
    executor = step.bind(
        args={"g": np.ones(2, np.float16), "reset": np.zeros(1, np.float32)},
        aux_states={"total": np.zeros(2, np.float32)},
    )
    found = [executor.forward(reset=i % 3 == 2)[0].tolist() for i in range(6)]
    assert found == [[1, 1], [2, 2], [3, 3]] * 2


def test_a_loss_scale_falls_and_grows():
    scale, count, finite = map(sym.Variable, ("scale", "count", "finite"))
    step = sym.loss_scale_update(scale, count, finite, window=3)
    states = {"scale": np.full(1, 8.0, np.float32), "count": np.zeros(1, np.float32)}
    executor = step.bind(args={"finite": np.ones(1, np.float32)}, aux_states=states)
    seen = []
    for finite_now in (1, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0):
        executor.forward(finite=finite_now)
        seen.append(states["scale"].item())
    assert seen == [8, 8, 16, 16, 8, 8, 8, 16, 8, 4, 2, 1, 1]


def test_a_gradient_is_scaled_on_its_way_back():
    x, s = sym.Variable("x"), sym.Variable("s")
    slope = ms.grad(sym.square(sym.scale_gradient(x, s)), "x")
    assert slope.eval(x=np.array([3.0]), s=np.array([4.0]))[0].tolist() == [24]


# ------------------------------------------------------------------------------------------ blocks

ELEMENTWISE = sorted(
    op.name
    for op in ms.op.registered().values()
    if op.kind == "update" and op.writes and op.elementwise
)


def step_lists(op: Any, setting: Any, arrays: Any, dtype: Any) -> tuple[Any, Any]:
    """Return the outputs of an op by its kernel, and by its steps."""
    params = op.read_params(setting)
    names = op.input_names(params)
    found = []
    for bare in (True, False):
        way = copy.copy(op)
        if bare:
            way.prepare = None
        outs = [np.full(a.shape, 7, a.dtype) for a in new_values(op, arrays)]
        with np.errstate(all="ignore"):
            node = node_of(way, params)
            for function, arguments in steps_of(
                node, [arrays[n] for n in names], outs, is_train=False
            ):
                function(*arguments)
        found.append(outs)
    return found[0], found[1]


def node_of(op: Any, params: Any) -> Node:
    """Return a node of an op with a Variable for each input."""
    return Node(op, "update", tuple(Entry(Node(None, n)) for n in op.input_names(params)), params)


def new_values(op: Any, arrays: Any) -> list[Any]:
    """Return arrays of the shapes and types of an op's outputs, in their order."""
    by_output = {place: slot for slot, place in op.writes.items()}
    count = len(op.outputs)
    like = {place: arrays[by_output[place]] for place in by_output}
    master = arrays.get("weight32", arrays["weight"])
    return [like.get(place, master) for place in range(count)]


REQUIRED = {"lr": 0.1, "t": 3, "wd": 0.01, "momentum": 0.5, "next_momentum": 0.6,
            "schedule": 0.25, "correction": 0.01}  # fmt: skip


TYPES = [
    (name, dtype)
    for name in ELEMENTWISE
    for dtype in ("float16", "float32", "float64")
    if dtype == "float16" or "weight32" not in [i.name for i in ms.op.get(name).inputs]
]


@pytest.mark.parametrize("layout", ["contiguous", "strided"])
@pytest.mark.parametrize(("name", "dtype"), TYPES)
def test_large_arrays_are_worked_on_in_blocks_with_the_same_bits(
    name: str, dtype: Any, layout: str, rng: Any, monkeypatch: pytest.MonkeyPatch
):
    """Steps, prebound and piece by piece, give what the kernel gives on whole arrays."""
    op = ms.op.get(name)
    mixed = "weight32" in [i.name for i in op.inputs]
    monkeypatch.setattr(pieces, "PIECE", 100)
    monkeypatch.setattr(pieces, "ROOMY", 50)
    arrays = {}
    for i in op.inputs:
        kind = dtype if i.name in ("weight", "grad") or not mixed else np.float32
        values = (
            rng.uniform(0.5, 1, 507) if i.name in ("var", "n", "v", "d") else rng.normal(size=507)
        )
        values[:3] = 0.0, 1.0, 2.0
        wide = np.zeros(1014, kind)
        view = wide[::2] if layout == "strided" else wide[:507]
        view[...] = values
        arrays[i.name] = view
    arrays["grad"][:4] = 0.0, np.inf, np.nan, -0.0
    required = {n: REQUIRED[n] for n in op.required}
    more = {n: v for n, v in (("rescale_grad", 0.5), ("clip_gradient", 0.75)) if n in op.params}
    for setting in (required, required | more):
        kernel, steps = step_lists(op, setting, arrays, dtype)
        for a, b in zip(kernel, steps, strict=True):
            np.testing.assert_array_equal(a, b)
            np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_kernels_are_traced(name: str):
    """No step of theirs is a call of the kernel itself."""
    op = ms.op.get(name)
    arrays = {i.name: np.ones(3, np.float32) for i in op.inputs}
    if "weight32" in arrays:
        arrays |= {n: np.ones(3, np.float16) for n in ("weight", "grad")}
    params = op.read_params({n: REQUIRED[n] for n in op.required})
    outs = [a.copy() for a in new_values(op, arrays)]
    steps = steps_of(node_of(op, params), list(arrays.values()), outs, is_train=False)
    plain = (np.ufunc, type(operator.setitem))
    functions = [getattr(f, "func", f) for f, _ in steps]  # of partial(np.maximum, out=…)
    assert all(isinstance(f, plain) or f is np.clip for f in functions)


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if not n.startswith("mp_")])
def test_computed_hyper_parameters_are_as_good_as_given_ones(name: str, rng: Any):
    """Every float parameter may be a Symbol; it is read in each run."""
    op = ms.op.get(name)
    slots = [i.name for i in op.inputs]
    floats = [p for p in op.params.values() if p.is_float and not p.name.startswith("clip")]
    values = {p.name: np.float32(REQUIRED.get(p.name, p.default)) for p in floats}
    given = {n: v for n, v in REQUIRED.items() if n in op.required}
    arrays = {n: rng.uniform(0.5, 1, 50) for n in slots}
    found = []
    for computed in (False, True):
        hyper = {n: sym.Variable(f"{n}_") if computed else float(v) for n, v in values.items()}
        symbol = getattr(sym, name)(*map(sym.Variable, slots), **{**given, **hyper})
        held = {n: a.copy() for n, a in arrays.items()}
        numbers = {f"{n}_": np.full(1, 9, np.float32) for n in values}
        executor = symbol.bind(args=held | numbers, aux_states=held)
        executor.forward(**{n: values[n[:-1]] for n in numbers if computed})
        found.append(held)
    for slot in slots:
        np.testing.assert_allclose(found[1][slot], found[0][slot], rtol=1e-12, err_msg=slot)


def test_a_computed_clip_gradient_is_obeyed():
    """A kernel that branches on it runs as it is."""
    w, g, m, clip = map(sym.Variable, ("w", "g", "m", "clip"))
    for step in (
        sym.sgd_update(w, g, lr=1, clip_gradient=clip),
        sym.sgd_mom_update(w, g, m, lr=1, clip_gradient=clip),
        sym.multi_sgd_mom_update(w, g, m, lrs=(1,), wds=(0,), clip_gradient=clip, num_weights=1),
    ):
        arrays = {"w": np.zeros(2), "g": np.array([3.0, -0.25]), "clip": np.zeros(1)}
        executor = step.bind(args=arrays, aux_states={"m": np.zeros(2)})
        executor.forward(clip=0.5)
        assert arrays["w"].tolist() == [-0.5, 0.25]
        executor.forward(clip=-1.0)
        assert arrays["w"].tolist() == [-3.5, 0.5]

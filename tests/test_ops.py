"""Every op, with the samples that travel with its declaration (`minisym.core.samples`).

An op without samples fails here: that is the checklist of whoever declares one. A numeric gradient
(`_backward_…`) is covered through the op that it belongs to.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest

import minisym as ms
from minisym.core import op
from minisym.core.functions import function_of
from minisym.core.op import Op
from minisym.core.samples import Sample
from minisym.formats.mxnet_json import load_json
from minisym.nd import imperative
from minisym.runtime.steps import steps_in_place, steps_of

Arrays = dict[str, np.ndarray[Any, Any]]

OPS = sorted(
    # tests declare ops of their own
    {op for op in op.registered().values() if op.kernel.function.__module__.startswith("minisym.")},
    key=lambda op: op.name,
)
STEP = 1e-5  # of the differences: their error is about its square, and 1e-16 / it
EXACT = {"float64": 1e-9, "float32": 1e-5, "float16": 1e-2}  # relative, of a value


def samples(op: Op) -> Sequence[Sample]:
    return list(op.samples() if callable(op.samples) else op.samples)


@dataclass
class Case:
    """One op and one of its samples."""

    op: Op
    sample: Sample
    number: int

    @property
    def is_error(self) -> bool:
        return self.sample.raises is not None

    @cached_property
    def arrays(self) -> Arrays:
        """The inputs by their names."""
        given = self.sample.arrays(np.random.default_rng(0))
        if self.op.variadic:
            names = self.op.place_names(len(given))
        else:
            names = self.op.input_names(self.op.read_params(self.sample.params))
        return dict(zip(names, given, strict=True))

    @cached_property
    def symbol(self) -> ms.Symbol:
        inputs = {name: ms.sym.Variable(name) for name in self.arrays}
        function = function_of(self.op, self.op.name)
        if self.op.variadic:
            return function(*inputs.values(), **self.sample.params, name="t")
        return function(**inputs, **self.sample.params, name="t")

    @property
    def has_gradient(self) -> bool:
        """Whether a gradient is to be checked; a loss head's is no derivative."""
        if self.sample.wrt is None:
            return self.op.gradient is not None and not self.op.loss and not self.is_error
        return bool(self.sample.wrt) and not self.is_error

    @property
    def wrt(self) -> list[str]:
        """The inputs whose gradients are checked."""
        names = list(self.arrays)
        if not self.has_gradient or self.sample.wrt is not None:
            return [names[i] for i in self.sample.wrt or ()]
        return [n for n in names if self.arrays[n].dtype.kind == "f" and n not in self.op.states]

    def run(self, arrays: Arrays | None = None, *, is_train: bool | None = None) -> list[Any]:
        return run(self.symbol, arrays or self.arrays, is_train=self.mode(is_train))

    def mode(self, is_train: bool | None) -> bool:
        return self.sample.is_train if is_train is None else is_train


CASES = [
    Case(op if s.raises else op.chosen(s.params), s, i)
    for op in OPS
    for i, s in enumerate(samples(op))
]


def each(choose: Callable[[Case], bool]) -> pytest.MarkDecorator:
    chosen = [case for case in CASES if choose(case)]
    return pytest.mark.parametrize("case", chosen, ids=lambda c: f"{c.op.name}-{c.number}")


valid = each(lambda case: not case.is_error)


def bind(symbol: ms.Symbol, arrays: Arrays, wrt: Sequence[str] = ()) -> ms.Executor:
    """Bind the very arrays; random numbers start over, so that two runs draw the same ones."""
    ms.random.seed(0)
    return symbol.bind(
        args={n: arrays[n] for n in symbol.list_arguments()},
        args_grad={n: np.zeros_like(arrays[n]) for n in wrt} if wrt else None,
        aux_states={n: arrays[n] for n in symbol.list_auxiliary_states()},
    )


def run(symbol: ms.Symbol, arrays: Arrays, *, is_train: bool) -> list[Any]:
    """Run on copies, which keep their strides."""
    copies = {n: copy_layout(a) for n, a in arrays.items()}
    return [o.asnumpy() for o in bind(symbol, copies).forward(is_train=is_train)]


def copy_layout(array: Any) -> Any:
    """Copy the memory under a view, and view it alike."""
    base = array.base if isinstance(array.base, np.ndarray) else array
    whole = base.copy(order="K")
    offset = array.ctypes.data - base.ctypes.data
    return np.ndarray(array.shape, array.dtype, whole, offset, array.strides)


def assert_same_bits(got: Sequence[Any], want: Sequence[Any], what: str = "") -> None:
    """Compare bits, so that 0.0 is not -0.0; one NaN is as good as another."""
    assert len(got) == len(want)
    for i, (a, b) in enumerate(zip(got, want, strict=True)):
        a, b = np.asarray(a), np.asarray(b)  # noqa: PLW2901
        np.testing.assert_array_equal(a, b, f"output {i} {what}", strict=True)
        if a.dtype.kind == "f":
            nan = np.isnan(a)
            np.testing.assert_array_equal(
                np.signbit(a) & ~nan, np.signbit(b) & ~nan, f"signs of output {i} {what}"
            )


def shapes_of(case: Case, symbol: ms.Symbol) -> list[tuple[int, ...]]:
    """Infer the shapes of the outputs; what values decide, the op measures."""
    given = {n: a.shape for n, a in case.arrays.items()}
    if case.op.measure is None:
        return symbol.infer_shape(**given)[1]
    params = symbol.entries[0].node.params
    shapes = case.op.measure(*case.arrays.values(), params=params)
    for shape, known in zip(shapes, symbol.infer_shape_partial(**given)[1], strict=True):
        assert all(d in {n, 0} for n, d in zip(shape, known, strict=True))
    return shapes


# --------------------------------------------------------------------------------- the checklist


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_has_samples(op: Op):
    forward = ms.op.find(op.name.removeprefix("_backward_"))
    tested = samples(op) or (forward is not op and forward is not None and samples(forward))
    assert tested, f"declare samples for {op.name}: see minisym/samples.py"
    assert any(s.raises is None for s in tested), f"{op.name} has error samples only"


# ----------------------------------------------------------------------------------------- values


@valid
def test_value(case: Case):
    """Outputs are those of the reference, and have the shapes and types inferred."""
    arrays, symbol = case.arrays, case.symbol
    outputs = case.run()
    shapes = shapes_of(case, symbol)
    types = symbol.infer_type(**{n: a.dtype for n, a in arrays.items()})[1]
    assert [o.shape for o in outputs] == shapes
    assert [o.dtype.type for o in outputs] == types
    if case.sample.reference is None:
        return
    expected = case.sample.reference(*arrays.values())
    expected = expected if isinstance(expected, list | tuple) else [expected]
    for got, want in zip(outputs, expected, strict=True):
        # what is reduced completely has shape (1,) here, but for allclose
        assert got.shape in {np.shape(want), np.atleast_1d(want).shape}
        tolerance = EXACT.get(got.dtype.name, 0)
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * 1e-3)


@valid
def test_eager(case: Case):
    """`ms.nd` gives the executor's bits, with `out=` too, be it an array of its own or an input."""
    function = imperative.function_of(case.op, case.op.name)
    want = case.run(is_train=False)

    def call(arrays: Mapping[str, Any], **out: Any) -> list[Any]:
        ms.random.seed(0)
        given = () if not case.op.variadic else tuple(arrays.values())
        named = {} if case.op.variadic else arrays
        found = function(*given, **named, **case.sample.params, **out)
        return found if isinstance(found, list) else [found]

    def copies() -> Arrays:
        return {n: a.copy() for n, a in case.arrays.items()}

    assert_same_bits(call(copies()), want)
    targets = [np.full_like(w, 7) for w in want]
    found = call(copies(), out=targets if len(targets) > 1 else targets[0])
    assert all(a is b for a, b in zip(found, targets, strict=True))
    assert_same_bits(targets, want, "in out=")
    for name, array in case.arrays.items():
        if len(want) == 1 and (array.shape, array.dtype) == (want[0].shape, want[0].dtype):
            inputs = copies()
            assert_same_bits(call(inputs, out=inputs[name]), want, f"in {name}")


@valid
def test_layouts(case: Case):
    """Strided, reversed and Fortran inputs give the same values, and updates the same bits.

    NumPy adds in memory order and has loops of its own for strided memory, so a value that is
    computed may differ in its last bits.
    """
    want = case.run()
    for what, change in LAYOUTS.items():
        got = case.run({n: change(a) for n, a in case.arrays.items()})
        if case.op.writes:
            assert_same_bits(got, want, f"of {what} inputs")
        else:
            assert_close(got, want, 8, f"of {what} inputs")


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@valid
def test_short_floats(case: Case, dtype: Any):
    """Short floats have the values of float64, rounded."""
    if any(a.dtype.kind == "f" and a.dtype != float for a in case.arrays.values()):
        return  # it is about types already
    short = {n: a.astype(dtype) if a.dtype == float else a for n, a in case.arrays.items()}
    try:
        got = case.run(short)
    except ms.DtypeError:
        assert dtype == np.float16, "every op takes float32"
        return
    want = case.run({n: a.astype(float) if a.dtype == dtype else a for n, a in short.items()})
    types = {n: a.dtype for n, a in short.items()}
    assert [o.dtype.type for o in got] == case.symbol.infer_type(**types)[1]
    assert_close(got, [w.astype(g.dtype) for g, w in zip(got, want, strict=True)], 64)


def assert_close(got: Sequence[Any], want: Sequence[Any], ulps: int, what: str = "") -> None:
    """Compare up to some units in the last place of the largest value."""
    for i, (a, b) in enumerate(zip(got, want, strict=True)):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        if a.dtype.kind != "f":
            np.testing.assert_array_equal(a, b, f"output {i} {what}")
            continue
        finite = np.abs(b[np.isfinite(b)])
        error = ulps * float(np.finfo(a.dtype).eps)
        np.testing.assert_allclose(
            a, b, error, error * finite.max(initial=1), err_msg=f"output {i} {what}"
        )


def strided(array: Any) -> Any:
    wide = np.full(tuple(2 * n for n in array.shape), 99, array.dtype)
    view = wide[(slice(None, None, 2),) * array.ndim]
    view[...] = array
    return view


def backwards(array: Any) -> Any:
    every = (slice(None, None, -1),) * array.ndim
    return array[every].copy()[every]


LAYOUTS = {"strided": strided, "reversed": backwards, "Fortran": np.asfortranarray}


# ---------------------------------------------------------------------------- kernels and steps


def run_steps(case: Case, op: Op, inputs: Sequence[Any], outs: Sequence[Any]) -> None:
    """Run what `runtime.steps` makes of an op."""
    node = case.symbol.entries[0].node.replace(op=op)
    steps = steps_of(node, inputs, outs, is_train=case.mode(None))
    ms.random.seed(0)
    with np.errstate(all="ignore"):
        for function, arguments in steps:
            function(*arguments)


def buffers(case: Case, byte: int) -> list[Any]:
    """Make outputs whose memory is full of one byte."""
    node = case.symbol.entries[0].node
    internals = ms.Symbol(tuple(ms.Entry(node, i) for i in range(node.num_outputs)))
    shapes = shapes_of(case, internals)
    types = internals.infer_type(**{n: a.dtype for n, a in case.arrays.items()})[1]
    outs = [np.empty(shape, dtype) for shape, dtype in zip(shapes, types, strict=True)]
    for out in outs:
        out.view(np.uint8)[...] = byte
    return outs


def plain(op: Op) -> Op:
    """Take the op's faster ways away: what is left is the kernel."""
    bare = copy.copy(op)
    bare.prepare = bare.ufunc = None
    return bare


@valid
def test_kernel_fills_its_outputs(case: Case):
    """Nothing of what was in the outputs is left, and nothing of the inputs is touched."""
    inputs = [a.copy() for a in case.arrays.values()]
    found = []
    for byte in (0x00, 0x01, 0xFF):
        outs = buffers(case, byte)
        run_steps(case, plain(case.op), inputs, outs)
        found.append(outs)
    assert_same_bits(found[1], found[0])
    assert_same_bits(found[2], found[0])
    assert_same_bits(inputs, list(case.arrays.values()), "(an input!)")


@each(lambda case: not case.is_error and bool(case.op.prepare or case.op.ufunc))
def test_steps_are_the_kernel(case: Case):
    inputs = [a.copy() for a in case.arrays.values()]
    want, got = buffers(case, 0), buffers(case, 1)
    run_steps(case, plain(case.op), inputs, want)
    run_steps(case, case.op, inputs, got)
    assert_same_bits(got, want)
    assert_same_bits(inputs, list(case.arrays.values()), "(an input!)")


@each(lambda case: not case.is_error and bool(case.op.prepare and case.op.writes))
def test_updates_in_place_are_the_kernel(case: Case):
    """Where an update has steps for it, its outputs may be the very inputs that it overwrites."""
    node = case.symbol.entries[0].node
    assert node.op is not None
    want = buffers(case, 0)
    run_steps(case, plain(case.op), [a.copy() for a in case.arrays.values()], want)
    inputs = {n: a.copy() for n, a in zip(node.input_names(), case.arrays.values(), strict=True)}
    places = {place: slot for slot, place in node.op.writes_of(node.params).items()}
    if len(places) < node.num_outputs:
        pytest.skip("has outputs that are no new values")
    outs = [inputs[places[i]] for i in range(node.num_outputs)]
    steps = steps_in_place(node, [*inputs.values()], outs)
    if steps is None:
        pytest.skip("reads what it has overwritten, or branches on values")
    with np.errstate(all="ignore"):
        for function, arguments in steps:
            function(*arguments)
    assert_same_bits(outs, want)
    rest = [n for n in inputs if n not in places.values()]
    given = dict(zip(inputs, case.arrays.values(), strict=True))
    assert_same_bits([inputs[n] for n in rest], [given[n] for n in rest], "(an input!)")


@each(lambda case: not case.is_error and case.op.elementwise and case.op.single)
def test_elementwise_in_place(case: Case):
    """The planner may give an elementwise op an input's memory as output: the bits are the same."""
    want = buffers(case, 0)
    run_steps(case, case.op, [a.copy() for a in case.arrays.values()], want)
    for way in (case.op, plain(case.op)):
        for i, out in enumerate(want):
            for j, name in enumerate(case.arrays):
                inputs = [a.copy() for a in case.arrays.values()]
                if (inputs[j].shape, inputs[j].dtype) != (out.shape, out.dtype):
                    continue
                outs = buffers(case, 0)
                outs[i] = inputs[j]
                run_steps(case, way, inputs, outs)
                assert_same_bits(outs, want, f"(output {i} in {name})")


# ------------------------------------------------------------------------------------------ writes


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_writes(op: Op):
    """A run changes exactly the inputs that the op declares."""
    changed, declared = set(), set()
    for case in CASES:
        if case.op is not op or case.is_error:
            continue
        arrays = {n: a.copy() for n, a in case.arrays.items()}
        executor = bind(case.symbol, arrays, case.wrt)
        executor.forward(is_train=case.mode(None))
        executor.backward([np.ones_like(o) for o in executor.outputs])
        changed |= {n for n in arrays if arrays[n].tobytes() != case.arrays[n].tobytes()}
        declared |= set(op.writes_of(case.symbol.entries[0].node.params))
    assert changed == declared


# --------------------------------------------------------------------------------------- gradients


def check_gradient(symbol: ms.Symbol, arrays: Arrays, wrt: Sequence[str], *, is_train: bool):
    """Compare gradients with central differences, both projected on random numbers.

    The outputs are weighted and added up, and each input moves in a random direction.
    """
    rng = np.random.default_rng(1)
    executor = bind(symbol, {n: a.copy() for n, a in arrays.items()}, wrt)
    weights = [rng.uniform(0.5, 1.5, o.shape) for o in executor.forward(is_train=is_train)]
    executor.backward(weights)

    def value(name: str, move: Any) -> float:
        outputs = run(symbol, arrays | {name: arrays[name] + move}, is_train=is_train)
        return sum(float((w * o).sum()) for w, o in zip(weights, outputs, strict=True))

    for name in wrt:
        direction = rng.uniform(0.5, 1.5, arrays[name].shape) * rng.choice(
            [-1.0, 1.0], arrays[name].shape
        )
        numeric = (value(name, STEP * direction) - value(name, -STEP * direction)) / (2 * STEP)
        symbolic = float((executor.grad_dict[name] * direction).sum())
        assert symbolic == pytest.approx(numeric, rel=1e-6, abs=1e-7), f"by {name}"


@each(lambda case: case.has_gradient)
def test_gradient(case: Case):
    check_gradient(case.symbol, case.arrays, case.wrt, is_train=case.mode(None))


@each(lambda case: case.has_gradient)
def test_second_order(case: Case):
    """The gradient graph can be differentiated again, where all its ops can be."""
    heads = [ms.sym.Variable(f"head{i}") for i in range(len(case.symbol))]
    slope = ms.grad(case.symbol, case.wrt, head_grads=heads)
    bare = {node.op.name for node in slope.graph if node.op and node.op.gradient is None}
    if bare:
        pytest.skip(f"{', '.join(sorted(bare))} has no gradient")
    rng = np.random.default_rng(2)
    arrays = dict(case.arrays)
    for head, out in zip(heads, case.run(), strict=True):
        arrays[head.name] = rng.uniform(0.5, 1.5, out.shape)
    names = set(slope.list_arguments())
    wrt = [n for n in (*case.wrt, *(h.name for h in heads)) if n in names]
    check_gradient(slope, arrays, wrt, is_train=case.mode(None))


# ------------------------------------------------------------------------------- files and errors


@valid
def test_json(case: Case):
    """The file keeps the parameters, as strings, and they come back typed."""
    again = load_json(case.symbol.tojson(remove_amp_cast=False))
    assert ms.Graph(again) == ms.Graph(case.symbol)


@each(lambda case: case.is_error)
def test_error(case: Case):
    sample = case.sample
    given = sample.arrays(np.random.default_rng(0))
    arrays = {f"input{i}": a for i, a in enumerate(given) if isinstance(a, np.ndarray)}
    inputs = [
        ms.sym.Variable(f"input{i}") if f"input{i}" in arrays else a for i, a in enumerate(given)
    ]
    with pytest.raises(sample.raises, match=sample.match):
        run(function_of(case.op, case.op.name)(*inputs, **sample.params), arrays, is_train=True)

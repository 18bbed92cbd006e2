"""What must hold of every op: `CHECKS` of each of its samples, `writes` of all of them together.

A check takes a `Case` and raises `CheckError` where the op does not do what its declaration says,
or returns the reason why there was nothing to check.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from minisym.core import random
from minisym.core.errors import CheckError, DtypeError, GradientError, MinisymError, ShapeError
from minisym.core.functions import function_of
from minisym.core.graph import Graph
from minisym.core.ndarray import Array
from minisym.core.node import Entry
from minisym.core.op import Op, find
from minisym.core.symbol import Symbol
from minisym.core.variable import Group, Variable
from minisym.formats.mxnet_json import load_json
from minisym.nd import imperative
from minisym.passes.gradient import grad
from minisym.runtime.steps import steps_in_place, steps_of
from minisym.runtime.taped import steps_of_work
from minisym.testing.case import Arrays, Case, bind, run

EXACT: Final = {"float64": 1e-9, "float32": 1e-5, "float16": 1e-2}
"""Relative error of a value."""

STEP: Final = 1e-5
"""Of the differences: their error is about its square, and 1e-16 / it."""


@dataclass(frozen=True)
class Check:
    """One thing that must hold of a sample."""

    name: str
    run: Callable[[Case], str | None]
    applies: Callable[[Case], bool]
    otherwise: str
    """Why it does not apply to a sample."""


CHECKS: Final[list[Check]] = []


def _check(
    applies: Callable[[Case], bool] = lambda case: True,
    otherwise: str = "",
    *,
    errors: bool = False,
) -> Callable[[Callable[[Case], str | None]], Callable[[Case], str | None]]:
    """Enter a function into the list of checks; `errors`: it is about the error samples."""

    def enter(function: Callable[[Case], str | None]) -> Callable[[Case], str | None]:
        name = function.__name__.replace("_", " ")
        chosen = lambda case: case.is_error == errors and applies(case)  # noqa: E731
        CHECKS.append(Check(name, function, chosen, otherwise))
        return function

    return enter


# ----------------------------------------------------------------------------------------- shapes


def shapes_of(case: Case, symbol: Symbol) -> list[tuple[int, ...]]:
    """Infer the shapes of the outputs; what values decide, the op measures."""
    given = {n: a.shape for n, a in case.arrays.items()}
    if case.op.measure is None:
        return list(symbol.infer_shape(**given)[1])
    shapes = case.op.measure(*case.arrays.values(), params=case.node.params)
    for shape, known in zip(shapes, symbol.infer_shape_partial(**given)[1], strict=True):
        case.same("what is measured contradicts the shape rule", _agree(known, shape), True)
    return [tuple(shape) for shape in shapes]


def _agree(partial: Sequence[int] | None, full: Sequence[int]) -> bool:
    """Return whether a partial shape can become the full one."""
    return not partial or (
        len(partial) == len(full) and all(p in {0, f} for p, f in zip(partial, full, strict=True))
    )


@_check()
def shapes_and_types(case: Case) -> None:
    """See that outputs have the shapes and types that were inferred."""
    outputs, shapes = case.run(), shapes_of(case, case.symbol)
    case.same("outputs have other shapes than inferred", [o.shape for o in outputs], shapes)
    types = [o.dtype.type for o in outputs]
    case.same("outputs have other types than inferred", types, case.types())


@_check(lambda case: bool(case.arrays), "it has no inputs")
def shapes_given_in_part(case: Case) -> None:
    """See that what follows from some of the sizes never contradicts what all of them give.

    Each size in turn is left open, of the inputs and of each output (which is compared with a
    variable of its shape); so are all sizes of one input together. Where nobody says the size of
    a learned input, the op may choose: LeakyReLU's gamma has one element, or one for each channel.
    """
    wanted = shapes_of(case, case.symbol)
    seen = [Variable(f"seen{i}") for i in range(len(wanted))]
    both = Group(
        [case.symbol, *(out + other for out, other in zip(case.symbol, seen, strict=True))]
    )
    full = {n: a.shape for n, a in case.arrays.items()}
    full |= {s.name: shape for s, shape in zip(seen, wanted, strict=True) if s.name}
    names = both.list_arguments() + both.list_auxiliary_states()
    for open_ in _openings(full):
        known = full | open_
        subject = f"from {_listed(known)} it infers what contradicts the full shapes"
        hint = "say only what follows: None stands for a size that does not"
        try:
            arguments, outputs, states = both.infer_shape_partial(**known)
        except ShapeError as error:
            case.fail(subject, _listed(full), error.sentence, hint)
        found = dict(zip(names, [*arguments, *states], strict=True))
        heads = zip(outputs, [*wanted, *wanted], strict=True)
        told = full.keys() - case.op.learned
        right = all(_agree(found[n], full[n]) for n in told) and all(_agree(*h) for h in heads)
        if not right:
            case.fail(subject, _listed(full), _listed(found), hint)


def _openings(full: Mapping[str, tuple[int, ...]]) -> list[dict[str, tuple[int, ...]]]:
    """Return ways to leave sizes open, as MXNet writes them: 0 for one that is not known."""
    openings = []
    for name, shape in full.items():
        singly = [(*shape[:i], 0, *shape[i + 1 :]) for i in range(len(shape))]
        openings += [{name: hidden} for hidden in [*singly, (0,) * len(shape)] if shape]
    inputs = [name for name in full if not name.startswith("seen")]
    outputs = [name for name in full if name.startswith("seen")]
    for names in (inputs, outputs, full):
        openings.append({name: (0,) * len(full[name]) for name in names})
    return openings


def _listed(shapes: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={shape}" for name, shape in shapes.items())


# ----------------------------------------------------------------------------------------- values


@_check(lambda case: case.sample.reference is not None, "no sample has a reference")
def value(case: Case) -> None:
    """Compare the outputs with the reference."""
    assert case.sample.reference is not None
    outputs = case.run()
    try:
        expected = case.sample.reference(*case.arrays.values())
    except Exception as error:
        raise CheckError(
            f"{case.op.name}, sample {case.number}: its reference raises "
            f"{type(error).__name__}: {error}",
            hint="it is a NumPy function of the inputs, and of nothing else",
        ) from error
    expected = expected if isinstance(expected, list | tuple) else [expected]
    case.same("the reference gives another number of outputs", len(outputs), len(expected))
    for i, (got, want) in enumerate(zip(outputs, expected, strict=True)):
        # what is reduced completely has shape (1,) here, but for allclose
        shapes = {np.shape(want), np.atleast_1d(want).shape}
        if got.shape not in shapes:
            case.fail(f"output {i} has another shape than the reference", np.shape(want), got.shape)
        if _is_undefined(want) and not any(map(_is_undefined, case.arrays.values())):
            hint = "take other numbers: Sample(…, domain=(0.5, 1.5)); two NaN would always agree"
            case.fail(f"output {i} of the reference has NaN", "numbers", "NaN", hint)
        tolerance = EXACT.get(got.dtype.name, 0)
        case.close(f"output {i}", got, want, tolerance, tolerance * 1e-3)


def _is_undefined(array: Any) -> bool:
    return np.asarray(array).dtype.kind == "f" and bool(np.isnan(array).any())


@_check()
def at_once(case: Case) -> None:
    """Compare `ms.nd` with the executor, with `out=` too, be it an array of its own or an input."""
    function = imperative.function_of(case.op, case.op.name)
    # the op itself: what bind makes of it may differ in the last bit
    want = case.run(is_train=False, optimize=False)

    def call(arrays: Mapping[str, Any], **out: Any) -> list[Any]:
        random.seed(0)
        given = () if not case.op.variadic else tuple(arrays.values())
        named = {} if case.op.variadic else arrays
        found = function(*given, **named, **case.sample.params, **out)
        return found if isinstance(found, list) else [found]

    case.same_bits("ms.nd", call(_copies(case)), want)
    targets = [np.full_like(w, 7) for w in want]
    found = call(_copies(case), out=targets if len(targets) > 1 else targets[0])
    case.same("ms.nd returns other arrays than out=", [*map(id, found)], [*map(id, targets)])
    case.same_bits("ms.nd into out=", targets, want)
    for name, array in case.arrays.items():
        if len(want) == 1 and (array.shape, array.dtype) == (want[0].shape, want[0].dtype):
            inputs = _copies(case)
            case.same_bits(f"ms.nd into its input {name}", call(inputs, out=inputs[name]), want)


def _copies(case: Case) -> Arrays:
    return {n: a.copy() for n, a in case.arrays.items()}


@_check(lambda case: bool(case.arrays), "it has no inputs")
def strides(case: Case) -> None:
    """See that strided, reversed and Fortran inputs give the same values, updates the same bits.

    NumPy adds in memory order and has loops of its own for strided memory, so a value that is
    computed may differ in its last bits.
    """
    want = case.run()
    for what, change in LAYOUTS.items():
        got = case.run({n: change(a) for n, a in case.arrays.items()})
        if case.op.writes:
            case.same_bits(f"{what} inputs", got, want)
        else:
            case.nearly(f"{what} inputs", got, want, 8)


def _strided(array: Array) -> Array:
    wide = np.full(tuple(2 * n for n in array.shape), 99, array.dtype)
    view = wide[(slice(None, None, 2),) * array.ndim]
    view[...] = array
    return view


def _reversed(array: Array) -> Array:
    every = (slice(None, None, -1),) * array.ndim
    return array[every].copy()[every]


LAYOUTS: Final[Mapping[str, Callable[[Array], Array]]] = {
    "strided": _strided,
    "reversed": _reversed,
    "Fortran": np.asfortranarray,
}


@_check()
def short_floats(case: Case) -> str | None:
    """See that float32 and float16 have the values of float64; float16 may be refused."""
    if any(a.dtype.kind == "f" and a.dtype != float for a in case.arrays.values()):
        return "the sample is about types already"
    for dtype in (np.float32, np.float16):
        short = {n: a.astype(dtype) if a.dtype == float else a for n, a in case.arrays.items()}
        try:
            got = case.run(short)
        except DtypeError as error:
            if dtype == np.float16:
                break
            case.fail("it takes no float32", "every op takes it", error.sentence)
        want = case.run({n: a.astype(float) if a.dtype == dtype else a for n, a in short.items()})
        name, types = np.dtype(dtype).name, [o.dtype.type for o in got]
        case.same(f"{name}: other types than inferred", types, case.types(short))
        rounded = [w.astype(g.dtype) for g, w in zip(got, want, strict=True)]
        case.nearly(name, got, rounded, 64)
    return None


# ----------------------------------------------------------------------------- kernels and steps


def _run_steps(case: Case, op: Op, inputs: Sequence[Array], outs: Sequence[Array]) -> None:
    """Run what `runtime.steps` makes of an op."""
    steps = steps_of(case.node.replace(op=op), inputs, outs, is_train=case.mode())
    random.seed(0)
    with np.errstate(all="ignore"):
        for function, arguments in steps:
            function(*arguments)


def _buffers(case: Case, byte: int) -> list[Array]:
    """Make outputs whose memory is full of one byte."""
    node = case.node
    internals = Symbol(tuple(Entry(node, i) for i in range(node.num_outputs)))
    shapes = shapes_of(case, internals)
    types = case.types(symbol=internals)
    outs: list[Array] = [np.empty(s, t) for s, t in zip(shapes, types, strict=True)]
    for out in outs:
        out.reshape(-1).view(np.uint8)[...] = byte
    return outs


def _plain(op: Op) -> Op:
    """Take the op's faster ways away: what is left is the kernel."""
    bare = copy.copy(op)
    bare.prepare = bare.ufunc = None
    return bare


@_check()
def kernel(case: Case) -> None:
    """See that a kernel fills all of `out`, whatever was in it, and writes into no input."""
    inputs = [a.copy() for a in case.arrays.values()]
    found = []
    for byte in (0x00, 0x01, 0xFF):
        outs = _buffers(case, byte)
        _run_steps(case, _plain(case.op), inputs, outs)
        found.append(outs)
    case.same_bits("what was in `out` before is left in it", found[1], found[0])
    case.same_bits("what was in `out` before is left in it", found[2], found[0])
    case.same_bits("the kernel writes into its inputs", inputs, list(case.arrays.values()))


@_check(lambda case: bool(case.op.prepare or case.op.ufunc), "it has neither steps nor a ufunc")
def steps(case: Case) -> None:
    """See that the steps, or the ufunc, do what the kernel does."""
    inputs = [a.copy() for a in case.arrays.values()]
    want, got = _buffers(case, 0), _buffers(case, 1)
    _run_steps(case, _plain(case.op), inputs, want)
    _run_steps(case, case.op, inputs, got)
    case.same_bits("the steps against the kernel", got, want)
    case.same_bits("the steps write into the inputs", inputs, list(case.arrays.values()))


@_check(lambda case: bool(case.op.prepare and case.op.writes), "it is no update with steps")
def updates_in_place(case: Case) -> str | None:
    """Let an update's steps have the very inputs that it overwrites as their outputs."""
    node, given = case.node, case.arrays
    assert node.op is not None
    want = _buffers(case, 0)
    _run_steps(case, _plain(case.op), [a.copy() for a in given.values()], want)
    inputs = {n: a.copy() for n, a in zip(node.input_names(), given.values(), strict=True)}
    places = {place: slot for slot, place in node.op.writes_of(node.params).items()}
    if len(places) < node.num_outputs:
        return "it has outputs that are no new values"
    outs = [inputs[places[i]] for i in range(node.num_outputs)]
    found = steps_in_place(node, [*inputs.values()], outs)
    if found is None:
        return "it reads what it has overwritten, or branches on values"
    with np.errstate(all="ignore"):
        for function, arguments in steps_of_work(found):
            function(*arguments)
    case.same_bits("in place, against the kernel", outs, want)
    for name, array in zip(inputs, given.values(), strict=True):
        if name not in places.values():
            case.same_bits(f"in place, it writes into {name}", [inputs[name]], [array])
    return None


@_check(
    lambda case: case.op.elementwise and case.op.single, "it is not elementwise with one output"
)
def output_in_an_input(case: Case) -> None:
    """Give an elementwise op an input's memory as output, as a plan may: the bits are the same."""
    want = _buffers(case, 0)
    _run_steps(case, case.op, [a.copy() for a in case.arrays.values()], want)
    for way in (case.op, _plain(case.op)):
        for i, out in enumerate(want):
            for j, name in enumerate(case.arrays):
                inputs = [a.copy() for a in case.arrays.values()]
                if (inputs[j].shape, inputs[j].dtype) != (out.shape, out.dtype):
                    continue
                outs = _buffers(case, 0)
                outs[i] = inputs[j]
                _run_steps(case, way, inputs, outs)
                case.same_bits(f"with the memory of {name} as its output", outs, want)


# --------------------------------------------------------------------------------------- gradients


def _check_gradient(
    case: Case, what: str, symbol: Symbol, arrays: Arrays, wrt: Sequence[str]
) -> None:
    """Compare gradients with central differences, both projected on random numbers.

    The outputs are weighted and added up, and each input moves in a random direction. Where that
    shows a difference, each element moves alone, to find the first one that is wrong.
    """
    rng = np.random.default_rng(1)
    is_train = case.mode()
    executor = bind(symbol, {n: a.copy() for n, a in arrays.items()}, wrt)
    weights = [rng.uniform(0.5, 1.5, o.shape) for o in executor.forward(is_train=is_train)]
    executor.backward(weights)

    def slope(name: str, direction: Array) -> float:
        """Return how fast the weighted outputs grow in a direction."""

        def total(step: float) -> float:
            moved = arrays | {name: arrays[name] + step * direction}
            outputs = run(symbol, moved, is_train=is_train)
            return sum(float((w * o).sum()) for w, o in zip(weights, outputs, strict=True))

        return (total(STEP) - total(-STEP)) / (2 * STEP)

    for name in wrt:
        shape, gradient = arrays[name].shape, np.asarray(executor.grad_dict[name])
        direction = rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
        numeric, symbolic = slope(name, direction), float((gradient * direction).sum())
        if np.isclose(symbolic, numeric, rtol=1e-6, atol=1e-7):
            continue
        hint = f"expected are central differences, got what the {what} says"
        for where in np.ndindex(shape):
            alone = np.zeros(shape)
            alone[where] = 1
            difference = slope(name, alone)
            if not np.isclose(gradient[where], difference, rtol=1e-5, atol=1e-6):
                place = f" at {where}" if where else ""
                found = float(gradient[where])
                case.fail(f"{what} by {name}{place} is wrong", difference, found, hint)
        case.fail(f"{what} by {name} is wrong", numeric, symbolic, hint)


def _wide(arrays: Mapping[str, Array]) -> Arrays:
    """Return arrays in which differences can be taken."""
    return {n: a.astype(np.float64) if a.dtype.kind == "f" else a for n, a in arrays.items()}


@_check(lambda case: case.has_gradient, "it has none, or `wrt` says that none is to be checked")
def gradient(case: Case) -> None:
    """Compare gradients with central differences, in float64."""
    _check_gradient(case, "gradient", case.symbol, _wide(case.arrays), case.wrt)


@_check(lambda case: case.has_gradient, "there is no gradient")
def second_order(case: Case) -> str | None:
    """Differentiate the gradient again, where all its ops can be."""
    heads = [Variable(f"head{i}") for i in range(len(case.symbol))]
    try:
        slope = grad(case.symbol, case.wrt, head_grads=heads)
    except GradientError as error:
        case.fail("it cannot be differentiated", "a gradient", error.sentence, error.hint)
    bare = {node.op.name for node in slope.graph if node.op and node.op.gradient is None}
    if bare:
        return f"{', '.join(sorted(bare))} has no gradient"
    rng = np.random.default_rng(2)
    arrays = _wide(case.arrays)
    for head, out in zip(heads, case.run(), strict=True):
        assert head.name is not None
        arrays[head.name] = np.asarray(rng.uniform(0.5, 1.5, out.shape))
    names = set(slope.list_arguments())
    wrt = [n for n in (*case.wrt, *(str(h.name) for h in heads)) if n in names]
    _check_gradient(case, "second gradient", slope, arrays, wrt)
    return None


# ------------------------------------------------------------------------------- files and errors


@_check()
def file(case: Case) -> None:
    """Write a file, which keeps parameters as strings, and see that they come back typed."""
    again = load_json(case.symbol.tojson(remove_amp_cast=False))
    read, kept = again.entries[0].node, case.node
    case.same("from a file, it is another op", read.op, kept.op, hint=_renamed(case))
    case.same("from a file, parameters change", dict(read.params), dict(kept.params))
    case.same("from a file, the graph changes", Graph(again) == Graph(case.symbol), True)


def _renamed(case: Case) -> str | None:
    known = find(case.op.name)
    return None if known is case.op else f"{case.op.name} was declared again since: take that one"


@_check(otherwise="no sample says which error is raised", errors=True)
def error(case: Case) -> None:
    """See that the call of an error sample raises what it says."""
    sample = case.sample
    given = sample.arrays(np.random.default_rng(0))
    arrays = {f"input{i}": a for i, a in enumerate(given) if isinstance(a, np.ndarray)}
    inputs = [Variable(f"input{i}") if f"input{i}" in arrays else a for i, a in enumerate(given)]
    assert sample.raises is not None
    expected = f"{sample.raises.__name__} with {sample.match!r}"
    try:
        run(function_of(case.op, case.op.name)(*inputs, **sample.params), arrays, is_train=True)
    except sample.raises as raised:
        if re.search(sample.match, str(raised)) is None:
            case.fail("the error says something else", expected, str(raised))
        return
    except MinisymError as raised:
        case.fail("another error is raised", expected, f"{type(raised).__name__}: {raised}")
    case.fail("no error is raised", expected, "a result")


# ----------------------------------------------------------------------------------------- writes


def writes(cases: Sequence[Case]) -> None:
    """See that a run changes exactly the inputs that the op declares, to what its outputs say."""
    if not cases:
        return
    changed: set[str] = set()
    declared: set[str] = set()
    for case in cases:
        node, arrays = case.node, _copies(case)
        internals = Symbol(tuple(Entry(node, i) for i in range(node.num_outputs)))
        executor = bind(internals, arrays)
        outputs = executor.forward(is_train=case.mode())
        places = case.op.writes_of(node.params)
        for name, array in arrays.items():
            if array.tobytes() != case.arrays[name].tobytes():
                changed.add(name)
                if name not in places:
                    case.fail(f"a run changes {name}", "an input that it leaves alone", array)
        for name, place in places.items():
            want = np.asarray(outputs[place]).reshape(arrays[name].shape)
            case.same_bits(f"what a run leaves in {name}", [arrays[name]], [want])
        declared |= set(places)
        _check_backward_writes(case)
    if silent := sorted(declared - changed):
        raise CheckError(
            f"{cases[0].op.name}: it declares that it writes {', '.join(silent)}, "
            "but no sample changes that",
            hint="take the declaration back, or make a sample whose update is not zero",
        )


def _check_backward_writes(case: Case) -> None:
    """See that a backward run writes what the forward run does, and nothing else."""
    arrays, alone = _copies(case), _copies(case)
    bind(case.symbol, alone).forward(is_train=case.mode())
    executor = bind(case.symbol, arrays, case.wrt)
    executor.forward(is_train=case.mode())
    executor.backward([np.ones_like(o) for o in executor.outputs])
    for name, array in arrays.items():
        case.same_bits(f"a backward run changes {name}", [array], [alone[name]])

"""What a declaration may say: each check refuses one kind of slip where it is written.

`minisym.core.declare` asks these while it makes an op. What only a run can show (an output that is
left unfilled, a gradient of a wrong shape) is seen by the passes and by `minisym.testing.check_op`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import numpy as np

from minisym.core.errors import DeclarationError, ParamError, closest, count, did_you_mean, listed
from minisym.core.op import KINDS, Op
from minisym.core.params import REQUIRED, Param, param_of
from minisym.core.samples import Sample
from minisym.core.signatures import Taken, places_of, taken_by

VERIFY: Final = os.environ.get("MINISYM_VERIFY", "0") != "0"
"""Whether every promise is looked at when it is made, as in tests."""

RUNTIME = frozenset({"out", "is_train", "rng", "state", "comm"})
"""Keyword arguments of a kernel that the runtime fills in."""

RESERVED = frozenset({"name", "attr", "out"})
"""What every function of `sym` and `nd` takes already."""


def signature_of(called: str, kernel: Callable[..., Any]) -> Sequence[Taken]:
    """Return what a kernel takes, with its annotations as objects."""
    try:
        return taken_by(kernel, evaluate=True)
    except (TypeError, ValueError):
        raise DeclarationError(
            f"{called}: its kernel must be a function, but got {kernel!r:.60}",
            hint="def my_op(data: Array, *, out: Array) -> None: …",
        ) from None
    except NameError as error:
        raise DeclarationError(
            f"{called}: an annotation of its kernel cannot be read: {error}",
            hint="import what it names; arrays are `Array` of minisym.define",
        ) from error


def check_signature(
    called: str, taken: Sequence[Taken], when: Mapping[str, Any], outputs: Any
) -> None:
    """Check what a kernel takes: annotated arrays, then `*`, then parameters and `out`."""
    inputs = [p for p in taken if p.kind not in {p.KEYWORD_ONLY, p.VAR_KEYWORD}]
    for p in taken:
        if p.kind is p.VAR_KEYWORD:
            raise DeclarationError(
                f"{called}: its kernel takes **{p.name}, but a parameter has a name and a type",
                hint='write each as in scale: Annotated[float, "What it means."] = 1.0',
            )
    behind = False
    for p in inputs:
        behind |= p.name in when  # behind an input with a default, Python wants defaults
        _check_input(called, p, may_be_none=behind)
    check_out(called, "kernel", taken, outputs if isinstance(outputs, tuple) else None)


def check_out(
    called: str, what: str, taken: Sequence[Taken], outputs: Sequence[str] | None
) -> None:
    """Check that a kernel takes `out`: one array, or several; None: their number depends."""
    inputs = [p for p in taken if p.kind is not p.KEYWORD_ONLY]
    out = next((p for p in taken if p.name == "out" and p not in inputs), None)
    if out is None:
        raise DeclarationError(
            f"{called}: its {what} takes no `out`, the array (or arrays) to fill",
            hint=f"def {called}({', '.join(p.name for p in inputs)}, *, out: Array): …",
        )
    several = get_origin(out.annotation) is tuple
    if outputs is None or not (several or _is_array(out.annotation)):
        return
    if several and len(outputs) == 1:
        raise DeclarationError(
            f"{called}: `out` of its {what} is annotated as several arrays, "
            f"but there is one output, {outputs[0]}",
            hint='write out: Array; several outputs are named: @op(outputs=("mean", "var"))',
        )
    if not several and len(outputs) > 1:
        raise DeclarationError(
            f"{called}: `out` of its {what} is annotated as one array, "
            f"but the outputs are {listed(outputs)}",
            hint="write out: tuple[Array, ...]; it holds one array for each output",
        )


def _check_input(called: str, p: Taken, *, may_be_none: bool) -> None:
    if p.name in RESERVED:
        raise DeclarationError(
            f"{called}: an input cannot be called {p.name}",
            hint="`out`, what is to be filled, stands behind the *"
            if p.name == "out"
            else "every op takes that already: choose another name",
        )
    if p.annotation is p.empty:
        raise DeclarationError(
            f"{called}: the input {p.name} has no type",
            hint=f'write {p.name}: Array, or {p.name}: Annotated[Array, "What it is."]; '
            "parameters stand behind the *",
        )
    if not _is_array(p.annotation) and p.annotation is not Any:
        raise DeclarationError(
            f"{called}: the input {p.name} is annotated as {_shown(p.annotation)}, not as Array",
            hint=f"what is no array is a parameter: put {p.name} behind the *",
        )
    if _is_optional(p.annotation) and not may_be_none:
        raise DeclarationError(
            f"{called}: the input {p.name} may be None, but nothing says when",
            hint=f'@op(when={{"{p.name}": lambda p: not p["no_{p.name}"]}})',
        )


def _is_optional(annotation: Any) -> bool:
    return get_origin(annotation) in {Union, UnionType} and NoneType in get_args(annotation)


def _is_array(annotation: Any) -> bool:
    """Return whether an annotation says that something is an array, or perhaps one."""
    origin = get_origin(annotation) or annotation
    if origin is Annotated:
        return _is_array(get_args(annotation)[0])
    if origin in {Union, UnionType}:
        return all(_is_array(a) for a in get_args(annotation) if a is not NoneType)
    return isinstance(origin, type) and issubclass(origin, np.ndarray)


def _shown(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def param(called: str, p: Taken) -> Param:
    """Read one parameter of a kernel; say in words what is wrong with it."""
    if p.name in RESERVED:
        raise DeclarationError(
            f"{called}: a parameter cannot be called {p.name}: every op takes that already",
            hint="choose another name",
        )
    if p.annotation is p.empty:
        raise DeclarationError(
            f"{called}: the parameter {p.name} has no type",
            hint=f'write {p.name}: float, or {p.name}: Annotated[float, "What it means."]',
        )
    hint = "int, float, bool, str, DType, a Literal, Ints or Floats, each perhaps with None"
    if _is_array(p.annotation):
        hint = "inputs stand before the *, and what is to be filled is called `out`"
    try:
        found = param_of(p.name, p.annotation, REQUIRED)
    except TypeError as error:
        raise DeclarationError(
            f"{called}: the parameter {p.name} has a type that no file can hold, "
            f"{_shown(p.annotation)}",
            hint=hint,
        ) from error
    if p.default is p.empty:
        return found
    try:
        return replace(found, default=found.read(p.default, op=called))
    except ParamError as error:
        optional = f"{p.name}: {_shown(found.annotation)} | None = None"
        raise DeclarationError(
            f"{called}: the default of a parameter is none that it can have: "
            f"{error.sentence.removeprefix(f'{called}: ')}",
            hint=f"write {optional}" if p.default is None else error.hint,
        ) from None


def check_names(called: str, what: str, names: Iterable[str], known: Sequence[str]) -> None:
    """Refuse a word that names no input."""
    for word in names:
        if word not in known:
            raise DeclarationError(
                f"{called}: {what} names {word!r}, which is no input",
                hint=did_you_mean(word, known),
            )


def check_lists(called: str, given: Mapping[str, Any]) -> None:
    """Refuse a string where names are expected: it would be read letter by letter."""
    for what, value in given.items():
        if isinstance(value, str):
            raise DeclarationError(
                f"{called}: {what} takes several names, but got the string {value!r}",
                hint=f'{what}=("{value}",)',
            )


def check_record(op: Op) -> None:
    """Check that what an op's record says fits together."""
    called = op.name
    for word in (called, *op.aliases):
        if not word.isidentifier():
            raise DeclarationError(
                f"an op cannot be called {word!r}: sym.{word} is no Python",
                hint='give it a name: @op(name="…")',
            )
    if op.kind not in KINDS:
        hint = did_you_mean(op.kind, KINDS)
        raise DeclarationError(f"{called}: there is no kind {op.kind!r}", hint=hint)
    _check_inputs(op)
    slots = (*op.group, *op.trailing) if op.group else tuple(i.name for i in op.inputs)
    check_names(called, "writes", op.writes, slots)
    if isinstance(op.outputs, tuple):
        _check_outputs(op, op.outputs)
    for what, rule in (
        *((f"when of {i.name}", i.when) for i in op.inputs if i.when is not None),
        *(("outputs", op.outputs), ("visible", op.visible), ("workspaces", op.workspaces)),
    ):
        if callable(rule):
            _check_reads(op, what, rule)
    ufunc: Any = op.ufunc
    if ufunc is not None and (ufunc.nin, ufunc.nout) != (len(op.inputs), 1):
        raise DeclarationError(
            f"{called}: {ufunc.__name__} takes {count(ufunc.nin, 'array')} and gives {ufunc.nout}, "
            f"but the op takes {len(op.inputs)} and gives 1",
            hint="a ufunc has as many inputs as the op, and one output",
        )
    if not callable(op.samples):
        check_samples(called, op.samples)


def check_samples(called: str, samples: Any) -> None:
    """Refuse what is no list of samples."""
    if not isinstance(samples, Sequence) or not all(isinstance(s, Sample) for s in samples):
        raise DeclarationError(
            f"{called}: samples must be a list of Sample, but got {samples!r:.60}",
            hint="samples=[Sample(((2, 3),))]: one shape (or array) for each input",
        )


def _check_inputs(op: Op) -> None:
    if op.group and not (op.variadic and op.count):
        raise DeclarationError(
            f"{op.name}: group is for inputs in any number",
            hint='take *data, and say which parameter counts the groups: count="num_weights"',
        )
    if op.trailing and not op.group:
        raise DeclarationError(
            f"{op.name}: trailing names what stands behind groups, but there is no group",
            hint="without groups, name the inputs in the kernel's signature",
        )
    for i in op.inputs:
        if not isinstance(i.init, str):
            raise DeclarationError(
                f"{op.name}: inits of {i.name} must be MXNet's string, but got {i.init!r}",
                hint="inits={'gamma': '[\"one\", {}]'}",
            )
    if op.count and (close := closest(op.count, op.params, 0.8)):
        raise DeclarationError(
            f"{op.name}: count names {op.count!r}, but its kernel takes {close[0]!r}",
            hint="the parameter that holds the number of inputs has one name",
        )
    if op.count and not op.variadic:
        raise DeclarationError(
            f"{op.name}: count is for inputs in any number, but its kernel takes no *data",
            hint="def kernel(*data: Array, out: Array): …",
        )


def _check_outputs(op: Op, outputs: tuple[str, ...]) -> None:
    called = op.name
    if not outputs or len(set(outputs)) < len(outputs):
        raise DeclarationError(
            f"{called}: each output has a name of its own, but got {outputs!r}",
            hint='outputs=("mean", "var")',
        )
    check_names_of_outputs(called, "sometimes", op.sometimes, outputs)
    if isinstance(op.visible, int) and not 0 < op.visible <= len(outputs):
        raise DeclarationError(
            f"{called}: visible is {op.visible}, but the outputs are {listed(outputs)}",
            hint="it is how many of them, counted from the first, a user sees",
        )
    for slot, output in () if op.group else op.writes.items():
        if not 0 <= output < len(outputs):
            raise DeclarationError(
                f"{called}: {slot} gets its new value from output {output}, "
                f"but the outputs are {', '.join(outputs)}",
                hint="name an output for each input that is written",
            )


def check_names_of_outputs(
    called: str, what: str, names: Iterable[str], known: Sequence[str]
) -> None:
    """Refuse a word that names no output."""
    for word in names:
        if word not in known:
            raise DeclarationError(
                f"{called}: {what} names {word!r}, which is no output",
                hint=did_you_mean(word, known),
            )


class _Read(dict[str, Any]):
    """Parameters that refuse to be asked for one that there is not."""

    def __init__(self, op: Op, what: str) -> None:
        super().__init__({name: op.defaults.get(name) for name in op.params})
        self._op, self._what = op, what

    def __missing__(self, word: str) -> None:
        """Say what was asked for."""
        raise unknown_parameter(self._op, self._what, word, self)


def _check_reads(op: Op, what: str, rule: Callable[..., Any]) -> None:
    """Try a function of the parameters, and see which it asks for."""
    try:
        rule(_Read(op, what))
    except DeclarationError:
        raise
    except Exception:  # noqa: BLE001  a required parameter is None here: that is no value to compute with
        return


def unknown_parameter(op: Op, what: str, word: str, known: Iterable[str]) -> DeclarationError:
    """Make the error for a rule that asks for what it cannot get."""
    return DeclarationError(
        f"{op.name}: its {what} asks for {word!r}, which is no parameter",
        hint=did_you_mean(word, known) or f"{op.name} has no parameters",
    )


def check_takes(
    called: str,
    what: str,
    function: Any,
    arguments: Sequence[str],
    *,
    any_number: bool = False,
    fewer: bool = False,
) -> None:
    """Check that a function can be called with these arguments by position.

    `any_number`: more may follow, those of a variadic input. `fewer`: it may leave out the last.
    """
    wanted = ", ".join(arguments) + (", *inputs" if any_number else "")
    if not callable(function):
        raise DeclarationError(
            f"{called}: its {what} must be a function of {wanted}, but got {function!r:.60}",
            hint=f"lambda {wanted}: …",
        )
    try:
        least, most, open_ = places_of(function)
    except ValueError:  # of C
        return
    fits = least <= len(arguments) and (open_ or fewer or len(arguments) <= most)
    if not fits or (any_number and not open_):
        given = ", ".join(f"*{p.name}" if p.kind is p.VAR_POSITIONAL else p.name
                          for p in taken_by(function) if p.kind is not p.KEYWORD_ONLY)  # fmt: skip
        raise DeclarationError(
            f"{called}: its {what} takes ({given}), but is called with ({wanted})",
            hint=f"it fills `out`: lambda {wanted}: np.copyto(out, …)"
            if arguments[-1:] == ("out",)
            else f"lambda {wanted}: …; parameters stand behind a *, by their names",
        )


def check_onnx(op: Op, rule: Any) -> tuple[str, ...] | None:
    """Return the inputs that an onnx rule reads (None: all); refuse one that reads others."""
    check_takes(op.name, "onnx rule", rule, ("o", *(i.name for i in op.inputs)), fewer=True)
    _, *taken = taken_by(rule)
    if any(p.kind is p.VAR_POSITIONAL for p in taken):
        return None
    names = [p.name for p in taken if p.kind is p.POSITIONAL_OR_KEYWORD]
    check_names(op.name, "its onnx rule", names, tuple(i.name for i in op.inputs))
    return tuple(names)

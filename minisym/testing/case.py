"""One op and one of its samples: composed, bound, run, and compared with what should come out.

Whatever is not as it should be becomes a `CheckError` that names op, sample, expected and got.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from minisym.core import random
from minisym.core.errors import CheckError
from minisym.core.functions import function_of
from minisym.core.ndarray import Array
from minisym.core.node import Node
from minisym.core.op import Op
from minisym.core.samples import Sample
from minisym.core.symbol import Symbol
from minisym.core.variable import Variable
from minisym.runtime.executor import Executor

Arrays = dict[str, Array]


@dataclass
class Case:
    """One op and one of its samples."""

    op: Op
    sample: Sample
    number: int
    _symbol: Symbol | None = None

    def __str__(self) -> str:
        """Return op and number, as in `tanh-0`."""
        return f"{self.op.name}-{self.number}"

    @property
    def is_error(self) -> bool:
        """Whether the sample says which error the op raises."""
        return self.sample.raises is not None

    @cached_property
    def arrays(self) -> Arrays:
        """The inputs by their names."""
        lacking = [
            n for n in self.op.required if n not in self.sample.params and n != self.op.count
        ]
        if lacking and not self.is_error:
            self.fail(
                "the sample gives no value to what the op requires",
                ", ".join(f"{name}, {self.op.params[name].kind}" for name in lacking),
                dict(self.sample.params),
                hint=f"parameters follow the inputs: Sample(((2, 3),), {{{lacking[0]!r}: …}})",
            )
        given = self.sample.arrays(np.random.default_rng(0))
        for i, array in enumerate(given):
            if not isinstance(array, np.ndarray):
                self.fail(
                    f"input {i} of the sample is neither a shape nor an array",
                    "a tuple of ints, or an array",
                    array,
                    hint="Sample(((2, 3),)) has one input, Sample(((2, 3), (2,))) has two",
                )
        if self.op.variadic:
            names: Sequence[str] = self.op.place_names(len(given))
        else:
            names = self.op.input_names(self.op.read_params(self.sample.params))
        if len(names) != len(given):
            self.fail(
                "the sample has another number of inputs than the op",
                ", ".join(names),
                f"{len(given)} inputs",
                hint="a shape or an array for each input that exists with these parameters",
            )
        return dict(zip(names, given, strict=True))

    @property
    def symbol(self) -> Symbol:
        """The call, composed of variables; once."""
        if self._symbol is None:
            self._symbol = self._composed()
        return self._symbol

    def _composed(self) -> Symbol:
        inputs = {name: Variable(name) for name in self.arrays}
        function = function_of(self.op, self.op.name)
        if self.op.variadic:
            return function(*inputs.values(), **self.sample.params, name="t")
        return function(**inputs, **self.sample.params, name="t")

    @property
    def node(self) -> Node:
        """The one op node."""
        return self.symbol.entries[0].node

    def types(self, arrays: Arrays | None = None, symbol: Symbol | None = None) -> list[Any]:
        """Infer the types of the outputs; what nothing decides is float32."""
        given = {n: a.dtype for n, a in (arrays or self.arrays).items()}
        found = (self.symbol if symbol is None else symbol).infer_type_partial(**given)[1]
        return [np.float32 if t is None else t for t in found]

    @property
    def has_gradient(self) -> bool:
        """Whether a gradient is to be checked; a loss head's is no derivative."""
        if self.is_error:
            return False
        if self.sample.wrt is None:
            return self.op.gradient is not None and not self.op.loss
        return bool(self.sample.wrt)

    @property
    def wrt(self) -> list[str]:
        """The inputs whose gradients are checked."""
        names = list(self.arrays)
        if not self.has_gradient or self.sample.wrt is not None:
            wrt = self.sample.wrt or ()
            if any(not 0 <= i < len(names) for i in wrt):
                self.fail("wrt names inputs that there are not", f"0 to {len(names) - 1}", wrt)
            return [names[i] for i in wrt]
        return [n for n in names if self.arrays[n].dtype.kind == "f" and n not in self.op.states]

    def mode(self, is_train: bool | None = None) -> bool:
        """Return the mode of a run: the sample's, unless another is asked for."""
        return self.sample.is_train if is_train is None else is_train

    def run(
        self, arrays: Arrays | None = None, *, is_train: bool | None = None, optimize: bool = True
    ) -> list[Array]:
        """Run on copies of the sample's arrays, or of others."""
        mode = self.mode(is_train)
        return run(self.symbol, arrays or self.arrays, is_train=mode, optimize=optimize)

    # ---------------------------------------------------------------------------------- comparing

    def fail(self, what: str, expected: Any, got: Any, hint: str | None = None) -> NoReturn:
        """Raise the error of this case."""
        raise CheckError(
            f"{self.op.name}, sample {self.number}: {what}",
            rows=[
                ("expected", _shown(expected), "", ""),
                ("got", _shown(got), "", ""),
                ("inputs", self._inputs(), "", ""),
            ],
            hint=hint,
        )

    def _inputs(self) -> str:
        shapes = [str(getattr(a, "shape", a)) for a in self.sample.inputs]
        return ", ".join([*shapes, *(f"{k}={v!r}" for k, v in self.sample.params.items())])

    def same(self, what: str, got: Any, expected: Any, hint: str | None = None) -> None:
        """See that two things are equal."""
        if got != expected:
            self.fail(what, expected, got, hint)

    def close(
        self,
        what: str,
        got: Array,
        expected: Any,
        rtol: float,
        atol: float,
        hint: str | None = None,
    ) -> None:
        """See that two arrays of one shape are close; NaN is NaN."""
        expected = np.asarray(expected)
        wrong = ~np.isclose(got, expected, rtol, atol, equal_nan=True)
        self._nowhere(what, wrong, got, expected, hint)

    def nearly(self, what: str, got: Sequence[Array], want: Sequence[Array], ulps: int) -> None:
        """Compare up to some units in the last place of the largest value."""
        for i, (a, b) in enumerate(zip(got, want, strict=True)):
            subject = f"{what}: output {i}"
            self.same(f"{subject} has another type or shape", _form(a), _form(b))
            if a.dtype.kind != "f":
                self._nowhere(subject, a != b, a, b)
                continue
            finite = np.abs(b[np.isfinite(b)])
            error = ulps * float(np.finfo(a.dtype).eps)
            self.close(subject, a, b, error, error * finite.max(initial=1))

    def same_bits(self, what: str, got: Sequence[Array], want: Sequence[Array]) -> None:
        """Compare bits, so that 0.0 is not -0.0; one NaN is as good as another."""
        self.same(f"{what}: another number of outputs", len(got), len(want))
        for i, (a, b) in enumerate(zip(got, want, strict=True)):
            a, b = np.asarray(a), np.asarray(b)  # noqa: PLW2901
            subject = what if len(got) == 1 else f"{what}: array {i}"
            self.same(f"{subject} has another type or shape", _form(a), _form(b))
            wrong = a != b
            if a.dtype.kind == "f":
                both = np.isnan(a) & np.isnan(b)
                wrong = ~both & (wrong | (np.signbit(a) != np.signbit(b)))
            self._nowhere(subject, wrong, a, b)

    def _nowhere(
        self, what: str, wrong: Any, got: Any, expected: Any, hint: str | None = None
    ) -> None:
        """See that nothing is wrong; else tell of the first element that is."""
        wrong = np.asarray(wrong)
        if not wrong.any():
            return
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        got, expected = np.broadcast_to(got, wrong.shape), np.broadcast_to(expected, wrong.shape)
        place = f" differs at {where}" if where else " differs"
        self.fail(
            f"{what}{place}, {int(wrong.sum())} of {wrong.size} elements in all"
            if wrong.size > 1
            else f"{what}{place}",
            expected[where],
            got[where],
            hint,
        )


def _shown(value: Any) -> str:
    if isinstance(value, np.generic):
        return str(value.item())
    return value if isinstance(value, str) else repr(value)


def _form(array: Array) -> str:
    return f"{array.dtype} {array.shape}"


def bind(
    symbol: Symbol,
    arrays: Mapping[str, Array],
    wrt: Sequence[str] = (),
    *,
    optimize: bool = True,
) -> Executor:
    """Bind the very arrays; random numbers start over, so that two runs draw the same ones."""
    random.seed(0)
    return symbol.bind(
        args={n: arrays[n] for n in symbol.list_arguments()},
        args_grad={n: np.zeros_like(arrays[n]) for n in wrt} if wrt else None,
        aux_states={n: arrays[n] for n in symbol.list_auxiliary_states()},
        optimize=optimize,
    )


def run(
    symbol: Symbol, arrays: Mapping[str, Array], *, is_train: bool, optimize: bool = True
) -> list[Array]:
    """Run on copies, which keep their strides."""
    copies = {n: _with_layout(a) for n, a in arrays.items()}
    executor = bind(symbol, copies, optimize=optimize)
    return [o.asnumpy() for o in executor.forward(is_train=is_train)]


def _with_layout(array: Array) -> Array:
    """Copy the memory under a view, and view it alike."""
    base = array.base if isinstance(array.base, np.ndarray) else array
    whole = base.copy(order="K")
    offset = array.ctypes.data - base.ctypes.data
    return np.ndarray(array.shape, array.dtype, whole, offset, array.strides)

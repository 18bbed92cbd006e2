r"""From an op that a user has written in Python to the record that the rest of minisym reads.

The user's class says what the op is (`list_arguments`, `infer_shape`, …) and makes the operator
that computes. What such classes derive from is in `minisym.operator`; here they are only called.

A node's operator is what the node keeps from run to run, held by the executor: forward and backward
runs meet the same one, watched and stepped ones, too, and another executor has one of its own.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from minisym.core.compose import compose
from minisym.core.context import cpu
from minisym.core.errors import (
    ComposeError,
    DtypeError,
    MinisymError,
    ParamError,
    ShapeError,
    did_you_mean,
)
from minisym.core.ndarray import Array, NDArray
from minisym.core.node import Node
from minisym.core.op import Input, Op, Params, Rule
from minisym.core.params import dtype_from_user, param_of
from minisym.core.shapes import from_user, is_known, is_np_shape
from minisym.core.symbol import Symbol
from minisym.passes.slots import about

CLASSES: Final[dict[str, type[Any]]] = {}
"""What users have registered: op_type -> the class of the op's properties."""

_made: Final[weakref.WeakValueDictionary[Any, Op]] = weakref.WeakValueDictionary()

PYTHON = "what it computes is written in Python, for minisym alone"
"""Why it has no form in ONNX."""


@dataclass(frozen=True)
class Made:
    """One op of a user: its class with certain parameters, and what it said of itself."""

    op_type: str
    given: Mapping[str, str]
    properties: Any
    arguments: tuple[str, ...]
    outputs: tuple[str, ...]
    states: tuple[str, ...]
    reads_heads: tuple[bool, ...]
    """Which outputs' gradients a backward run needs."""

    @classmethod
    def of(cls, op_type: str, given: Mapping[str, str]) -> Made:
        """Ask the user's class."""
        properties = _properties(op_type, given)

        def asked(method: str, *args: Any) -> list[Any]:
            try:
                return list(getattr(properties, method)(*args))
            except Exception as error:
                message = f"Custom: {method} of {op_type!r} failed: {error!r}"
                raise ComposeError(message) from error

        arguments, outputs, states = (
            tuple(str(name) for name in asked(method))
            for method in ("list_arguments", "list_outputs", "list_auxiliary_states")
        )
        n, m = len(outputs), len(arguments)
        places = list(range(2 * n + m))
        needed = asked(
            "declare_backward_dependency", places[:n], places[n : n + m], places[n + m :]
        )
        heads = tuple(place in set(needed) for place in range(n))
        return cls(op_type, given, properties, arguments, outputs, states, heads)

    # -------------------------------------------------------------------------------- inference

    def shapes(self, s: Any, **_: Any) -> None:
        """Rule: what `infer_shape` says; with too little known, it may fail."""
        known = list(s.inputs[: len(self.arguments)])
        asked = [[] if k is None else [-1 if d is None else d for d in k] for k in known]
        every = all(is_known(shape) for shape in known)
        node = about(s)[1]
        found = self._infer("infer_shape", asked, node, every=every, error=ShapeError)
        if found is not None:
            self._assign(s, self._read("infer_shape", found, node, _shape, ShapeError))

    def types(self, t: Any, **_: Any) -> None:
        """Rule: what `infer_type` says; with too little known, it may fail."""
        known = list(t.inputs[: len(self.arguments)])
        asked = [None if k is None else k.type for k in known]
        every = None not in asked
        node = about(t)[1]
        found = self._infer("infer_type", asked, node, every=every, error=DtypeError)
        if found is not None:
            self._assign(t, self._read("infer_type", found, node, _type, DtypeError))

    def _infer(
        self, method: str, asked: list[Any], node: Node, *, every: bool, error: type[MinisymError]
    ) -> list[Any] | None:
        """Return the answers for arguments, outputs and states in one list."""
        subject = f"Custom {node.name!r}: {method} of {self.op_type!r}"
        try:
            lists = [list(part) for part in getattr(self.properties, method)(asked)]
        except Exception as reason:
            if not every:
                return None
            raise error(f"{subject} failed: {reason!r}", origin=node.origin) from reason
        if len(lists) == 2:
            lists.append([None] * len(self.states) if method == "infer_type" else [])
        names = (self.arguments, self.outputs, self.states)
        if [len(part) for part in lists] != [len(part) for part in names]:
            wanted = ", ".join(str(len(part)) for part in names)
            found = ", ".join(str(len(part)) for part in lists)
            raise error(
                f"{subject} must return lists for arguments, outputs and auxiliary states, of "
                f"{wanted} items, but they have {found}",
                origin=node.origin,
            )
        return [value for part in lists for value in part]

    def _read(
        self,
        method: str,
        found: Sequence[Any],
        node: Node,
        read: Callable[[Any], Any],
        error: type[MinisymError],
    ) -> list[Any]:
        """Return answers as inference knows them; say whose they are if they are nonsense."""
        names = (*self.arguments, *self.outputs, *self.states)
        values = []
        for name, value in zip(names, found, strict=True):
            try:
                values.append(read(value))
            except (TypeError, ValueError):
                raise error(
                    f"Custom {node.name!r}: {method} of {self.op_type!r} says {value!r} of {name}",
                    origin=node.origin,
                    hint="a shape is a list of ints"
                    if error is ShapeError
                    else "a type is one that MXNet has, such as np.float32",
                ) from None
        return values

    def _assign(self, s: Any, found: Sequence[Any]) -> None:
        n, m = len(self.arguments), len(self.outputs)
        for i, value in enumerate(found[:n]):
            s.set_input(i, value)
        for i, value in enumerate(found[n : n + m]):
            s.set_output(i, value)
        for i, value in enumerate(found[n + m :]):
            s.set_input(n + i, value)
        for i in range(len(self.states)):
            s.set_output(m + i, s.inputs[n + i])

    # ---------------------------------------------------------------------------------- running

    def operator(
        self, state: dict[str, Any], arguments: Sequence[Array], states: Sequence[Array]
    ) -> Any:
        """Return the operator that belongs to a node of an executor; make it, the first time."""
        if "operator" not in state:
            properties = type(self.properties)(**self.given)  # it may keep what it is told
            properties.infer_shape([list(a.shape) for a in arguments])
            properties.infer_type([a.dtype.type for a in arguments])
            arrays = [*arguments, *states]
            state["operator"] = properties.create_operator(
                cpu(), [list(a.shape) for a in arrays], [a.dtype.type for a in arrays]
            )
        return state["operator"]

    def forward(self, *arrays: Array, is_train: bool, out: Any, state: dict[str, Any]) -> None:
        """Let the operator fill the outputs; states are written into copies of them."""
        outs = out if isinstance(out, tuple) else (out,)
        n, m = len(self.arguments), len(self.outputs)
        for new, old in zip(outs[m:], arrays[n:], strict=True):
            np.copyto(new, old)
        self.operator(state, arrays[:n], arrays[n:]).forward(
            is_train=is_train,
            req=["write"] * m,
            in_data=_read_only(arrays[:n]),
            out_data=[NDArray.of(a) for a in outs[:m]],
            aux=[NDArray.of(a) for a in outs[m:]],
        )

    def backward(self, *arrays: Array, requests: str, out: Any, state: dict[str, Any]) -> None:
        """Let the operator fill the gradients of the arguments."""
        outs = out if isinstance(out, tuple) else (out,)
        rest = iter(arrays)
        heads = [next(rest) if read else None for read in self.reads_heads]
        arguments = [next(rest) for _ in self.arguments]
        outputs = [next(rest) for _ in self.outputs]
        states = list(rest)
        self.operator(state, arguments, states).backward(
            req=requests.split(","),
            out_grad=_read_only(heads),
            in_data=_read_only(arguments),
            out_data=_read_only(outputs),
            in_grad=[NDArray.of(a) for a in outs],
            aux=_read_only(states),
        )

    # --------------------------------------------------------------------------------- gradient

    def gradient(
        self, g: Any, *inputs: Symbol, params: Params, y: Any, needed: Sequence[bool], **_: object
    ) -> list[Symbol | None]:
        """Compose the node that runs the operator backwards."""
        gs, ys = (v if isinstance(v, list) else [v] for v in (g, y))
        n, m = len(self.arguments), len(self.outputs)
        heads = [head for head, read in zip(gs[:m], self.reads_heads, strict=True) if read]
        requests = ",".join("write" if need else "null" for need in needed[:n])
        back = self.backward_op(params)
        entries = [*heads, *inputs[:n], *ys]
        answer = compose(back, "custom", entries, {**params, REQUESTS: requests})
        found = [answer[i] if needed[i] else None for i in range(n)]
        return [*found, *[None] * len(self.states)]

    # ---------------------------------------------------------------------------------- records

    def op(self, params: Mapping[str, str]) -> Op:
        """Make the record of the op."""
        states = [f"new_{name}" for name in self.states]
        return Op(
            name="Custom",
            doc=type(self.properties).__doc__ or f"The op {self.op_type!r} of a user.",
            no_onnx=PYTHON,
            kind="layer",
            inputs=(
                *(Input(name, doc="An argument of the operator.") for name in self.arguments),
                *(Input(name, auxiliary=True, doc=_STATE) for name in self.states),
            ),
            params={name: param_of(name, str, "") for name in params},
            outputs=(*self.outputs, *states),
            visible=len(self.outputs),
            writes={name: len(self.outputs) + i for i, name in enumerate(self.states)},
            loss=not any(self.reads_heads),
            needs=frozenset({"is_train"}),
            kernel=Rule(self.forward, ("is_train", "out", "state")),
            shape_rule=self.shapes,
            dtype_rule=self.types,
            gradient=self.gradient,
        )

    def backward_op(self, params: Mapping[str, Any]) -> Op:
        """Make the record of the op that runs the operator backwards."""
        heads = [name for name, read in zip(self.outputs, self.reads_heads, strict=True) if read]
        values = (*self.outputs, *self.states)
        first = len(heads)
        return Op(
            name="_backward_Custom",
            doc=f"Gradient of the op {self.op_type!r} of a user.",
            kind="backward",
            inputs=(
                *(Input(f"gradient of {name}", doc="Gradient of an output.") for name in heads),
                *(Input(name, doc="An argument of the operator.") for name in self.arguments),
                *(Input(f"value of {name}", doc="What the operator made.") for name in values),
            ),
            params={name: param_of(name, str, "") for name in (*params, REQUESTS)},
            outputs=tuple(f"{name}_grad" for name in self.arguments),
            kernel=Rule(partial(_call_backward, self), (REQUESTS, "out", "state")),
            state_of=lambda node: node.inputs[first + len(self.arguments)].node,
            shape_rule=partial(_like_arguments, first),
            dtype_rule=partial(_like_arguments, first),
        )


_STATE: Final = "A state of the operator, which may overwrite it in a run."

REQUESTS: Final = "req"
"""The parameter of a backward node that says which gradients are wanted."""


def _call_backward(made: Made, *arrays: Array, req: str, out: Any, state: dict[str, Any]) -> None:
    made.backward(*arrays, requests=req, out=out, state=state)


def _like_arguments(first: int, s: Any, *, params: Params) -> None:
    """Rule: each gradient is like its argument."""
    for i in range(len(s.outputs)):
        s.set_output(i, s.inputs[first + i])
        s.set_input(first + i, s.outputs[i])


def _read_only(arrays: Sequence[Array | None]) -> list[NDArray | None]:
    """Return arrays that an operator can only read."""
    return list(_views(arrays))


def _views(arrays: Sequence[Array | None]) -> Iterator[NDArray | None]:
    for array in arrays:
        view = None if array is None else array.view(NDArray)
        if view is not None:
            view.flags.writeable = False
        yield view


def _shape(value: Any) -> Any:
    """Read a shape as users write it; one without dimensions is unknown, as in MXNet."""
    shape = tuple(value)
    return None if not shape and not is_np_shape() else from_user(shape)


def _type(value: Any) -> Any:
    return None if value is None else dtype_from_user(value)


def _properties(op_type: str, given: Mapping[str, str]) -> Any:
    """Make the user's object; raise `ParamError` if it does not take the parameters."""
    try:
        return CLASSES[op_type](**given)
    except TypeError as error:
        message = f"Custom: {op_type!r} does not take these parameters: {error}"
        raise ParamError(message) from error
    except Exception as error:
        message = f"Custom: {op_type!r} cannot be made of these parameters: {error!r}"
        raise ParamError(message) from error


def choose(given: Mapping[str, str]) -> Op:
    """Return the op of an op_type with these parameters; the same one for the same ones."""
    op_type = given.get("op_type")
    if not op_type:
        message = "Custom: required parameter op_type (a string) is missing"
        raise ParamError(message, hint="it is the name that ms.operator.register was given")
    if op_type not in CLASSES:
        message = f"Custom: nobody has registered an op_type {op_type!r}"
        hint = did_you_mean(op_type, CLASSES) or "ms.operator.register(name) does it"
        raise ComposeError(message, hint=hint)
    key = (CLASSES[op_type], tuple(sorted(given.items())))
    op = _made.get(key)
    if op is None:
        rest = {name: value for name, value in given.items() if name != "op_type"}
        op = _made[key] = Made.of(op_type, rest).op(given)
    return op


def choose_backward(given: Mapping[str, str]) -> Op:
    """Return the op that is the gradient of an op_type's, for a file that holds one."""
    rest = {name: value for name, value in given.items() if name != REQUESTS}
    gradient: Any = choose(rest).gradient
    made: Made = gradient.__self__
    return made.backward_op(rest)

"""Declaring ops: one place says everything about an op.

`@op` reads a kernel's signature: what stands before `*` are array inputs, what stands behind it are
parameters with type, default and doc, and `out` is the buffer (or the tuple of buffers) to fill::

    @op(when={"bias": lambda p: not p["no_bias"]})
    def FullyConnected(data, weight, bias=None, *, num_hidden: int, no_bias: bool = False, out):
        '''Apply a linear map, $Y = X W^T + b$.'''
        np.matmul(data, weight.T, out)
        ...

    @FullyConnected.shape           # assignment unifies: it fills what is unknown, checks the rest
    def _(s, *, num_hidden): ...

    @FullyConnected.grad            # composed of other ops, so second order comes free
    def _(g, data, weight, bias=None, *, no_bias): ...

Families whose members differ by a formula only are tables: see `minisym.families`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import Annotated, Any, overload

from minisym.ndarray import Array
from minisym.op import Input, Op, Params, get, register
from minisym.params import REQUIRED, Between, param_of
from minisym.symbol.compose import compose
from minisym.symbol.symbol import Symbol


class _Registered:
    """Every op by its name, looked up when a rule calls it: `F.sum(g, axis=0)`."""

    def __getattr__(self, name: str) -> Callable[..., Symbol]:
        if name.startswith("__"):  # doctest and inspect ask any object for such
            raise AttributeError(name)
        return get(name)  # type: ignore[return-value]


F = _Registered()
"""What gradient rules are written with: ops of any module, in any order of imports."""

RUNTIME = frozenset({"out", "is_train", "rng"})
"""Keyword arguments of a kernel that the runtime fills in."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of an op, called with just those parameters that its signature names.

    One that takes `**params` gets all of them.
    """

    function: Callable[..., Any]
    wants: tuple[str, ...]
    everything: bool = False

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Rule:
        """Read the wanted parameters off the keyword-only arguments."""
        signature = inspect.signature(function).parameters
        return cls(
            function,
            tuple(name for name, p in signature.items() if p.kind is p.KEYWORD_ONLY),
            any(p.kind is p.VAR_KEYWORD for p in signature.values()),
        )

    def __call__(self, *args: Any, params: Params, **runtime: Any) -> Any:
        """Call the rule."""
        values = {n: params[n] if n in params else runtime[n] for n in self.wants}
        return self.function(*args, **({**params, **values} if self.everything else values))


class Declaration(Op):
    """An op as its module sees it: callable on symbols, and open for its rules."""

    def __call__(self, *args: Any, **kwargs: Any) -> Symbol:
        """Compose: gradients are written with the ops themselves."""
        name, attr = kwargs.pop("name", None), kwargs.pop("attr", None)
        return compose(self, self.name.lower(), args, kwargs, name, attr)

    def shape(self, rule: Callable[..., None]) -> Declaration:
        """Declare how shapes depend on each other: `rule(s, *, params…)`."""
        self.shape_rule = Rule.of(rule)
        return self

    def dtype(self, rule: Callable[..., None]) -> Declaration:
        """Declare how element types depend on each other (without: all are the same)."""
        self.dtype_rule = Rule.of(rule)
        return self

    def measured(self, rule: Callable[..., Any]) -> Declaration:
        """Declare shapes that depend on values: `rule(*inputs, *, params…)`, asked in a run.

        It returns the shapes of all outputs, which the shape rule leaves open.
        """
        self.measure = Rule.of(rule)
        return self

    def grad(self, rule: Callable[..., Any]) -> Declaration:
        """Declare the gradient: `rule(g, *inputs, *, params…, y)` returns one symbol an input.

        `g` is the gradient of the output (a list, if there are several), the optional `y` the
        output itself. None stands for an input that gets no gradient.
        """
        self.gradient = Rule.of(rule)
        return self

    def steps(self, rule: Callable[..., Iterable[Any] | None]) -> Declaration:
        """Declare how a run does it in prebound steps: `rule(inputs, outs, *, params…)`.

        Yields (function, arguments) pairs. The outputs of an update may be inputs that it
        overwrites: then no step may read what an earlier one has written, or the rule returns None.
        """
        self.prepare = Rule.of(rule)
        return self

    @overload
    def backward(
        self,
        kernel: Callable[..., None],
        *,
        wrt: Sequence[str] | None = None,
        grad: Callable[..., Any] | None = None,
    ) -> Declaration: ...

    @overload
    def backward(
        self, *, wrt: Sequence[str] | None = None, grad: Callable[..., Any] | None = None
    ) -> Callable[[Callable[..., None]], Declaration]: ...

    def backward(
        self,
        kernel: Callable[..., None] | None = None,
        *,
        wrt: Sequence[str] | None = None,
        grad: Callable[..., Any] | None = None,
    ) -> Any:
        """Declare a numeric gradient: a kernel that becomes the op `_backward_<name>`.

        The kernel's inputs are chosen by name: `g` (the gradient of the output, or `g0`, `g1`, … of
        several), the op's inputs, and `y` (the output, or `y0`, `y1`, …). It fills `out`, one array
        for each input that `wrt` names (default: all inputs that are no auxiliary states), shaped
        like that input (or like `y`, if the kernel does not take that input). A variadic op's
        kernel takes `*args` behind the others, and fills one each.

        `grad` is the symbolic gradient of the backward op itself, for second order.
        """
        if kernel is None:
            return lambda function: self.backward(function, wrt=wrt, grad=grad)
        names = tuple(i.name for i in self.inputs if not i.auxiliary) if wrt is None else tuple(wrt)
        back = _backward_op(self, kernel, names)
        if grad is not None:
            back.grad(grad)
        takes = [i.name for i in back.inputs]

        def rule(g: Any, *inputs: Symbol | None, y: Any, **params: Any) -> list[Symbol | None]:
            gs, ys = (v if isinstance(v, list) else [v] for v in (g, y))
            available: dict[str, Symbol | None] = {"g": gs[0], "y": ys[0]}
            available |= {f"g{i}": s for i, s in enumerate(gs)}
            available |= {f"y{i}": s for i, s in enumerate(ys)}
            if self.variadic:
                fixed = [available[name] for name in takes[:-1]]
                answer = back(*fixed, *inputs, **params)
                return [answer[i] for i in range(len(inputs))]
            available |= dict(zip((i.name for i in self.inputs), inputs, strict=True))
            answer = back(**{n: available[n] for n in takes if available[n] is not None}, **params)
            present = [n for n in names if available.get(n) is not None]
            by_name = {n: answer[i] for i, n in enumerate(present)}
            return [by_name.get(i.name) for i in self.inputs]

        self.gradient = Rule(rule, ("y", *self.params))
        return self


def _backward_op(
    forward: Declaration, kernel: Callable[..., None], names: tuple[str, ...]
) -> Declaration:
    """Make and register the op `_backward_<name>` of a numeric gradient."""
    conditions = {i.name: i.when for i in forward.inputs if i.when}
    signature = inspect.signature(kernel).parameters.values()
    inputs = tuple(
        Input(
            forward.inputs[-1].name if p.kind is p.VAR_POSITIONAL else p.name,
            conditions.get(p.name),
            variadic=p.kind is p.VAR_POSITIONAL,
        )
        for p in signature
        if p.kind is not p.KEYWORD_ONLY
    )

    def outputs(params: Params) -> tuple[str, ...]:
        if forward.variadic:
            return tuple(f"grad{i}" for i in range(params[forward.count]))
        return tuple(
            f"{n}_grad" for n in names if conditions.get(n) is None or conditions[n](params)
        )

    taken = {i.name for i in inputs}
    back = Declaration(
        name=f"_backward_{forward.name}",
        doc=inspect.cleandoc(kernel.__doc__ or f"Gradient of {forward.name}."),
        family=forward.family,
        inputs=inputs,
        params=forward.params,
        count=forward.count,
        outputs=outputs,
        kernel=Rule.of(kernel),
        needs=frozenset(Rule.of(kernel).wants) & RUNTIME - {"out"},
    )
    back.finish()

    @back.shape
    def _(s: Any) -> None:
        _like_inputs(s)

    @back.dtype
    def _(t: Any) -> None:
        _like_inputs(t)

    def _like_inputs(s: Any) -> None:
        """Give each gradient the shape (or type) of its input, or of `y` if that is not read."""
        if forward.variadic:
            count = len(s.outputs)
            for i, value in enumerate(s.inputs[-count:]):
                s.set_output(i, value)
            return
        for name in names:
            setattr(s, f"{name}_grad", getattr(s, name if name in taken else "y"))

    return register(back)  # type: ignore[return-value]


def op(
    *,
    name: str | None = None,
    aliases: Sequence[str] = (),
    when: Mapping[str, Callable[[Params], bool]] | None = None,
    states: Sequence[str] = (),
    inits: Mapping[str, str] | None = None,
    writes: Sequence[str] | Mapping[str, int] = (),
    outputs: Callable[[Params], tuple[str, ...]] | tuple[str, ...] = ("output",),
    visible: Callable[[Params], int] | int | None = None,
    count: str = "",
    variadic: str = "arg",
    group: Sequence[str] = (),
    trailing: Sequence[str] = (),
    loss: bool = False,
    elementwise: bool = False,
    view: bool = False,
    ufunc: Callable[..., Any] | None = None,
    samples: Any = (),
    family: str | None = None,
) -> Callable[[Callable[..., Any]], Declaration]:
    """Turn a kernel into an op.

    Parameters
    ----------
    name, aliases
        Its name (default: the kernel's) and MXNet's other spellings.
    when
        Input -> whether it exists, by the parameters.
    states
        Inputs that are auxiliary states.
    inits
        Input -> MXNet's initializer attribute for a variable that is made for it.
    writes
        Inputs that a run overwrites; output i is the new value of the i-th of them, unless a
        mapping says which.
    outputs, visible
        Names of all outputs, and how many of them a user sees.
    count, variadic
        For `*inputs`: the parameter that holds their number, and their names' beginning.
    group
        For `*inputs` that come in groups, such as weight, grad, mom: the names of one group, to
        which `states` and `writes` refer. Outputs are all new weights, then all new momenta, …
    trailing
        The names of the inputs behind the groups.
    loss
        A loss head: its gradient needs no head gradient.
    elementwise
        All arrays have one shape, and an output may share memory with an input.
    view
        The output is the input's memory under another shape.
    samples
        Calls that the tests make; see tests/test_ops.py.
    """

    def declare(kernel: Callable[..., Any]) -> Declaration:
        signature = inspect.signature(kernel, eval_str=True).parameters.values()
        conditions = when or {}
        inputs = tuple(
            Input(
                variadic if p.kind is p.VAR_POSITIONAL else p.name,
                conditions.get(p.name),
                p.name in states,
                p.kind is p.VAR_POSITIONAL,
                (inits or {}).get(p.name, ""),
            )
            for p in signature
            if p.kind is not p.KEYWORD_ONLY
        )
        keywords = [p for p in signature if p.kind is p.KEYWORD_ONLY]
        params = {
            p.name: param_of(p.name, p.annotation, REQUIRED if p.default is p.empty else p.default)
            for p in keywords
            if p.name not in RUNTIME
        }
        if count and count not in params:
            number = Annotated[int, "How many arrays; counted where they are given.", Between(1)]
            params = {count: param_of(count, number, 0), **params}
        written = writes if isinstance(writes, Mapping) else {n: i for i, n in enumerate(writes)}
        declaration = Declaration(
            name=name or kernel.__name__,
            doc=dedent(inspect.cleandoc(kernel.__doc__ or "")),
            family=family or kernel.__module__.rsplit(".", 1)[-1],
            aliases=tuple(aliases),
            inputs=inputs,
            params=params,
            group=tuple(group),
            trailing=tuple(trailing),
            count=count,
            outputs=outputs,
            visible=visible,
            writes=written,
            states=frozenset(states) if group else frozenset(),
            loss=loss,
            elementwise=elementwise,
            view=view,
            ufunc=ufunc,
            kernel=Rule.of(kernel),
            needs=frozenset(p.name for p in keywords) & RUNTIME - {"out"},
            samples=samples,
        )
        declaration.finish()
        register(declaration)
        return declaration

    return declare


def kernel_of(  # the signature says what a family's member takes
    name: str,
    doc: str,
    inputs: Sequence[str],
    params: Mapping[str, tuple[Any, Any]],
    run: Callable[..., None],
    runtime: Sequence[str] = ("out",),
) -> Callable[..., None]:
    """Return `run` as a kernel with a made signature, for families whose members differ in it.

    Parameters
    ----------
    inputs
        Names of the array inputs; `*data` stands for any number.
    params
        Name -> annotation and default (`REQUIRED` if there is none).
    runtime
        What the runtime fills in: `out`, `rng`, `is_train`.
    """

    def kernel(*arrays: Array, **values: Any) -> None:
        run(*arrays, **values)

    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(
            n.removeprefix("*"),
            inspect.Parameter.VAR_POSITIONAL
            if n.startswith("*")
            else inspect.Parameter.POSITIONAL_OR_KEYWORD,
        )
        for n in inputs
    ]
    for n, (annotation, default) in params.items():
        given = inspect.Parameter.empty if default is REQUIRED else default
        parameters.append(inspect.Parameter(n, keyword, default=given, annotation=annotation))
    parameters += [inspect.Parameter(n, keyword) for n in runtime]
    kernel.__name__, kernel.__doc__, kernel.__module__ = name, doc, run.__module__
    kernel.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return kernel

"""Declaring ops: one place says everything about an op.

`@op` reads a kernel's signature: what stands before `*` are array inputs with a doc, what stands
behind it are parameters with type, default and doc, and `out` is the buffer (or the tuple of
buffers) to fill::

    @op(when={"bias": lambda p: not p["no_bias"]})
    def FullyConnected(
        data: Annotated[Array, "Data, (batch, input size)."],
        weight: Annotated[Array, "One row of weights for each output, (num_hidden, input size)."],
        bias: Annotated[Array | None, "What is added to each output, (num_hidden,)."] = None,
        *,
        num_hidden: Annotated[int, "Number of outputs."],
        no_bias: Annotated[bool, "Whether to leave the bias out."] = False,
        out: Array,
    ) -> None:
        '''Apply a linear map, $Y = X W^T + b$.'''
        np.matmul(data, weight.T, out)
        ...

    @FullyConnected.shape           # assignment unifies: it fills what is unknown, checks the rest
    def _(s, *, num_hidden): ...

    @FullyConnected.grad            # composed of other ops, so second order comes free
    def _(g, data, weight, bias=None, *, no_bias): ...

Families whose members differ by a formula only are tables: see `minisym.core.families`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from textwrap import dedent
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, overload

from minisym.core import declared
from minisym.core.compose import compose
from minisym.core.cost import Cost, each
from minisym.core.declared import RUNTIME
from minisym.core.deferred import Deferred, when_read
from minisym.core.errors import DeclarationError, did_you_mean
from minisym.core.ndarray import Array
from minisym.core.op import HandsOn, Input, OnnxRule, Op, Params, Rule, get
from minisym.core.params import REQUIRED, Between, param_of
from minisym.core.renamed import Renamed
from minisym.core.signatures import taken_by
from minisym.core.symbol import Symbol


class _Registered:
    """Every op by its name, looked up when a rule calls it: `F.sum(g, axis=0)`."""

    def __getattr__(self, name: str) -> Callable[..., Symbol]:
        if name.startswith("__"):  # doctest and inspect ask any object for such
            raise AttributeError(name)
        return get(name)  # type: ignore[return-value]


F = _Registered()
"""What gradient rules are written with: ops of any module, in any order of imports."""


def told(annotation: Any) -> str:
    """Return what an annotation says in words, also that of an array that may be absent.

    >>> told(Annotated[Array, "The weights."] | None)
    'The weights.'
    """
    if get_origin(annotation) in {Union, UnionType}:
        return next(filter(None, map(told, get_args(annotation))), "")
    extras = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((extra for extra in extras if isinstance(extra, str)), "")


PARAMETERS = frozenset({"weight", "bias", "gamma", "beta", "parameters", "offset_bias"})
"""Inputs of these names are learned, unless a declaration says which are."""


class Declaration(Deferred):
    """An op as its module sees it: callable on symbols, and open for its rules."""

    def __call__(self, *args: Any, **kwargs: Any) -> Symbol:
        """Compose: gradients are written with the ops themselves."""
        name, attr = kwargs.pop("name", None), kwargs.pop("attr", None)
        return compose(self, self.name.lower(), args, kwargs, name, attr)

    def _rule(
        self, what: str, function: Callable[..., Any], takes: Sequence[str], *runtime: str
    ) -> Rule:
        """Read a rule; refuse one that asks for what it cannot get."""
        each_input = self.variadic and what in {"grad", "measured"}
        declared.check_takes(
            self.name, f"{what} rule", function, takes[:-1] if each_input else takes,
            any_number=each_input,
        )  # fmt: skip
        rule = Rule.of(function)
        known = (*self.params, *runtime)
        for name in rule.wants:
            if name not in known:
                raise declared.unknown_parameter(self, f"{what} rule", name, known)
        return rule

    @property
    def _takes(self) -> tuple[str, ...]:
        return tuple(spec.name for spec in self.inputs)

    @when_read
    def shape(self, rule: Callable[..., None]) -> Declaration:
        """Declare how shapes depend on each other: `rule(s, *, params…)`."""
        if self.elementwise:
            raise DeclarationError(
                f"{self.name}: it is declared elementwise, so its shapes are one; "
                "a shape rule would not be asked",
                hint="leave out elementwise=True",
            )
        self.shape_rule = self._rule("shape", rule, ("s",))
        return self

    @when_read
    def dtype(self, rule: Callable[..., None]) -> Declaration:
        """Declare how element types depend on each other (without: all are the same)."""
        self.dtype_rule = self._rule("dtype", rule, ("t",))
        return self

    @when_read
    def measured(self, rule: Callable[..., Any]) -> Declaration:
        """Declare shapes that depend on values: `rule(*inputs, *, params…)`, asked in a run.

        It returns the shapes of all outputs, which the shape rule leaves open.
        """
        self.measure = self._rule("measured", rule, self._takes)
        return self

    @when_read
    def grad(self, rule: Callable[..., Any]) -> Declaration:
        """Declare the gradient: `rule(g, *inputs, *, params…, y)` returns one symbol an input.

        `g` is the gradient of the output (a list, if there are several), the optional `y` the
        output itself (`output`, where the op has a parameter y). None stands for an input that gets
        no gradient.
        """
        self.gradient = self._rule(
            "grad", rule, ("g", *self._takes), "y", "output", "arrived", "needed"
        )
        return self

    @when_read
    def steps(self, rule: Callable[..., Iterable[Any] | None]) -> Declaration:
        """Declare how a run does it in prebound steps: `rule(inputs, outs, *, params…)`.

        Yields (function, arguments) pairs. The outputs of an update may be inputs that it
        overwrites: then no step may read what an earlier one has written, or the rule returns None.
        """
        self.prepare = self._rule("steps", rule, ("inputs", "outs"), "is_train", "state")
        return self

    @when_read
    def onnx(self, rule: Callable[..., Any]) -> Declaration:
        """Declare what it is in ONNX: `rule(o, *inputs, *, params…)` returns the outputs.

        `o` writes the nodes, `o.MatMul(a, b)`; see `minisym.onnx`. The rule takes those inputs that
        its signature names: what it leaves out, as a loss head its label, no exported graph has.
        """
        reads = declared.check_onnx(self, rule)
        found = Rule.of(rule)
        for name in found.wants:
            if name not in self.params:
                raise declared.unknown_parameter(self, "onnx rule", name, self.params)
        self.onnx_rule = OnnxRule(rule, found.wants, found.everything, reads)
        return self

    @overload
    def backward(
        self,
        kernel: Callable[..., None],
        *,
        wrt: Sequence[str] | None = None,
        grad: Callable[..., Any] | None = None,
        cost: Cost | None = None,
    ) -> Declaration: ...

    @overload
    def backward(
        self,
        *,
        wrt: Sequence[str] | None = None,
        grad: Callable[..., Any] | None = None,
        cost: Cost | None = None,
    ) -> Callable[[Callable[..., None]], Declaration]: ...

    def backward(
        self,
        kernel: Callable[..., None] | None = None,
        *,
        wrt: Sequence[str] | None = None,
        grad: Callable[..., Any] | None = None,
        cost: Cost | None = None,
    ) -> Any:
        """Declare a numeric gradient: a kernel that becomes the op `_backward_<name>`.

        The kernel's inputs are chosen by name: `g` (the gradient of the output, or `g0`, `g1`, … of
        several), the op's inputs, and `y` (the output, or `y0`, `y1`, …). It fills `out`, one array
        for each input that `wrt` names (default: all inputs that are no auxiliary states), shaped
        like that input (or like `y` or `g`, if the kernel does not take it). A variadic op's
        kernel takes `*args` behind the others, and fills one each.

        `grad` is the symbolic gradient of the backward op itself, for second order, and `cost` how
        much arithmetic it does, by default as much as the op itself.
        """
        if kernel is None:
            return lambda function: self.backward(function, wrt=wrt, grad=grad, cost=cost)
        declared.check_lists(self.name, {"wrt": wrt})
        back = _backward_op(self, kernel, wrt, cost)
        if grad is not None:
            back.grad(grad)
        return self._differentiated(back, wrt)

    @when_read
    def _differentiated(self, back: Declaration, wrt: Sequence[str] | None) -> Declaration:
        """Let the gradient be that of a numeric op."""
        names = _differentiable(self, wrt)

        def rule(g: Any, *inputs: Symbol | None, y: Any, **params: Any) -> list[Symbol | None]:
            takes = [i.name for i in back.inputs]
            gs, ys = (v if isinstance(v, list) else [v] for v in (g, y))
            available: dict[str, Symbol | None] = {"g": gs[0], "y": ys[0]}
            available |= {f"g{i}": s for i, s in enumerate(gs)}
            available |= {f"y{i}": s for i, s in enumerate(ys)}
            if self.variadic:
                fixed = [available[name] for name in takes[:-1]]
                answer = back(*fixed, *inputs, **params)
                return [answer[i] for i in range(len(inputs))]
            available |= dict(zip((i.name for i in self.inputs), inputs, strict=True))
            if not available.keys() >= {*takes}:  # it is that of an output which is not there
                return [None] * len(inputs)
            answer = back(**{n: available[n] for n in takes if available[n] is not None}, **params)
            present = [n for n in names if available.get(n) is not None]
            by_name = {n: answer[i] for i, n in enumerate(present)}
            return [by_name.get(i.name) for i in self.inputs]

        self.gradient = Rule(rule, ("y", *self.params))
        return self


def _differentiable(op: Op, wrt: Sequence[str] | None) -> tuple[str, ...]:
    """Return the inputs that get a gradient: by default all that are no auxiliary states."""
    return tuple(i.name for i in op.inputs if not i.auxiliary) if wrt is None else tuple(wrt)


def _told_by_name(name: str, outputs: Any) -> str:
    """Say what an input of a backward kernel is that is none of the op's own: g, g1, y, y1."""
    kind, number = name[:1], name[1:]
    which = "the output"
    if number.isdigit():
        named = isinstance(outputs, tuple)
        which = f"`{outputs[int(number)]}`" if named else f"output {number}"
    return f"Gradient of {which}." if kind == "g" else f"What the op gave as {which}."


def _is_of_output(op: Op, name: str) -> bool:
    """Return whether a name means a gradient or an output: g, y, or g1, y1 of several."""
    letter, number = name[:1], name[1:]
    if letter not in {"g", "y"} or not (number.isdigit() or not number):
        return False
    return not number or callable(op.outputs) or int(number) < len(op.outputs)


def _check_backward(
    forward: Declaration, kernel: Callable[..., None], names: Sequence[str]
) -> None:
    """Refuse a backward kernel, or a `wrt`, that speaks of what there is not."""
    taken = declared.signature_of(forward.name, kernel)
    takes = {p.name for p in taken}
    inputs = tuple(i.name for i in forward.inputs)
    if not forward.variadic:
        declared.check_names(forward.name, "wrt", names, inputs)
    for p in taken:
        if p.kind is p.KEYWORD_ONLY:
            if p.name not in RUNTIME and p.name not in forward.params:
                raise declared.unknown_parameter(
                    forward, "backward kernel", p.name, (*forward.params, *RUNTIME)
                )
        elif p.kind is p.VAR_POSITIONAL or p.name in inputs or _is_of_output(forward, p.name):
            continue
        else:
            raise DeclarationError(
                f"{forward.name}: its backward kernel takes {p.name!r}, which is neither an input "
                "of the op, nor a gradient (g), nor an output (y)",
                hint=did_you_mean(p.name, ("g", "y", *inputs)),
            )
    for name in () if forward.variadic else names:
        if takes.isdisjoint({name, "g", "y"}):
            raise DeclarationError(
                f"{forward.name}: its backward kernel takes neither {name} nor g, so that nothing "
                f"says which shape the gradient of {name} has",
                hint=f"let it take {name}, or leave that out of wrt=(…)",
            )
    depends = forward.variadic or any(i.when for i in forward.inputs)
    outputs = None if depends else [f"{name}_grad" for name in names]
    declared.check_out(forward.name, "backward kernel", taken, outputs)


def _backward_op(
    forward: Declaration,
    kernel: Callable[..., None],
    wrt: Sequence[str] | None,
    cost: Cost | None,
) -> Declaration:
    """Make and register the op `_backward_<name>` of a numeric gradient."""
    name = f"_backward_{forward.name}"
    return Declaration.declared(
        name, (), forward.module, lambda: _read_backward(name, forward, kernel, wrt, cost)
    )


def _read_backward(
    called: str,
    forward: Declaration,
    kernel: Callable[..., None],
    wrt: Sequence[str] | None,
    cost: Cost | None,
) -> Declaration:
    """Read the declaration of a backward kernel."""
    names = _differentiable(forward, wrt)
    _check_backward(forward, kernel, names)
    conditions = {i.name: i.when for i in forward.inputs if i.when}
    docs = {i.name: i.doc for i in forward.inputs}
    inputs = tuple(
        Input(
            name := forward.inputs[-1].name if p.kind is p.VAR_POSITIONAL else p.name,
            conditions.get(name),
            variadic=p.kind is p.VAR_POSITIONAL,
            doc=docs[name] if name in docs else _told_by_name(name, forward.outputs),
        )
        for p in taken_by(kernel)
        if p.kind is not p.KEYWORD_ONLY
    )

    def outputs(params: Params) -> tuple[str, ...]:
        if forward.variadic:
            return tuple(f"grad{i}" for i in range(params[forward.count]))
        return tuple(
            f"{n}_grad" for n in names if conditions.get(n) is None or conditions[n](params)
        )

    taken = {i.name for i in inputs}
    like = "y" if "y" in taken else "g"
    back = Declaration(
        name=called,
        doc=inspect.cleandoc(kernel.__doc__ or f"Gradient of {forward.name}."),
        module=forward.module,
        kind="backward",
        cost=forward.cost if cost is None else cost,
        inputs=inputs,
        params=forward.params,
        count=forward.count,
        outputs=outputs,
        sometimes=frozenset(f"{n}_grad" for n in conditions if n in names),
        kernel=Rule.of(kernel),
        needs=frozenset(Rule.of(kernel).wants) & RUNTIME - {"out"},
    )

    @back.shape
    def _(s: Any, **params: Any) -> None:
        _like_inputs(s)
        if forward.shape_rule is not None:
            forward.shape_rule(as_forward(s, params), params=params)
        elif forward.elementwise:
            every, known = as_forward(s, params), None
            for name in (*every.names, *every.names):
                setattr(every, name, known)
                known = getattr(every, name)
        _like_inputs(s)

    def as_forward(s: Any, params: Params) -> Renamed:
        """Return the slots as the forward op has them."""
        ins: dict[str, Sequence[str]]
        names_here = s.names
        if forward.variadic:
            fixed, count = len(inputs) - 1, len(s.outputs)
            given = zip(names_here[fixed : fixed + count], back.output_names(params), strict=True)
            ins = dict(zip(forward.place_names(count), given, strict=True))
        else:
            ins = {
                i.name: [n for n in (i.name, f"{i.name}_grad") if n in names_here]
                for i in forward.inputs
                if i.when is None or i.when(params)
            }
        made = forward.output_names(params)
        heads = [("g", "g0", "y", "y0"), *((f"g{i}", f"y{i}") for i in range(1, len(made)))]
        known = {i.name for i in inputs}
        outs = {n: [h for h in each if h in known] for n, each in zip(made, heads, strict=True)}
        return Renamed(s, ins, outs)

    @back.dtype
    def _(t: Any) -> None:
        _like_inputs(t)

    def _like_inputs(s: Any) -> None:
        """Give each gradient the shape (or type) of its input; if that is not read, of `y`, `g`."""
        if forward.variadic:
            count = len(s.outputs)
            for i, value in enumerate(s.inputs[-count:]):
                s.set_output(i, value)
            return
        for name in names:
            setattr(s, f"{name}_grad", getattr(s, name if name in taken else like))

    return back


def op(
    kernel: None = None,
    /,
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
    kind: str = "",
    stops_gradient: bool = False,
    elementwise: bool = False,
    stretches: bool = False,
    view: bool = False,
    hands_on: HandsOn | bool = False,
    ufunc: Callable[..., Any] | None = None,
    samples: Any = (),
    cost: Cost | None = None,
    sends: Cost | None = None,
    sign: str = "",
    parameters: Sequence[str] | None = None,
    labels: Sequence[str] = (),
    sometimes: Sequence[str] = (),
    workspaces: Callable[[Params], int] | int = 0,
    hides: bool = False,
    lenient: bool = False,
    onnx: str | Callable[..., Any] = "",
    no_onnx: str = "",
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
    kind
        What it is for, one of `minisym.core.op.KINDS`; by default what the rest says.
    stops_gradient
        Nothing flows back through it, as in BlockGrad.
    elementwise
        All arrays have one shape, and an output may share memory with an input.
    stretches
        The inputs stretch to one shape; on arrays of that shape it would be elementwise.
    view
        The output is the input's memory under another shape.
    hands_on
        Where the output has shape and type of the first input, it has its bits, too, so that who
        reads it may read the input: True, or `rule(params, kind, is_train)`, with the kind of the
        numbers ("f", "i", "u" or "b") and the mode of the run (None: it may be either).
    samples
        Calls that the tests make; see `minisym.testing.check_op`.
    cost
        How much arithmetic it does: a rule of `minisym.core.cost`. By default that is not known; of
        an elementwise op it is one operation for each element.
    sends
        How many bits workers send each other, of an op that stands for that: a rule as for `cost`.
    sign
        What a picture writes instead of the name.
    parameters
        Inputs that are learned; by default those called weight, bias, gamma, beta, parameters.
    labels
        Inputs that only the gradient reads, so that who predicts need not give them.
    sometimes
        Names of outputs that exist only with some parameters, for rules to ask for.
    workspaces, hides, lenient
        What MXNet's files count and allow; see `minisym.core.op.Op`.
    onnx
        The op of ONNX that does the same to the same inputs, or `rule(o, *inputs)`.
    no_onnx
        Why there is no such thing in ONNX.

    Raises
    ------
    DeclarationError
        Something names what is not there, an annotation is missing, a parameter has a type or a
        default that cannot be read, or two things that are said do not fit together.
    """
    if kernel is not None:
        raise DeclarationError(
            f"@op is written with brackets: it was given {getattr(kernel, '__name__', kernel)!r}",
            hint="@op(), or @op(elementwise=True) where all arrays have one shape",
        )
    lists = {
        "aliases": aliases, "states": states, "writes": writes, "group": group, "outputs": outputs,
        "trailing": trailing, "parameters": parameters, "labels": labels,
        "sometimes": sometimes,
    }  # fmt: skip

    def declare(kernel: Callable[..., Any]) -> Declaration:
        called = name or kernel.__name__
        declared.check_lists(called, lists)
        return Declaration.declared(
            called, tuple(aliases), kernel.__module__, lambda: read(called, kernel)
        )

    def read(called: str, kernel: Callable[..., Any]) -> Declaration:
        names = outputs if callable(outputs) else tuple(outputs)
        taken = declared.signature_of(called, kernel)
        conditions = when or {}
        declared.check_signature(called, taken, conditions, names)
        inputs = tuple(
            Input(
                variadic if p.kind is p.VAR_POSITIONAL else p.name,
                conditions.get(p.name),
                p.name in states,
                p.kind is p.VAR_POSITIONAL,
                (inits or {}).get(p.name, ""),
                told(p.annotation),
                p.name in (PARAMETERS if parameters is None else parameters),
                p.name in labels,
            )
            for p in taken
            if p.kind is not p.KEYWORD_ONLY
        )
        slots = (*group, *trailing) if group else tuple(i.name for i in inputs)
        declared.check_names(called, "when", conditions, slots)
        declared.check_names(called, "states", states, slots)
        declared.check_names(called, "inits", inits or (), slots)
        declared.check_names(called, "parameters", parameters or (), slots)
        declared.check_names(called, "labels", labels, slots)
        keywords = [p for p in taken if p.kind is p.KEYWORD_ONLY]
        params = {p.name: declared.param(called, p) for p in keywords if p.name not in RUNTIME}
        if count and count not in params:
            number = Annotated[int, "How many arrays; counted where they are given.", Between(1)]
            params = {count: param_of(count, number, 0), **params}
        declaration = Declaration(
            name=called,
            doc=dedent(inspect.cleandoc(kernel.__doc__ or "")),
            module=kernel.__module__,
            aliases=tuple(aliases),
            inputs=inputs,
            params=params,
            group=tuple(group),
            trailing=tuple(trailing),
            count=count,
            outputs=names,
            visible=visible,
            writes=writes if isinstance(writes, Mapping) else {n: i for i, n in enumerate(writes)},
            states=frozenset(states) if group else frozenset(),
            loss=loss,
            kind=kind,
            stops_gradient=stops_gradient,
            elementwise=elementwise,
            stretches=stretches,
            view=view,
            hands_on=hands_on,
            ufunc=ufunc,
            kernel=Rule.of(kernel),
            needs=frozenset(p.name for p in keywords) & RUNTIME - {"out"},
            samples=samples,
            cost=each(1) if cost is None and elementwise else cost,
            sends=sends,
            sign=sign,
            sometimes=frozenset(sometimes),
            workspaces=workspaces,
            hides=hides,
            lenient=lenient,
            no_onnx=no_onnx,
        )
        declared.check_record(declaration)
        if onnx:
            declaration.onnx(_of_all(in_onnx(onnx)))
        return declaration

    return declare


def _of_all(form: Callable[..., Any]) -> Callable[..., Any]:
    """Return a rule that is given all inputs, whatever it calls them."""
    return lambda o, *inputs: form(o, *inputs)  # noqa: PLW0108


def in_onnx(form: str | Callable[..., Any]) -> Callable[..., Any]:
    """Return a rule `form(o, *inputs)`; the name of an op of ONNX stands for one node of it."""
    return form if callable(form) else lambda o, *inputs: o.node(form, *inputs)


def kernel_of(  # the signature says what a family's member takes
    name: str,
    doc: str,
    inputs: Mapping[str, Any],
    params: Mapping[str, tuple[Any, Any]],
    run: Callable[..., None],
    runtime: Sequence[str] = ("out",),
) -> Callable[..., None]:
    """Return `run` as a kernel with a made signature, for families whose members differ in it.

    Parameters
    ----------
    inputs
        Name -> annotation of the array inputs; `*data` stands for any number.
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
            annotation=annotation,
        )
        for n, annotation in inputs.items()
    ]
    for n, (annotation, default) in params.items():
        given = inspect.Parameter.empty if default is REQUIRED else default
        parameters.append(inspect.Parameter(n, keyword, default=given, annotation=annotation))
    parameters += [inspect.Parameter(n, keyword) for n in runtime]
    kernel.__name__, kernel.__doc__, kernel.__module__ = name, doc, run.__module__
    kernel.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return kernel

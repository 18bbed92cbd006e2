"""What an op is: a record of everything that one declaration says about it, and the registry.

Nothing here computes. `minisym.core.declare` fills these records from the declarations in
`minisym.ops`; the passes and the runtime read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from minisym.core.cost import Cost
from minisym.core.errors import ComposeError, DeclarationError, ParamError, closest, did_you_mean
from minisym.core.params import Param, write
from minisym.core.signatures import keywords_of

Params = Mapping[str, Any]
NO_PARAMS: Final[Params] = MappingProxyType({})

HandsOn = Callable[[Params, str, bool | None], bool]
"""By the parameters, the kind of the numbers ("f", "i", "u" or "b"), and the mode of the run."""

FROM_INPUT: Final = "<input>"
"""The value of a float parameter that the graph computes: an extra input carries it."""

KINDS: Final = (
    *("layer", "activation", "norm", "pooling", "loss", "math", "reduce", "layout", "source"),
    *("update", "backward", "opaque"),
)
"""What an op can be for."""

SYMBOL_PARAMS: Final = "__symbol_params__"
"""The attribute under which a file says which parameters are inputs."""


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
        return cls(function, *keywords_of(function))

    def __call__(self, *args: Any, params: Params, **runtime: Any) -> Any:
        """Call the rule."""
        values = {n: params[n] if n in params else runtime[n] for n in self.wants}
        return self.function(*args, **({**params, **values} if self.everything else values))


@dataclass(frozen=True, slots=True)
class OnnxRule(Rule):
    """How an op is said in ONNX: a rule that is given some of the inputs, and a writer."""

    reads: tuple[str, ...] | None = None
    """The inputs that it takes; None: all of them, in order."""

    def by_name(self, writer: Any, inputs: Mapping[str, Any], params: Params) -> Any:
        """Call the rule with inputs by their names."""
        values = params if self.everything else {n: params[n] for n in self.wants}
        return self.function(writer, **inputs, **values)


@dataclass(frozen=True, slots=True)
class Input:
    """One array input of an op."""

    name: str
    when: Callable[[Params], bool] | None = None
    """Whether the input exists, by the parameters (FullyConnected has no bias with no_bias)."""
    auxiliary: bool = False
    """A state that belongs to the op (moving_mean, mom): listed apart from the arguments."""
    variadic: bool = False
    """Any number of arrays, as in Concat."""
    init: str = ""
    """The initializer (MXNet's `__init__`) of a variable that is made for this input."""
    doc: str = ""
    """What it is, its shape, and whether a run overwrites it."""
    learned: bool = False
    """A parameter, which training changes (weight, bias, gamma): drawn and counted as one."""
    label: bool = False
    """Only the gradient reads it: no output depends on it."""


@dataclass(eq=False, slots=True, weakref_slot=True)
class Op:
    """Everything that is known about one op. See docs/your-own-op.md for how to declare one."""

    name: str
    """MXNet's name for it."""
    doc: str = ""
    """The docstring of its function."""
    module: str = ""
    """Where it is declared."""
    aliases: tuple[str, ...] = ()
    """Its other names."""
    inputs: tuple[Input, ...] = ()
    """The arrays that it takes, in order."""
    params: Mapping[str, Param] = field(default_factory=lambda: NO_PARAMS)
    """What it takes beside arrays, by name."""
    group: tuple[str, ...] = ()
    """For variadic inputs that come in groups: the names of one group (weight, grad, mom)."""
    trailing: tuple[str, ...] = ()
    """Inputs behind the groups."""
    count: str = ""
    """The parameter that holds the number of variadic inputs (MXNet's key_var_num_args)."""
    named: Callable[[Params], tuple[str, ...] | None] | None = None
    """Names of variadic inputs, where the parameters decide on them (None: they are numbered)."""
    outputs: Callable[[Params], tuple[str, ...]] | tuple[str, ...] = ("output",)
    """The names of the outputs, or what tells them from the parameters."""
    visible: Callable[[Params], int] | int | None = None
    """How many of the outputs a user sees (None: all of them)."""
    writes: Mapping[str, int] = field(default_factory=lambda: NO_PARAMS)
    """Input that a run overwrites -> output that holds its new value."""
    kind: str = ""
    """What it is for, such as "layer" or "loss": pictures and summaries tell nodes apart by it."""
    cost: Cost | None = None
    """How much arithmetic it does; None where only its body knows."""
    sends: Cost | None = None
    """How many bits it stands for between machines, where it is what workers agree on."""
    sign: str = ""
    """What a picture writes instead of the name: `+`, or `> {}` with the parameter `scalar`."""
    workspaces: Callable[[Params], int] | int = 0
    """How many buffers of it MXNet counts as outputs in files, though nobody sees them."""
    hides: bool = False
    """Its hidden outputs are minisym's own: files do not count them."""
    lenient: bool = False
    """MXNet ignores what it does not know there: a file may give any parameter."""
    is_known: bool = True
    """False of an op that only a file names: it can be listed, drawn and saved, but not run."""
    loss: bool = False
    """The op is a loss head: its gradient does not wait for a head gradient."""
    stops_gradient: bool = False
    """Nothing flows back through it: what is behind it counts as a constant."""
    elementwise: bool = False
    """Output element i depends on input elements i only, all arrays have one shape."""
    stretches: bool = False
    """It would be elementwise if the inputs were stretched to the shape of the output."""
    in_place: bool | Mapping[int, Sequence[int]] = False
    """Whether its one output may take the memory of an input of its shape, as elementwise ones may;
    for several, output -> the inputs of which it may do so."""
    view: bool = False
    """The output is the same memory as the first input, seen with another shape."""
    hands_on: HandsOn | bool = False
    """Where the output has shape and type of the first input, it has its bits, too: always, or if a
    rule says so. An op of any number of arrays hands on one only if there is no other."""
    needs: frozenset[str] = frozenset()
    """What the runtime passes to the kernel beside arrays and parameters: is_train, rng, state."""
    state_of: Callable[[Any], Any] | None = None
    """The node whose `state` the kernel gets, if not its own: a gradient shares its owner's."""

    ufunc: Callable[..., Any] | None = None
    """The ufunc of NumPy that does all of it, if there is one."""
    kernel: Callable[..., Any] | None = None
    """What fills the outputs."""
    prepare: Callable[..., Any] | None = None
    """What yields the steps of a run, where everything is bound."""
    shape_rule: Callable[..., None] | None = None
    """How shapes depend on each other."""
    dtype_rule: Callable[..., None] | None = None
    """How element types depend on each other."""
    gradient: Callable[..., Any] | None = None
    """What composes the gradients of the inputs."""
    onnx_rule: OnnxRule | None = None
    """What it is in ONNX; see `minisym.onnx`."""
    no_onnx: str = ""
    """Why it is nothing in ONNX."""
    measure: Callable[..., Any] | None = None
    """For an op whose output's shape depends on values: the shapes, from the inputs themselves."""
    samples: Callable[..., Any] | Sequence[Any] = ()
    """Calls that the tests make."""
    reference: Callable[..., Any] | None = None
    """What the outputs should be, by NumPy."""
    sometimes: frozenset[str] = frozenset()
    """Names of outputs that exist only with some parameters."""
    choose: Callable[[Mapping[str, str]], Op] | None = None
    """For an op that stands for many, as Custom does: which one some parameters mean."""
    subgraphs: tuple[Any, ...] = ()
    """The symbols inside an op that holds graphs, as control flow does."""
    control: Any = None
    """What it does with them: a `Scan` or a `Branch` of `minisym.control`."""

    states: frozenset[str] = frozenset()
    """The inputs that are auxiliary states."""
    defaults: Params = field(init=False)
    required: tuple[str, ...] = field(init=False)
    inits: Mapping[str, str] = field(init=False)
    """Input -> the initializer of a variable that is made for it."""
    learned: frozenset[str] = field(init=False)
    """The inputs that training changes."""
    labels: frozenset[str] = field(init=False)
    """The inputs that only the gradient reads."""
    single: bool = field(init=False)
    """Whether there is one output, whatever the parameters are."""
    _fixed_inputs: tuple[str, ...] | None = field(init=False)

    def __post_init__(self) -> None:
        """Derive what compose and pictures need often."""
        defaults = {p.name: p.default for p in self.params.values() if not p.required}
        self.defaults = MappingProxyType(defaults) if defaults else NO_PARAMS
        self.required = tuple(p.name for p in self.params.values() if p.required)
        if states := frozenset(i.name for i in self.inputs if i.auxiliary):
            self.states |= states
        self.inits = {i.name: i.init for i in self.inputs if i.init} or NO_PARAMS
        self.learned = frozenset(i.name for i in self.inputs if i.learned)
        self.labels = frozenset(i.name for i in self.inputs if i.label)
        self.single = isinstance(self.outputs, tuple) and len(self.outputs) == 1
        fixed = not any(i.when or i.variadic for i in self.inputs)
        self._fixed_inputs = tuple(i.name for i in self.inputs) if fixed else None
        self.kind = self.kind or self._kind()
        self.in_place = self.in_place or (
            self.single and (self.elementwise or (self.stretches and self.ufunc is not None))
        )

    def _kind(self) -> str:
        """Return what kind of op it is, where its declaration does not say it."""
        if not self.is_known:
            return "opaque"
        if self.writes and not self.states.issuperset(self.writes):
            return "update"
        if self.loss:
            return "loss"
        if any(i.name == "gamma" for i in self.inputs):
            return "norm"
        if self.learned:
            return "layer"
        return "math" if self.inputs else "source"

    def __repr__(self) -> str:
        """Show the name."""
        return f"<op {self.name}>"

    @property
    def meaning(self) -> Any:
        """What two nodes of the same kind have in common: the op, or what was said of it there.

        An op that nobody knows, or that holds graphs, is made for one node.
        """
        if self.is_known and not self.subgraphs:
            return self
        inside = tuple(symbol.graph for symbol in self.subgraphs)
        return self.name, self.outputs, inside

    @property
    def has_effects(self) -> bool:
        """Whether it may do more than fill its outputs: a user's operator, or what holds one.

        An exchange with other processes does, too: all of them have to make it.
        """
        return bool(self.subgraphs) or bool({"state", "comm"} & self._wanted)

    @property
    def exchanges(self) -> bool:
        """Whether it talks to other processes."""
        return "comm" in self._wanted

    @property
    def _wanted(self) -> set[str]:
        return {*getattr(self.kernel, "wants", ())}

    @property
    def why_no_onnx(self) -> str:
        """Why ONNX cannot say it, in words; nothing, if it can."""
        if self.onnx_rule is not None:
            return ""
        if self.no_onnx or not self.is_known:
            return self.no_onnx or "minisym does not know this op"
        if "rng" in self.needs:
            return "it draws random numbers, and no two systems draw the same"
        if self.kind in ("backward", "update"):
            return OF_GRADIENTS if self.kind == "backward" else OF_UPDATES
        return "its declaration does not say what it is in ONNX"

    @property
    def learns(self) -> bool:
        """Whether it overwrites states in training, and in inference leaves them as they are."""
        return (
            bool(self.writes) and "is_train" in self.needs and self.states.issuperset(self.writes)
        )

    @property
    def slots(self) -> frozenset[str]:
        """The names of all inputs and outputs that it has with any parameters."""
        outputs = () if callable(self.outputs) else self.outputs
        return frozenset(i.name for i in self.inputs).union(self.group, outputs, self.sometimes)

    def chosen(self, given: Mapping[str, Any]) -> Op:
        """Return the op that parameters mean: itself, unless it stands for many."""
        return self if self.choose is None else self.choose(self.write_params(given))

    # ------------------------------------------------------------------- what depends on parameters

    @property
    def variadic(self) -> bool:
        """Whether the op takes any number of arrays."""
        return bool(self.inputs) and self.inputs[-1].variadic

    def input_names(self, params: Params, given: int | None = None) -> tuple[str, ...]:
        """Return the names of the inputs that exist with these parameters, in order.

        `given` is the number of inputs of a variadic op.
        """
        names = self._fixed_inputs
        if names is None and self.named is not None:
            names = self.named(params)
        if names is None:
            found: list[str] = []
            for spec in self.inputs:
                if spec.variadic and self.group:
                    found += [f"{n}_{i}" for i in range(params[self.count]) for n in self.group]
                    found += self.trailing
                elif spec.variadic:
                    found += _numbered(spec.name, len(found), self._how_many(params, given))
                elif spec.when is None or spec.when(params):
                    found.append(spec.name)
            names = tuple(found)
        if FROM_INPUT in params.values():
            names += tuple(name for name, value in params.items() if value is FROM_INPUT)
        return names

    def place_names(self, count: int) -> list[str]:
        """Return the names of this many arrays given by position to a variadic op."""
        if self.group:
            grouped = count - len(self.trailing)
            names = [
                f"{self.group[i % len(self.group)]}_{i // len(self.group)}" for i in range(grouped)
            ]
            return [*names, *self.trailing]
        fixed = [spec.name for spec in self.inputs[:-1]]
        return [*fixed, *_numbered(self.inputs[-1].name, len(fixed), count - len(fixed))][:count]

    def counted(self, arrays: int) -> int:
        """Return what `count` is where this many arrays are given; groups count as one each."""
        if not self.group:
            return arrays
        return max(1, -(-(arrays - len(self.trailing)) // len(self.group)))

    def writes_of(self, params: Params) -> Mapping[str, int]:
        """Return which inputs a run overwrites, and the outputs that hold the new values."""
        if not self.group:
            return self.writes
        count = params[self.count]
        return {
            f"{name}_{i}": place * count + i
            for name, place in self.writes.items()
            for i in range(count)
        }

    def is_state(self, name: str) -> bool:
        """Return whether an input of this name is an auxiliary state."""
        return name in self.states or (bool(self.group) and name.rpartition("_")[0] in self.states)

    def file_outputs(self, params: Params) -> int:
        """Return how many outputs MXNet counts: new values of states are none, workspaces are."""
        if self.hides or self.subgraphs:
            return self.visible_outputs(params)
        total = 1 if self.single else len(self.output_names(params))
        if self.states and self.writes:
            total -= sum(self.is_state(name) for name in self.writes_of(params))
        return total + (self.workspaces(params) if callable(self.workspaces) else self.workspaces)

    def output_names(self, params: Params) -> tuple[str, ...]:
        """Return the names of all outputs, hidden ones included."""
        return self.outputs(params) if callable(self.outputs) else self.outputs

    def visible_outputs(self, params: Params) -> int:
        """Return how many outputs a user sees."""
        if self.visible is None:
            return len(self.output_names(params))
        return self.visible(params) if callable(self.visible) else self.visible

    def _how_many(self, params: Params, given: int | None) -> int:
        count = params.get(self.count) if self.count else None
        if isinstance(count, int):
            return count
        return given or 0

    # ------------------------------------------------------------------------------- parameters

    def read_params(self, given: Mapping[str, Any], node: str | None = None) -> Params:
        """Return the typed parameters, defaults filled in, of what the user wrote."""
        if not given and not self.required:
            return self.defaults
        typed = dict(self.defaults)
        for name, value in given.items():
            param = self.params.get(name)
            if param is None:
                raise self.unknown_param(name, node)
            typed[name] = param.read(value, op=self.name, node=node)
        for name in self.required:
            if name not in typed:
                raise self.missing_param(name, node)
        return MappingProxyType(typed)

    def missing_param(self, name: str, node: str | None = None) -> ParamError:
        """Make the error for a required parameter that was not given."""
        subject = f"{self.name} {node!r}" if node else self.name
        param = self.params[name]
        return ParamError(
            f"{subject}: required parameter {name} ({param.kind}) is missing",
            hint=f"{name}: {param.doc}" if param.doc else None,
        )

    def unknown_param(self, name: str, node: str | None = None) -> ParamError:
        """Make the error for a keyword that is neither input nor parameter of this op."""
        subject = f"{self.name} {node!r}" if node else self.name
        known = [i.name for i in self.inputs] + list(self.params)
        return ParamError(
            f"{subject}: there is no input or parameter {name!r}",
            hint=did_you_mean(name, known) or f"{self.name} takes none",
        )

    def write_params(self, given: Mapping[str, Any]) -> dict[str, str]:
        """Return the strings that MXNet would keep."""
        return {name: write(value) for name, value in given.items()}


OF_GRADIENTS: Final = "it is part of a gradient, and ONNX files hold predictions"
OF_UPDATES: Final = "it is part of a training step, and ONNX files hold predictions"
"""Why some ops are nothing in ONNX."""


def _numbered(name: str, start: int, count: int) -> list[str]:
    """Name variadic inputs as MXNet does: arg0, arg1 and so on."""
    return [f"{name}{i}" for i in range(start, start + count)]


# ---------------------------------------------------------------------------------- the registry

_registry: Final[dict[str, Op]] = {}
_reserved: Final[set[str]] = set()


def register(op: Op) -> Op:
    """Enter an op under its name and its aliases; refuse a name that is taken.

    A module of a user that declares an op again, as the cell of a notebook does, replaces it: what
    is composed from then on is the new one.
    """
    names = (op.name, *op.aliases)
    for name in names:
        taken = _registry.get(name)
        if taken is not None and (is_own(taken) or taken.module != op.module):
            message = f"an op named {name!r} exists already: {taken!r} of {taken.module}"
            raise DeclarationError(message, hint="choose another name")
        if name in _reserved and not is_own(op):
            message = f"an op cannot be called {name!r}: sym.{name} is something else already"
            raise DeclarationError(message, hint="choose another name")
    if (earlier := _registry.get(op.name)) is not None:
        _forget(earlier)
    for name in names:
        _registry[name] = op
    return op


def _forget(op: Op) -> None:
    """Take away all names of an op that is declared again, and its numeric gradient."""
    for name in [name for name, known in _registry.items() if known is op]:
        del _registry[name]
    backward = _registry.get(f"_backward_{op.name}")
    if backward is not None and backward.module == op.module:
        _forget(backward)


def reserve(names: Iterable[str]) -> None:
    """Keep names of `sym` and `nd` that are no ops: a user's op would not be found under them."""
    _reserved.update(names)


def is_own(op: Op) -> bool:
    """Return whether minisym itself declares an op; such a one is never replaced."""
    return op.module.startswith("minisym.")


def find(name: str) -> Op | None:
    """Return the op of this name or alias, or None."""
    return _registry.get(name)


def get(name: str) -> Op:
    """Return the op of this name or alias; raise `ComposeError` if there is none."""
    op = _registry.get(name)
    if op is None:
        message = f"there is no op {name!r}"
        raise ComposeError(message, hint=did_you_mean(name, registered()))
    return op


def attribute(name: str, module: str) -> Op:
    """Return the op that a module's attribute names; raise AttributeError with what is close."""
    op = None if name.startswith("__") else _registry.get(name)
    if op is None:
        public = [known for known in _registry if not known.startswith("_")]
        close = closest(name, public, 0.75)  # maximum is no max
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        message = f"module {module!r} has no attribute {name!r}{hint}"
        raise AttributeError(message)
    return op


def registered() -> Mapping[str, Op]:
    """Return all names and aliases with their ops."""
    return MappingProxyType(_registry)


def opaque(name: str, inputs: int, outputs: int = 1, subgraphs: tuple[Any, ...] = ()) -> Op:
    """Make an op that nobody knows: it can be listed, drawn and saved, but not run."""
    return Op(
        name=name,
        is_known=False,
        doc=f"An op that minisym does not know: {name}.",
        inputs=tuple(Input(f"arg{i}") for i in range(inputs)),
        outputs=tuple(f"output{i}" for i in range(outputs)) if outputs > 1 else ("output",),
        subgraphs=subgraphs,
        dtype_rule=_say_nothing,  # without a rule, all types would be one
    )


def _say_nothing(*_: Any, **__: Any) -> None:
    """Rule: nothing is known."""

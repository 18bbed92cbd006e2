"""From a loss to a training step: the graph that `Optimizer.minimize` returns.

Between gradients and updates may stand, all of them nodes: sums over micro-batches, a factor that
limits the norm of all gradients together, and conditions on which the writes depend.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from minisym.core.declare import F
from minisym.core.errors import BindError, ComposeError, ParamError, did_you_mean, listed
from minisym.core.node import Entry, Node
from minisym.core.symbol import Symbol
from minisym.core.variable import Group, Variable
from minisym.optimizer.parameter import ZERO, Parameter, call
from minisym.passes.gradient import grad
from minisym.passes.order import find_writes, order_writes

if TYPE_CHECKING:
    from minisym.optimizer.base import Optimizer

APPLY: Final = "apply_update"
"""The Variable that says whether a run of an accumulating step makes an update."""

FINITE: Final = "gradients_are_finite"
"""The node that says whether a scaled step may make one."""

MAKER: Final = "__optimizer__"
"""The attribute of the learning rate that says whose step it is: the optimizer's class."""

SCALE: Final = "loss_scale"
EVERY: Final = "__every__"
"""The attribute of `APPLY` that holds the number of micro-batches."""


@dataclass(frozen=True)
class Options:
    """What `minimize` was asked for beside updates."""

    accumulate: int = 1
    clip_global_norm: float | None = None
    loss_scale: float | str | None = None
    type_dict: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        every: Any = self.accumulate
        if not isinstance(every, int | np.integer) or every < 1:
            message = f"accumulate must be an integer of at least 1, but got {every!r}"
            raise ParamError(message)
        for name, value in (
            ("clip_global_norm", self.clip_global_norm),
            ("loss_scale", self.loss_scale),
        ):
            dynamic = name == "loss_scale" and value == "dynamic"
            if value is not None and not dynamic and not _is_positive(value):
                other = " or 'dynamic'" if name == "loss_scale" else ""
                message = f"{name} must be a positive number{other}, but got {value!r}"
                raise ParamError(message)


def _is_positive(value: Any) -> bool:
    return isinstance(value, numbers.Real) and 0 < float(value) < math.inf


class Numbers:
    """The Variables that hold one number each, fed in every run."""

    def __init__(self, taken: Sequence[str] = (), optimizer: Optimizer | None = None) -> None:
        self._taken, self._made = set(taken), dict[str, Symbol]()
        self._told = {} if optimizer is None else {"lr": {MAKER: type(optimizer).__name__}}

    def __call__(self, name: str) -> Symbol:
        """Return the Variable of this name, the same one each time."""
        self.check(name)
        found = self._made.get(name)
        if found is None:
            # float64: rates are rounded once, by the update itself
            told = self._told.get(name)
            found = self._made[name] = Variable(name, attr=told, dtype="float64", init=ZERO)
        return found

    def check(self, name: str) -> None:
        """Refuse a name that the loss has."""
        if name in self._taken:
            message = f"the loss has a variable {name!r}, but the training step needs that name"
            raise ComposeError(message, hint="rename the variable")

    def rate(self, factor: float) -> Symbol:
        """Return the learning rate, times a factor."""
        name = "lr" if factor == 1 else f"lr_times_{factor:g}"
        if factor == 1:
            return self(name)
        found = self._made.get(name)
        if found is None:
            found = self._made[name] = call("_mul_scalar", self("lr"), scalar=factor, name=name)
        return found


def compose_step(
    optimizer: Optimizer,
    loss: Symbol,
    wrt: Sequence[str | Symbol] | str | Symbol | None,
    options: Options,
) -> Symbol:
    """Return loss, gradients and updates as one symbol."""
    if not isinstance(loss, Symbol):
        message = f"minimize takes a Symbol, but got {type(loss).__name__}"
        raise ComposeError(message)
    names = parameters_of(loss) if wrt is None else _named(loss, wrt)
    fed = Numbers(loss.list_inputs(), optimizer)
    scale = _scale_of(options)
    outputs = loss if scale is None else _scaled(loss, scale)
    grads = list(grad(outputs, names))
    mixed = _mixed(optimizer, loss, names, options)
    apply = _apply(options, fed) if options.accumulate > 1 else None
    if apply is not None:
        grads = [
            F.accumulate_update(
                Variable(f"{name}_total", init=ZERO), g, reset=apply, name=f"{name}_total_update"
            )
            for name, g in zip(names, grads, strict=True)
        ]
    rescale = _rescale(optimizer, names, grads, mixed, scale, options)
    updates = [
        _update(optimizer, loss, name, g, fed, rescale, mixed=name in mixed)
        for name, g in zip(names, grads, strict=True)
    ]
    if scale is None and apply is None:
        return Group([outputs, *updates])
    condition, more = apply, list[Symbol]()
    if scale is not None:
        finite = F.multi_all_finite(*grads, name=FINITE)
        condition = (
            finite if apply is None else F.elemwise_mul(finite, apply, name="update_happens")
        )
        more = [finite]
        if options.loss_scale == "dynamic":
            more += _adapt(scale, finite, apply)
    assert condition is not None
    return Group([outputs, *_on_condition(updates, grads, condition), *more])


def parameters_of(loss: Symbol) -> list[str]:
    """Return the arguments that are parameters beyond doubt, by their names.

    Such a one has an initializer, or is what an op calls its weight, bias, gamma, … Data and labels
    are none. Of anything else nobody can tell: then it is refused, and the caller has to say.
    """
    graph = loss.graph
    learned = {
        entry.node
        for node in graph
        if node.op is not None and node.op.learned
        for slot, entry in zip(node.input_names(), node.inputs, strict=False)
        if slot in node.op.learned
    }
    fed = {
        entry.node
        for node in graph
        if node.op is not None and node.op.loss
        for slot, entry in zip(node.input_names(), node.inputs, strict=False)
        if slot == "label"
    }
    found, doubtful = [], []
    for node in graph.arguments:
        if node in learned or "__init__" in graph.attributes(node):
            found.append(node.name)
        elif not is_fed(node.name) and node not in fed:
            doubtful.append(node.name)
    if doubtful:
        is_one = "is a parameter" if len(doubtful) == 1 else "are parameters"
        raise ComposeError(
            f"minimize: whether {listed(doubtful, 6)} {is_one} cannot be told",
            hint="name what is trained: minimize(loss, wrt=[…])"
            if not found
            else f"name what is trained: minimize(loss, wrt={found[:4]!r})",
        )
    if not found:
        message = (
            f"{loss!r} has no parameters: {', '.join(loss.list_arguments()) or 'no arguments'}"
        )
        raise ComposeError(message, hint="name them: minimize(loss, wrt=[…])")
    return found


def is_fed(name: str) -> bool:
    """Return whether an argument is data or a label, by its name."""
    return name in ("data", "label") or name.endswith(("_data", "_label"))


def _named(loss: Symbol, wrt: Sequence[str | Symbol] | str | Symbol) -> list[str]:
    """Return the names of the parameters asked for, each of which the loss must have."""
    asked = [wrt] if isinstance(wrt, str | Symbol) else list(wrt)
    names = [str(w.name) if isinstance(w, Symbol) else w for w in asked]
    known = loss.list_arguments()
    for name in names:
        if name not in known:
            message = f"there is no parameter {name!r} to minimize by"
            raise ComposeError(message, hint=did_you_mean(name, known))
        if names.count(name) > 1:
            message = f"the parameter {name!r} is named twice"
            raise ComposeError(message)
    return names


# ------------------------------------------------------------------------------- one parameter


def _update(
    optimizer: Optimizer,
    loss: Symbol,
    name: str,
    g: Symbol,
    fed: Numbers,
    rescale: float | Symbol,
    *,
    mixed: bool,
) -> Symbol:
    """Compose the update of one parameter."""
    node = next(n for n in loss.graph.arguments if n.name == name)
    rate, decay = optimizer.factors(name, node.attrs)
    p = Parameter(
        name=name,
        weight=Symbol((Entry(node),)),
        grad=g,
        mixed=mixed,
        lr=fed.rate(rate),
        wd=optimizer.wd * decay,
        rescale_grad=rescale,
        clip_gradient=optimizer.clip_gradient,
        hyper=fed,
    )
    return apply_rule(optimizer, p)


_RETURN: Final = "return [p.step(direction), p.keep(state, value)]"


def apply_rule(optimizer: Optimizer, p: Parameter) -> Symbol:
    """Compose an update, of a float16 weight by way of its master."""
    made = optimizer.mixed_rule(p) if p.mixed else optimizer.rule(p)
    parts: list[Any] = list(made) if isinstance(made, list | tuple) else [made]
    if not parts or not all(isinstance(part, Symbol) for part in parts):
        raise ComposeError(
            f"{type(optimizer).__name__}.rule must return the update of {p.name!r}, a Symbol, or a "
            f"list that begins with it, but got {made!r:.60}",
            hint=_RETURN,
        )
    written = _written_by(parts[0].entries[0])
    if written is not p.weight.entries[0].node:
        raise ComposeError(
            f"{type(optimizer).__name__}.rule must begin with the update of {p.name!r}, but begins "
            f"with {parts[0].entries[0].name}, which writes "
            + ("nothing" if written is None else repr(written.name)),
            origin=parts[0].entries[0].node.origin,
            hint=f"{_RETURN}; sym.assign(p.weight, value) where the formula has the new weight",
        )
    whole = parts[0] if len(parts) == 1 else Group(parts)
    _check_writes(type(optimizer).__name__, p, whole)
    return whole


def _check_writes(called: str, p: Parameter, whole: Symbol) -> None:
    """Refuse a rule that writes something twice, or makes an update and does not return it."""
    try:
        find_writes(whole.graph)
    except BindError as error:
        raise ComposeError(
            f"{called}.rule writes something of {p.name!r} twice: {error.sentence}",
            origin=error.origin,
            hint="one p.step for each parameter, one p.keep for each state: "
            "p.step(a + b) goes both ways at once",
        ) from None
    for update in p.writes:
        if (node := update.entries[0].node) not in whole.graph:
            raise ComposeError(
                f"{called}.rule makes {node.name!r} and does not return it: it would not happen",
                origin=node.origin,
                hint=_RETURN,
            )


def _written_by(value: Entry) -> Node | None:
    """Return the Variable that a run would overwrite with this value, or None."""
    while (op := value.node.op) is not None:
        slots = {output: slot for slot, output in op.writes_of(value.node.params).items()}
        if value.index not in slots:
            return None
        inputs = dict(zip(value.node.input_names(), value.node.inputs, strict=False))
        value = inputs[slots[value.index]]
    return value.node


def _mixed(
    optimizer: Optimizer, loss: Symbol, names: Sequence[str], options: Options
) -> frozenset[str]:
    """Return the parameters that get a master."""
    if not optimizer.multi_precision:
        return frozenset()
    types = loss.infer_type_partial(**options.type_dict)[0]
    by_name = dict(zip(loss.list_arguments(), types, strict=True))
    return frozenset(name for name in names if by_name[name] is np.float16)


# --------------------------------------------------------------------- what stands in between


def _apply(options: Options, fed: Numbers) -> Symbol:
    """Make the Variable that says whether this micro-batch is the last one."""
    fed.check(APPLY)
    return Variable(APPLY, attr={EVERY: str(options.accumulate)}, dtype="float32", init=ZERO)


def _rescale(
    optimizer: Optimizer,
    names: Sequence[str],
    grads: Sequence[Symbol],
    mixed: frozenset[str],
    scale: Symbol | None,
    options: Options,
) -> float | Symbol:
    """Return what gradients are multiplied by: a number, or nodes that compute it."""
    rescale: float | Symbol = optimizer.rescale_grad
    if scale is not None:
        rescale = call("_rdiv_scalar", scale, scalar=optimizer.rescale_grad, name="unscaled")
    if options.clip_global_norm is None:
        return rescale
    wide = [
        F.cast(g, dtype="float32") if name in mixed else g
        for name, g in zip(names, grads, strict=True)
    ]
    squares = F.multi_sum_sq(*wide, name="gradients_sum_sq")
    norm = F.sqrt(F.sum(squares), name="gradients_norm")
    norm = norm * rescale if not isinstance(rescale, Symbol) else F.elemwise_mul(norm, rescale)
    factor = call(
        "_minimum_scalar",
        call("_rdiv_scalar", norm + 1e-8, scalar=options.clip_global_norm),
        scalar=1.0,
        name="clip_factor",
    )
    if isinstance(rescale, Symbol):
        return F.elemwise_mul(factor, rescale, name="rescale_and_clip")
    return call("_mul_scalar", factor, scalar=rescale, name="rescale_and_clip")


def _on_condition(
    updates: Sequence[Symbol], grads: Sequence[Symbol], condition: Symbol
) -> list[Symbol]:
    """Let the writes of the updates happen on a condition only; weights first."""
    graph = Group(updates).graph
    before = {w.variable for w in find_writes(Group(grads).graph).values()}
    writes = [w for w in order_writes(graph).writes if w.variable not in before]
    heads = {entry for update in updates for entry in update.entries}
    writes.sort(key=lambda write: write.entry not in heads)
    return [
        F.conditional_update(
            Symbol((w.entry,)),
            Symbol((Entry(w.variable),)),
            condition,
            name=f"{w.variable.name}_kept",
        )
        for w in writes
    ]


# ------------------------------------------------------------------------------- loss scales


def _scale_of(options: Options) -> Symbol | None:
    if options.loss_scale is None:
        return None
    if options.loss_scale == "dynamic":
        init = '["constant", {"value": 65536.0}]'
        return Variable(SCALE, dtype="float32", init=init)
    return call("_full", shape=(1,), value=float(options.loss_scale), name=SCALE)


def _scaled(loss: Symbol, scale: Symbol) -> Symbol:
    """Return the loss with all gradients scaled where they begin: at loss heads, and at outputs."""

    def change(node: Node, inputs: tuple[Entry, ...]) -> Node:
        if _makes_gradient(node):
            name = f"{node.name}_scaled"
            first = F.scale_gradient(Symbol(inputs[:1]), scale, name=name)
            inputs = (*first.entries, *inputs[1:])
        return node.reading(inputs)

    graph = loss.graph.substitute({}, change)
    return Symbol(
        tuple(
            entry
            if _makes_gradient(entry.node)
            else F.scale_gradient(
                Symbol((entry,)), scale, name=f"{entry.node.name}_scaled"
            ).entries[0]
            for entry in graph.outputs
        )
    )


def _makes_gradient(node: Node) -> bool:
    """Return whether a node's gradient begins here, whatever flows into it."""
    return node.op is not None and node.op.loss and not node.params.get("out_grad", False)


def _adapt(scale: Symbol, finite: Symbol, apply: Symbol | None) -> list[Symbol]:
    """Compose the update of a dynamic loss scale."""
    count = Variable(f"{SCALE}_count", dtype="float32", init=ZERO)
    update = F.loss_scale_update(scale, count, finite, name=f"{SCALE}_update")
    if apply is None:
        return [update]
    return _on_condition([update], [finite], apply)


# ---------------------------------------------------------------- updates by other gradients


def compose_updates(
    optimizer: Optimizer, loss: Symbol, names: Sequence[str], grads: Sequence[Symbol]
) -> list[Symbol]:
    """Compose the updates of some parameters of a loss, with gradients from elsewhere."""
    fed = Numbers(loss.list_inputs(), optimizer)
    rescale = optimizer.rescale_grad
    return [
        _update(optimizer, loss, name, g, fed, rescale, mixed=False)
        for name, g in zip(names, grads, strict=True)
    ]


# -------------------------------------------------------------------------- one update alone


def compose_update(
    optimizer: Optimizer, name: str, *, wd: float, mixed: bool, shape: tuple[int, ...]
) -> Symbol:
    """Compose the update of one parameter, with a gradient that is a Variable, too."""
    fed = Numbers()
    return apply_rule(
        optimizer,
        Parameter(
            name=name,
            weight=Variable(name, shape=shape),
            grad=Variable(f"{name}_grad"),
            mixed=mixed,
            lr=fed("lr"),
            wd=wd,
            rescale_grad=optimizer.rescale_grad,
            clip_gradient=optimizer.clip_gradient,
            hyper=fed,
        ),
    )

"""What all optimizers share: hyper-parameters, factors by parameter, steps, and MXNet's calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from minisym.core.declare import F
from minisym.core.errors import BindError, KeywordError, ParamError, did_you_mean
from minisym.core.ndarray import NDArray
from minisym.core.symbol import Symbol
from minisym.init import begin_states
from minisym.optimizer.at_once import AtOnce, Bound
from minisym.optimizer.compose import APPLY, EVERY, FINITE, MAKER, Options, compose_step
from minisym.optimizer.parameter import Parameter, Rule
from minisym.runtime.executor import Executor

Scheduler = Callable[[int], float]
"""A function from the number of the update, from 1, to the learning rate."""


class Optimizer(AtOnce):
    """A rule that moves parameters along their gradients.

    Parameters
    ----------
    learning_rate
        The learning rate. Without, each rule has its own (0.01 for most).
    rescale_grad
        What gradients are multiplied by first: 1 / batch size for losses that add up.
    wd
        Weight decay. Parameters whose names end neither in `_weight` nor in `_gamma` have none.
    clip_gradient
        Clips each element of the gradient to [-clip_gradient, clip_gradient].
    lr_scheduler
        A function from the number of the update to the learning rate, see `ms.lr_scheduler`. A
        `learning_rate` that is given becomes its `base_lr`. (In MXNet a rule's own rate does, too.)
    begin_num_update
        How many updates count as done.
    multi_precision
        Whether float16 weights get a float32 master, which adds up what float16 would lose.
    sym, param_idx2name
        As in MXNet, for code that calls `update`: where factors and names are found.

    Attributes
    ----------
    num_update : int
        How many updates were made.
    lr_mult, wd_mult : dict
        Factors by parameter name (or index, for `update`). They win over `__lr_mult__` and
        `__wd_mult__` of the Variable, and begin with those of `sym`.

    Raises
    ------
    KeywordError
        There is no parameter of this name (it is a ParamError and a TypeError).
    ParamError
        A number is none.
    """

    def __init__(
        self,
        learning_rate: float | None = None,
        *,
        rescale_grad: float = 1.0,
        wd: float = 0.0,
        clip_gradient: float | None = None,
        lr_scheduler: Scheduler | None = None,
        begin_num_update: int = 0,
        multi_precision: bool = False,
        sym: Symbol | None = None,
        param_idx2name: Mapping[int, str] | None = None,
        **unknown: Any,
    ) -> None:
        for key in unknown:
            message = f"{type(self).__name__} has no parameter {key!r}"
            raise KeywordError(message, hint=did_you_mean(key, self._parameters()))
        given = {"learning_rate": learning_rate, "rescale_grad": rescale_grad, "wd": wd}
        for key, value in {**given, "clip_gradient": clip_gradient}.items():
            if value is not None and not isinstance(value, Real):
                message = f"{key} must be a number, but got {value!r}"
                raise ParamError(message)
        if lr_scheduler is not None and not callable(lr_scheduler):
            message = f"lr_scheduler must be a function of the update, but got {lr_scheduler!r}"
            raise ParamError(message, hint="ms.lr_scheduler has some; a number is learning_rate")
        if learning_rate is not None and lr_scheduler is not None:
            vars(lr_scheduler)["base_lr"] = learning_rate
        self.lr = self.default_rate if learning_rate is None else learning_rate
        self.lr_scheduler = lr_scheduler
        self.rescale_grad, self.wd, self.clip_gradient = rescale_grad, wd, clip_gradient
        self.multi_precision = multi_precision
        self.num_update = self.begin_num_update = begin_num_update
        self.micro_batch = 0
        told = {} if sym is None else sym.attr_dict()
        names = [] if sym is None else sym.list_arguments()
        self._attributes = {name: told[name] for name in names if name in told}
        self.idx2name = dict(param_idx2name or {})
        self.set_lr_mult({})
        self.set_wd_mult({})
        self._index_update_count: dict[Any, int] = {}
        self._bound: dict[Any, Bound] = {}
        self._layouts: WeakKeyDictionary[Executor, tuple[set[str], int]] = WeakKeyDictionary()

    @classmethod
    def _parameters(cls) -> dict[str, None]:
        """Return the names of all parameters: those of the class before those that all have."""
        found: dict[str, None] = {}
        for base in cls.__mro__:
            if issubclass(base, Optimizer):
                _, *parameters = inspect.signature(base.__init__).parameters.values()
                found |= {p.name: None for p in parameters if p.kind is not p.VAR_KEYWORD}
        return found

    # ---------------------------------------------------------------- what a subclass says

    default_rate: ClassVar[float] = 0.01
    """The learning rate where none is given, and no scheduler."""

    def rule(self, p: Parameter) -> Rule:
        """Compose the update of one parameter.

        Returns
        -------
        Symbol or list of Symbol
            The update of the weight; in a list, or a Group, before those of states.
        """
        message = f"{type(self).__name__} has no rule: def rule(self, p): return p.step(direction)"
        raise NotImplementedError(message)

    def mixed_rule(self, p: Parameter) -> Rule:
        """Compose the update of a float16 parameter: that of a float32 master, and its rounding."""
        wide = F.cast(p.grad, dtype="float32", name=f"{p.name}_grad32")
        new, *others = self.rule(replace(p, weight=p.master(), grad=wide))
        return [F.assign(p.weight, new, name=f"{p.name}_rounded"), *others]

    def values(self, t: int, lr: float) -> dict[str, float]:
        """Return the numbers that update `t` (from 1) is fed with."""
        return {"lr": lr, "t": t}

    # ------------------------------------------------------------------- rates and factors

    @property
    def learning_rate(self) -> float:
        """The learning rate of the update made last."""
        return self.rate_of(self.num_update)

    def rate_of(self, t: int) -> float:
        """Return the learning rate of update `t`."""
        if self.lr_scheduler is not None:
            return float(self.lr_scheduler(t))
        return self.lr

    def set_learning_rate(self, lr: float) -> None:
        """Set the learning rate.

        Raises
        ------
        UserWarning
            A scheduler decides; as in MXNet this warning is an exception.
        """
        if self.lr_scheduler is not None:
            message = "the scheduler decides on the learning rate: change its base_lr"
            raise UserWarning(message)
        self.lr = lr

    decaying: ClassVar[tuple[str, ...]] = ("_weight", "_gamma")
    """How the names of the parameters end that decay."""

    def set_lr_mult(self, args_lr_mult: Mapping[Any, float]) -> None:
        """Set factors of the learning rate by parameter name."""
        self.lr_mult = self._told("__lr_mult__") | dict(args_lr_mult)

    def set_wd_mult(self, args_wd_mult: Mapping[Any, float]) -> None:
        """Set factors of the weight decay by parameter name."""
        names = self.idx2name.values()
        still = {name: 0.0 for name in names if not name.endswith(self.decaying)}
        self.wd_mult = still | self._told("__wd_mult__") | dict(args_wd_mult)

    def _told(self, key: str) -> dict[Any, float]:
        """Return the factors that the attributes of `sym` say."""
        return {name: float(of[key]) for name, of in self._attributes.items() if key in of}

    def factors(self, name: str, attributes: Mapping[str, str]) -> tuple[float, float]:
        """Return a parameter's factors of learning rate and weight decay."""
        decays = name.endswith(self.decaying)
        rate = self.lr_mult.get(name, float(attributes.get("__lr_mult__", 1.0)))
        decay = self.wd_mult.get(name, float(attributes.get("__wd_mult__", float(decays))))
        return rate, decay

    # ------------------------------------------------------------------ training in a graph

    def minimize(
        self,
        loss: Symbol,
        wrt: Sequence[str | Symbol] | str | Symbol | None = None,
        *,
        accumulate: int = 1,
        clip_global_norm: float | None = None,
        loss_scale: float | str | None = None,
        type_dict: Mapping[str, Any] | None = None,
    ) -> Symbol:
        """Return the training step: the loss's outputs, its gradients and all updates in one graph.

        One `forward` of it is a step; `Optimizer.step` does that and feeds what the graph reads:
        `lr`, and where the rule counts, `t`. They are Variables, so that a schedule needs no new
        bind.

        Parameters
        ----------
        loss
            What to minimize: loss heads such as SoftmaxOutput, or any symbol.
        wrt
            The parameters, by name or Variable. Without, those that are parameters beyond doubt:
            they have an initializer, or an op calls them weight, bias, gamma, … Arguments named
            `data` or `label`, alone or behind an underscore, are none; others are refused.
        accumulate
            Gradients of so many runs are added up before an update is made with the sum.
        clip_global_norm
            Shrinks all gradients together, after `rescale_grad`, so that their norm is no larger.
        loss_scale
            A factor of the gradients on their way back, against float16's underflow, or "dynamic"
            for one that adapts. A step whose gradients are not all finite changes nothing.
        type_dict
            Element types by argument name, to find the float16 parameters of `multi_precision`.

        Raises
        ------
        ComposeError
            There is no such parameter, it cannot be told which are, or the loss has a Variable of
            a name that is needed.
        ParamError
            A number is out of range.

        Examples
        --------
        >>> import numpy as np
        >>> import minisym as ms
        >>> x, w = ms.sym.Variable("data"), ms.sym.Variable("w", init="zeros")
        >>> loss = ms.sym.sum(ms.sym.square(x - w))
        >>> optimizer = ms.optimizer.SGD(learning_rate=0.25)
        >>> step = optimizer.minimize(loss)
        >>> step.list_arguments(), step.list_outputs()
        (['data', 'w', 'lr'], ['sum0_output', 'w_update_output'])
        >>> executor = step.simple_bind(data=(2,))
        >>> _ = optimizer.step(executor, data=np.array([1.0, 2.0]))
        >>> executor.arg_dict["w"]
        NDArray([0.5, 1. ], dtype=float32)
        """
        options = Options(accumulate, clip_global_norm, loss_scale, dict(type_dict or {}))
        return compose_step(self, loss, wrt, options)

    def step(self, executor: Executor, **arrays: Any) -> list[NDArray]:
        """Run a training step with these arrays; return its outputs.

        `executor` is what `minimize` returned, bound.

        Raises
        ------
        BindError
            No update of a parameter is bound, or those of another kind of optimizer are.
        """
        fed, finite = self._layout(executor)
        t = self.num_update + 1
        values = self.values(t, self.rate_of(t))
        numbers = {name: value for name, value in values.items() if name in fed}
        applies = True
        if APPLY in fed:
            every = self._accumulate(executor)
            applies = self.micro_batch + 1 >= every
            numbers[APPLY] = float(applies)
        outputs = executor.forward(is_train=True, **arrays, **numbers)
        self.micro_batch = 0 if applies else self.micro_batch + 1
        if applies and (finite < 0 or outputs[finite].item()):
            self.num_update = t
        return outputs

    def _layout(self, executor: Executor) -> tuple[set[str], int]:
        """Return what a bound step is fed with, and the place of its flag, or -1."""
        found = self._layouts.get(executor)
        if found is None:
            if not executor.arg_dict.keys() & {*executor.writes}:
                message = "step takes a training step, but no update of a parameter is bound"
                raise BindError(message, hint="bind what minimize returned")
            self._check_maker(executor)
            begin_states(executor)
            names = executor.symbol.list_outputs()
            flag = f"{FINITE}_output"
            found = set(executor.arg_dict), names.index(flag) if flag in names else -1
            self._layouts[executor] = found
        return found

    def _check_maker(self, executor: Executor) -> None:
        """Refuse the step of another kind of optimizer: its updates would run, by its formula."""
        graph = executor.symbol.graph
        rate = next((node for node in graph.variables if node.name == "lr"), None)
        maker = None if rate is None else rate.attrs.get(MAKER)
        if maker is not None and maker not in {kind.__name__ for kind in type(self).__mro__}:
            raise BindError(
                f"{type(self).__name__}.step takes a step that its minimize composed, "
                f"but this one is of {maker}",
                hint=f"its updates are those of {maker}: let that one step, or bind what "
                f"{type(self).__name__}.minimize(loss) returns",
            )

    @staticmethod
    def _accumulate(executor: Executor) -> int:
        node = next(n for n in executor.symbol.graph.variables if n.name == APPLY)
        return int(node.attrs[EVERY])

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without what is bound."""
        return {**self.__dict__, "_bound": {}, "_layouts": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Unpickle."""
        self.__dict__ = {**state, "_layouts": WeakKeyDictionary()}

    # ------------------------------------------------------------------------- the registry

    opt_registry: ClassVar[dict[str, type[Optimizer]]] = {}

    @staticmethod
    def register(klass: type[Optimizer]) -> type[Optimizer]:
        """Enter an optimizer's class under its name in lower case."""
        Optimizer.opt_registry[klass.__name__.lower()] = klass
        return klass

    @staticmethod
    def create_optimizer(name: str | Optimizer, **kwargs: Any) -> Optimizer:
        """Make an optimizer by the name of its class, in any case; one that is made is returned.

        Raises
        ------
        ParamError
            There is no optimizer of this name (it is a ValueError, too).
        """
        if isinstance(name, Optimizer):
            if kwargs:
                message = f"this {type(name).__name__} is made, and takes no parameters: {kwargs}"
                raise ParamError(message)
            return name
        found = Optimizer.opt_registry.get(str(name).lower())
        if found is None:
            message = f"there is no optimizer {name!r}"
            raise ParamError(message, hint=did_you_mean(str(name), Optimizer.opt_registry))
        return found(**kwargs)

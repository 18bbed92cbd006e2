"""`SequentialModule`: modules in a row, each fed with the outputs of the one before."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from typing import Any

from minisym.core.errors import BindError, ParamError, did_you_mean
from minisym.init import Uniform
from minisym.io import DataDesc
from minisym.module.base_module import DEFAULTS, BaseModule, OptimizerParams, Params


class SequentialModule(BaseModule):
    """Put modules in a row.

    >>> import minisym as mx
    >>> data = mx.sym.Variable("data")
    >>> first = mx.mod.Module(mx.sym.FullyConnected(data, num_hidden=3, name="a"), label_names=[])
    >>> last = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(data, num_hidden=2, name="b"),
    ...                             name="softmax")
    >>> both = mx.mod.SequentialModule().add(first)
    >>> _ = both.add(mx.mod.Module(last), take_labels=True, auto_wiring=True)
    >>> both.bind([("data", (4, 5))], [("softmax_label", (4,))])
    >>> both.init_params()
    >>> sorted(both.get_params()[0])
    ['a_bias', 'a_weight', 'b_bias', 'b_weight']
    """

    META_TAKE_LABELS = "take_labels"
    META_AUTO_WIRING = "auto_wiring"

    def __init__(self, logger: Any = logging) -> None:
        super().__init__(logger)
        self._modules: list[BaseModule] = []
        self._metas: list[dict[str, Any]] = []
        self._label_shapes: Any = None

    def add(self, module: BaseModule, **kwargs: Any) -> SequentialModule:
        """Append a module, and return this one.

        Parameters
        ----------
        module
            What comes next.
        **kwargs
            `take_labels`: whether it gets the labels. `auto_wiring`: whether the outputs before it
            are taken for its data in order, whatever their names are.

        Raises
        ------
        ParamError
            Another word was given.
        """
        for name in kwargs:
            if name not in (self.META_TAKE_LABELS, self.META_AUTO_WIRING):
                known = (self.META_TAKE_LABELS, self.META_AUTO_WIRING)
                message = f"SequentialModule: add takes no {name!r}"
                raise ParamError(message, hint=did_you_mean(name, known))
        self._modules.append(module)
        self._metas.append(kwargs)
        self.binded = self.params_initialized = self.optimizer_initialized = False
        return self

    @property
    def data_names(self) -> list[str]:
        """The names of the first module's data."""
        return self._modules[0].data_names if self._modules else []

    @property
    def output_names(self) -> list[str]:
        """The names of the last module's outputs."""
        return self._modules[-1].output_names if self._modules else []

    @property
    def data_shapes(self) -> list[DataDesc]:
        """Names and shapes of the first module's data."""
        self._need("data_shapes", params=False)
        return self._modules[0].data_shapes

    @property
    def label_shapes(self) -> Any:
        """Names and shapes of the labels, None if no module takes them."""
        self._need("label_shapes", params=False)
        return self._label_shapes

    @property
    def output_shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """Names and shapes of the last module's outputs."""
        self._need("output_shapes", params=False)
        return self._modules[-1].output_shapes

    def get_params(self) -> tuple[Params, Params]:
        """Return copies of all modules' arguments and auxiliary states."""
        self._need("get_params")
        arguments: Params = {}
        states: Params = {}
        for module in self._modules:
            some, others = module.get_params()
            arguments |= some
            states |= others
        return arguments, states

    def init_params(
        self,
        initializer: Any = Uniform(0.01),  # noqa: B008  it has no state; MXNet's default
        arg_params: Mapping[str, Any] | None = None,
        aux_params: Mapping[str, Any] | None = None,
        allow_missing: bool = False,
        force_init: bool = False,
        allow_extra: bool = False,
    ) -> None:
        """Fill the parameters of all modules.

        Raises
        ------
        BindError
            Two modules have a parameter of the same name.
        """
        if self.params_initialized and not force_init:
            return
        self._need("init_params", params=False)
        owner: dict[str, int] = {}
        for i, module in enumerate(self._modules):
            module.init_params(
                initializer, arg_params, aux_params, allow_missing, force_init, allow_extra
            )
            for name in [name for part in module.get_params() for name in part]:
                if name in owner:
                    message = f"SequentialModule: modules {owner[name]} and {i} both have {name!r}"
                    raise BindError(message, hint="give their layers different names")
                owner[name] = i
        self.params_initialized = True

    def bind(
        self,
        data_shapes: Any,
        label_shapes: Any = None,
        for_training: bool = True,
        inputs_need_grad: bool = False,
        force_rebind: bool = False,
        shared_module: Any = None,
        grad_req: Any = "write",
    ) -> None:
        """Bind each module for the outputs of the one before.

        The arguments are those of `Module.bind`.
        """
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        if shared_module is not None or not self._modules:
            what = "bind takes no shared_module" if self._modules else "there is no module to bind"
            raise BindError(f"SequentialModule: {what}")
        self.for_training, self.inputs_need_grad = for_training, inputs_need_grad
        self._label_shapes = None
        shapes = data_shapes
        for i, (module, meta) in enumerate(zip(self._modules, self._metas, strict=True)):
            takes = meta.get(self.META_TAKE_LABELS, False)
            if takes:
                self._label_shapes = label_shapes
            if meta.get(self.META_AUTO_WIRING, False):
                pairs = zip(module.data_names, shapes, strict=True)
                shapes = [(name, shape[1]) for name, shape in pairs]
            module.bind(
                shapes,
                label_shapes if takes else None,
                for_training,
                inputs_need_grad or (for_training and i > 0),
                force_rebind,
                None,
                grad_req,
            )
            shapes = module.output_shapes
        self.binded = True

    def init_optimizer(
        self,
        kvstore: Any = "local",
        optimizer: Any = "sgd",
        optimizer_params: OptimizerParams = DEFAULTS,
        force_init: bool = False,
    ) -> None:
        """Make an optimizer for each module."""
        self._need("init_optimizer")
        if self.optimizer_initialized and not force_init:
            self.logger.warning("optimizer already initialized, ignoring.")
            return
        for module in self._modules:
            module.init_optimizer(kvstore, optimizer, optimizer_params, force_init)
        self.optimizer_initialized = True

    def forward(self, data_batch: Any, is_train: bool | None = None) -> None:
        """Run one module after the other."""
        self._need("forward")
        batch = copy.copy(data_batch)
        for i, module in enumerate(self._modules):
            module.forward(batch, is_train)
            if i + 1 < len(self._modules):
                batch.data = module.get_outputs()
                names = self._modules[i + 1].data_names
                pairs = zip(names, batch.data, strict=True)
                batch.provide_data = [(name, array.shape) for name, array in pairs]

    def backward(self, out_grads: Any = None) -> None:
        """Compute the gradients, from the last module to the first."""
        self._need("backward")
        for i, module in reversed([*enumerate(self._modules)]):
            module.backward(out_grads)
            out_grads = module.get_input_grads() if i else None

    def update(self) -> None:
        """Move the parameters of all modules along the gradients."""
        self._need("update", optimizer=True)
        for module in self._modules:
            module.update()

    def get_outputs(self, merge_multi_context: bool = True) -> Any:
        """Return the last module's outputs."""
        self._need("get_outputs")
        return self._modules[-1].get_outputs(merge_multi_context)

    def get_input_grads(self, merge_multi_context: bool = True) -> Any:
        """Return the gradients of the first module's data."""
        self._need("get_input_grads")
        return self._modules[0].get_input_grads(merge_multi_context)

    def update_metric(self, eval_metric: Any, labels: Any, pre_sliced: bool = False) -> None:
        """Add outputs and labels to a metric, for the modules that take labels."""
        self._need("update_metric")
        for module, meta in zip(self._modules, self._metas, strict=True):
            if meta.get(self.META_TAKE_LABELS, False):
                module.update_metric(eval_metric, labels, pre_sliced)

    def install_monitor(self, mon: Any) -> None:
        """Let a monitor watch all runs of all modules."""
        self._need("install_monitor", params=False)
        for module in self._modules:
            module.install_monitor(mon)

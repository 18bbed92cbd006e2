"""`Module`: a symbol with its parameters and an optimizer."""

# ruff: noqa: SLF001  (a module that shares parameters looks into another one)

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minisym import optimizer as opt
from minisym.core.context import Context, cpu
from minisym.core.errors import (
    ArrayTypeError,
    BindError,
    GradientError,
    IncompleteError,
    ParamError,
    count,
    did_you_mean,
    listed,
)
from minisym.core.ndarray import NDArray
from minisym.core.params import whole
from minisym.core.symbol import Symbol
from minisym.formats.checkpoint import load_checkpoint
from minisym.init import InitDesc, Uniform
from minisym.io import DataDesc
from minisym.io.batch import described
from minisym.kvstore import KVStore
from minisym.kvstore import create as create_store
from minisym.module.base_module import DEFAULTS, BaseModule, OptimizerParams, Params
from minisym.module.executor_group import ExecutorGroup, requests_of

Names = Sequence[str] | None


class Module(BaseModule):
    """Train and run a symbol: MXNet's `mx.mod.Module`.

    Parameters
    ----------
    symbol
        The network, usually with its loss head.
    data_names, label_names, state_names
        Its arguments that are fed: from a batch's data, from its labels, and by `set_states`. All
        others are parameters.
    logger
        What `fit` tells its progress to.
    context
        A device, or a list of them: they are names, and one does all the work.
    fixed_param_names
        Parameters that stay as they are.
    work_load_list, group2ctxs, compression_params
        Accepted for old scripts: they divide work among devices.

    Raises
    ------
    ParamError
        The symbol has no such argument. (Labels only warn: a network may do without.)

    Examples
    --------
    >>> import minisym as mx
    >>> net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2, name="fc")
    >>> module = mx.mod.Module(mx.sym.SoftmaxOutput(net, name="softmax"))
    >>> module.bind(data_shapes=[("data", (4, 3))], label_shapes=[("softmax_label", (4,))])
    >>> module.init_params(mx.init.Xavier())
    >>> module.init_optimizer(optimizer="adam", optimizer_params={"learning_rate": 0.1})
    >>> batch = mx.io.DataBatch([mx.nd.ones((4, 3))], [mx.nd.zeros(4)])
    >>> for _ in range(20):
    ...     module.forward_backward(batch)
    ...     module.update()
    >>> module.get_outputs()[0].shape, bool((module.get_outputs()[0].asnumpy()[:, 0] > 0.9).all())
    ((4, 2), True)
    """

    def __init__(
        self,
        symbol: Symbol,
        data_names: Names = ("data",),
        label_names: Names = ("softmax_label",),
        logger: Any = logging,
        context: Any = None,
        work_load_list: Any = None,
        fixed_param_names: Names = None,
        state_names: Names = None,
        group2ctxs: Any = None,
        compression_params: Any = None,
    ) -> None:
        super().__init__(logger)
        del work_load_list, group2ctxs, compression_params
        if not isinstance(symbol, Symbol):
            raise ParamError(f"Module: symbol must be a Symbol, but got {type(symbol).__name__}")
        contexts = cpu() if context is None else context
        self._context = [contexts] if isinstance(contexts, Context) else [*contexts]
        if not self._context or not all(isinstance(one, Context) for one in self._context):
            message = f"Module: context must be a device or a list of devices, but got {context!r}"
            raise ParamError(message, hint="ms.cpu(), or [ms.cpu(0), ms.cpu(1)]")
        self._symbol: Symbol = symbol
        arguments = symbol.list_arguments()
        self._data_names = check_names(arguments, data_names, "data")
        self._label_names = check_names(arguments, label_names, "label")
        self._state_names = check_names(arguments, state_names, "state")
        self._fixed_param_names = check_names(arguments, fixed_param_names, "fixed_param")
        fed = {*self._data_names, *self._label_names, *self._state_names}
        self._param_names = [name for name in arguments if name not in fed]
        self._arg_params: Params | None = None
        self._aux_params: Params | None = None
        self._optimizer: Any = None
        self._updater: Any = None
        self._kvstore: Any = None
        self._states_file: str | None = None
        self._exec_group: Any = None
        self._label_shapes: list[DataDesc] | None = None

    # -------------------------------------------------------------------------- what it is

    @property
    def data_names(self) -> list[str]:
        """The names of the data."""
        return self._data_names

    @property
    def label_names(self) -> list[str]:
        """The names of the labels."""
        return self._label_names

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs."""
        return self._symbol.list_outputs()

    @property
    def data_shapes(self) -> list[DataDesc]:
        """Names and shapes of the data that it is bound for."""
        self._need("data_shapes", params=False)
        return list(self._exec_group.data_shapes)

    @property
    def label_shapes(self) -> list[DataDesc] | None:
        """Names and shapes of the labels that it is bound for, None without."""
        self._need("label_shapes", params=False)
        return self._label_shapes

    @property
    def output_shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """Names and shapes of the outputs."""
        self._need("output_shapes", params=False)
        found: list[tuple[str, tuple[int, ...]]] = self._exec_group.output_shapes
        return found

    # ----------------------------------------------------------------------------- binding

    def bind(
        self,
        data_shapes: Any,
        label_shapes: Any = None,
        for_training: bool = True,
        inputs_need_grad: bool = False,
        force_rebind: bool = False,
        shared_module: Module | None = None,
        grad_req: str | Sequence[str] | Mapping[str, str] = "write",
    ) -> None:
        """Allocate parameters, gradients and what is fed.

        Parameters
        ----------
        data_shapes, label_shapes
            Names and shapes: an iterator's `provide_data` and `provide_label`.
        for_training
            Whether there will be gradients.
        inputs_need_grad
            Whether the data get gradients, too.
        force_rebind
            Whether a module that is bound binds anew, with the parameters that it has.
        shared_module
            A module whose parameters this one shares.
        grad_req
            "write", "add" or "null": for all, by position, or by name.

        Raises
        ------
        ParamError
            The names of the data are others.
        BindError
            The shapes do not decide all others, or do not fit what is shared.
        """
        if force_rebind:
            self.binded = False
        if self.binded:
            self.logger.warning("Already bound, ignoring bind()")
            return
        if inputs_need_grad and not for_training:
            raise ParamError("bind: inputs_need_grad needs for_training")
        data, labels = self._described(data_shapes, label_shapes)
        self.for_training, self.inputs_need_grad = for_training, inputs_need_grad
        wanted = [name for name in self._param_names if name not in self._fixed_param_names]
        wanted += self._data_names if inputs_need_grad else []
        arguments = self._symbol.list_arguments()
        requests = requests_of(grad_req, arguments, wanted if for_training else ())
        shared = None if shared_module is None else shared_module._exec_group
        group = ExecutorGroup(self._symbol, self._param_names, requests, shared)
        group.reshape(data, labels or ())
        self._exec_group, self._label_shapes, self.binded = group, labels, True
        if shared_module is not None:
            self._arg_params, self._aux_params = (
                shared_module._arg_params,
                shared_module._aux_params,
            )
            self.params_initialized = True
            if shared_module.optimizer_initialized:
                self.borrow_optimizer(shared_module)
        elif self._arg_params is not None and self.params_initialized:
            group.write(self._arg_params, self._aux_params or {}, extra=False)
        else:
            self._arg_params = _like(zip(group.param_names, group.params, strict=True))
            self._aux_params = _like(group.executor.aux_dict.items())

    def _described(
        self, data_shapes: Any, label_shapes: Any
    ) -> tuple[list[DataDesc], list[DataDesc] | None]:
        """Return the descriptions, their names checked."""
        data = described(data_shapes)
        if sorted(self._data_names) != sorted(desc.name for desc in data):
            names = listed([desc.name for desc in data], 12) or "none"
            message = f"Module: the data are {self._data_names}, but shapes are given for {names}"
            raise ParamError(message, hint="Module(…, data_names=[…]) says which are data")
        labels = None if label_shapes is None else described(label_shapes)
        given = [desc.name for desc in labels or ()]
        if sorted(self._label_names) != sorted(given):
            warnings.warn(
                f"Data provided by label_shapes don't match names specified by label_names "
                f"({given} vs. {self._label_names})",
                stacklevel=3,
            )
        return data, labels

    def reshape(self, data_shapes: Any, label_shapes: Any = None) -> None:
        """Go over to other shapes, with the same parameters."""
        self._need("reshape", params=False)
        data, labels = self._described(data_shapes, label_shapes)
        self._exec_group.reshape(data, labels or ())
        self._label_shapes = labels

    # -------------------------------------------------------------------------- parameters

    def get_params(self) -> tuple[Params, Params]:
        """Return copies of arguments and auxiliary states; the next call renews these copies."""
        if not self.params_initialized:
            raise BindError("Module: there are no parameters yet", hint="call init_params() first")
        group = self._exec_group
        if group is not None:
            for name, array in zip(group.param_names, group.params, strict=True):
                self._held[0][name][:] = array
            for name, array in group.executor.aux_dict.items():
                self._held[1][name][:] = array
        return self._held

    @property
    def _held(self) -> tuple[Params, Params]:
        return self._arg_params or {}, self._aux_params or {}

    def init_params(
        self,
        initializer: Any = Uniform(0.01),  # noqa: B008  it has no state; MXNet's default
        arg_params: Mapping[str, Any] | None = None,
        aux_params: Mapping[str, Any] | None = None,
        allow_missing: bool = False,
        force_init: bool = False,
        allow_extra: bool = False,
    ) -> None:
        """Fill all parameters: from the arrays given, and else by the initializer.

        Parameters
        ----------
        initializer
            What fills arrays; None leaves them.
        arg_params, aux_params
            Arrays by name. Names that the symbol does not have are passed over.
        allow_missing
            Whether the initializer fills what is not among the arrays that were given.
        force_init
            Whether parameters that are there are filled again.
        allow_extra
            Accepted: names too many are passed over in any case, as in MXNet.

        Raises
        ------
        IncompleteError
            A parameter is not among the arrays, and may not be missing.
        BindError
            An array has another shape.
        ParamError
            The initializer is none.
        """
        del allow_extra
        if self.params_initialized and not force_init:
            warnings.warn(
                "Parameters already initialized and force_init=False. init_params call ignored.",
                stacklevel=2,
            )
            return
        self._need("init_params", params=False)
        if initializer is not None and not callable(initializer):
            message = f"init_params: initializer must be an initializer, but got {initializer!r}"
            raise ParamError(message, hint="such as ms.init.Xavier(); ms.init.create finds by name")
        for what, given in (("arg_params", arg_params), ("aux_params", aux_params)):
            _check_named("init_params", what, given)
        attrs = self._symbol.attr_dict()
        for what, held, given in (
            ("arg_params", self._held[0], arg_params),
            ("aux_params", self._held[1], aux_params),
        ):
            for name, array in sorted(held.items()):
                if given is not None and name in given:
                    _copy(name, array, given[name])
                elif given is not None and not allow_missing:
                    hint = did_you_mean(name, given) or "allow_missing=True lets it be initialized"
                    raise IncompleteError(f"Module: {what} has no {name!r}", hint=hint)
                elif initializer is not None:
                    initializer(InitDesc(name, attrs.get(name)), array)
                elif given is None:
                    message = f"Module: nothing says how {name!r} begins: {what} is None"
                    raise IncompleteError(message, hint="give an initializer, or arrays")
        self.params_initialized = True
        self._exec_group.write(*self._held, extra=False)

    def set_params(
        self,
        arg_params: Mapping[str, Any],
        aux_params: Mapping[str, Any] | None,
        allow_missing: bool = False,
        force_init: bool = True,
        allow_extra: bool = False,
    ) -> None:
        """Copy arrays into the parameters.

        Parameters
        ----------
        arg_params, aux_params
            Arrays by name.
        allow_missing
            Whether parameters that are not among them stay as they are.
        force_init
            Whether parameters that are there are overwritten.
        allow_extra
            Whether names that the symbol does not have are passed over. (Without `allow_missing`
            they are in any case, as in MXNet.)

        Raises
        ------
        BindError
            A name or a shape does not fit.
        """
        for what, given in (("arg_params", arg_params), ("aux_params", aux_params)):
            _check_named("set_params", what, given)
        if not allow_missing:
            self.init_params(None, arg_params, aux_params, force_init=force_init)
        elif self.params_initialized and not force_init:
            warnings.warn(
                "Parameters already initialized and force_init=False. set_params call ignored.",
                stacklevel=2,
            )
        else:
            self._need("set_params", params=False)
            self._exec_group.write(arg_params, aux_params or {}, extra=allow_extra)
            self.params_initialized = True

    # --------------------------------------------------------------------------- optimizer

    def init_optimizer(
        self,
        kvstore: Any = "local",
        optimizer: str | opt.Optimizer = "sgd",
        optimizer_params: OptimizerParams = DEFAULTS,
        force_init: bool = False,
    ) -> None:
        """Make the optimizer; `rescale_grad` is 1 / rows of a batch unless it is given.

        Parameters
        ----------
        kvstore
            A `ms.kvstore.KVStore`, its kind, or None: on one machine, all the same.
        optimizer, optimizer_params
            An optimizer, or its name and parameters.
        force_init
            Whether to make a new one.

        Raises
        ------
        ParamError
            There is no such optimizer or store.
        """
        self._need("init_optimizer")
        if self.optimizer_initialized and not force_init:
            self.logger.warning("optimizer already initialized, ignoring...")
            return
        self._kvstore = create_store(kvstore) if isinstance(kvstore, str) else kvstore
        if self._kvstore is not None and not isinstance(self._kvstore, KVStore):
            message = f"init_optimizer: kvstore must be a name or a KVStore, but got {kvstore!r}"
            raise ParamError(message)
        scale = 1.0 / self._exec_group.batch_size
        names = dict(enumerate(self._param_names))
        if isinstance(optimizer, str):
            try:
                params = {"rescale_grad": scale, **dict(optimizer_params)}
            except (TypeError, ValueError):
                raise ParamError(
                    f"optimizer_params must be a dict, but got {optimizer_params!r}",
                    hint='{"learning_rate": 0.1}',
                ) from None
            optimizer = opt.create(optimizer, sym=self._symbol, param_idx2name=names, **params)
        elif not isinstance(optimizer, opt.Optimizer):
            message = f"init_optimizer: there is no optimizer {optimizer!r}"
            raise ParamError(message, hint='such as "sgd", or ms.optimizer.SGD(…)')
        else:
            if optimizer.rescale_grad != scale:
                warnings.warn(
                    "Optimizer created manually outside Module but rescale_grad is not normalized "
                    f"to 1.0/batch_size/num_workers ({optimizer.rescale_grad} vs. {scale}). "
                    "Is this intended?",
                    stacklevel=2,
                )
            if not optimizer.idx2name:
                optimizer.idx2name = names
        self._optimizer, self._updater = optimizer, opt.get_updater(optimizer)
        self.optimizer_initialized = True
        if self._states_file is not None:
            self.load_optimizer_states(self._states_file)
            self._states_file = None

    def borrow_optimizer(self, shared_module: Module) -> None:
        """Share the optimizer of another module, with its states."""
        shared_module._need("borrow_optimizer", optimizer=True)
        self._optimizer, self._updater = shared_module._optimizer, shared_module._updater
        self._kvstore = shared_module._kvstore
        self.optimizer_initialized = True

    def save_optimizer_states(self, fname: str) -> None:
        """Write the optimizer's states into a file."""
        self._need("save_optimizer_states", optimizer=True)
        Path(fname).write_bytes(self._updater.get_states())

    def load_optimizer_states(self, fname: str) -> None:
        """Read the optimizer's states from such a file.

        Raises
        ------
        FormatError
            It is no such file. (MXNet's are pickles, which may run anything, and are refused.)
        """
        self._need("load_optimizer_states", optimizer=True)
        self._updater.set_states(Path(fname).read_bytes())

    # ----------------------------------------------------------------------------- running

    def forward(self, data_batch: Any, is_train: bool | None = None) -> None:
        """Run on a batch; one of other shapes than before is bound first.

        Parameters
        ----------
        data_batch
            A `DataBatch`, or anything with `data` and `label`: arrays in the order of the shapes
            that the module was bound for.
        is_train
            Whether ops behave as in training; without, what it was bound for decides.

        Raises
        ------
        ArrayTypeError
            It is no batch.
        BindError
            The arrays do not fit.
        """
        self._need("forward")
        several = isinstance(data_batch, list) and all(hasattr(b, "label") for b in data_batch)
        batch = _Joined(data_batch) if several else data_batch
        if not isinstance(getattr(batch, "data", None), list | tuple):
            message = f"Module.forward takes a batch, but got {type(data_batch).__name__}"
            raise ArrayTypeError(message, hint="ms.io.DataBatch(data=[array], label=[array])")
        labels = getattr(batch, "label", None) or ()
        for desc, array in zip(self._exec_group.data_shapes, batch.data, strict=False):
            if not hasattr(array, "shape"):
                message = f"Module.forward: {desc.name} must be an array, but got {array!r:.60}"
                raise ArrayTypeError(message, hint="ms.io.DataBatch(data=[array], label=[array])")
        self._reshape_for(batch, labels)
        is_train = self.for_training if is_train is None else is_train
        labels = labels if self._label_shapes else ()
        self._exec_group.forward(batch.data, labels, is_train=is_train)

    def _reshape_for(self, batch: Any, labels: Sequence[Any]) -> None:
        """Bind for the shapes of this batch, if they are others."""
        group = self._exec_group
        shapes = [tuple(array.shape) for array in batch.data]
        for what, given, descs in (
            ("data", shapes, group.data_shapes),
            ("label", labels, self._label_shapes or labels),
        ):
            if len(given) != len(descs) and (given or what == "data"):
                names = listed([desc.name for desc in descs], 12)
                message = f"Module: a batch has {count(len(given), f'{what} array')}, not {names}"
                raise BindError(message, hint="in the order of the shapes that bind was given")
        if shapes == [tuple(desc.shape) for desc in group.data_shapes]:
            return
        data = described(getattr(batch, "provide_data", None)) or _with(group.data_shapes, shapes)
        given = described(getattr(batch, "provide_label", None))
        if not given and labels and self._label_shapes:
            given = _with(self._label_shapes, [tuple(array.shape) for array in labels])
        group.reshape(data, given)
        self._label_shapes = given or self._label_shapes

    def backward(self, out_grads: Any = None) -> None:
        """Compute the gradients of the parameters, and of the data if they need one.

        Parameters
        ----------
        out_grads
            An array, or a list of them: what flows into the outputs. Loss heads need none.

        Raises
        ------
        GradientError
            The module was not bound for training, or an output needs a gradient.
        """
        self._need("backward")
        if not self.for_training:
            message = "Module: backward needs gradients, and it was not bound for training"
            raise GradientError(message, hint="bind(…, for_training=True)")
        self._exec_group.executor.backward(out_grads)

    def update(self) -> None:
        """Move the parameters along their gradients, as the optimizer says."""
        self._need("update", optimizer=True)
        group = self._exec_group
        found = [
            (index, gradient, weight)
            for index, (gradient, weight) in enumerate(
                zip(group.gradients, group.params, strict=True)
            )
            if gradient is not None
        ]
        if found:
            self._updater(*map(list, zip(*found, strict=True)))

    def get_outputs(self, merge_multi_context: bool = True) -> Any:
        """Return the outputs of the last run; each as a list of one without `merge_multi_context`.

        They are the executor's own arrays: the next run writes into them. With several devices
        they are copies, since MXNet joins those of all into new ones.
        """
        self._need("get_outputs")
        return self._merged(self._exec_group.executor.outputs, merge_multi_context)

    def get_input_grads(self, merge_multi_context: bool = True) -> Any:
        """Return the gradients of the data, likewise.

        Raises
        ------
        GradientError
            The module was not bound with `inputs_need_grad`.
        """
        self._need("get_input_grads")
        if not self.inputs_need_grad:
            message = "Module: the data have no gradients"
            raise GradientError(message, hint="bind(…, inputs_need_grad=True)")
        gradients = self._exec_group.executor.grad_dict
        names = [desc.name for desc in self._exec_group.data_shapes]
        return self._merged([gradients[name] for name in names], merge_multi_context)

    def get_states(self, merge_multi_context: bool = True) -> Any:
        """Return the arrays of `state_names`, likewise."""
        self._need("get_states")
        arrays = self._exec_group.executor.arg_dict
        return self._merged([arrays[name] for name in self._state_names], merge_multi_context)

    def _merged(self, arrays: Sequence[Any], merged: bool) -> list[Any]:
        if not merged:
            return [[array] for array in arrays]
        return [array.copy() for array in arrays] if len(self._context) > 1 else list(arrays)

    def set_states(self, states: Any = None, value: Any = None) -> None:
        """Copy arrays into the states, in the order of `state_names`, or one number into all."""
        self._need("set_states")
        if (states is None) == (value is None):
            raise ParamError("set_states takes states or value: one of them")
        arrays = self._exec_group.executor.arg_dict
        given = states if states is not None else [value] * len(self._state_names)
        for name, state in zip(self._state_names, given, strict=True):
            arrays[name][:] = state[0] if isinstance(state, list | tuple) else state

    def update_metric(self, eval_metric: Any, labels: Any, pre_sliced: bool = False) -> None:
        """Add the outputs of the last run, and these labels, to a metric.

        `pre_sliced` says that there is a list of labels for each device.
        """
        self._need("update_metric")
        if not hasattr(eval_metric, "update_dict"):
            message = f"update_metric takes a metric, but got {eval_metric!r:.60}"
            raise ArrayTypeError(message, hint="ms.metric.create('acc') makes one by its name")
        if pre_sliced:
            columns = zip(*labels, strict=True)
            labels = [NDArray.of(np.concatenate([*map(np.asarray, column)])) for column in columns]
        names = self._label_names
        if self._label_shapes:
            names = [desc.name for desc in self._label_shapes]
        outputs = self._exec_group.executor.outputs
        eval_metric.update_dict(
            dict(zip(names, labels or (), strict=False)),
            dict(zip(self.output_names, outputs, strict=True)),
        )

    def install_monitor(self, mon: Any) -> None:
        """Let a monitor watch all runs."""
        self._need("install_monitor", params=False)
        if not hasattr(mon, "install"):
            message = f"install_monitor takes a Monitor, but got {type(mon).__name__}"
            raise ParamError(message, hint="ms.mon.Monitor(interval)")
        self._exec_group.install_monitor(mon)

    # ------------------------------------------------------------------------- checkpoints

    def save_checkpoint(
        self,
        prefix: str,
        epoch: int,
        save_optimizer_states: bool = False,
        remove_amp_cast: bool = True,
    ) -> None:
        """Write `prefix-symbol.json`, `prefix-0001.params` and, if asked, `prefix-0001.states`."""
        epoch = whole(epoch, "save_checkpoint: epoch", 0)
        self._symbol.save(f"{prefix}-symbol.json", remove_amp_cast=remove_amp_cast)
        name = f"{prefix}-{epoch:04d}"
        self.save_params(f"{name}.params")
        logging.info('Saved checkpoint to "%s"', f"{name}.params")  # noqa: LOG015  as in MXNet
        if save_optimizer_states:
            self.save_optimizer_states(f"{name}.states")
            logging.info('Saved optimizer state to "%s"', f"{name}.states")  # noqa: LOG015

    @staticmethod
    def load(prefix: str, epoch: int, load_optimizer_states: bool = False, **kwargs: Any) -> Module:
        """Make a module of what `save_checkpoint` wrote: bind it, and it goes on from there.

        Parameters
        ----------
        prefix, epoch
            As of `save_checkpoint`.
        load_optimizer_states
            Whether `init_optimizer` will read the optimizer's states, too.
        **kwargs
            As of `Module`.
        """
        symbol, arguments, states = load_checkpoint(prefix, epoch)
        module = Module(symbol, **kwargs)
        module._arg_params, module._aux_params = arguments, states
        module.params_initialized = True
        if load_optimizer_states:
            module._states_file = f"{prefix}-{epoch:04d}.states"
        return module


def check_names(arguments: Sequence[str], names: Names, kind: str) -> list[str]:
    """Return names as a list, if the symbol has them; a label that it lacks warns."""
    found = [names] if isinstance(names, str) else list(names or ())
    for name in found:
        if name not in arguments:
            ends = ("_weight", "_bias", "_gamma", "_beta")
            likely = [n for n in arguments if not n.endswith(ends)]
            message = f"Module: {kind}_names has {name!r}, which is no argument of the symbol"
            if kind != "label":
                raise ParamError(message, hint=did_you_mean(name, likely))
            warnings.warn(f"{message}; arguments: {listed(likely, 12)}", stacklevel=3)
    return found


def _check_named(what: str, which: str, given: Any) -> None:
    """Refuse parameters that are no dict."""
    if given is not None and not isinstance(given, Mapping):
        message = f"{what}: {which} must be a dict of arrays, but got {type(given).__name__}"
        raise ArrayTypeError(message, hint="{name: array}, as get_params() returns them")


def _like(arrays: Any) -> Params:
    return {name: NDArray.of(np.zeros(a.shape, a.dtype)) for name, a in arrays}


def _copy(name: str, array: NDArray, given: Any) -> None:
    value = np.asarray(given)
    if value.shape != array.shape:
        message = f"Module: {name!r} has shape {array.shape}, but {value.shape} was given"
        raise BindError(message)
    array[:] = value


def _with(descs: Sequence[DataDesc], shapes: Sequence[tuple[int, ...]]) -> list[DataDesc]:
    """Return the descriptions with other shapes."""
    return [DataDesc(d.name, s, d.dtype, d.layout) for d, s in zip(descs, shapes, strict=True)]


class _Joined:
    """Batches for several devices as one."""

    def __init__(self, batches: Sequence[Any]) -> None:
        self.data = self._rows([batch.data for batch in batches])
        self.label = self._rows([batch.label or () for batch in batches])

    @staticmethod
    def _rows(parts: Sequence[Sequence[Any]]) -> list[NDArray]:
        columns = zip(*parts, strict=True)
        return [NDArray.of(np.concatenate([*map(np.asarray, column)])) for column in columns]

"""`BucketingModule`: a symbol for each length of sequences, all with one set of parameters."""

# ruff: noqa: SLF001  (what a checkpoint holds goes into the module that it is for)

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minisym.core.errors import BindError, ParamError
from minisym.core.naming import NameManager
from minisym.core.ndarray import NDArray
from minisym.core.symbol import Symbol
from minisym.formats import mxnet_json, mxnet_params
from minisym.formats.checkpoint import load_params
from minisym.init import Uniform
from minisym.io import DataDesc
from minisym.module.base_module import DEFAULTS, BaseModule, OptimizerParams, Params
from minisym.module.module import Module

Generated = tuple[Symbol, Any, Any]
"""A symbol, the names of its data, and those of its labels."""


class BucketingModule(BaseModule):
    """Train symbols that share their parameters; a batch's `bucket_key` chooses one.

    Parameters
    ----------
    sym_gen
        From a key to a symbol, the names of its data, and those of its labels.
    default_bucket_key
        The key whose symbol has all parameters, usually the largest.
    logger, context, fixed_param_names, state_names, **others
        As of `Module`.

    Examples
    --------
    >>> import numpy as np
    >>> import minisym as mx
    >>> def sym_gen(length):
    ...     words = mx.sym.Embedding(mx.sym.Variable("data"), input_dim=9, output_dim=4, name="e")
    ...     net = mx.sym.FullyConnected(mx.sym.sum(words, axis=1), num_hidden=2, name="fc")
    ...     return mx.sym.SoftmaxOutput(net, name="softmax"), ["data"], ["softmax_label"]
    >>> module = mx.mod.BucketingModule(sym_gen, default_bucket_key=7)
    >>> module.bind([("data", (2, 7))], [("softmax_label", (2,))])
    >>> module.init_params()
    >>> batch = mx.io.DataBatch(
    ...     [mx.nd.ones((2, 5))], [mx.nd.zeros(2)], bucket_key=5,
    ...     provide_data=[("data", (2, 5))], provide_label=[("softmax_label", (2,))])
    >>> module.forward(batch)
    >>> module.get_outputs()[0].shape
    (2, 2)
    """

    def __init__(
        self,
        sym_gen: Callable[[Any], Generated],
        default_bucket_key: Any = None,
        logger: Any = logging,
        context: Any = None,
        work_load_list: Any = None,
        fixed_param_names: Any = None,
        state_names: Any = None,
        group2ctxs: Any = None,
        compression_params: Any = None,
    ) -> None:
        super().__init__(logger)
        del work_load_list, group2ctxs, compression_params
        if default_bucket_key is None:
            raise ParamError("BucketingModule: default_bucket_key is missing")
        self._sym_gen, self._default_bucket_key = sym_gen, default_bucket_key
        self._options = {
            "logger": logger,
            "context": context,
            "fixed_param_names": fixed_param_names,
            "state_names": state_names,
        }
        self._buckets: dict[Any, Module] = {}
        self._monitor: Any = None
        self._grad_req: Any = "write"
        self._curr_module = self._module_of(default_bucket_key)
        self._curr_bucket_key = default_bucket_key

    def _module_of(self, key: Any) -> Module:
        with NameManager():
            symbol, data_names, label_names = self._sym_gen(key)
        return Module(symbol, data_names, label_names, **self._options)

    # -------------------------------------------------------------------------- what it is

    @property
    def symbol(self) -> Symbol:
        """The symbol of the current bucket."""
        return self._curr_module.symbol  # type: ignore[no-any-return]

    @property
    def data_names(self) -> list[str]:
        """The names of the data of the current bucket."""
        return self._curr_module.data_names

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs of the current bucket."""
        return self._curr_module.output_names

    @property
    def data_shapes(self) -> list[DataDesc]:
        """Names and shapes of the data of the current bucket."""
        return self._curr_module.data_shapes

    @property
    def label_shapes(self) -> list[DataDesc] | None:
        """Names and shapes of the labels of the current bucket."""
        return self._curr_module.label_shapes

    @property
    def output_shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """Names and shapes of the outputs of the current bucket."""
        return self._curr_module.output_shapes

    # -------------------------------------------------------------------------- parameters

    def get_params(self) -> tuple[Params, Params]:
        """Return copies of arguments and auxiliary states; the next call renews these copies."""
        main = self._buckets.get(self._default_bucket_key, self._curr_module)
        return main.get_params()

    def init_params(
        self,
        initializer: Any = Uniform(0.01),  # noqa: B008  it has no state; MXNet's default
        arg_params: Mapping[str, Any] | None = None,
        aux_params: Mapping[str, Any] | None = None,
        allow_missing: bool = False,
        force_init: bool = False,
        allow_extra: bool = False,
    ) -> None:
        """Fill all parameters: from the arrays given, and else by the initializer."""
        if self.params_initialized and not force_init:
            return
        self._need("init_params", params=False)
        main = self._buckets[self._default_bucket_key]
        main.init_params(
            initializer, arg_params, aux_params, allow_missing, force_init, allow_extra
        )
        self.params_initialized = True

    def set_params(
        self,
        arg_params: Mapping[str, Any],
        aux_params: Mapping[str, Any] | None,
        allow_missing: bool = False,
        force_init: bool = True,
        allow_extra: bool = False,
    ) -> None:
        """Copy arrays into the parameters."""
        self._need("set_params", params=False)
        main = self._buckets[self._default_bucket_key]
        main.set_params(arg_params, aux_params, allow_missing, force_init, allow_extra)
        self.params_initialized = True

    # ----------------------------------------------------------------------------- running

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
        """Allocate what the symbol of the default bucket needs; the others follow when they come.

        The arguments are those of `Module.bind`.
        """
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        if shared_module is not None:
            raise BindError("BucketingModule: bind takes no shared_module")
        kept = self.get_params() if self.params_initialized else None
        main = self._buckets.get(self._default_bucket_key, self._curr_module)
        self.for_training, self.inputs_need_grad = for_training, inputs_need_grad
        self._grad_req = grad_req
        main.bind(
            data_shapes, label_shapes, for_training, inputs_need_grad, force_rebind, None, grad_req
        )
        loaded = {} if self.binded else self._buckets
        self._buckets = {**loaded, self._default_bucket_key: main}
        self._curr_module, self._curr_bucket_key = main, self._default_bucket_key
        self.binded = True
        if kept is not None:
            self.set_params(*kept)

    def switch_bucket(self, bucket_key: Any, data_shapes: Any, label_shapes: Any = None) -> None:
        """Go over to the symbol of another bucket, which is bound when it comes first."""
        self._need("switch_bucket", params=False)
        module = self._buckets.get(bucket_key)
        if module is None:
            module = self._buckets[bucket_key] = self._module_of(bucket_key)
        if not module.binded:
            module.bind(
                data_shapes,
                label_shapes,
                self.for_training,
                self.inputs_need_grad,
                shared_module=self._buckets[self._default_bucket_key],
                grad_req=self._grad_req,
            )
            if self._monitor is not None:
                module.install_monitor(self._monitor)
        self._curr_module, self._curr_bucket_key = module, bucket_key

    def init_optimizer(
        self,
        kvstore: Any = "local",
        optimizer: Any = "sgd",
        optimizer_params: OptimizerParams = DEFAULTS,
        force_init: bool = False,
    ) -> None:
        """Make the optimizer, which all buckets share."""
        self._need("init_optimizer")
        if self.optimizer_initialized and not force_init:
            self.logger.warning("optimizer already initialized, ignoring.")
            return
        main = self._buckets[self._default_bucket_key]
        main.init_optimizer(kvstore, optimizer, optimizer_params, force_init)
        for module in self._buckets.values():
            if module is not main and module.binded:
                module.borrow_optimizer(main)
        self.optimizer_initialized = True

    def prepare(self, data_batch: Any, sparse_row_id_fn: Any = None) -> None:
        """Bind the symbol of the batch that comes next."""
        del sparse_row_id_fn
        self._need("prepare")
        now = self._curr_bucket_key
        self.switch_bucket(data_batch.bucket_key, data_batch.provide_data, data_batch.provide_label)
        self.switch_bucket(now, None)

    def forward(self, data_batch: Any, is_train: bool | None = None) -> None:
        """Run the symbol of the batch's bucket."""
        self._need("forward")
        self.switch_bucket(data_batch.bucket_key, data_batch.provide_data, data_batch.provide_label)
        self._curr_module.forward(data_batch, is_train)

    def backward(self, out_grads: Any = None) -> None:
        """Compute the gradients."""
        self._need("backward")
        self._curr_module.backward(out_grads)

    def update(self) -> None:
        """Move the parameters along the gradients."""
        self._need("update", optimizer=True)
        self._curr_module.update()

    def get_outputs(self, merge_multi_context: bool = True) -> Any:
        """Return the outputs of the last run."""
        self._need("get_outputs")
        return self._curr_module.get_outputs(merge_multi_context)

    def get_input_grads(self, merge_multi_context: bool = True) -> Any:
        """Return the gradients of the data."""
        self._need("get_input_grads")
        return self._curr_module.get_input_grads(merge_multi_context)

    def get_states(self, merge_multi_context: bool = True) -> Any:
        """Return the arrays of `state_names`."""
        self._need("get_states")
        return self._curr_module.get_states(merge_multi_context)

    def set_states(self, states: Any = None, value: Any = None) -> None:
        """Copy arrays into the states, or one number into all."""
        self._need("set_states")
        self._curr_module.set_states(states, value)

    def update_metric(self, eval_metric: Any, labels: Any, pre_sliced: bool = False) -> None:
        """Add the outputs of the last run, and these labels, to a metric."""
        self._need("update_metric")
        self._curr_module.update_metric(eval_metric, labels, pre_sliced)

    def install_monitor(self, mon: Any) -> None:
        """Let a monitor watch all runs."""
        self._need("install_monitor", params=False)
        self._monitor = mon
        for module in self._buckets.values():
            if module.binded:
                module.install_monitor(mon)

    # ------------------------------------------------------------------------- checkpoints

    def save_checkpoint(self, prefix: str, epoch: int, remove_amp_cast: bool = False) -> None:
        """Write parameters, and a symbol for each bucket so far."""
        self._need("save_checkpoint")
        self.save_params(f"{prefix}-{epoch:04d}.params")
        for key, module in self._buckets.items():
            module.symbol.save(f"{prefix}-{key}-symbol.json", remove_amp_cast=remove_amp_cast)
        keys = NDArray.of(np.array([*self._buckets], np.int32))
        mxnet_params.save(f"{prefix}.buckets", [keys])

    @staticmethod
    def load(
        prefix: str,
        epoch: int,
        sym_gen: Callable[[Any], Generated] | None = None,
        default_bucket_key: Any = None,
        **kwargs: Any,
    ) -> BucketingModule:
        """Make a module of what `save_checkpoint` wrote."""
        (keys,) = mxnet_params.load(f"{prefix}.buckets")
        symbols = {
            int(key): mxnet_json.load(f"{prefix}-{int(key)}-symbol.json")
            for key in np.asarray(keys)
        }
        arguments, states = load_params(prefix, epoch)
        return BucketingModule.load_dict(
            symbols, sym_gen, default_bucket_key, arguments, states, **kwargs
        )

    @staticmethod
    def load_dict(
        sym_dict: Mapping[Any, Symbol] | None = None,
        sym_gen: Callable[[Any], Generated] | None = None,
        default_bucket_key: Any = None,
        arg_params: Mapping[str, Any] | None = None,
        aux_params: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> BucketingModule:
        """Make a module of symbols by their keys, and parameters.

        Raises
        ------
        ParamError
            `sym_gen`, the symbols or the parameters are missing.
        """
        if sym_gen is None or sym_dict is None or arg_params is None or aux_params is None:
            message = "BucketingModule.load_dict needs sym_dict, sym_gen, arg_params, aux_params"
            raise ParamError(message)
        made = BucketingModule(sym_gen, default_bucket_key, **kwargs)
        for key, symbol in sym_dict.items():
            _, data_names, label_names = sym_gen(key)
            made._buckets[key] = Module(symbol, data_names, label_names, **made._options)
        main = made._buckets.setdefault(default_bucket_key, made._curr_module)
        main._arg_params, main._aux_params = dict(arg_params), dict(aux_params)
        main.params_initialized = made.params_initialized = True
        made._curr_module = main
        return made

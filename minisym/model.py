"""MXNet's module of models: checkpoints, and `FeedForward`, the model that `Module` replaced."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from minisym.callback import BatchEndParam, LogValidationMetricsCallback
from minisym.core.context import Context
from minisym.core.errors import ArrayTypeError, BindError, ParamError, ShapeError
from minisym.core.ndarray import NDArray
from minisym.core.symbol import Symbol
from minisym.formats.checkpoint import Params, load_checkpoint, load_params, save_checkpoint
from minisym.init import Uniform
from minisym.io import NDArrayIter, ResizeIter
from minisym.module import Module

load = load_checkpoint


class FeedForward:
    """Train and run a symbol on arrays or iterators: the oldest of MXNet's interfaces.

    It is a `Module` with another face; new scripts take that.

    Parameters
    ----------
    symbol
        The network. Its arguments that the iterators do not name are parameters.
    ctx
        A device, or a list of them: names.
    num_epoch, begin_epoch
        At which epoch to stop, and to begin.
    epoch_size
        Batches of an epoch; without, one goes through the data.
    optimizer, **kwargs
        An optimizer, or its name and parameters.
    initializer, arg_params, aux_params
        How parameters begin.
    numpy_batch_size
        Rows in a batch, where arrays are given.
    allow_extra_params
        Whether `arg_params` and `aux_params` may have names that the symbol has not.

    Examples
    --------
    >>> import minisym as mx
    >>> net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2, name="fc")
    >>> net = mx.sym.SoftmaxOutput(net, name="softmax")
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     model = mx.model.FeedForward(net, num_epoch=20, learning_rate=0.5)
    >>> x = np.linspace(-1, 1, 64).reshape(32, 2)
    >>> model.fit(x, x[:, 0] > 0)
    >>> bool(((model.predict(x)[:, 1] > 0.5) == (x[:, 0] > 0)).mean() > 0.9)
    True
    """

    def __init__(
        self,
        symbol: Any,
        ctx: Context | list[Context] | None = None,
        num_epoch: int | None = None,
        epoch_size: int | None = None,
        optimizer: Any = "sgd",
        initializer: Any = Uniform(0.01),  # noqa: B008  it has no state; MXNet's default
        numpy_batch_size: int = 128,
        arg_params: Mapping[str, Any] | None = None,
        aux_params: Mapping[str, Any] | None = None,
        allow_extra_params: bool = False,
        begin_epoch: int = 0,
        **kwargs: Any,
    ) -> None:
        text = "FeedForward is deprecated: use mx.mod.Module"
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        if not isinstance(symbol, Symbol):
            message = f"FeedForward: symbol must be a Symbol, but got {type(symbol).__name__}"
            raise ParamError(message, hint="for several symbols there is mx.mod.BucketingModule")
        self.symbol, self.ctx = symbol, ctx
        self.num_epoch, self.begin_epoch, self.epoch_size = num_epoch, begin_epoch, epoch_size
        self.optimizer, self.kwargs, self.initializer = optimizer, kwargs, initializer
        self.numpy_batch_size = numpy_batch_size
        self.arg_params, self.aux_params = arg_params, aux_params
        self.allow_extra_params = allow_extra_params
        if not allow_extra_params:
            known = {*symbol.list_arguments(), *symbol.list_auxiliary_states()}
            extra = [n for n in {**(arg_params or {}), **(aux_params or {})} if n not in known]
            if extra:
                message = f"FeedForward: the symbol has no {extra[0]!r}"
                raise BindError(message, hint="allow_extra_params=True passes over such names")

    # ------------------------------------------------------------------------------ what it runs

    def _module(self, data: Any, *, for_training: bool, logger: Any = None) -> Module:
        """Return a module for these batches, with the parameters that there are."""
        arguments = self.symbol.list_arguments()
        data_names = [desc[0] for desc in data.provide_data]
        label_names = [desc[0] for desc in data.provide_label if desc[0] in arguments]
        if not for_training:
            params = self.arg_params or {}
            more = [n for n in arguments if n not in params and n not in data_names]
            label_names = list(dict.fromkeys([*label_names, *more]))
        module = Module(
            self.symbol,
            data_names,
            label_names,
            logger=logger or logging,
            context=self.ctx,
        )
        labels = [desc for desc in data.provide_label if desc[0] in label_names]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Data provided by label_shapes")
            module.bind(data.provide_data, labels, for_training=for_training)
        return module

    def _predictor(self, data: Any) -> Module:
        if self.arg_params is None:
            raise BindError("FeedForward: there are no parameters yet", hint="call fit first")
        module = self._module(data, for_training=False)
        module.set_params(self.arg_params, self.aux_params or {})
        return module

    def _batches(self, X: Any, y: Any, *, train: bool) -> Any:
        """Return an iterator: the one that was given, or one over arrays."""
        if not isinstance(X, np.ndarray | NDArray):
            if not hasattr(X, "provide_data"):
                message = f"FeedForward: X must be an iterator or array, not {type(X).__name__}"
                raise ArrayTypeError(message)
            return X
        if y is None:
            if train:
                raise ParamError("FeedForward: y is missing: labels for the rows of X")
            y = np.zeros(X.shape[0])
        y = np.asarray(y)
        y = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
        if y.ndim != 1 or len(y) != X.shape[0]:
            message = f"FeedForward: y has shape {y.shape}, for {X.shape[0]} rows of X"
            raise ShapeError(message, hint="one label a row")
        size = min(X.shape[0], self.numpy_batch_size)
        how = "roll_over" if train else "pad"
        return NDArrayIter(X, y, size, shuffle=train, last_batch_handle=how)

    # --------------------------------------------------------------------------------- the calls

    def fit(
        self,
        X: Any,
        y: Any = None,
        eval_data: Any = None,
        eval_metric: Any = "acc",
        epoch_end_callback: Any = None,
        batch_end_callback: Any = None,
        kvstore: Any = "local",
        logger: Any = None,
        work_load_list: Any = None,
        monitor: Any = None,
        eval_end_callback: Any = LogValidationMetricsCallback(),  # noqa: B008  it has no state
        eval_batch_end_callback: Any = None,
    ) -> None:
        """Train on an iterator, or on arrays and their labels.

        Parameters
        ----------
        X, y
            What to train on.
        eval_data
            What to measure on behind each epoch: an iterator, or a pair of arrays.
        work_load_list
            Accepted for old scripts.
        eval_metric, epoch_end_callback, batch_end_callback, kvstore, logger, monitor, \
eval_end_callback, eval_batch_end_callback
            As of `Module.fit`.
        """
        del work_load_list
        data = self._batches(X, y, train=True)
        if isinstance(eval_data, tuple | list):
            pair = [np.array(part) if isinstance(part, list) else part for part in eval_data]
            eval_data = self._batches(*pair, train=True)
        if self.epoch_size is not None:
            data = ResizeIter(data, self.epoch_size, reset_internal=False)
        module = self._module(data, for_training=True, logger=logger)
        module.init_params(self.initializer, self.arg_params, self.aux_params, allow_missing=True)
        module.fit(
            data,
            eval_data,
            eval_metric,
            epoch_end_callback,
            batch_end_callback,
            kvstore,
            self.optimizer,
            self.kwargs,
            eval_end_callback,
            eval_batch_end_callback,
            begin_epoch=self.begin_epoch,
            num_epoch=self.num_epoch,
            monitor=monitor,
        )
        self.arg_params, self.aux_params = module.get_params()

    def predict(
        self, X: Any, num_batch: int | None = None, return_data: bool = False, reset: bool = True
    ) -> Any:
        """Return the outputs as NumPy arrays; with `return_data` data and labels, too."""
        data = self._batches(X, None, train=False)
        module = self._predictor(data)
        columns: list[list[list[Any]]] = []
        for outputs, _, batch in module.iter_predict(data, num_batch, reset):
            rows = batch.data[0].shape[0] - (batch.pad or 0)
            parts = [outputs, *([batch.data, batch.label or []] if return_data else [])]
            columns.append([[np.array(array[:rows]) for array in part] for part in parts])
        joined = [
            [np.concatenate(column) for column in zip(*part, strict=True)]
            for part in zip(*columns, strict=True)
        ]
        found = [part[0] if len(part) == 1 else part for part in joined]
        return tuple(found) if return_data else found[0]

    def score(
        self,
        X: Any,
        eval_metric: Any = "acc",
        num_batch: int | None = None,
        batch_end_callback: Any = None,
        reset: bool = True,
    ) -> Any:
        """Return a metric over an iterator."""
        data = self._batches(X, None, train=False)
        found = self._predictor(data).score(
            data, eval_metric, num_batch, batch_end_callback, reset=reset
        )
        values = [value for _, value in found]
        return values[0] if len(values) == 1 else values

    def save(self, prefix: str, epoch: int | None = None, remove_amp_cast: bool = True) -> None:
        """Write a checkpoint."""
        epoch = self.num_epoch if epoch is None else epoch
        if epoch is None:
            raise ParamError("FeedForward: save needs the number of the epoch")
        params = self.arg_params or {}, self.aux_params or {}
        save_checkpoint(prefix, epoch, self.symbol, *params, remove_amp_cast=remove_amp_cast)

    @staticmethod
    def load(
        prefix: str, epoch: int, ctx: Context | list[Context] | None = None, **kwargs: Any
    ) -> FeedForward:
        """Make a model of a checkpoint."""
        symbol, arguments, states = load_checkpoint(prefix, epoch)
        return FeedForward(
            symbol,
            ctx=ctx,
            begin_epoch=epoch,
            arg_params=arguments,
            aux_params=states,
            **kwargs,
        )

    @staticmethod
    def create(
        symbol: Any,
        X: Any,
        y: Any = None,
        ctx: Context | list[Context] | None = None,
        num_epoch: int | None = None,
        epoch_size: int | None = None,
        optimizer: Any = "sgd",
        initializer: Any = Uniform(0.01),  # noqa: B008  as in FeedForward
        eval_data: Any = None,
        eval_metric: Any = "acc",
        epoch_end_callback: Any = None,
        batch_end_callback: Any = None,
        kvstore: Any = "local",
        logger: Any = None,
        work_load_list: Any = None,
        eval_end_callback: Any = LogValidationMetricsCallback(),  # noqa: B008  it has no state
        eval_batch_end_callback: Any = None,
        **kwargs: Any,
    ) -> FeedForward:
        """Make a model and train it; the arguments are those of both."""
        model = FeedForward(symbol, ctx, num_epoch, epoch_size, optimizer, initializer, **kwargs)
        model.fit(
            X,
            y,
            eval_data,
            eval_metric,
            epoch_end_callback,
            batch_end_callback,
            kvstore,
            logger,
            work_load_list,
            eval_end_callback=eval_end_callback,
            eval_batch_end_callback=eval_batch_end_callback,
        )
        return model


__all__ = [
    "BatchEndParam",
    "FeedForward",
    "Params",
    "load",
    "load_checkpoint",
    "load_params",
    "save_checkpoint",
]

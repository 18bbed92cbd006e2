"""What all modules share: the loops that train, evaluate and predict, over a few simple calls."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minisym import metric as metrics
from minisym.callback import BatchEndParam, each
from minisym.core.errors import BindError, FormatError, ParamError
from minisym.core.ndarray import NDArray
from minisym.core.params import whole
from minisym.core.symbol import Symbol
from minisym.formats import mxnet_params
from minisym.init import Uniform
from minisym.io import DataBatch, DataDesc
from minisym.io.batch import check_iterator

Params = dict[str, NDArray]
OptimizerParams = Mapping[str, Any] | Sequence[tuple[str, Any]]
DEFAULTS = (("learning_rate", 0.01),)


class BaseModule:
    """A machine that runs on batches and learns from them. `Module` is the one for a symbol.

    A subclass says `bind`, `init_params`, `init_optimizer`, `forward`, `backward`, `update`,
    `get_outputs`, `get_params` and `update_metric`; `fit`, `score` and `predict` follow.

    Attributes
    ----------
    binded, params_initialized, optimizer_initialized : bool
        Which of `bind`, `init_params` and `init_optimizer` have been called.
    for_training, inputs_need_grad : bool
        What it was bound for.
    """

    def __init__(self, logger: Any = logging) -> None:
        self.logger = logger
        self.binded = self.for_training = self.inputs_need_grad = False
        self.params_initialized = self.optimizer_initialized = False
        self._symbol: Symbol | None = None

    def _need(self, what: str, *, params: bool = True, optimizer: bool = False) -> None:
        """Refuse a call that comes before what it rests on."""
        for there, call in (
            (self.binded, "bind(data_shapes=…)"),
            (self.params_initialized or not params, "init_params()"),
            (self.optimizer_initialized or not optimizer, "init_optimizer()"),
        ):
            if not there:
                name = type(self).__name__
                raise BindError(f"{name}: {what} comes too early", hint=f"call {call} first")

    # -------------------------------------------------------------------------- what it is

    @property
    def symbol(self) -> Any:
        """The symbol."""
        return self._symbol

    @property
    def data_names(self) -> list[str]:
        """The names of the data."""
        raise NotImplementedError

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs."""
        raise NotImplementedError

    @property
    def data_shapes(self) -> list[DataDesc]:
        """Names and shapes of the data that it is bound for."""
        raise NotImplementedError

    @property
    def label_shapes(self) -> Any:
        """Names and shapes of the labels that it is bound for, None without."""
        raise NotImplementedError

    @property
    def output_shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """Names and shapes of the outputs."""
        raise NotImplementedError

    # -------------------------------------------------------------------------- parameters

    def get_params(self) -> tuple[Params, Params]:
        """Return copies of arguments and auxiliary states; the next call renews these copies."""
        raise NotImplementedError

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
        raise NotImplementedError

    def set_params(
        self,
        arg_params: Mapping[str, Any],
        aux_params: Mapping[str, Any] | None,
        allow_missing: bool = False,
        force_init: bool = True,
        allow_extra: bool = False,
    ) -> None:
        """Copy arrays into the parameters."""
        self.init_params(None, arg_params, aux_params, allow_missing, force_init, allow_extra)

    def save_params(self, fname: str) -> None:
        """Write all parameters into a `.params` file."""
        arguments, states = self.get_params()
        arrays = {f"arg:{name}": array for name, array in arguments.items()}
        mxnet_params.save(fname, arrays | {f"aux:{n}": array for n, array in states.items()})

    def load_params(self, fname: str) -> None:
        """Read all parameters from such a file.

        Raises
        ------
        FormatError
            The names in it do not begin with `arg:` or `aux:`.
        """
        found = mxnet_params.load(fname)
        parts: dict[str, dict[str, NDArray]] = {"arg": {}, "aux": {}}
        for key, array in found.items() if isinstance(found, Mapping) else [("", None)]:
            kind, _, name = key.partition(":")
            if kind not in parts or array is None:
                message = f"{fname} does not say which arrays are parameters: {key!r}"
                raise FormatError(message, hint="save_params writes arg:… and aux:…")
            parts[kind][name] = array
        self.set_params(parts["arg"], parts["aux"])

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
        """Allocate what runs need."""
        raise NotImplementedError

    def init_optimizer(
        self,
        kvstore: Any = "local",
        optimizer: Any = "sgd",
        optimizer_params: OptimizerParams = DEFAULTS,
        force_init: bool = False,
    ) -> None:
        """Make the optimizer."""
        raise NotImplementedError

    def forward(self, data_batch: Any, is_train: bool | None = None) -> None:
        """Run on a batch."""
        raise NotImplementedError

    def backward(self, out_grads: Any = None) -> None:
        """Compute the gradients."""
        raise NotImplementedError

    def forward_backward(self, data_batch: Any) -> None:
        """Run on a batch, and compute the gradients."""
        self.forward(data_batch, is_train=True)
        self.backward()

    def update(self) -> None:
        """Move the parameters along the gradients."""
        raise NotImplementedError

    def get_outputs(self, merge_multi_context: bool = True) -> Any:
        """Return the outputs of the last run."""
        raise NotImplementedError

    def get_input_grads(self, merge_multi_context: bool = True) -> Any:
        """Return the gradients of the data."""
        raise NotImplementedError

    def get_states(self, merge_multi_context: bool = True) -> Any:
        """Return the states: none."""
        del merge_multi_context
        return []

    def set_states(self, states: Any = None, value: Any = None) -> None:
        """Set the states: there are none."""
        if states or value:
            raise ParamError(f"{type(self).__name__} has no states to set")

    def update_metric(self, eval_metric: Any, labels: Any, pre_sliced: bool = False) -> None:
        """Add the outputs of the last run, and these labels, to a metric."""
        raise NotImplementedError

    def install_monitor(self, mon: Any) -> None:
        """Let a monitor watch all runs."""
        raise NotImplementedError

    def prepare(self, data_batch: Any, sparse_row_id_fn: Any = None) -> None:
        """Make ready for a batch that comes next."""

    # ------------------------------------------------------------------------------- loops

    def score(
        self,
        eval_data: Any,
        eval_metric: Any,
        num_batch: int | None = None,
        batch_end_callback: Any = None,
        score_end_callback: Any = None,
        reset: bool = True,
        epoch: int = 0,
        sparse_row_id_fn: Any = None,
    ) -> list[tuple[str, float]]:
        """Return metrics over an iterator; rows that only fill the last batch count, too.

        Parameters
        ----------
        eval_data
            The iterator.
        eval_metric
            A metric, or what `ms.metric.create` takes.
        num_batch
            How many batches to take; all, if it is None.
        batch_end_callback, score_end_callback
            What to call behind each batch, and at the end, with a `BatchEndParam`.
        reset
            Whether to reset the iterator first.
        epoch
            What the callbacks are told.
        sparse_row_id_fn
            Accepted for old scripts; arrays are dense.
        """
        self._need("score")
        check_iterator("score", eval_data, *["reset"] * reset)
        metric = metrics.create(eval_metric)
        metric.reset()
        seen = 0
        for nbatch, batch in self._batches(eval_data, num_batch, reset, sparse_row_id_fn):
            self._measure(metric, batch)
            _tell(batch_end_callback, epoch, nbatch, metric, locals())
            seen = nbatch + 1
        _tell(score_end_callback, epoch, seen, metric, locals())
        return metric.get_name_value()

    def _batches(
        self, data: Any, num_batch: int | None, reset: bool, rows: Any = None
    ) -> Iterator[tuple[int, Any]]:
        """Run on the batches of an iterator; yield each behind its run."""
        if reset:
            data.reset()
        for nbatch, batch in enumerate(data):
            if num_batch is not None and nbatch == num_batch:
                return
            self.prepare(batch, sparse_row_id_fn=rows)
            self.forward(batch, is_train=False)
            yield nbatch, batch

    def _measure(self, metric: Any, batch: Any) -> None:
        several = isinstance(batch, list)
        labels = [one.label for one in batch] if several else batch.label
        self.update_metric(metric, labels, pre_sliced=several)

    def _real_outputs(self, batch: Any) -> list[NDArray]:
        """Return copies of the outputs, without the rows that only fill the batch."""
        pad = batch.pad or 0
        return [output[: output.shape[0] - pad].copy() for output in self.get_outputs()]

    def iter_predict(
        self,
        eval_data: Any,
        num_batch: int | None = None,
        reset: bool = True,
        sparse_row_id_fn: Any = None,
    ) -> Iterator[tuple[list[NDArray], int, Any]]:
        """Yield outputs, number and batch for each batch of an iterator."""
        self._need("iter_predict")
        for nbatch, batch in self._batches(eval_data, num_batch, reset, sparse_row_id_fn):
            yield self._real_outputs(batch), nbatch, batch

    def predict(
        self,
        eval_data: Any,
        num_batch: int | None = None,
        merge_batches: bool = True,
        reset: bool = True,
        always_output_list: bool = False,
        sparse_row_id_fn: Any = None,
    ) -> Any:
        """Return the outputs for all rows of an iterator, or of one array.

        Parameters
        ----------
        eval_data
            An iterator, or an array: then it is one batch.
        num_batch
            How many batches to take; all, if it is None.
        merge_batches
            Whether the batches' outputs are joined; otherwise a list comes for each batch.
        reset
            Whether to reset the iterator first.
        always_output_list
            Whether a single output comes as a list of one, too.
        sparse_row_id_fn
            Accepted for old scripts; arrays are dense.

        Raises
        ------
        ArrayTypeError
            `eval_data` is neither.
        BindError
            The number of outputs changes, so that nothing can be joined.
        """
        self._need("predict")
        if isinstance(eval_data, np.ndarray | NDArray):
            self.forward(DataBatch([eval_data]), is_train=False)
            return self.get_outputs()[0]
        check_iterator("predict", eval_data, "reset", beside=" or an array")
        parts = [
            self._real_outputs(batch)
            for _, batch in self._batches(eval_data, num_batch, reset, sparse_row_id_fn)
        ]
        if not parts or not merge_batches:
            return parts
        if len({len(part) for part in parts}) > 1:
            message = "predict: the number of outputs differs from batch to batch"
            raise BindError(message, hint="merge_batches=False returns them apart")
        joined = [
            NDArray.of(np.concatenate([np.asarray(a) for a in column]))
            for column in zip(*parts, strict=True)
        ]
        return joined[0] if len(joined) == 1 and not always_output_list else joined

    def fit(
        self,
        train_data: Any,
        eval_data: Any = None,
        eval_metric: Any = "acc",
        epoch_end_callback: Any = None,
        batch_end_callback: Any = None,
        kvstore: Any = "local",
        optimizer: Any = "sgd",
        optimizer_params: OptimizerParams = DEFAULTS,
        eval_end_callback: Any = None,
        eval_batch_end_callback: Any = None,
        initializer: Any = Uniform(0.01),  # noqa: B008  as in init_params
        arg_params: Mapping[str, Any] | None = None,
        aux_params: Mapping[str, Any] | None = None,
        allow_missing: bool = False,
        force_rebind: bool = False,
        force_init: bool = False,
        begin_epoch: int = 0,
        num_epoch: int | None = None,
        validation_metric: Any = None,
        monitor: Any = None,
        sparse_row_id_fn: Any = None,
    ) -> None:
        """Train on the batches of an iterator: bind, initialize, and run epoch after epoch.

        Metrics and times are told to the module's logger.

        Parameters
        ----------
        train_data, eval_data
            What to train on, and what to measure on behind each epoch.
        eval_metric, validation_metric
            What to measure on them, see `ms.metric.create`; one for both, if the second is None.
        epoch_end_callback, batch_end_callback, eval_end_callback, eval_batch_end_callback
            A function or several, see `ms.callback`.
        kvstore, optimizer, optimizer_params
            As of `init_optimizer`.
        initializer, arg_params, aux_params, allow_missing, force_init
            As of `init_params`.
        force_rebind
            Whether to bind anew.
        begin_epoch, num_epoch
            The number of the first epoch, and of that at which to stop.
        monitor
            A `ms.mon.Monitor`, which is told of every batch.
        sparse_row_id_fn
            Accepted for old scripts; arrays are dense.

        Raises
        ------
        ParamError
            There is no `num_epoch`, or the iterator has no batch.
        ArrayTypeError
            `train_data` or `eval_data` is no iterator.
        """
        del sparse_row_id_fn
        if num_epoch is None:
            raise ParamError("fit: num_epoch says when to stop, and is missing")
        num_epoch = whole(num_epoch, "fit: num_epoch", 0)
        check_iterator("fit", train_data, "reset", "provide_data", "provide_label")
        if eval_data is not None:
            check_iterator("fit: eval_data", eval_data, "reset")
        self.bind(
            data_shapes=train_data.provide_data,
            label_shapes=train_data.provide_label,
            for_training=True,
            force_rebind=force_rebind,
        )
        if monitor is not None:
            self.install_monitor(monitor)
        with warnings.catch_warnings():
            # one that was initialized before goes on from there: the usual thing, and no warning
            warnings.filterwarnings("ignore", "Parameters already initialized")
            self.init_params(
                initializer=initializer,
                arg_params=arg_params,
                aux_params=aux_params,
                allow_missing=allow_missing,
                force_init=force_init,
            )
        self.init_optimizer(kvstore, optimizer, optimizer_params)
        metric = metrics.create(eval_metric)
        for epoch in range(begin_epoch, num_epoch):
            began = time.time()
            metric.reset()
            values = self._train(train_data, metric, epoch, batch_end_callback, monitor)
            for name, value in values:
                self.logger.info("Epoch[%d] Train-%s=%f", epoch, name, value)
            self.logger.info("Epoch[%d] Time cost=%.3f", epoch, time.time() - began)
            arguments, states = self.get_params()
            self.set_params(arguments, states)  # a callback may change them below
            for callback in each(epoch_end_callback):
                callback(epoch, self.symbol, arguments, states)
            if eval_data is not None:
                found = self.score(
                    eval_data,
                    eval_metric if validation_metric is None else validation_metric,
                    score_end_callback=eval_end_callback,
                    batch_end_callback=eval_batch_end_callback,
                    epoch=epoch,
                )
                for name, value in found:
                    self.logger.info("Epoch[%d] Validation-%s=%f", epoch, name, value)
            train_data.reset()

    def _train(
        self, data: Any, metric: Any, epoch: int, callbacks: Any, monitor: Any
    ) -> list[tuple[str, float]]:
        """Train for one epoch; return its metrics, which a callback behind the last batch resets.

        The next batch is there before the callbacks run: so they, and iterators, see what they see
        in MXNet.
        """
        coming = iter(data)
        following = next(coming, None)
        if following is None:
            raise ParamError("fit: the iterator has no batch", hint="call its reset() first")
        nbatch, values = 0, []
        while following is not None:
            data_batch = following
            if monitor is not None:
                monitor.tic()
            self.forward_backward(data_batch)
            self.update()
            self._measure(metric, data_batch)
            following = next(coming, None)
            if following is None:
                values = metric.get_global_name_value()
            else:
                self.prepare(following)
            if monitor is not None:
                monitor.toc_print()
            _tell(callbacks, epoch, nbatch, metric, locals())
            nbatch += 1
        return values


def _tell(callbacks: Any, epoch: int, nbatch: int, metric: Any, variables: dict[str, Any]) -> None:
    """Call functions with what there is to know behind a batch."""
    for callback in each(callbacks):
        callback(BatchEndParam(epoch, nbatch, metric, variables))

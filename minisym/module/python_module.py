"""Modules without parameters, written in Python: `PythonModule`, and `PythonLossModule`."""

# ruff: noqa: ARG002  (there is nothing to initialize or to update)

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minisym.core.errors import ArrayTypeError, ParamError
from minisym.core.ndarray import NDArray
from minisym.init import Uniform
from minisym.io import DataDesc
from minisym.io.batch import described
from minisym.module.base_module import DEFAULTS, BaseModule, OptimizerParams, Params


class PythonModule(BaseModule):
    """A module that has nothing to learn: a subclass says `forward`, `get_outputs` and the shapes.

    Parameters
    ----------
    data_names, label_names, output_names
        The names of what goes in and out.
    """

    def __init__(
        self,
        data_names: Sequence[str],
        label_names: Sequence[str] | None,
        output_names: Sequence[str],
        logger: Any = logging,
    ) -> None:
        super().__init__(logger)
        self._data_names = list(data_names)
        self._label_names = None if label_names is None else list(label_names)
        self._output_names = list(output_names)
        self._data_shapes: list[DataDesc] = []
        self._label_shapes: list[DataDesc] | None = None
        self._output_shapes: list[tuple[str, tuple[int, ...]]] = []

    @property
    def data_names(self) -> list[str]:
        """The names of the data."""
        return self._data_names

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs."""
        return self._output_names

    @property
    def data_shapes(self) -> list[DataDesc]:
        """Names and shapes of the data."""
        return self._data_shapes

    @property
    def label_shapes(self) -> list[DataDesc] | None:
        """Names and shapes of the labels."""
        return self._label_shapes

    @property
    def output_shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """Names and shapes of the outputs."""
        return self._output_shapes

    def get_params(self) -> tuple[Params, Params]:
        """Return no parameters."""
        return {}, {}

    def init_params(
        self,
        initializer: Any = Uniform(0.01),  # noqa: B008  it has no state; MXNet's default
        arg_params: Mapping[str, Any] | None = None,
        aux_params: Mapping[str, Any] | None = None,
        allow_missing: bool = False,
        force_init: bool = False,
        allow_extra: bool = False,
    ) -> None:
        """Do nothing: there are none."""
        self.params_initialized = True

    def update(self) -> None:
        """Do nothing: there is nothing to learn."""

    def update_metric(self, eval_metric: Any, labels: Any, pre_sliced: bool = False) -> None:
        """Add the outputs and these labels to a metric, if the module takes labels."""
        if self._label_shapes is None:
            return
        if pre_sliced:
            raise ParamError("PythonModule: update_metric takes no sliced labels")
        eval_metric.update(labels, self.get_outputs())

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
        """Take note of the shapes."""
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        self.for_training, self.inputs_need_grad = for_training, inputs_need_grad
        self._data_shapes = described(data_shapes)
        self._label_shapes = None if label_shapes is None else described(label_shapes)
        self._output_shapes = self._compute_output_shapes()
        self.binded = True

    def _compute_output_shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """Return names and shapes of the outputs, from those of data and labels."""
        raise NotImplementedError

    def init_optimizer(
        self,
        kvstore: Any = "local",
        optimizer: Any = "sgd",
        optimizer_params: OptimizerParams = DEFAULTS,
        force_init: bool = False,
    ) -> None:
        """Do nothing: there is nothing to learn."""
        self.optimizer_initialized = True

    def install_monitor(self, mon: Any) -> None:
        """Do nothing: no executor runs."""


class PythonLossModule(PythonModule):
    """A loss that hands its data through, and whose gradient is a function of data and labels.

    Parameters
    ----------
    name
        The outputs are called so, with `_output` behind.
    data_names, label_names
        One name each.
    grad_func
        From scores and labels to the gradient of the scores.

    Examples
    --------
    >>> import minisym as mx
    >>> loss = mx.mod.PythonLossModule(grad_func=lambda scores, labels: scores - labels)
    >>> loss.bind([("data", (2,))], [("softmax_label", (2,))])
    >>> loss.init_params()
    >>> loss.forward(mx.io.DataBatch([mx.nd.ones(2)], [mx.nd.zeros(2)]))
    >>> loss.backward()
    >>> loss.get_input_grads()[0].asnumpy()
    array([1., 1.], dtype=float32)
    """

    def __init__(
        self,
        name: str = "pyloss",
        data_names: Sequence[str] = ("data",),
        label_names: Sequence[str] = ("softmax_label",),
        logger: Any = logging,
        grad_func: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        super().__init__(data_names, label_names, [f"{name}_output"], logger)
        if len(data_names) != 1 or len(label_names) != 1:
            raise ParamError("PythonLossModule: there is one array of data, and one of labels")
        self._name, self._grad_func = name, grad_func
        self._scores: Any = None
        self._labels: Any = None
        self._scores_grad: Any = None

    def _compute_output_shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        return [(self.output_names[0], self.data_shapes[0].shape)]

    def forward(self, data_batch: Any, is_train: bool | None = None) -> None:
        """Keep scores and labels."""
        self._scores = data_batch.data[0]
        if self.for_training if is_train is None else is_train:
            self._labels = data_batch.label[0]

    def get_outputs(self, merge_multi_context: bool = True) -> Any:
        """Return the scores."""
        return [self._scores]

    def backward(self, out_grads: Any = None) -> None:
        """Compute the gradient of the scores by `grad_func`, or by a subclass."""
        if out_grads is not None:
            raise ParamError("PythonLossModule: a loss takes no gradients from outside")
        self._backward_impl()

    def _backward_impl(self) -> None:
        if self._grad_func is None:
            raise NotImplementedError("give grad_func, or say _backward_impl in a subclass")
        found = self._grad_func(self._scores, self._labels)
        if not isinstance(found, np.ndarray | NDArray):
            message = f"grad_func must return an array, but got {type(found).__name__}"
            raise ArrayTypeError(message)
        self._scores_grad = NDArray.of(found)

    def get_input_grads(self, merge_multi_context: bool = True) -> Any:
        """Return the gradient of the scores."""
        return [self._scores_grad]

"""Filling many arrays: by a file or dict, by patterns of names, and all those of an executor."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from minisym.core.errors import BindError, MinisymError, ParamError, did_you_mean
from minisym.core.ndarray import Array
from minisym.formats import mxnet_params
from minisym.init.base import InitDesc, create
from minisym.init.kinds import Uniform
from minisym.runtime.executor import Executor

_log = logging.getLogger(__name__)


class Load:
    """Fill from arrays by name, such as a file's; from another initializer what is not in it.

    Parameters
    ----------
    param
        A dict of arrays, or the name of a `.params` file; `arg:` and `aux:` are dropped.
    default_init
        For the others.
    verbose
        Whether to log where each array came from.

    Examples
    --------
    >>> import minisym as ms
    >>> fill = Load({"arg:fc1_weight": ms.nd.array([1, 2])}, default_init=ms.init.Zero())
    >>> weight, bias = ms.nd.empty((2,)), ms.nd.empty((2,))
    >>> fill("fc1_weight", weight)
    >>> fill("fc1_bias", bias)
    >>> weight, bias
    (NDArray([1., 2.], dtype=float32), NDArray([0., 0.], dtype=float32))
    """

    def __init__(self, param: Any, default_init: Any = None, verbose: bool = False) -> None:
        arrays = param if isinstance(param, Mapping) else mxnet_params.load(param)
        if not isinstance(arrays, Mapping):
            message = f"{param} holds arrays without names"
            raise ParamError(message)
        self.param = {n.removeprefix("arg:").removeprefix("aux:"): a for n, a in arrays.items()}
        self.default_init, self.verbose = default_init, verbose

    def __call__(self, name: str, arr: Array) -> None:
        """Fill an array."""
        found = self.param.get(str(name))
        if found is None:
            if self.default_init is None:
                message = f"{str(name)!r} is not among the loaded arrays"
                raise ParamError(message, hint=did_you_mean(str(name), self.param))
            self.default_init(name, arr)
        elif found.shape != arr.shape:
            message = f"{str(name)!r} has shape {arr.shape}, but {found.shape} was loaded"
            raise ParamError(message)
        else:
            arr[...] = found
        if self.verbose:
            _log.info("initialized %s by %s", name, "default" if found is None else "loading")


class Mixed:
    """Choose an initializer by the first regular expression that a name begins with.

    >>> import minisym as ms
    >>> fill = Mixed([".*bias", ".*"], [ms.init.Zero(), ms.init.One()])
    >>> bias, weight = ms.nd.empty((2,)), ms.nd.empty((2,))
    >>> fill("fc1_bias", bias)
    >>> fill("fc1_weight", weight)
    >>> bias, weight
    (NDArray([0., 0.], dtype=float32), NDArray([1., 1.], dtype=float32))
    """

    def __init__(self, patterns: Sequence[str], initializers: Sequence[Any]) -> None:
        if len(patterns) != len(initializers):
            message = f"{len(patterns)} patterns were given for {len(initializers)} initializers"
            raise ParamError(message)
        self.map = list(zip(map(re.compile, patterns), initializers, strict=True))

    def __call__(self, name: str, arr: Array) -> None:
        """Fill an array."""
        for pattern, init in self.map:
            if pattern.match(name):
                init(name, arr)
                return
        message = f"{str(name)!r} matches none of {[p.pattern for p, _ in self.map]}"
        raise ParamError(message, hint='end with ".*"')


def initialize(
    executor: Executor,
    initializer: Any = None,
    arg_params: Mapping[str, Any] | None = None,
    aux_params: Mapping[str, Any] | None = None,
    data: Iterable[str] = ("data",),
) -> None:
    """Fill all arrays of an executor: parameters and states.

    Parameters
    ----------
    initializer
        For what has neither an array given nor an initializer of its own, or its name; without,
        `Uniform(0.01)`.
    arg_params, aux_params
        Arrays by name, which win over all initializers. Other names in them are passed over.
    data
        Names of the arrays that runs are fed with: they stay as they are, as do those whose names
        end in `label`.

    Raises
    ------
    BindError
        A name says neither how its array begins, nor that it is data.

    Examples
    --------
    >>> import minisym as ms
    >>> net = ms.sym.FullyConnected(ms.sym.Variable("data"), num_hidden=3, name="fc")
    >>> executor = net.simple_bind(data=(2, 4))
    >>> ms.init.initialize(executor, ms.init.One())
    >>> executor.arg_dict["fc_weight"].sum().item(), executor.arg_dict["fc_bias"].sum().item()
    (12.0, 0.0)
    """
    fill = Uniform(0.01) if initializer is None else initializer
    if isinstance(fill, str):
        fill = create(fill)
    if isinstance(fill, type) or not callable(fill):
        message = f"initialize: an initializer is called with name and array, but got {fill!r}"
        raise ParamError(message, hint="such as ms.init.Xavier(), with its parentheses")
    attrs = executor.symbol.attr_dict()
    arrays = {**executor.arg_dict, **executor.aux_dict}
    given = {**(arg_params or {}), **(aux_params or {})}
    unfed = set(data)
    copies: list[tuple[str, str]] = []
    for name, array in arrays.items():
        if name in given:
            Load(given)(name, array)
            continue
        own = attrs.get(name, {}).get("__init__", "")
        if own.startswith('["copyof"'):
            copies.append((name, json.loads(own)[1]["name"]))
        elif own or not (name in unfed or name.endswith("label")):
            try:
                fill(InitDesc(name, attrs.get(name)), array)
            except MinisymError as error:
                hint = f"{error.hint or ''}; what is fed is named in data=".removeprefix("; ")
                raise BindError(f"initialize: {error.sentence}", hint=hint) from error
    for name, source in copies:  # last: a master begins with what its weight has got
        arrays[name][...] = arrays[source]


def begin_states(executor: Executor) -> None:
    """Fill what an optimizer keeps (masters, loss scales) where it is all zeros.

    `Optimizer.step` does so at first: a training step is right without `initialize`, too.
    """
    arrays = {**executor.arg_dict, **executor.aux_dict}
    for name, attrs in executor.symbol.attr_dict().items():
        own = attrs.get("__init__", "")
        if name not in arrays or arrays[name].any():
            continue
        if own.startswith('["copyof"'):
            arrays[name][...] = arrays[json.loads(own)[1]["name"]]
        elif own.startswith('["constant"') and name in executor.aux_dict:
            create(own).fill(name, arrays[name])

"""Checkpoints in MXNet's form: `prefix-symbol.json` and `prefix-0001.params`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minisym.core.errors import FormatError
from minisym.core.ndarray import NDArray
from minisym.core.symbol import Symbol
from minisym.formats import mxnet_json, mxnet_params

Params = dict[str, NDArray]


def save_checkpoint(
    prefix: str,
    epoch: int,
    symbol: Symbol | None,
    arg_params: Mapping[str, Any],
    aux_params: Mapping[str, Any],
    remove_amp_cast: bool = True,
) -> None:
    """Write a symbol and its arrays, the arguments' under `arg:`, the states' under `aux:`.

    The file's name is told to Python's root logger, as in MXNet.
    """
    if symbol is not None:
        mxnet_json.save(symbol, f"{prefix}-symbol.json", remove_amp_cast=remove_amp_cast)
    arrays = {f"arg:{name}": array for name, array in arg_params.items()}
    arrays |= {f"aux:{name}": array for name, array in aux_params.items()}
    path = f"{prefix}-{epoch:04d}.params"
    mxnet_params.save(path, arrays)
    logging.info('Saved checkpoint to "%s"', path)  # noqa: LOG015  (where scripts look)


def load_params(prefix: str, epoch: int) -> tuple[Params, Params]:
    """Read the arrays of a checkpoint: arguments and auxiliary states by name.

    Names without `arg:` or `aux:`, as Gluon wrote them, count as arguments.

    Raises
    ------
    FormatError
        The file is corrupt, or its arrays have no names.
    """
    path = Path(f"{prefix}-{epoch:04d}.params")
    return by_kind(mxnet_params.load(path), path.name)


def by_kind(found: mxnet_params.Arrays, file: str) -> tuple[Params, Params]:
    """Tell the arguments of a file from its auxiliary states.

    Raises
    ------
    FormatError
        The arrays have no names.
    """
    if isinstance(found, list):
        if not found:  # a file without arrays does not say whether they would have names
            return {}, {}
        message = f"{file} holds a list of {len(found)} arrays without names"
        raise FormatError(message, hint="ms.nd.load reads it")
    arguments: Params = {}
    states: Params = {}
    for name, array in found.items():
        kind, _, rest = name.partition(":")
        if kind == "aux" and rest:
            states[rest] = array
        else:
            arguments[rest if kind == "arg" and rest else name] = array
    return arguments, states


def load_checkpoint(prefix: str, epoch: int) -> tuple[Symbol, Params, Params]:
    """Read what `save_checkpoint` wrote: the symbol, the arguments and the auxiliary states.

    >>> import tempfile, pathlib, numpy as np, minisym as ms
    >>> prefix = str(pathlib.Path(tempfile.mkdtemp(), "net"))
    >>> net = ms.sym.Variable("x") * ms.sym.Variable("w")
    >>> save_checkpoint(prefix, 3, net, {"w": np.ones(2, np.float32)}, {})
    >>> symbol, arguments, states = load_checkpoint(prefix, 3)
    >>> symbol.list_arguments(), arguments, states
    (['x', 'w'], {'w': NDArray([1., 1.], dtype=float32)}, {})
    """
    symbol = mxnet_json.load(f"{prefix}-symbol.json")
    return symbol, *load_params(prefix, epoch)

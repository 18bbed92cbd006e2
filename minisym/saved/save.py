"""Writing a model: as MXNet's pair of files, as `.npz`, or as safetensors.

The last two are one file: arrays under their own names, and the symbol's JSON beside them, so that
`load_model` reads it back. Of a pair, a model without arrays has the symbol alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from minisym.core.errors import ArrayTypeError, FormatError, ParamError
from minisym.core.files import write_atomically
from minisym.core.ndarray import Array, NDArray
from minisym.core.symbol import Symbol
from minisym.formats import mxnet_json, npz
from minisym.formats.checkpoint import save_checkpoint

SYMBOL: Final = "symbol.json"
"""Where a file of arrays keeps the symbol."""
_NO_PREFIX: Final = (".json", ".params", ".onnx", ".gz", ".tar", ".tgz")


def save_model(
    path: str | os.PathLike[str],
    epoch: int,
    symbol: Symbol,
    arg_params: Mapping[str, NDArray],
    aux_params: Mapping[str, NDArray],
) -> list[Path]:
    """Write a model; return the files."""
    if not isinstance(path, str | os.PathLike):
        raise ArrayTypeError(f"save takes a prefix or a file name, but got {path!r:.60}")
    file = Path(path)
    if file.suffix == ".npz":
        text = np.frombuffer(mxnet_json.tojson(symbol).encode(), np.uint8)
        npz.save(file, {SYMBOL: text, **_plain(arg_params, aux_params)})
        return [file]
    if file.suffix == ".safetensors":
        made = _safetensors().save(
            {name: np.ascontiguousarray(a) for name, a in _plain(arg_params, aux_params).items()},
            {SYMBOL: mxnet_json.tojson(symbol), "format": "np"},
        )
        write_atomically(file, [made])
        return [file]
    if file.suffix in _NO_PREFIX:
        raise ParamError(
            f"save: {file.name!r} is no prefix, and no format that a model is saved in",
            hint=f"save({str(file.with_suffix(''))!r}) writes -symbol.json and -0000.params; "
            "or end it in .npz or .safetensors",
        )
    written, arrays = Path(f"{file}-symbol.json"), Path(f"{file}-{epoch:04d}.params")
    if not arg_params and not aux_params:
        mxnet_json.save(symbol, written)
        arrays.unlink(missing_ok=True)  # it would be taken for this model's own
        return [written]
    save_checkpoint(str(file), epoch, symbol, arg_params, aux_params)
    return [written, arrays]


def _plain(*parts: Mapping[str, NDArray]) -> dict[str, Array]:
    return {name: a.view(np.ndarray) for part in parts for name, a in part.items()}


def read_packed(path: Path) -> tuple[str | None, dict[str, Array]]:
    """Read the text of the symbol, if there is one, and the arrays, of a file that holds both."""
    if path.suffix != ".safetensors":
        arrays = npz.load(path)
        text = arrays.pop(SYMBOL, None)
        return None if text is None else text.tobytes().decode(errors="replace"), arrays
    library = _safetensors()
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            found = (file.metadata() or {}).get(SYMBOL)
        return found, library.load_file(path)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path.name} is no sound safetensors file: {error}") from None


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        message = "this file is in the format of the package safetensors"
        raise ParamError(message, hint='pip install "minisym[safetensors]"') from None
    return safetensors.numpy

"""`load_model`: from the name of a folder, a prefix, a file or an archive to a `Model`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from minisym.core.errors import ArrayTypeError, FormatError, NoFileError
from minisym.formats import mxnet_json, mxnet_params
from minisym.formats.checkpoint import by_kind
from minisym.formats.foreign import ARRAYS, JSON, LONGEST, recognized
from minisym.onnx.load import load as load_onnx
from minisym.saved import archive
from minisym.saved.locate import choose, params_of, prefix_of, symbol_beside, visible
from minisym.saved.model import Engine, Model
from minisym.saved.save import read_packed

_ARCHIVES: Final = (".tar.gz", ".tgz", ".tar")
PACKED: Final = (".safetensors", ".npz")
"""What ends the names of files that hold a symbol and its arrays."""


def load_model(
    path: str | os.PathLike[str],
    epoch: int | None = None,
    *,
    params: str | os.PathLike[str] | None = None,
    engine: Engine = "numpy",
) -> Model:
    """Load a symbol and its parameters as a model that predicts.

    Parameters
    ----------
    path
        A folder, a prefix (`net` for `net-symbol.json` and `net-0010.params`), a symbol file, a
        file of parameters that lies beside its symbol, an archive of such files (`model.tar.gz`),
        which is read and not unpacked, what `Model.save` wrote (`.npz`, `.safetensors`), or a file
        of ONNX (`.onnx`).
    epoch
        Of which epoch the parameters are, where there are several.
    params
        The file of parameters, where its name does not go with the symbol's.
    engine
        What runs the model: "numpy" or "onnxruntime"; see `Model`.

    Returns
    -------
    Model
        Without parameters if there are none: `model.check()` says what is missing. Those of a file
        are mapped into memory, read-only, and are read when they are used. The file may be removed
        or replaced meanwhile; whoever writes into it changes the model.

    Raises
    ------
    NoFileError
        There is no such file, or none of this epoch.
    ParamError
        Several files fit; the message lists them.
    FormatError
        A file is not what it claims to be: a pointer of Git LFS, a web page, cut short.

    Examples
    --------
    >>> import tempfile, pathlib, numpy as np, minisym as ms
    >>> prefix = str(pathlib.Path(tempfile.mkdtemp(), "net"))
    >>> net = ms.sym.FullyConnected(ms.sym.Variable("data"), num_hidden=2, name="fc")
    >>> arrays = {"fc_weight": np.eye(2, dtype="f4"), "fc_bias": np.ones(2, "f4")}
    >>> ms.model.save_checkpoint(prefix, 3, net, arrays, {})
    >>> model = load_model(prefix)
    >>> model(np.array([[1.0, 2.0]]))
    array([[2., 3.]], dtype=float32)
    """
    if not isinstance(path, str | os.PathLike):
        message = f"load_model takes the name of a file or folder, but got {path!r:.60}"
        raise ArrayTypeError(message)
    return _found(Path(path), epoch, params).on(engine)


def _found(given: Path, epoch: int | None, params: str | os.PathLike[str] | None) -> Model:
    """Find the files of a model, and read them."""
    if given.is_dir():
        return _from_folder(given, None, epoch, params)
    if given.is_file():
        return _from_file(given, epoch, params)
    if given.parent.is_dir():
        return _from_folder(given.parent, given.name, epoch, params)
    raise NoFileError(f"there is no file or folder {os.fspath(given)!r}")


def _from_folder(
    folder: Path, prefix: str | None, epoch: int | None, params: str | os.PathLike[str] | None
) -> Model:
    names = [entry.name for entry in folder.iterdir() if entry.is_file()]
    packed = [name for name in names if name.endswith(_ARCHIVES)]
    if prefix is None and len(packed) == 1 and not any(n.endswith(".json") for n in names):
        return _from_archive(folder / packed[0], epoch)
    where = "this folder" if folder == Path() else str(folder)
    if params is not None:
        symbol, _ = choose([n for n in names if not n.endswith(".params")], where, prefix)
        return _read(folder / symbol, Path(params))
    symbol, found = choose(names, where, prefix, epoch)
    return _read(folder / symbol, None if found is None else folder / found)


def _from_file(file: Path, epoch: int | None, params: str | os.PathLike[str] | None) -> Model:
    with file.open("rb") as opened:
        head = opened.read(LONGEST)
    if head.startswith(b"\x1f\x8b") or head[257:262] == b"ustar":
        return _from_archive(file, epoch)
    if file.suffix in PACKED:
        return _from_packed(file)
    if file.suffix == ".onnx":
        return Model(*load_onnx(file), source=file.name)
    names = [entry.name for entry in file.parent.iterdir() if entry.is_file()]
    if params is not None:
        return _read(file, Path(params))
    kind = recognized(head, "")
    if kind is not None and kind[0] == ARRAYS:
        symbol = symbol_beside(file.name, names)
        if symbol is None:
            raise NoFileError(
                f"{file.name} holds parameters, and no symbol such as net-symbol.json lies beside",
                hint=f"load_model(symbol, params={file.name!r}), or ms.nd.load reads the arrays",
            )
        return _read(file.parent / symbol, file)
    if kind is not None and kind[0] != JSON:
        raise FormatError(f"{file.name} is no model: it is {kind[0]}", hint=kind[1])
    found = params_of(prefix_of(file.name), visible(names), str(file.parent), epoch)
    return _read(file, None if found is None else file.parent / found)


def _read(symbol: Path, params: Path | None) -> Model:
    """Read a symbol, and map its parameters."""
    net = mxnet_json.load(symbol)
    if params is None:
        return Model(net, source=symbol.name)
    if not params.is_file():
        raise NoFileError(f"there is no file {os.fspath(params)!r}")
    source = f"{symbol.name} and {params.name}"
    if params.suffix in PACKED:
        return Model(net, read_packed(params)[1], source=source)
    return Model(net, *by_kind(mxnet_params.load_mapped(params), params.name), source=source)


def _from_packed(path: Path) -> Model:
    """Read both from one file of NumPy's, or of safetensors."""
    text, arrays = read_packed(path)
    if text is None:
        raise NoFileError(
            f"{path.name} holds arrays, and no symbol",
            hint=f"load_model(symbol, params={path.name!r}) reads a symbol from another file",
        )
    return Model(mxnet_json.loads(text.encode(), path.name), arrays, source=path.name)


def _from_archive(path: Path, epoch: int | None) -> Model:
    """Read both from an archive, in memory."""
    with archive.opened(path) as packed:
        chosen = choose(packed.names, path.name, None, epoch)
        net = mxnet_json.loads(packed.read(chosen.symbol), f"{path.name}, {chosen.symbol}")
        if chosen.params is None:
            return Model(net, source=path.name)
        arrays = mxnet_params.load_views(packed.read(chosen.params), chosen.params)
    return Model(net, *by_kind(arrays, chosen.params), source=path.name)

"""The public names of MXNet 1.9.1 that are not there, and what stands for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_COMPOSE = "compose networks of ms.sym, and train them by ms.mod.Module or ms.train.fit"
_PICTURES = "read pictures with a package of your choice, and make batches by ms.io.NDArrayIter"
_NUMPY = "take NumPy itself, ms.nd or ms.sym: what ms.nd returns is a NumPy array"
_SWITCH = "there is no NumPy mode to switch on: shapes have ms.util.np_shape"
_OWN_OPS = "ops of your own are ms.operator.CustomOp, or declared by ms.define"
_WHOLE = "ms.sym.contrib has the quantized ops; a whole net is not quantized at once"
_FEATURES = "there are no compiled features to ask for; ms.context.num_gpus() is 0"
_PACKED = "packed pictures are read by ms.io.ImageRecordIter, as float32"

ABSENT: Final = {
    "api": "it is the inside of MXNet: nothing stands for it",
    "autograd": "the gradient is a symbol: ms.grad(loss, names), or executor.backward()",
    "contrib.amp": "float16 trains by ms.optimizer's multi_precision and minimize(loss_scale=…)",
    "contrib.autograd": "the gradient is a symbol: ms.grad(loss, names), or executor.backward()",
    "contrib.io": "ms.io has the iterators",
    "contrib.quant": _WHOLE,
    "contrib.quantization": _WHOLE,
    "contrib.svrg_optimization": "ms.optimizer has the optimizers",
    "contrib.tensorboard": "a batch_end_callback may write what it likes: see ms.callback",
    "contrib.text": "ms.rnn.encode_sentences gives words their numbers",
    "engine": "there is no engine: what a call does is done when it returns",
    "error": "all errors are ms.MXNetError, see minisym.core.errors",
    "executor_manager": "ms.mod.Module does what it did",
    "gluon": _COMPOSE,
    "image": f"the ops are in ms.nd.image; {_PICTURES}",
    "img": f"the ops are in ms.nd.image; {_PICTURES}",
    "io.ImageDetRecordIter": _PACKED,
    "io.ImageRecordInt8Iter": _PACKED,
    "io.ImageRecordIter_v1": _PACKED,
    "io.ImageRecordUInt8Iter": _PACKED,
    "io.ImageRecordUInt8Iter_v1": _PACKED,
    "io.LibSVMIter": "arrays are dense: read the file with a package of your choice",
    "io.MXDataIter": "ms.io.DataIter is what iterators derive from",
    "is_np_array": _SWITCH,
    "libinfo": "there is no compiled library; ms.__version__ is the version",
    "library": _OWN_OPS,
    "log": "Python's logging does it: Module and ms.callback write to the root logger",
    "metric.Caffe": "ms.metric.Loss is the mean of outputs",
    "metric.Torch": "ms.metric.Loss is the mean of outputs",
    "model.DataParallelExecutorManager": "ms.mod.Module does what it did",
    "ndarray_doc": "help(ms.nd.…) shows an op's documentation",
    "notebook": "symbols and executors draw themselves in notebooks; ms.callback has callbacks",
    "np": _NUMPY,
    "np_array": _SWITCH,
    "np_symbol": _NUMPY,
    "npx": _NUMPY,
    "num_gpus": "ms.context.num_gpus() is 0",
    "numpy": _NUMPY,
    "numpy_dispatch_protocol": _NUMPY,
    "numpy_extension": _NUMPY,
    "numpy_op_fallback": _NUMPY,
    "numpy_op_signature": _NUMPY,
    "optimizer.LBSGD": "ms.optimizer.LARS scales rates by layer, too",
    "recordio": _PACKED,
    "registry": "ms.optimizer, ms.metric and ms.init have a function register each",
    "rtc": f"there is no GPU; {_OWN_OPS}",
    "runtime.Features": _FEATURES,
    "runtime.feature_list": _FEATURES,
    "symbol_doc": "help(ms.sym.…) shows an op's documentation",
    "th": _OWN_OPS,
    "torch": _OWN_OPS,
    "tvmop": _OWN_OPS,
    "use_np": _SWITCH,
    "util.is_np_array": _SWITCH,
    "util.np_array": _SWITCH,
    "util.reset_np": _SWITCH,
    "util.set_np": _SWITCH,
    "util.use_np": _SWITCH,
    "util.use_np_array": _SWITCH,
    "util.use_np_shape": "with ms.util.np_shape(): does it for a block",
    "use_np_array": _SWITCH,
    "use_np_shape": "with ms.util.np_shape(): does it for a block",
}
"""Dotted name, without the package's -> what stands for it here."""


def instead(name: str) -> str | None:
    """Return what stands for a dotted name, or for what it is a part of.

    >>> instead("contrib.text.embedding")
    'ms.rnn.encode_sentences gives words their numbers'
    """
    while name:
        if name in ABSENT:
            return ABSENT[name]
        name = name.rpartition(".")[0]
    return None


def missing(module: str, name: str, known: Iterable[str] = ()) -> AttributeError:
    """Return the error for an attribute that a module does not have.

    >>> print(missing("minisym", "gluon"))
    module 'minisym' has no attribute 'gluon'
    <BLANKLINE>
      hint: compose networks of ms.sym, and train them by ms.mod.Module or ms.train.fit
    """
    import difflib

    message = f"module {module!r} has no attribute {name!r}"
    told = instead(f"{module}.{name}".partition(".")[2])
    if told is None:
        close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.75)
        told = f"did you mean {close[0]!r}?" if close else None
    return AttributeError(f"{message}\n\n  hint: {told}" if told else message, name=name)

"""MXNet's modules: a symbol with its parameters, an optimizer, and the loop that trains them.

They are thin: `Module` binds the symbol, runs `forward` and `backward`, and hands the gradients to
`ms.optimizer`. New programs may prefer `ms.train.fit`, whose training step is one graph.

>>> import numpy as np
>>> import minisym as mx
>>> net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=1, name="fc")
>>> net = mx.sym.LinearRegressionOutput(net, mx.sym.Variable("label"), name="loss")
>>> x = np.linspace(-1, 1, 8).reshape(8, 1)
>>> batches = mx.io.NDArrayIter(x, 3 * x[:, 0], batch_size=4, label_name="label")
>>> module = mx.mod.Module(net, label_names=["label"])
>>> module.fit(batches, eval_metric="mse", optimizer_params={"learning_rate": 0.5}, num_epoch=60)
>>> module.predict(mx.nd.array([[2.0]])).asnumpy().round(2)
array([[6.]], dtype=float32)
"""

from minisym.module.base_module import BaseModule
from minisym.module.bucketing_module import BucketingModule
from minisym.module.module import Module
from minisym.module.python_module import PythonLossModule, PythonModule
from minisym.module.sequential_module import SequentialModule

__all__ = [
    "BaseModule",
    "BucketingModule",
    "Module",
    "PythonLossModule",
    "PythonModule",
    "SequentialModule",
]

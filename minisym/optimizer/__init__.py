"""Optimizers: training steps as graphs, with MXNet's names and hyper-parameters.

`optimizer.minimize(loss)` composes the training step, a symbol as any other: loss, gradients and
one update a parameter. Bind it, and `optimizer.step(executor, data=…)` trains.

>>> import numpy as np
>>> import minisym as ms
>>> net = ms.sym.FullyConnected(ms.sym.Variable("data"), num_hidden=1, name="fc")
>>> loss = ms.sym.LinearRegressionOutput(net, name="loss")
>>> optimizer = ms.optimizer.create("signum", learning_rate=0.1)
>>> step = optimizer.minimize(loss)
>>> step.list_auxiliary_states()
['fc_weight_mom', 'fc_bias_mom']
>>> executor = step.simple_bind(data=(4, 2))
>>> x, y = np.eye(4, 2), np.ones(4)
>>> _ = optimizer.step(executor, data=x, loss_label=y)
>>> executor.arg_dict["fc_weight"]
NDArray([[0.1, 0.1]], dtype=float32)
"""

from minisym.optimizer.adaptive import FTML, AdaDelta, AdaGrad, Ftrl, GroupAdaGrad, RMSProp
from minisym.optimizer.base import Optimizer
from minisym.optimizer.descent import DCASGD, LARS, NAG, SGD, SGLD, ccSGD
from minisym.optimizer.moments import LAMB, Adam, Adamax, AdamW, Nadam
from minisym.optimizer.parameter import Parameter
from minisym.optimizer.signs import (
    CautiousLion,
    EFSignSGD,
    Lion,
    SignSGD,
    Signum,
    StochasticSignSGD,
    SwitchedSGD,
)
from minisym.optimizer.spectral import Muon, newton_schulz
from minisym.optimizer.updater import Updater, get_updater

register = Optimizer.register
create = Optimizer.create_optimizer
opt_registry = Optimizer.opt_registry

__all__ = [
    "DCASGD",
    "FTML",
    "LAMB",
    "LARS",
    "NAG",
    "SGD",
    "SGLD",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Adamax",
    "CautiousLion",
    "EFSignSGD",
    "Ftrl",
    "GroupAdaGrad",
    "Lion",
    "Muon",
    "Nadam",
    "Optimizer",
    "Parameter",
    "RMSProp",
    "SignSGD",
    "Signum",
    "StochasticSignSGD",
    "SwitchedSGD",
    "Updater",
    "ccSGD",
    "create",
    "get_updater",
    "newton_schulz",
    "register",
]

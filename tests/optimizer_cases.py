"""Optimizers, schedules, metrics and initializers with settings, as MXNet 1.9.1 knows them.

`scripts/mxnet/record_optimizers.py` runs them under MXNet (Python 3.8: so no newer syntax here) and
keeps what they do in fixtures/optimizers.npz; tests/optimizer/test_optimizers.py compares.
"""

import numpy as np

STEPS = 6
NAMES = {0: "fc_weight", 1: "fc_bias", 2: "bn_gamma"}
SHAPES = {0: (3, 4), 1: (5,), 2: (4, 2)}
MULT = {"fc_bias": 0.5}

_ALL = [{}, {"wd": 0.01, "rescale_grad": 0.5}, {"clip_gradient": 0.3, "learning_rate": 0.02}]
_MOMENTUM = [dict(setting, momentum=0.9) for setting in _ALL]
OPTIMIZERS = {
    "SGD": [*_ALL, *_MOMENTUM],
    "ccSGD": _ALL[:1],
    "NAG": [*_ALL, *_MOMENTUM],
    "LARS": [*_ALL, *_MOMENTUM, {"eta": 0.5, "eps": 0.1, "wd": 0.01}],
    "DCASGD": [*_ALL, {"lamda": 0.5}],  # with a momentum MXNet 1.9.1 raises
    "Signum": [*_ALL, {"momentum": 0.0, "wd": 0.01}, {"momentum": 0.5, "wd_lh": 0.1}],
    "Adam": [*_ALL, {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-4}],
    "Adamax": _ALL,
    "AdaGrad": [*_ALL, {"eps": 1e-3}],
    "AdaDelta": [*_ALL, {"rho": 0.5, "epsilon": 1e-3}],
    "RMSProp": [*_ALL, {"clip_weights": 0.5}, {"centered": True}, {"gamma1": 0.5, "epsilon": 0.01}],
    "Ftrl": [*_ALL, {"lamda1": 0.1, "beta": 0.5}],
    "FTML": [*_ALL, {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-4}],
    "LAMB": [*_ALL, {"bias_correction": False}, {"lower_bound": 0.5, "upper_bound": 1.0}],
    "GroupAdaGrad": [{}, {"clip_gradient": 0.3, "learning_rate": 0.02}],
    "Nadam": [*_ALL, {"schedule_decay": 0.1}],
}
ONE_PARAMETER = ("Nadam",)  # its schedule goes on with every parameter in MXNet
TWO_DIMENSIONS = ("GroupAdaGrad",)
MIXED = ["SGD", "NAG", "LARS", "Adam", "Signum", "RMSProp"]  # MXNet's LAMB forgets its master


def cases():
    """Return (id, name of the class, its parameters, whether float16 with masters, indices)."""
    for name, settings in sorted(OPTIMIZERS.items()):
        indices = sorted(SHAPES)
        if name in ONE_PARAMETER:
            indices = [0]
        if name in TWO_DIMENSIONS:
            indices = [0, 2]
        for i, setting in enumerate(settings):
            yield f"{name}/{i}", name, setting, False, indices
        if name in MIXED:
            mixed = dict(settings[1], multi_precision=True)
            yield f"{name}/mixed", name, mixed, True, indices


def arrays(mixed):
    """Return the weights by index, and the gradients of each step by index."""
    rng = np.random.RandomState(3)
    dtype = np.float16 if mixed else np.float32
    weights = {i: rng.normal(size=s).astype(dtype) for i, s in SHAPES.items()}
    steps = [{i: rng.normal(size=s).astype(dtype) for i, s in SHAPES.items()} for _ in range(STEPS)]
    return weights, steps


SCHEDULES = {
    "factor": ("FactorScheduler", dict(step=7, factor=0.5, base_lr=0.3)),
    "factor stops": ("FactorScheduler", dict(step=2, factor=0.1, stop_factor_lr=1e-3, base_lr=0.3)),
    "factor warm": ("FactorScheduler", dict(step=9, factor=0.3, base_lr=1.0, warmup_steps=5)),
    "multi": ("MultiFactorScheduler", dict(step=[4, 9, 25], factor=0.7, base_lr=0.3)),
    "multi constant": ("MultiFactorScheduler", dict(
        step=[10, 20], factor=0.1, base_lr=0.3, warmup_steps=6, warmup_begin_lr=0.05,
        warmup_mode="constant")),
    "poly": ("PolyScheduler", dict(max_update=30, base_lr=0.3, pwr=3)),
    "poly warm": ("PolyScheduler", dict(
        max_update=30, base_lr=0.3, final_lr=0.01, warmup_steps=8, warmup_begin_lr=0.1)),
    "cosine": ("CosineScheduler", dict(max_update=30, base_lr=0.3, final_lr=0.05)),
    "cosine warm": ("CosineScheduler", dict(max_update=30, base_lr=0.3, warmup_steps=10)),
}  # fmt: skip
UPDATES = list(range(1, 41))

METRICS = {
    "acc": ("acc", {}, "classes"),
    "acc of labels": ("accuracy", {}, "labels"),
    "top": ("top_k_accuracy", dict(top_k=3), "classes"),
    "f1": ("f1", {}, "two"),
    "f1 micro": ("f1", dict(average="micro"), "two"),
    "mcc": ("mcc", {}, "two"),
    "mcc micro": ("mcc", dict(average="micro"), "two"),
    "pcc": ("pcc", {}, "classes"),
    "pcc of two": ("pcc", {}, "two"),
    "pearson": ("pearsonr", {}, "numbers"),
    "pearson micro": ("pearsonr", dict(average="micro"), "numbers"),
    "mae": ("mae", {}, "numbers"),
    "mse": ("mse", {}, "numbers"),
    "rmse": ("rmse", {}, "numbers"),
    "mse of vectors": ("mse", {}, "vectors"),
    "ce": ("ce", {}, "classes"),
    "nll": ("nll_loss", {}, "classes"),
    "perplexity": ("perplexity", dict(ignore_label=None), "classes"),
    "perplexity ignoring": ("perplexity", dict(ignore_label=2), "classes"),
    "loss": ("loss", {}, "numbers"),
}


def batches(kind):
    """Return three batches of labels and predictions."""
    rng = np.random.RandomState(4)
    for _ in range(3):
        if kind in ("classes", "two"):
            classes = 5 if kind == "classes" else 2
            p = rng.uniform(0.1, 1, (12, classes)).astype(np.float32)
            yield rng.randint(0, classes, 12).astype(np.float32), p / p.sum(1, keepdims=True)
        elif kind == "labels":
            yield rng.randint(0, 3, 12).astype(np.float32), rng.randint(0, 3, 12).astype(np.float32)
        else:
            shape = (12, 3) if kind == "numbers" else (12,)
            yield (
                rng.normal(size=shape).astype(np.float32),
                rng.normal(size=shape).astype(np.float32),
            )


INITIALIZERS = {
    "zero": ("Zero", {}, (3, 2)),
    "one": ("One", {}, (3, 2)),
    "constant": ("Constant", dict(value=0.25), (3, 2)),
    "bilinear": ("Bilinear", {}, (2, 1, 4, 4)),
    "bilinear odd": ("Bilinear", {}, (1, 2, 5, 5)),
    "lstmbias": ("LSTMBias", dict(forget_bias=2.0), (12,)),
}
RANDOM = {
    "uniform": ("Uniform", dict(scale=0.5), (200, 100)),
    "normal": ("Normal", dict(sigma=0.5), (200, 100)),
    "xavier": ("Xavier", {}, (100, 40, 3, 3)),
    "xavier in": ("Xavier", dict(factor_type="in", magnitude=2), (200, 100)),
    "xavier out": ("Xavier", dict(rnd_type="gaussian", factor_type="out"), (100, 40, 3, 3)),
    "msra": ("MSRAPrelu", dict(slope=0.1), (200, 100)),
    "orthogonal": ("Orthogonal", {}, (60, 80)),
}

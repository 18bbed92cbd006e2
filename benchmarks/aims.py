"""What minisym aims at: a figure beside another's, in one run on two cores."""

from __future__ import annotations

from typing import NamedTuple

ANY = "*"


class Aim(NamedTuple):
    """Some of minisym's columns in a row are to be so many times another's, or below an amount."""

    case: str
    row: str
    ours: tuple[str, ...]
    other: str  # a column, or a pattern of several, of which the best counts
    ratio: float
    amount: float = 0  # where it is no ratio


NUMPY, BLAS, WORKERS = ("minisym",), ("minisym, 2 threads",), ("minisym, 2 workers",)
FAST, BOTH = ("minisym[fast]",), ("minisym[fast]", "minisym[fast], 2 workers")
PURE = (*NUMPY, *BLAS, *WORKERS)
TERMS = 5 * 4e6 + 4000 * 3300  # five of them alive, and what each node takes in a plan
BEFORE = "minisym c2bd514"  # the commit that the figures were first taken at

AIMS = (
    Aim("updates", "signsgd, 1e3", NUMPY, "JAX*", 0.85),
    Aim("updates", "signsgd, 1e3", FAST, "JAX*", 0.35),
    Aim("updates", "signsgd, 1e5", NUMPY, "MXNet*", 0.65),
    Aim("updates", "signsgd, 1e5", BOTH, "JAX*", 0.45),
    Aim("updates", "signsgd, 1e6", NUMPY, "MXNet*", 0.7),
    Aim("updates", "signsgd, 1e6", WORKERS, "MXNet*", 0.5),
    Aim("updates", "signsgd, 1e6", BOTH, "C loop, 2 threads", 1.1),
    Aim("updates", "signsgd, 1e7", WORKERS, "MXNet*", 0.75),
    Aim("updates", "signsgd, 1e7", BOTH, "C loop, 2 threads", 1.05),
    Aim("updates", "signsgd, 1e7", BOTH, "JAX*", 1.0),
    Aim("updates", "signsgd, 161 arrays of ResNet-50", WORKERS, "C loop*", 2.2),
    Aim("updates", "signsgd, 161 arrays of ResNet-50", BOTH, "C loop*", 1.15),
    Aim("updates", "signsgd, 161 arrays of ResNet-50", BOTH, "PyTorch compile*", 1.0),
    Aim("updates", "adam, 1e6", NUMPY, BEFORE, 1.0),
    Aim("updates", "adam, 1e6", FAST, BEFORE, 1 / 6),
    Aim("updates", "sgd_mom, 1e6", NUMPY, BEFORE, 1.0),
    Aim("updates", "sgd_mom, 1e6", FAST, BEFORE, 1 / 3),
    Aim("elementwise", "chain of 15 ufuncs, 1e6", WORKERS, "JAX*", 1.0),
    Aim("elementwise", "chain of 15 ufuncs, 1e6", BOTH, "JAX*", 0.65),
    Aim("training", "MLP step", PURE, ANY, 1.25),
    Aim("training", "MLP step", BOTH, ANY, 1.0),
    Aim("training", "LeNet step", WORKERS, ANY, 0.75),
    Aim("training", "LeNet step", NUMPY, "MXNet*oneDNN", 1.0),
    Aim("resnet", "ResNet-50, one image", NUMPY, "PyTorch", 1.0),
    Aim("resnet", "ResNet-50, one image", PURE, "PyTorch, 2 threads", 1.1),
    Aim("resnet", "ResNet-50, one image", NUMPY, "PyTorch compile", 1.0),
    Aim("resnet", "ResNet-50, one image", PURE, "PyTorch compile, 2 threads", 1.1),
    Aim("resnet", "ResNet-50, one image", NUMPY, "MXNet*oneDNN", 1.4),
    Aim("resnet", "ResNet-50, tiles of 4", NUMPY, "MXNet*oneDNN", 1.3),
    Aim("lstm", "LSTM, 6,000 nodes", PURE, "MXNet*", 1.0),
    Aim("graphs", "FC + ReLU nets: bind", NUMPY, BEFORE, 0.6),
    Aim("graphs", "chain: forward", NUMPY, "NumPy by hand", 1.05),
    Aim("memory", "ResNet-50, one image", NUMPY, "MXNet*", 1.0),
    Aim("memory", "LeNet step", NUMPY, "MXNet*", 1.0),
    Aim("memory", "c = term + c, 2,000 terms of 4 MB", NUMPY, ANY, 0, amount=TERMS),
    Aim("imports", "import, own share", NUMPY, ANY, 0, amount=0.11),
)

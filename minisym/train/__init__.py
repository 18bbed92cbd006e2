"""Training: a small loop over a training step, with metrics, early stop and checkpoints."""

from minisym.train.checkpoint import Position, restore, save
from minisym.train.loop import EarlyStop, Trained, fit

__all__ = ["EarlyStop", "Position", "Trained", "fit", "restore", "save"]

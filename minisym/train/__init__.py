"""Training: a small loop over a training step, metrics, early stop, checkpoints; recording it."""

from minisym.train.checkpoint import Position, restore, save
from minisym.train.loop import EarlyStop, Trained, fit
from minisym.train.recording import Recording, record

__all__ = [
    "EarlyStop",
    "Position",
    "Recording",
    "Trained",
    "fit",
    "record",
    "restore",
    "save",
]

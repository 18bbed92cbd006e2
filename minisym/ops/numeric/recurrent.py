r"""Layers of recurrent cells on top of each other, in one or both directions of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minisym.core.errors import ExecutionError
from minisym.core.ndarray import Array
from minisym.ops.numeric.cells import GATES, Trace, Weights, back, outputs, run


@dataclass(frozen=True)
class Stack:
    """The layers of an RNN, and how it keeps what they learn in one vector."""

    mode: str
    units: int
    layers: int
    directions: int
    size: int | None
    """The size of the inputs of the first layer."""

    def widths(self) -> Iterator[int]:
        """Yield the size of the inputs of each layer and direction."""
        assert self.size is not None
        for layer in range(self.layers):
            for _ in range(self.directions):
                yield self.size if layer == 0 else self.directions * self.units

    @property
    def rows(self) -> int:
        """How many rows the matrices have: gates times units."""
        return GATES[self.mode] * self.units

    def count(self) -> int | None:
        """Return how many numbers the layers learn."""
        if self.size is None:
            return None
        return sum(self.rows * (width + self.units + 2) for width in self.widths())

    def split(self, vector: Array) -> list[Weights]:
        """See a vector as the weights of all layers and directions: matrices first, then biases."""
        place = 0

        def take(count: int) -> Array:
            nonlocal place
            place += count
            return vector[place - count : place]

        matrices = [
            [take(self.rows * columns).reshape(self.rows, columns) for columns in (w, self.units)]
            for w in self.widths()
        ]
        return [Weights(w, r, take(self.rows), take(self.rows)) for w, r in matrices]


def _active(length: Array | None, steps: int, dtype: Any) -> Array | None:
    """Return 1 where sequences have not ended, (steps, batch, 1); None: they never do."""
    if length is None:
        return None
    counts = length.astype(np.int64)
    if (counts < 0).any() or (counts > steps).any():
        raise ExecutionError(f"RNN: each sequence_length must lie in [0, {steps}]")
    found: Array = (np.arange(steps)[:, np.newaxis] < counts).astype(dtype)[..., np.newaxis]
    return found


def clip_of(low: float | None, high: float | None) -> tuple[float, float] | None:
    """Return the bounds of an LSTM's cells, or None."""
    if low is None and high is None:
        return None
    return (-np.inf if low is None else low, np.inf if high is None else high)


class Run:
    """One run forwards, and what is needed to go back."""

    def __init__(
        self,
        stack: Stack,
        arrays: tuple[Array | None, ...],
        mask: Array | None,
        clip: tuple[float, float] | None,
    ) -> None:
        data, parameters, state, cell, length = arrays
        assert data is not None
        assert parameters is not None
        assert state is not None
        self.stack, self.mask, self.clip = stack, mask, clip
        self.weights = stack.split(parameters)
        self.traces: list[Trace] = []
        active = _active(length, len(data), data.dtype)
        layer_input = data
        steps = range(len(data))
        for layer in range(stack.layers):
            found = np.empty((*data.shape[:2], stack.directions * stack.units), data.dtype)
            for direction in range(stack.directions):
                k = layer * stack.directions + direction
                trace = run(
                    stack.mode,
                    self.weights[k],
                    layer_input,
                    state[k],
                    None if cell is None else cell[k],
                    order=steps[::-1] if direction else steps,
                    active=active,
                    clip=clip,
                )
                outputs(trace, self._part(found, direction))
                self.traces.append(trace)
            if mask is not None and layer + 1 < stack.layers:
                found = found * mask[layer]
            layer_input = found
        self.output = layer_input

    def _part(self, array: Array, direction: int) -> Array:
        units = self.stack.units
        return array[:, :, direction * units : (direction + 1) * units]

    def back(
        self, g: Array, g_state: Array | None, g_cell: Array | None, out: tuple[Array, ...]
    ) -> None:
        """Fill the gradients of data, parameters, state and cell."""
        in_data, in_parameters, in_state, *in_cell = out
        gradients = self.stack.split(in_parameters)
        zero = np.zeros_like(self.traces[0].states[0])
        for layer in reversed(range(self.stack.layers)):
            if self.mask is not None and layer + 1 < self.stack.layers:
                g = g * self.mask[layer]
            total: Any = 0
            for direction in range(self.stack.directions):
                k = layer * self.stack.directions + direction
                in_layer, dh, dc = back(
                    self.stack.mode,
                    self.weights[k],
                    self.traces[k],
                    self._part(g, direction),
                    zero if g_state is None else g_state[k],
                    zero if g_cell is None else g_cell[k],
                    gradients[k],
                    clip=self.clip,
                )
                total = total + in_layer
                in_state[k] = dh
                if in_cell:
                    in_cell[0][k] = dc
            g = total
        in_data[...] = g

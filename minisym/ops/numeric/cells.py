r"""Recurrent cells: one layer, in one direction of time, forwards and backwards.

A cell adds up an input part, $W x_t + b$, made for all steps at once, and a recurrent part,
$R h_{t-1} + c$, made step by step. What differs is how they become the next state:

=====  ====================================================================================
tanh   $h_t = \tanh a$, and with relu likewise
LSTM   $c_t = f c_{t-1} + i g$, $h_t = o \tanh c_t$, with gates i, f, g, o
GRU    $h_t = (1 - z) n + z h_{t-1}$, with gates r, z, n, where r scales the recurrent part of n
=====  ====================================================================================

Going backwards, a cell turns the gradient of $h_t$ into those of both parts and of $h_{t-1}$; the
weights' gradients are then products over all steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from minisym.core.ndarray import Array
from minisym.ops.numeric.sums import sum_over

GATES = {"rnn_relu": 1, "rnn_tanh": 1, "lstm": 4, "gru": 3}


class Weights(NamedTuple):
    """What one layer learns, in one direction."""

    inputs: Array
    states: Array
    input_bias: Array
    state_bias: Array


@dataclass
class Trace:
    """What one layer did in one direction, by step of computation."""

    data: Array
    """Inputs, (steps, batch, size)."""
    order: Sequence[int]
    """The steps in the order of computation: time, or time reversed."""
    active: Array | None
    """Where sequences have not ended, (steps, batch, 1); None: everywhere."""
    states: Array
    """h before the first step and after each, (steps + 1, batch, units)."""
    cells: Array
    """c of an LSTM, likewise; else empty."""
    gates: Array
    """The gates (of a plain cell, its state) of each step, (steps, batch, gates times units)."""
    recurrent: Array
    """The recurrent part of n, of a GRU: (steps, batch, units); else empty."""


def sigmoid(x: Array, out: Array) -> None:
    """Fill `out` with the logistic function, in place if it is `x`."""
    np.negative(x, out)
    np.exp(out, out)
    np.add(out, 1, out)
    np.reciprocal(out, out)


def run(
    mode: str,
    weights: Weights,
    data: Array,
    state: Array,
    cell: Array | None,
    *,
    order: Sequence[int],
    active: Array | None,
    clip: tuple[float, float] | None = None,
) -> Trace:
    """Run one layer in one direction."""
    steps, batch, size = data.shape
    units = state.shape[1]
    bias = weights.input_bias if mode == "gru" else weights.input_bias + weights.state_bias
    parts = data.reshape(steps * batch, size) @ weights.inputs.T + bias
    gates = parts.reshape(steps, batch, -1)
    is_lstm, is_gru = mode == "lstm", mode == "gru"
    matrix = weights.states.T
    if steps > 4:
        matrix = np.ascontiguousarray(matrix)  # as it is, each product would turn it anew
    trace = Trace(
        data,
        order,
        active,
        np.empty((steps + 1, batch, units), data.dtype),
        np.empty((steps + 1 if is_lstm else 0, batch, units), data.dtype),
        gates,
        np.empty((steps if is_gru else 0, batch, units), data.dtype),
    )
    h = trace.states[0] = state
    c = cell
    if is_lstm:
        trace.cells[0] = c
    for i, t in enumerate(order):
        gate = gates[t]
        recurrent = h @ matrix
        if is_gru:
            recurrent += weights.state_bias
            both = gate[:, : 2 * units]
            both += recurrent[:, : 2 * units]
            sigmoid(both, both)
            r, z, n = (gate[:, k * units : (k + 1) * units] for k in range(3))
            trace.recurrent[t] = recurrent[:, 2 * units :]
            n += r * trace.recurrent[t]
            np.tanh(n, n)
            new = n + z * (h - n)
        elif is_lstm:
            gate += recurrent
            assert c is not None
            squashed = np.tanh(gate[:, 2 * units : 3 * units])
            sigmoid(gate, gate)  # of all at once, which is quicker than of three gates
            gate[:, 2 * units : 3 * units] = squashed
            f = gate[:, units : 2 * units]
            new_cell = f * c + gate[:, :units] * gate[:, 2 * units : 3 * units]
            if clip is not None:
                np.clip(new_cell, *clip, out=new_cell)
            c = new_cell if active is None else np.where(active[t], new_cell, c)
            trace.cells[i + 1] = c
            new = gate[:, 3 * units :] * np.tanh(new_cell)
        else:
            gate += recurrent
            new = np.tanh(gate, gate) if mode == "rnn_tanh" else np.maximum(gate, 0, out=gate)
        h = new if active is None else np.where(active[t], new, h)
        trace.states[i + 1] = h
    return trace


def outputs(trace: Trace, out: Array) -> None:
    """Fill `out` (steps, batch, units) with the states, in order of time; 0 behind the end."""
    out[np.asarray(trace.order)] = trace.states[1:]
    if trace.active is not None:
        out *= trace.active


def back(
    mode: str,
    weights: Weights,
    trace: Trace,
    g: Array,
    g_state: Array,
    g_cell: Array | None,
    gradients: Weights,
    *,
    clip: tuple[float, float] | None = None,
) -> tuple[Array, Array, Array | None]:
    """Go back through a layer; fill the weights' gradients, return those of data, state and cell.

    `g`, `g_state` and `g_cell` are the gradients of all outputs, of the last state and cell.
    """
    steps, batch, units = g.shape
    in_parts = np.empty_like(trace.gates)
    in_recurrent = np.empty_like(trace.gates) if mode == "gru" else in_parts
    dh, dc = g_state, g_cell
    for i in reversed(range(steps)):
        t = trace.order[i]
        active = None if trace.active is None else trace.active[t]
        head = dh + g[t]
        kept = None
        if active is not None:  # a sequence that has ended hands its state on
            kept, head = np.where(active, 0, dh), np.where(active, head, 0)
        gate, before = trace.gates[t], trace.states[i]
        if mode == "gru":
            dh = _back_gru(gate, before, head, in_parts[t], in_recurrent[t], trace.recurrent[t])
        elif mode == "lstm":
            dc = _back_lstm(gate, trace.cells[i : i + 2], head, dc, active, in_parts[t], clip)
            dh = np.zeros_like(head)
        else:
            slope = 1 - gate * gate if mode == "rnn_tanh" else gate > 0
            np.multiply(head, slope, in_parts[t])
            dh = np.zeros_like(head)
        dh += in_recurrent[t] @ weights.states
        if kept is not None:
            dh += kept
    flat = in_parts.reshape(steps * batch, -1)
    flat_recurrent = in_recurrent.reshape(steps * batch, -1)
    gradients.inputs[...] = flat.T @ trace.data.reshape(steps * batch, -1)
    gradients.input_bias[...] = sum_over(flat, 0)
    gradients.state_bias[...] = sum_over(flat_recurrent, 0)
    before_all = np.empty((steps, batch, units), g.dtype)
    before_all[np.asarray(trace.order)] = trace.states[:-1]
    gradients.states[...] = flat_recurrent.T @ before_all.reshape(steps * batch, units)
    return (flat @ weights.inputs).reshape(trace.data.shape), dh, dc


def _back_gru(
    gate: Array, before: Array, head: Array, parts: Array, recurrent: Array, linear: Array
) -> Array:
    """Fill the gradients of both parts of a GRU's gates; return the share of the state before."""
    units = head.shape[1]
    r, z, n = (gate[:, k * units : (k + 1) * units] for k in range(3))
    in_n = head * (1 - z) * (1 - n * n)
    parts[:, 2 * units :] = in_n
    parts[:, units : 2 * units] = head * (before - n) * z * (1 - z)
    parts[:, :units] = in_n * linear * r * (1 - r)
    recurrent[:, : 2 * units] = parts[:, : 2 * units]
    recurrent[:, 2 * units :] = in_n * r
    share: Array = head * z
    return share


def _back_lstm(
    gate: Array,
    cells: Array,
    head: Array,
    dc: Any,
    active: Any,
    parts: Array,
    clip: tuple[float, float] | None,
) -> Array:
    """Fill the gradients of an LSTM's gates; return that of the cell before."""
    units = head.shape[1]
    i, f, c, o = (gate[:, k * units : (k + 1) * units] for k in range(4))
    before, after = cells
    squashed = np.tanh(after)
    in_cell = head * o * (1 - squashed * squashed)
    in_cell += dc if active is None else np.where(active, dc, 0)
    if clip is not None:
        in_cell *= (after > clip[0]) & (after < clip[1])
    parts[:, :units] = in_cell * c * i * (1 - i)
    parts[:, units : 2 * units] = in_cell * before * f * (1 - f)
    parts[:, 2 * units : 3 * units] = in_cell * i * (1 - c * c)
    parts[:, 3 * units :] = head * squashed * o * (1 - o)
    found: Array = in_cell * f
    return found if active is None else found + np.where(active, 0, dc)

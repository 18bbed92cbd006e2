r"""Hawkes processes: the likelihood of events that make further events more likely."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import each_input
from minisym.core.declare import op as declare
from minisym.core.errors import ExecutionError, ShapeError
from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.ops.numeric.sums import sum_over

op = partial(declare, kind="layer", cost=each_input(4))

_MARKS = np.array([[0, 2, 0, 1], [1, 1, 2, 0]], np.int32)
_EVENTS = (
    np.array([[1.5, 1.0, 0.7], [0.9, 2.0, 1.1]]),
    np.array([0.2, 0.3, 0.4]),
    np.array([1.0, 2.0, 0.5]),
    np.array([[0.1, 0.0, 0.4], [0.0, 0.3, 0.2]]),
    np.array([[0.6, 0.7, 0.3, 1.0], [0.3, 0.2, 0.5, 0.9]]),
    _MARKS,
    np.array([3.0, 4.0]),
    np.array([3.0, 2.5]),
)


def _brute_force(
    mu: Array,
    alpha: Array,
    beta: Array,
    state: Array,
    lags: Array,
    marks: Array,
    length: Array,
    end: Array,
) -> tuple[Array, Array]:
    """Sum over all pairs of events, as the definition has it."""
    found, left = np.zeros(len(mu)), np.zeros(mu.shape)
    for i, count in enumerate(length.astype(int)):
        times = lags[i, :count].cumsum()
        for k in range(mu.shape[1]):
            mine = times[marks[i, :count] == k]

            def kernel(t: Any, since: Any, k: int = k) -> Any:
                return np.exp(-beta[k] * (t - since))

            for n, t in enumerate(mine):
                excited = kernel(t, mine[:n]).sum() + state[i, k] * kernel(t, 0)
                found[i] += np.log(mu[i, k] + alpha[k] * beta[k] * excited)
            at_end = kernel(end[i], mine).sum() + state[i, k] * kernel(end[i], 0)
            found[i] -= mu[i, k] * end[i] + alpha[k] * (len(mine) + state[i, k] - at_end)
            left[i, k] = at_end
    return found, left


@dataclass(slots=True)
class _Event:
    """The n-th events of those rows that have so many: what the recursion met there."""

    rows: Array
    kinds: Array
    state: Array
    """The memory of earlier events of this kind, when the last one of them happened."""
    wait: Array
    """Time since then."""
    decay: Array
    rate: Array


class _History:
    """All events of a batch, in their order, and what they leave behind."""

    def __init__(self, arrays: tuple[Array, ...]) -> None:
        self.mu, self.alpha, self.beta, state, lags, marks, length, end = arrays
        self.state = state.copy()
        self.lags, self.marks, self.length = lags, marks, length
        self.times, self.last = np.zeros(len(state), state.dtype), np.zeros_like(state)
        self.events = list(self._happen())
        self.wait = end[:, np.newaxis] - self.last
        self.decay = np.exp(-self.beta * self.wait)

    def _happen(self) -> Iterator[_Event]:
        for n in range(self.lags.shape[1]):
            (rows,) = np.nonzero(n < self.length)
            kinds = self.marks[rows, n]
            if (wrong := kinds[(kinds < 0) | (kinds >= len(self.alpha))]).size:
                raise ExecutionError(f"hawkesll: mark {wrong[0]}, but {len(self.alpha)} kinds")
            self.times[rows] += self.lags[rows, n]
            at = rows, kinds
            wait = self.times[rows] - self.last[at]
            decay, state = np.exp(-self.beta[kinds] * wait), self.state[at]
            rate = self.mu[at] + self.alpha[kinds] * self.beta[kinds] * state * decay
            yield _Event(rows, kinds, state, wait, decay, rate)
            self.state[at] = 1 + state * decay
            self.last[at] = self.times[rows]

    def likelihood(self) -> Array:
        """Return the logarithms of rates at all events, less all that was to be expected."""
        rest = self.mu * self.wait + self.alpha * self.state * (1 - self.decay)
        found: Array = -rest.sum(1)
        for e in self.events:
            at = e.rows, e.kinds
            expected = self.mu[at] * e.wait + self.alpha[e.kinds] * e.state * (1 - e.decay)
            found[e.rows] += np.log(e.rate) - expected
        return found


@op(
    name="_contrib_hawkesll",
    outputs=("output", "out_state"),
    samples=[
        Sample(_EVENTS, wrt=(0, 1, 2, 3, 4, 7), reference=_brute_force),
        Sample((*_EVENTS[:2], np.ones(2), *_EVENTS[3:]), raises=ShapeError, match="beta has shape"),
        Sample(
            (*_EVENTS[:5], _MARKS + 1, *_EVENTS[6:]), raises=ExecutionError, match="mark 3, but 3"
        ),
    ],
    no_onnx="it goes through events one by one, in a loop that ONNX does not have",
)
def hawkesll(
    lda: Annotated[Array, "Base rates, (N, K)."],
    alpha: Annotated[Array, "How much an event adds to the rate of its kind, (K,)."],
    beta: Annotated[Array, "How fast that decays, (K,)."],
    state: Annotated[Array, "The decayed count of earlier events at time 0, (N, K)."],
    lags: Annotated[Array, "Time since the event before, (N, T)."],
    marks: Annotated[Array, "Kind of each event, (N, T)."],
    valid_length: Annotated[Array, "How many events each sequence has, (N,)."],
    max_time: Annotated[Array, "Until when each was observed, (N,)."],
    *,
    out: tuple[Array, Array],
) -> None:
    r"""Compute the log-likelihood of events under Hawkes processes with exponential decay.

    An event of kind $k$ happens at a rate of
    $\lambda_k(t) = \mu_k + \alpha_k \beta_k \sum_{t_i < t} e^{-\beta_k (t - t_i)}$ with a sum over
    the earlier events of its kind; `lda` is $\mu$. The result for each of N sequences is
    $\sum_i \log \lambda(t_i) - \sum_k \int_0^T \lambda_k$.

    `lda` and `state` are (N, K), `alpha` and `beta` (K), `lags` and `marks` (N, T): the time since
    the event before, and the kind, of each event, of which a sequence has `valid_length`, (N). It
    was observed up to $T$ = `max_time`, (N). `state` is the sum above, as earlier events left it at
    time 0, and the second output is what it is at $T$, for a sequence that goes on.
    """
    history = _History((lda, alpha, beta, state, lags, marks, valid_length, max_time))
    out[0][...] = history.likelihood()
    np.multiply(history.state, history.decay, out=out[1])


@hawkesll.shape
def _(s: Any) -> None:
    """Rule: one likelihood a sequence, and the state, (sequences, marks)."""
    sequences, kinds, events = _common(s)
    s.lda = s.state = s.out_state = (sequences, kinds)
    s.alpha = s.beta = (kinds,)
    s.lags = s.marks = (sequences, events)
    s.valid_length = s.max_time = s.output = (sequences,)


def _common(s: Any) -> tuple[int | None, ...]:
    """Return how many sequences, kinds and events there are, as far as that is known."""
    found: list[int | None] = [None, None, None]
    places = {
        "lda": (0, 1),
        "state": (0, 1),
        "out_state": (0, 1),
        "alpha": (1,),
        "beta": (1,),
        "lags": (0, 2),
        "marks": (0, 2),
        "valid_length": (0,),
        "max_time": (0,),
        "output": (0,),
    }
    for name, what in places.items():
        shape = getattr(s, name)
        if shape is not None and len(shape) == len(what):
            for i, n in zip(what, shape, strict=True):
                found[i] = n if found[i] is None else found[i]
    return tuple(found)


@hawkesll.dtype
def _(t: Any) -> None:
    t.marks = np.dtype(np.int32)
    names = ("lda", "alpha", "beta", "state", "lags", "valid_length", "max_time")
    for dtype in [getattr(t, n) for n in (*names, "output", "out_state")]:
        if dtype is not None:
            if dtype.kind != "f":
                raise ValueError(f"rates and times are of type {dtype}, but they are floats")
            for name in (*names, "output", "out_state"):
                setattr(t, name, dtype)


@hawkesll.backward(wrt=("lda", "alpha", "beta", "state", "lags", "max_time"))
def _(
    g0: Array,
    g1: Array,
    lda: Array,
    alpha: Array,
    beta: Array,
    state: Array,
    lags: Array,
    marks: Array,
    valid_length: Array,
    max_time: Array,
    *,
    out: tuple[Array, ...],
) -> None:
    """Walk through the events once more, from the last to the first."""
    history = _History((lda, alpha, beta, state, lags, marks, valid_length, max_time))
    mu_grad, alpha_grad, beta_grad, state_grad, lags_grad, end_grad = out
    g = g0[:, np.newaxis]
    left, wait, decay = history.state, history.wait, history.decay
    mu_grad[...] = -g * wait
    alpha_grad[...] = sum_over(-g * left * (1 - decay), 0)
    by_decay = decay * left * (g * alpha + g1)
    beta_grad[...] = sum_over(-by_decay * wait, 0)
    state_grad[...] = g1 * decay - g * alpha * (1 - decay)
    by_last = g * lda + by_decay * beta
    end_grad[...] = -by_last.sum(1)
    later = np.zeros(len(lda), lda.dtype)
    lags_grad[...] = 0
    for n, e in reversed(list(enumerate(history.events))):
        at = e.rows, e.kinds
        a, b, g = alpha[e.kinds], beta[e.kinds], g0[e.rows]
        by_rate, by_state = g / e.rate, state_grad[at]
        mu_grad[at] += by_rate - g * e.wait
        by_decay = e.decay * e.state * (by_state + by_rate * a * b + g * a)
        by_wait = -g * lda[at] - by_decay * b
        np.add.at(
            alpha_grad, e.kinds, by_rate * b * e.state * e.decay - g * e.state * (1 - e.decay)
        )
        np.add.at(beta_grad, e.kinds, by_rate * a * e.state * e.decay - by_decay * e.wait)
        state_grad[at] = (by_state + by_rate * a * b) * e.decay - g * a * (1 - e.decay)
        later[e.rows] += by_last[at] + by_wait
        by_last[at] = -by_wait
        lags_grad[e.rows, n] = later[e.rows]

"""What differs between two models: the graphs, the weights, and what each layer makes of data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, overload

import numpy as np

from minisym.core.errors import ArrayTypeError, ParamError
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.core.symbol import Symbol
from minisym.passes.diff import Difference
from minisym.passes.diff import diff as diff_symbols
from minisym.saved.model import Model
from minisym.saved.run import Runner
from minisym.show import text


@dataclass(frozen=True)
class Gap:
    """How far two arrays are from each other."""

    name: str
    """The parameter or the output; where it has another name in the second model, both."""
    largest: float | None
    """The largest difference of two elements; None where the shapes differ."""
    scale: float
    """The largest value of the first array."""
    told: str
    """What else there is to say: the shapes, where they differ."""

    @property
    def relative(self) -> float:
        """The largest difference as a part of the largest value."""
        if self.largest is None:
            return float("inf")
        if self.scale:
            return self.largest / self.scale
        return float("inf") if self.largest else 0.0

    def __str__(self) -> str:
        """Say it in words."""
        return self.told or f"{self.largest:.3g} of {self.scale:.3g}"


@dataclass(frozen=True, repr=False)
class ModelDifference:
    """What differs between two models; false where nothing does.

    Printed, it is a list of the differences, those of layers in the order in which they run.
    """

    graph: Difference
    """What differs between the graphs."""
    weights: tuple[Gap, ...]
    """The parameters that both have, and that differ."""
    only_before: tuple[str, ...]
    """The parameters that only the first model has."""
    only_after: tuple[str, ...]
    """The parameters that only the second model has."""
    layers: tuple[Gap, ...]
    """Every output that both compute, in order, if there were data."""
    tolerance: float
    """By which part of its largest value a layer may differ."""

    @property
    def begins(self) -> Gap | None:
        """The first layer whose outputs differ by more than the tolerance."""
        return next((gap for gap in self.layers if gap.relative > self.tolerance), None)

    @property
    def worst(self) -> Gap | None:
        """The layer whose outputs differ most, as a part of their largest value."""
        return max(self.layers, key=lambda gap: gap.relative, default=None)

    def __bool__(self) -> bool:
        """Whether anything differs; layers, by more than the tolerance."""
        parts = self.graph, self.weights, self.only_before, self.only_after, self.begins
        return any(map(bool, parts))

    def as_dict(self) -> dict[str, Any]:
        """Return weights and layers as plain data: ready for JSON."""
        begins = self.begins
        return {
            "graph": repr(self.graph),
            "weights": [asdict(gap) for gap in self.weights],
            "only_before": list(self.only_before),
            "only_after": list(self.only_after),
            "layers": [asdict(gap) for gap in self.layers],
            "begins": begins and begins.name,
            "differs": bool(self),
        }

    def __repr__(self) -> str:
        """List the differences."""
        return "\n".join(self._lines()) or "no difference"

    def _lines(self) -> Iterator[str]:
        if self.graph:
            yield repr(self.graph)
        yield from (f"only before  {text.plain(name)}" for name in self.only_before)
        yield from (f"only after   {text.plain(name)}" for name in self.only_after)
        yield from (f"weight  {text.plain(gap.name)}  {gap}" for gap in self.weights)
        if not self.layers:
            return
        apart = [gap for gap in self.layers if gap.relative > self.tolerance]
        worst = self.worst
        if not apart and worst is not None:
            yield f"all {len(self.layers)} outputs of layers agree; at most {worst} at {worst.name}"
            return
        yield f"outputs begin to differ at {apart[0].name}"
        yield from (f"layer   {text.plain(gap.name)}  {gap}" for gap in apart)


@overload
def diff(before: Symbol, after: Symbol) -> Difference: ...


@overload
def diff(
    before: Model, after: Model, data: Any = None, *, tolerance: float = 1e-5
) -> ModelDifference: ...


def diff(before: Any, after: Any, data: Any = None, *, tolerance: float = 1e-5) -> Any:
    """Compare two symbols node by node, or two models with their weights and what they compute.

    Parameters
    ----------
    before, after
        Two symbols, or two models. What is in both need not be the same Node objects.
    data
        For models: an input, or a dict of them. Both run on it, and every output of every layer
        that both have is compared.
    tolerance
        Up to which part of its largest value an output counts as the same.

    Returns
    -------
    Difference or ModelDifference
        False where nothing differs; printed, a list.

    Examples
    --------
    >>> from minisym import sym
    >>> net = sym.tanh(sym.Variable("x"), name="t")
    >>> diff(net, net.insert_after("x", lambda x: sym.Dropout(x, name="drop")))
    added    Dropout 'drop'
    changed  tanh 't'
               data  x -> drop_output
    >>> one = Model(sym.Variable("x") * sym.Variable("w"), {"w": np.ones(2, "f4")})
    >>> two = Model(one.symbol, {"w": np.array([1, 3], "f4")})
    >>> diff(one, two, np.array([1, 1], "f4"))
    weight  w  2 of 1
    outputs begin to differ at _mul0_output
    layer   _mul0_output  2 of 1
    """
    if isinstance(before, Symbol) and isinstance(after, Symbol):
        if data is not None:
            message = "diff: symbols have no weights, so data tell nothing about them"
            raise ParamError(message, hint="ms.Model(symbol, arg_params) has them")
        return diff_symbols(before, after)
    if not isinstance(before, Model) or not isinstance(after, Model):
        kinds = f"{type(before).__name__} and {type(after).__name__}"
        raise ArrayTypeError(f"diff compares two symbols, or two models, but got {kinds}")
    found = diff_symbols(before.prediction, after.prediction)
    pairs = [(one, found.pairs[one]) for one in found.before if one in found.pairs]
    layers = () if data is None else _layers(before, after, pairs, data)
    return ModelDifference(found, *_weights(before, after, pairs), tuple(layers), tolerance)


def _weights(
    before: Model, after: Model, pairs: Sequence[tuple[Node, Node]]
) -> tuple[tuple[Gap, ...], tuple[str, ...], tuple[str, ...]]:
    """Compare the arrays of parameters that are in both."""
    names = {one.name: other.name for one, other in pairs if one.op is None}
    had, has = before.params, after.params
    gaps = (
        _gap(_both(one, other), had[one], has[other])
        for one, other in names.items()
        if one in had and other in has
    )
    return (
        tuple(gap for gap in gaps if gap.largest != 0),
        tuple(name for name in had if names.get(name, name) not in has),
        tuple(name for name in has if name not in {names.get(n, n) for n in had}),
    )


def _layers(
    before: Model, after: Model, pairs: Sequence[tuple[Node, Node]], data: Any
) -> Iterator[Gap]:
    """Run both, and compare the outputs of all layers that both have."""
    both = [
        (Entry(one, i), Entry(other, i))
        for one, other in pairs
        if one.op is not None and one not in before.parts.lost and other not in after.parts.lost
        for i in range(min(len(one.entries()), len(other.entries())))
    ]
    values = [
        _values(model, [pair[side] for pair in both], data)
        for side, model in enumerate((before, after))
    ]
    for (one, other), x, y in zip(both, *values, strict=True):
        yield _gap(_both(one.name, other.name), x, y)


def _values(model: Model, entries: Sequence[Entry], data: Any) -> list[Array]:
    """Run a model for some inner outputs."""
    if not entries:
        return []
    runner = Runner(model.parts.ending_in(entries), model.params)
    given = ((), data) if isinstance(data, Mapping) else ((data,), {})
    return runner.run(runner.named(*given))


def _both(one: str, other: str) -> str:
    return one if one == other else f"{one} -> {other}"


def _gap(name: str, x: Array, y: Array) -> Gap:
    """Measure how far two arrays are apart; a NaN is no distance from another one."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    scale = float(np.abs(x[np.isfinite(x)]).max(initial=0))
    if x.shape != y.shape:
        told = f"{text.shape_text(x.shape)} -> {text.shape_text(y.shape)}"
        return Gap(name, None, scale, told)
    same = (x == y) | (np.isnan(x) & np.isnan(y))
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.where(same, 0, np.abs(x - y))
    return Gap(name, float(np.nan_to_num(apart, nan=np.inf).max(initial=0)), scale, "")

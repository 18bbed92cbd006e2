r"""One op for the updates of many weights: SGD with or without momentum, masters, preloaded rates.

Inputs come in groups, `weight_0, grad_0, weight_1, grad_1, …`; the first outputs are the new
weights. The `preloaded_` forms take learning rates and weight decays as arrays behind the groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import numpy as np

from minisym.core.declare import Declaration, kernel_of
from minisym.core.errors import count as counted
from minisym.core.kernels import Step
from minisym.core.ndarray import Array
from minisym.core.params import REQUIRED, Floats, Ints
from minisym.core.samples import Sample
from minisym.ops.numeric.tape import Tape, record
from minisym.ops.updates.common import Clip, Momentum, Rescale, floating, real, scaled, update

Rates = Annotated[Floats, "Learning rate of each weight."]
Decays = Annotated[Floats, "Weight decay of each weight."]
Weights = Annotated[int, "How many weights; counted where their arrays are given."]

_FLOAT32 = np.dtype(np.float32)
_LOW = np.array([-1, -0.5, 0.5, 1], np.float16)
_VALUES = {
    "weight": _LOW.astype(np.float32),
    "grad": _LOW[::-1].astype(np.float32),
    "mom": np.full(4, 0.25, np.float32),
    "weight32": _LOW.astype(np.float32),
}


def _declare(name: str, group: tuple[str, ...], doc: str, *, preloaded: bool) -> Declaration:
    """Declare one member of the family; `group` says which arrays belong to a weight."""
    states = group[2:]
    master = "weight32" in group
    with_momentum = "mom" in group
    written = ("weight", *states)
    trailing = ("lrs", "wds") if preloaded else ()

    def new_values(params: Any) -> tuple[str, ...]:
        count = params["num_weights"]
        return tuple(f"output{i}" for i in range(count)) + tuple(
            f"new_{state}_{i}" for state in states for i in range(count)
        )

    def one(*arrays: Any, lr: Any, wd: Any, out: Any, **hyper: Any) -> None:
        """Update one weight."""
        mine = dict(zip(group, arrays, strict=True))
        new = dict(zip(written, out if isinstance(out, tuple) else (out,), strict=True))
        target = "weight32" if master else "weight"
        weight = mine[target]
        # preloaded rates are multiplied in their own type, as in MXNet
        rate = real(lr, weight)
        decay = real(lr * wd, weight) if preloaded else rate * real(wd, weight)
        g = scaled(mine["grad"], hyper["rescale_grad"], hyper["clip_gradient"], weight)
        if with_momentum:
            kept = real(hyper["momentum"], weight) * mine["mom"]
            np.subtract(kept - decay * weight, rate * g, out=new["mom"])
            np.add(weight, new["mom"], out=new[target])
        else:
            np.subtract(weight, decay * weight + rate * g, out=new[target])
        if master:
            new["weight"][...] = new["weight32"]

    def each(arrays: Sequence[Array], outs: Sequence[Array], params: Any) -> Iterator[Any]:
        """Return inputs, outputs and hyper-parameters of each weight."""
        count, size = params["num_weights"], len(group)
        lrs, wds = arrays[-2:] if preloaded else (params["lrs"], params["wds"])
        for i in range(count):
            rates = {
                name: r[i, ...] if preloaded else r[i] for name, r in (("lr", lrs), ("wd", wds))
            }
            mine = arrays[i * size : (i + 1) * size]
            yield mine, [outs[k * count + i] for k in range(len(written))], {**params, **rates}

    def run(*arrays: Array, out: Any, **params: Any) -> None:
        for mine, new, hyper in each(arrays, out if isinstance(out, tuple) else (out,), params):
            one(*mine, **hyper, out=tuple(new))

    params: dict[str, tuple[Any, Any]] = {}
    if not preloaded:
        params |= {"lrs": (Rates, REQUIRED), "wds": (Decays, REQUIRED)}
    if with_momentum:
        params["momentum"] = (Momentum, 0.0)
    params |= {
        "rescale_grad": (Rescale, 1.0),
        "clip_gradient": (Clip, -1.0),
        "num_weights": (Weights, 1),
    }
    kernel = kernel_of(name, doc, {"*data": groups(group, trailing)}, params, run)
    arrays = [
        _LOW if master and part in ("weight", "grad") else _VALUES[part] for part in group * 2
    ]
    rates = [np.full(2, 0.1, np.float32)] * 2 if preloaded else []
    hyper = {} if preloaded else {"lrs": (0.1, 0.2), "wds": (0.0, 0.1)}
    declared = update(
        name=name,
        group=group,
        count="num_weights",
        writes=written,
        states=states,
        trailing=trailing,
        outputs=new_values,
        visible=lambda params: params["num_weights"],
        samples=(Sample((*arrays, *rates), {**hyper, "num_weights": 2}, wrt=()),),
    )(kernel)

    @declared.steps
    def _(inputs: Sequence[Array], outs: Sequence[Array], **params: Any) -> Iterator[Step | Tape]:
        for mine, new, hyper in each(inputs, outs, params):
            tape = record(one, mine, new, hyper, group)
            yield (partial(one, *mine, **hyper, out=tuple(new)), ()) if tape is None else tape

    grouped_rules(declared, group, dict.fromkeys(trailing))
    return declared


def groups(group: tuple[str, ...], trailing: tuple[str, ...] = ()) -> Any:
    """Return the annotation of arrays that come in groups."""
    behind = f", then {' and '.join(trailing)}" if trailing else ""
    written = ", ".join(part for part in group if part != "grad")
    text = f"Groups of {', '.join(group)}, one for each weight{behind}; a run overwrites {written}."
    return Annotated[Array, text]


def grouped_rules(
    declared: Declaration, group: tuple[str, ...], trailing: Mapping[str, tuple[int, ...] | None]
) -> None:
    """Declare shapes and types of an op for many weights.

    The arrays of a weight share one shape; masters and their states are float32, else all have one
    type. `trailing` are float32 arrays behind the groups, with their shapes (None: one number a
    weight).
    """
    states = group[2:]
    master = "weight32" in group

    @declared.shape
    def _(s: Any, **params: Any) -> None:
        """Rule: the arrays of one weight have one shape; other weights may have others."""
        count = declared.count
        each = [p.name for p in declared.params.values() if p.annotation in (Floats, Ints)]
        for name in each:
            if len(params[name]) != params[count]:
                given = f"{name} has {counted(len(params[name]), 'number')}"
                raise ValueError(f"{given} for {counted(params[count], 'weight')}")
        for i in range(params[count]):
            names = [f"{part}_{i}" for part in group]
            names += [f"output{i}"] + [f"new_{state}_{i}" for state in states]
            for first in names:
                for other in names:
                    setattr(s, other, getattr(s, first))
        for name, shape in trailing.items():
            setattr(s, name, (params[count],) if shape is None else shape)

    @declared.dtype
    def _(t: Any, **params: Any) -> None:
        for i in range(params[declared.count]):
            low = [f"weight_{i}", f"grad_{i}", f"output{i}"]
            high = [f"{state}_{i}" for state in states] + [f"new_{state}_{i}" for state in states]
            floating(t, *(low if master else low + high))
            if master:
                for slot in high:
                    setattr(t, slot, _FLOAT32)
        for name, shape in trailing.items():
            if shape is None or getattr(t, name) is None:  # a loss scale may have any type
                setattr(t, name, _FLOAT32)


for _prefix, _preloaded in (("", False), ("preloaded_", True)):
    _told = ", with rates and decays from arrays" if _preloaded else ""
    _declare(
        f"{_prefix}multi_sgd_update",
        ("weight", "grad"),
        f"Do `sgd_update` on many weights{_told}.",
        preloaded=_preloaded,
    )
    _declare(
        f"{_prefix}multi_sgd_mom_update",
        ("weight", "grad", "mom"),
        f"Do `sgd_mom_update` on many weights{_told}.",
        preloaded=_preloaded,
    )
    _declare(
        f"{_prefix}multi_mp_sgd_update",
        ("weight", "grad", "weight32"),
        f"Do `mp_sgd_update` on many weights{_told}.",
        preloaded=_preloaded,
    )
    _declare(
        f"{_prefix}multi_mp_sgd_mom_update",
        ("weight", "grad", "mom", "weight32"),
        f"Do `mp_sgd_mom_update` on many weights{_told}.",
        preloaded=_preloaded,
    )

r"""One op for the updates of many weights: SGD with or without momentum, masters, preloaded rates.

Inputs come in groups, `weight_0, grad_0, weight_1, grad_1, …`; the first outputs are the new
weights. The `preloaded_` forms take learning rates and weight decays as arrays behind the groups.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np

from minisym.define import Array, Declaration
from minisym.ops.updates.common import Clip, Momentum, Rescale, floating, real, scaled, update
from minisym.params import Floats
from minisym.samples import Sample

Rates = Annotated[Floats, "Learning rate of each weight."]
Decays = Annotated[Floats, "Weight decay of each weight."]

_FLOAT32 = np.dtype(np.float32)
_LOW = np.linspace(-1, 1, 4).astype(np.float16)
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

    def new_values(params: Any) -> tuple[str, ...]:
        count = params["num_weights"]
        return tuple(f"output{i}" for i in range(count)) + tuple(
            f"new_{state}_{i}" for state in states for i in range(count)
        )

    def run(arrays: tuple[Array, ...], lrs: Any, wds: Any, hyper: Any, out: Any) -> None:
        count = len(arrays) // len(group)
        outs = out if isinstance(out, tuple) else (out,)
        for i in range(count):
            mine = dict(zip(group, arrays[i * len(group) :], strict=False))
            new = {part: outs[k * count + i] for k, part in enumerate(written)}
            target = "weight32" if master else "weight"
            weight = mine[target]
            # preloaded rates are multiplied in their own type, as in MXNet
            rate = real(lrs[i], weight)
            decay = real(lrs[i] * wds[i], weight) if preloaded else rate * real(wds[i], weight)
            g = scaled(mine["grad"], hyper["rescale_grad"], hyper["clip_gradient"], weight)
            if with_momentum:
                kept = real(hyper["momentum"], weight) * mine["mom"]
                np.subtract(kept - decay * weight, rate * g, out=new["mom"])
                np.add(weight, new["mom"], out=new[target])
            else:
                np.subtract(weight, decay * weight + rate * g, out=new[target])
            if master:
                new["weight"][...] = new["weight32"]

    kernel = _kernel(run, preloaded=preloaded, with_momentum=with_momentum)
    kernel.__name__, kernel.__doc__, kernel.__module__ = name, doc, __name__
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
        trailing=("lrs", "wds") if preloaded else (),
        outputs=new_values,
        visible=lambda params: params["num_weights"],
        samples=(Sample((*arrays, *rates), {**hyper, "num_weights": 2}, wrt=()),),
    )(kernel)

    @declared.shape
    def _(s: Any, *, num_weights: int) -> None:
        for i in range(num_weights):
            names = [f"{part}_{i}" for part in group]
            names += [f"output{i}"] + [f"new_{state}_{i}" for state in states]
            for first in names:
                for other in names:
                    setattr(s, other, getattr(s, first))
        if preloaded:
            s.lrs = s.wds = (num_weights,)

    @declared.dtype
    def _(t: Any, *, num_weights: int) -> None:
        for i in range(num_weights):
            low = [f"weight_{i}", f"grad_{i}", f"output{i}"]
            high = [f"{state}_{i}" for state in states] + [f"new_{state}_{i}" for state in states]
            floating(t, *(low if master else low + high))
            if master:
                for slot in high:
                    setattr(t, slot, _FLOAT32)
        if preloaded:
            t.lrs = t.wds = _FLOAT32

    return declared  # type: ignore[no-any-return]


def _kernel(
    run: Callable[..., None], *, preloaded: bool, with_momentum: bool
) -> Callable[..., None]:
    """Return the kernel with the signature that this member has."""
    if preloaded and with_momentum:

        def kernel(
            *data: Array,
            momentum: Momentum = 0.0,
            rescale_grad: Rescale = 1.0,
            clip_gradient: Clip = -1.0,
            num_weights: int = 1,
            out: Any,
        ) -> None:
            hyper = {
                "momentum": momentum,
                "rescale_grad": rescale_grad,
                "clip_gradient": clip_gradient,
            }
            run(data[:-2], data[-2], data[-1], hyper, out)

    elif preloaded:

        def kernel(
            *data: Array,
            rescale_grad: Rescale = 1.0,
            clip_gradient: Clip = -1.0,
            num_weights: int = 1,
            out: Any,
        ) -> None:
            hyper = {"rescale_grad": rescale_grad, "clip_gradient": clip_gradient}
            run(data[:-2], data[-2], data[-1], hyper, out)

    elif with_momentum:

        def kernel(
            *data: Array,
            lrs: Rates,
            wds: Decays,
            momentum: Momentum = 0.0,
            rescale_grad: Rescale = 1.0,
            clip_gradient: Clip = -1.0,
            num_weights: int = 1,
            out: Any,
        ) -> None:
            hyper = {
                "momentum": momentum,
                "rescale_grad": rescale_grad,
                "clip_gradient": clip_gradient,
            }
            run(data, lrs, wds, hyper, out)

    else:

        def kernel(
            *data: Array,
            lrs: Rates,
            wds: Decays,
            rescale_grad: Rescale = 1.0,
            clip_gradient: Clip = -1.0,
            num_weights: int = 1,
            out: Any,
        ) -> None:
            hyper = {"rescale_grad": rescale_grad, "clip_gradient": clip_gradient}
            run(data, lrs, wds, hyper, out)

    return kernel


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

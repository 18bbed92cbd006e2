"""The updates that MXNet 1.9.1 has, with settings and arrays, three steps each.

`scripts/mxnet/record_updates.py` runs them under MXNet (Python 3.8: so no newer syntax here) and
keeps
what they do in fixtures/updates.npz; tests/ops/test_updates.py compares.
"""

import numpy as np

STEPS = 3
SIZE = 18
ALL = ("float16", "float32", "float64")
SHARED = [dict(lr=0.1, wd=0.01), dict(lr=0.02, wd=0.1, rescale_grad=0.5, clip_gradient=0.75)]
MOMENTUM = [dict(setting, momentum=0.9) for setting in SHARED]
ADAM = [*SHARED, dict(lr=0.1, beta1=0.5, beta2=0.75, epsilon=1e-3, clip_gradient=-1.0)]
LAMB = [
    dict(t=1, wd=0.01),
    dict(t=3, wd=0.1, rescale_grad=0.5, clip_gradient=0.75),
    dict(t=2, wd=0.0, bias_correction=False),
]
BOUNDS = [dict(lr=0.1), dict(lr=0.1, lower_bound=1.0, upper_bound=2.0)]
ADAMW = [dict(lr=0.1, eta=1.0, wd=0.01), dict(lr=0.1, eta=0.5, clip_gradient=0.75)]

# op, slots, which of them are passed as out=, types, settings. A slot is its name and a kind:
# w weight, g gradient (new each step), s state, p positive state, m float32 master of a weight,
# 1 one positive number, v one for each array, z one that may be 0, ? a loss scale (new each step);
# S, P, Q, G and i are s, p, p, g and 1 in another type or range, see `value`
UPDATES = [
    ("signsgd_update", "weight:w grad:g", "weight", ALL, SHARED),
    ("sgd_update", "weight:w grad:g", "weight", ALL, SHARED),
    ("sgd_mom_update", "weight:w grad:g mom:s", "weight", ALL, MOMENTUM),
    ("nag_mom_update", "weight:w grad:g mom:s", "weight", ALL, MOMENTUM),
    ("signum_update", "weight:w grad:g mom:s", "weight", ALL,
     [*MOMENTUM, dict(lr=0.1, momentum=0.5, wd_lh=0.25)]),
    ("mp_sgd_update", "weight:w grad:g weight32:m", "weight", ALL[:1], SHARED),
    ("mp_sgd_mom_update", "weight:w grad:g mom:S weight32:m", "weight", ALL[:1], MOMENTUM),
    ("mp_nag_mom_update", "weight:w grad:g mom:S weight32:m", "weight", ALL[:1], MOMENTUM),
    ("adam_update", "weight:w grad:g mean:s var:p", "weight", ALL, ADAM),
    ("rmsprop_update", "weight:w grad:g n:p", "weight", ALL,
     [*SHARED, dict(lr=0.1, gamma1=0.5, epsilon=0.01, clip_weights=0.5)]),
    ("rmspropalex_update", "weight:w grad:g n:P g:s delta:s", "weight", ALL,
     [*SHARED, dict(lr=0.1, gamma1=0.5, gamma2=0.75, epsilon=0.01, clip_weights=0.5)]),
    ("ftrl_update", "weight:w grad:g z:s n:p", "weight", ALL,
     [*SHARED, dict(lr=0.1, lamda1=0.5, beta=0.5)]),
    ("ftml_update", "weight:w grad:g d:p v:p z:s", "weight", ALL,
     [dict(lr=0.1, t=2, wd=0.01), dict(lr=0.02, t=5, rescale_grad=0.5, clip_grad=0.75)]),
    ("lamb_update_phase1", "weight:w grad:g mean:s var:p", "", ALL, LAMB),
    ("mp_lamb_update_phase1", "weight:w grad:g mean:S var:Q weight32:m", "", ALL[:1], LAMB),
    ("lamb_update_phase2", "weight:w g:g r1:1 r2:1", "weight", ALL, BOUNDS),
    ("mp_lamb_update_phase2", "weight:w g:G r1:i r2:i weight32:m", "weight", ALL[:1], BOUNDS),
    ("_adamw_update", "weight:w grad:g mean:s var:p rescale_grad:?", "weight", ALL, ADAMW),
    ("_mp_adamw_update", "weight:w grad:g mean:S var:Q weight32:m rescale_grad:?", "weight",
     ALL[:1], ADAMW),
]  # fmt: skip

_RATES = dict(lrs=(0.1, 0.02), wds=(0.01, 0.1), num_weights=2)
MANY = [dict(_RATES), dict(_RATES, rescale_grad=0.5, clip_gradient=0.75)]
MANY_MOMENTUM = [dict(setting, momentum=0.9) for setting in MANY]
MANY_ADAMW = [dict(_RATES, etas=(1.0, 0.5)), dict(_RATES, etas=(1.0, 1.0), clip_gradient=0.75)]
_LAMBS = dict(learning_rates=(0.1, 0.02), wds=(0.01, 0.1), step_count=(1, 3), num_tensors=2)
MANY_LAMB = [
    dict(_LAMBS),
    dict(_LAMBS, rescale_grad=0.5, lower_bound=1.0, upper_bound=2.0),
    dict(_LAMBS, bias_correction=False, clip_gradient=0.75),
]


def _without_rates(settings):
    return [{k: v for k, v in s.items() if k not in ("lrs", "wds")} for s in settings]


_PLAIN, _MIXED = "weight:w grad:g", "weight:w grad:g weight32:m"
_MOM, _MIXED_MOM = "weight:w grad:g mom:s", "weight:w grad:g mom:S weight32:m"
for _name, _slots, _types, _settings in (
    ("sgd_update", _PLAIN, ALL, MANY),
    ("sgd_mom_update", _MOM, ALL, MANY_MOMENTUM),
    ("mp_sgd_update", _MIXED, ALL[:1], MANY),
    ("mp_sgd_mom_update", _MIXED_MOM, ALL[:1], MANY_MOMENTUM),
):
    UPDATES.append(("multi_" + _name, _slots + " *2", "weight", _types, _settings))
    UPDATES.append(("preloaded_multi_" + _name, _slots + " *2 lrs:v wds:v", "weight", _types,
                    _without_rates(_settings)))  # fmt: skip
UPDATES += [
    ("_multi_adamw_update", "weight:w grad:g mean:s var:p *2 rescale_grad:?", "weight",
     ("float32",), MANY_ADAMW),  # of another type the weights do not move in MXNet
    ("_multi_mp_adamw_update", "weight:w grad:g mean:S var:Q weight32:m *2 rescale_grad:?",
     "weight", ALL[:1], MANY_ADAMW),
    ("_multi_lamb_update", "weight:w grad:g mean:s var:p *2", "weight", ALL, MANY_LAMB),
    ("_multi_mp_lamb_update", "weight:w grad:g mean:S var:Q weight32:m *2", "weight", ALL[:1],
     MANY_LAMB),
    ("all_finite", "data:g", "", ALL[:2], [{}]),
    ("multi_all_finite", "data:g *2", "", ALL[:2], [dict(num_arrays=2)]),
    ("multi_sum_sq", "array:w *2", "", ALL, [dict(num_arrays=2)]),
    ("multi_lars", "lrs:v weights_sum_sq:v grads_sum_sq:z wds:v", "", ("float32",),
     [dict(eta=0.5, eps=0.01), dict(eta=0.5, eps=0.01, rescale_grad=0.5)]),
    ("reset_arrays", "array:w *2", "", ALL, [dict(num_arrays=2)]),
]  # fmt: skip


def slots_of(text):
    """Return [(name, kind)]; `*2` repeats the slots before it, numbered."""
    found = []
    for word in text.split():
        if word == "*2":
            found = [(name + f"_{i}", kind) for i in range(2) for name, kind in found]
        else:
            found.append(tuple(word.split(":")))
    return found


def cases():
    """Return (id, op, slots, names given as out=, type, setting) of each case."""
    for op, text, out, types, settings in UPDATES:
        slots = slots_of(text)
        outs = [name for name, kind in slots if out and kind == "w"]
        for dtype in types:
            for i, setting in enumerate(settings):
                yield f"{op}/{dtype}/{i}", op, slots, outs, np.dtype(dtype), setting


def hostile(dtype, rng):
    """Return gradients: specials of every kind, in random order."""
    info = np.finfo(dtype)
    denormal = np.nextafter(dtype.type(0), dtype.type(1))
    special = [0.0, -0.0, np.nan, np.inf, -np.inf, denormal, -info.tiny, info.max, info.eps, 1.0]
    values = np.concatenate([special, rng.normal(size=SIZE - len(special))])
    return rng.permutation(values).astype(dtype)


def value(kind, dtype, rng, so_far):
    """Return the array of one slot."""
    if kind in "gG":
        array = hostile(dtype, rng)
        return array if kind == "g" else array.astype(np.float32)
    if kind == "w":
        return rng.normal(size=SIZE).astype(dtype)
    if kind == "m":
        return so_far["w"].astype(np.float32)
    if kind in "sS":
        return (rng.normal(size=SIZE) / 4).astype(dtype if kind == "s" else np.float32)
    if kind in "pQ":
        return rng.uniform(0.25, 1, SIZE).astype(dtype if kind == "p" else np.float32)
    if kind == "P":  # a mean of squares that is no smaller than the square of the mean
        return rng.uniform(1, 2, SIZE).astype(dtype)
    if kind in "1i":
        return rng.uniform(0.5, 3, 1).astype(dtype if kind == "1" else np.float32)
    if kind == "?":
        return rng.permutation([0.5, 0.5, 1.0, np.inf, np.nan, 0.0])[:1].astype(np.float32)
    if kind == "z":
        return np.array([0.0, 2.0], np.float32)
    return rng.uniform(0.01, 0.2, 2).astype(np.float32)


FRESH = "gG?"
KEPT = "wmsSpPQ"


def inputs(name, slots, dtype):
    """Return the arrays of the first step, and those that are new in each later step."""
    rng = np.random.RandomState(sum(ord(letter) << (i % 7) for i, letter in enumerate(name)))
    so_far, arrays = {}, {}
    for slot, kind in slots:
        arrays[slot] = so_far[kind] = value(kind, dtype, rng, so_far)
    later = [
        {slot: value(kind, dtype, rng, so_far) for slot, kind in slots if kind in FRESH}
        for _ in range(STEPS - 1)
    ]
    return arrays, later

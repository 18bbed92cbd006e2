"""Updates in place, from the call to the written weight: signSGD, SGD with momentum, Adam.

MXNet composes no update (it registers no input names). There its naive engine runs a symbol that is
loaded from JSON, which writes an output instead of the weight; its other engine runs `nd`, which is
quicker there and does write the weight.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

TITLE = "Updates"
UNIT = "us"
RATE, MOMENTUM, BETA1, BETA2, EPSILON = 0.001, 0.9, 0.9, 0.999, 1e-8
STATES = {"signsgd": (), "sgd_mom": ("mom",), "adam": ("mean", "var")}


def resnet50():
    """Return the sizes of the 161 parameters of ResNet-50."""
    found = [64 * 3 * 49, 64, 64]
    before = 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            layers = [(before, width, 1), (width, width, 9), (width, 4 * width, 1)]
            if block == 0:
                layers.append((before, 4 * width, 1))
            before = 4 * width
            for inputs, outputs, kernel in layers:
                found += [inputs * outputs * kernel, outputs, outputs]
    return [*found, 2048 * 1000, 1000]


def rows(quick):
    """Return {name: (rule, sizes of the arrays)}."""
    found = {f"signsgd, 1e{k}": ("signsgd", [10**k]) for k in (3, 5, 6, 7)}
    found["signsgd, 161 arrays of ResNet-50"] = ("signsgd", resnet50())
    found["sgd_mom, 1e6"] = ("sgd_mom", [10**6])
    found["adam, 1e6"] = ("adam", [10**6])
    if quick:
        return {name: (rule, [100] * min(len(sizes), 3)) for name, (rule, sizes) in found.items()}
    return found


def arrays(rule, sizes):
    """Return a tuple for each parameter: the weight, its gradient, and its states."""
    rng = np.random.RandomState(0)
    kinds = 2 + len(STATES[rule])
    return [
        tuple(np.abs(a) if k == 3 else a for k, a in enumerate(rng.randn(kinds, size).astype("f4")))
        for size in sizes
    ]


def in_minisym(row, way):
    if way.name == "BLAS":
        return None  # there are no matrix products
    rule, sizes = row
    from cases import engines

    import minisym as ms

    engines.set_up(ms, way)
    update = getattr(ms.sym, rule + "_update")
    values, updates = {}, []
    more = {"momentum": MOMENTUM} if rule == "sgd_mom" else {}
    for i, given in enumerate(arrays(rule, sizes)):
        names = [f"{kind}{i}" for kind in ("weight", "grad", *STATES[rule])]
        values.update(zip(names, given))
        updates.append(update(*map(ms.sym.Variable, names), lr=RATE, **more))
    step = ms.sym.Group(updates) if len(updates) > 1 else updates[0]
    executor = step.bind(args=values, aux_states=values, grad_req="null")
    return executor.forward, lambda: values["weight0"]


def in_numpy(row, way):
    rule, sizes = row
    given = arrays(rule, sizes)
    rate = np.float32(RATE)

    def signsgd(w, g):
        w -= rate * np.sign(g)

    def sgd_mom(w, g, mom):
        mom *= np.float32(MOMENTUM)
        mom -= rate * g
        w += mom

    def adam(w, g, mean, var):
        mean *= np.float32(BETA1)
        mean += np.float32(1 - BETA1) * g
        var *= np.float32(BETA2)
        var += np.float32(1 - BETA2) * g * g
        w -= rate * mean / (np.sqrt(var) + np.float32(EPSILON))

    update = {"signsgd": signsgd, "sgd_mom": sgd_mom, "adam": adam}[rule]

    def run():
        for parts in given:
            update(*parts)

    return run, lambda: given[0][0]


def in_c(row, way):
    """Loops as a compiler makes them: see loops.c."""
    rule, sizes = row
    source = Path(__file__).parents[1] / "loops.c"
    library = Path(tempfile.gettempdir()) / f"minisym-loops-{os.getpid()}.so"
    options = ["-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fopenmp"]
    subprocess.run(
        ["cc", *options, "-shared", "-fPIC", str(source), "-o", str(library), "-lm"], check=True
    )
    loops = ctypes.CDLL(str(library))
    library.unlink()
    given = arrays(rule, sizes)
    pointers = [
        (ctypes.c_void_p * len(given))(*[a.ctypes.data for a in kind]) for kind in zip(*given)
    ]
    lengths = (ctypes.c_long * len(sizes))(*sizes)
    function = getattr(loops, rule)
    function.restype = None
    numbers = ctypes.c_int(way.threads), ctypes.c_int(len(sizes))
    run = partial(function, *numbers, lengths, *pointers)
    run.kept = given  # a pointer keeps nothing alive
    return run, lambda: given[0][0]


def in_numba(row, way):
    rule, sizes = row
    if rule != "signsgd" or len(sizes) > 1:
        return None
    import numba

    parallel = way.threads > 1
    rate = np.float32(RATE)

    def signsgd(w, g):
        for i in numba.prange(w.size):
            w[i] -= rate * (np.float32(g[i] > 0) - np.float32(g[i] < 0))

    update = numba.njit(["void(f4[::1], f4[::1])"], parallel=parallel)(signsgd)
    ((weight, grad),) = arrays(rule, sizes)
    return lambda: update(weight, grad), lambda: weight


NODES = """{"nodes": [
 {"op": "null", "name": "w", "inputs": []}, {"op": "null", "name": "g", "inputs": []},
 {"op": "signsgd_update", "name": "u", "attrs": {"lr": "0.001"}, "inputs": [[0, 0, 0], [1, 0, 0]]}],
 "arg_nodes": [0, 1], "node_row_ptr": [0, 1, 2, 3], "heads": [[2, 0, 0]],
 "attrs": {"mxnet_version": ["int", 10901]}}"""


def in_mxnet(row, way):
    rule, sizes = row
    import mxnet as mx

    if "oneDNN" in way.name:
        return None  # it has no kernels for updates
    given = [tuple(map(mx.nd.array, parts)) for parts in arrays(rule, sizes)]
    if "naive" in way.name and rule == "signsgd" and len(sizes) == 1:
        weight, grad = given[0]
        executor = mx.sym.load_json(NODES).bind(mx.cpu(), {"w": weight, "g": grad})
        return lambda: executor.forward()[0].wait_to_read(), lambda: executor.outputs[0].asnumpy()
    update = getattr(mx.nd, rule + "_update")
    more = {"momentum": MOMENTUM} if rule == "sgd_mom" else {}

    def run():
        for parts in given:
            update(*parts, lr=RATE, out=parts[0], **more)
        mx.nd.waitall()

    return run, lambda: given[0][0].asnumpy()


def in_torch(row, way):
    rule, sizes = row
    import torch
    from cases import engines

    engines.set_up_torch(torch, way)
    given = [tuple(map(torch.from_numpy, parts)) for parts in arrays(rule, sizes)]
    weights, grads, *states = map(list, zip(*given))
    if rule == "signsgd":

        def signsgd():
            if len(weights) > 1:
                torch._foreach_add_(weights, torch._foreach_sign(grads), alpha=-RATE)
            else:
                weights[0].add_(grads[0].sign(), alpha=-RATE)

        run = torch.compile(signsgd) if way.name == "compile" else signsgd
        return torch.no_grad()(run), lambda: weights[0].numpy()
    if rule == "sgd_mom":

        def sgd_mom():
            for w, g, mom in zip(weights, grads, states[0]):
                mom.mul_(MOMENTUM).sub_(g, alpha=RATE)
                w.add_(mom)

        run = torch.compile(sgd_mom) if way.name == "compile" else sgd_mom
        return torch.no_grad()(run), lambda: weights[0].numpy()

    def adam():
        for w, g, mean, var in zip(weights, grads, *states):
            mean.mul_(BETA1).add_(g, alpha=1 - BETA1)
            var.mul_(BETA2).addcmul_(g, g, value=1 - BETA2)
            w.addcdiv_(mean, var.sqrt().add_(EPSILON), value=-RATE)

    run = torch.compile(adam) if way.name == "compile" else adam
    return torch.no_grad()(run), lambda: weights[0].numpy()


def in_jax(row, way):
    rule, sizes = row
    from cases import engines

    engines.set_up_jax(way)
    import jax
    from jax import numpy as jnp

    def signsgd(w, g):
        return (w - RATE * jnp.sign(g),)

    def sgd_mom(w, g, mom):
        mom = MOMENTUM * mom - RATE * g
        return w + mom, mom

    def adam(w, g, mean, var):
        mean = BETA1 * mean + (1 - BETA1) * g
        var = BETA2 * var + (1 - BETA2) * g * g
        return w - RATE * mean / (jnp.sqrt(var) + EPSILON), mean, var

    update = {"signsgd": signsgd, "sgd_mom": sgd_mom, "adam": adam}[rule]

    def step(written, grads):
        return [update(parts[0], g, *parts[1:]) for parts, g in zip(written, grads)]

    given = [tuple(map(jnp.array, parts)) for parts in arrays(rule, sizes)]
    written = [(w, *states) for w, _, *states in given]
    grads = [parts[1] for parts in given]
    compiled = jax.jit(step, donate_argnums=0)

    def run():
        nonlocal written
        written = compiled(written, grads)
        jax.block_until_ready(written)

    return run, lambda: np.asarray(written[0][0])


def in_pytensor(row, way):
    rule, sizes = row
    if rule != "signsgd" or len(sizes) > 1:
        return None
    import pytensor
    from cases import engines
    from pytensor import tensor

    ((weight, grad),) = arrays(rule, sizes)
    w, g = pytensor.shared(weight), pytensor.shared(grad)
    rate = np.float32(RATE)
    run = pytensor.function(
        [], updates=[(w, w - rate * tensor.sign(g))], mode=engines.pytensor_mode(way)
    )
    return run, lambda: w.get_value()

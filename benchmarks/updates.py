"""The updates of many parameters: a node for each, one op for all, and one flat array.

    python benchmarks/updates.py [--rounds 3] [--cases resnet|small|net]

`resnet` has the shapes of ResNet-50's 161 parameters, 25.6 million floats; `small` 500 parameters
of 10 to 1000 floats, where what a call costs weighs more than what it moves. "One flat array" is
what a fused update could come to at best: all parameters live in one array, as do all gradients.
"Gathered" is what it comes to where they do not: copied into flat arrays and back, in plain NumPy.
By hand is what one would write in NumPy, parameter by parameter. The last rows put it in
proportion: the training step of a net with 500 small parameters, and all of it but the updates.
"""

from __future__ import annotations

import argparse

import numpy as np
from _pairs import best, pairs, table, worker

RATE, MOMENTUM = 0.1, 0.9


def resnet():
    """Return the sizes of the parameters of ResNet-50."""
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


def small():
    """Return the sizes of 500 small parameters."""
    return np.random.RandomState(0).randint(10, 1001, 500).tolist()


CASES = {"resnet": resnet, "small": small}


def by_hand(weights, grads, moms):
    """Do SGD with momentum in NumPy."""
    for weight, grad, mom in zip(weights, grads, moms, strict=True):
        np.multiply(mom, MOMENTUM, out=mom)
        np.subtract(mom, RATE * grad, out=mom)
        np.add(weight, mom, out=weight)


def gathered(weights, grads, moms):
    """Return a function that does it on copies in flat arrays, and copies the results back."""
    flat = [np.concatenate(arrays) for arrays in (weights, grads, moms)]
    ends = np.cumsum([w.size for w in weights])[:-1]
    back = [
        pair
        for arrays, whole in ((weights, flat[0]), (moms, flat[2]))
        for pair in zip(arrays, np.split(whole, ends), strict=True)
    ]

    def update():
        for arrays, whole in zip((weights, grads, moms), flat, strict=True):
            np.concatenate(arrays, out=whole)
        by_hand(*([whole] for whole in flat))
        for target, part in back:
            np.copyto(target, part)

    return update


def training(mx):
    """Return {row: call} of a net of 125 narrow layers, which has 500 parameters."""
    sym = mx.sym
    x = sym.Variable("data")
    for i in range(125):
        x = sym.FullyConnected(x, num_hidden=16, name=f"fc{i}")
        x = sym.BatchNorm(x, fix_gamma=False, name=f"bn{i}")
        x = sym.Activation(x, act_type="relu", name=f"relu{i}")
    net = sym.SoftmaxOutput(x, name="softmax")
    batch = {"data": np.ones((32, 16), np.float32), "softmax_label": np.zeros(32, np.float32)}
    optimizer = mx.optimizer.SGD(learning_rate=0.01, momentum=MOMENTUM)
    step = optimizer.minimize(net).simple_bind(data=(32, 16))
    plain = net.simple_bind(data=(32, 16))
    for executor in (step, plain):
        mx.init.initialize(executor, mx.init.Xavier())

    def without():
        plain.forward(is_train=True, **batch)
        plain.backward()

    return {"a training step": lambda: optimizer.step(step, **batch), "without updates": without}


def executors(mx, sizes, flat):
    """Bind SGD with momentum three ways; return {row: forward}."""
    sym = mx.sym

    def variables(count):
        return [tuple(sym.Variable(f"{kind}{i}") for kind in "wgm") for i in range(count)]

    def bound(symbol, parts):
        arrays = {f"{kind}{i}": a for kind, group in parts.items() for i, a in enumerate(group)}
        arrays["lr"] = np.full(1, RATE)
        return symbol.bind(args=arrays, aux_states=arrays).forward

    lr = sym.Variable("lr", dtype="float64")

    def one(three):
        return sym.sgd_mom_update(*three, lr=lr, momentum=MOMENTUM)

    threes = variables(len(sizes))
    each = sym.Group([one(three) for three in threes])
    multi = sym.multi_sgd_mom_update(
        *[variable for three in threes for variable in three],
        lrs=(RATE,) * len(sizes),
        wds=(0.0,) * len(sizes),
        momentum=MOMENTUM,
        num_weights=len(sizes),
    )
    ends = np.cumsum(sizes)[:-1]
    parts = {kind: np.split(a, ends) for kind, a in zip("wgm", flat, strict=True)}
    apart = {kind: [a.copy() for a in group] for kind, group in parts.items()}
    whole = {kind: [a] for kind, a in zip("wgm", flat, strict=True)}
    return {
        "a node for each (minimize)": bound(each, apart),
        "one op for all (multi_)": bound(multi, apart),
        "one flat array": bound(one(threes[0]), whole),
    }


def at_once(mx, sizes, flat):
    """Return {row: call} of MXNet's own ops, whose two rows do what minisym's do."""
    ends = np.cumsum(sizes)[:-1]
    w, g, m = ([mx.nd.array(a) for a in np.split(whole, ends)] for whole in flat)

    def each():
        for i, weight in enumerate(w):
            mx.nd.sgd_mom_update(weight, g[i], m[i], lr=RATE, momentum=MOMENTUM, out=weight)
        mx.nd.waitall()

    def multi():
        for i in range(0, len(w), 60):
            targets = w[i : i + 60]
            count = len(targets)
            arrays = [a for k in range(i, i + count) for a in (w[k], g[k], m[k])]
            mx.nd.multi_sgd_mom_update(
                *arrays, lrs=(RATE,) * count, wds=(0.0,) * count, momentum=MOMENTUM,
                num_weights=count, out=targets,
            )  # fmt: skip
        mx.nd.waitall()

    return {"a node for each (minimize)": each, "one op for all (multi_)": multi}


def measure(mx, cases):
    """Return {row: seconds}."""
    found = {}
    for name in cases:
        if name == "net":
            calls = training(mx) if mx.__name__ == "minisym" else {}
            found.update({f"{name}: {row}": best(call, 3, 9) for row, call in calls.items()})
            continue
        sizes = CASES[name]()
        flat = list(np.random.RandomState(0).normal(size=(3, sum(sizes))).astype(np.float32))
        ours = mx.__name__ == "minisym"
        number = 1 if name == "resnet" else 30
        calls = executors(mx, sizes, flat) if ours else at_once(mx, sizes, flat)
        if ours:
            parts = [np.split(a.copy(), np.cumsum(sizes)[:-1]) for a in flat]
            calls["by hand in NumPy"] = lambda parts=parts: by_hand(*parts)
            calls["gathered, in NumPy"] = gathered(*parts)
        for row, call in calls.items():
            found[f"{name}: {row}"] = best(call, number, 7)
    return found


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", choices=[*CASES, "net"], action="append")
    parser.add_argument("--worker")
    options = parser.parse_args()
    cases = options.cases or [*CASES, "net"]
    if options.worker:
        worker(lambda mx: measure(mx, cases), options.worker)
        return
    print("SGD with momentum, float32, milliseconds a step")
    arguments = [word for case in cases for word in ("--cases", case)]
    table(pairs(__file__, arguments, options.rounds), "ms", 1e3)


if __name__ == "__main__":
    main()

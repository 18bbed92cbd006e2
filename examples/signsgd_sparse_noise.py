"""Where signSGD beats SGD: noise that is enormous, but on one coordinate only.

From Bernstein et al., "signSGD: Compressed Optimisation for Non-Convex Problems" (2018): minimise
f(x) = |x|^2 / 2 in 100 dimensions, where the first coordinate of every gradient has noise of
deviation 100. SGD must take steps so small that this one does no harm, and it still ends near
lr * 100^2 / 4 = 2.5. No sign is larger than 1, however loud the noise.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import minisym as ms
from minisym import sym

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--output", type=Path, default=Path(__file__).parent / "out", metavar="DIR")
output = parser.parse_args().output
output.mkdir(parents=True, exist_ok=True)

RUNS, DIMENSIONS, STEPS, SHOWN = 20, 100, 10_000, (0, 300, 1000, 3000, 9999)

x, noise = sym.Variable("x"), sym.Variable("noise")  # a row for every run: all go at once
f = sym.sum(sym.square(x), axis=1) / 2
gradient = ms.grad(f, "x") + noise

# signSGD overwrites x inside the graph. SGD is done by hand: its graph gives the next x as output.
sign_step = sym.Group([f, sym.signsgd_update(x, gradient, lr=0.01)])
sgd_step = sym.Group([f, x - 0.001 * gradient])

rng = np.random.default_rng(0)
start = rng.normal(size=(RUNS, DIMENSIONS))
drawn = np.zeros_like(start)
signsgd = sign_step.bind(args={"x": start.copy(), "noise": drawn})
sgd = sgd_step.bind(args={"x": start.copy(), "noise": drawn})

heights = np.zeros((STEPS, 2))

print(f"f(x), mean of {RUNS} runs\n step      SGD   signSGD")
for i in range(STEPS):
    drawn[:, 0] = rng.normal(scale=100, size=RUNS)
    sign_value, _ = signsgd.forward()
    sgd_value, sgd_x = sgd.forward()
    heights[i] = float(sgd_value.mean()), float(sign_value.mean())
    if i in SHOWN:
        print(f"{i:5}{heights[i, 0]:9.2f}{heights[i, 1]:10.2f}")
    sgd.arg_dict["x"][:] = sgd_x

figure = Figure(figsize=(7, 4), layout="constrained")
axes = figure.subplots()
for name, colour, curve in zip(("SGD", "signSGD"), ("#475569", "#DC2626"), heights.T, strict=True):
    axes.plot(curve, color=colour, linewidth=1.3, label=name)
axes.set(xlabel="step", ylabel="f(x)", yscale="log", title="Loud noise on one coordinate of 100")
axes.legend(frameon=False)
axes.grid(color="#E2E8F0", which="both", linewidth=0.5)
figure.savefig(output / "sparse_noise.svg")
print(f"the curves: {output / 'sparse_noise.svg'}")

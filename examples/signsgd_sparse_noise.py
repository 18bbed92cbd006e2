"""Where signSGD beats SGD: noise that is enormous, but on one coordinate only.

From Bernstein et al., "signSGD: Compressed Optimisation for Non-Convex Problems" (2018): minimise
f(x) = |x|^2 / 2 in 100 dimensions, where the first coordinate of every gradient has noise of
deviation 100. SGD must take steps so small that this one does no harm, and it still ends near
lr * 100^2 / 4 = 2.5. No sign is larger than 1, however loud the noise.
"""

from __future__ import annotations

import numpy as np

import minisym as ms
from minisym import sym

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

print(f"f(x), mean of {RUNS} runs\n step      SGD   signSGD")
for i in range(STEPS):
    drawn[:, 0] = rng.normal(scale=100, size=RUNS)
    value = signsgd.forward()[0].mean()
    sgd_value, sgd_x = sgd.forward()
    if i in SHOWN:
        print(f"{i:5}{sgd_value.mean():9.2f}{value:10.2f}")
    sgd.arg_dict["x"][:] = sgd_x

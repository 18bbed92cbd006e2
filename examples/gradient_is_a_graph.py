"""The gradient is a graph like any other: it can be listed, run, and differentiated again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import minisym as ms
from minisym import sym

OUTPUT = Path(__file__).parent / "out"
OUTPUT.mkdir(exist_ok=True)

x = sym.Variable("x")
f = sym.sin(x) * x

# ms.grad only composes. Nothing has been computed yet.
slope = ms.grad(f, "x")
print("f  is made of:", ", ".join(f.get_internals().list_outputs()))
print("f' is made of:", ", ".join(slope.get_internals().list_outputs()))

# The gradient of the gradient is one call more; one run may compute all of them.
curvature = ms.grad(slope, "x")
points = np.array([0.0, 0.5, 1.0, 2.0])
f_, slope_, curvature_ = sym.Group([f, slope, curvature]).eval(x=points)
print("\n     x:", points)
print("    f :", f_)
print("    f':", slope_)
print("   f'':", curvature_)
np.testing.assert_allclose(slope_, np.cos(points) * points + np.sin(points))
np.testing.assert_allclose(curvature_, 2 * np.cos(points) - np.sin(points) * points)
print("both agree with what calculus says")

# Being a graph, a gradient can be used inside another one: here as Newton's step x - f'/f''.
guess = np.array([5.0, 8.0, 11.0])
newton = (x - slope / curvature).bind(args={"x": guess})
for _ in range(5):
    guess[:] = newton.forward()[0]  # `guess` itself is bound, so the next run starts from here
print("\nwhere sin(x) x is flat:", guess)

# One picture shows all three as one graph, the other one what they compute.
three = sym.Group([f, slope, curvature])
graph = ms.viz.save_picture(
    three, OUTPUT / "gradient.svg", title="f, f' and f''", shape={"x": (4,)}
)
line = np.linspace(0, 12, 241)
names = ("f", "f'", "f''")
curves = {
    name: zip(line.tolist(), values.tolist(), strict=True)
    for name, values in zip(names, three.eval(x=line), strict=True)
}
plot = ms.viz.plot_curves(curves, "f(x) = x sin x and its derivatives", x_label="x")
print("pictures:", graph, "and", plot.save(OUTPUT / "derivatives.svg"))

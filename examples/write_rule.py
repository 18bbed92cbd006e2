"""Who may write where: the one rule about arrays that a graph overwrites, and what it forbids.

Within one run every reader of a bound array sees the value it had when the run began; writes land
after the last reader; a run that raises leaves every bound array as it was.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import minisym as ms
from minisym import sym

OUTPUT = Path(__file__).parent / "out"

w, g = sym.Variable("w"), sym.Variable("g")
step = sym.signsgd_update(w, g, lr=0.1, name="step")


def arrays() -> dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Make fresh arrays."""
    return {"w": np.array([1.0, 2.0]), "g": np.array([5.0, -5.0])}


# An update overwrites its weight: the array that was bound, not a copy of it.
bound = arrays()
step.bind(args=bound).forward()
print("an update:      w =", bound["w"])

# A hazard: w is read and written in one run. The sum reads the old w and the new one.
bound = arrays()
total = (w + step).bind(args=bound).forward()[0]
print("w + update(w):  w =", bound["w"], " sum =", total)

# Two updates of one variable are fine when one feeds the other: they are done in this order.
bound = arrays()
second = sym.signsgd_update(step, g, lr=0.5, name="second")
second.bind(args=bound).forward()
print("chained:        w =", bound["w"])

# Without that the result would hang on the order of the two: refused before it runs.
rival = sym.signsgd_update(w, g, lr=0.5, name="rival")
try:
    sym.Group([step, rival]).bind(args=arrays())
except ms.BindError as error:
    print(f"\nBindError: {error}")


# A run that fails changes nothing, though it had computed the update when it failed.
def no_nan(name: str, values: ms.NDArray) -> None:
    """Watch the value of every node, and stop the run at the first NaN."""
    if np.isnan(values).any():
        raise FloatingPointError(f"{name} = {values}")


bound = arrays()
executor = sym.sqrt(step - 1, name="root").bind(args=bound)
executor.set_monitor_callback(no_nan)
try:
    executor.forward()
except FloatingPointError as error:
    print(f"\nthe run failed: {error};  w = {bound['w']}, as before")

# In a picture, arrows of their own say what is overwritten: here by a chain, beside a reader of w.
OUTPUT.mkdir(exist_ok=True)
both = sym.Group([second, w + step])
print(
    "picture:", ms.viz.save_picture(both, OUTPUT / "writes.svg", title="Who writes w, who reads it")
)

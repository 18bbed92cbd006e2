"""Shapes flow both ways through a graph. Where two contradict each other, the error says which."""

from __future__ import annotations

from pathlib import Path

import minisym as ms
from minisym import sym

OUTPUT = Path(__file__).parent / "out"


def show(title: str, net: ms.Symbol, **shapes: tuple[int, ...]) -> None:
    """Print what follows from some shapes."""
    arguments, outputs, _ = net.infer_shape_partial(**shapes)
    print(f"\n{title}: given {shapes}")
    for name, shape in zip(net.list_arguments(), arguments, strict=True):
        print(f"    {name:12}{shape}")
    print(f"    {'the output':12}{outputs[0]}")


net = sym.FullyConnected(sym.Variable("data"), num_hidden=32, name="fc1")
net = sym.FullyConnected(sym.Activation(net, act_type="relu"), num_hidden=10, name="fc2")

# Forwards: the shapes of all weights follow from that of the data.
show("forwards", net, data=(64, 784))

# Backwards: a weight knows how wide the data must be. An unknown dimension is 0: here the batch.
show("backwards", net, data=(0, 0), fc1_weight=(0, 784))

# Sideways: what is added must be alike, so one side tells the other.
a, b = sym.Variable("a"), sym.Variable("b")
show("sideways", a + b, a=(0, 3), b=(2, 0))

# A contradiction. Read the message from top to bottom: the sentence names op, node and argument;
# the table tells each slot's shape and who said so; then comes the line that composed the node.
try:
    net.infer_shape(data=(64, 784), fc2_weight=(10, 31))
except ms.ShapeError as error:
    print(f"\n{type(error).__name__}: {error}")

# Other mistakes are told in the same way, and as early as possible: this one while composing. (Type
# checkers find it without running anything, hence the comment behind it.)
try:
    sym.FullyConnected(sym.Variable("data"), num_hiden=32, name="fc1")  # type: ignore[call-arg]
except ms.ParamError as error:
    print(f"\n{type(error).__name__}: {error}")

# A picture says every shape where it flows.
OUTPUT.mkdir(exist_ok=True)
picture = ms.viz.save_picture(
    net, OUTPUT / "shapes.svg", title="Shapes", shape={"data": (64, 784)}, hide_weights=False
)
print("\npicture:", picture)

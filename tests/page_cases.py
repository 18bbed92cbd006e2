"""Graphs, arrays and hostile names for the tests of the interactive page."""

import json
import re

import drawn_nets
import numpy as np

import minisym as ms
from minisym import sym

HOSTILE = "</script><script>document.title='evil'</script>\u2028\"'&{{title}}"
EVIL = [
    HOSTILE,
    "<!--<script>",
    "]]></svg><img src=x onerror=document.title='evil'>",
    "javascript:document.title='evil'",
    "nul\x00 bell\x07 escape\x1b[31m",
    "two\nlines\tand a tab",
    "\ud800 alone",
    "\u202eright to left, ünï 💥",
    "{{graph}} ${document.title='evil'}",
    "__proto__",
    "x" * 3000,
]


def mlp():
    h = sym.FullyConnected(sym.Variable("data"), num_hidden=16, name="fc1")
    h = sym.Activation(h, act_type="relu", name="relu1")
    return sym.SoftmaxOutput(sym.FullyConnected(h, num_hidden=4, name="fc2"), name="softmax")


def training():
    return drawn_nets.training(mlp())


def filled(net, **shapes):
    executor = net.simple_bind(**shapes)
    draw = np.random.default_rng(0)
    for name, array in executor.arg_dict.items():
        array[...] = (
            draw.integers(0, 4, array.shape) if "label" in name else draw.normal(size=array.shape)
        )
    return executor


def recorded(steps=3):
    """Train a few steps, and return the recording: signSGD moves each element by 0.01."""
    executor = filled(training(), data=(8, 6))
    with ms.record(executor) as recording:
        for step in range(steps):
            executor.forward(is_train=True)
            recording.note(loss=1 / 100**step)
    return recording


def data_of(path):
    page = path.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="graph">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])

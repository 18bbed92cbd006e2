"""Inference of ResNet-50 on one image of 224 x 224, with random weights that are the same for all.

Strides are in the 3 x 3 convolutions (v1.5). Everything is written as one would for use: minisym's
executor is frozen, and in the second row it may compute convolutions in tiles of 4 x 4
(`freeze(tile=4)`); PyTorch runs channels last and with BatchNorm folded where it is compiled,
onnxruntime gets BatchNorm nodes and folds them itself.
"""

from __future__ import annotations

import numpy as np
from cases import engines

TITLE = "Inference"
UNIT = "ms"
STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))


class Net:
    """ResNet-50, or the same with fewer and narrower blocks."""

    def __init__(self, stages, image, classes, tile=2):
        self.stages, self.image, self.classes, self.tile = stages, image, classes, tile
        rng = np.random.RandomState(0)
        self.data = rng.randn(1, 3, image, image).astype("f4")
        self.values = {}
        compose(Shapes(self, rng), self)


class Shapes:
    """A peer that only makes weights; what flows through its layers is a number of channels."""

    data = 3

    def __init__(self, net, rng):
        self.values, self.rng = net.values, rng

    def conv_bn(self, x, name, count, kernel, stride, relu, add=None):
        scale = (2 / (x * kernel * kernel)) ** 0.5
        make = self.rng.randn
        self.values[name] = {
            "weight": (make(count, x, kernel, kernel) * scale).astype("f4"),
            "gamma": (1 + 0.1 * make(count)).astype("f4"),
            "beta": (0.1 * make(count)).astype("f4"),
            "mean": (0.1 * make(count)).astype("f4"),
            "var": (1 + 0.1 * np.abs(make(count))).astype("f4"),
        }
        if add is not None:
            self.values[name]["gamma"] *= np.float32(0.3)
        return count

    def pool(self, x):
        return x

    def head(self, x, classes):
        weight = (self.rng.randn(classes, x) * x**-0.5).astype("f4")
        self.values["fc"] = {"weight": weight, "bias": np.zeros(classes, "f4")}


def compose(peer, net):
    """Compose the net out of what a peer calls its layers."""
    x = peer.conv_bn(peer.data, "stem", net.stages[0][1], 7, 2, relu=True)
    x = peer.pool(x)
    for s, (blocks, width) in enumerate(net.stages):
        for b in range(blocks):
            name = f"stage{s}_block{b}_"
            stride = 2 if b == 0 and s else 1
            y = peer.conv_bn(x, name + "1", width, 1, 1, relu=True)
            y = peer.conv_bn(y, name + "2", width, 3, stride, relu=True)
            if b == 0:
                x = peer.conv_bn(x, name + "0", 4 * width, 1, stride, relu=False)
            x = peer.conv_bn(y, name + "3", 4 * width, 1, 1, relu=True, add=x)
    return peer.head(x, net.classes)


def rows(quick):
    """Return {name: net}."""
    sizes = (((1, 4), (1, 8)), 32, 10) if quick else (STAGES, 224, 1000)
    return {"ResNet-50, one image": Net(*sizes), "ResNet-50, tiles of 4": Net(*sizes, tile=4)}


class Symbols:
    """Layers of minisym and MXNet, whose API is one."""

    def __init__(self, sym):
        self.sym, self.data = sym, sym.Variable("data")

    def conv_bn(self, x, name, count, kernel, stride, relu, add=None):
        sym, pad = self.sym, kernel // 2
        x = sym.Convolution(
            x, num_filter=count, kernel=(kernel, kernel), stride=(stride, stride), pad=(pad, pad),
            no_bias=True, name=name,
        )  # fmt: skip
        x = sym.BatchNorm(x, fix_gamma=False, eps=1e-5, name=name + "_bn")
        x = x if add is None else x + add
        return sym.Activation(x, act_type="relu") if relu else x

    def pool(self, x):
        return self.sym.Pooling(x, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="max")

    def head(self, x, classes):
        x = self.sym.Pooling(x, global_pool=True, kernel=(1, 1), pool_type="avg")
        return self.sym.FullyConnected(self.sym.Flatten(x), num_hidden=classes, name="fc")


def bound(mx, net):
    """Return an executor of minisym or MXNet."""
    executor = compose(Symbols(mx.sym), net).simple_bind(
        mx.cpu(), grad_req="null", data=net.data.shape
    )
    arrays = dict(executor.arg_dict, **executor.aux_dict)
    arrays["data"][:] = net.data
    for name, values in net.values.items():
        for kind, value in values.items():
            found = {
                "weight": "_weight",
                "bias": "_bias",
                "mean": "_bn_moving_mean",
                "var": "_bn_moving_var",
            }
            arrays[name + found.get(kind, "_bn_" + kind)][:] = value
    return executor


def in_minisym(net, way, *, frozen=True):
    import minisym as ms

    engines.set_up(ms, way)
    executor = bound(ms, net)
    if frozen and hasattr(executor, "freeze"):  # older commits are measured, too
        executor.freeze(**({} if net.tile == 2 else {"tile": net.tile}))
    return executor.forward, lambda: executor.outputs[0].asnumpy()


def in_mxnet(net, way):
    import mxnet as mx

    executor = bound(mx, net)
    return lambda: executor.forward()[0].wait_to_read(), lambda: executor.outputs[0].asnumpy()


def in_torch(net, way):
    import torch
    from torch import nn

    engines.set_up_torch(torch, way)

    class Layer(nn.Module):
        """A convolution and its BatchNorm, what is added, and ReLU."""

        def __init__(self, values, stride, relu):
            super().__init__()
            count, channels, kernel, _ = values["weight"].shape
            self.conv = nn.Conv2d(channels, count, kernel, stride, kernel // 2, bias=False)
            self.norm = nn.BatchNorm2d(count)
            self.relu = relu
            kinds = {"weight": self.conv.weight, "gamma": self.norm.weight, "beta": self.norm.bias}
            kinds.update(mean=self.norm.running_mean, var=self.norm.running_var)
            for kind, tensor in kinds.items():
                tensor.data.copy_(torch.from_numpy(values[kind]))

        def forward(self, x, add=None):
            x = self.norm(self.conv(x))
            x = x if add is None else x + add
            return x.relu() if self.relu else x

    class Layers:
        """What `compose` calls: it makes each layer in a first run, and applies it in all."""

        def __init__(self, module):
            self.module, self.data = module, None

        def conv_bn(self, x, name, count, kernel, stride, relu, add=None):
            if name not in self.module:
                self.module[name] = Layer(net.values[name], stride, relu).eval()
            return self.module[name](x, add)

        def pool(self, x):
            return nn.functional.max_pool2d(x, 3, 2, 1)

        def head(self, x, classes):
            if "fc" not in self.module:
                self.module["fc"] = nn.Linear(x.shape[1], classes)
                self.module["fc"].weight.data.copy_(torch.from_numpy(net.values["fc"]["weight"]))
                self.module["fc"].bias.data.zero_()
            return self.module["fc"](x.mean((2, 3)))

    class ResNet(nn.Module):
        """The whole."""

        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleDict()

        def forward(self, x):
            layers = Layers(self.layers)
            layers.data = x
            return compose(layers, net)

    model = ResNet().eval()
    data = torch.from_numpy(net.data)
    with torch.no_grad():
        model(data)  # makes the layers
    model.to(memory_format=torch.channels_last)
    data = data.contiguous(memory_format=torch.channels_last)
    if way.name == "compile":
        import torch._inductor.config as inductor

        inductor.freezing = True  # weights are constants: BatchNorm is folded into them
        call = torch.compile(model)
    else:
        call = model
    run = torch.no_grad()(lambda: call(data))
    return run, lambda: run().numpy()


def in_jax(net, way):
    engines.set_up_jax(way)
    import jax
    from jax import lax
    from jax import numpy as jnp

    class Layers:
        """Channels last, which is what XLA likes on a CPU."""

        def __init__(self, values, data):
            self.values, self.data = values, data

        def conv_bn(self, x, name, count, kernel, stride, relu, add=None):
            v, pad = self.values[name], kernel // 2
            x = lax.conv_general_dilated(
                x,
                v["weight"],
                (stride, stride),
                [(pad, pad)] * 2,
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
            )
            x = (x - v["mean"]) * (v["gamma"] * lax.rsqrt(v["var"] + 1e-5)) + v["beta"]
            x = x if add is None else x + add
            return jnp.maximum(x, 0) if relu else x

        def pool(self, x):
            pads = ((0, 0), (1, 1), (1, 1), (0, 0))
            return lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), pads)

        def head(self, x, classes):
            return x.mean((1, 2)) @ self.values["fc"]["weight"].T + self.values["fc"]["bias"]

    values = {
        name: {
            k: jnp.array(v.transpose(2, 3, 1, 0) if v.ndim == 4 else v) for k, v in kinds.items()
        }
        for name, kinds in net.values.items()
    }
    call = jax.jit(lambda data: compose(Layers(values, data), net))
    data = jnp.array(net.data.transpose(0, 2, 3, 1))
    return lambda: call(data).block_until_ready(), lambda: np.asarray(call(data))


def in_onnxruntime(net, way):
    from onnx import helper, numpy_helper

    class Nodes:
        """Nodes of an ONNX graph, in the order of `compose`."""

        data = "data"

        def __init__(self):
            self.nodes, self.weights = [], []

        def add(self, op, inputs, **attributes):
            name = f"v{len(self.nodes)}"
            self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
            return name

        def keep(self, name, value):
            self.weights.append(numpy_helper.from_array(value, name))
            return name

        def conv_bn(self, x, name, count, kernel, stride, relu, add=None):
            kinds = ("weight", "gamma", "beta", "mean", "var")
            weight, *rest = [self.keep(f"{name}_{k}", net.values[name][k]) for k in kinds]
            pads = [kernel // 2] * 4
            x = self.add(
                "Conv", [x, weight], kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=pads
            )
            x = self.add("BatchNormalization", [x, *rest], epsilon=1e-5)
            x = x if add is None else self.add("Add", [x, add])
            return self.add("Relu", [x]) if relu else x

        def pool(self, x):
            return self.add("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)

        def head(self, x, classes):
            x = self.add("Flatten", [self.add("GlobalAveragePool", [x])])
            kept = [self.keep(f"fc_{k}", net.values["fc"][k]) for k in ("weight", "bias")]
            return self.add("Gemm", [x, *kept], transB=1)

    nodes = Nodes()
    out = compose(nodes, net)
    session = engines.onnx_session(way, nodes, {"data": net.data.shape}, out)
    feed = {"data": net.data}
    return lambda: session.run(None, feed), lambda: session.run(None, feed)[0]

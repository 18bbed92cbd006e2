"""Nets of the kinds that people compose, for tests: each function returns a symbol and some shapes.

They are functions of the module that composes them, MXNet or minisym: `scripts/mxnet/record_nets.py` runs
them under MXNet 1.9.1, in Python 3.8. More of them are in nets_of_sequences.py and nets_of_tasks.py.
"""

NETS = {}


def net(function):
    """Enter a net into the table."""
    NETS[function.__name__] = function
    return function


def conv(mx, x, filters, kernel=3, stride=1, pad=None, name=None, **params):
    """Return a convolution that keeps the size where its stride is 1."""
    return mx.sym.Convolution(
        x, num_filter=filters, kernel=(kernel, kernel), stride=(stride, stride),
        pad=(kernel // 2 if pad is None else pad,) * 2, name=name, **params
    )  # fmt: skip


def conv_bn(mx, x, filters, name, kernel=3, stride=1, act="relu", **params):
    """Return convolution, normalisation and, unless act is None, activation."""
    x = conv(mx, x, filters, kernel, stride, name=name, no_bias=True, **params)
    x = mx.sym.BatchNorm(x, fix_gamma=False, eps=2e-5, name=f"{name}_bn")
    return mx.sym.Activation(x, act_type=act, name=f"{name}_{act}") if act else x


def pool(mx, x, kernel=2, stride=2, kind="max", **params):
    """Return a pooling layer."""
    return mx.sym.Pooling(
        x, kernel=(kernel, kernel), stride=(stride, stride), pool_type=kind, **params
    )


def classified(mx, x, classes=10, name="softmax"):
    """Return a classifier on top of features, with its loss."""
    x = mx.sym.FullyConnected(mx.sym.Flatten(x), num_hidden=classes, name=f"{name}_fc")
    return mx.sym.SoftmaxOutput(x, name=name)


@net
def mlp(mx):
    x = mx.sym.Variable("data")
    for i, hidden in enumerate((32, 16)):
        x = mx.sym.FullyConnected(x, num_hidden=hidden, name=f"fc{i}")
        x = mx.sym.Activation(x, act_type="relu", name=f"relu{i}")
        x = mx.sym.Dropout(x, p=0.2, name=f"drop{i}")
    return classified(mx, x), {"data": (6, 1, 8, 8)}


@net
def lenet(mx):
    x = mx.sym.Variable("data")
    for filters in (6, 16):
        x = mx.sym.Convolution(x, kernel=(5, 5), num_filter=filters)
        x = pool(mx, mx.sym.Activation(x, act_type="tanh"))
    x = mx.sym.FullyConnected(mx.sym.flatten(x), num_hidden=84)
    return classified(mx, mx.sym.Activation(x, act_type="tanh")), {"data": (2, 1, 28, 28)}


@net
def alexnet_like(mx):
    x = conv(mx, mx.sym.Variable("data"), 12, kernel=7, stride=2, name="conv1")
    x = mx.sym.LRN(mx.sym.Activation(x, act_type="relu"), alpha=1e-4, beta=0.75, knorm=2, nsize=5)
    x = pool(mx, x, kernel=3)
    x = mx.sym.Activation(conv(mx, x, 16, num_group=2, name="conv2"), act_type="relu")
    x = pool(mx, x, kernel=3, pooling_convention="full")
    x = mx.sym.FullyConnected(mx.sym.Flatten(x), num_hidden=20, name="fc6")
    return classified(mx, mx.sym.Dropout(x, p=0.5)), {"data": (2, 3, 40, 40)}


@net
def vgg_like(mx):
    x = mx.sym.Variable("data")
    for block, (layers, filters) in enumerate(((1, 8), (2, 12))):
        for i in range(layers):
            x = conv(mx, x, filters, name=f"conv{block}_{i}")
            x = mx.sym.relu(x, name=f"relu{block}_{i}")
        x = pool(mx, x, name=f"pool{block}")
    return classified(mx, x), {"data": (2, 3, 16, 16)}


@net
def inception(mx):
    def cell(x, name, one, three, five, proj):
        towers = [conv_bn(mx, x, one, f"{name}_1x1", kernel=1)]
        for kernel, (reduce, filters) in ((3, three), (5, five)):
            label = f"{name}_{kernel}x{kernel}"
            reduced = conv_bn(mx, x, reduce, label + "_reduce", kernel=1)
            towers.append(conv_bn(mx, reduced, filters, label, kernel=kernel))
        pooled = pool(mx, x, kernel=3, stride=1, pad=(1, 1), name=f"{name}_pool")
        towers.append(conv_bn(mx, pooled, proj, f"{name}_proj", kernel=1))
        return mx.sym.Concat(*towers, name=f"{name}_concat")

    x = conv_bn(mx, mx.sym.Variable("data"), 8, "stem", kernel=7, stride=2)
    x = cell(x, "in3a", 4, (3, 4), (2, 3), 3)
    x = cell(pool(mx, x, kernel=3, pad=(1, 1)), "in3b", 5, (3, 6), (2, 4), 2)
    x = mx.sym.Pooling(x, kernel=(1, 1), global_pool=True, pool_type="avg", name="global")
    return classified(mx, x), {"data": (2, 3, 24, 24)}


def bottleneck(mx, x, filters, stride, same, name, groups=1):
    """Return a residual unit whose shortcut is the identity, or a projection."""
    sym = mx.sym
    a = sym.Activation(sym.BatchNorm(x, fix_gamma=False, name=f"{name}_bn1"), act_type="relu")
    y = conv(mx, a, filters // 2, 1, no_bias=True, name=f"{name}_conv1")
    y = sym.Activation(sym.BatchNorm(y, fix_gamma=False, name=f"{name}_bn2"), act_type="relu")
    y = conv(mx, y, filters // 2, 3, stride, no_bias=True, num_group=groups, name=f"{name}_conv2")
    y = sym.Activation(sym.BatchNorm(y, fix_gamma=False, name=f"{name}_bn3"), act_type="relu")
    y = conv(mx, y, filters, 1, no_bias=True, name=f"{name}_conv3")
    if not same:
        x = conv(mx, a, filters, 1, stride, no_bias=True, name=f"{name}_sc")
    return y + x


@net
def residual(mx):
    x = mx.sym.BatchNorm(mx.sym.Variable("data"), fix_gamma=True, eps=2e-5, name="bn_data")
    x = conv(mx, x, 8, no_bias=True, name="conv0")
    for stage, filters in enumerate((8, 16)):
        for unit in range(2):
            first = unit == 0
            name = f"stage{stage}_unit{unit}"
            x = bottleneck(mx, x, filters, 2 if first and stage else 1, not first, name)
    x = mx.sym.Activation(mx.sym.BatchNorm(x, fix_gamma=False, name="bn1"), act_type="relu")
    x = mx.sym.Pooling(x, global_pool=True, kernel=(7, 7), pool_type="avg", name="pool1")
    return classified(mx, x), {"data": (2, 3, 12, 12)}


@net
def resnext(mx):
    x = conv_bn(mx, mx.sym.Variable("data"), 8, "stem")
    for i in range(2):
        x = bottleneck(mx, x, 16, 1, i > 0, f"unit{i}", groups=4)
    return classified(mx, x), {"data": (2, 3, 8, 8)}


@net
def squeeze_and_excite(mx):
    x = conv_bn(mx, mx.sym.Variable("data"), 8, "stem")
    squeezed = mx.sym.Pooling(x, global_pool=True, kernel=(1, 1), pool_type="avg")
    s = mx.sym.FullyConnected(mx.sym.Flatten(squeezed), num_hidden=2, name="squeeze")
    s = mx.sym.FullyConnected(mx.sym.relu(s), num_hidden=8, name="excite")
    gate = mx.sym.Reshape(mx.sym.sigmoid(s), shape=(-1, 8, 1, 1))
    return classified(mx, mx.sym.broadcast_mul(x, gate)), {"data": (2, 3, 8, 8)}


@net
def dense_net(mx):
    x = conv(mx, mx.sym.Variable("data"), 8, name="stem", no_bias=True)
    for block in range(2):
        for layer in range(3):
            y = mx.sym.BatchNorm(x, name=f"b{block}_l{layer}_bn")
            y = conv(mx, mx.sym.relu(y), 4, no_bias=True, name=f"b{block}_l{layer}")
            x = mx.sym.concat(x, mx.sym.Dropout(y, p=0.2), dim=1)
        x = conv(mx, x, 8, 1, name=f"transition{block}")
        x = pool(mx, x, kind="avg")
    return classified(mx, x), {"data": (2, 3, 16, 16)}


@net
def mobile_net(mx):
    x = conv_bn(mx, mx.sym.Variable("data"), 8, "conv0", stride=2)
    channels = 8
    for i, (filters, stride) in enumerate(((12, 1), (16, 2))):
        x = conv_bn(mx, x, channels, f"dw{i}", stride=stride, num_group=channels)
        x = conv_bn(mx, x, filters, f"pw{i}", kernel=1)
        channels = filters
    x = mx.sym.Pooling(x, global_pool=True, kernel=(1, 1), pool_type="avg")
    return classified(mx, x), {"data": (2, 3, 16, 16)}


@net
def inverted_residual(mx):
    x = conv_bn(mx, mx.sym.Variable("data"), 6, "stem")
    y = mx.sym.clip(conv_bn(mx, x, 24, "expand", kernel=1, act=None), a_min=0, a_max=6)
    y = mx.sym.clip(conv_bn(mx, y, 24, "depth", num_group=24, act=None), a_min=0, a_max=6)
    y = conv_bn(mx, y, 6, "project", kernel=1, act=None)
    return classified(mx, mx.sym.elemwise_add(x, y)), {"data": (2, 3, 8, 8)}


@net
def shuffle_net(mx):
    x = mx.sym.relu(conv(mx, mx.sym.Variable("data"), 12, 1, num_group=3, name="gconv1"))
    x = mx.sym.Reshape(x, shape=(0, -4, 3, -1, -2))  # channels apart into groups
    x = mx.sym.SwapAxis(x, dim1=1, dim2=2)
    x = mx.sym.Reshape(x, shape=(0, -3, -2))  # and together again
    x = conv(mx, x, 12, num_group=12, name="depth")
    return classified(mx, conv(mx, x, 6, 1, num_group=3, name="gconv2")), {"data": (2, 3, 6, 6)}


@net
def squeeze_net(mx):
    x = pool(
        mx, mx.sym.relu(conv(mx, mx.sym.Variable("data"), 8, stride=2, name="conv1")), kernel=3
    )
    for i in range(2):
        s = mx.sym.relu(conv(mx, x, 4, 1, name=f"fire{i}_squeeze"))
        left = mx.sym.relu(conv(mx, s, 8, 1, name=f"fire{i}_left"))
        right = mx.sym.relu(conv(mx, s, 8, 3, name=f"fire{i}_right"))
        x = mx.sym.Concat(left, right, dim=1)
    x = conv(mx, mx.sym.Dropout(x, p=0.5), 10, 1, name="classes")
    x = mx.sym.Pooling(x, global_pool=True, kernel=(1, 1), pool_type="avg")
    return mx.sym.SoftmaxOutput(mx.sym.Flatten(x), name="softmax"), {"data": (2, 3, 20, 20)}


@net
def highway(mx):
    x = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=12, name="embed")
    for i in range(3):
        h = mx.sym.FullyConnected(x, num_hidden=12, name=f"h{i}")
        bias = mx.sym.Variable(f"t{i}_bias", init='["constant", {"value": -1.0}]')
        t = mx.sym.FullyConnected(x, bias=bias, num_hidden=12, name=f"t{i}")
        t = mx.sym.sigmoid(t)
        x = mx.sym.relu(h) * t + x * (1 - t)
    return classified(mx, x), {"data": (4, 20)}


@net
def spatial_transformer(mx):
    x = mx.sym.Variable("data")
    loc = pool(mx, mx.sym.relu(conv(mx, x, 4, stride=2, name="loc_conv")))
    loc = mx.sym.FullyConnected(mx.sym.Flatten(loc), num_hidden=6, name="loc_fc")
    x = mx.sym.SpatialTransformer(
        x, loc, target_shape=(8, 8), transform_type="affine", sampler_type="bilinear"
    )
    return classified(mx, conv(mx, x, 4, name="conv1")), {"data": (2, 1, 12, 12)}

"""Nets for tasks beyond classification: detection, pictures, recommendations; see nets.py."""

from nets import NETS, classified, conv, conv_bn, net, pool


@net
def ssd_heads(mx):
    sym = mx.sym
    x, layers = sym.Variable("data"), []
    for i in range(2):
        x = pool(mx, conv_bn(mx, x, 8, f"body{i}"))
        layers.append(x)
    places, classes, boxes = [], [], []
    for i, (layer, size) in enumerate(zip(layers, ((0.2, 0.3), (0.5, 0.7)))):
        scaled = sym.L2Normalization(layer, mode="channel", name=f"norm{i}") * 20
        kinds = len(size) + 1
        c = conv(mx, scaled, kinds * 3, name=f"class{i}")
        classes.append(sym.Flatten(sym.transpose(c, axes=(0, 2, 3, 1))))
        b = conv(mx, scaled, kinds * 4, name=f"box{i}")
        boxes.append(sym.Flatten(sym.transpose(b, axes=(0, 2, 3, 1))))
        anchors = sym.contrib.MultiBoxPrior(
            scaled, sizes=size, ratios=(1, 2), clip=True, name=f"anchors{i}"
        )
        places.append(sym.Flatten(anchors))
    boxes = sym.Concat(*boxes, dim=1, name="boxes")
    anchors = sym.Reshape(sym.Concat(*places, dim=1), shape=(0, -1, 4), name="anchors")
    classes = sym.Reshape(sym.Concat(*classes, dim=1), shape=(0, -1, 3))
    classes = sym.transpose(classes, axes=(0, 2, 1), name="classes")
    target = sym.contrib.MultiBoxTarget(
        anchors, sym.Variable("label"), classes, overlap_threshold=0.5, ignore_label=-1,
        negative_mining_ratio=3, minimum_negative_samples=0, negative_mining_thresh=0.5,
        variances=(0.1, 0.1, 0.2, 0.2), name="target",
    )  # fmt: skip
    prob = sym.SoftmaxOutput(
        classes, target[2], ignore_label=-1, use_ignore=True, multi_output=True,
        normalization="valid", name="class_prob",
    )  # fmt: skip
    loc = sym.smooth_l1(target[1] * (boxes - target[0]), scalar=1.0)
    loc = sym.MakeLoss(loc, normalization="valid", name="loc_loss")
    found = sym.contrib.MultiBoxDetection(
        prob, boxes, anchors, nms_threshold=0.45, force_suppress=False, name="detection"
    )
    return sym.Group([prob, loc, sym.BlockGrad(found)]), {
        "data": (2, 3, 16, 16),
        "label": (2, 2, 5),
    }


@net
def fcn(mx):
    x = data = mx.sym.Variable("data")
    skips = []
    for i in range(3):
        x = pool(mx, mx.sym.relu(conv(mx, x, 6, name=f"conv{i}")))
        skips.append(conv(mx, x, 5, 1, name=f"score{i}"))
    score = skips.pop()
    for i in (1, 0):
        up = mx.sym.Deconvolution(
            score, kernel=(4, 4), stride=(2, 2), num_filter=5, no_bias=True, name=f"up{i}"
        )
        skip = skips.pop()
        score = mx.sym.Crop(up, skip, offset=(1, 1), name=f"crop{i}") + skip
    up = mx.sym.Deconvolution(
        score, kernel=(4, 4), stride=(2, 2), pad=(1, 1), num_filter=5, no_bias=True, name="up"
    )
    score = mx.sym.Crop(up, data, offset=(0, 0), name="score")
    return mx.sym.SoftmaxOutput(
        score, multi_output=True, use_ignore=True, ignore_label=255, name="softmax"
    ), {"data": (1, 3, 20, 28)}


@net
def u_net(mx):
    def twice(x, filters, name):
        return conv_bn(mx, conv_bn(mx, x, filters, name + "a"), filters, name + "b")

    down1 = twice(mx.sym.Variable("data"), 4, "down1")
    down2 = twice(pool(mx, down1), 8, "down2")
    bottom = twice(pool(mx, down2), 12, "bottom")
    up2 = mx.sym.UpSampling(bottom, scale=2, sample_type="nearest")
    up2 = twice(mx.sym.Concat(up2, down2), 8, "up2")
    up1 = mx.sym.Deconvolution(up2, kernel=(2, 2), stride=(2, 2), num_filter=4, name="up1_deconv")
    up1 = twice(mx.sym.Concat(mx.sym.Crop(up1, down1), down1, dim=1), 4, "up1")
    out = mx.sym.sigmoid(conv(mx, up1, 1, 1, name="out"), name="mask")
    label = mx.sym.Variable("label")
    top = 2.0 * mx.sym.sum(out * label, axis=(1, 2, 3)) + 1
    bottom = mx.sym.sum(out, axis=(1, 2, 3)) + mx.sym.sum(label, axis=(1, 2, 3)) + 1
    dice = mx.sym.MakeLoss(-mx.sym.broadcast_div(top, bottom), name="dice")
    return mx.sym.Group([dice, mx.sym.BlockGrad(out)]), {
        "data": (2, 1, 16, 16),
        "label": (2, 1, 16, 16),
    }


@net
def autoencoder(mx):
    x = data = mx.sym.Variable("data")
    for i, size in enumerate((16, 8, 3, 8, 16, 25)):
        x = mx.sym.FullyConnected(x, num_hidden=size, name=f"layer{i}")
        if i not in (2, 5):
            x = mx.sym.Activation(x, act_type="sigmoid")
    return mx.sym.LinearRegressionOutput(x, data, name="rebuilt"), {"data": (4, 25)}


@net
def variational_autoencoder(mx):
    data = mx.sym.Variable("data")
    h = mx.sym.Activation(
        mx.sym.FullyConnected(data, num_hidden=8, name="enc"), act_type="softrelu"
    )
    mu = mx.sym.FullyConnected(h, num_hidden=2, name="mu")
    log_var = mx.sym.FullyConnected(h, num_hidden=2, name="log_var")
    z = mu + mx.sym.exp(0.5 * log_var) * mx.sym.Variable("noise")
    y = mx.sym.FullyConnected(mx.sym.tanh(z), num_hidden=20, name="dec")
    y = mx.sym.sigmoid(y)
    kl = -0.5 * mx.sym.sum(1 + log_var - mu**2 - mx.sym.exp(log_var), axis=1)
    fit = -mx.sym.sum(data * mx.sym.log(y) + (1 - data) * mx.sym.log(1 - y), axis=1)
    return mx.sym.MakeLoss(kl + fit, name="elbo"), {"data": (4, 20), "noise": (4, 2)}


@net
def gan(mx):
    z = mx.sym.Reshape(mx.sym.Variable("noise"), shape=(0, 0, 1, 1))
    for i, (filters, stride, pad) in enumerate(((8, 1, 0), (4, 2, 1))):
        z = mx.sym.Deconvolution(
            z, kernel=(4, 4), stride=(stride,) * 2, pad=(pad,) * 2, num_filter=filters,
            no_bias=True, name=f"g{i}",
        )  # fmt: skip
        z = mx.sym.Activation(mx.sym.BatchNorm(z, name=f"g{i}_bn"), act_type="relu")
    picture = mx.sym.Activation(conv(mx, z, 3, name="g_out"), act_type="tanh", name="picture")
    x = mx.sym.LeakyReLU(conv(mx, picture, 6, 4, 2, pad=1, name="d0"), act_type="leaky", slope=0.2)
    x = conv(mx, x, 1, 4, 1, pad=0, name="d1")
    return mx.sym.LogisticRegressionOutput(mx.sym.Flatten(x), name="real"), {"noise": (2, 5)}


@net
def super_resolution(mx):
    x = mx.sym.tanh(conv(mx, mx.sym.Variable("data"), 8, 5, name="conv1"))
    x = conv(mx, x, 3 * 4, name="conv2")
    x = mx.sym.depth_to_space(x, block_size=2)
    return mx.sym.MAERegressionOutput(x, name="picture"), {"data": (1, 3, 6, 8)}


@net
def style_transfer(mx):
    x = mx.sym.Pad(mx.sym.Variable("data"), mode="reflect", pad_width=(0, 0, 0, 0, 2, 2, 2, 2))
    x = mx.sym.InstanceNorm(conv(mx, x, 6, 5, pad=0, name="conv1"), name="in1")
    y = mx.sym.relu(mx.sym.InstanceNorm(conv(mx, x, 6, name="res1"), name="in2"))
    x = x + mx.sym.InstanceNorm(conv(mx, y, 6, name="res2"), name="in3")
    gram = mx.sym.Reshape(x, shape=(0, 0, -1))
    gram = mx.sym.batch_dot(gram, gram, transpose_b=True) / 64
    out = mx.sym.tanh(conv(mx, x, 3, 9, name="out")) * 127.5 + 127.5
    return mx.sym.Group([out, gram]), {"data": (2, 3, 8, 8)}


@net
def capsules(mx):
    def squash(x, axis):
        norm = mx.sym.sum(mx.sym.square(x), axis=axis, keepdims=True)
        return mx.sym.broadcast_mul(x, norm / (1 + norm) / mx.sym.sqrt(norm + 1e-7))

    x = mx.sym.relu(conv(mx, mx.sym.Variable("data"), 8, 5, 2, pad=0, name="conv1"))
    x = conv(mx, x, 8, 3, 1, pad=0, name="primary")
    primary = squash(mx.sym.Reshape(x, shape=(0, 2, 4, -1)), 2)
    primary = mx.sym.Reshape(mx.sym.transpose(primary, axes=(0, 1, 3, 2)), shape=(0, -3, 0))
    u = mx.sym.expand_dims(mx.sym.expand_dims(primary, axis=2), axis=4)  # n, i, 1, 4, 1
    w = mx.sym.Variable("w", shape=(1, 32, 3, 4, 6))
    votes = mx.sym.sum(mx.sym.broadcast_mul(u, w), axis=3)  # n, i, classes, 6
    b = mx.sym.zeros_like(mx.sym.sum(votes, axis=3, keepdims=True))
    for _ in range(2):
        c = mx.sym.softmax(b, axis=2)
        v = squash(mx.sym.sum(mx.sym.broadcast_mul(c, votes), axis=1, keepdims=True), 3)
        b = b + mx.sym.sum(mx.sym.broadcast_mul(votes, v), axis=3, keepdims=True)
    length = mx.sym.sqrt(mx.sym.sum(mx.sym.square(mx.sym.Reshape(v, shape=(0, 3, 6))), axis=2))
    hot = mx.sym.one_hot(mx.sym.Variable("label"), depth=3)
    present = hot * mx.sym.square(mx.sym.maximum(0, 0.9 - length))
    absent = 0.5 * (1 - hot) * mx.sym.square(mx.sym.maximum(0, length - 0.1))
    return mx.sym.MakeLoss(mx.sym.sum(present + absent, axis=1), name="margin"), {
        "data": (2, 1, 15, 15),
        "label": (2,),
    }


@net
def siamese(mx):
    weights = {n: mx.sym.Variable(n) for n in ("w1", "b1", "w2", "b2")}

    def tower(x):
        x = mx.sym.FullyConnected(x, weights["w1"], weights["b1"], num_hidden=16)
        return mx.sym.FullyConnected(mx.sym.relu(x), weights["w2"], weights["b2"], num_hidden=4)

    left, right = tower(mx.sym.Variable("left")), tower(mx.sym.Variable("right"))
    distance = mx.sym.sqrt(mx.sym.sum(mx.sym.square(left - right), axis=1) + 1e-6)
    alike = mx.sym.Variable("alike")
    loss = alike * mx.sym.square(distance) + (1 - alike) * mx.sym.square(
        mx.sym.maximum(1 - distance, 0)
    )
    return mx.sym.MakeLoss(mx.sym.mean(loss), name="contrastive"), {
        "left": (4, 9), "right": (4, 9), "alike": (4,),
    }  # fmt: skip


@net
def siamese_by_composing(mx):
    tower = mx.sym.Variable("x")
    tower = mx.sym.FullyConnected(
        tower, mx.sym.Variable("w"), mx.sym.Variable("b"), num_hidden=4, name="tower"
    )
    left = tower(x=mx.sym.Variable("left"), name="left_tower")
    score = mx.sym.sum(left * mx.sym.Variable("other"), axis=1)
    return mx.sym.LogisticRegressionOutput(score, name="same"), {"left": (4, 9)}


@net
def matrix_factorisation(mx):
    user = mx.sym.Embedding(mx.sym.Variable("user"), input_dim=20, output_dim=4, name="users")
    item = mx.sym.Embedding(mx.sym.Variable("item"), input_dim=30, output_dim=4, name="items")
    score = mx.sym.sum_axis(user * item, axis=1)
    score = mx.sym.Flatten(score)
    return mx.sym.LinearRegressionOutput(score, mx.sym.Variable("score"), name="lro"), {
        "user": (6,),
        "item": (6,),
    }


@net
def neural_factorisation(mx):
    parts = []
    for name, size in (("user", 20), ("item", 30)):
        x = mx.sym.Embedding(mx.sym.Variable(name), input_dim=size, output_dim=6, name=name + "s")
        x = mx.sym.FullyConnected(mx.sym.Flatten(x), num_hidden=5, name=f"{name}_fc")
        parts.append(mx.sym.LeakyReLU(x, act_type="elu"))
    score = mx.sym.sum(parts[0] * parts[1], axis=1, keepdims=True)
    return mx.sym.LinearRegressionOutput(score, name="score"), {"user": (6,), "item": (6,)}


@net
def factorisation_machine(mx):
    x = mx.sym.Variable("data")
    v = mx.sym.Variable("v", shape=(12, 4))
    linear = mx.sym.FullyConnected(x, num_hidden=1, name="linear")
    squared = mx.sym.square(mx.sym.dot(x, v))
    squares = mx.sym.dot(mx.sym.square(x), mx.sym.square(v))
    pairs = 0.5 * mx.sym.sum(squared - squares, axis=1, keepdims=True)
    return mx.sym.LogisticRegressionOutput(linear + pairs, name="click"), {"data": (5, 12)}


@net
def wide_and_deep(mx):
    wide = mx.sym.FullyConnected(
        mx.sym.Variable("wide"), num_hidden=2, no_bias=True, name="wide_fc"
    )
    columns = mx.sym.split(mx.sym.Variable("categories"), num_outputs=3, axis=1, squeeze_axis=True)
    parts = [
        mx.sym.Embedding(column, input_dim=10, output_dim=3, name=f"column{i}")
        for i, column in enumerate(columns)
    ]
    deep = mx.sym.Concat(mx.sym.Variable("numbers"), *parts, dim=1)
    for i in range(2):
        deep = mx.sym.relu(mx.sym.FullyConnected(deep, num_hidden=8, name=f"deep{i}"))
    deep = mx.sym.FullyConnected(deep, num_hidden=2, name="deep_out")
    return mx.sym.SoftmaxOutput(wide + deep, name="model"), {
        "wide": (4, 15), "categories": (4, 3), "numbers": (4, 2),
    }  # fmt: skip


@net
def region_heads(mx):
    x = conv_bn(mx, mx.sym.Variable("data"), 6, "body", stride=2)
    rois = mx.sym.ROIPooling(
        x, mx.sym.Variable("rois"), pooled_size=(3, 3), spatial_scale=0.5, name="roi_pool"
    )
    top = mx.sym.relu(mx.sym.FullyConnected(mx.sym.Flatten(rois), num_hidden=8, name="fc6"))
    boxes = mx.sym.FullyConnected(top, num_hidden=12, name="bbox_pred")
    weight = mx.sym.Variable("bbox_weight")
    loss = mx.sym.smooth_l1(weight * (boxes - mx.sym.Variable("bbox_target")), scalar=1.0)
    loss = mx.sym.MakeLoss(loss, grad_scale=0.25, name="bbox_loss")
    return mx.sym.Group([classified(mx, top, 3, "cls_prob"), loss]), {
        "data": (1, 3, 16, 16),
        "rois": (4, 5),
        "bbox_target": (4, 12),
    }


@net
def actor_and_critic(mx):
    x = mx.sym.Variable("data")
    x = mx.sym.relu(conv(mx, x, 4, 4, 2, pad=0, name="conv"))
    x = mx.sym.relu(mx.sym.FullyConnected(mx.sym.Flatten(x), num_hidden=10, name="fc"))
    policy = mx.sym.FullyConnected(x, num_hidden=3, name="policy")
    value = mx.sym.FullyConnected(x, num_hidden=1, name="value")
    log_policy = mx.sym.log_softmax(policy, axis=1)
    action = mx.sym.pick(log_policy, mx.sym.Variable("action"), axis=1)
    advantage = mx.sym.Variable("reward") - mx.sym.BlockGrad(mx.sym.reshape(value, shape=(-1,)))
    entropy = -mx.sym.sum(mx.sym.exp(log_policy) * log_policy, axis=1)
    actor = mx.sym.MakeLoss(-(action * advantage) - 0.01 * entropy, name="actor")
    critic = mx.sym.LinearRegressionOutput(value, mx.sym.Variable("target"), name="critic")
    return mx.sym.Group([actor, critic, mx.sym.BlockGrad(mx.sym.softmax(policy))]), {
        "data": (2, 2, 10, 10),
        "action": (2,),
    }


@net
def center_loss(mx):
    x = mx.sym.Activation(
        mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=4, name="features"),
        act_type="tanh",
    )
    label = mx.sym.Variable("label")
    softmax = mx.sym.SoftmaxOutput(
        mx.sym.FullyConnected(x, num_hidden=5, name="fc"), label, name="softmax"
    )
    centers = mx.sym.Embedding(label, input_dim=5, output_dim=4, name="centers")
    near = mx.sym.MakeLoss(0.5 * mx.sym.sum(mx.sym.square(x - centers), axis=1), grad_scale=0.1)
    return mx.sym.Group([softmax, near]), {"data": (6, 9)}


@net
def support_vectors(mx):
    x = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=8, name="fc1")
    x = mx.sym.LeakyReLU(x, act_type="prelu", name="prelu")
    x = mx.sym.FullyConnected(x, num_hidden=4, name="fc2")
    return mx.sym.SVMOutput(x, mx.sym.Variable("label"), name="svm"), {"data": (5, 7)}


__all__ = ["NETS"]

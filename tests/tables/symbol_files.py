"""Symbol files as versions of MXNet before 1.9.1 wrote them, and as nobody should write them.

MXNet 1.9.1 cannot write the old styles, so they are put together here, by hand. How it reads them is
in fixtures/symbol_files.json (by scripts/mxnet/record_json.py, in Python 3.8).
"""

import json

NOW = 10901


def node(op, name, *inputs, **fields):
    """Make a node; inputs are positions, or whole entries."""
    entries = [list(i) if isinstance(i, (tuple, list)) else [i, 0, 0] for i in inputs]
    return dict(fields, op=op, name=name, inputs=entries)


def var(name, **fields):
    return node("null", name, **fields)


def graph(nodes, heads=None, version=None, **fields):
    """Make a file; without heads, the last node is the head."""
    heads = [[len(nodes) - 1, 0, 0]] if heads is None else heads
    found = {
        "nodes": nodes,
        "arg_nodes": [i for i, n in enumerate(nodes) if n["op"] == "null"],
        "heads": heads,
    }
    if version is not None:
        found["attrs"] = {"mxnet_version": ["int", version]}
    found.update(fields)
    return json.dumps(found)


FILES = {}


def dense(name, *inputs, key="attr", **attrs):
    attrs.setdefault("num_hidden", "2")
    return node("FullyConnected", name, *inputs, **{key: attrs})


def old(op, name, *inputs, **param):
    """Make a node as MXNet 0.7 wrote it, in 2015."""
    entries = [(source, 0) for source in inputs]
    return dict(node(op, name, *entries), param=param, backward_source_id=-1)


# ------------------------------------------------------------------------------------ three styles

FILES["2015"] = graph(
    [
        old("null", "data"),
        old("null", "fc1_weight"),
        old("null", "fc1_bias"),
        old("FullyConnected", "fc1", 0, 1, 2, no_bias="False", num_hidden="128"),
        old("Activation", "relu1", 3, act_type="relu"),
        old("null", "bn_gamma"),
        old("null", "bn_beta"),
        old("BatchNorm", "bn", 4, 5, 6, eps="0.001", fix_gamma="True", momentum="0.9"),
        old("null", "softmax_label"),
        old("SoftmaxOutput", "softmax", 7, 8, grad_scale="1", multi_output="False"),
    ],
    heads=[[9, 0]],
)
FILES["2015 with attributes"] = graph(
    [
        dict(old("null", "x"), attr={"ctx_group": "dev1", "lr_mult": "0.1"}),
        dict(old("null", "w"), attr={"__init__": "zeros"}),
        dict(
            old("FullyConnected", "fc", 0, 1, num_hidden="3", no_bias="True"),
            attr={"ctx_group": "dev2", "weight_lr_mult": "1.2", "force_mirroring": "True"},
        ),
    ],
    heads=[[2, 0]],
)
FILES["2016"] = graph(
    [
        var("data", attr={"mirror_stage": "True"}),
        var("w", attr={"lr_mult": "2"}),
        dense("fc", 0, 1, no_bias="True", weight_wd_mult="0", weight_lr_mult="3"),
    ]
)
FILES["0.9.3"] = graph(
    [var("x"), var("g"), node("LeakyReLU", "prelu", 0, 1, attr={"act_type": "prelu"})],
    version=903,
)
FILES["0.9.5"] = graph(
    [
        var("x"), var("g"), var("b"), var("mean"), var("var"),
        node("BatchNorm", "bn", 0, 1, 2, (3, 0, 1), (4, 0, 1), attr={"eps": "2e-05"}),
    ],
    version=905,
)  # fmt: skip
FILES["1.0.0"] = graph(
    [var("x"), var("w"), dense("f", 0, 1, key="attrs", no_bias="1")], version=10000
)
FILES["1.9.1"] = graph(
    [var("x"), var("w"), dense("f", 0, 1, key="attrs", no_bias="1")], version=NOW
)
FILES["no attributes at all"] = graph([var("x"), node("tanh", "t", 0)], attrs={})

# ------------------------------------------------------------------------------- each upgrade rule

for version in (None, 800, 899, 900, 905, 10900, NOW, 10902):
    FILES["inputs missing, {}".format(version)] = graph([var("x"), dense("fc", 0)], version=version)
    FILES["states missing, {}".format(version)] = graph(
        [var("x"), var("g"), var("b"), node("BatchNorm", "bn", 0, 1, 2, attr={"eps": "0.01"})],
        version=version,
    )
    FILES["hidden keys, {}".format(version)] = graph(
        [
            var("x", attr={"lr_mult": "2", "wd_mult": "0", "weight_lr_mult": "3", "mood": "calm"}),
            node("tanh", "t", 0, attr={"ctx_group": "a", "force_mirroring": "1"}),
        ],
        version=version,
    )
for version in (None, 903, 904, NOW):
    FILES["initializers, {}".format(version)] = graph(
        [
            var("x"), var("s"), node("LeakyReLU", "p", 0, 1, attr={"act_type": "prelu"}),
            node("BatchNorm", "bn", 2, 1, 1, 1, 1),
        ],
        version=version,
    )  # fmt: skip
for version in (None, 904, 905):
    FILES["argmax, {}".format(version)] = graph(
        [
            var("x"), node("argmax", "a", 0, attr={"axis": "-1", "keepdims": "True"}),
            node("argmin", "b", 0, attr={"axis": "-1"}), node("sum", "c", 0, attr={"axis": "-1"}),
            node("argmax", "d", 0, attr={"axis": "1"}),
        ],
        heads=[[i, 0, 0] for i in (1, 2, 3, 4)], version=version,
    )  # fmt: skip

FILES["a factor of a shared weight"] = graph(
    [
        var("x"), var("w"), dense("f", 0, 1, no_bias="True", weight_lr_mult="3"),
        dense("g", 2, 1, no_bias="True", weight_lr_mult="5"),
    ]
)  # fmt: skip
FILES["a factor of a weight that has one"] = graph(
    [
        var("x"), var("w", attr={"lr_mult": "1"}),
        dense("f", 0, 1, no_bias="True", weight_lr_mult="3"),
    ]
)  # fmt: skip
FILES["a factor of a weight that is computed"] = graph(
    [
        var("x"), var("v"), node("tanh", "w", 1),
        dense("f", 0, 2, no_bias="True", weight_lr_mult="3"),
    ]
)  # fmt: skip
FILES["a factor of the op and both its inputs"] = graph(
    [
        var("x"), var("y"),
        node("elemwise_add", "s", 0, 1, attr={
            "lhs_lr_mult": "1", "rhs_lr_mult": "2", "lr_mult": "3", "rhs_ctx_group": "b"}),
    ]
)  # fmt: skip
FILES["a factor of nothing"] = graph([var("x"), var("w"), dense("f", 0, 1, bias_lr_mult="3")])
FILES["a factor spelled twice"] = graph(
    [var("x"), var("w"), dense("f", 0, 1, no_bias="1", lr_mult="8", __lr_mult__="7")]
)
FILES["a factor that the missing inputs copy"] = graph([var("x"), dense("f", 0, lr_mult="7")])
FILES["an initializer that is there"] = graph(
    [
        var("x"),
        var("g", attr={"__init__": "mine"}),
        node("LeakyReLU", "p", 0, 1, attr={"act_type": "prelu"}),
    ]
)
FILES["an initializer of a missing input"] = graph(
    [var("x"), node("LeakyReLU", "p", 0, attr={"act_type": "prelu"})]
)
FILES["missing inputs of an op without a name"] = graph([var("x"), dense("", 0)])
FILES["missing inputs of Concat"] = graph(
    [var("x"), node("Concat", "c", 0, 0, attr={"num_args": "3"})]
)
FILES["missing inputs of an LSTM"] = graph(
    [var("x"), node("RNN", "r", 0, attr={"mode": "lstm", "num_layers": "1", "state_size": "2"})]
)

# -------------------------------------------------------------------------------- three spellings

for version in (None, NOW):
    where = ", {}".format(version)
    three = [var("x"), var("w"), var("b")]
    FILES["param and attr" + where] = graph(
        [
            *three,
            dict(dense("f", 0, 1, 2, num_hidden="3"), param={"num_hidden": "2", "no_bias": "0"}),
        ],
        version=version,
    )
    FILES["attr, then attrs" + where] = graph(
        [*three, dict(dense("f", 0, 1, 2, no_bias="False"), attrs={"num_hidden": "3"})],
        version=version,
    )
    FILES["attrs, then attr" + where] = graph(
        [*three, dict(dense("f", 0, 1, 2, key="attrs"), attr={"num_hidden": "3", "flatten": "1"})],
        version=version,
    )

# ---------------------------------------------------------------------------------- aliases, names

FILES["aliases"] = graph(
    [
        var("x"), node("_Plus", "a", 0, 0), node("flatten", "b", 1),
        node("_PlusScalar", "c", 2, attrs={"scalar": "1"}),
        node("ElementWiseSum", "d", 3, 3, attrs={"num_args": "2"}),
        node("concat", "e", 4, 4, attrs={"num_args": "2"}), node("split", "s", 5, attrs={"num_outputs": "2"}),
        node("crop", "f", (6, 1), attrs={"begin": "(0,)", "end": "(1,)"}),
    ],
    version=NOW,
)  # fmt: skip
FILES["equal names"] = graph(
    [
        var("x", attrs={"__a__": "1"}), var("x", attrs={"__b__": "2", "__a__": "3"}),
        node("elemwise_add", "x", 0, 1),
    ],
    version=NOW,
)  # fmt: skip
FILES["names of all kinds"] = graph(
    [var("a/b c\u00e4\u4e2d"), node("tanh", "", 0)], version=NOW
).replace("\\u00e4\\u4e2d", "\u00e4\u4e2d")
FILES["escapes"] = graph([var('a"b\\c\nd\te\rf'), node("tanh", "t", 0)], version=NOW)
FILES["control characters"] = graph([var("a\u0001b"), node("tanh", "t", 0)], version=NOW).replace(
    "\\u0001", "\u0001"
)

# --------------------------------------------------------------------------------------- the graph

FILES["one output of several"] = graph(
    [var("x"), node("split", "s", 0, attrs={"num_outputs": "3"})], heads=[[1, 1, 0]], version=NOW
)
FILES["variables only"] = graph([var("x"), var("y")], heads=[[1, 0, 0], [0, 0, 0]], version=NOW)
FILES["heads that repeat"] = graph(
    [var("x"), node("tanh", "t", 0)], heads=[[1, 0, 0], [1, 0, 0], [0, 0, 0]], version=NOW
)
FILES["nodes that no head reaches"] = graph(
    [var("x"), node("tanh", "t", 0), var("y"), node("tanh", "u", 2)], heads=[[1, 0, 0]], version=NOW
)
FILES["inputs behind their reader"] = graph(
    [node("elemwise_add", "s", 1, 2), node("tanh", "t", 2), var("x")],
    heads=[[0, 0, 0]],
    version=NOW,
)
FILES["versions"] = graph(
    [
        var("x"), var("g"), var("m"),
        node("BatchNorm", "a", 0, 1, 1, (2, 0, 4), (2, 0, 5)),
        node("elemwise_add", "s", 3, (2, 0, 5)),
    ],
    version=NOW,
)  # fmt: skip
FILES["a graph's own extras"] = graph(
    [var("x"), node("tanh", "t", 0)],
    attrs={"mxnet_version": ["int", NOW], "is_np_shape": ["int", 1], "more": ["str", "a"]},
    node_row_ptr=[0, 5, 9],
)
FILES["shape and type as text"] = graph(
    [
        var("x", attrs={"__shape__": "(2, 3L)", "__dtype__": "0", "__profiler_scope__": "p"}),
        node("tanh", "t", 0),
    ],
    version=NOW,
)
FILES["automatic mixed precision"] = graph(
    [
        var("x"), node("amp_cast", "a", 0, attrs={"dtype": "float16"}),
        node("amp_cast", "b", 1, attrs={"dtype": "float32"}), node("tanh", "t", 2),
        node("amp_multicast", "m", 1, 3, attrs={"num_outputs": "2"}),
        node("elemwise_add", "s", (4, 1), (4, 0)),
    ],
    heads=[[5, 0, 0], [1, 0, 0], [4, 1, 0]], version=NOW,
)  # fmt: skip
FILES["an update"] = graph(
    [
        var("w"),
        var("g"),
        var("m"),
        node("signum_update", "u", 0, 1, (2, 0, 1), attrs={"lr": "0.1"}),
    ],
    version=NOW,
)

# --------------------------------------------------------------------------------- what is refused

chain = [var("x"), node("tanh", "t", 0)]
for name, version in {"legacy": None, "current": NOW, "newer": 10902}.items():
    FILES["an unknown parameter, " + name] = graph(
        [var("x"), var("w"), dense("f", 0, 1, no_bias="1", mood="calm")], version=version
    )
    FILES["an unknown attribute, " + name] = graph(
        [var("x"), var("w"), dense("f", 0, 1, no_bias="1", __mood__="calm")], version=version
    )
    FILES["attributes of an op without parameters, " + name] = graph(
        [var("x"), node("tanh", "t", 0, attr={"mood": "calm"})], version=version
    )
    FILES["a parameter missing, " + name] = graph([var("x"), node("Cast", "c", 0)], version=version)
    FILES["a parameter of another kind, " + name] = graph(
        [var("x"), var("w"), dense("f", 0, 1, no_bias="1", num_hidden="two")], version=version
    )
    FILES["too many inputs, " + name] = graph(
        [var("x"), node("FullyConnected", "f", 0, 0, 0, 0, attr={"num_hidden": "2"})],
        version=version,
    )
for head in ("Linear", "Logistic", "MAE"):
    FILES[f"parameters that {head}RegressionOutput does not have"] = graph(
        [
            var("x"),
            var("y"),
            node(f"{head}RegressionOutput", "r", 0, 1, attrs={"out_grad": "True", "mood": "calm"}),
        ],
        version=NOW,
    )
FILES["Concat without a count"] = graph([var("x"), node("Concat", "c", 0, 0)], version=NOW)
FILES["long integers of Python 2"] = graph(
    [var("x"), var("w"), node("Convolution", "c", 0, 1, attrs={
        "kernel": "(3L, 3L)", "num_filter": "4L", "no_bias": "True"})],
    version=NOW,
)  # fmt: skip
FILES["a shape of long integers"] = FILES["long integers of Python 2"].replace("4L", "4")
FILES["an op that nobody knows"] = graph([var("x"), node("WarpCTC", "w", 0)], version=NOW)
FILES["an output that is not there"] = graph([var("x"), node("tanh", "t", (0, 1, 0))], version=NOW)
FILES["a negative output"] = graph([var("x"), node("tanh", "t", (0, -1, 0))], version=NOW)
FILES["a node that is not there"] = graph([var("x"), node("tanh", "t", 9)], version=NOW)
FILES["a negative node"] = graph([var("x"), node("tanh", "t", -1)], version=NOW)
FILES["a head that is not there"] = graph(chain, heads=[[7, 0, 0]], version=NOW)
FILES["a cycle"] = graph([var("x"), node("tanh", "t", 2), node("tanh", "u", 1)], version=NOW)
FILES["a node that reads itself"] = graph([var("x"), node("tanh", "t", 1)], version=NOW)
FILES["a variable with inputs"] = graph([var("x"), node("null", "y", 0)], version=NOW)
FILES["no heads"] = graph(chain, heads=[], version=NOW)
FILES["an unknown op that no head reaches"] = graph(
    [var("x"), node("tanh", "t", 0), node("WarpCTC", "w", 0)], heads=[[1, 0, 0]], version=NOW
)
FILES["an entry of one number"] = graph([var("x"), node("tanh", "t", (0,))], version=NOW)
FILES["an entry of four numbers"] = graph([var("x"), node("tanh", "t", (0, 0, 0, 0))], version=NOW)
FILES["an entry of fractions"] = graph([var("x"), node("tanh", "t", (0.0, 0, 0))], version=NOW)
FILES["a version that is text"] = graph(chain, attrs={"mxnet_version": ["str", "10901"]})
FILES["a version without a type"] = graph(chain, attrs={"mxnet_version": NOW})
FILES["a negative version"] = graph(chain, attrs={"mxnet_version": ["int", -4]})
FILES["a name that is a number"] = graph([var("x"), node("tanh", 5, 0)], version=NOW)
FILES["a node without a name"] = graph(
    [var("x"), {"op": "tanh", "inputs": [[0, 0, 0]]}], version=NOW
)
FILES["a node without inputs"] = graph([{"op": "null", "name": "x"}, chain[1]], version=NOW)
FILES["an attribute that is a number"] = graph(
    [var("x", attrs={"__a__": 2}), chain[1]], version=NOW
)
FILES["an attribute that is true"] = graph([var("x", attrs={"__a__": True}), chain[1]], version=NOW)
FILES["attributes that are null"] = graph([var("x", attrs=None), chain[1]], version=NOW)
FILES["a field that nobody knows"] = graph(chain, version=NOW, colour="red")
FILES["a node's field that nobody knows"] = graph([var("x", colour="red"), chain[1]], version=NOW)
FILES["control dependencies"] = graph(
    [var("x"), var("y"), dict(chain[1], control_deps=[1])], version=NOW
)
FILES["no list of arguments"] = graph(chain, version=NOW).replace('"arg_nodes": [0], ', "")
FILES["a wrong list of arguments"] = graph(chain, version=NOW, arg_nodes=[1, 55])
FILES["escapes in four digits"] = graph([var("\u00e9"), chain[1]], version=NOW)
FILES["something behind the end"] = graph(chain, version=NOW) + " and more"
FILES["a list"] = "[]"
FILES["no text"] = ""
FILES["a comma too many"] = graph(chain, version=NOW).replace("]}", ",]}")
FILES["no number"] = graph(chain, heads=[[float("nan"), 0]], version=NOW)

"""Random DAGs over most of what can be composed, the same under MXNet 1.9.1 and under minisym.

`make(mx, seed)` composes one with the module that it is given. It draws from Python's own generator,
whose numbers do not depend on the version, and follows shapes itself, so that both sides run the
same program. What it composes is kind to comparisons between float32 and float32: values are bounded,
what is not smooth (rounding, sorting, a maximum) reads numbers that lie apart from one another and from
whole numbers and halves, and what has poles stays away from them.

It runs under Python 3.8, too (`scripts/mxnet/record_random_graphs.py`); the ops are in random_templates.py.
"""

import contextlib
import json
import math
import random
import zlib

import numpy as np

COUNT = 150  # graphs that are recorded: the first that MXNet runs
LARGE = 100  # elements: what is larger is read by nothing, and so becomes a head
TEMPLATES = []  # filled by random_templates
FUNCTIONS = {
    "maximum",
    "minimum",
    "hypot",
    "split_v2",
    "moments",
    "zeros",
    "ones",
    "full",
    "arange",
    "linspace",
    "eye",
}  # functions over ops, some of which take no name or attributes


class Value:
    """A symbol of one output, with what is known of it: its shape, and what its size is below."""

    def __init__(self, symbol, shape, bound):
        self.symbol, self.shape, self.bound = symbol, tuple(shape), bound
        self.readers = 0

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def size(self):
        return int(np.prod(self.shape))


class Builder:
    """Composes a graph: templates ask it for values to read, and give it calls."""

    def __init__(self, mx, seed):
        self.mx, self.rng = mx, random.Random(seed)
        self.values = []
        self.heads = []  # losses, which nothing reads
        self.variables = {}  # name -> (shape, kind)
        self.count = 0
        self.prefix, self.block = "", {}  # of the names and attributes of what a template composes

    # What is drawn.

    def dice(self, *options):
        return options[self.rng.randrange(len(options))]

    def chance(self, p):
        return self.rng.random() < p

    def shape(self, ndim=None):
        ndim = ndim or self.dice(1, 2, 2, 3, 3, 4)
        while True:
            shape = tuple(self.dice(1, 2, 2, 3, 3, 4, 5) for _ in range(ndim))
            if 2 <= np.prod(shape) <= 48:
                return shape

    def axis(self, value):
        """Return an axis, counted from the front or from the end."""
        return self.rng.randrange(value.ndim) - self.dice(0, 0, value.ndim)

    # What can be read.

    def variable(self, shape, kind="data"):
        name = "%s%d" % (kind, len(self.variables))
        self.variables[name] = (tuple(shape), kind)
        return Value(self.mx.sym.Variable(name), shape, 1.0)

    def pick(self, ndim=None, test=None, largest=LARGE):
        """Return a value between -1 and 1, most often one that nothing has read so far."""
        fit = [
            v for v in self.values
            if v.size <= largest and ndim in (None, v.ndim) and (test is None or test(v.shape))
        ]  # fmt: skip
        fresh = [v for v in fit if not v.readers]
        if fit and self.chance(0.95):
            return self.tame(self.dice(*(fresh if fresh and self.chance(0.7) else fit)))
        made = self.variable(self.shape(ndim))
        while test is not None and not test(made.shape):
            del self.variables[list(self.variables)[-1]]
            made = self.variable(self.shape(ndim))
        self.values.append(made)
        return made

    def image(self, channels=None):
        """Return images, (n, c, h, w), with room for a window of 2 x 2."""

        def fits(shape):
            return len(shape) == 4 and min(shape[2:]) > 2 and channels in (None, shape[1])

        if not self.chance(0.1):
            found = [v for v in self.values if v.size <= LARGE and fits(v.shape)]
            if found:
                return self.tame(self.dice(*found))
            flat = [v for v in self.values if 12 <= v.size <= LARGE]
            for v in flat if channels is None else ():
                for height in (3, 4):
                    if v.size % (height * 3) == 0:
                        shape = (1, v.size // (height * 3), height, 3)
                        return self.call("Reshape", self.tame(v), shape=shape)
        made = self.variable((self.dice(1, 2), channels or self.dice(2, 3, 4),
                              self.dice(3, 4), self.dice(3, 4)))  # fmt: skip
        self.values.append(made)
        return made

    def like(self, value):
        """Return another value of the same shape: one that is there, or a variable."""
        fit = [v for v in self.values if v.shape == value.shape and v is not value]
        if fit and self.chance(0.8):
            return self.tame(self.dice(*fit))
        return self.variable(value.shape)

    def square(self, batch=False):
        """Return a well conditioned matrix: the identity and a bit of something, (…, n, n)."""
        n = self.dice(2, 3)
        shape = ((self.dice(1, 2),) if batch else ()) + (n, n)
        fit = [v for v in self.values if v.shape == shape]
        x = self.tame(self.dice(*fit)) if fit else self.variable(shape)
        return self.call(
            "broadcast_add", self.times(x, 0.2), self.variable(shape, "unit"), bound=1.2
        )

    # What is made of it.

    def tame(self, value):
        """Return it between -1 and 1."""
        if value.bound <= 1:
            return value
        op = self.dice("tanh", "softsign", "erf", "scale", "scale")
        if op == "scale":
            return self.times(value, 1.0 / math.ceil(value.bound), 1.0)
        return self.call(op, value)

    def times(self, value, factor, bound=None):
        bound = abs(factor) * value.bound if bound is None else bound
        return self.spell(lambda x: x * factor, value, bound=bound)

    def between(self, value, low, high):
        """Return it between two bounds."""
        value = self.tame(value)
        half, middle = (high - low) / 2, (high + low) / 2
        bound = max(abs(low), abs(high))
        if self.chance(0.3):
            scaled = self.times(self.call("sigmoid", value), high - low)
            return self.spell(lambda x: x + low, scaled, bound=bound)
        scaled = self.times(value, half)
        return self.spell(lambda x: x + middle, scaled, bound=bound) if middle else scaled

    def apart(self, value):
        """Return numbers of which each is at least 0.3 from each other, and 0.15 from k / 2."""
        ladder = self.variable(value.shape, "ladder")
        bound = value.size / 4.0 + 0.1
        return self.call("elemwise_add", self.times(self.tame(value), 0.1), ladder, bound=bound)

    def bits(self, shape):
        """Return numbers of which about half are 0, and the others 1."""
        return self.spell(lambda x: x > 0, self.apart(self.variable(shape)))

    def spell(self, operation, *inputs, **known):
        """Compose by Python's operators."""
        for v in inputs:
            v.readers += 1
        self.count += 1
        shape = known.get("shape", inputs[0].shape)
        return Value(operation(*[v.symbol for v in inputs]), shape, known.get("bound", 1.0))

    def compose(self, op, *inputs, **params):
        """Call an op, perhaps with a name and attributes."""
        for v in inputs:
            v.readers += 1
        self.count += 1
        if op not in FUNCTIONS and self.chance(0.25):
            params["name"] = "n%d" % self.count
        if op not in FUNCTIONS and self.chance(0.1):
            params["attr"] = {"__mood__": self.dice("calm", "merry")}
        function = self.mx.sym
        for part in op.split("."):
            function = getattr(function, part)
        return function(*[v.symbol for v in inputs], **params)

    def call(self, op, *inputs, **params):
        """Call an op of one output; `to` and `bound` say its shape and size."""
        to = params.pop("to", params.get("shape", inputs[0].shape if inputs else None))
        bound = params.pop("bound", 1.0)
        if op == "Reshape" and "to" not in params and any(n <= 0 for n in to):
            raise AssertionError("say the shape of a Reshape with codes")
        return Value(self.compose(op, *inputs, **params), to, bound)

    def update(self, op, inputs, names, **params):
        """Compose an update.

        MXNet refuses most of them where they are called, but reads them from files, and composes what
        it has read. There the states are written, and the new weight goes to the output alone.
        """
        self.count += 1
        name = "update%d" % self.count
        for v in inputs:
            v.readers += 1
        symbols = [v.symbol for v in inputs]
        if self.mx.__name__ != "mxnet":
            return Value(
                getattr(self.mx.sym, op)(*symbols, **params, name=name), inputs[0].shape, 2.0
            )
        n, name = len(inputs), self.prefix + name
        nodes = [{"op": "null", "name": "%s_%s" % (name, key), "inputs": []} for key in names]
        attrs = dict({key: str(value) for key, value in params.items()}, **self.block)
        nodes.append(
            {"op": op, "name": name, "attrs": attrs, "inputs": [[i, 0, 0] for i in range(n)]}
        )
        text = json.dumps({
            "nodes": nodes, "arg_nodes": list(range(n)), "node_row_ptr": list(range(n + 2)),
            "heads": [[n, 0, 0]], "attrs": {"mxnet_version": ["int", 10901]},
        })  # fmt: skip
        named = {"%s_%s" % (name, key): symbol for key, symbol in zip(names, symbols)}
        return Value(self.mx.sym.load_json(text)(**named), inputs[0].shape, 2.0)

    def keep(self, *values):
        """Let later templates read these."""
        self.values.extend(values)


class Made:
    """A graph with what is needed to run it."""

    def __init__(self, symbol, variables, seed):
        self.symbol, self.seed = symbol, seed
        self.kinds = {name: kind for name, (_, kind) in variables.items()}
        there = set(symbol.list_inputs())
        self.shapes = {n: shape for n, (shape, _) in variables.items() if n in there}

    def fixed(self, name):
        """Say whether an argument gets no gradient: labels, lengths, positions, weights of updates."""
        return self.kinds.get(name, "data").rstrip("_0123456789") in FIXED

    def array(self, name, shape):
        """Return an input's values, which depend on the seed and on its name."""
        kind = self.kinds.get(name, "")
        rng = np.random.RandomState(zlib.crc32(("%d %s" % (self.seed, name)).encode()) & 0x7FFFFFFF)
        if kind.startswith("below"):
            return rng.randint(0, int(kind[5:].rstrip("_")), shape).astype(np.float32)
        if kind.startswith("length"):
            return rng.randint(1, int(kind[6:].rstrip("_")) + 1, shape).astype(np.float32)
        if kind == "ladder":
            size = int(np.prod(shape))
            steps = (rng.permutation(size) - size // 2) * 0.5 + 0.25
            return steps.reshape(shape).astype(np.float32)
        if kind == "unit":
            return np.broadcast_to(np.eye(shape[-1], dtype=np.float32), shape).copy()
        if kind == "positive" or name.endswith(("var", "gamma")):
            return rng.uniform(0.5, 1.5, shape).astype(np.float32)
        width = 1.0 if kind else 0.5
        return rng.uniform(-width, width, shape).astype(np.float32)


FIXED = ("below", "length", "label", "weight", "state", "positive")


def make(mx, seed):
    """Compose the graph of a seed."""
    import random_templates  # noqa: F401  it fills TEMPLATES

    with mx.name.NameManager():
        b = Builder(mx, seed)
        b.keep(*[b.variable(b.shape()) for _ in range(b.dice(1, 2, 3))])
        wanted = b.rng.randrange(20, 56)
        turn = 0
        while b.count < wanted:
            b.prefix = "block%d_" % b.count if b.chance(0.1) else ""
            b.block = {"__block__": "b%d" % b.count} if b.chance(0.1) else {}
            with contextlib.ExitStack() as scopes:
                if b.prefix:
                    scopes.enter_context(mx.name.Prefix(b.prefix))
                scopes.enter_context(mx.AttrScope(**b.block))
                # the first few take turns from seed to seed, so that all get theirs
                drawn = b.rng.randrange(len(TEMPLATES))
                TEMPLATES[(5 * seed + turn) % len(TEMPLATES) if turn < 5 else drawn](b)
            turn += 1
        heads = b.heads + [v for v in b.values if not v.readers]
        symbols = [v.symbol for v in heads]
        return Made(mx.sym.Group(symbols), b.variables, seed)


# What is compared.


def words(made):
    """Return all that a graph says of itself before it runs."""
    symbol = made.symbol
    lists = {
        "arguments": symbol.list_arguments(),
        "outputs": symbol.list_outputs(),
        "states": symbol.list_auxiliary_states(),
    }
    shapes = [[list(shape) for shape in group] for group in symbol.infer_shape(**made.shapes)]
    return dict(lists, shapes=shapes, text=symbol.tojson(), ops=ops_of(symbol))


def ops_of(symbol):
    """Return the names of the ops of a graph."""
    nodes = json.loads(symbol.tojson())["nodes"]
    return sorted({node["op"] for node in nodes if node["op"] != "null"})


def numbers(mx, made, **options):
    """Run the graph, in inference, then in training and backwards; return names and arrays.

    The options are those of minisym's `bind`, which MXNet does not have.
    """
    symbol = made.symbol
    shapes = dict(zip(symbol.list_arguments(), symbol.infer_shape(**made.shapes)[0]))
    auxiliary = dict(zip(symbol.list_auxiliary_states(), symbol.infer_shape(**made.shapes)[2]))

    def arrays(shapes):
        found = {name: made.array(name, shape) for name, shape in shapes.items()}
        if mx.__name__ == "mxnet":
            found = {name: mx.nd.array(array) for name, array in found.items()}
        return found

    args, aux = arrays(shapes), arrays(auxiliary)
    wanted = [name for name in args if not made.fixed(name)]
    grads = {name: args[name] * 0 + 7 for name in wanted}
    executor = symbol.bind(
        mx.cpu(), args, args_grad=grads, aux_states=aux,
        grad_req={name: "write" if name in grads else "null" for name in args}, **options,
    )  # fmt: skip

    def plain(array):
        return np.array(array.asnumpy() if hasattr(array, "asnumpy") else array)

    found = [
        ("predict %d" % i, plain(out)) for i, out in enumerate(executor.forward(is_train=False))
    ]
    found += [("held %s" % name, plain(aux[name])) for name in auxiliary]
    for name, array in arrays(
        {n: s for n, s in shapes.items() if made.kinds.get(n) == "weight"}
    ).items():
        args[name][:] = array  # minisym has written the weights of updates, MXNet has not
    outputs = executor.forward(is_train=True)
    found += [("train %d" % i, plain(out)) for i, out in enumerate(outputs)]
    heads = [made.array("head %d" % i, out.shape) for i, out in enumerate(outputs)]
    if mx.__name__ == "mxnet":
        heads = [mx.nd.array(head) for head in heads]
    executor.backward(heads)
    found += [("gradient %s" % name, plain(array)) for name, array in grads.items()]
    found += [("after %s" % name, plain(aux[name])) for name in auxiliary]
    return found


def pack(found):
    """Return the numbers of many graphs as a dict of few arrays, for an .npz: strings are JSON.

    `found` is a list of (seed, words, numbers).
    """
    index = [[seed, said, [[name, list(a.shape)] for name, a in ran]] for seed, said, ran in found]
    arrays = [array for _, _, ran in found for _, array in ran]
    assert all(array.dtype == np.float32 for array in arrays)
    flat = np.concatenate([array.ravel() for array in arrays])
    return {"index": np.frombuffer(json.dumps(index).encode(), np.uint8), "numbers": flat}


def unpack(arrays):
    """Return [(seed, words, numbers)] of what `pack` has packed."""
    found, at = [], 0
    for seed, said, names in json.loads(arrays["index"].tobytes().decode()):
        ran = []
        for name, shape in names:
            size = int(np.prod(shape))
            ran.append((name, arrays["numbers"][at : at + size].reshape(shape)))
            at += size
        found.append((seed, said, ran))
    return found


CLOSE = 1e-5
"""What two float32 runs may differ by, of the largest element of an array, or of SMALL if that is more.

Each op rounds to 6e-8 of its value, MXNet's compiler fuses and reorders, and some sixty ops follow one
another, of which none amplifies much. What is smaller than SMALL (most often the gradient of a shift
before a normalization) is a sum of larger terms that cancel, and as exact as these.
"""
SMALL = 0.1


def difference(got, want):
    """Return by how much arrays differ, of the largest element; infinite if they are of other kinds."""
    if got.shape != want.shape or got.dtype != want.dtype or not np.isfinite(got).all():
        return np.inf
    off = np.abs(got.astype(np.float64) - want)
    return float(off.max() / max(np.abs(want).max(), SMALL)) if off.size else 0.0


def differences(mine, theirs):
    """Return sentences on what differs between the answers for one graph, and the largest difference."""
    (said, ran), (said_there, ran_there) = mine, theirs
    wrong = ["%s: %r, not %r" % (key, said[key], said_there[key])
             for key in said_there if said[key] != said_there[key]]  # fmt: skip
    names = [name for name, _ in ran], [name for name, _ in ran_there]
    if names[0] != names[1]:
        return [*wrong, "arrays: %s, not %s" % names], np.inf
    largest = 0.0
    for (name, got), (_, want) in zip(ran, ran_there):
        off = difference(got, want)
        largest = max(largest, off)
        if not off <= CLOSE:
            wrong.append("%s is off by %.1e" % (name, off))
    return wrong, largest

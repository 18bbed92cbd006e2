"""Inference of shapes and types through the Symbol API."""

from .cases import Differs, Raises, Warns

MORE = "what parameters alone decide is known, too"
NULL = "positional arguments fail in this release of MXNet only: 'basic_string ... null'"

MLP = ("d = sym.var('data')\nf = sym.FullyConnected(d, num_hidden=10, name='fc1')\n"
       "m = sym.FullyConnected(sym.relu(f), num_hidden=3, name='fc2')\n")
ALL = [(4, 5), (10, 5), (10,), (3, 10), (3,)]

SHAPES = [
    (MLP + "m.infer_shape(data=(4, 5))", (ALL, [(4, 3)], [])),
    (MLP + "m.infer_shape(fc1_weight=(10, 5))", Warns((None, None, None))),
    (MLP + "m.infer_shape()", Warns((None, None, None))),
    (MLP + "m.infer_shape(data=(4, 5), fc1_weight=(10, 6))", Raises("MXNetError")),
    (MLP + "m.infer_shape(nothing=(4, 5))", Raises("MXNetError")),
    (MLP + "m.infer_shape(data=[4, 5])", Raises("TypeError")),
    (MLP + "m.infer_shape(data=5)", Raises("TypeError")),
    (MLP + "m.infer_shape(data=None)",
     Differs(Raises("TypeError"), Warns((None, None, None)), "None is unknown, by name as by position")),
    (MLP + "m.infer_shape((4, 5), fc1_weight=(10, 5))", Raises("ValueError")),
    (MLP + "m.infer_shape((4, 5))", Differs(Raises("Exception"), (ALL, [(4, 3)], []), NULL)),
    ("(sym.var('a') + sym.var('b')).infer_shape(a=(0, 10), b=(12, 0))", ([(12, 10), (12, 10)], [(12, 10)], [])),
    ("(sym.var('a') + sym.var('b')).infer_shape(a=(2, 3))", ([(2, 3), (2, 3)], [(2, 3)], [])),
    ("(sym.var('a') + sym.var('b')).infer_shape(a=(2, 3), b=(2, 4))", Raises("MXNetError")),
    ("sym.var('a', shape=(2, 3)).infer_shape()", ([(2, 3)], [(2, 3)], [])),
    ("sym.var('a', shape=(2, 3)).infer_shape(a=(4, 5))", ([(4, 5)], [(4, 5)], [])),
    ("(sym.var('a', shape=(0, 3)) + 1).infer_shape_partial()", ([(0, 3)], [(0, 3)], [])),
    ("sym.FullyConnected(sym.var('d'), num_hidden=2, name='f').infer_shape(d=(5, 3, 2, 2))",
     ([(5, 3, 2, 2), (2, 12), (2,)], [(5, 2)], [])),
    ("sym.FullyConnected(sym.var('d'), num_hidden=2, flatten=False, name='f').infer_shape(d=(5, 3, 4))",
     ([(5, 3, 4), (2, 4), (2,)], [(5, 3, 2)], [])),
    ("sym.FullyConnected(sym.var('d'), num_hidden=2, name='f').infer_shape(d=(5, 0), f_weight=(2, 7))",
     Differs(Raises("MXNetError"), ([(5, 7), (2, 7), (2,)], [(5, 2)], []), "the weight tells it")),
    ("sym.sum(sym.var('a')).infer_shape(a=(2, 3))[1]", [(1,)]),
    ("sym.dot(sym.var('a'), sym.var('b')).infer_shape(a=(3,), b=(3,))[1]", [(1,)]),
    ("sym.SoftmaxOutput(sym.var('d'), name='s').infer_shape(d=(5, 2))", ([(5, 2), (5,)], [(5, 2)], [])),
    ("sym.LinearRegressionOutput(sym.var('d'), name='s').infer_shape(d=(5, 1))", ([(5, 1), (5,)], [(5, 1)], [])),
    ("sym.LinearRegressionOutput(sym.var('d'), name='s').infer_shape(d=(5, 3))", ([(5, 3), (5, 3)], [(5, 3)], [])),
    ("sym.BatchNorm(sym.var('d'), name='b').infer_shape(d=(5, 3, 2, 2))",
     ([(5, 3, 2, 2), (3,), (3,)], [(5, 3, 2, 2)], [(3,), (3,)])),
    ("sym.Group([sym.var('a') + 1, sym.var('b')]).infer_shape(a=(1,), b=(2,))", ([(1,), (2,)], [(1,), (2,)], [])),
    (MLP + "m.get_internals().infer_shape(data=(4, 5))[1]",
     [(4, 5), (10, 5), (10,), (4, 10), (4, 10), (3, 10), (3,), (4, 3)]),
    ("(sym.var('a') + sym.var('a')).infer_shape(a=(2,))", ([(2,), (2,)], [(2,)], [])),
    ("sym.Concat(sym.var('a'), sym.var('b'), dim=1).infer_shape(a=(2, 3), b=(2, 4))[1]", [(2, 7)]),
    ("sym.Convolution(sym.var('d'), kernel=(3, 3), num_filter=8, name='c').infer_shape(d=(1, 3, 9, 9))",
     ([(1, 3, 9, 9), (8, 3, 3, 3), (8,)], [(1, 8, 7, 7)], [])),
    ("sym.Embedding(sym.var('i'), input_dim=10, output_dim=4, name='e').infer_shape(i=(2, 3))",
     ([(2, 3), (10, 4)], [(2, 3, 4)], [])),
    ("sym.Reshape(sym.var('a'), shape=(0, -1)).infer_shape(a=(2, 3, 4))[1]", [(2, 12)]),
    ("sym.slice_axis(sym.var('a'), axis=1, begin=0, end=2).infer_shape(a=(2, 3))[1]", [(2, 2)]),
]

PARTIAL = [
    (MLP + "m.infer_shape_partial()",
     ([()] * 5, [()], [])),
    (MLP + "m.infer_shape_partial(data=(0, 5))", ([(0, 5), (10, 5), (10,), (3, 10), (3,)], [(0, 3)], [])),
    (MLP + "m.infer_shape_partial(data=(4, 5))", (ALL, [(4, 3)], [])),
    (MLP + "m.infer_shape_partial(fc1_weight=(10, 7))",
     ([(), (10, 7), (), (), ()], [()], [])),
    (MLP + "m.infer_shape_partial(data=(4, 5), fc2_weight=(3, 9))", Raises("MXNetError")),
    ("(sym.var('a') + sym.var('b')).infer_shape_partial()", ([(), ()], [()], [])),
    ("(sym.var('a') + sym.var('b')).infer_shape_partial(a=(0, 3))", ([(0, 3), (0, 3)], [(0, 3)], [])),
    ("sym.where(sym.var('c'), sym.var('x'), sym.var('y')).infer_shape_partial(x=(2, 3), y=(2, 3))",
     Differs(([(), (2, 3), (2, 3)], [()], []), ([(), (2, 3), (2, 3)], [(2, 3)], []), MORE)),
]

NP_SHAPE = [
    ("with mx.util.np_shape(True):\n    r = (sym.var('a') + 1).infer_shape_partial()\nr", ([None], [None], [])),
    ("with mx.util.np_shape(True):\n    r = (sym.var('a') + sym.var('b')).infer_shape_partial(a=(-1, 3))\nr",
     ([(-1, 3), (-1, 3)], [(-1, 3)], [])),
    ("with mx.util.np_shape(True):\n    r = (sym.var('a') + sym.var('b')).infer_shape(a=(-1, 3), b=(2, -1))\nr",
     ([(2, 3), (2, 3)], [(2, 3)], [])),
    ("with mx.util.np_shape(True):\n    r = (sym.var('a') + 1).infer_shape(a=())\nr", ([()], [()], [])),
    ("with mx.util.np_shape(True):\n    r = (sym.var('a') + 1).infer_shape(a=(0, 2))\nr", ([(0, 2)], [(0, 2)], [])),
    ("with mx.util.np_shape(True):\n    r = sym.zeros((0, 3)).infer_shape()\nr", ([], [(0, 3)], [])),
    ("with mx.util.np_shape(True):\n    r = sym.full((3, 0), 2).infer_shape()\nr", ([], [(3, 0)], [])),
    ("with mx.util.np_shape(True):\n    r = sym.zeros(()).infer_shape()\nr", ([], [()], [])),
    ("with mx.util.np_shape(True):\n    r = sym.zeros((-1, 3)).infer_shape()\nr", Warns((None, None, None))),
    ("with mx.util.np_shape(True):\n    r = sym.ones((3, 0)).eval()[0].shape\nr", (3, 0)),
    ("with mx.util.np_shape(True):\n    r = sym.random.uniform(shape=(3, 0)).infer_shape()\nr", ([], [(3, 0)], [])),
    ("with mx.util.np_shape(True):\n    r = sym.random.uniform(shape=()).infer_shape()\nr", ([], [()], [])),
    ("with mx.util.np_shape(True):\n    r = sym.softmax(sym.var('x')).eval(x=nd.zeros((2, 1, 0)))[0].shape\nr", (2, 1, 0)),
    ("with mx.util.np_shape(True):\n    r = sym.tile(sym.var('x'), reps=(0,)).infer_shape(x=(2,))\nr", ([(2,)], [(0,)], [])),
    ("with mx.util.np_shape(True):\n    r = sym.max(sym.var('x'), axis=1).infer_shape(x=(2, 0))\nr", Raises("MXNetError")),
    ("j = sym.zeros((0, 3)).tojson()\nwith mx.util.np_shape(True):\n    r = sym.load_json(j).infer_shape()\nr",
     ([], [(0, 3)], [])),
    ("j = (sym.Variable('x', shape=(0, 3)) + 1).tojson()\nwith mx.util.np_shape(True):\n"
     "    r = sym.load_json(j).infer_shape_partial()\nr",
     ([(-1, 3)], [(-1, 3)], [])),
    ("with mx.util.np_shape(True):\n    j = (sym.Variable('x', shape=(0, 3)) + 1).tojson()\n"
     "    r = sym.load_json(j).infer_shape()\nr",
     ([(0, 3)], [(0, 3)], [])),
    ("with mx.util.np_shape(True):\n    r = mx.util.is_np_shape()\n[r, mx.util.is_np_shape()]", [True, False]),
]

TYPES = [
    (MLP + "m.infer_type(data='float32')", (["float32"] * 5, ["float32"], [])),
    (MLP + "m.infer_type(data=np.float64)", (["float64"] * 5, ["float64"], [])),
    (MLP + "m.infer_type(fc1_weight='float16')", (["float16"] * 5, ["float16"], [])),
    (MLP + "m.infer_type(data='float32', fc1_weight='float16')", Raises("MXNetError")),
    (MLP + "m.infer_type(data='float32')[0][0] is np.float32", True),
    (MLP + "m.infer_type(nothing='float32')", Raises("MXNetError")),
    ("(sym.var('a') + sym.var('b')).infer_type()", Warns((None, None, None))),
    ("(sym.var('a') + sym.var('b')).infer_type_partial()", ([None, None], [None], [])),
    ("(sym.var('a') + sym.var('b')).infer_type(b='int32')", (["int32", "int32"], ["int32"], [])),
    ("sym.var('a', dtype='float16').infer_type()", (["float16"], ["float16"], [])),
    ("sym.Cast(sym.var('a'), dtype='int32').infer_type(a='float64')", (["float64"], ["int32"], [])),
    ("sym.Embedding(sym.var('i'), input_dim=3, output_dim=2, name='e').infer_type(i='int32')",
     (["int32", "float32"], ["float32"], [])),
    ("sym.one_hot(sym.var('i'), depth=3).infer_type(i='int32')", (["int32"], ["float32"], [])),
    ("sym.BatchNorm(sym.var('x'), name='b').infer_type(x='float16')",
     (["float16", "float32", "float32"], ["float16"], ["float32", "float32"])),
    ("sym.BatchNorm(sym.var('x'), name='b').infer_type(x='float64')",
     (["float64"] * 3, ["float64"], ["float64"] * 2)),
    ("sym.argmax(sym.var('x'), axis=0).infer_type(x='float64')[1]", ["float64"]),
    ("sym.SoftmaxOutput(sym.var('x'), name='s').infer_type(x='float64')",
     (["float64", "float64"], ["float64"], [])),
    ("(sym.var('a') * 2).infer_type('float64')",
     Differs(Raises("MXNetError"), (["float64"], ["float64"], []), NULL)),
    ("(sym.var('a') * 2).infer_type('float64', a='float64')", Raises("ValueError")),
    ("(sym.var('a') / 2).infer_type(a='int32')[1]", ["int32"]),
]

FEW = "MXNet has no axis of 0 outside of np_shape, so the size stays unknown; here it is what it is"

NONSENSE = [
    ("sym.zeros((-2, 3)).infer_shape()", Raises("MXNetError")),
    ("sym.random.uniform(shape=(-2, 2)).infer_shape()", Raises("MXNetError")),
    ("sym.random.uniform(shape=(0, 2)).infer_shape()", Warns((None, None, None))),
    ("sym.random.uniform(shape=()).infer_shape()", Warns((None, None, None))),
    ("sym.sample_exponential(sym.var('x'), shape=(-1, -1)).infer_shape(x=(2,))", Raises("MXNetError")),
    ("sym.sample_exponential(sym.var('x'), shape=(0,)).infer_shape(x=(2,))", Raises("MXNetError")),
    ("sym.sample_multinomial(sym.var('x'), shape=(-1,)).infer_shape(x=(2, 3))", Warns((None, None, None))),
    ("sym.sample_multinomial(sym.var('x'), shape=(0,)).infer_shape(x=(2, 3))", ([(2, 3)], [(2, 0)], [])),
    ("sym.arange(0, float('inf')).infer_shape()", Raises("MXNetError")),
    ("sym.arange(0, float('nan')).infer_shape()", Raises("MXNetError")),
    ("sym.softmax(sym.var('x'), temperature=float('inf'))", Raises("MXNetError")),
    ("sym.contrib.BilinearResize2D(sym.var('x'), height=3, width=2, scale_height=float('inf'))", Raises("MXNetError")),
    ("sym.full((2,), float('inf')).infer_shape()", ([], [(2,)], [])),
    ("sym.clip(sym.var('x'), a_min=0, a_max=float('inf')).infer_shape(x=(2,))[1]", [(2,)]),
    ("sym.FullyConnected(sym.var('x'), num_hidden=10**20)", Raises("MXNetError")),
    ("sym.zeros((2**70,))", Raises("MXNetError")),
    ("nd.multi_sgd_update(*[nd.ones((2,))] * 4, lrs=(.1,), wds=(0., 0.), num_weights=2)", Raises("MXNetError")),
    ("nd.multi_sgd_update(*[nd.ones((2,))] * 4, lrs=(.1, .1, .1), wds=(0., 0.), num_weights=2)", Raises("MXNetError")),
    ("sym.Pooling(sym.var('x'), kernel=(2, 2), layout='NHWC').infer_shape_partial()", ([()], [()], [])),
    ("sym.tile(sym.var('x'), reps=(-1,)).infer_shape(x=(2,))", Raises("MXNetError")),
    ("sym.tile(sym.var('x'), reps=(0,)).infer_shape(x=(2,))",
     Differs(Warns((None, None, None)), ([(2,)], [(0,)], []), FEW)),
    ("sym.diag(sym.var('x'), k=3).infer_shape(x=(2, 2))", Raises("MXNetError")),
    ("sym.diag(sym.var('x'), k=-3).infer_shape(x=(2, 2))", Raises("MXNetError")),
    ("sym.diag(sym.var('x'), k=2).infer_shape(x=(2, 2))", ([(2, 2)], [(0,)], [])),
    ("sym.slice_like(sym.var('x'), sym.var('y'), axes=(1, -2)).infer_shape(x=(3, 4, 5), y=(2, 2, 2))[1]", [(3, 2, 5)]),
    ("p = sym.Pooling(sym.var('x'), kernel=(3,), pool_type='max', pooling_convention='same', pad=(0, 0, 0))\n"
     "p.eval(x=nd.array([[[1, 2, 3, 4, 5]]]))[0]", [[[3.0, 4.0, 5.0, 5.0, 5.0]]]),
    ("sym.random.uniform(sym.var('low'), sym.var('high')).list_arguments()", ["low", "high"]),
    ("nd.random.uniform(nd.array([0, 10]), nd.array([1, 11]), shape=2).shape", (2, 2)),
    ("sym.linalg.potrf(sym.var('x'), lower=False).eval(x=nd.array([[4, 2], [2, 5]]))[0]", [[2.0, 1.0], [0.0, 2.0]]),
    ("sym.linalg.potri(sym.var('x'), lower=False).eval(x=nd.array([[2, 1], [0, 2]]))[0]",
     [[0.3125, -0.125], [-0.125, 0.25]]),
    ("s = sym.linalg.potrf(sym.var('x'), lower=False)\n"
     "e = s.bind(mx.cpu(), {'x': nd.array([[4, 2], [2, 5]])}, {'x': nd.zeros((2, 2))})\n"
     "e.forward(is_train=True)\ne.backward([nd.array([[1, 2], [0, 3]])])\ne.grad_arrays[0]",
     [[0.1875, 0.125], [0.125, 0.75]]),
    ("s = sym.linalg.potri(sym.var('x'), lower=False)\n"
     "e = s.bind(mx.cpu(), {'x': nd.array([[2, 1], [0, 2]])}, {'x': nd.zeros((2, 2))})\n"
     "e.forward(is_train=True)\ne.backward([nd.array([[1, 2], [0, 3]])])\ne.grad_arrays[0]",
     [[-0.1875, -0.125], [0.0, -0.5625]]),
]

TABLES = {
    name: table
    for name, table in list(globals().items())
    if name.isupper() and isinstance(table, list) and name != "ALL"
}

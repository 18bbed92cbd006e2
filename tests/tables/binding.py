"""Binding arrays: bind, simple_bind, what they accept and refuse, and what they allocate."""

from .cases import Anything, Differs, Raises

ZERO = "'write' means written: no path from an argument means 0, whatever the op"
APART = "names tell arrays apart; MXNet gives both variables one array, or fails, as it happens"

AB = "a, b = sym.var('a'), sym.var('b')\nc = a * b\n"
TWO = "{'a': [1, 2], 'b': [3, 4]}"
FC = "f = sym.FullyConnected(sym.var('data'), num_hidden=2, name='fc')\n"
LOSS = FC + "s = sym.SoftmaxOutput(f, name='softmax')\n"
BN = "n = sym.BatchNorm(sym.var('x'), fix_gamma=False, name='bn')\n"

BIND = [
    (AB + "bound(c, [[1, 2], [3, 4]]).forward()[0]", [3.0, 8.0]),
    (AB + "bound(c, " + TWO + ").forward()[0]", [3.0, 8.0]),
    (AB + "bound(c, {'a': [1, 2], 'b': [3, 4], 'extra': [5]}).forward()[0]", [3.0, 8.0]),
    (AB + "c.bind(ctx=mx.cpu(), args=arrays([[1, 2], [3, 4]])).forward()[0]", [3.0, 8.0]),
    (AB + "c.bind(args=arrays([[1, 2], [3, 4]])).forward()[0]",
     Differs(Raises("TypeError"), [3.0, 8.0], "there is one device")),
    (AB + "c.bind('cpu', arrays([[1, 2], [3, 4]]))", Raises("TypeError")),
    (AB + "c.bind(mx.cpu(), None)", Raises("Exception")),
    (AB + "bound(c, [[1, 2]])", Raises("ValueError")),
    (AB + "bound(c, [[1, 2], [3, 4], [5, 6]])", Raises("ValueError")),
    (AB + "bound(c, {'a': [1, 2]})", Raises("ValueError")),
    (AB + "bound(c, {})", Raises("ValueError")),
    (AB + "c.bind(mx.cpu(), (nd.array([1]), nd.array([2]))).forward()[0]",
     Differs(Raises("TypeError"), [2.0], "a tuple has an order, too")),
    (AB + "c.bind(mx.cpu(), [np.array([1.0]), np.array([2.0])]).forward()[0]",
     Differs(Raises("TypeError"), [2.0], "NumPy's arrays are the arrays here")),
    (AB + "c.bind(mx.cpu(), [[1.0], [2.0]])", Raises("TypeError")),
    (AB + "c.bind(mx.cpu(), [(1,), (1,)])", Raises("TypeError")),
    (AB + "c.bind(mx.cpu(), {'a': (2,), 'b': (2,)})", Raises("TypeError")),
    (AB + "bound(c, [[1, 2], [3, 4, 5]])", Raises("MXNetError")),
    (AB + "c.bind(mx.cpu(), [nd.array([1], dtype='float32'), nd.array([1], dtype='float64')])", Raises("MXNetError")),
    (FC + "bound(f, {'data': [[1, 2, 3]], 'fc_weight': [[1, 2], [3, 4]], 'fc_bias': [0, 0]})", Raises("MXNetError")),
    ("x, y = sym.var('x'), sym.var('x')\nbound(x + y, [[1], [2]])", Differs(Anything(), Raises("MXNetError"), APART)),
    ("x, y = sym.var('x'), sym.var('x')\nbound(x + y, {'x': [1]})", Differs(Anything(), Raises("MXNetError"), APART)),
    ("x, y = sym.var('x'), sym.var('x')\n(x + y).simple_bind(mx.cpu(), x=(2,))",
     Differs(Anything(), Raises("MXNetError"), APART)),
    ("x, y = sym.var('x'), sym.var('x')\nbound(x + y, [[1], [2]]).arg_dict",
     Differs(Raises("ValueError"), Raises("ValueError"), APART)),
    (AB + "x = nd.array([3, 4])\nc.bind(mx.cpu(), [x, x]).forward()[0]", [9.0, 16.0]),
    (AB + "x = nd.array([3, 4])\ne = c.bind(mx.cpu(), {'a': x, 'b': nd.array([1, 1])})\nx[:] = 7\ne.forward()[0]", [7.0, 7.0]),
    (BN + "bound(n, [[[1, 2]], [1, 1], [0, 0]])", Raises("ValueError")),
    (BN + "bound(n, [[[1, 2]], [1, 1], [0, 0]], aux_states=[[0, 0], [1, 1]]).aux_dict",
     {"bn_moving_mean": [0.0, 0.0], "bn_moving_var": [1.0, 1.0]}),
    (BN + "bound(n, [[[1, 2]], [1, 1], [0, 0]], aux_states={'bn_moving_mean': [0, 0], 'bn_moving_var': [1, 1]}).aux_arrays",
     [[0.0, 0.0], [1.0, 1.0]]),
    (AB + "bound(c, " + TWO + ", group2ctx={'g': mx.cpu(1)}).forward()[0]", [3.0, 8.0]),
    (AB + "e = bound(c, " + TWO + ")\nbound(c, {'a': [5, 5], 'b': [1, 2]}, shared_exec=e).forward()[0]", [5.0, 10.0]),
    (AB + "c.bind(mx.cpu(), arrays([[1, 2], [3, 4]]), None, 'bogus')", Raises("Exception")),
    (AB + "bound(c, " + TWO + ", {'a': [0, 0], 'b': [0, 0]}, 'bogus')", Raises("Exception")),
    (AB + "bound(c, " + TWO + ", [[0, 0], [0, 0]], ['write'])",
     Differs(Anything(), Raises("ValueError"), "a list that is too short is a mistake")),
    (AB + "bound(c, " + TWO + ", [[0, 0]])", Raises("ValueError")),
    (AB + "bound(c, " + TWO + ", {'a': [0, 0, 0]})",
     Differs(Anything(), Raises("MXNetError"), "MXNet finds out in backward, if at all")),
]

G = "e.forward(is_train=True)\ne.backward([nd.array([1, 1])])\n"

GRADIENTS = [
    (AB + "e = bound(c, " + TWO + ", {'a': [9, 9], 'b': [9, 9]})\n" + G + "e.grad_dict", {"a": [3.0, 4.0], "b": [1.0, 2.0]}),
    (AB + "e = bound(c, " + TWO + ", [[9, 9], [9, 9]])\n" + G + "e.grad_arrays", [[3.0, 4.0], [1.0, 2.0]]),
    (AB + "e = bound(c, " + TWO + ", {'b': [9, 9]})\n" + G + "e.grad_dict", {"a": None, "b": [1.0, 2.0]}),
    (AB + "e = bound(c, " + TWO + ", {'b': [9, 9]})\n" + G + "e.grad_arrays", [None, [1.0, 2.0]]),
    (AB + "e = bound(c, " + TWO + ", [None, [9, 9]])\n" + G + "e.grad_arrays", [None, [1.0, 2.0]]),
    (AB + "bound(c, " + TWO + ").grad_arrays", None),
    (AB + "bound(c, " + TWO + ").grad_dict", Raises("TypeError")),
    (AB + "e = bound(c, " + TWO + ")\n" + G + "e.grad_arrays", None),
    (AB + "e = bound(c, " + TWO + ", [[9, 9], [9, 9]], 'null')\n" + G + "e.grad_arrays", [[9.0, 9.0], [9.0, 9.0]]),
    (AB + "e = bound(c, " + TWO + ", [[9, 9], [7, 7]], {'b': 'add'})\n" + G + "e.grad_arrays", [[9.0, 9.0], [8.0, 9.0]]),
    (AB + "e = bound(c, " + TWO + ", [[9, 9], [7, 7]], ['add', 'write'])\n" + G + "e.grad_arrays", [[12.0, 13.0], [1.0, 2.0]]),
    (AB + "e = bound(c, " + TWO + ", [[9, 9], [7, 7]], ['null', 'add'])\n" + G + G + "e.grad_arrays", [[9.0, 9.0], [9.0, 11.0]]),
    (AB + "e = bound(c, " + TWO + ", [[9, 9], [7, 7]], {'a': 'write', 'b': 'null'})\n" + G + "e.grad_arrays",
     [[3.0, 4.0], [7.0, 7.0]]),
    (AB + "e = bound(c, " + TWO + ", [[7, 7], [0, 0]], 'add')\n" + G + "e.grad_dict['a']", [10.0, 11.0]),
    (AB + "e = bound(c, " + TWO + ", [[7, 7], [0, 0]], 'add')\n" + G + G + "e.grad_dict['a']", [13.0, 15.0]),
    (AB + "e = bound(c, " + TWO + ", [[7, 7], [0, 0]], 'write')\n" + G + G + "e.grad_dict['a']", [3.0, 4.0]),
    (AB + "g = nd.zeros((2,))\ne = c.bind(mx.cpu(), arrays([[1, 2], [3, 4]]), {'a': g})\n" + G + "g", [3.0, 4.0]),
    ("a, b = sym.var('a'), sym.var('b')\ng = nd.array([0])\n"
     "e = (a + 2 * b).bind(mx.cpu(), arrays([[1], [1]]), [g, g], 'add')\n"
     "e.forward(is_train=True)\ne.backward([nd.array([1])])\ng", [3.0]),
    ("a, b = sym.var('a'), sym.var('b')\ng = nd.array([5])\n"
     "e = (a + 2 * b).bind(mx.cpu(), arrays([[1], [1]]), [g, g], 'add')\n"
     "e.forward(is_train=True)\ne.backward([nd.array([1])])\ng",
     Differs([18.0], [8.0], "MXNet adds what was there more than once")),
    ("a, b = sym.var('a'), sym.var('b')\ng = nd.array([5])\n"
     "e = (a + 2 * b).bind(mx.cpu(), arrays([[1], [1]]), [g, g], 'write')\n"
     "e.forward(is_train=True)\ne.backward([nd.array([1])])\ng.asnumpy()[0] in (1, 2)",
     Differs(True, Raises("MXNetError"), "which of two gradients stays is chance")),
    ("x = sym.var('x')\ne = bound(sym.BlockGrad(x) * 2, [[1]], [[9]])\n"
     "e.forward(is_train=True)\ne.backward([nd.array([1])])\ne.grad_arrays[0]", [0.0]),
    ("x, y = sym.var('x'), sym.var('y')\ne = bound(sym.broadcast_like(x, y), [[[1]], [[1, 1]]], [[[9]], [[9, 9]]])\n"
     "e.forward(is_train=True)\ne.backward([nd.array([[1, 1]])])\ne.grad_arrays", [[[2.0]], [[0.0, 0.0]]]),
    ("e = bound(sym.SoftmaxOutput(sym.var('x'), name='s'), [[[1, 1]], [0]], [[[9, 9]], [9]])\n"
     "e.forward(is_train=True)\ne.backward()\ne.grad_arrays",
     Differs([[[-0.5, 0.5]], [9.0]], [[[-0.5, 0.5]], [0.0]], ZERO)),
    ("e = bound(sym.LinearRegressionOutput(sym.var('x'), name='s'), [[[1, 5]], [[2, 2]]], [[[9, 9]], [[9, 9]]])\n"
     "e.forward(is_train=True)\ne.backward()\ne.grad_arrays",
     Differs([[[-0.5, 1.5]], [[9.0, 9.0]]], [[[-0.5, 1.5]], [[0.0, 0.0]]], ZERO)),
    ("a = sym.var('a')\ne = bound(a * a, [[3]], [[0]])\ne.forward(is_train=True)\ne.backward([nd.array([1])])\ne.grad_arrays",
     [[6.0]]),
]

SIMPLE = [
    (FC + "e = f.simple_bind(mx.cpu(), data=(2, 3))\n[(n, v.shape) for n, v in sorted(e.arg_dict.items())]",
     [("data", (2, 3)), ("fc_bias", (2,)), ("fc_weight", (2, 3))]),
    (FC + "e = f.simple_bind(mx.cpu(), data=(2, 3))\n[v.shape for v in e.grad_arrays]", [(2, 3), (2, 3), (2,)]),
    (FC + "e = f.simple_bind(mx.cpu(), data=(1, 2))\n[e.arg_arrays, e.grad_arrays]",
     [[[[0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]], [0.0, 0.0]], [[[0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]], [0.0, 0.0]]]),
    (LOSS + "sorted(s.simple_bind(mx.cpu(), data=(2, 3)).grad_dict)", ["data", "fc_bias", "fc_weight", "softmax_label"]),
    (FC + "f.simple_bind(mx.cpu(), grad_req='null', data=(2, 3)).grad_arrays", [None, None, None]),
    (FC + "f.simple_bind(mx.cpu(), grad_req='null', data=(2, 3)).grad_dict",
     {"data": None, "fc_weight": None, "fc_bias": None}),
    (FC + "[g is None for g in f.simple_bind(mx.cpu(), grad_req={'fc_weight': 'write'}, data=(2, 3)).grad_arrays]",
     [True, False, True]),
    (FC + "[g is None for g in f.simple_bind(mx.cpu(), grad_req=['null', 'add', 'write'], data=(2, 3)).grad_arrays]",
     [True, False, False]),
    (FC + "f.simple_bind(mx.cpu())", Raises("RuntimeError")),
    (FC + "f.simple_bind(mx.cpu(), data=(2, 0))", Raises("RuntimeError")),
    (FC + "f.simple_bind(mx.cpu(), data=(2, 3), nothing=(4,)).outputs[0].shape", (2, 2)),
    (FC + "f.simple_bind(mx.cpu(), data=(2, 3), nothing=5).outputs[0].shape", (2, 2)),
    (FC + "f.simple_bind(mx.cpu(), data=(2, 3), fc_weight=(2, 4))",
     Differs(Raises("RuntimeError"), Raises("ValueError"), "the error of infer_shape and bind")),
    (FC + "e = f.simple_bind(mx.cpu(), type_dict={'data': 'float64'}, data=(2, 3))\n[v.dtype for v in e.arg_arrays]",
     ["float64"] * 3),
    (FC + "e = f.simple_bind(mx.cpu(), type_dict={'data': np.float16}, data=(2, 3))\n[v.dtype for v in e.grad_arrays + e.outputs]",
     ["float16"] * 4),
    (FC + "[v.dtype for v in f.simple_bind(mx.cpu(), data=(2, 3)).arg_arrays]", ["float32"] * 3),
    (FC + "[v.dtype for v in f.simple_bind(mx.cpu(), type_dict={'nothing': 'float64'}, data=(2, 3)).arg_arrays]",
     Raises("RuntimeError")),
    ("i = sym.Embedding(sym.var('i'), input_dim=3, output_dim=2, name='e')\n"
     "e = i.simple_bind(mx.cpu(), grad_req='null', type_dict={'i': 'int32'}, i=(4,))\n[v.dtype for v in e.arg_arrays]",
     ["int32", "float32"]),
    (BN + "e = n.simple_bind(mx.cpu(), x=(2, 3))\n[v.shape for v in e.aux_arrays]", [(3,), (3,)]),
    (BN + "e = n.simple_bind(mx.cpu(), x=(2, 3))\nsorted(e.aux_dict)", ["bn_moving_mean", "bn_moving_var"]),
    ("x = sym.var('x', shape=(2, 3))\n(x * 2).simple_bind(mx.cpu()).outputs[0].shape", (2, 3)),
    (FC + "e = f.simple_bind(mx.cpu(), data=(1, 2))\ne.arg_dict['data'][:] = 3\ne.arg_dict['fc_weight'][:] = 1\ne.forward()[0]",
     [[6.0, 6.0]]),
    (FC + "f.simple_bind(mx.cpu(), 'add', data=(1, 2)).outputs[0].shape", (1, 2)),
]

TABLES = {
    name: table
    for name, table in list(globals().items())
    if name.isupper() and isinstance(table, list)
}

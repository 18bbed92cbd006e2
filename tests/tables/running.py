"""Running: forward, outputs, backward and head gradients, states, reshape, the monitor."""

from .cases import Differs, Raises

AT_ONCE = "the run that computes the averages keeps them; MXNet's on a CPU waits for backward"
TWICE = "both head gradients count"

AB = "a, b = sym.var('a'), sym.var('b')\nc = a * b\ne = bound(c, {'a': [1, 2], 'b': [3, 4]}, {'a': [9, 9], 'b': [9, 9]})\n"
FC = ("f = sym.FullyConnected(sym.var('data'), num_hidden=2, name='fc')\n"
      "e = f.simple_bind(mx.cpu(), data=(4, 3))\n")

FORWARD = [
    (AB + "e.forward()", [[3.0, 8.0]]),
    (AB + "e.forward(is_train=True)", [[3.0, 8.0]]),
    (AB + "e.forward() is e.outputs", True),
    (AB + "[o.shape for o in e.outputs]", [(2,)]),
    (AB + "[o.dtype for o in e.outputs]", ["float32"]),
    (AB + "e.forward(a=nd.array([5, 6]))", [[15.0, 24.0]]),
    (AB + "e.forward(a=nd.array([5, 6]))\ne.arg_dict['a']", [5.0, 6.0]),
    (AB + "e.forward(False, a=nd.array([5, 6]), b=nd.array([1, 1]))", [[5.0, 6.0]]),
    (AB + "e.forward(nothing=nd.array([5, 6]))", Raises("TypeError")),
    (AB + "e.forward(a=nd.array([5, 6, 7]))", Raises("ValueError")),
    (AB + "e.forward(a=[5, 6])", Raises("ValueError")),
    (AB + "e.forward(a=5)", Raises("ValueError")),
    (AB + "e.forward(a=np.array([5, 6], dtype='float32'))", [[15.0, 24.0]]),
    (AB + "e.forward(a=np.array([5, 6]))", [[15.0, 24.0]]),
    (AB + "e.forward(a=nd.array([5, 6], dtype='float64'))", [[15.0, 24.0]]),
    (AB + "o = e.forward()[0]\ne.forward(a=nd.array([5, 6]))\no", [15.0, 24.0]),
    (AB + "e.arg_dict['a'][:] = 10\ne.forward()", [[30.0, 40.0]]),
    (AB + "e.arg_arrays[1][:] = 1\ne.forward()", [[1.0, 2.0]]),
    (AB + "e.forward()\ne.output_dict", {"_mul0_output": [3.0, 8.0]}),
    (AB + "sorted(e.arg_dict)", ["a", "b"]),
    (AB + "e.aux_arrays", []),
    (AB + "e.aux_dict", {}),
    ("x = sym.var('x')\ne = bound(x, [[1, 2]])\no = e.forward()[0]\no[:] = 7\ne.arg_dict['x']", [7.0, 7.0]),
    ("x = sym.var('x')\ne = bound(sym.reshape(x, shape=(2, 1)), [[1, 2]])\no = e.forward()[0]\no[:] = 7\ne.arg_dict['x']",
     [1.0, 2.0]),
    ("x = sym.var('x')\ne = bound(sym.identity(x), [[1, 2]])\no = e.forward()[0]\no[:] = 7\ne.arg_dict['x']", [1.0, 2.0]),
    ("x = sym.var('x')\ne = bound(sym.Group([x + 1, x * 2]), [[1, 2]])\ne.forward()", [[2.0, 3.0], [2.0, 4.0]]),
    ("x = sym.var('x')\ne = bound(sym.Group([x + 1, x]), [[1, 2]])\ne.forward()\ne.output_dict",
     {"_plusscalar0_output": [2.0, 3.0], "x": [1.0, 2.0]}),
    ("x = sym.var('x')\ne = bound(x + 1, [[1]])\no = e.forward()[0]\ne.forward(x=nd.array([4]))\no", [5.0]),
    ("s = sym.split(sym.var('x'), num_outputs=2, axis=0, name='s')\ne = bound(s, [[1, 2]])\ne.forward()\ne.output_dict",
     {"s_output0": [1.0], "s_output1": [2.0]}),
    ("x = sym.var('x')\ne = bound(sym.Dropout(x, p=0.5), [[1] * 1000])\n"
     "[bool((e.forward()[0].asnumpy() == 1).all()), sorted(set(e.forward(is_train=True)[0].asnumpy().tolist()))]",
     [True, [0.0, 2.0]]),
    ("(sym.var('a') * 2).bind(mx.cpu(), arrays([[1, 2]])).outputs[0].shape", (2,)),
]

HEAD = "x = sym.var('x')\n"

BACKWARD = [
    (AB + "e.forward(is_train=True)\ne.backward([nd.array([1, 2])])", None),
    (AB + "e.forward(is_train=True)\ne.backward([nd.array([1, 2])])\ne.grad_arrays", [[3.0, 8.0], [1.0, 4.0]]),
    (AB + "e.forward(is_train=True)\ne.backward(nd.array([1, 2]))\ne.grad_arrays", [[3.0, 8.0], [1.0, 4.0]]),
    (AB + "e.forward(is_train=True)\ne.backward({'_mul0_output': nd.array([1, 2])})\ne.grad_arrays", [[3.0, 8.0], [1.0, 4.0]]),
    (AB + "e.forward(is_train=True)\ne.backward()", Raises("MXNetError")),
    (AB + "e.forward(is_train=True)\ne.backward([])", Raises("MXNetError")),
    (AB + "e.forward(is_train=True)\ne.backward([nd.array([1, 2, 3])])", Raises("MXNetError")),
    (AB + "e.forward(is_train=True)\ne.backward([[1, 2]])", Raises("TypeError")),
    (AB + "e.forward(is_train=True)\ne.backward(5)", Raises("TypeError")),
    (AB + "e.forward()\ne.backward([nd.array([1, 2])])\ne.grad_arrays", [[3.0, 8.0], [1.0, 4.0]]),
    (AB + "e.backward([nd.array([1, 2])])\ne.grad_arrays", [[3.0, 8.0], [1.0, 4.0]]),
    (HEAD + "e = bound(sym.SoftmaxOutput(x, name='s'), [[[1, 1]], [1]], {'x': [[9, 9]]})\n"
     "e.forward(is_train=True)\ne.backward()\ne.grad_dict['x']", [[0.5, -0.5]]),
    (HEAD + "e = bound(sym.SoftmaxOutput(x, name='s'), [[[1, 1]], [1]], {'x': [[9, 9]]})\n"
     "e.forward(is_train=True)\ne.backward([nd.array([[5, 5]])])\ne.grad_dict['x']", [[0.5, -0.5]]),
    (HEAD + "e = bound(sym.SoftmaxOutput(x, out_grad=True, name='s'), [[[1, 1]], [1]], {'x': [[9, 9]]})\n"
     "e.forward(is_train=True)\ne.backward([nd.array([[4, 4]])])\ne.grad_dict['x']",
     [[0.25, -0.25]]),  # times the output itself, whatever the documentation says
    (HEAD + "e = bound(sym.MAERegressionOutput(x, name='s'), [[[1, 5]], [[2, 2]]], {'x': [[9, 9]]})\n"
     "e.forward(is_train=True)\ne.backward()\ne.grad_dict['x']", [[-0.5, 0.5]]),
    (HEAD + "e = bound(sym.LogisticRegressionOutput(x, name='s'), [[[0, 0]], [[1, 0]]], {'x': [[9, 9]]})\n"
     "e.forward(is_train=True)\ne.backward()\ne.grad_dict['x']", [[-0.25, 0.25]]),
    (HEAD + "e = bound(sym.LinearRegressionOutput(x, name='s'), [[[1, 2, 3], [1, 2, 3]], [[0, 0, 0], [0, 0, 0]]],"
     " {'x': [[9, 9, 9], [9, 9, 9]]})\ne.forward(is_train=True)\ne.backward()\ne.grad_dict['x'][0]",
     [1 / 3, 2 / 3, 1.0]),
    (HEAD + "e = bound(sym.MAERegressionOutput(x, out_grad=True, name='s'), [[[1, 5]], [[2, 2]]], {'x': [[9, 9]]})\n"
     "e.forward(is_train=True)\ne.backward([nd.array([[4, 4]])])\ne.grad_dict['x']",
     Differs(Raises("MXNetError"), [[-0.5, 0.5]], "what predicts may be trained, too")),
    (HEAD + "e = bound(sym.MakeLoss(x * x, grad_scale=3), [[1, 2]], [[9, 9]])\n"
     "e.forward(is_train=True)\ne.backward()\ne.grad_arrays", [[6.0, 12.0]]),
    (HEAD + "e = bound(sym.MakeLoss(x * x), [[1, 2]], [[9, 9]])\n"
     "e.forward(is_train=True)\ne.backward([nd.array([5, 5])])\ne.grad_arrays", [[2.0, 4.0]]),
    (HEAD + "e = bound(sym.make_loss(x * x), [[1, 2]], [[9, 9]])\n"
     "e.forward(is_train=True)\ne.backward()\ne.grad_arrays", [[2.0, 4.0]]),
    (HEAD + "e = bound(sym.BlockGrad(x), [[1, 2]], [[9, 9]])\ne.forward(is_train=True)\ne.backward()\ne.grad_arrays",
     [[0.0, 0.0]]),
    (HEAD + "e = bound(sym.BlockGrad(sym.MakeLoss(x * x)), [[1, 2]], [[9, 9]])\n"
     "e.forward(is_train=True)\ne.backward([nd.array([5, 5])])\ne.grad_arrays", [[2.0, 4.0]]),
    (HEAD + "e = bound(sym.BlockGrad(sym.make_loss(x * x) * 3), [[1, 2]], [[9, 9]])\n"
     "e.forward(is_train=True)\ne.backward()\ne.grad_arrays", [[2.0, 4.0]]),
    (HEAD + "e = bound(sym.MakeLoss(x * x) > 0, [[1, 2]], [[9, 9]])\n"
     "e.forward(is_train=True)\ne.backward([nd.array([5, 5])])\ne.grad_arrays", [[2.0, 4.0]]),
    (HEAD + "e = bound(sym.argmax(sym.LinearRegressionOutput(x, sym.zeros_like(x)), axis=1), [[[1, 2]]], [[[9, 9]]])\n"
     "e.forward(is_train=True)\ne.backward([nd.array([5])])\ne.grad_arrays", [[[0.5, 1.0]]]),
    (HEAD + "e = bound(sym.Group([x * 2, sym.make_loss(x * x)]), [[1, 2]], [[9, 9]])\n"
     "e.forward(is_train=True)\ne.backward([nd.array([1, 1])])\ne.grad_arrays", [[4.0, 6.0]]),
    (HEAD + "e = bound(sym.Group([sym.make_loss(x * x), x * 2]), [[1, 2]], [[9, 9]])\n"
     "e.forward(is_train=True)\ne.backward([nd.array([1, 1])])", Raises("MXNetError")),
    (HEAD + "e = bound(sym.Group([sym.make_loss(x * x), x * 2]), [[1, 2]], [[9, 9]])\n"
     "e.forward(is_train=True)\ne.backward([nd.array([7, 7]), nd.array([1, 1])])\ne.grad_arrays", [[4.0, 6.0]]),
    (HEAD + "e = bound(sym.Group([sym.make_loss(x * x), sym.BlockGrad(x * 2)]), [[1, 2]], [[9, 9]])\n"
     "e.forward(is_train=True)\ne.backward()\ne.grad_arrays", [[2.0, 4.0]]),
    (HEAD + "e = bound(x * 2, [[1, 2]])\ne.forward()\ne.backward()", None),
    (HEAD + "e = bound(x * 2, [[1, 2]], [[9, 9]], 'null')\ne.forward()\ne.backward()\ne.grad_arrays", [[9.0, 9.0]]),
    (HEAD + "e = bound(x, [[1, 2]], [[9, 9]])\ne.forward(is_train=True)\ne.backward([nd.array([3, 4])])\ne.grad_arrays",
     [[3.0, 4.0]]),
    (HEAD + "e = bound(sym.Group([x, x]), [[1, 2]], [[9, 9]])\ne.forward(is_train=True)\n"
     "e.backward([nd.array([3, 4]), nd.array([1, 1])])\ne.grad_arrays",
     Differs([[1.0, 1.0]], [[4.0, 5.0]], TWICE)),
    (HEAD + "y = x * 2\ne = bound(sym.Group([y, y]), [[1, 2]], [[9, 9]])\ne.forward(is_train=True)\n"
     "e.backward([nd.array([3, 4]), nd.array([1, 1])])\ne.grad_arrays",
     Differs([[2.0, 2.0]], [[8.0, 10.0]], TWICE)),
    (HEAD + "e = bound(x * x, [[1, 2]], [[9, 9]])\ne.forward(is_train=True)\ne.backward([nd.array([1, 1])])\n"
     "e.backward([nd.array([2, 2])])\ne.grad_arrays", [[4.0, 8.0]]),
    (HEAD + "g = nd.array([1, 1])\ne = bound(x * x, [[1, 2]], [[9, 9]])\ne.forward(is_train=True)\ne.backward([g])\ng", [1.0, 1.0]),
]

COPY = [
    (FC + "e.copy_params_from({'fc_weight': nd.ones((2, 3)), 'fc_bias': nd.array([5, 6])})\ne.arg_dict['fc_bias']", [5.0, 6.0]),
    (FC + "e.copy_params_from({'fc_bias': nd.array([5, 6], dtype='float64')})\ne.arg_dict['fc_bias'].dtype", "float32"),
    (FC + "e.copy_params_from({'nothing': nd.ones((2, 3))})", Raises("ValueError")),
    (FC + "e.copy_params_from({'nothing': nd.ones((2, 3))}, allow_extra_params=True)", None),
    (FC + "e.copy_params_from({}, {'nothing': nd.ones((2, 3))})", Raises("ValueError")),
    (FC + "e.copy_params_from({}, {'nothing': nd.ones((2, 3))}, True)", None),
    (FC + "e.copy_params_from({'fc_bias': nd.ones((7,))})", Raises("Exception")),
]

RESHAPE = [
    (FC + "r = e.reshape(data=(2, 3))\nr.arg_dict['data'].shape", (2, 3)),
    (FC + "r = e.reshape(data=(2, 3))\nr.outputs[0].shape", (2, 2)),
    (FC + "r = e.reshape(data=(2, 3))\nr.arg_dict['fc_weight'][:] = 3\ne.arg_dict['fc_weight'][0]", [3.0, 3.0, 3.0]),
    (FC + "r = e.reshape(data=(2, 3))\nr.arg_dict['data'][:] = 3\ne.arg_dict['data'].asnumpy()[:, 0]", [3.0, 3.0, 0.0, 0.0]),
    (FC + "r = e.reshape(data=(2, 3))\nr.grad_dict['fc_weight'][:] = 3\ne.grad_dict['fc_weight'][0]", [3.0, 3.0, 3.0]),
    (FC + "r = e.reshape(data=(2, 3))\nr.grad_dict['data'].shape", (2, 3)),
    (FC + "e.arg_dict['fc_bias'][:] = 7\nr = e.reshape(data=(1, 3))\nr.forward()[0]", [[7.0, 7.0]]),
    (FC + "e.reshape(data=(8, 3))", Raises("Exception")),
    (FC + "r = e.reshape(allow_up_sizing=True, data=(8, 3))\nr.outputs[0].shape", (8, 2)),
    (FC + "r = e.reshape(allow_up_sizing=True, data=(8, 3))\nr.arg_dict['fc_bias'][:] = 4\ne.arg_dict['fc_bias']", [4.0, 4.0]),
    (FC + "e.reshape(data=(4, 2))", Raises("Exception")),
    (FC + "r = e.reshape(partial_shaping=True, data=(4, 2))\nr.arg_dict['fc_weight'].shape", (2, 2)),
    (FC + "e.reshape(partial_shaping=True, data=(4, 5))", Raises("Exception")),
    (FC + "r = e.reshape(partial_shaping=True, allow_up_sizing=True, data=(4, 5))\nr.arg_dict['fc_weight'].shape", (2, 5)),
    (FC + "r = e.reshape(data=(2, 3))\ne.forward()\nr.arg_dict['fc_bias'][:] = 5\nr.forward()\ne.outputs[0].asnumpy()[:, 0]",
     [5.0, 5.0, 0.0, 0.0]),
    (FC + "r = e.reshape(data=(4, 3))\nr.arg_dict['data'][:] = 1\ne.arg_dict['data'][0]", [1.0, 1.0, 1.0]),
    (FC + "r = e.reshape(data=(2, 3)).reshape(data=(1, 3))\nr.outputs[0].shape", (1, 2)),
    ("x = sym.var('x')\ne = bound(x * 2, [[1, 2]])\nr = e.reshape(x=(1,))\nr.forward()[0]", [2.0]),
    ("x = sym.var('x')\ne = bound(x * 2, [[1, 2]])\ne.reshape(nothing=(1,))", Raises("MXNetError")),
]

MONITOR = ("seen = []\nf = sym.FullyConnected(sym.var('data'), num_hidden=2, name='fc')\n"
           "n = sym.relu(f, name='act')\ns = sym.split(n, num_outputs=2, name='s')\n"
           "e = bound(s, {'data': [[1, 1]], 'fc_weight': [[1, 2], [-3, 4]], 'fc_bias': [0, -2]})\n"
           "e.set_monitor_callback(lambda name, array: seen.append(text(name)), %s)\ne.forward()\n")

WATCH = [
    ("seen = []\ne = bound(sym.var('x') + 1, [[1]])\n"
     "e.set_monitor_callback(lambda name, array: seen.append(type(name)))\ne.forward()\nseen[0] is str",
     Differs(False, True, "names are text, as everywhere else")),
    (MONITOR % False + "seen", ["fc_output", "act_output", "s_output0", "s_output1"]),
    (MONITOR % True + "seen",
     Differs(["data", "fc_data", "fc_weight", "fc_weight", "fc_bias", "fc_bias", "fc_output", "act_input0", "act_output",
              "s_data", "s_output0", "s_output1"],
             ["data", "fc_data", "fc_weight", "fc_weight", "fc_bias", "fc_bias", "fc_output", "act_data", "act_output",
              "s_data", "s_output0", "s_output1"], "relu calls its input data")),
    ("seen = []\ne = bound(sym.var('x') + sym.var('y'), [[1], [2]])\n"
     "e.set_monitor_callback(lambda name, array: seen.append(text(name)), True)\ne.forward()\nseen",
     ["x", "_plus0_lhs", "y", "_plus0_rhs", "_plus0_output"]),
    ("seen = []\nx, y = sym.var('x'), sym.var('y')\ne = bound(x * y + x, [[1], [2]])\n"
     "e.set_monitor_callback(lambda name, array: seen.append(text(name)), True)\ne.forward()\nseen",
     ["x", "_mul0_lhs", "y", "_mul0_rhs", "_mul0_output", "_plus0_lhs", "x", "_plus0_rhs", "_plus0_output"]),
    ("seen = []\ne = bound(sym.BatchNorm(sym.var('x'), name='bn'), [[[1, 2]], [1, 1], [0, 0]], aux_states=[[0, 0], [1, 1]])\n"
     "e.set_monitor_callback(lambda name, array: seen.append(text(name)), True)\ne.forward()\nseen",
     ["x", "bn_data", "bn_gamma", "bn_gamma", "bn_beta", "bn_beta", "bn_moving_mean", "bn_moving_mean",
      "bn_moving_var", "bn_moving_var", "bn_output", "bn_mean", "bn_var"]),
    ("seen = []\ne = bound(sym.Concat(sym.var('x'), sym.var('y'), dim=0, name='c'), [[1], [2]])\n"
     "e.set_monitor_callback(lambda name, array: seen.append(text(name)), True)\ne.forward()\nseen",
     ["x", "c_arg0", "y", "c_arg1", "c_output"]),
    ("seen = []\ne = bound(sym.tanh(sym.tanh(sym.var('x'), name='a'), name='b'), [[1]], [[0]])\n"
     "e.set_monitor_callback(lambda name, array: seen.append(text(name)))\n"
     "e.forward(is_train=True)\ne.backward([nd.array([1])])\n[seen[:2], len(seen) > 2]",
     [["a_output", "b_output"], True]),
    ("seen = []\ne = bound(sym.var('x'), [[1]])\n"
     "e.set_monitor_callback(lambda name, array: seen.append(text(name)), True)\ne.forward()\nseen", []),
    ("seen = []\nf = sym.FullyConnected(sym.var('data'), num_hidden=2, name='fc')\ne = f.simple_bind(mx.cpu(), data=(4, 3))\n"
     "e.set_monitor_callback(lambda name, array: seen.append(text(name)))\nr = e.reshape(data=(2, 3))\nr.forward()\nseen", ["fc_output"]),
]

N4 = ("n = sym.BatchNorm(sym.var('x'), fix_gamma=False, name='bn')\n"
      "e = bound(n, [[[[[1]], [[3]]], [[[3]], [[7]]]], [1, 1], [0, 0]],"
      " [[[[[0]], [[0]]], [[[0]], [[0]]]], [0, 0], [0, 0]], aux_states=[[0, 0], [1, 1]])\n")
ONES = "nd.ones((2, 2, 1, 1))"

STATES = [
    (N4 + "e.forward()\ne.aux_arrays", [[0.0, 0.0], [1.0, 1.0]]),
    (N4 + "e.forward(is_train=True)\ne.aux_arrays",
     Differs([[0.0, 0.0], [1.0, 1.0]], [[0.2, 0.5], [1.0, 1.3]], AT_ONCE)),
    (N4 + "e.forward(is_train=True)\ne.backward([" + ONES + "])\ne.aux_arrays", [[0.2, 0.5], [1.0, 1.3]]),
    (N4 + "e.forward(is_train=True)\ne.forward(is_train=True)\ne.backward([" + ONES + "])\ne.aux_arrays",
     Differs([[0.2, 0.5], [1.0, 1.3]], [[0.38, 0.95], [1.0, 1.57]], AT_ONCE)),
]

TABLES = {
    name: table
    for name, table in list(globals().items())
    if name.isupper() and isinstance(table, list)
}

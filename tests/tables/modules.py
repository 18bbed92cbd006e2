"""Modules, iterators, metrics, stores and devices: the calls of MXNet's scripts around a symbol."""

from .cases import Anything, Differs, Raises, Warns

NET = "net = sym.SoftmaxOutput(sym.FullyConnected(sym.var('data'), num_hidden=2, name='fc'), name='softmax')\n"
M = NET + "m = mx.mod.Module(net)\nm.bind([('data', (2, 3))], [('softmax_label', (2,))])\n"
P = "p = {'fc_weight': nd.array([[1, 2, 3], [-1, 0, 1]]), 'fc_bias': nd.array([0.5, -0.5])}\n"
READY = M + P + "m.init_params(arg_params=p, aux_params={})\n"
B = "b = mx.io.DataBatch([nd.array([[0.1, 0.2, 0.3], [0.3, -0.2, 0.1]])], [nd.array([0, 1])])\n"
TRAINED = READY + B + "m.init_optimizer(optimizer_params={'learning_rate': 0.5})\n"
IT = "it = mx.io.NDArrayIter(np.arange(15).reshape(5, 3) / 10., np.array([0, 1, 1, 0, 1]), batch_size=2)\n"

EARLY = "an error of minisym's, with a hint: an assertion is for mistakes of our own"
LABELS = "labels have arrays of their own for each shape, and may be absent"

MAKING = [
    (NET + "mx.mod.Module(net).data_names", ["data"]),
    (NET + "mx.mod.Module(net).label_names", ["softmax_label"]),
    (NET + "mx.mod.Module(net).output_names", ["softmax_output"]),
    (NET + "mx.mod.Module(net, data_names=['x'])", Raises("ValueError")),
    (NET + "mx.mod.Module(net, fixed_param_names=['x'])", Raises("ValueError")),
    (NET + "mx.mod.Module(net, label_names=['y']).label_names", Warns(["y"])),
    (NET + "mx.mod.Module(net, label_names=None).label_names", []),
    (NET + "m = mx.mod.Module(net)\n(m.binded, m.params_initialized, m.optimizer_initialized)", (False, False, False)),
    (NET + "mx.mod.Module(net).symbol is net", True),
]

BINDING = [
    (M + "m.binded", True),
    (M + "[tuple(d) for d in m.data_shapes]", [("data", (2, 3))]),
    (M + "[tuple(d) for d in m.label_shapes]", [("softmax_label", (2,))]),
    (M + "[tuple(d) for d in m.output_shapes]", [("softmax_output", (2, 2))]),
    (M + "m.bind([('data', (4, 3))], [('softmax_label', (4,))])\n[tuple(d) for d in m.data_shapes]", [("data", (2, 3))]),
    (M + "m.bind([('data', (4, 3))], [('softmax_label', (4,))], force_rebind=True)\n[tuple(d) for d in m.data_shapes]",
     Differs(Raises("AssertionError"), [("data", (4, 3))], "there is nothing to lose yet")),
    (NET + "m = mx.mod.Module(net)\nm.bind([('data', (2, 3))])\nm.label_shapes", Warns(None)),
    (NET + "mx.mod.Module(net).bind([('x', (2, 3))])", Raises("ValueError")),
    (NET + "mx.mod.Module(net).bind([('data', (2, 3))], for_training=False, inputs_need_grad=True)", Differs(Raises("AssertionError"), Raises("MXNetError"), EARLY)),
    (NET + "mx.mod.Module(net).data_shapes", Differs(Raises("AssertionError"), Raises("MXNetError"), EARLY)),
    (NET + "mx.mod.Module(net).init_params()", Differs(Raises("AssertionError"), Raises("MXNetError"), EARLY)),
    (M + "m.forward(None)", Differs(Raises("AssertionError"), Raises("MXNetError"), EARLY)),
    (READY + "m.update()", Differs(Raises("AssertionError"), Raises("MXNetError"), EARLY)),
    (READY + B + "m.forward(b)\nm.get_input_grads()", Differs(Raises("AssertionError"), Raises("MXNetError"), EARLY)),
    (READY + "m.bind([('data', (4, 3))], [('softmax_label', (4,))], force_rebind=True)\nm.get_params()[0]['fc_bias']", [0.5, -0.5]),
    (M + "m.init_params(mx.init.One())\nn = mx.mod.Module(net)\nn.bind([('data', (5, 3))], [('softmax_label', (5,))], shared_module=m)\n"
     "(n.params_initialized, n.get_params()[0]['fc_weight'])", (True, [[1.0] * 3] * 2)),
]

PROMISED = "the documentation promises it with and without shared_buffer"

SHARING = [
    ("f = sym.FullyConnected(sym.var('x'), num_hidden=1, name='fc')\ne = f.simple_bind(mx.cpu(), x=(2, 3))\n"
     "g = f.simple_bind(mx.cpu(), x=(4, 3), shared_exec=e, shared_arg_names=['fc_weight'])\n"
     "e.arg_dict['fc_weight'][:] = 5\ng.arg_dict['fc_weight']", Differs([[0.0, 0.0, 0.0]], [[5.0, 5.0, 5.0]], PROMISED)),
    ("f = sym.FullyConnected(sym.var('x'), num_hidden=1, name='fc')\ne = f.simple_bind(mx.cpu(), x=(2, 3))\n"
     "g = f.simple_bind(mx.cpu(), x=(4, 3), shared_exec=e, shared_arg_names=['fc_weight', 'fc_bias'], shared_buffer={})\n"
     "e.arg_dict['fc_weight'][:] = 5\n(g.arg_dict['fc_weight'], g.arg_dict['x'].shape)", ([[5.0, 5.0, 5.0]], (4, 3))),
    ("f = sym.FullyConnected(sym.var('x'), num_hidden=1, name='fc')\ne = f.simple_bind(mx.cpu(), x=(2, 3))\n"
     "g = f.simple_bind(mx.cpu(), x=(2, 3), shared_exec=e)\ne.arg_dict['fc_weight'][:] = 5\ng.arg_dict['fc_weight']", [[0.0, 0.0, 0.0]]),
    ("f = sym.FullyConnected(sym.var('x'), num_hidden=1, name='fc')\ne = f.simple_bind(mx.cpu(), x=(2, 3))\n"
     "g = f.simple_bind(mx.cpu(), x=(4, 3), shared_exec=e, shared_arg_names=['fc_weight'], shared_buffer={})\n"
     "g.arg_dict['x'][:] = 1\ng.forward(is_train=True)\ng.backward(nd.ones((4, 1)))\ne.grad_dict['fc_weight']", [[4.0, 4.0, 4.0]]),
    ("f = sym.FullyConnected(sym.var('x'), num_hidden=1, name='fc')\ne = f.simple_bind(mx.cpu(), x=(2, 3))\n"
     "f.simple_bind(mx.cpu(), x=(2, 5), shared_exec=e, shared_arg_names=['fc_weight'], shared_buffer={})",
     Differs(Raises("RuntimeError"), Raises("ValueError"), "the array does not fit")),
]

PARAMETERS = [
    (M + "m.init_params(mx.init.One())\nm.get_params()[0]", {"fc_weight": [[1.0] * 3] * 2, "fc_bias": [0.0, 0.0]}),
    (M + "m.init_params(mx.init.One())\nm.init_params(mx.init.Zero())\nm.get_params()[0]['fc_weight']", Warns([[1.0] * 3] * 2)),
    (M + "m.init_params(mx.init.One())\nm.init_params(mx.init.Zero(), force_init=True)\nm.get_params()[0]['fc_weight']", [[0.0] * 3] * 2),
    (M + "m.init_params()\nbool((abs(m.get_params()[0]['fc_weight'].asnumpy()) <= 0.01).all())", True),
    (READY + "m.get_params()[0]['fc_weight']", [[1.0, 2.0, 3.0], [-1.0, 0.0, 1.0]]),
    (READY + "m.get_params()[1]", {}),
    (M + "m.init_params(arg_params={'fc_bias': nd.ones(2)}, aux_params={})", Raises("RuntimeError")),
    (M + "m.init_params(mx.init.One(), arg_params={'fc_bias': nd.ones(2)}, aux_params={}, allow_missing=True)\nm.get_params()[0]",
     {"fc_weight": [[1.0] * 3] * 2, "fc_bias": [1.0, 1.0]}),
    (M + P + "p['more'] = nd.ones(1)\nm.init_params(arg_params=p, aux_params={})\nsorted(m.get_params()[0])", ["fc_bias", "fc_weight"]),
    (M + P + "m.set_params(p, {})\nm.get_params()[0]['fc_bias']", [0.5, -0.5]),
    (M + P + "m.set_params(p, None)\nm.get_params()[0]['fc_bias']", [0.5, -0.5]),
    (M + P + "p['more'] = nd.ones(1)\nm.set_params(p, {})\nm.get_params()[0]['fc_bias']", [0.5, -0.5]),
    (M + P + "p['more'] = nd.ones(1)\nm.set_params(p, {}, allow_missing=True)", Raises("ValueError")),
    (M + P + "p['more'] = nd.ones(1)\nm.set_params(p, {}, allow_missing=True, allow_extra=True)\nm.get_params()[0]['fc_bias']", [0.5, -0.5]),
    (M + "m.set_params({'fc_bias': nd.ones(2)}, {})", Raises("RuntimeError")),
    (READY + "m.set_params({'fc_bias': nd.ones(2)}, {}, allow_missing=True)\nm.get_params()[0]", {"fc_weight": [[1.0, 2.0, 3.0], [-1.0, 0.0, 1.0]], "fc_bias": [1.0, 1.0]}),
    (M + "m.set_params({'fc_bias': nd.ones(3), 'fc_weight': nd.ones((2, 3))}, {})", Raises("MXNetError")),
    (M + "m.set_params({'fc_bias': np.ones(2), 'fc_weight': np.ones((2, 3))}, {})\nm.get_params()[0]['fc_bias']",
     Differs(Raises("AttributeError"), [1.0, 1.0], "arrays are NumPy arrays")),
    (READY + "m.set_params({'fc_bias': nd.ones(2)}, {}, allow_missing=True, force_init=False)\nm.get_params()[0]['fc_bias']", Warns([0.5, -0.5])),
    (READY + "q = m.get_params()[0]\nm.set_params({n: a * 0 for n, a in p.items()}, {})\nk = q['fc_bias'].asnumpy().tolist()\nm.get_params()\nq['fc_bias']", [0.0, 0.0]),
]

OPTIMIZERS = [
    (TRAINED + "m._optimizer.rescale_grad", 0.5),
    (TRAINED + "m._optimizer.lr", 0.5),
    (READY + "m.init_optimizer()\nm._optimizer.lr", 0.01),
    (TRAINED + "m._optimizer.idx2name", {0: "fc_weight", 1: "fc_bias"}),
    (TRAINED + "m._optimizer.wd_mult", {"fc_bias": 0.0}),
    (READY + "m.init_optimizer(optimizer_params={'rescale_grad': 3.0})\nm._optimizer.rescale_grad", 3.0),
    (READY + "m.init_optimizer(optimizer=mx.optimizer.SGD(rescale_grad=0.5))\nm._optimizer.idx2name", {0: "fc_weight", 1: "fc_bias"}),
    (READY + "m.init_optimizer(optimizer=mx.optimizer.SGD())\nm._optimizer.rescale_grad", Warns(1.0)),
    (READY + "m.init_optimizer(optimizer='sdg')", Raises("ValueError")),
    (TRAINED + "m.init_optimizer(optimizer='adam')\ntype(m._optimizer).__name__", "SGD"),
    (TRAINED + "m.init_optimizer(optimizer='adam', force_init=True)\ntype(m._optimizer).__name__", "Adam"),
    (READY + "m.init_optimizer(kvstore=None)\nm._kvstore is None", True),
    (NET + P + B + "m = mx.mod.Module(net, context=[mx.cpu(0), mx.cpu(1)])\nm.bind([('data', (2, 3))], [('softmax_label', (2,))])\n"
     "m.init_params(arg_params=p, aux_params={})\nm.init_optimizer(kvstore='local', optimizer_params={'learning_rate': 0.5})\n"
     "m.forward_backward(b)\nm.update()\nm.get_params()[0]['fc_bias']", [0.3243916, -0.3243916]),
]

RUNNING = [
    (READY + B + "m.forward(b)\nm.get_outputs()[0]", [[0.9002495, 0.0997505], [0.8021839, 0.1978161]]),
    (READY + B + "m.forward(b)\n[len(o) for o in m.get_outputs(merge_multi_context=False)]", [1]),
    (TRAINED + "m.forward_backward(b)\nm.update()\nm.get_params()[0]['fc_weight']", [[0.9423299, 2.0450966, 2.9874268], [-0.9423299, -0.0450967, 1.0125734]]),
    (TRAINED + "m.forward_backward(b)\nm.update()\nm.get_params()[0]['fc_bias']", [0.3243916, -0.3243916]),
    (TRAINED + "m.forward_backward(b)\nm._exec_group.grad_arrays[1][0]", [0.7024335, -0.7024334]),
    (READY + "m.forward(mx.io.DataBatch([nd.ones((4, 3))], [nd.ones(4)]))\nm.get_outputs()[0].shape", (4, 2)),
    (READY + "m.forward(mx.io.DataBatch([nd.ones((1, 3))], [nd.ones(1)]))\n[tuple(d) for d in m.data_shapes + m.label_shapes]",
     [("data", (1, 3)), ("softmax_label", (1,))]),
    (READY + "m.forward(mx.io.DataBatch([nd.ones((4, 3))]), is_train=False)\nm.get_outputs()[0].shape", Differs(Raises("MXNetError"), (4, 2), LABELS)),
    (READY + "m.forward(mx.io.DataBatch([nd.ones((2, 5))], [nd.ones(2)]))", Raises("MXNetError")),
    (READY + "m.forward(mx.io.DataBatch([nd.ones((2, 3))]), is_train=False)\nm.get_outputs()[0].shape", (2, 2)),
    (READY + "m.reshape([('data', (6, 3))], [('softmax_label', (6,))])\n[tuple(d) for d in m.output_shapes]", [("softmax_output", (6, 2))]),
    (NET + P + B + "m = mx.mod.Module(net)\nm.bind([('data', (2, 3))], [('softmax_label', (2,))], inputs_need_grad=True)\n"
     "m.init_params(arg_params=p, aux_params={})\nm.forward_backward(b)\nm.get_input_grads()[0]",
     [[-0.1995009] * 3, [1.6043678] * 3]),
    (NET + P + B + "m = mx.mod.Module(net)\nm.bind([('data', (2, 3))], for_training=False)\nm.init_params(arg_params=p, aux_params={})\n"
     "m.forward(b)\nm.get_outputs()[0].shape", Warns((2, 2))),
    (NET + P + B + "m = mx.mod.Module(net)\nm.bind([('data', (2, 3))], [('softmax_label', (2,))], for_training=False)\n"
     "m.init_params(arg_params=p, aux_params={})\nm.forward(b)\nm.backward()", Differs(Raises("AssertionError"), Raises("MXNetError"), EARLY)),
    (NET + P + B + "m = mx.mod.Module(net)\nm.bind([('data', (2, 3))], [('softmax_label', (2,))], grad_req='add')\n"
     "m.init_params(arg_params=p, aux_params={})\nm.forward_backward(b)\nm.forward_backward(b)\nm._exec_group.grad_arrays[1][0]",
     [1.4048669, -1.4048668]),
    (NET + P + B + "m = mx.mod.Module(net, fixed_param_names=['fc_bias'])\nm.bind([('data', (2, 3))], [('softmax_label', (2,))])\n"
     "m.init_params(arg_params=p, aux_params={})\nm.init_optimizer()\nm.forward_backward(b)\nm.update()\nm.get_params()[0]['fc_bias']", [0.5, -0.5]),
    ("f = sym.FullyConnected(sym.var('data'), num_hidden=1, no_bias=True, name='fc')\nm = mx.mod.Module(f, label_names=None)\n"
     "m.bind([('data', (2, 3))], inputs_need_grad=True)\nm.init_params(mx.init.One())\nm.forward(mx.io.DataBatch([nd.ones((2, 3))]))\n"
     "m.backward([nd.array([[2], [3]])])\nm.get_input_grads()[0]", [[2.0] * 3, [3.0] * 3]),
    ("f = sym.FullyConnected(sym.var('data'), num_hidden=1, name='fc')\nm = mx.mod.Module(f, label_names=None)\n"
     "m.bind([('data', (2, 3))])\nm.init_params(mx.init.One())\nm.forward(mx.io.DataBatch([nd.ones((2, 3))]))\nm.backward()", Raises("MXNetError")),
    ("s = sym.FullyConnected(sym.var('data'), num_hidden=2, name='fc') + sym.var('h')\n"
     "m = mx.mod.Module(s, label_names=None, state_names=['h'])\nm.bind([('data', (2, 3))])\nm.init_params(mx.init.Zero())\n"
     "m.set_states(value=3)\nm.forward(mx.io.DataBatch([nd.ones((2, 3))]))\nm.get_outputs()[0]", [[3.0, 3.0], [3.0, 3.0]]),
]

LOOPS = [
    (READY + IT + "m.predict(it).shape", (5, 2)),
    (READY + IT + "m.predict(it, num_batch=1).shape", (2, 2)),
    (READY + IT + "[[o.shape for o in p] for p in m.predict(it, merge_batches=False)]", [[(2, 2)], [(2, 2)], [(1, 2)]]),
    (READY + IT + "[o.shape for o in m.predict(it, always_output_list=True)]", [(5, 2)]),
    (READY + IT + "it.reset()\nnext(it)\nm.predict(it, reset=False).shape", (3, 2)),
    (READY + IT + "m.predict([1])", Raises("ValueError")),
    (READY + IT + "[(o[0].shape, n, b.pad) for o, n, b in m.iter_predict(it)]", [((2, 2), 0, 0), ((2, 2), 1, 0), ((1, 2), 2, 1)]),
    (READY + IT + "m.score(it, 'acc')", [("accuracy", 0.5)]),
    (READY + IT + "m.score(it, ['acc', 'ce'], num_batch=1)", [("accuracy", 0.5), ("cross-entropy", 1.8083646)]),
    (READY + IT + "k = []\nm.score(it, 'acc', batch_end_callback=lambda p: k.append((p.epoch, p.nbatch)), score_end_callback=lambda p: k.append(p.nbatch), epoch=7)\nk",
     [(7, 0), (7, 1), (7, 2), 3]),
    (NET + IT + "mx.mod.Module(net).fit(it)", Differs(Raises("AssertionError"), Raises("MXNetError"), EARLY)),
    (NET + IT + P + "k = []\nm = mx.mod.Module(net)\n"
     "m.fit(it, num_epoch=4, begin_epoch=2, arg_params=p, batch_end_callback=lambda q: k.append((q.epoch, q.nbatch)), epoch_end_callback=lambda e, s, a, x: k.append(e))\nk",
     [(2, 0), (2, 1), (2, 2), 2, (3, 0), (3, 1), (3, 2), 3]),
    (NET + IT + P + "m = mx.mod.Module(net)\nm.fit(it, num_epoch=2, arg_params=p, optimizer_params=(('learning_rate', 0.5), ('momentum', 0.5)))\nm.get_params()[0]['fc_bias']",
     [-0.3158353, 0.3158353]),
    (NET + IT + P + "m = mx.mod.Module(net)\nm.fit(it, num_epoch=1, arg_params=p, monitor=mx.mon.Monitor(1))\nm.binded", True),
]

P7 = "mx.io.NDArrayIter(np.arange(7), batch_size=3, last_batch_handle=%r)\n"
EPOCHS = "[[(b.data[0].asnumpy().tolist(), b.pad) for b in it] + [it.reset()] for _ in range(3)]"

ITERATORS = [
    ("it = " + P7 % "pad" + EPOCHS, [[([0.0, 1.0, 2.0], 0), ([3.0, 4.0, 5.0], 0), ([6.0, 0.0, 1.0], 2), None]] * 3),
    ("it = " + P7 % "discard" + EPOCHS, [[([0.0, 1.0, 2.0], 0), ([3.0, 4.0, 5.0], 0), None]] * 3),
    ("it = " + P7 % "roll_over" + EPOCHS,
     [[([0.0, 1.0, 2.0], 0), ([3.0, 4.0, 5.0], 0), None], [([6.0, 0.0, 1.0], 1), ([2.0, 3.0, 4.0], 0), None],
      [([5.0, 6.0, 0.0], 2), ([1.0, 2.0, 3.0], 0), ([4.0, 5.0, 6.0], 0), None]]),
    ("it = mx.io.NDArrayIter(np.arange(4), batch_size=9)\n[(b.data[0], b.pad) for b in it]", [([0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0, 0.0], 5)]),
    ("it = mx.io.NDArrayIter(np.arange(2), batch_size=7)\n[(b.data[0], b.pad) for b in it]", [([0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0], 5)]),
    ("it = mx.io.NDArrayIter(np.arange(4), batch_size=9, last_batch_handle='discard')\nlist(it)", []),
    ("it = mx.io.NDArrayIter(np.arange(4), np.arange(4), 2)\n[tuple(d) for d in it.provide_data + it.provide_label]", [("data", (2,)), ("softmax_label", (2,))]),
    ("it = mx.io.NDArrayIter(np.arange(4), np.arange(4), 2)\n[d.dtype for d in it.provide_data + it.provide_label]", ["float32", "float32"]),
    ("it = mx.io.NDArrayIter(nd.arange(4, dtype='int32'), batch_size=2)\nit.provide_data[0].dtype", "int32"),
    ("it = mx.io.NDArrayIter([np.ones((4, 2)), np.ones(4)], {'z': np.ones(4), 'y': np.ones(4)}, 2)\n[d.name for d in it.provide_data + it.provide_label]",
     ["_0_data", "_1_data", "y", "z"]),
    ("it = mx.io.NDArrayIter(np.arange(4), batch_size=2)\nnext(it).label", []),
    ("mx.io.NDArrayIter(np.ones(3), np.ones(4)).provide_data", Differs(Anything(), Raises("ValueError"), "rows without a label are a mistake")),
    ("mx.io.NDArrayIter('a')", Raises("TypeError")),
    ("n, s = mx.io.DataDesc('a', (2, 3))\n(n, s)", ("a", (2, 3))),
    ("str(mx.io.DataDesc('a', (2,)).layout)", "NCHW"),
    ("mx.io.DataDesc.get_batch_axis('TNC')", 1),
    ("mx.io.DataDesc.get_batch_axis(None)", 0),
    ("str(mx.io.DataBatch([nd.ones((2, 3))], [nd.ones(2)]))", "DataBatch: data shapes: [(2, 3)] label shapes: [(2,)]"),
    ("b = mx.io.DataBatch([nd.ones((2, 3))])\n(b.label, b.pad, b.index, b.bucket_key, b.provide_data)", (None, None, None, None, None)),
    ("mx.io.DataBatch(nd.ones(3))", Differs(Raises("AssertionError"), Raises("TypeError"), EARLY)),
    ("it = mx.io.ResizeIter(mx.io.NDArrayIter(np.arange(5), batch_size=2), 4)\n[b.data[0] for b in it]", [[0.0, 1.0], [2.0, 3.0], [4.0, 0.0], [0.0, 1.0]]),
    ("it = mx.io.PrefetchingIter([mx.io.NDArrayIter(np.arange(4), batch_size=2), mx.io.NDArrayIter({'b': np.arange(4)}, batch_size=2)])\n"
     "r = [[d for d in b.data] for b in it]\nit.reset()\n(r, len(list(it)))", ([[[0.0, 1.0], [0.0, 1.0]], [[2.0, 3.0], [2.0, 3.0]]], 2)),
    ("it = mx.io.PrefetchingIter(mx.io.NDArrayIter(np.arange(4), batch_size=2), rename_data=[{'data': 'x'}])\nit.provide_data[0].name", "x"),
    ("class It(mx.io.DataIter):\n  def __init__(self):\n    super(It, self).__init__(2)\n    self.n = 0\n  def iter_next(self):\n    self.n += 1\n    return self.n < 3\n"
     "  def getdata(self):\n    return [nd.ones(2) * self.n]\n  def getpad(self):\n    return 0\n[(b.data[0], b.pad, b.label) for b in It()]", [([1.0, 1.0], 0, None), ([2.0, 2.0], 0, None)]),
]

METRICS = [
    ("m = mx.metric.create('mse')\nm.update([nd.zeros(1)], [nd.ones(1)])\nm.reset_local()\nm.update([nd.zeros(1)], [nd.zeros(1)])\n(m.get(), m.get_global())",
     (("mse", 0.0), ("mse", 0.5))),
    ("m = mx.metric.create(['mse', 'mae'])\nm.update([nd.zeros(1)], [nd.ones(1) * 2])\nm.reset_local()\nm.update([nd.zeros(1)], [nd.zeros(1)])\nm.get_global_name_value()",
     [("mse", 2.0), ("mae", 1.0)]),
    ("m = mx.metric.F1(average='micro')\nm.update([nd.array([1, 0])], [nd.array([[0, 1], [1, 0]])])\nm.reset_local()\n"
     "m.update([nd.array([1, 0])], [nd.array([[1, 0], [1, 0]])])\nm.get_global()[1]", Differs(Anything(), 2 / 3, "all labels count")),
    ("class Mine(mx.metric.EvalMetric):\n  def __init__(self):\n    super(Mine, self).__init__('mine')\n  def update(self, labels, preds):\n    self.sum_metric += 1\n"
     "    self.num_inst += 2\nm = Mine()\nm.update(None, None)\nm.reset_local()\n(m.get_global()[0], str(m.get_global()[1]))", ("mine", "nan")),
    ("def f(label, pred):\n  return 3\nm = mx.metric.np(f)\nm.update([nd.ones(1)], [nd.ones(1)])\nm.get()", ("f", 3.0)),
    ("m = mx.metric.create(lambda label, pred: 3)\nm.name", "custom(<lambda>)"),
    ("m = mx.metric.np(lambda label, pred: 3, name='x', allow_extra_outputs=True)\nm.update([nd.ones(1)], [nd.ones(1)] * 2)\nm.get()", ("x", 3.0)),
    ("mx.metric.check_label_shapes([1], [1, 2])", Raises("ValueError")),
    ("mx.metric.check_label_shapes([1, 2], [1, 2])", ([1, 2], [1, 2])),
]

STORES = [
    ("k = mx.kv.create()\nk.init(3, nd.ones(2) * 2)\na = nd.zeros(2)\nk.pull(3, out=a)\n(k.type, k.rank, k.num_workers, a)", ("local", 0, 1, [2.0, 2.0])),
    ("k = mx.kvstore.create('device')\nk.init(3, nd.ones(2))\nk.push(3, nd.ones(2) * 8)\na = nd.zeros(2)\nk.pull(3, out=a)\n(k.type, a)", ("device", [8.0, 8.0])),
    ("k = mx.kv.create()\nk.init('w', nd.ones(2))\nk.push('w', [nd.ones(2)] * 4)\na = [nd.zeros(2), nd.zeros(2)]\nk.pull('w', out=a)\na", [[4.0, 4.0], [4.0, 4.0]]),
    ("k = mx.kv.create()\nk.init('w', nd.ones(2))\nk._set_updater(lambda key, g, w: w.__iadd__(g * 2))\nk.push('w', nd.ones(2))\na = nd.zeros(2)\nk.pull('w', out=a)\na", [3.0, 3.0]),
    ("k = mx.kv.create()\nk.init(0, nd.ones(2))\nk.set_optimizer(mx.optimizer.SGD(learning_rate=0.1))\nk.push(0, [nd.ones(2)] * 2)\na = nd.zeros(2)\nk.pull(0, out=a)\na", [0.8, 0.8]),
    ("k = mx.kv.create()\nk.init(['a', 'b'], [nd.ones(1)] * 2)\nk.push(['a', 'b'], [nd.ones(1) * 5, nd.ones(1) * 6])\na = [nd.zeros(1), nd.zeros(1)]\nk.pull(['a', 'b'], out=a)\na", [[5.0], [6.0]]),
    ("mx.kv.create().push(9, nd.ones(1))", Raises("MXNetError")),
    ("k = mx.kv.create()\nk.init(3, nd.ones(1))\nk.init(3, nd.ones(1))", Raises("MXNetError")),
    ("mx.kv.create(3)", Differs(Raises("TypeError"), Raises("ValueError"), "it is a store that is not there")),
]

DEVICES = [
    ("str(mx.cpu(1))", "cpu(1)"),
    ("mx.cpu() == mx.Context('cpu', 0)", True),
    ("(mx.cpu_pinned().device_type, mx.cpu_pinned().device_typeid, mx.cpu().device_typeid)", ("cpu_pinned", 3, 1)),
    ("with mx.Context('cpu', 2):\n  a = str(mx.current_context())\n(a, str(mx.current_context()))", ("cpu(2)", "cpu(0)")),
    ("mx.Context(mx.cpu(3)).device_id", 3),
    ("mx.context.num_gpus()", 0),
    ("mx.Context('tpu')", Differs(Raises("KeyError"), Raises("ValueError"), "the error says which devices there are")),
    ("list(mx.test_utils.list_gpus())", []),
    ("str(mx.test_utils.default_context())", "cpu(0)"),
]

SENTENCES = [
    ("mx.rnn.encode_sentences([['a', 'b'], ['b', 'c']])", ([[0, 1], [1, 2]], {"\n": -1, "a": 0, "b": 1, "c": 2})),
    ("mx.rnn.encode_sentences([['a', 'b']], start_label=1, invalid_label=0)", ([[1, 2]], {"\n": 0, "a": 1, "b": 2})),
    ("mx.rnn.encode_sentences([['a', 'b']], invalid_label=1)", ([[0, 2]], {"\n": 1, "a": 0, "b": 2})),
    ("mx.rnn.encode_sentences([['a']], vocab={'a': 5})", ([[5]], {"a": 5})),
    ("mx.rnn.encode_sentences([['z']], vocab={'a': 5})", Differs(Raises("AssertionError"), Raises("ValueError"), EARLY)),
    ("mx.rnn.encode_sentences([['z', 'a', 'y']], vocab={'a': 5, '<u>': 0}, unknown_token='<u>')",
     Differs(([[0, 5, 1]], {"a": 5, "<u>": 1}), ([[0, 5, 0]], {"a": 5, "<u>": 0}), "an unknown word has one number")),
    ("import random\nrandom.seed(1)\nnp.random.seed(1)\n"
     "it = mx.rnn.BucketSentenceIter([[1, 2], [3, 4], [5, 6, 7], [8, 9, 1], [2]], 2, buckets=[2, 3], invalid_label=0)\n"
     "[(b.bucket_key, b.data[0], b.label[0]) for b in it]",
     [(3, [[8.0, 9.0, 1.0], [5.0, 6.0, 7.0]], [[9.0, 1.0, 0.0], [6.0, 7.0, 0.0]]), (2, [[1.0, 2.0], [2.0, 0.0]], [[2.0, 0.0], [0.0, 0.0]])]),
    ("it = mx.rnn.BucketSentenceIter([[1, 2], [3, 4], [5, 6, 7], [8, 9, 1]], 2, invalid_label=0, layout='TN')\n"
     "(it.default_bucket_key, [tuple(d) for d in it.provide_data], sorted(b.data[0].shape for b in it))", (3, [("data", (3, 2))], [(2, 2), (3, 2)])),
    ("mx.rnn.BucketSentenceIter([[1, 2], [3]], 5)", Raises("ValueError")),
]

TABLES = {
    name: table
    for name, table in list(globals().items())
    if name.isupper() and isinstance(table, list)
}

"""Programs that compose a symbol `net`: MXNet's files of them are in fixtures/mxnet_graphs.json.

They run under MXNet 1.9.1 (by scripts/mxnet/record_graphs.py, in Python 3.8) and under minisym, as `mx`.
"""

GRAPHS = {
    "variable": "net = mx.sym.Variable('x')",
    "variable with everything": """
net = mx.sym.Variable('x', attr={'mood': 'calm'}, shape=(2, 0), lr_mult=2, wd_mult=0.5,
                      dtype='float64', init='zeros', __tag__='a')""",
    "unary": "net = mx.sym.tanh(mx.sym.Variable('x'), name='t')",
    "operators": """
a, b = mx.sym.Variable('a'), mx.sym.Variable('b')
net = -(a + b) * 2 - a / 3.5 + (1 - b) ** 2 % 3 + abs(a) + (a > b) + (a == 1)""",
    "automatic names": """
x = mx.sym.Variable('x')
net = mx.sym.FullyConnected(mx.sym.relu(mx.sym.FullyConnected(x, num_hidden=4)), num_hidden=2)""",
    "mlp": """
net = mx.sym.Variable('data')
for i in range(3):
    net = mx.sym.FullyConnected(net, num_hidden=8, name='fc%d' % i)
    net = mx.sym.Activation(net, act_type='relu', name='relu%d' % i)
net = mx.sym.SoftmaxOutput(net, name='softmax')""",
    "convolutional": """
x = mx.sym.Variable('data')
x = mx.sym.Convolution(x, kernel=(3, 3), num_filter=4, stride=[2, 2], pad=(1, 1), name='conv')
x = mx.sym.BatchNorm(x, fix_gamma=False, eps=2e-5, name='bn')
x = mx.sym.Pooling(x, kernel=(2, 2), pool_type='max', global_pool=True, name='pool')
net = mx.sym.Flatten(mx.sym.LeakyReLU(x, act_type='prelu', name='prelu'), name='flat')""",
    "states": """
x = mx.sym.BatchNorm(mx.sym.Variable('data'), name='a')
net = mx.sym.BatchNorm(mx.sym.BatchNorm(x, name='b'), name='c', output_mean_var=True)""",
    "a state that is shared": """
mean, var = mx.sym.Variable('mean'), mx.sym.Variable('var')
x = mx.sym.BatchNorm(mx.sym.Variable('x'), moving_mean=mean, moving_var=var, name='a')
net = mx.sym.BatchNorm(x, moving_mean=mean, moving_var=var, name='b')""",
    "several outputs": """
parts = mx.sym.SliceChannel(mx.sym.Variable('x'), num_outputs=3, axis=1, name='parts')
net = mx.sym.Group([parts[2], parts[0] * parts[1]])""",
    "an output of several": "net = mx.sym.split(mx.sym.Variable('x'), num_outputs=2, name='s')[1]",
    "group": """
x = mx.sym.Variable('x')
t = mx.sym.tanh(x, name='t')
net = mx.sym.Group([t, x, mx.sym.BlockGrad(t, name='block'), t])""",
    "inputs of any number": """
a, b, c = (mx.sym.Variable(n) for n in 'abc')
net = mx.sym.Concat(mx.sym.add_n(a, b, c, name='sum'), mx.sym.concat(a, b, dim=0, name='two'),
                    dim=1, name='all')""",
    "more than ten of everything": """
net = mx.sym.Concat(*[mx.sym.Variable('v%d' % i) for i in range(12)], dim=1, name='wide')
net = mx.sym.Group([net] + [net + i for i in range(11)])""",
    "exactly ten and eleven nodes": """
net = mx.sym.Variable('x')
for i in range(10):
    net = mx.sym.tanh(net, name='t%d' % i)""",
    "shared nodes": """
w = mx.sym.Variable('w')
a = mx.sym.FullyConnected(mx.sym.Variable('x'), weight=w, num_hidden=3, no_bias=True, name='a')
net = mx.sym.FullyConnected(a, weight=w, num_hidden=3, no_bias=True, name='b') + w""",
    "equal names": "net = mx.sym.Variable('a') + mx.sym.Variable('a')",
    "scopes": """
with mx.AttrScope(ctx_group='left', __mood__='calm'):
    with mx.name.Prefix('block_'):
        x = mx.sym.FullyConnected(mx.sym.Variable('x'), num_hidden=2, name='fc')
    net = mx.sym.tanh(x, attr={'__mood__': 'wild'}, lr_mult='2') + 1""",
    "strange names": r"""
x = mx.sym.Variable('a/b "c" \\ d')
net = mx.sym.tanh(x, name='t\tab', attr={'__quote__': 'say "no"', '__lines__': 'one\ntwo'})""",
    "parameters as written": """
x = mx.sym.Variable('x')
x = mx.sym.Reshape(x, shape=[-1, 4], reverse=True, name='r')
x = mx.sym.clip(x, a_min=0, a_max='1e1', name='c')
x = mx.sym.transpose(x, axes=(1, 0), name='t')
net = mx.sym.Cast(mx.sym.sum(x, axis=1, keepdims=1, name='s'), dtype='float64', name='f')""",
    "sources": """
net = mx.sym.zeros((2, 3)) + mx.sym.ones((2, 3), dtype='float64') * mx.sym.arange(0, 6, 2)
net = net + mx.sym.full((2,), 3.5)""",
    "embedding": """
net = mx.sym.Embedding(mx.sym.Variable('words'), input_dim=10, output_dim=4, name='embed')
net = mx.sym.one_hot(net, depth=3, name='hot')
net = mx.sym.take(mx.sym.Variable('table'), net, name='take')""",
    "recurrent": """
net = mx.sym.RNN(mx.sym.Variable('x'), state_size=4, num_layers=2, mode='lstm', name='lstm',
                 state_outputs=True)""",
    "replaced": """
inner = mx.sym.FullyConnected(mx.sym.Variable('x'), num_hidden=2, name='inner')
outer = mx.sym.tanh(mx.sym.Variable('y'), name='outer')
net = outer(y=inner, name='again')""",
    "internals": """
x = mx.sym.FullyConnected(mx.sym.tanh(mx.sym.Variable('x'), name='t'), num_hidden=2, name='fc')
net = x.get_internals()""",
    "fluent": "net = mx.sym.Variable('x').reshape(shape=(2, -1)).sum(axis=1).softmax(axis=-1)",
    "linear algebra": """
a, b = mx.sym.Variable('a'), mx.sym.Variable('b')
net = mx.sym.linalg.gemm2(a, mx.sym.dot(a, b, transpose_b=True, name='d'), alpha=2.0, name='g')""",
    "losses": """
x, y = mx.sym.Variable('x'), mx.sym.Variable('y')
net = mx.sym.Group([mx.sym.LinearRegressionOutput(x, y, grad_scale=0.5, name='l2'),
                    mx.sym.MakeLoss(mx.sym.square(x - y), name='loss'),
                    mx.sym.make_loss(x, name='raw')])""",
    "updates of several weights": """
net = mx.sym.multi_sgd_update(*[mx.sym.Variable(n) for n in ('w0', 'g0', 'w1', 'g1')],
                              num_weights=2, lrs=(0.1, 0.2), wds=(0, 0), name='step')""",
}

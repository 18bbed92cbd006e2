"""Using symbols: operators, methods, composing once more, indexing, lists, copies."""

from .cases import Anything, Differs, Raises

OPERATORS = [
    ("a, b = sym.var('a'), sym.var('b')\n(a + b).eval(mx.cpu(), a=nd.array([1, 2]), b=nd.array([3, 5]))[0]", [4.0, 7.0]),
    ("a, b = sym.var('a'), sym.var('b')\n(a - b).eval(mx.cpu(), a=nd.array([1, 2]), b=nd.array([3, 5]))[0]", [-2.0, -3.0]),
    ("a, b = sym.var('a'), sym.var('b')\n(a * b).eval(mx.cpu(), a=nd.array([1, 2]), b=nd.array([3, 5]))[0]", [3.0, 10.0]),
    ("a, b = sym.var('a'), sym.var('b')\n(a / b).eval(mx.cpu(), a=nd.array([1, 3]), b=nd.array([4, 2]))[0]", [0.25, 1.5]),
    ("a, b = sym.var('a'), sym.var('b')\n(a % b).eval(mx.cpu(), a=nd.array([-7, 7]), b=nd.array([3, -3]))[0]", [2.0, -2.0]),
    ("a, b = sym.var('a'), sym.var('b')\n(a ** b).eval(mx.cpu(), a=nd.array([2, 3]), b=nd.array([3, 2]))[0]", [8.0, 9.0]),
    ("a = sym.var('a')\n[f.eval(mx.cpu(), a=nd.array([2, 5]))[0] for f in (a + 1, 1 + a, a - 1, 1 - a, a * 2, 2 * a)]",
     [[3.0, 6.0], [3.0, 6.0], [1.0, 4.0], [-1.0, -4.0], [4.0, 10.0], [4.0, 10.0]]),
    ("a = sym.var('a')\n[f.eval(mx.cpu(), a=nd.array([2, 5]))[0] for f in (a / 2, 10 / a, a % 3, 7 % a, a ** 2, 2 ** a)]",
     [[1.0, 2.5], [5.0, 2.0], [2.0, 2.0], [1.0, 2.0], [4.0, 25.0], [4.0, 32.0]]),
    ("a = sym.var('a')\n[f.eval(mx.cpu(), a=nd.array([-2, 5]))[0] for f in (-a, abs(a))]", [[2.0, -5.0], [2.0, 5.0]]),
    ("a, b = sym.var('a'), sym.var('b')\n"
     "[f.eval(mx.cpu(), a=nd.array([1, 2, 3]), b=nd.array([2, 2, 2]))[0]"
     " for f in (a == b, a != b, a > b, a >= b, a < b, a <= b)]",
     [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]),
    ("a = sym.var('a')\n"
     "[f.eval(mx.cpu(), a=nd.array([1, 2, 3]))[0] for f in (a == 2, a != 2, a > 2, a >= 2, a < 2, a <= 2, 2 < a, 2 == a)]",
     [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0],
      [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]),
    ("a, b = sym.var('a'), sym.var('b')\n(a == b).infer_type(a='int32')[1]", ["int32"]),
    ("(sym.var('a') > 1).infer_type(a='float64')[1]", ["float64"]),
    ("(sym.var('a') + sym.var('b')).infer_shape(a=(2, 3), b=(1, 3))", Raises("MXNetError")),
    ("sym.var('a') + np.float32(2)", "<_plusscalar0_output>"),
    ("sym.var('a') + np.array([1.0, 2.0])", Raises("TypeError")),
    ("sym.var('a') + [1.0]", Raises("TypeError")),
    ("sym.var('a') + 'b'", Raises("TypeError")),
    ("sym.var('a') + None", Raises("TypeError")),
    ("sym.var('a') - [1.0]", Raises("TypeError")),
    ("[1.0] - sym.var('a')", Raises("TypeError")),
    ("sym.var('a') * 'b'", Raises("TypeError")),
    ("sym.var('a') / 'b'", Raises("TypeError")),
    ("'b' / sym.var('a')", Raises("TypeError")),
    ("sym.var('a') % 'b'", Raises("TypeError")),
    ("sym.var('a') ** 'b'", Raises("TypeError")),
    ("'b' ** sym.var('a')", Raises("TypeError")),
    ("sym.var('a') == 'b'", Raises("TypeError")),
    ("sym.var('a') > 'b'", Raises("TypeError")),
    ("hash(sym.var('a'))", Raises("TypeError")),
    ("{sym.var('a'): 1}", Raises("TypeError")),
    ("bool(sym.var('a'))", Raises("NotForSymbol")),
    ("if sym.var('a'):\n    pass", Raises("NotForSymbol")),
    ("sym.var('a') in [sym.var('b')]", Raises("NotForSymbol")),
    ("a = sym.var('a')\na += 1", Raises("NotForSymbol")),
    ("a = sym.var('a')\na -= 1", Raises("NotForSymbol")),
    ("a = sym.var('a')\na *= 2", Raises("NotForSymbol")),
    ("a = sym.var('a')\na /= 2", Raises("NotForSymbol")),
    ("a = sym.var('a')\na %= 2\na.name", "_modscalar0"),
    ("a = sym.var('a')\na **= 2\na.name", "_powerscalar0"),
    ("a = sym.var('a')\n(a + a).list_arguments()", ["a"]),
    ("a = sym.var('a')\n(a + a).get_children().list_outputs()", ["a", "a"]),
    ("(sym.var('a') / 2).eval(mx.cpu(), a=nd.array([3], dtype='int32'))[0]", [1]),
    ("(sym.var('a') * 2.5).eval(mx.cpu(), a=nd.array([3], dtype='int32'))[0]", [6]),
    ("(sym.var('a') + sym.split(sym.var('b'), num_outputs=2))", Raises("MXNetError")),
]

NOT_FOR_SYMBOLS = [
    ("sym.var('a').%s()" % method, Raises("NotForSymbol"))
    for method in ("asnumpy", "asscalar", "copy", "detach", "backward", "as_in_context", "wait_to_read")
]

FLUENT = [
    ("sym.var('x').%s.name" % call, name)
    for call, name in (
        ("abs()", "abs0"), ("arccos()", "arccos0"), ("arccosh()", "arccosh0"), ("arcsin()", "arcsin0"),
        ("arcsinh()", "arcsinh0"), ("arctan()", "arctan0"), ("arctanh()", "arctanh0"), ("argmax(axis=1)", "argmax0"),
        ("argmax_channel()", "argmax_channel0"), ("argmin(axis=1)", "argmin0"), ("argsort()", "argsort0"),
        ("astype('float16')", "cast0"), ("broadcast_axes(axis=0, size=2)", "broadcast_axes0"),
        ("broadcast_like(sym.var('y'))", "broadcast_like0"), ("broadcast_to(shape=(2, 2))", "broadcast_to0"),
        ("cbrt()", "cbrt0"), ("ceil()", "ceil0"), ("clip(0, 1)", "clip0"), ("cos()", "cos0"), ("cosh()", "cosh0"),
        ("degrees()", "degrees0"), ("depth_to_space(2)", "depth_to_space0"), ("diag()", "diag0"), ("exp()", "exp0"),
        ("expand_dims(axis=0)", "expand_dims0"), ("expm1()", "expm10"), ("fix()", "fix0"), ("flatten()", "flatten0"),
        ("flip(axis=0)", "flip0"), ("floor()", "floor0"), ("log()", "log0"), ("log10()", "log100"),
        ("log1p()", "log1p0"), ("log2()", "log20"), ("log_softmax()", "log_softmax0"), ("max()", "max0"),
        ("mean()", "mean0"), ("min()", "min0"), ("nanprod()", "nanprod0"), ("nansum()", "nansum0"), ("norm()", "norm0"),
        ("one_hot(depth=3)", "one_hot0"), ("ones_like()", "ones_like0"),
        ("pad(mode='constant', pad_width=(0, 0, 0, 0, 1, 1, 1, 1))", "pad0"), ("pick(sym.var('i'))", "pick0"),
        ("prod()", "prod0"), ("radians()", "radians0"), ("rcbrt()", "rcbrt0"), ("reciprocal()", "reciprocal0"),
        ("relu()", "relu0"), ("repeat(repeats=2)", "repeat0"), ("reshape(shape=(1, -1))", "reshape0"),
        ("reshape_like(sym.var('y'))", "reshape_like0"), ("rint()", "rint0"), ("round()", "round0"),
        ("rsqrt()", "rsqrt0"), ("shape_array()", "shape_array0"), ("sigmoid()", "sigmoid0"), ("sign()", "sign0"),
        ("sin()", "sin0"), ("sinh()", "sinh0"), ("size_array()", "size_array0"),
        ("slice(begin=(0,), end=(1,))", "slice0"), ("slice_axis(axis=0, begin=0, end=1)", "slice_axis0"),
        ("slice_like(sym.var('y'))", "slice_like0"), ("softmax()", "softmax0"), ("softmin()", "softmin0"),
        ("sort()", "sort0"), ("space_to_depth(2)", "space_to_depth0"), ("split(num_outputs=2)", "split0"),
        ("split_v2(2)", "_split_v20"), ("sqrt()", "sqrt0"), ("square()", "square0"), ("squeeze()", "squeeze0"),
        ("sum()", "sum0"), ("swapaxes(0, 1)", "swapaxes0"), ("take(sym.var('i'))", "take0"), ("tan()", "tan0"),
        ("tanh()", "tanh0"), ("tile(reps=(2,))", "tile0"), ("topk()", "topk0"), ("transpose()", "transpose0"),
        ("trunc()", "trunc0"), ("zeros_like()", "zeros_like0"),
    )
] + [
    ("sym.var('x').sum(axis=1, keepdims=True).list_attr()", {"axis": "1", "keepdims": "True"}),
    ("sym.var('x').reshape((2, -1)).attr('shape')", "(2, -1)"),
    ("sym.var('x').reshape(shape=(-1,)).infer_shape(x=(2, 3))[1]", [(6,)]),
    ("sym.var('x').tanh(name='t').name", "t"),
    ("sym.var('x').nothing()", Raises("AttributeError")),
    ("sym.var('x').sum(axis=0).eval(mx.cpu(), x=nd.array([[1, 2], [3, 4]]))[0]", [4.0, 6.0]),
    ("sym.var('x').slice_axis(0, 0, 1).list_attr()", {"axis": "0", "begin": "0", "end": "1"}),
    ("sym.var('x').clip(a_min=0, a_max=6).list_attr()", {"a_min": "0", "a_max": "6"}),
    ("sym.var('x').transpose((1, 0)).attr('axes')", "(1, 0)"),
]

SHARED = "nodes are immutable, so a copy keeps the variables themselves: such weights are shared, and can be bound"
NET = "d = sym.var('data')\nf = sym.FullyConnected(d, num_hidden=3, name='fc')\na = sym.relu(f, name='act')\n"
SPLIT = "s = sym.split(sym.var('x'), num_outputs=3, name='s')\n"

COMPOSE = [
    (NET + "a(data=sym.var('other')).list_arguments()", ["other", "fc_weight", "fc_bias"]),
    (NET + "a(data=sym.var('other'))\na.list_arguments()", ["data", "fc_weight", "fc_bias"]),
    (NET + "a(fc_weight=sym.var('w') * 2).list_arguments()", ["data", "w", "fc_bias"]),
    (NET + "a(data=sym.var('z'), name='new').list_outputs()", ["new_output"]),
    (NET + "a(data=sym.var('z'), name='new').list_arguments()", ["z", "fc_weight", "fc_bias"]),
    (NET + "a(data=sym.var('z')).list_outputs()", ["act_output"]),
    (NET + "a(name='renamed').list_outputs()", ["renamed_output"]),
    (NET + "a(name='renamed')\na.list_outputs()", ["act_output"]),
    (NET + "a().list_outputs()", ["act_output"]),
    (NET + "a(nothing=sym.var('z'))", Raises("MXNetError")),
    (NET + "a(data=3)", Raises("TypeError")),
    (NET + "a(3)", Raises("TypeError")),
    (NET + "a(sym.var('z'), data=sym.var('y'))", Raises("TypeError")),
    (NET + "a(sym.var('z'))", Raises("MXNetError")),
    (NET + SPLIT + "a(data=s)", Raises("MXNetError")),
    (NET + "a(data=a).list_arguments()",
     Differs(["data", "fc_weight", "fc_bias", "fc_weight", "fc_bias"], ["data", "fc_weight", "fc_bias"], SHARED)),
    (NET + "a(data=a).get_internals().list_outputs()",
     Differs(["data", "fc_weight", "fc_bias", "fc_output", "act_output", "fc_weight", "fc_bias", "fc_output", "act_output"],
             ["data", "fc_weight", "fc_bias", "fc_output", "act_output", "fc_output", "act_output"], SHARED)),
    (NET + "sym.Group([a, f])(data=sym.var('z')).list_outputs()", ["act_output", "fc_output"]),
    (NET + "sym.Group([a, f])(data=sym.var('z')).list_arguments()", ["z", "fc_weight", "fc_bias"]),
    ("d = sym.var('data')\nd(data=sym.var('z')).list_outputs()",
     Differs(["data"], ["z"], "a variable is replaced like any other")),
    ("x, y = sym.var('x'), sym.var('y')\n(x + y)(x=y, y=x).list_arguments()", ["y", "x"]),
    ("a = sym.FullyConnected(sym.var('data'), num_hidden=3, name='fc1')\n"
     "b = sym.FullyConnected(sym.var('data2'), num_hidden=4, name='fc2')\n"
     "c = b(data2=a, name='composed')\n[c.list_arguments(), c.list_outputs()]",
     [["data", "fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias"], ["composed_output"]]),
]

INDEXING = [
    (NET + "a[0].list_outputs()", ["act_output"]),
    (NET + "a['act_output'].list_outputs()", ["act_output"]),
    (NET + "a['act']", Raises("ValueError")),
    (NET + "a.get_internals()['fc_output'].list_outputs()", ["fc_output"]),
    (NET + "a.get_internals()['fc_weight'].list_outputs()", ["fc_weight"]),
    (NET + "a.get_internals()['nothing']", Raises("ValueError")),
    ("x, y = sym.var('x'), sym.var('x')\nsym.Group([x, y])['x']", Raises("ValueError")),
    (NET + "a[1]", Raises("IndexError")),
    (NET + "a[-1]", Differs(Raises("MXNetError"), "<act_output>", "the last output, as everywhere in Python")),
    (NET + "a[0.5]", Raises("TypeError")),
    (NET + "a[None]", Raises("TypeError")),
    (NET + "a.get_internals()[1:3].list_outputs()", ["fc_weight", "fc_bias"]),
    (NET + "a.get_internals()[:].list_outputs()", ["data", "fc_weight", "fc_bias", "fc_output", "act_output"]),
    (NET + "a.get_internals()[3:1]", Raises("TypeError")),
    (NET + "a.get_internals()[-2:].list_outputs()",
     Differs(Raises("MXNetError"), ["fc_output", "act_output"], "as everywhere in Python")),
    (NET + "a.get_internals()[::2].list_outputs()", ["data", "fc_bias", "act_output"]),
    (NET + "len(a.get_internals())", 5),
    (NET + "len(a)", 1),
    (NET + "[o.list_outputs()[0] for o in a.get_internals()]",
     ["data", "fc_weight", "fc_bias", "fc_output", "act_output"]),
    (SPLIT + "len(s)", 3),
    (SPLIT + "s.list_outputs()", ["s_output0", "s_output1", "s_output2"]),
    (SPLIT + "s[1].list_outputs()", ["s_output1"]),
    (SPLIT + "s['s_output2'].list_outputs()", ["s_output2"]),
    (SPLIT + "s[1].name", "s"),
    (SPLIT + "s.name", "s"),
    (SPLIT + "s[3]", Raises("IndexError")),
    (SPLIT + "s[np.int64(1)].list_outputs()", Differs(Raises("TypeError"), ["s_output1"], "NumPy's integers are integers")),
    (SPLIT + "[p.list_outputs() for p in s]", [["s_output0"], ["s_output1"], ["s_output2"]]),
    (SPLIT + "x, y, z = s\n(x + z).list_arguments()", ["x"]),
    (SPLIT + "s[0:2].list_outputs()", ["s_output0", "s_output1"]),
    (SPLIT + "s[0:2].name", "s"),
]

BN = "b = sym.BatchNorm(sym.var('x'), name='bn')\n"

LISTS = [
    (NET + "a.list_arguments()", ["data", "fc_weight", "fc_bias"]),
    (NET + "a.list_inputs()", ["data", "fc_weight", "fc_bias"]),
    (NET + "a.get_internals().list_outputs()", ["data", "fc_weight", "fc_bias", "fc_output", "act_output"]),
    (NET + "a.get_children().list_outputs()", ["fc_output"]),
    (NET + "f.get_children().list_outputs()", ["data", "fc_weight", "fc_bias"]),
    (NET + "d.get_children()", None),
    (NET + "sym.Group([d, f]).get_children().list_outputs()", ["data", "fc_weight", "fc_bias"]),
    (NET + "sym.Group([a, f]).get_children().list_outputs()", ["fc_output", "data", "fc_weight", "fc_bias"]),
    (NET + "a.get_children()[0].get_children()[1].name", "fc_weight"),
    ("sym.Group([sym.var('x'), sym.var('x')]).list_arguments()", ["x", "x"]),
    ("(sym.var('x') + sym.var('x')).list_arguments()", ["x", "x"]),
    (BN + "b.list_outputs()", ["bn_output"]),
    (BN + "len(b)", 1),
    (BN + "b.list_arguments()", ["x", "bn_gamma", "bn_beta"]),
    (BN + "b.list_auxiliary_states()", ["bn_moving_mean", "bn_moving_var"]),
    (BN + "b.list_inputs()", ["x", "bn_gamma", "bn_beta", "bn_moving_mean", "bn_moving_var"]),
    (BN + "b.get_internals().list_outputs()",
     ["x", "bn_gamma", "bn_beta", "bn_moving_mean", "bn_moving_var", "bn_output"]),
    ("sym.BatchNorm(sym.var('x'), output_mean_var=True, name='bn').list_outputs()", ["bn_output", "bn_mean", "bn_var"]),
    ("m = sym.var('m')\nsym.BatchNorm(sym.var('x'), moving_mean=m, name='bn').list_auxiliary_states()",
     ["m", "bn_moving_var"]),
    ("r = sym.RNN(sym.var('x'), state_size=4, num_layers=1, mode='lstm', state_outputs=True, name='r')\nr.list_outputs()",
     ["r_output", "r_state_output", "r_statecell_output"]),
    ("r = sym.RNN(sym.var('x'), state_size=4, num_layers=1, mode='lstm', state_outputs=True, name='r')\nr.list_arguments()",
     ["x", "r_parameters", "r_state", "r_state_cell"]),
    ("r = sym.RNN(sym.var('x'), state_size=4, num_layers=1, mode='gru', state_outputs=True, name='r')\nr.list_outputs()",
     ["r_output", "r_state_output"]),
    ("sym.RNN(sym.var('x'), state_size=4, num_layers=1, mode='gru', name='r').list_outputs()", ["r_output"]),
    ("sym.RNN(sym.var('x'), state_size=4, num_layers=1, mode='gru', name='r').list_arguments()",
     ["x", "r_parameters", "r_state"]),
    (BN + "sym.Group([b, sym.relu(b, name='r')]).get_internals().list_outputs()[-2:]", ["bn_output", "r_output"]),
    ("sym.topk(sym.var('x'), ret_typ='both', name='k').list_outputs()", ["k_output0", "k_output1"]),
    ("len(sym.topk(sym.var('x'), ret_typ='both'))", 2),
    ("a, b = sym.var('a'), sym.var('b')\nsym.Group([b + 1, a, b]).list_arguments()", ["b", "a"]),
]

COPIES = [
    (NET + "import copy\ncopy.copy(a).tojson() == a.tojson()", True),
    (NET + "import copy\ncopy.deepcopy(a).tojson() == a.tojson()", True),
    (NET + "import pickle\npickle.loads(pickle.dumps(a)).tojson() == a.tojson()", True),
    (NET + "import copy\nc = copy.deepcopy(d)\nc._set_attr(__x__='1')\nd.attr('__x__')", None),
    (NET + "import pickle\npickle.loads(pickle.dumps(sym.Group([a, f]))).list_outputs()", ["act_output", "fc_output"]),
    (NET + "import pickle\npickle.loads(pickle.dumps(d)).list_outputs()", ["data"]),
    (SPLIT + "import pickle\npickle.loads(pickle.dumps(s[1])).list_outputs()", ["s_output1"]),
    (SPLIT + "import copy\ncopy.deepcopy(s[1]).list_outputs()", ["s_output1"]),
    (NET + "sym.load_json(a.tojson()).list_arguments()", ["data", "fc_weight", "fc_bias"]),
    ("sym.load_json(3)", Raises("TypeError")),
    ("sym.load(3)", Raises("TypeError")),
    ("sym.load_json('{')", Differs(Anything(), Raises("MXNetError"), "MXNet cannot decode its own message")),
    ("sym.load_json('{}')", Raises("MXNetError")),
    (NET + "a.optimize_for('nothing').list_outputs()", ["act_output"]),
    (NET + "a.optimize_for('nothing', {}, {}, mx.cpu()).list_outputs()", Anything()),
    (NET + "a.get_backend_symbol('nothing').list_outputs()", Anything()),
    ("a = sym.var('a')\n(a * a).gradient(['a']).eval(mx.cpu(), a=nd.array([3]))",
     Differs(Raises("MXNetError"), [[6.0]], "MXNet documents it and never made it")),
    ("a = sym.var('a')\n(a * a).grad('a').eval(mx.cpu(), a=nd.array([3]))",
     Differs(Raises("AttributeError"), [[6.0]], "the older name of gradient")),
    ("a = sym.var('a')\n(a * 2).eval(mx.cpu(), a=nd.array([1, 2]))", [[2.0, 4.0]]),
    ("a = sym.var('a')\n(a * 2).eval(a=nd.array([1, 2]))", [[2.0, 4.0]]),
    ("a = sym.var('a')\n(a * 2).eval(b=nd.array([1, 2]))", Raises("ValueError")),
]

DEBUG = [
    (NET + "d.debug_str()", "Variable:data\n"),
    (NET + "a.debug_str()",
     "Symbol Outputs:\n\toutput[0]=act(0)\nVariable:data\nVariable:fc_weight\nVariable:fc_bias\n--------------------\n"
     "Op:FullyConnected, Name=fc\nInputs:\n\targ[0]=data(0) version=0\n\targ[1]=fc_weight(0) version=0\n"
     "\targ[2]=fc_bias(0) version=0\nAttrs:\n\tnum_hidden=3\n--------------------\nOp:relu, Name=act\nInputs:\n"
     "\targ[0]=fc(0)\n"),
    ("(sym.var('x') + 1).debug_str()",
     "Symbol Outputs:\n\toutput[0]=_plusscalar0(0)\nVariable:x\n--------------------\n"
     "Op:_plus_scalar, Name=_plusscalar0\nInputs:\n\targ[0]=x(0) version=0\nAttrs:\n\tscalar=1\n"),
    (BN + "b.debug_str().splitlines()[-6:]",
     ["Inputs:", "\targ[0]=x(0) version=0", "\targ[1]=bn_gamma(0) version=0", "\targ[2]=bn_beta(0) version=0",
      "\targ[3]=bn_moving_mean(0) version=1", "\targ[4]=bn_moving_var(0) version=1"]),
    (SPLIT + "s[1:].debug_str().splitlines()[:3]", ["Symbol Outputs:", "\toutput[0]=s(1)", "\toutput[1]=s(2)"]),
    ("sym.Group([sym.var('x'), sym.var('y')]).debug_str()",
     "Symbol Outputs:\n\toutput[0]=x(0)\n\toutput[1]=y(0)\nVariable:x\nVariable:y\n"),
    ("sym.var('x', shape=(2,), lr_mult=2).debug_str()", "Variable:x\n"),
    ("sym.tanh(sym.var('x', shape=(2,)), name='t', attr={'__b__': '1', '__a__': '2'}).debug_str().splitlines()[3:]",
     ["--------------------", "Op:tanh, Name=t", "Inputs:", "\targ[0]=x(0) version=0", "Attrs:", "\t__a__=2", "\t__b__=1"]),
]

TABLES = {
    name: table
    for name, table in list(globals().items())
    if name.isupper() and isinstance(table, list)
}

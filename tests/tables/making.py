"""Making symbols: variables, groups, names, attributes, scopes."""

from .cases import Differs, Raises

STRICT = "MXNet refuses a plain attribute at ops with parameters only; a misspelt one should never pass"

VARIABLES = [
    ("sym.Variable('a').name", "a"),
    ("sym.var('a').list_outputs()", ["a"]),
    ("sym.Variable('').name", ""),
    ("sym.Variable(3)", Raises("TypeError")),
    ("sym.Variable(None)", Raises("TypeError")),
    ("sym.Variable('a').list_attr()", {}),
    ("sym.Variable('a', shape=(2, 3)).attr('__shape__')", "(2, 3)"),
    ("sym.Variable('a', shape=[2, 3]).attr('__shape__')", "[2, 3]"),
    ("sym.Variable('a', shape=5).attr('__shape__')", "5"),
    ("sym.Variable('a', shape=(5,)).attr('__shape__')", "(5,)"),
    ("sym.Variable('a', lr_mult=2).list_attr()", {"lr_mult": "2", "__lr_mult__": "2"}),
    ("sym.Variable('a', lr_mult=0.5, wd_mult=0).attr('wd_mult')", "0"),
    ("class Zero:\n    def dumps(self):\n        return '[\"zero\", {}]'\nsym.Variable('a', init=Zero()).attr('__init__')",
     '["zero", {}]'),
    ("sym.Variable('a', init='zeros').attr('__init__')", "zeros"),
    ("sym.Variable('a', stype='default').attr('__storage_type__')", "0"),
    ("sym.Variable('a', attr={'mood': 'angry'}).attr('mood')", "angry"),
    ("sym.Variable('a', attr={'mood': 3})", Raises("ValueError")),
    ("sym.Variable('a', __mood__='angry').list_attr()", {"__mood__": "angry"}),
    ("sym.Variable('a', __number__=3).attr('__number__')", "3"),
    ("sym.Variable('a', mood='angry')", Raises("ValueError")),
    ("sym.Variable('a', dtype='float32').attr('__dtype__')", "0"),
    ("sym.Variable('a', dtype=np.float64).attr('__dtype__')", "1"),
    ("sym.Variable('a', dtype=np.dtype('float16')).attr('__dtype__')", "2"),
    ("[sym.Variable('a', dtype=t).attr('__dtype__') for t in ('uint8', 'int32', 'int8', 'int64', 'bool')]",
     ["3", "4", "5", "6", "7"]),
    ("sym.Variable('a', dtype='complex64')", Raises("Exception")),
    ("with mx.name.Prefix('p_'):\n    a = sym.Variable('a')\na.name", "a"),
    ("with mx.AttrScope(__group__='4', ctx_group='dev1'):\n    a = sym.Variable('a')\na.list_attr()",
     {"__group__": "4", "__ctx_group__": "dev1", "ctx_group": "dev1"}),
    ("with mx.AttrScope(mood='calm'):\n    a = sym.Variable('a', attr={'mood': 'angry'})\na.attr('mood')", "angry"),
]

GROUPS = [
    ("a = sym.var('a')\nsym.Group([a, a + 1]).list_outputs()", ["a", "_plusscalar0_output"]),
    ("sym.Group([])", Raises("TypeError")),
    ("sym.Group([sym.var('a'), 3])", Raises("TypeError")),
    ("sym.Group(3)", Raises("TypeError")),
    ("a = sym.var('a')\nsym.Group([a, a]).list_outputs()", ["a", "a"]),
    ("a = sym.var('a')\nsym.Group([a, a]).list_arguments()", ["a"]),
    ("a, b, c = map(sym.var, 'abc')\nsym.Group([a, sym.Group([b, c])]).list_outputs()", ["a", "b", "c"]),
    ("sym.Group([sym.var('a'), sym.var('b')]).name", None),
    ("sym.Group([sym.var('a'), sym.var('b')]).attr('x')", None),
    ("sym.Group([sym.var('a'), sym.var('b')]).list_attr()", {}),
    ("sym.Group([sym.var('a'), sym.var('b')])._set_attr(__x__='1')", Raises("MXNetError")),
    ("repr(sym.Group([sym.var('a'), sym.var('b')]))", "<Symbol group [a, b]>"),
    ("repr(sym.var('a'))", "<Symbol a>"),
    ("repr(sym.var('a') + 1)", "<Symbol _plusscalar0>"),
    ("len(sym.Group([sym.var('a'), sym.var('b')]))", 2),
    ("sym.Group([sym.var('a')]).name", "a"),
]

TWO_SIDED = [
    ("sym.maximum(3, 2)", 3),
    ("sym.minimum(3, 2)", 2),
    ("sym.pow(2, 3)", 8),
    ("sym.power(2, 3)", 8),
    ("sym.hypot(3, 4)", 5.0),
    ("sym.maximum(sym.var('a'), sym.var('b')).name", "_maximum0"),
    ("sym.maximum(sym.var('a'), 2).name", "_maximumscalar0"),
    ("sym.maximum(2, sym.var('a')).name", "_maximumscalar0"),
    ("sym.minimum(sym.var('a'), sym.var('b')).name", "_minimum0"),
    ("sym.minimum(2.5, sym.var('a')).attr('scalar')", "2.5"),
    ("sym.pow(sym.var('a'), sym.var('b')).name", "_power0"),
    ("sym.pow(sym.var('a'), 2).name", "_powerscalar0"),
    ("sym.pow(2, sym.var('a')).name", "_rpowerscalar0"),
    ("sym.power(sym.var('a'), sym.var('b')).name", "_power0"),
    ("sym.hypot(sym.var('a'), sym.var('b')).name", "_hypot0"),
    ("sym.hypot(3, sym.var('a')).name", "_hypotscalar0"),
    ("sym.maximum('3', 2)", Raises("TypeError")),
    ("sym.pow(sym.var('a'), [2])", Raises("TypeError")),
    ("sym.pow(2, sym.var('a')).eval(mx.cpu(), a=nd.array([1, 3]))[0]", [2.0, 8.0]),
    ("sym.maximum(2, sym.var('a')).eval(mx.cpu(), a=nd.array([1, 3]))[0]", [2.0, 3.0]),
    ("sym.hypot(sym.var('a'), 4).eval(mx.cpu(), a=nd.array([3, 0]))[0]", [5.0, 4.0]),
]

SOURCES = [
    ("sym.zeros((2, 3)).list_attr()", {"shape": "(2, 3)", "dtype": "float32"}),
    ("sym.ones((2, 3), dtype='int32').list_attr()", {"shape": "(2, 3)", "dtype": "int32"}),
    ("sym.zeros((2, 3)).name", "_zeros0"),
    ("sym.ones((2, 3)).name", "_ones0"),
    ("sym.full((2,), 7).name", "_full0"),
    ("sym.full((2,), 7).list_attr()", {"shape": "(2,)", "value": "7.0", "dtype": "float32"}),
    ("sym.eye(3).name", "_eye0"),
    ("sym.arange(3).name", "_arange0"),
    ("sym.arange(0, 3, name='r').name", "r"),
    ("sym.linspace(0, 1, 5).name", "_linspace0"),
    ("sym.zeros((2, 3)).infer_type()", ([], ["float32"], [])),
    ("sym.zeros((2, 3)).infer_shape()", ([], [(2, 3)], [])),
    ("sym.arange(3).infer_shape()", ([], [(3,)], [])),
    ("sym.eye(3, 4).infer_shape()", ([], [(3, 4)], [])),
    ("sym.linspace(0, 1, 5).infer_shape()", ([], [(5,)], [])),
    ("sym.zeros((2,)).eval(mx.cpu())", [[0.0, 0.0]]),
    ("sym.arange(2, 6, 2).eval(mx.cpu())", [[2.0, 4.0]]),
    ("sym.full((2,), 3.5).eval(mx.cpu())", [[3.5, 3.5]]),
    ("sym.split_v2(sym.var('x'), 2, axis=1).list_outputs()", ["_split_v20_output0", "_split_v20_output1"]),
    ("sym.split_v2(sym.var('x'), (1, 3)).infer_shape(x=(4, 2))[1]", [(1, 2), (2, 2), (1, 2)]),
    ("sym.histogram(sym.var('x'), bins=4, range=(0, 1)).list_outputs()",
     ["_histogram0_output0", "_histogram0_output1"]),
]

AUTO_NAMES = [
    ("sym.FullyConnected(sym.var('x'), num_hidden=2).name", "fullyconnected0"),
    ("sym.relu(sym.var('x')).name", "relu0"),
    ("sym.Activation(sym.var('x'), act_type='relu').name", "activation0"),
    ("(sym.var('a') + sym.var('b')).name", "_plus0"),
    ("(sym.var('a') - sym.var('b')).name", "_minus0"),
    ("(sym.var('a') * sym.var('b')).name", "_mul0"),
    ("(sym.var('a') / sym.var('b')).name", "_div0"),
    ("(sym.var('a') % sym.var('b')).name", "_mod0"),
    ("(sym.var('a') ** sym.var('b')).name", "_power0"),
    ("(sym.var('a') + 1).name", "_plusscalar0"),
    ("(1 + sym.var('a')).name", "_plusscalar0"),
    ("(sym.var('a') - 1).name", "_minusscalar0"),
    ("(1 - sym.var('a')).name", "_rminusscalar0"),
    ("(sym.var('a') * 2).name", "_mulscalar0"),
    ("(sym.var('a') / 2).name", "_divscalar0"),
    ("(2 / sym.var('a')).name", "_rdivscalar0"),
    ("(sym.var('a') % 2).name", "_modscalar0"),
    ("(2 % sym.var('a')).name", "_rmodscalar0"),
    ("(sym.var('a') ** 2).name", "_powerscalar0"),
    ("(2 ** sym.var('a')).name", "_rpower_scalar0"),
    ("(-sym.var('a')).name", "_mulscalar0"),
    ("abs(sym.var('a')).name", "abs0"),
    ("(sym.var('a') == sym.var('b')).name", "_equal0"),
    ("(sym.var('a') == 1).name", "_equal_scalar0"),
    ("(sym.var('a') != sym.var('b')).name", "_not_equal0"),
    ("(sym.var('a') > sym.var('b')).name", "_greater0"),
    ("(sym.var('a') >= 1).name", "_greater_equal_scalar0"),
    ("(sym.var('a') < 1).name", "_lesser_scalar0"),
    ("(sym.var('a') <= sym.var('b')).name", "_lesser_equal0"),
    ("sym.linalg.gemm2(sym.var('a'), sym.var('b')).name", "gemm20"),
    ("sym.random.uniform(shape=(2,)).name", "_random_uniform0"),
    ("sym.contrib.div_sqrt_dim(sym.var('a')).name", "div_sqrt_dim0"),
    ("sym.elemwise_add(sym.var('a'), sym.var('b')).name", "elemwise_add0"),
    ("sym.Concat(sym.var('a'), sym.var('b')).name", "concat0"),
    ("sym.concat(sym.var('a'), sym.var('b')).name", "concat0"),
    ("x = sym.var('x')\n[sym.Reshape(x, shape=(1,)).name, sym.reshape(x, shape=(1,)).name, x.reshape(shape=(1,)).name]",
     ["reshape0", "reshape1", "reshape2"]),
    ("x = sym.var('x')\n[sym.tanh(x).name, sym.tanh(x, name='t').name, sym.tanh(x).name]", ["tanh0", "t", "tanh1"]),
    ("x = sym.var('x')\nwith mx.name.NameManager():\n    a = sym.tanh(x)\n[a.name, sym.tanh(x).name]", ["tanh0", "tanh0"]),
    ("x = sym.var('x')\nwith mx.name.Prefix('p_'):\n    a, b = sym.tanh(x), sym.tanh(x, name='t')\n[a.name, b.name]",
     ["p_tanh0", "p_t"]),
    ("x = sym.var('x')\nwith mx.name.Prefix('p_'):\n    with mx.name.Prefix('q_'):\n        a = sym.tanh(x)\na.name", "q_tanh0"),
    ("with mx.name.Prefix('p_'):\n    f = sym.FullyConnected(sym.var('x'), num_hidden=2, name='fc')\nf.list_arguments()",
     ["x", "p_fc_weight", "p_fc_bias"]),
    ("sym.tanh(sym.var('x'), name='').name", "tanh0"),
    ("sym.tanh(sym.var('x'), name=None).name", "tanh0"),
]

AUTO_INPUTS = [
    ("sym.FullyConnected(sym.var('x'), num_hidden=2, name='fc').list_arguments()", ["x", "fc_weight", "fc_bias"]),
    ("sym.FullyConnected(sym.var('x'), num_hidden=2).list_arguments()",
     ["x", "fullyconnected0_weight", "fullyconnected0_bias"]),
    ("sym.FullyConnected(sym.var('x'), num_hidden=2, no_bias=True, name='fc').list_arguments()", ["x", "fc_weight"]),
    ("sym.FullyConnected(num_hidden=2, name='fc').list_arguments()", ["fc_data", "fc_weight", "fc_bias"]),
    ("sym.Activation(act_type='relu', name='a').list_arguments()", ["a_data"]),
    ("sym.BatchNorm(sym.var('x'), name='bn').list_arguments()", ["x", "bn_gamma", "bn_beta"]),
    ("sym.BatchNorm(sym.var('x'), name='bn').list_auxiliary_states()", ["bn_moving_mean", "bn_moving_var"]),
    ("sym.SoftmaxOutput(sym.var('x'), name='softmax').list_arguments()", ["x", "softmax_label"]),
    ("sym.SoftmaxOutput(sym.var('x')).list_arguments()", ["x", "softmaxoutput0_label"]),
    ("sym.elemwise_add(sym.var('a'), name='e').list_arguments()", ["a", "e_rhs"]),
    ("sym.LeakyReLU(sym.var('x'), act_type='prelu', name='l').list_arguments()", ["x", "l_gamma"]),
    ("sym.LeakyReLU(sym.var('x'), act_type='leaky', name='l').list_arguments()", ["x"]),
    ("sym.Concat(name='c')", Raises("MXNetError")),
    ("sym.Concat(num_args=2, name='c').list_arguments()", ["c_arg0", "c_arg1"]),
    ("sym.FullyConnected(sym.var('x'), sym.var('w'), num_hidden=2, name='fc').list_arguments()", ["x", "w", "fc_bias"]),
    ("sym.FullyConnected(weight=sym.var('w'), num_hidden=2, name='fc').list_arguments()", ["fc_data", "w", "fc_bias"]),
    ("sym.FullyConnected(data=sym.var('x'), num_hidden=2, name='fc').list_arguments()", ["x", "fc_weight", "fc_bias"]),
    ("f = sym.FullyConnected(sym.var('x'), num_hidden=2, name='fc', attr={'__lr_mult__': '2'})\nf.attr_dict()",
     {"fc": {"num_hidden": "2", "__lr_mult__": "2", "lr_mult": "2"},
      "fc_weight": {"num_hidden": "2", "__lr_mult__": "2", "lr_mult": "2"},
      "fc_bias": {"num_hidden": "2", "__lr_mult__": "2", "lr_mult": "2"}}),
    ("with mx.AttrScope(__data__='great'):\n"
     "    f = sym.FullyConnected(sym.var('x'), num_hidden=2, name='fc')\n"
     "sorted((n, a.get('__data__')) for n, a in f.attr_dict().items())",
     [("fc", "great"), ("fc_bias", "great"), ("fc_weight", "great"), ("x", "great")]),
]

ATTRIBUTES = [
    ("sym.tanh(sym.var('x'), attr={'ctx_group': 'g'}).list_attr()", {"ctx_group": "g", "__ctx_group__": "g"}),
    ("sym.tanh(sym.var('x'), lr_mult='2').list_attr()", {"lr_mult": "2", "__lr_mult__": "2"}),
    ("sym.tanh(sym.var('x'), __mood__='calm').list_attr()", {"__mood__": "calm"}),
    ("sym.tanh(sym.var('x'), mood='calm')",
     Differs("<tanh0_output>", Raises("MXNetError"), STRICT)),
    ("sym.tanh(sym.var('x'), attr={'mood': 'calm'})",
     Differs("<tanh0_output>", Raises("MXNetError"), STRICT)),
    ("sym.Activation(sym.var('x'), act_type='relu', mood='calm')", Raises("MXNetError")),
    ("sym.Activation(sym.var('x'), act_type='relu', attr={'mood': 'calm'})", Raises("MXNetError")),
    ("sym.tanh(sym.var('x'), attr={'__mood__': 3})",
     Differs("<tanh0_output>", Raises("ValueError"), "attributes are strings, as at a Variable")),
    ("sym.FullyConnected(sym.var('x'), num_hiden=3)", Raises("MXNetError")),
    ("sym.FullyConnected(sym.var('x'))", Raises("MXNetError")),
    ("[sym.var('a', attr={k: 'v'}).attr('__%s__' % k) for k in"
     " ('ctx_group', 'lr_mult', 'wd_mult', 'force_mirroring', 'mirror_stage')]", ["v"] * 5),
    ("[sym.var('a', attr={'__%s__' % k: 'v'}).attr(k) for k in"
     " ('ctx_group', 'lr_mult', 'wd_mult', 'force_mirroring', 'mirror_stage')]", ["v"] * 5),
    ("sym.var('a').attr('absent')", None),
    ("sym.var('a').list_attr(recursive=True)", Raises("DeprecationWarning")),
    ("(sym.var('a', attr={'__x__': '1'}) + 1).attr_dict()", {"a": {"__x__": "1"}, "_plusscalar0": {"scalar": "1"}}),
    ("(sym.var('a') + sym.var('b')).attr_dict()", {}),
    ("a = sym.var('a')\na._set_attr(mood='calm')\na.attr('mood')", "calm"),
    ("a = sym.var('a')\na._set_attr(lr_mult='2')\na.list_attr()", {"lr_mult": "2", "__lr_mult__": "2"}),
    ("a = sym.tanh(sym.var('x'))\na._set_attr(__mood__='calm')\na.attr('__mood__')", "calm"),
    ("a = sym.tanh(sym.var('x'))\na._set_attr(mood='calm')", Differs(None, Raises("MXNetError"), STRICT)),
    ("a = sym.Activation(sym.var('x'), act_type='relu')\na._set_attr(mood='calm')", Raises("MXNetError")),
    ("a = sym.var('a')\na._set_attr(mood=3)", Raises("ValueError")),
    ("a = sym.FullyConnected(sym.var('x'), num_hidden=2)\na._set_attr(num_hidden='3')\n"
     "a.infer_shape(x=(1, 4))[1]", [(1, 3)]),
    ("mx.AttrScope(x=3)", Raises("ValueError")),
    ("with mx.AttrScope(__a__='1', __b__='1'):\n    with mx.AttrScope(__b__='2', __c__='2'):\n"
     "        v = sym.var('v', attr={'__c__': '3'})\nv.list_attr()", {"__a__": "1", "__b__": "2", "__c__": "3"}),
    ("with mx.AttrScope(__a__='1'):\n    with mx.AttrScope(__b__='2'):\n        pass\n    v = sym.var('v')\nv.list_attr()",
     {"__a__": "1"}),
    ("with mx.AttrScope(mood='calm'):\n    sym.tanh(sym.var('v'))",
     Differs(None, Raises("MXNetError"), STRICT)),
    ("with mx.AttrScope(mood='calm'):\n    sym.Activation(sym.var('v'), act_type='relu')", Raises("MXNetError")),
    ("with mx.AttrScope(__mood__='calm'):\n    t = sym.tanh(sym.var('v'))\nt.attr_dict()",
     {"v": {"__mood__": "calm"}, "tanh0": {"__mood__": "calm"}}),
    ("with mx.AttrScope(__group__='4'):\n    t = sym.tanh(sym.var('v'), attr={'__group__': '5'})\nt.attr('__group__')", "5"),
    ("mx.attribute.AttrScope(a='1').get({'b': '2'})", {"a": "1", "b": "2"}),
    ("mx.attribute.AttrScope(a='1').get(None)", {"a": "1"}),
    ("mx.attribute.AttrScope(a='1').get({'a': 2})",
     Differs({"a": 2}, Raises("ValueError"), "attributes are strings")),
    ("s = mx.AttrScope(__a__='1')\nwith mx.AttrScope(__b__='2'):\n    with s:\n        pass\n"
     "with s:\n    v = sym.var('v')\nv.list_attr()",
     Differs({"__a__": "1", "__b__": "2"}, {"__a__": "1"}, "what surrounded a scope once is no part of it")),
]

STORED = [
    ("sym.Convolution(sym.var('x'), kernel=[3, 3], num_filter=2).attr('kernel')", "[3, 3]"),
    ("sym.Convolution(sym.var('x'), kernel=(3, 3), num_filter=2).attr('kernel')", "(3, 3)"),
    ("sym.clip(sym.var('x'), a_min=0, a_max=1.5).list_attr()", {"a_min": "0", "a_max": "1.5"}),
    ("(sym.var('a') * 2).attr('scalar')", "2"),
    ("(sym.var('a') * 2.5).attr('scalar')", "2.5"),
    ("(-sym.var('a')).attr('scalar')", "-1.0"),
    ("(sym.var('a') + np.float32(2)).attr('scalar')", "2.0"),
    ("(sym.var('a') + np.int64(2)).attr('scalar')", "2"),
    ("sym.var('a') + True", Raises("Exception")),
    ("sym.FullyConnected(sym.var('x'), num_hidden=2, no_bias=False).list_attr()", {"num_hidden": "2", "no_bias": "False"}),
    ("sym.sum(sym.var('a'), 1).list_attr()", {"axis": "1"}),
    ("sym.sum(sym.var('a'), axis=(0, 1), keepdims=True).list_attr()", {"axis": "(0, 1)", "keepdims": "True"}),
    ("sym.sum(sym.var('a'), axis=None).list_attr()", {"axis": "None"}),
    ("sym.Cast(sym.var('a'), dtype=np.float16).attr('dtype')", "float16"),
    ("sym.var('a').astype('int32').list_attr()", {"dtype": "int32"}),
    ("sym.var('a').astype(np.float64).name", "cast0"),
    ("sym.tanh(sym.var('a'), out=3).name", "tanh0"),
    ("sym.FullyConnected(sym.var('x'), num_hidden='4').infer_shape(x=(1, 2))[1]", [(1, 4)]),
    ("sym.Concat(sym.var('a'), sym.var('b'), dim=0).list_attr()", {"dim": "0", "num_args": "2"}),
    ("sym.tanh(3)", Differs(Raises("AssertionError"), Raises("TypeError"), "a message that says what is wrong")),
    ("sym.tanh(np.zeros(2))", Differs(Raises("AssertionError"), Raises("TypeError"), "the same")),
    ("sym.tanh(data=3)", Differs(Raises("AssertionError"), Raises("TypeError"), "the same")),
    ("sym.Concat(sym.var('a'), 3)", Differs(Raises("AssertionError"), Raises("TypeError"), "the same")),
]

THREAD = ("import threading\nseen = []\ndef elsewhere(work):\n    t = threading.Thread(target=work)\n    t.start()\n"
          "    t.join()\n")

THREADS = [
    (THREAD + "def work():\n    seen.append(sym.tanh(sym.var('x')).name)\n"
     "sym.tanh(sym.var('x'))\nelsewhere(work)\nelsewhere(work)\nseen + [sym.tanh(sym.var('x')).name]",
     ["tanh0", "tanh0", "tanh1"]),
    (THREAD + "def work():\n    seen.append(sym.tanh(sym.var('x')).name)\n"
     "with mx.name.Prefix('p_'):\n    elsewhere(work)\nseen", ["tanh0"]),
    (THREAD + "def work():\n    mx.name.Prefix('p_').__enter__()\n    seen.append(sym.tanh(sym.var('x')).name)\n"
     "elsewhere(work)\nseen + [sym.tanh(sym.var('x')).name]", ["p_tanh0", "tanh0"]),
    (THREAD + "def work():\n    seen.append(sym.var('x').list_attr())\n"
     "with mx.AttrScope(__a__='1'):\n    elsewhere(work)\nseen", [{}]),
    (THREAD + "def work():\n    mx.AttrScope(__a__='1').__enter__()\n    seen.append(sym.var('x').list_attr())\n"
     "elsewhere(work)\nseen + [sym.var('x').list_attr()]", [{"__a__": "1"}, {}]),
    (THREAD + "def work():\n    seen.append(mx.util.is_np_shape())\n"
     "with mx.util.np_shape(True):\n    elsewhere(work)\nseen", [False]),
    (THREAD + "def work():\n    with mx.util.np_shape(True):\n        seen.append(mx.util.is_np_shape())\n"
     "elsewhere(work)\nseen + [mx.util.is_np_shape()]", [True, False]),
    (THREAD + "a = sym.var('a')\ndef work():\n    seen.append((a * 2).eval(mx.cpu(), a=nd.array([3]))[0])\n"
     "elsewhere(work)\nseen", [[6.0]]),
    ("import contextlib\nwith contextlib.suppress(ValueError):\n    with mx.AttrScope(__a__='1'):\n"
     "        raise ValueError\nsym.var('x').list_attr()", {}),
    ("import contextlib\nwith contextlib.suppress(ValueError):\n    with mx.name.Prefix('p_'):\n"
     "        raise ValueError\nsym.tanh(sym.var('x')).name", "tanh0"),
]

TABLES = {
    name: table
    for name, table in list(globals().items())
    if name.isupper() and isinstance(table, list)
}

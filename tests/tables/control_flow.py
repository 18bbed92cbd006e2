"""Loops and choices: programs that compose a symbol `net`, and arrays to run it on.

They run under MXNet 1.9.1 (by scripts/mxnet/record_control.py, in Python 3.8) and under minisym, as `mx`.
MXNet's answers are in fixtures/control_flow.json.
"""

START = """
sym, V = mx.sym, mx.sym.Variable
foreach, while_loop, cond = (getattr(mx.sym.contrib, n) for n in ('foreach', 'while_loop', 'cond'))
def flat(part):
    return sum((flat(p) for p in part), []) if isinstance(part, (list, tuple)) else [part]
def group(*parts):
    return sym.Group(flat(parts))
"""

ROWS = [[0, 1], [2, 3], [4, 5]]

PROGRAMS = {
    "sums": (
        "net = group(*foreach(lambda x, s: (x * s, s + x), V('d'), V('s')))",
        {"d": ROWS, "s": [1, 2]},
    ),
    "a vector": (
        "net = group(*foreach(lambda x, s: (x * s, s + x), V('d'), V('s')))",
        {"d": [1, 2, 3, 4], "s": [1]},
    ),
    "one element": (
        "net = group(*foreach(lambda x, s: (x * s, s + x), V('d'), V('s'), name='once'))",
        {"d": [[3, 4]], "s": [1, 2]},
    ),
    "surroundings": (
        "net = group(*foreach(lambda x, s: (x * V('w'), s * V('v')), V('d'), V('s')))",
        {"d": ROWS, "s": [1, 2], "w": [2, 3], "v": [4, 5]},
    ),
    "a layer in the body": (
        """
def body(x, s):
    return sym.FullyConnected(x, num_hidden=3, name='fc') + s, s
net = group(*foreach(body, V('d'), V('s')))""",
        {"d": [ROWS, ROWS], "s": [[1, 2, 3]] * 3, "fc_weight": [[1, 2], [3, -4], [5, 6]], "fc_bias": [7, 8, 9]},
    ),
    "ops, outputs and variables from outside": (
        """
parts = sym.split(V('d'), num_outputs=2, axis=1, squeeze_axis=True, name='parts')
w, v = sym.tanh(V('w', lr_mult=2), name='tw'), V('v', shape=(1,), lr_mult=3)
net = group(*foreach(lambda x, s: ([x[0] * w, x[1]], [s[0] + v, s[1] * w]), [parts[0], parts[1]],
                     [V('s', shape=(1,)), V('t')], name='loop'))""",
        {"d": ROWS, "w": [0.5], "s": [1], "t": [2], "v": [3]},
    ),
    "a state that stays": (
        "net = group(*foreach(lambda x, s: (x + s, s), V('d'), V('s')))",
        {"d": ROWS, "s": [1, 2]},
    ),
    "states that change places": (
        "net = group(*foreach(lambda x, s: (x + s[0], [s[1], s[0]]), V('d'), [V('s'), V('t')]))",
        {"d": ROWS, "s": [1, 2], "t": [3, 4]},
    ),
    "an output that is a state": (
        "net = group(*foreach(lambda x, s: (x + s,) * 2, V('d'), V('s')))",
        {"d": ROWS, "s": [1, 2]},
    ),
    "no outputs": (
        "net = group(*foreach(lambda x, s: ([], [s[0] + x * x]), V('d'), [V('s')]))",
        {"d": ROWS, "s": [1, 2]},
    ),
    "no states": (
        "net = foreach(lambda x, s: (x * x, []), V('d'), [])[0]",
        {"d": ROWS},
    ),
    "nested lists": (
        """
o, s = foreach(lambda x, s: ([[x[0] + s[0]], x[1][0]], [s[0] * 2, [s[1][0] + x[0]]]),
               [V('d'), [V('e')]], [V('s'), [V('t')]])
net = sym.Group([o[0][0], o[1], s[0], s[1][0]])""",
        {"d": ROWS, "e": ROWS, "s": [1, 2], "t": [3, 4]},
    ),
    "a loop in a loop": (
        """
def body(x, s):
    return foreach(lambda y, u: (y + u * x, u + x), sym.broadcast_add(V('inner'), x), s)
net = group(*foreach(body, V('d'), V('s')))""",
        {"d": ROWS, "s": [1, 2], "inner": [[1, 2], [3, 4]]},
    ),
    "what comes from outside alone": (
        """
y = V('a') + 1
net = group(*foreach(lambda x, s: (y, s + x), V('d'), V('s')))""",
        {"a": [5], "d": ROWS, "s": [1, 2]},
    ),
    "one loop behind another": (
        """
o, s = foreach(lambda x, s: (x + s, s * 2), V('d'), V('s'))
net = group(*foreach(lambda x, s: (x * s, s + x), o, s))""",
        {"d": ROWS, "s": [1, 2]},
    ),
    "attributes of a scope": (
        """
with mx.AttrScope(__mood__='calm', ctx_group='g'):
    net = group(*foreach(lambda x, s: (x + s, s * 2), V('d'), V('s')))""",
        {"d": ROWS, "s": [1, 2]},
    ),
    "a recurrent cell": (
        """
def cell(x, s):
    h = sym.FullyConnected(x, num_hidden=2, name='i2h') + sym.FullyConnected(s, num_hidden=2, name='h2h')
    h = sym.Activation(h, act_type='tanh')
    return h, h
net = group(*foreach(cell, V('d'), V('s')))""",
        {
            "d": [[[0.1, 0.2]], [[0.3, -0.4]]], "s": [[0.5, -0.5]],
            "i2h_weight": [[0.1, 0.2], [0.3, 0.4]], "i2h_bias": [0.1, -0.1],
            "h2h_weight": [[-0.1, 0.2], [0.3, -0.4]], "h2h_bias": [0.2, 0.1],
        },
    ),
    "while": (
        """
net = group(*while_loop(lambda i, s: i < 5, lambda i, s: ([i * s], [i + 1, s + i]),
                        [V('i'), V('s')], max_iterations=4))""",
        {"i": [1], "s": [2]},
    ),
    "while, to the limit": (
        """
net = group(*while_loop(lambda i, s: i < 5, lambda i, s: ([i * s], [i + 1, s + i]),
                        [V('i'), V('s')], max_iterations=2, name='short'))""",
        {"i": [1], "s": [2]},
    ),
    "while, of one variable": (
        """
w = sym.tanh(V('w'), name='tw')
net = group(*while_loop(lambda i: sym.sum(i * w) < 9, lambda i: (i * w, i + 1), V('i'), max_iterations=4))""",
        {"i": [1, 2], "w": [1, 2]},
    ),
    "while, a variable of both": (
        """
w = V('w')
net = group(*while_loop(lambda i, s: sym.sum(i * w) < 99, lambda i, s: (i * w, [i + 1, s]),
                        [V('i'), V('s')], max_iterations=3))""",
        {"i": [1, 2], "w": [1, 2], "s": [5]},
    ),
    "while, no outputs": (
        """
net = group(*while_loop(lambda i, j: sym.sum(j) < 9, lambda i, j: (None, [i + 1, j + i]),
                        [V('i'), V('j')], max_iterations=9))""",
        {"i": [1], "j": [0]},
    ),
    "while, nested outputs": (
        """
net = group(*while_loop(lambda i, j: i < 3, lambda i, j: ([i, [j, i + j]], [i + 1, j + i]),
                        [V('i'), V('j')], max_iterations=2))""",
        {"i": [1], "j": [0]},
    ),
    "while, a condition of another variable": (
        "net = group(*while_loop(lambda i: V('p') < 3, lambda i: ([], i + 1), V('i'), max_iterations=2))",
        {"p": [1], "i": [5]},
    ),
    "then": (
        "net = cond(V('p') < 3, lambda: V('a') * 2, lambda: V('a') * V('b'))",
        {"p": [1], "a": [1, 2], "b": [3, 4]},
    ),
    "else": (
        "net = cond(V('p') < 3, lambda: V('a') * 2, lambda: V('a') * V('b'), name='choice')",
        {"p": [4], "a": [1, 2], "b": [3, 4]},
    ),
    "a test of what is chosen": (
        """
a = V('a')
net = cond(a, lambda: sym.FullyConnected(a, num_hidden=1, name='fc'), lambda: a)""",
        {"a": [[3]], "fc_weight": [[2]], "fc_bias": [1]},
    ),
    "a choice of lists": (
        """
a, b = V('a'), V('b')
net = sym.Group(cond(sym.sum(a) < 3, lambda: [a * 2, b], lambda: [b + a, a]))""",
        {"a": [1, 1], "b": [3, 4]},
    ),
    "an op in both bodies": (
        """
w = sym.tanh(V('w'), name='tw')
net = cond(V('p') < 2, lambda: w + V('a'), lambda: w * 2)""",
        {"p": [1], "w": [0.5, 1], "a": [1, 2]},
    ),
    "a choice in a choice": (
        """
a = V('a')
net = cond(a < V('b'), lambda: cond(a < V('c'), lambda: a + 1, lambda: a * 2), lambda: a * 3)""",
        {"a": [3], "b": [4], "c": [2]},
    ),
}

REFUSED = {
    "a state that is not used": "foreach(lambda x, s: (x, [s[0], s[0]]), V('d'), [V('s'), V('t')])",
    "data that are not used": "foreach(lambda x, s: (s, s), V('d'), V('s'))",
    "no pair": "foreach(lambda x, s: 5, V('d'), V('s'))",
    "other states": "foreach(lambda x, s: (x + s, [s]), V('d'), V('s'))",
    "a number for data": "foreach(lambda x, s: (x + s, s), 5, V('s'))",
    "no limit": "while_loop(lambda i: i < 3, lambda i: (i, i + 1), [V('i')])",
    "no loop variables": "while_loop(lambda i: i < 3, lambda i: (i, i + 1), [], max_iterations=3)",
    "a loop variable that is not used":
        "while_loop(lambda i, j: i < 3, lambda i, j: ([], [i + 1, i]), [V('i'), V('j')], max_iterations=2)",
    "a condition of two": "while_loop(lambda i, j: [i, j], lambda i, j: (i, [i, j]), [V('i'), V('j')], max_iterations=3)",
    "a function for a test": "cond(lambda: V('p'), lambda: V('a'), lambda: V('b'))",
    "bodies of different length": "cond(V('p'), lambda: V('a'), lambda: [V('b'), V('c')])",
    "a number for a body": "cond(V('p'), lambda: 3, lambda: V('b'))",
}
"""Calls that both refuse."""

"""Answers to the course's exercises that are wrong, though one might think of them, and right ones.

By chapter: the check, whether it should take the answer, and the answer, of the name `answer`.
"""

from __future__ import annotations

from typing import Final

ANSWERS: Final[dict[str, list[tuple[str, bool, str]]]] = {
    "a-graph-is-a-sentence": [
        (  # a generator instead of a list
            "check_flat_order",
            True,
            """
def answer(*heads):
    done = set()
    for head in heads:
        path = [(head, iter(head.inputs))] if head not in done else []
        while path:
            node, rest = path[-1]
            for one in rest:
                if one not in done:
                    path.append((one, iter(one.inputs)))
                    break
            else:
                path.pop()
                if node not in done:
                    done.add(node)
                    yield node
""",
        ),
        ("check_flat_order", False, "answer = order"),
        (  # by recursion
            "check_replace",
            True,
            """
def answer(head, name, other):
    if head.verb is None:
        return other if head.name == name else head
    inputs = tuple(answer(one, name, other) for one in head.inputs)
    return head if inputs == head.inputs else Node(head.verb, head.name, inputs, head.adverbs)
""",
        ),
        (  # without its adverbs
            "check_replace",
            False,
            """
def answer(head, name, other):
    if head.verb is None:
        return other if head.name == name else head
    inputs = tuple(answer(one, name, other) for one in head.inputs)
    return head if inputs == head.inputs else Node(head.verb, head.name, inputs, {})
""",
        ),
    ],
    "shapes-flow-both-ways": [
        (  # it names all
            "check_telling",
            False,
            """
def answer(*heads, **given):
    try:
        return infer(*heads, **given)
    except ValueError as error:
        raise ValueError(" ".join(f"{n.verb} {n.name}" for n in order(*heads))) from error
""",
        ),
        (  # contradictions of rules only, and not those of their answers
            "check_telling",
            False,
            """
def answer(*heads, **given):
    shapes = {node.name: given.get(node.name) for node in order(*heads)}
    before = None
    while shapes != before:
        before = dict(shapes)
        for node in order(*heads):
            around = [*node.inputs, node]
            if node.verb:
                try:
                    said = SHAPES[node.verb](*[shapes[n.name] for n in around], **node.adverbs)
                except ValueError as error:
                    raise ValueError(f"{node.verb} {node.name}") from error
                for one, shape in zip(around, said):
                    shapes[one.name] = unify(shapes[one.name], shape)
    return shapes
""",
        ),
        (  # what shows in the first pass only
            "check_telling",
            False,
            """
def answer(*heads, **given):
    shapes = {node.name: given.get(node.name) for node in order(*heads)}
    for node in order(*heads):
        around = [*node.inputs, node]
        if node.verb:
            try:
                said = SHAPES[node.verb](*[shapes[n.name] for n in around], **node.adverbs)
                for one, shape in zip(around, said):
                    shapes[one.name] = unify(shapes[one.name], shape)
            except ValueError as error:
                raise ValueError(f"{node.verb} {node.name}") from error
    return infer(*heads, **given)
""",
        ),
        (  # in other words
            "check_telling",
            True,
            """
def answer(*heads, **given):
    shapes = {node.name: given.get(node.name) for node in order(*heads)}
    changed = True
    while changed:
        changed = False
        for node in order(*heads):
            names = [*(one.name for one in node.inputs), node.name]
            if node.verb is None:
                continue
            try:
                rule = SHAPES[node.verb]
                for name, said in zip(names, rule(*map(shapes.get, names), **node.adverbs)):
                    new = unify(shapes[name], said)
                    changed |= new != shapes[name]
                    shapes[name] = new
            except ValueError as error:
                raise ValueError(f"{node.name}, a {node.verb}, disagrees: {error}") from None
    return shapes
""",
        ),
    ],
    "the-gradient-is-another-graph": [
        (  # all elements at once: right only where each moves one number
            "check_measured",
            False,
            """
def answer(head, name, **values):
    [up] = run(head, **{**values, name: values[name] + 1e-5})
    [down] = run(head, **{**values, name: values[name] - 1e-5})
    return (up - down) / 2e-5
""",
        ),
        (  # downhill, and not Newton
            "check_least",
            False,
            """
def answer(f, x, start):
    [slope] = gradient(f, x)
    at = start
    for _ in range(2000):
        [first] = run(slope, **{x.name: at})
        at = at - 0.5 * first
    return at
""",
        ),
        (  # over the start
            "check_least",
            False,
            """
def answer(f, x, start):
    [slope] = gradient(f, x)
    [curvature] = gradient(slope, x)
    for _ in range(10):
        first, second = run(slope, curvature, **{x.name: start})
        start -= first / second
    return start
""",
        ),
    ],
    "who-may-write-where": [
        (  # into other arrays
            "check_commit",
            False,
            """
def answer(arrays, new):
    made = {}
    for name, value in new.items():
        if not arrays[name].flags.writeable:
            raise ValueError(name)
        made[name] = arrays[name].copy()
        made[name][...] = value
    arrays.update(made)
""",
        ),
        (  # all that one thinks of is looked at before
            "check_commit",
            False,
            """
def answer(arrays, new):
    for name, value in new.items():
        if not arrays[name].flags.writeable or arrays[name].shape != np.shape(value):
            raise ValueError(name)
    for name, value in new.items():
        arrays[name][...] = value
""",
        ),
        (  # the rate of the example
            "check_signum",
            False,
            """
def answer(w, m, g, lr):
    mean = say("scale", m, by=0.9) + say("scale", g, by=0.1)
    return say("signsgd", w, mean, lr=0.1), say("keep", m, mean)
""",
        ),
    ],
    "why-signs-work": [
        (
            "check_voters",
            True,
            (
                "answer = lambda p, goal: np.int64(next(n for n in range(1, 999, 2) "
                "if wrong_vote(p, n) <= goal))"
            ),
        ),
    ],
    "memory-is-a-colouring": [
        ("check_best_fit", False, "answer = lambda life, sizes: colour(life)"),
        (  # the first input only
            "check_frugal",
            False,
            """
def answer(*heads):
    life = lives(*heads)
    for node in life:
        one = node.inputs[0]
        if node.verb in ELEMENTWISE and one in life and life[one][1] == life[node][0]:
            life[one][1] -= 1
    return life
""",
        ),
        (  # the last input first, whatever it needs
            "check_frugal_order",
            False,
            """
def answer(head):
    found = {}

    def visit(node):
        if node not in found:
            for one in reversed(node.inputs):
                visit(one)
            found[node] = True

    visit(head)
    return list(found)
""",
        ),
        (  # what has more nodes, and not what needs more memory
            "check_frugal_order",
            False,
            """
def answer(head):
    size, found = {}, {}
    for node in order(head):
        size[node] = 1 + sum(size[one] for one in node.inputs)

    def visit(node):
        if node not in found:
            for one in sorted(node.inputs, key=size.get, reverse=True):
                visit(one)
            found[node] = True

    visit(head)
    return list(found)
""",
        ),
    ],
}

"""What a function takes, read from its code, is what `inspect.signature` says of it."""

import functools
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisym.core.collector import importing
from minisym.core.op import registered
from minisym.core.signatures import keywords_of, places_of, taken_by


class Callable_:
    def __call__(self, a, *, b=1): ...


@functools.wraps(lambda x, *, y: None)
def stands_for_another(*args, **kwargs): ...


def tells(*args): ...


tells.__signature__ = inspect.Signature([inspect.Parameter("z", inspect.Parameter.KEYWORD_ONLY)])

FUNCTIONS = [
    lambda: 0,
    lambda a: a,
    lambda a, /, b, c=3, *d, e, f=6, **g: 0,
    lambda *a, b=2: 0,
    lambda a=1, /, *, b, **c: 0,
    Callable_(),
    Callable_,
    functools.partial(lambda a, b, *, c=1: 0, 1),
    stands_for_another,
    tells,
]


def agrees(function):
    """Compare all that is said with what inspect says."""
    said = [*inspect.signature(function).parameters.values()]
    assert [tuple(p) for p in taken_by(function)] == [
        (p.name, p.kind, p.default, p.annotation) for p in said
    ]
    places = [p for p in said if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
    least = sum(p.default is p.empty for p in places)
    is_open = any(p.kind is p.VAR_POSITIONAL for p in said)
    assert places_of(function) == (least, len(places), is_open)
    names = tuple(p.name for p in said if p.kind is p.KEYWORD_ONLY)
    assert keywords_of(function) == (names, any(p.kind is p.VAR_KEYWORD for p in said))


@pytest.mark.parametrize("function", FUNCTIONS, ids=range(len(FUNCTIONS)))
def test_as_inspect_says(function):
    agrees(function)


@given(st.data())
def test_any_function(data):
    counts = [data.draw(st.integers(0, 3)) for _ in range(4)]
    names = iter("abcdefghijkl")
    only, places, keywords, others = ([next(names) for _ in range(n)] for n in counts)
    behind = data.draw(st.integers(0, len(only + places)))  # so many have no default
    written = [n if i < behind else f"{n}={i}" for i, n in enumerate(only + places)]
    parts = [*written[: len(only)], "/"] if only else []
    parts += written[len(only) :]
    parts += ["*args"] if data.draw(st.booleans()) else ["*"] * bool(keywords)
    parts += [n if data.draw(st.booleans()) else f"{n}=7" for n in keywords]
    parts += ["**more"] * bool(others)
    agrees(eval(f"lambda {', '.join(parts)}: 0"))


def test_kernels_of_all_ops():
    """With their annotations as objects."""
    kernels = {op.kernel.function for op in registered().values() if hasattr(op.kernel, "function")}
    assert len(kernels) > 300
    for kernel in kernels:
        said = inspect.signature(kernel, eval_str=True).parameters.values()
        assert [(p.name, p.annotation) for p in taken_by(kernel, evaluate=True)] == [
            (p.name, p.annotation) for p in said
        ]


def test_what_cannot_be_called():
    with pytest.raises(TypeError, match="callable"):
        taken_by(3)


def test_importing_leaves_the_collector_as_it_was():
    import gc

    for enabled in (True, False):
        (gc.enable if enabled else gc.disable)()
        try:
            with importing():
                assert not gc.isenabled()
            assert gc.isenabled() is enabled
            assert not gc.get_freeze_count()
        finally:
            gc.enable()

"""Nets of many kinds, composed, inferred and run; fixtures/nets.json has what MXNet 1.9.1 says."""

from __future__ import annotations

import json

import nets_of_sequences  # noqa: F401  they enter themselves into the table
import nets_of_tasks  # noqa: F401
import numpy as np
import pytest
from nets import NETS
from nets_filled import filled, summary
from places import FIXTURES

import minisym as ms

FIXTURE = FIXTURES / "nets.json"
EXPECTED = json.loads(FIXTURE.read_text(encoding="utf-8"))

each_net = pytest.mark.parametrize("name", NETS)


@pytest.fixture
def made(name):
    with ms.name.NameManager():
        return NETS[name](ms)


def test_all_are_recorded():
    assert NETS.keys() == EXPECTED.keys()
    assert len(NETS) >= 40


@each_net
def test_names(name, made):
    assert made[0].get_internals().list_outputs() == EXPECTED[name]["internals"]


@each_net
def test_shapes(name, made):
    symbol, given = made
    lists = symbol.list_arguments(), symbol.list_outputs(), symbol.list_auxiliary_states()
    found = symbol.infer_shape(**given)
    for names, shapes, expected in zip(lists, found, EXPECTED[name]["shapes"], strict=True):
        assert dict(zip(names, map(list, shapes), strict=True)) == expected


@each_net
def test_partial_shapes(name, made):
    """From any part of the truth follows nothing else, and all that follows at once."""
    symbol, given = made
    inner = symbol.get_internals()
    names = symbol.list_arguments() + symbol.list_auxiliary_states()
    full = inner.infer_shape(**given)
    truth = dict(zip(names, full[0] + full[2], strict=True))
    rng = np.random.default_rng(len(name))
    for _ in range(8):
        parts = {n: np.where(rng.random(len(shape)) < 0.5, shape, 0) for n, shape in truth.items()}
        known = {n: tuple(map(int, p)) for n, p in parts.items() if rng.random() < 0.7}
        found = inner.infer_shape_partial(**known)
        for partial, shape in zip(found[1], full[1], strict=True):
            assert partial == () or len(partial) == len(shape)
            assert all(a in (0, b) for a, b in zip(partial, shape, strict=False))
        again = dict(zip(names, found[0] + found[2], strict=True))
        assert inner.infer_shape_partial(**again) == found


@each_net
def test_values(name, made):
    symbol, given = made
    executor = symbol.simple_bind(grad_req="null", **given)
    for arrays in (executor.arg_dict, executor.aux_dict):
        for key, array in arrays.items():
            array[...] = filled(key, array.shape)
    outputs = executor.forward(is_train=False)
    assert all(np.isfinite(output).all() for output in outputs)
    for output, expected in zip(outputs, EXPECTED[name]["values"], strict=True):
        np.testing.assert_allclose(summary(output), expected, rtol=1e-4, atol=2e-5)


@each_net
def test_a_file_brings_it_back(name, made):
    symbol, _ = made
    assert not ms.diff(symbol, ms.sym.load_json(symbol.tojson()))


@each_net
def test_gradients_of_all_weights(name, made):
    symbol, given = made
    executor = symbol.simple_bind(**given)
    for key, array in executor.arg_dict.items():
        array[...] = filled(key, array.shape)
    outputs = executor.forward(is_train=True)
    executor.backward([np.ones_like(output) for output in outputs])
    weights = executor.grad_dict.keys() - given.keys()
    assert weights
    assert all(np.isfinite(executor.grad_dict[n]).all() for n in weights)


@each_net
def test_inner_values_are_those_of_the_run(name, made):
    """A monitor sees values where memory is used again; internals keep all of them."""
    symbol, given = made
    seen = {}
    watched, kept = (symbol.simple_bind(grad_req="null", **given) for _ in range(2))
    for executor in (watched, kept):
        for arrays in (executor.arg_dict, executor.aux_dict):
            for key, array in arrays.items():
                array[...] = filled(key, array.shape)
    watched.set_monitor_callback(lambda name, array: seen.update({name: array.copy()}))
    inner = kept.internals
    watched.forward()
    kept.forward()
    assert seen
    for key, value in seen.items():
        np.testing.assert_array_equal(inner[key], value)


@each_net
def test_what_is_needed_is_enough(name, made):
    symbol, _ = made
    arguments, _, states = EXPECTED[name]["shapes"]
    shapes = {key: tuple(shape) for key, shape in {**arguments, **states}.items()}
    needed = ms.explain_shapes(symbol).needed
    assert needed
    assert not ms.explain_shapes(symbol, **{key: shapes[key] for key in needed})


@each_net
def test_cut_in_two_and_joined_again(name, made):
    symbol, _ = made
    inner = symbol.get_internals()
    outputs = [o for o in inner.list_outputs() if o.endswith("_output")]
    cut = outputs[len(outputs) // 2]
    if outputs.count(cut) > 1:  # siamese towers share their names
        pytest.skip("two parts have one name")
    part = symbol.subgraph([cut])
    assert ms.Graph(part.replace({cut: inner[cut]})) == symbol.graph

"""Nets of many kinds, composed, inferred and run: what MXNet 1.9.1 says is in fixtures/nets.json."""

from __future__ import annotations

import json
from pathlib import Path

import nets_of_sequences  # noqa: F401  they enter themselves into the table
import nets_of_tasks  # noqa: F401
import numpy as np
import pytest
from nets import NETS
from nets_filled import filled, summary

import minisym as ms

FIXTURE = Path(__file__).parent / "fixtures" / "nets.json"
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

"""Random DAGs of more than 200 ops, composed and run, against what MXNet 1.9.1 recorded."""

from __future__ import annotations

import numpy as np
import pytest
import random_graphs
from places import FIXTURES

import minisym as ms

# scripts/mxnet/record_random_graphs.py
with np.load(FIXTURES / "random_graphs.npz", allow_pickle=False) as arrays:
    RECORDED = {seed: (said, ran) for seed, said, ran in random_graphs.unpack(arrays)}


@pytest.mark.parametrize("seed", RECORDED)
def test_same_words_and_numbers(seed):
    """Lists, shapes and the file to the letter; outputs, states and gradients up to `CLOSE`."""
    made = random_graphs.make(ms, seed)
    mine = random_graphs.words(made), random_graphs.numbers(ms, made)
    wrong, _ = random_graphs.differences(mine, RECORDED[seed])
    assert not wrong


def test_all_are_recorded():
    assert len(RECORDED) == random_graphs.COUNT


def test_graphs_are_what_they_should_be():
    """Twenty nodes and more, some of which several others read, with several heads."""
    shared = heads = 0
    for seed in RECORDED:
        symbol = random_graphs.make(ms, seed).symbol
        graph = symbol.graph
        assert len([node for node in graph if node.op]) >= 20
        shared += any(node.op and graph.out_degree(node) > 1 for node in graph)
        heads += len(symbol.list_outputs()) > 1
    assert shared > 100
    assert heads > 100


def test_pool_covers_more_than_a_hundred_ops():
    """All that the pool can compose occurs in the record: new templates need a new record."""
    recorded = {op for said, _ in RECORDED.values() for op in said["ops"]}
    pool = {
        op
        for seed in range(1000, 1200)
        for op in random_graphs.ops_of(random_graphs.make(ms, seed).symbol)
    }
    assert len(pool) >= 200
    assert pool == recorded

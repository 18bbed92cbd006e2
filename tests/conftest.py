"""Fixtures that all tests share."""

import gc

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# a busy machine is no failure; the same examples in every run
settings.register_profile(
    "minisym", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("minisym")

collect_ignore_glob = [
    "scripts_of_mxnet/*",  # they import mxnet: test_scripts_of_mxnet runs them
    "random_templates.py",  # each import adds its templates to those of random_graphs
]


@pytest.fixture
def rng():
    return np.random.default_rng(20261122)


@pytest.fixture
def uncollected():
    """Run no garbage collector: Python swallows what a signal raises in a callback of it.

    Hypothesis has one, to time it.
    """
    gc.disable()
    yield
    gc.enable()

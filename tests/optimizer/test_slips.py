"""What one gets wrong in a rule of one's own, and in stepping with it, is told in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minisym as ms
from minisym import sym
from minisym.formats.mxnet_json import load_json

Optimizer = ms.optimizer.Optimizer


def loss() -> Any:
    w = sym.Variable("w", init="ones")
    return sym.sum(w * w)


class Twice(Optimizer):
    def rule(self, p: Any) -> Any:
        return [p.step(p.gradient), p.step(-p.gradient)]


class KeptTwice(Optimizer):
    def rule(self, p: Any) -> Any:
        m = p.state("mom")
        return [p.step(m), p.keep(m, p.gradient), p.keep(m, 2 * p.gradient)]


class Forgotten(Optimizer):
    def rule(self, p: Any) -> Any:
        p.keep(p.state("mom"), p.gradient)
        return p.step(p.state("mom"))


class SteppedBefore(Optimizer):
    def rule(self, p: Any) -> Any:
        p.step(p.gradient)
        return p.step(-p.gradient)


SLIPS = {
    Twice: "Twice.rule writes something of 'w' twice: variable 'w' is written by two nodes",
    KeptTwice: "KeptTwice.rule writes something of 'w' twice: variable 'w_mom' is written by two",
    Forgotten: "Forgotten.rule makes 'w_mom_update' and does not return it: it would not happen",
    SteppedBefore: "SteppedBefore.rule makes 'w_update' and does not return it",
}


@pytest.mark.parametrize("kind", SLIPS)
def test_a_rule_that_writes_twice_or_not_at_all(kind):
    with pytest.raises(ms.ComposeError) as caught:
        kind().minimize(loss())
    assert caught.value.sentence.startswith(SLIPS[kind])
    assert "in rule" in str(caught.value)  # the line of the rule
    assert "p.step" in caught.value.hint


def test_a_state_asked_for_twice_is_one():
    class Mine(Optimizer):
        def rule(self, p: Any) -> Any:
            return [p.step(p.state("mom")), p.keep(p.state("mom"), p.state("mom") + p.gradient)]

    optimizer = Mine(learning_rate=0.5)
    step = optimizer.minimize(loss())
    assert step.list_auxiliary_states() == ["w_mom"]
    executor = step.simple_bind(w=(1,))
    executor.arg_dict["w"][:] = 1
    optimizer.step(executor)  # the momentum was 0: only it moves, to the slope of w * w at 1
    assert (executor.arg_dict["w"].item(), executor.aux_dict["w_mom"].item()) == (1, 2)


# ---------------------------------------------------------------------- the step of another


def test_the_step_of_another_optimizer_is_refused():
    executor = ms.optimizer.Adam().minimize(loss()).simple_bind(w=(2,))
    before = np.array(executor.arg_dict["w"])
    with pytest.raises(ms.BindError) as caught:
        ms.optimizer.SGD().step(executor)
    assert caught.value.sentence == (
        "SGD.step takes a step that its minimize composed, but this one is of Adam"
    )
    assert caught.value.hint == (
        "its updates are those of Adam: let that one step, or bind what SGD.minimize(loss) returns"
    )
    np.testing.assert_array_equal(executor.arg_dict["w"], before)


def test_one_of_the_same_kind_may_go_on():
    """With a rate of its own, as a subclass, and with a step that comes from a file."""

    class Slower(ms.optimizer.SGD):
        pass

    made = ms.optimizer.SGD(learning_rate=0.1).minimize(loss())
    for step in (made, load_json(made.tojson())):
        for later in (ms.optimizer.SGD(learning_rate=0.25), Slower(learning_rate=0.25)):
            executor = step.simple_bind(w=(1,))
            executor.arg_dict["w"][:] = 1
            later.step(executor)
            assert executor.arg_dict["w"].item() == 0.5  # 1 - 0.25 * 2
    with pytest.raises(ms.BindError, match="but this one is of SGD"):
        ms.optimizer.Signum().step(load_json(made.tojson()).simple_bind(w=(1,)))

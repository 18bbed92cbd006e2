"""The command `minisym`, as somebody uses it who has two files and no Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minisym as ms
from minisym import sym

pytest.importorskip("typer", reason="typer is not installed")

from typer.testing import CliRunner, Result

from minisym.cli.commands import app


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with a small network in it, and go there."""
    monkeypatch.chdir(tmp_path)
    x = sym.Variable("data")
    x = sym.Convolution(x, kernel=(3, 3), pad=(1, 1), num_filter=2, name="conv")
    x = sym.Pooling(x, global_pool=True, pool_type="avg", kernel=(1, 1), name="pool")
    net = sym.FullyConnected(sym.Flatten(x, name="flat"), num_hidden=3, name="fc")
    net = sym.SoftmaxOutput(net, name="softmax")
    rng = np.random.default_rng(0)
    shapes = dict(zip(net.list_arguments(), net.infer_shape(data=(1, 3, 8, 8))[0], strict=True))
    arrays = {
        n: rng.normal(size=s).astype("f4")
        for n, s in shapes.items()
        if n not in {"data", "softmax_label"}
    }
    ms.model.save_checkpoint("net", 1, net, arrays, {})
    np.save("x.npy", rng.random((2, 3, 8, 8), np.float32))
    Path("names.txt").write_text("n01440764 tench, a fish\ncat\ndog\n", encoding="utf-8")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def data(*arguments: str) -> Any:
    done = run(*arguments, "--json")
    return json.loads(done.stdout)


def test_show(folder: Path) -> None:
    done = run("show", "net", "--shape", "data=1,3,8,8")
    assert done.exit_code == 0, done.stderr
    assert "1×2×8×8" in done.stdout
    (told,) = data("show", "net", "--shape", "data=1,3,8,8")
    assert [layer["name"] for layer in told["layers"]][:2] == ["conv", "pool"]
    assert told["parameters"] == 3 * 2 * 9 + 2 + 2 * 3 + 3


def test_check_says_what_is_wrong_by_its_status(folder: Path) -> None:
    assert run("check", "net").exit_code == 0
    arrays, _ = ms.model.load_params("net", 1)
    del arrays["fc_bias"]
    ms.nd.save("less-0001.params", {f"arg:{n}": a for n, a in arrays.items()})
    (folder / "less-symbol.json").write_text((folder / "net-symbol.json").read_text())
    done = run("check", "less")
    assert done.exit_code == 1
    assert "fc_bias" in done.stdout
    (told,) = data("check", "less")
    assert [one["name"] for one in told["missing"]] == ["fc_bias"]
    assert not told["ok"]


def test_check_folds_what_is_alike(folder: Path) -> None:
    steps = [sym.tanh(sym.Variable(f"step{i}"), name=f"t{i}") for i in range(20)]
    (folder / "long-symbol.json").write_text(sym.Group(steps).tojson())
    assert "step0 … step19" in run("check", "long").stdout
    assert "step7" not in run("check", "long").stdout
    assert "step7 " in run("check", "long", "--all").stdout


def test_several_files_and_patterns(folder: Path) -> None:
    assert [one["file"] for one in data("check", "*-symbol.json", "net")] == [
        "net-symbol.json",
        "net",
    ]
    done = run("check", "*.nothing")
    assert done.exit_code == 2
    assert "no file is like '*.nothing'" in done.stderr


def test_no_bar_is_written_to_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in the kernel of a notebook
    done = run("check", "*-symbol.json", "net")
    assert done.exit_code == 0
    assert done.stderr == ""


def test_what_is_made_of_several_files_is_named_after_them(folder: Path) -> None:
    assert run("convert", "net", "other").exit_code == 0
    Path("made").mkdir()
    assert run("convert", "net", "other", "made/.npz").exit_code == 0
    assert run("convert", "made/*.npz", "made").exit_code == 0
    assert run("plot", "net", "other", "-o", ".mmd").exit_code == 0
    assert run("cut", "net", "other", "--at", "pool", "-o", "made/.npz").exit_code == 0
    done = run("run", "net", "other", "--data", "x.npy", "-o", "made", "--json")
    assert done.exit_code == 2  # there is one already
    done = run("run", "net", "other", "--data", "x.npy", "-o", ".npz", "--json")
    assert done.exit_code == 0, done.stderr
    one, two = json.loads(done.stdout)
    assert (one["file"], two["file"]) == ("net", "other")
    assert one["outputs"] == two["outputs"]
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    kinds = ("-symbol.json", "-0000.params", ".npz", "-pool.npz")
    made = {f"made/{name}{kind}" for name in ("net", "other") for kind in kinds}
    assert names >= {*made, "net.mmd", "other.mmd", "net.npz", "other.npz"}


def test_one_name_for_several_files(folder: Path) -> None:
    Path("deep").mkdir()
    assert run("convert", "net", "deep/net").exit_code == 0
    before = {*folder.rglob("*")}
    for arguments, words in (
        (["plot", "net", "deep/net", "-o", "a.svg"], "a.svg is one name for what is made of 2"),
        (["plot", "net", "deep/net"], "net.svg would be made of 2 files"),
        (["convert", "net", "deep/net", "a.npz"], "a folder, or an ending such as .npz"),
    ):
        done = run(*arguments, "--force")
        assert done.exit_code == 2
        assert words in " ".join(done.stderr.split())
    assert {*folder.rglob("*")} == before


def test_one_that_fails_does_not_keep_the_others(folder: Path) -> None:
    Path("bad-symbol.json").write_text("{", encoding="utf-8")
    done = run("check", "bad-symbol.json", "net", "--json")
    assert done.exit_code == 2
    assert [one["file"] for one in json.loads(done.stdout)] == ["net"]
    assert "in bad-symbol.json" in done.stderr
    assert run("plot", "bad-symbol.json", "net").exit_code == 2
    assert Path("net.svg").exists()


def test_parameters_of_another_name(folder: Path) -> None:
    Path("net-0001.params").rename("weights.params")
    assert run("check", "net").exit_code == 1
    for command in (["check"], ["run", "--data", "x.npy"], ["bench", "--shape", "data=1,3,8,8"]):
        done = run(*command, "net-symbol.json", "--params", "weights.params")
        assert done.exit_code == 0, done.stderr
    assert run("convert", "net-symbol.json", "all.npz", "--params", "weights.params").exit_code == 0
    assert run("check", "all.npz").exit_code == 0
    assert "there is no file 'no.params'" in run("check", "net", "--params", "no.params").stderr


def test_run_predicts_what_the_model_predicts(folder: Path) -> None:
    done = run("run", "net", "--data", "x.npy", "-o", "out.npz", "--labels", "names.txt")
    assert done.exit_code == 0, done.stderr
    right = ms.load_model("net")(np.load("x.npy"))
    with np.load("out.npz") as written:
        np.testing.assert_allclose(written["softmax_output"], right, rtol=1e-6)
    assert "tench, a fish" in done.stdout
    (told,) = data("run", "net", "--data", "data=x.npy", "--top", "1")
    assert [row[0]["class"] for row in told["outputs"][0]["rows"]] == right.argmax(1).tolist()


def test_a_long_name_of_an_output_stays_in_one_line(folder: Path) -> None:
    name = "hybridsequential0_features_dense2_forward_of_the_second_branch"
    ms.Model(sym.sum(sym.Variable("data"), axis=1, name=name), {}).save("long")
    done = run("run", "long", "--data", "x.npy")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith(f"{name}_output (2×8×8)\n")


def test_images_are_prepared_as_asked(folder: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    pixels = np.arange(8 * 16 * 3, dtype=np.uint8).reshape(8, 16, 3)
    image.fromarray(pixels).save("cat.png")
    options = ["--mean", "1,2,3", "--std", "2", "--channels", "bgr"]
    done = run("run", "net", "--data", "cat.png", *options, "-o", "out.npz")
    assert done.exit_code == 0, done.stderr
    fed = (pixels[:, :, ::-1].astype("f4") - [1, 2, 3]) / 2
    right = ms.load_model("net")(fed.transpose(2, 0, 1)[None].astype("f4"))
    with np.load("out.npz") as written:
        np.testing.assert_allclose(written["softmax_output"], right, rtol=1e-5)
    done = run("run", "net", "--data", "cat.png", "--data", "cat.png", "--size", "4", "--json")
    assert json.loads(done.stdout)[0]["outputs"][0]["shape"] == [2, 3]


def test_cut_and_convert_load_again(folder: Path) -> None:
    assert run("cut", "net", "--at", "pool").exit_code == 0
    cut = ms.load_model("net-pool")
    x = np.load("x.npy")
    np.testing.assert_allclose(cut(x), ms.load_model("net").features("pool")(x))
    for to in ("all.npz", "all.safetensors", "copy"):
        assert run("convert", "net", to).exit_code == 0
        np.testing.assert_allclose(ms.load_model(to)(x), ms.load_model("net")(x))


def test_convert_to_source(folder: Path) -> None:
    assert run("convert", "net", "net.py").exit_code == 0
    names: dict[str, Any] = {}
    exec((folder / "net.py").read_text(encoding="utf-8"), names)
    assert not ms.diff(names["net"](), sym.load("net-symbol.json"))


def test_convert_to_onnx(folder: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    done = run("convert", "net", "net.onnx", "--shape", "data=1,3,8,8")
    assert done.exit_code == 0, done.stderr
    x = np.load("x.npy")
    session = runtime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"data": x})
    np.testing.assert_allclose(found, ms.load_model("net")(x), rtol=1e-4)


def test_diff(folder: Path) -> None:
    assert run("diff", "net", "net").exit_code == 0
    assert run("convert", "net", "half.npz", "--half").exit_code == 0
    done = run("diff", "net", "half.npz", "--data", "x.npy")
    assert done.exit_code == 1
    assert data("diff", "net", "half.npz")["differs"]


def test_params(folder: Path) -> None:
    rows = {row["name"]: row for row in data("params", "net", "--stats")}
    assert rows["conv_weight"]["shape"] == [2, 3, 3, 3]
    arrays, _ = ms.model.load_params("net", 1)
    assert rows["fc_bias"]["largest"] == pytest.approx(float(arrays["fc_bias"].max()))
    assert run("params", "net-0001.params", "-o", "p.npz").exit_code == 0
    with np.load("p.npz") as written:
        np.testing.assert_array_equal(written["arg:fc_bias"], arrays["fc_bias"])


@pytest.mark.parametrize("name", ["a.svg", "a.html", "a.mmd", "a.txt"])
def test_plot(folder: Path, name: str) -> None:
    done = run("plot", "net", "-o", name)
    assert done.exit_code == 0, done.stderr
    assert "conv" in (folder / name).read_text(encoding="utf-8")


def test_bench(folder: Path) -> None:
    (row,) = data("bench", "net", "--shape", "data=1,3,8,8", "--runs", "2")
    assert 0 < row["shortest"] <= row["median"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "nothing"], "nothing"),
        (["show", "x.npy"], "x.npy"),
        (["show", "net", "--shape", "data"], "--shape takes NAME=1,3,224,224, but got 'data'"),
        (["show", "net", "--shape", "dta=1,3"], "the model has no input 'dta'"),
        (["run", "net"], "there is nothing to predict from"),
        (["run", "net", "--data", "no.png"], "there is no file 'no.png'"),
        (["run", "net", "--data", "names.txt"], "names.txt is neither an array"),
        (["run", "net", "--data", "x.npy", "--channels", "hsv"], "--channels takes rgb"),
        (["run", "net", "--data", "x.npy", "--mean", "a"], "--mean takes numbers"),
        (["run", "net", "--data", "x.npy", "-o", "out.txt"], "-o takes a name that ends in .npz"),
        (["run", "net", "--data", "x.npy", "--labels", "no.txt"], "no.txt"),
        (["cut", "net", "--at", "pol"], "the graph has no part 'pol'"),
        (["bench", "net"], "the shape is not known of data (N×3×?×? float32)"),
        (["bench", "net"], "hint: --shape data=1,3,224,224"),
        (["convert", "net", "x.npy/y.npz"], "there is no folder"),
        (["plot", "net", "-o", "pics/.svg"], "hint: make it first: net.svg goes there"),
        (["plot", "net", "-o", "pics"], "hint: end it in .svg"),
        (["cut", "nothing", "--at", "pool"], "there is no model 'nothing': this folder"),
        (["cut", "nothing", "--at", "pool"], "such as nothing-symbol.json"),
        (["convert", "net", "net.xyz"], "net.xyz ends in .xyz, and no form"),
        (["convert", "net", ".xyz"], "known are .onnx, .safetensors, .npz and .py"),
        (["cut", "net", "--at", "pool", "-o", "part.pth"], "known are .safetensors and .npz"),
    ],
)  # fmt: skip
def test_what_is_no_good_is_said_in_words(folder: Path, arguments: list[str], words: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2, done.stdout
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_nothing_is_written_over(folder: Path) -> None:
    for arguments in (
        ["plot", "net", "-o", "x.npy"],
        ["convert", "net", "net"],
        ["params", "net", "-o", "net-0001.params"],
        ["run", "net", "--data", "x.npy", "-o", "x.npy"],
    ):
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        done = run(*arguments)
        assert done.exit_code == 2
        assert "is there already" in done.stderr
        assert before == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_hostile_files(folder: Path) -> None:
    Path("bad.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00garbage")
    Path("bad.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    np.save("objects.npy", np.array([{}], object), allow_pickle=True)
    for name in ("bad.npy", "bad.png", "objects.npy"):
        done = run("run", "net", "--data", name)
        assert done.exit_code == 2, name
        assert name in done.stderr


def test_a_symbol_without_parameters(folder: Path) -> None:
    (folder / "bare-symbol.json").write_text((folder / "net-symbol.json").read_text())
    done = run("check", "bare")
    assert done.exit_code == 1
    assert "all 4  there are no parameters beside the symbol" in done.stdout
    assert run("show", "bare").exit_code == 0
    for arguments in (
        ["params", "bare"],
        ["bench", "bare"],
        ["convert", "bare", "bare.onnx"],
        ["run", "bare", "--data", "x.npy"],
    ):
        done = run(*arguments)
        assert done.exit_code == 2
        assert "there are no parameters beside bare-symbol.json" in done.stderr


def test_a_shape_that_the_weights_do_not_tell(folder: Path) -> None:
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=2, flatten=False, name="fc")
    arrays = {"fc_weight": np.ones((2, 3), "f4"), "fc_bias": np.ones(2, "f4")}
    ms.Model(net, arrays).save("rows")
    for command in ("show", "bench"):
        done = run(command, "rows")
        assert done.exit_code == 2
        assert "hint: --shape data=" in done.stderr
    assert run("show", "rows", "--shape", "data=5,3").exit_code == 0


def test_advice_is_a_command(folder: Path) -> None:
    text = (folder / "net-symbol.json").read_text().replace('"SoftmaxOutput"', '"OurLoss"')
    (folder / "ours-symbol.json").write_text(text)
    (folder / "ours-0001.params").write_bytes((folder / "net-0001.params").read_bytes())
    done = run("check", "ours")
    assert done.exit_code == 1
    assert "minisym cut ours --at fc" in done.stderr
    assert run("cut", "ours", "--at", "fc", "-o", "inner").exit_code == 0
    assert run("check", "inner").exit_code == 0


def test_names_that_differ(folder: Path) -> None:
    model = ms.load_model("net")
    ms.Model(model.symbol, {f"module.{n}": a for n, a in model.params.items()}).save("other")
    done = run("check", "other")
    assert done.exit_code == 1
    assert "minisym convert other NEW --rename" in done.stderr
    assert run("convert", "other", "new", "--rename").exit_code == 0
    assert run("check", "new").exit_code == 0


def test_whoever_reads_has_enough(folder: Path) -> None:
    command = [sys.executable, "-m", "minisym", "show", *["net"] * 200]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as done:
        assert done.stdout
        assert done.stderr
        done.stdout.read(1)
        done.stdout.close()
        assert b"Traceback" not in done.stderr.read()
    assert done.returncode == 0


def test_as_a_process(folder: Path) -> None:
    command = [sys.executable, "-m", "minisym"]
    done = subprocess.run([*command, "check", "net"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "It can predict." in done.stdout
    text = "import sys; sys.modules['typer'] = None; from minisym.cli import main; main(['--help'])"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == 'minisym: the command needs typer and rich: pip install "minisym[cli]"\n'


def test_launch_hands_on_what_follows_it(folder: Path) -> None:
    done = run("launch", "--help")
    assert done.exit_code == 0
    assert "usage: minisym launch [-h] -n N" in done.stdout
    done = run("launch", "-n", "0", "train.py", "--shape", "4")
    assert done.exit_code == 2
    assert "minisym launch: error: -n takes a number from 1 on, but got 0" in done.stderr
    assert "launch" in run("--help").stdout

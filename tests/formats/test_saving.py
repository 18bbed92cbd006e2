"""Saving is like opening a file and writing it, but for one thing: no half of it is ever seen."""

from __future__ import annotations

import os
import stat
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import minisym as ms
from minisym import sym
from minisym.core import files
from minisym.core.files import remove_leftovers, write_atomically
from minisym.train import checkpoint

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes, links and pipes of POSIX")

NET = sym.tanh(sym.Variable("x"), name="t")
ARRAYS = {"w": np.ones(3, np.float32)}


def save_params(path: Path) -> None:
    ms.nd.save(path, ARRAYS)


def save_symbol(path: Path) -> None:
    NET.save(path)


def save_checkpoint(path: Path) -> None:
    step = sym.signsgd_update(sym.Variable("w"), sym.Variable("g"), lr=0.1)
    executor = step.bind(args={"w": np.ones(3), "g": np.ones(3)})
    checkpoint.save(path, executor, ms.optimizer.SGD(), checkpoint.Position())


def save_picture(path: Path) -> None:
    ms.viz.save_picture(NET, path)


def save_page(path: Path) -> None:
    NET.to_html(path)


def save_graph(path: Path) -> None:
    ms.viz.export(NET, path)


def save_memory(path: Path) -> None:
    NET.simple_bind(x=(2,)).memory_report().save(path)


WAYS = {
    "net.params": save_params,
    "net.json": save_symbol,
    "run.params": save_checkpoint,
    "net.dot": save_picture,
    "net.mmd": save_picture,
    "net.txt": save_picture,
    "net.html": save_page,
    "net.graphml": save_graph,
    "net.cyjs": save_graph,
    "memory.svg": save_memory,
}
each_way = pytest.mark.parametrize(("name", "save"), WAYS.items(), ids=WAYS)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask():
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@each_way
def test_a_new_file_has_the_mode_that_the_process_gives(name: str, save, umask, tmp_path: Path):
    for mask, expected in ((0o022, 0o644), (0o077, 0o600), (0o002, 0o664)):
        umask(mask)
        path = tmp_path / f"{mask}-{name}"
        save(path)
        assert mode(path) == expected


@each_way
def test_a_file_keeps_its_mode(name: str, save, umask, tmp_path: Path):
    path = tmp_path / name
    for kept in (0o600, 0o640, 0o666, 0o755):
        path.write_bytes(b"old")
        path.chmod(kept)
        save(path)
        assert mode(path) == kept
        assert path.read_bytes() != b"old"


@each_way
def test_a_link_stays_a_link(name: str, save, tmp_path: Path):
    (tmp_path / "far").mkdir()
    real, link, again = (tmp_path / n for n in (f"far/{name}", f"link-{name}", f"again-{name}"))
    real.write_bytes(b"old")
    link.symlink_to(f"far/{name}")
    again.symlink_to(link)
    save(again)
    assert link.is_symlink()
    assert again.is_symlink()
    assert real.read_bytes() != b"old"
    assert [p.name for p in (tmp_path / "far").iterdir()] == [name]
    real.unlink()
    save(link)  # one that leads nowhere makes the file there
    assert real.is_file()
    assert link.is_symlink()


@each_way
def test_nothing_else_is_touched(name: str, save, tmp_path: Path):
    path = tmp_path / name
    others = [f".{name}.lock", f".{name}.0123456789abcdef", f".{name}.toml", f"{name}~", "x"]
    for other in others:
        (tmp_path / other).write_text(other, encoding="utf-8")
    save(path)
    save(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*others, name])
    assert all((tmp_path / n).read_text(encoding="utf-8") == n for n in others)


@each_way
def test_a_pipe_receives_it(name: str, save, tmp_path: Path):
    path, pipe = tmp_path / f"plain-{name}", tmp_path / name
    save(path)
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    while True:
        try:
            save(pipe)
            break
        except OSError as error:  # the reader is not there yet
            assert error.errno == 6  # noqa: PT017  ENXIO
    reader.join(10)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert len(got[0]) == path.stat().st_size


def test_a_pipe_that_nobody_reads_is_an_error(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device"):
        save_params(tmp_path / "pipe")
    assert [p.name for p in tmp_path.iterdir()] == ["pipe"]


def test_a_device_stays_a_device(tmp_path: Path):
    null = Path(os.devnull)
    if os.geteuid() == 0:  # only root may replace the real one
        null = tmp_path / "null"
        try:
            os.mknod(null, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
            null.open("wb").close()
        except OSError:
            pytest.skip("no devices can be made here")
    save_params(null)
    assert stat.S_ISCHR(null.stat().st_mode)


@pytest.mark.skipif(sys.platform != "linux", reason="streams of a process have names in /proc")
def test_an_open_file_of_a_process_is_written_where_it_is(tmp_path: Path):
    with (tmp_path / "out").open("w+b", buffering=0) as file:
        file.write(b"before")
        save_params(Path(f"/dev/fd/{file.fileno()}"))
        assert os.fstat(file.fileno()).st_nlink == 1
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    np.testing.assert_array_equal(ms.nd.load(tmp_path / "out")["w"], ARRAYS["w"])


@pytest.mark.parametrize("length", [246, 255])
@pytest.mark.parametrize("letter", ["a", "é"])
def test_any_name_that_can_be_written_can_be_saved(length: int, letter: str, tmp_path: Path):
    name = letter * (length // len(letter.encode()))
    save_params(tmp_path / name)
    save_checkpoint(tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_what_cannot_be_written_is_told_by_its_own_name(tmp_path: Path):
    with pytest.raises(FileNotFoundError) as caught:
        save_params(tmp_path / "missing" / "net.params")
    assert caught.value.filename == str(tmp_path / "missing" / "net.params")
    with pytest.raises(IsADirectoryError):
        save_params(tmp_path)
    (tmp_path / "ring").symlink_to("ring")
    with pytest.raises(OSError, match="symbolic link"):
        save_params(tmp_path / "ring")


def test_a_read_only_file_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "net.params"
    path.write_bytes(b"old")
    path.chmod(0o400)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everything
    with pytest.raises(PermissionError, match=r"net\.params"):
        save_params(path)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["net.params"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    path = tmp_path / "net.params"
    path.write_bytes(b"old")

    def parts():
        yield b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, parts())
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["net.params"]


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path):
    path = tmp_path / "run.params"
    dead = tmp_path / f".run.params.{'0' * 16}{files._MARK}"
    dead.write_bytes(b"half")
    seen: list[Path] = []

    def parts():
        yield b"half"
        remove_leftovers(path)  # as another process does that saves the same checkpoint
        seen.extend(tmp_path.iterdir())
        yield b"whole"

    write_atomically(path, parts())
    assert dead not in seen
    assert len(seen) == 1
    assert path.read_bytes() == b"halfwhole"
    assert [*tmp_path.iterdir()] == [path]

"""What `import minisym` leaves for later: it looks as if it were there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import minisym as ms

INIT = Path(str(ms.__file__))


def in_a_new_process(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=120
    )
    return done.stdout.strip()


def test_mypy_and_python_read_the_same_table():
    block = next(
        node
        for node in ast.parse(INIT.read_text(encoding="utf-8")).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "_TYPE_CHECKING"
    )
    read = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        package = (node.module or "").partition(".")[2]
        for name in node.names:
            where = f"{package}:{name.name}" if package else name.name
            read[name.asname or name.name] = where
    assert read == ms._LATE  # type: ignore[attr-defined]
    assert read.keys() <= {*ms.__all__}


def test_an_import_leaves_them_and_dir_lists_them():
    told = in_a_new_process(
        "import sys, minisym as ms\n"
        "late = {w.partition(':')[0].partition('.')[0] for w in ms._LATE.values()} - {'show'}\n"
        "loaded = [name for name in late if f'minisym.{name}' in sys.modules]\n"
        "print(loaded, {*ms.__all__} <= {*dir(ms)})\n"
    )
    assert told == "[] True"


def test_every_op_is_there_before_they_are():
    told = in_a_new_process(
        "import minisym as ms\n"
        "before = set(ms.op.registered())\n"
        "for name in dir(ms): getattr(ms, name)\n"
        "print(len(before) > 400, set(ms.op.registered()) - before)\n"
    )
    assert told == "True set()"


def test_each_way_to_import_one_gives_the_same():
    told = in_a_new_process(
        "import minisym.mod.base_module, minisym.kv\n"
        "from minisym import initializer, Model, viz\n"
        "from minisym.saved.model import Model as same\n"
        "import minisym as ms\n"
        "print(ms.mod is ms.module, ms.kv is ms.kvstore, initializer is ms.init, Model is same,\n"
        "      viz is ms.visualization, 'kv' in vars(ms))\n"
    )
    assert told == "True True True True True True"

"""Who is compared: the contenders, their environments, and how those are made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".peers"


@dataclass(frozen=True)
class Environment:
    """A virtual environment below `.peers`: what is installed in it, under which Python."""

    packages: tuple[str, ...]
    python: str = f"{sys.version_info[0]}.{sys.version_info[1]}"


# PyPI's torch brings CUDA, several gigabytes of it: pip's own configuration (PIP_EXTRA_INDEX_URL,
# PIP_FIND_LINKS) chooses an index of CPU builds where there is one.
ENVIRONMENTS = {
    "mxnet": Environment(("mxnet==1.9.1", "numpy<1.24"), python="3.8"),
    "torch": Environment(("torch==2.13.0", "numpy", "threadpoolctl")),
    "jax": Environment(("jax", "threadpoolctl")),
    "pytensor": Environment(("pytensor", "threadpoolctl")),
    "onnxruntime": Environment(("onnxruntime", "onnx", "threadpoolctl")),
}

NAMES = {
    "c": "C loop",
    "jax": "JAX",
    "mxnet": "MXNet",
    "numba": "numba by hand",
    "numpy": "NumPy by hand",
    "pytensor": "PyTensor",
    "torch": "PyTorch",
}
BLAS = "BLAS"  # minisym without workers, whose matrix products have all threads


@dataclass(frozen=True)
class Contender:
    """A peer, one way of using it, and a number of threads: a process of its own."""

    peer: str
    name: str = ""  # of the way; empty where there is but one
    threads: int = 1
    settings: dict[str, str] = field(default_factory=dict, hash=False)
    source: Path = ROOT  # of minisym, which may be another commit

    @property
    def title(self) -> str:
        """What a table calls it."""
        name = NAMES.get(self.peer, self.peer)
        if self.name == "fast":
            name += "[fast]"
        elif self.name and self.name != BLAS:
            name += f" {self.name}"
        if self.threads == 1:
            return name
        workers = self.peer == "minisym" and self.name != BLAS
        return f"{name}, {self.threads} {'workers' if workers else 'threads'}"

    @property
    def python(self) -> Path | None:
        """The interpreter of its environment, or None where there is none."""
        if self.peer not in ENVIRONMENTS:
            return Path(sys.executable)
        python = FOLDER / self.peer / "bin" / "python"
        given = os.environ.get("MINISYM_MXNET_PYTHON") if self.peer == "mxnet" else None
        return Path(given) if given else python if python.exists() else None

    @property
    def environment(self) -> dict[str, str]:
        """What its process finds in `os.environ`."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        threads = str(self.threads)
        return clean | {
            "PYTHONPATH": str(self.source),
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "NUMBA_NUM_THREADS": threads,
            **self.settings,
        }


def _mxnet() -> Iterator[Contender]:
    """Yield both of its engines, with its own kernels and with oneDNN's."""
    for threads in (1, 2):
        for kernels in ("", "oneDNN"):
            for engine in ("naive", ""):
                settings = {
                    "MXNET_SUBGRAPH_BACKEND": "MKLDNN" if kernels else "NONE",
                    "MXNET_MKLDNN_ENABLED": "1" if kernels else "0",
                    "MXNET_STORAGE_FALLBACK_LOG_VERBOSE": "0",
                    "MXNET_ENGINE_TYPE": "NaiveEngine" if engine else "ThreadedEnginePerDevice",
                }
                yield Contender(
                    "mxnet", " ".join(filter(None, (engine, kernels))), threads, settings
                )


def contenders() -> list[Contender]:
    """Return all, minisym first."""
    fast = [Contender("minisym", "fast", n) for n in (1, 2)]
    return [
        Contender("minisym"),
        Contender("minisym", BLAS, 2),
        Contender("minisym", "", 2),
        *fast,
        Contender("numpy"),
        *(Contender("numba", "", n) for n in (1, 2)),
        *(Contender("c", "", n) for n in (1, 2)),
        *_mxnet(),
        *(Contender("torch", way, n) for n in (1, 2) for way in ("", "compile")),
        *(Contender("jax", "", n) for n in (1, 2)),
        Contender("pytensor"),
        *(Contender("onnxruntime", "", n) for n in (1, 2)),
    ]


def find_python(version: str) -> str | None:
    """Return an interpreter of this version: on PATH, or one that pyenv, uv or conda made."""
    tries = [f"python{version}", sys.executable]
    for place in (
        ".pyenv/versions",
        ".local/share/uv/python",
        "miniconda3/envs",
        "miniforge3/envs",
    ):
        folder = Path.home() / place
        tries += map(str, sorted(folder.glob(f"*/bin/python{version}"), reverse=True))
    for name in tries:
        path = shutil.which(name)
        if path and _version(path) == version:
            return path
    if uv := shutil.which("uv"):
        found = subprocess.run(
            [uv, "python", "find", version], capture_output=True, text=True, check=False
        )
        return found.stdout.strip() or None
    return None


def _version(python: str) -> str:
    """Return "3.8" of a Python that runs, and "" of a shim with nothing behind it."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else ""


def set_up(names: list[str]) -> Iterator[tuple[str, str]]:
    """Make the environments of these peers; yield what became of each: (name, "" or why not)."""
    FOLDER.mkdir(exist_ok=True)
    for name in names or ENVIRONMENTS:
        wanted = ENVIRONMENTS[name]
        folder = FOLDER / name
        if (folder / "bin" / "python").exists():
            yield name, ""
            continue
        python = find_python(wanted.python)
        if python is None:
            hint = "`uv python install`, `pyenv install` or `conda create` bring one"
            yield name, f"no Python {wanted.python} was found: {hint}"
            continue
        half = FOLDER / f"{name}-unfinished"
        install = ["-m", "pip", "install", "--quiet", *wanted.packages]
        try:
            _run([python, "-m", "venv", "--clear", str(half)])
            _run([str(half / "bin" / "python"), *install])
        except RuntimeError as error:
            yield name, str(error)
        else:
            half.rename(folder)
            yield name, ""


def _run(command: list[str]) -> None:
    """Run a command, or raise RuntimeError with the last line that it printed."""
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode:
        lines = (told.stderr or told.stdout).strip().splitlines()
        raise RuntimeError(lines[-1] if lines else f"{command[0]} failed")


def another(revision: str) -> list[Contender]:
    """Return minisym of another commit as contenders, with and without threads for BLAS."""
    source = FOLDER / f"minisym-{revision}"
    if not source.exists():
        packed = subprocess.run(
            ["git", "-C", str(ROOT), "archive", revision, "minisym"],
            capture_output=True,
            check=True,
        )
        with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
            archive.extractall(source, filter="data")
    return [Contender("minisym", name, n, source=source) for name, n in ((revision, 1),)]

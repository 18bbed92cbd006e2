"""`minisym launch -n 4 train.py …`: run a script in processes that know each other.

(`python -m minisym.launch` is the same, and needs no package but mpi4py and Open MPI.)

It is `mpiexec` of Open MPI, with what such a run needs: a process that dies is noticed by the
others and is not the end of all, each process has its share of the CPUs, an error is printed once,
whole, with the number of its process, and a run ends within a stated time. The exit status is 0 if
no process has failed in the script; one that was killed from outside is survived, as
`minisym.parallel` survives it.
"""

from __future__ import annotations

import argparse
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final, NoReturn

from minisym.core.errors import MinisymError, listed

DESCRIPTION: Final = """Run a script in several processes that know each other, by Open MPI. One
that dies is survived by the others, an error is printed once, with the number of its process. The
exit status is 0 if no process has failed."""
INSIDE: Final = "MINISYM_LAUNCHED"
"""The environment variable that says that this is one of the processes."""
THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
KEPT: Final = ("PYTHONUNBUFFERED", *(name for name in ("PYTHONPATH",) if name in os.environ))
"""What else a process on another host has from here."""
MARK: Final = "\x1e"
"""Begins each line that a process says to the launcher; see `_write`."""
TOLD: Final = re.compile(rb"\x1e\[(\S+)\] (.*)", re.DOTALL)
ENDED: Final = re.compile(rb"exit status (\d+)")
"""What a process says last that has failed; see `_run_script`."""
FAILED: Final = 1
KILLED: Final = 128 + signal.SIGTERM
LATE: Final = 124
"""The exit status of a run that took too long, as that of `timeout`."""


def main(
    arguments: Sequence[str] | None = None, name: str = "python -m minisym.launch"
) -> NoReturn:
    """Start the processes, wait for them, and exit.

    Parameters
    ----------
    arguments
        Those of the command line; by default those of this process.
    name
        What the help says that the program is called.

    Raises
    ------
    SystemExit
        Always.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    if os.environ.get(INSIDE):
        _run_script(given)
    parser = argparse.ArgumentParser(prog=name, description=DESCRIPTION)
    parser.add_argument(
        "-n", "--processes", type=int, required=True, metavar="N", help="how many to start"
    )
    parser.add_argument(
        "--timeout", type=float, default=86_400, metavar="SECONDS",
        help="end the run after so long, with status 124; by default a day",
    )  # fmt: skip
    parser.add_argument("--hosts", default="", metavar="HOST,HOST", help="by default, this machine")
    parser.add_argument("script", type=Path, help="what each of them runs")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the script is given")
    options = parser.parse_args(given)
    if options.processes < 1:
        parser.error(f"-n takes a number from 1 on, but got {options.processes}")
    if not options.timeout > 0:
        parser.error(f"--timeout takes seconds, but got {options.timeout}")
    if not options.script.is_file():
        parser.error(f"there is no script {str(options.script)!r}")
    mpiexec = _mpiexec(parser)
    command = [
        mpiexec, "--with-ft", "ulfm", "--oversubscribe", "--bind-to", "none",
        *(["--allow-run-as-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
        *(["--host", options.hosts] if options.hosts else []),
        *(word for name in (INSIDE, *THREADS, *KEPT) for word in ("-x", name)),
        "-n", str(options.processes),
        sys.executable, "-m", "minisym.launch", str(options.script), *options.arguments,
    ]  # fmt: skip
    sys.exit(_wait(command, options.processes, options.timeout))


def _mpiexec(parser: argparse.ArgumentParser) -> str:
    """Return the program that starts processes: that of this Python's environment first."""
    try:
        import mpi4py  # noqa: F401 - whether it is there
    except ImportError:
        parser.error('mpi4py is not installed: pip install "minisym[mpi]"')
    beside = Path(sys.executable).with_name("mpiexec")
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None:
        parser.error('there is no mpiexec: pip install "minisym[mpi]" brings one')
    return found


def _wait(command: Sequence[str], processes: int, timeout: float) -> int:
    """Run `mpiexec` within a time; return the exit status."""
    share = str(max(1, (os.cpu_count() or 1) // processes))
    environment = os.environ | {INSIDE: "1", "PYTHONUNBUFFERED": "1"}
    for name in THREADS:
        environment.setdefault(name, share)
    child = subprocess.Popen(
        command, env=environment, start_new_session=True, stderr=subprocess.PIPE
    )
    heard = _Heard()
    listener = threading.Thread(target=_listen, args=(child.stderr, heard), daemon=True)
    listener.start()
    end = time.monotonic() + timeout
    try:
        while (status := child.poll()) is None:
            if time.monotonic() > end:
                sys.stderr.write(f"minisym.launch: stopped after {timeout:g} s\n")
                return LATE
            time.sleep(0.02)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        _end(child)
        listener.join(3.0)
        heard.close()
    return KILLED if status < 0 else status or max(heard.failed, default=0)


class _Heard:
    """What processes say: their own words pass, an error that several have is printed once."""

    def __init__(self) -> None:
        self.failed: list[int] = []
        """The exit statuses of those that have failed."""
        self._begun: dict[bytes, list[bytes]] = {}
        self._told: dict[bytes, list[bytes]] = {}

    def line(self, line: bytes) -> None:
        """Take a line; what a process tells of its end waits until it is whole."""
        before, mark, rest = line.partition(MARK.encode())
        found = TOLD.fullmatch(mark + rest.rstrip(b"\n"))
        if found is None:
            _pass_on(line)
            return
        if before:  # a line that the script has not ended, as of a bar
            _pass_on(before + b"\n")
        rank, text = found.groups()
        begun = self._begun.setdefault(rank, [])
        begun.append(text)
        if ended := ENDED.fullmatch(text):
            self.failed.append(int(ended[1]))
            self._tell(rank, self._begun.pop(rank))

    def _tell(self, rank: bytes, lines: list[bytes]) -> None:
        same = self._told.setdefault(b"\n".join(lines), [])
        if not same or len(lines) == 1:  # of an exit status alone nothing is the same
            _pass_on(b"".join(b"[%s] %s\n" % (rank, line) for line in lines))
        same.append(rank)

    def close(self) -> None:
        """Tell what is left, and which processes have failed like one that was told of."""
        for rank in list(self._begun):
            self._tell(rank, self._begun.pop(rank))
        for text, ranks in self._told.items():
            if len(ranks) > 1 and b"\n" in text:
                others = [rank.decode() for rank in sorted(ranks[1:], key=lambda r: (len(r), r))]
                _pass_on(f"minisym.launch: the same error in {listed(others, 8)}\n".encode())
        self._told.clear()


def _pass_on(text: bytes) -> None:
    sys.stderr.buffer.write(text)
    sys.stderr.flush()


def _listen(stderr: IO[bytes], heard: _Heard) -> None:
    """Take what processes say, as it comes: half a line waits only if it is for the launcher."""
    rest, mark = b"", MARK.encode()
    while chunk := os.read(stderr.fileno(), 1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            heard.line(line + b"\n")
        if mark not in rest:
            _pass_on(rest)
            rest = b""
    heard.line(rest)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End whatever is left of the run: first politely, then for good."""
    for number, patience in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0)):
        if child.poll() is not None:
            break
        try:
            os.killpg(child.pid, number)
            child.wait(patience)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


# --------------------------------------------------------------------------------- one process


def _run_script(given: Sequence[str]) -> NoReturn:
    """Be one of the processes: run the script, and end at once.

    MPI's own end waits for all processes, also for those that have died; so it is left out. A
    status of its own would hide the end: of processes that have failed by themselves Open MPI tells
    the others nothing, and they would wait. So the status is told in words.
    """
    script, *rest = given
    sys.argv = [script, *rest]
    sys.path[0] = str(Path(script).resolve().parent)
    status = 0
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as ended:
        status = _status_of(ended)
    except BaseException as error:  # noqa: BLE001 - it is told, and the process ends
        status = FAILED
        _tell(error)
    sys.stdout.flush()
    sys.stderr.flush()
    if status % 256:
        _write(f"exit status {status % 256}")
    os._exit(0)


def _status_of(ended: SystemExit) -> int:
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    _write(str(ended.code))
    return FAILED


def _tell(error: BaseException) -> None:
    """Print an error in one piece; minisym's own without the lines that led there."""
    if isinstance(error, MinisymError):
        _write(f"{type(error).__name__}: {error}")
    else:
        _write("".join(traceback.format_exception(error)))


def _write(text: str) -> None:
    """Tell the launcher, which knows by the mark that this is no text of the script."""
    rank = os.environ.get("OMPI_COMM_WORLD_RANK", "?")
    lines = "\n".join(f"{MARK}[{rank}] {line}" for line in text.rstrip("\n").splitlines())
    os.write(2, f"{lines}\n".encode())


if __name__ == "__main__":
    main()

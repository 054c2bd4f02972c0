"""Programs of the centre as processes of their own, forked from one that has everything imported.

A program that only says what is wrong with a setting takes a hundredth of what it takes to import.
"""

from __future__ import annotations

import json
import os
import runpy
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

PATIENCE_S = 60.0
_LOADED = (
    *("central.cli.app", "central.process.ingest", "central.process.serve"),
    *("central.process.worker", "central.adapters.timescale.migrate"),
)


class Ended(NamedTuple):
    """What a program ended with, and what it said."""

    returncode: int
    stdout: str
    stderr: str


class ForkedCommands:
    """Calls programs, one after the other. Made by `forked_commands`.

    Args:
        forking: The process that forks them.
    """

    def __init__(self, forking: subprocess.Popen[str]) -> None:
        self._forking = forking

    def run(self, module: str, arguments: Sequence[str], env: Mapping[str, str]) -> Ended:
        """Run `python -m module` with arguments in an environment, to its end."""
        asked, answered = self._forking.stdin, self._forking.stdout
        assert asked is not None
        assert answered is not None
        asked.write(json.dumps({"module": module, "arguments": arguments, "env": dict(env)}) + "\n")
        asked.flush()
        assert select.select([answered], [], [], PATIENCE_S)[0], f"{module} {arguments} goes on"
        return Ended(*json.loads(answered.readline()))


@contextmanager
def forked_commands() -> Iterator[ForkedCommands]:
    """A process that forks programs, until the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.forked_commands"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as forking:
        try:
            yield ForkedCommands(forking)
        finally:
            forking.kill()


def _serve() -> None:
    for name in _LOADED:
        __import__(name)
    for line in sys.stdin:
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            pid = os.fork()
            if pid == 0:
                _become(json.loads(line), out, err)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            sys.stdout.write(json.dumps([code, out.read_text(), err.read_text()]) + "\n")
            sys.stdout.flush()


def _become(asked: Mapping[str, object], out: Path, err: Path) -> None:
    """Be the program; the process ends with it."""
    code: object = 1
    try:
        for number, file in ((0, Path(os.devnull)), (1, out), (2, err)):
            mode = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT
            os.dup2(os.open(file, mode, 0o600), number)
        module = str(asked["module"])
        os.environ.clear()
        os.environ.update(asked["env"])  # type: ignore[call-overload]
        sys.argv = [module, *asked["arguments"]]  # type: ignore[misc]
        # As a program it is another module than the one that was imported.
        sys.modules.pop(module if module.startswith("central.process.") else "", None)
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    _serve()

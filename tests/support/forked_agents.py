"""Agents that start at once: forks of a process that has everything imported.

Each is the whole command `meterline-edge run`, in a process of its own that can be killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.support.data import REPOSITORY

GONE_S = 60.0


class ForkedAgents:
    """Starts agents of one configuration. Made by `forked_agents`."""

    def __init__(self, orders: IO[str], answers: IO[str]) -> None:
        self._orders = orders
        self._answers = answers
        self.pid = 0

    def start(self) -> int:
        """Start an agent; its process."""
        print("start", file=self._orders, flush=True)
        self.pid = int(self._answers.readline())
        return self.pid

    def end(self, number: signal.Signals) -> None:
        """Send a signal to the agent and wait until it is gone."""
        os.kill(self.pid, number)
        deadline = time.monotonic() + GONE_S
        while alive(self.pid):
            if time.monotonic() > deadline:
                message = f"the agent {self.pid} did not end"
                raise TimeoutError(message)
            time.sleep(0.002)
        self.pid = 0


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def forked_agents(config: Path, log: Path) -> Iterator[ForkedAgents]:
    """A process that forks agents; the last one is killed in the end."""
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked_agents", str(config)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        own = ForkedAgents(process.stdin, process.stdout)
        try:
            yield own
        finally:
            if own.pid and alive(own.pid):
                own.end(signal.SIGKILL)
            process.stdin.close()


def _fork(config: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(2, 0)
    os.dup2(2, 1)
    from edge_agent.cli import app  # noqa: PLC0415 - imported long since, below

    try:
        app(["run", "--config", config])
    finally:
        # Nothing of this process's own may be done twice.
        os._exit(1)


def _serve(config: str) -> None:
    import edge_agent.main  # noqa: F401, PLC0415 - what every fork is to have, and no test
    import firmware_bridge.modbus.driver  # noqa: F401, PLC0415

    # Whoever is killed is gone at once.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        sys.stdout.write(f"{_fork(config)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve(sys.argv[1])

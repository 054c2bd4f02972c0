"""One server process that ends with the process that started it.

    supervisor --pipe--> watchdog --fork--> server

The watchdog (`watchdog.py`) reads the pipe, so the server ends however the supervisor does, by
SIGKILL too. A lock that both hold tells the next supervisor when the place is free again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from central.adapters.embedded.errors import ServerStartError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from central.adapters.embedded.account import SystemAccount

WATCHDOG = Path(__file__).with_name("watchdog.py")
LOG_TAIL_BYTES = 2000
POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Ending:
    """How a server is asked to end: signals in turn, each with its patience in seconds."""

    stop: Sequence[tuple[signal.Signals, float]]
    abandon: Sequence[tuple[signal.Signals, float]]


TERMINATE = Ending(stop=((signal.SIGTERM, 5.0),), abandon=((signal.SIGTERM, 2.0),))


class SupervisedChild:
    """Start, watch and end one server.

    Args:
        argv: The program, by absolute path, and its arguments.
        cwd: Where it runs.
        log: File that takes its output, appended.
        env: Its whole environment.
        account: Whom it runs as; None for the caller.
        ending: The signals that end it.
        lock_fd: Descriptor of a lock that shall be held until the server is gone.
    """

    def __init__(  # noqa: PLR0913 - the parts of one process
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        log: Path,
        env: Mapping[str, str],
        account: SystemAccount | None = None,
        ending: Ending = TERMINATE,
        lock_fd: int | None = None,
    ) -> None:
        self._spec = json.dumps(
            {
                "argv": list(argv),
                "cwd": str(cwd),
                "log": str(log),
                "env": dict(env),
                "uid": None if account is None else account.uid,
                "gid": None if account is None else account.gid,
                "orphan_signal": ending.abandon[0][0],
                "stop": ending.stop,
                "abandon": ending.abandon,
            }
        )
        self._log = log
        self._name = Path(argv[0]).name
        self._lock_fd = lock_fd
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the server itself while it runs."""
        return self._pid if self.running else None

    @property
    def running(self) -> bool:
        """Whether the server has neither ended nor been ended (seen within 0.1 s)."""
        return self._watchdog is not None and self._watchdog.poll() is None

    def start(self) -> Self:
        """Start the server; it may not answer yet.

        Raises:
            ServerStartError: The program could not be run.
        """
        self._watchdog = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-I", "-S", str(WATCHDOG)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Its own session: Ctrl-C at the terminal reaches the supervisor only.
            start_new_session=True,
            pass_fds=() if self._lock_fd is None else (self._lock_fd,),
        )
        self._send_line(f"{self._spec}\n")
        word, _, rest = self._next_line().partition(" ")
        if word != "started":
            self._reap()
            raise ServerStartError(f"{self._name} could not be run: {rest or 'no reason given'}.")
        self._pid = int(rest)
        return self

    def wait_ready(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Return when `ready()` holds.

        Raises:
            ServerStartError: The server ended, or the time passed; it has been stopped.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            if not self.running:
                self._reap()
                raise ServerStartError(f"{self._name} ended at once: {self.log_tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise ServerStartError(
                    f"{self._name} did not answer within {timeout_s:g} s: {self.log_tail()}"
                )
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End the server in order and wait until it is gone; harmless when it already is."""
        if self._watchdog is None:
            return
        self._send_line("stop\n")
        self._reap()

    def kill(self) -> None:
        """End the server with SIGKILL, as a power cut would, and wait until it is gone."""
        if self._pid is not None and self.running:
            os.kill(self._pid, signal.SIGKILL)
        self._reap()

    def log_tail(self) -> str:
        """Return the end of what the server wrote."""
        if not self._log.exists():
            return "(no log)"
        return self._log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()

    def _send_line(self, line: str) -> None:
        if self._watchdog is None or self._watchdog.stdin is None or self._watchdog.stdin.closed:
            return
        try:
            self._watchdog.stdin.write(line.encode())
            self._watchdog.stdin.flush()
        except BrokenPipeError:
            pass  # It ended by itself in this moment.

    def _next_line(self) -> str:
        if self._watchdog is None or self._watchdog.stdout is None:
            return ""
        return self._watchdog.stdout.readline().decode(errors="replace").strip()

    def _reap(self) -> None:
        if self._watchdog is not None:
            self._watchdog.wait()
            for stream in (self._watchdog.stdin, self._watchdog.stdout):
                if stream is not None:
                    stream.close()
        self._watchdog = None
        self._pid = None

"""Notifies systemd that the agent is ready, reloading, stopping or alive.

Alive means that readings were committed of late, not that a loop turns: an agent whose disk hangs
or whose poller stands still is restarted. Source: sd_notify(3).
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

_MICRO: Final = 1_000_000
# A cycle may be late by a meter's whole time limit.
GRACE_CYCLES: Final = 3
GRACE_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Supervisor:
    """The service manager that started the agent, or none.

    Args:
        address: Its socket; None where no manager started the agent.
        watchdog_s: The longest pause between two signs of life; None where it wants none. [s]
    """

    address: str | None
    watchdog_s: float | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Supervisor:
        """As the environment says; a watchdog that is meant for another process is none."""
        limit = environment.get("WATCHDOG_USEC", "")
        ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watchdog_s = int(limit) / _MICRO if limit.isdigit() and int(limit) and ours else None
        return cls(environment.get("NOTIFY_SOCKET") or None, watchdog_s)

    def notify(self, state: str) -> None:
        """Send a state such as `READY=1`; a missing listener is not an error."""
        if self.address is None:
            return
        address = self.address
        if address.startswith("@"):
            address = "\0" + address[1:]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            try:
                channel.connect(address)
                channel.send(state.encode())
            except OSError:
                return

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Say that a new configuration is being read, and then that we are ready again."""
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000
        self.notify(f"RELOADING=1\nMONOTONIC_USEC={now_us}")
        try:
            yield
        finally:
            self.notify("READY=1")


def is_alive(now: float, committed_at: float | None, started_at: float, period_s: int) -> bool:
    """Whether a commit is as recent as the meters' own pace lets one expect.

    Args:
        now: Monotonic. [s]
        committed_at: The last commit; None for none yet. [monotonic s]
        started_at: [monotonic s]
        period_s: The shortest distance of live reads; 0 where no meter is read. [s]
    """
    if not period_s:
        return True
    last = started_at if committed_at is None else committed_at
    return now - last <= GRACE_CYCLES * period_s + GRACE_S

"""Verify the audit log beside other work, and remember what the last verification found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from central.service.audit.verify import VerifiedLog, verify_audit
from central.service.ports.audit import AuditStore
from firmware_bridge.contract.errors import MeterlineError

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CheckedLog:
    """How a verification ended.

    Args:
        at: When it began.
        anchors: With how many anchors it compared.
        verified: What it found; None where it could not be finished.
        failure: Why it could not, in a sentence.
    """

    at: datetime
    anchors: int
    verified: VerifiedLog | None
    failure: str | None = None


class AuditCheck:
    """Runs one verification at a time; a process that ends forgets what it found.

    Args:
        store: Where the log is.
        anchors: Reads the hashes that were anchored outside, by number of their seal.
        clock: Now, aware.
    """

    def __init__(
        self,
        store: AuditStore,
        anchors: Callable[[], Mapping[int, bytes]],
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._anchors = anchors
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self.began_at: datetime | None = None
        self.last: CheckedLog | None = None

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self._task is not None and not self._task.done()

    async def begin(self, wait_s: float) -> None:
        """Begin a verification unless one is under way, and wait a little for its end."""
        task = self._task
        if task is None or task.done():
            self.began_at = self._clock()
            task = self._task = asyncio.create_task(self._verify(self.began_at))
        await asyncio.wait({task}, timeout=wait_s)

    async def _verify(self, at: datetime) -> None:
        count = 0
        try:
            anchors = self._anchors()
            count = len(anchors)
            verified = await verify_audit(self._store, anchors, at)
        except (MeterlineError, OSError) as error:
            self.last = CheckedLog(at, count, None, str(getattr(error, "message", error)))
        except Exception:  # noqa: BLE001 - it is logged, and the page says so
            _log.exception("audit_check_failed")
            self.last = CheckedLog(at, count, None, "This is a fault in Meterline; see the log.")
        else:
            self.last = CheckedLog(at, count, verified)

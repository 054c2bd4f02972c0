"""Seal what waits in the audit log, and anchor the head outside the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from central.domain.audit.chain import ChainHead
from central.service.ports.audit import AuditStore

ANCHOR_EVERY = timedelta(minutes=1)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HeadAnchor:
    """A head that is kept outside the database.

    Args:
        head: The newest seal then.
        at: When.
    """

    head: ChainHead
    at: datetime


class AnchorFile(Protocol):
    """Where anchors are kept."""

    def add(self, anchor: HeadAnchor) -> None:
        """Keep an anchor durably, behind those that are there.

        Raises:
            OSError: It cannot be kept now.
        """


class HeadExport(Protocol):
    """Where a signed head goes once a day."""

    def export(self, head: ChainHead, at: datetime) -> None:
        """Export a head, unless one of that day (UTC) is there.

        Raises:
            OSError: It cannot be kept now.
        """


def log_anchor(anchor: HeadAnchor) -> None:
    """Anchor a head in the log as well."""
    _log.info("audit_anchored", seal=anchor.head.number, sha256=anchor.head.sha256.hex())


class SealAudit:
    """The use-case. Any number of them may share one store; one works, the others wait.

    Args:
        store: Where the log is.
        anchors: Where heads are anchored; None leaves it at the log line.
        clock: Now, aware.
        every: How long to wait at the least between two anchors.
        report: Told of each anchor.
        heads: Where a signed head goes once a day; None for nowhere.
    """

    def __init__(  # noqa: PLR0913 - where it seals, anchors and reports
        self,
        store: AuditStore,
        anchors: AnchorFile | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        every: timedelta = ANCHOR_EVERY,
        report: Callable[[HeadAnchor], None] = log_anchor,
        *,
        heads: HeadExport | None = None,
    ) -> None:
        self._store = store
        self._anchors = anchors
        self._clock = clock
        self._every = every
        self._report = report
        self._heads = heads
        self._is_export_failing = False
        self._begun = False
        self._head = ChainHead()
        self._anchored: HeadAnchor | None = None

    async def step(self) -> ChainHead | None:
        """Seal every row that waits.

        Returns:
            The head; None where another sealer is at work.

        Raises:
            StoreUnavailableError: Nothing was sealed; call again.
        """
        now = self._clock()
        head = await self._store.seal(now, sweep=not self._begun)
        if head is not None:
            self._begun = True
            self._head = head
            # A clock that was set back since makes no pause.
            last = None if self._anchored is None else self._anchored.at
            if last is None or not last <= now < last + self._every:
                self.anchor_last()
            self._export(head, now)
        return head

    def _export(self, head: ChainHead, now: datetime) -> None:
        if self._heads is None:
            return
        try:
            self._heads.export(head, now)
        except OSError as error:
            # Said once; each step tries again, and sealing goes on.
            if not self._is_export_failing:
                _log.error("audit_head_failed", file=error.filename, reason=error.strerror)
            self._is_export_failing = True
        else:
            self._is_export_failing = False

    def anchor_last(self) -> None:
        """Anchor the newest head that was sealed here, if it is not anchored yet."""
        head, last = self._head, self._anchored
        if not head.number or (last is not None and last.head == head):
            return
        anchor = HeadAnchor(head, self._clock())
        self._report(anchor)
        if self._anchors is not None:
            try:
                self._anchors.add(anchor)
            except OSError as error:
                # Sealing goes on; the next step tries again.
                _log.error("audit_anchor_failed", file=error.filename, reason=error.strerror)
                return
        self._anchored = anchor

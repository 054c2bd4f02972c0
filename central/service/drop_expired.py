"""Drop what nobody needs any more, and merge what waits twice.

Readings, blocks, bills and whatever they were made from are kept. What is open is never dropped,
nor what a person answered for: approving a bill asks who had a hand in it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from central.service.ports.retention import RetentionStore

AT_ONCE = 5_000
"""Rows of a transaction."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows are kept that nobody needs.

    Args:
        rejected: After a refused message came for the last time.
        quarantine: The bytes of a quarantined batch, after it was released.
        findings: After a finding was closed.
        notices: After a notice, and the last of its deliveries, with what was tried.
    """

    rejected: timedelta = timedelta(days=90)
    quarantine: timedelta = timedelta(days=400)
    findings: timedelta = timedelta(days=400)
    notices: timedelta = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many rows went, by kind."""

    rejected: int = 0
    quarantined: int = 0
    findings: int = 0
    vee_findings: int = 0
    notices: int = 0
    merged_changes: int = 0

    def __str__(self) -> str:
        return (
            f"{self.rejected} refused messages, {self.quarantined} released batches,"
            f" {self.findings} findings of ingest and {self.vee_findings} of validation,"
            f" {self.notices} notices dropped;"
            f" {self.merged_changes} waiting changes merged"
        )


async def drop_expired(
    store: RetentionStore, retention: Retention, now: datetime, at_once: int = AT_ONCE
) -> Dropped:
    """Drop what is expired.

    Args:
        store: Where it is.
        retention: How long it is kept.
        now: Aware.
        at_once: Rows of a transaction.

    Returns:
        What went. Whoever is interrupted calls again.

    Raises:
        StoreUnavailableError: What was committed stays dropped.
    """

    async def before(drop: Callable[[datetime, int], Awaitable[int]], period: timedelta) -> int:
        return await _all(lambda: drop(now - period, at_once), at_once)

    return Dropped(
        rejected=await before(store.drop_rejected, retention.rejected),
        quarantined=await before(store.drop_quarantined, retention.quarantine),
        findings=await before(store.drop_findings, retention.findings),
        vee_findings=await before(store.drop_vee_findings, retention.findings),
        notices=await before(store.drop_notices, retention.notices),
        merged_changes=await store.merge_touched(100 * at_once),
    )


async def _all(drop: Callable[[], Awaitable[int]], at_once: int) -> int:
    """Drop until there were fewer than go at once."""
    dropped = 0
    while True:
        count = await drop()
        dropped += count
        if count < at_once:
            return dropped

"""Which jobs of which night are done, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from central.service.ports.nights import AHEAD, KEPT, JobTurn, NightJob


@dataclass
class _Row:
    worker: UUID
    due_at: datetime
    attempts: int = 1
    done_at: datetime | None = None
    error: str | None = None


class MemoryNightStore:
    """`NightStore` over a dictionary."""

    def __init__(self) -> None:
        self.rows: dict[tuple[date, str], _Row] = {}

    async def take(self, job: NightJob, at: datetime, until: datetime) -> JobTurn:
        """See `NightStore`."""
        key, ahead = (job.night, job.name), at + AHEAD
        row = self.rows.get(key)
        if row is None:
            self.rows[key] = _Row(job.worker, until)
            return JobTurn.OURS
        if row.done_at is not None and row.done_at <= ahead:
            return JobTurn.DONE
        again = row.worker == job.worker and row.error is None
        if row.done_at is not None or row.due_at <= at or row.due_at > ahead or again:
            self.rows[key] = _Row(job.worker, until, row.attempts + 1)
            return JobTurn.OURS
        return JobTurn.OTHERS if row.error is None else JobTurn.PUT_OFF

    async def keep(self, job: NightJob, until: datetime) -> None:
        """See `NightStore`."""
        if (row := self._ours(job)) is not None:
            row.due_at = until

    async def end(self, job: NightJob, at: datetime) -> None:
        """See `NightStore`."""
        if (row := self._ours(job)) is not None:
            row.done_at = at
        for night, name in list(self.rows):
            if night < job.night - KEPT:
                del self.rows[night, name]

    async def put_off(self, job: NightJob, until: datetime, error: str) -> None:
        """See `NightStore`."""
        if (row := self._ours(job)) is not None:
            row.due_at, row.error = until, error

    def _ours(self, job: NightJob) -> _Row | None:
        row = self.rows.get((job.night, job.name))
        if row is None or row.worker != job.worker or row.done_at is not None:
            return None
        return row

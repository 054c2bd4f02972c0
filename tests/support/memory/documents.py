"""Documents and the jobs that render them, in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from central.domain.billing.bill_comparison import EarlierPeriod
from central.domain.billing.document_template import DocumentTemplate
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.documents import (
    ATTEMPTS_MAX,
    COMPARED_AT_MOST,
    BillDocument,
    DocumentJob,
)
from tests.support.memory.books import KeptBill, MemoryBooks

_INTERRUPTED = ("DOCUMENT_INTERRUPTED", "Whoever rendered the document was stopped.")


class MemoryDocumentStore:
    """`DocumentStore` over dictionaries.

    Args:
        books: The utility.
    """

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books

    async def document(self, bill: UUID) -> BillDocument | None:
        """See `DocumentStore`."""
        async with self._books.begin() as state:
            return state.documents.get(bill)

    async def template(self, sha256: str) -> DocumentTemplate | None:
        """See `DocumentStore`."""
        async with self._books.begin() as state:
            return state.templates.get(sha256)

    async def tariffs(self, hashes: Collection[str]) -> Mapping[str, str]:
        """See `DocumentStore`."""
        async with self._books.begin() as state:
            records = [revision.record for revision in state.tariffs.values()]
            return {each.sha256: each.document for each in records if each.sha256 in hashes}

    async def compared(self, bill: UUID) -> Sequence[EarlierPeriod]:
        """See `DocumentStore`."""
        async with self._books.begin() as state:
            rows = {row.record.uid: row for row in state.bills.values()}
            mine = rows[bill]
            issued = [row for row in rows.values() if _order(row) < _order(mine)]
            notes = (row.record.bill.cancels for row in issued)
            cancelled = {note.number for note in notes if note is not None}
            earlier = [
                EarlierPeriod(
                    row.record.uid,
                    DayRange(
                        min(each.part.days.first for each in row.parts),
                        max(each.part.days.end for each in row.parts),
                    ),
                )
                for row in issued
                if row.account_id == mine.account_id
                and row.record.bill.cancels is None
                and row.record.bill.currency == mine.record.bill.currency
                and row.record.number not in cancelled
                and row.parts
            ]
        earlier.sort(key=lambda each: each.days.end, reverse=True)
        return earlier[:COMPARED_AT_MOST]

    async def keep(self, document: BillDocument, template: DocumentTemplate) -> BillDocument:
        """See `DocumentStore`."""
        async with self._books.begin() as state:
            state.templates.setdefault(template.sha256, template)
            state.jobs.pop(document.bill, None)
            return state.documents.setdefault(document.bill, document)

    async def take(self, at: datetime, until: datetime, limit: int) -> Sequence[DocumentJob]:
        """See `DocumentStore`."""
        async with self._books.begin() as state:
            due = [
                job
                for job in state.jobs.values()
                if job.due_at <= at and job.attempts < ATTEMPTS_MAX
            ]
            due.sort(key=lambda job: job.due_at)
            for job in due[:limit]:
                reason = (job.code, job.message)
                if job.attempts and job.code is None:
                    reason = _INTERRUPTED
                code, message = reason
                state.jobs[job.bill] = replace(
                    job, attempts=job.attempts + 1, due_at=until, code=code, message=message
                )
            return [state.jobs[job.bill] for job in due[:limit]]

    async def due(self, at: datetime) -> bool:
        """See `DocumentStore`."""
        async with self._books.begin() as state:
            jobs = state.jobs.values()
            return any(job.due_at <= at and job.attempts < ATTEMPTS_MAX for job in jobs)

    async def fail(self, job: DocumentJob, at: datetime) -> None:
        """See `DocumentStore`."""
        del at
        async with self._books.begin() as state:
            if job.bill in state.jobs:
                state.jobs[job.bill] = job

    async def waiting(self, limit: int) -> Sequence[DocumentJob]:
        """See `DocumentStore`."""
        async with self._books.begin() as state:
            return list(state.jobs.values())[:limit]


def _order(row: KeptBill) -> tuple[datetime, int]:
    """When a bill was issued, and its place among those of one time; the last where it is not."""
    issued_at = row.record.issued_at
    if issued_at is None:
        return datetime.max.replace(tzinfo=UTC), 0
    return issued_at, row.record.legal_number or 0

"""Documents and the jobs that render them, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from central.domain.billing.document_template import DocumentTemplate
from central.service.ports.documents import ATTEMPTS_MAX, BillDocument, DocumentJob
from tests.support.memory.books import MemoryBooks

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

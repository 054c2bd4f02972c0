"""Documents as they were rendered, and what waits for it; the statements are in `documents.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from central.adapters.timescale.errors import translated
from central.adapters.timescale.invoicing.invoicing import deliver_copy
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.billing.bill_comparison import EarlierPeriod
from central.domain.billing.billing_settings import DocumentKind
from central.domain.billing.document_template import DocumentTemplate
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.documents import (
    ATTEMPTS_MAX,
    COMPARED_AT_MOST,
    BillDocument,
    DocumentDeletedError,
    DocumentJob,
)

_Row = tuple[Any, ...]
_WORKER = "worker"
_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class TimescaleDocumentStore:
    """`DocumentStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def _begin(self, at: datetime | None = None) -> AsyncIterator[AsyncConnection[_Row]]:
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                if at is not None:
                    await record_at(connection, at)
                yield connection

    async def document(self, bill: UUID) -> BillDocument | None:
        """See `DocumentStore`."""
        async with self._begin() as connection:
            return await _document(connection, bill)

    async def template(self, sha256: str) -> DocumentTemplate | None:
        """See `DocumentStore`."""
        async with self._begin() as connection:
            cursor = await connection.execute(_SQL["template"], {"sha256": bytes.fromhex(sha256)})
            row = await cursor.fetchone()
        return None if row is None else DocumentTemplate(row[0], bytes(row[1]))

    async def tariffs(self, hashes: Collection[str]) -> Mapping[str, str]:
        """See `DocumentStore`."""
        wanted = [bytes.fromhex(each) for each in sorted(hashes)]
        async with self._begin() as connection:
            cursor = await connection.execute(_SQL["tariffs"], {"hashes": wanted})
            return {bytes(sha256).hex(): text for sha256, text in await cursor.fetchall()}

    async def compared(self, bill: UUID) -> Sequence[EarlierPeriod]:
        """See `DocumentStore`."""
        values = {"bill": bill, "limit": COMPARED_AT_MOST}
        async with self._begin() as connection:
            cursor = await connection.execute(_SQL["compared"], values)
            return [
                EarlierPeriod(uid, DayRange(first, end))
                for uid, first, end in await cursor.fetchall()
            ]

    async def keep(self, document: BillDocument, template: DocumentTemplate) -> BillDocument:
        """See `DocumentStore`."""
        values = {
            "bill": document.bill,
            "kind": document.kind.value,
            "media_type": document.media_type,
            "template_sha256": bytes.fromhex(document.template_sha256),
            "content_sha256": bytes.fromhex(document.content_sha256),
            "sha256": bytes.fromhex(document.sha256),
            "content": document.content,
            "rendered_at": document.rendered_at,
        }
        async with self._begin(document.rendered_at) as connection:
            await keep_templates(connection, [template])
            added = await connection.execute(_SQL["add"], values)
            await connection.execute(_SQL["end_job"], {"bill": document.bill})
            there = await _document(connection, document.bill)
            if added.rowcount:
                # In one transaction, so that no document is without its first delivery.
                await deliver_copy(connection, document.bill, 0, document.rendered_at, _WORKER)
        return document if there is None else there

    async def take(self, at: datetime, until: datetime, limit: int) -> Sequence[DocumentJob]:
        """See `DocumentStore`."""
        values = {"at": at, "until": until, "limit": limit, "attempts_max": ATTEMPTS_MAX}
        async with self._begin(at) as connection:
            cursor = await connection.execute(_SQL["take"], values)
            return [DocumentJob(*row) for row in await cursor.fetchall()]

    async def due(self, at: datetime) -> bool:
        """See `DocumentStore`."""
        async with self._begin() as connection:
            values = {"at": at, "attempts_max": ATTEMPTS_MAX}
            cursor = await connection.execute(_SQL["due"], values)
            return await cursor.fetchone() == (True,)

    async def fail(self, job: DocumentJob, at: datetime) -> None:
        """See `DocumentStore`."""
        values = {
            "bill": job.bill,
            "due_at": job.due_at,
            "code": job.code,
            "message": job.message,
            "at": at,
        }
        async with self._begin(at) as connection:
            await connection.execute(_SQL["fail"], values)

    async def waiting(self, limit: int) -> Sequence[DocumentJob]:
        """See `DocumentStore`."""
        async with self._begin() as connection:
            cursor = await connection.execute(_SQL["waiting"], {"limit": limit})
            return [DocumentJob(*row) for row in await cursor.fetchall()]


async def keep_templates(
    connection: AsyncConnection[_Row], templates: Collection[DocumentTemplate]
) -> None:
    """Keep the text of templates, in the connection's transaction."""
    for template in templates:
        values = {
            "sha256": bytes.fromhex(template.sha256),
            "name": template.name,
            "content": template.text,
        }
        await connection.execute(_SQL["add_template"], values)


async def await_documents(
    connection: AsyncConnection[_Row], bills: Collection[UUID], at: datetime
) -> None:
    """Have the documents of issued bills rendered, from the connection's transaction on."""
    await connection.execute(_SQL["add_jobs"], {"bills": list(bills), "at": at})


async def _document(connection: AsyncConnection[_Row], bill: UUID) -> BillDocument | None:
    cursor = await connection.execute(_SQL["document"], {"bill": bill})
    row = await cursor.fetchone()
    if row is None:
        return None
    if row[6] is None:
        message = f"The document was deleted under rule {row[8]} on {row[9]:%Y-%m-%d}."
        raise DocumentDeletedError(message, value=str(bill))
    return BillDocument(
        bill=row[0],
        kind=DocumentKind(row[1]),
        media_type=row[2],
        template_sha256=bytes(row[3]).hex(),
        content_sha256=bytes(row[4]).hex(),
        sha256=bytes(row[5]).hex(),
        content=bytes(row[6]),
        rendered_at=row[7],
    )

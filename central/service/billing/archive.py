"""Render the documents of issued bills once, and keep them.

What is rendered is the bill as it was issued: its lines, the facts that issuing fixed, and the
template that it names. A bill whose document cannot be rendered stops no other: the job tries it
again a few times, later each time, and the reason is a finding until the document is kept. A job
that dies has counted an attempt, so that what kills it is not tried for ever.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import structlog

from central.domain.billing.document_template import DocumentTemplate, template_of
from central.domain.billing.issue import IssueFacts
from central.service.billing.invoice_document import (
    DocumentError,
    NotIssuedError,
    PrintedBeside,
    Renderer,
    daily_usage_of,
)
from central.service.billing.printed_beside import AddToDocument, printed_beside
from central.service.ports.billing import BillingStore, BillRecord
from central.service.ports.documents import BillDocument, DocumentJob, DocumentStore
from firmware_bridge.contract.errors import EnvironmentFaultError, MeterlineError

AT_ONCE = 20
LEASE = timedelta(minutes=5)
"""How long one who took jobs has for them."""

PDF = "application/pdf"
_FIRST_PAUSE = timedelta(minutes=1)
_LONGER = 4
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rendered:
    """What became of documents.

    Args:
        documents: Those that are kept.
        failed: Those that could not be rendered, with the reason.
    """

    documents: tuple[BillDocument, ...] = ()
    failed: tuple[DocumentJob, ...] = ()

    @property
    def idle(self) -> bool:
        """Whether nothing was due."""
        return not self.documents and not self.failed


@dataclass(slots=True)
class _Tally:
    documents: list[BillDocument] = field(default_factory=list)
    failed: list[DocumentJob] = field(default_factory=list)

    def result(self) -> Rendered:
        return Rendered(tuple(self.documents), tuple(self.failed))


class ArchiveInvoices:
    """The use-cases.

    Args:
        bills: Where bills are kept.
        documents: Where their documents are kept.
        render: What makes a document.
        clock: Now, aware.
        add: What else goes into a document; None for nothing.
    """

    def __init__(
        self,
        bills: BillingStore,
        documents: DocumentStore,
        render: Renderer,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        add: AddToDocument | None = None,
    ) -> None:
        self._add = add
        self._bills = bills
        self._documents = documents
        self._render = render
        self._clock = clock

    async def document(self, record: BillRecord) -> BillDocument:
        """The document of an issued bill: the one that is kept, or it is rendered and kept now.

        Raises:
            NotIssuedError: The bill is not issued.
            UnprintableTextError: The fonts lack what it says.
            DocumentError: It cannot be made for another reason.
        """
        return await self._documents.document(record.uid) or await self._make(record)

    async def step(self, limit: int = AT_ONCE) -> Rendered:
        """Render what is due, a few documents at a time.

        Raises:
            StoreUnavailableError: Try again.
        """
        now = self._clock()
        jobs = await self._documents.take(now, now + LEASE, limit)
        return await self._each(jobs)

    async def until_idle(self) -> Rendered:
        """Render everything that is due.

        Raises:
            StoreUnavailableError: What is kept stays kept; call again.
        """
        tally = _Tally()
        while not (rendered := await self.step()).idle:
            tally.documents += rendered.documents
            tally.failed += rendered.failed
        return tally.result()

    async def _each(self, jobs: Sequence[DocumentJob]) -> Rendered:
        tally = _Tally()
        for job in jobs:
            try:
                tally.documents.append(await self._of(job))
            except EnvironmentFaultError:
                raise
            except MeterlineError as error:
                tally.failed.append(await self._fail(job, error.code, str(error)))
            except Exception as error:  # noqa: BLE001 - one that fails must stop no other
                _log.exception("document_failed", bill=str(job.bill))
                reason = f"{type(error).__name__}: {error}. This is a fault in Meterline."
                tally.failed.append(await self._fail(job, DocumentError.code, reason))
        return tally.result()

    async def _of(self, job: DocumentJob) -> BillDocument:
        record = await self._bills.bill(job.bill)
        if record is None:
            message = f"The bill {job.bill} is not there."
            raise DocumentError(message, value=str(job.bill))
        return await self.document(record)

    async def _fail(self, job: DocumentJob, code: str, message: str) -> DocumentJob:
        now = self._clock()
        pause = _FIRST_PAUSE * _LONGER ** (job.attempts - 1)
        failed = replace(job, due_at=now + pause, code=code, message=message)
        await self._documents.fail(failed, now)
        _log.warning("document_not_rendered", bill=str(job.bill), code=code, attempt=job.attempts)
        return failed

    async def _make(self, record: BillRecord) -> BillDocument:
        facts = record.issue
        if facts is None or record.sha256 is None or record.content_sha256 is None:
            message = f"The bill {record.uid} is not issued, so there is no invoice."
            raise NotIssuedError(message, value=str(record.uid))
        if facts.content_sha256(record.sha256) != record.content_sha256:
            message = f"What {facts.number} says is not what its hash was made of."
            raise DocumentError(message, value=facts.number)
        template = await self._template(facts)
        content = await asyncio.to_thread(
            self._render,
            record.bill,
            usage=await daily_usage_of(self._bills, record.bill),
            issue=facts,
            sha256=record.content_sha256,
            template=template,
            beside=await self.beside(record),
        )
        document = BillDocument(
            bill=record.uid,
            kind=facts.kind,
            media_type=PDF,
            template_sha256=template.sha256,
            content_sha256=record.content_sha256,
            sha256=hashlib.sha256(content).hexdigest(),
            content=content,
            rendered_at=self._clock(),
        )
        return await self._documents.keep(document, template)

    async def beside(self, record: BillRecord) -> PrintedBeside:
        """What the document of a bill says beside it."""
        beside = await printed_beside(self._bills, self._documents, record)
        if self._add is None or record.issue is None:
            return beside
        additions = await self._add(record, beside)
        return replace(beside, attached=additions.attached, codes=additions.codes)

    async def _template(self, facts: IssueFacts) -> DocumentTemplate:
        """The very template that the bill names; that of this release where it names no text."""
        if not facts.template_sha256:
            return template_of(facts.template)
        archived = await self._documents.template(facts.template_sha256)
        template = archived or template_of(facts.template)
        if template.sha256 != facts.template_sha256:
            message = f"The template of {facts.number} is not kept, and this release's is another."
            raise DocumentError(message, value=facts.template_sha256)
        return template

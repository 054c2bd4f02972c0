"""What the archive of documents needs of a store.

A document is kept once, as it was rendered. What waits to be rendered is a job, which is there from
the transaction that issues the bill to the one that keeps the document.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from central.domain.billing.bill_comparison import EarlierPeriod
from central.domain.billing.billing_settings import DocumentKind
from central.domain.billing.document_template import DocumentTemplate
from firmware_bridge.contract.errors import OperatorError

ATTEMPTS_MAX = 5
"""How often the job renders a document; after that a person asks for it."""

COMPARED_AT_MOST = 60
"""Earlier bills that one is compared among: years of monthly ones."""


class DocumentDeletedError(OperatorError):
    """The bytes of a document were deleted when their term was over."""

    code = "DOCUMENT_DELETED"
    default_remedy = "What the bill says stays: look at it with `bill show`."


@dataclass(frozen=True, slots=True)
class BillDocument:
    """A document as it was rendered.

    Args:
        bill: The bill's identifier.
        kind: Of the document.
        media_type: Of the content.
        template_sha256: Of the template's text, in hex.
        content_sha256: Of all that the issued bill says, in hex.
        sha256: Of the content, in hex.
        content: The file.
        rendered_at: When. Aware.
    """

    bill: UUID
    kind: DocumentKind
    media_type: str
    template_sha256: str
    content_sha256: str
    sha256: str
    content: bytes
    rendered_at: datetime


@dataclass(frozen=True, slots=True)
class DocumentJob:
    """An issued bill whose document is not rendered.

    Args:
        bill: The bill's identifier.
        account: Number of the account.
        attempts: How often it was tried.
        due_at: Nobody tries it before. Aware.
        code: Why the last attempt failed; None where none did.
        message: The same in a sentence.
    """

    bill: UUID
    account: str
    attempts: int
    due_at: datetime
    code: str | None = None
    message: str | None = None


class DocumentStore(Protocol):
    """Where documents, their templates and the jobs that render them are kept."""

    async def document(self, bill: UUID) -> BillDocument | None:
        """The document of a bill, if it is rendered."""

    async def template(self, sha256: str) -> DocumentTemplate | None:
        """A template that an issued bill names, by the hash of its text."""

    async def tariffs(self, hashes: Collection[str]) -> Mapping[str, str]:
        """The texts of tariff versions by their hash, those that are there."""

    async def compared(self, bill: UUID) -> Sequence[EarlierPeriod]:
        """Bills of an issued bill's account and currency that were issued before it.

        Those that were cancelled by then and credit notes are left out. The latest days come
        first, `COMPARED_AT_MOST`.
        """

    async def keep(self, document: BillDocument, template: DocumentTemplate) -> BillDocument:
        """Keep a document, unless the bill has one, and end its job.

        Args:
            document: As rendered.
            template: What it was typeset from.

        Returns:
            The one that is kept.
        """

    async def take(self, at: datetime, until: datetime, limit: int) -> Sequence[DocumentJob]:
        """Take jobs that are due; each counts an attempt, whatever becomes of it.

        Args:
            at: Now.
            until: Nobody else takes them before, nor if whoever took them dies.
            limit: How many at most.
        """

    async def due(self, at: datetime) -> bool:
        """Whether there are jobs to take.

        Args:
            at: Now.
        """

    async def fail(self, job: DocumentJob, at: datetime) -> None:
        """Note why an attempt failed, and when it is tried again, as the job says.

        Args:
            job: With code and message.
            at: Now.
        """

    async def waiting(self, limit: int) -> Sequence[DocumentJob]:
        """What is not rendered, oldest first, taken or not."""

"""What is said of invoices before they are issued, and their way to accounts, as stores keep it.

A delivery is claimed in a transaction of its own before anything is handed over. Who dies with a
claim leaves a delivery of which nobody knows whether it arrived: it is never tried again by itself,
so that no account gets an invoice twice; a person sees it, and asks for another copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from central.domain.billing.invoicing import DeliveryChannel, Invoicing, TermsOf, invoicing_json
from central.service.ports.decisions import DecisionNote
from firmware_bridge.contract.errors import OperatorError


class NoSuchInvoiceDeliveryError(OperatorError):
    """There is no such delivery."""

    code = "NO_SUCH_INVOICE_DELIVERY"
    default_remedy = "`invoicing deliveries` shows which there are."


class NoDocumentYetError(OperatorError):
    """The document of the bill is not rendered yet, so there is nothing to deliver."""

    code = "NO_DOCUMENT_YET"
    default_remedy = "Wait for the worker, which renders it, and ask again."


class InvoiceDeliveryState(StrEnum):
    """Where a delivery stands. Stored: never renamed."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    """It was taken by the mail server, shown on the portal, or put into a file to be printed."""
    FAILED = "failed"
    """It was given up, or nobody knows what became of it; somebody may ask for another copy."""
    BOUNCED = "bounced"
    """The address refused it, at once or later."""


@dataclass(frozen=True, slots=True)
class InvoicingVersion:
    """A version of what is said of invoices.

    Args:
        kind: Of whom.
        name: Number of the account, or name of the point; "" of the seller.
        version: From 1.
        invoicing: What it says.
        recorded_by: Key of who wrote it.
        recorded_at: When.
        reason: Why.
    """

    kind: TermsOf
    name: str
    version: int
    invoicing: Invoicing
    recorded_by: str
    recorded_at: datetime
    reason: str

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "of": self.kind.value,
            "name": self.name,
            "version": self.version,
            **invoicing_json(self.invoicing),
            "recorded_by": self.recorded_by,
            "recorded_at": self.recorded_at.isoformat(),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class InvoiceDelivery:
    """A document on its way.

    Args:
        uid: Its identifier, and that of its mail, whoever sends it.
        bill: The bill's identifier.
        number: Legal number of the document.
        account: Number.
        copy: 0, and one more for each time that somebody asked again.
        channel: How.
        target: Mail address; "" of other channels.
        link: Whether the mail has a link in place of the file.
        state: Where it stands.
        attempts: How many were made.
        detail: What the receiver said last.
        created_at: When it was made.
        due_at: When it is tried next, or until when it is claimed; None where it is not.
        ended_at: When it was sent or given up.
    """

    uid: UUID
    bill: UUID
    number: str
    account: str
    copy: int
    channel: DeliveryChannel
    target: str
    link: bool
    state: InvoiceDeliveryState
    attempts: int
    detail: str
    created_at: datetime
    due_at: datetime | None
    ended_at: datetime | None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "delivery": str(self.uid),
            "bill": str(self.bill),
            "number": self.number,
            "account": self.account,
            "copy": self.copy,
            "channel": self.channel.value,
            "target": self.target,
            "state": self.state.value,
            "attempts": self.attempts,
            "detail": self.detail,
            "created_at": self.created_at.isoformat(),
            "due_at": None if self.due_at is None else self.due_at.isoformat(),
            "ended_at": None if self.ended_at is None else self.ended_at.isoformat(),
        }


class DeliveryResult(NamedTuple):
    """What became of an attempt.

    Args:
        state: Where the delivery stands now.
        detail: What the receiver said.
        due_at: When it is tried again, where it waits.
    """

    state: InvoiceDeliveryState
    detail: str
    due_at: datetime | None = None


class InvoicingStore(Protocol):
    """Where it is kept; each call is a transaction."""

    async def set_terms(
        self, kind: TermsOf, name: str, invoicing: Invoicing, note: DecisionNote
    ) -> int:
        """Write another version, unless the newest says the same; which holds.

        Raises:
            NotRegisteredError: There is no such account or point.
        """

    async def terms(self, kind: TermsOf, name: str) -> InvoicingVersion | None:
        """The newest version."""

    async def waits(self, at: datetime) -> bool:
        """Whether a delivery is due, or a claim has run out."""

    async def give_up_claimed(self, at: datetime) -> int:
        """Give up deliveries whose claim ran out: whether they arrived is not known. How many."""

    async def claim(self, at: datetime, until: datetime, limit: int) -> Sequence[InvoiceDelivery]:
        """Claim mails that are due; the claim is committed when this returns."""

    async def claim_print(
        self, at: datetime, until: datetime, run: UUID | None, limit: int
    ) -> Sequence[InvoiceDelivery]:
        """Claim what waits to be printed, by legal number; committed when this returns.

        Args:
            at: Now.
            until: When the claim runs out.
            run: The bill run whose documents are wanted; None for all.
            limit: How many at most.
        """

    async def wait_again(self, uids: Sequence[UUID], at: datetime) -> None:
        """Let claimed deliveries wait again, of which nothing has left."""

    async def printed(self, uids: Sequence[UUID], note: DecisionNote) -> None:
        """Note that claimed deliveries are in a print file, whose name and hash are the reason."""

    async def ended(self, uid: UUID, result: DeliveryResult, at: datetime) -> bool:
        """Keep what became of a claimed delivery; whether it was still claimed."""

    async def again(self, bill: UUID, note: DecisionNote) -> UUID:
        """Make another copy, as the account's invoicing says now; which delivery.

        Raises:
            NoDocumentYetError: There is no document.
            InvoicingError: The account has no channel.
        """

    async def bounced(self, delivery: UUID, note: DecisionNote) -> None:
        """Note that a mail that was sent came back.

        Raises:
            NoSuchInvoiceDeliveryError: There is none that was sent.
        """

    async def deliveries(
        self,
        *,
        state: InvoiceDeliveryState | None = None,
        bill: UUID | None = None,
        after: str = "",
        limit: int,
    ) -> Sequence[InvoiceDelivery]:
        """Deliveries, the newest first.

        Args:
            state: Those that stand there; None for all.
            bill: Those of a bill; None for all.
            after: Identifier of the one before the first; "" begins with the newest.
            limit: How many at most.
        """

    async def delivery(self, uid: UUID) -> InvoiceDelivery | None:
        """A delivery."""


class InvoiceMail(NamedTuple):
    """A mail to be handed over.

    Args:
        message_id: The same for every attempt of one delivery.
        recipient: Address.
        subject: One line.
        text: Plain.
        file_name: Of the file; "" for none.
        content: Of the file.
    """

    message_id: str
    recipient: str
    subject: str
    text: str
    file_name: str = ""
    content: bytes = b""


class HandOver(StrEnum):
    """What became of handing a mail over."""

    TAKEN = "taken"
    REFUSED = "refused"
    """Not now: it may be tried again."""
    BOUNCED = "bounced"
    """The address, or the mail, is refused for good."""
    UNCLEAR = "unclear"
    """The connection broke after the mail was under way: it may have arrived."""


class SendInvoiceMail(Protocol):
    """Hands mails to a server."""

    async def __call__(self, mail: InvoiceMail, at: datetime) -> tuple[HandOver, str]:
        """Hand one over; what goes wrong is said, not raised."""

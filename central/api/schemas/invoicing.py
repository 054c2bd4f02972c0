"""What invoices say beside their bills, their way to accounts, and the fiscal register."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, StringConstraints

from central.api.schemas.base import Exact, Instant, Schema
from central.api.schemas.writes import Order, Reason
from central.domain.actor import printed_name
from central.domain.billing.billing_settings import TEXT_MAX
from central.domain.billing.invoicing import DeliveryChannel, invoicing_json
from central.domain.fiscal.record import RecordKind
from central.domain.fiscal.verifactu import check_address
from central.service.ports.fiscal import StoredRecord
from central.service.ports.invoicing import (
    InvoiceDelivery,
    InvoiceDeliveryState,
    InvoicingVersion,
)

_NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
Member = Annotated[str | None, StringConstraints(max_length=140, pattern=_NO_CONTROLS)]
Longer = Annotated[str | None, StringConstraints(max_length=TEXT_MAX, pattern=_NO_CONTROLS)]


class PartyTermsIn(Order):
    """What the law or a network asks of a party; what is left out stays, "" takes it away."""

    country: Member = None
    """ISO 3166 alpha-2."""
    region: Member = None
    town: Member = None
    postcode: Member = None
    legal_id: Member = None
    endpoint: Member = None
    """Electronic address with its scheme, such as `9920:ESB12345678`."""
    reason: Reason

    def changes(self) -> dict[str, Any]:
        """What is to be different."""
        return self.model_dump(exclude={"reason"}, exclude_none=True)


class SellerInvoicingIn(PartyTermsIn):
    """What invoices say of the seller."""

    iban: Member = None
    bic: Member = None
    holder: Member = None
    qr: Literal["", "epc"] | None = None
    complaint_text: Longer = None
    switching_text: Longer = None


class AccountInvoicingIn(PartyTermsIn):
    """What invoices say of a buyer, and how they get there."""

    reference: Member = None
    language: Member = None
    channel: DeliveryChannel | None = None
    email: Annotated[str | None, StringConstraints(max_length=254, pattern=_NO_CONTROLS)] = None
    link: bool | None = None


class PointInvoicingIn(Order):
    """How the network calls a service point."""

    scheme: Annotated[str, StringConstraints(max_length=16, pattern=_NO_CONTROLS)]
    """`CUPS`, `EAN`, `MPAN`, or the name of another."""
    code: Annotated[str, StringConstraints(max_length=64, pattern=_NO_CONTROLS)]
    reason: Reason

    def changes(self) -> dict[str, Any]:
        """What is to be different."""
        return {"scheme": self.scheme, "code": self.code}


class _PartyTermsOut(BaseModel):
    country: str = ""
    region: str = ""
    town: str = ""
    postcode: str = ""
    legal_id: str = ""
    endpoint: str = ""
    version: int
    recorded_by: str
    recorded_at: Instant
    reason: str


class SellerInvoicingOut(_PartyTermsOut):
    """What invoices say of the seller."""

    iban: str = ""
    bic: str = ""
    holder: str = ""
    qr: str = ""
    complaint_text: str = ""
    switching_text: str = ""


class AccountInvoicingOut(_PartyTermsOut):
    """What invoices say of a buyer, and how they get there."""

    reference: str = ""
    language: str = ""
    channel: str = ""
    email: str = ""
    link: bool = False


class PointInvoicingOut(BaseModel):
    """How the network calls a service point."""

    scheme: str = ""
    code: str = ""
    version: int
    recorded_by: str
    recorded_at: Instant
    reason: str


def members_of(version: InvoicingVersion) -> dict[str, Any]:
    """A version as the schemas name its members."""
    members = invoicing_json(version.invoicing)
    party: dict[str, Any] = members.pop("party", {})
    return {
        **party,
        **members,
        "version": version.version,
        "recorded_by": printed_name(version.recorded_by),
        "recorded_at": version.recorded_at,
        "reason": version.reason,
    }


class InvoiceDeliveryOut(BaseModel):
    """A document on its way."""

    delivery: UUID
    bill: UUID
    number: str
    account: str
    copy_number: int
    channel: DeliveryChannel
    target: str
    state: InvoiceDeliveryState
    attempts: int
    detail: str
    created_at: Instant
    due_at: Instant | None
    ended_at: Instant | None

    @classmethod
    def of(cls, delivery: InvoiceDelivery) -> InvoiceDeliveryOut:
        """As it stands."""
        members = delivery.to_json()
        return cls.model_validate({**members, "copy_number": members.pop("copy")})


class AgainIn(Order):
    """Why a document is delivered again, or what came of a mail."""

    reason: Reason


class FiscalRecordOut(Schema):
    """A record of the fiscal register."""

    kind: RecordKind
    record: int
    issuer: str
    number: str
    issued: date
    invoice_type: str
    tax: Exact
    total: Exact
    at: Instant
    previous: str
    sha256: str
    qr: str | None
    xml: str

    @classmethod
    def of(cls, entry: StoredRecord) -> FiscalRecordOut:
        """As it is kept."""
        record = entry.chained.record
        registered = record.kind is RecordKind.REGISTRATION
        return cls(
            kind=record.kind,
            record=entry.chained.ordinal,
            issuer=record.issuer,
            number=record.number,
            issued=record.issued,
            invoice_type=record.invoice_type,
            tax=record.tax,
            total=record.total,
            at=record.at,
            previous=record.previous,
            sha256=entry.chained.sha256,
            qr=check_address(record) if registered else None,
            xml=entry.content,
        )

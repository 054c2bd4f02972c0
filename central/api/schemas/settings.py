"""What the utility says of its invoices, and who charges."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from central.api.schemas.base import Instant, Schema
from central.api.schemas.writes import Line, Name, Order, Reason
from central.domain.actor import printed_name
from central.domain.billing.bill import Party
from central.domain.billing.bill_window import IN_A_ROW_MAX, WINDOW_DAYS_MAX
from central.domain.billing.billing_settings import (
    DUE_DAYS_MAX,
    RETENTION_MAX,
    TEXT_MAX,
    WIDTH_MAX,
    SettingsRevision,
)
from central.domain.billing.invoice_xml import InvoiceXml
from central.domain.billing.negative_total import NegativeTotal
from central.service.billing.change_settings import SettingsChange
from central.service.billing.setting_list import values_of

InvoiceText = Annotated[str, StringConstraints(max_length=TEXT_MAX, pattern=r"^[^\x00-\x1f\x7f]*$")]
ShortName = Annotated[str, StringConstraints(max_length=64, pattern=r"^[\x20-\x7e]*$")]


class SettingsOut(BaseModel):
    """A revision of the settings."""

    revision: int
    effective: date
    series: str
    credit_series: str
    width: int
    yearly: bool
    due_days: int
    zone: str | None
    locale: str
    payment_text: str
    footer_text: str
    template: str
    window_days: int
    estimates_in_a_row: int
    retention_years: int | None
    print_audit_head: bool
    negative_total: NegativeTotal
    einvoice: InvoiceXml
    offered_tariffs: str
    recorded_at: Instant
    actor: str
    reason: str

    @classmethod
    def of(cls, revision: SettingsRevision) -> SettingsOut:
        """As it was recorded."""
        return cls.model_validate(
            {
                **values_of(revision.settings),
                "revision": revision.revision,
                "effective": revision.effective,
                "recorded_at": revision.recorded_at,
                "actor": printed_name(revision.actor),
                "reason": revision.reason,
            }
        )


class SettingsIn(Order):
    """What is to be different, and why; what is left out stays as it is."""

    series: Annotated[str | None, StringConstraints(max_length=16)] = None
    credit_series: Annotated[str | None, StringConstraints(max_length=16)] = None
    width: Annotated[int | None, Field(ge=1, le=WIDTH_MAX)] = None
    yearly: bool | None = None
    due_days: Annotated[int | None, Field(ge=0, le=DUE_DAYS_MAX)] = None
    zone: ShortName | None = None
    locale: ShortName | None = None
    payment_text: InvoiceText | None = None
    footer_text: InvoiceText | None = None
    template: ShortName | None = None
    window_days: Annotated[int | None, Field(ge=0, le=WINDOW_DAYS_MAX)] = None
    estimates_in_a_row: Annotated[int | None, Field(ge=0, le=IN_A_ROW_MAX)] = None
    retention_years: Annotated[int | None, Field(ge=0, le=RETENTION_MAX)] = None
    print_audit_head: bool | None = None
    negative_total: NegativeTotal | None = None
    einvoice: InvoiceXml | None = None
    offered_tariffs: InvoiceText | None = None
    effective: date | None = None
    """First day of issue that it holds on; today where it is left out."""
    reason: Reason

    def change(self) -> SettingsChange:
        """As the use-case takes it."""
        return SettingsChange(**self.model_dump(exclude={"effective", "reason"}))


class SellerOut(Schema):
    """Who charges, as invoices name them."""

    name: str
    address: tuple[str, ...]
    tax_id: str
    contact: str


class SellerIn(Order):
    """Who charges from now on, and why."""

    name: Name
    address: Annotated[tuple[Line, ...], Field(max_length=8)] = ()
    tax_id: Line = ""
    contact: Line = ""
    reason: Reason

    def party(self) -> Party:
        """As the registry keeps it."""
        return Party(self.name, self.address, self.tax_id, self.contact)

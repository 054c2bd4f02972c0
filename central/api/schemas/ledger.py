"""Money of accounts: what is posted, and what became of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from central.api.schemas.base import Schema
from central.api.schemas.writes import Name, Order, Reason
from central.domain.billing.drawdown import MoneyOrigin
from central.domain.billing.ledger import BANKED, DEFAULT_BANK, EntryKind, LedgerEntry

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class EntryIn(Order):
    """An entry to post. Its key is unique for ever: posted again it is the same entry."""

    key: Name
    account: Name
    kind: EntryKind
    day: date = Field(description="Local day from which it counts.")
    currency: Currency
    amount: Decimal = Field(gt=0, max_digits=21, decimal_places=6)
    bank: Name | None = Field(
        None, description="Bank of the tariff for a pay-in or grant; default: prepaid."
    )
    service_point: Name | None = Field(None, description="Only its bills consume the entry.")
    bill: Name | None = Field(
        None, description="Issued bill that a payment is for: its identifier or legal number."
    )
    of: Name | None = Field(None, description="Key of the entry that is refunded or expires.")
    name: Name | None = Field(
        None, description="Of a charge or credit: as the invoice prints it, such as Reconnection."
    )
    taxes: tuple[Name, ...] = Field(
        (), max_length=20, description="Of those: ids of the tariff's taxes that they bear."
    )
    expires: date | None = Field(
        None,
        description="Local day from which a pay-in or grant pays no bill that begins then or later;"
        " default: as its bank says.",
    )
    reason: Reason

    def entry(self) -> LedgerEntry:
        """The entry."""
        default = DEFAULT_BANK if self.kind in BANKED else ""
        return LedgerEntry(
            self.key,
            self.account,
            self.kind,
            self.day,
            self.currency,
            self.amount,
            self.bank or default,
            self.service_point or "",
            self.bill or "",
            self.of or "",
            self.name or "",
            self.taxes,
            self.expires,
        )


class EntryOut(Schema):
    """An entry as it is kept; amounts are strings, exact."""

    key: str
    account: str
    kind: EntryKind
    day: date
    currency: str
    amount: str
    left: str = Field(description="Less what was given back or lapsed.")
    bank: str | None = None
    service_point: str | None = Field(None, validation_alias="point")
    bill: str | None = None
    of: str | None = None
    name: str | None = None
    taxes: tuple[str, ...] = ()
    expires: date | None = Field(
        None, description="Day from which it pays no bill that begins then or later."
    )
    consumed_by: str | None = Field(description="Bill that has consumed it; null while open.")
    state: str = Field(description="Of that bill; `open` where there is none.")
    recorded_at: AwareDatetime
    actor: str
    reason: str


class DrawdownOut(Schema):
    """What became of some money in a part of a bill; amounts are strings, exact."""

    origin: MoneyOrigin
    entry: str | None = Field(description="Key of the entry; null of what is of none.")
    bank: str = Field(description="As the tariff names it: the charge of the bill's line.")
    bill: str = Field(description="Identifier.")
    number: str | None = Field(description="Legal number.")
    state: str = Field(description="Of the bill.")
    first: date = Field(validation_alias="from", description="First local day of the part.")
    until: date = Field(description="The day after its last.")
    currency: Currency
    applied: str = Field(description="What of it paid.")
    refunded: str = Field(description="What of it was paid out.")
    expired: str = Field(description="What of it lapsed.")
    left: str = Field(description="What of it the next part opens with.")

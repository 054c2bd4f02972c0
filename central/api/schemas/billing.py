"""Accounts, agreements, tariffs, runs, bills, lines, explanations."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Annotated
from uuid import UUID

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from central.api.schemas.base import Exact, Instant, LowerName, Schema
from central.api.schemas.writes import Name, Order
from central.domain.billing.bill import RunType
from central.domain.billing.run_scope import RunScope
from central.service.views.billing import spell_fraction


def _spelled(value: object) -> object:
    return spell_fraction(value) if isinstance(value, Fraction) else value


_Fraction = Annotated[str, BeforeValidator(_spelled)]


class AccountOut(Schema):
    """Who pays."""

    account: str
    number: str
    name: str
    agreements: int


class AgreementOut(Schema):
    """An account x service point x tariff, from a date to a date."""

    agreement: str
    account: str
    account_name: str
    point: str
    point_name: str
    tariff: str
    start: date
    end: date | None
    withdrawn: bool = Field(description="Entered by mistake; it never holds.")
    service: str | None


class TariffOut(Schema):
    """One version of a tariff."""

    tariff: str
    effective: date
    sha256: str
    currency: str
    added_at: Instant
    revision: int
    withdrawn: bool
    reason: str | None


class AmountOut(Schema):
    """An amount of money."""

    currency: str
    amount: Exact

    @model_validator(mode="before")
    @classmethod
    def _of_pair(cls, value: object) -> object:
        if isinstance(value, tuple):
            currency, amount = value
            return {"currency": currency, "amount": amount}
        return value


class RunOut(Schema):
    """One cycle's batch of bills."""

    run: str
    cycle: str
    kind: str
    state: str
    started_at: Instant
    finished_at: Instant | None
    bills: int
    held: int
    drafts: int
    approved: int
    issued: int
    cancelled: int
    totals: list[AmountOut]
    scope: str | None


class RunIn(Order):
    """What is billed: a period, of all, a group or one account."""

    cycle: Annotated[str, StringConstraints(max_length=64)] = Field(
        description="Month such as 2026-10, or a period such as 2026-03.route-7."
    )
    group: Name | None = Field(None, description="Only accounts of it, or with a point of it.")
    account: Name | None = Field(None, description="Number of the only account.")
    final: bool = Field(False, description="Bill only what has ended; the period may go on.")

    @property
    def run_type(self) -> RunType:
        """Which of a period's runs it is."""
        return RunType.FINAL if self.final else RunType.REGULAR

    def scope(self) -> RunScope:
        """Whom it bills."""
        return RunScope(self.group, self.account)


class NotBilledOut(Schema):
    """Days of an account that a run left out, and why."""

    account_number: str
    account_name: str
    service_point: str
    code: str
    first: date
    end: date
    message: str


class BillAmountsOut(Schema):
    """What the lines of a bill come to, and what is due."""

    net: Exact = Field(description="Lines that are neither tax nor settlement.")
    tax: Exact
    total: Exact = Field(description="Net and taxes.")
    settled: Exact | None = Field(
        description="Lines that change what is due and not the price; null for none."
    )
    previous_balance: Exact | None
    due: Exact = Field(description="All lines and the previous balance; below zero a credit.")


class BankBalanceOut(Schema):
    """A bank of energy or money: what is left is opening, added, less drawn and settled."""

    bank: str
    unit: str
    opening: Exact
    added: Exact
    drawn: Exact
    settled: Exact = Field(description="Paid out, or expired.")
    closing: Exact


class BankOut(Schema):
    """What a part of a bill did to a bank."""

    service_point: str
    balance: BankBalanceOut


class BillOut(Schema):
    """One account's result in a run."""

    bill: str
    run: str
    kind: str
    cycle: str
    account: str
    account_name: str
    account_number: str
    number: str | None
    issued_on: date | None
    due_on: date | None
    content_sha256: str | None
    state: str
    reason: str | None
    start: date
    end: date
    currency: str | None
    amounts: BillAmountsOut | None
    sha256: str | None
    creator: str | None
    approver: str | None
    day_start: str | None
    banks: list[BankOut]


class ChainedBillOut(Schema):
    """A bill that cancels or replaces another, or is cancelled or replaced."""

    how: str = Field(
        description="`cancels`, `cancelled by`, `replaces` or `replaced by`; of a credit note"
        " `billed anew as`, of a bill that replaces one `after`."
    )
    bill: UUID = Field(validation_alias="uid")
    number: str | None
    state: str


class LineOut(Schema):
    """One charge of a bill."""

    number: int
    charge: str
    kind: str
    label: str | None
    text: str
    quantity: Exact | None
    unit: str | None
    price: Exact | None
    amount: Exact
    explained: bool
    adjusts: str | None = Field(
        description="Of an adjustment, what the line of the issued bill was and is."
    )


class ExplainedOut(Schema):
    """One interval behind a quantity, in the billing unit."""

    start: Instant
    end: Instant
    day: date
    value: Exact
    quality: LowerName
    version: int
    series: str = Field(description="Input that it belongs to, such as import or export.")
    price: _Fraction | None = Field(description="Its own price, where intervals have any.")
    worth: _Fraction | None = Field(description="What it comes to at that price.")


class ProofOut(Schema):
    """A quantity of a line, summed again from its intervals.

    `adjusted` is what of `total` a bank, or counting one side only, added to the intervals.
    Where every interval has its own price, `worth` is what they come to, which the line charges
    or a bank earned. All are fractions such as 2469/2 where no decimal is exact.
    """

    name: str
    label: str
    unit: str
    how: str
    zone: str
    total: _Fraction
    billed: _Fraction
    adjusted: _Fraction
    worth: _Fraction | None
    intervals: list[ExplainedOut]


class ImportOut(Schema):
    """A file of readings that somebody imported."""

    gateway: str
    file_sha256: str
    imported_by: str
    imported_at: Instant


class ExplanationOut(Schema):
    """A line, and every quantity behind it proven from its intervals."""

    line: LineOut
    proofs: list[ProofOut]
    imports: list[ImportOut]

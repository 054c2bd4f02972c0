"""The report that what is validated is billed once; sums are strings, exact."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from central.api.schemas.base import Schema


class EnergyOut(Schema):
    """What became of the intervals of one kind of service."""

    service: str
    coverage: str
    balanced: bool
    intervals: int
    missing: int
    total: str
    unit: str


class MoneyOut(Schema):
    """What bills of one currency say, added up in three ways."""

    currency: str
    bills: int
    totals: str
    lines: str
    tallied: str | None
    balanced: bool


class LedgerMoneyOut(Schema):
    """Money of accounts in one currency until the last day, and what became of it."""

    account: str | None = None
    accounts: int | None = None
    currency: str
    received: str
    applied: str
    refunded: str
    expired: str
    balance: str
    difference: str
    balanced: bool


class CorrectionNoteOut(Schema):
    """A correction that days stand by."""

    correction: str
    reason: str


class ChangedDayOut(Schema):
    """A day of a channel that was validated anew after a bill had read it."""

    service_point: str
    service: str
    obis: str
    day: date
    billed: str
    validated: str
    difference: str
    unit: str
    written_off: CorrectionNoteOut | None = Field(
        description="The correction that leaves it so; null where nobody decided."
    )


class DecisionOut(Schema):
    """What was decided of a claim conflict."""

    conflict: int
    decision: str
    reason: str


class NamedDaysOut(Schema):
    """Days of a channel that do not balance, or do so by a decision."""

    service_point: str
    service: str
    obis: str
    first: date
    end: date
    coverage: str
    total: str
    unit: str
    decisions: list[DecisionOut]
    correction: CorrectionNoteOut | None = Field(
        description="Which settled them; of suppressed days the suppression."
    )


class CoversOut(Schema):
    """What each figure is about, in words."""

    energy: str
    money: str
    ledger: str


class ReconciliationOut(Schema):
    """What is validated against what is billed, from `first` to before `end`."""

    first: date
    end: date
    services: int
    balanced: bool
    covers: CoversOut
    energy: list[EnergyOut]
    money: list[MoneyOut]
    ledger: list[LedgerMoneyOut]
    changed_since_billed: list[ChangedDayOut]
    unbalanced_accounts: list[LedgerMoneyOut]
    decided: list[NamedDaysOut]
    adjusted: list[NamedDaysOut]
    unbalanced: list[NamedDaysOut]

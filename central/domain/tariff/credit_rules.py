"""Banks, commitments and settlement: what a tariff says of money beyond this month's charges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from central.domain.tariff.price_rules import PriceTable, Step, TierRules
from central.domain.tariff.state_rules import AtEnd, Owner, YearEnds, YearShare


@dataclass(frozen=True, slots=True)
class TrueUp:
    """When a bank is settled.

    Args:
        month: Month whose bill settles it, 1 .. 12.
        pay: Price per kWh of what is left, one for all or one by period, or share of the money;
            zero lets it lapse.
        series: Price series whose price at the end of the bill is paid instead, None for none.
        into: Money bank that takes the value for later bills; None pays it out.
    """

    month: int
    pay: Decimal | tuple[tuple[str, Decimal], ...] = Decimal(0)
    series: str | None = None
    into: str | None = None

    def price_of(self, label: str) -> Decimal:
        """The price of what is left of a period, or the share."""
        return self.pay if isinstance(self.pay, Decimal) else dict(self.pay)[label]


@dataclass(frozen=True, slots=True)
class EnergyBank:
    """Keeps what a netted determinant has below zero for later bills.

    Args:
        name: As determinants name it.
        map: Season or "" to (period it was earned in, period it offsets); the rest stays in its
            own period, and what goes to `none` lapses. The season is that of the bill it offsets.
        true_up: When it is settled.
        basis: `period` settles the sum of the periods' credits; `total` the credit of a bank that
            would have netted all periods together, as some utilities and the reference do.
        at_end: What becomes of it at the end; None pays what a true-up would.
        owner: Whose it is.
    """

    name: str
    map: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    true_up: TrueUp | None = None
    basis: Literal["period", "total"] = "period"
    at_end: AtEnd | None = None
    owner: Owner = Owner.OCCUPANCY


@dataclass(frozen=True, slots=True)
class MoneyBank:
    """Keeps money earned or granted, and offsets charges with it, oldest first.

    Args:
        name: As minimums and taxes name its line.
        earn: Determinant of exported energy, or its series beside `times`; None where the bank
            holds grants alone.
        price: What it earns, None where steps or nothing say it. [currency per unit]
        offsets: Charges that credit may pay.
        when: `this_bill` lets a credit pay the bill it is earned on; `next_bill` does not.
        true_up: When it is settled.
        expires_months: Age at which a credit lapses, None for never; 0 at the end of the bill that
            it was earned on.
        steps: Season or "" to steps, instead of `price`.
        tiers: How steps apply.
        at_end: What becomes of it at the end; None pays what a true-up would.
        owner: Whose it is.
        unless: Fact that, when true, lets it neither earn nor pay.
        only: Fact that must be true for it to do so.
        times: Price series; it earns the sum of the products per interval of the series `earn`.
    """

    name: str
    earn: str | None
    price: PriceTable | None
    offsets: tuple[str, ...]
    when: Literal["this_bill", "next_bill"] = "this_bill"
    true_up: TrueUp | None = None
    expires_months: int | None = None
    steps: tuple[tuple[str, tuple[Step, ...]], ...] = ()
    tiers: TierRules = field(default_factory=TierRules)
    at_end: AtEnd | None = None
    owner: Owner = Owner.OCCUPANCY
    unless: str | None = None
    only: str | None = None
    times: str | None = None


BankOrder = Literal["lapse", "listed"]
_YEAR, _NEVER = 12, 10_000


def in_paying_order(banks: Sequence[MoneyBank], order: BankOrder) -> Sequence[MoneyBank]:
    """Banks in the order in which they pay: as listed, or first what lapses first.

    Credit of a bill alone lapses before that of fewer months, that before that of more, and what a
    true-up takes away within a year; banks that keep it as long pay as listed.

    Source: docs/reference/charges.md, "Net billing"
    """
    return banks if order == "listed" else sorted(banks, key=_months_kept)


def _months_kept(bank: MoneyBank) -> int:
    months = _NEVER if bank.expires_months is None else bank.expires_months
    is_lost = bank.true_up is not None and bank.true_up.pay == 0
    return min(months, _YEAR) if is_lost else months


@dataclass(frozen=True, slots=True)
class Commitment:
    """An amount that named lines come to over a term; what is short is charged or carried on.

    Args:
        id: As taxes and lines name it.
        name: As the invoice prints it.
        of: Lines that count.
        amount: Per term. [currency]
        qty: Determinant or fact that multiplies the amount, None for once.
        months: Length of a term.
        begins: First day of the first term, or the text fact that holds it; None lets a term end
            with the month `year_end`.
        year_end: Last month of a term that no date begins, 1 .. 12.
        basis: Whether credits count against the lines first.
        shortfall: `charge` bills what is short; `carry` adds it to the next term.
        excess: `lapse` forgets what is beyond the amount; `carry` counts it in the next term.
        ends: Where a term ends.
        share: What a term that ends early needs of the amount.
        owner: Whose it is: that of one occupancy, or of all the account's together.
        unless: Fact that drops it where it is true on the last day of a term.
        only: Fact that must be true on that day for what is short to be charged.
    """

    id: str
    name: str | None
    of: tuple[str, ...]
    amount: Decimal
    qty: str | None = None
    months: int = 12
    begins: date | str | None = None
    year_end: int = 12
    basis: Literal["before_credits", "after_credits"] = "before_credits"
    shortfall: Literal["charge", "carry"] = "charge"
    excess: Literal["lapse", "carry"] = "lapse"
    ends: YearEnds = "period"
    share: YearShare = "none"
    owner: Owner = Owner.OCCUPANCY
    unless: str | None = None
    only: str | None = None


TRUE_UP_PAYOUT = "true_up_payout"


@dataclass(frozen=True, slots=True)
class TrueUpPayout:
    """The place of the banks' settlement among what changes the amount due."""


@dataclass(frozen=True, slots=True)
class BudgetBilling:
    """Bills are paid at their rolling average; the difference is deferred.

    Args:
        months: Bills that the average reaches over, this one included.
        settle_up: Month whose bill settles what is deferred, 1 .. 12; None for never.
        only: Fact that says who takes part; None for all.
        owner: Whose the deferral is.
    """

    months: int = 12
    settle_up: int | None = None
    only: str | None = None
    owner: Owner = Owner.ACCOUNT


@dataclass(frozen=True, slots=True)
class Prepaid:
    """A balance paid in before, drawn down by what is due.

    Args:
        expires_months: Age at which money paid in lapses, None for never.
        only: Fact that says who has one; None for all.
        owner: Whose the balance is.
    """

    expires_months: int | None = None
    only: str | None = None
    owner: Owner = Owner.ACCOUNT


@dataclass(frozen=True, slots=True)
class RoundTotal:
    """What is due is rounded to a multiple of an amount, halves away from zero, after all else.

    Args:
        to: The amount, such as 0.05, 10 or 1. [currency]
    """

    to: Decimal


Settlement = TrueUpPayout | BudgetBilling | Prepaid | RoundTotal
ROUND_TOTAL = "round_total"
BUDGET_BILLING = "budget_billing"
PREPAID = "prepaid"
SETTLED: dict[type, str] = {BudgetBilling: BUDGET_BILLING, Prepaid: PREPAID}
"""Names of the states that settlement leaves."""

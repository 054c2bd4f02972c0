"""What an operator sees of billing: accounts, agreements, tariffs, runs, bills and their lines.

Amounts and quantities are Decimal, exactly as they were billed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby

from central.domain.billing.bank_balance import BankBalance
from central.domain.billing.bill_amounts import BillAmounts
from central.domain.metering.quality import IntervalQuality
from central.service.views.field import ImportView


def spell_fraction(value: Fraction) -> str:
    """A decimal where that is exact, else the fraction itself."""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return str(value)
    digits = max(twos, fives)
    return f"{Decimal(int(value * 10**digits)).scaleb(-digits):f}"


@dataclass(frozen=True, slots=True)
class AccountView:
    """Who pays.

    Args:
        account: Its identifier.
        number: What is printed on bills.
        name: The customer's name.
        agreements: How many agreements are in force today.
    """

    account: str
    number: str
    name: str
    agreements: int


@dataclass(frozen=True, slots=True)
class AgreementView:
    """An account x service point x tariff, from a date to a date.

    Args:
        agreement: Its identifier.
        account: The account's identifier.
        account_name: The account's name.
        point: The service point's identifier.
        point_name: The service point's name.
        tariff: The tariff's name.
        start: First local date in force.
        end: First local date no longer in force; None while open.
        withdrawn: Whether it was entered by mistake and never holds.
        service: Name of the service that is agreed.
    """

    agreement: str
    account: str
    account_name: str
    point: str
    point_name: str
    tariff: str
    start: date
    end: date | None
    withdrawn: bool = False
    service: str | None = None


@dataclass(frozen=True, slots=True)
class RunView:
    """One cycle's batch of bills.

    Args:
        run: Its identifier.
        cycle: The cycle, such as 2026-10.
        kind: regular, or what else it is.
        state: Where the run stands.
        started_at: When it was started.
        finished_at: When its last bill was made.
        bills: How many accounts have a bill.
        held: How many of those bills are held.
        drafts: How many of those bills wait for approval.
        approved: How many of those bills are approved and not issued.
        issued: How many of those bills are issued.
        totals: Billed amount of what is not held, by currency.
        scope: To which group or account it is narrowed; None for all.
        cancelled: How many bills of it were issued and are cancelled; none of the others.
    """

    run: str
    cycle: str
    kind: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    bills: int
    held: int
    drafts: int
    approved: int
    issued: int
    totals: tuple[tuple[str, Decimal], ...]
    scope: str | None = None
    cancelled: int = 0


@dataclass(frozen=True, slots=True)
class NotBilledView:
    """Days of an account that a run left out.

    Args:
        id: Its key.
        account_number: Whose.
        account_name: The customer's name.
        service_point: Name of the service point.
        code: NOT_DUE, NO_BILLING_PERIOD, PERIOD_TAKEN or NOTHING_TO_SETTLE.
        first: First local day.
        end: The local day after the last.
        message: Why, in a sentence.
    """

    id: int
    account_number: str
    account_name: str
    service_point: str
    code: str
    first: date
    end: date
    message: str

    @property
    def last(self) -> date:
        """Last local day."""
        return self.end - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BankView:
    """What a bill did to a bank.

    Args:
        service_point: Of the part that did it.
        balance: With what came in and went out.
    """

    service_point: str
    balance: BankBalance


@dataclass(frozen=True, slots=True)
class BillView:
    """One account's result in a run.

    Args:
        bill: Its identifier.
        run: Its run's identifier.
        cycle: The cycle, such as 2026-10.
        account: The account's identifier.
        account_name: The account's name.
        account_number: The account's number.
        number: Legal number as printed; None until issued.
        issued_on: Local date of issue; None until issued.
        due_on: Local date of payment; None until issued.
        content_sha256: Hash over all that the issued bill says, hexadecimal; None until issued.
        state: draft, held, approved, issued.
        reason: Why it is held; None where it is not.
        start: First local date billed.
        end: First local date no longer billed.
        currency: ISO 4217 code; None where nothing could be rated.
        amounts: What it comes to; None where nothing could be rated.
        sha256: Hash over the bill's content, hexadecimal.
        creator: Who made it.
        approver: Who approved it.
        day_start: When its days begin, such as 06:00; None for midnight, or where they differ.
        kind: regular, or final.
        banks: What it did to its banks.
    """

    bill: str
    run: str
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
    amounts: BillAmounts | None
    sha256: str | None
    creator: str | None
    approver: str | None
    day_start: str | None = None
    kind: str = "regular"
    banks: tuple[BankView, ...] = ()

    @property
    def last(self) -> date:
        """Last local date billed."""
        return self.end - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LineView:
    """One charge of a bill.

    Args:
        number: Its place on the bill, from 1.
        charge: The charge's identifier in the tariff.
        kind: fixed, energy, demand, rider, tax, ...
        label: TOU period or step, where the charge has one.
        text: What is printed.
        quantity: What the price applies to.
        unit: Unit of the quantity.
        price: Price per unit; None where there is no single one.
        amount: The line's amount.
        explained: Whether it has a lineage of quantities.
        adjusts: Of an adjustment, what the line of the issued bill was and is; None of others.
    """

    number: int
    charge: str
    kind: str
    label: str | None
    text: str
    quantity: Decimal | None
    unit: str | None
    price: Decimal | None
    amount: Decimal
    explained: bool
    adjusts: str | None = None


@dataclass(frozen=True, slots=True)
class ExplainedInterval:
    """One interval behind a determinant.

    Args:
        start: First instant, UTC.
        end: First instant no longer in it, UTC.
        day: The local date it belongs to.
        value: Its consumption, in the billing unit.
        quality: How the value came about.
        version: Version of the day block it is in.
        series: Input that it belongs to: import, export.
        price: Its own price; None where intervals have none. [currency per billing unit]
        worth: What it comes to at that price. [currency]
    """

    start: datetime
    end: datetime
    day: date
    value: Decimal
    quality: IntervalQuality
    version: int
    series: str = ""
    price: Fraction | None = None
    worth: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """A quantity of a line, summed again from the intervals it was computed from.

    Args:
        name: The determinant, as the tariff names it.
        label: Its TOU period; empty for none.
        unit: Its unit.
        how: How it was computed: sum, max, ...
        zone: IANA zone of the intervals' days.
        intervals: Ascending; empty where none lie behind it (a contracted power).
        total: What the intervals give, exactly.
        billed: What the line's price applies to: `total`, rounded where the tariff says so.
        adjusted: What a bank, or counting one side only, added to the intervals; `total` holds it.
        bank: Which bank; "" where none did.
        worth: What the intervals come to at their own prices; None where they have none. [currency]
    """

    name: str
    label: str
    unit: str
    how: str
    zone: str
    intervals: tuple[ExplainedInterval, ...]
    total: Fraction
    billed: Fraction
    adjusted: Fraction = Fraction(0)
    bank: str = ""
    worth: Fraction | None = None

    @property
    def metered(self) -> Fraction:
        """What the intervals give by themselves, export below zero."""
        return self.total - self.adjusted

    @property
    def days(self) -> tuple[ProofDay, ...]:
        """The intervals by input and local day, ascending."""
        groups = groupby(self.intervals, key=lambda interval: (interval.series, interval.day))
        return tuple(ProofDay(day, tuple(intervals), name) for (name, day), intervals in groups)

    @property
    def several(self) -> bool:
        """Whether several inputs lie behind it, such as import and export."""
        return len({interval.series for interval in self.intervals}) > 1


@dataclass(frozen=True, slots=True)
class ProofDay:
    """What one local day adds.

    Args:
        day: The local date.
        intervals: Its intervals, ascending.
        series: Input that they belong to.
    """

    day: date
    intervals: tuple[ExplainedInterval, ...]
    series: str = ""

    @property
    def total(self) -> Decimal:
        """The exact sum of the day."""
        return sum((interval.value for interval in self.intervals), Decimal(0))

    @property
    def worth(self) -> Fraction | None:
        """What the day comes to at the prices of its intervals; None without. [currency]."""
        worths = [interval.worth for interval in self.intervals if interval.worth is not None]
        return sum(worths, Fraction(0)) if worths else None

    @property
    def estimated(self) -> int:
        """How many intervals are not simply metered."""
        return sum(interval.quality != IntervalQuality.ACTUAL for interval in self.intervals)


@dataclass(frozen=True, slots=True)
class LineExplanation:
    """A line, and every quantity behind it proven from its intervals.

    Args:
        line: The line.
        proofs: One per quantity.
        imports: Files of which readings lie in these intervals.
    """

    line: LineView
    proofs: tuple[Proof, ...]
    imports: tuple[ImportView, ...] = ()

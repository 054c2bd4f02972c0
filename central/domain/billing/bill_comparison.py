"""Why a bill is another than an earlier one: days, use, price, season, each with its amount.

A line is compared with the line of the same charge at the same point. With quantity q, average
price p and days d, before and now:

    days    (q0 x d1 / d0 - q0) x p0       of charges that grow with the days
    use     (q1 - q0 x d1 / d0) x p0
    price   q1 x (p1 - p0)                 where another version of the tariff charges it
    season  q1 x (p1 - p0)                 where the version is the same

Taxes follow what they are on; where they are another share of it than before, that is price. What
only one of the bills has is other. The causes sum to the difference of the totals, exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from central.domain.billing.bill import Bill, BillLine
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rounding import largest_remainder

_NOTHING = Fraction(0)
_BY_DAYS = frozenset({"energy", "usage", "fixed"})
_YEAR_OFF = 15
"""How many days the bill of last year may begin earlier or later. [days]"""


class Cause(StrEnum):
    """Why a bill is another."""

    DAYS = "days"
    USE = "use"
    PRICE = "price"
    SEASON = "season"
    OTHER = "other"


class CauseAmount(NamedTuple):
    """What a cause comes to.

    Args:
        cause: Which.
        amount: More than before; below zero, less. [currency]
    """

    cause: Cause
    amount: Decimal


@dataclass(frozen=True, slots=True)
class BillComparison:
    """A bill beside an earlier one.

    Args:
        days: Of the earlier bill.
        before: Its total. [currency]
        now: Of the bill. [currency]
        causes: All five, in their order; they sum to `now - before`.
    """

    days: DayRange
    before: Decimal
    now: Decimal
    causes: tuple[CauseAmount, ...]


class EarlierPeriod(NamedTuple):
    """An earlier bill that may be compared, without its content.

    Args:
        uid: Its identifier.
        days: That it says.
    """

    uid: UUID
    days: DayRange


def last_period(days: DayRange, earlier: Iterable[EarlierPeriod]) -> EarlierPeriod | None:
    """The bill that ends where the days begin."""
    return next((bill for bill in earlier if bill.days.end == days.first), None)


def last_year(days: DayRange, earlier: Iterable[EarlierPeriod]) -> EarlierPeriod | None:
    """The bill of the same days a year before, which may begin 15 days off and be half as long."""
    wanted = _year_before(days.first)
    near = [
        bill
        for bill in earlier
        if abs((bill.days.first - wanted).days) <= _YEAR_OFF
        and days.count <= 2 * bill.days.count
        and bill.days.count <= 2 * days.count
    ]
    return min(near, key=lambda bill: abs((bill.days.first - wanted).days), default=None)


def _year_before(day: date) -> date:
    last_of_february = (2, 29)
    if (day.month, day.day) == last_of_february:
        return date(day.year - 1, 2, 28)
    return day.replace(year=day.year - 1)


def compare_bills(bill: Bill, earlier: Bill, digits: int) -> BillComparison:
    """Say by cause what a bill charges more than an earlier one.

    Args:
        bill: The bill.
        earlier: Of the same account and currency.
        digits: Of the currency's smaller unit.
    """
    grown = Fraction(bill.days.count, earlier.days.count)
    effects = dict.fromkeys(Cause, _NOTHING)
    mine, others = (_charges(each) for each in (bill, earlier))
    for name in dict.fromkeys((*others, *mine)):
        for cause, amount in _effects(others.get(name, ()), mine.get(name, ()), grown):
            effects[cause] += amount
    _add_taxes(effects, bill, earlier)
    exact = [effects[cause] for cause in Cause]
    rounded = largest_remainder(exact, digits)
    return BillComparison(
        earlier.days,
        earlier.amounts.total,
        bill.amounts.total,
        tuple(
            CauseAmount(cause, _decimal(amount, digits))
            for cause, amount in zip(Cause, rounded, strict=True)
        ),
    )


def _add_taxes(effects: dict[Cause, Fraction], bill: Bill, earlier: Bill) -> None:
    before, now = earlier.amounts, bill.amounts
    share = Fraction(before.tax) / Fraction(before.net) if before.net else _NOTHING
    for cause in effects:
        effects[cause] *= 1 + share
    effects[Cause.PRICE] += Fraction(now.tax) - share * Fraction(now.net)


_Name = tuple[str, str]


def _charges(bill: Bill) -> dict[_Name, list[BillLine]]:
    """The lines that make the net, by service point and charge."""
    charges: dict[_Name, list[BillLine]] = {}
    for entry in bill.lines:
        apart = entry.line.kind == "settlement" and not bill.settled_in_net
        if entry.line.kind != "tax" and not apart:
            charges.setdefault((entry.service_point, entry.line.id), []).append(entry)
    return charges


def _effects(
    before: Sequence[BillLine], now: Sequence[BillLine], grown: Fraction
) -> Iterable[tuple[Cause, Fraction]]:
    """The causes of one charge."""
    old, new = _by_period(before), _by_period(now)
    if old.keys() != new.keys():
        # Other periods, as of another season: the charge is compared as a whole.
        old, new = ({"": list(lines)} if lines else {} for lines in (before, now))
    for period in dict.fromkeys((*old, *new)):
        yield from _effects_of(old.get(period, ()), new.get(period, ()), grown)


def _by_period(lines: Sequence[BillLine]) -> dict[str, list[BillLine]]:
    periods: dict[str, list[BillLine]] = {}
    for entry in lines:
        periods.setdefault(f"{entry.line.label}/{entry.line.tier}", []).append(entry)
    return periods


def _effects_of(
    before: Sequence[BillLine], now: Sequence[BillLine], grown: Fraction
) -> Iterable[tuple[Cause, Fraction]]:
    amounts = [
        sum((Fraction(each.line.amount) for each in side), _NOTHING) for side in (before, now)
    ]
    if not before or not now or any(_counts(each) is None for each in (*before, *now)):
        yield Cause.OTHER, amounts[1] - amounts[0]
        return
    used = [sum((_counts(each) or _NOTHING for each in side), _NOTHING) for side in (before, now)]
    prices = [
        amount / count if count else None for amount, count in zip(amounts, used, strict=True)
    ]
    old = prices[0] if prices[0] is not None else prices[1]
    new = prices[1] if prices[1] is not None else prices[0]
    if old is None or new is None or amounts != [used[0] * old, used[1] * new]:
        yield Cause.OTHER, amounts[1] - amounts[0]
        return
    kinds = {each.line.kind for each in (*before, *now)}
    expected = used[0] * grown if kinds <= _BY_DAYS else used[0]
    if kinds == {"fixed"}:
        expected = used[1]
    unchanged = len({each.line.price for each in (*before, *now)}) == 1
    # What is rounded on a line is no other price.
    priced = _NOTHING if unchanged else used[1] * (new - old)
    by_days = (expected - used[0]) * old
    rest = amounts[1] - amounts[0] - by_days - priced
    yield Cause.DAYS, by_days + (rest if kinds == {"fixed"} else _NOTHING)
    yield Cause.USE, _NOTHING if kinds == {"fixed"} else rest
    versions = ({each.line.tariff_sha256 for each in side} for side in (before, now))
    same = next(versions) == next(versions)
    yield Cause.SEASON if same else Cause.PRICE, priced


def _counts(entry: BillLine) -> Fraction | None:
    """How much a line counts; None where it is an amount, a share or an adjustment."""
    line = entry.line
    if line.quantity is None or line.note == "percent" or line.adjusts is not None:
        return None
    return Fraction(line.quantity)


def _decimal(amount: Fraction, digits: int) -> Decimal:
    return Decimal(int(amount * 10**digits)).scaleb(-digits)


def bars(comparison: BillComparison) -> list[tuple[int, int]]:
    """Where each bar begins and ends, in thousandths of the widest reach.

    The first is the earlier total, the last the present one; those of the causes stand one after
    the other from the first's end to the last's.
    """
    ends, reach = [(Decimal(0), comparison.before)], comparison.before
    for _, amount in comparison.causes:
        ends.append((reach, reach + amount))
        reach += amount
    ends.append((Decimal(0), comparison.now))
    every = [end for pair in ends for end in pair]
    low, width = min(every), (max(every) - min(every)) or Decimal(1)
    return [(_permille(first - low, width), _permille(last - low, width)) for first, last in ends]


def _permille(share: Decimal, of: Decimal) -> int:
    return int(share * 1000 / of)

"""What a bill must be, in fractions, from the meters' truth and the books alone.

It shares no code with the product. Where a short gap was never read it takes the product's
estimates, once they are seen to sum to what the register advanced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from tests.life.books import Bank, Books, PayIn, Plan, State
from tests.life.truth import INPUT, Counter
from tests.life.validated import MISSING, Blocks, days_between, used_on

Key = tuple[str, str]
"""Charge and label."""


_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Rated:
    """What a part of a bill must be.

    Args:
        lines: Amounts by charge and label; those of zero are left out.
        kwh: Charged energy.
        closing: What the next part opens with.
    """

    lines: Mapping[Key, Decimal]
    kwh: Fraction
    closing: State

    @property
    def total(self) -> Decimal:
        return sum(self.lines.values(), Decimal(0))


@dataclass(frozen=True)
class _Span:
    """Days under one version of a tariff."""

    plan: Plan
    first: date
    end: date


def rate_part(  # noqa: PLR0913, PLR0917 - what a part depends on
    books: Books,
    point: str,
    plan: str,
    first: date,
    end: date,
    opening: State,
    blocks: Blocks,
    *,
    stay: tuple[date, date] | None = None,
    ends: bool = False,
    before: Plan | None = None,
    paid_in: Sequence[PayIn] = (),
) -> Rated | None:
    """Rate the days of one agreement; None where a value is missing.

    What is charged once a bill, or once a month of it, is shared by the days of all agreements that
    follow one another in it, the `stay`.

    What a part would leave is settled by its tariff instead where it `ends`: the customer goes, or
    the next tariff takes nothing over. What another tariff `before` left, which no bill under that
    one could hand over, is taken over by this one, or settled by that one's rule.

    Raises:
        UnlikeTruthError: The product's blocks say something else than the readings do.
    """
    spans = _spans(books.versions(plan), first, end)
    sums = [_sums(books, point, span, blocks) for span in spans]
    if any(one is None for one in sums):
        return None
    bank = {label: list(found) for label, found in opening.bank.items()}
    lines: dict[Key, Decimal] = {}
    if before is not None and "takes_over" not in spans[0].plan.said:
        lines["nem_settlement", before.name] = _settled(bank, before)
        bank.clear()
    month = (end - _DAY).replace(day=1)
    whole = [found for found in sums if found is not None]
    quantities = _netted(whole, spans, bank, month.isoformat())
    _round_quantities(quantities, spans)
    highest = [_highest(books, point, span, blocks) for span in spans]
    begins, stops = stay or (first, end)
    all_days = (stops - begins).days
    for charged, peak, span in zip(quantities, highest, spans, strict=True):
        own = _energy_and_time(charged, span, all_days)
        if peak is not None:
            own["demand", ""] = _demand(peak, span, opening.peaks, month, all_days)
        last = span is spans[-1]
        own |= _once(own, paid_in if last else (), span.plan)
        for key, amount in own.items():
            lines[key] = lines.get(key, Decimal(0)) + amount
    if spans[-1].plan.said.get("prepaid"):
        money = [one for one in paid_in if not one.key]
        lines["prepaid", ""] = _drawn(lines, bank, money, first)
    closing = State(by_month(bank), _peaks(opening.peaks, highest, month))
    if ends:
        lines |= settle(closing, spans[-1].plan, end - _DAY).lines
        closing = State()
    kwh = sum((value for one in quantities for value in one.values()), Fraction(0))
    return Rated({key: amount for key, amount in lines.items() if amount}, kwh, closing)


def settle(left: State, plan: Plan, last: date, charged: Sequence[PayIn] = ()) -> Rated:
    """What a bill without days must be: what is left is paid for as the last bill would have.

    What is `charged` once by then, or credited, is on it as well. Money that lapses on or before
    the `last` day that was billed is not paid back.
    """
    amount = _settled(left.bank, plan)
    name = "nem_settlement"
    if plan.said.get("prepaid"):
        name, amount = "prepaid-settlement", half_away(-_left(_unlapsed(left.bank, last)), 2)
    lines = {(name, ""): amount, **_once({}, charged, plan)}
    return Rated({key: amount for key, amount in lines.items() if amount}, Fraction(0), State())


def _once(own: Mapping[Key, Decimal], charged: Sequence[PayIn], plan: Plan) -> dict[Key, Decimal]:
    """What is charged once, and the tax of that and of what the tariff charges."""
    lines = {("one-off", one.key): half_away(one.amount, 2) for one in charged if one.key}
    taxed = {("one-off", one.key) for one in charged if one.taxed}
    base = {**own, **{key: amount for key, amount in lines.items() if key in taxed}}
    return {**lines, ("vat", ""): _tax(base, plan)}


def _drawn(
    lines: Mapping[Key, Decimal], bank: Bank, paid_in: Sequence[PayIn], first: date
) -> Decimal:
    """What the prepaid balance pays of all that is due: what lapses first, then the oldest."""
    own = bank.setdefault("", [])
    for one in sorted(paid_in, key=lambda one: one.day):
        month = max(one.day, first).replace(day=1).isoformat()
        own.append((lapsing(month, one.expires), one.amount))
    own[:] = sorted(_unlapsed(bank, first)[""], key=lambda one: (_lapses(one[0]), one[0]))
    due = max(Fraction(0), Fraction(sum(lines.values(), Decimal(0))))
    left = due
    for place, (month, amount) in enumerate(own):
        used = min(amount, left)
        own[place] = month, amount - used
        left -= used
    return half_away(left - due, 2)


def lapsing(month: str, expires: date | None) -> str:
    """Under what money of a month is kept that lapses on a day, or never."""
    return month if expires is None else f"{month} until {expires}"


def _lapses(kept: str) -> str:
    """The day; behind all others what never does."""
    return kept.partition(" until ")[2] or date.max.isoformat()


def _unlapsed(bank: Bank, day: date) -> Bank:
    """What is there on a day."""
    return {
        label: [one for one in found if _lapses(one[0]) > day.isoformat()]
        for label, found in bank.items()
    }


def _settled(bank: Bank, plan: Plan) -> Decimal:
    """What is paid for energy that nobody is there to use; it bears no tax."""
    return half_away(-_left(bank) * Fraction(str(plan.said.get("at_end", "0"))), 2)


def _left(bank: Bank) -> Fraction:
    return sum((amount for found in bank.values() for _, amount in found), Fraction(0))


def by_month(bank: Bank) -> Bank:
    """The credits of a bank, those of one month together, and none that is empty."""
    found: Bank = {}
    for label, credits_ in bank.items():
        sums: dict[str, Fraction] = {}
        for month, amount in credits_:
            sums[month] = sums.get(month, Fraction(0)) + amount
        left = [(month, amount) for month, amount in sorted(sums.items()) if amount]
        if left:
            found[label] = left
    return found


def _peaks(
    opening: Mapping[str, Fraction], highest: Sequence[Fraction | None], month: date
) -> dict[str, Fraction]:
    """The peaks that the next part can look at: of eleven months, this one among them."""
    found = [peak for peak in highest if peak is not None]
    if not found:
        return {}
    number = month.year * 12 + month.month
    kept = {
        name: peak
        for name, peak in opening.items()
        if number - (int(name[:4]) * 12 + int(name[5:7])) < 11
    }
    own = month.isoformat()
    return {**kept, own: max(*found, kept.get(own, Fraction(0)))}


def _highest(books: Books, point: str, span: _Span, blocks: Blocks) -> Fraction | None:
    """The highest demand of a span, whose windows are as long as the intervals. [kW]."""
    if "demand" not in span.plan.said:
        return None
    (counter,) = books.points[point].counters
    most = max(
        int(used_on(counter, day, blocks).max()) for day in days_between(span.first, span.end)
    )
    return Fraction(most, 1000) * 3600 / counter.period_s


def _demand(
    peak: Fraction, span: _Span, earlier: Mapping[str, Fraction], own: date, all_days: int
) -> Decimal:
    said = span.plan.said
    before = [value for month, value in earlier.items() if month != own.isoformat()]
    billed = max(
        Fraction(str(said["least"])),
        peak,
        *(value * Fraction(str(said["ratchet"])) / 100 for value in before),
    )
    share = Fraction((span.end - span.first).days, all_days)
    return half_away(billed * Fraction(str(said["demand"])) * share, 2)


def _spans(versions: Sequence[Plan], first: date, end: date) -> list[_Span]:
    spans = []
    for number, version in enumerate(versions):
        until = versions[number + 1].effective if number + 1 < len(versions) else date.max
        begin, stop = max(first, version.effective), min(end, until)
        if begin < stop:
            spans.append(_Span(version, begin, stop))
    return spans


def _sums(books: Books, point: str, span: _Span, blocks: Blocks) -> dict[str, Fraction] | None:
    """Import less export of a span by period, in kWh, m3 or calls; None where some lack."""
    if span.plan.said["input"] == "calls":
        return {"": books.counted.total(point, span.first, span.end)}
    by_period = "peak" in span.plan.said
    found = {"peak": 0, "off": 0} if by_period else {"": 0}
    for counter in books.points[point].counters:
        name = INPUT[counter.obis]
        if name == "export" and not span.plan.said.get("bank"):
            continue
        sign = -1 if name == "export" else 1
        for day in days_between(span.first, span.end):
            values = used_on(counter, day, blocks)
            if (values == MISSING).any():
                return None
            if not by_period:
                found[""] += sign * int(values.sum())
                continue
            peak = _is_peak(counter, day, span.plan.said["zone"])
            found["peak"] += sign * int(values[peak].sum())
            found["off"] += sign * int(values[~peak].sum())
    return {label: Fraction(value, 1000) for label, value in found.items()}


_PEAKS: dict[tuple[int, datetime, date, str], NDArray[np.bool_]] = {}


def _is_peak(counter: Counter, day: date, zone: str) -> NDArray[np.bool_]:
    """Which intervals of a day begin from 10 to 14 o'clock of a working day."""
    key = (counter.period_s, counter.start, day, zone)
    if key not in _PEAKS:
        own = counter.of_day(day)
        wall = ZoneInfo(zone)
        local = [counter.instant(place).astimezone(wall) for place in range(own.start, own.stop)]
        peak = [at.weekday() < 5 and 10 <= at.hour < 14 for at in local]
        _PEAKS[key] = np.array(peak)
    return _PEAKS[key]


def _netted(
    sums: Sequence[dict[str, Fraction]], spans: Sequence[_Span], bank: Bank, month: str
) -> list[dict[str, Fraction]]:
    """What nets does so over all spans of the bill, which share what is left by their use."""
    quantities = [dict(one) for one in sums]
    nets = [n for n, span in enumerate(spans) if span.plan.said.get("bank")]
    together: dict[str, Fraction] = {}
    for n in nets:
        for label, value in sums[n].items():
            together[label] = together.get(label, Fraction(0)) + value
    left = _net(together, spans[nets[0]].plan, bank, month) if nets else {}
    for label, charged in left.items():
        used = {n: max(Fraction(0), sums[n][label]) for n in nets if label in sums[n]}
        every = sum(used.values(), Fraction(0))
        for n, value in used.items():
            quantities[n][label] = charged * value / every if every else Fraction(0)
    return quantities


def _net(sums: dict[str, Fraction], plan: Plan, bank: Bank, month: str) -> dict[str, Fraction]:
    """Surplus goes into the bank of its period; use draws from it, oldest first."""
    if not plan.said.get("bank"):
        return dict(sums)
    charged = {}
    for label, value in sums.items():
        own = bank.setdefault(label, [])
        if value < 0:
            own.append((month, -value))
            charged[label] = Fraction(0)
            continue
        left = value
        for place, (earned, amount) in enumerate(own):
            part = min(amount, left)
            own[place] = (earned, amount - part)
            left -= part
        charged[label] = left
        bank[label] = [credit for credit in own if credit[1]]
    return charged


def _round_quantities(quantities: Sequence[dict[str, Fraction]], spans: Sequence[_Span]) -> None:
    """Largest remainder over periods and spans, to the digits that the tariff gives."""
    digits = spans[0].plan.said.get("digits")
    if digits is None:
        return
    places = [(n, label) for n, one in enumerate(quantities) for label in one]
    scaled = [quantities[n][label] * 10**digits for n, label in places]
    floors = [value.numerator // value.denominator for value in scaled]
    short = int(half_away(sum(scaled, Fraction(0)), 0)) - sum(floors)
    order = sorted(range(len(places)), key=lambda n: (floors[n] - scaled[n], n))
    for number in order[:short]:
        floors[number] += 1
    for (number, label), units in zip(places, floors, strict=True):
        quantities[number][label] = Fraction(units, 10**digits)


def _energy_and_time(
    charged: dict[str, Fraction], span: _Span, all_days: int
) -> dict[Key, Decimal]:
    said = span.plan.said
    days = (span.end - span.first).days
    if said["per"] == "day":
        units = Fraction(days)
    elif 27 <= all_days <= 33:
        units = Fraction(days, all_days)
    else:
        units = Fraction(days, 30)
    lines = {("standing", ""): half_away(Fraction(str(said["standing"])) * units, 2)}
    for label, quantity in charged.items():
        if "steps" in said:
            lines["energy", label] = _stepped(quantity, said["steps"], days)
        else:
            price = Fraction(str(said[label or "flat"]))
            lines["energy", label] = half_away(price * quantity, 2)
    return lines


def _stepped(quantity: Fraction, steps: Sequence[tuple[str | None, str]], days: int) -> Decimal:
    """Each part of a quantity at the price of its step, a line each."""
    amount, low = Decimal(0), Fraction(0)
    for bound, price in steps:
        high = quantity if bound is None else min(quantity, Fraction(str(bound)) * days)
        amount += half_away(max(Fraction(0), high - low) * Fraction(str(price)), 2)
        low = max(low, high)
    return amount


def _tax(lines: Mapping[Key, Decimal], plan: Plan) -> Decimal:
    total = sum(lines.values(), Decimal(0))
    return half_away(Fraction(total) * Fraction(str(plan.said["tax"])) / 100, 2)


def half_away(value: Fraction, digits: int) -> Decimal:
    """The nearest number of so many decimals, halves away from zero."""
    scaled = abs(value) * 10**digits
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(whole if value >= 0 else -whole).scaleb(-digits)

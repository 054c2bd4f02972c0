"""Chains of bills over two years: banks, expiry, true-up, minimums, ratchets, by plain lists.

Cycles start on any day of the month, and end-of-month anchors come back; what each bill leaves
opens the next. The oracle keeps lists of fractions and knows nothing of the product.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from central.domain.billing.cycle import Cycle
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.brute import cents
from tests.support.rating import blocks_from
from tests.support.size import sized

CHAINS = sized("METERLINE_BRUTE_CHAINS", 4, 200)
MONTHS = 26
ZONE = "America/Santiago"


@dataclass
class Rules:
    """A tariff in the plainest terms; prices per kWh, months from 1."""

    energy: Fraction
    sold: Fraction
    this_bill: bool
    expires: int | None
    true_up: int
    share: Fraction
    monthly: Fraction
    yearly: Fraction
    year_end: int
    after_credits: bool
    percent: Fraction
    floor: Fraction
    own: set[int]
    counted: set[int]
    pct: Fraction
    reach: int
    part: str


@dataclass
class Books:
    """What a bill leaves."""

    credits: list[tuple[int, Fraction]] = field(default_factory=list)
    year: Decimal = Decimal(0)
    first: date | None = None
    """Of the year that is counted, where it is not whole."""
    peaks: list[tuple[int, Fraction]] = field(default_factory=list)


def bill(  # noqa: C901, PLR0913, PLR0917 - plain on purpose
    rules: Rules, books: Books, last: date, kwh: Fraction, sold: Fraction, kw: Fraction
) -> list[Decimal]:
    """The amounts of one bill, in order; the books are changed."""
    now = last.year * 12 + last.month
    lines = [cents(kwh * rules.energy)]
    earlier = [
        peak
        for month, peak in books.peaks
        if now - month <= rules.reach and (month - 1) % 12 + 1 in rules.counted
    ]
    own = kw if last.month in rules.own else Fraction(0)
    demand = max([rules.floor, own, *(peak * rules.pct / 100 for peak in earlier)])
    lines.append(cents(demand * 3))
    books.peaks = [(m, p) for m, p in books.peaks if now - m < rules.reach] + [(now, kw)]
    lapsed: list[Fraction] = []
    if rules.expires is not None:
        lapsed = [c for m, c in books.credits if now - m >= rules.expires]
        books.credits = [(m, c) for m, c in books.credits if now - m < rules.expires]
    earned = sold * rules.sold
    if rules.this_bill:
        books.credits.append((now, earned))
    wanted = Fraction(lines[0])
    kept, used = [], Fraction(0)
    for month, credit in books.credits:
        part = min(credit, wanted - used)
        used += part
        if credit > part:
            kept.append((month, credit - part))
    books.credits = kept
    if not rules.this_bill and earned:
        books.credits.append((now, earned))
    credit_line = cents(-used)
    if used or earned or lapsed:
        lines.append(credit_line)
    counted = lines[0] + (credit_line if rules.after_credits else 0)
    if rules.monthly > max(Decimal(0), counted):
        lines.append(cents(rules.monthly - Fraction(max(Decimal(0), counted))))
    total = books.year + max(Decimal(0), counted)
    books.year = total
    if last.month == rules.year_end:
        end = last + timedelta(days=1)
        part = part_of_year(rules.part, books.first, end) if books.first else Fraction(1)
        needed = rules.yearly * part
        if needed > total:
            lines.append(cents(needed - Fraction(total)))
        books.year, books.first = Decimal(0), None
    lines.append(cents(Fraction(sum(lines, Decimal(0))) * rules.percent / 100))
    if last.month == rules.true_up:
        left = sum((credit for _, credit in books.credits), Fraction(0))
        books.credits = []
        if left and rules.share:
            lines.append(cents(-left * rules.share))
    return lines


def part_of_year(part: str, first: date, end: date) -> Fraction:
    """Of the year until `end`, day by day or month by month."""
    year = [end.replace(year=end.year - 1, day=min(end.day, 28))]
    while year[-1] + timedelta(days=1) <= end:
        year.append(year[-1] + timedelta(days=1))
    days = [day for day in year[:-1] if months_back(end, 12) <= day]
    if part == "none":
        return Fraction(1)
    if part == "days":
        return Fraction(sum(day >= first for day in days), len(days))
    total = Fraction(0)
    for number in range(12, 0, -1):
        month = [d for d in days if months_back(end, number) <= d < months_back(end, number - 1)]
        total += Fraction(sum(day >= first for day in month), len(month))
    return total / 12


def months_back(end: date, count: int) -> date:
    number = end.year * 12 + end.month - 1 - count
    first = date(number // 12, number % 12 + 1, 1)
    return first.replace(day=min(end.day, last_day(first)))


def draw_rules(draw: random.Random) -> Rules:
    def price(top: int) -> Fraction:
        return Fraction(draw.randint(1, top * 1000), 1000)

    months = range(1, 13)
    return Rules(
        energy=price(1),
        sold=price(1),
        this_bill=draw.random() < 0.5,
        expires=draw.choice([None, 1, 3, 12]),
        true_up=draw.choice(months),
        share=draw.choice([Fraction(0), Fraction(1), Fraction(1, 2)]),
        monthly=draw.choice([Fraction(0), price(40)]),
        yearly=draw.choice([Fraction(0), price(900)]),
        year_end=draw.choice(months),
        after_credits=draw.random() < 0.5,
        percent=price(25),
        floor=price(3),
        own=set(draw.sample(months, draw.randint(0, 12))),
        counted=set(range(draw.randint(1, 6), draw.randint(7, 12))),
        pct=Fraction(draw.choice([50, 80, 100])),
        reach=draw.randint(1, 14),
        part=draw.choice(["days", "months", "none"]),
    )


def decimal(value: Fraction) -> str:
    return format(Decimal(value.numerator) / Decimal(value.denominator), "f")


def tariff(rules: Rules) -> TariffVersion:
    basis = "after_credits" if rules.after_credits else "before_credits"
    counted = f"{min(rules.counted)}-{max(rules.counted)}"
    parts = [f"current(kw, months: {month}-{month})" for month in sorted(rules.own)]
    parts.append(f"prior(kw, months: {counted}, pct: {rules.pct})")
    formula = f"max({', '.join([decimal(rules.floor), *parts])})"
    bank: dict[str, Any] = {
        "earn": "sold",
        "price": decimal(rules.sold),
        "offsets": "energy",
        "when": "this_bill" if rules.this_bill else "next_bill",
        "true_up": {"month": str(rules.true_up), "pay": decimal(rules.share)},
    }
    if rules.expires is not None:
        bank["expires_months"] = str(rules.expires)
    of = ["energy", "solar"]
    minimums = [
        {"id": "month", "of": of, "amount": decimal(rules.monthly), "basis": basis},
        {"id": "year", "of": of, "amount": decimal(rules.yearly), "per": "year", "basis": basis}
        | {"year_end": str(rules.year_end), "share": rules.part},
    ]
    said = {
        "tariff": "chain",
        "effective": "2020-01-01",
        "zone": ZONE,
        "currency": {"code": "EUR"},
        "cycle": {"normal_days": "30"},
        "state": {"kw": {"months": str(rules.reach)}},
        "determinants": {
            "kwh": {"sum": "import"},
            "sold": {"sum": "export"},
            "kw": {"max": "import"},
            "billed": {"expr": formula, "unit": "kW"},
        },
        "charges": [
            {"id": "energy", "qty": "kwh", "price": decimal(rules.energy)},
            {"id": "demand", "qty": "billed", "price": "3"},
        ],
        "banks": {"solar": bank},
        "minimums": minimums,
        "taxes": [
            {"id": "tax", "percent": decimal(rules.percent), "of": "all", "point": "interval"}
        ],
    }
    return TariffVersion.of(load_tariff(json.dumps(said)))


def one_hour_a_day(days: DayRange, wh: int, hour: int, channel: int) -> list[DayBlock]:
    def at(local: datetime) -> int:
        return wh if local.hour == hour and local.minute == 0 else 0

    return blocks_from(days, ZONE, 3600, at, channel_id=channel)


@pytest.mark.parametrize("seed", range(CHAINS))
def test_a_chain_of_bills_is_that_of_plain_lists(seed: int) -> None:
    draw = random.Random(f"chain{seed}")  # noqa: S311 - not for secrets
    rules, books, state = draw_rules(draw), Books(), CarriedState()
    version = tariff(rules)
    cycle = Cycle(2024, draw.randint(1, 12), draw.choice([1, 1, 15, 29, 30, 31]))
    for number in range(MONTHS):
        days = cycle.days
        assert days.first.day == min(cycle.anchor, last_day(days.first))
        used, sold = draw.randint(0, 4000), draw.choice([0, draw.randint(0, 9000)])
        blocks = {
            "import": one_hour_a_day(days, used, 12, 1),
            "export": one_hour_a_day(days, sold, 13, 2),
        }
        rated = rate(blocks, AgreementFacts(), [version], ResolvedCalendar(), days, opening=state)
        assert not rated.holds, rated.holds
        energy = [Fraction(sum(int(b.values.sum()) for b in blocks[n]), 1000) for n in blocks]
        last = days.days()[-1]
        books.first = days.first if number == 0 else books.first
        wanted = bill(rules, books, last, energy[0], energy[1], Fraction(used, 1000))
        found = [line.amount for line in rated.lines]
        assert found == wanted, (seed, number, last, [line.key for line in rated.lines], rules)
        state = CarriedState.from_json(rated.closing.to_json())
        kept = [(c.earned.year * 12 + c.earned.month, c.amount) for c in state.credits]
        assert kept == books.credits, (seed, number)
        cycle = cycle.next


def last_day(day: date) -> int:
    following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return (following - date(day.year, day.month, 1)).days

"""Every kind of charge in every way that a bill is cut, as a rater computes it that asks each hour.

A cell is a charge (a row of `CHARGES`) on a bill (a row of `CUTS`). The other rater shares no code
with the product; where a line differs by a cent, the cell fails.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

import pytest

from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.columnar.rate_batch import rate_many
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.lineage import explain
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from firmware_bridge.contract.interval import local_day
from tests.support import brute_matrix as brute
from tests.support.rating import blocks_of
from tests.support.size import sized

ZONE = "Europe/Madrid"
DRAWS = sized("METERLINE_MATRIX_DRAWS", 1, 60)
SEASONS = ("s", "w")
HEAD = """\
tariff: cell
effective: {effective}
zone: Europe/Madrid
currency: {{code: EUR}}
cycle: {{normal_days: cycle}}
needs: {{seats: seat, exempt: bool}}
calendar:
  seasons: {{s: "{begins}..12-31", w: rest}}
  periods: {{day: [{{at: "08:00-20:00"}}], night: rest}}
series: {{net: {{expr: import - export}}, market: {{price: M}}}}
determinants:
  kwh: {{sum: import}}
  tou: {{sum: import, by: period}}
  kw: {{max: import, window: 60m}}
  tou_kw: {{max: import, window: 60m, by: period}}
  daily: {{max: import, window: 60m, per: day}}
  apparent: {{expr: "kw * 1.25", unit: kVA}}
  seat: {{counter: seats}}
  taken: {{sum: net, side: use, netting: bill}}
  given: {{sum: net, side: surplus, netting: bill}}
  banked: {{sum: net, bank: nem, netting: bill}}
charges: [{charge}]
banks: {{nem: {{unit: kWh}}}}
"""
P = "{s: @s, w: @w}"
BY_PERIOD = "{s: {day: @s, night: half@s}, w: {day: @w, night: half@w}}"
STEPS = "steps: [{to: %s, price: {s: @s, w: @w}}, {to: null, price: {s: twice@s, w: twice@w}}]"
ENERGY = f"{{id: c, qty: kwh, price: {P}}}"


def fixed(more: str) -> str:
    return f"{{id: c, price: {P}, {more}}}"


def of(qty: str, more: str = "") -> str:
    return f"{{id: c, qty: {qty}, price: {P}{more}}}"


def stepped(bound: str, tiers: str) -> str:
    return f"{{id: c, qty: kwh, tiers: {{{tiers}}}, {STEPS % bound}}}"


TAX = "taxes: [{id: t, percent: 21, of: c, point: %s}]\n"
MINIMUM = "minimums: [{id: m, of: c, amount: 900%s}]\n"
TERM = "commitments: [{id: m, of: c, per: month, amount: %s, qty: %s}]\n"

CHARGES: dict[str, tuple[str, str, brute.Pricer]] = {
    "per day": (fixed("per: day"), "", brute.each(lambda b, d: brute.price(b, d) * len(d))),
    "per month": (
        fixed("per: month"),
        "",
        brute.each(lambda b, d: brute.price(b, d) * brute.month(b, d)),
    ),
    "per year": (
        fixed("per: year"),
        "",
        brute.each(lambda b, d: brute.price(b, d) / 12 * brute.month(b, d)),
    ),
    "per year by days": (fixed("per: year_by_days"), "", brute.each(brute.by_days_of_year)),
    "per month, whole": (
        fixed("per: month, prorate: none"),
        "",
        brute.each(lambda b, d: brute.price(b, d) * brute.share(b, d)),
    ),
    "fact per month": (
        of("seats", ", per: month"),
        "",
        brute.each(lambda b, d: brute.price(b, d) * brute.seats(d) * brute.month(b, d)),
    ),
    "count": (
        of("seat"),
        "",
        brute.each(lambda b, d: brute.price(b, d) * brute.seats(d) * brute.share(b, d)),
    ),
    "energy": (ENERGY, "", brute.each(brute.energy_line)),
    "energy by period": (
        f"{{id: c, qty: tou, price: {BY_PERIOD}}}",
        "",
        brute.by_hours_of_day,
    ),
    "graduated": (
        stepped("300", "kind: graduated"),
        "",
        brute.graduated(lambda b, d: 300 * brute.month(b, d)),
    ),
    "graduated, whole": (
        stepped("300", "scale: whole"),
        "",
        brute.graduated(lambda *_: Fraction(300)),
    ),
    "graduated per day": (
        stepped("9, unit: kWh/day", "kind: graduated"),
        "",
        brute.graduated(lambda _, d: Fraction(9 * len(d))),
    ),
    "graduated per kW": (
        stepped("200, unit: kWh/kW, of: kw", "kind: graduated"),
        "",
        brute.graduated(lambda b, d: 200 * brute.peak(d) * brute.month(b, d)),
    ),
    "package": (stepped("300", "kind: package, size: 7"), "", brute.packages),
    "volume": (stepped("300", "kind: volume"), "", brute.each(brute.volume)),
    "stair": (stepped("300", "kind: stair"), "", brute.each(brute.reached)),
    "demand": (
        of("kw"),
        "",
        brute.each(lambda b, d: brute.peak(d) * brute.price(b, d) * brute.share(b, d)),
    ),
    "demand per month": (
        of("kw", ", per: month"),
        "",
        brute.each(lambda b, d: brute.peak(d) * brute.price(b, d) * brute.month(b, d)),
    ),
    "demand by period": (
        f"{{id: c, qty: tou_kw, price: {BY_PERIOD}}}",
        "",
        brute.demand_by_hours_of_day,
    ),
    "daily demand": (of("daily"), "", brute.each(brute.daily_peaks)),
    "demand in kVA": (
        of("apparent"),
        "",
        brute.each(
            lambda b, d: brute.peak(d) * Fraction(5, 4) * brute.price(b, d) * brute.share(b, d)
        ),
    ),
    "market price": ("{id: c, qty: import, times: market}", "", brute.each(brute.at_market)),
    "net use": (of("taken"), "", brute.netted(1)),
    "surplus": (of("given"), "", brute.netted(-1)),
    "bank of energy": (of("banked"), "", brute.netted(1)),
    "tax by interval": (ENERGY, TAX % "interval", brute.with_tax_of_each),
    "tax": (ENERGY, TAX % "period_end", brute.with_tax),
    "exemption": (ENERGY.replace("}}", "}, unless: exempt}"), "", brute.unless_exempt),
    "minimum": (ENERGY, MINIMUM % "", brute.topped_up(brute.a_month)),
    "minimum per kW": (ENERGY, MINIMUM % ", qty: kw", brute.topped_up(brute.a_month_per_kw)),
    "commitment per kW": (ENERGY, TERM % (900, "kw"), brute.topped_up(brute.a_term_per_kw)),
    "commitment per kWh": (ENERGY, TERM % (3, "kwh"), brute.topped_up(brute.a_term_per_kwh)),
}


@dataclass(frozen=True)
class Cut:
    """How a bill is cut.

    Args:
        month: Its first day.
        season: Day of the month on which another season begins; None for none.
        version: The same of another version.
        fact: The same of other facts.
        first: Day of the month that is the first billed.
        last: Day of the month that is the last billed; None for the month's.
    """

    month: date = date(2026, 6, 1)
    season: int | None = None
    version: int | None = None
    fact: int | None = None
    first: int = 1
    last: int | None = None


OCTOBER, MARCH = date(2026, 10, 1), date(2026, 3, 1)
CUTS = {
    "one segment": Cut(),
    "season change": Cut(season=16),
    "version change": Cut(version=21),
    "fact change": Cut(fact=11),
    "move-in": Cut(first=6),
    "move-out": Cut(last=20),
    "25 hours": Cut(OCTOBER),
    "23 hours": Cut(MARCH),
    "all at once": Cut(OCTOBER, 26, 21, 11, first=4, last=29),
    "season and version": Cut(season=10, version=10),
}


@lru_cache
def drawn(how: str, seed: int) -> tuple[brute.Bill, DayRange]:
    """What is billed in the plainest terms, and the days of its month."""
    cut, draw = CUTS[how], random.Random(f"{how} {seed}")  # noqa: S311 - not for secrets
    end = (cut.month + timedelta(days=31)).replace(day=1)
    whole = DayRange(cut.month, end)
    first, stop = cut.month.replace(day=cut.first), end
    if cut.last is not None:
        stop = cut.month.replace(day=cut.last) + timedelta(days=1)
    top = draw.choice([300, 1500, 9000])
    hours = brute.hours_of(cut.month, end, ZONE, lambda: draw.randint(0, top))
    days = [
        brute.Day(
            day,
            int(cut.version is not None and day.day >= cut.version),
            "s" if cut.season is None or day.day >= cut.season else "w",
            3 + 4 * int(cut.fact is not None and day.day >= cut.fact),
            exempt=cut.fact is not None and day.day >= cut.fact,
            hours=hours[day],
        )
        for day in whole.days()
        if first <= day < stop
    ]
    prices = {
        (version, season): Fraction(draw.randint(1, 9999), 10_000) * 2
        for version in (0, 1)
        for season in SEASONS
    }
    return brute.Bill(days, whole.count, prices), whole


def tariff(cut: Cut, charge: str, more: str, bill: brute.Bill) -> list[TariffVersion]:
    begins = cut.month.replace(day=cut.season or 1)
    found = []
    for version in (0, 1):
        if version and cut.version is None:
            continue
        effective = cut.month.replace(day=cut.version or 1) if version else date(2020, 1, 1)
        priced = charge
        for season in SEASONS:
            own = bill.prices[version, season]
            for word, value in (("twice", own * 2), ("half", own / 2), ("", own)):
                text = format(Decimal(value.numerator) / value.denominator, "f")
                priced = priced.replace(f"{word}@{season}", text)
        text = HEAD.format(effective=effective.isoformat(), begins=f"{begins:%m-%d}", charge=priced)
        found.append(TariffVersion.of(load_tariff(text + more)))
    return found


@lru_cache
def measured(how: str, seed: int) -> tuple[DayRange, dict[str, list[DayBlock]], PriceSeries]:
    """The billed days, what their meters counted, and the market's prices."""
    bill, _ = drawn(how, seed)
    days = DayRange(bill.days[0].day, bill.days[-1].day + timedelta(days=1))
    every = [hour for day in bill.days for hour in day.hours]
    blocks = {
        "import": blocks_of(days, ZONE, 3600, [hour.used for hour in every]),
        "export": blocks_of(days, ZONE, 3600, [hour.fed for hour in every], channel_id=2),
    }
    start = local_day(days.first, ZONE).start
    return days, blocks, PriceSeries("M", start, 3600, tuple(hour.price for hour in every), -3)


def rated_by_product(how: str, seed: int, versions: Sequence[TariffVersion], of_many: int) -> Rated:
    cut, (_, whole) = CUTS[how], drawn(how, seed)
    days, blocks, prices = measured(how, seed)
    facts = [Fact("seats", Decimal(3)), Fact("exempt", value=False)]
    if cut.fact is not None:
        begins = cut.month.replace(day=cut.fact)
        facts += [Fact("seats", Decimal(7), begins), Fact("exempt", value=True, effective=begins)]
    terms = Terms(tuple(versions), ResolvedCalendar(), days, BillingPeriod.month(whole), (prices,))
    rated = rate_many([Meter(blocks, AgreementFacts(tuple(facts)))] * of_many, terms)[-1]
    assert not rated.holds, rated.holds
    for line in rated.lines:
        explain(line, blocks)
    return rated


CELLS = [
    (name, how)
    for name in CHARGES
    for how in CUTS
    # In `make test`, every charge where all comes at once, and every cut of some charges.
    if DRAWS > 1 or how == "all at once" or name in {"energy by period", "demand", "net use"}
]


@pytest.mark.parametrize(("name", "how"), CELLS)
def test_a_charge_is_that_of_every_hour(name: str, how: str) -> None:
    charge, more, by_hand = CHARGES[name]
    cut = CUTS[how]
    for seed in range(DRAWS):
        bill, _ = drawn(how, seed)
        versions = tariff(cut, charge, more, bill)
        wanted = sorted(by_hand(bill))
        for of_many in (1, 4) if seed == 0 else (1,):
            rated = rated_by_product(how, seed, versions, of_many)
            amounts = sorted(line.amount for line in rated.lines)
            assert amounts == wanted, (seed, [(x.key, x.amount, x.note) for x in rated.lines])
        left = sum((credit.amount for credit in rated.closing.credits), Fraction(0))
        assert left == max(Fraction(0), -brute.net(bill.days))

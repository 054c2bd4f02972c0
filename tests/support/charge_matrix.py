"""How the matrix of charges and cuts is rated: a cell's tariff, its bill, and the product's lines.

A cell is a charge (a `Row`) on a bill (one of `CUTS`). The other rater, `brute_matrix`, shares no
code with the product; where a line differs by a cent, the cell fails.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.columnar.rate_batch import rate_many
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.one_off import OneOff
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.inputs.usage_event import Events
from central.domain.rating.lineage import explain
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from firmware_bridge.contract.interval import local_day
from tests.support import brute_matrix as brute
from tests.support.rating import blocks_of

ZONE = "Europe/Madrid"
SEASONS = ("s", "w")
HEAD = """\
tariff: cell
effective: @EFFECTIVE
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: @CYCLE}
needs: {seats: seat, exempt: bool@NEEDS}
calendar:
  seasons: {s: "@BEGINS..12-31", w: rest}
  periods: {day: [{at: "08:00-20:00"}], night: rest}
series: {net: {expr: import - export}, market: {price: M}@SERIES}
determinants:
  kwh: {sum: import}
  tou: {sum: import, by: period}
  kw: {max: import, window: 60m}
  tou_kw: {max: import, window: 60m, by: period}
  daily: {max: import, window: 60m, per: day}
  apparent: {expr: "kw * 1.25", unit: kVA}
  seat: {counter: seats}
  taken: {sum: net, side: use, netting: bill}
  given: {sum: net, side: surplus, netting: bill}
  banked: {sum: net, bank: nem, netting: bill@BANKED}
@DETERMINANTS
charges: [@CHARGE]
banks: {nem: {unit: kWh@NEM}@BANKS}
"""


class Feed(NamedTuple):
    """What a row's bill is made from beside its two meters, its prices and its facts.

    Args:
        blocks: Input to blocks of further meters, or of days before the bill.
        prices: Further series.
        events: Stream to events.
    """

    blocks: Mapping[str, Sequence[DayBlock]] = MappingProxyType({})
    prices: tuple[PriceSeries, ...] = ()
    events: Events = MappingProxyType({})


class Row(NamedTuple):
    """A charge of the matrix.

    Args:
        charge: Its mapping; `@s` and `@w` are the prices of the version in both seasons. `#0` to
            `#7` are numbers that are drawn, and `@TURN` is a day of the month that is.
        more: Members of the document behind its charges, with the same marks.
        by_hand: The lines by brute force.
        marks: What stands in `HEAD` at each of its marks.
        facts: Name to what a fact says first, if there is one, and from the cut's day on.
        opening: What the bill opens with, of its month.
        posted: Charges and credits of the account, of the month's first day and drawn numbers.
        feed: What else the bill is made from.
    """

    charge: str
    more: str
    by_hand: brute.Pricer
    marks: Mapping[str, str] = {}
    facts: Mapping[str, tuple[Decimal | str | None, Decimal | str]] = {}
    opening: Callable[[date], CarriedState] = lambda _: CarriedState()
    posted: Callable[[date, Sequence[int]], tuple[OneOff, ...]] = lambda *_: ()
    feed: Callable[[brute.Bill], Feed] = lambda _: Feed()


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
        again: Day of the month on which a third version begins, after the second.
    """

    month: date = date(2026, 6, 1)
    season: int | None = None
    version: int | None = None
    fact: int | None = None
    first: int = 1
    last: int | None = None
    again: int | None = None


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
MIXED = "mixed"
"""How a bill is cut whose cut is drawn with the rest of it."""
_MONTHS = (date(2026, 6, 1), OCTOBER, MARCH, date(2026, 2, 1), date(2028, 2, 1), date(2027, 9, 1))


def cut_of(how: str, seed: int) -> Cut:
    """One of `CUTS`, or a drawn one."""
    if how != MIXED:
        return CUTS[how]
    draw = random.Random(f"cut {seed}")  # noqa: S311 - not for secrets
    season, version, fact = (draw.choice([None, draw.randint(2, 28)]) for _ in range(3))
    first = draw.choice([1, 1, draw.randint(2, 14)])
    last = draw.choice([None, None, draw.randint(first, 28)])
    again = None if version in {None, 28} else draw.choice([None, draw.randint(version + 1, 28)])
    return Cut(draw.choice(_MONTHS), season, version, fact, first, last, again)


@lru_cache
def drawn(how: str, seed: int) -> tuple[brute.Bill, DayRange]:
    """What is billed in the plainest terms, and the days of its month."""
    cut, draw = cut_of(how, seed), random.Random(f"{how} {seed}")  # noqa: S311 - not for secrets
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
            sum(begins is not None and day.day >= begins for begins in (cut.version, cut.again)),
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
        for version in (0, 1, 2)
        for season in SEASONS
    }
    numbers = [draw.randint(-99, 999) for _ in range(8)]
    return brute.Bill(days, whole.count, prices, numbers, draw.randint(2, 28)), whole


def tariff(cut: Cut, row: Row, bill: brute.Bill) -> list[TariffVersion]:
    return [TariffVersion.of(load_tariff(text)) for text in texts(cut, row, bill)]


def texts(cut: Cut, row: Row, bill: brute.Bill) -> list[str]:
    """The documents of the versions of a cell's tariff."""
    begins = cut.month.replace(day=cut.season or 1)
    versions = []
    for version, day in enumerate((None, cut.version, cut.again)):
        if version and day is None:
            continue
        effective = date(2020, 1, 1) if day is None else cut.month.replace(day=day)
        text = HEAD.replace("@CHARGE", row.charge) + row.more
        for mark in ("NEEDS", "SERIES", "BANKED", "DETERMINANTS", "NEM", "BANKS"):
            text = text.replace(f"@{mark}", row.marks.get(mark, ""))
        text = text.replace("@CYCLE", row.marks.get("CYCLE", "cycle"))
        text = text.replace("@EFFECTIVE", effective.isoformat())
        text = text.replace("@BEGINS", f"{begins:%m-%d}")
        text = text.replace("@MONTH", f"{cut.month:%Y-%m}").replace("@MM", f"{cut.month:%m}")
        text = text.replace("@M", str(cut.month.month))
        text = text.replace("@TURN", f"{bill.turn:02}")
        for place, cents in enumerate(bill.numbers):
            text = text.replace(f"#{place}", f"{cents / 100:.2f}")
            text = text.replace(f"@ABS{place}", f"{abs(cents) / 100:.2f}")
        for season in SEASONS:
            price = bill.prices[version, season]
            for word, value in (("twice", price * 2), ("half", price / 2), ("", price)):
                number = format(Decimal(value.numerator) / value.denominator, "f")
                text = text.replace(f"{word}@{season}", number)
        versions.append(text)
    return versions


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


def rated_by_product(
    how: str, seed: int, row: Row, versions: Sequence[TariffVersion], of_many: int
) -> Rated:
    cut, (bill, whole) = cut_of(how, seed), drawn(how, seed)
    days, blocks, prices = measured(how, seed)
    facts = [Fact("seats", Decimal(3)), Fact("exempt", value=False)]
    facts += [Fact(name, before) for name, (before, _) in row.facts.items() if before is not None]
    if cut.fact is not None:
        begins = cut.month.replace(day=cut.fact)
        facts += [Fact(name, after, begins) for name, (_, after) in row.facts.items()]
        facts += [Fact("seats", Decimal(7), begins), Fact("exempt", value=True, effective=begins)]
    feed = row.feed(bill)
    blocks = {
        name: [*blocks.get(name, ()), *feed.blocks.get(name, ())]
        for name in {*blocks, *feed.blocks}
    }
    period = BillingPeriod.month(whole)
    terms = Terms(tuple(versions), ResolvedCalendar(), days, period, (prices, *feed.prices))
    meter = Meter(
        blocks,
        AgreementFacts(tuple(facts)),
        row.opening(cut.month),
        one_offs=row.posted(cut.month, bill.numbers),
        events=feed.events,
    )
    rated = rate_many([meter] * of_many, terms)[-1]
    assert not rated.holds, rated.holds
    for line in rated.lines:
        explain(line, blocks, feed.events)
    return rated


def check_cell(row: Row, how: str, draws: int) -> list[Rated]:
    """Compare every line of a cell with the other rater's; gives the product's bills."""
    return [check_bill(row, how, seed, many=seed == 0) for seed in range(draws)]


def check_bill(row: Row, how: str, seed: int, *, many: bool) -> Rated:
    """Compare every line of a bill, and of one of many alike, with the other rater's."""
    bill, _ = drawn(how, seed)
    versions = tariff(cut_of(how, seed), row, bill)
    wanted = sorted(row.by_hand(bill))
    for of_many in (1, 4) if many else (1,):
        rated = rated_by_product(how, seed, row, versions, of_many)
        amounts = sorted(line.amount for line in rated.lines)
        assert amounts == wanted, (seed, [(x.key, x.amount, x.note) for x in rated.lines])
    return rated

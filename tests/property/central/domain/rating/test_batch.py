"""A batch gives every meter the bill that it gets alone: lines, lineage, state and hash.

Long, for it writes out the tariffs of every construct that columns hold.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from central.domain.metering.block import DayBlock
from central.domain.metering.quality import NULL
from central.domain.rating.bill_lines.bill_form import figures_of, filled, form_of
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.bill_lines.line_text import LineTexts
from central.domain.rating.charges.ending import PartEnding
from central.domain.rating.columnar import rate_batch
from central.domain.rating.columnar.exact_column import Column, share_out
from central.domain.rating.columnar.rate_batch import rate_many
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.hashing import canonical
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.billing_period import BillingPeriod, WholeMonths
from central.domain.rating.inputs.carried_state import CarriedState, Credit, Origin, Peak
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.lineage import explain
from central.domain.rating.rate import RatingOptions, rate
from central.domain.rating.rounding import half_away, largest_remainder
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.state_rules import Owner
from central.domain.tariff.version import TariffVersion
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.quantity import Unit
from tests.support.size import sized

BATCHES = sized("METERLINE_BATCHES", 6, 500)
ZONE = "Europe/Madrid"
CALENDAR = ResolvedCalendar(tzdata="2026a")
HEAD = """\
tariff: batch
effective: 2020-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: 30}
"""
PERIODS = """\
calendar:
  seasons: {summer: 04-01..10-14, winter: rest}
  days: {work: mon-fri, off: rest}
  periods: {peak: [{days: work, at: "08:00-20:00"}], low: rest}
"""
BODIES = {
    "rounded": """\
quantities: {kWh: 1, kW: 1}
determinants:
  kwh: {sum: import, by: period}
  kw: {max: import, window: 60m, by: period}
  roll: {max: import, window: 30m, mode: rolling, estimated: include}
  daily: {max: import, per: day}
  days: {max: import, by: period, window: 30m, mean_of: 3}
state: {kw: {months: 12, missing: ignore}}
charges:
  - {id: standing, price: 4.21, per: month}
  - {id: licence, price: 73.11, per: year_by_days}
  - {id: energy, qty: kwh, price: {peak: 0.2, low: 0.1}}
  - {id: all, qty: kwh.total, price: 0.01}
  - {id: demand, qty: kw, price: {peak: 7, low: 2}, per: day}
  - {id: year, qty: kw.total, price: 40.9, per: year_by_days}
  - {id: roll, qty: roll, steps: [{to: 3, price: 2}, {to: null, price: 1.5}]}
  - {id: daily, qty: daily, price: 0.05}
  - {id: days, qty: days, price: {peak: 3, low: 1}}
riders: [{id: discount, percent: -5.5, of: energy}]
minimums: [{id: floor, of: [energy, discount], amount: 130}]
taxes:
  - {id: duty, percent: 5.1127, of: [energy], point: interval}
  - {id: vat, percent: 21, of: all, point: period_end}
settlement: [{round_total: {to: 0.05}}]
""".replace("id: all, qty", "id: every, qty"),
    "months": """\
quantities: {kWh: 1, kW: 2}
determinants:
  kwh: {sum: import, by: period}
  kw: {max: import, window: 60m, by: period}
  least: {max: import, window: 30m}
  ratchet:
    expr: "max(kw.peak, 3.5, prior(kw, months: 1-12, pct: 80), current(kw.low, months: 10-11))"
    unit: kW
  mean: {expr: "mean(kw.peak, months: 4, floor: 2.25) / 2", unit: kW}
  total: {expr: "total(kwh, months: 3) + kwh.low", unit: kWh}
  last: {expr: "prior(least, months: 6-9, pct: 50)", unit: kW}
state:
  kw: {months: 12, missing: ignore}
  kwh: {months: 3, missing: ignore}
  least: {months: 3, missing: hold}
charges:
  - {id: ratchet, qty: ratchet, price: 3}
  - {id: mean, qty: mean, price: 40, per: year}
  - {id: total, qty: total, price: 0.01, per: month}
  - {id: last, qty: last, steps: [{to: 1, price: 2}, {to: null, price: 1}]}
""",
    "computed": """\
quantities: {kWh: 2, kW: 1}
needs: {contracted: kW}
series:
  supplied: {expr: import * losses, factors: {losses: contracted}, unit: kWh}
  heat: {expr: 1.05 * import * cv, factors: {cv: M}, unit: kWh}
  sold: {expr: -0.5 * import, unit: kWh}
determinants:
  kwh: {sum: supplied, by: period}
  kw: {max: heat, window: 60m}
  heat_kwh: {sum: heat}
  half: {sum: sold, side: both}
charges:
  - {id: energy, qty: kwh, price: {peak: 0.2, low: 0.1}}
  - {id: demand, qty: kw, price: 3}
  - {id: heat, qty: heat_kwh, price: 0.1}
  - {id: half, qty: half, price: 0.01}
""",
    "banked": """\
quantities: {kWh: 1}
series: {sold: {expr: -0.5 * import}, net: {expr: import - 1.2 * import}}
determinants:
  taken: {sum: import, by: period, bank: roof, netting: month}
  given: {sum: sold, by: period, bank: wall, netting: bill}
  over: {sum: net, side: surplus, netting: bill}
charges:
  - {id: energy, qty: taken, price: {peak: 0.2, low: 0.1}}
  - {id: steps, qty: taken, steps: [{to: 50, price: 0.03}, {to: null, price: 0.05}]}
  - {id: given, qty: given, price: 0.1}
  - {id: over, qty: over, price: -0.05}
banks: {roof: {unit: kWh}, wall: {unit: kWh}}
taxes: [{id: vat, percent: 21, of: all, point: interval}]
""",
    "tiers": """\
quantities: {kWh: 0}
determinants: {kwh: {sum: import, by: period}, floor: {sum: import}}
charges:
  - id: prorata
    qty: kwh
    steps: [{to: 100, price: {peak: 0.1, low: 0.2}}, {to: null, price: {peak: 0.3, low: 0.15}}]
  - id: alone
    qty: kwh
    steps: [{to: 5.5, unit: kWh/day, price: 0.07}, {to: null, price: 0.31}]
    tiers: {style: per_period}
  - id: slab
    qty: floor
    steps: [{to: 300, price: 0.1}, {to: 600.5, price: 0.09}, {to: null, price: 0.08}]
    tiers: {kind: volume}
  - {id: pack, qty: floor, steps: [{to: null, price: 3}], tiers: {kind: package, size: 150}}
  - id: stair
    qty: floor
    steps: [{to: 250, price: 10}, {to: null, price: 30}]
    tiers: {kind: stair}
taxes: [{id: vat, percent: 10, of: [stair, pack], point: interval}]
""",
    "facts": """\
needs: {contracted: kW, exempt: bool, lamps: lamp}
determinants:
  kwh: {sum: import}
  base: {per_day: {summer: 8.4, winter: 11}, unit: kWh}
  lit: {counter: lamps}
charges:
  - {id: capacity, qty: contracted, price: 0.115187, per: day}
  - {id: grid, qty: contracted, price: {summer: 30.1, winter: 42.3}, per: year_by_days}
  - {id: lamps, qty: lit, price: 1.5}
  - id: energy
    qty: kwh
    steps:
      - {to: 1.0, unit: ratio, of: base, price: 0.1}
      - {to: 1.3, unit: ratio, of: base, price: 0.2}
      - {to: null, price: 0.4}
  - {id: contract, qty: kwh, steps: [{to: 100, unit: kWh/kW, of: contracted, price: 0.01},
     {to: null, price: 0.02}]}
taxes: [{id: vat, percent: 21, of: all, unless: exempt, point: interval}]
""",
    "tables": """\
needs: {zone: text, contracted: kW}
tables:
  access:
    by: zone
    rows:
      - {from: 2020-01-01, values: {A: 0.05, B: 0.06}}
      - {from: 2026-10-18, values: {A: 0.055, B: 0.07}}
  share: {by: zone, rows: [{from: 2020-01-01, values: {A: -5, B: 7.5}}]}
determinants: {kwh: {sum: import}, over: {expr: kwh - contracted * access, unit: kWh}}
charges:
  - {id: energy, qty: kwh, rate: access}
  - {id: over, qty: over, price: 0.01}
  - {id: power, qty: contracted, rate: access, per: day}
riders: [{id: share, rate: share, of: energy}]
taxes: [{id: vat, percent: 21, of: all, point: interval}]
""",
    "times": """\
quantities: {kWh: 1}
needs: {contracted: kW}
series:
  spot: {price: M}
  retail: {prices: "max(0.01, min(0.3, spot * 1.1 + contracted / 100))"}
determinants: {kwh: {sum: import}}
charges:
  - {id: pool, qty: import, times: spot}
  - {id: energy, qty: kwh, price: 0.1}
riders: [{id: capped, qty: import, times: retail}, {id: margin, percent: 3, of: pool}]
taxes: [{id: vat, percent: 21, of: all, point: interval}]
""",
    "agreed": """\
determinants: {kwh: {sum: import, by: period}, kw: {max: import}}
charges:
  - {id: energy, qty: kwh, price: {peak: 0.2, low: 0.1}}
  - {id: demand, qty: kw, price: 5}
  - {id: standing, price: 4.21, per: month}
riders: [{id: fuel, percent: 3, of: energy}]
minimums: [{id: floor, of: [energy, fuel], amount: 60}]
taxes: [{id: vat, percent: 21, of: all, point: interval}]
""",
    "formula": """\
quantities: {pf: 3}
needs: {contracted: kW}
determinants:
  kwh: {sum: import, by: period}
  kw: {max: import}
  billing: {expr: "max(kw, 0.8 * contracted, 2)", unit: kW}
  share: {expr: "kwh.peak / kwh.total else 0", unit: share}
  pf: {expr: "min(1, kwh / (kw * 24) else 1)", unit: pf}
  adjusted: {expr: "billing * max(1, 0.95 / max(pf, 0.1)) - kw / 3", unit: kW}
charges:
  - {id: energy, qty: kwh, price: 0.1}
  - {id: demand, qty: billing, price: 5}
  - {id: steps, qty: billing, steps: [{to: 2.5, price: 3}, {to: null, price: 4}]}
  - {id: adjusted, qty: adjusted, price: 2, per: day}
  - {id: share, qty: share, price: -7.77}
  - {id: factor, qty: pf, price: 1}
taxes: [{id: vat, percent: 21, of: all, point: interval}]
""",
}


def version(body: str, effective: str = "2020-01-01", price: str = "") -> TariffVersion:
    text = HEAD.replace("2020-01-01", effective) + PERIODS + body
    return TariffVersion.of(load_tariff(text.replace("0.1}", f"0.1{price}}}")))


FACTS = AgreementFacts(
    (
        Fact("contracted", Decimal("4.6")),
        Fact("contracted", Decimal("5.75"), date(2026, 10, 9)),
        Fact("exempt", value=False),
        Fact("lamps", Decimal(3)),
        Fact("zone", "A"),
        Fact("zone", "B", date(2026, 10, 14)),
    )
)
MARKET = (
    PriceSeries(
        "M",
        datetime(2026, 9, 30, 22, tzinfo=UTC),
        3600,
        tuple(random.Random(1).randint(-900, 4000) for _ in range(80 * 24)),  # noqa: S311
        -4,
    ),
)
PAST = tuple(Peak("least", "", date(2026, month, 1), Fraction(2)) for month in (7, 8, 9))
AGREED = AgreementFacts(
    (
        Fact("price.energy.peak", Decimal("0.17")),
        Fact("price.energy.peak", "tariff", date(2026, 10, 17)),
        Fact("discount.all", Decimal("7.5"), date(2026, 10, 12)),
    )
)
EXEMPT = AgreementFacts.of(contracted=Decimal(3), exempt=True, lamps=Decimal(0), zone="A")


def blocks(  # noqa: PLR0913 - what differs between meters
    draw: random.Random,
    days: DayRange,
    step_s: int,
    *,
    channel: int,
    exponent: int = 0,
    highest: int = 900,
    oddity: str = "",
) -> list[DayBlock]:
    found = []
    for day in days.days():
        interval = local_day(day, ZONE)
        count = interval.duration // timedelta(seconds=step_s)
        values = np.array([draw.randint(0, highest) for _ in range(count)], dtype=np.int64)
        quality = np.zeros(count, dtype=np.uint8)
        if oddity == "estimated" and day.day % 7 == 0:
            quality[10:20] = 2
        if oddity == "missing" and day.day == 9:
            values[3], quality[3] = NULL, 255
        if oddity == "gap" and day.day == 9:
            continue
        found.append(
            DayBlock(
                channel_id=channel,
                day=day,
                zone=ZONE,
                start=interval.start,
                period_s=step_s,
                exponent=exponent,
                unit=Unit.WATT_HOUR,
                values=values,
                quality=quality,
                version=draw.randint(1, 3),
            )
        )
    if oddity == "shuffled":
        draw.shuffle(found)
    return found


def meters_of(seed: int, days: DayRange, name: str) -> list[Meter]:
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    found = []
    oddities = ["", "", "", "", "estimated", "missing", "gap", "shuffled", "two", "idle", "", ""]
    for number, oddity in enumerate(oddities * 2):
        step = 900 if number < len(oddities) else 3600
        highest = 0 if oddity == "idle" else draw.choice([40, 900, 4000])
        own = blocks(draw, days, step, channel=number, highest=highest, oddity=oddity)
        if oddity == "two":
            own += blocks(draw, days, step, channel=100 + number)
        facts = FACTS if number % 3 else EXEMPT
        if name not in {"facts", "formula", "times", "tables"}:
            facts = AGREED if name == "agreed" and number % 3 else AgreementFacts()
        month = days.first.replace(day=1) - timedelta(days=40)
        past = Peak("kw", "peak", month.replace(day=1), Fraction(7, 2))
        peaks: tuple[Peak, ...] = (past,) if number % 2 else ()
        if name == "months":
            peaks = history(draw, days.first)
        opening = CarriedState(peaks=peaks)
        if name == "banked" and number % 4:
            opening = CarriedState(credits=banked(draw, month))
        found.append(Meter({"import": own}, facts, opening))
    return found


def banked(draw: random.Random, month: date) -> tuple[Credit, ...]:
    """Credits of earlier bills: of the banks of the tariff, seldom of another."""
    names = ["roof", "wall"] if draw.random() < 0.8 else ["other"]
    origin = Origin(month.replace(day=1), month, Owner.OCCUPANCY)
    kinds = [(draw.choice(names), draw.choice(["peak", "low"])) for _ in range(3)]
    return tuple(
        sorted(
            Credit(
                bank, label, month.replace(day=1), Fraction(draw.randint(1, 90_000), 700), origin
            )
            for bank, label in set(kinds)
        )
    )


def history(draw: random.Random, first: date) -> tuple[Peak, ...]:
    """Peaks and energy of the months before; of some meters a month is missing."""
    found = []
    for age in range(1, 6):
        month = (first.replace(day=1) - timedelta(days=28 * age)).replace(day=1)
        for name, label in (("kw", "peak"), ("kw", "low"), ("kwh", "low"), ("least", "")):
            if name != "least" or draw.random() < 0.95:
                found.append(Peak(name, label, month, Fraction(draw.randint(0, 9000), 700)))
    unlike = {(peak.name, peak.label, peak.month): peak for peak in found}
    return tuple(sorted(unlike.values()))


def assert_same(rated: Rated, meter: Meter, terms: Terms) -> None:
    """A bill of a batch is that of the meter alone: every object, its text and its hash."""
    single = alone(meter, terms)
    assert rated == single
    assert rated.to_json() == single.to_json()
    said = rated.to_json()
    assert rated.figures == canonical(figures_of(said))
    assert filled(form_of(said), figures_of(said)) == said
    assert rated.sha256 == single.sha256
    texts = [canonical(line.to_json()) for line in rated.lines]
    assert [text for _, text in rated.written_lines] in (texts, [])


def alone(meter: Meter, terms: Terms) -> Rated:
    return rate(
        meter.blocks,
        meter.facts,
        terms.versions,
        terms.calendar,
        terms.days,
        period=terms.period,
        ending=terms.ending,
        opening=meter.opening,
        prices=terms.prices,
        options=terms.options,
    )


@pytest.mark.parametrize("name", BODIES)
@settings(max_examples=BATCHES, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    first=st.integers(0, 20),
    length=st.integers(2, 14),
    months=st.sampled_from([1, 1, 2, 12]),
    rounded=st.booleans(),
)
def test_a_batch_bills_every_meter_as_it_is_billed_alone(  # noqa: PLR0913 - what is drawn
    name: str, seed: int, first: int, length: int, months: int, *, rounded: bool
) -> None:
    cycle = DayRange(date(2026, 10, 1), date(2026, 11, 1))
    begin = date(2026, 10, 8) + timedelta(days=first)
    days = DayRange(begin, begin + timedelta(days=length))
    cycle = DayRange(min(cycle.first, days.first), max(cycle.end, days.end))
    versions = (version(BODIES[name]), version(BODIES[name], "2026-10-20", "7"))
    period = BillingPeriod("2026-10.drawn", days, months, days.end)
    if length > 7:
        halves = (DayRange(cycle.first, begin), DayRange(begin, cycle.end))
        own = tuple(map(WholeMonths, halves, (1, months)))
        period = replace(period, days=cycle, lies_in=own)
    elif length > 3:
        period = replace(period, days=cycle)
    options, ending = RatingOptions(rounded=rounded), PartEnding(final=length % 2 == 0)
    terms = Terms(versions, CALENDAR, days, period, MARKET, options=options, ending=ending)
    meters = meters_of(seed, days, name)
    found = rate_many(meters, terms)
    for meter, rated in zip(meters, found, strict=True):
        assert_same(rated, meter, terms)
    for meter, rated in zip(meters[:2], found, strict=False):
        texts = LineTexts()
        for line in rated.lines:
            explain(line, meter.blocks)
            assert texts.of(line) == canonical(line.to_json())


@pytest.mark.parametrize("name", BODIES)
def test_plain_meters_are_not_rated_one_by_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Seasons change on the 15th, and banks of two segments are netted one by one.
    first = date(2026, 10, 16 if name == "banked" else 10)
    days = DayRange(first, first + timedelta(days=10))
    terms = Terms((version(BODIES[name]),), CALENDAR, days, BillingPeriod.month(days), MARKET)
    draw = random.Random(5)  # noqa: S311 - not for secrets
    facts = AGREED if name == "agreed" else FACTS
    opening = CarriedState(peaks=PAST if name == "months" else ())
    meters = [
        Meter({"import": blocks(draw, days, 900, channel=n)}, facts, opening) for n in range(6)
    ]
    monkeypatch.setattr(rate_batch, "rate", None)
    for rated in rate_many(meters, terms):
        assert rated.lines
        assert tuple(line for line, _ in rated.written_lines) == rated.lines


def test_values_beyond_64_bits_are_exact() -> None:
    days = DayRange(date(2026, 10, 1), date(2026, 10, 4))
    draw = random.Random(3)  # noqa: S311 - not for secrets
    for highest in (10**11, 10**16, 2**61):
        terms = Terms((version(BODIES["tiers"]),), CALENDAR, days, BillingPeriod.month(days))
        meters = [
            Meter({"import": blocks(draw, days, 3600, channel=n, exponent=-6, highest=highest)})
            for n in range(5)
        ]
        for meter, rated in zip(meters, rate_many(meters, terms), strict=True):
            assert_same(rated, meter, terms)


@given(
    rows=st.lists(
        st.lists(st.integers(-(10**12), 10**12), min_size=3, max_size=3), min_size=1, max_size=9
    ),
    bottom=st.sampled_from([1, 3, 7, 1000]),
    digits=st.integers(0, 3),
)
def test_columns_round_as_single_numbers_do(
    rows: list[list[int]], bottom: int, digits: int
) -> None:
    table = np.array(rows, dtype=np.int64).T
    parts = [Column(own, bottom) for own in table]
    shared = share_out(parts, digits)
    for number, row in enumerate(rows):
        exact = [Fraction(value, bottom) for value in row]
        assert [part.at(number) for part in shared] == largest_remainder(exact, digits)
        for part, value in zip(parts, exact, strict=True):
            amount = Fraction(int(part.rounded(digits)[number]), 10**digits)
            assert amount == Fraction(half_away(value, digits))

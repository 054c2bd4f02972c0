"""What columns do not hold is billed one by one all the same, and a running bill agrees."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from central.domain.billing.cycle import Cycle
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.columnar.rate_batch import rate_many
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.carried_state import (
    CarriedState,
    Level,
    MonthTotal,
    YearSum,
)
from central.domain.rating.inputs.grant import Grant
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.inputs.usage_event import Event
from central.domain.rating.lineage import explain
from central.domain.rating.rate import RatingOptions, rate
from central.domain.rating.running_bill import RunningBill
from central.domain.rating.what_if import compare
from central.domain.tariff.calendar import ResolvedCalendar
from tests.support.months import ZONE, version
from tests.support.rating import blocks_from

MONTH = Cycle.parse("2026-10").period
DAYS = MONTH.days
HEAD = """\
tariff: t
effective: 2020-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: 30}
needs: {share: percent}
calendar:
  seasons: {s: 10-11..12-31, w: rest}
  days: {work: mon-fri, off: rest}
  periods: {P1: [{days: work, at: "08:00-20:00"}], P2: rest}
"""
EVENTS = "series: {hours: {price: P}}\n"
TARIFFS = {
    "factors": """\
series: {made: {expr: import * share * f / 100, factors: [share, f]}}
determinants: {kwh: {sum: made, by: period}, kw: {max: made, window: 60m}}
charges: [{id: e, qty: kwh, price: {P1: 0.3, P2: 0.1}}, {id: d, qty: kw, price: 2}]
""",
    "named hours": EVENTS
    + """\
determinants: {in_: {sum: import, during: hours}, out: {sum: import, by: period, outside: hours}}
charges: [{id: c, qty: in_, price: 1}, {id: e, qty: out, price: {P1: 0.3, P2: 0.1}}]
""",
    "rebate": EVENTS
    + """\
determinants: {saved: {rebate: import, during: hours, baseline: {days: 3}}}
charges: [{id: r, qty: saved, price: -1}]
""",
    "bill peak": """\
on_change: {demand: bill_peak}
determinants: {kw: {max: import, window: 60m, by: period}}
charges: [{id: d, qty: kw, price: {P1: 3, P2: 1}}]
""",
    "daily steps": """\
quantities: {kW: 1}
determinants: {kw: {max: import, per: day, by: period}}
charges: [{id: d, qty: kw, steps: [{to: 2, price: 0.1}, {to: null, price: 0.3}]}]
""",
    "money": """\
determinants: {kwh: {sum: import}}
charges: [{id: e, qty: kwh, price: 0.2}]
banks: {gift: {unit: money, offsets: e}}
commitments: [{id: c, of: e, amount: 900, per: month}]
settlement: [budget_billing, prepaid]
""",
    "events": """\
determinants:
  calls: {events: api, take: count, by: period}
  users: {events: api, take: unique, key: user}
  level: {events: api, take: time_weighted, key: user}
charges: [{id: c, qty: calls, price: {P1: 2, P2: 1}}, {id: u, qty: users, price: 5},
  {id: l, qty: level, price: 1}]
""",
    "agreed": """\
determinants: {kwh: {sum: import}}
charges: [{id: e, qty: kwh, price: 0.2}]
""",
}
START = DAYS.interval(ZONE).start - timedelta(days=40)
PRICES = (
    PriceSeries("P", START, 3600, tuple(int(n % 50 in {7, 8, 9}) for n in range(2000)), 0),
    PriceSeries("f", START, 3600, tuple(900 + n % 77 for n in range(2000)), -3),
)
GIVEN = {
    "api": [
        Event(
            f"e{n}",
            START + timedelta(minutes=397 * n),
            Decimal(n % 5),
            (("user", "abc"[n % 3]),),
        )
        for n in range(250)
    ]
}
FACTS = AgreementFacts(
    (Fact("share", Decimal(40)), Fact("share", Decimal("33.3"), date(2026, 10, 20)))
)
AGREED = AgreementFacts(
    (Fact("price.e", Decimal("0.1"), date(2026, 10, 20)), Fact("share", Decimal(1)))
)
OPENING = CarriedState(
    sums=(YearSum("budget_billing", Decimal("12.5")),),
    totals=(MonthTotal(date(2026, 9, 1), Decimal(80)),),
)
GRANTS = (
    Grant("gift", date(2026, 10, 9), Decimal(7)),
    Grant("prepaid", date(2026, 10, 9), Decimal(3)),
)


def meter(number: int, name: str) -> Meter:
    begin = DayRange(DAYS.first - timedelta(days=20), DAYS.end)
    own = blocks_from(
        begin,
        ZONE,
        900,
        lambda local: (local.day * 37 + local.hour * 91 + local.minute + number * 53) % 900,
        channel_id=number,
    )
    return Meter(
        {"import": own},
        AGREED if name == "agreed" else FACTS,
        OPENING if name == "money" else CarriedState(),
        GRANTS if name == "money" else (),
    )


def alone(one: Meter, name: str, days: DayRange = DAYS) -> Rated:
    return rate(
        one.blocks,
        one.facts,
        [version(HEAD + TARIFFS[name])],
        ResolvedCalendar(),
        days,
        period=MONTH,
        opening=one.opening,
        prices=PRICES,
        grants=one.grants,
        events=GIVEN if name == "events" else {},
    )


@pytest.mark.parametrize("name", [name for name in TARIFFS if name != "events"])
def test_a_batch_bills_each_meter_as_it_is_billed_alone(name: str) -> None:
    meters = [meter(number, name) for number in range(5)]
    terms = Terms((version(HEAD + TARIFFS[name]),), ResolvedCalendar(), DAYS, MONTH, PRICES)
    for one, found in zip(meters, rate_many(meters, terms), strict=True):
        wanted = alone(one, name)
        assert not wanted.holds
        assert found.to_json() == wanted.to_json()


@pytest.mark.parametrize("name", TARIFFS)
def test_a_running_bill_is_the_bill_of_the_days_so_far(name: str) -> None:
    one = meter(3, name)
    running = RunningBill(
        one.facts,
        [version(HEAD + TARIFFS[name])],
        ResolvedCalendar(),
        MONTH,
        opening=one.opening,
        prices=PRICES,
        grants=one.grants,
    )
    for day in DAYS.days():
        running.add(
            {"import": [block for block in one.blocks["import"] if block.day <= day]},
            {"api": [e for e in GIVEN["api"] if e.at.astimezone(ZoneInfo(ZONE)).date() == day]},
        )
        if day.day in {1, 10, 11, 31}:
            wanted = alone(one, name, DayRange(DAYS.first, day + timedelta(days=1)))
            assert not wanted.holds
            now = running.bill()
            assert [(line.key, line.amount) for line in now.lines] == [
                (line.key, line.amount) for line in wanted.lines
            ]


@pytest.mark.parametrize("name", TARIFFS)
def test_a_comparison_gives_every_candidate_all_that_a_bill_is_made_from(name: str) -> None:
    one = meter(2, name)
    own = {"own": [version(HEAD + TARIFFS[name])], "flat": [version(HEAD + TARIFFS["daily steps"])]}
    facts = one.facts if name != "agreed" else FACTS
    found = compare(
        one.blocks,
        facts,
        own,
        ResolvedCalendar(),
        [DAYS],
        opening=one.opening,
        prices=PRICES,
        events=GIVEN if name == "events" else {},
    )
    assert not found[0].held
    wanted = alone(replace(one, facts=facts, grants=()), name)
    assert found[0].total == wanted.total


@pytest.mark.parametrize("name", ["factors", "named hours", "rebate", "daily steps", "events"])
@pytest.mark.parametrize("day", [2, 11, 26])
def test_what_adds_up_bills_in_two_parts_as_in_one(name: str, day: int) -> None:
    own = (
        TARIFFS[name].replace(", {id: d, qty: kw, price: 2}", "").replace("quantities: {kW: 1}", "")
    )
    own = own.replace("{id: u, qty: users, price: 5},", "").replace(
        "{id: l, qty: level, price: 1}", ""
    )
    one, cut = meter(4, name), date(2026, 10, day)
    sums = [
        sum(
            line.exact
            for line in rate(
                one.blocks,
                one.facts,
                [version(HEAD + own)],
                ResolvedCalendar(),
                days,
                period=MONTH,
                prices=PRICES,
                events=GIVEN,
                options=RatingOptions(rounded=False),
            ).lines
        )
        for days in (DAYS, DayRange(DAYS.first, cut), DayRange(cut, DAYS.end))
    ]
    assert sums[0] == sums[1] + sums[2] != 0


def test_a_running_bill_under_an_override_that_fits_nothing_is_held() -> None:
    one = meter(1, "agreed")
    facts = AgreementFacts.of(**{"price.x": Decimal(1)})
    running = RunningBill(facts, [version(HEAD + TARIFFS["agreed"])], ResolvedCalendar(), MONTH)
    running.add({"import": [block for block in one.blocks["import"] if block.day == DAYS.first]})
    assert [hold.code for hold in running.bill().holds] == ["UNKNOWN_OVERRIDE"]


def test_peaks_of_factors_with_many_digits_do_not_wrap() -> None:
    own = "series: {made: {expr: import * f, factors: f}}\n"
    own += "determinants: {kw: {max: made, window: 60m}, kwh: {sum: made}}\n"
    own += "charges: [{id: d, qty: kw, price: 1}, {id: e, qty: kwh, price: 1}]\n"
    blocks = {"import": blocks_from(DAYS, ZONE, 900, lambda _: 899)}
    most = 2**63 // 900
    prices = [PriceSeries("f", DAYS.interval(ZONE).start, 900, (most,) * 2980, 0)]
    rated = rate(blocks, FACTS, [version(HEAD + own)], ResolvedCalendar(), DAYS, prices=prices)
    assert rated.quantity("kw") == 2 * Fraction(4 * 899 * most, 1000)  # of two seasons
    assert rated.quantity("kwh") == Fraction(2980 * 899 * most, 1000)


@pytest.mark.parametrize("name", ["factors", "named hours", "rebate"])
def test_each_interval_of_a_proof_says_what_it_counts_for(name: str) -> None:
    one = meter(5, name)
    for line in alone(one, name).lines:
        for proof in explain(line, one.blocks):
            if proof.determinant.how in {"sum", "weighted"}:
                counted = sum((used.counted for used in proof.intervals), Fraction(0))
                assert counted == proof.sum == proof.determinant.exact
                assert all(used.weight for used in proof.intervals)


def test_what_another_tariff_left_is_settled_or_dropped_the_same_way_in_a_batch() -> None:
    own = HEAD + "determinants: {kwh: {sum: import}}\ncharges: [{id: e, qty: kwh, price: 0.2}]\n"
    left = CarriedState(levels=(Level("gone", "", "", Fraction(3)),))
    meters = [replace(meter(n, "agreed"), facts=FACTS, opening=left) for n in range(4)]
    meters += [replace(meter(n, "agreed"), facts=FACTS, opening=OPENING) for n in range(4, 8)]
    terms = Terms((version(own),), ResolvedCalendar(), DAYS, MONTH)
    for one, found in zip(meters, rate_many(meters, terms), strict=True):
        wanted = rate(
            one.blocks, FACTS, [version(own)], ResolvedCalendar(), DAYS, opening=one.opening
        )
        assert found.to_json() == wanted.to_json()
        settled = [line.amount for line in found.lines if line.kind == "settlement"]
        assert settled == ([Decimal("12.50")] if one.opening is OPENING else [])
        assert found.closing.levels == ()
        assert found.closing.sum_of("budget_billing") == 0

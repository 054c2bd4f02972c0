"""Rebates, factor series, levels and sums of peaks against code that asks each interval."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.determinants.align import Blocks
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState, Level
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.inputs.usage_event import Event, Events
from central.domain.rating.lineage import explain
from central.domain.rating.rate import rate
from central.domain.rating.running_bill import RunningBill
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support import brute, brute_measures
from tests.support.rating import blocks_of
from tests.support.size import sized

ZONES = {  # a day around which the clock changes
    "Europe/Madrid": date(2026, 10, 25),
    "America/Santiago": date(2026, 9, 6),
    "Australia/Lord_Howe": date(2026, 4, 5),
    "Asia/Kolkata": date(2026, 6, 1),
}
DRAWS = sized("METERLINE_MEASURE_DRAWS", 6, 200)
STEP_S = 1800


def version(said: dict[str, Any], zone: str) -> TariffVersion:
    head = {
        "tariff": "drawn",
        "effective": "2020-01-01",
        "zone": zone,
        "currency": {"code": "EUR"},
        "calendar": {"days": {"work": "mon-fri", "off": "rest"}},
    }
    return TariffVersion.of(load_tariff(json.dumps(head | said)))


def explained(rated: Rated, blocks: Blocks, events: Events | None = None) -> Rated:
    assert not rated.holds, rated.holds
    for line in rated.lines:
        for proof in explain(line, blocks, events):
            assert proof.sum == proof.determinant.exact
    return rated


@pytest.mark.parametrize("zone", ZONES)
def test_rebates_are_those_of_brute_force(
    zone: str, record_property: Callable[[str, object], None]
) -> None:
    above = 0
    for seed in range(DRAWS):
        draw = random.Random(f"{zone}{seed}")  # noqa: S311 - not for secrets
        first = ZONES[zone] - timedelta(days=draw.randint(1, 6))
        end = first + timedelta(days=draw.randint(4, 9))
        begin = first - timedelta(days=25)
        start, stop = brute.instants(begin, end, zone)
        count = (stop - start) // timedelta(seconds=STEP_S)
        use = brute_measures.Use(
            start, timedelta(seconds=STEP_S), [draw.randint(0, 900) for _ in range(count)], zone
        )
        hours = draw.choice([(0, 4), (16, 20), (1, 3)])
        events = {
            begin + timedelta(days=n) for n in range(5, (end - begin).days) if draw.random() < 0.3
        }
        marked = [
            use.at(n).date() in events and hours[0] <= use.at(n).hour < hours[1]
            for n in range(count)
        ]
        rules = brute_measures.Rules(
            draw.randint(3, 5),
            draw.randint(1, 3),
            draw.choice(["highest", "lowest", "latest"]),
            lambda one, two: (one.weekday() < 5) == (two.weekday() < 5),
            draw.choice(["event", "interval", "none"]),
        )
        like = "day_type"
        if draw.random() < 0.3:
            like, rules.alike = "any", lambda _one, _two: True
        baseline = {"days": rules.days, "pick": rules.pick, "rank": rules.rank, "like": like}
        if draw.random() < 0.5:
            cap = draw.choice([2, 40])
            rules.minutes, rules.gap, rules.cap = (
                draw.choice([60, 120]),
                draw.choice([0, 60]),
                Fraction(cap, 100),
            )
            baseline["adjust"] = {"minutes": rules.minutes, "gap": rules.gap, "cap": cap}
        said = {
            "series": {"events": {"price": "E"}},
            "determinants": {
                "saved": {
                    "rebate": "import",
                    "during": "events",
                    "baseline": baseline,
                    "floor": rules.floor,
                }
            },
            "charges": [{"id": "rebate", "qty": "saved", "price": "-1"}],
        }
        days = DayRange(first, end)
        blocks = {"import": blocks_of(DayRange(begin, end), zone, STEP_S, use.wh)}
        prices = [PriceSeries("E", start, STEP_S, tuple(map(int, marked)), 0)]
        own = version(said, zone)
        rated = explained(
            rate(
                blocks,
                AgreementFacts(),
                [own],
                ResolvedCalendar(),
                days,
                prices=prices,
            ),
            blocks,
        )
        wanted = brute_measures.rebate(use, marked, first, end, rules)
        assert rated.determinants[0].exact == wanted, seed
        running = RunningBill(
            AgreementFacts(), [own], ResolvedCalendar(), BillingPeriod.month(days), prices=prices
        )
        for number, day in enumerate(days.days(), start=1):
            running.add({"import": [block for block in blocks["import"] if block.day <= day]})
            assert running.next_day == first + timedelta(days=number)
        assert running.bill().lines[0].exact == -wanted
        above += wanted != 0
    record_property(f"baselines compared in {zone}", DRAWS)
    assert above >= DRAWS // 3


@pytest.mark.parametrize("zone", ZONES)
def test_factor_series_and_shares_are_those_of_brute_force(zone: str) -> None:
    for seed in range(DRAWS):
        draw = random.Random(f"{zone}{seed}")  # noqa: S311 - not for secrets
        first = ZONES[zone] - timedelta(days=draw.randint(1, 6))
        end = first + timedelta(days=draw.randint(8, 12))
        start, stop = brute.instants(first, end, zone)
        count = (stop - start) // timedelta(seconds=STEP_S)
        wh = [draw.randint(0, draw.choice([900, 10**12])) for _ in range(count)]
        given = [draw.randint(1, 10**9) for _ in range(count)]
        changed = first + timedelta(days=draw.randint(1, 6))
        shares = (Decimal(draw.randint(1, 10**6)) / 1000, Decimal(draw.randint(1, 10**6)) / 999_000)
        facts = AgreementFacts(
            (
                Fact("share", shares[0]),
                Fact("share", shares[1].quantize(Decimal("0.000001")), changed),
            )
        )
        later = first + timedelta(days=draw.randint(1, 7))
        said = {
            "needs": {"share": "percent"},
            "determinants": {"kwh": {"sum": "made"}},
            "charges": [{"id": "energy", "qty": "kwh", "price": "1"}],
        }
        versions = []
        for since, divisor in ((date(2020, 1, 1), 7), (later, 11)):
            series = {
                "made": {"expr": f"import * share * f / {divisor}", "factors": ["share", "f"]}
            }
            versions.append(
                version(said | {"series": series, "effective": since.isoformat()}, zone)
            )
        use = brute_measures.Use(start, timedelta(seconds=STEP_S), wh, zone)
        per_interval = [
            [Fraction(value, 1000) for value in given],
            [Fraction(facts.facts[int(use.at(n).date() >= changed)].value) for n in range(count)],
            [Fraction(1, 11 if use.at(n).date() >= later else 7) for n in range(count)],
        ]
        blocks = {"import": blocks_of(DayRange(first, end), zone, STEP_S, wh)}
        prices = [PriceSeries("f", start, STEP_S, tuple(given), -3)]
        days = DayRange(first, end)
        rated = explained(
            rate(
                blocks,
                facts,
                versions,
                ResolvedCalendar(),
                days,
                prices=prices,
            ),
            blocks,
        )
        found = sum(one.exact for one in rated.determinants)
        assert found == brute_measures.weighted(wh, per_interval), seed


@pytest.mark.parametrize("zone", ZONES)
def test_levels_over_time_are_those_of_brute_force(zone: str) -> None:
    for seed in range(DRAWS):
        draw = random.Random(f"{zone}{seed}")  # noqa: S311 - not for secrets
        first = ZONES[zone] - timedelta(days=draw.randint(1, 6))
        end = first + timedelta(days=draw.randint(8, 12))
        start, stop = brute.instants(first, end, zone)
        span = range(-90_000, int((stop - start).total_seconds()) + 90_000)
        events = [
            Event(
                f"e{n}",
                start + timedelta(seconds=at),
                Decimal(draw.randint(0, 9000)) / 100,
                (("disk", draw.choice("abc")), ("tier", draw.choice(["hot", "cold"]))),
            )
            for n, at in enumerate(draw.sample(span, draw.randint(0, 40)))
        ]
        opening = {key: Fraction(draw.randint(0, 50)) for key in draw.sample("abc", 2)}
        said = {
            "determinants": {
                "disk": {
                    "events": "disks",
                    "take": "time_weighted",
                    "key": "disk",
                    "unit": "GB",
                    "where": {"tier": "hot"},
                },
                "first": {"events": "disks", "take": "count", "by": "none"},
            },
            "charges": [
                {"id": "disk", "qty": "disk", "price": "1"},
                {"id": "n", "qty": "first", "price": "1"},
            ],
        }
        state = CarriedState(
            levels=tuple(sorted(Level("disk", "", key, v) for key, v in opening.items()))
        )
        given = {"disks": events}
        days = DayRange(first, end)
        rated = explained(
            rate(
                {},
                AgreementFacts(),
                [version(said, zone)],
                ResolvedCalendar(),
                days,
                opening=state,
                events=given,
            ),
            {},
            given,
        )
        changes = [
            (event.at, dict(event.fields)["disk"], Fraction(event.value))
            for event in events
            if dict(event.fields)["tier"] == "hot"
        ]
        assert rated.determinants[0].exact == brute_measures.held(changes, opening, start, stop)
        assert rated.quantity("first") == sum(start <= event.at < stop for event in events)


def test_peaks_together_and_each_are_those_of_every_window() -> None:
    draw = random.Random(7)  # noqa: S311 - not for secrets
    days, zone = DayRange(date(2026, 10, 20), date(2026, 11, 3)), "Europe/Madrid"
    start = datetime(2026, 10, 19, 22, tzinfo=UTC)
    count = int((datetime(2026, 11, 2, 23, tzinfo=UTC) - start).total_seconds()) // 900
    meters = [[draw.randint(0, 900) for _ in range(count)] for _ in range(3)]
    blocks: dict[str, list[DayBlock]] = {"import": []}
    for number, wh in enumerate(meters):
        blocks["import"] += blocks_of(days, zone, 900, wh, channel_id=number)
    said = {
        "on_change": {"demand": "bill_peak"},
        "calendar": {"seasons": {"s": "10-28..12-01", "w": "rest"}},
        "determinants": {
            "all_kw": {"max": "import", "window": "60m"},
            "each_kw": {"max": "import", "window": "60m", "meters": "each"},
        },
        "charges": [
            {"id": "d", "qty": "all_kw", "price": "1"},
            {"id": "e", "qty": "each_kw", "price": "1"},
        ],
    }
    rated = explained(
        rate(blocks, AgreementFacts(), [version(said, zone)], ResolvedCalendar(), days), blocks
    )
    local = [(start + timedelta(minutes=15 * n)).astimezone(ZoneInfo(zone)) for n in range(count)]
    begins = [n for n in range(count - 3) if local[n].minute == 0]
    together = max(sum(wh[n + k] for wh in meters for k in range(4)) for n in begins)
    each = sum(max(sum(wh[n : n + 4]) for n in begins) for wh in meters)
    peaks = {(one.name, one.segment): one.exact for one in rated.determinants}
    assert peaks["all_kw", 0] == peaks["all_kw", 1] == Fraction(together, 1000)
    assert peaks["each_kw", 0] == peaks["each_kw", 1] == Fraction(each, 1000)

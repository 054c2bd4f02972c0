"""The real path (zones, daylight saving, holidays, changes and moves inside a bill, rounding)
against a rater that asks every interval where it belongs."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest

from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState, Peak
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.lineage import explain
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support import brute
from tests.support.rating import blocks_of
from tests.support.size import sized

ZONES = (
    "Europe/Madrid",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Pacific/Apia",
)
CHANGES = {  # a first day whose month holds a change of the clock, or of the year
    "Europe/Madrid": (date(2026, 3, 15), date(2026, 10, 5)),
    "America/New_York": (date(2026, 3, 1), date(2026, 10, 20)),
    "America/Santiago": (date(2026, 4, 1), date(2026, 8, 25)),
    "Australia/Lord_Howe": (date(2026, 3, 20), date(2026, 9, 20)),
    "Asia/Kolkata": (date(2028, 2, 20), date(2027, 12, 10)),
    "Pacific/Apia": (date(2025, 12, 20), date(2011, 12, 15)),
}
DRAWS = sized("METERLINE_BRUTE_DRAWS", 60, 3_000)
HOLIDAYS = [date(2026, 4, 3), date(2026, 10, 12), date(2026, 9, 18), date(2026, 3, 19)]


def money(draw: random.Random, top: int) -> str:
    return f"{draw.randint(1, top * 10_000) / 10_000:.4f}"


def draw_version(draw: random.Random, since: date, zone: str) -> tuple[dict[str, Any], brute.Plan]:
    cuts = sorted(draw.sample(range(1, 24), 2))
    border = draw.randint(1, 28)
    said: dict[str, Any] = {
        "tariff": "drawn",
        "effective": since.isoformat(),
        "zone": zone,
        "currency": {"code": "EUR"},
        "cycle": {"normal_days": "cycle"},
        "calendar": {
            "holidays": {"dates": [day.isoformat() for day in HOLIDAYS]},
            "seasons": {"s": f"04-{border:02}..09-{border:02}", "w": "rest"},
            "days": {"h": "holidays", "work": "mon-fri", "off": "rest"},
            "periods": {
                "peak": [{"days": "work", "at": f"{cuts[0]:02}:00-{cuts[1]:02}:00"}],
                "rest_": "rest",
            },
        },
        "determinants": {"kwh": {"sum": "import", "by": "period"}},
        "charges": [
            {"id": "fixed", "price": money(draw, 30), "per": "month"},
            {"id": "yearly", "price": money(draw, 300), "per": "year_by_days"},
        ],
        "taxes": [],
    }

    def season(day: date) -> str:
        return "s" if (4, border) <= (day.month, day.day) <= (9, border) else "w"

    def period(day: date, minute: int) -> str:
        work = day not in HOLIDAYS and day.weekday() < 5
        return "peak" if work and cuts[0] * 60 <= minute < cuts[1] * 60 else "rest_"

    plan = brute.Plan(period, season, {}, Fraction(said["charges"][0]["price"]))
    plan.yearly = Fraction(said["charges"][1]["price"])
    plan.standard = draw.random() < 0.3
    said["clock"] = "standard" if plan.standard else "wall"
    energy: dict[str, Any] = {"id": "energy", "qty": "kwh"}
    if draw.random() < 0.4:
        bounds = sorted(draw.sample(range(10, 400), 2))
        steps = [{"to": str(bound), "price": money(draw, 1)} for bound in bounds]
        energy["steps"] = [*steps, {"to": None, "price": money(draw, 1)}]
        plan.tiers = [
            (None if step["to"] is None else Fraction(step["to"]), Fraction(step["price"]))
            for step in energy["steps"]
        ]
    else:
        energy["price"] = {
            name: {"peak": money(draw, 1), "rest_": money(draw, 1)} for name in ("s", "w")
        }
        plan.prices = {
            (name, label): Fraction(price)
            for name, row in energy["price"].items()
            for label, price in row.items()
        }
    said["charges"].append(energy)
    if draw.random() < 0.6:
        add_demand(draw, said, plan)
    for number in range(draw.randint(0, 2)):
        percent = money(draw, 25)
        of = ["all", *(f"tax{earlier}" for earlier in range(number))]
        said["taxes"].append(
            {"id": f"tax{number}", "percent": percent, "of": of, "point": "interval"}
        )
        plan.taxes.append(Fraction(percent))
    return said, plan


def add_demand(draw: random.Random, said: dict[str, Any], plan: brute.Plan) -> None:
    plan.window = draw.choice([15, 30])
    plan.ratchet = Fraction(draw.choice([0, 80]))
    said["determinants"]["kw"] = {"max": "import", "window": f"{plan.window}m"}
    said["determinants"]["billed"] = {
        "expr": f"max(kw, prior(kw, months: 1-12, pct: {plan.ratchet}))",
        "unit": "kW",
    }
    said["state"] = {"kw": {"months": "12"}}
    price = money(draw, 12)
    plan.demand = Fraction(price)
    said["charges"].append({"id": "demand", "qty": "billed", "price": price})


@pytest.mark.parametrize("zone", ZONES)
def test_real_path_bills_as_brute_force_does(zone: str) -> None:
    for seed in range(DRAWS // len(ZONES)):
        draw = random.Random(f"{zone}{seed}")  # noqa: S311 - not for secrets
        first = draw.choice(CHANGES[zone]) + timedelta(days=draw.randint(0, 9))
        end = first + timedelta(days=draw.randint(20, 35))
        since = [date(2010, 1, 1)]
        if draw.random() < 0.5:
            since.append(first + timedelta(days=draw.randint(3, 15)))
        drawn = [draw_version(draw, day, zone) for day in since]
        start, stop = brute.instants(first, end, zone)
        step = timedelta(minutes=draw.choice([15, 15, 15, 5]))
        cycle = DayRange(first - timedelta(days=draw.choice([0, 0, draw.randint(1, 20)])), end)
        wh = [draw.randint(0, 900) for _ in range((stop - start) // step)]
        prior = Fraction(draw.randint(0, 5000), 1000)
        plans = [(day, plan) for day, (_, plan) in zip(since, drawn, strict=True)]
        load = brute.Load(start, step, wh)
        months = draw.choice([1, 1, 2, 3, 6, 12])
        amounts, total = brute.bill(plans, load, zone, (first, end), prior, cycle.count, months)
        last = (end - timedelta(days=1)).replace(day=1)
        before = (last - timedelta(days=1)).replace(day=1)
        blocks = {"import": blocks_of(DayRange(first, end), zone, step.seconds, wh)}
        versions = [TariffVersion.of(load_tariff(json.dumps(said))) for said, _ in drawn]
        rated = rate(
            blocks,
            AgreementFacts(),
            versions,
            ResolvedCalendar(),
            DayRange(first, end),
            period=BillingPeriod("2026-10.drawn", cycle, months, cycle.end),
            opening=CarriedState((Peak("kw", "", before, prior),)),
        )
        assert not rated.holds, (seed, rated.holds)
        found = [line.amount for line in rated.lines]
        assert sorted(found) == sorted(amounts), (seed, first, end)
        assert rated.total == total == sum(found)
        for line in rated.lines:
            explain(line, blocks)

"""Excess of power and means of peaks against code that asks each window."""

from __future__ import annotations

import json
import random
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from central.domain.rating.bill_lines.line import Determinant, Rated
from central.domain.rating.determinants.align import Blocks
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import DayRange, months_after
from central.domain.rating.lineage import explain
from central.domain.rating.rate import rate
from central.domain.rating.running_bill import RunningBill
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support import brute, brute_peaks
from tests.support.rating import blocks_of
from tests.support.size import sized

ZONES = {  # a day around which the clock changes
    "Europe/Madrid": date(2026, 10, 25),
    "America/Santiago": date(2026, 9, 6),
    "Australia/Lord_Howe": date(2026, 4, 5),
    "Asia/Kolkata": date(2026, 6, 1),
}
DRAWS = sized("METERLINE_PEAK_DRAWS", 4, 200)
STEP = timedelta(minutes=15)


def version(said: dict[str, Any], zone: str) -> TariffVersion:
    head = {"tariff": "drawn", "effective": "2020-01-01", "zone": zone, "currency": {"code": "EUR"}}
    return TariffVersion.of(load_tariff(json.dumps(head | said)))


def explained(rated: Rated, blocks: Blocks) -> Rated:
    assert not rated.holds, rated.holds
    for line in rated.lines:
        for proof in explain(line, blocks):
            assert proof.sum == proof.determinant.exact
    for determinant in rated.determinants:
        assert Determinant.from_json(determinant.to_json()) == determinant
    return rated


class Drawn:
    """Days around a change of the clock, with a load and facts that change inside them."""

    def __init__(self, zone: str, seed: int) -> None:
        self.draw = random.Random(f"{zone}{seed}")  # noqa: S311 - not for secrets
        first = ZONES[zone] - timedelta(days=self.draw.randint(1, 4))
        self.days = DayRange(first, first + timedelta(days=self.draw.randint(5, 9)))
        start, stop = brute.instants(self.days.first, self.days.end, zone)
        self.wh = [self.draw.randint(0, 900) for _ in range((stop - start) // STEP)]
        self.blocks = {"import": blocks_of(self.days, zone, 900, self.wh)}
        self.window = self.draw.choice([15, 30, 60])
        self.windows = brute_peaks.powers(start, STEP, self.wh, zone, self.window)
        self.border = first + timedelta(days=self.draw.randint(1, self.days.count - 1))


@pytest.mark.parametrize("zone", ZONES)
def test_excess_is_that_of_brute_force(zone: str) -> None:
    for seed in range(DRAWS):
        drawn = Drawn(zone, seed)
        season = drawn.days.first + timedelta(days=drawn.draw.randint(0, drawn.days.count - 1))
        powers = [Decimal(drawn.draw.randint(10, 33)) / 10 for _ in range(3)]
        facts = AgreementFacts(
            (
                Fact("day_kw", powers[0]),
                Fact("day_kw", powers[1], drawn.border),
                Fact("night_kw", powers[2]),
            )
        )
        said = {
            "needs": {"day_kw": "kW", "night_kw": "kW"},
            "calendar": {
                "seasons": {"s": f"{season:%m-%d}..12-31", "w": "rest"},
                "periods": {"day": [{"at": "08:00-20:00"}], "night": "rest"},
            },
            "determinants": {
                name: {
                    "excess": "import",
                    "over": {"day": "day_kw", "night": "night_kw"},
                    "by": "period",
                    "window": f"{drawn.window}m",
                    "take": take,
                }
                for name, take in (("root", "root"), ("most", "highest"))
            },
            "charges": [
                {"id": name, "qty": name, "price": {"day": "1", "night": "2"}}
                for name in ("root", "most")
            ],
        }
        rated = explained(
            rate(drawn.blocks, facts, [version(said, zone)], ResolvedCalendar(), drawn.days),
            drawn.blocks,
        )

        for label in ("day", "night"):
            parts = [one for one in rated.determinants if (one.name, one.label) == ("root", label)]
            firsts = [drawn.days.first, season][: len(parts)]
            ends = [*firsts[1:], drawn.days.end]
            own = [
                squares_of(drawn, label, facts, DayRange(*span))
                for span in zip(firsts, ends, strict=True)
            ]
            total = Fraction(brute_peaks.root(sum(own, Fraction(0))))
            found = sum((part.exact for part in parts), Fraction(0))
            assert abs(found - total) < Fraction(1, 10**12), seed
            for part, squared in zip(parts, own, strict=True):
                share = squared / sum(own) if squared else 0
                assert abs(part.exact - total * share) < Fraction(1, 10**11)
            beyond = [
                power - contracted(label, begin.date(), facts)
                for begin, power in drawn.windows
                if label_of(begin) == label
            ]
            most = [one for one in rated.determinants if (one.name, one.label) == ("most", label)]
            assert max(one.exact for one in most) == max(Fraction(0), *beyond)


def label_of(begin: datetime) -> str:
    return "day" if 8 <= begin.hour < 20 else "night"


def contracted(label: str, day: date, facts: AgreementFacts) -> Fraction:
    value = facts.at(f"{label}_kw", day)
    assert isinstance(value, Decimal)
    return Fraction(value)


def squares_of(drawn: Drawn, label: str, facts: AgreementFacts, days: DayRange) -> Fraction:
    return brute_peaks.squares(
        drawn.windows,
        lambda begin: days.first <= begin.date() < days.end and label_of(begin) == label,
        lambda day: contracted(label, day, facts),
    )


@pytest.mark.parametrize("zone", ZONES)
def test_means_of_the_highest_days_are_those_of_brute_force(zone: str) -> None:
    for seed in range(DRAWS):
        drawn = Drawn(zone, seed)
        count = drawn.draw.randint(1, 12)
        said = {
            "determinants": {
                "kw": {"max": "import", "window": f"{drawn.window}m", "mean_of": count}
            },
            "charges": [{"id": "kw", "qty": "kw", "price": "1"}],
        }
        tariff = version(said, zone)
        rated = explained(
            rate(drawn.blocks, AgreementFacts(), [tariff], ResolvedCalendar(), drawn.days),
            drawn.blocks,
        )
        wanted = brute_peaks.highest_days(drawn.windows, count)
        assert rated.determinants[0].exact == wanted, seed
        running = RunningBill(
            AgreementFacts(), [tariff], ResolvedCalendar(), BillingPeriod.month(drawn.days)
        )
        for day in drawn.days.days():
            running.add({"import": [one for one in drawn.blocks["import"] if one.day == day]})
        assert running.bill().lines[0].exact == wanted


@pytest.mark.parametrize("months", [1, 2])
def test_recent_months_are_those_of_brute_force(months: int) -> None:
    zone = "Europe/Madrid"
    for seed in range(DRAWS):
        draw = random.Random(seed)  # noqa: S311 - not for secrets
        reach, floor = draw.randint(1, 6), draw.randint(0, 900)
        said = {
            "state": {"kw": {"months": 6}, "kwh": {"months": 6}},
            "calendar": {"seasons": {"s": f"{draw.randint(1, 12):02d}-11..12-31", "w": "rest"}},
            "determinants": {
                "kw": {"max": "import", "window": "60m"},
                "kwh": {"sum": "import"},
                "mean_kw": {"expr": f"mean(kw, months: {reach}, floor: 0.{floor:03d})"},
                "all_kwh": {"expr": f"total(kwh, months: {reach})"},
            },
            "charges": [{"id": "kw", "qty": "mean_kw", "price": "1"}],
        }
        tariff, state = version(said, zone), CarriedState()
        peaks: dict[date, Fraction] = {}
        energy: dict[date, Fraction] = {}
        first = date(2025, draw.randint(1, 12), draw.choice([1, 15]))
        for _ in range(5):
            days = DayRange(first, months_after(first, months))
            start, stop = brute.instants(days.first, days.end, zone)
            hours = [draw.randint(0, 900) for _ in range((stop - start) // timedelta(hours=1))]
            blocks = {"import": blocks_of(days, zone, 3600, hours)}
            rated = explained(
                rate(
                    blocks,
                    AgreementFacts(),
                    [tariff],
                    ResolvedCalendar(),
                    days,
                    period=BillingPeriod("drawn", days, months, days.end),
                    opening=state,
                ),
                blocks,
            )
            state = CarriedState.from_json(rated.closing.to_json())
            for begin, power in brute_peaks.powers(start, timedelta(hours=1), hours, zone, 60):
                # A bill of a month belongs to the month of its last day, whatever days it has.
                month = (begin.date() if months > 1 else days.last).replace(day=1)
                peaks[month] = max(power, peaks.get(month, power))
                energy[month] = energy.get(month, Fraction(0)) + power
            oldest = months_after(days.last.replace(day=1), 1 - reach)
            latest = [max(peaks[m], Fraction(floor, 1000)) for m in peaks if m >= oldest]
            values = {one.name: one.exact for one in rated.determinants}
            assert values["mean_kw"] == sum(latest, Fraction(0)) / len(latest), seed
            assert values["all_kwh"] == sum(energy[m] for m in energy if m >= oldest), seed
            first = days.end

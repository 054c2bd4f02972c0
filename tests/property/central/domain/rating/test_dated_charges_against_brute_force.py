"""Charges for the period to come, and one-offs, over lives of random cycles, changes and ends."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.charges.ending import PartEnding
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.billing_period import BillingPeriod, WholeMonths
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import DayRange, months_after
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.size import sized

LIVES = sized("METERLINE_DATED_LIVES", 30, 1000)


def version(effective: date, seat: str, season: date) -> TariffVersion:
    said: dict[str, Any] = {
        "tariff": "drawn",
        "effective": effective.isoformat(),
        "zone": "Europe/Madrid",
        "currency": {"code": "EUR"},
        "cycle": {"normal_days": "cycle"},
        "needs": {"seats": "seat"},
        "calendar": {"seasons": {"s": f"{season:%m-%d}..12-31", "w": "rest"}},
        "charges": [
            {"id": "seats", "qty": "seats", "price": seat, "per": "month", "in_advance": True},
            {"id": "year", "price": "365", "per": "year_by_days", "in_advance": True},
            {"id": "credit", "price": "-7", "on": ["--04-01", "--10-15", "2026-02-03"]},
            {"id": "fee", "qty": "seats", "price": "1", "on": "--06-30"},
        ],
        "settlement": [{"round_total": {"to": "0.05"}}],
    }
    return TariffVersion.of(load_tariff(json.dumps(said)))


@pytest.mark.parametrize("months", [1, 2, 3])
def test_a_life_pays_for_its_days_and_dates_alone(months: int) -> None:
    """Whatever is paid in advance, changed and credited, it comes to what the days cost."""
    for seed in range(LIVES):
        draw = random.Random(f"{months}{seed}")  # noqa: S311 - not for secrets
        begin = date(2025, draw.randint(1, 12), draw.choice([1, 1, 15, 28]))
        moved_in = begin + timedelta(days=draw.randint(0, 25))
        moved_out = moved_in + timedelta(days=draw.randint(1, 400))
        changed = begin + timedelta(days=draw.randint(0, 300))
        dearer = begin + timedelta(days=draw.randint(0, 300))
        season = date(2026, draw.randint(2, 11), 11)
        seats = (draw.randint(1, 20), draw.randint(0, 20))
        facts = AgreementFacts(
            (Fact("seats", Decimal(seats[0])), Fact("seats", Decimal(seats[1]), changed))
        )
        versions = [version(date(2020, 1, 1), "9.99", season), version(dearer, "11.37", season)]
        state, lines = CarriedState(), list[RatedLine]()
        exact = {"seats": Fraction(0), "year": Fraction(0)}
        number = 0
        while True:
            own = DayRange(
                months_after(begin, number * months), months_after(begin, (number + 1) * months)
            )
            number += 1
            days = own.within(DayRange(moved_in, moved_out))
            if days is None:
                if own.first >= moved_out:
                    break
                continue
            period = BillingPeriod("drawn", own, months, own.end)
            if days != own:
                period = BillingPeriod("drawn", days, months, days.end, (WholeMonths(own, months),))
            rated = rate(
                {},
                facts,
                versions,
                ResolvedCalendar(),
                days,
                period=period,
                opening=state,
                ending=PartEnding(final=days.end == moved_out),
            )
            assert not rated.holds, rated.holds
            assert rated.total % Decimal("0.05") == 0
            state = CarriedState.from_json(rated.closing.to_json())
            lines += rated.lines
            for day in days.days():
                held = seats[1] if day >= changed else seats[0]
                price = Fraction("11.37") if day >= dearer else Fraction("9.99")
                exact["seats"] += price * held * months / own.count
                exact["year"] += Fraction(1)  # 365 a year by days of 365
        assert state.advances == ()
        for name, cost in exact.items():
            billed = [line for line in lines if line.id == name]
            total = sum((line.amount for line in billed), Decimal(0))
            assert abs(Fraction(total) - cost) <= Fraction(len(billed), 200), (seed, name)
        dates = DayRange(moved_in, moved_out).days()
        credits_due = sum(
            1
            for day in dates
            if (day.month, day.day) in {(4, 1), (10, 15)} or day == date(2026, 2, 3)
        )
        credit = sum((line.amount for line in lines if line.id == "credit"), Decimal(0))
        assert credit == -7 * credits_due, seed
        fees = sum(seats[int(day >= changed)] for day in dates if (day.month, day.day) == (6, 30))
        assert sum((line.amount for line in lines if line.id == "fee"), Decimal(0)) == fees

"""Units that roll over, over chains of months, against a list of what each month has left."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import DayRange, months_after
from central.domain.rating.inputs.usage_event import Event
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.size import sized

CHAINS = sized("METERLINE_ROLLOVER_CHAINS", 25, 1000)


@pytest.mark.parametrize("most", [None, 15])
def test_units_beyond_those_left_are_those_of_brute_force(most: int | None) -> None:
    for seed in range(CHAINS):
        draw = random.Random(seed)  # noqa: S311 - not for secrets
        rollover = draw.choice([None, 1, 2, 12]) if most is None else draw.randint(1, 3)
        season = f"{draw.randint(1, 12):02d}-11"
        included: dict[str, Any] = {"per_month": "10"}
        included |= {} if rollover is None else {"rollover_months": rollover}
        included |= {} if most is None else {"most": most}
        said = {
            "tariff": "drawn",
            "effective": "2020-01-01",
            "zone": "UTC",
            "currency": {"code": "EUR"},
            "cycle": {"normal_days": "cycle"},
            "calendar": {"seasons": {"s": f"{season}..12-31", "w": "rest"}},
            "determinants": {"gb": {"events": "data", "take": "sum", "unit": "GB"}},
            "charges": [{"id": "gb", "qty": "gb", "price": "1", "included": included}],
        }
        tariff = TariffVersion.of(load_tariff(json.dumps(said)))
        state, first = CarriedState(), date(2026, 1, 1)
        left: list[tuple[int, Fraction]] = []
        for month in range(14):
            days = DayRange(first, months_after(first, 1))
            events = [
                Event(
                    f"{month}.{number}",
                    datetime(first.year, first.month, 1, 12, tzinfo=UTC)
                    + timedelta(days=draw.randint(0, days.count - 1)),
                    Decimal(draw.randint(0, 1500)) / 100,
                )
                for number in range(draw.randint(0, 3))
            ]
            rated = rate(
                {},
                AgreementFacts(),
                [tariff],
                ResolvedCalendar(),
                days,
                opening=state,
                events={"data": events},
            )
            assert not rated.holds
            state = CarriedState.from_json(rated.closing.to_json())
            left = [(m, units) for m, units in left if month - m <= (rollover or 0)]
            beyond = Fraction(0)
            cut = int(season[3:]) - 1 if f"{first:%m}" == season[:2] else 0
            parts = [(0, cut), (cut, days.count)] if cut else [(0, days.count)]
            for begin, end in parts:
                used = sum(
                    (Fraction(e.value) for e in events if begin <= e.at.day - 1 < end), Fraction(0)
                )
                left.append((month, Fraction(10 * (end - begin), days.count)))
                for place, (m, units) in enumerate(left):
                    taken = min(units, used)
                    used -= taken
                    left[place] = (m, units - taken)
                beyond += used
            left = left if rollover is not None else []
            while most is not None and sum(units for _, units in left) > most:
                over = sum(units for _, units in left) - most
                m, units = left[0]
                left = [(m, units - over), *left[1:]] if units > over else left[1:]
            found = sum((line.exact for line in rated.lines), Fraction(0))
            assert found == beyond, (seed, month)
            total = sum((credit.amount for credit in state.credits), Fraction(0))
            assert total == sum((units for _, units in left), Fraction(0)), (seed, month)
            first = days.end

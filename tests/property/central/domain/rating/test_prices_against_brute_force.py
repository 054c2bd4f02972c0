"""Prices per interval that are computed, and what exports earn at them, interval by interval."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.lineage import explain
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.export import to_canonical_text
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support import brute
from tests.support.rating import blocks_of
from tests.support.size import sized

ZONES = {  # a day around which the clock changes
    "Europe/London": date(2026, 10, 25),
    "America/Santiago": date(2026, 9, 6),
    "Australia/Lord_Howe": date(2026, 4, 5),
}
DRAWS = sized("METERLINE_PRICE_DRAWS", 4, 200)


@pytest.mark.parametrize("zone", ZONES)
def test_computed_prices_are_those_of_brute_force(zone: str) -> None:
    capped = 0
    for seed in range(DRAWS):
        draw = random.Random(f"{zone}{seed}")  # noqa: S311 - not for secrets
        first = ZONES[zone] - timedelta(days=draw.randint(1, 4))
        days = DayRange(first, first + timedelta(days=draw.randint(5, 8)))
        start, stop = brute.instants(days.first, days.end, zone)
        step = timedelta(minutes=draw.choice([15, 30]))
        count = (stop - start) // step
        used, sold = ([draw.randint(0, 900) for _ in range(count)] for _ in range(2))
        market = [draw.randint(-900, 4000) for _ in range(-(-(stop - start) // step))]
        cap, floor = draw.randint(300, 600), draw.randint(-50, 50)
        changed = first + timedelta(days=draw.randint(1, 4))
        season = first + timedelta(days=draw.randint(1, 4))
        facts = AgreementFacts(
            (Fact("loss", Decimal("1.03")), Fact("loss", Decimal("1.07"), changed))
        )
        said = {
            "tariff": "drawn",
            "effective": "2020-01-01",
            "zone": zone,
            "currency": {"code": "EUR", "digits": 4},
            "needs": {"loss": "ratio"},
            "calendar": {
                "seasons": {"s": f"{season:%m-%d}..12-31", "w": "rest"},
                "periods": {"peak": [{"at": "16:00-19:00"}], "off": "rest"},
            },
            "series": {
                "market": {"price": "M"},
                "adder": {
                    "by": "period",
                    "prices": {"s": {"peak": "0.12", "off": "0"}, "w": {"peak": "0.2", "off": "0"}},
                },
                "retail": {
                    "prices": f"min(0.{cap}, max({floor} / 1000, market * loss * 2 / 7 + adder))"
                },
            },
            "charges": [{"id": "pool", "qty": "import", "times": "retail"}],
            "banks": {
                "sun": {"earn": "export", "times": "retail", "offsets": "pool", "expires": "bill"}
            },
        }
        document = load_tariff(json.dumps(said))
        assert load_tariff(to_canonical_text(document)) == document
        blocks = {
            "import": blocks_of(days, zone, int(step.total_seconds()), used),
            "export": blocks_of(days, zone, int(step.total_seconds()), sold, channel_id=2),
        }
        prices = [PriceSeries("M", start, int(step.total_seconds()), tuple(market), -4)]
        rated = rate(
            blocks,
            facts,
            [TariffVersion.of(document)],
            ResolvedCalendar(),
            days,
            prices=prices,
        )
        assert not rated.holds
        cost = earned = Fraction(0)
        for number in range(count):
            local = (start + number * step).astimezone(ZoneInfo(zone))
            high = Fraction("0.12") if season <= local.date() else Fraction("0.2")
            adder = high if 16 <= local.hour < 19 else 0
            loss = Fraction("1.07") if local.date() >= changed else Fraction("1.03")
            exact = Fraction(market[number], 10_000) * loss * 2 / 7 + adder
            price = max(Fraction(floor, 1000), exact)
            price = min(Fraction(cap, 1000), price)
            capped += price != exact
            cost += Fraction(used[number], 1000) * price
            earned += Fraction(sold[number], 1000) * price
        pool = [line for line in rated.lines if line.id == "pool"]
        assert sum((line.exact for line in pool), Fraction(0)) == cost, seed
        rounded = sum((line.amount for line in pool), Decimal(0))
        credit = sum((line.exact for line in rated.lines if line.id == "sun"), Fraction(0))
        assert -credit == min(max(earned, Fraction(0)), Fraction(rounded)), seed
        assert rated.closing.credits == ()
        for line in rated.lines:
            for proof in explain(line, blocks):
                assert proof.sum == proof.determinant.exact
    assert capped

"""Demand in five zones over days of a clock change, looked at window by window."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.lineage import explain
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support import brute
from tests.support.brute_windows import Peaks, Steps, daily_peaks, mean_peaks, peaks, windows
from tests.support.rating import blocks_of
from tests.support.size import sized

DRAWS = sized("METERLINE_BRUTE_DEMAND", 2, 100)
CHANGES = {
    "Europe/Madrid": (date(2026, 3, 27), date(2026, 10, 23)),
    "America/New_York": (date(2026, 3, 6), date(2026, 10, 30)),
    "America/Santiago": (date(2026, 4, 3), date(2026, 9, 4)),
    "Australia/Lord_Howe": (date(2026, 4, 3), date(2026, 10, 2)),
    "Asia/Kolkata": (date(2028, 2, 27),),
}
KINDS: dict[str, dict[str, Any]] = {
    f"{mode}_{minutes}_{'tou' if by else 'all'}": {"max": "import", "window": f"{minutes}m"}
    | {"mode": mode}
    | ({"by": "period"} if by else {})
    for mode in ("block", "rolling")
    for minutes in (15, 30, 60)
    for by in (False, True)
}
KINDS |= {
    "daily": {"max": "import", "window": "30m", "per": "day"},
    "daily_tou": {"max": "import", "window": "60m", "per": "day", "by": "period"},
    "daily_rolling": {"max": "import", "window": "60m", "mode": "rolling", "per": "day"}
    | {"by": "period"},
    "mean_rolling": {"max": "import", "window": "45m", "mode": "rolling", "mean_of": 2}
    | {"by": "period"},
    "system": {"max": "import", "window": "30m", "during": "named"},
    "kva": {"max": "kvah", "window": "15m"},
    "pf": {"expr": "used / apparent else 1", "unit": "pf"},
    "by_share": {"expr": "max(block_15_all, 0.9 * kva)", "unit": "kW"},
    "to_target": {"expr": "block_15_all * max(1, 0.95 / pf else 1)", "unit": "kW"},
}


def label(cuts: list[int]) -> Callable[[datetime], str]:
    def period(at: datetime) -> str:
        if cuts == [0, 0]:
            return ""
        quarter = at.hour * 4 + at.minute // 15
        return "peak" if at.weekday() < 5 and cuts[0] <= quarter < cuts[1] else "low"

    return period


def halves(named: list[bool]) -> Callable[[int], bool]:
    """Whether a quarter-hour is in a half hour that is named."""
    return lambda number: named[number // 2]


def tariff(zone: str, cuts: list[int], astride: str) -> TariffVersion:
    determinants: dict[str, Any] = {"used": {"sum": "import"}, "apparent": {"sum": "kvah"}} | KINDS
    determinants = {
        name: rule | ({"astride": astride} if "by" in rule else {})
        for name, rule in determinants.items()
    }
    at = "-".join(f"{cut // 4:02}:{cut % 4 * 15:02}" for cut in cuts)
    return TariffVersion.of(
        load_tariff(
            json.dumps(
                {
                    "tariff": "demand",
                    "effective": "2020-01-01",
                    "zone": zone,
                    "currency": {"code": "EUR"},
                    "calendar": {
                        "days": {"work": "mon-fri", "off": "rest"},
                        "periods": {
                            "peak": [{"days": "work", "at": at}],
                            "low": "rest",
                        },
                    },
                    "series": {"named": {"price": "SYSTEM"}},
                    "determinants": determinants,
                    "charges": [{"id": name, "qty": name, "price": "1"} for name in determinants]
                    + [{"id": "standing", "price": "1", "per": "day"}],
                }
            )
        )
    )


def values(rated: Rated, name: str) -> Peaks:
    found = {(d.segment, d.label): d.exact for d in rated.determinants if d.name == name}
    return {key: value for key, value in found.items() if value or not key[1]}


def split_at(steps: Steps, cut: date) -> tuple[range, range]:
    """The steps before a day, and from it on."""
    border = next(n for n in range(len(steps.wh)) if steps.local(n).date() >= cut)
    return range(border), range(border, len(steps.wh))


@pytest.mark.parametrize("zone", CHANGES)
def test_demand_is_that_of_every_window(zone: str) -> None:
    for seed in range(DRAWS):
        draw = random.Random(f"{zone}{seed}")  # noqa: S311 - not for secrets
        first = draw.choice(CHANGES[zone])
        end = first + timedelta(days=draw.randint(4, 7))
        start, stop = brute.instants(first, end, zone)
        count = (stop - start) // timedelta(minutes=15)
        wh = [draw.randint(0, 900) for _ in range(count)]
        vah = [used + draw.randint(1, 300) for used in wh]
        named = [draw.random() < 0.2 for _ in range(-(-count // 2))]
        # Of quarter-hours, so that windows lie across them; a period has room for a window.
        begin = draw.randint(1, 70)
        cuts = [begin, draw.randint(begin + 8, 95)]
        astride = draw.choice(["first", "last", "each", "none"])
        # Another price from a day on cuts the bill, and no window.
        border = first + timedelta(days=draw.randint(1, (end - first).days - 1))
        cut = border if draw.random() < 0.7 else None
        agreed = () if cut is None else (Fact("price.standing", Decimal(2), cut),)
        days = DayRange(first, end)
        blocks = {
            "import": blocks_of(days, zone, 900, wh),
            "kvah": blocks_of(days, zone, 900, vah),
        }
        prices = [PriceSeries("SYSTEM", start, 1800, tuple(map(int, named)), 0)]
        rated = rate(
            blocks,
            AgreementFacts(agreed),
            [tariff(zone, cuts, astride)],
            ResolvedCalendar(),
            days,
            prices=prices,
        )
        assert not rated.holds, (seed, rated.holds)
        steps, one = Steps(start, 15, zone, wh), label([0, 0])
        for mode in ("block", "rolling"):
            for minutes in (15, 30, 60):
                for split, name in ((one, "all"), (label(cuts), "tou")):
                    how = astride if name == "tou" else "none"
                    rolling = mode == "rolling"
                    found = windows(
                        steps, minutes, rolling=rolling, label=split, astride=how, cut=cut
                    )
                    key = f"{mode}_{minutes}_{name}"
                    assert values(rated, key) == peaks(found), (seed, key)
        daily = windows(steps, 30, rolling=False, label=one, cut=cut)
        assert values(rated, "daily") == daily_peaks(daily)
        split = label(cuts)
        daily = windows(steps, 60, rolling=False, label=split, astride=astride, cut=cut)
        assert values(rated, "daily_tou") == daily_peaks(daily)
        for name, minutes in (("daily_rolling", 60), ("mean_rolling", 45)):
            found = windows(
                steps, minutes, rolling=True, label=split, astride=astride, cut=cut, of_days=True
            )
            wanted = daily_peaks(found) if minutes == 60 else mean_peaks(found, 2)
            assert values(rated, name) == wanted, (seed, name)
        system = windows(steps, 30, rolling=False, label=one, counts=halves(named), cut=cut)
        nothing = {part: Fraction(0) for part in {(d.segment, "") for d in rated.determinants}}
        assert values(rated, "system") == nothing | peaks(system)
        parts = [range(len(wh))] if cut is None else list(split_at(steps, cut))
        for part, inside in enumerate(parts):
            used, apparent = [wh[n] for n in inside], [vah[n] for n in inside]
            kw, kva = Fraction(max(used), 250), Fraction(max(apparent), 250)
            pf = Fraction(sum(used), sum(apparent))
            share, target = values(rated, "by_share"), values(rated, "to_target")
            assert share[part, ""] == max(kw, Fraction(9, 10) * kva)
            assert target[part, ""] == kw * max(Fraction(1), Fraction(95, 100) / pf)
        for line in rated.lines:
            explain(line, blocks)

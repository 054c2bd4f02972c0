"""A bill is another than an earlier one by causes that sum to the difference, to the cent."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest

from central.domain.billing.bill import Account, Bill, Party, Supply
from central.domain.billing.bill_comparison import (
    BillComparison,
    Cause,
    EarlierPeriod,
    bars,
    compare_bills,
    last_period,
    last_year,
)
from central.domain.billing.cycle import Cycle
from central.domain.billing.make_bill import make_bill
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_from

TARIFF = """\
tariff: home
effective: {effective}
zone: UTC
currency: {{code: EUR}}
calendar: {{seasons: {{summer: "04-01..09-30", winter: rest}}}}
determinants: {{kwh: {{sum: import}}}}
charges:
  - {{id: standing, name: Standing, price: 0.50, per: day}}
  - {{id: energy, name: Energy, qty: kwh, price: {{summer: {summer}, winter: {winter}}}}}
taxes: [{{id: vat, name: VAT, percent: {vat}, of: all, point: interval}}]
"""


def version(
    effective: str = "2025-01-01", summer: str = "0.10", winter: str = "0.10", vat: str = "20"
) -> TariffVersion:
    text = TARIFF.format(effective=effective, summer=summer, winter=winter, vat=vat)
    return TariffVersion.of(load_tariff(text))


def bill_of(month: str, wh: int, *versions: TariffVersion) -> Bill:
    cycle = Cycle.parse(month)
    blocks = {"import": blocks_from(cycle.days, "UTC", 3600, lambda _: wh)}
    rated = rate(blocks, AgreementFacts(), list(versions), ResolvedCalendar(), cycle.days)
    assert not rated.holds
    account = Account("A-1", Party("Ana"), Party("Seller"))
    return make_bill(account, cycle.period, [Supply("SP-1", "home", cycle.days, "UTC", rated)])


def causes(comparison: BillComparison) -> dict[Cause, Decimal]:
    said = dict(comparison.causes)
    assert sum(said.values()) == comparison.now - comparison.before
    return said


def test_days_and_use_are_told_apart() -> None:
    # June, 30 days at 1 kWh an hour: 72.00 and 15.00. July, 31 days at 2: 148.80 and 15.50.
    # Days: 0.50 and 24 kWh, 2.40; use: 744 kWh, 74.40. With 20 %: 3.48 and 89.28.
    one = version()
    said = causes(compare_bills(bill_of("2026-07", 2_000, one), bill_of("2026-06", 1_000, one), 2))
    assert said == {
        Cause.DAYS: Decimal("3.48"),
        Cause.USE: Decimal("89.28"),
        Cause.PRICE: 0,
        Cause.SEASON: 0,
        Cause.OTHER: 0,
    }


def test_another_version_is_price_and_another_season_of_one_version_is_season() -> None:
    # 744 hours, 720 before: days 24 kWh x 0.10 + 0.50, then 744 kWh x 0.05, with 20 %.
    season = version(winter="0.15")
    said = causes(
        compare_bills(bill_of("2026-10", 1_000, season), bill_of("2026-09", 1_000, season), 2)
    )
    assert (said[Cause.SEASON], said[Cause.PRICE]) == (Decimal("44.64"), Decimal(0))
    versions = version(), version("2026-10-01", winter="0.15")
    bills = bill_of("2026-10", 1_000, *versions), bill_of("2026-09", 1_000, *versions)
    said = causes(compare_bills(*bills, 2))
    assert (said[Cause.SEASON], said[Cause.PRICE]) == (Decimal(0), Decimal("44.64"))
    assert said[Cause.DAYS] == Decimal("3.48")


def test_another_tax_is_price() -> None:
    versions = version(), version("2026-08-01", vat="10")
    bills = bill_of("2026-08", 1_000, *versions), bill_of("2026-07", 1_000, *versions)
    said = causes(compare_bills(*bills, 2))
    assert said == {
        Cause.DAYS: 0,
        Cause.USE: 0,
        Cause.PRICE: Decimal("-8.99"),
        Cause.SEASON: 0,
        Cause.OTHER: 0,
    }


@pytest.mark.parametrize("wh", [0, 1, 333, 98_765])
def test_causes_and_bars_always_sum(wh: int) -> None:
    versions = version(), version("2026-10-01", summer="0.1234", winter="0.2345", vat="7")
    comparison = compare_bills(
        bill_of("2026-10", wh, *versions), bill_of("2026-09", 777, *versions), 2
    )
    causes(comparison)
    drawn = bars(comparison)
    assert all(0 <= end <= 1000 for pair in drawn for end in pair)
    assert drawn[0][0] == drawn[-1][0]
    assert [last for _, last in drawn[:-2]] == [first for first, _ in drawn[1:-1]]
    assert drawn[-2][1] == drawn[-1][1]
    assert max(end for pair in drawn for end in pair) == 1000


def test_last_period_ends_where_the_bill_begins_and_last_year_is_near() -> None:
    def days(first: str, end: str) -> DayRange:
        return DayRange(date.fromisoformat(first), date.fromisoformat(end))

    mine = days("2026-10-01", "2026-11-01")
    earlier = [
        EarlierPeriod(uuid4(), days("2026-09-01", "2026-10-01")),
        EarlierPeriod(uuid4(), days("2025-10-03", "2025-11-03")),
        EarlierPeriod(uuid4(), days("2025-08-01", "2025-09-01")),
    ]
    assert last_period(mine, earlier) == earlier[0]
    assert last_year(mine, earlier) == earlier[1]
    assert last_period(mine, earlier[1:]) is None
    assert last_year(mine, [earlier[0], earlier[2]]) is None
    leap = days("2028-02-29", "2028-03-31")
    assert last_year(leap, [EarlierPeriod(uuid4(), days("2027-02-28", "2027-03-31"))]) is not None

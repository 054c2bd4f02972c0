"""Packages are those of the whole bill, however a season or version cuts it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from central.domain.rating.columnar import rate_batch
from central.domain.rating.columnar.rate_batch import rate_many
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_from

JUNE = DayRange(date(2026, 6, 1), date(2026, 7, 1))
TEXT = """\
tariff: packages
effective: {effective}
zone: UTC
currency: {{code: EUR}}
cycle: {{normal_days: 30}}
series: {{net: {{expr: import - export}}}}
determinants: {{kwh: {{sum: net}}}}
charges:
  - id: c
    qty: kwh
    tiers: {{kind: package, size: {size}{more}}}
    steps: [{{to: null, price: {price}}}]
"""


def bill(
    wh: tuple[int, int], sizes: tuple[int, int] = (100, 100), more: str = ""
) -> list[tuple[Decimal, str]]:
    """Amount and note of each line: a use per hour until the 15th, and after it at a new price."""
    said = zip(("2020-01-01", "2026-06-16"), sizes, ("4", "6"), strict=True)
    versions = tuple(
        TariffVersion.of(
            load_tariff(TEXT.format(effective=effective, size=size, price=price, more=more))
        )
        for effective, size, price in said
    )

    blocks = {
        name: blocks_from(
            JUNE,
            "UTC",
            3600,
            lambda at, sign=sign: max(0, sign * wh[at.day > 15]),  # type: ignore[misc]
            channel_id=channel,
        )
        for name, sign, channel in (("import", 1, 1), ("export", -1, 2))
    }
    period = BillingPeriod.month(JUNE)
    terms = Terms(versions, ResolvedCalendar(), JUNE, period)
    alone = rate(blocks, AgreementFacts(), versions, ResolvedCalendar(), JUNE, period=period)
    for many in rate_many([Meter(blocks, AgreementFacts())] * 5, terms):
        assert many.to_json() == alone.to_json()
    assert not alone.holds, alone.holds
    return [(line.amount, line.note) for line in alone.lines]


def money(text: str) -> Decimal:
    return Decimal(text)


@pytest.mark.parametrize(
    ("wh", "amounts"),
    [
        # 360 h x 0.1 kW = 36 kWh in each half: the bill's one package is begun in the first.
        ((100, 100), ["4.00", "0.00"]),
        # 180 and 180 kWh: 4 packages, two of them begun in each half.
        ((500, 500), ["8.00", "12.00"]),
        # 252 and 36 kWh: 3 packages, all begun before the price changed.
        ((700, 100), ["12.00", "0.00"]),
        # 36 and 252 kWh: one, then two more.
        ((100, 700), ["4.00", "12.00"]),
    ],
)
def test_a_package_is_charged_where_it_begins(wh: tuple[int, int], amounts: list[str]) -> None:
    assert [amount for amount, _ in bill(wh)] == list(map(money, amounts))


def test_a_line_of_a_part_of_a_bill_says_whose_packages_they_are() -> None:
    assert [note for _, note in bill((100, 100))] == ["packages of the whole bill"] * 2


def test_meters_of_one_version_are_counted_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    seasons = 'calendar: {seasons: {summer: "06-16..09-30", winter: rest}}\n'
    text = TEXT.format(effective="2020-01-01", size=100, price="4", more="") + seasons
    text = text.replace("import - export", "import")
    terms = Terms(
        (TariffVersion.of(load_tariff(text)),), ResolvedCalendar(), JUNE, BillingPeriod.month(JUNE)
    )
    meters = [
        Meter({"import": blocks_from(JUNE, "UTC", 3600, lambda _, wh=wh: wh)}, AgreementFacts())  # type: ignore[misc]
        for wh in (100, 100, 500, 500, 600)
    ]
    monkeypatch.setattr(rate_batch, "rate", None)
    # 36 kWh, 180 and 216 in each half.
    assert [[f"{line.amount}" for line in one.lines] for one in rate_many(meters, terms)] == [
        *[["4.00", "0.00"]] * 2,
        *[["8.00", "8.00"]] * 2,
        ["12.00", "8.00"],
    ]


def test_packages_of_another_size_count_apart() -> None:
    # 36 kWh: one of 100 kWh at 4, then one of 200 kWh at 6.
    assert [amount for amount, _ in bill((100, 100), (100, 200))] == [money("4.00"), money("6.00")]


def test_what_is_given_back_is_credited_by_whole_packages_of_the_bill() -> None:
    # 180 kWh used: 2 packages; 252 given back leaves -72 kWh, 1 package: 3 are credited at 6.
    amounts = [amount for amount, _ in bill((500, -700), more=", below_zero: mirror")]
    assert amounts == [money("8.00"), money("-18.00")]

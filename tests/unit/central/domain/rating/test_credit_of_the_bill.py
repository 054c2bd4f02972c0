"""A credit that lapses with its bill pays all of the bill, also after a version inside it."""

from __future__ import annotations

from datetime import date, datetime

from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from firmware_bridge.contract.interval import local_day
from tests.support.rating import blocks_from

JUNE = DayRange(date(2026, 6, 1), date(2026, 7, 1))
TEXT = """\
tariff: surplus
effective: {effective}
zone: UTC
currency: {{code: EUR}}
determinants: {{kwh: {{sum: import}}}}
series: {{market: {{price: M}}}}
charges: [{{id: energy, qty: kwh, price: {price}}}]
banks: {{sun: {{earn: export, times: market, offsets: energy, expires: bill}}}}
"""


def credits_of(exported_on: int, kwh: int) -> list[tuple[str, str]]:
    """Amounts and what the credits say: 10 kWh used on the 5th and the 20th, some sold."""
    versions = [
        TariffVersion.of(load_tariff(TEXT.format(effective=effective, price=price)))
        for effective, price in (("2020-01-01", "0.10"), ("2026-06-16", "0.20"))
    ]

    def at_noon(at: datetime, of: dict[int, int]) -> int:
        return of.get(at.day, 0) if at.hour == 12 else 0

    used, sold = {5: 10_000, 20: 10_000}, {exported_on: kwh * 1_000}
    blocks = {
        "import": blocks_from(JUNE, "UTC", 3600, lambda at: at_noon(at, used)),
        "export": blocks_from(JUNE, "UTC", 3600, lambda at: at_noon(at, sold), channel_id=2),
    }
    start = local_day(JUNE.first, "UTC").start
    market = PriceSeries("M", start, 3600, (100,) * (24 * JUNE.count), -3)
    bill = rate(blocks, AgreementFacts(), versions, ResolvedCalendar(), JUNE, prices=(market,))
    assert not bill.holds, bill.holds
    assert not bill.closing.credits
    return [(f"{line.amount}", line.note) for line in bill.lines if line.kind == "credit"]


def test_what_one_version_left_pays_the_next_of_the_same_bill() -> None:
    # 2.00 are earned before the price changes: 1.00 pays the first ten kWh, 1.00 of the 2.00 after.
    assert credits_of(exported_on=6, kwh=20) == [
        ("-1.00", "earned 2.00, used 1.00, left 1.00 EUR"),
        ("-1.00", "earned 0.00, used 1.00, left 0.00 EUR"),
    ]


def test_what_the_bill_cannot_use_lapses_with_it() -> None:
    # 3.00 are earned after the change, and 2.00 is what the ten kWh after it cost.
    assert credits_of(exported_on=21, kwh=30) == [
        ("-2.00", "expired 1.00, earned 3.00, used 2.00, left 0.00 EUR")
    ]

"""Rating whole bills: segments, holds, hashes, lineage."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from central.domain.billing.cycle import Cycle
from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.lineage import LineageError, explain
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion, TariffVersionOverlapError
from tests.support.rating import blocks_from

ZONE = "Europe/Madrid"
OCTOBER = Cycle.parse("2026-10").days
CALENDAR = ResolvedCalendar(tzdata="test")
NO_FACTS = AgreementFacts()
FLAT = """\
tariff: flat
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: 30}
determinants: {kwh: {sum: import}}
charges:
  - {id: customer, price: 10, per: month}
  - {id: energy, qty: kwh, price: 0.20}
taxes: [{id: vat, percent: 21, of: all, point: interval}]
"""


def version(text: str = FLAT) -> TariffVersion:
    return TariffVersion.of(load_tariff(text))


def steady(days: DayRange = OCTOBER, wh: int = 100, **options: int) -> list[DayBlock]:
    return blocks_from(days, ZONE, 900, lambda _: wh, **options)  # type: ignore[arg-type]


def rated(*versions: TariffVersion, days: DayRange = OCTOBER) -> Rated:
    return rate(
        {"import": steady()},
        NO_FACTS,
        versions,
        CALENDAR,
        days,
        period=BillingPeriod.month(OCTOBER),
    )


def test_october_has_745_hours() -> None:
    bill = rated(version())
    assert bill.quantity("kwh") == 298
    assert [line.amount for line in bill.lines] == list(map(Decimal, ("10.00", "59.60", "14.62")))
    assert bill.total == Decimal("84.22")


def test_price_change_inside_the_bill_makes_segments() -> None:
    later = version(FLAT.replace("2026-01-01", "2026-10-11").replace("0.20", "0.30"))
    bill = rated(version(), later)
    energy = {line.segment: line for line in bill.lines if line.id == "energy"}
    assert energy[0].quantity == 96
    assert energy[0].amount == Decimal("19.20")
    assert energy[1].quantity == 202
    assert energy[1].amount == Decimal("60.60")
    fixed = [line.amount for line in bill.lines if line.id == "customer"]
    assert fixed == [Decimal("3.23"), Decimal("6.77")]
    assert {line.tariff_sha256 for line in bill.lines} == {version().sha256, later.sha256}


def test_rounding_of_quantities_keeps_their_total() -> None:
    text = FLAT.replace("determinants", "quantities: {kWh: 0}\ndeterminants")
    versions = [version(text.replace("2026-01-01", f"2026-{day}")) for day in ("01-01", "10-02")]
    blocks = {"import": steady(wh=1)}
    bill = rate(blocks, NO_FACTS, versions, CALENDAR, OCTOBER)
    values = [found.value for found in bill.determinants]
    assert values == [0, 3]
    assert sum(found.exact for found in bill.determinants) == Decimal("2.98")


def test_move_in_pays_a_part_of_the_month() -> None:
    bill = rated(version(), days=DayRange(date(2026, 10, 22), date(2026, 11, 1)))
    assert bill.lines[0].amount == Decimal("3.33")
    assert bill.lines[0].note == "10 days: 1/3 of a month"


def test_missing_day_holds_the_bill() -> None:
    bill = rate({"import": steady()[1:]}, NO_FACTS, [version()], CALENDAR, OCTOBER)
    assert [hold.code for hold in bill.holds] == ["MISSING_DAYS"]
    assert bill.lines == ()


def test_missing_interval_holds_the_bill() -> None:
    blocks = steady()
    values, quality = blocks[3].values.copy(), blocks[3].quality.copy()
    values[5], quality[5] = -(2**63), 255
    blocks[3] = replace(blocks[3], values=values, quality=quality)
    bill = rate({"import": blocks}, NO_FACTS, [version()], CALENDAR, OCTOBER)
    assert [hold.code for hold in bill.holds] == ["MISSING_INTERVALS"]


def test_missing_fact_holds_the_bill() -> None:
    text = FLAT + "needs: {kva: kW}\n"
    text = text.replace("charges:", "charges:\n  - {id: power, qty: kva, price: 0.1, per: day}")
    held = rate({"import": steady()}, NO_FACTS, [version(text)], CALENDAR, OCTOBER)
    assert [hold.code for hold in held.holds] == ["MISSING_FACT"]
    facts = AgreementFacts((Fact("kva", Decimal(5)), Fact("kva", Decimal(10), date(2026, 10, 22))))
    bill = rate({"import": steady()}, facts, [version(text)], CALENDAR, OCTOBER)
    assert bill.lines[0].amount == Decimal("20.50")


def test_day_before_the_first_version_holds_the_bill() -> None:
    late = version(FLAT.replace("2026-01-01", "2026-10-02"))
    assert [hold.code for hold in rated(late).holds] == ["NO_TARIFF_VERSION"]


def test_interval_in_two_periods_holds_the_bill() -> None:
    text = FLAT.replace("{sum: import}", "{sum: import, by: period}")
    text += 'calendar: {periods: {a: [{at: "10:07-12:00"}], b: rest}}\n'
    assert [hold.code for hold in rated(version(text)).holds] == ["INTERVAL_STRADDLES_PERIODS"]


def test_unresolved_holidays_hold_the_bill() -> None:
    text = FLAT.replace("{sum: import}", "{sum: import, by: period}")
    text += "calendar: {holidays: {country: ES}, days: {h: holidays, r: rest}, "
    text += "periods: {a: [{days: h}], b: rest}}\n"
    assert [hold.code for hold in rated(version(text)).holds] == ["HOLIDAYS_UNRESOLVED"]


def test_two_versions_on_one_date_are_refused() -> None:
    with pytest.raises(TariffVersionOverlapError):
        rated(version(), version(FLAT.replace("0.20", "0.30")))


def test_channels_of_one_input_are_summed_whatever_their_order_and_scale() -> None:
    one, two = steady(), steady(wh=1_000, channel_id=2, exponent=-1)
    blocks = {"import": [*two, *one]}
    bill = rate(blocks, NO_FACTS, [version()], CALENDAR, OCTOBER)
    again = rate({"import": [*one, *two]}, NO_FACTS, [version()], CALENDAR, OCTOBER)
    assert bill.quantity("kwh") == 596
    assert bill.sha256 == again.sha256
    assert explain(bill.lines[1], blocks)[0].sum == 596


def test_same_inputs_give_the_same_hash_and_others_another() -> None:
    assert rated(version()).sha256 == rated(version()).sha256
    other = rate({"import": steady(wh=101)}, NO_FACTS, [version()], CALENDAR, OCTOBER)
    assert other.sha256 != rated(version()).sha256


def test_comments_and_order_of_keys_do_not_change_a_version() -> None:
    shuffled = "# cheap\n" + "".join(reversed(FLAT.splitlines(keepends=True)[:4]))
    assert (
        version(shuffled + "".join(FLAT.splitlines(keepends=True)[4:])).sha256 == version().sha256
    )


def test_result_survives_json() -> None:
    bill = rated(version())
    assert Rated.from_json(json.loads(json.dumps(bill.to_json()))) == bill


def test_explaining_with_another_block_is_refused() -> None:
    bill = rated(version())
    blocks = steady()
    blocks[0] = replace(blocks[0], values=blocks[0].values + np.int64(1))
    with pytest.raises(LineageError):
        explain(bill.lines[1], {"import": blocks})
    with pytest.raises(LineageError):
        explain(bill.lines[1], {"import": steady()[1:]})
    with pytest.raises(LineageError):
        explain(bill.lines[1], {"import": [replace(steady()[0], version=2), *steady()[1:]]})


def test_explained_intervals_are_those_of_the_month() -> None:
    proof = explain(rated(version()).lines[1], {"import": steady()})[0]
    assert len(proof.intervals) == 745 * 4
    assert proof.intervals[0].start == OCTOBER.interval(ZONE).start
    assert proof.intervals[-1].end == OCTOBER.interval(ZONE).end


def test_sums_beyond_64_bits_are_exact() -> None:
    huge = 2**62
    blocks = {"import": steady(wh=huge)}
    bill = rate(blocks, NO_FACTS, [version()], CALENDAR, OCTOBER)
    assert bill.quantity("kwh") * 1000 == huge * 2980


def test_no_float_is_in_any_value_of_a_bill() -> None:
    def walk(value: object) -> None:
        assert not isinstance(value, float | np.floating), value
        if is_dataclass(value):
            for entry in fields(value):
                walk(getattr(value, entry.name))
        elif isinstance(value, tuple | list):
            for child in value:
                walk(child)

    bill = rated(version())
    walk(bill)
    walk(version())
    assert isinstance(bill.total, Decimal)
    assert all(isinstance(stamp, datetime) for stamp in [OCTOBER.interval(ZONE).start])


COINCIDENT = """\
tariff: coincident
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: 30}
series: {peaks: {price: GRID.CP}}
determinants: {kw: {max: import, window: 60m, during: peaks}}
charges: [{id: capacity, qty: kw, price: 10}]
"""


def coincident(flags: dict[int, int], estimated: tuple[date, ...] = ()) -> Rated:
    start = OCTOBER.interval(ZONE).start
    prices = PriceSeries("GRID.CP", start, 3600, tuple(flags.get(n, 0) for n in range(745)), 0)
    blocks = {"import": blocks_from(OCTOBER, ZONE, 900, lambda at: at.hour, estimated=estimated)}
    tariff = version(COINCIDENT)
    return rate(blocks, NO_FACTS, [tariff], CALENDAR, OCTOBER, prices=[prices])


def test_demand_counts_only_in_the_hours_that_the_system_names() -> None:
    bill = coincident({7: 1, 24 + 9: 1})
    assert bill.quantity("kw") == Fraction(36, 1000)
    (line,) = bill.lines
    (selection,) = [found.selection for found in line.determinants]
    assert selection is not None
    assert selection.runs == (((24 + 9) * 4, 4),)


def test_no_named_hour_is_no_coincident_demand_and_an_estimated_one_holds() -> None:
    assert coincident({}).total == 0
    held = coincident({7: 1}, (OCTOBER.first,))
    assert [hold.code for hold in held.holds] == ["NO_DEMAND_WINDOW"]


def test_unknown_system_hours_hold_the_bill() -> None:
    assert [hold.code for hold in rated(version(COINCIDENT)).holds] == ["MISSING_PRICE"]

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from central.cli.findings import _readings
from central.dashboard.language import ENGLISH
from central.dashboard.present import Presenter
from central.domain.metering.display_unit import display_unit, spelled
from central.domain.rating.inputs.input_series import unit_scale
from central.service.billing.meter_reads import BilledSpan, meter_reads
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import GAS_VOLUME
from firmware_bridge.contract.quantity import Quantity, Unit

DAYS = Interval(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))


def test_page_invoice_bill_and_command_agree_on_litres() -> None:
    showed = Quantity(12345, 0, Unit.LITRE)
    span = BilledSpan("1", GAS_VOLUME, Unit.LITRE, DAYS, Fraction(1), Decimal(0), showed.decimal())
    (read,) = meter_reads([span], [])
    assert f"{read.closing} {read.unit}" == "12.345 m3"
    assert Presenter(ENGLISH).quantity(showed) == "12.345 m3"
    assert _readings(showed, showed, as_json=False)["kept"] == "12.345"
    assert 12345 * unit_scale(0, Unit.LITRE, 900) == Fraction("12.345")


@pytest.mark.parametrize("unit", list(Unit))
def test_bills_count_in_the_unit_that_people_read(unit: Unit) -> None:
    """Powers become energies over their interval, and are shown as they are."""
    if unit not in {Unit.WATT, Unit.VAR, Unit.VOLT_AMPERE}:
        assert unit_scale(0, unit, 900) == Fraction(display_unit(unit).decimal(1, 0))
    else:
        assert unit_scale(0, unit, 900) == Fraction(1, 4000)


def test_machines_get_what_the_meter_counted() -> None:
    showed = Quantity(12345, -1, Unit.LITRE)
    assert _readings(showed, showed, as_json=True) == {
        "kept": "1234.5",
        "other": "1234.5",
        "unit": "L",
    }


def test_every_digit_is_kept_and_only_the_point_moves() -> None:
    assert spelled(2**63 - 1, -7, Unit.WATT_HOUR) == "922,337,203.6854775807 kWh"
    assert spelled(-5, 0, Unit.LITRE) == "-0.005 m3"
    assert spelled(1200, 1, Unit.VOLT) == "12,000 V"

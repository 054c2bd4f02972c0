"""A meter's `scale` makes its counters true, exactly, and touches nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from edge_agent.config.settings import ConfigurationFileError, MeterSettings, parse_config
from edge_agent.polling.meter_set import make_meter
from edge_agent.polling.scaled_driver import CounterScale, ScaledDriver
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import ACTIVE_IMPORT, ACTIVE_POWER_IMPORT, GAS_VOLUME
from firmware_bridge.contract.quantity import INT64_MAX, Quantity, Unit
from firmware_bridge.driver.interface import Absence, MeterAnswerError, ProfileChunk
from tests.support.edge_parts import ScriptedDriver, entry, read_out, value

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = Interval(NOON, NOON + timedelta(days=1))
TENTH = CounterScale(Decimal("0.1"))


def quantity(mantissa: int, exponent: int = 0, unit: Unit = Unit.WATT_HOUR) -> Quantity:
    return Quantity(mantissa, exponent, unit)


@pytest.mark.parametrize(
    ("factor", "shown", "true"),
    [
        ("0.1", quantity(123_456_789), quantity(123_456_789, -1)),
        ("10", quantity(7, 1), quantity(70, 1)),
        ("1.5", quantity(-3, -2), quantity(-45, -3)),
        ("0.001", quantity(9_007_199_254_740_993), quantity(9_007_199_254_740_993, -3)),
        ("40", quantity(0), quantity(0)),
    ],
)
async def test_no_digit_is_lost(factor: str, shown: Quantity, true: Quantity) -> None:
    inner = ScriptedDriver([read_out(replace(value(), quantity=shown, modulus=shown))])
    (scaled,) = (await ScaledDriver(inner, CounterScale(Decimal(factor))).read()).values
    assert (scaled.quantity, scaled.modulus) == (true, true)


async def test_power_and_what_hangs_behind_the_port_stay_as_they_are() -> None:
    power = replace(value(500), obis=ACTIVE_POWER_IMPORT, quantity=quantity(500, 0, Unit.WATT))
    gas = replace(value(7, "2"), obis=GAS_VOLUME, quantity=quantity(7, 0, Unit.LITRE))
    driver = ScaledDriver(ScriptedDriver([read_out(value(100), power, gas)]), TENTH)
    scaled = (await driver.read()).values
    assert [v.quantity for v in scaled] == [quantity(100, -1), power.quantity, gas.quantity]
    chosen = CounterScale(Decimal("0.1"), frozenset({ACTIVE_POWER_IMPORT}))
    scaled = (
        await ScaledDriver(ScriptedDriver([read_out(value(100), power)]), chosen).read()
    ).values
    assert [v.quantity for v in scaled] == [quantity(100), quantity(500, -1, Unit.WATT)]


async def test_all_devices_of_one_table_are_scaled_whichever_spoke_last() -> None:
    shown = replace(read_out(value(100), value(200, "2")), several=True)
    scaled = (await ScaledDriver(ScriptedDriver([shown]), TENTH).read()).values
    assert [v.quantity for v in scaled] == [quantity(100, -1), quantity(200, -1)]


async def test_what_the_factor_makes_too_large_is_absent_or_refused_by_name() -> None:
    tenfold = CounterScale(Decimal(10))
    large = replace(value(), quantity=quantity(INT64_MAX))
    answer = await ScaledDriver(ScriptedDriver([read_out(large, value(3, "2"))]), tenfold).read()
    assert [v.quantity.mantissa for v in answer.values] == [3]
    assert [(a.obis, a.absence) for a in answer.absent] == [(ACTIVE_IMPORT, Absence.OUT_OF_RANGE)]
    inner = ScriptedDriver([], chunks=[ProfileChunk(DAY, (replace(entry(1), mantissa=INT64_MAX),))])
    with pytest.raises(MeterAnswerError, match="too large"):
        _ = [chunk async for chunk in ScaledDriver(inner, tenfold).read_profile(DAY)]


async def test_the_load_profile_is_scaled_as_the_register_is() -> None:
    inner = ScriptedDriver([], chunks=[ProfileChunk(DAY, (entry(1), entry(12)))])
    chunks = [chunk async for chunk in ScaledDriver(inner, TENTH).read_profile(DAY)]
    assert [(r.mantissa, r.exponent) for c in chunks for r in c.readings] == [(1, -1), (12, -1)]
    assert inner.asked == [DAY]


TABLE = {"gateway": "gw-1", "broker": {"url": "mqtt://h"}}
METER = {"name": "a", "protocol": "dsmr", "host": "h", "port": 1}


@pytest.mark.parametrize("scale", ["0", "-1", "x", "1e3", "1" * 11, 0.1, True, [], "0.1 "])
def test_a_factor_that_is_not_exact_is_refused(scale: object) -> None:
    with pytest.raises(ConfigurationFileError, match=r"meters\.0\.scale"):
        parse_config({**TABLE, "meters": [{**METER, "scale": scale}]})


def test_a_meters_table_says_the_factor_and_for_which_registers() -> None:
    (meter,) = parse_config({**TABLE, "meters": [{**METER, "scale": "0.1"}]}).meters
    assert isinstance(make_meter(meter).driver, ScaledDriver)
    assert meter.scale == Decimal("0.1")
    (plain,) = parse_config({**TABLE, "meters": [METER]}).meters
    assert not isinstance(make_meter(plain).driver, ScaledDriver)
    with pytest.raises(ValueError, match="needs `scale`"):
        MeterSettings.model_validate({**METER, "scaled_codes": ["1-0:1.8.0"]})
    with pytest.raises(ConfigurationFileError, match="scaled_codes"):
        parse_config({**TABLE, "meters": [{**METER, "scale": "2", "scaled_codes": ["x"]}]})

"""A virtual device of every shipped mapping is read back as what it shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from firmware_bridge.contract.obis import Obis
from firmware_bridge.driver.telegram import Observation
from firmware_bridge.mqtt_native.frames import decode_message
from firmware_bridge.mqtt_native.mappings import mapping_names, shipped_mapping
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.load import from_kw
from firmware_bridge.simulator.meter import ManualClock, VirtualMeter
from firmware_bridge.simulator.mqtt.devices import messages, topics

START = datetime(2026, 3, 1, tzinfo=UTC)
AT = START + timedelta(hours=2)


def device() -> VirtualMeter:
    load = from_kw([Decimal("2.345"), Decimal(-1), Decimal(4)], 3600)
    clock = ManualClock(AT)
    return compose("1042", load, script=Script(start=START, loop=True), clock=clock)


def expected(code: Obis, meter: VirtualMeter) -> Decimal:
    plain = str(code).replace(".8.1*", ".8.0*")
    shown = meter.show(Obis.parse(plain), AT)
    return Decimal(shown.mantissa).scaleb(shown.exponent)


@pytest.mark.parametrize("name", mapping_names())
def test_it_is_read_as_what_it_shows(name: str) -> None:
    meter, (mapping, *_) = device(), shipped_mapping(name)
    seen: list[Observation] = []
    for topic, payload in messages(name, meter):
        seen += decode_message(topic, payload)
        assert topic.startswith(topics(name, "1042")[0].removesuffix("/#"))
    assert {one.meter.serial.partition("/")[0] for one in seen} == {"1042"}
    assert {one.meter.manufacturer for one in seen} == {mapping.manufacturer}
    never = {value.obis for value in mapping.values if value.zero_is_none}
    wanted = {v.obis: expected(v.obis, meter) for v in mapping.values}
    wanted = {code: value for code, value in wanted.items() if value or code not in never}
    assert {one.obis: one.value for one in seen} == wanted
    if mapping.time is not None:
        assert {one.meter_time for one in seen} == {AT}

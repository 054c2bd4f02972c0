"""Quantities, OBIS codes, channels, topics."""

from datetime import datetime
from decimal import Decimal

import pytest

from firmware_bridge.contract import obis, topics
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import (
    Channel,
    Kind,
    Quality,
    Source,
    TimeQuality,
    pack_flags,
    to_ms,
    unpack_flags,
)


def test_quantity_keeps_the_digits_it_was_given() -> None:
    quantity = Quantity.from_decimal(Decimal("1.50"), Unit.WATT_HOUR)
    assert (quantity.mantissa, quantity.exponent) == (150, -2)
    assert str(quantity) == "1.50 Wh"


def test_quantity_moves_to_a_finer_exponent_exactly() -> None:
    assert Quantity(15, -1, Unit.WATT_HOUR).at_exponent(-3) == 1500


def test_quantity_refuses_to_lose_digits() -> None:
    with pytest.raises(InvalidValueError, match="digits below"):
        Quantity(15, -1, Unit.WATT_HOUR).at_exponent(0)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_quantity_refuses_what_is_not_finite(value: str) -> None:
    with pytest.raises(InvalidValueError, match="finite"):
        Quantity.from_decimal(Decimal(value), Unit.WATT)


def test_quantity_refuses_more_than_64_bits() -> None:
    with pytest.raises(InvalidValueError, match="64 bits"):
        Quantity(2**63, 0, Unit.WATT_HOUR)


def test_wire_numbers_of_units_never_change() -> None:
    frozen = ["Wh", "varh", "VAh", "W", "var", "VA", "V", "A", "Hz", "L", "L/h", "J", "degC", "1"]
    assert [Unit.from_wire(number).value for number in range(1, 15)] == frozen


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1-0:1.8.0*255", b"\x01\x00\x01\x08\x00\xff"),
        ("1-0:1.8.0", b"\x01\x00\x01\x08\x00\xff"),
        ("1.8.0", b"\x01\x00\x01\x08\x00\xff"),
        ("7-0:3.0.0", b"\x07\x00\x03\x00\x00\xff"),
        ("0-1:24.2.1", b"\x00\x01\x18\x02\x01\xff"),
        ("1-0:1.8.0&01", b"\x01\x00\x01\x08\x00\x01"),
    ],
)
def test_obis_code_is_read_in_each_spelling(text: str, code: bytes) -> None:
    assert Obis.parse(text).code == code


@pytest.mark.parametrize("text", ["", "1", "1-0:1.8.0*256", "1-0:1.8.0*25a", "a.b.c", "1-0:1"])
def test_what_is_no_obis_code_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError):
        Obis.parse(text)


def test_obis_code_prints_what_it_parses() -> None:
    assert Obis.parse(str(obis.GAS_VOLUME)) == obis.GAS_VOLUME


@pytest.mark.parametrize(
    ("manufacturer", "serial"), [("", "1"), ("EAS", ""), ("EAS", "x" * 33), ("EÄS", "1")]
)
def test_channel_refuses_a_plate_that_cannot_be(manufacturer: str, serial: str) -> None:
    with pytest.raises(InvalidValueError):
        Channel(
            manufacturer, serial, obis.ACTIVE_IMPORT, Kind.REGISTER, 0, Source.LIVE, Unit.WATT_HOUR
        )


def test_interval_channel_needs_a_period() -> None:
    with pytest.raises(InvalidValueError, match="needs a period"):
        Channel("EAS", "1", obis.ACTIVE_IMPORT, Kind.INTERVAL, 0, Source.LIVE, Unit.WATT_HOUR)


def test_flags_hold_both_qualities() -> None:
    for quality in Quality:
        for time_quality in TimeQuality:
            flags = pack_flags(quality, time_quality)
            assert unpack_flags(flags) == (quality, time_quality)


def test_unassigned_flags_are_refused() -> None:
    with pytest.raises(InvalidValueError):
        unpack_flags(0xFF)


def test_naive_time_has_no_milliseconds() -> None:
    with pytest.raises(InvalidValueError, match="no time zone"):
        to_ms(datetime(2026, 1, 1))  # noqa: DTZ001 - the point of it


def test_topic_names_its_gateway() -> None:
    assert topics.gateway_of(topics.up("roof-7")) == "roof-7"


@pytest.mark.parametrize(
    "topic", ["meterline/v1/gw/a/b/up", "meterline/v1/gw/A/up", "meterline/v2/gw/a/up", ""]
)
def test_foreign_topic_is_refused(topic: str) -> None:
    with pytest.raises(InvalidValueError):
        topics.gateway_of(topic)


@pytest.mark.parametrize("gateway", ["", "-a", "A", "a/b", "a+", "x" * 64, "a b"])
def test_name_that_could_escape_a_topic_is_refused(gateway: str) -> None:
    with pytest.raises(InvalidValueError):
        topics.check_gateway(gateway)

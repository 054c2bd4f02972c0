"""Records that mean something else than their VIF says, and those nobody explains."""

from __future__ import annotations

import struct
from decimal import Decimal

import pytest

from firmware_bridge.driver.line import TcpAddress
from firmware_bridge.driver.polled import PolledDriver, SharedLine
from firmware_bridge.driver.telegram import Observation, Telegram
from firmware_bridge.mbus.application.quirks import quirk_of
from firmware_bridge.mbus.wired.scanner import WiredScanner
from firmware_bridge.simulator.mbus.encoding import device, long_frame, long_header

WH, KWH = 33_385_482, 33_385.496
INTEGER, REAL = b"\x07", b"\x05"


def record(head: str, value: float) -> bytes:
    """A record of a 64-bit integer or a 32-bit float, by its DIF."""
    raw = bytes.fromhex(head)
    real = raw[0] & 0x0F == REAL[0]
    return raw + (struct.pack("<f", value) if real else int(value).to_bytes(8, "little"))


def scanned(maker: str, version: int, *records: bytes, medium: int = 2) -> Telegram:
    named = device("12345678", maker, version, medium)
    frame = long_frame(long_header(named, 1, 0, b"".join(records)))
    scanner = WiredScanner()
    (found,) = [*scanner.feed(frame), *scanner.close()]
    assert found.error is None
    return found


def observed(maker: str, version: int, *records: bytes, medium: int = 2) -> list[Observation]:
    return list(scanned(maker, version, *records, medium=medium).observations)


def shown(maker: str, version: int, *records: bytes, medium: int = 2) -> dict[str, str]:
    found = observed(maker, version, *records, medium=medium)
    return {str(v.obis): f"{v.value:f} {v.unit}" for v in found if v.obis is not None}


async def read(*records: bytes, version: int = 16) -> tuple[dict[str, str], list[str]]:
    """What a driver hands over, and what it reports instead."""

    async def ask(_: SharedLine) -> tuple[Telegram, ...]:
        return (scanned("SEC", version, *records),)

    driver = PolledDriver(TcpAddress("127.0.0.1", 1), ask, 1.0)
    async with driver:
        out = await driver.read()
    values = {str(value.obis): str(value.quantity) for value in out.values}
    return values, [str(value.quantity) for value in out.repeated]


@pytest.mark.parametrize("order", [1, -1])
async def test_the_integer_goes_before_the_float_of_the_same_code(order: int) -> None:
    records = [record("0703", WH), record("0503", KWH)]
    values, rest = await read(*records[::order])
    assert values == {"1-0:1.8.0*255": "33385482 Wh"}
    assert len(rest) == 1


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("head", ["0503", "0583FF00", "8540833C"])
async def test_a_float_energy_of_a_version_that_is_not_listed_has_no_code(
    order: int, head: str
) -> None:
    values, rest = await read(*[record("0703", WH), record(head, KWH)][::order], version=17)
    assert values == {"1-0:1.8.0*255": "33385482 Wh"}
    assert rest == []
    (alone,) = observed("SEC", 17, record("0503", KWH))
    assert alone.meter_value() is None
    assert alone.label == "energy, its scale unknown"
    (power,) = observed("SEC", 17, record("052B", 5.5))
    assert str(power.obis) == "1-0:1.7.0*255"  # only its energies are known to be off


@pytest.mark.parametrize(("maker", "version"), [("ABB", 99), ("XYZ", 17), ("CRL", 1)])
def test_floats_of_other_makers_are_what_their_vif_says(maker: str, version: int) -> None:
    assert shown(maker, version, record("0503", 2.5)) == {"1-0:1.8.0*255": "2.5 Wh"}


async def test_the_first_goes_before_the_second() -> None:
    values, rest = await read(record("0703", 7), record("0703", 8), record("0703", 7))
    assert values == {"1-0:1.8.0*255": "7 Wh"}
    assert rest == ["8 Wh", "7 Wh"]


def test_floats_of_a_listed_meter_are_a_thousand_times_what_their_vif_says() -> None:
    listed = observed("SEC", 16, record("0503", KWH))
    assert abs(listed[0].value - WH) < Decimal(100)


def test_a_listed_subunit_is_what_its_maker_says() -> None:
    energies = [record(head, 5) for head in ("0703", "874003", "87804003")]
    assert shown("SEC", 16, *energies) == {
        "1-0:1.8.0*255": "5 Wh",
        "1-0:3.8.0*255": "5 varh",
        "1-0:9.8.0*255": "5 VAh",
    }
    energies = [record(head, 5) for head in ("874003", "87804003", "87C04003", "872003")]
    assert shown("ABB", 2, *energies) == {
        "1-0:2.8.0*255": "5 Wh",
        "1-0:3.8.0*255": "5 varh",
        "1-0:4.8.0*255": "5 varh",
        "1-0:1.8.2*255": "5 Wh",
    }


@pytest.mark.parametrize(("maker", "version"), [("SEC", 99), ("XYZ", 16), ("ABB", 3)])
@pytest.mark.parametrize("vif", ["03", "2B"])
def test_an_unknown_subunit_of_an_electricity_meter_has_no_code(
    maker: str, version: int, vif: str
) -> None:
    assert quirk_of(maker, version).subunits == {}
    own, other = record(f"07{vif}", 5), record(f"8740{vif}", 6)
    codes = [value.obis for value in observed(maker, version, own, other)]
    assert codes[0] is not None
    assert codes[1] is None


def test_subunits_of_other_meters_keep_their_channel() -> None:
    assert shown("KAM", 8, record("874013", 5), medium=4) == {"6-1:2.0.0*255": "5 L"}


@pytest.mark.parametrize(("medium", "vif"), [(4, "86"), (7, "93"), (3, "93")])
def test_what_flows_backwards_does_not_take_the_code_of_what_flows_on(
    medium: int, vif: str
) -> None:
    forward, backward = record(f"07{vif}3B", 5), record(f"07{vif}3C", 6)
    codes = [v.obis for v in observed("XYZ", 1, forward, backward, medium=medium)]
    assert codes[0] is not None
    assert codes[1] is None

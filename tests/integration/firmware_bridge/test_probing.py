"""What a search finds on lines that are awkward: shared, encrypted, silent, at unusual speeds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest

from firmware_bridge.driver.interface import MeterConnectionError
from firmware_bridge.driver.line import SerialAddress, TcpAddress
from firmware_bridge.driver.registry import create_driver
from firmware_bridge.driver.telegram import Keys
from firmware_bridge.probe.finding import Found
from firmware_bridge.probe.mbus_search import search_bus
from firmware_bridge.probe.search import Search
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.dlms.telegrams import Cipher, dlms_push
from firmware_bridge.simulator.iec62056_21.p1 import P1Version, p1_telegram
from firmware_bridge.simulator.load import from_kw
from firmware_bridge.simulator.mbus.slave import VirtualMbus
from firmware_bridge.simulator.mbus.wireless import Radio, SecurityMode
from firmware_bridge.simulator.meter import ManualClock, VirtualMeter
from firmware_bridge.simulator.polled import VirtualPolledPort
from firmware_bridge.simulator.pty import SerialCable
from firmware_bridge.simulator.pushed import Telegrams, VirtualPushedPort
from tests.support.size import within

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + timedelta(hours=5)
CIPHER = Cipher(bytes(range(16)), bytes(range(16, 32)))
QUICK = Search(listen_s=1.5, timeout_s=0.1)


def virtual(serial: str) -> VirtualMeter:
    load = from_kw([Decimal("1.5")], 3600)
    return compose(serial, load, script=Script(start=START, loop=True), clock=ManualClock(NOW))


def quiet(text: str) -> None:
    assert text


async def reads(found: Found) -> str:
    """The serial number that the proposed driver reads."""
    async with create_driver(found.protocol, found.settings) as driver:
        return (await driver.read()).meter.serial


async def test_slaves_whose_answers_collide_are_told_apart_by_their_identification() -> None:
    serials = ("12345678", "13345678", "80000001", "90000001")
    slaves = {0: virtual(serials[0]), 7: virtual(serials[1]), 8: virtual(serials[2])}
    slaves |= {9: virtual(serials[3])}
    async with VirtualPolledPort(VirtualMbus(slaves)) as bus:
        place = TcpAddress("127.0.0.1", bus.port)
        found = await search_bus(place, range(9), 0.05, Keys(), quiet)
        by_serial = {one.meter.serial: one for one in found}
        assert set(by_serial) == set(serials)
        assert by_serial[serials[1]].settings["address"] == 7
        # Address 9 was not asked, so only the identification leads there.
        assert by_serial[serials[3]].settings["secondary"] == serials[3]
        assert [await reads(one) for one in found] == [one.meter.serial for one in found]


async def test_slaves_that_share_a_primary_address_are_found_by_their_identification() -> None:
    both = (virtual("11111111"), virtual("22222222"))

    class Shared(VirtualMbus):
        def _asked(self, address: int) -> list[int]:
            return [1, 2] if address == 5 else list(super()._asked(address))

    async with VirtualPolledPort(Shared(dict(enumerate(both, start=1)))) as bus:
        found = await search_bus(TcpAddress("127.0.0.1", bus.port), (5,), 0.05, Keys(), quiet)
    assert [one.settings.get("secondary") for one in found] == ["11111111", "22222222"]


async def test_a_bus_without_slaves_is_given_up_at_once() -> None:
    async with VirtualPolledPort(VirtualMbus({})) as bus:
        place = TcpAddress("127.0.0.1", bus.port)
        with within(2):
            assert await search_bus(place, None, 0.1, Keys(), quiet) == []


@asynccontextmanager
async def pushing(
    telegrams: Telegrams, baudrate: int, *meters: VirtualMeter
) -> AsyncIterator[SerialAddress]:
    async with (
        SerialCable(strict=True) as cable,
        VirtualPushedPort(
            meters or virtual("4711"),
            telegrams,
            0.4,
            serial_port=cable.meter_end,
            baudrate=baudrate,
        ),
    ):
        yield SerialAddress(cable.agent_end)


async def test_an_unusual_speed_is_found_and_proposed() -> None:
    telegrams = partial(p1_telegram, version=P1Version.V4)
    async with pushing(telegrams, 9600) as place:
        (found,) = await QUICK.run(place, quiet)
        assert (found.protocol, found.settings["baudrate"]) == ("dsmr", 9600)
        assert await reads(found) == "4711"


async def test_an_encrypted_meter_is_found_and_what_it_lacks_is_said() -> None:
    async with pushing(partial(dlms_push, cipher=CIPHER), 2400) as place:
        (found,) = await QUICK.run(place, quiet)
        assert (found.protocol, found.meter.manufacturer, found.values) == ("dlms", "MTL", ())
        assert "# It encrypts. Add: key" in found.configuration()
        keyed = Search(listen_s=1.5, timeout_s=0.1, keys=Keys(CIPHER.key, CIPHER.authentication))
        (found,) = await keyed.run(place, quiet)
        assert found.values
        assert await reads(found) == "4711"


async def test_all_meters_behind_a_receiver_are_found_with_and_without_their_key() -> None:
    radio = Radio(security=SecurityMode.MODE_5, keys={"4711": CIPHER.key, "4712": bytes(16)})
    search = Search(
        protocols=frozenset({"wmbus"}), listen_s=1.5, timeout_s=0.1, keys=Keys(CIPHER.key)
    )
    async with pushing(radio.telegram, 9600, virtual("4711"), virtual("4712")) as place:
        found = {one.settings["address"]: one for one in await search.run(place, quiet)}
        assert set(found) == {"00004711", "00004712"}
        assert found["00004711"].settings["key"] == CIPHER.key.hex().upper()
        assert "key" not in found["00004712"].settings
        assert await reads(found["00004711"]) == "00004711"


async def test_a_silent_line_is_found_silent_and_a_missing_one_named() -> None:
    async with SerialCable() as cable:
        few = Search(protocols=frozenset({"modbus", "mbus", "sml"}), listen_s=0.5, timeout_s=0.05)
        assert await few.run(SerialAddress(cable.agent_end), quiet) == []
    with pytest.raises(MeterConnectionError):
        await QUICK.run(SerialAddress("/dev/no-such-device"), quiet)

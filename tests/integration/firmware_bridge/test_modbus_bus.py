"""Several meters behind one connection or on one serial line; none harms the others."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
from pymodbus.framer.rtu import FramerRTU

from firmware_bridge.contract.errors import DeviceError
from firmware_bridge.contract.interval import Interval
from firmware_bridge.driver.interface import MeterConnectionError, MeterTimeoutError
from firmware_bridge.modbus.driver import ModbusDriver
from firmware_bridge.modbus.endpoint import SerialEndpoint, TcpEndpoint
from firmware_bridge.modbus.frames import RegisterSpan
from firmware_bridge.modbus.link import SharedLink
from firmware_bridge.modbus.probe import best, probe
from firmware_bridge.modbus.profiles import load_profile
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.load import from_kw
from firmware_bridge.simulator.meter import ManualClock, VirtualMeter
from firmware_bridge.simulator.modbus.server import VirtualModbusBus, VirtualModbusServer
from firmware_bridge.simulator.pty import SerialCable

from .conftest import START, answer, rogue

serial = pytest.importorskip("serial", reason="pyserial is missing")

MODELS = {1: "meterline-virtual", 2: "eastron-sdm630", 3: "schneider-iem3155"}
TIMEOUT_S = 0.3
# For what is answered, however busy the machine is.
PATIENCE_S = 60.0


def meters() -> dict[int, VirtualMeter]:
    load = from_kw([Decimal("1.5")], 3600)
    clock = ManualClock(START + timedelta(hours=10))
    script = Script(start=START, loop=True)
    return {unit: compose(str(100 + unit), load, script=script, clock=clock) for unit in MODELS}


def drivers(**where: object) -> dict[int, ModbusDriver]:
    return {
        unit: ModbusDriver.from_settings(
            {"unit_id": unit, "profile": model, "timeout_s": TIMEOUT_S} | where
        )
        for unit, model in MODELS.items()
    }


async def read_all(bus: dict[int, ModbusDriver]) -> dict[int, str]:
    """Each unit's serial number, or the code of its error, all asked at once."""

    async def one(driver: ModbusDriver) -> str:
        try:
            async with driver:
                read_out = await driver.read()
        except DeviceError as error:
            return error.code
        assert read_out.values[0].quantity.decimal() == 15_000
        return read_out.meter.serial

    told = await asyncio.gather(*(one(driver) for driver in bus.values()))
    return dict(zip(bus, told, strict=True))


@asynccontextmanager
async def rtu_line() -> AsyncIterator[tuple[dict[int, VirtualMeter], str]]:
    devices = meters()
    models = {unit: (devices[unit], load_profile(name)) for unit, name in MODELS.items()}
    async with SerialCable() as cable, VirtualModbusBus(models, cable.meter_end):
        yield devices, cable.agent_end


async def test_meters_behind_one_gateway_share_one_connection() -> None:
    devices = meters()
    models = {unit: (devices[unit], load_profile(name)) for unit, name in MODELS.items()}
    async with VirtualModbusServer(models) as server:
        bus = drivers(host="127.0.0.1", port=server.port)
        async with bus[1], bus[2], bus[3]:
            assert len({id(driver._link) for driver in bus.values()}) == 1
            assert await read_all(drivers(host="127.0.0.1", port=server.port)) == {
                1: "101",
                2: "102",
                3: "103",
            }
            assert (await bus[1].read()).meter.serial == "101"


async def test_a_deaf_meter_behind_a_gateway_loses_no_other() -> None:
    devices = meters()
    models = {unit: (devices[unit], load_profile(name)) for unit, name in MODELS.items()}
    devices[2].faults.silent = True
    async with VirtualModbusServer(models) as server:
        told = await read_all(drivers(host="127.0.0.1", port=server.port))
    assert told == {1: "101", 2: "METER_TIMEOUT", 3: "103"}


async def test_meters_on_one_serial_line_take_turns() -> None:
    async with rtu_line() as (_, path):
        assert await read_all(drivers(serial_port=path)) == {1: "101", 2: "102", 3: "103"}


async def test_a_dead_meter_on_a_serial_line_loses_no_other() -> None:
    async with rtu_line() as (devices, path):
        devices[1].faults.silent = True
        assert await read_all(drivers(serial_port=path)) == {
            1: "METER_TIMEOUT",
            2: "102",
            3: "103",
        }


async def test_a_load_profile_is_read_over_a_serial_line() -> None:
    async with rtu_line() as (_, path), drivers(serial_port=path)[1] as driver:
        interval = Interval(START, START + timedelta(hours=10))
        readings = [
            item async for chunk in driver.read_profile(interval) for item in chunk.readings
        ]
    assert [item.mantissa for item in readings[::2]] == [375 * step for step in range(40)]


async def test_a_garbled_rtu_answer_is_refused_and_the_next_read_works() -> None:
    async with rtu_line() as (devices, path), drivers(serial_port=path)[1] as driver:
        devices[1].faults.tamper = lambda data: data[:-1] + bytes([data[-1] ^ 1])
        with pytest.raises(DeviceError, match="checksum"):
            await driver.read()
        devices[1].faults.tamper = None
        assert (await driver.read()).meter.serial == "101"


async def test_a_line_without_parity_bits_is_opened_again_and_again_with_even_parity() -> None:
    async with rtu_line() as (_, path):
        for _ in range(3):
            async with drivers(serial_port=path, parity="E")[1] as driver:
                assert (await driver.read()).meter.serial == "101"


async def test_probe_finds_what_is_on_a_serial_line() -> None:
    async with rtu_line() as (_, path):
        at = SerialEndpoint(path, 9600, "N", 1)
        found = [item async for item in probe(at, (1, 2, 3, 4), 0.1)]
    assert {item.unit_id: item.profile for item in best(found)} == MODELS
    assert found[0].settings()["serial_port"] == path


@pytest.mark.parametrize(
    "where",
    [
        {"serial_port": "/dev/no-such-port"},
        {"serial_port": "/dev/null"},
        {"host": "x" * 64 + ".example"},
        {"host": "meter.invalid"},
    ],
)
async def test_an_address_that_leads_nowhere_is_a_connection_error(where: dict[str, str]) -> None:
    async with drivers(**where)[1] as driver:
        with pytest.raises(MeterConnectionError, match="reached"):
            await driver.read()


@contextmanager
def slow_at_first(path: str) -> Iterator[None]:
    """A one-register meter that thinks too long about its first question, then takes the next."""
    loop, asked = asyncio.get_running_loop(), asyncio.Queue[bytes]()
    file = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    async def answer_in_turn() -> None:
        pause_s = 1.5 * TIMEOUT_S
        while True:
            request = await asked.get()
            await asyncio.sleep(pause_s)
            pause_s = 0
            # The register shows its own address.
            body = request[:2] + b"\x02" + request[2:4]
            os.write(file, body + FramerRTU.compute_CRC(body).to_bytes(2, "big"))

    loop.add_reader(file, lambda: asked.put_nowait(os.read(file, 8)))
    task = asyncio.create_task(answer_in_turn())
    try:
        yield
    finally:
        task.cancel()
        loop.remove_reader(file)
        os.close(file)


async def test_a_late_rtu_answer_is_never_taken_for_the_next() -> None:
    async with SerialCable() as cable:
        with slow_at_first(cable.meter_end):
            async with SharedLink(SerialEndpoint(cable.agent_end, 9600, "N", 1)) as link:
                with pytest.raises(MeterTimeoutError):
                    await link.read(RegisterSpan(4, 7, 1), 1, TIMEOUT_S)
                assert await link.read(RegisterSpan(4, 9, 1), 1, PATIENCE_S) == (9,)


async def test_the_last_driver_that_leaves_closes_the_connection() -> None:
    async def serve(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(request, bytes(2)))

    async with rogue(serve) as server:
        endpoint = TcpEndpoint("127.0.0.1", server.port)
        async with SharedLink(endpoint) as first:
            async with SharedLink(endpoint) as second:
                assert first is second
                await second.read(RegisterSpan(4, 0, 1), 1, PATIENCE_S)
            await first.read(RegisterSpan(4, 0, 1), 1, PATIENCE_S)
        async with SharedLink(endpoint) as third:
            await third.read(RegisterSpan(4, 0, 1), 1, PATIENCE_S)
        assert third is not first
        assert server.connections == 2

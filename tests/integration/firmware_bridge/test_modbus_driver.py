"""The driver against virtual meters of every model, over real TCP."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT, Obis
from firmware_bridge.contract.reading import Kind, Source, TimeQuality
from firmware_bridge.driver.interface import MeterConnectionError, MeterIdentity, MeterRefusalError
from firmware_bridge.driver.registry import create_driver
from firmware_bridge.modbus.endpoint import TcpEndpoint
from firmware_bridge.modbus.frames import ScaledInteger
from firmware_bridge.modbus.probe import best, probe
from firmware_bridge.modbus.profiles import load_profile, profile_names
from firmware_bridge.simulator.meter import VirtualMeter
from firmware_bridge.simulator.modbus.server import VirtualModbusServer

from .conftest import START, TIMEOUT_S, Bench, running

# 30 hours of the load: 7 whole rounds of (1.2345 - 0.5 + 3.75 + 0) kWh, then 1.2345 and -0.5.
IMPORT_WH = 7 * 4984.5 + 1234.5
EXPORT_WH = 7 * 500 + 500


def settings(name: str) -> dict[str, object]:
    """What a model needs beside its address."""
    return {} if load_profile(name).serial else {"serial": "4711"}


def step_of(name: str, obis: Obis) -> Decimal:
    coding = load_profile(name).by_obis[obis].field.coding
    return Decimal(10) ** (coding.resolution if coding.type.is_float else coding.scale)


@pytest.mark.parametrize("name", profile_names())
async def test_each_model_shows_the_same_energy_to_its_own_resolution(name: str) -> None:
    model = load_profile(name)
    async with running(name) as bench, bench.driver(**settings(name)) as driver:
        read_out = await driver.read()
    shown = {value.obis: value.quantity for value in read_out.values}
    for obis, wh in ((ACTIVE_IMPORT, IMPORT_WH), (ACTIVE_EXPORT, EXPORT_WH)):
        if obis in model.by_obis:
            step = step_of(name, obis)
            assert shown[obis].decimal() == Decimal(wh) // step * step
    assert read_out.meter.serial == "4711"
    assert read_out.meter.manufacturer == model.manufacturer
    assert read_out.absent == ()
    assert read_out.replaced is None
    assert {value.kind for value in read_out.values} == {Kind.REGISTER}


@pytest.mark.parametrize("name", profile_names())
async def test_every_register_of_each_model_is_read_back_exactly(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another number for each, to the last digit of its step.
    numbers = {obis: 17 + 7 * at for at, obis in enumerate(load_profile(name).by_obis)}
    steps = {obis: step_of(name, obis) for obis in numbers}

    def show(_meter: VirtualMeter, obis: Obis, _at: datetime) -> ScaledInteger:
        return ScaledInteger(numbers[obis], steps[obis].adjusted())

    monkeypatch.setattr(VirtualMeter, "show", show)
    wanted = [str(obis) for obis in numbers]
    more = settings(name)
    async with running(name) as bench, bench.driver(registers=wanted, **more) as driver:
        read_out = await driver.read()
    shown = {value.obis: value.quantity.decimal() for value in read_out.values}
    assert shown == {obis: number * steps[obis] for obis, number in numbers.items()}
    assert read_out.absent == ()


async def test_a_live_value_takes_the_agents_time(bench: Bench) -> None:
    async with bench.driver() as driver:
        value = (await driver.read()).values[0]
    reading = value.reading(START, 900, TimeQuality.HOLDOVER)
    assert (reading.at, reading.time_quality) == (START, TimeQuality.HOLDOVER)
    assert (reading.channel.source, reading.channel.period_s) == (Source.LIVE, 900)


async def test_an_exchanged_meter_is_noticed_once(bench: Bench) -> None:
    async with bench.driver() as driver:
        before = await driver.read()
        bench.meter.exchange("4712")
        after = await driver.read()
        later = await driver.read()
    assert after.meter.serial == "4712"
    assert after.replaced == before.meter
    assert [value.quantity.mantissa for value in after.values] == [0, 0]
    assert later.replaced is None


async def test_a_configured_serial_stands_for_the_devices_own(bench: Bench) -> None:
    async with bench.driver(serial="PLATE-1") as driver:
        assert await driver.identify() == MeterIdentity("MLN", "PLATE-1", "Meterline virtual meter")


async def test_a_wrong_model_is_refused_by_the_meter_and_the_connection_lives_on(
    bench: Bench,
) -> None:
    wrong = create_driver(
        "modbus",
        {"host": "127.0.0.1", "port": bench.server.port, "profile": "schneider-iem3155"},
    )
    async with wrong:
        with pytest.raises(MeterRefusalError, match="profile"):
            await wrong.read()


async def test_many_reads_at_once_share_one_connection_in_turn(bench: Bench) -> None:
    async with bench.driver() as driver:
        read_outs = await asyncio.gather(*(driver.read() for _ in range(20)))
    assert {read_out.values for read_out in read_outs} == {read_outs[0].values}


async def test_a_meter_that_comes_back_is_read_again(bench: Bench) -> None:
    driver = bench.driver()
    async with driver:
        await driver.read()
        bench.meter.faults.silent = True
        with pytest.raises(Exception, match="did not answer"):
            await driver.read()
        bench.meter.faults.silent = False
        assert (await driver.read()).replaced is None


async def test_rollover_and_reset_are_shown_as_they_are(bench: Bench) -> None:
    bench.meter.digits = 4
    async with bench.driver() as driver:
        assert (await driver.read()).values[0].quantity.mantissa == int(IMPORT_WH) % 10_000
        bench.meter.reset()
        bench.clock.advance(timedelta(hours=1))
        assert [value.quantity.mantissa for value in (await driver.read()).values] == [3750, 0]


# Of models with the same registers and no signature, the first by name stands for all.
PROBED = (
    "meterline-virtual",
    "schneider-iem3155",
    "eastron-sdm120",
    "eastron-sdm230",
    "eastron-sdm630",
    "abb-b21",
    "abb-b23",
    "carlo-gavazzi-em112",
    "carlo-gavazzi-em24",
    "carlo-gavazzi-em24-e1",
    "solaredge-meter",
)


async def test_probe_recognises_each_model_and_proposes_what_reads_it() -> None:
    async with running("meterline-virtual") as bench:
        meters = {
            unit: (bench.meter, load_profile(name)) for unit, name in enumerate(PROBED, start=1)
        }
        async with VirtualModbusServer(meters) as server:
            at = TcpEndpoint("127.0.0.1", server.port)
            found = [item async for item in probe(at, tuple(meters), 60.0)]
    assert [finding.profile for finding in best(found)] == list(PROBED)
    assert all(finding.read_out.meter.serial == "4711" for finding in found)
    assert found[0].settings()["port"] == server.port


async def test_probe_of_a_closed_port_says_so(unused_tcp_port: int) -> None:
    at = TcpEndpoint("127.0.0.1", unused_tcp_port)
    with pytest.raises(MeterConnectionError, match="cannot be reached"):
        _ = [item async for item in probe(at, (1,), TIMEOUT_S)]


async def test_reading_one_register_asks_only_for_it(bench: Bench) -> None:
    async with bench.driver(registers=["2.8.0"]) as driver:
        values = (await driver.read()).values
    assert [value.obis for value in values] == [Obis.parse("1-0:2.8.0*255")]

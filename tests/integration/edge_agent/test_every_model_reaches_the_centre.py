"""Every model, mapping and known firmware, from its virtual device through driver and agent."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from edge_agent.config.settings import parse_config
from edge_agent.main import running_agent
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT, Obis
from firmware_bridge.modbus.profiles import load_profile, profile_names
from firmware_bridge.mqtt_native.mappings import shipped_mapping
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.display import MAKER
from firmware_bridge.simulator.load import from_kw
from firmware_bridge.simulator.modbus.server import VirtualModbusServer
from firmware_bridge.simulator.mqtt.devices import Device, device_names, topics
from firmware_bridge.simulator.mqtt.publish import VirtualMqttDevices
from tests.support.edge_centre import Centre, listening

from .conftest import GATEWAY

if TYPE_CHECKING:
    from pathlib import Path

    from central.adapters.embedded.broker import EmbeddedBroker
    from firmware_bridge.simulator.meter import VirtualMeter

# Two hours of flow, then none, so that nothing moves while it is read.
LOAD = from_kw([Decimal("2.3456"), Decimal("-1.25"), *([Decimal(0)] * 200)], 3600)
PATIENCE_S = 120
Shown = dict[tuple[str, str, str], Decimal]
# Maker and number of what a firmware publishes that no mapping explains.
KNOWN = {
    Device.TASMOTA: ("Tasmota", "tasmota_{:04d}"),
    Device.SHELLY_1: ("Shelly", "shellyem-{:04d}"),
    Device.SHELLY_2: ("Shelly", "shellypro3em-{:04d}"),
    Device.ZIGBEE: (MAKER, "0x00158d00{:08x}"),
    Device.NATIVE_JSON: (MAKER, "{:04d}"),
    Device.NATIVE_MSGPACK: (MAKER, "{:04d}"),
}


def device(serial: str) -> VirtualMeter:
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=4)
    return compose(serial, LOAD, script=Script(start=start, loop=True), installed_at=start)


def stored(centre: Centre) -> Shown:
    return {
        (channel.manufacturer, channel.serial, str(channel.obis)): Decimal(mantissa).scaleb(power)
        for ledger in centre.epochs.values()
        for batch in ledger.batches.values()
        for number, power, mantissa in zip(
            batch.columns.channel, batch.columns.exponent, batch.columns.mantissa, strict=True
        )
        for channel in (batch.channels[number],)
    }


def of_profile(name: str, meter: VirtualMeter, serial: str) -> Shown:
    """What a model shows of the energies that it polls, to its own resolution."""
    profile = load_profile(name)
    found: Shown = {}
    for code in (ACTIVE_IMPORT, ACTIVE_EXPORT):
        if code in profile.by_obis and profile.by_obis[code].poll:
            coding = profile.by_obis[code].field.coding
            step = Decimal(10) ** (coding.resolution if coding.type.is_float else coding.scale)
            wh = Decimal(meter.register_wh(code, datetime.now(UTC)))
            found[profile.manufacturer, serial, str(code)] = wh // step * step
    return found


def of_mapping(name: str, meter: VirtualMeter, serial: str) -> Shown:
    """What a mapped device shows of the energies that it counts."""
    (mapping, *_) = shipped_mapping(name)
    found: Shown = {}
    for value in mapping.values:
        code = Obis.parse(str(value.obis).replace(".8.1*", ".8.0*"))
        if code in (ACTIVE_IMPORT, ACTIVE_EXPORT):
            shown = meter.show(code, datetime.now(UTC))
            exact = Decimal(shown.mantissa).scaleb(shown.exponent)
            found[mapping.manufacturer, serial, str(value.obis)] = exact
    return found


def of_firmware(name: Device, meter: VirtualMeter, serial: str) -> Shown:
    maker, spelled = KNOWN[name]
    return {
        (maker, spelled.format(int(serial)), str(code)): Decimal(
            meter.register_wh(code, datetime.now(UTC))
        )
        for code in (ACTIVE_IMPORT, ACTIVE_EXPORT)
    }


async def test_every_model_is_stored_as_it_shows(mosquitto: EmbeddedBroker, tmp_path: Path) -> None:
    models = dict(enumerate(profile_names(), start=1))
    meters = {unit: device(f"47{unit:03d}") for unit in models}
    mapped = {name: device(f"10{at:02d}") for at, name in enumerate(device_names())}
    expected: Shown = {}
    for unit, name in models.items():
        expected |= of_profile(name, meters[unit], f"47{unit:03d}")
    for at, name in enumerate(mapped):
        meter, serial = mapped[name], f"10{at:02d}"
        if isinstance(name, Device):
            expected |= of_firmware(name, meter, serial)
        else:
            expected |= of_mapping(name, meter, serial)
    served = {unit: (meters[unit], load_profile(name)) for unit, name in models.items()}
    with mosquitto:
        centre = Centre(GATEWAY)
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(VirtualModbusServer(served))
            for name, meter in mapped.items():
                devices = VirtualMqttDevices([meter], name, "127.0.0.1", mosquitto.port, 0.5)
                await stack.enter_async_context(devices)
            tables = [
                {
                    "name": name, "protocol": "modbus", "host": "127.0.0.1", "port": server.port,
                    "unit_id": unit, "profile": name, "period_s": 5, "timeout_s": 30.0,
                    "load_profile": False,
                    **({} if load_profile(name).serial else {"serial": f"47{unit:03d}"}),
                }
                for unit, name in models.items()
            ] + [
                {
                    "name": name, "protocol": "mqtt_native", "host": "127.0.0.1",
                    "port": mosquitto.port, "topics": list(topics(name, f"10{at:02d}")),
                    "period_s": 5, "timeout_s": 30.0,
                }
                for at, name in enumerate(mapped)
            ]  # fmt: skip
            config = parse_config(
                {
                    "gateway": GATEWAY,
                    "broker": {"url": f"mqtt://127.0.0.1:{mosquitto.port}"},
                    "buffer": {"path": str(tmp_path / "buffer.db")},
                    "clock": {"source": "trusted"},
                    "meters": tables,
                }
            )
            await stack.enter_async_context(listening(centre, mosquitto.port))
            agent = await stack.enter_async_context(running_agent(config))
            try:
                async with asyncio.timeout(PATIENCE_S):
                    while not expected.keys() <= stored(centre).keys():  # noqa: ASYNC110 - nobody tells
                        await asyncio.sleep(0.1)
            except TimeoutError:
                missing = expected.keys() - stored(centre).keys()
                failing = {n: m.failure for n, m in (await agent.health()).meters.items()}
                pytest.fail(f"{missing} did not come; {failing}")
    found = stored(centre)
    assert {key: found[key] for key in expected} == expected
    assert len(expected) >= len(models) + len(mapped)

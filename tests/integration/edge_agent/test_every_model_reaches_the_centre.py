"""Every model, mapping and known firmware, from its virtual device through driver and agent.

Each code shows a number that no other code of the device shows, so that two registers or keys that
change places are seen, whatever they count.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from edge_agent.config.settings import parse_config
from edge_agent.main import running_agent
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT, ACTIVE_POWER_IMPORT, Obis
from firmware_bridge.modbus.frames import ScaledInteger
from firmware_bridge.modbus.profiles import load_profile, profile_names
from firmware_bridge.mqtt_native.mappings import shipped_mapping
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.display import MAKER
from firmware_bridge.simulator.load import from_kw
from firmware_bridge.simulator.meter import ACTIVE_POWER, VirtualMeter
from firmware_bridge.simulator.modbus.server import VirtualModbusServer
from firmware_bridge.simulator.mqtt.devices import Device, device_names, topics
from firmware_bridge.simulator.mqtt.publish import VirtualMqttDevices
from tests.support.edge_centre import Centre, listening

from .conftest import GATEWAY

if TYPE_CHECKING:
    from pathlib import Path

    from central.adapters.embedded.broker import EmbeddedBroker

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
POWERS_OF = {
    Device.TASMOTA: (ACTIVE_POWER_IMPORT,),
    Device.SHELLY_1: (ACTIVE_POWER,),
    Device.SHELLY_2: (ACTIVE_POWER,),
    Device.ZIGBEE: (ACTIVE_POWER,),
    Device.NATIVE_JSON: (),
    Device.NATIVE_MSGPACK: (),
}
ENERGY, PRESENT, VOLTAGE = 8, 7, 12


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


def number_of(code: Obis) -> ScaledInteger:
    """A number of a code alone, that every model and mapping can spell."""
    _, _, c, d, tariff, _ = code.code
    if d == ENERGY:
        return ScaledInteger(1000 * (100 * (c + 1) + tariff), 1)
    if c % 20 == VOLTAGE:
        return ScaledInteger(200 + c, 0)
    # Whole tens of W, whole A and Hz, and litres: nothing is cut off.
    return ScaledInteger(10 * (c + 1), 0) if d == PRESENT else ScaledInteger(1000 * (c + d), 0)


def show(meter: VirtualMeter, code: Obis, at: datetime) -> ScaledInteger:
    """The energies that the meter counts, and of everything else a number of its own."""
    counted = code in (ACTIVE_IMPORT, ACTIVE_EXPORT)
    return ScaledInteger(meter.register_wh(code, at), 0) if counted else number_of(code)


def exact(meter: VirtualMeter, code: Obis) -> Decimal:
    shown = meter.show(code, datetime.now(UTC))
    return Decimal(shown.mantissa).scaleb(shown.exponent)


def of_profile(name: str, meter: VirtualMeter, serial: str) -> Shown:
    """What a model shows under each code that it has, to its own resolution."""
    profile = load_profile(name)
    found: Shown = {}
    for code, register in profile.by_obis.items():
        coding = register.field.coding
        step = Decimal(10) ** (coding.resolution if coding.type.is_float else coding.scale)
        found[profile.manufacturer, serial, str(code)] = exact(meter, code) // step * step
    return found


def of_mapping(name: str, meter: VirtualMeter, serial: str) -> Shown:
    """What a mapped device shows under each code that it has; in its first tariff, all of it."""
    (mapping, *_) = shipped_mapping(name)
    codes = {str(value.obis): str(value.obis).replace(".8.1*", ".8.0*") for value in mapping.values}
    return {
        (mapping.manufacturer, serial, code): exact(meter, Obis.parse(of))
        for code, of in codes.items()
    }


def of_firmware(name: Device, meter: VirtualMeter, serial: str) -> Shown:
    maker, spelled = KNOWN[name]
    return {
        (maker, spelled.format(int(serial)), str(code)): exact(meter, code)
        for code in (ACTIVE_IMPORT, ACTIVE_EXPORT, *POWERS_OF[name])
    }


async def test_every_model_is_stored_as_it_shows_under_every_code(
    mosquitto: EmbeddedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VirtualMeter, "show", show)
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
                    "registers": [str(code) for code in load_profile(name).by_obis],
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
    assert stored(centre) == expected
    assert len(expected) >= 660

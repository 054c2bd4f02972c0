"""Virtual devices put on their lines, and the configuration that reads them.

Each protocol is an async context manager that yields a `Site` per line: where it listens, which
meters are there, and the agent's table for each of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from firmware_bridge.contract.obis import GAS_VOLUME
from firmware_bridge.driver.toml_table import Setting, meter_table
from firmware_bridge.mbus.wireless.framing import Framing
from firmware_bridge.modbus.register_map import MeterProfile
from firmware_bridge.simulator.display import MAKER, eight_digits
from firmware_bridge.simulator.dlms.telegrams import Cipher
from firmware_bridge.simulator.iec62056_21.p1 import P1Version, gas_serial
from firmware_bridge.simulator.mbus.slave import VirtualMbus
from firmware_bridge.simulator.mbus.wireless import Packing, Radio, SecurityMode
from firmware_bridge.simulator.meter import VirtualMeter
from firmware_bridge.simulator.modbus.server import VirtualModbusBus, VirtualModbusServer
from firmware_bridge.simulator.mqtt.devices import topics
from firmware_bridge.simulator.mqtt.publish import VirtualMqttDevices
from firmware_bridge.simulator.polled import Responder, VirtualPolledPort
from firmware_bridge.simulator.pty import SerialCable
from firmware_bridge.simulator.pulse.gpio import PulseTrain, SimulatedChip
from firmware_bridge.simulator.pushed import Telegrams, VirtualPushedPort
from firmware_bridge.simulator.sml.telegrams import server_id


@dataclass(frozen=True, slots=True)
class Wire:
    """Where devices are played.

    Args:
        host: Address to listen on.
        port: TCP port; 0 takes a free one.
        pty: Whether on a pseudo-terminal instead.
        link: A symbolic link to the pseudo-terminal.
        serial_port: A real serial device to play on instead.
        baudrate: Of the serial line.
    """

    host: str = "127.0.0.1"
    port: int = 0
    pty: bool = False
    link: Path | None = None
    serial_port: str | None = None
    baudrate: int = 9600

    def nth(self, index: int) -> Wire:
        """The same for a further line: the next port, a link with a number."""
        if not index:
            return self
        link = None if self.link is None else self.link.with_name(f"{self.link.name}-{index + 1}")
        return replace(self, port=self.port + index if self.port else 0, link=link)


@dataclass(frozen=True, slots=True)
class Site:
    """A line with its devices.

    Args:
        protocol: Which driver reads them.
        place: `host` and `port`, or `serial_port` with its speed.
        meters: What identifies each: manufacturer, serial, address on the bus.
        tables: The agent's table for each meter that it reads.
    """

    protocol: str
    place: dict[str, Setting]
    meters: tuple[dict[str, str | int], ...]
    tables: tuple[str, ...] = field(repr=False)

    def facts(self) -> dict[str, object]:
        """All of it for JSON."""
        facts: dict[str, object] = {"protocol": self.protocol, **self.place}
        units = [meter["unit_id"] for meter in self.meters if "unit_id" in meter]
        if units:
            facts["units"] = units
        return facts | {"meters": list(self.meters), "configuration": "\n".join(self.tables)}


@asynccontextmanager
async def _line(wire: Wire) -> AsyncIterator[tuple[str | None, dict[str, Setting]]]:
    """The device that a meter opens, None on TCP; and where the agent finds it."""
    if wire.serial_port is not None:
        yield wire.serial_port, {}
    elif wire.pty:
        async with SerialCable(strict=True, link=wire.link) as cable:
            shown = str(wire.link.absolute()) if wire.link else cable.agent_end
            yield cable.meter_end, {"serial_port": shown, "baudrate": wire.baudrate}
    else:
        yield None, {"host": wire.host}


@asynccontextmanager
async def _pushing(
    meters: tuple[VirtualMeter, ...], telegrams: Telegrams, wire: Wire, interval_s: float
) -> AsyncIterator[dict[str, Setting]]:
    async with (
        _line(wire) as (device, place),
        VirtualPushedPort(
            meters,
            telegrams,
            interval_s,
            host=wire.host,
            port=wire.port,
            serial_port=device,
            baudrate=wire.baudrate,
        ) as port,
    ):
        yield place if device else place | {"port": port.port}


@asynccontextmanager
async def _answering(answer: Responder, wire: Wire) -> AsyncIterator[dict[str, Setting]]:
    async with (
        _line(wire) as (device, place),
        VirtualPolledPort(
            answer,
            host=wire.host,
            port=wire.port,
            serial_port=device,
            baudrate=wire.baudrate,
        ) as port,
    ):
        yield place if device else place | {"port": port.port}


@asynccontextmanager
async def pushed(  # noqa: PLR0913 - a meter, what it says, and where
    protocol: str,
    meter: VirtualMeter,
    telegrams: Telegrams,
    wire: Wire,
    *,
    interval_s: float,
    settings: Mapping[str, Setting] | None = None,
    serial: str | None = None,
    behind: Sequence[dict[str, str | int]] = (),
) -> AsyncIterator[Site]:
    """One pushing meter on a line of its own.

    Args:
        protocol: Which driver reads it.
        meter: What it shows.
        telegrams: What it says.
        wire: Where.
        interval_s: Pause between telegrams. [s]
        settings: The driver's keys beside the line's.
        serial: As its telegrams spell it; None: as the plate.
        behind: Sub-meters on the same port.
    """
    async with _pushing((meter,), telegrams, wire, interval_s) as place:
        own: dict[str, str | int] = {"manufacturer": MAKER, "serial": serial or meter.serial}
        table = meter_table(f"{MAKER}-{meter.serial}", protocol, {**place, **(settings or {})})
        yield Site(protocol, place, (own, *behind), (table,))


@asynccontextmanager
async def optical(
    meter: VirtualMeter,
    answer: Responder,
    wire: Wire,
    settings: Mapping[str, Setting],
) -> AsyncIterator[Site]:
    """One meter with an optical head, asked in mode A, B or C."""
    async with _answering(answer, wire) as place:
        table = meter_table(f"{MAKER}-{meter.serial}", "iec62056_21", {**place, **settings})
        own: dict[str, str | int] = {"manufacturer": MAKER, "serial": meter.serial}
        yield Site("iec62056_21", place, (own,), (table,))


@asynccontextmanager
async def mbus(
    meters: Mapping[int, VirtualMeter], wire: Wire, *, fixed: bool, secondary: bool
) -> AsyncIterator[Site]:
    """Slaves on one M-Bus.

    Args:
        meters: By primary address.
        wire: Where.
        fixed: Whether they send the fixed data structure.
        secondary: Whether the proposed tables name them by their identification.
    """
    async with _answering(VirtualMbus(meters, fixed=fixed), wire) as place:
        facts: list[dict[str, str | int]] = []
        tables = []
        for address, meter in meters.items():
            serial = eight_digits(meter, meter.clock())
            own: dict[str, Setting] = {"secondary": serial} if secondary else {"address": address}
            tables.append(meter_table(f"{MAKER}-{serial}", "mbus", {**place, **own}))
            maker = "unknown" if fixed else MAKER
            facts.append({"manufacturer": maker, "serial": serial, "address": address})
        yield Site("mbus", place, tuple(facts), tuple(tables))


_FRAMINGS: dict[Packing, Framing] = {
    Packing.FRAMES: Framing.FRAMES,
    Packing.FRAMES_B: Framing.FRAMES,
    Packing.STRIPPED: Framing.STRIPPED,
    Packing.AMBER: Framing.AMBER,
    Packing.IMST: Framing.IMST,
}


def framing_of(packing: Packing) -> Framing:
    """What the driver is told of a receiver."""
    return _FRAMINGS.get(packing, Framing.LINES)


@asynccontextmanager
async def radio(
    meters: tuple[VirtualMeter, ...], what: Radio, wire: Wire, interval_s: float
) -> AsyncIterator[Site]:
    """Wireless meters behind one receiver."""
    framing = framing_of(what.packing)
    async with _pushing(meters, what.telegram, wire, interval_s) as place:
        facts: list[dict[str, str | int]] = []
        tables = []
        for meter in meters:
            serial = eight_digits(meter, meter.clock())
            own: dict[str, Setting] = {"framing": framing.value, "address": serial}
            if what.security is not SecurityMode.NONE:
                own["key"] = what.key(meter).hex().upper()
            tables.append(meter_table(f"{MAKER}-{serial}", "wmbus", {**place, **own}))
            facts.append({"manufacturer": MAKER, "serial": serial})
        yield Site("wmbus", place, tuple(facts), tuple(tables))


@asynccontextmanager
async def modbus(
    meters: Mapping[int, tuple[VirtualMeter, MeterProfile]],
    wire: Wire,
    setting: str | None = None,
) -> AsyncIterator[Site]:
    """Slaves on one Modbus, TCP or RTU.

    Args:
        meters: By unit, each with its model.
        wire: Where they are.
        setting: How a meter's table names the model; None for its name.
    """
    async with _line(wire) as (device, place):
        if device is not None:
            async with VirtualModbusBus(meters, device, wire.baudrate):
                yield _modbus_site(meters, place, setting)
            return
        async with VirtualModbusServer(meters, wire.host, wire.port) as server:
            yield _modbus_site(meters, place | {"port": server.port}, setting)


def _modbus_site(
    meters: Mapping[int, tuple[VirtualMeter, MeterProfile]],
    place: dict[str, Setting],
    setting: str | None,
) -> Site:
    facts: list[dict[str, str | int]] = []
    tables = []
    for unit, (meter, profile) in sorted(meters.items()):
        own: dict[str, Setting] = {"unit_id": unit, "profile": setting or profile.name}
        if profile.serial is None:
            own["serial"] = meter.serial
        tables.append(
            meter_table(f"{profile.manufacturer}-{meter.serial}", "modbus", {**place, **own})
        )
        facts.append(
            {"manufacturer": profile.manufacturer, "serial": meter.serial, "unit_id": unit}
        )
    return Site("modbus", place, tuple(facts), tuple(tables))


@asynccontextmanager
async def published(
    meters: tuple[VirtualMeter, ...], device: str, broker: VirtualMqttDevices, wire: Wire
) -> AsyncIterator[Site]:
    """Devices that publish to a broker, whose address `wire` is."""
    async with broker:
        place: dict[str, Setting] = {"host": wire.host, "port": wire.port}
        tables = tuple(
            meter_table(
                f"{device}-{meter.serial}",
                "mqtt_native",
                {**place, "topics": topics(device, meter.serial)},
            )
            for meter in meters
        )
        facts = tuple[dict[str, str | int], ...]({"serial": meter.serial} for meter in meters)
        yield Site("mqtt_native", place, facts, tables)


@asynccontextmanager
async def pulses(meters: tuple[VirtualMeter, ...], per_kwh: int) -> AsyncIterator[Site]:
    """S0 outputs on the lines of a simulated GPIO chip.

    Args:
        meters: One for each line.
        per_kwh: Pulses per kWh.
    """
    with SimulatedChip(len(meters)) as chip:
        trains = [
            asyncio.create_task(PulseTrain(meter, per_kwh).play(chip, line))
            for line, meter in enumerate(meters)
        ]
        try:
            yield _pulse_site(meters, chip, per_kwh)
        finally:
            for train in trains:
                train.cancel()
            await asyncio.gather(*trains, return_exceptions=True)


def _pulse_site(meters: tuple[VirtualMeter, ...], chip: SimulatedChip, per_kwh: int) -> Site:
    tables = [
        meter_table(
            f"S0-{meter.serial}",
            "pulse",
            {
                "chip": chip.path,
                "line": line,
                "pulses": per_kwh,
                "count_file": f"/var/lib/meterline/{meter.serial}.count",
                "manufacturer": MAKER,
                "serial": meter.serial,
            },
        )
        for line, meter in enumerate(meters)
    ]
    facts = tuple[dict[str, str | int], ...](
        {"manufacturer": MAKER, "serial": meter.serial, "line": line}
        for line, meter in enumerate(meters)
    )
    return Site("pulse", {"chip": chip.path}, facts, tuple(tables))


def p1_settings(version: P1Version, cipher: Cipher | None) -> dict[str, Setting]:
    """The driver's keys for a P1 port of a version."""
    settings: dict[str, Setting] = {}
    if version is P1Version.V2_2:
        settings |= {"parity": "E", "bytesize": 7}
    return settings | key_settings(cipher)


def key_settings(cipher: Cipher | None) -> dict[str, Setting]:
    """The driver's keys for a meter that encrypts."""
    if cipher is None:
        return {}
    return {"key": cipher.key.hex().upper(), "auth_key": cipher.authentication.hex().upper()}


def sml_serial(meter: VirtualMeter) -> str:
    """The number as an SML server id spells it."""
    number = int.from_bytes(server_id(meter)[-4:], "big")
    return f"1{MAKER}00{number:08d}"


def gas_meter(meter: VirtualMeter, counted: VirtualMeter) -> VirtualMeter:
    """A gas meter behind a port: what `counted` imports, as litres.

    Args:
        meter: Of the port; its clock is the gas meter's.
        counted: A load of m3 an hour, or m3 a step, read as kW or kWh.
    """
    (incoming, *_) = counted.counters.values()
    return VirtualMeter(serial=counted.serial, counters={GAS_VOLUME: incoming}, clock=meter.clock)


def gas_facts(gas: VirtualMeter) -> dict[str, str | int]:
    """What identifies a gas meter behind a port."""
    return {"manufacturer": MAKER, "serial": gas_serial(gas)}

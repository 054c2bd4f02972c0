"""What `simulate` plays, once its options are read."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

import typer

from firmware_bridge.dsmr.encrypted import LUXEMBOURG_AUTHENTICATION_KEY
from firmware_bridge.mbus.radio import BAUDRATES
from firmware_bridge.modbus.profiles import load_profile
from firmware_bridge.simulator import site
from firmware_bridge.simulator.dlms.encoding import cipher as ciphered
from firmware_bridge.simulator.dlms.telegrams import Cipher, DlmsLink, dlms_push, title
from firmware_bridge.simulator.iec62056_21.optical import VirtualOpticalHead, mode_d
from firmware_bridge.simulator.iec62056_21.p1 import P1Version, p1_telegram
from firmware_bridge.simulator.mbus.wireless import Packing, Radio, SecurityMode
from firmware_bridge.simulator.meter import VirtualMeter, VirtualMeterError
from firmware_bridge.simulator.mqtt.publish import VirtualMqttDevices
from firmware_bridge.simulator.site import Site, Wire
from firmware_bridge.simulator.sml.telegrams import sml_file

_ADDRESS_MAX = 250
_UNIT_MAX = 247
_MQTT_PORT = 1883
_KEY_SIZE = 16


class Mode(StrEnum):
    """The modes of IEC 62056-21."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


# The identification's third place: 9600 baud in mode C, 4800 in mode B.
_SPEEDS = {Mode.A: "@", Mode.B: "E", Mode.C: "5"}
_USUAL_BAUDRATES = {
    "modbus": 9600,
    "dsmr": 115_200,
    "sml": 9600,
    "mbus": 2400,
    "dlms": 2400,
    "iec62056_21": 300,
}
_OLD_P1_BAUDRATE = 9600
_MODE_D_BAUDRATE = 2400


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything that the command line said; see `simulate`."""

    protocol: str
    meters: tuple[VirtualMeter, ...]
    wire: Wire
    interval_s: float
    key: bytes | None = field(repr=False)
    auth_key: bytes | None = field(repr=False)
    profile: str
    p1_version: P1Version
    gases: tuple[VirtualMeter, ...]
    first_address: int
    secondary: bool
    fixed: bool
    packing: Packing
    security: SecurityMode
    dlms_link: DlmsLink
    segment: int
    block: int
    mode: Mode
    reaction_s: float
    device: str
    username: str | None
    password: str | None = field(repr=False)
    pulses: int


_Site = AbstractAsyncContextManager[Site]


async def play(wanted: Wanted, *, as_json: bool) -> None:
    """Play until SIGINT or SIGTERM; prints a line or table for each site when all are up.

    Raises:
        VirtualMeterError: It cannot be played here; says why.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    wanted = replace(wanted, wire=replace(wanted.wire, baudrate=_baudrate(wanted)))
    async with AsyncExitStack() as stack:
        sites = []
        for site in _sites(wanted):
            try:
                sites.append(await stack.enter_async_context(site))
            except OSError as error:
                message = f"The line cannot be opened: {error}."
                remedy = "Name another port or device, or write --port 0 for a free one."
                raise VirtualMeterError(message, remedy=remedy) from error
        for made in sites:
            typer.echo(json.dumps(made.facts()) if as_json else _prose(made))
        sys.stdout.flush()
        await stop.wait()


def _prose(site: Site) -> str:
    where = ":".join(str(part) for part in site.place.values())
    head = f"# {len(site.meters)} virtual meters at {where}; Ctrl-C stops. To read them:"
    return "\n".join([head, "", *site.tables])


def _baudrate(wanted: Wanted) -> int:
    if wanted.wire.baudrate:
        return wanted.wire.baudrate
    if wanted.protocol == "wmbus":
        return BAUDRATES[site.framing_of(wanted.packing)]
    if wanted.protocol == "dsmr" and wanted.p1_version is P1Version.V2_2:
        return _OLD_P1_BAUDRATE
    if wanted.protocol == "iec62056_21" and wanted.mode is Mode.D:
        return _MODE_D_BAUDRATE
    return _USUAL_BAUDRATES.get(wanted.protocol, 0)


def _sites(wanted: Wanted) -> Iterator[_Site]:
    """One for each line."""
    whole = {
        "modbus": _modbus,
        "mbus": _mbus,
        "wmbus": _wmbus,
        "mqtt_native": _mqtt,
        "pulse": _pulse,
    }
    if wanted.protocol in whole:
        yield whole[wanted.protocol](wanted)
        return
    single = {"dsmr": _dsmr, "sml": _sml, "dlms": _dlms, "iec62056_21": _optical}
    for index, meter in enumerate(wanted.meters):
        yield single[wanted.protocol](wanted, meter, wanted.wire.nth(index))


def _modbus(wanted: Wanted) -> _Site:
    model = load_profile(wanted.profile)
    _check_count(wanted, _UNIT_MAX)
    units = {unit: (meter, model) for unit, meter in enumerate(wanted.meters, start=1)}
    file = wanted.profile.endswith(".toml")
    setting = str(Path(wanted.profile).resolve()) if file else wanted.profile
    return site.modbus(units, wanted.wire, setting)


def _mbus(wanted: Wanted) -> _Site:
    _check_count(wanted, _ADDRESS_MAX - wanted.first_address + 1)
    slaves = dict(enumerate(wanted.meters, start=wanted.first_address))
    return site.mbus(slaves, wanted.wire, fixed=wanted.fixed, secondary=wanted.secondary)


def _check_count(wanted: Wanted, most: int) -> None:
    if len(wanted.meters) > most:
        message = f"{len(wanted.meters)} meters exceed what one bus can address."
        raise VirtualMeterError(message, remedy=f"Give at most {most} --load options.")


def _wmbus(wanted: Wanted) -> _Site:
    encrypts = wanted.security is not SecurityMode.NONE
    key = _needed(wanted.key, "--security 5 or 7", "--key") if encrypts else None
    _no_key_in_vain(wanted, needed=encrypts, remedy="Add --security 5 or 7.")
    radio = Radio(wanted.packing, wanted.security, {"": key} if key else {})
    return site.radio(wanted.meters, radio, wanted.wire, wanted.interval_s)


def _mqtt(wanted: Wanted) -> _Site:
    wire = replace(wanted.wire, port=wanted.wire.port or _MQTT_PORT)
    broker = VirtualMqttDevices(
        wanted.meters,
        wanted.device,
        wire.host,
        wire.port,
        wanted.interval_s,
        username=wanted.username,
        password=wanted.password,
    )
    return site.published(wanted.meters, wanted.device, broker, wire)


def _pulse(wanted: Wanted) -> _Site:
    return site.pulses(wanted.meters, wanted.pulses)


def _dsmr(wanted: Wanted, meter: VirtualMeter, wire: Wire) -> _Site:
    gas = wanted.gases[wanted.meters.index(meter)] if wanted.gases else None
    plain = partial(p1_telegram, version=wanted.p1_version, gas=gas)
    cipher = None
    if wanted.p1_version is P1Version.LUXEMBOURG:
        key = _needed(wanted.key, "--p1-version lu", "--key")
        cipher = Cipher(key, wanted.auth_key or LUXEMBOURG_AUTHENTICATION_KEY)
    else:
        _no_key_in_vain(wanted, needed=False, remedy="Only --p1-version lu encrypts.")
    return site.pushed(
        "dsmr",
        meter,
        plain if cipher is None else partial(_sealed_p1, plain, cipher),
        wire,
        interval_s=wanted.interval_s,
        settings=site.p1_settings(wanted.p1_version, cipher),
        behind=() if gas is None else (site.gas_facts(gas),),
    )


def _sealed_p1(plain: partial[bytes], cipher: Cipher, meter: VirtualMeter) -> bytes:
    counter = int(meter.clock().timestamp())
    return ciphered(plain(meter), title(meter), counter, cipher.key, cipher.authentication)


def _sml(wanted: Wanted, meter: VirtualMeter, wire: Wire) -> _Site:
    return site.pushed(
        "sml",
        meter,
        sml_file,
        wire,
        interval_s=wanted.interval_s,
        serial=site.sml_serial(meter),
    )


def _dlms(wanted: Wanted, meter: VirtualMeter, wire: Wire) -> _Site:
    if wanted.block and wanted.dlms_link is DlmsLink.MBUS:
        message = "--block works with --dlms-link hdlc or wrapper only. Leave one of them out."
        raise typer.BadParameter(message)
    if wanted.auth_key is not None:
        _needed(wanted.key, "--auth-key", "--key")
    cipher = None
    if wanted.key is not None:
        cipher = Cipher(
            wanted.key, _needed(wanted.auth_key, "a DLMS meter that encrypts", "--auth-key")
        )
    push = partial(
        dlms_push,
        cipher=cipher,
        link=wanted.dlms_link,
        segment=wanted.segment,
        block=wanted.block,
    )
    settings = site.key_settings(cipher)
    return site.pushed("dlms", meter, push, wire, interval_s=wanted.interval_s, settings=settings)


def _optical(wanted: Wanted, meter: VirtualMeter, wire: Wire) -> _Site:
    if wanted.mode is Mode.D:
        return site.pushed("iec62056_21_d", meter, mode_d, wire, interval_s=wanted.interval_s)
    on_tcp = not wire.pty and wire.serial_port is None
    head = VirtualOpticalHead(meter, _SPEEDS[wanted.mode], 0.0 if on_tcp else wanted.reaction_s)
    return site.optical(meter, head, wire, {"reaction_s": 0} if on_tcp else {})


def _needed(key: bytes | None, what: str, option: str) -> bytes:
    if key is None or len(key) != _KEY_SIZE:
        message = f"{what} needs {option}, 32 hex digits. Add it."
        raise typer.BadParameter(message)
    return key


def _no_key_in_vain(wanted: Wanted, *, needed: bool, remedy: str) -> None:
    if wanted.key is not None and not needed:
        message = f"--key has no effect here. {remedy}"
        raise typer.BadParameter(message)

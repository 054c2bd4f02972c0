"""`meterline-bridge simulate`."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from firmware_bridge.cli import option_check
from firmware_bridge.cli.keys import METER_AUTH_KEY, METER_KEY, MQTT_PASSWORD, parse_key
from firmware_bridge.cli.play import Mode, Wanted, play
from firmware_bridge.cli.signals import Json
from firmware_bridge.secret_option import secret_option
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.dlms.telegrams import SEGMENT, DlmsLink
from firmware_bridge.simulator.iec62056_21.p1 import P1Version
from firmware_bridge.simulator.load import LoadSeries, read_load
from firmware_bridge.simulator.mbus.wireless import Packing, SecurityMode
from firmware_bridge.simulator.meter import (
    DIGITS,
    PERIOD_S,
    Clock,
    ManualClock,
    VirtualMeter,
    wall_clock,
)
from firmware_bridge.simulator.mqtt.devices import Device, device_names
from firmware_bridge.simulator.site import Wire, gas_meter

_TIME = ["%Y-%m-%dT%H:%M:%S%z"]
_GAS_SERIAL = 1000


class PlayedProtocol(StrEnum):
    """Protocols that virtual meters speak."""

    MODBUS = "modbus"
    DSMR = "dsmr"
    SML = "sml"
    MBUS = "mbus"
    WMBUS = "wmbus"
    DLMS = "dlms"
    IEC62056_21 = "iec62056_21"
    MQTT_NATIVE = "mqtt_native"
    PULSE = "pulse"


_LINE = {"rich_help_panel": "Line"}
_MODBUS = {"rich_help_panel": "Modbus"}
_P1 = {"rich_help_panel": "P1 (dsmr)"}
_MBUS = {"rich_help_panel": "M-Bus (mbus)"}
_RADIO = {"rich_help_panel": "Wireless M-Bus (wmbus)"}
_DLMS = {"rich_help_panel": "DLMS"}
_IEC = {"rich_help_panel": "IEC 62056-21"}
_MQTT = {"rich_help_panel": "MQTT devices (mqtt_native)"}
_PULSE = {"rich_help_panel": "Pulses"}
_SECRET = {"rich_help_panel": "Keys (dsmr lu, dlms, wmbus)"}


def _known_device(name: str) -> str:
    if name not in device_names():
        message = f"{name!r} is none of {', '.join(device_names())}."
        raise typer.BadParameter(message)
    return name


def simulate(  # noqa: PLR0913 - one option each
    context: typer.Context,
    *,
    load: Annotated[
        list[Path],
        typer.Option(
            help="Load file: one kW value per line, or start,kWh rows. Repeat for more meters."
        ),
    ],
    protocol: Annotated[
        PlayedProtocol, typer.Option(help="Meter protocol.")
    ] = PlayedProtocol.MODBUS,
    export: Annotated[
        Path | None, typer.Option(help="Export of every meter, in the format of --load.")
    ] = None,
    serial: Annotated[
        int, typer.Option(min=1, help="Serial number of the first meter; the next ones count up.")
    ] = 1001,
    silent: Annotated[
        list[int],
        typer.Option(help="Serial number of a meter that never answers. Repeat for more."),
    ] = [],  # noqa: B006 - typer copies it
    step_s: Annotated[
        int | None, typer.Option(min=1, help="Step of a kW file that does not cover one year [s].")
    ] = None,
    zone: Annotated[
        str,
        typer.Option(
            help="Time zone of the load; its first step is 1 January, 00:00 standard time."
        ),
    ] = "UTC",
    first_year: Annotated[
        int, typer.Option(min=1970, max=2100, help="Year at whose beginning the registers are 0.")
    ] = 2020,
    start: Annotated[
        datetime | None,
        typer.Option(
            formats=_TIME, help="Replay the load from this time instead of by the calendar."
        ),
    ] = None,
    loop: Annotated[
        bool, typer.Option(help="Repeat the load; needs --start or a file with times.")
    ] = False,
    offset_wh: Annotated[int, typer.Option(min=0, help="Import register at the start [Wh].")] = 0,
    digits: Annotated[
        int, typer.Option(min=1, max=18, help="Digits of the register before it rolls over.")
    ] = DIGITS,
    ahead_s: Annotated[
        float, typer.Option(help="Run the meters' clocks ahead by this time [s].")
    ] = 0.0,
    frozen: Annotated[
        datetime | None, typer.Option(formats=_TIME, help="Stop the meters' clocks at this time.")
    ] = None,
    as_json: Json = False,
    host: Annotated[
        str, typer.Option(help="Address to listen on; for mqtt_native the broker's host.", **_LINE)
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65_535, help="TCP port; 0 takes a free one, for mqtt_native 1883.", **_LINE
        ),
    ] = 0,
    pty: Annotated[bool, typer.Option("--pty", help="Use a pseudo-terminal.", **_LINE)] = False,
    link: Annotated[
        Path | None,
        typer.Option(help="Make this symbolic link to the pseudo-terminal; needs --pty.", **_LINE),
    ] = None,
    serial_port: Annotated[
        str | None, typer.Option(help="Use this serial device.", **_LINE)
    ] = None,
    baudrate: Annotated[
        int | None,
        typer.Option(
            min=300,
            help="Speed of the serial line [Bd]; default: the protocol's usual one.",
            **_LINE,
        ),
    ] = None,
    interval_s: Annotated[
        float, typer.Option(min=0.02, help="Time between telegrams of pushing meters [s].", **_LINE)
    ] = 1.0,
    key: Annotated[str, secret_option(METER_KEY, "Encryption key, 32 hex digits.", **_SECRET)] = "",
    auth_key: Annotated[
        str, secret_option(METER_AUTH_KEY, "Authentication key, 32 hex digits.", **_SECRET)
    ] = "",
    profile: Annotated[
        str, typer.Option(help="Modbus model, as `profiles` lists them.", **_MODBUS)
    ] = "meterline-virtual",
    rtu: Annotated[
        bool, typer.Option("--rtu", help="Use a pseudo-terminal, as --pty does.", **_MODBUS)
    ] = False,
    period_s: Annotated[
        int, typer.Option(min=1, max=65_535, help="Period of the load profile [s].", **_MODBUS)
    ] = PERIOD_S,
    p1_version: Annotated[
        P1Version, typer.Option(help="Version of P1; be is Belgium, lu is Luxembourg.", **_P1)
    ] = P1Version.V5,
    gas: Annotated[
        Path | None,
        typer.Option(help="Add a gas meter: one m3/h value per line, or start,m3 rows.", **_P1),
    ] = None,
    first_address: Annotated[
        int,
        typer.Option(
            min=0,
            max=250,
            help="Primary address of the first meter; the next ones count up.",
            **_MBUS,
        ),
    ] = 1,
    secondary: Annotated[
        bool,
        typer.Option(
            "--secondary", help="Use secondary addresses in the printed configuration.", **_MBUS
        ),
    ] = False,
    fixed: Annotated[
        bool,
        typer.Option(
            "--fixed", help="Send the fixed data structure instead of the variable one.", **_MBUS
        ),
    ] = False,
    framing: Annotated[
        Packing, typer.Option(help="Framing of the radio receiver.", **_RADIO)
    ] = Packing.FRAMES,
    security: Annotated[
        SecurityMode, typer.Option(help="AES security mode; 5 and 7 need --key.", **_RADIO)
    ] = SecurityMode.NONE,
    dlms_link: Annotated[
        DlmsLink, typer.Option(help="Link layer of the pushed telegrams.", **_DLMS)
    ] = DlmsLink.HDLC,
    segment: Annotated[
        int,
        typer.Option(min=16, max=240, help="Size of a segment in hdlc and mbus [bytes].", **_DLMS),
    ] = SEGMENT,
    block: Annotated[
        int,
        typer.Option(
            min=0, max=1000, help="Size of a general block [bytes]; 0 sends no blocks.", **_DLMS
        ),
    ] = 0,
    mode: Annotated[
        Mode, typer.Option(help="Mode of IEC 62056-21; A, B and C are polled, D pushes.", **_IEC)
    ] = Mode.C,
    reaction_s: Annotated[
        float,
        typer.Option(min=0, max=2, help="Time before the change of speed [s]; 0 on TCP.", **_IEC),
    ] = 0.4,
    device: Annotated[
        str,
        typer.Option(
            callback=_known_device,
            help=f"Firmware of the devices: {', '.join(device_names())}.",
            **_MQTT,
        ),
    ] = Device.TASMOTA.value,
    username: Annotated[str | None, typer.Option(help="User name at the broker.", **_MQTT)] = None,
    password: Annotated[
        str | None, secret_option(MQTT_PASSWORD, "Password of that user.", **_MQTT)
    ] = None,
    pulses: Annotated[int, typer.Option(min=1, max=1000, help="Pulses per kWh.", **_PULSE)] = 1000,
) -> None:
    """Run virtual meters until interrupted. Each --load is a meter.

    Meters of modbus, mbus, wmbus and mqtt_native share one line; of the others each has its own.
    Prints their addresses and the agent's configuration that reads them.
    """
    option_check.check(context, option_check.SIMULATE, {protocol.value})
    on_pty = pty or rtu
    option_check.check_line(on_pty=on_pty, link=link is not None, device=serial_port is not None)
    script = Script(zone=zone, first_year=first_year, start=start, loop=loop)
    clock = _clock(frozen, timedelta(seconds=ahead_s))
    out = None if export is None else read_load(export, step_s)

    def meter(number: int, series: LoadSeries, exported: LoadSeries | None) -> VirtualMeter:
        made = compose(
            str(number),
            series,
            exported,
            script=script,
            clock=clock,
            offset_wh=offset_wh if number < serial + len(load) else 0,
            period_s=period_s,
            digits=digits,
        )
        made.faults.silent = number in silent
        return made

    meters = tuple(
        meter(number, read_load(path, step_s), out) for number, path in enumerate(load, serial)
    )
    gases = tuple(
        gas_meter(one, meter(int(one.serial) + _GAS_SERIAL, read_load(gas, step_s), None))
        for one in meters
        if gas is not None
    )
    wire = Wire(host, port, on_pty, link, serial_port, baudrate or 0)
    wanted = Wanted(
        protocol=protocol.value,
        meters=meters,
        wire=wire,
        interval_s=interval_s,
        key=parse_key(key),
        auth_key=parse_key(auth_key),
        profile=profile,
        p1_version=p1_version,
        gases=gases,
        first_address=first_address,
        secondary=secondary,
        fixed=fixed,
        packing=framing,
        security=security,
        dlms_link=dlms_link,
        segment=segment,
        block=block,
        mode=mode,
        reaction_s=reaction_s,
        device=device,
        username=username,
        password=password,
        pulses=pulses,
    )
    asyncio.run(play(wanted, as_json=as_json))


def _clock(frozen: datetime | None, ahead: timedelta) -> Clock:
    if frozen is not None:
        return ManualClock(frozen + ahead)
    return lambda: wall_clock() + ahead

"""`meterline-bridge`: try meters out, and play virtual ones.

Exit codes: 0 done; 2 the command line is wrong; 3 a file or setting cannot be used; 4 nothing
answered.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from firmware_bridge.contract.errors import ConfigurationError, DeviceError, MeterlineError
from firmware_bridge.decode import decode
from firmware_bridge.modbus.endpoint import Endpoint, SerialEndpoint, TcpEndpoint
from firmware_bridge.modbus.probe import Finding, best, probe, unit_numbers
from firmware_bridge.profiles import load_profile, profile_names
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.load import read_load
from firmware_bridge.simulator.meter import DIGITS, PERIOD_S, Clock, ManualClock, wall_clock
from firmware_bridge.simulator.modbus import Meters, VirtualModbusBus, VirtualModbusServer
from firmware_bridge.simulator.pty import SerialCable

EXIT_UNUSABLE = 3
EXIT_NO_ANSWER = 4

app = typer.Typer(
    help=(
        "Try meters out, and play virtual ones.\n\nExit codes: 0 done, 2 wrong command line, "
        "3 a file or setting cannot be used, 4 nothing answered."
    ),
    no_args_is_help=True,
    add_completion=False,
)
app.command()(decode)


class Parity(StrEnum):
    """Parity of a serial line."""

    NONE = "N"
    EVEN = "E"
    ODD = "O"


Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]


def main() -> None:
    """Run the command line."""
    try:
        app()
    except MeterlineError as error:
        typer.echo(f"{error.code}: {error}", err=True)
        unanswered = isinstance(error, DeviceError) and not isinstance(error, ConfigurationError)
        sys.exit(EXIT_NO_ANSWER if unanswered else EXIT_UNUSABLE)


@app.command()
def profiles(*, as_json: Json = False) -> None:
    """List the meter models that Meterline knows."""
    for name in profile_names():
        profile = load_profile(name)
        facts = {
            "profile": name,
            "manufacturer": profile.manufacturer,
            "model": profile.model,
            "registers": len(profile.registers),
            "tells_serial": profile.serial is not None,
            "load_profile": profile.load_profile is not None,
        }
        memory = "with load profile" if facts["load_profile"] else "no load profile"
        line = f"{name:24}{profile.manufacturer} {profile.model}, {memory}"
        typer.echo(json.dumps(facts) if as_json else line)


@app.command("probe")
def probe_command(  # noqa: PLR0913 - one option each
    where: Annotated[
        str, typer.Argument(help="Host of a Modbus TCP meter or gateway, or a serial device.")
    ],
    *,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="TCP port.")] = 502,
    baudrate: Annotated[int, typer.Option(min=300, help="Of a serial device.")] = 9600,
    parity: Annotated[Parity, typer.Option(help="Of a serial device.")] = Parity.NONE,
    units: Annotated[str, typer.Option(help="Units to try: 1, 1-5 or 1,3,7-9.")] = "1",
    timeout_s: Annotated[float, typer.Option(min=0.05, max=60, help="Per answer. [s]")] = 1.0,
    as_json: Json = False,
) -> None:
    """Find out which meter answers, and propose its configuration."""
    endpoint: Endpoint = TcpEndpoint(where, port)
    if where.startswith("/"):
        endpoint = SerialEndpoint(where, baudrate, parity.value, stopbits=1)
    findings = asyncio.run(_probe(endpoint, unit_numbers(units), timeout_s))
    for finding in best(findings):
        typer.echo(json.dumps(_facts(finding)) if as_json else _prose(finding))
    if not findings:
        typer.echo(f"No known meter answered at {endpoint}, units {units}.", err=True)
        raise typer.Exit(EXIT_NO_ANSWER)


async def _probe(endpoint: Endpoint, units: tuple[int, ...], timeout_s: float) -> list[Finding]:
    return [finding async for finding in probe(endpoint, units, timeout_s)]


def _facts(finding: Finding) -> dict[str, object]:
    meter = finding.read_out.meter
    return {
        "address": str(finding.endpoint),
        "unit_id": finding.unit_id,
        "profile": finding.profile,
        "certain": finding.certain,
        "manufacturer": meter.manufacturer,
        "serial": meter.serial,
        "values": {
            str(value.obis): {
                "value": f"{value.quantity.decimal():f}",
                "unit": str(value.quantity.unit),
            }
            for value in finding.read_out.values
        },
        "configuration": finding.configuration(),
    }


def _prose(finding: Finding) -> str:
    meter = finding.read_out.meter
    sure = "is" if finding.certain else "fits"
    lines = [f"# Unit {finding.unit_id} {sure} a {meter.model}, serial number {meter.serial}"]
    lines += [f"#   {value.obis}  {value.quantity}" for value in finding.read_out.values]
    return "\n".join([*lines, finding.configuration()])


@app.command()
def simulate(  # noqa: PLR0913 - one option each
    *,
    load: Annotated[
        list[Path], typer.Option(help="kW a line, or start,kWh rows. Repeat for more meters.")
    ],
    export: Annotated[
        Path | None, typer.Option(help="What flows out, in the same format, for every meter.")
    ] = None,
    profile: Annotated[str, typer.Option(help="Model to play.")] = "meterline-virtual",
    serial: Annotated[int, typer.Option(min=1, help="First meter's; the next count up.")] = 1001,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 0,
    rtu: Annotated[
        bool, typer.Option("--rtu", help="Play on a pseudo-terminal in RTU instead of TCP.")
    ] = False,
    step_s: Annotated[
        int | None, typer.Option(min=1, help="Step of a kW file that is not one year. [s]")
    ] = None,
    zone: Annotated[str, typer.Option(help="Step 0 is 1 January 00:00 standard time.")] = "UTC",
    first_year: Annotated[
        int, typer.Option(min=1970, max=2100, help="Registers are 0 at its beginning.")
    ] = 2020,
    start: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S%z"], help="Replay from here instead of by the calendar."
        ),
    ] = None,
    loop: Annotated[bool, typer.Option(help="With --start or own times: repeat.")] = False,
    offset_wh: Annotated[int, typer.Option(min=0, help="Import register at first. [Wh]")] = 0,
    period_s: Annotated[
        int, typer.Option(min=1, max=65_535, help="Load-profile period. [s]")
    ] = PERIOD_S,
    digits: Annotated[int, typer.Option(min=1, max=18, help="Digits before rollover.")] = DIGITS,
    ahead_s: Annotated[float, typer.Option(help="How far the meters' clocks are ahead. [s]")] = 0.0,
    frozen: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M:%S%z"], help="Stop the meters' clocks here."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Play virtual meters on Modbus until interrupted; units count from 1."""
    script = Script(zone=zone, first_year=first_year, start=start, loop=loop)
    clock = _clock(frozen, timedelta(seconds=ahead_s))
    out = None if export is None else read_load(export, step_s)
    model = load_profile(profile)
    meters = {
        unit: (
            compose(
                str(serial + unit - 1),
                read_load(path, step_s),
                out,
                script=script,
                clock=clock,
                offset_wh=offset_wh,
                period_s=period_s,
                digits=digits,
            ),
            model,
        )
        for unit, path in enumerate(load, start=1)
    }
    asyncio.run(_serve(meters, host, port, rtu=rtu, as_json=as_json))


def _clock(frozen: datetime | None, ahead: timedelta) -> Clock:
    if frozen is not None:
        return ManualClock(frozen + ahead)
    return lambda: wall_clock() + ahead


async def _serve(meters: Meters, host: str, port: int, *, rtu: bool, as_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        where: dict[str, object]
        if rtu:
            cable = await stack.enter_async_context(SerialCable())
            await stack.enter_async_context(VirtualModbusBus(meters, cable.meter_end))
            where = {"serial_port": cable.agent_end}
        else:
            server = await stack.enter_async_context(VirtualModbusServer(meters, host, port))
            where = {"host": server.host, "port": server.port}
        at = ":".join(str(part) for part in where.values())
        prose = f"{len(meters)} virtual meters at {at}; Ctrl-C stops."
        typer.echo(json.dumps({**where, "units": sorted(meters)}) if as_json else prose)
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    main()

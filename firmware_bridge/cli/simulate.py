"""`meterline-bridge simulate`."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from firmware_bridge.cli.ending import Json
from firmware_bridge.profiles import load_profile
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.load import read_load
from firmware_bridge.simulator.meter import DIGITS, PERIOD_S, Clock, ManualClock, wall_clock
from firmware_bridge.simulator.modbus import Meters, VirtualModbusBus, VirtualModbusServer
from firmware_bridge.simulator.pty import SerialCable


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

"""The command `meterline-central demo`."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from central.cli.output import EXIT_HELD, answered
from central.demo.console import DemoConsole
from central.demo.scenario import TARIFF, Wish, play
from firmware_bridge.command_line import EXIT_STOPPED
from firmware_bridge.contract.errors import ConfigurationError
from firmware_bridge.log_lines import log_to

HOME = Path(".demo")
LOG = "demo.log"


class DemoFolderError(ConfigurationError):
    """The demo's folder holds what the demo did not make."""

    code = "DEMO_FOLDER"


@answered
def demo(  # noqa: PLR0913 - options of a command
    *,
    once: Annotated[bool, typer.Option("--once", help="Exit after the bills are printed.")] = False,
    intervals: Annotated[
        Path | None,
        typer.Option(
            help="Load of the first meter: a CSV of start,kWh, ISO times with offset.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    tariff: Annotated[
        Path,
        typer.Option(
            help="Tariff of all customers.",
            exists=True,
            dir_okay=False,
            show_default="a household's time of use",
        ),
    ] = TARIFF,
    home: Annotated[Path, typer.Option(help="Folder for data, logs and invoices.")] = HOME,
    anew: Annotated[
        bool,
        typer.Option(
            "--anew", help="Delete what an earlier demo left in the folder, and start again."
        ),
    ] = False,
    people: Annotated[
        bool,
        typer.Option(
            "--people", help="Add people of each role and customers; passwords are printed once."
        ),
    ] = False,
    port: Annotated[
        int, typer.Option(help="TCP port of the dashboard; 0 takes a free one.", min=0, max=65535)
    ] = 0,
) -> None:
    """Run all of Meterline on this machine: meters, gateway, broker, database, bills, pages.

    The gateway reads last month from three virtual meters over Modbus and sends it over MQTT to
    ingest, which stores it in a private PostgreSQL. It is then validated, rated, billed, printed.

    Start it again later to continue: it reads the days since, and bills the months that are over.

    The demo uses no server that already runs here, and stops all that it started.
    """
    home = own_folder(home.resolve())
    _log_to(home / LOG)
    wish = Wish(
        home, once=once, intervals=intervals, tariff=tariff, port=port, anew=anew, people=people
    )
    try:
        held = asyncio.run(_until_signal(wish))
    except asyncio.CancelledError:
        raise typer.Exit(EXIT_STOPPED) from None
    if held:
        raise typer.Exit(EXIT_HELD)


def own_folder(home: Path) -> Path:
    """The folder, made if need be, and seen to be the demo's own.

    Raises:
        DemoFolderError: There is something else in it.
    """
    mark = home / LOG
    if home.exists() and any(home.iterdir()) and not mark.exists():
        message = f"{home} is not empty and was not made by the demo."
        raise DemoFolderError(message, value=str(home), remedy="Name another one with --home.")
    home.mkdir(parents=True, exist_ok=True)
    return home


async def _until_signal(wish: Wish) -> int:
    leave = asyncio.Event()
    playing = asyncio.current_task()
    showing = DemoConsole(Console())

    def stop() -> None:
        # The dashboard closes in order; a step is broken off, and so is a second wish to leave.
        if playing is not None and (showing.in_progress or leave.is_set()):
            playing.cancel()
        leave.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    return await play(wish, showing, leave)


def _log_to(file: Path) -> None:
    """Keep the terminal for people: what the libraries say goes into a file."""
    log_to(file.open("w", encoding="utf-8"))  # open for as long as the process logs

"""The commands put together, and what their errors end with."""

from __future__ import annotations

from typing import Annotated

import typer

from firmware_bridge.cli.decode import decode
from firmware_bridge.cli.mappings import mappings
from firmware_bridge.cli.probe import probe
from firmware_bridge.cli.profiles import profiles
from firmware_bridge.cli.signals import EXIT_NO_ANSWER, EXIT_UNUSABLE
from firmware_bridge.cli.simulate import simulate
from firmware_bridge.command_line import CommandGroup
from firmware_bridge.contract.errors import ConfigurationError, DeviceError, MeterlineError
from firmware_bridge.contract.software import named_version

PROGRAM = "meterline-bridge"


def exit_code_of(error: MeterlineError) -> int:
    """The exit code of an error that ends a command."""
    unanswered = isinstance(error, DeviceError) and not isinstance(error, ConfigurationError)
    return EXIT_NO_ANSWER if unanswered else EXIT_UNUSABLE


class _Commands(CommandGroup):
    def exit_code_of(self, error: MeterlineError) -> int:
        """As the reference of commands lists them."""
        return exit_code_of(error)


app = typer.Typer(
    cls=_Commands,
    help=(
        "Find and read meters, decode recordings, and run virtual meters.\n\n"
        "Exit codes: 0 done, 2 wrong command line, 3 a file or setting cannot be used, "
        "4 nothing answered."
    ),
    no_args_is_help=True,
    # Units stand in brackets, which rich's own markup would swallow.
    rich_markup_mode="markdown",
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer's way
    if wanted:
        typer.echo(named_version(PROGRAM))
        raise typer.Exit


@app.callback()
def _frame(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


for command in (decode, probe, simulate):
    app.command()(command)
app.add_typer(profiles, name="profiles")
app.add_typer(mappings, name="mappings")


def main() -> None:
    """Run the command line."""
    app(prog_name=PROGRAM)

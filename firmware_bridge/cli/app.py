"""The commands put together, and what their errors end with."""

from __future__ import annotations

import sys

import typer

from firmware_bridge.cli.decode import decode
from firmware_bridge.cli.ending import EXIT_NO_ANSWER, EXIT_UNUSABLE
from firmware_bridge.cli.probe import probe
from firmware_bridge.cli.profiles import profiles
from firmware_bridge.cli.simulate import simulate
from firmware_bridge.contract.errors import ConfigurationError, DeviceError, MeterlineError

app = typer.Typer(
    help=(
        "Try meters out, and play virtual ones.\n\nExit codes: 0 done, 2 wrong command line, "
        "3 a file or setting cannot be used, 4 nothing answered."
    ),
    no_args_is_help=True,
    add_completion=False,
    # Units stand in brackets, which rich's own markup would swallow.
    rich_markup_mode="markdown",
)
for command in (decode, probe, profiles, simulate):
    app.command()(command)


def main() -> None:
    """Run the command line."""
    try:
        app()
    except MeterlineError as error:
        typer.echo(f"{error.code}: {error}", err=True)
        unanswered = isinstance(error, DeviceError) and not isinstance(error, ConfigurationError)
        sys.exit(EXIT_NO_ANSWER if unanswered else EXIT_UNUSABLE)

"""`meterline-bridge mappings`: the MQTT devices that files explain, and whether one is right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from firmware_bridge.cli.signals import Json
from firmware_bridge.mqtt_native.mappings import mapping_names, read_mapping, shipped_mapping
from firmware_bridge.mqtt_native.mappings.document import MappedDevice

mappings = typer.Typer(
    help="List the MQTT devices that Meterline has a mapping for, and check a file of mappings.",
    invoke_without_command=True,
    rich_markup_mode="markdown",
)


@mappings.callback()
def _frame(context: typer.Context, *, as_json: Json = False) -> None:
    if context.invoked_subcommand is None:
        _print_all(as_json=as_json)


@mappings.command("list")
def list_mappings(*, as_json: Json = False) -> None:
    """List the MQTT devices that Meterline has a mapping for, with what it is taken from."""
    _print_all(as_json=as_json)


@mappings.command()
def check(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="Mappings, a .toml file.")
    ],
    *,
    as_json: Json = False,
) -> None:
    """Check a file of mappings, and show which topics it reads as what.

    Names every fault. Exit codes: 0 the file can be used, 3 it cannot.
    """
    devices = read_mapping(file)
    if as_json:
        for device in devices:
            typer.echo(json.dumps(_facts(file.stem, device)))
        return
    typer.echo(f"{file} is valid: {len(devices)} device{'s' if len(devices) > 1 else ''}.")
    for device in devices:
        typer.echo(f"{device.name} ({device.manufacturer}), known by {' or '.join(device.serials)}")
        for value in device.values:
            topic = device.topic if value.topic is None else f"{device.topic}/{value.topic}"
            path = f" at {value.path}" if value.path else ""
            power = f" x 10^{value.scale}" if value.scale else ""
            typer.echo(f"  {value.obis!s:16} [{value.unit}]{power}  {topic}{path}")


def _print_all(*, as_json: bool) -> None:
    for name in mapping_names():
        for device in shipped_mapping(name):
            line = f"{name:18}{device.name}: {device.topic}"
            typer.echo(json.dumps(_facts(name, device)) if as_json else line)


def _facts(name: str, device: MappedDevice) -> dict[str, object]:
    return {
        "mapping": name,
        "device": device.name,
        "manufacturer": device.manufacturer,
        "topic": device.topic,
        "source": device.source,
        "values": [str(value.obis) for value in device.values],
    }

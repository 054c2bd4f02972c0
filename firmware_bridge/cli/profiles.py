"""`meterline-bridge profiles`: which meter models there are, and whether a file describes one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from firmware_bridge.cli.signals import Json
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT
from firmware_bridge.modbus.frames import plan
from firmware_bridge.modbus.profiles import load_profile, profile_names, read_profile
from firmware_bridge.modbus.register_map import MeterProfile

profiles = typer.Typer(
    help="List the meter models that Meterline knows, and check a file that describes one.",
    invoke_without_command=True,
    rich_markup_mode="markdown",
)


@profiles.callback()
def _frame(context: typer.Context, *, as_json: Json = False) -> None:
    if context.invoked_subcommand is None:
        _print_all(as_json=as_json)


@profiles.command("list")
def list_models(*, as_json: Json = False) -> None:
    """List the meter models that Meterline knows, with what their registers are taken from."""
    _print_all(as_json=as_json)


@profiles.command()
def check(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="Profile, a .toml file.")
    ],
    *,
    as_json: Json = False,
) -> None:
    """Check a file that describes a meter model, and show how it will be read.

    Names every fault. Exit codes: 0 the file can be used, 3 it cannot.
    """
    profile = read_profile(file)
    facts = _facts(profile)
    if as_json:
        typer.echo(json.dumps(facts | {"advice": _advice(profile)}))
        return
    typer.echo(f"{file} is valid: {profile.manufacturer} {profile.model}.")
    polled = [span for register in profile.registers if register.poll for span in register.spans]
    requests = plan(polled, profile.max_registers, profile.max_gap)
    for request in requests:
        end = request.address + request.count - 1
        where = f"{request.address} .. {end} (0x{request.address:04X} .. 0x{end:04X})"
        typer.echo(f"each read asks function {request.function} for registers {where}")
    for register in profile.registers:
        span, coding = register.field.span, register.field.coding
        step = coding.resolution if coding.type.is_float else coding.scale
        notes = ["" if register.poll else "on request", "optional" if register.optional else ""]
        typer.echo(
            f"  {register.obis!s:16} {span.address:5} {coding.type:8} {coding.order}"
            f"  steps of 10^{step} {register.unit}  {' '.join(filter(None, notes))}".rstrip()
        )
    for line in _advice(profile):
        typer.echo(f"note: {line}")


def _print_all(*, as_json: bool) -> None:
    for name in profile_names():
        profile = load_profile(name)
        facts = _facts(profile)
        memory = ", with load profile" if facts["load_profile"] else ""
        serial = "" if facts["tells_serial"] else ", needs `serial`"
        line = (
            f"{name:24}{profile.manufacturer} {profile.model} ({profile.evidence}{serial}{memory})"
        )
        typer.echo(json.dumps(facts) if as_json else line)


def _facts(profile: MeterProfile) -> dict[str, object]:
    return {
        "profile": profile.name,
        "manufacturer": profile.manufacturer,
        "model": profile.model,
        "evidence": profile.evidence,
        "source": profile.source,
        "registers": len(profile.registers),
        "import": ACTIVE_IMPORT in profile.by_obis,
        "export": ACTIVE_EXPORT in profile.by_obis,
        "tells_serial": profile.serial is not None,
        "load_profile": profile.load_profile is not None,
    }


def _advice(profile: MeterProfile) -> list[str]:
    """What a file may lack without being wrong."""
    advice = {
        "it does not say its `evidence`": profile.evidence is None,
        "each meter needs `serial` in its table, since the model does not tell its number": (
            profile.serial is None
        ),
        "it counts no import of active energy (1-0:1.8.0)": ACTIVE_IMPORT not in profile.by_obis,
        "`probe` tells it from models with the same registers only by a `[signature]`": (
            profile.signature is None
        ),
    }
    return [sentence for sentence, holds in advice.items() if holds]

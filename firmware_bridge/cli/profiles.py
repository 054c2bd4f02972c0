"""`meterline-bridge profiles`."""

from __future__ import annotations

import json

import typer

from firmware_bridge.cli.signals import Json
from firmware_bridge.modbus.profiles import load_profile, profile_names


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

"""`meterline-central gateway make-key|configure|update|remote`: instruct gateways, and see."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from central.adapters.mqtt.retained import BrokerLine
from central.adapters.signing_key import FileKey
from central.cli.findings import gateways  # with its commands of gateways
from central.cli.output import AsJson, answered, listed, show, wait_for
from central.config.broker import BrokerSettings
from central.process.broker import broker_address
from central.service.gateways.remote_management import (
    InstallableArtefact,
    Instruct,
    gateway_standings,
)
from central.service.views.lookup import require_any
from firmware_bridge.contract.messages import Status
from firmware_bridge.contract.release import Release
from firmware_bridge.contract.remote import AGENT
from firmware_bridge.contract.signed import key_id
from firmware_bridge.contract.topics import check_gateway

__all__ = ["gateways"]

Key = Annotated[Path, typer.Option(help="Private key file, made by `gateway make-key`.")]
Names = Annotated[list[str], typer.Argument(help="Names of the gateways.")]


@gateways.command("make-key")
@answered
def make_key_command(
    file: Annotated[
        Path, typer.Argument(help="File to write; an existing one is never overwritten.")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Make a key that signs configurations or updates, and print its public key."""
    public = FileKey.make(file).public
    if as_json:
        show({"file": str(file), "public": public.hex(), "key_id": key_id(public).hex()})
    else:
        typer.echo(f"Made {file}. Its public key, for `keys` in a gateway's file:\n{public.hex()}")


@gateways.command("configure")
@answered
def configure_command(
    name: Annotated[str, typer.Argument(help="Name of the gateway.")],
    file: Annotated[Path, typer.Argument(help="TOML file with [[meters]].")],
    key: Key,
    version: Annotated[
        int | None,
        typer.Option(min=1, help="Version, higher than the last one; default: seconds since 1970."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Sign a gateway's meters, and publish them at the broker."""
    gateway, toml = check_gateway(name), file.read_text(encoding="utf-8")
    done = wait_for(_instruct(key).configure(gateway, toml, version))
    if as_json:
        show({"gateway": gateway, "version": done})
    else:
        typer.echo(f"{gateway}: version {done} is published; `gateway remote` shows its answer.")


@gateways.command("update")
@answered
def update_command(  # noqa: PLR0913, PLR0917 - each an option of the command
    names: Names,
    artefact: Annotated[Path, typer.Option(help="File to install; its hash and size are signed.")],
    url: Annotated[
        str, typer.Option(help="Address that gateways download from: https, http or file.")
    ],
    version: Annotated[str, typer.Option(help="Version of the artefact, such as 1.4.0.")],
    key: Key,
    component: Annotated[
        str, typer.Option(help="Component to update: `agent`, or a device's firmware.")
    ] = AGENT,
    minimum: Annotated[
        str | None,
        typer.Option(help="Lowest installed version that may be updated, such as 1.2.0."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Sign an update for gateways, and publish the announcement at the broker."""
    instruct = _instruct(key)
    with artefact.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").digest()
    least = None if minimum is None else Release.parse(minimum)
    size = artefact.stat().st_size
    one = InstallableArtefact(component, Release.parse(version), least, sha256, size, url)

    async def work() -> None:
        for name in names:
            await instruct.announce(check_gateway(name), one)

    wait_for(work())
    if as_json:
        show({"gateways": names, "version": str(one.version), "sha256": sha256.hex()})
    else:
        typer.echo(f"{component} {one.version} is announced to {', '.join(names)}.")


@gateways.command("remote")
@answered
def remote_command(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names of gateways; default: all.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what gateways last reported about configurations and updates."""
    asked = [check_gateway(name) for name in names or []]
    standings = wait_for(gateway_standings(_line(), asked))
    for name in asked:
        reported = [standings[name]] if name in standings else []
        require_any(reported, "report of gateway", name, "`gateway remote` shows all that report.")
    rows = [_row(name, standings[name]) for name in sorted(standings)]
    listed(rows, as_json=as_json, nothing="No gateway has reported yet.")


def _row(name: str, status: Status) -> dict[str, Any]:
    config = status.config
    updates = [
        f"{one.component} {one.version} {one.state.value}" + (f" {one.code}" if one.code else "")
        for one in status.updates
    ]
    return {
        "gateway": name,
        "state": status.state.value,
        "agent": status.agent,
        "configuration": None if config is None else config.state.value,
        "version": None if config is None else config.version,
        "refused": None if config is None else config.refused,
        "code": None if config is None else config.code,
        "updates": "; ".join(updates),
    }


def _line() -> BrokerLine:
    return BrokerLine(broker_address(BrokerSettings()))


def _instruct(key: Path) -> Instruct:
    return Instruct(_line(), FileKey.load(key), lambda: datetime.now(UTC))

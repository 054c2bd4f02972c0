"""`meterline-bridge probe`."""

from __future__ import annotations

import asyncio
import json
from enum import StrEnum
from typing import Annotated

import typer

from firmware_bridge.cli.ending import EXIT_NO_ANSWER, Json
from firmware_bridge.modbus.endpoint import Endpoint, SerialEndpoint, TcpEndpoint
from firmware_bridge.modbus.probe import Finding, best, unit_numbers
from firmware_bridge.modbus.probe import probe as try_models


class Parity(StrEnum):
    """Parity of a serial line."""

    NONE = "N"
    EVEN = "E"
    ODD = "O"


def probe(  # noqa: PLR0913 - one option each
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
    return [finding async for finding in try_models(endpoint, units, timeout_s)]


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

"""`meterline-bridge probe`."""

from __future__ import annotations

import asyncio
import json
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

import typer

from firmware_bridge.cli import option_check
from firmware_bridge.cli.keys import METER_AUTH_KEY, METER_KEY, MQTT_PASSWORD, parse_key
from firmware_bridge.cli.signals import Json
from firmware_bridge.contract.errors import DeviceError
from firmware_bridge.driver.line import SerialAddress, TcpAddress
from firmware_bridge.driver.naming import is_named
from firmware_bridge.driver.telegram import Keys
from firmware_bridge.modbus.probe import unit_numbers
from firmware_bridge.mqtt_native.driver import BrokerPlace
from firmware_bridge.probe.broker import listen_at
from firmware_bridge.probe.finding import Found
from firmware_bridge.probe.search import PROTOCOLS, Search
from firmware_bridge.secret_option import secret_option

MODBUS_PORT, MQTT_PORT = 502, 1883
_MQTT = "mqtt_native"
_BROKER_S = 10.0  # a broker that is busy, or far away, takes its time to let in


class Parity(StrEnum):
    """Parity of a serial line."""

    NONE = "N"
    EVEN = "E"
    ODD = "O"


class ProbedProtocol(StrEnum):
    """Protocols that `probe` searches for."""

    MODBUS = "modbus"
    DSMR = "dsmr"
    SML = "sml"
    MBUS = "mbus"
    WMBUS = "wmbus"
    DLMS = "dlms"
    IEC62056_21 = "iec62056_21"
    MQTT_NATIVE = _MQTT


class NothingAnsweredError(DeviceError):
    """No meter that Meterline knows answered or pushed."""

    code = "NOTHING_ANSWERED"
    default_remedy = "Check wiring, speed and keys, or search longer with `--listen-s`."


def probe(  # noqa: PLR0913 - one option each
    context: typer.Context,
    where: Annotated[
        str, typer.Argument(help="Host, serial device, or broker such as mqtt://host:1883.")
    ],
    *,
    protocol: Annotated[
        list[ProbedProtocol], typer.Option(help="Search for this protocol only. Repeat for more.")
    ] = [],  # noqa: B006 - typer copies it
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, help="TCP port; default 502, for a broker 1883."),
    ] = None,
    baudrate: Annotated[
        int | None,
        typer.Option(min=300, help="Speed of the serial device [Bd]; default: the usual ones."),
    ] = None,
    parity: Annotated[
        Parity | None, typer.Option(help="Parity of the serial device; needs --baudrate.")
    ] = None,
    units: Annotated[str, typer.Option(help="Modbus units to poll: 1, 1-5 or 1,3,7-9.")] = "1",
    addresses: Annotated[
        str | None,
        typer.Option(
            help="M-Bus addresses to poll even if no slave answers at first, such as 0-250."
        ),
    ] = None,
    listen_s: Annotated[
        float,
        typer.Option(
            min=0.2, max=3600, help="Time to wait for pushed telegrams at each speed [s]."
        ),
    ] = 12.0,
    timeout_s: Annotated[
        float, typer.Option(min=0.05, max=60, help="Time to wait for each answer [s].")
    ] = 1.0,
    key: Annotated[
        str, secret_option(METER_KEY, "Encryption key of the meters, 32 hex digits.")
    ] = "",
    auth_key: Annotated[
        str, secret_option(METER_AUTH_KEY, "DLMS authentication key, 32 hex digits.")
    ] = "",
    topic: Annotated[
        list[str], typer.Option(help="Topic filter at the broker, such as meters/#.")
    ] = ["#"],  # noqa: B006
    username: Annotated[str | None, typer.Option(help="User name at the broker.")] = None,
    password: Annotated[str | None, secret_option(MQTT_PASSWORD, "Password of that user.")] = None,
    as_json: Json = False,
) -> None:
    """Find the meters that answer or push, and print their configuration.

    Sends read requests only. Prints progress to standard error.
    """
    keys = Keys(parse_key(key), parse_key(auth_key))
    chosen = frozenset(str(one) for one in protocol)
    at_broker = where.startswith("mqtt://") or chosen == {_MQTT}
    wanted = chosen & PROTOCOLS or PROTOCOLS
    option_check.check(context, option_check.PROBE, {_MQTT} if at_broker else wanted)
    if at_broker:
        broker = _broker(where, port, tuple(topic), username, password)
        found = asyncio.run(
            listen_at(broker, listen_s, max(timeout_s, _BROKER_S), _report_progress)
        )
        place = f"the broker {broker}"
    else:
        line = _line(where, port)
        search = Search(
            protocols=wanted,
            units=unit_numbers(units),
            addresses=None if addresses is None else unit_numbers(addresses),
            listen_s=listen_s,
            timeout_s=timeout_s,
            keys=keys,
            baudrate=baudrate,
            parity=None if parity is None else parity.value,
        )
        found = asyncio.run(search.run(line, _report_progress))
        place = f"{line}, units {units}" if "modbus" in wanted else str(line)
    for one in found:
        typer.echo(json.dumps(_facts(one)) if as_json else _prose(one))
    if not found:
        message = f"No known meter answered at {place}."
        raise NothingAnsweredError(message, value=where)


def _report_progress(text: str) -> None:
    typer.echo(text, err=True)


def _line(where: str, port: int | None) -> TcpAddress | SerialAddress:
    return SerialAddress(where) if where.startswith("/") else TcpAddress(where, port or MODBUS_PORT)


def _broker(
    where: str,
    port: int | None,
    topics: tuple[str, ...],
    username: str | None,
    password: str | None,
) -> BrokerPlace:
    try:
        parts = urlsplit(where if "://" in where else f"mqtt://{where}")
        number = parts.port
    except ValueError:
        message = f"{where!r} is no address of a broker: host, host:1883 or mqtt://host:1883."
        raise typer.BadParameter(message) from None
    if parts.username is not None or parts.password is not None:
        message = (
            "A broker's address has no user or password in it. Give --username and --password."
        )
        raise typer.BadParameter(message)
    return BrokerPlace(
        parts.hostname or where, port or number or MQTT_PORT, topics, username, password
    )


def _facts(found: Found) -> dict[str, object]:
    return {
        "protocol": found.protocol,
        "address": found.where,
        **found.facts,
        "certain": found.certain,
        "manufacturer": found.meter.manufacturer,
        "serial": found.meter.serial if is_named(found.meter) else None,
        "values": {
            str(value.obis): {
                "value": f"{value.quantity.decimal():f}",
                "unit": str(value.quantity.unit),
            }
            for value in found.values
        },
        "configuration": found.configuration(),
    }


def _prose(found: Found) -> str:
    sure = "is" if found.certain else "fits"
    what = f"a {found.model}" if found.model else f"{found.meter.manufacturer}, {found.protocol}"
    at = f"Unit {found.facts['unit_id']}" if "unit_id" in found.facts else "Here"
    named = is_named(found.meter)
    number = f"serial number {found.meter.serial}" if named else "no serial number"
    lines = [f"# {at} {sure} {what}, {number}"]
    lines += [f"#   {value.obis}  {value.quantity}" for value in found.values]
    return "\n".join([*lines, found.configuration()])

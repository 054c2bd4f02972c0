"""Which options of `simulate` and `probe` belong to which protocol.

An option that was written on the command line and means nothing to the protocol is refused, since
whoever wrote it expects it to work.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import typer

SERIAL = frozenset({"modbus", "dsmr", "sml", "mbus", "wmbus", "dlms", "iec62056_21"})
PUSHING = frozenset({"dsmr", "sml", "wmbus", "dlms", "mqtt_native"})
ENCRYPTED = frozenset({"dsmr", "dlms", "wmbus"})

SIMULATE: Mapping[str, frozenset[str]] = {
    "host": SERIAL | {"mqtt_native"},
    "port": SERIAL | {"mqtt_native"},
    "pty": SERIAL,
    "link": SERIAL,
    "serial_port": SERIAL,
    "baudrate": SERIAL,
    "interval_s": PUSHING | {"iec62056_21"},
    "profile": frozenset({"modbus"}),
    "rtu": frozenset({"modbus"}),
    "period_s": frozenset({"modbus"}),
    "key": ENCRYPTED,
    "auth_key": frozenset({"dsmr", "dlms"}),
    "p1_version": frozenset({"dsmr"}),
    "gas": frozenset({"dsmr"}),
    "first_address": frozenset({"mbus"}),
    "fixed": frozenset({"mbus"}),
    "secondary": frozenset({"mbus"}),
    "framing": frozenset({"wmbus"}),
    "security": frozenset({"wmbus"}),
    "dlms_link": frozenset({"dlms"}),
    "segment": frozenset({"dlms"}),
    "block": frozenset({"dlms"}),
    "mode": frozenset({"iec62056_21"}),
    "reaction_s": frozenset({"iec62056_21"}),
    "device": frozenset({"mqtt_native"}),
    "username": frozenset({"mqtt_native"}),
    "password": frozenset({"mqtt_native"}),
    "pulses": frozenset({"pulse"}),
}

PROBE: Mapping[str, frozenset[str]] = {
    "baudrate": SERIAL,
    "parity": SERIAL,
    "units": frozenset({"modbus"}),
    "addresses": frozenset({"mbus"}),
    "key": ENCRYPTED | {"mbus"},
    "auth_key": frozenset({"dsmr", "dlms"}),
    "topic": frozenset({"mqtt_native"}),
    "username": frozenset({"mqtt_native"}),
    "password": frozenset({"mqtt_native"}),
}


def check(
    context: typer.Context, table: Mapping[str, frozenset[str]], protocols: Collection[str]
) -> None:
    """Refuse what was asked for and fits none of the protocols.

    Raises:
        typer.BadParameter: Names the option, where it belongs, and what to do.
    """
    for name, fitting in table.items():
        source = context.get_parameter_source(name)
        written = source is not None and source.name == "COMMANDLINE"
        if written and not fitting.intersection(protocols):
            option = "--" + name.replace("_", "-")
            where = " or ".join(sorted(fitting))
            message = (
                f"{option} does not apply to {', '.join(sorted(protocols))}. "
                f"Leave it out, or choose --protocol {where}."
            )
            raise typer.BadParameter(message)


def check_line(*, on_pty: bool, link: bool, device: bool) -> None:
    """Refuse a line that is two at once.

    Raises:
        typer.BadParameter: Says what to leave out or add.
    """
    if on_pty and device:
        message = "--pty and --serial-port exclude each other. Leave one of them out."
        raise typer.BadParameter(message)
    if link and not on_pty:
        message = "--link needs --pty. Add it."
        raise typer.BadParameter(message)

"""`meterline-bridge decode`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firmware_bridge.cli.keys import METER_AUTH_KEY, METER_KEY, parse_key
from firmware_bridge.cli.signals import EXIT_UNUSABLE
from firmware_bridge.dlms.list_files import ListFileError, TaughtLists
from firmware_bridge.driver.interface import UnknownProtocolError
from firmware_bridge.driver.telegram import Keys, Telegram, TelegramSyntaxError
from firmware_bridge.mqtt_native.mappings import MqttMappingError, load_mappings
from firmware_bridge.recordings.decode import (
    DecodeOptions,
    decode_bytes,
    error_line,
    protocols,
    reading_line,
    warnings,
)
from firmware_bridge.secret_option import secret_option

_NOTHING = Telegram.refused(b"", TelegramSyntaxError("The file contains no telegram."))


def decode(  # noqa: PLR0913, PLR0917 - one argument for each option of the command
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="Recording: raw bytes, or hex text.")
    ],
    protocol: Annotated[str, typer.Option(help="Protocol: " + ", ".join(protocols()) + ".")],
    key: Annotated[str, secret_option(METER_KEY, "Encryption key, 32 hex digits.")] = "",
    auth_key: Annotated[
        str, secret_option(METER_AUTH_KEY, "DLMS authentication key, 32 hex digits.")
    ] = "",
    zone: Annotated[
        str, typer.Option(help="Time zone of the meter's clock, such as Europe/Madrid.")
    ] = "",
    crc_removed: Annotated[bool, typer.Option(help="Expect radio frames without CRCs.")] = False,  # noqa: FBT002 - a flag
    lists: Annotated[
        list[str] | None, typer.Option(help="File that explains DLMS lists; may be repeated.")
    ] = None,
    mappings: Annotated[
        list[str] | None, typer.Option(help="File that explains MQTT devices; may be repeated.")
    ] = None,
) -> None:
    """Print the readings of recorded telegrams, one JSON object per line.

    Prints values that a gateway would reject too, with a warning on standard error.

    Reports telegrams that cannot be decoded or hold no value on standard error. Exit codes: 0
    readings, 3 the file gives no reading (why is then the output).
    """
    try:
        taught = TaughtLists.load(lists or ())
        explained = load_mappings(mappings or ())
    except (ListFileError, MqttMappingError) as error:
        hint = "--lists" if isinstance(error, ListFileError) else "--mappings"
        raise typer.BadParameter(str(error), param_hint=hint) from None
    keys = Keys(parse_key(key), parse_key(auth_key))
    options = DecodeOptions(keys, zone or None, crc_removed, taught, explained)
    try:
        telegrams = decode_bytes(protocol, file.read_bytes(), options)
    except UnknownProtocolError as error:
        raise typer.BadParameter(str(error), param_hint="--protocol") from None
    if not any(telegram.observations for telegram in telegrams):
        for telegram in telegrams or [_NOTHING]:
            typer.echo(error_line(telegram))
        raise typer.Exit(EXIT_UNUSABLE)
    for telegram in telegrams:
        if telegram.error is not None:
            typer.echo(error_line(telegram), err=True)
            continue
        for value in telegram.observations:
            typer.echo(reading_line(value))
        for warning in warnings(telegram):
            typer.echo(warning, err=True)

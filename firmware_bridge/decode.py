"""Recorded telegrams to readings, for any protocol."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC

from firmware_bridge.dlms.frames import DlmsScanner
from firmware_bridge.dsmr.encrypted import EncryptedP1Scanner
from firmware_bridge.dsmr.values import P1Scanner
from firmware_bridge.hex_text import from_hex
from firmware_bridge.iec62056_21.values import ReadOutScanner
from firmware_bridge.mbus.values import WiredScanner, WirelessScanner
from firmware_bridge.mqtt_native.values import MessageScanner
from firmware_bridge.ports import UnknownProtocolError
from firmware_bridge.sml.values import SmlScanner
from firmware_bridge.telegram import (
    Keys,
    Observation,
    Scanner,
    Telegram,
    TelegramSyntaxError,
    plain,
)

_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Options:
    """What a decoder may need to know beside the bytes.

    Args:
        keys: Where telegrams are encrypted.
        zone: IANA zone of the meter's clock; None for the one that protocol or content imply.
        crc_removed: Whether a radio receiver stripped the CRCs.
    """

    keys: Keys = field(default_factory=Keys)
    zone: str | None = None
    crc_removed: bool = False


_SCANNERS: dict[str, tuple[Callable[[Options], Scanner], ...]] = {
    "dsmr": (
        lambda options: P1Scanner(options.zone),
        lambda options: EncryptedP1Scanner(options.keys, options.zone),
    ),
    "iec62056_21": (lambda options: ReadOutScanner(options.zone),),
    "sml": (lambda _: SmlScanner(),),
    "mbus": (
        lambda options: WiredScanner(options.keys, options.zone),
        lambda options: WirelessScanner(options.keys, options.zone, stripped=options.crc_removed),
    ),
    "wmbus": (
        lambda options: WirelessScanner(options.keys, options.zone, stripped=options.crc_removed),
    ),
    "dlms": (lambda options: DlmsScanner(options.keys, options.zone),),
    "mqtt_native": (lambda options: MessageScanner(options.zone),),
}


def protocols() -> tuple[str, ...]:
    """The names that `decode` understands, ascending."""
    return tuple(sorted(_SCANNERS))


def scanners(protocol: str) -> tuple[Callable[[Options], Scanner], ...]:
    """The forms of a protocol, likeliest first.

    Raises:
        UnknownProtocolError: There is no such protocol.
    """
    forms = _SCANNERS.get(protocol.lower().replace("-", "_"))
    if forms is None:
        message = f"There is no decoder for {protocol!r}."
        known = ", ".join(protocols())
        raise UnknownProtocolError(message, value=protocol, remedy=f"Known: {known}.")
    return forms


def decode_bytes(protocol: str, content: bytes, options: Options | None = None) -> list[Telegram]:
    """All telegrams of a recording, sound and refused ones, in order.

    Where a protocol has several forms (wired and wireless M-Bus, plain and encrypted P1) the
    first in which a telegram holds is taken.

    Args:
        protocol: One of `protocols()`; dashes do for underscores.
        content: Raw bytes, or hex text.
        options: Keys and the like.

    Raises:
        UnknownProtocolError: There is no such protocol.
    """
    data = from_hex(content)
    data = content if data is None else data
    best: list[Telegram] = []
    for form in scanners(protocol):
        found = list(scan(form(options or Options()), data))
        if any(telegram.error is None for telegram in found):
            return found
        best = best or found
    return best


def scan(scanner: Scanner, data: bytes) -> Iterator[Telegram]:
    """Feed a scanner a whole recording."""
    for at in range(0, len(data), _CHUNK):
        yield from scanner.feed(data[at : at + _CHUNK])
    yield from scanner.close()


def reading_line(value: Observation) -> str:
    """One reading as a JSON object."""
    at = value.meter_time
    line = {
        "meter": f"{value.meter.manufacturer}/{value.meter.serial}",
        "obis": str(value.obis) if value.obis is not None else None,
        "value": plain(value.value),
        "unit": value.unit,
        "quality": value.quality.name.lower(),
        "meter_time": at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None,
    }
    return json.dumps(line, ensure_ascii=False)


def error_line(telegram: Telegram) -> str:
    """One refused telegram as a JSON object: stable code, sentence, bytes."""
    error = telegram.error or TelegramSyntaxError("The file holds no telegram.")
    line = {"error": error.code, "message": str(error), "raw": telegram.raw.hex().upper()}
    return json.dumps(line, ensure_ascii=False)

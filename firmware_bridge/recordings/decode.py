"""Recorded telegrams to readings, for any protocol."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC

from firmware_bridge.codec.hex_dump import from_hex, is_text, lines_of_hex, within_text
from firmware_bridge.contract.errors import DeviceError
from firmware_bridge.contract.reading import Quality
from firmware_bridge.dlms.frames import DlmsScanner, HdlcScanner, MbusScanner
from firmware_bridge.dlms.list_files import NOTHING_TAUGHT, TaughtLists
from firmware_bridge.driver.interface import UnknownProtocolError, distinct
from firmware_bridge.driver.naming import MeterUnnamedError, check_named
from firmware_bridge.driver.telegram import (
    Keys,
    Observation,
    Scanner,
    Telegram,
    plain,
)
from firmware_bridge.dsmr.encrypted import EncryptedP1Scanner
from firmware_bridge.iec62056_21.p1_values import P1Scanner
from firmware_bridge.iec62056_21.values import ReadOutScanner
from firmware_bridge.mbus.wired.scanner import WiredScanner
from firmware_bridge.mbus.wireless.framing import Framing
from firmware_bridge.mbus.wireless.headerless import HeaderlessScanner
from firmware_bridge.mbus.wireless.recording import ReceiverScanner
from firmware_bridge.mbus.wireless.scanner import WirelessScanner
from firmware_bridge.mqtt_native.mappings import NO_MAPPINGS, MqttMappings
from firmware_bridge.mqtt_native.values import DocumentScanner, MessageScanner
from firmware_bridge.sml.values import SmlScanner

REFUSED_MAX = 10_000
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """What a decoder may need to know beside the bytes.

    Args:
        keys: Where telegrams are encrypted.
        zone: IANA zone of the meter's clock; None for the one that protocol or content imply.
        crc_removed: Whether a radio receiver stripped the CRCs.
        taught: DLMS lists that files explain.
        mappings: MQTT devices that files explain.
    """

    keys: Keys = field(default_factory=Keys)
    zone: str | None = None
    crc_removed: bool = False
    taught: TaughtLists = NOTHING_TAUGHT
    mappings: MqttMappings = NO_MAPPINGS


_SCANNERS: dict[str, tuple[Callable[[DecodeOptions], Scanner], ...]] = {
    "dsmr": (
        lambda options: P1Scanner(options.zone),
        lambda options: EncryptedP1Scanner(options.keys, options.zone),
    ),
    "iec62056_21": (lambda options: ReadOutScanner(options.zone),),
    "sml": (lambda _: SmlScanner(),),
    "mbus": (
        lambda options: WiredScanner(options.keys, options.zone),
        lambda options: WirelessScanner(options.keys, options.zone, stripped=options.crc_removed),
        lambda options: HeaderlessScanner(options.keys, options.zone),
    ),
    "wmbus": (
        lambda options: WirelessScanner(options.keys, options.zone, stripped=options.crc_removed),
        lambda options: HeaderlessScanner(options.keys, options.zone),
        lambda options: ReceiverScanner(Framing.LINES, options.keys, options.zone),
        lambda options: ReceiverScanner(Framing.AMBER, options.keys, options.zone),
        lambda options: ReceiverScanner(Framing.IMST, options.keys, options.zone),
    ),
    "dlms": (
        lambda options: DlmsScanner(options.keys, options.zone, options.taught),
        lambda options: HdlcScanner(options.keys, options.zone, options.taught),
        lambda options: MbusScanner(options.keys, options.zone, options.taught),
    ),
    "mqtt_native": (
        lambda options: MessageScanner(options.zone, options.mappings),
        lambda options: DocumentScanner(options.zone, options.mappings),
    ),
}


# What a protocol is called elsewhere, or as a driver that speaks it in another way.
_ALIASES = {
    "p1": "dsmr",
    "iec62056_21_d": "iec62056_21",
    "iec62056": "iec62056_21",
    "d0": "iec62056_21",
    "cosem": "dlms",
    "dlms_cosem": "dlms",
    "wireless_mbus": "wmbus",
    "oms": "wmbus",
    "m_bus": "mbus",
    "mqtt": "mqtt_native",
}


def protocols() -> tuple[str, ...]:
    """The names that `decode` understands, ascending."""
    return tuple(sorted(_SCANNERS))


def scanners(protocol: str) -> tuple[Callable[[DecodeOptions], Scanner], ...]:
    """The forms of a protocol, likeliest first.

    Raises:
        UnknownProtocolError: There is no such protocol.
    """
    name = protocol.lower().replace("-", "_")
    forms = _SCANNERS.get(_ALIASES.get(name, name))
    if forms is None:
        message = f"The protocol {protocol!r} has no decoder."
        known = ", ".join(protocols())
        raise UnknownProtocolError(message, value=protocol, remedy=f"Known: {known}.")
    return forms


def decode_bytes(
    protocol: str, content: bytes, options: DecodeOptions | None = None
) -> list[Telegram]:
    """All telegrams of a recording, sound and refused ones, in order.

    Where a protocol has several forms (wired and wireless M-Bus, plain and encrypted P1), or text
    may be read in several ways (one telegram a line, or one over all lines), the way that gives
    most sound telegrams and least refused ones is taken, the likeliest where several do.

    Args:
        protocol: One of `protocols()`, or another name for it; dashes do for underscores.
        content: Raw bytes, or hex text.
        options: Keys and the like.

    Raises:
        UnknownProtocolError: There is no such protocol.
    """
    chosen = options or DecodeOptions()
    forms = scanners(protocol)
    best: list[Telegram] = []
    for parts in _readings(content):
        read: list[Telegram] = []
        for form in forms:
            telegrams = (telegram for part in parts for telegram in scan(form(chosen), part))
            read = max(read, list(_bounded(telegrams)), key=_worth)
            if read and all(map(_sure, read)):
                return read
        # Where nothing holds, a refusal for each line says more than one for all of them.
        best = max(best, read, key=lambda found: (_worth(found), len(found)))
    return best


def _bounded(telegrams: Iterable[Telegram]) -> Iterator[Telegram]:
    """All sound telegrams, and the first refused ones: noise has as many as one likes."""
    refused = 0
    for telegram in telegrams:
        refused += telegram.error is not None
        if telegram.error is None or refused <= REFUSED_MAX:
            yield telegram


def _readings(content: bytes) -> Iterator[tuple[bytes, ...]]:
    """The ways to read a file, likeliest first; each is one or several recordings."""
    spelled = from_hex(content)
    yield (content if spelled is None else spelled,)
    if not is_text(content):
        return
    lines = lines_of_hex(content)
    if spelled is not None:
        if len(lines) > 1:
            yield lines
    elif lines:
        yield (b"".join(lines),)
        yield lines
    if spelled is None and (runs := within_text(content)):
        yield runs
        yield (b"".join(runs),)


def _sure(telegram: Telegram) -> bool:
    sure = all(value.quality is Quality.ACTUAL for value in telegram.observations)
    return telegram.error is None and sure


# What says most of a file without a sound telegram: first that it is one, but locked or damaged.
_TELLING = {"KEY_MISSING": 3, "AUTHENTICATION": 3, "DEVICE_REPORT": 3, "CHECKSUM": 2}


def _worth(found: list[Telegram]) -> tuple[int, int, int, int]:
    refused = [telegram.error for telegram in found if telegram.error is not None]
    values = [value for telegram in found for value in telegram.observations]
    sound, sure = len(found) - len(refused), sum(v.quality is Quality.ACTUAL for v in values)
    telling = max((_TELLING.get(error.code, 1) for error in refused), default=0)
    return sound, len(values), sure, -len(refused) if sound else telling


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
    if value.obis is None and value.label:
        line["label"] = value.label
    return json.dumps(line, ensure_ascii=False)


def warnings(telegram: Telegram) -> list[str]:
    """What a gateway would say of a sound telegram, as JSON objects."""
    if telegram.rest is not None:
        return [_warning(telegram.rest), *warnings(replace(telegram, rest=None))]
    if telegram.silence is not None:
        return [_warning(telegram.silence)]
    values = [value for seen in telegram.observations if (value := seen.meter_value())]
    lines = []
    try:
        check_named(values, "the recording")
    except MeterUnnamedError as error:
        lines.append(_warning(error))
    return lines + [
        json.dumps(
            {
                "warning": "VALUE_REPEATED",
                "message": f"{value.obis}: {value.quantity} has the same code as another value, "
                "code and becomes no reading.",
            }
        )
        for value in distinct(values)[1]
    ]


def _warning(error: DeviceError) -> str:
    return json.dumps({"warning": error.code, "message": str(error)}, ensure_ascii=False)


def error_line(telegram: Telegram) -> str:
    """One telegram without readings as a JSON object: stable code, sentence, bytes."""
    error = telegram.error or telegram.silence
    if error is None:
        message = "A telegram with readings has no error."
        raise ValueError(message)
    line = {"error": error.code, "message": str(error), "raw": telegram.raw.hex().upper()}
    return json.dumps(line, ensure_ascii=False)

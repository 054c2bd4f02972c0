"""Application telegrams: header, records or counters, or the device's error report.

Source: EN 13757-3:2018, clauses 4 to 6; EN 13757-7 (transport headers, media).
"""

from __future__ import annotations

from dataclasses import dataclass

from firmware_bridge.driver.telegram import (
    DeviceReportError,
    TelegramTruncatedError,
    TelegramUnsupportedError,
    flag_id,
)
from firmware_bridge.mbus.application.compact import Formats
from firmware_bridge.mbus.application.records import (
    DataRecord,
    Function,
    RecordCutError,
    RecordError,
    RecordTooLargeError,
    RecordUnreadableError,
    bcd,
    parse_records,
)
from firmware_bridge.mbus.application.security import WIRED, TelegramSecurity
from firmware_bridge.mbus.application.units import FIXED, FIXED_HISTORIC, RESERVED

APPLICATION_ERROR = 0x70
VARIABLE_LONG = 0x72
FIXED_LOW_FIRST, FIXED_HIGH_FIRST = 0x73, 0x77
COMPACT_LONG = 0x73  # of the radio, where no fixed structure is sent
VARIABLE_BARE = 0x78
COMPACT_BARE = 0x79
VARIABLE_SHORT = 0x7A
COMPACT_SHORT = 0x7B
MAKERS_OWN = range(0xA0, 0xB8)
_LONG_HEADER, _SHORT_HEADER, _FIXED_SIZE = 12, 4, 16

# Texts of EN 13757-3:2004, table 7.
APPLICATION_ERRORS = {
    0: "Unspecified error",
    1: "Unimplemented CI-Field",
    2: "Buffer too long, truncated",
    3: "Too many records",
    4: "Premature end of record",
    5: "More than 10 DIFE's",
    6: "More than 10 VIFE's",
    7: "Reserved",
    8: "Application busy",
    9: "Too many readouts",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Who sends: the eight bytes that name an M-Bus device in the world.

    Args:
        manufacturer: Three letters; empty in the fixed structure, which has none.
        serial: Eight digits, in hex where a digit is above 9.
        version: The maker's generation.
        medium: Device type.
        raw: The eight bytes as the radio sends them, for start vectors and keys.
    """

    manufacturer: str
    serial: str
    version: int
    medium: int
    raw: bytes = b""

    @classmethod
    def parse(cls, raw: bytes) -> Address:
        """From identification, manufacturer, version, medium: the order of the long header."""
        return cls.parse_radio(raw[4:6] + raw[:4] + raw[6:8])

    @classmethod
    def parse_radio(cls, raw: bytes) -> Address:
        """From manufacturer, identification, version, medium: the order of the radio's header."""
        maker = flag_id(int.from_bytes(raw[:2], "little"))
        return cls(maker, raw[5:1:-1].hex().upper(), raw[6], raw[7], raw)


@dataclass(frozen=True, slots=True)
class Application:
    """An application telegram.

    Args:
        address: None for a short header or none: the link layer's address holds then.
        access: Access number.
        status: Status byte.
        signature: Configuration word.
        records: In order.
        rest: Where a record is cut or cannot be read: that it is, and what follows is lost.
    """

    address: Address | None
    access: int
    status: int
    signature: int
    records: tuple[DataRecord, ...]
    rest: RecordError | None = None


_KNOWN_FORMATS = Formats()


def parse_application(
    user: bytes,
    security: TelegramSecurity = WIRED,
    link_address: Address | None = None,
    formats: Formats = _KNOWN_FORMATS,
    *,
    vouched: bool = False,
) -> Application:
    """Read CI field, header and records.

    Args:
        user: From the CI field on.
        security: Keys, and what the layers below told.
        link_address: The link layer's address: the radio's, for a short header.
        formats: The heads that compact frames may mean.
        vouched: Whether a checksum or code holds over all bytes: then the records before one that
            is cut or unreadable stand, and `rest` says so.

    Raises:
        DeviceReportError: The device reports an error instead of values.
        TelegramUnsupportedError: The CI field carries no values we can read.
        TelegramTruncatedError: The header is cut.
        TelegramError: As `parse_records` and `TelegramSecurity.open`.
    """
    if not user:
        message = "The frame holds no CI field."
        raise TelegramTruncatedError(message)
    code, body = user[0], user[1:]
    if code == APPLICATION_ERROR:
        number = body[0] if body else 0
        raise DeviceReportError(APPLICATION_ERRORS.get(number, f"Error {number}"), value=number)
    if code == VARIABLE_LONG or (code == COMPACT_LONG and security.radio):
        _need(body, _LONG_HEADER)
        address = Address.parse(body[:8])
        compact = None if code == VARIABLE_LONG else formats
        return _variable(body[8:], address, address, security, compact, vouched=vouched)
    if code in (VARIABLE_SHORT, COMPACT_SHORT):
        _need(body, _SHORT_HEADER)
        compact = formats if code == COMPACT_SHORT else None
        return _variable(body, None, link_address, security, compact, vouched=vouched)
    if code == COMPACT_BARE:
        return Application(None, 0, 0, 0, formats.expand(body))
    if code == VARIABLE_BARE:
        return Application(None, 0, 0, 0, *_records(body, vouched=vouched))
    if code in (FIXED_LOW_FIRST, FIXED_HIGH_FIRST) and not security.radio:
        return _fixed(body, "little" if code == FIXED_LOW_FIRST else "big")
    if code in MAKERS_OWN:
        message = f"The CI field {code:02X} says that the message is in its maker's own form."
        remedy = "Have the meter send open records (OMS), or read it with its maker's device."
        raise TelegramUnsupportedError(message, value=code, remedy=remedy)
    message = f"A message with the CI field {code:02X} has no values."
    raise TelegramUnsupportedError(message, value=code)


def _need(body: bytes, size: int) -> None:
    if len(body) < size:
        message = f"The header has {len(body)} of {size} bytes."
        raise TelegramTruncatedError(message)


def _records(data: bytes, *, vouched: bool) -> tuple[tuple[DataRecord, ...], RecordError | None]:
    try:
        return parse_records(data), None
    except (RecordCutError, RecordUnreadableError, RecordTooLargeError) as error:
        if not vouched:
            raise
        return error.before, error


def _variable(  # noqa: PLR0913 - what a header is read with
    body: bytes,
    named: Address | None,
    sender: Address | None,
    security: TelegramSecurity,
    compact: Formats | None = None,
    *,
    vouched: bool,
) -> Application:
    access, status = body[0], body[1]
    signature = int.from_bytes(body[2:4], "little")
    data = security.open(signature, body[4:], sender.raw if sender else b"", access)
    if compact:
        return Application(named, access, status, signature, compact.expand(data))
    records, rest = _records(data, vouched=vouched)
    return Application(named, access, status, signature, records, rest)


def _fixed(body: bytes, order: str) -> Application:
    """Two counters of four bytes. Source: EN 1434-3:1997, 5.3."""
    _need(body, _FIXED_SIZE)
    little = order == "little"
    identification = body[:4] if little else body[3::-1]
    access, status = body[4], body[5]
    units = body[6:8]
    counters = (body[8:12], body[12:16])
    medium = units[0] >> 6 | units[1] >> 6 << 2
    address = Address("", identification[::-1].hex().upper(), 0, medium)
    first = units[0] & 0x3F
    records = []
    for unit, raw in zip((first, units[1] & 0x3F), counters, strict=True):
        ordered = raw if little else raw[::-1]
        # Bit 0 of the status: binary counters; bit 1: both were stored at a fixed date.
        number = int.from_bytes(ordered, "little", signed=True) if status & 1 else bcd(ordered)
        historic = unit == FIXED_HISTORIC
        records.append(
            DataRecord(
                function=Function.INSTANTANEOUS,
                storage=1 if historic or status & 2 else 0,
                meaning=FIXED.get(first if historic else unit, RESERVED),
                data=number,
                raw=raw,
            )
        )
    return Application(address, access, status, 0, tuple(records))

"""Data notifications: the APDU of a push, ciphered or plain. Source: IEC 62056-5-3, 7.3.13."""
# ruff: noqa: PLR2004 - tags and places of the standard

from __future__ import annotations

from dataclasses import dataclass, replace

from firmware_bridge.dlms.axdr import Node, Tag, parse, read_length
from firmware_bridge.dlms.clock import SIZE as CLOCK_SIZE
from firmware_bridge.dlms.security import decrypt, parse_ciphered
from firmware_bridge.driver.telegram import (
    AuthenticationError,
    Keys,
    TelegramError,
    TelegramSyntaxError,
    TelegramTruncatedError,
    TelegramUnsupportedError,
)

NOTIFICATION = 0x0F
GENERAL_GLO, GENERAL_DED = 0xDB, 0xDC
BLOCK_TRANSFER = 0xE0
LINK_HEADERS = (b"\xe6\xe7\x00", b"\xe6\xe6\x00")
FIRST_BYTES = frozenset({NOTIFICATION, GENERAL_GLO, GENERAL_DED, BLOCK_TRANSFER})


@dataclass(frozen=True, slots=True)
class Notification:
    """A data notification.

    Args:
        invoke_id: Long invoke id and priority.
        time: The APDU's date-time, twelve bytes; empty where it has none.
        body: The list.
        title: System title of a ciphered one; empty where it came plain.
        size: Bytes taken from the start of the data, ciphering included.
        tagged: Whether a type's tag stands before the time, against the standard; only Kaifa's do.
    """

    invoke_id: int
    time: bytes
    body: Node
    title: bytes
    size: int
    tagged: bool = False


def parse_apdu(data: bytes, keys: Keys | None = None) -> Notification:
    """Read a data notification, decrypting it first where it is ciphered.

    Raises:
        TelegramUnsupportedError: Another APDU.
        AuthenticationError: The tag does not hold, or the plain text is not a notification.
        TelegramError: As `decrypt` and `axdr.parse`.
    """
    if not data:
        message = "The APDU is empty."
        raise TelegramTruncatedError(message)
    if data[0] in (GENERAL_GLO, GENERAL_DED):
        apdu = parse_ciphered(data)
        plain = decrypt(apdu, keys)
        try:
            inner = _parse_plain(plain, apdu.title)
        except TelegramError as error:
            message = "The decrypted text is not a data notification: the key is wrong."
            raise AuthenticationError(message) from error
        if inner.size != len(plain):
            message = "The decrypted text has bytes left over: the key is wrong."
            raise AuthenticationError(message)
        return replace(inner, title=apdu.title, size=apdu.size)
    return _parse_plain(data, b"")


def _parse_plain(data: bytes, title: bytes) -> Notification:
    if data[:1] != bytes([NOTIFICATION]):
        message = f"An APDU with the tag {data[:1].hex().upper()} contains no list."
        raise TelegramUnsupportedError(message, value=data[:1])
    if len(data) < 6:
        message = "The notification ends within its header."
        raise TelegramTruncatedError(message)
    at = 5
    tagged = data[at] == Tag.OCTETS
    at += tagged
    size, at = read_length(data, at)
    if size not in (0, CLOCK_SIZE):
        message = f"The time of the notification has {size} bytes instead of 12 or none."
        raise TelegramSyntaxError(message, value=size)
    time = data[at : at + size]
    body, end = parse(data, at + size)
    invoke_id = int.from_bytes(data[1:5], "big")
    return Notification(invoke_id, time, body, title, end, tagged)


@dataclass(frozen=True, slots=True)
class TransferBlock:
    """A block of a general block transfer.

    Args:
        last: Whether the APDU ends with it.
        number: From 1.
        data: Its part of the APDU.
    """

    last: bool
    number: int
    data: bytes


def parse_block(data: bytes) -> TransferBlock:
    """Read a general-block-transfer APDU. Source: IEC 62056-5-3, 7.3.14.

    Raises:
        TelegramTruncatedError: It is cut.
    """
    if len(data) < 7:
        message = "The block ends within its header."
        raise TelegramTruncatedError(message)
    size, at = read_length(data, 6)
    part = data[at : at + size]
    if len(part) < size:
        message = f"The block has {len(part)} of {size} bytes."
        raise TelegramTruncatedError(message)
    return TransferBlock(bool(data[1] & 0x80), int.from_bytes(data[2:4], "big"), part)

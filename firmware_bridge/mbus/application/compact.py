"""Compact frames: records whose heads were sent once, in an earlier whole frame.

How it works: to save power a meter sends the heads of its records (DIF to VIFE) only now and then.
A compact frame names them by the CRC over all heads, carries the CRC over the whole records as they
would have been, and then bare data. Heads are learned from every whole frame; those of some meters
that often send nothing else are known from the start.

Source: EN 13757-3:2018, annex G (compact M-Bus frame); OMS Volume 2; Kamstrup radio descriptions.
"""

from __future__ import annotations

from functools import cache

from firmware_bridge.codec.crc import en13757
from firmware_bridge.driver.telegram import (
    ChecksumError,
    TelegramTruncatedError,
    TelegramUnsupportedError,
)
from firmware_bridge.mbus.application.records import DataRecord, parse_records, take_data, take_head

_KEPT_MAX = 64
_HEAD_SIZE = 4
# Heads, one after the other: Multical 21, flowIQ (water), Multical (heat), OmniPower.
_KNOWN = (
    "02FF2004134413",
    "02FF2004134413615B6167",
    "02FF2004134413615B5167",
    "02FF2004134413A1015B8101E7FF0F",
    "02FF20041392013BA1015B8101E7FF0F",
    "02FF2004134413426C523B615B616751678101E7FF0F06FF1B",
    "04FF234413523B06FF1B426C61675167023B04138101E7FF0F",
    "02F9FF15040604EEFF0704EEFF0804148440148480401402FD17026C426C44064414C44014C4804014043B0259025D",
    "040604FF0704FF080414043B0259025D04FF22026C44064414426C",
    "030643060314426C022D01FF21",
    "030E430E0313426C022D01FF21",
    "040404843C042B04AB3C",
    "040504FB827504853C04FB82F53C01FD17",
)


class Formats:
    """The heads that are known, by their CRC; bounded, those learned last stay."""

    def __init__(self) -> None:
        self._kept = dict(_known())
        self._own = len(self._kept)

    def learn(self, records: tuple[DataRecord, ...]) -> None:
        """Keep the heads of a whole frame."""
        if records and not any(record.tail for record in records):
            heads = tuple(record.head for record in records)
            self._kept[_signature(heads)] = heads
        while len(self._kept) > self._own + _KEPT_MAX:
            del self._kept[list(self._kept)[self._own]]

    def expand(self, body: bytes) -> tuple[DataRecord, ...]:
        """The records of a compact frame.

        Args:
            body: CRC of the heads, CRC of the whole records, data.

        Raises:
            TelegramTruncatedError: It is cut.
            TelegramUnsupportedError: No whole frame with these heads was met.
            ChecksumError: The records do not have the CRC that the frame names.
        """
        if len(body) < _HEAD_SIZE:
            message = "The compact frame ends within its head."
            raise TelegramTruncatedError(message)
        heads = self._kept.get(int.from_bytes(body[:2], "little"))
        if heads is None:
            message = "The full frame that belongs to this compact frame has not arrived yet."
            remedy = "Wait for it: meters send one now and then, and it explains the compact ones."
            raise TelegramUnsupportedError(message, value=body[:2], remedy=remedy)
        data, at, whole = body[_HEAD_SIZE:], 0, bytearray()
        for head in heads:
            size = take_data(head[0], data, at)
            whole += head + data[at : at + size]
            at += size
        if en13757(bytes(whole)) != int.from_bytes(body[2:_HEAD_SIZE], "little"):
            message = "The CRC of the compact frame's records does not match."
            raise ChecksumError(message, value=body[2:_HEAD_SIZE])
        return parse_records(bytes(whole))


def _signature(heads: tuple[bytes, ...]) -> int:
    return en13757(b"".join(heads))


@cache
def _known() -> dict[int, tuple[bytes, ...]]:
    known = (split_heads(bytes.fromhex(text)) for text in _KNOWN)
    return {_signature(heads): heads for heads in known}


def split_heads(data: bytes) -> tuple[bytes, ...]:
    """Heads that follow each other without data.

    Raises:
        TelegramTruncatedError: The last one is cut.
    """
    heads, at = [], 0
    while at < len(data):
        size = take_head(data, at)
        heads.append(data[at : at + size])
        at += size
    return tuple(heads)

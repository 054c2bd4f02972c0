"""Recorded messages, one a line as `mosquitto_sub -v` prints them: topic, blank, payload.

A payload that is no text is written `0x` and hex. A recording may also be one payload alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from firmware_bridge.mqtt_native.frames import decode_message
from firmware_bridge.mqtt_native.payload import PAYLOAD_MAX
from firmware_bridge.telegram import (
    Telegram,
    TelegramError,
    TelegramSyntaxError,
    TelegramTooLargeError,
)

LINE_MAX = 2 * PAYLOAD_MAX + 1024


def as_line(topic: str, payload: bytes) -> bytes:
    """A message as a line that `MessageScanner` reads."""
    text = payload.replace(b"\r", b" ").replace(b"\n", b" ")
    if payload[:1] not in b"{[-0123456789" or not payload:
        text = b"0x" + payload.hex().encode()
    return topic.replace(" ", "_").encode() + b" " + text + b"\n"


class MessageScanner:
    """Lines in, observed messages out.

    Args:
        zone: Of times without offset; None for UTC.
    """

    def __init__(self, zone: str | None = None) -> None:
        self._zone = zone or "UTC"
        self._held = bytearray()
        self._lost = False

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """The messages that these bytes complete."""
        self._held += data
        while (end := self._held.find(b"\n")) >= 0:
            line = bytes(self._held[:end]).strip()
            del self._held[: end + 1]
            if line and not self._lost:
                yield self._read(line)
            self._lost = False
        if len(self._held) > LINE_MAX:
            message = f"A line is longer than {LINE_MAX} bytes."
            if not self._lost:
                yield Telegram.refused(self._held, TelegramTooLargeError(message))
            self._held.clear()
            self._lost = True

    def close(self) -> Iterator[Telegram]:
        """A last line without its end."""
        rest = bytes(self._held)
        self._held.clear()
        if rest.strip() and not self._lost:
            yield self._read(rest.strip(b"\r\n"))

    def _read(self, line: bytes) -> Telegram:
        topic, payload = b"", line
        if line[:1] not in b"{[" and line[0] < 0x80:  # noqa: PLR2004 - above, msgpack's maps begin
            topic, _, payload = line.partition(b" ")
        try:
            if payload.startswith(b"0x"):
                payload = _bytes(payload)
            values = decode_message(topic.decode("utf-8", "replace"), payload, self._zone)
        except TelegramError as error:
            return Telegram.refused(line, error)
        return Telegram(line, values)


def _bytes(text: bytes) -> bytes:
    try:
        return bytes.fromhex(text[2:].decode("ascii"))
    except (ValueError, UnicodeDecodeError) as error:
        message = "A payload after 0x is hex."
        raise TelegramSyntaxError(message) from error

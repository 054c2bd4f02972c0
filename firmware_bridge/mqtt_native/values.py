"""Recorded messages, one a line as `mosquitto_sub -v` prints them: topic, blank, payload.

A payload that is no text is written `0x` and hex. A recording may also be one payload alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from firmware_bridge.driver.local_clock import DEFAULT_ZONE
from firmware_bridge.driver.telegram import (
    Telegram,
    TelegramError,
    TelegramSyntaxError,
    TelegramTooLargeError,
)
from firmware_bridge.mqtt_native.frames import decode
from firmware_bridge.mqtt_native.mappings import NO_MAPPINGS, MqttMappings
from firmware_bridge.mqtt_native.payload import PAYLOAD_MAX, dumped, mapping, parse_payload

LINE_MAX = 2 * PAYLOAD_MAX + 1024


def as_line(topic: str, payload: bytes) -> bytes:
    """A message as a line that `MessageScanner` reads."""
    text = payload.replace(b"\r", b" ").replace(b"\n", b" ")
    if payload[:1] not in b"{[-0123456789" or not payload:
        text = b"0x" + payload.hex().encode()
    return topic.replace(" ", "_").encode() + b" " + text + b"\n"


def message_of(line: bytes) -> tuple[str, bytes]:
    """Topic and payload of a line that `as_line` made; what is no hex after all has no payload."""
    topic, _, payload = line.partition(b" ")
    if payload.startswith(b"0x"):
        try:
            payload = _bytes(payload)
        except TelegramSyntaxError:
            payload = b""
    return topic.decode("utf-8", "replace"), payload


class MessageScanner:
    """Lines in, observed messages out.

    Args:
        zone: Of times without offset; None for central Europe.
        mappings: Of files that explain further devices.
    """

    def __init__(self, zone: str | None = None, mappings: MqttMappings = NO_MAPPINGS) -> None:
        self._mappings = mappings
        self._zone = zone or DEFAULT_ZONE
        self._held = bytearray()
        self._lost = False

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """The messages that these bytes complete."""
        *lines, rest = (bytes(self._held) + data).split(b"\n")
        self._held = bytearray(rest)
        for line in lines:
            if not self._lost and (line := line.strip()):
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
        return read_message(topic, payload, line, self._zone, self._mappings)


class DocumentScanner:
    """A whole recording that is one message, over any number of lines, or a JSON list of some.

    Args:
        zone: Of times without offset; None for central Europe.
        mappings: Of files that explain further devices.
    """

    def __init__(self, zone: str | None = None, mappings: MqttMappings = NO_MAPPINGS) -> None:
        self._mappings = mappings
        self._zone = zone or DEFAULT_ZONE
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """Nothing yet: a document ends where the recording does."""
        if len(self._held) <= PAYLOAD_MAX:
            self._held += data
        yield from ()

    def close(self) -> Iterator[Telegram]:
        """The messages; nothing where the recording is not a document."""
        whole = bytes(self._held).strip()
        self._held.clear()
        if not whole or len(whole) > PAYLOAD_MAX:
            return
        topic, payload = b"", whole
        if whole[:1] not in b"{[" and whole[0] < 0x80:  # noqa: PLR2004 - above, msgpack's maps begin
            topic, _, payload = whole.partition(b" ")
        for part in _members(payload.strip()):
            yield read_message(topic, part, part, self._zone, self._mappings)


def _members(payload: bytes) -> tuple[bytes, ...]:
    """The messages of a JSON list, each as it stands there; else the payload."""
    if payload[:1] != b"[":
        return (payload,)
    try:
        found = parse_payload(payload)
    except TelegramError:
        return (payload,)
    return tuple(map(dumped, found)) if isinstance(found, list) else (payload,)


def read_message(
    topic: bytes, payload: bytes, raw: bytes, zone: str, mappings: MqttMappings = NO_MAPPINGS
) -> Telegram:
    """One message as a telegram.

    Args:
        topic: As recorded; empty where it is not known.
        payload: As recorded: `0x` and hex for what is no text; or a message with its topic inside,
            as clients print it.
        raw: All that was recorded of it.
        zone: Of times without offset.
        mappings: Of files that explain further devices.
    """
    try:
        if payload.startswith(b"0x"):
            payload = _bytes(payload)
        name = topic.decode("utf-8", "replace")
        if not name:
            name, payload = _unwrapped(payload)
        decoded = decode(name, payload, zone, mappings)
    except TelegramError as error:
        return Telegram.refused(raw, error)
    return Telegram(raw, decoded.observations, rest=decoded.rest)


def _unwrapped(payload: bytes) -> tuple[str, bytes]:
    """Topic and payload of a message that was recorded as one JSON object."""
    fields = mapping(parse_payload(payload)) if payload[:1] == b"{" else {}
    topic, content = fields.get("topic"), fields.get("payload")
    if not isinstance(topic, str) or content is None:
        return "", payload
    return topic, content.encode() if isinstance(content, str) else dumped(content)


def _bytes(text: bytes) -> bytes:
    try:
        return bytes.fromhex(text[2:].decode("ascii"))
    except (ValueError, UnicodeDecodeError) as error:
        message = "The payload after 0x is not hex."
        raise TelegramSyntaxError(message) from error

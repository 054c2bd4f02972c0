"""Recordings of what a radio receiver handed over, packed in its own way."""

from __future__ import annotations

from collections.abc import Iterator

from firmware_bridge.driver.telegram import Keys, Telegram
from firmware_bridge.mbus.application.compact import Formats
from firmware_bridge.mbus.wireless.framing import Framing, splitter
from firmware_bridge.mbus.wireless.radio_frame import RadioFrame
from firmware_bridge.mbus.wireless.scanner import observe_radio


class ReceiverScanner:
    """A receiver's bytes in, observed telegrams out.

    Args:
        framing: How it packs frames.
        keys: Where meters encrypt.
        zone: Zone of the meters' clocks; None for central Europe.
    """

    def __init__(self, framing: Framing, keys: Keys | None = None, zone: str | None = None) -> None:
        self._keys = keys
        self._zone = zone
        self._formats = Formats()
        self._splitter = splitter(framing)

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """The telegrams that these bytes complete."""
        yield from map(self._observe, self._splitter.feed(data))

    def close(self) -> Iterator[Telegram]:
        """What is left when the stream ends."""
        yield from map(self._observe, self._splitter.close())

    def _observe(self, found: RadioFrame | Telegram) -> Telegram:
        if isinstance(found, Telegram):
            return found
        return observe_radio(found, self._keys, self._zone, self._formats)

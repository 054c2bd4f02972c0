"""A wired bus's bytes in, observed telegrams out."""

from __future__ import annotations

from collections.abc import Iterator

from firmware_bridge.driver.telegram import (
    Keys,
    Telegram,
    TelegramError,
)
from firmware_bridge.mbus.application.security import TelegramSecurity
from firmware_bridge.mbus.application.telegram import parse_application
from firmware_bridge.mbus.application.values import observe, observed
from firmware_bridge.mbus.wired.link import LinkFrame, LinkSplitter

_ANSWERS = frozenset({0x08, 0x18, 0x28, 0x38})


class WiredScanner:
    """Bytes of a wired bus in, observed telegrams out.

    Args:
        keys: Where meters encrypt.
        zone: Zone of the meters' clocks; None for central Europe.
    """

    def __init__(self, keys: Keys | None = None, zone: str | None = None) -> None:
        self._security = TelegramSecurity(keys)
        self._zone = zone
        self._splitter = LinkSplitter()

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """The telegrams that these bytes complete; requests and acknowledgements are none."""
        for found in self._splitter.feed(data):
            yield from self._observe(found)

    def close(self) -> Iterator[Telegram]:
        """What is left when the stream ends."""
        for found in self._splitter.close():
            yield from self._observe(found)

    def _observe(self, found: LinkFrame | Telegram) -> Iterator[Telegram]:
        if isinstance(found, Telegram):
            yield found
        elif found.user and found.control in _ANSWERS:
            try:
                parsed = parse_application(found.user, self._security, vouched=True)
                yield observed(found.raw, parsed, observe(parsed, zone=self._zone))
            except TelegramError as error:
                yield Telegram.refused(found.raw, error)

"""Radio frames in, observed telegrams out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from firmware_bridge.contract.reading import Quality
from firmware_bridge.driver.telegram import (
    ChecksumError,
    Keys,
    Telegram,
    TelegramError,
)
from firmware_bridge.mbus.application.compact import Formats
from firmware_bridge.mbus.application.telegram import parse_application
from firmware_bridge.mbus.application.values import observe, observed
from firmware_bridge.mbus.wireless.radio_frame import (
    MAKERS_OWN_FORM,
    RadioFrame,
    RadioSplitter,
    unwrap,
)


class WirelessScanner:
    """Radio frames in, observed telegrams out.

    Args:
        keys: Where meters encrypt.
        zone: Zone of the meters' clocks; None for central Europe.
        stripped: Whether the receiver removed the CRCs.
    """

    def __init__(
        self, keys: Keys | None = None, zone: str | None = None, *, stripped: bool = False
    ) -> None:
        self._keys = keys
        self._zone = zone
        self._formats = Formats()
        self._splitter = RadioSplitter(stripped=stripped)

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


def observe_radio(
    frame: RadioFrame,
    keys: Keys | None,
    zone: str | None,
    formats: Formats | None = None,
    *,
    whole: bool = False,
) -> Telegram:
    """What a radio frame says, or why it is refused.

    Args:
        frame: As its receiver handed it over.
        keys: Where the meter encrypts.
        zone: Zone of the meter's clock; None for central Europe.
        formats: What whole frames taught of compact ones, and learns from this one.
        whole: Whether a telegram that ends within a record is refused although its receiver is
            believed to have checked it.
    """
    known = Formats() if formats is None else formats
    try:
        inner = unwrap(frame, keys)
        vouched = frame.checked or inner.authenticated
        proprietary = inner.user[:1] in MAKERS_OWN_FORM
        if not (vouched or inner.sealed or proprietary):
            message = "No CRC of the radio frame matches."
            remedy = "If the receiver checks and removes them, set `framing` to stripped."
            raise ChecksumError(message, remedy=remedy)
        parsed = parse_application(
            inner.user, inner.security, inner.address, known, vouched=vouched and not whole
        )
        known.learn(parsed.records)
    except TelegramError as error:
        return Telegram.refused(frame.raw, error)
    values = observe(parsed, inner.address, zone)
    if not vouched:
        # Only the two filler bytes at its start say that the text was decrypted rightly.
        values = tuple(replace(value, quality=Quality.SUSPECT) for value in values)
    return observed(frame.raw, parsed, values)

"""A DLMS line that is joined in the middle of a telegram."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from firmware_bridge.dlms.line import LineScanner
from firmware_bridge.driver.telegram import KeyMissingError, Keys
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.dlms.telegrams import Cipher, DlmsLink, dlms_push
from firmware_bridge.simulator.load import from_kw
from firmware_bridge.simulator.meter import ManualClock

START = datetime(2026, 3, 1, tzinfo=UTC)
KEYS = Keys(bytes(range(16)), bytes(range(16, 32)))


def pushed(link: DlmsLink, *, ciphered: bool = False) -> bytes:
    clock = ManualClock(START + timedelta(hours=5))
    load = from_kw([Decimal("1.5")], 3600)
    meter = compose("4711", load, script=Script(start=START, loop=True), clock=clock)
    cipher = Cipher(KEYS.encryption or b"", KEYS.authentication or b"") if ciphered else None
    return dlms_push(meter, cipher, link, segment=60)


@pytest.mark.parametrize("link", [DlmsLink.HDLC, DlmsLink.MBUS])
@pytest.mark.parametrize("ciphered", [False, True])
def test_every_place_to_join_gives_the_next_telegram(link: DlmsLink, *, ciphered: bool) -> None:
    raw = pushed(link, ciphered=ciphered)
    for start in range(len(raw)):
        scanner = LineScanner(KEYS)
        stream = raw[start:] + raw + raw
        size = 1 + start % 40
        parts = (stream[at : at + size] for at in range(0, len(stream), size))
        found = [t for part in parts for t in scanner.feed(part)]
        sound = [t for t in found if t.error is None]
        # HDLC's closing flag may open the next frame, so the first whole telegram may be needed.
        assert len(sound) >= 2, start
        assert all(t.observations for t in sound)


def test_a_connection_that_begins_with_a_wrapper_stays_one() -> None:
    raw = pushed(DlmsLink.WRAPPER)
    scanner = LineScanner()
    found = [t for byte in raw + raw for t in scanner.feed(bytes([byte]))]
    assert [t.error for t in found] == [None, None]


def test_a_missing_key_is_told() -> None:
    scanner = LineScanner()
    found = list(scanner.feed(pushed(DlmsLink.HDLC, ciphered=True)))
    assert [type(t.error) for t in found] == [KeyMissingError]
    assert not list(scanner.close())

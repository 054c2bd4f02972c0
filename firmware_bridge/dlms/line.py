"""A DLMS line that is joined at any moment, in the middle of a telegram too.

How it works: what a recording's first bytes tell is no use here, since they may be any of a
telegram's. HDLC and M-Bus frames carry checksums, so both are looked for until one of them has
given a telegram. Only a wrapper packet must begin where the connection does: it has neither start
byte nor checksum.
"""

from __future__ import annotations

from collections.abc import Iterator

from firmware_bridge.dlms.frames import DlmsScanner, HdlcScanner, MbusScanner
from firmware_bridge.dlms.list_files import NOTHING_TAUGHT, TaughtLists
from firmware_bridge.dlms.notification import FIRST_BYTES
from firmware_bridge.driver.telegram import Keys, Scanner, Telegram

_WRAPPER = b"\x00\x01"
_APDU_AT = 8


class LineScanner:
    """Bytes of a line in, observed telegrams out.

    Args:
        keys: Where meters encrypt.
        zone: Zone of the meters' clocks; None for central Europe.
        taught: The lists that the gateway's own files explain.
    """

    def __init__(
        self,
        keys: Keys | None = None,
        zone: str | None = None,
        taught: TaughtLists = NOTHING_TAUGHT,
    ) -> None:
        self._wrapped = DlmsScanner(keys, zone, taught)
        self._tried: tuple[Scanner, ...] = (
            HdlcScanner(keys, zone, taught),
            MbusScanner(keys, zone, taught),
        )
        self._head = b""

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """The telegrams that these bytes complete."""
        if len(self._head) <= _APDU_AT:
            self._head += data
            if len(self._head) <= _APDU_AT:
                return
            data = self._head
            if data.startswith(_WRAPPER) and data[_APDU_AT] in FIRST_BYTES:
                self._tried = (self._wrapped,)
        for scanner in self._tried:
            for telegram in scanner.feed(data):
                if telegram.error is None:
                    self._tried = (scanner,)
                yield telegram

    def close(self) -> Iterator[Telegram]:
        """What is left when the line is given up."""
        for scanner in self._tried:
            yield from scanner.close()

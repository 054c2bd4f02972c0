"""From bytes on any transport to observed notifications.

How it works: the first bytes tell the transport. HDLC frames (7E) are joined by their segmentation
bit, M-Bus frames (68) by the segment number in their CI field, wrapper packets (0001) and bare
APDUs tell their own length. Blocks of a general block transfer are joined in their order. A bad
or missing piece drops what was joined so far.

Sources: IEC 62056-46, IEC 62056-47 (wrapper), EN 13757-3 annex on DLMS (CI 00 .. 1F).
"""
# ruff: noqa: PLR2004 - headers' fixed places

from __future__ import annotations

from collections.abc import Iterator

from firmware_bridge.dlms.hdlc import FLAG, HdlcFrame, HdlcSplitter
from firmware_bridge.dlms.list_files import NOTHING_TAUGHT, TaughtLists
from firmware_bridge.dlms.notification import (
    BLOCK_TRANSFER,
    FIRST_BYTES,
    LINK_HEADERS,
    Notification,
    TransferBlock,
    parse_apdu,
    parse_block,
)
from firmware_bridge.dlms.values import observe
from firmware_bridge.driver.telegram import (
    Keys,
    Telegram,
    TelegramError,
    TelegramSyntaxError,
    TelegramTooLargeError,
    TelegramTruncatedError,
)
from firmware_bridge.mbus.wired.link import LONG_START, LinkFrame, LinkSplitter

APDU_MAX = 65_536
_WRAPPER = b"\x00\x01"
_WRAPPER_SIZE = 8
_SEGMENT_FINAL = 0x10


class Assembler:
    """Joins segments and blocks into APDUs, and APDUs into observed telegrams.

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
        self._keys = keys
        self._zone = zone
        self._taught = taught
        self._segments = bytearray()
        self._segment_raw = bytearray()
        self._blocks = bytearray()
        self._block_raw = bytearray()
        self._next_block = 1
        self._last_block: TransferBlock | None = None

    def segment(self, part: bytes, raw: bytes, *, last: bool) -> Iterator[Telegram]:
        """Add a link-layer segment; with the last one the APDU is whole."""
        self._segments += part
        self._segment_raw += raw
        if len(self._segments) > APDU_MAX:
            message = f"The segments exceed {APDU_MAX} bytes without an end."
            yield Telegram.refused(self._segment_raw, TelegramTooLargeError(message))
            self.drop()
        elif last:
            whole, raws = bytes(self._segments), bytes(self._segment_raw)
            self._segments.clear()
            self._segment_raw.clear()
            yield from self.apdu(whole, raws)

    def apdu(self, data: bytes, raw: bytes) -> Iterator[Telegram]:
        """Read an APDU, or add its block to those before it."""
        if data[:3] in LINK_HEADERS:
            data = data[3:]
        if data[:1] == bytes([BLOCK_TRANSFER]):
            yield from self._block(data, raw)
        elif data:
            yield self.read(data, raw)

    def drop(self) -> None:
        """Forget what is not whole: a piece of it is missing."""
        self._segments.clear()
        self._segment_raw.clear()
        self._drop_blocks()

    def incomplete(self) -> Iterator[Telegram]:
        """A refusal of what is still not whole when the stream ends."""
        raw = bytes(self._block_raw + self._segment_raw)
        if raw:
            message = "The telegram ends before its last segment."
            yield Telegram.refused(raw, TelegramTruncatedError(message))
        self.drop()

    def bare(self, data: bytes) -> Iterator[Telegram]:
        """Read APDUs that follow each other without any transport."""
        while data:
            if data[:3] in LINK_HEADERS:
                data = data[3:]
            try:
                found = parse_apdu(data, self._keys)
            except TelegramError as error:
                yield Telegram.refused(data, error)
                return
            yield self._observed(found, data[: found.size])
            data = data[found.size :]

    def _block(self, data: bytes, raw: bytes) -> Iterator[Telegram]:
        try:
            block = parse_block(data)
        except TelegramError as error:
            self._drop_blocks()
            yield Telegram.refused(raw, error)
            return
        if block == self._last_block:
            return  # sent twice, as the transport allows
        if block.number == 1:
            self._drop_blocks()
        if block.number != self._next_block:
            message = f"Block {block.number} arrived instead of block {self._next_block}."
            self._drop_blocks()
            yield Telegram.refused(raw, TelegramSyntaxError(message, value=block.number))
            return
        self._blocks += block.data
        self._block_raw += raw
        self._next_block += 1
        self._last_block = block
        if len(self._blocks) > APDU_MAX:
            message = f"The blocks exceed {APDU_MAX} bytes without an end."
            yield Telegram.refused(self._block_raw, TelegramTooLargeError(message))
            self._drop_blocks()
        elif block.last:
            whole, raws = bytes(self._blocks), bytes(self._block_raw)
            self._drop_blocks()
            yield self.read(whole, raws)

    def _drop_blocks(self) -> None:
        self._blocks.clear()
        self._block_raw.clear()
        self._next_block, self._last_block = 1, None

    def read(self, data: bytes, raw: bytes) -> Telegram:
        """Read a whole APDU."""
        try:
            found = parse_apdu(data, self._keys)
            if found.size != len(data):
                message = f"{len(data) - found.size} bytes are left over after the list."
                raise TelegramSyntaxError(message)
        except TelegramError as error:
            return Telegram.refused(raw, error)
        return self._observed(found, raw)

    def _observed(self, found: Notification, raw: bytes) -> Telegram:
        try:
            return Telegram(raw, observe(found, self._zone, self._taught))
        except TelegramError as error:
            return Telegram.refused(raw, error)


class HdlcScanner:
    """Bytes of a serial line in, observed telegrams out.

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
        self._splitter = HdlcSplitter()
        self._assembler = Assembler(keys, zone, taught)
        self._sender: bytes | None = None

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """The telegrams that these bytes complete."""
        for found in self._splitter.feed(data):
            yield from self._join(found)

    def close(self) -> Iterator[Telegram]:
        """What is left when the stream ends."""
        for found in self._splitter.close():
            yield from self._join(found)
        yield from self._assembler.incomplete()

    def _join(self, found: HdlcFrame | Telegram) -> Iterator[Telegram]:
        if isinstance(found, Telegram):
            self._assembler.drop()
            yield found
            return
        if not found.information:
            return
        if self._sender is not None and found.addresses != self._sender:
            self._assembler.drop()
        self._sender = found.addresses if found.segmented else None
        last = not found.segmented
        yield from self._assembler.segment(found.information, found.raw, last=last)


class MbusScanner:
    """M-Bus frames that carry DLMS in, observed telegrams out.

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
        self._splitter = LinkSplitter()
        self._assembler = Assembler(keys, zone, taught)
        self._next = 0

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """The telegrams that these bytes complete."""
        for found in self._splitter.feed(data):
            yield from self._join(found)

    def close(self) -> Iterator[Telegram]:
        """What is left when the stream ends."""
        for found in self._splitter.close():
            yield from self._join(found)
        yield from self._assembler.incomplete()

    def _join(self, found: LinkFrame | Telegram) -> Iterator[Telegram]:
        if isinstance(found, Telegram):
            self._assembler.drop()
            yield found
            return
        if len(found.user) < 4 or found.user[0] > 0x1F:
            return
        number, last = found.user[0] & 0x0F, bool(found.user[0] & _SEGMENT_FINAL)
        if number == 0:
            self._assembler.drop()
        elif number != self._next:
            self._assembler.drop()
            message = f"Segment {number} arrived instead of segment {self._next}."
            yield Telegram.refused(found.raw, TelegramSyntaxError(message, value=number))
            return
        self._next = 0 if last else number + 1
        # CI field, then the service access points of both sides.
        yield from self._assembler.segment(found.user[3:], found.raw, last=last)


class _PacketScanner:
    """Wrapper packets or bare APDUs: they tell their own length and have no checksum."""

    def __init__(
        self, keys: Keys | None, zone: str | None, taught: TaughtLists, *, wrapped: bool
    ) -> None:
        self._assembler = Assembler(keys, zone, taught)
        self._wrapped = wrapped
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Telegram]:
        self._buffer += data[: APDU_MAX + 1]
        if self._wrapped:
            yield from self._packets()
        if len(self._buffer) > APDU_MAX:
            message = f"The data exceeds {APDU_MAX} bytes without an end."
            yield Telegram.refused(self._buffer, TelegramTooLargeError(message))
            self._buffer.clear()

    def close(self) -> Iterator[Telegram]:
        rest = bytes(self._buffer)
        self._buffer.clear()
        if rest and self._wrapped:
            message = "The packet is shorter than the length in its header."
            yield Telegram.refused(rest, TelegramTruncatedError(message))
        elif rest:
            yield from self._assembler.bare(rest)

    def _packets(self) -> Iterator[Telegram]:
        while len(self._buffer) >= _WRAPPER_SIZE:
            if self._buffer[:2] != _WRAPPER:
                message = "The version of the wrapper is not 1."
                yield Telegram.refused(self._buffer, TelegramSyntaxError(message))
                self._buffer.clear()
                return
            size = _WRAPPER_SIZE + int.from_bytes(self._buffer[6:8], "big")
            if len(self._buffer) < size:
                return
            raw = bytes(self._buffer[:size])
            del self._buffer[:size]
            yield from self._assembler.apdu(raw[_WRAPPER_SIZE:], raw)


class DlmsScanner:
    """Any transport in, observed telegrams out: the first bytes decide which.

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
        self._keys = keys
        self._zone = zone
        self._taught = taught
        self._head = bytearray()
        self._inner: HdlcScanner | MbusScanner | _PacketScanner | None = None

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """The telegrams that these bytes complete."""
        if self._inner is None:
            self._head += data
            if len(self._head) < 4:
                return
            data = bytes(self._head)
            self._head.clear()
            self._inner = self._choose(data)
        yield from self._inner.feed(data)

    def close(self) -> Iterator[Telegram]:
        """What is left when the stream ends."""
        if self._inner is not None:
            yield from self._inner.close()

    def _choose(self, data: bytes) -> HdlcScanner | MbusScanner | _PacketScanner:
        if data[:3] in LINK_HEADERS or data[0] in FIRST_BYTES:
            return _PacketScanner(self._keys, self._zone, self._taught, wrapped=False)
        if data[:2] == _WRAPPER:
            return _PacketScanner(self._keys, self._zone, self._taught, wrapped=True)
        if data[0] == LONG_START or FLAG not in data:
            return MbusScanner(self._keys, self._zone, self._taught)
        return HdlcScanner(self._keys, self._zone, self._taught)

"""A radio receiver that several drivers listen to, each for its own meter.

How it works: the first driver opens the line and a task that cuts it into frames; every frame goes
to those whose meter sent it. When the line is lost all of them hear it, and the first that tries
again opens it anew. A frame is whole when its receiver falls silent, also where its bytes do not
tell: radio telegrams come in bursts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace

from firmware_bridge.contract.errors import DeviceError
from firmware_bridge.driver.interface import MeterConnectionError
from firmware_bridge.driver.line import MeterLine, SerialAddress, TcpAddress
from firmware_bridge.driver.telegram import ChecksumError, Keys, Telegram, TelegramError
from firmware_bridge.mbus.application.compact import Formats
from firmware_bridge.mbus.application.telegram import Address
from firmware_bridge.mbus.wireless.framing import Framing, Splitter, splitter
from firmware_bridge.mbus.wireless.radio_frame import LONG_HEADERS, RadioFrame, parse_stripped
from firmware_bridge.mbus.wireless.scanner import observe_radio

QUIET_S = 0.2
_WAITING_MAX = 500
_SOUND, _UNCHECKED, _REFUSED = b"\x01", b"\x00", b"\x02"
_ID = slice(4, 8)
_OTHER_ADDRESS = (0x8E, 0x8F)
_ELL_SIZES = {0x8C: 3, 0x8E: 11}
_AFL = 0x90


@dataclass(frozen=True, slots=True)
class Sender:
    """The meter that a driver listens for.

    Args:
        serial: Eight digits; empty for every meter in reach.
        manufacturer: Three letters; empty for any.
    """

    serial: str = ""
    manufacturer: str = ""

    def sent(self, frame: RadioFrame) -> bool:
        """Whether a frame is of this meter, sent by itself or by an adapter for it."""
        return any(
            self.serial in ("", address.serial) and self.manufacturer in ("", address.manufacturer)
            for address in senders(frame)
        )

    def seems(self, refused: Telegram) -> bool:
        """Whether a frame that does not hold names this meter at its usual place."""
        return bytes(reversed(refused.raw[_ID])).hex().upper() == self.serial


def senders(frame: RadioFrame) -> Iterator[Address]:
    """The addresses that a frame names: the radio's own, then a meter's behind it."""
    yield frame.address
    user = frame.user
    if user[:1] and user[0] in _OTHER_ADDRESS and len(user) > max(_ELL_SIZES.values()):
        yield Address.parse_radio(user[3:11])
    user = user[_ELL_SIZES.get(user[0], 0) :] if user else user
    if len(user) > 1 and user[0] == _AFL:
        user = user[2 + user[1] :]
    if user[:1] in LONG_HEADERS and len(user) > 9:  # noqa: PLR2004 - CI and eight bytes
        yield Address.parse(user[1:9])


_Key = tuple[asyncio.AbstractEventLoop, TcpAddress | SerialAddress, Framing]


class _Receiver:
    """The one reader of a line."""

    def __init__(self, key: _Key, timeout_s: float) -> None:
        self._key = key
        self._opened = asyncio.Event()
        self._failure: DeviceError | None = None
        self.taps: set[_Tap] = set()
        self._task = asyncio.create_task(self._run(timeout_s))

    async def opened(self) -> None:
        """Until the line is open.

        Raises:
            MeterConnectionError: It cannot be.
        """
        await self._opened.wait()
        if self._failure is not None:
            raise self._failure

    def leave(self, tap: _Tap) -> None:
        """The last one that leaves closes the line."""
        self.taps.discard(tap)
        if not self.taps:
            self._forget()
            self._task.cancel()

    def _forget(self) -> None:
        if _receivers.get(self._key) is self:
            del _receivers[self._key]

    async def _run(self, timeout_s: float) -> None:
        _, place, framing = self._key
        try:
            line = await place.open(timeout_s)
            self._opened.set()
            try:
                while True:
                    await self._burst(line, splitter(framing))
            finally:
                line.close()
        except DeviceError as error:
            self._failure = error
        finally:
            self._forget()
            self._opened.set()
            for tap in self.taps:
                tap.put(None)

    async def _burst(self, line: MeterLine, cut: Splitter) -> None:
        """Frames until the receiver falls silent."""
        self._deal(cut.feed(await line.receive()))
        try:
            while True:
                async with asyncio.timeout(QUIET_S):
                    data = await line.receive()
                self._deal(cut.feed(data))
        except TimeoutError:
            self._deal(cut.close())

    def _deal(self, found: Iterator[RadioFrame | Telegram]) -> None:
        for item in found:
            for tap in self.taps:
                tap.offer(item)


_receivers: dict[_Key, _Receiver] = {}


class _Tap:
    """One driver's part of a receiver; see `firmware_bridge.driver.line.Line`."""

    def __init__(self, receiver: _Receiver, sender: Sender, where: str) -> None:
        self._receiver = receiver
        self._sender = sender
        self._where = where
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING_MAX)
        receiver.taps.add(self)

    def offer(self, item: RadioFrame | Telegram) -> None:
        if isinstance(item, Telegram):
            if self._sender.seems(item):
                self.put(_REFUSED + item.raw)
        elif self._sender.sent(item):
            plain = bytes([item.control]) + item.address.raw + item.user
            flag = _SOUND if item.checked else _UNCHECKED
            self.put(flag + bytes([len(plain) & 0xFF]) + plain)

    def put(self, data: bytes | None) -> None:
        if self._waiting.full():
            self._waiting.get_nowait()
        self._waiting.put_nowait(data)

    async def receive(self) -> bytes:
        data = await self._waiting.get()
        if data is None:
            message = f"The receiver at {self._where} is disconnected."
            raise MeterConnectionError(message, value=self._where)
        return data

    async def send(self, data: bytes) -> None:
        """Nothing is sent to receivers."""

    def set_speed(self, baudrate: int) -> None:
        """A receiver keeps its speed."""

    def close(self) -> None:
        self._receiver.leave(self)


@dataclass(frozen=True, slots=True)
class ReceiverAddress:
    """A receiver, and the meter that is listened for.

    Args:
        place: Where the receiver's line begins; drivers of the same share it.
        framing: How it packs frames.
        sender: The meter.
    """

    place: TcpAddress | SerialAddress
    framing: Framing = Framing.FRAMES
    sender: Sender = Sender()

    def __str__(self) -> str:
        return str(self.place)

    async def open(self, timeout_s: float) -> MeterLine:
        """Listen, on the line that is open already where there is one.

        Raises:
            MeterConnectionError: The receiver cannot be reached.
        """
        key = (asyncio.get_running_loop(), self.place, self.framing)
        receiver = _receivers.get(key)
        if receiver is None:
            receiver = _receivers[key] = _Receiver(key, timeout_s)
        tap = _Tap(receiver, self.sender, str(self))
        try:
            await receiver.opened()
        except (DeviceError, asyncio.CancelledError):
            tap.close()
            raise
        return tap


class RadioScanner:
    """What a tap hands over, one frame at a time, in; observed telegrams out.

    Args:
        keys: The meter's.
        zone: Zone of its clock; None for central Europe.
        formats: What its whole frames taught of compact ones; outlives a lost receiver.
    """

    def __init__(
        self,
        keys: Keys | None = None,
        zone: str | None = None,
        formats: Formats | None = None,
    ) -> None:
        self._keys = keys
        self._zone = zone
        self._formats = Formats() if formats is None else formats

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """The telegram in a frame."""
        flag, raw = data[:1], data[1:]
        if flag == _REFUSED:
            message = "The radio frame's checksum does not match."
            yield Telegram.refused(raw, ChecksumError(message))
            return
        try:
            frame = replace(parse_stripped(raw), checked=flag == _SOUND)
        except TelegramError as error:
            yield Telegram.refused(raw, error)
            return
        yield observe_radio(frame, self._keys, self._zone, self._formats)

    def close(self) -> Iterator[Telegram]:
        """Nothing is held."""
        yield from ()

"""A wired M-Bus meter, asked by its primary or secondary address. Source: EN 13757-2, 5 and 7."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Annotated, Self

from pydantic import Field, StringConstraints
from pydantic import model_validator as check_model

from firmware_bridge.contract.errors import DeviceError
from firmware_bridge.driver.interface import MeterTimeoutError
from firmware_bridge.driver.line import LineSettings, MeterLine
from firmware_bridge.driver.polled import PolledDriver, SharedLine, first_telegram
from firmware_bridge.driver.telegram import Telegram, TelegramError, TelegramTruncatedError
from firmware_bridge.mbus.application.security import TelegramSecurity
from firmware_bridge.mbus.application.telegram import parse_application
from firmware_bridge.mbus.application.values import observe, observed
from firmware_bridge.mbus.wired.link import LinkFrame, LinkSplitter, parse_frame

ACKNOWLEDGE = 0xE5
RESET, REQUEST, SEND = 0x40, 0x5B, 0x53
FRAME_COUNT_BIT = 0x20
SELECTED = 0xFD
SELECT = 0x52
ANY = b"\xff\xff\xff\xff"
TELEGRAMS_MAX = 16
_CHECK_MASK = 0xFF


def short_frame(control: int, address: int) -> bytes:
    """A master's short frame."""
    return bytes([0x10, control, address, control + address & _CHECK_MASK, 0x16])


def select_frame(serial: str) -> bytes:
    """The frame that selects a meter by its eight digits, of any maker, version and medium."""
    body = bytes([SEND, SELECTED, SELECT]) + bytes.fromhex(serial)[::-1] + ANY
    size = len(body)
    return bytes([0x68, size, size, 0x68]) + body + bytes([sum(body) & _CHECK_MASK, 0x16])


class MbusSettings(LineSettings):
    """What a wired M-Bus meter needs beside its line.

    Args:
        address: Primary address, 0 .. 250; 254 where it is the only one.
        secondary: Identification number, eight digits, instead of the address.
    """

    address: Annotated[int, Field(ge=0, le=254)] | None = None
    secondary: Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{8}$")] | None = None

    @check_model(mode="after")
    def _one_address(self) -> Self:
        if (self.address is None) == (self.secondary is None):
            message = "set either `address` or `secondary`"
            raise ValueError(message)
        return self


class MbusDriver(PolledDriver):
    """A `MeterDriver`; keys of its table as in `MbusSettings`; 2400 baud, even parity."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """A driver as a meter's table describes it.

        Raises:
            DriverSettingError: A setting is missing, unknown or wrong.
        """
        usual = {"baudrate": 2400, "parity": "E", "timeout_s": 2.0}
        chosen = MbusSettings.parse(usual | dict(settings))
        return cls(
            chosen.place, lambda line: _read_out(line, chosen), chosen.timeout_s, chosen.configured
        )


async def _read_out(shared: SharedLine, chosen: MbusSettings) -> tuple[Telegram, ...]:
    """One conversation: reset or select, then ask until no more records follow."""
    where = f"{shared}, {chosen.secondary or chosen.address}"
    async with shared.conversation(chosen.timeout_s) as line:
        if chosen.secondary is not None:
            address = SELECTED
            await _acknowledged(line, short_frame(RESET, SELECTED), chosen, None)
            await _acknowledged(line, select_frame(chosen.secondary), chosen, where)
        else:
            address = chosen.address or 0
            await _acknowledged(line, short_frame(RESET, address), chosen, None)
        found: list[Telegram] = []
        control = REQUEST | FRAME_COUNT_BIT
        for _ in range(TELEGRAMS_MAX):
            await line.send(short_frame(control, address))
            try:
                reply = await first_telegram(line, _Frames(), where, chosen.timeout_s)
            except DeviceError as error:
                if not found:
                    raise
                # What the telegrams before it say stands, as each has a checksum of its own.
                found.append(Telegram.refused(b"", _missing(error)))
                break
            telegram, more_follow = _read(reply.raw, chosen)
            found.append(telegram)
            if not more_follow:
                break
            control ^= FRAME_COUNT_BIT
        return tuple(found)


def _missing(error: DeviceError) -> TelegramTruncatedError:
    message = f"The meter announced another telegram, and none came: {error.message}"
    return TelegramTruncatedError(message)


def _read(raw: bytes, chosen: MbusSettings) -> tuple[Telegram, bool]:
    """What an answer says, or why it cannot be read, and whether it says that another follows."""
    try:
        user = parse_frame(raw).user
        parsed = parse_application(user, TelegramSecurity(chosen.keys), vouched=True)
    except TelegramError as error:
        return Telegram.refused(raw, error), False
    more_follow = any(record.more_follow for record in parsed.records)
    return observed(raw, parsed, observe(parsed, zone=chosen.zone)), more_follow


async def _acknowledged(
    line: MeterLine, frame: bytes, chosen: MbusSettings, needed_by: str | None
) -> None:
    """Send a frame and take its acknowledgement; some meters do not answer a reset.

    Raises:
        MeterTimeoutError: None came, where one is needed.
    """
    await line.send(frame)
    try:
        async with asyncio.timeout(chosen.timeout_s / (1 if needed_by else 4)):
            while ACKNOWLEDGE not in await line.receive():
                continue
    except TimeoutError:
        if needed_by is not None:
            message = f"No meter at {needed_by} answered its selection."
            raise MeterTimeoutError(message, value=needed_by) from None


class _Frames:
    """Answers as telegrams without observations; what they say is read afterwards."""

    def __init__(self) -> None:
        self._splitter = LinkSplitter()

    def feed(self, data: bytes) -> Iterator[Telegram]:
        for found in self._splitter.feed(data):
            if isinstance(found, Telegram):
                yield found
            elif isinstance(found, LinkFrame) and found.user:
                yield Telegram(found.raw)

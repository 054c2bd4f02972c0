"""A meter with an optical head: asked in modes A, B and C, heard in mode D.

How it works: the request goes out at 300 baud. The identification's third place says what follows:
a digit is mode C, which is acknowledged before both sides change to its speed; a letter A .. F is
mode B, whose meter changes without waiting; anything else is mode A and stays at 300.

Source: EN 62056-21:2002, 6.3 and 6.4.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from firmware_bridge.driver.interface import MeterAnswerError, MeterTimeoutError
from firmware_bridge.driver.line import LineSettings, MeterLine
from firmware_bridge.driver.polled import PolledDriver, SharedLine, first_telegram
from firmware_bridge.driver.pushed import PushDriver
from firmware_bridge.driver.telegram import Telegram
from firmware_bridge.iec62056_21.values import ReadOutScanner

FIRST_BAUDRATE = 300
MODE_C = dict(zip("0123456", (300, 600, 1200, 2400, 4800, 9600, 19_200), strict=True))
MODE_B = dict(zip("ABCDEF", (600, 1200, 2400, 4800, 9600, 19_200), strict=True))
_SEVEN_BITS = bytes(byte & 0x7F for byte in range(256))
_IDENTIFICATION = re.compile(rb"/([A-Za-z]{3})(.)([^\r\n]*)\r?\n")
_HEAD_MAX = 512
# The standard's reaction time before either side speaks at the new speed.
_REACTION_S = 0.3


class Iec62056Settings(LineSettings):
    """What a meter with an optical head needs beside its line.

    Args:
        device_address: Number of the meter where several share the line.
        baudrate_max: Highest speed to change to in mode C.
        reaction_s: Pause before the change of speed; 0 behind a gateway that makes it. [s]
    """

    device_address: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z ]{0,32}$")] = ""
    baudrate_max: Annotated[int, Field(ge=300)] = 9600
    reaction_s: Annotated[float, Field(ge=0, le=2)] = _REACTION_S


class Iec62056Driver(PolledDriver):
    """A `MeterDriver` for modes A, B and C; keys of its table as in `Iec62056Settings`."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """A driver as a meter's table describes it.

        Raises:
            DriverSettingError: A setting is missing, unknown or wrong.
        """
        usual = {"baudrate": FIRST_BAUDRATE, "parity": "E", "bytesize": 7}
        chosen = Iec62056Settings.parse(usual | dict(settings))
        return cls(
            chosen.place,
            lambda line: _read_out(line, chosen),
            chosen.timeout_s,
            configured=chosen.configured,
        )


class ModeDDriver(PushDriver):
    """A `MeterDriver` for mode D; keys of its table as in `LineSettings`; 2400 baud, seven bits."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """A driver as a meter's table describes it.

        Raises:
            DriverSettingError: A setting is missing, unknown or wrong.
        """
        usual = {"baudrate": 2400, "parity": "E", "bytesize": 7}
        chosen = LineSettings.parse(usual | dict(settings))
        return cls(
            chosen.place,
            lambda: ReadOutScanner(chosen.zone),
            chosen.timeout_s,
            configured=chosen.configured,
        )


async def _read_out(shared: SharedLine, chosen: Iec62056Settings) -> tuple[Telegram, ...]:
    where = str(shared)
    async with shared.conversation(chosen.timeout_s) as line:
        line.set_speed(chosen.baudrate)
        await line.send(b"/?" + chosen.device_address.encode() + b"!\r\n")
        head, rest = await _identification(line, where, chosen.timeout_s)
        await _change_speed(line, head, chosen)
        scanner = ReadOutScanner(chosen.zone)
        already = [t for t in scanner.feed(head + rest) if t.error is None]
        found = already[0] if already else None
        if found is None:
            found = await first_telegram(line, scanner, where, chosen.timeout_s)
        return (found,)


async def _identification(line: MeterLine, where: str, timeout_s: float) -> tuple[bytes, bytes]:
    """The identification line, and what came after it. An optical head may echo the request."""
    held = b""
    try:
        async with asyncio.timeout(timeout_s):
            while len(held) < _HEAD_MAX:
                held += (await line.receive()).translate(_SEVEN_BITS)
                head = _IDENTIFICATION.search(held)
                if head is not None:
                    return head[0], held[head.end() :]
    except TimeoutError:
        message = f"The meter at {where} did not identify itself within {timeout_s} s."
        raise MeterTimeoutError(message, value=where) from None
    message = f"The meter at {where} did not send an identification."
    raise MeterAnswerError(message, value=held)


async def _change_speed(line: MeterLine, head: bytes, chosen: Iec62056Settings) -> None:
    letter = head[4:5].decode("latin-1")
    if letter in MODE_C:
        letter = max(code for code in MODE_C if code <= letter and _allowed(code, chosen))
        await asyncio.sleep(chosen.reaction_s)
        await line.send(f"\x060{letter}0\r\n".encode())
        await asyncio.sleep(chosen.reaction_s)
        line.set_speed(MODE_C[letter])
    elif letter in MODE_B:
        line.set_speed(MODE_B[letter])


def _allowed(code: str, chosen: Iec62056Settings) -> bool:
    return MODE_C[code] <= max(chosen.baudrate_max, FIRST_BAUDRATE)

"""Every slave on an M-Bus: whether any answers, by identification, then by primary address.

How it works: all slaves answer to address 254, so a bus that is silent there has none. The search
by identification asks for numbers that begin with a digit, and narrows where several answer at
once, whose answers then do not hold. Primary addresses are asked in turn until each slave that the
search found is known by one. Source: EN 13757-2, 5.6; EN 13757-3, 11 (secondary addressing).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace

from firmware_bridge.driver.interface import MeterIdentity
from firmware_bridge.driver.line import MeterLine, SerialAddress, TcpAddress
from firmware_bridge.driver.telegram import Keys, Observation, TelegramError
from firmware_bridge.driver.toml_table import Setting
from firmware_bridge.mbus.application.security import TelegramSecurity
from firmware_bridge.mbus.application.telegram import parse_application
from firmware_bridge.mbus.application.values import observe
from firmware_bridge.mbus.driver import (
    FRAME_COUNT_BIT,
    REQUEST,
    RESET,
    SELECTED,
    select_frame,
    short_frame,
)
from firmware_bridge.mbus.wired.link import LinkFrame, LinkSplitter
from firmware_bridge.probe.finding import Found, ReportProgress

SPEEDS = (2400, 9600, 300)
TEST_ADDRESS = 254
ADDRESSES = range(251)
_DIGITS = 8
_BETWEEN_S = 0.1
_TELL_EVERY = 25
_ALIKE = 'Another slave has the same number. Add serial = "<number on its nameplate>" to each.'
# A slave answers within 330 bits and 50 ms; a gateway takes some time of its own.
_ANSWER_BITS, _LATENCY_S = 330, 0.4


@dataclass(frozen=True, slots=True)
class Bus:
    """An open M-Bus and how long its slaves may take.

    Args:
        line: Open.
        timeout_s: Longest wait for an answer's first byte. [s]
        keys: Of meters that encrypt.
    """

    line: MeterLine
    timeout_s: float
    keys: Keys = field(default_factory=Keys)

    async def exchange(self, frame: bytes) -> bytes:
        """What comes after a frame, up to a pause; empty where nothing does."""
        await self.line.send(frame)
        held, wait_s = b"", self.timeout_s
        try:
            while len(held) < 1024:  # noqa: PLR2004 - longer than any answer
                async with asyncio.timeout(wait_s):
                    held += await self.line.receive()
                wait_s = _BETWEEN_S
        except TimeoutError:
            pass
        return held

    async def read(self, address: int) -> tuple[Observation, ...] | None:
        """What the slave at an address shows; None where none, or several, answer.

        Empty for a slave whose answer is sound but holds no value.
        """
        answer = await self.exchange(short_frame(REQUEST | FRAME_COUNT_BIT, address))
        for found in LinkSplitter().feed(answer):
            if isinstance(found, LinkFrame) and found.user:
                try:
                    parsed = parse_application(found.user, TelegramSecurity(self.keys))
                except TelegramError:
                    return ()
                return observe(parsed)
        return None

    async def anyone(self) -> bool:
        """Whether any slave is there."""
        for frame in (
            short_frame(RESET, TEST_ADDRESS),
            select_frame("F" * _DIGITS),
            short_frame(REQUEST | FRAME_COUNT_BIT, TEST_ADDRESS),
        ):
            if await self.exchange(frame):
                return True
        return False

    async def search(
        self, report: ReportProgress, prefix: str = ""
    ) -> AsyncIterator[tuple[Observation, ...]]:
        """The slaves whose identification begins with these digits."""
        # A selection ends the one before, so none needs to be taken back.
        if not await self.exchange(select_frame(prefix.ljust(_DIGITS, "F"))):
            return
        seen = await self.read(SELECTED)
        if seen is not None:
            yield seen
            return
        if len(prefix) == _DIGITS:
            report(f"Several slaves share the identification {prefix}.")
            return
        report(f"Several slaves begin with {prefix or 'any digit'}.")
        for digit in "0123456789":
            async for one in self.search(report, prefix + digit):
                yield one


async def search_bus(
    place: TcpAddress | SerialAddress,
    addresses: Iterable[int] | None,
    timeout_s: float,
    keys: Keys,
    report: ReportProgress,
) -> list[Found]:
    """The slaves of a bus, by primary address where they have one of their own.

    Args:
        place: Where the bus begins, at its speed.
        addresses: Primary addresses to ask in any case; None: all, where somebody is there.
        timeout_s: Longest wait for each answer. [s]
        keys: Of meters that encrypt.
        report: Says how far it is.

    Raises:
        MeterConnectionError: The line cannot be opened.
    """
    report(f"Polling M-Bus slaves at {place} ...")
    line = await place.open(timeout_s)
    speed = place.baudrate if isinstance(place, SerialAddress) else SPEEDS[0]
    try:
        bus = Bus(line, min(timeout_s, _LATENCY_S + _ANSWER_BITS / speed), keys)
        if not await bus.anyone() and addresses is None:
            return []
        named = [seen async for seen in bus.search(report) if seen]
        found: dict[MeterIdentity, tuple[int | None, tuple[Observation, ...]]] = {
            seen[0].meter: (None, seen) for seen in named
        }
        alike: list[tuple[int | None, tuple[Observation, ...]]] = []
        for number, address in enumerate(ADDRESSES if addresses is None else addresses):
            missing = [meter for meter, (known, _) in found.items() if known is None]
            if addresses is None and named and not missing:
                break
            if number % _TELL_EVERY == 0:
                report(f"Polling addresses from {address} on; {len(found)} meters found so far.")
            seen = await bus.read(address)
            if not seen:
                continue
            known = found.get(seen[0].meter)
            if known is not None and known[0] is not None:
                alike.append((address, seen))  # two that say they are the same one
            else:
                found[seen[0].meter] = (address, seen)
    finally:
        line.close()
    several = {seen[0].meter for _, seen in alike}
    return [
        _located_meter(place, address, seen, keys, is_alone=seen[0].meter not in several)
        for address, seen in (*found.values(), *alike)
    ]


def _located_meter(
    place: TcpAddress | SerialAddress,
    address: int | None,
    seen: tuple[Observation, ...],
    keys: Keys,
    *,
    is_alone: bool,
) -> Found:
    own: dict[str, Setting]
    own = {"secondary": seen[0].meter.serial} if address is None else {"address": address}
    if keys.encryption is not None:
        own["key"] = keys.encryption.hex().upper()
    one = Found.of("mbus", place, seen, own)
    return one if is_alone else replace(one, notes=(*one.notes, _ALIKE))

"""Drivers of polled meters: one line, one request at a time, one decoded answer.

Drivers of one place share its line: a bus carries one conversation only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import NoReturn, Protocol, Self

from firmware_bridge.contract.errors import DeviceError
from firmware_bridge.contract.interval import Interval
from firmware_bridge.driver.interface import (
    MeterAnswerError,
    MeterIdentity,
    MeterTimeoutError,
    MeterValue,
    ProfileChunk,
    ProfileMemory,
    ReadOut,
    RefusedTelegrams,
)
from firmware_bridge.driver.line import LineAddress, MeterLine
from firmware_bridge.driver.naming import (
    NOT_CONFIGURED,
    ConfiguredIdentity,
    check_named,
    check_same,
    host_of,
    named_values,
    own_meters,
)
from firmware_bridge.driver.telegram import Telegram, TelegramEmptyError


class SharedLine:
    """The line to a place, opened at the first question and after a failure.

    Args:
        place: Where it begins.
    """

    def __init__(self, place: LineAddress) -> None:
        self._place = place
        self._turn = asyncio.Lock()
        self._line: MeterLine | None = None

    def __str__(self) -> str:
        return str(self._place)

    @asynccontextmanager
    async def conversation(self, timeout_s: float) -> AsyncIterator[MeterLine]:
        """The line for one conversation; one that fails closes it.

        Raises:
            MeterConnectionError: It cannot be opened, or was closed.
        """
        async with self._turn:
            if self._line is None:
                self._line = await self._place.open(timeout_s)
            try:
                yield self._line
            except (DeviceError, TimeoutError, asyncio.CancelledError):
                self.close()
                raise

    def close(self) -> None:
        """Give the line up."""
        line, self._line = self._line, None
        if line is not None:
            line.close()


_lines: dict[tuple[asyncio.AbstractEventLoop, LineAddress], tuple[SharedLine, int]] = {}


def borrow(place: LineAddress) -> SharedLine:
    """The line to a place that all its drivers in this event loop share."""
    key = (asyncio.get_running_loop(), place)
    line, users = _lines.get(key) or (SharedLine(place), 0)
    _lines[key] = (line, users + 1)
    return line


def give_back(place: LineAddress) -> None:
    """End a borrowing; the last one closes the line."""
    key = (asyncio.get_running_loop(), place)
    line, users = _lines.pop(key)
    if users > 1:
        _lines[key] = (line, users - 1)
    else:
        line.close()


class _Feeds(Protocol):
    def feed(self, data: bytes) -> Iterator[Telegram]: ...


async def first_telegram(
    line: MeterLine, scanner: _Feeds, where: str, timeout_s: float
) -> Telegram:
    """The first valid telegram.

    Raises:
        MeterTimeoutError: Nothing came in time.
        MeterAnswerError: What came does not hold; carries its bytes.
        MeterConnectionError: The line was closed.
    """
    refused: Telegram | None = None
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                for telegram in scanner.feed(await line.receive()):
                    if telegram.error is None:
                        return telegram
                    refused = telegram
                if refused is not None:
                    break
    except TimeoutError:
        message = f"The meter at {where} did not answer within {timeout_s} s."
        raise MeterTimeoutError(message, value=where) from None
    message = f"The answer of the meter at {where} is not valid: {refused.error}"
    raise MeterAnswerError(message, value=refused.raw) from refused.error


class PolledDriver:
    """A `MeterDriver` for a meter that is asked; a protocol gives the conversation.

    Args:
        place: Where its line begins.
        ask: Holds one conversation and returns the meter's telegrams, with what they say and why
            they, or the ends of them, could not be read.
        timeout_s: Longest wait for a connection, and for each answer. [s]
        configured: Who the meter is, as far as its table says.
    """

    def __init__(
        self,
        place: LineAddress,
        ask: Callable[[SharedLine], Awaitable[tuple[Telegram, ...]]],
        timeout_s: float,
        configured: ConfiguredIdentity = NOT_CONFIGURED,
    ) -> None:
        self._configured = configured
        self._own_meters: tuple[MeterIdentity, ...] = ()
        self._place = place
        self._ask = ask
        self._timeout_s = timeout_s
        self._line: SharedLine | None = None
        self._met: MeterIdentity | None = None

    @property
    def has_profile(self) -> bool:
        """False: no load profile is read over these protocols."""
        return False

    async def __aenter__(self) -> Self:
        self._line = borrow(self._place)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._line = None
        give_back(self._place)

    async def identify(self) -> MeterIdentity:
        """Ask the meter; see `MeterDriver.identify`."""
        host, _ = self._named(await self._telegrams())
        return host

    async def read(self) -> ReadOut:
        """Ask the meter; see `MeterDriver.read`."""
        telegrams = await self._telegrams()
        host, values = self._named(telegrams)
        if not values:
            self._report_silence(telegrams)
        met, self._met = self._met, host
        replaced = met if met is not None and met != host else None
        return ReadOut(host, values, replaced=replaced, refused=_refused(telegrams))

    def _named(self, telegrams: Sequence[Telegram]) -> tuple[MeterIdentity, tuple[MeterValue, ...]]:
        """The meter and its values, under the name that it or its table gives."""
        seen = tuple(item for telegram in telegrams for item in telegram.observations)
        if not seen:
            self._report_silence(telegrams)
        where = str(self._place)
        own, host = own_meters(seen), host_of(seen, self._configured)
        if self._configured:
            check_same((*self._own_meters, *own), where)
        values = named_values(seen, host)
        check_named(values, where)
        self._own_meters = own[:1] or self._own_meters
        return host, values

    async def _telegrams(self) -> tuple[Telegram, ...]:
        if self._line is None:
            message = "A driver reads only inside its context: `async with driver:`."
            raise RuntimeError(message)
        return await self._ask(self._line)

    def _report_silence(self, telegrams: Sequence[Telegram]) -> NoReturn:
        """Say why nothing was read: what was refused goes before what is empty.

        Raises:
            MeterAnswerError: Always; its cause is the reason, if a telegram came.
        """
        faults = [(item, item.error or item.rest or item.silence) for item in telegrams]
        faults.sort(key=lambda fault: isinstance(fault[1], TelegramEmptyError))
        for telegram, error in faults:
            message = f"The meter at {self._place} gave no values: {error}"
            raise MeterAnswerError(message, value=telegram.raw) from error
        message = f"The meter at {self._place} sent no values."
        raise MeterAnswerError(message, value=str(self._place))

    async def profile_memory(self) -> ProfileMemory | None:
        """None: no load profile is read over these protocols."""
        return None

    async def read_profile(self, interval: Interval) -> AsyncIterator[ProfileChunk]:  # noqa: ARG002 - see `MeterDriver`
        """None: no load profile is read over these protocols."""
        nothing: tuple[ProfileChunk, ...] = ()
        for chunk in nothing:
            yield chunk


def _refused(telegrams: Sequence[Telegram]) -> tuple[RefusedTelegrams, ...]:
    """Why telegrams, or the ends of them, were not read, by the reason's code."""
    found: dict[str, RefusedTelegrams] = {}
    for telegram in telegrams:
        error = telegram.error or telegram.rest
        if error is not None:
            count = found[error.code].count + 1 if error.code in found else 1
            found[error.code] = RefusedTelegrams(error.code, str(error), telegram.raw, count)
    return tuple(found.values())

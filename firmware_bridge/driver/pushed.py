"""Drivers of pushing meters: a driver keeps the newest values until a read takes them.

How it works: the first read opens the line and starts a task that feeds a scanner for as long as
the driver is open. What telegrams say is kept per meter and code until it is read, since some
meters send the totals once an hour and the power every two seconds. A read takes what came since
the last one, or waits for the next telegram.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import NoReturn, Self

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
    distinct,
)
from firmware_bridge.driver.line import LineAddress, MeterLine
from firmware_bridge.driver.naming import (
    NOT_CONFIGURED,
    ConfiguredIdentity,
    MeterSeveralError,
    check_named,
    check_same,
    host_of,
    is_named,
    named_values,
    own_meters,
)
from firmware_bridge.driver.telegram import Scanner, Telegram
from firmware_bridge.end_task import end_task

KEPT_MAX = 2000
REFUSED_MAX = 50
PAUSE_MIN_S, PAUSE_MAX_S = 1.0, 30.0


class PushDriver:
    """A `MeterDriver` for a port that speaks by itself, with all meters behind it.

    Args:
        place: Where the line begins.
        scanner: Makes a fresh decoder for each connection.
        timeout_s: Longest wait for a connection, and for a telegram. [s]
        fresh_s: A value without a time of its own is handed over as present for so long after it
            came; None: as long as `timeout_s`. [s]
        configured: Who the port's own meter is, as far as its table says.
        several: Whether many devices may speak there, as behind a broker.
    """

    def __init__(  # noqa: PLR0913 - what a line and its devices need
        self,
        place: LineAddress,
        scanner: Callable[[], Scanner],
        timeout_s: float = 15.0,
        fresh_s: float | None = None,
        configured: ConfiguredIdentity = NOT_CONFIGURED,
        *,
        several: bool = False,
    ) -> None:
        self._place = place
        self._scanner = scanner
        self._timeout_s = timeout_s
        self._fresh_s = timeout_s if fresh_s is None else fresh_s
        self._configured = configured
        self._several = several
        self._refusals: dict[tuple[str, str], RefusedTelegrams] = {}
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._stirred = asyncio.Event()
        self._kept: dict[tuple[object, ...], _Kept] = {}
        self._repeated: list[MeterValue] = []
        self._met: MeterIdentity | None = None
        self._own_meters: tuple[MeterIdentity, ...] = ()
        self._handed: MeterIdentity | None = None
        self._replaced: set[MeterIdentity] = set()
        self._refused: Telegram | None = None
        self._unnamed: DeviceError | None = None
        self._failure: DeviceError | None = None
        self.bad_frames = 0

    @property
    def has_profile(self) -> bool:
        """A push carries no load profile."""
        return False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    async def identify(self) -> MeterIdentity:
        """The port's own meter, as its telegrams name it; see `MeterDriver.identify`."""
        async with self._turn:
            if self._met is None:
                await self._wait()
            return self._own()

    async def read(self) -> ReadOut:
        """What came since the last read, else the next telegram; see `MeterDriver.read`."""
        async with self._turn:
            values = self._take()
            if not values:
                await self._wait()
                values = self._take()
            meter = self._own()
            handed, self._handed = self._handed, meter
            self._notice_turns(handed, meter)
            is_other = handed is not None and handed != meter and not self._several
            repeated, self._repeated = tuple(self._repeated), []
            refused, self._refusals = tuple(self._refusals.values()), {}
            return ReadOut(
                meter,
                values,
                replaced=handed if is_other else None,
                repeated=repeated,
                refused=refused,
                several=self._several,
            )

    def _notice_turns(self, handed: MeterIdentity | None, meter: MeterIdentity) -> None:
        """Notice that a meter is back in whose place another had come: both are there."""
        if handed is None or handed == meter or self._several:
            return
        if meter in self._replaced:
            self._several = True
            names = " and ".join(f"{m.manufacturer}/{m.serial}" for m in (meter, handed))
            message = f"Two meters speak by turns at {self._place}: {names}. Both are read."
            remedy = "Write a table for each, with a topic or line of its own."
            error = MeterSeveralError(message, value=names, remedy=remedy)
            self._count(error, Telegram(b""))
        self._replaced.add(handed)

    def _own(self) -> MeterIdentity:
        if self._met is None:
            message = "The broker retained values of an unknown meter."
            raise AssertionError(message)
        return self._met

    def _take(self) -> tuple[MeterValue, ...]:
        """What is kept; of values without a time only those so fresh that now is their time."""
        now = asyncio.get_running_loop().time()
        kept, self._kept = self._kept, {}
        return tuple(
            replace(k.value, age_s=now - k.at)
            for k in kept.values()
            if k.value.meter_time is not None or k.at >= now - self._fresh_s
        )

    async def profile_memory(self) -> ProfileMemory | None:
        """A push carries none."""
        return None

    async def read_profile(self, interval: Interval) -> AsyncIterator[ProfileChunk]:  # noqa: ARG002 - see `MeterDriver`
        """A push carries none."""
        nothing: tuple[ProfileChunk, ...] = ()
        for chunk in nothing:
            yield chunk

    async def _wait(self) -> None:
        """Until a telegram with values came.

        Raises:
            MeterConnectionError: The line cannot be opened, or was closed.
            MeterUnnamedError: Telegrams came, and neither they nor the table name the meter.
            MeterSeveralError: Another meter came than the one that the table names.
            MeterAnswerError: Telegrams came and none gave values; carries the last one's bytes.
            MeterTimeoutError: Nothing came.
        """
        await self._listen_anew()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                await self._stirred.wait()
        if self._kept:
            return
        if self._failure is not None:
            raise self._failure
        if self._unnamed is not None:
            raise self._unnamed
        if self._refused is not None:
            self._report_refused(self._refused)
        message = f"No telegram arrived at {self._place} within {self._timeout_s} s."
        raise MeterTimeoutError(message, value=str(self._place))

    def _report_refused(self, refused: Telegram) -> NoReturn:
        """Say why nothing was read; what is said of one telegram is not counted again.

        Raises:
            MeterAnswerError: Always; its cause is why the last telegram was refused.
        """
        error = refused.error
        before = None if error is None else self._refusals.pop((error.code, refused.sender), None)
        if before is not None and before.count > 1:
            self._refusals[before.code, before.sender] = replace(before, count=before.count - 1)
        message = f"No telegram at {self._place} gives values: {error}"
        raise MeterAnswerError(message, value=refused.raw) from error

    async def _listen_anew(self) -> None:
        """Listen, at once also where the last failure has the listener pause."""
        self._stirred.clear()
        self._refused = self._unnamed = None
        if self._failure is not None:
            await self._stop()
        if self._task is None:
            self._task = asyncio.create_task(self._listen())

    async def _stop(self) -> None:
        task, self._task, self._failure = self._task, None, None
        if task is not None:
            await end_task(task)

    async def _listen(self) -> None:
        """Feed telegrams until cancelled; a line that is lost is opened again."""
        pause_s = PAUSE_MIN_S
        while True:
            try:
                line = await self._place.open(self._timeout_s)
                pause_s, self._failure = PAUSE_MIN_S, None
                try:
                    await self._feed(line, self._scanner())
                finally:
                    line.close()
            except DeviceError as error:
                self._failure = error
                self._stirred.set()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_MAX_S)

    async def _feed(self, line: MeterLine, scanner: Scanner) -> None:
        while True:
            for telegram in scanner.feed(await line.receive()):
                self._keep(telegram)

    def _keep(self, telegram: Telegram) -> None:
        if telegram.error is not None:
            self._count(telegram.error, telegram)
            self._refused = telegram
            return
        if telegram.rest is not None:
            self._count(telegram.rest, telegram)
        silence = telegram.silence
        if silence is not None:
            # A longer telegram may follow; who waits in vain is told.
            self._refused = replace(telegram, error=silence)
            return
        seen = telegram.observations
        where, own = str(self._place), own_meters(seen)
        # Who publishes without a name is not the device that published before.
        host = host_of(seen, self._configured, None if telegram.sender else self._met)
        values = named_values(seen, host)
        try:
            if self._configured:
                check_same((*self._own_meters, *own), where)
            check_named(values, where)
        except DeviceError as error:
            # Short lists name no meter where a longer one will; who waits in vain is told. Messages
            # of a broker are never short of it.
            self._unnamed = error
            if telegram.sender:
                self._count(error, telegram)
            return
        self._own_meters = own[:1] or self._own_meters
        self._met = host if is_named(host) else self._met or values[0].meter
        self._hold(values)
        self._stirred.set()

    def _hold(self, values: tuple[MeterValue, ...]) -> None:
        """Keep the newest value of each register until it is read."""
        at = asyncio.get_running_loop().time()
        kept, repeated = distinct(values)
        for value in kept:
            held = self._kept.get(value.register)
            # What a broker had kept takes no place of what came live and was not read yet.
            if held is None or held.value.kept or not value.kept:
                self._kept[value.register] = _Kept(value, at)
        self._repeated = [*self._repeated, *repeated][-KEPT_MAX:]
        while len(self._kept) > KEPT_MAX:
            del self._kept[next(iter(self._kept))]

    def _count(self, error: DeviceError, telegram: Telegram) -> None:
        self.bad_frames += 1
        code, sender, message = error.code, telegram.sender, str(error)
        before = self._refusals.pop((code, sender), None)
        if before is None and len(self._refusals) >= REFUSED_MAX:
            sender, message = "", "Of further topics, the last one: " + message
            before = self._refusals.pop((code, sender), None)
        elif sender:
            message = f"Topic {sender}: {message}"
        count = 1 if before is None else before.count + 1
        self._refusals[code, sender] = RefusedTelegrams(code, message, telegram.raw, count, sender)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A value and when it came, on the loop's clock in seconds."""

    value: MeterValue
    at: float

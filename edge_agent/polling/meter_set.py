"""The meters that the agent reads; a new configuration may add, remove and change them.

A meter that a change does not name keeps its driver, its connection and its timetable. One whose
driver's own keys change gets a new driver; what the agent decides itself (how often, how long) is
altered in place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from edge_agent.buffer.buffer import Buffer
from edge_agent.cancellation import end
from edge_agent.clock import Clock
from edge_agent.config.settings import MeterSettings
from edge_agent.polling.backfill import Backfill
from edge_agent.polling.claims import Claims
from edge_agent.polling.meter import Meter
from edge_agent.polling.recorder import Recorder
from edge_agent.polling.scaled_driver import CounterScale, ScaledDriver
from firmware_bridge.contract.errors import MeterlineError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.driver.interface import MeterDriver
from firmware_bridge.driver.registry import create_driver

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MeterChanges:
    """What a new configuration means for the meters, by name."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(slots=True)
class _MeterEntry:
    """A meter at work."""

    settings: MeterSettings
    meter: Meter
    backfill: asyncio.Task[None] | None = None


CreateDriver = Callable[[str, Mapping[str, object]], MeterDriver]


def make_meter(settings: MeterSettings, create: CreateDriver = create_driver) -> Meter:
    """A meter as configured; nothing is sent to it yet.

    Args:
        settings: Its table.
        create: Makes the driver of a protocol.

    Raises:
        UnknownProtocolError, DriverSettingError: It cannot be what the configuration says.
    """
    try:
        driver = create(settings.protocol, settings.driver_settings)
    except MeterlineError as error:
        error.message = f"Meter {settings.name}: {error.message}"
        raise
    if settings.scale is not None:
        codes = frozenset(map(Obis.parse, settings.scaled_codes))
        driver = ScaledDriver(driver, CounterScale(settings.scale, codes))
    return Meter(
        name=settings.name,
        driver=driver,
        period_s=settings.period_s,
        timeout_s=settings.read_timeout_s,
        load_profile=settings.load_profile,
        backfill_from=settings.backfill_from,
        capacity_w=settings.capacity_w,
        trust=settings.trust,
    )


def check_meters(settings: Sequence[MeterSettings]) -> None:
    """Check that every meter can be configured so.

    Raises:
        UnknownProtocolError, DriverSettingError: One cannot.
    """
    for one in settings:
        make_meter(one)


def compare(old: Sequence[MeterSettings], new: Sequence[MeterSettings]) -> MeterChanges:
    """Which meters are added, removed and changed."""
    before = {settings.name: settings for settings in old}
    after = {settings.name: settings for settings in new}
    return MeterChanges(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(n for n in after if n in before and before[n] != after[n]),
    )


class MeterSet:
    """The meters of one agent.

    Args:
        recorder: Stores load profiles.
        buffer: For the progress of back-fills.
        clock: For their waiting.
        create: Makes the driver of a protocol.

    Attributes:
        meters: Those at work; always the same list, for whoever reads them.
    """

    def __init__(
        self,
        recorder: Recorder,
        buffer: Buffer,
        clock: Clock,
        create: CreateDriver = create_driver,
    ) -> None:
        self._create = create
        self.meters: list[Meter] = []
        self._recorder = recorder
        self._buffer = buffer
        self._clock = clock
        self._entries: dict[str, _MeterEntry] = {}
        self._group: asyncio.TaskGroup | None = None
        self._bad_frames_before = 0
        self._claims = Claims(buffer.marks)

    @property
    def bad_frames(self) -> int:
        """Answers that could not be decoded since the start, of meters that left too."""
        return self._bad_frames_before + sum(meter.bad_frames for meter in self.meters)

    @property
    def caught_up(self) -> bool:
        """Whether every load profile is stored up to its present end."""
        return all(meter.current for meter in self.meters if _keeps_profile(meter))

    async def run(self) -> None:
        """Catch up on load profiles until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for entry in self._entries.values():
                self._catch_up(entry)
            await asyncio.Event().wait()

    async def change(self, wanted: Sequence[MeterSettings]) -> MeterChanges:
        """Apply a change of configuration.

        Raises:
            ConfigurationError: A meter cannot be as configured; nothing was changed.
        """
        old = {name: entry.settings for name, entry in self._entries.items()}
        change = compare(tuple(old.values()), wanted)
        anew = {
            settings.name: make_meter(settings, self._create)
            for settings in wanted
            if settings.name not in old or not _same_driver(old[settings.name], settings)
        }
        self._claims.configure([settings.name for settings in wanted])
        leaving = [name for name in old if name in anew or name in change.removed]
        await asyncio.gather(*(self._leave(self._entries.pop(name)) for name in leaving))
        for settings in wanted:
            if settings.name in anew:
                await self._join(settings, anew[settings.name])
            elif settings.name in change.changed:
                await self._alter(self._entries[settings.name], settings)
        self._entries = {settings.name: self._entries[settings.name] for settings in wanted}
        return change

    async def close(self) -> None:
        """Close every meter."""
        entries, self._entries = self._entries, {}
        self.meters.clear()
        for entry in entries.values():
            await _release(entry.meter)

    async def _join(self, settings: MeterSettings, meter: Meter) -> None:
        meter.claims = self._claims
        await meter.driver.__aenter__()
        entry = self._entries[settings.name] = _MeterEntry(settings, meter)
        self.meters.append(meter)
        self._catch_up(entry)

    async def _leave(self, entry: _MeterEntry) -> None:
        """A read under way may end, where the meter usually answers."""
        meter = entry.meter
        self.meters.remove(meter)
        await self._end_backfill(entry)
        if meter.under_way and meter.answering:
            await asyncio.wait(set(meter.under_way), timeout=meter.timeout_s)
        await end(*meter.under_way)
        self._bad_frames_before += meter.bad_frames
        await _release(meter)

    async def _alter(self, entry: _MeterEntry, settings: MeterSettings) -> None:
        before, entry.settings = entry.settings, settings
        meter = entry.meter
        meter.period_s, meter.timeout_s = settings.period_s, settings.read_timeout_s
        meter.capacity_w, meter.trust = settings.capacity_w, settings.trust
        profile = (settings.load_profile, settings.backfill_from)
        if profile == (before.load_profile, before.backfill_from):
            return
        await self._end_backfill(entry)
        meter.load_profile, meter.backfill_from = profile
        meter.current = False
        self._catch_up(entry)

    def _catch_up(self, entry: _MeterEntry) -> None:
        if self._group is not None and _keeps_profile(entry.meter):
            backfill = Backfill(entry.meter, self._recorder, self._buffer, self._clock)
            entry.backfill = self._group.create_task(backfill.run())

    async def _end_backfill(self, entry: _MeterEntry) -> None:
        task, entry.backfill = entry.backfill, None
        if task is not None:
            await end(task)


async def _release(meter: Meter) -> None:
    try:
        await meter.driver.__aexit__(None, None, None)
    except (MeterlineError, OSError) as error:
        # The others go on, and so does the agent.
        _log.error("meter_not_closed", meter=meter.name, reason=str(error))


def _keeps_profile(meter: Meter) -> bool:
    return meter.load_profile and meter.driver.has_profile


def _same_driver(old: MeterSettings, new: MeterSettings) -> bool:
    return _driver_keys(old) == _driver_keys(new)


def _driver_keys(table: MeterSettings) -> tuple[object, ...]:
    return table.protocol, table.driver_settings, table.scale, table.scaled_codes

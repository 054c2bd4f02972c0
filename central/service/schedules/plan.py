"""Which schedules there are, and which of them came due when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog

from central.domain.schedule import JobSchedule, Occurrence
from central.service.ports.schedules import ScheduleStore
from central.service.schedules.kinds import KINDS, kind_of
from firmware_bridge.contract.errors import InvalidValueError

_ZONES_FOR = timedelta(minutes=10)
_log = structlog.get_logger(__name__)
_PLACES = {kind.name: order for order, kind in enumerate(KINDS)}


def all_schedules(changed: Iterable[JobSchedule]) -> list[JobSchedule]:
    """What people set, and the defaults of the jobs that nobody spoke of, in the order of jobs.

    Args:
        changed: What people set; a job that this release does not know is left out.
    """
    set_by_name = {schedule.name: schedule for schedule in changed if kind_of(schedule.job)}
    for kind in KINDS:
        if kind.default is not None:
            set_by_name.setdefault(kind.name, kind.default)
    return sorted(set_by_name.values(), key=lambda schedule: (_PLACES[schedule.job], schedule.name))


class DueJobs:
    """What came due.

    Args:
        store: Where it is kept what people said.
    """

    def __init__(self, store: ScheduleStore) -> None:
        self._store = store
        self._zones: tuple[datetime, tuple[str, ...]] | None = None

    async def each(self, now: datetime) -> list[Occurrence]:
        """The newest occurrence of every schedule, paused ones too, in the order of jobs.

        What names a zone that nobody knows is left out, and stops no other.

        Args:
            now: The present, aware.

        Raises:
            StoreUnavailableError: Try again.
        """
        zones, occurrences = await self._known_zones(now), []
        for schedule in all_schedules(await self._store.schedules()):
            for zone in zones if schedule.zone is None else (schedule.zone,):
                try:
                    night = schedule.night(now, zone)
                except InvalidValueError as error:
                    _log.warning("zone_unknown", schedule=schedule.name, reason=error.message)
                    continue
                occurrences.append(Occurrence(schedule, zone, night))
        return occurrences

    async def chains(self, now: datetime) -> list[list[Occurrence]]:
        """What came due of schedules that are not paused, by chain.

        Args:
            now: The present, aware.

        Raises:
            StoreUnavailableError: Try again.
        """
        chains: dict[str, list[Occurrence]] = {}
        for occurrence in await self.each(now):
            kind = kind_of(occurrence.schedule.job)
            if kind is not None and not occurrence.schedule.paused:
                chains.setdefault(kind.chain, []).append(occurrence)
        return list(chains.values())

    async def _known_zones(self, now: datetime) -> tuple[str, ...]:
        """The zones of the service points, which are asked for now and then: it reads them all."""
        if self._zones is None or not self._zones[0] <= now < self._zones[0] + _ZONES_FOR:
            self._zones = now, await self._store.zones()
        return self._zones[1]

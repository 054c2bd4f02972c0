"""Public holidays in memory."""

from __future__ import annotations

from collections.abc import Collection

from central.domain.tariff.holiday_calendar import HolidayCalendar
from central.service.ports.decisions import DecisionNote
from central.service.ports.holidays import HolidayRevision
from central.service.ports.stamps import InputKind
from tests.support.memory.books import BookState


class HolidayTables:
    """`HolidayTransaction` over dictionaries."""

    _state: BookState

    async def holiday_history(self, name: str | None) -> tuple[HolidayRevision, ...]:
        return tuple(
            entry for key, entry in sorted(self._state.holidays.items()) if name in {None, key[0]}
        )

    async def add_holidays(
        self, calendar: HolidayCalendar, note: DecisionNote, tariffs: Collection[str]
    ) -> bool:
        key = calendar.name, calendar.year, calendar.revision
        if key in self._state.holidays:
            return False
        self._state.holidays[key] = HolidayRevision(calendar, note.at, note.actor.key, note.reason)
        for tariff in sorted(tariffs):
            self._state.raise_input(InputKind.TARIFF, tariff)
        return True


def newest_holidays(state: BookState) -> tuple[HolidayCalendar, ...]:
    newest = {
        (name, year): entry.calendar for (name, year, _), entry in sorted(state.holidays.items())
    }
    return tuple(newest.values())

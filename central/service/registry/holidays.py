"""Keep the public holidays that bills are rated with: seeded, changed and taken back by revisions.

What the release says of a year is kept once a tariff needs it, so that another release changes no
year that is there. Only a person does, with a reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta

from central.domain.audit.change import change
from central.domain.tariff.calendar_rules import HolidayRule
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.holiday_calendar import HolidayCalendar, calendar_name, changed_days
from central.domain.tariff.load.document import load_kept
from central.domain.tariff.refusal import TariffRefusedError
from central.service.ports.decisions import DecisionNote
from central.service.ports.holidays import HolidayRevision
from central.service.ports.registry import (
    NotRegisteredError,
    RegistryConflictError,
    RegistryTransaction,
)
from central.service.ports.stamps import InputKind
from central.service.rating.resolve_calendar import released_holidays
from central.service.registry.record_changes import RecordChanges
from central.service.registry.tariff_revisions import need_reason
from firmware_bridge.contract.errors import InvalidValueError, MeterlineError

SEEDED = "as the release says"
_NAMES_HOLIDAYS = "holidays"
_AHEAD = 2


class PublicHolidays(RecordChanges):
    """The use-cases, each in a transaction of its own."""

    async def seed(self) -> int:
        """Keep the years that tariffs in force need, from last year to two years ahead.

        Returns:
            How many years are new.
        """
        year = self.clock().year
        async with self._begin() as registry:
            documents = await _documents(registry)
            rules = {document.calendar.holidays for document in documents.values()}
            kept = {key(entry) for entry in await registry.holiday_history(None)}
            return await self._seed(registry, rules, range(year - 1, year + _AHEAD + 1), kept)

    async def _seed(
        self,
        registry: RegistryTransaction,
        rules: Iterable[HolidayRule | None],
        years: Iterable[int],
        kept: set[tuple[str, int]],
    ) -> int:
        note = DecisionNote(self.actor, SEEDED, self.clock())
        named = {calendar_name(rule): rule for rule in rules if rule is not None and rule.country}
        wanted = [(name, year) for name in sorted(named) for year in years]
        added = 0
        for name, year in wanted:
            # A calendar that the release does not know holds the bills of its tariff alone.
            with suppress(TariffRefusedError):
                if (name, year) not in kept:
                    days = released_holidays(named[name], year)
                    calendar = HolidayCalendar(name, year, 1, days)
                    if await registry.add_holidays(calendar, note, ()):
                        detail = change(None, _content(calendar), SEEDED)
                        await _note(registry, note, "holidays.added", calendar, detail)
                        added += 1
        return added

    async def change(
        self, name: str, added: Mapping[date, str], removed: Sequence[date], reason: str
    ) -> HolidayCalendar:
        """Add and remove holidays of one year; bills that are not issued are compared again.

        Args:
            name: Of the calendar, such as `ES-MD`.
            added: Names by date.
            removed: Dates.
            reason: Why.

        Raises:
            InvalidValueError: No reason is given, no date, or dates of several years.
            NotRegisteredError: The year is not kept.
        """
        need_reason(reason)
        years = {day.year for day in (*added, *removed)}
        if len(years) != 1:
            message = "The dates are to be of one year."
            raise InvalidValueError(message, value=sorted(years), remedy="Change year by year.")
        async with self._begin() as registry:
            newest = (await _revisions(registry, name, years.pop()))[-1].calendar
            days = changed_days(newest.days, added, removed)
            if days == newest.days:
                return newest
            calendar = replace(newest, days=days, revision=newest.revision + 1, withdrawn=False)
            return await self._keep(registry, newest, calendar, reason)

    async def withdraw(self, name: str, year: int, reason: str) -> HolidayCalendar:
        """Take back the newest change of a year; what it said before holds again.

        Raises:
            InvalidValueError: No reason is given.
            NotRegisteredError: The year is not kept, or nobody changed it.
        """
        need_reason(reason)
        async with self._begin() as registry:
            entries = [entry.calendar for entry in await _revisions(registry, name, year)]
            newest = entries[-1]
            if newest.withdrawn or len(entries) == 1:
                message = f"Nothing that was changed of {name} {year} is left to take back."
                remedy = f"`meterline-central holidays list {name}` shows what there is."
                raise NotRegisteredError(message, value=name, remedy=remedy)
            before = entries[-2]
            calendar = replace(before, revision=newest.revision + 1, withdrawn=True)
            return await self._keep(registry, newest, calendar, reason)

    async def _keep(
        self,
        registry: RegistryTransaction,
        old: HolidayCalendar,
        new: HolidayCalendar,
        reason: str,
    ) -> HolidayCalendar:
        now = self.clock()
        reading = [
            tariff
            for tariff, document in (await _documents(registry)).items()
            if document.calendar.holidays is not None
            and calendar_name(document.calendar.holidays) == new.name
        ]
        note = DecisionNote(self.actor, reason, now)
        if not await registry.add_holidays(new, note, {tariff for tariff, _ in reading}):
            message = f"Somebody else changes {new.name} {new.year} at the same time."
            raise RegistryConflictError(message, value=new.name, remedy="Look, and try again.")
        for tariff in sorted({tariff for tariff, _ in reading}):
            for day in sorted({day for day, _ in set(old.days) ^ set(new.days)}):
                days = day, day + timedelta(days=1)
                await self._concern(registry, InputKind.TARIFF, tariff, days)
        detail = change(_content(old), _content(new), reason)
        await _note(registry, note, "holidays.changed", new, detail)
        return new


async def _note(
    registry: RegistryTransaction,
    note: DecisionNote,
    action: str,
    calendar: HolidayCalendar,
    detail: Mapping[str, object],
) -> None:
    subject = f"{calendar.name} {calendar.year}"
    await registry.audit(note.at, note.actor, action, subject, detail)


def key(entry: HolidayRevision) -> tuple[str, int]:
    """Of which year of which calendar a revision is."""
    return entry.calendar.name, entry.calendar.year


async def _documents(
    registry: RegistryTransaction,
) -> dict[tuple[str, date], TariffDocument]:
    """Versions of tariffs that name holidays and can be read; others hold their own bills.

    Reading one takes milliseconds, and there may be thousands, night after night.
    """
    documents = {}
    for entry in await registry.tariff_history(None):
        record = entry.record
        if _NAMES_HOLIDAYS not in record.document:
            continue
        try:
            documents[record.name, record.effective] = load_kept(record.document, file=record.name)
        except MeterlineError:
            continue
    return documents


async def _revisions(registry: RegistryTransaction, name: str, year: int) -> list[HolidayRevision]:
    history = await registry.holiday_history(None)
    entries = [entry for entry in history if key(entry) == (name, year)]
    if not entries:
        message = f"The year {year} of the holiday calendar {name} is not kept."
        names = sorted({of for of, its_year in map(key, history) if its_year == year})
        remedy = "`meterline-central holidays seed` keeps the years that tariffs need."
        if names:
            remedy = f"Of that year there are {', '.join(names)}; `holidays seed` keeps others."
        raise NotRegisteredError(message, value=name, remedy=remedy)
    return entries


def _content(calendar: HolidayCalendar) -> dict[str, object]:
    return {
        "revision": calendar.revision,
        "withdrawn": calendar.withdrawn,
        "days": {day.isoformat(): name for day, name in calendar.days},
    }

"""The tariffs of a bill run, read once; one that is refused stops no other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, time, timedelta
from functools import lru_cache
from itertools import chain, groupby
from typing import Any

from central.domain.rating.charges.tax_points import taxed_by_document
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.document_days import DocumentDays
from central.domain.rating.inputs.price_days import PriceDay, join_days
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.holiday_calendar import (
    RELEASED,
    HolidayCalendar,
    calendar_name,
    kept_years,
)
from central.domain.tariff.load.document import load_kept
from central.domain.tariff.lookup_rules import TableVersion
from central.domain.tariff.state_rules import Owner
from central.domain.tariff.version import TariffVersion
from central.service.billing.unrated import TARIFF_REFUSED
from central.service.halved import error_text
from central.service.ports.registry import TariffRecord
from central.service.ports.stamps import DaysRead, InputStamp
from central.service.rating.resolve_calendar import resolve_calendar
from firmware_bridge.contract.errors import MeterlineError
from firmware_bridge.contract.interval import MIDNIGHT

_DAY = timedelta(days=1)


class Tariffs:
    """The tariffs of a run, read once, and the series that they name.

    A tariff of which a version in force on the days is refused is in `refused`; a refused version
    that is not in force then is left out.

    Args:
        records: Versions by name.
        days: What will be rated.
        holidays: Years of calendars that are kept; of others the release says the holidays.
        revisions: Of the tariffs by name.
        tried: Versions that are not kept, by the names that they are asked for by.
    """

    def __init__(
        self,
        records: Mapping[str, Sequence[TariffRecord]],
        days: DayRange,
        holidays: Sequence[HolidayCalendar] = (),
        revisions: Mapping[str, int] | None = None,
        tried: Mapping[str, TariffVersion] | None = None,
    ) -> None:
        self._years = (days.first.year - 1, days.end.year + 1)
        self._days = days
        self._holidays = tuple(holidays)
        self._series: dict[str, PriceSeries] = {}
        self._revisions: dict[str, int] = {}
        self._tariff_revisions = revisions or {}
        # What bills that read the same tariffs are stamped with is the same for all of them.
        self._stamps: dict[tuple[str, frozenset[str]], dict[str, Any]] = {}
        self._unreadable: dict[str, Exception] = {}
        self._versions: dict[str, tuple[TariffVersion, ...]] = {}
        self._account_names: dict[str, frozenset[str]] = {}
        self.refused: dict[str, Hold] = {}
        for name, of_tariff in records.items():
            self._read(name, of_tariff, days)
        for name, version in (tried or {}).items():
            self._versions[name] = (version,)
        versions = chain.from_iterable(self._versions.values())
        documents = [version.document for version in versions]
        self.calendar: ResolvedCalendar = resolve_calendar(documents, *self._years, self._holidays)

    def _read(self, name: str, records: Sequence[TariffRecord], days: DayRange) -> None:
        listed = sorted(records, key=lambda one: one.effective)
        ends = [record.effective for record in listed[1:]] + [date.max]
        versions = []
        for record, end in zip(listed, ends, strict=True):
            try:
                version = _version(record)
                resolve_calendar([version.document], *self._years, self._holidays)
            except Exception as error:  # noqa: BLE001 - what one document does, others do not pay
                if record.effective < days.end and days.first < end:
                    self.refused[name] = _refused(record, error)
            else:
                versions.append(version)
        self._versions[name] = () if name in self.refused else tuple(versions)

    def versions(self, name: str) -> tuple[TariffVersion, ...]:
        """The versions of a tariff."""
        return self._versions.get(name, ())

    @property
    def series_names(self) -> frozenset[str]:
        """The series, and tables and meters kept outside, that any of the tariffs names."""
        return frozenset(chain.from_iterable(map(self._named, self._versions)))

    @property
    def table_names(self) -> frozenset[str]:
        """The lookup tables kept outside that any of the tariffs names."""
        versions = chain.from_iterable(self._versions.values())
        return frozenset(chain.from_iterable(version.document.given_tables for version in versions))

    def set_tables(self, tables: Iterable[TableVersion]) -> None:
        """Take what lookup tables say; a tariff that reads one otherwise is refused."""
        given: dict[str, list[TableVersion]] = {}
        for version in tables:
            given.setdefault(version.table, []).append(version)
        for name, versions in self._versions.items():
            try:
                self._versions[name] = tuple(version.with_tables(given) for version in versions)
            except MeterlineError as error:
                self._versions[name] = ()
                message = f"The tariff {name} does not fit a table that it names."
                self.refused[name] = Hold(TARIFF_REFUSED, message, error_text(error))

    @property
    def streams(self) -> Mapping[str, frozenset[str]]:
        """The streams of events that a tariff names, by its name; only of those that name any."""
        named = {
            name: frozenset(
                chain.from_iterable(version.document.given_streams for version in versions)
            )
            for name, versions in self._versions.items()
        }
        return {name: streams for name, streams in named.items() if streams}

    @property
    def looks_back(self) -> Mapping[str, int]:
        """How many days before a bill a tariff looks at, by name; only those that do."""
        back = {
            name: max(version.document.looks_back_days for version in versions)
            for name, versions in self._versions.items()
            if versions
        }
        return {name: days for name, days in back.items() if days}

    def account_names(self, name: str) -> frozenset[str]:
        """The states of a tariff that are the account's own."""
        if name not in self._account_names:
            self._account_names[name] = frozenset(
                state
                for version in self.versions(name)
                for state, owner in version.document.owners.items()
                if owner is Owner.ACCOUNT
            )
        return self._account_names[name]

    def set_revisions(self, revisions: Mapping[str, int]) -> None:
        """Take the revisions of series, read before their days are."""
        self._revisions.update(revisions)
        self._stamps.clear()

    def stamped(  # noqa: PLR0913 - all that a part is rated with
        self,
        stamp: InputStamp,
        name: str,
        others: frozenset[str],
        days_read: DaysRead,
        document_days: DocumentDays | None = None,
        *,
        limited: bool = False,
    ) -> InputStamp:
        """A stamp with all that a part is rated with beside its point and account.

        Args:
            stamp: With the revisions of these.
            name: Of the tariff that it is rated by.
            others: The tariffs that rating its bill reads, but for that of its agreement.
            days_read: Of each channel.
            document_days: Of its bill.
            limited: Whether these also say what is charged too late.
        """
        revisions = self._stamps.get((name, others))
        if revisions is None:
            revisions = self._stamps[name, others] = {
                "series": {
                    series: self._revisions.get(series, 0) for series in sorted(self._named(name))
                },
                "others": {other: self._tariff_revisions.get(other, 0) for other in sorted(others)},
                "holidays": self._holiday_revisions(name),
                "looks_back_days": self.looks_back.get(name, 0),
            }
        if not limited and not taxed_by_document(self.versions(name)):
            document_days = None
        return replace(stamp, days_read=days_read, document_days=document_days, **revisions)

    def _holiday_revisions(self, name: str) -> Mapping[str, int]:
        """Which revisions of holidays a tariff's bills are rated with, by calendar and year."""
        first = self._days.first - timedelta(days=self.looks_back.get(name, 0))
        read = range(first.year, (self._days.end - _DAY).year + 1)
        rules = {version.document.calendar.holidays for version in self.versions(name)}
        names = {calendar_name(rule) for rule in rules if rule is not None and rule.country}
        return {
            f"{calendar} {year}": years[year].revision if year in years else RELEASED
            for calendar in sorted(names)
            for years in [kept_years(self._holidays, calendar)]
            for year in read
        }

    def set_series(self, days: Iterable[PriceDay]) -> None:
        """Take the days of series that a store keeps, by name and day."""
        for name, of_series in groupby(days, key=lambda day: day.name):
            try:
                self._series[name] = join_days(list(of_series))
            except Exception as error:  # noqa: BLE001 - raised to those who name it
                self.mark_unreadable(name, error)

    def mark_unreadable(self, name: str, error: Exception) -> None:
        """Note that a series cannot be read: whoever asks for its prices gets the error.

        Args:
            name: Of the series.
            error: Why.
        """
        self._unreadable[name] = error

    def prices(
        self, name: str, days: DayRange, zone: str, at: time = MIDNIGHT
    ) -> tuple[PriceSeries, ...]:
        """What is known of the series of a tariff in local days, and those it looks back at.

        Args:
            name: Of the tariff.
            days: Local days.
            zone: Where they are cut.
            at: When they begin.

        Raises:
            Exception: What was raised when one of them was read.
        """
        back = timedelta(days=self.looks_back.get(name, 0))
        interval = DayRange(days.first - back, days.end).interval(zone, at)
        wanted = sorted(self._named(name))
        for lost in self._unreadable.keys() & set(wanted):
            raise self._unreadable[lost]
        given = (self._series.get(named) for named in wanted)
        return tuple(series.within(interval) for series in given if series is not None)

    def _named(self, name: str) -> frozenset[str]:
        versions = self.versions(name)
        documents = [version.document for version in versions]
        names = (
            document.given_series | document.given_tables | document.given_streams
            for document in documents
        )
        return frozenset(chain.from_iterable(names))


@lru_cache(maxsize=4096)
def _version(record: TariffRecord) -> TariffVersion:
    return TariffVersion.of(load_kept(record.document, file=record.name))


def _refused(record: TariffRecord, error: Exception) -> Hold:
    message = (
        f"The tariff {record.name} that is in force from {record.effective} on is refused by"
        " this release."
    )
    return Hold(TARIFF_REFUSED, message, error_text(error))

"""Keep the lookup tables that tariffs name: a decree changes a table, and not each tariff."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import pairwise

from central.domain.actor import Actor
from central.domain.audit.change import change
from central.domain.rating.inputs.segments import DayRange
from central.domain.tariff.lookup_rules import LookupTable, TableVersion, newest_of_dates
from central.service.ports.concerned_bills import ConcernedBills
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry import NotRegisteredError
from central.service.ports.series import SeriesStore, SeriesTransaction, TableConflictError
from central.service.registry.tariff_revisions import need_reason


@dataclass(frozen=True, slots=True)
class KeptTable:
    """What became of the dates of a table.

    Args:
        added: Dates of which nothing was said.
        corrected: Dates that say something else.
        unchanged: Dates that say what they said.
        concerned: Issued bills whose days a change reaches into.
    """

    added: int = 0
    corrected: int = 0
    unchanged: int = 0
    concerned: ConcernedBills = field(default_factory=ConcernedBills)


async def keep_table(
    store: SeriesStore,
    table: LookupTable,
    actor: Actor,
    *,
    reason: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> KeptTable:
    """Keep a table: all of it or nothing, and twice is once. Dates that it does not name stay.

    Args:
        store: Where tables are kept.
        table: Under its own name, as `load_table` gives it.
        actor: Who says so.
        reason: Why dates that are kept are to say something else.
        clock: Now, aware.

    Raises:
        TableConflictError: A date is kept with other numbers, and no reason is given; or the table
            is kept by other keys or in another unit. Nothing was kept.
        StoreUnavailableError: Try again.
    """
    async with store.transaction() as work:
        await work.hold(table.name)
        versions = [entry.version for entry in await work.table_history(table.name)]
        _require_alike(table, versions)
        in_force = {version.since: version for version in newest_of_dates(versions)}
        last = {version.since: version.revision for version in versions}
        given = [
            TableVersion(
                table.name, row.since, last.get(row.since, 0) + 1, table.by, table.unit, row.entries
            )
            for row in table.rows
        ]
        again = [version for version in given if version.since in in_force]
        changed = [version for version in again if _says(version) != _says(in_force[version.since])]
        new = [version for version in given if version.since not in in_force]
        if changed and reason is None:
            since = changed[0].since
            message = f"The table {table.name} says something else from {since} on."
            raise TableConflictError(message, value=since)
        bills = ConcernedBills()
        if new or changed:
            note = DecisionNote(actor, reason or "", clock())
            bills = await _add(work, [*new, *changed], in_force, note)
    return KeptTable(len(new), len(changed), len(again) - len(changed), bills)


async def withdraw_table(  # noqa: PLR0913 - what is taken back, by whom and why
    store: SeriesStore,
    name: str,
    since: date,
    actor: Actor,
    reason: str,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ConcernedBills:
    """Take a date of a table back that was entered by mistake; the one before it holds on.

    Raises:
        InvalidValueError: No reason is given.
        NotRegisteredError: The table has no such date.
        StoreUnavailableError: Try again.
    """
    need_reason(reason)
    async with store.transaction() as work:
        await work.hold(name)
        versions = [entry.version for entry in await work.table_history(name)]
        in_force = {version.since: version for version in newest_of_dates(versions)}
        if since not in in_force:
            message = f"The table {name} has no numbers that begin on {since}."
            remedy = f"`meterline-central table list {name}` shows what there is."
            raise NotRegisteredError(message, value=since, remedy=remedy)
        newest = in_force[since]
        gone = replace(newest, revision=newest.revision + 1, withdrawn=True)
        return await _add(work, [gone], in_force, DecisionNote(actor, reason, clock()))


async def _add(
    work: SeriesTransaction,
    versions: Sequence[TableVersion],
    in_force: dict[date, TableVersion],
    note: DecisionNote,
) -> ConcernedBills:
    name = versions[0].table
    await work.add_tables(versions, note)
    sinces = [version.since for version in versions]
    old = {version.since.isoformat(): _said(in_force.get(version.since)) for version in versions}
    new = {
        version.since.isoformat(): None if version.withdrawn else _said(version)
        for version in versions
    }
    await work.note_table(note, name, change(old, new, note.reason or None))
    days = _reach(sinces, in_force)
    return await work.concerned(name, days.first, days.end)


def _reach(sinces: Sequence[date], in_force: Iterable[date]) -> DayRange:
    """The days on which dates that change may say something else."""
    dates = sorted({*sinces, *in_force, date.max})
    ends = dict(pairwise(dates))
    return DayRange(min(sinces), max(ends[since] for since in sinces))


def _require_alike(table: LookupTable, versions: Iterable[TableVersion]) -> None:
    for version in newest_of_dates(versions):
        if version.by != table.by or version.unit != table.unit:
            message = (
                f"The table {table.name} is kept in {version.unit} by"
                f" {', '.join(version.by) or 'nothing'}, and given in {table.unit} by"
                f" {', '.join(table.by) or 'nothing'}."
            )
            remedy = "Give it another name: tariffs read it by its keys and in its unit."
            raise TableConflictError(message, value=table.name, remedy=remedy)


def _says(version: TableVersion) -> object:
    return dict(version.entries)


def _said(version: TableVersion | None) -> dict[str, str] | None:
    if version is None:
        return None
    return {" ".join(keys): str(number) for keys, number in version.entries}

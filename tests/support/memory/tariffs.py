"""Tariffs and their revisions in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta

from central.domain.actor import Actor
from central.domain.billing.planned import said_days
from central.domain.billing.state import BillState
from central.domain.rating.inputs.carried_state import CarriedState
from central.service.ports.concerned_bills import ConcernedBills
from central.service.ports.registry import (
    RegistryConflictError,
    TariffRecord,
    TariffRevision,
)
from central.service.ports.stamps import InputKind
from tests.support.memory.books import BookState, KeptBill, KeptPart

_DAY = timedelta(days=1)


class TariffTables:
    """That part of `RegistryTransaction`, over dictionaries."""

    _state: BookState

    async def tariff_versions(self, name: str) -> tuple[TariffRecord, ...]:
        return tuple(record for record in in_force(self._state) if record.name == name)

    async def tariff_history(self, name: str | None) -> tuple[TariffRevision, ...]:
        return tuple(
            revision
            for key, revision in sorted(self._state.tariffs.items())
            if name in {None, key[0]}
        )

    async def add_tariff_version(
        self, version: TariffRecord, actor: Actor, at: datetime, reason: str | None = None
    ) -> None:
        key = (version.name, version.effective, version.revision)
        if key in self._state.tariffs:
            message = f"{version.name} already has that revision of {version.effective}."
            raise RegistryConflictError(message, value=version.effective)
        self._state.tariffs[key] = TariffRevision(version, at, actor.key, reason)
        self._state.raise_input(InputKind.TARIFF, version.name)

    async def concerned(
        self, kind: InputKind, name: str, first: date, end: date | None
    ) -> ConcernedBills:
        return concerned_bills(self._state, kind, name, first, end or date.max)


def concerned_bills(
    state: BookState, kind: InputKind, name: str, first: date, end: date
) -> ConcernedBills:
    """See `RegistryTransaction.concerned`."""
    numbers = sorted(
        str(bill.record.number)
        for bill in state.bills.values()
        if bill.record.bill.state is BillState.ISSUED
        and _reaches(state, bill, (kind, name), first, end)
    )
    return ConcernedBills(len(numbers), tuple(numbers[:20]))


def _reaches(
    state: BookState, bill: KeptBill, changed: tuple[InputKind, str], first: date, end: date
) -> bool:
    for row in bill.parts:
        key = row.part.agreement_id
        days = said_days(row.part.days, settles=row.part.settles)
        agreement = state.agreements[key]
        names = {
            InputKind.POINT: {agreement.point},
            InputKind.TARIFF: {agreement.tariff},
            InputKind.SERIES: set(bill.stamps[key].series),
        }
        if changed[1] in names[changed[0]] and days.first < end and first < days.end:
            return True
        if changed[0] is InputKind.TARIFF and any(
            changed[1] == tariff and first <= day < end
            for tariff, day in _read_beside(state, row, agreement.tariff, bill.stamps[key].others)
        ):
            return True
    return False


def _read_beside(
    state: BookState, row: KeptPart, tariff: str, rated_with: Collection[str]
) -> Iterator[tuple[str, date]]:
    """Other tariffs that a part reads for what it opened with and what it left, each on a day.

    Args:
        state: Of the utility.
        row: The part.
        tariff: Of its agreement.
        rated_with: Names of other tariffs.
    """
    days = said_days(row.part.days, settles=row.part.settles)
    before = (
        other.part.closing
        for bill in state.bills.values()
        for other in bill.parts
        if other.id == row.state_from
    )
    left = next(before, CarriedState())
    if left.tariff != tariff:
        yield (left if left.before is None else left.before).tariff, row.part.days.first - _DAY
    if row.part.closing.tariff not in {"", tariff}:
        yield row.part.closing.tariff, days.end
        return
    # The tariff after it, where that was known, may say that nothing is handed over.
    for key, after in state.agreements.items():
        follows = after.first == days.end and not row.part.settles
        same = state.occupants.get(key) == state.occupants.get(row.part.agreement_id)
        if follows and same and after.tariff in rated_with:
            yield after.tariff, days.end


def in_force(state: BookState) -> list[TariffRecord]:
    """Of each date the newest revision, where that is not withdrawn; by name and date."""
    newest = {key[:2]: revision.record for key, revision in sorted(state.tariffs.items())}
    return [record for record in newest.values() if not record.withdrawn]

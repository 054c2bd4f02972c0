"""Which parts of issued bills an input changed for; the statements are in `changed_parts.sql`.

A revision is the point's or the account's, and a part reads some of its days: where one is another,
it is asked which facts changed since, and of which days.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from central.adapters.timescale.queries import load_queries
from central.domain.billing.changed_record import ConcernedDays, concerned_days
from central.service.knowledge_time import SETTLED_AFTER
from central.service.ports.stamps import ChangedInput, InputKind

MARGIN = 2 * SETTLED_AFTER
"""What a transaction writes has the time at which it began; so much older may be new."""
# Then a night has seen it again with the same revisions.
_LATELY = timedelta(hours=36)
COARSE = frozenset({InputKind.POINT, InputKind.ACCOUNT})
"""Inputs whose revision does not say what of them changed."""
_NAMED = {InputKind.TARIFF, InputKind.HOLIDAYS, InputKind.SERIES}
_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]


class ComparedAccount(NamedTuple):
    """An account whose issued bills are compared with their inputs, as integers.

    Args:
        id: Its key.
        number: As people know it.
        parts: How many stand.
        revisions: Hash over them and the revisions of their inputs.
        changed: Keys of bills of which a tariff, its holidays or a series changed.
        anew: Whether one of those changed since the account was compared last.
        suspect: Whether the point or the account of a part has another revision.
        compared: Whether it was compared with just these revisions.
        compared_at: When it was compared last; None for never.
        held: Whether nobody knows what its bills would say.
    """

    id: int
    number: str
    parts: int
    revisions: int
    changed: Sequence[int]
    anew: bool
    suspect: bool
    compared: bool
    compared_at: datetime | None
    held: bool

    def is_settled(self, at: datetime) -> bool:
        """Whether nobody can doubt any more, at a time, what it was compared with."""
        return self.compared and self.compared_at is not None and self.compared_at < at - _LATELY


class _Suspect(NamedTuple):
    account_id: int
    bill: int
    account: str
    point: str
    first: date
    last: date
    since: datetime
    changed: bool


async def compared_accounts(
    connection: _Connection, accounts: Sequence[int]
) -> list[ComparedAccount]:
    """Compare the revisions of the parts of issued bills of accounts, by key."""
    rows = await _rows(connection, "compared", accounts=list(accounts), margin=MARGIN)
    return [ComparedAccount(*row) for row in rows]


async def bills_with_facts(
    connection: _Connection, accounts: Sequence[int], *, anew: bool
) -> dict[int, set[int]]:
    """Keys of bills of which a fact of their days changed, by the account's key.

    Args:
        connection: Any.
        accounts: Keys.
        anew: Whether only what changed since the account was compared last counts.
    """
    asked = {"accounts": list(accounts), "anew": anew, "margin": MARGIN}
    rows = await _rows(connection, "suspects", **asked)
    suspects = [_Suspect(*row) for row in rows]
    bills: dict[int, set[int]] = {}
    for suspect in suspects:
        if suspect.changed:
            bills.setdefault(suspect.account_id, set()).add(suspect.bill)
    open_ones = [
        suspect
        for suspect in suspects
        # One is enough where it is asked of the account.
        if not suspect.changed and not (anew and suspect.account_id in bills)
    ]
    records = await _records(connection, open_ones)
    for suspect in open_ones:
        if any(
            recorded_at > suspect.since and days.overlap(suspect.first, suspect.last)
            for days, recorded_at in records.get((suspect.account, suspect.point), ())
        ):
            bills.setdefault(suspect.account_id, set()).add(suspect.bill)
    return bills


async def _records(
    connection: _Connection, suspects: Collection[_Suspect]
) -> dict[tuple[str, str], list[tuple[ConcernedDays, datetime]]]:
    """What the registry says otherwise, by account and point: the days that it concerns."""
    since: dict[tuple[str, str], datetime] = {}
    for suspect in suspects:
        place = suspect.account, suspect.point
        since[place] = min(since.get(place, suspect.since), suspect.since)
    if not since:
        return {}
    values = {
        "accounts": [account for account, _ in since],
        "points": [point for _, point in since],
        "since": list(since.values()),
    }
    concerned: dict[tuple[str, str], list[tuple[ConcernedDays, datetime]]] = {}
    for account, point, kind, before, after, at in await _rows(connection, "records", **values):
        days = concerned_days(kind, before, after)
        if days is not None:
            concerned.setdefault((account, point), []).append((days, at))
    return concerned


async def changed_bills(
    connection: _Connection,
    account: int,
    inputs: Mapping[int, Sequence[ChangedInput]],
) -> dict[int, tuple[ChangedInput, ...]]:
    """Issued bills of an account whose days an input changed for, and which inputs.

    Args:
        connection: Any.
        account: Its key.
        inputs: By key of the bill those that have another revision.
    """
    compared = await compared_accounts(connection, [account])
    named = {bill for each in compared for bill in each.changed}
    facts = (await bills_with_facts(connection, [account], anew=False)).get(account, set())
    rated = {
        bill: tuple(
            each
            for each in changed
            if (each.kind in COARSE and bill in facts) or (each.kind in _NAMED and bill in named)
        )
        for bill, changed in inputs.items()
    }
    return {bill: changed for bill, changed in rated.items() if changed}


async def note_compared(connection: _Connection, accounts: Mapping[int, int], at: datetime) -> None:
    """Note with which revisions accounts were compared; see `CandidateStore.note_compared`."""
    values = {"accounts": list(accounts), "revisions": list(accounts.values()), "at": at}
    await connection.execute(_SQL["note"], values)


async def _rows(connection: _Connection, statement: str, /, **values: object) -> list[_Row]:
    cursor = await connection.execute(_SQL[statement], values)
    return await cursor.fetchall()

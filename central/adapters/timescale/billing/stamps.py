"""Compare bills with the revisions of their inputs; the statements are in `stamps.sql`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, Rollback

from central.adapters.timescale.billing.state_text import state_text
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.domain.rating.hashing import canonical
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.bill_shard import NewBill
from central.service.ports.holes import HOLES
from central.service.ports.stamps import (
    ChangedInput,
    DaysRead,
    InputKind,
    InputStamp,
    changed_tariff,
)

_SQL = load_queries(Path(__file__).with_name("stamps.sql"))
_HELD = ("hold_points", "hold_accounts", "hold_tariffs", "hold_series")
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]


async def hold_bills(connection: _Connection, uids: Sequence[UUID]) -> None:
    """Keep some bills, and those directly before them, from changing until the commit."""
    await _rows(connection, "hold_bills", uids=uids)


async def hold_inputs(connection: _Connection, uids: Sequence[UUID]) -> None:
    """Keep what some bills were made from, and the bills, from changing until the commit.

    Inputs come before bills, as for all who change them: an agreement's end takes its point and
    account, and then discards drafts. Where a run made a bill anew meanwhile, from something else,
    all is let go and taken again.
    """
    ((*named,),) = await _rows(connection, "named_inputs", uids=uids)
    held = False
    while not held:
        async with connection.transaction() as attempt:
            for statement, keys in zip(_HELD, named, strict=True):
                if statement == "hold_series" and keys:
                    await _rows(connection, "know_series", keys=keys)
                await _rows(connection, statement, keys=keys)
            await _rows(connection, "hold_settings")
            await hold_bills(connection, uids)
            had = named
            ((*named,),) = await _rows(connection, "named_inputs", uids=uids)
            held = all(set(new) <= set(old) for old, new in zip(had, named, strict=True))
            if not held:
                raise Rollback(attempt)


async def changed_inputs(
    connection: _Connection, uids: Sequence[UUID]
) -> dict[UUID, tuple[ChangedInput, ...]]:
    """What is another than some bills were made with."""
    changes: dict[UUID, dict[ChangedInput, None]] = {}
    for row in await _rows(connection, "changed", uids=uids, codes=HOLES):
        changes.setdefault(row[0], {}).update(dict.fromkeys(_changed(row)))
    return {uid: tuple(inputs) for uid, inputs in changes.items()}


def _changed(row: _Row) -> list[ChangedInput]:
    point, account, tariff, settings = row[4:8]
    others = row[9] or {}
    changes = [ChangedInput(InputKind.POINT, row[1])] if point else []
    changes += [ChangedInput(InputKind.ACCOUNT, row[2])] if account else []
    changes += changed_tariff(row[3], row[10], row[11]) if tariff else []
    changes += [
        ChangedInput(InputKind.TARIFF, name, tuple(map(date.fromisoformat, others[name])))
        for name in sorted(others)
    ]
    changes += [ChangedInput(InputKind.SERIES, name) for name in row[8]]
    changes += [ChangedInput(InputKind.GATEWAY, name) for name in row[12]]
    changes += [ChangedInput(InputKind.ADJUSTMENT, number) for number in row[13]]
    changes += [ChangedInput(InputKind.SETTINGS, "")] if settings else []
    return changes


async def contributions(
    connection: _Connection, uids: Sequence[UUID], actor: Actor
) -> dict[UUID, str]:
    """Those of some bills on which somebody worked, and what they did."""
    return dict(await _rows(connection, "contributors", uids=uids, actor=actor.key))


async def series_revisions(connection: _Connection, names: Collection[str]) -> dict[str, int]:
    """The revisions of series; 0 of one that is not known."""
    rows = await _rows(connection, "series_revisions", names=sorted(names))
    return dict.fromkeys(names, 0) | dict(rows)


async def refresh(connection: _Connection, bills: Sequence[NewBill]) -> None:
    """Note newer revisions in bills that say just this; see `ShardTransaction.refresh`."""
    rows = [
        {
            **stamp_columns(bill.stamps[part.agreement_id], part.days),
            "agreement": part.agreement_id,
            "account_id": bill.account_id,
            "cycle": str(bill.bill.period),
            "run_type": bill.bill.run_type.value,
            "bill_revision": bill.bill.revision,
            "sha256": bytes.fromhex(bill.bill.sha256),
            "closing_sha256": state_text(part.closing)[1],
        }
        for bill in bills
        for part in bill.parts
        if part.agreement_id in bill.stamps
    ]
    async with connection.cursor() as cursor:
        await cursor.executemany(_SQL["refresh"], rows)


def stamp_columns(stamp: InputStamp, days: DayRange) -> dict[str, object]:
    """The columns of a part that keep its stamp, in the order of `add_parts`.

    Args:
        stamp: What it was rated with.
        days: Of the part.
    """
    return {
        "point": stamp.point,
        "account": stamp.account,
        "tariff": stamp.tariff,
        "settings": stamp.settings,
        "series": revisions_text(stamp.series),
        "days_read": None if stamp.days_read is None else _days_text(stamp.days_read, days),
        "others": revisions_text(stamp.others),
        "holidays": revisions_text(stamp.holidays),
        "not_metered": stamp.not_metered,
        "looks_back": stamp.looks_back_days,
        "taxed_issue": None if stamp.document_days is None else stamp.document_days.issued,
        "taxed_due": None if stamp.document_days is None else stamp.document_days.due,
    }


def days_read_of(text: Mapping[str, Any], days: DayRange) -> dict[int, list[DayRange]]:
    """The days of each channel that a part was rated with, as its column keeps them.

    Args:
        text: By the channel's key; true for just the days of the part.
        days: Of the part.
    """
    return {
        int(channel): [days]
        if read is True
        else [DayRange(*map(date.fromisoformat, ends)) for ends in read]
        for channel, read in text.items()
    }


def _days_text(read: DaysRead, of_part: DayRange) -> str:
    channels = ",".join(
        f'"{channel}":{"true" if days == (of_part,) else _ranges_text(days)}'
        for channel, days in read.items()
    )
    return f"{{{channels}}}"


@lru_cache(maxsize=256)
def _ranges_text(days: tuple[DayRange, ...]) -> str:
    return canonical([[each.first.isoformat(), each.end.isoformat()] for each in days])


def revisions_text(revisions: Mapping[str, int]) -> str:
    """Revisions by name as JSON; most bills have none."""
    return canonical(dict(revisions)) if revisions else "{}"


async def accounts_of(connection: _Connection, uids: Sequence[UUID]) -> list[int]:
    """The keys of the accounts of some bills."""
    return [row[1] for row in await _rows(connection, "accounts_of", uids=uids)]


async def run_of(connection: _Connection, uids: Sequence[UUID]) -> _Row | None:
    """The run of some bills: id, identifier, creator, end, cycle and type."""
    return next(iter(await _rows(connection, "run_of", uids=uids)), None)


async def _rows(connection: _Connection, statement: str, /, **values: object) -> list[_Row]:
    listed = {
        name: list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
        for name, value in values.items()
    }
    cursor = await connection.execute(_SQL[statement], listed)
    return await cursor.fetchall()

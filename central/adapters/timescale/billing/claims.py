"""How far the days of occupancies are claimed, and further claims; the statements: `claims.sql`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection, errors

from central.adapters.timescale.arrays import array_text
from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.billing.account_state import OwnRow, own_rows
from central.adapters.timescale.open_bills import discard_bills
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.domain.audit.change import bills_moved
from central.domain.billing.bill import RunType
from central.domain.billing.period_text import period_of
from central.domain.billing.planned import (
    AgreedTerm,
    NotBilled,
    OccupancyChain,
    OpenBill,
    PlannedBill,
    PlannedPart,
)
from central.domain.billing.state import BillState
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.stamps import InputStamp
from firmware_bridge.contract.errors import OperatorError

SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_ACTOR = Actor.job("bill")
_TAKEN = "Days are claimed at the same time by somebody else."


class PeriodTakenError(OperatorError):
    """Somebody else claims days at the same time."""

    code = "PERIOD_TAKEN"
    default_remedy = "Let the other run end, then run the cycle again."


class OpenPart(NamedTuple):
    """A part of an open bill, as it is kept.

    Args:
        id: Its key.
        opening_sha256: Of the state it opened with.
        closing_sha256: Of the state it left.
    """

    id: int
    opening_sha256: bytes | None
    closing_sha256: bytes | None


class OpenRow(NamedTuple):
    """An open bill, as it is kept.

    Args:
        state: `draft` or `held`.
        sha256: Of what it says; None where it could not be rated.
        document: Of such a one, what it says.
        parts: By occupancy and first day.
        shared: What it hands on of the account's own.
    """

    state: str
    sha256: bytes | None
    document: object
    parts: Mapping[tuple[int, date], OpenPart]
    shared: Collection[OwnRow] = frozenset()


class ShardClaims:
    """The claims of one shard.

    Args:
        connection: In the shard's transaction.
    """

    def __init__(self, connection: AsyncConnection[_Row]) -> None:
        self.connection = connection
        self.part_ids: dict[tuple[int, date], int] = {}
        """Keys of the parts that are made, by occupancy and first day."""
        self.state_from: dict[tuple[int, date], int] = {}
        """Keys of the parts directly before those, which they open from."""
        self.stamps: dict[int, InputStamp] = {}
        """The revisions of what agreements are rated with, but for series and other tariffs."""
        self.tariffs: dict[str, int] = {}
        """The revisions of the tariffs of all agreements and of what is settled, by name."""
        self.replaced: dict[int, int] = {}
        """Keys of the parts that some of those replace, by theirs."""
        self.rows: dict[int, OpenRow] = {}
        """Open bills by key, as they were when the shard was taken."""
        self.issued = False
        """Whether the bills are issued: what they consumed is all that they consume."""

    async def chains(self, accounts: Sequence[int]) -> dict[int, list[OccupancyChain]]:
        """The occupancies of accounts, held until the transaction ends."""
        chains = await self._rows("chains", accounts=list(accounts))
        terms: dict[int, list[AgreedTerm]] = {}
        tariffs: dict[int, int] = {}
        for occupancy, *term, revision in await self._rows("terms", accounts=list(accounts)):
            terms.setdefault(occupancy, []).append(AgreedTerm(*term))
            tariffs[term[0]] = self.tariffs[term[1]] = revision
        occupancies: dict[int, list[OccupancyChain]] = {account: [] for account in accounts}
        for row in chains:
            key, account, point, name, zone, claimed_to, ended_on, channels, at, *later = row
            settled, left, left_under, posted_here, posted, *revisions = later
            agreed = tuple(terms.get(key, ()))
            codes = frozenset(bytes(code) for code in channels or ())
            occupancies[account].append(
                OccupancyChain(
                    key,
                    account,
                    point,
                    name,
                    zone,
                    claimed_to,
                    ended_on,
                    agreed,
                    codes,
                    at,
                    settled,
                    None if left is None else CarriedState.from_json(left),
                    left_under or "",
                    posted_here,
                    posted,
                )
            )
            of_point, of_account, common = revisions
            for agreement in (term.agreement_id for term in agreed):
                stamp = InputStamp(of_point, of_account, tariffs[agreement], common)
                self.stamps[agreement] = stamp
        # Such as that of an agreement which was withdrawn after a bill handed over to it.
        named = {chain.left_under for of in occupancies.values() for chain in of}
        if others := named - self.tariffs.keys() - {""}:
            self.tariffs |= dict(await self._rows("tariff_revisions", names=sorted(others)))
        return occupancies

    async def account_left(
        self, chains: Mapping[int, Sequence[OccupancyChain]]
    ) -> dict[int, CarriedState]:
        """What is the own of accounts whose days are all issued, and not all settled."""
        accounts = [
            account
            for account, of in chains.items()
            if all(chain.left is not None for chain in of if chain.terms)
            and not all(chain.settled for chain in of)
        ]
        if not accounts:
            return {}
        rows = await self._rows("account_left", accounts=accounts)
        return {account: CarriedState.from_json(closing) for account, closing in rows}

    async def open_bills(self, accounts: Sequence[int]) -> dict[int, list[OpenBill]]:
        """The drafts and held bills of accounts, held until the transaction ends."""
        return await self._open(await self._rows("hold_open_bills", accounts=list(accounts)))

    async def chosen_bills(self, uids: Sequence[UUID]) -> dict[int, list[OpenBill]]:
        """Some bills, as if they were open; held until the transaction ends."""
        return await self._open(await self._rows("hold_bills", uids=list(uids)))

    async def _open(self, rows: Sequence[_Row]) -> dict[int, list[OpenBill]]:
        if not rows:
            return {}
        parts: dict[int, dict[tuple[int, date], OpenPart]] = {}
        days: dict[int, list[tuple[int, int, DayRange]]] = {}
        settling: dict[int, set[int]] = {}
        for bill, key, occupancy, agreement, first, end, settles, *states in await self._rows(
            "open_parts", bills=[row[0] for row in rows]
        ):
            opening, closing = states
            if settles:
                settling.setdefault(bill, set()).add(occupancy)
            parts.setdefault(bill, {})[occupancy, first] = OpenPart(key, opening, closing)
            days.setdefault(bill, []).append((occupancy, agreement, DayRange(first, end)))
            self.part_ids[occupancy, first] = key
        shared = await own_rows(self.connection, [row[0] for row in rows])
        bills: dict[int, list[OpenBill]] = {}
        for key, account, cycle, period, run_type, state, sha256, unrated in rows:
            document = {"cycle": cycle} | ({} if period is None else {"period": period})
            bills.setdefault(account, []).append(
                OpenBill(
                    key,
                    account,
                    period_of(document),
                    RunType(run_type),
                    tuple(days.get(key, ())),
                    frozenset(settling.get(key, ())),
                )
            )
            self.rows[key] = OpenRow(
                state, sha256, unrated, parts.get(key, {}), shared.get(key, set[OwnRow]())
            )
        return bills

    async def claim(self, bills: Sequence[PlannedBill]) -> Collection[int]:
        """See `ShardTransaction.claim`.

        Raises:
            PeriodTakenError: Somebody else moved where one begins, or took days that one is to
                hold as well.
        """
        wanted = [planned for bill in bills for planned in bill.parts if not planned.claimed]
        if not wanted:
            return ()
        fresh = [planned for planned in wanted if planned.held_to is None]
        rows = await self._rows("next_part_ids", count=len(fresh))
        ids = self.part_ids | {
            planned.key: row[0] for planned, row in zip(fresh, rows, strict=True)
        }
        keys = [ids[planned.key] for planned in wanted]
        longer = [planned for planned in wanted if planned.held_to is not None]
        await self._free([(planned, ids[planned.key]) for planned in longer])
        try:
            claimed = await self._rows("claim", **_columns(wanted, keys))
        except errors.ForeignKeyViolation as error:
            raise PeriodTakenError(_TAKEN) from error
        held = {row[0] for row in claimed}
        taken = {
            planned.occupancy.account_id
            for planned, key in zip(wanted, keys, strict=True)
            if key not in held
        }
        given = [
            (planned, key)
            for planned, key in zip(wanted, keys, strict=True)
            if planned.occupancy.account_id in taken and key in held
        ]
        if any(planned.occupancy.account_id in taken for planned in longer):
            raise PeriodTakenError(_TAKEN)
        await self._free(given)
        self.part_ids = ids
        return taken

    async def _free(self, parts: Sequence[tuple[PlannedPart, int]]) -> None:
        """Free the days of parts, each with its key."""
        if parts:
            occupancies = [planned.occupancy.occupancy_id for planned, _ in parts]
            values = {"occupancies": occupancies, "parts": [key for _, key in parts]}
            await self.connection.execute(SQL["unclaim"], values)

    async def drop(self, bills: Sequence[PlannedBill], at: datetime) -> None:
        """Discard bills that are there, and free the days of all."""
        there = [bill.bill_id for bill in bills if bill.bill_id is not None]
        fresh = [planned for bill in bills if bill.bill_id is None for planned in bill.parts]
        await self._free([(planned, self.part_ids[planned.key]) for planned in fresh])
        if there:
            uids = [row[0] for row in await self._rows("uids", bills=there)]
            await discard_bills(self.connection, uids)
            subject, detail = bills_moved(uids, "open", BillState.DISCARDED)
            detail["reason"] = "It says nothing any more."
            await audit(self.connection, at, _ACTOR, "bill.discarded", subject, detail)

    async def before(self, parts: Iterable[PlannedPart]) -> dict[tuple[int, date], _Row]:
        """What is directly before some parts.

        Key, closing state, state, period and key of its bill, and whether it is in the account's
        order.
        """
        keys = [planned.key for planned in parts]
        rows = await self._rows(
            "before",
            occupancies=array_text(key[0] for key in keys),
            firsts=array_text(key[1] for key in keys),
        )
        self.state_from |= {(row[0], row[1]): row[2] for row in rows if row[2] is not None}
        return {(row[0], row[1]): row[2:] for row in rows}

    def keys_of(self, parts: Iterable[PlannedPart]) -> list[int]:
        """Keys of parts that hold their claims; those that hold none have no key."""
        return [self.part_ids[each.key] for each in parts if each.key in self.part_ids]

    async def note(self, run: int, accounts: Collection[int], notes: Sequence[NotBilled]) -> None:
        """See `ShardTransaction.note`."""
        rows = await self._rows("run_notes", run=run, accounts=list(accounts))
        differing = {note.account_id for note in {NotBilled(*row) for row in rows} ^ set(notes)}
        if not differing:
            return
        dropped = {"run": run, "accounts": sorted(differing)}
        await self.connection.execute(SQL["drop_notes"], dropped)
        notes = [note for note in notes if note.account_id in differing]
        if notes:
            columns = {
                "accounts": [note.account_id for note in notes],
                "codes": [note.code for note in notes],
                "points": [note.point for note in notes],
                "firsts": [note.first for note in notes],
                "ends": [note.end for note in notes],
                "messages": [note.message for note in notes],
            }
            await self.connection.execute(SQL["add_notes"], {"run": run, **columns})

    async def finish(self, occupancies: Collection[int], at: datetime) -> None:
        """See `ShardTransaction`."""
        values = {"occupancies": sorted(occupancies), "at": at}
        await self.connection.execute(SQL["finish"], values)

    async def _rows(self, statement: str, /, **values: object) -> list[_Row]:
        async with self.connection.cursor(binary=True) as cursor:
            await cursor.execute(SQL[statement], values)
            return await cursor.fetchall()


def _columns(parts: Sequence[PlannedPart], keys: Sequence[int]) -> dict[str, object]:
    return {
        "occupancies": array_text(planned.occupancy.occupancy_id for planned in parts),
        "firsts": array_text(planned.days.first for planned in parts),
        "ends": array_text(planned.days.end for planned in parts),
        "parts": array_text(keys),
        "settles": [planned.settles for planned in parts],
    }

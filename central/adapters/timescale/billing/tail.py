"""Issued bills of an account, rated forward and settled anew; the statements: `tail.sql`."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.billing import stamps
from central.adapters.timescale.billing.account_state import own_text
from central.adapters.timescale.billing.adjustments import SQL as ADJUSTMENTS
from central.adapters.timescale.billing.changed_parts import changed_bills
from central.adapters.timescale.billing.changes import changes_of_bills
from central.adapters.timescale.billing.claims import ShardClaims
from central.adapters.timescale.billing.correction_limits import limits_of
from central.adapters.timescale.billing.load import ShardLoader
from central.adapters.timescale.billing.settled_parts import settled_parts
from central.adapters.timescale.billing.shard import TimescaleShard, shard_of
from central.adapters.timescale.billing.state_text import state_text
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.domain.audit.change import change
from central.domain.billing.bill import RunType
from central.domain.billing.correction import CorrectionWaitingError, no_such_correction
from central.domain.billing.correction_limit import LimitCause, LimitTerms, limit_on
from central.domain.billing.cycle import Cycle
from central.domain.billing.final_settlement import to_settle
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.uuid7 import uuid7
from central.service.ports.bill_shard import NewBill, NewPart, RunRecord, Shard
from central.service.ports.billing_errors import UnknownBillError
from central.service.ports.corrections import (
    BillBehind,
    IssuedHead,
    NewAdjustment,
    NewCorrection,
    SettledPart,
    VersionedPart,
)
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry import NotRegisteredError
from central.service.ports.stamps import ChangedInput

SQL = load_queries(Path(__file__).with_suffix(".sql"))
CANDIDATES = load_queries(Path(__file__).with_name("candidates.sql"))
_Row = tuple[Any, ...]
_DRY_RUN = "dry run"
_Tail = TypeVar("_Tail", bound="TimescaleTail")
_MOVED = (
    *("opened", "received", "earned", "applied", "refunded", "expired", "remaining"),
    "lapse_months",
)


async def take_tail(
    connection: AsyncConnection[_Row],
    account: str,
    since: UUID | None,
    at: datetime,
    kind: type[_Tail],
) -> _Tail | None:
    """An account's issued bills from one on, held until the transaction ends.

    Args:
        connection: In a transaction that has written nothing yet.
        account: Number.
        since: The first of them; None for the first of which an input is another.
        at: When the use-case began, aware.
        kind: What is done with them.
    """
    await record_at(connection, at)
    rows = await _rows(connection, "hold_account", account=account)
    if not rows:
        message = f"The registry has no account {account!r}."
        raise NotRegisteredError(message, value=account)
    account_id = int(rows[0][0])
    issued = await _rows(connection, "issued", account_id=account_id)
    uids = [row[1] for row in issued]
    inputs = await stamps.changed_inputs(connection, uids)
    of_bills = {row[0]: inputs[row[1]] for row in issued if row[1] in inputs}
    changed = await changed_bills(connection, account_id, of_bills) if of_bills else {}
    first = _first(account, issued, changed, since)
    if first is None:
        return None
    claims = ShardClaims(connection)
    claims.issued = True
    chains = await claims.chains([account_id])
    bills = await claims.chosen_bills(uids[first:])
    ends = [chain.ended_on for of in chains.values() for chain in of if chain.ended_on is not None]
    run = await _run(connection, uids[-1])
    loader = ShardLoader(connection, claims, at)
    until = max([*ends, issued[-1][6]]) + timedelta(days=1)
    shard = await shard_of(claims, loader, run, 0, chains, bills, until)
    tail = kind(connection, shard, claims, loader, at)
    tail.account, tail.account_id = account, account_id
    tail.heads = {row[0]: IssuedHead(*row[:6]) for row in issued[first:]}
    tail.changed = changed
    behind = await _rows(connection, "behind", account=account, account_id=account_id)
    tail.behind = [BillBehind(*row) for row in behind]
    await connection.execute("SAVEPOINT tail_begins")
    return tail


def _first(
    account: str,
    issued: Sequence[_Row],
    changed: Collection[int],
    since: UUID | None,
) -> int | None:
    """The place of the first bill of the tail; None where there is none."""
    if since is not None:
        uids = [row[1] for row in issued]
        if since not in uids:
            message = f"{since} is no issued bill of {account} that stands."
            raise UnknownBillError(message, value=str(since))
        return uids.index(since)
    return next((number for number, row in enumerate(issued) if row[0] in changed), None)


async def _run(connection: AsyncConnection[_Row], uid: UUID) -> RunRecord:
    """The run of a bill, in whose name nothing is billed here."""
    row = await stamps.run_of(connection, [uid])
    if row is None:
        raise AssertionError(uid)
    cycle, run_type = Cycle.parse(row[4]), RunType(row[5])
    return RunRecord(row[0], row[1], cycle, run_type, row[2], accounts=1, resumed=True)


class TimescaleTail(TimescaleShard):
    """`TailTransaction` on one connection.

    Args:
        connection: In the transaction that holds the bills.
        shard: The bills, as if they were open.
        claims: Of the shard.
        loader: Of what rating needs.
    """

    account: str
    account_id: int
    heads: Mapping[int, IssuedHead]
    changed: Mapping[int, tuple[ChangedInput, ...]]
    behind: Sequence[BillBehind]

    def __init__(
        self,
        connection: AsyncConnection[_Row],
        shard: Shard,
        claims: ShardClaims,
        loader: ShardLoader,
        at: datetime,
    ) -> None:
        super().__init__(connection, shard, claims, loader, at)
        self._correction: int | None = None
        self._waiting: int | None = None
        self._waiting_uid: UUID | None = None
        self._limited: list[LimitTerms | None] = []
        self.kept = False

    @property
    def day(self) -> date:
        """See `TailTransaction`."""
        return self.at.astimezone(UTC).date()

    async def limit(self) -> LimitTerms | None:
        """See `TailTransaction`."""
        if not self._limited:
            limits = (await limits_of(self._connection, [self.account_id])).get(self.account_id, ())
            caused = any(limit.cause is not None for limit in limits)
            causes = await self._causes() if caused else ()
            self._limited = [limit_on(limits, self.day, causes)]
        return self._limited[0]

    async def _causes(self) -> list[LimitCause | None]:
        """Why the bills say something else: the causes that a limit can be of, None for another."""
        changed = [each for causes in self.changed.values() for each in causes]
        details = await changes_of_bills(self._connection, list(self.changed), changed)
        other = {cause.kind.value for cause in details}
        named = {each.kind.value for each in changed}
        causes: list[LimitCause | None] = [
            cause for cause in LimitCause if cause.value in other | named
        ]
        return [*causes, None] if other - {*LimitCause} else causes

    async def settled(self, bill: int) -> tuple[SettledPart, ...]:
        """See `TailTransaction`."""
        return await settled_parts(self._connection, bill)

    async def has_next_bill(self) -> bool:
        """See `TailTransaction`."""
        ((there,),) = await _rows(self._connection, "next_bill", account_id=self.account_id)
        if there:
            return True
        claims = ShardClaims(self._connection)
        chains = await claims.chains([self.account_id])
        left = await claims.account_left(chains)
        after_all = left.get(self.account_id, CarriedState())
        return bool(to_settle(chains[self.account_id], after_all))

    async def settle(self, bill: NewBill, parts: Sequence[VersionedPart]) -> None:
        """See `TailTransaction`."""
        correction = await self._decided()
        for versioned in parts:
            rerated = bill.parts[versioned.number]
            values = _version(bill, versioned, rerated)
            values |= {"correction": correction, "account_id": self.account_id}
            await self._connection.execute(SQL["add_version"], values)

    async def _decided(self) -> int:
        """The decision that versions name; of a dry run one that is rolled back with them."""
        if self._correction is None:
            values = {"account_id": self.account_id}
            rows = await _rows(self._connection, "waiting_correction", **values)
            if not rows:
                rows = await _rows(
                    self._connection,
                    "add_correction",
                    **values,
                    uid=uuid7(self.at),
                    way="adjust",
                    bill=next(iter(self.heads)),
                    cause=[],
                    reason=_DRY_RUN,
                    difference=Jsonb({}),
                    sha256=bytes(32),
                    actor=_DRY_RUN,
                    at=self.at,
                    rule=None,
                )
            self._correction = int(rows[0][0])
        return self._correction

    async def undo(self) -> None:
        """See `TailTransaction`."""
        await self._connection.execute("ROLLBACK TO SAVEPOINT tail_begins")
        self._correction = self._waiting

    async def decide(self, correction: NewCorrection, note: DecisionNote) -> UUID:
        """See `TailTransaction`."""
        values = {"account_id": self.account_id}
        if await _rows(self._connection, "waiting_correction", **values):
            message = f"{self.account} has a correction that waits to be approved."
            raise CorrectionWaitingError(message, value=self.account)
        uid = uuid7(note.at)
        await _rows(
            self._connection,
            "add_correction",
            **values,
            uid=uid,
            way=correction.way.value,
            bill=next(iter(self.heads)),
            cause=list(correction.cause),
            reason=note.reason,
            difference=Jsonb(correction.difference),
            sha256=bytes.fromhex(correction.difference_sha256),
            actor=note.actor.key,
            at=note.at,
            rule=correction.rule,
        )
        fields = {"account": self.account, "way": correction.way.value, **correction.difference}
        detail = change(None, fields, note.reason)
        await audit(self._connection, note.at, note.actor, "correction.decided", str(uid), detail)
        return uid

    async def waits(self, uid: UUID) -> bool:
        """See `TailTransaction`."""
        values = {"account_id": self.account_id, "uid": uid}
        rows = await _rows(self._connection, "hold_correction", **values)
        self._waiting_uid = uid
        self._waiting = self._correction = int(rows[0][0]) if rows else None
        return bool(rows)

    async def contributors(self) -> Mapping[str, str]:
        """See `TailTransaction`."""
        correction = await self._decided()
        return dict(await _rows(self._connection, "contributors", correction=correction))

    async def post(self, adjustments: Sequence[NewAdjustment]) -> None:
        """See `TailTransaction`."""
        correction = await self._decided()
        for posted in adjustments:
            line = posted.line
            values = {
                "correction": correction,
                "account_id": self.account_id,
                "part": posted.part_id,
                "version": posted.version,
                "bill": posted.bill_id,
                "line": Jsonb(line.to_json()),
                "charge": line.charge,
                "kind": line.kind,
                "currency": posted.currency,
                "amount": line.amount,
                "kwh": line.quantity if line.unit == "kWh" else None,
            }
            await self._connection.execute(ADJUSTMENTS["add"], values)

    async def stamp(self, bills: Sequence[NewBill], at: datetime) -> None:
        """See `TailTransaction`."""
        await self._stamp(bills, at, await self._decided())

    async def _stamp(self, bills: Sequence[NewBill], at: datetime, correction: int | None) -> None:
        for bill in bills:
            for claimed in bill.parts:
                stamp = bill.stamps.get(claimed.agreement_id)
                if stamp is None:
                    continue
                key = self._claims.part_ids[claimed.occupancy_id, claimed.days.first]
                values = {**stamps.stamp_columns(stamp, claimed.days), "part": key, "at": at}
                values["correction"] = correction
                await self._connection.execute(SQL["add_stamp"], values)

    async def withdraw_behind(self) -> Sequence[UUID]:
        """See `TailTransaction`."""
        values = {"account_id": self.account_id}
        return [row[0] for row in await _rows(self._connection, "withdraw_behind", **values)]

    async def approve(self, approver: Actor, at: datetime, withdrawn: Sequence[UUID]) -> None:
        """See `TailTransaction`."""
        values = {"correction": await self._decided(), "actor": approver.key, "at": at}
        rows = await _rows(self._connection, "approve", **values)
        if not rows and self._waiting_uid is not None:  # `undo` let it go, and it was withdrawn
            raise no_such_correction(self._waiting_uid)
        ((uid, way),) = rows
        after = {"state": "approved", "way": way, "withdrawn": [str(bill) for bill in withdrawn]}
        closed = {**values, "account_id": self.account_id, "bills": list(self.heads), "way": way}
        await self._connection.execute(CANDIDATES["close_decided"], closed)
        detail = change({"state": "decided"}, after)
        await audit(self._connection, at, approver, "correction.approved", str(uid), detail)

    def keep(self) -> None:
        """See `TailTransaction`."""
        self.kept = True


def _version(bill: NewBill, versioned: VersionedPart, rerated: NewPart) -> dict[str, object]:
    first, end = list(bill.line_numbers())[versioned.number]
    lines = bill.bill.canonical_text().lines[first - 1 : end - 1]
    _, opening_sha256 = state_text(rerated.opening)
    closing, closing_sha256 = state_text(rerated.closing)
    shared: tuple[object, object, object] = (None, None, None)
    if rerated.shared is not None:
        text, sha256 = own_text(rerated.shared.after.state)
        shared = own_text(rerated.shared.before.state)[1], sha256, text
    return {
        "part": versioned.settled.id,
        "version": versioned.settled.version + 1,
        "bill": bill.plan.bill_id,
        "supply": Jsonb(bill.bill.supplies[versioned.number].to_json()),
        "lines": f"[{','.join(lines)}]",
        "kwh": versioned.kwh,
        "opening_sha256": opening_sha256,
        "closing_sha256": closing_sha256,
        "closing": closing,
        "own_opening_sha256": shared[0],
        "own_closing_sha256": shared[1],
        "own_closing": shared[2],
        "movements": json.dumps(
            [
                {"bank": bank}
                | {
                    name: None if value is None else str(value)
                    for name, value in zip(_MOVED, moved, strict=True)
                }
                for bank, *moved in rerated.money
            ]
        ),
    }


async def _rows(
    connection: AsyncConnection[_Row], statement: str, /, **values: object
) -> list[_Row]:
    cursor = await connection.execute(SQL[statement], values)
    return await cursor.fetchall()

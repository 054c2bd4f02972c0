"""What is an account's own after the parts of its bills; the statements: `account_state.sql`."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from central.adapters.timescale.queries import load_queries
from central.domain.billing.chain_order import ChainLink
from central.domain.billing.planned import PlannedBill
from central.domain.billing.state import BillState
from central.domain.rating.hashing import canonical
from central.domain.rating.inputs.account_state import NOTHING_OWN, AccountOwn
from central.domain.rating.inputs.carried_state import CarriedState
from central.service.ports.bill_shard import NewBill

SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]


class OwnRow(NamedTuple):
    """A row of `account_state`, but for whose it is.

    Args:
        part_id: Key of the part.
        position: Of the part in the account's order.
        state_from: Key of the part before it; None for the first.
        opening_sha256: Of what it opened with.
        closing_sha256: Of what it left.
    """

    part_id: int
    position: int
    state_from: int | None
    opening_sha256: bytes
    closing_sha256: bytes


async def own_before(
    connection: AsyncConnection[_Row], bills: Sequence[PlannedBill]
) -> Mapping[int, AccountOwn]:
    """What is the account's own before each of some bills, by its number in the list."""
    values = {
        "numbers": list(range(len(bills))),
        "accounts": [bill.account_id for bill in bills],
        "bills": [bill.bill_id for bill in bills],
        "ends": [bill.period.days.end for bill in bills],
        "firsts": [bill.period.days.first for bill in bills],
    }
    cursor = await connection.execute(SQL["held"], values)
    shared = {number: AccountOwn(held=first) for number, first in await cursor.fetchall()}
    cursor = await connection.execute(SQL["before"], values)
    for number, part_id, position, closing in await cursor.fetchall():
        state = CarriedState.from_json(closing)
        shared[number] = replace(
            shared.get(number, NOTHING_OWN), state=state, position=position, part_id=part_id
        )
    return shared


async def own_rows(
    connection: AsyncConnection[_Row], bills: Collection[int]
) -> dict[int, set[OwnRow]]:
    """The rows of bills, by their keys."""
    rows: dict[int, set[OwnRow]] = {}
    cursor = await connection.execute(SQL["rows"], {"bills": list(bills)})
    for bill, *columns in await cursor.fetchall():
        rows.setdefault(bill, set()).add(OwnRow(*columns))
    return rows


def rows_of(new: NewBill, part_ids: Mapping[tuple[int, date], int]) -> Iterator[tuple[OwnRow, str]]:
    """The rows of a bill that has lines, with the closing states as they are kept.

    A held bill has them too, for when somebody releases it; none goes on with them before.
    """
    if not new.bill.lines:
        return
    behind: int | None = None
    owned = [(share.shared, share) for share in new.parts if share.shared is not None]
    for shared, share in sorted(owned, key=lambda pair: pair[0].after.position):
        key = part_ids[share.occupancy_id, share.days.first]
        _, opening = own_text(shared.before.state)
        closing, sha256 = own_text(shared.after.state)
        state_from = shared.before.part_id if behind is None else behind
        yield OwnRow(key, shared.after.position, state_from, opening, sha256), closing
        behind = key


def own_text(state: CarriedState) -> tuple[str, bytes]:
    """What is an account's own as it is kept, and its hash."""
    text = canonical(state.to_json())
    return text, hashlib.sha256(text.encode()).digest()


async def hold_accounts(connection: AsyncConnection[_Row], uids: Sequence[UUID]) -> None:
    """Wait for others who decide on bills of the same accounts, where that matters."""
    await connection.execute(SQL["lock"], {"uids": list(uids)})


async def own_links(
    connection: AsyncConnection[_Row], uids: Sequence[UUID]
) -> Iterator[tuple[UUID, ChainLink]]:
    """What is before bills in their account's order."""
    cursor = await connection.execute(SQL["links"], {"uids": list(uids)})
    rows = await cursor.fetchall()
    return (
        (uid, ChainLink(before, name, BillState(state), same))
        for uid, before, name, state, same in rows
    )

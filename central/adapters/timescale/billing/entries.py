"""Entries of the ledger that parts of bills consume; the statements are in `entries.sql`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from central.adapters.timescale.queries import load_queries
from central.domain.billing.ledger import BankMovement, EntryKind, OpenEntry

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Connection = AsyncConnection[tuple[Any, ...]]


class ConsumingPart(NamedTuple):
    """A part that is saved.

    Args:
        id: Its key.
        bill_id: Key of its bill.
        entries: Keys of the entries that it consumes.
        money: What it did to the money in its banks.
    """

    id: int
    bill_id: int
    entries: tuple[int, ...]
    money: tuple[BankMovement, ...]


async def open_entries(
    connection: _Connection, accounts: Collection[int], parts: Collection[int], *, others: bool
) -> dict[int, tuple[OpenEntry, ...]]:
    """What bills of accounts may consume, by account.

    Args:
        connection: In the shard's transaction.
        accounts: Keys.
        parts: Keys of parts that are made anew; what they have consumed is among it.
        others: Whether what no bill has consumed is, too.
    """
    values = {"accounts": list(accounts), "parts": list(parts), "others": others}
    cursor = await connection.execute(_SQL["open"], values)
    entries: dict[int, tuple[OpenEntry, ...]] = {}
    for account, *columns, kind, key, name, taxes, expires in await cursor.fetchall():
        fields: dict[str, Any] = {"kind": EntryKind(kind), "taxes": tuple(taxes)}
        fields |= {} if expires is None else {"expires": expires}
        entry = OpenEntry(*columns)._replace(key=key, name=name, **fields)
        if entry.amount > 0:
            entries[account] = (*entries.get(account, ()), entry)
    return entries


async def consume(
    connection: _Connection, parts: Sequence[ConsumingPart], *, replaced: bool
) -> None:
    """Note what parts consume, in place of what they consumed.

    Args:
        connection: In the shard's transaction.
        parts: All parts of some bills that are written.
        replaced: Whether one of the bills was there before.
    """
    wanted = [(entry, consumer) for consumer in parts for entry in consumer.entries]
    if replaced:
        keys = [consumer.id for consumer in parts]
        entries = [entry for entry, _ in wanted]
        await connection.execute(_SQL["drop_uses"], {"parts": keys, "entries": entries})
        await connection.execute(_SQL["drop_movements"], {"parts": keys})
    if wanted:
        values = {
            "entries": [entry for entry, _ in wanted],
            "bills": [consumer.bill_id for _, consumer in wanted],
            "parts": [consumer.id for _, consumer in wanted],
        }
        await connection.execute(_SQL["use"], values)
    if any(consumer.money for consumer in parts):
        async with connection.cursor() as cursor, cursor.copy(_SQL["add_movements"]) as copy:
            for consumer in parts:
                for bank, *amounts in consumer.money:
                    await copy.write_row((consumer.id, bank, consumer.bill_id, *amounts))

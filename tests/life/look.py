"""What a life looks at behind the product's back: rows of its tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import numpy as np

from central.adapters.timescale.pool import Pool
from central.domain.metering.packed_day import unpack_days
from tests.life.books import Bank, State
from tests.life.oracle import by_month
from tests.life.validated import MISSING, Block, Blocks

# What was discarded, or cancelled by an issued credit note, is not live; nor is a credit note, nor
# what is to be issued with one.
_PARTS = """
SELECT account.number, service_point.name, service.name, tariff.name,
    bill_part.first_day, bill_part.end_day, bill.state, bill.uid,
    (SELECT sum(amount) FROM bill_line WHERE bill_line.bill_id = bill.id), bill_part.closing,
    bill.holds, bill.creator, bill.approver, bill.made_at, bill_part.settles
FROM bill_part
JOIN bill ON bill.id = bill_part.bill_id
JOIN agreement ON agreement.id = bill_part.agreement_id
JOIN account ON account.id = agreement.account_id
JOIN service_point ON service_point.id = agreement.service_point_id
JOIN service ON service.id = agreement.service_id
JOIN tariff ON tariff.id = agreement.tariff_id
WHERE bill.state <> 'discarded' AND bill.cancels IS NULL
    AND (bill.decision IS NULL OR bill.state = 'issued')
    AND NOT EXISTS (
        SELECT FROM credited_part JOIN bill AS note ON note.id = credited_part.bill_id
        WHERE credited_part.part_id = bill_part.id AND note.state = 'issued'
    )
ORDER BY account.number, service_point.name, bill_part.first_day
"""
_LINES = """
SELECT bill.uid, bill_line.service_point, bill_line.charge, bill_line.label, sum(amount)
FROM bill JOIN bill_line ON bill_line.bill_id = bill.id
WHERE bill.uid = ANY(%(bills)s)
GROUP BY 1, 2, 3, 4 HAVING sum(amount) <> 0
"""
_BLOCKS = """
SELECT DISTINCT ON (channel_id, day)
    service_point.name, point_channel.obis, day, exponent, content, intervals,
    actor = 'job:estimate'
FROM unnest(%(points)s::text[], %(firsts)s::date[], %(ends)s::date[], %(known)s::timestamptz[])
    AS wanted (name, first, until, known)
JOIN service_point ON service_point.name = wanted.name
JOIN point_channel ON point_channel.service_point_id = service_point.id
JOIN day_block ON day_block.channel_id = point_channel.id
    AND day >= wanted.first AND day < wanted.until
    AND day_block.made_at <= coalesce(wanted.known, 'infinity')
JOIN block_heading ON block_heading.id = heading_id
ORDER BY channel_id, day, version DESC
"""
_DAYS = """
SELECT DISTINCT service_point.name, point_channel.obis, day
FROM day_block
JOIN point_channel ON point_channel.id = channel_id
JOIN service_point ON service_point.id = point_channel.service_point_id
WHERE day >= %(first)s
"""


@dataclass(frozen=True)
class Part:
    """Days of an agreement in a live bill, as the product keeps it.

    Args:
        account: Number.
        point: Name.
        service: Name.
        plan: Name of the tariff.
        first: First local day.
        end: The day after the last.
        state: Of its bill.
        bill: Its bill.
        total: Of all lines of the bill.
        closing: What it leaves.
        holds: Codes, where it is held.
        creator: Of the bill.
        approver: Of the bill.
        made_at: When the bill was made.
        settles: Whether it bills no day, but settles what was left when all days were billed.
    """

    account: str
    point: str
    service: str
    plan: str
    first: date
    end: date
    state: str
    bill: UUID
    total: Decimal | None
    closing: State
    holds: tuple[str, ...]
    creator: str
    approver: str | None
    made_at: datetime
    settles: bool = False

    @property
    def place(self) -> tuple[str, str, str]:
        """Whose it is, and of what."""
        return self.account, self.point, self.service

    def __str__(self) -> str:
        return f"{self.account} at {self.point} {self.first}..{self.end} ({self.state})"


Lines = dict[UUID, dict[str, dict[tuple[str, str], Decimal]]]
"""Amounts of a bill, by point, charge and label; those of zero are left out."""


Days = tuple[str, date, date, datetime | None]
"""Of a point, from a first to an end, as known at a time; None for now."""


class Look:
    """Reads what the product keeps."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def _rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement.encode(), values)
            return await cursor.fetchall()

    async def parts(self) -> list[Part]:
        """Every part of a live bill."""
        return [_part(row) for row in await self._rows(_PARTS)]

    async def lines(self, bills: Iterable[UUID]) -> Lines:
        """The lines of some bills."""
        found: Lines = {}
        for bill, point, *rest, amount in await self._rows(_LINES, bills=list(bills)):
            charge, label = rest
            found.setdefault(bill, {}).setdefault(point, {})[charge, label] = amount
        return found

    async def blocks(self, days: Iterable[Days]) -> Blocks:
        """The newest block of each day, or the newest that was known at a time."""
        wanted = list(days)
        names = ("points", "firsts", "ends", "known")
        columns = {name: [row[place] for row in wanted] for place, name in enumerate(names)}
        rows = await self._rows(_BLOCKS, **columns)
        found = {}
        for point, obis, day, exponent, packed, intervals, estimated in rows:
            values, _ = unpack_days(packed, np.array([len(packed)]), np.array([intervals]))
            assert exponent >= 0, (point, day)
            scaled = np.where(values == MISSING, MISSING, values * 10**exponent)
            found[point, _code(obis), day] = Block(scaled, estimated)
        return Blocks(found)

    async def kept(self) -> tuple[int, int]:
        """How many messages are kept in quarantine, and how many as rejected."""
        ((quarantined, rejected),) = await self._rows(
            "SELECT (SELECT count(*) FROM quarantine), (SELECT count(*) FROM rejected)"
        )
        return quarantined, rejected

    async def closed(self, first: date) -> set[tuple[str, str, date]]:
        """Days of channels that have a block."""
        rows = await self._rows(_DAYS, first=first)
        return {(point, _code(obis), day) for point, obis, day in rows}


def _code(obis: bytes) -> str:
    a, b, c, d, e, f = bytes(obis)
    return f"{a}-{b}:{c}.{d}.{e}*{f}"


def _part(row: tuple[Any, ...]) -> Part:
    account, point, service, plan, first, end, state, bill, total, closing, *rest = row
    holds, creator, approver, made_at, settles = rest
    return Part(
        account,
        point,
        service,
        plan,
        first,
        # It holds the day on which the customer has gone, which belongs to somebody else.
        first if settles else end,
        state,
        bill,
        total,
        _state(closing),
        _codes(holds),
        creator,
        approver,
        made_at,
        settles,
    )


def _codes(holds: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(hold["code"] for hold in holds)


def _state(closing: dict[str, Any]) -> State:
    """Of an entry only what it is worth; the days it comes from and its owner follow."""
    bank: Bank = {}
    for _, label, earned, amount, *_ in closing["credits"]:
        bank.setdefault(label, []).append((earned, Fraction(amount)))
    peaks = {month: Fraction(value) for _, _, month, value, *_ in closing["peaks"]}
    return State(by_month(bank), peaks)

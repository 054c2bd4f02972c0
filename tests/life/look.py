"""What a life looks at behind the product's back: rows of its tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any
from uuid import UUID

import numpy as np

from central.adapters.timescale.pool import Pool
from central.domain.metering.packed_day import unpack_days
from tests.life.books import Bank, State
from tests.life.oracle import by_month, lapsing
from tests.life.validated import MISSING, Block, Blocks

# What was discarded, or cancelled by an issued credit note, is not live; nor is a credit note, nor
# what is to be issued with one.
_PARTS = """
SELECT account.number, service_point.name, service.name, tariff.name,
    bill_part.first_day, bill_part.end_day, bill.state, bill.uid,
    coalesce(newest.closing, bill_part.closing),
    bill.holds, bill.creator, bill.approver, bill.made_at, bill_part.settles, bill_part.id,
    coalesce(newest.version, 1), newest.approved_at,
    (SELECT uid FROM bill AS old WHERE old.id = bill.replaces AND bill.decision IS NOT NULL),
    (SELECT max(noted_at) FROM settled_stamp WHERE settled_stamp.part_id = bill_part.id)
FROM bill_part
LEFT JOIN LATERAL (
    SELECT settled_version.version, settled_version.closing, correction.approved_at
    FROM settled_version JOIN correction ON correction.id = settled_version.correction_id
    WHERE settled_version.part_id = bill_part.id
    ORDER BY settled_version.version DESC LIMIT 1
) AS newest ON true
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
SELECT
    bill.uid, bill_line.service_point,
    -- What is adjusted of a tax or a settlement is told apart.
    bill_line.charge || CASE
        WHEN bill_line.charge = 'adjustment' AND kind IN ('tax', 'settlement') THEN ' ' || kind
        ELSE ''
    END,
    bill_line.label, sum(amount)
FROM bill JOIN bill_line ON bill_line.bill_id = bill.id
WHERE bill.uid = ANY(%(bills)s)
GROUP BY 1, 2, 3, 4 HAVING sum(amount) <> 0
"""
# What parts say as they are settled; what a bill carries is of no part of it.
_SETTLED = """
SELECT wanted.id, line.charge, line.label, sum(line.amount)
FROM unnest(%(parts)s::bigint[]) AS wanted (id)
JOIN bill_part ON bill_part.id = wanted.id
CROSS JOIN LATERAL (
    SELECT version, lines FROM settled_version WHERE part_id = bill_part.id
    UNION ALL
    SELECT 1, NULL
    ORDER BY 1 DESC LIMIT 1
) AS newest
CROSS JOIN LATERAL (
    SELECT charge, label, amount FROM bill_line
    WHERE newest.version = 1 AND bill_id = bill_part.bill_id AND number <@ line_numbers
    UNION ALL
    SELECT each->>'id', each->>'label', (each->>'amount')::numeric
    FROM jsonb_array_elements(newest.lines) AS each
) AS line
GROUP BY 1, 2, 3 HAVING sum(line.amount) <> 0
"""
_DOCUMENTS = """
SELECT account.number, sum(bill_line.amount)
FROM bill
JOIN account ON account.id = bill.account_id
JOIN bill_line ON bill_line.bill_id = bill.id
WHERE bill.state = 'issued'
GROUP BY 1
"""
_ANEW = """
SELECT DISTINCT service_point.name, day
FROM day_block
JOIN point_channel ON point_channel.id = channel_id
JOIN service_point ON service_point.id = point_channel.service_point_id
WHERE version > 1 AND made_at > %(since)s
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
# What is kept of occupancies with days that no issued bill says.
_ACCRUALS = """
SELECT account.number, service_point.name, service.name, newest.first_day, newest.end_day,
    newest.amount, newest.holds,
    (
        SELECT coalesce(jsonb_object_agg(charge, amount), '{}') FROM (
            SELECT charge.key AS charge, sum(charge.value::numeric)::text AS amount
            FROM (
                SELECT DISTINCT ON (day) charges FROM unbilled_day
                WHERE occupancy_id = newest.occupancy_id
                    AND day >= newest.first_day AND day < newest.end_day
                ORDER BY day, recorded_at DESC
            ) AS newest_day
            CROSS JOIN LATERAL jsonb_each_text(newest_day.charges) AS charge
            GROUP BY 1
        ) AS of_charge
    )
FROM (
    SELECT DISTINCT ON (occupancy_id) * FROM unbilled_span
    ORDER BY occupancy_id, recorded_at DESC
) AS newest
JOIN occupancy ON occupancy.id = newest.occupancy_id
JOIN account ON account.id = occupancy.account_id
JOIN service ON service.id = occupancy.service_id
JOIN service_point ON service_point.id = service.service_point_id
WHERE newest.first_day < newest.end_day
"""
_DAYS = """
SELECT DISTINCT service_point.name, point_channel.obis, day
FROM day_block
JOIN point_channel ON point_channel.id = channel_id
JOIN service_point ON service_point.id = point_channel.service_point_id
WHERE day >= %(first)s
"""


Place = tuple[str, str, str]
"""Account, service point and service."""


@dataclass(frozen=True)
class Accrual:
    """What the product keeps of days of an occupancy that are not billed.

    Args:
        days: The first, and the one after the last.
        amount: Of all days.
        charges: Amounts of its days together, by charge.
        holds: What would hold its bill.
    """

    days: tuple[date, date]
    amount: Decimal
    charges: Mapping[str, Decimal]
    holds: tuple[str, ...]


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
        closing: What it leaves.
        holds: Codes, where it is held.
        creator: Of the bill.
        approver: Of the bill.
        made_at: When the bill was made.
        settles: Whether it bills no day, but settles what was left when all days were billed.
        key: In the store.
        version: As which it is settled; 1 as its bill says it.
        settled_at: When it was settled anew; None where its bill says it.
        replaces: The bill that its own was issued for, with the cancellation of that.
        noted_at: When it was last rated again, for a decision or since an input was another, and
            said what it says; None where it never was.
    """

    account: str
    point: str
    service: str
    plan: str
    first: date
    end: date
    state: str
    bill: UUID
    closing: State
    holds: tuple[str, ...]
    creator: str
    approver: str | None
    made_at: datetime
    settles: bool = False
    key: int = 0
    version: int = 1
    settled_at: datetime | None = None
    replaces: UUID | None = None
    noted_at: datetime | None = None

    @property
    def known_at(self) -> datetime:
        """As of when it reads its days."""
        return self.settled_at or self.made_at

    @property
    def place(self) -> Place:
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
        found: dict[tuple[str, str, date], Block] = {}
        if not rows:
            return Blocks(found)
        sizes = np.array([len(row[4]) for row in rows])
        counts = np.array([row[5] for row in rows])
        unpacked, _ = unpack_days(b"".join(row[4] for row in rows), sizes, counts)
        ends = np.cumsum(counts)
        for (point, obis, day, exponent, _, intervals, estimated), end in zip(
            rows, ends.tolist(), strict=True
        ):
            assert exponent >= 0, (point, day)
            values = unpacked[end - intervals : end]
            if exponent:
                values = np.where(values == MISSING, MISSING, values * 10**exponent)
            found[point, _code(obis), day] = Block(values, estimated)
        return Blocks(found)

    async def settled(self, parts: Iterable[Part]) -> dict[int, dict[tuple[str, str], Decimal]]:
        """What parts say as they are settled, by their keys; amounts of zero are left out."""
        keys = [part.key for part in parts]
        found: dict[int, dict[tuple[str, str], Decimal]] = {key: {} for key in keys}
        for key, charge, label, amount in await self._rows(_SETTLED, parts=keys):
            found[key][charge, label] = amount
        return found

    async def accruals(self) -> dict[Place, Accrual]:
        """What is kept of days that no issued bill says, by occupancy."""
        found: dict[Place, Accrual] = {}
        for *place, first, end, amount, holds, charges in await self._rows(_ACCRUALS):
            by_charge = {charge: Decimal(charges[charge]) for charge in charges}
            account, point, service = place
            found[account, point, service] = Accrual((first, end), amount, by_charge, tuple(holds))
        return found

    async def documents(self) -> dict[str, Decimal]:
        """What issued bills and credit notes of each account come to."""
        return dict(await self._rows(_DOCUMENTS))

    async def anew(self, since: datetime) -> set[tuple[str, date]]:
        """Points and days that were validated anew since a time."""
        return set(await self._rows(_ANEW, since=since))

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


@cache
def _code(obis: bytes) -> str:
    a, b, c, d, e, f = bytes(obis)
    return f"{a}-{b}:{c}.{d}.{e}*{f}"


def _part(row: tuple[Any, ...]) -> Part:
    account, point, service, plan, first, end, state, bill, closing, *rest = row
    holds, creator, approver, made_at, settles, key, version, settled_at, replaces, noted = rest
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
        _state(closing),
        _codes(holds),
        creator,
        approver,
        made_at,
        settles,
        key,
        version,
        settled_at,
        replaces,
        noted,
    )


def _codes(holds: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(hold["code"] for hold in holds)


def _state(closing: dict[str, Any]) -> State:
    """Of an entry only what it is worth; the days it comes from and its owner follow."""
    bank: Bank = {}
    for _, label, earned, amount, *rest in closing.get("credits", ()):
        expires = date.fromisoformat(rest[3]) if len(rest) > 3 and rest[3] else None
        bank.setdefault(label, []).append((lapsing(earned, expires), Fraction(amount)))
    peaks = {month: Fraction(value) for _, _, month, value, *_ in closing.get("peaks", ())}
    return State(by_month(bank), peaks)

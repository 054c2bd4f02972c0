"""All that rating a shard of accounts needs, a query each; the statements are in `billing.sql`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from psycopg import AsyncConnection

from central.adapters.timescale.billing.stamps import waiting_at_points
from central.adapters.timescale.errors import translated
from central.adapters.timescale.queries import load_queries
from central.domain.billing.bill import Account, Party
from central.domain.metering.block import DayBlock
from central.domain.metering.tariff_input import input_of
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.meter_reads import (
    BilledSpan,
    installed_within,
    meter_reads,
    not_metered,
)
from central.service.ports.billing import (
    HOLES,
    AccountWork,
    Blocks,
    RunRecord,
    SupplyWork,
    before,
)
from central.service.ports.registry import TariffRecord
from central.service.ports.stamps import InputStamp, pending, reaches_into
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit

SQL = load_queries(Path(__file__).with_name("billing.sql"))
_ZONE_SPREAD = timedelta(days=1)
NOBODY = Party("")
_CONFLICT = "A reading has two different values; an operator must decide."
_DAY = attrgetter("day")
_Row = tuple[Any, ...]
_Held = tuple[datetime | None, Hold]


class ShardLoader:
    """Reads the works of one shard.

    Args:
        connection: In the shard's transaction.
        run: The run.
    """

    def __init__(self, connection: AsyncConnection[_Row], run: RunRecord) -> None:
        self._connection = connection
        self._days = run.cycle.days
        # Any zone's days of the cycle lie in here.
        utc = run.cycle.interval("UTC")
        self._around = {"from_at": utc.start - _ZONE_SPREAD, "until_at": utc.end + _ZONE_SPREAD}

    async def works(self, accounts: Sequence[int]) -> tuple[AccountWork, ...]:
        """The accounts that have an agreement in the cycle, with all that rating them takes."""
        with translated():
            async with self._connection.transaction():
                return await self._works(accounts)

    async def unread(self, account: int, why: Hold) -> tuple[AccountWork, ...]:
        """An account with the bare names of its agreements; none without an agreement.

        Args:
            account: Of which `works` cannot read all.
            why: It cannot.
        """
        rows = await self._supplies([account])
        bare = tuple(
            SupplyWork(
                row[0],
                row[3],
                row[4],
                row[5],
                DayRange(*row[6:8]),
                AgreementFacts(),
                CarriedState(),
                {},
            )
            for row in rows
        )
        parties = await self._accounts([account])
        return (AccountWork(account, parties[account], bare, unread=why),) if bare else ()

    async def _supplies(self, accounts: Sequence[int]) -> list[_Row]:
        span = {"first": self._days.first, "end": self._days.end}
        return await self._rows("supplies", accounts=list(accounts), **span)

    async def _works(self, accounts: Sequence[int]) -> tuple[AccountWork, ...]:
        supplies = [_Supply(row) for row in await self._supplies(accounts)]
        points = sorted({supply.point_id for supply in supplies})
        channels: dict[int, list[tuple[int, Obis]]] = {}
        for key, point, obis in await self._rows("channels", points=points):
            channels.setdefault(point, []).append((key, Obis(bytes(obis))))
        at_point = {key: point for point, at_it in channels.items() for key, _ in at_it}
        blocks = await self._blocks(list(at_point), self._days)
        holds = await self._holds(points, at_point, blocks)
        changes = await waiting_at_points(self._connection, points, self._around)
        reads = await self._reads(supplies, points)
        opening = await self._opening([supply.agreement_id for supply in supplies])
        built: dict[int, list[SupplyWork]] = {}
        for number, supply in enumerate(supplies):
            of_point = channels.get(supply.point_id, [])
            built.setdefault(supply.account_id, []).append(
                supply.work(
                    {
                        key: (obis, _within(blocks.get(key, ()), supply.days))
                        for key, obis in of_point
                    },
                    [
                        *holds.get(supply.point_id, ()),
                        *supply.pending(changes.get(supply.point_id, ())),
                    ],
                    reads.get(number, {}),
                    opening.get(supply.agreement_id, CarriedState()),
                )
            )
        parties = await self._accounts(accounts)
        return tuple(AccountWork(key, parties[key], tuple(works)) for key, works in built.items())

    async def tariffs(self, works: Iterable[AccountWork]) -> Mapping[str, Sequence[TariffRecord]]:
        """The versions of every tariff of some works."""
        names = sorted({supply.tariff for work in works for supply in work.supplies})
        versions: dict[str, list[TariffRecord]] = {}
        for row in await self._rows("tariffs", names=names):
            record = TariffRecord(row[0], row[1], row[2], bytes(row[3]).hex(), row[4], row[5])
            versions.setdefault(record.name, []).append(record)
        return versions

    async def earlier(
        self, works: Iterable[AccountWork], back: Mapping[str, int]
    ) -> Mapping[int, Blocks]:
        """The blocks of days before those of agreements, by agreement and input name."""
        spans = {
            supply.agreement_id: (supply.point, before(supply, back[supply.tariff]))
            for work in works
            for supply in work.supplies
            if supply.tariff in back
        }
        names = sorted({point for point, _ in spans.values()})
        channels: dict[str, list[tuple[int, str]]] = {}
        for key, point, obis in await self._rows("channels_of_names", points=names):
            channels.setdefault(point, []).append((key, input_of(Obis(bytes(obis)))))
        blocks = await self._blocks(
            [key for at_point in channels.values() for key, _ in at_point],
            DayRange(
                min((days.first for _, days in spans.values()), default=self._days.first),
                max((days.end for _, days in spans.values()), default=self._days.end),
            ),
        )
        earlier: dict[int, dict[str, list[DayBlock]]] = {}
        for agreement, (point, days) in spans.items():
            for key, name in channels.get(point, ()):
                of_input = earlier.setdefault(agreement, {}).setdefault(name, [])
                of_input.extend(_within(blocks.get(key, ()), days))
        return earlier

    async def _rows(self, statement: str, /, **values: object) -> list[_Row]:
        async with self._connection.cursor(binary=True) as cursor:
            await cursor.execute(SQL[statement], values)
            return await cursor.fetchall()

    async def _accounts(self, accounts: Sequence[int]) -> dict[int, Account]:
        rows = await self._rows("seller")
        seller = _party(rows[0]) if rows else NOBODY
        return {
            row[0]: Account(row[1], _party(row[2:]), seller)
            for row in await self._rows("accounts", accounts=list(accounts))
        }

    async def _blocks(self, channels: list[int], days: DayRange) -> dict[int, list[DayBlock]]:
        rows = await self._rows("month", channels=channels, first=days.first, end=days.end)
        by_channel: dict[int, list[DayBlock]] = {}
        for row in rows:
            by_channel.setdefault(row[0], []).extend(blocks_of(row))
        return {key: sorted(blocks, key=_DAY) for key, blocks in by_channel.items()}

    async def _holds(
        self,
        points: list[int],
        at_point: Mapping[int, int],
        blocks: Mapping[int, Sequence[DayBlock]],
    ) -> dict[int, list[_Held]]:
        """What holds bills of points, with its instant where it has one."""
        holds: dict[int, list[_Held]] = {}
        rows = await self._rows(
            "critical", channels=list(at_point), first=self._days.first, end=self._days.end
        )
        for channel, code, message, at in rows:
            hold = Hold(code, message, f"channel {channel}, {at.isoformat()}")
            holds.setdefault(at_point[channel], []).append((at, hold))
        for point, at in await self._rows("conflicts", points=points, **self._around):
            hold = Hold("CONFLICTING_READINGS", _CONFLICT, at.isoformat())
            holds.setdefault(point, []).append((at, hold))
        doubtful = {at_point[key] for key, days in blocks.items() if not_metered(days)}
        for point, code, gateway in await self._rows(
            "holes", points=sorted(doubtful), codes=list(HOLES), **self._around
        ):
            message = f"Intervals are missing, and {gateway} may still send the missing batches."
            holds.setdefault(point, []).append((None, Hold("HOLE", message, f"{code} {gateway}")))
        return holds

    async def _opening(self, agreements: list[int]) -> dict[int, CarriedState]:
        rows = await self._rows("opening", agreements=agreements, first=self._days.first)
        return {row[0]: CarriedState.from_json(row[1]) for row in rows}

    async def _reads(
        self, supplies: Sequence[_Supply], points: list[int]
    ) -> dict[int, dict[int, list[BilledSpan]]]:
        """Per supply and channel the registers behind it, with what they showed at its ends."""
        at_point: dict[int, list[_Row]] = {}
        for row in await self._rows("meters", points=points, **self._around):
            at_point.setdefault(row[0], []).append(row)
        asked = [
            (number, row, within)
            for number, supply in enumerate(supplies)
            for row in at_point.get(supply.point_id, ())
            if (within := installed_within(row[6], row[7], supply.interval)) is not None
        ]
        shown = await self._shown(
            [(row[4], row[2], at) for _, row, span in asked for at in (span.start, span.end)]
        )
        spans: dict[int, dict[int, list[BilledSpan]]] = {}
        for position, (number, row, within) in enumerate(asked):
            written_first = row[10] if row[6] == within.start else None
            written_last = row[11] if row[7] == within.end else None
            span = BilledSpan(
                serial=row[5],
                obis=Obis(bytes(row[2])),
                unit=Unit(row[3]),
                within=within,
                multiplier=Fraction(int(row[8]), int(row[9])),
                opening=shown.get(2 * position) if written_first is None else written_first,
                closing=shown.get(2 * position + 1) if written_last is None else written_last,
            )
            spans.setdefault(number, {}).setdefault(row[1], []).append(span)
        return spans

    async def _shown(self, asked: Sequence[tuple[int, bytes, datetime]]) -> dict[int, Decimal]:
        """What registers showed at instants, by position in the list."""
        rows = await self._rows(
            "reads",
            numbers=list(range(len(asked))),
            meters=[meter for meter, _, _ in asked],
            obis=[obis for _, obis, _ in asked],
            at=[at for _, _, at in asked],
        )
        return {row[0]: Decimal(row[1]).scaleb(row[2]) for row in rows}


class _Supply:
    """A row of `supplies`."""

    def __init__(self, row: _Row) -> None:
        self.agreement_id: int = row[0]
        self.account_id: int = row[1]
        self.point_id: int = row[2]
        self.point: str = row[3]
        self.zone: str = row[4]
        self.tariff: str = row[5]
        self.days = DayRange(row[6], row[7])
        self.facts = AgreementFacts.from_json(row[8])
        self.interval = self.days.interval(self.zone)
        self.stamp = InputStamp(*row[9:13])

    def pending(self, changes: Iterable[Interval]) -> list[_Held]:
        """The hold of the first change of its days that waits for validation."""
        near = (change for change in changes if reaches_into(change, self.interval))
        return [(None, pending(change)) for change in islice(near, 1)]

    def work(
        self,
        channels: Mapping[int, tuple[Obis, Sequence[DayBlock]]],
        holds: Sequence[_Held],
        spans: Mapping[int, Sequence[BilledSpan]],
        opening: CarriedState,
    ) -> SupplyWork:
        blocks: dict[str, list[DayBlock]] = {}
        for obis, days in channels.values():
            blocks.setdefault(input_of(obis), []).extend(days)
        return SupplyWork(
            agreement_id=self.agreement_id,
            point=self.point,
            zone=self.zone,
            tariff=self.tariff,
            days=self.days,
            facts=self.facts,
            opening=opening,
            blocks=blocks,
            # A register at the end of the days closes their last interval.
            holds=tuple(
                hold
                for at, hold in holds
                if at is None or self.interval.start <= at <= self.interval.end
            ),
            reads=tuple(
                read
                for key, billed in spans.items()
                for read in meter_reads(billed, channels[key][1])
            ),
            stamp=self.stamp,
        )


def blocks_of(row: _Row) -> list[DayBlock]:
    """A row of the statement `month`."""
    days, starts, versions, counts = (
        np.frombuffer(packed, dtype=kind).tolist()
        for packed, kind in zip(row[5:9], (">i4", ">i8", ">i4", ">i4"), strict=True)
    )
    return DayBlock.kept(
        channel_id=row[0],
        period_s=row[1],
        exponent=row[2],
        zone=row[3],
        unit=Unit(row[4]),
        days=list(map(_day, days)),
        starts=list(map(_instant, starts)),
        versions=versions,
        counts=counts,
        values=row[9],
        quality=row[10],
        sha256=row[11],
    )


# PostgreSQL counts days and microseconds from 2000 on.
@lru_cache(maxsize=4096)
def _day(number: int) -> date:
    return date(2000, 1, 1) + timedelta(days=number)


@lru_cache(maxsize=4096)
def _instant(number: int) -> datetime:
    return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=number)


def _within(blocks: Sequence[DayBlock], days: DayRange) -> Sequence[DayBlock]:
    if all(days.first <= block.day < days.end for block in blocks):
        return blocks
    return [block for block in blocks if days.first <= block.day < days.end]


def _party(row: Sequence[Any]) -> Party:
    return Party(row[0], tuple(row[1]), row[2], row[3])

"""One shard of a bill run on PostgreSQL: planned, claimed, rated and saved in one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from central.adapters.timescale.billing import checks, stamps
from central.adapters.timescale.billing.claims import ShardClaims
from central.adapters.timescale.billing.document_days import moved_keys
from central.adapters.timescale.billing.load import ShardLoader
from central.adapters.timescale.billing.save import ShardWriter
from central.adapters.timescale.billing.settings import settings_revisions
from central.adapters.timescale.billing.unchanged import unchanged_bills
from central.adapters.timescale.errors import translated
from central.adapters.timescale.invoicing.invoicing import terms_of
from central.adapters.timescale.registry.cycles import periods_of
from central.adapters.timescale.registry.holidays import newest_holidays
from central.adapters.timescale.registry.series import newest_days, newest_tables
from central.adapters.timescale.validation.blocks import read_blocks
from central.domain.billing.billing_settings import SettingsRevision
from central.domain.billing.invoicing import TermsInForce
from central.domain.billing.planned import NotBilled, OccupancyChain, OpenBill, PlannedBill
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.price_days import PriceDay
from central.domain.rating.inputs.segments import DayRange
from central.domain.tariff.lookup_rules import TableVersion
from central.service.billing.unrated import rating_failed
from central.service.halved import FailedItem, halved
from central.service.ports.bill_checks import AskedPart, BillNames, CheckInputs, ReleasedHold
from central.service.ports.bill_shard import (
    AccountWork,
    CountedEvents,
    EarlierDays,
    NewBill,
    RunRecord,
    Shard,
)
from central.service.ports.einvoice_rules import Rules

_Row = tuple[Any, ...]
_SHARD_DONE = """\
UPDATE bill_shard SET done_at = %(at)s WHERE run_id = %(run)s AND number = %(number)s
"""


async def take_shard(
    connection: AsyncConnection[_Row],
    run: RunRecord,
    number: int,
    accounts: Sequence[int],
    at: datetime,
) -> TimescaleShard:
    """What is to be billed of a shard's accounts, held until the transaction ends."""
    claims = ShardClaims(connection)
    chains = await claims.chains(accounts)
    return await _taken(claims, run, number, chains, await claims.open_bills(accounts), at)


async def take_bills(
    connection: AsyncConnection[_Row],
    run: RunRecord,
    accounts: Sequence[int],
    uids: Sequence[UUID],
    at: datetime,
) -> TimescaleShard:
    """Some bills of accounts to be rated again, as if they were open."""
    claims = ShardClaims(connection)
    chains = await claims.chains(accounts)
    return await _taken(claims, run, 0, chains, await claims.chosen_bills(uids), at)


async def _taken(  # noqa: PLR0913, PLR0917 - as `shard_of`
    claims: ShardClaims,
    run: RunRecord,
    number: int,
    chains: Mapping[int, Sequence[OccupancyChain]],
    open_bills: Mapping[int, Sequence[OpenBill]],
    at: datetime,
) -> TimescaleShard:
    loader = ShardLoader(claims.connection, claims, at)
    shard = await shard_of(claims, loader, run, number, chains, open_bills, run.reach.end)
    return TimescaleShard(claims.connection, shard, claims, loader, at)


async def shard_of(  # noqa: PLR0913, PLR0917 - all that a shard is made of
    claims: ShardClaims,
    loader: ShardLoader,
    run: RunRecord,
    number: int,
    chains: Mapping[int, Sequence[OccupancyChain]],
    open_bills: Mapping[int, Sequence[OpenBill]],
    until: date,
) -> Shard:
    """A shard with what its bills are planned from; periods are known until a day."""
    return Shard(
        run,
        number,
        chains,
        open_bills,
        await periods_of(claims.connection, list(chains), until, hold=True),
        await loader.tariffs(claims.tariffs),
        await newest_holidays(claims.connection),
        claims.tariffs,
        await claims.account_left(chains),
    )


class TimescaleShard:
    """`ShardTransaction` on one connection.

    Args:
        connection: In the transaction that holds the shard.
        shard: What is billed.
        claims: Of the shard.
        loader: Of what rating needs.
        at: When the bills are rated. Aware.
    """

    def __init__(
        self,
        connection: AsyncConnection[_Row],
        shard: Shard,
        claims: ShardClaims,
        loader: ShardLoader,
        at: datetime,
    ) -> None:
        self.at = at
        self.rules: Rules | None = None
        self._connection = connection
        self._claims = claims
        self._loader = loader
        self.shard = shard

    @asynccontextmanager
    async def _part(self) -> AsyncIterator[None]:
        """A part that is undone by itself; what was done before stays."""
        with translated():
            async with self._connection.transaction():
                yield

    async def claim(self, bills: Sequence[PlannedBill]) -> Collection[int]:
        """See `ShardTransaction`."""
        async with self._part():
            return await self._claims.claim(bills)

    async def unchanged(self, bills: Collection[int]) -> Collection[int]:
        """See `ShardTransaction`."""
        async with self._part():
            same = await unchanged_bills(self._connection, bills, self.shard.run.release)
            return same - await moved_keys(self._connection, self.at, same)

    async def works(self, bills: Sequence[PlannedBill]) -> tuple[AccountWork, ...]:
        """See `ShardTransaction`."""
        works: list[AccountWork] = []
        async for read in halved(bills, self._loader.works):
            if isinstance(read, FailedItem):
                works.append(await self._loader.unread(read.item, rating_failed(read.error)))
            else:
                works += read
        return tuple(works)

    async def earlier(
        self, works: Sequence[AccountWork], back: Mapping[str, int]
    ) -> Mapping[tuple[int, date], EarlierDays]:
        """See `ShardTransaction`."""
        async with self._part():
            return await self._loader.earlier(works, back)

    async def events(
        self, works: Sequence[AccountWork], streams: Mapping[str, frozenset[str]]
    ) -> Mapping[tuple[int, date], CountedEvents]:
        """See `ShardTransaction`."""
        async with self._part():
            return await self._loader.events(works, streams)

    async def series_revisions(self, names: Collection[str]) -> Mapping[str, int]:
        """See `ShardTransaction`."""
        async with self._part():
            return await stamps.series_revisions(self._connection, names)

    async def series(self, names: Collection[str], days: DayRange) -> tuple[PriceDay, ...]:
        """See `ShardTransaction`."""
        async with self._part():
            return await newest_days(self._connection, names, days.first, days.end)

    async def tables(self, names: Collection[str]) -> tuple[TableVersion, ...]:
        """See `ShardTransaction`."""
        async with self._part():
            return await newest_tables(self._connection, names)

    async def blocks(self, wanted: Mapping[tuple[int, date], int]) -> Sequence[DayBlock]:
        """See `ShardTransaction`."""
        async with self._part():
            return list((await read_blocks(self._connection, wanted)).values())

    async def check_inputs(self, parts: Sequence[AskedPart], days_back: int) -> CheckInputs:
        """See `ShardTransaction`."""
        async with self._part():
            return await checks.check_inputs(self._connection, parts, days_back)

    async def released(self, bills: Collection[int]) -> Mapping[int, Collection[ReleasedHold]]:
        """See `ShardTransaction`."""
        async with self._part():
            return await checks.released(self._connection, bills)

    async def settings(self) -> Sequence[SettingsRevision]:
        """See `ShardTransaction`."""
        async with self._part():
            return await settings_revisions(self._connection)

    async def terms(self, named: Sequence[BillNames]) -> Sequence[TermsInForce]:
        """See `ShardTransaction`."""
        async with self._part():
            return await terms_of(self._connection, named)

    async def save(self, bills: Sequence[NewBill], creator: str, at: datetime) -> int:
        """See `ShardTransaction`."""
        async with self._part():
            writer = ShardWriter(self._connection, self.shard.run, self._claims, creator, at)
            return await writer.write(bills)

    async def refresh(self, bills: Sequence[NewBill]) -> None:
        """See `ShardTransaction`."""
        async with self._part():
            await stamps.refresh(self._connection, bills)

    async def note(self, accounts: Collection[int], notes: Sequence[NotBilled]) -> None:
        """See `ShardTransaction`."""
        await self._claims.note(self.shard.run.id, accounts, notes)

    async def finish(self, occupancies: Collection[int], at: datetime) -> None:
        """See `ShardTransaction`."""
        await self._claims.finish(occupancies, at)

    async def done(self, at: datetime) -> None:
        """See `ShardTransaction`."""
        values = {"run": self.shard.run.id, "number": self.shard.number, "at": at}
        await self._connection.execute(_SHARD_DONE, values)

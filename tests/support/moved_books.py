"""A utility whose customers come and go: one point read by a gateway, two that people read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from central.adapters.timescale.registry.moves import TimescaleMoves
from central.domain.actor import Actor
from central.service.moves.moves import Moves
from central.service.moves.requests import GivenRead, ReadsAtMove
from central.service.ports.registry import AgreementRecord
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from tests.support.actors import CLERK
from tests.support.books import HOURLY, TARIFF, Utility, month, pool_of, timescale_utility
from tests.support.servers import MIGRATED, Template, filled

MOVED_ON = date(2026, 10, 25)
"""A local day of 25 hours."""


@dataclass
class MovedUtility:
    """A utility, and what moves its customers."""

    utility: Utility
    store: TimescaleMoves

    def moves(self, actor: Actor = CLERK) -> Moves:
        return Moves(self.store, actor, lambda: self.utility.now)

    async def agreements(self, point: str) -> tuple[AgreementRecord, ...]:
        async with self.store.transaction() as registry:
            return await registry.agreements(point)

    async def content(self) -> tuple[object, ...]:
        """All that a move may change."""
        async with self.store.transaction() as registry:
            points = [f"SP-{number}" for number in (1, 2, 3)]
            return (
                [await registry.agreements(point) for point in points],
                [await registry.installations(point) for point in points],
                [await registry.account(f"A-{number}") for number in range(1, 10)],
                [await registry.revisions(kind, None) for kind in ("agreement", "installation")],
                await self.store.listed(None, None, 100),
            )


def read(kwh: str) -> ReadsAtMove:
    """What somebody read of the import register."""
    return ReadsAtMove((GivenRead(ACTIVE_IMPORT, Decimal(kwh)),))


async def _fill(dsn: str) -> None:
    async with timescale_utility(dsn) as utility:
        edge = await utility.found(customers=3, period_s=HOURLY)
        await utility.enrol.tariff(TARIFF.replace("HOME", "DEAR").replace("0.10", "0.20"))
        await utility.deliver(edge, month("S1", period_s=HOURLY))
        await utility.validate()


MOVED = Template("template_moved", filled(_fill), MIGRATED)
"""Three customers since September, the first with the readings of October."""


@asynccontextmanager
async def moved_utility(dsn: str) -> AsyncIterator[MovedUtility]:
    async with timescale_utility(dsn) as utility:
        pool = pool_of(utility)
        yield MovedUtility(utility, TimescaleMoves(pool))

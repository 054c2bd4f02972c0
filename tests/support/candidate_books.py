"""A utility with three issued months, and what finds issued bills that would say something else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from central.adapters.timescale.billing.candidates import TimescaleCandidates
from central.adapters.timescale.billing.correction_rules import TimescaleCorrectionRules
from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.adapters.timescale.billing.rebills import TimescaleRebills
from central.adapters.timescale.pool import make_pool
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.correction_rules import CorrectionRules
from central.service.billing.find_candidates import CandidateTally, FindCandidates
from central.service.billing.rebill_bills import RebillBills
from central.service.ports.candidates import CorrectionCandidate
from tests.support.corrected_books import Corrected, corrected_utility, three_months

USED, SOLD = (10, 20, 10), (20, 10, 0)
"""kWh a day, by month."""


@dataclass
class Swept:
    """A utility with three issued months, and what finds its candidates."""

    books: Corrected
    store: TimescaleCandidates
    rules: CorrectionRules
    cancel: CancelBills
    rebill: RebillBills

    async def sweep(self) -> CandidateTally:
        return await FindCandidates(self.store, lambda: self.books.utility.now)()

    async def on_change(self) -> CandidateTally:
        return await FindCandidates(self.store, lambda: self.books.utility.now).changed()

    async def open(self) -> list[CorrectionCandidate]:
        return list(await self.store.candidates(None, 100))

    async def closed(self) -> list[CorrectionCandidate]:
        return list(await self.store.candidates(None, 100, closed=True))


@asynccontextmanager
async def swept_utility(dsn: str) -> AsyncIterator[Swept]:
    """The utility on a store, compared once."""
    async with corrected_utility(dsn) as books, make_pool(dsn, max_size=4) as pool:
        utility = books.utility
        await three_months(utility, USED, SOLD)
        notes = TimescaleCancellations(pool)
        swept = Swept(
            books,
            TimescaleCandidates(pool),
            CorrectionRules(TimescaleCorrectionRules(pool), books.correct, lambda: utility.now),
            CancelBills(utility.billing, notes, lambda: utility.now),
            RebillBills(utility.billing, notes, TimescaleRebills(pool), lambda: utility.now),
        )
        await swept.on_change()
        await swept.sweep()
        assert await swept.open() == []
        utility.now += timedelta(hours=2)
        yield swept

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
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.correction_rules import CorrectionRules
from central.service.billing.find_candidates import CandidateTally, FindCandidates
from central.service.billing.rebill_bills import RebillBills
from central.service.ports.candidates import CorrectionCandidate
from tests.support.books import pool_of
from tests.support.corrected_books import ISSUED_AT, NETTED, Corrected, corrected_utility
from tests.support.servers import Template, filled


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
async def _opened(dsn: str) -> AsyncIterator[Swept]:
    async with corrected_utility(dsn) as books:
        pool = pool_of(books.utility)
        utility = books.utility
        utility.now = ISSUED_AT
        notes = TimescaleCancellations(pool)
        yield Swept(
            books,
            TimescaleCandidates(pool),
            CorrectionRules(TimescaleCorrectionRules(pool), books.correct, lambda: utility.now),
            CancelBills(utility.billing, notes, lambda: utility.now),
            RebillBills(utility.billing, notes, TimescaleRebills(pool), lambda: utility.now),
        )


async def _swept(dsn: str) -> None:
    async with _opened(dsn) as swept:
        await swept.on_change()
        await swept.sweep()
        assert await swept.open() == []


SWEPT = Template("template_swept", filled(_swept), NETTED)
"""Three issued months of NETTED, compared once."""


@asynccontextmanager
async def swept_utility(dsn: str) -> AsyncIterator[Swept]:
    """The utility on a copy of SWEPT, two hours later."""
    async with _opened(dsn) as swept:
        swept.books.utility.now += timedelta(hours=2)
        yield swept

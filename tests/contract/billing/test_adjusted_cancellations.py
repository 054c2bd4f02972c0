"""What was adjusted is cancelled and billed anew with what bills carry of it, to the cent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest

from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.adapters.timescale.billing.rebills import TimescaleRebills
from central.domain.billing.correction import CorrectionWay, NoNextBillError
from central.domain.billing.credit_note import AdjustedError
from central.domain.billing.state import BillState
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.rebill_bills import RebillBills
from central.service.ports.billing import BillRecord
from central.service.ports.registry import AgreementRecord
from tests.support.actors import CHIEF, CLERK, person
from tests.support.books import pool_of
from tests.support.corrected_books import (
    AUGUST,
    NETTED,
    NOVEMBER,
    OCTOBER,
    Corrected,
    corrected_utility,
    figures,
    late,
    metered,
)
from tests.support.daily_books import approve, bill, found, measured, run, settle
from tests.support.servers import MIGRATED, Database

AGENT = person("agent")
pytestmark = pytest.mark.begins_with(NETTED)
# August saves 300 kWh, more what comes late: October's 300 kWh are paid. Then November's.
RIGHT = {20: Decimal("217.80"), 30: Decimal("214.17"), 31: Decimal("213.81")}
OWING = """\
tariff: FLAT
effective: 2026-01-01
zone: UTC
currency: {code: EUR, digits: 2}
determinants: {kwh: {sum: import}}
charges: [{id: energy, qty: kwh, price: 0.10}]
minimums: [{id: yearly, of: energy, amount: 1200, per: year, share: days}]
"""
TOTALS = """\
SELECT
    (SELECT sum(bill.total) FROM bill WHERE state = 'issued'),
    (SELECT coalesce(sum(live_bill.total), 0) FROM live_bill WHERE state = 'issued'),
    (SELECT count(*) FROM adjustment WHERE NOT EXISTS (
        SELECT FROM adjustment_use WHERE adjustment_id = adjustment.id
    ))
"""
TALLIED = "SELECT sum(total) FROM bill_tally WHERE state IN ('issued', 'cancelled')"
TAKEN_OUT = (
    b"DELETE FROM adjustment_use",
    b"INSERT INTO adjustment_use (adjustment_id, bill_id, line) SELECT id, 1, 1 FROM adjustment",
    b"INSERT INTO adjustment_use (adjustment_id, bill_id) SELECT id, bill_id FROM adjustment",
)


@dataclass
class Cancelled(Corrected):
    """With what cancels bills."""

    dsn: str
    cancel: CancelBills
    rebill: RebillBills

    async def decide(self, uid: UUID) -> None:
        """Approved by the chief, and issued, with all that was proposed with it."""
        await ApproveBills(self.utility.billing, lambda: self.utility.now).one(uid, CHIEF)
        await IssueBills(self.utility.billing, lambda: self.utility.now).one(uid, CHIEF)

    async def adjust(self, wh: int, version: int = 2) -> None:
        """A day of August comes late, and is adjusted."""
        await late(self.utility, AUGUST, wh, channel=2, version=version)
        adjust = CorrectionWay.ADJUST
        uid = await self.correct.decide("A-1", adjust, CLERK, "readings came late")
        await self.correct.approve(uid, CHIEF)

    def totals(self) -> tuple[Decimal, int]:
        """What all that is issued comes to, and how many adjustments no bill carries."""
        with psycopg.connect(self.dsn) as owner:
            ((total, live, uncarried),) = owner.execute(TOTALS).fetchall()
            ((tallied,),) = owner.execute(TALLIED).fetchall()
        assert total == live == tallied
        return total, uncarried


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Cancelled]:
    """August to October issued, and November over and metered."""
    dsn = database.dsn
    async with corrected_utility(dsn) as books:
        pool = pool_of(books.utility)
        utility = books.utility
        utility.now = datetime.fromisoformat("2026-12-20T12:00:00+00:00")
        await metered(utility, NOVEMBER, 10, 0)
        store = TimescaleCancellations(pool)

        def clock() -> datetime:
            return utility.now

        yield Cancelled(
            utility,
            books.correct,
            dsn,
            CancelBills(utility.billing, store, clock),
            RebillBills(utility.billing, store, TimescaleRebills(pool), clock),
        )


async def uids(books: Cancelled, *periods: str) -> list[UUID]:
    return [(await bill(books.utility, "A-1", period)).uid for period in periods]


async def notes_of(books: Cancelled) -> Sequence[BillRecord]:
    """All credit notes, by number."""
    with psycopg.connect(books.dsn) as owner:
        rows = owner.execute("SELECT uid FROM bill WHERE cancels IS NOT NULL ORDER BY number")
        found = [await books.utility.billing.bill(row[0]) for row in rows.fetchall()]
    return [record for record in found if record is not None]


async def test_an_adjusted_tail_is_billed_anew_with_what_was_carried(migrated: Database) -> None:
    async with opened(migrated) as books:
        await books.adjust(30_000)
        await settle(books.utility, "2026-11")
        assert books.totals() == (RIGHT[30], 0)
        carrier = await bill(books.utility, "A-1", "2026-11")
        await late(books.utility, AUGUST, 31_000, channel=2, version=3)
        anew = await books.rebill("A-1", AGENT, "more came late")
        assert len(anew) == 3
        await books.decide(anew[0])
        assert books.totals() == (RIGHT[31], 0)
        # November stays; what it carried of October has a credit note of November's bill.
        notes = {
            note.bill.cancels.number: note for note in await notes_of(books) if note.bill.cancels
        }
        assert len(notes) == 4
        of_november = notes[str(carrier.number)]
        assert [
            (entry.position, entry.line.id, str(entry.line.amount))
            for entry in of_november.bill.lines
        ] == [(3, "adjustment", "3.00"), (4, "adjustment", "0.63")]
        assert of_november.kwh == 0
        assert (await bill(books.utility, "A-1", "2026-11")).uid == carrier.uid
        # It stands, and is cancelled later with the rest of it.
        (note,) = await books.cancel([carrier.uid], AGENT, "another")
        await books.decide(note)
        assert books.totals() == (RIGHT[31] - Decimal("108.90"), 0)
        await settle(books.utility, "2026-11")
        assert await figures(books.utility, "A-1", "2026-11") == [
            ("energy", "90.00"),
            ("vat", "18.90"),
        ]
        with psycopg.connect(books.dsn, autocommit=True) as owner:
            for statement in TAKEN_OUT:
                with pytest.raises(psycopg.errors.IntegrityError), owner.transaction():
                    owner.execute(statement)


async def test_what_no_bill_carries_yet_is_closed(plain_migrated: Database) -> None:
    async with opened(plain_migrated) as books:
        await books.adjust(30_000)
        await late(books.utility, AUGUST, 31_000, channel=2, version=3)
        await books.decide((await books.rebill("A-1", AGENT, "more came late"))[0])
        await settle(books.utility, "2026-11")
        assert len(await figures(books.utility, "A-1", "2026-11")) == 2
        assert books.totals() == (RIGHT[31], 0)
        # What is billed anew is adjusted as anything else.
        await books.adjust(30_000, version=4)
        assert books.totals()[1] == 2


@pytest.mark.parametrize("stands", [BillState.DRAFT, BillState.APPROVED])
async def test_a_bill_that_is_not_issued_is_made_without_it(
    plain_migrated: Database, stands: BillState
) -> None:
    async with opened(plain_migrated) as books:
        await books.adjust(30_000)
        summary = await run(books.utility, "2026-11")
        if stands is BillState.APPROVED:
            assert await approve(books.utility, summary) == []
        assert len(await figures(books.utility, "A-1", "2026-11")) == 4
        await late(books.utility, AUGUST, 31_000, channel=2, version=3)
        await books.decide((await books.rebill("A-1", AGENT, "more came late"))[0])
        # It says more than it carries by now.
        assert await approve(books.utility, summary) == [("A-1", "BILL_STALE")]
        await settle(books.utility, "2026-11")
        assert len(await figures(books.utility, "A-1", "2026-11")) == 2
        assert books.totals() == (RIGHT[31], 0)


async def test_all_of_it_is_cancelled_and_billed_by_the_next_run(plain_migrated: Database) -> None:
    async with opened(plain_migrated) as books:
        await books.adjust(30_000)
        await settle(books.utility, "2026-11")
        periods = [f"2026-{month:02}" for month in (8, 9, 10, 11)]
        notes = await books.cancel(await uids(books, *periods), AGENT, "another tariff")
        assert len(notes) == 4
        await books.decide(notes[0])
        assert books.totals() == (Decimal(0), 0)
        await settle(books.utility, "2026-11")
        assert books.totals() == (RIGHT[30], 0)


async def test_what_carried_it_is_cancelled_and_the_next_bill_carries_it(
    plain_migrated: Database,
) -> None:
    async with opened(plain_migrated) as books:
        await books.adjust(30_000)
        await settle(books.utility, "2026-11")
        (note,) = await books.cancel(await uids(books, "2026-11"), AGENT, "another tariff")
        await books.decide(note)
        assert books.totals() == (RIGHT[20] - Decimal("108.90"), 2)
        await settle(books.utility, "2026-11")
        assert len(await figures(books.utility, "A-1", "2026-11")) == 4
        assert books.totals() == (RIGHT[30], 0)


async def test_what_carried_it_is_billed_anew_and_carries_it(plain_migrated: Database) -> None:
    async with opened(plain_migrated) as books:
        await books.adjust(30_000)
        await settle(books.utility, "2026-11")
        await late(books.utility, NOVEMBER, 20_000)
        (uid,) = await books.rebill("A-1", AGENT, "more came late")
        await books.decide(uid)
        assert await figures(books.utility, "A-1", "2026-11") == [
            ("energy", "93.00"),
            ("vat", "19.53"),
            ("adjustment", "-3.00"),
            ("adjustment", "-0.63"),
        ]
        assert books.totals() == (RIGHT[30] + Decimal("3.63"), 0)
        # And once more, with what it adjusts.
        await late(books.utility, AUGUST, 31_000, channel=2, version=3)
        await late(books.utility, NOVEMBER, 10_000, version=3)
        anew = await books.rebill("A-1", AGENT, "more came late")
        await books.decide(anew[-1])
        assert len(await figures(books.utility, "A-1", "2026-11")) == 2
        assert books.totals() == (RIGHT[31], 0)


async def test_what_is_carried_meanwhile_stops_the_credit_note(plain_migrated: Database) -> None:
    async with opened(plain_migrated) as books:
        await books.adjust(30_000)
        await late(books.utility, AUGUST, 31_000, channel=2, version=3)
        anew = await books.rebill("A-1", AGENT, "more came late")
        await ApproveBills(books.utility.billing, lambda: books.utility.now).one(anew[0], CHIEF)
        await settle(books.utility, "2026-11")
        with pytest.raises(AdjustedError, match="is adjusted on INV-000004"):
            await IssueBills(books.utility.billing, lambda: books.utility.now).one(anew[0], CHIEF)


@pytest.mark.begins_with(MIGRATED)
async def test_a_settlement_to_come_carries_what_is_adjusted(plain_migrated: Database) -> None:
    async with corrected_utility(plain_migrated.dsn) as books:
        utility = books.utility
        utility.now = datetime.fromisoformat("2026-11-20T12:00:00+00:00")
        await found(utility, since=AUGUST)
        await utility.enrol.tariff(OWING, reason="a minimum")
        await measured(utility, AUGUST, OCTOBER)
        await settle(utility, "2026-09")
        left = AgreementRecord("A-1", "SP-1", "FLAT", AUGUST, OCTOBER)
        await utility.enrol.agreement(left)
        await late(utility, AUGUST, 20_000)
        adjust = CorrectionWay.ADJUST
        await books.correct.approve(await books.correct.decide("A-1", adjust, CLERK, "late"), CHIEF)
        summary = await settle(utility, "2026-09")
        assert summary.bills == {BillState.ISSUED: 3}
        # 62.00 of 1,200.00 x 61 / 365 were charged by then, what came late among them.
        assert await figures(utility, "A-1", "2026-09") == [
            ("yearly", "138.55"),
            ("adjustment", "1.00"),
        ]
        # That was the last bill.
        await late(utility, AUGUST, 30_000, version=3)
        with pytest.raises(NoNextBillError, match="A-1 has left"):
            await books.correct.decide("A-1", adjust, CLERK, "late")

"""An issued bill of which an input changed is a candidate until it is settled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from central.adapters.timescale.billing.candidates import TimescaleCandidates
from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.adapters.timescale.billing.rebills import TimescaleRebills
from central.adapters.timescale.pool import make_pool
from central.domain.billing.bill import Party
from central.domain.billing.candidate import CandidateEnd
from central.domain.billing.correction import CorrectionWay
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.find_candidates import CandidateTally, FindCandidates
from central.service.billing.rebill_bills import RebillBills
from central.service.ports.candidates import CorrectionCandidate
from central.service.ports.registry import AccountRecord, AgreementRecord
from tests.support.actors import CHIEF, CLERK
from tests.support.corrected_books import (
    AUGUST,
    NEEDS_FACT,
    NET,
    OCTOBER,
    SEPTEMBER,
    Corrected,
    corrected_utility,
    late,
    metered,
    netting,
    three_months,
)
from tests.support.daily_books import bill, settle
from tests.support.servers import Database

USED, SOLD = (10, 20, 10), (20, 10, 0)


@dataclass
class Swept:
    """A utility with three issued months, and what finds its candidates."""

    books: Corrected
    store: TimescaleCandidates
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


@pytest.fixture
async def swept(migrated: Database) -> AsyncIterator[Swept]:
    async with (
        corrected_utility(migrated.dsn) as books,
        make_pool(migrated.dsn, max_size=4) as pool,
    ):
        utility = books.utility
        await three_months(utility, USED, SOLD)
        notes = TimescaleCancellations(pool)
        made = Swept(
            books,
            TimescaleCandidates(pool),
            CancelBills(utility.billing, notes, lambda: utility.now),
            RebillBills(utility.billing, notes, TimescaleRebills(pool), lambda: utility.now),
        )
        await made.on_change()
        await made.sweep()
        assert await made.open() == []
        utility.now += timedelta(hours=2)
        yield made


def difference(candidate: CorrectionCandidate) -> list[tuple[str, str]]:
    """Amounts by currency."""
    return [(each["amount"], each["currency"]) for each in candidate.difference["amounts"]]


async def test_a_late_reading_is_a_candidate_at_once_with_its_difference(swept: Swept) -> None:
    utility = swept.books.utility
    await late(utility, SEPTEMBER, 21_000)
    tally = await swept.on_change()
    assert (tally.rated, tally.opened) == (1, 1)
    (candidate,) = await swept.open()
    september = await bill(utility, "A-1", "2026-09")
    assert (candidate.account, candidate.number) == ("A-1", september.number)
    assert (candidate.first, candidate.end) == (SEPTEMBER, OCTOBER)
    assert [(each["kind"], each["detail"]) for each in candidate.causes] == [
        ("readings", "2026-09-01 validated anew")
    ]
    # September draws the kilowatt-hour from August's bank, so October pays for it.
    report = await swept.books.correct.preview("A-1")
    assert difference(candidate) == [
        (format(each.amount, "f"), each.currency) for each in report.amounts
    ]
    assert candidate.difference["kwh"] == format(report.kwh, "f")
    assert len(candidate.difference["lines"]) == sum(len(b.differences) for b in report.bills)
    # Nobody changed anything since: it is compared as integers alone.
    assert (await swept.sweep()).rated == 0
    assert (await swept.on_change()).parts == 0
    await late(utility, SEPTEMBER, 20_000, version=3)
    tally = await swept.sweep()
    assert (tally.rated, tally.closed) == (1, 1)
    (closed,) = await swept.closed()
    assert closed.closed_as is CandidateEnd.NO_DIFFERENCE
    assert (await swept.sweep()).rated == 0


async def test_what_says_the_same_is_not_rated_every_night(swept: Swept) -> None:
    utility = swept.books.utility
    await late(utility, AUGUST, 10_000)
    assert (await swept.sweep()).rated == 1
    assert await swept.open() == []
    tally = await swept.sweep()
    assert (tally.rated, tally.parts) == (0, 3)
    # A version of days to come is none of theirs.
    utility.now += timedelta(hours=2)
    await utility.enrol.tariff(NET.replace("2026-01-01", "2026-12-01").replace("0.30", "0.40"))
    assert (await swept.sweep()).rated == 0


async def test_changes_of_the_registry_and_the_tariff_are_causes(swept: Swept) -> None:
    utility = swept.books.utility
    await utility.enrol.tariff(NET.replace("2026-01-01", "2026-09-01").replace("0.30", "0.40"))
    assert (await swept.on_change()).opened == 1
    (candidate,) = await swept.open()
    assert (candidate.first, [each["kind"] for each in candidate.causes]) == (OCTOBER, ["tariff"])
    facts = AgreementFacts.of(limit=Decimal(5))
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "NET", AUGUST, facts=facts))
    await utility.enrol.account(AccountRecord("A-1", Party("Another name")))
    await swept.on_change()
    (candidate,) = await swept.open()
    assert [each["kind"] for each in candidate.causes] == ["account", "fact", "tariff"]


async def test_a_decision_closes_it_and_only_another_change_brings_it_back(swept: Swept) -> None:
    utility, correct = swept.books.utility, swept.books.correct
    await late(utility, SEPTEMBER, 21_000)
    await swept.on_change()
    uid = await correct.decide("A-1", CorrectionWay.LEAVE, CLERK, "too little")
    (candidate,) = await swept.open()
    assert candidate.correction == uid
    await correct.approve(uid, CHIEF)
    (left,) = await swept.closed()
    assert (left.closed_as, left.correction, left.closed_by) == (
        CandidateEnd.LEFT,
        uid,
        CHIEF.key,
    )
    assert (await swept.sweep()).rated == 0
    # Another name is another revision of the account, and the same difference.
    await utility.enrol.account(AccountRecord("A-1", Party("Another name")))
    assert (await swept.sweep()).rated == 1
    assert await swept.open() == []
    assert (await swept.sweep()).rated == 0
    await late(utility, SEPTEMBER, 25_000, version=3)
    await swept.sweep()
    assert len(await swept.open()) == 1
    uid = await correct.decide("A-1", CorrectionWay.ADJUST, CLERK, "late")
    await correct.approve(uid, CHIEF)
    assert [each.closed_as for each in await swept.closed()] == [
        CandidateEnd.ADJUSTED,
        CandidateEnd.LEFT,
    ]
    assert (await swept.sweep()).rated == 0


@pytest.mark.parametrize("anew", [True, False])
async def test_a_credit_note_closes_it(swept: Swept, anew: bool) -> None:  # noqa: FBT001
    utility = swept.books.utility
    await late(utility, OCTOBER, 21_000)
    await swept.on_change()
    october = await bill(utility, "A-1", "2026-10")
    if anew:
        drafts: Sequence[UUID] = await swept.rebill("A-1", CLERK, "late")
    else:
        drafts = await swept.cancel([october.uid], CLERK, "wrong")
    await ApproveBills(utility.billing, lambda: utility.now).one(drafts[0], CHIEF)
    await IssueBills(utility.billing, lambda: utility.now).one(drafts[0], CHIEF)
    (closed,) = await swept.closed()
    assert closed.closed_as is (CandidateEnd.REBILLED if anew else CandidateEnd.CANCELLED)
    assert closed.decision is not None
    assert (await swept.sweep()).opened == 0


async def test_what_cannot_be_rated_is_named_and_stops_no_other(swept: Swept) -> None:
    utility = swept.books.utility
    await netting(utility, 2)
    for number, first in enumerate((AUGUST, SEPTEMBER, OCTOBER)):
        await metered(utility, first, USED[number], SOLD[number], 2)
    for period in ("2026-08", "2026-09", "2026-10"):
        await settle(utility, period)
    await utility.enrol.tariff(NEEDS_FACT)
    await late(utility, AUGUST, 11_000, channel=3)
    tally = await swept.sweep()
    held = [each for each in await swept.open() if each.hold]
    assert tally.held == len(held) == 2
    assert all(each.hold and each.hold["code"] for each in held)
    figures = await swept.store.figures(utility.now + timedelta(days=8))
    assert (figures.open, figures.held, figures.month) == (2, 2, 2)

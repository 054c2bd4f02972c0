"""What a regulator asks for is counted from what was kept when it happened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest

from central.adapters.timescale.billing.corrections import TimescaleCorrections
from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.adapters.timescale.billing.regulator_figures import TimescaleRegulatorFigures
from central.adapters.timescale.knowledge import as_of
from central.adapters.timescale.pool import Pool
from central.domain.billing.correction import CorrectionWay
from central.domain.billing.cycle import Cycle
from central.domain.billing.regulator_figure import FigureName, RegulatorFigure
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.change_settings import ChangeSettings
from central.service.billing.correct_bills import CorrectBills
from central.service.billing.regulator_figures import RegulatorFigures
from central.service.knowledge_time import KnowledgeTime
from central.service.ports.decisions import Choice
from central.service.validation.decisions import decide_conflict
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import CHIEF, CLERK, TRADER, noted
from tests.support.books import HOURLY, NOW, Utility, month, pool_of
from tests.support.daily_books import bill, settle
from tests.support.ingest import Edge
from tests.support.moved_books import MOVED, moved_utility
from tests.support.servers import Database

pytestmark = pytest.mark.begins_with(MOVED)
TEN_ON_A_MONDAY = 4 * 24 + 10
"""Which boundary of October begins the dear hours of the fifth."""


@pytest.fixture
async def three(plain_migrated: Database) -> AsyncIterator[Utility]:
    async with moved_utility(plain_migrated.dsn) as moved:
        yield moved.utility


@pytest.fixture
def pool(three: Utility) -> Pool:
    return pool_of(three)


async def counted(utility: Utility, pool: Pool, of: str) -> Mapping[FigureName, RegulatorFigure]:
    """The figures of a month."""
    settings = ChangeSettings(utility.settings, lambda: utility.now)
    use_case = RegulatorFigures(TimescaleRegulatorFigures(pool), settings, lambda: utility.now)
    (shown,) = await use_case(Cycle.parse(of))
    return {figure.name: figure for figure in shown.figures}


def pair(figure: RegulatorFigure) -> tuple[int, int]:
    return figure.count, figure.of


async def test_exceptions_and_reads_count_in_the_month_in_which_they_were(
    three: Utility, pool: Pool
) -> None:
    # Two of three meters sent nothing: each of their days raised one when it was closed.
    before = await counted(three, pool, "2026-11")
    assert before[FigureName.CLOSED].of == 0
    assert pair((await counted(three, pool, "2026-10"))[FigureName.READ]) == (745, 3 * 745)
    three.now = NOW + timedelta(days=2)
    await three.deliver(Edge("gw-1"), month("S2", period_s=HOURLY))
    await three.validate()
    after = await counted(three, pool, "2026-10")
    assert pair(after[FigureName.READ]) == (2 * 745, 3 * 745)
    # What is open and not three days old is not counted yet.
    in_time, over = pair((await counted(three, pool, "2026-11"))[FigureName.CLOSED])
    assert in_time == over > 0
    three.now = NOW + timedelta(days=6)
    late = (await counted(three, pool, "2026-11"))[FigureName.CLOSED]
    assert (late.count, late.met) == (in_time, False)
    assert late.of > over
    # A day later nothing of this moves any more.
    three.now = NOW + timedelta(days=30)
    assert (await counted(three, pool, "2026-11"))[FigureName.CLOSED] == late


async def test_a_finding_that_is_closed_and_raised_again_is_one(three: Utility, pool: Pool) -> None:
    # The second meter's month comes two days later, but for ten hours: the finding of that day
    # ends, and another of a part of it is raised in the same moment.
    three.now = NOW + timedelta(days=2)
    await three.deliver(Edge("gw-1"), month("S2", gaps={TEN_ON_A_MONDAY: 10}, period_s=HOURLY))
    await three.validate()
    async with pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT channel_id, day, code, bool_and(closed_at IS NOT NULL), count(*)"
            " FROM vee_finding WHERE severity <> 'info' GROUP BY channel_id, day, code"
        )
        causes = await cursor.fetchall()
    assert [row[4] for row in causes if row[4] > 1] == [2]
    three.now = NOW + timedelta(days=6)
    figure = (await counted(three, pool, "2026-11"))[FigureName.CLOSED]
    assert pair(figure) == (sum(row[3] for row in causes), len(causes))
    # The ten hours come, more than three days after the day was found first.
    await three.deliver(Edge("gw-1"), month("S2", period_s=HOURLY))
    await three.validate()
    assert (await counted(three, pool, "2026-11"))[FigureName.CLOSED] == figure


async def test_bills_count_in_the_month_of_their_issue(three: Utility, pool: Pool) -> None:
    first = month("S1", period_s=HOURLY)[200]
    await three.deliver(Edge("gw-1"), [replace(first, mantissa=first.mantissa + 7)])
    gap = {TEN_ON_A_MONDAY: 1}
    await three.deliver(
        Edge("gw-1"), month("S2", gaps=gap, period_s=HOURLY), month("S3", period_s=HOURLY)
    )
    await three.validate()
    (conflict,) = await three.decisions.conflicts(10)
    note = noted(three.now, TRADER, "the first is right")
    await decide_conflict(three.decisions, conflict.id, Choice.KEEP, note)
    await three.validate()
    await settle(three, "2026-10")
    issued = await counted(three, pool, "2026-11")
    assert {name: pair(figure) for name, figure in issued.items() if figure.of == 3} == {
        FigureName.ERRONEOUS: (0, 3),
        FigureName.ESTIMATED: (1, 3),
        FigureName.TOUCHED: (1, 3),
    }
    assert (await counted(three, pool, "2026-10"))[FigureName.ERRONEOUS].of == 0
    at_issue = three.now
    three.now += timedelta(hours=1)
    # The estimate is trued up: that bill was estimated, and not in error.
    reading = month("S2", period_s=HOURLY)[TEN_ON_A_MONDAY]
    await three.deliver(Edge("gw-1"), [replace(reading, mantissa=reading.mantissa + 90)])
    await three.validate()
    correct = CorrectBills(TimescaleCorrections(pool), lambda: three.now)
    report = await correct.preview("A-2")
    assert any(each.amount for each in report.amounts)
    uid = await correct.decide("A-2", CorrectionWay.ADJUST, CLERK, "true-up")
    await correct.approve(uid, CHIEF)
    assert pair((await counted(three, pool, "2026-11"))[FigureName.ERRONEOUS]) == (0, 3)
    # One that was cancelled was in error, whatever replaces it; the credit note is no bill.
    wrong = await bill(three, "A-3", "2026-10")
    cancel = CancelBills(three.billing, TimescaleCancellations(pool), lambda: three.now)
    (note_uid,) = await cancel([wrong.uid], CLERK, "wrong tariff agreed")
    await ApproveBills(three.billing, lambda: three.now).one(note_uid, CHIEF)
    assert pair((await counted(three, pool, "2026-11"))[FigureName.ERRONEOUS]) == (0, 3)
    await IssueBills(three.billing, lambda: three.now).one(note_uid, CHIEF)
    figure = (await counted(three, pool, "2026-11"))[FigureName.ERRONEOUS]
    assert (figure.share, figure.percent, figure.met) == (Fraction(1, 3), "33.3333", False)
    # What is made in its place is another bill, right until it is cancelled as well.
    for cancelled, issued_bills in ((1, 4), (2, 4), (2, 5)):
        if cancelled == issued_bills - 3:
            await settle(three, "2026-10")
        else:
            again = await bill(three, "A-3", "2026-10")
            (note_uid,) = await cancel([again.uid], CLERK, "wrong tariff agreed")
            await ApproveBills(three.billing, lambda: three.now).one(note_uid, CHIEF)
            await IssueBills(three.billing, lambda: three.now).one(note_uid, CHIEF)
        figure = (await counted(three, pool, "2026-11"))[FigureName.ERRONEOUS]
        assert pair(figure) == (cancelled, issued_bills)
    # As it was known when they were issued, none was.
    three.now += timedelta(hours=1)
    then = KnowledgeTime.of(at_issue, three.now)
    before = (await counted(three, as_of(pool, then), "2026-11"))[FigureName.ERRONEOUS]
    assert pair(before) == (0, 3)


async def test_months_that_cannot_be_are_refused(three: Utility, pool: Pool) -> None:
    settings = ChangeSettings(three.settings, lambda: three.now)
    use_case = RegulatorFigures(TimescaleRegulatorFigures(pool), settings, lambda: three.now)
    with pytest.raises(InvalidValueError, match="37 months"):
        await use_case(months=37)
    with pytest.raises(InvalidValueError, match="calendar month"):
        await use_case(Cycle.parse("2026-10@15"))
    present, before = await use_case(months=2)
    assert (present.month, present.goes_on, before.month, before.goes_on) == (
        *("2026-11", True),
        *("2026-10", False),
    )

"""A bill that adjustments take below zero is a credit, or held until its registers were read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal

import psycopg
import pytest

from central.adapters.timescale.exceptions.releases import TimescaleBillReleases
from central.adapters.timescale.pool import make_pool
from central.domain.billing.correction import CorrectionWay
from central.domain.billing.state import BillState
from central.service.billing.change_settings import ChangeSettings, SettingsChange
from central.service.exceptions.release import release_bill
from central.service.ports.bill_releases import ReleasedBill
from central.service.ports.exception_notes import ActionNote
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from tests.support.actors import CHIEF, CLERK, OPERATOR, noted
from tests.support.corrected_books import (
    AUGUST,
    ISSUED_AT,
    NETTED,
    NOVEMBER,
    Corrected,
    corrected_utility,
    late,
    metered,
)
from tests.support.daily_books import approve, bill, issue, run
from tests.support.servers import Database

pytestmark = pytest.mark.begins_with(NETTED)

METER = """\
WITH gateway AS (
    INSERT INTO gateway (name, enrolled_at) VALUES ('gw', '2026-08-01Z') RETURNING id
), meter AS (
    INSERT INTO meter (manufacturer, serial, gateway_id, first_seen_at)
    SELECT 'ABC', '1', id, '2026-08-01Z' FROM gateway RETURNING id
), installation AS (
    INSERT INTO installation (uid, service_point_id, meter_id, during)
    SELECT gen_random_uuid(), 1, id, tstzrange('2026-08-01Z', '2026-12-01Z') FROM meter RETURNING id
)
INSERT INTO installation_register (installation_id, obis)
SELECT installation.id, point_channel.obis FROM installation, point_channel
"""


@pytest.fixture
async def books(migrated: Database) -> AsyncIterator[Corrected]:
    """November uses 30 kWh, and what is adjusted gives 100 kWh of October back."""
    with psycopg.connect(migrated.dsn) as owner:
        owner.execute(METER)
    async with corrected_utility(migrated.dsn) as made:
        utility = made.utility
        utility.now = ISSUED_AT
        await late(utility, AUGUST, 120_000, channel=2)
        uid = await made.correct.decide("A-1", CorrectionWay.ADJUST, CLERK, "readings came late")
        await made.correct.approve(uid, CHIEF)
        utility.now = datetime.fromisoformat("2026-12-20T12:00:00+00:00")
        await metered(utility, NOVEMBER, 1, 0)
        yield made


async def chosen(books: Corrected, way: str) -> None:
    """What becomes of a bill below zero from now on."""
    utility = books.utility
    use_case = ChangeSettings(utility.settings, lambda: utility.now)
    await use_case(SettingsChange(negative_total=way), OPERATOR, "our terms")


async def test_it_is_a_credit_where_nobody_says_otherwise(books: Corrected) -> None:
    summary = await run(books.utility, "2026-11")
    assert await approve(books.utility, summary) == []
    assert await issue(books.utility, summary) == []
    record = await bill(books.utility, "A-1", "2026-11")
    assert record.bill.amounts.due == Decimal("-25.41")
    assert record.bill.amounts.due_label == "Credit in your favour"


async def test_it_is_held_until_its_registers_are_read(
    books: Corrected, migrated: Database
) -> None:
    utility = books.utility
    await chosen(books, "hold")
    await run(utility, "2026-11")
    record = await bill(utility, "A-1", "2026-11")
    assert record.bill.state is BillState.HELD
    (hold,) = record.bill.holds
    october = await bill(utility, "A-1", "2026-10")
    assert (hold.code, hold.evidence) == ("NEGATIVE_TOTAL", "-25.41")
    assert october.number is not None
    assert f"-25.41 EUR with what it adjusts of {october.number}." in hold.message
    with psycopg.connect(migrated.dsn) as owner:
        owner.execute(
            "UPDATE installation_register SET closing = 900 WHERE obis = %s", [ACTIVE_IMPORT.code]
        )
    await run(utility, "2026-11")
    assert (await bill(utility, "A-1", "2026-11")).bill.state is BillState.HELD
    with psycopg.connect(migrated.dsn) as owner:
        owner.execute("UPDATE installation_register SET closing = 900")
    summary = await run(utility, "2026-11")
    assert await approve(utility, summary) == []
    assert await issue(utility, summary) == []


async def test_a_draft_of_before_is_not_issued_below_zero(books: Corrected) -> None:
    utility = books.utility
    summary = await run(utility, "2026-11")
    assert await approve(utility, summary) == []
    await chosen(books, "hold")
    assert await issue(utility, summary) == [("A-1", "BILL_STALE")]
    await chosen(books, "carry")
    assert await issue(utility, summary) == []


async def test_a_run_holds_a_draft_of_before(books: Corrected) -> None:
    utility = books.utility
    await run(utility, "2026-11")
    await chosen(books, "hold")
    await run(utility, "2026-11")
    assert (await bill(utility, "A-1", "2026-11")).bill.state is BillState.HELD
    await chosen(books, "carry")
    await run(utility, "2026-11")
    assert (await bill(utility, "A-1", "2026-11")).bill.state is BillState.DRAFT


async def released(books: Corrected, dsn: str) -> ReleasedBill:
    """The bill of November is held, and somebody answers for it."""
    utility = books.utility
    await chosen(books, "hold")
    await run(utility, "2026-11")
    record = await bill(utility, "A-1", "2026-11")
    assert record.bill.state is BillState.HELD
    async with make_pool(dsn, max_size=2) as pool:
        answer = ActionNote(noted(utility.now, OPERATOR, "the customer was away"))
        return await release_bill(TimescaleBillReleases(pool), record.uid, answer)


async def test_somebody_answers_for_it(books: Corrected, migrated: Database) -> None:
    utility = books.utility
    assert (await released(books, migrated.dsn)).codes == ("NEGATIVE_TOTAL",)
    summary = await run(utility, "2026-11")
    assert (await bill(utility, "A-1", "2026-11")).bill.state is BillState.DRAFT
    assert await approve(utility, summary) == []
    assert await issue(utility, summary) == []


async def test_another_total_is_asked_again(books: Corrected, migrated: Database) -> None:
    utility = books.utility
    await released(books, migrated.dsn)
    await late(utility, NOVEMBER, 2_000)
    await run(utility, "2026-11")
    again = await bill(utility, "A-1", "2026-11")
    assert [hold.code for hold in again.bill.holds] == ["NEGATIVE_TOTAL"]

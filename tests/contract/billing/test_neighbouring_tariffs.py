"""A part is also made from tariffs that are not its own: those before and after, and elsewhere."""

from __future__ import annotations

from datetime import UTC, date, datetime

import psycopg

from central.domain.billing.bill import Party, RunType
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.registry.register import Enrol
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import OPERATOR
from tests.support.books import Utility, timescale_utility
from tests.support.daily_books import (
    FIRST,
    TARIFF,
    approve,
    bill,
    found,
    issue,
    measured,
    run,
    settle,
)
from tests.support.servers import Database

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
FLAT, DEAR = (
    TARIFF.format(name=name, price=price) for name, price in (("FLAT", 0.3), ("DEAR", 0.5))
)
LATER = TARIFF.format(name="LATER", price=0.4) + "takes_over: {yearly: yearly}\n"
TERM = """\
commitments:
  - {id: promise, of: [energy], amount: 300, per: term, months: 2,
     begins: 2026-08-01, owner: account}
"""


async def changed(utility: Utility, until: date = OCTOBER) -> None:
    """The first customer under FLAT until a day, and under DEAR from then on."""
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "FLAT", FIRST, until))
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "DEAR", until))


async def clock_set_back(utility: Utility, document: str) -> None:
    """Correct a tariff; the clock of who does shows a time before the draft."""
    earlier = Enrol(utility.registry, OPERATOR, lambda: datetime(2026, 10, 20, tzinfo=UTC))
    await earlier.tariff(document, reason="typing error")


async def test_a_tariff_that_takes_over_something_else_makes_a_draft_stale(
    utility: Utility,
) -> None:
    await found(utility)
    await changed(utility)
    await measured(utility, FIRST, OCTOBER)
    await settle(utility, "2026-08")
    summary = await run(utility, "2026-09")
    settled = await bill(utility, "A-1", "2026-09")
    await clock_set_back(utility, DEAR + "takes_over: {yearly: yearly}\n")
    assert await utility.billing.changed_inputs([settled.uid], utility.now) == {settled.uid}
    assert await approve(utility, summary) == [("A-1", "BILL_STALE")]
    await run(utility, "2026-09")
    handed = await bill(utility, "A-1", "2026-09")
    assert handed.sha256 != settled.sha256
    assert await approve(utility, summary) == []
    # Another price of the tariff after it says nothing else about this part's state, but may.
    await clock_set_back(utility, DEAR)
    assert await issue(utility, summary) == [("A-1", "BILL_STALE")]


async def test_a_tariff_before_that_settles_something_else_makes_a_draft_stale(
    utility: Utility,
) -> None:
    await found(utility)
    await measured(utility, FIRST, NOVEMBER)
    await settle(utility, "2026-09")
    # Nobody knew of it when September was issued: October settles what FLAT left.
    await changed(utility)
    summary = await run(utility, "2026-10")
    before = await bill(utility, "A-1", "2026-10")
    await clock_set_back(utility, FLAT.replace("amount: 1,", "amount: 9000,"))
    assert await approve(utility, summary) == [("A-1", "BILL_STALE")]
    await run(utility, "2026-10")
    after = await bill(utility, "A-1", "2026-10")
    assert after.bill.amounts.billed > before.bill.amounts.billed
    assert await approve(utility, summary) == []
    assert await issue(utility, summary) == []


async def named_by(utility: Utility, document: str, effective: date) -> list[int]:
    """How many issued bills are named where a tariff gets a version."""
    enrol = utility.enrol
    enrol.concerned.clear()
    await enrol.tariff(document.replace("2026-01-01", effective.isoformat()))
    return [bills.count for bills in enrol.concerned.values()]


async def test_a_bill_that_settles_what_another_tariff_left_is_named_by_its_versions(
    utility: Utility,
) -> None:
    await found(utility)
    await measured(utility, FIRST, NOVEMBER)
    await settle(utility, "2026-09")
    await changed(utility)
    await settle(utility, "2026-10")
    # September, and October, which settles what September left; not what is of October alone.
    assert await named_by(utility, FLAT, date(2026, 9, 30)) == [2]
    assert await named_by(utility, FLAT, OCTOBER) == []


async def test_a_bill_that_hands_over_is_named_by_versions_of_the_tariff_after_it(
    utility: Utility,
) -> None:
    await found(utility)
    await utility.enrol.tariff(LATER)
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "FLAT", FIRST, OCTOBER))
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "LATER", OCTOBER))
    await measured(utility, FIRST, OCTOBER)
    await settle(utility, "2026-09")
    assert await named_by(utility, LATER, OCTOBER) == [1]
    assert await named_by(utility, LATER, date(2026, 10, 2)) == []


async def test_a_bill_that_hands_nothing_over_is_named_by_versions_of_the_tariff_after_it(
    utility: Utility,
) -> None:
    await found(utility)
    await changed(utility)
    await measured(utility, FIRST, NOVEMBER)
    await settle(utility, "2026-09")
    # Another version may say that what September settled is taken over after all.
    assert await named_by(utility, DEAR, OCTOBER) == [1]
    assert await named_by(utility, DEAR, date(2026, 10, 2)) == []


async def test_a_tariff_of_days_that_are_open_elsewhere_makes_a_draft_stale(
    utility: Utility,
) -> None:
    middle = date(2026, 9, 16)
    await found(utility)
    await utility.enrol.tariff(TARIFF.format(name="MINE", price="0.10") + TERM)
    await utility.enrol.account(AccountRecord("A-2", Party("Of two points")))
    for number, tariff, end in ((2, "MINE", middle), (3, "FLAT", None)):
        await utility.enrol.service_point(
            PointRecord(f"SP-{number}", "UTC"),
            PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR),
        )
        since = FIRST if number == 2 else date(2026, 9, 1)
        await utility.enrol.agreement(AgreementRecord("A-2", f"SP-{number}", tariff, since, end))
    await measured(utility, FIRST, middle, 2)
    await settle(utility, "2026-08")
    utility.now = datetime(2026, 9, 20, tzinfo=UTC)
    summary = await run(utility, "2026-09", RunType.FINAL)
    final = await bill(utility, "A-2", "2026-09")
    await clock_set_back(utility, FLAT + TERM)
    assert await utility.billing.changed_inputs([final.uid], utility.now) == {final.uid}
    assert await approve(utility, summary) == [("A-2", "BILL_STALE")]


async def test_a_draft_of_before_keeps_no_other_tariffs_and_is_compared(
    migrated: Database,
) -> None:
    async with timescale_utility(migrated.dsn) as utility:
        await found(utility)
        await measured(utility, FIRST, OCTOBER)
        await run(utility, "2026-08")
        with psycopg.connect(migrated.dsn) as connection:
            row = connection.execute("SELECT other_tariff_revisions FROM bill_part").fetchone()
        assert row == ({},)
        await changed(utility)
        await run(utility, "2026-09")
        with psycopg.connect(migrated.dsn) as connection:
            rows = connection.execute("SELECT other_tariff_revisions FROM bill_part").fetchall()
        assert rows == [({"DEAR": 1},), ({"DEAR": 1},)]

"""Days below a floor are closed for good: nothing of them is validated, and what comes is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from psycopg import errors

from central.adapters.timescale.pool import Pool
from central.adapters.timescale.retention_rules import TimescaleRetentionRules
from central.domain.actor import Actor
from central.domain.billing.cycle import Cycle
from central.domain.retention import BelowFloorError, FloorStep, HoldOf
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.run_bills import RunBills
from central.service.ports.registry import NotRegisteredError
from central.service.ports.validation import PointChannelId
from central.service.retention.rules import RetentionRules
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.reading import Reading
from tests.support.actors import CHIEF, CLERK
from tests.support.books import NOW, Utility, month, pool_of, timescale_utility
from tests.support.ingest import Edge
from tests.support.servers import Database

LATER = datetime(2028, 3, 1, 12, tzinfo=UTC)
FLOOR = date(2026, 10, 11)
WHY = "the books of the year are closed"
DAY = timedelta(days=1)


# A reading, and that days wait for it.
WAITING = """\
WITH stored AS (
    INSERT INTO reading (channel_id, at, mantissa, exponent, flags)
    VALUES (1, %(at)s::timestamptz, 1, 0, 0)
)
INSERT INTO touched (channel_id, from_at, until_at)
VALUES (1, %(at)s::timestamptz, %(at)s::timestamptz + interval '1 minute')
"""


class Books:
    """A utility whose October is issued, but for the readings of two days; it is years later."""

    def __init__(self, utility: Utility, edge: Edge, dsn: str) -> None:
        self.utility = utility
        self.edge = edge
        self.dsn = dsn

    @property
    def pool(self) -> Pool:
        return pool_of(self.utility)

    @property
    def rules(self) -> RetentionRules:
        store = TimescaleRetentionRules(self.pool)
        return RetentionRules(store, CLERK, lambda: self.utility.now)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.dsn, autocommit=True) as owner:
            return owner.execute(query.encode()).fetchall()

    def versions(self) -> dict[date, int]:
        """The newest version of each day until November."""
        query = "SELECT day, max(version) FROM day_block WHERE day < '2026-11-01' GROUP BY day"
        return dict(self.rows(query))  # type: ignore[arg-type]


def split() -> tuple[list[Reading], list[Reading]]:
    """October without the readings of three midnights of Madrid, and these."""
    late = {datetime(2026, 10, day, 22, tzinfo=UTC) for day in (4, 10, 19)}
    readings = month()
    return (
        [one for one in readings if one.at not in late],
        [one for one in readings if one.at in late],
    )


@pytest.fixture
async def books(migrated: Database) -> AsyncIterator[Books]:
    async with timescale_utility(migrated.dsn) as utility:
        edge = await utility.found()
        await utility.deliver(edge, split()[0])
        await utility.validate()
        yield Books(utility, edge, migrated.dsn)


async def issue(utility: Utility) -> None:
    summary = await RunBills(utility.billing, lambda: NOW)(Cycle.parse("2026-10"), CLERK)
    await ApproveBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)
    await IssueBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)


async def test_a_floor_rises_when_its_days_are_issued_and_no_hold_stands(books: Books) -> None:
    utility, rules = books.utility, books.rules

    async def raised(day: date = FLOOR, *, dry: bool = False) -> list[FloorStep]:
        return list(await books.rules.raise_floors(day, WHY, dry=dry))

    with pytest.raises(InvalidValueError, match="450 days"):
        await rules.raise_floors(FLOOR, WHY)
    utility.now = LATER
    assert await raised() == [FloorStep("SP-1", None, "NOT_ISSUED")]
    utility.now = NOW
    await issue(utility)
    utility.now = LATER
    hold = await books.rules.hold(HoldOf.ACCOUNT, "A-1", "court 12/2027", "the customer sues")
    assert await raised() == [FloorStep("SP-1", None, "ON_LEGAL_HOLD")]
    await books.rules.lift(hold.uid, "settled")
    assert await raised(date(2026, 11, 25)) == [FloorStep("SP-1", None, "NOT_CLOSED")]
    assert await raised(dry=True) == [FloorStep("SP-1", None, None)]
    assert books.rows("SELECT count(*)::integer FROM retention_floor") == [(0,)]
    assert await raised() == [FloorStep("SP-1", None, None)]
    assert await raised() == []  # it lies there already
    assert await raised(FLOOR - DAY) == []
    assert await raised(FLOOR + DAY) == [FloorStep("SP-1", FLOOR, None)]
    entries = await TimescaleRetentionRules(books.pool).floors(9)
    assert [(entry.day, entry.points, entry.actor) for entry in entries] == [
        (FLOOR + DAY, 1, CLERK.key), (FLOOR, 1, CLERK.key),
    ]  # fmt: skip
    audited = books.rows(
        "SELECT detail -> 'new' ->> 'floor' FROM audit_log WHERE action = 'retention.floor'"
    )
    assert audited == [("2026-10-11",), ("2026-10-12",)]
    for point, group in (("SP-9", None), (None, "nowhere")):
        with pytest.raises(NotRegisteredError):
            await books.rules.raise_floors(FLOOR, WHY, point=point, group=group)
    with psycopg.connect(books.dsn, autocommit=True) as owner:
        for wrong in (
            "UPDATE service_point SET retention_floor = NULL",
            "UPDATE service_point SET retention_floor = '2026-10-01'",
            "DELETE FROM retention_floor",
        ):
            with pytest.raises(errors.RestrictViolation):
                owner.execute(wrong.encode())


async def test_nothing_below_a_floor_is_validated_again(books: Books) -> None:
    utility = books.utility
    await issue(utility)
    utility.now = LATER
    await books.rules.raise_floors(FLOOR, WHY, point="SP-1")
    before = books.versions()
    stored = "SELECT count(*)::integer - %s FROM reading"
    count = books.rows(stored % 2)
    await utility.deliver(books.edge, split()[1])
    # Of a day below, which is refused by name and kept; of the midnight at the floor, and above.
    batch = "SELECT outcome, received, stored, quarantined FROM batch WHERE code = 'BELOW_FLOOR'"
    assert books.rows(batch) == [("quarantined", 3, 2, 1)]
    assert books.rows(stored % 4) == count
    assert books.rows("SELECT octet_length(payload) > 100 FROM quarantine") == [(True,)]
    assert books.rows("SELECT code FROM finding WHERE message LIKE '%closed for good%'") == [
        ("QUARANTINE",)
    ]
    # What comes in by another way says nothing of a day below either, nor does a closing anew.
    with psycopg.connect(books.dsn, autocommit=True) as owner:
        owner.execute(WAITING, {"at": split()[1][0].at})
    async with utility.validation.transaction() as work:
        await work.lock([PointChannelId(1)])
        await work.reopen(PointChannelId(1), date(2026, 10, 3))
    assert books.rows("SELECT closed_through FROM point_channel") == [(FLOOR - DAY,)]
    await utility.validate()
    after = books.versions()
    changed = {day for day, version in after.items() if version != before[day]}
    assert changed == {FLOOR, date(2026, 10, 19), date(2026, 10, 20)}
    assert books.rows("SELECT count(*)::integer FROM touched") == [(0,)]
    # Nor does anybody write such a day by hand.
    async with utility.validation.transaction() as work:
        (block,) = await work.days_of(PointChannelId(1), FLOOR - DAY, FLOOR)
        with pytest.raises(BelowFloorError, match="2026-10-10 of SP-1 lies below its floor"):
            await work.add_blocks([block], Actor.job("validate"), LATER)

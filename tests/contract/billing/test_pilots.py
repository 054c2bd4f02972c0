"""A tariff is tried on a group's own intervals, beside a control group, and nothing is billed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import psycopg
import pytest

from central.adapters.timescale.billing.pilots import TimescalePilots
from central.adapters.timescale.pool import make_pool
from central.domain.billing.cycle import Cycle
from central.domain.rating.pilot import PilotDocument, PilotRow, PilotSide, sums_of
from central.service.pilots.pilots import Pilots
from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.ports.pilots import NoSuchPilotError
from central.service.ports.registry import NotRegisteredError
from central.service.registry.groups import NamedGroups
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import CLERK, OPERATOR
from tests.support.books import HOURLY, Utility, month, timescale_utility
from tests.support.daily_books import bill, run
from tests.support.ingest import Edge
from tests.support.moved_books import MOVED
from tests.support.servers import Database

pytestmark = pytest.mark.begins_with(MOVED)
OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
TRIED = PilotDocument("tried", "DEAR", OCTOBER, NOVEMBER, control="others")


@dataclass
class Trying:
    """A utility with two groups, and what tries tariffs on them."""

    utility: Utility
    pilots: Pilots


@pytest.fixture
async def trying(migrated: Database) -> AsyncIterator[Trying]:
    async with timescale_utility(migrated.dsn) as utility, make_pool(migrated.dsn) as pool:
        groups = NamedGroups(utility.registry, OPERATOR, lambda: utility.now)
        for name, of, members in (
            ("tried", GroupOf.ACCOUNT, ("A-1", "A-2")),
            ("others", GroupOf.POINT, ("SP-3",)),
        ):
            await groups.add(GroupRecord(name, of))
            for member in members:
                await groups.assign(name, Membership(member, date(2026, 9, 1)))
        await utility.deliver(Edge("gw-1"), month("S3", step=50, period_s=HOURLY))
        await utility.validate()
        yield Trying(utility, Pilots(TimescalePilots(pool), lambda: utility.now))


async def test_both_tariffs_are_rated_as_bills_are_and_nothing_is_billed(
    trying: Trying, migrated: Database
) -> None:
    utility, pilots = trying.utility, trying.pilots
    await pilots.set("dear", TRIED, CLERK, "is it worth it?")
    result = await pilots.run("dear", CLERK)
    first, silent, other = result.rows
    with psycopg.connect(migrated.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM bill").fetchone() == (0,)
    # The bill of the same month says the same.
    await run(utility, "2026-10")
    record = await bill(utility, "A-1", "2026-10")
    assert (first.before, first.kwh) == (record.bill.amounts.billed, record.kwh)
    assert (first.account, first.against, first.currency) == ("A-1", "HOME", "EUR")
    # Ten cents more of each kWh that is not in the dear hours, and the tax on it.
    assert first.difference > 0
    assert (silent.account, silent.held) == ("A-2", ("MISSING_INTERVALS",))
    assert (other.side, other.kwh) == (PilotSide.CONTROL, 2 * first.kwh)
    tried, control = sums_of(result.rows)
    assert (tried.accounts, tried.winners, tried.losers) == (1, 0, 1)
    assert control.mean_difference == Fraction(other.difference)


async def test_the_same_again_is_kept_once_and_each_version_keeps_its_own(
    trying: Trying,
) -> None:
    utility, pilots = trying.utility, trying.pilots
    assert await pilots.set("dear", TRIED, CLERK, "is it worth it?") == (1, True)
    assert await pilots.set("dear", TRIED, CLERK, "again") == (1, False)
    first = await pilots.run("dear", CLERK)
    utility.now += timedelta(hours=1)
    assert await pilots.run("dear", OPERATOR) == first
    # The silent meter's readings come: that is another result.
    await utility.deliver(Edge("gw-1"), month("S2", period_s=HOURLY))
    await utility.validate()
    second = await pilots.run("dear", CLERK)
    assert (second.run, [row.held for row in second.rows]) == (2, [(), (), ()])
    # Half of the month, and the other way round: who moved in on the 16th pays a part of it.
    half = replace(TRIED, first=date(2026, 10, 16), tariff="HOME", against="DEAR", control=None)
    assert await pilots.set("dear", half, CLERK, "the other way") == (2, True)
    third = await pilots.run("dear", CLERK)
    assert [(row.days.first, row.against) for row in third.rows] == [(half.first, "DEAR")] * 2
    (side,) = sums_of(third.rows)
    assert (side.winners, side.losers) == (2, 0)
    assert third.rows[0].after < second.rows[0].before
    assert await pilots.show("dear", 1) == second
    assert await pilots.show("dear") == third
    assert [(each.name, each.version) for each in await pilots.listed()] == [("dear", 2)]


async def test_what_cannot_be_is_refused_by_name(trying: Trying) -> None:
    pilots = trying.pilots
    for wrong in (replace(TRIED, group="nobody"), replace(TRIED, tariff="NONE")):
        with pytest.raises(NotRegisteredError):
            await pilots.set("dear", wrong, CLERK, "why")
    with pytest.raises(InvalidValueError, match="not possible"):
        replace(TRIED, end=OCTOBER)
    with pytest.raises(InvalidValueError, match="two groups"):
        replace(TRIED, control="tried")
    for asks in (pilots.run("nowhere", CLERK), pilots.show("nowhere")):
        with pytest.raises(NoSuchPilotError):
            await asks


def test_an_account_wins_or_loses_with_all_that_it_has() -> None:
    days = Cycle.parse("2026-10").days

    def row(account: str, before: int, after: int, *held: str) -> PilotRow:
        sums = (Decimal(1), "EUR", Decimal(before), Decimal(after))
        return PilotRow(PilotSide.PILOT, account, "SP", "electricity", "HOME", days, *sums, held)

    rows = [row("A", 10, 13), row("A", 10, 5), row("B", 1, 1), row("C", 1, 2), row("D", 1, 9)]
    (side,) = sums_of([*rows, row("D", 0, 0, "MISSING_FACT")])
    assert (side.accounts, side.winners, side.losers) == (3, 1, 1)
    assert side.mean_difference == Fraction(-1, 3)

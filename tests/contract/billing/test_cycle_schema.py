"""What the database itself refuses of cycles and groups, and what it gives a shard of bills."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import psycopg
import pytest

from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.registry.cycles import periods_of
from central.adapters.timescale.registry.groups import accounts_in
from central.adapters.timescale.registry.registry import TimescaleRegistry
from central.domain.billing.bill import Party
from central.domain.billing.billing_cycle import BillingCycle
from central.domain.billing.run_scope import RunScope
from central.service.ports.groups import GroupOf, GroupRecord, Membership, UnknownScopeError
from central.service.ports.registry import AccountRecord, AgreementRecord, PointRecord
from central.service.registry.cycles import BillingCycles
from central.service.registry.groups import NamedGroups
from central.service.registry.register import Enrol
from tests.support.actors import CLERK
from tests.support.books import NOW, TARIFF, ZONE
from tests.support.servers import Database

Connection = psycopg.Connection[tuple[object, ...]]
ADD = (
    "INSERT INTO cycle_period (cycle_id, name, first_day, end_day, bill_day, follows)"
    " VALUES (1, %s, %s, %s, %s, %s)"
)
JANUARY = ("one", "2026-01-01", "2026-02-01", "2026-02-01", None)
FEBRUARY = ("two", "2026-02-01", "2026-03-01", "2026-03-01", "2026-02-01")


@pytest.fixture
def app(migrated: Database) -> Iterator[Connection]:
    with psycopg.connect(migrated.dsn_as("meterline_app"), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO billing_cycle (name, months, first_day) VALUES ('c', 1, '2026-01-01')"
        )
        connection.execute(ADD, JANUARY)
        connection.execute(ADD, FEBRUARY)
        yield connection


@pytest.mark.parametrize(
    "row",
    [
        ("a second first", "2027-01-01", "2027-02-01", "2027-02-01", None),
        ("a hole before it", "2026-03-02", "2026-04-01", "2026-04-01", "2026-03-02"),
        ("follows another day", "2026-03-02", "2026-04-01", "2026-04-01", "2026-03-01"),
        ("the same days", "2026-02-01", "2026-02-10", "2026-02-10", "2026-02-01"),
        ("no day", "2026-03-01", "2026-03-01", "2026-03-01", "2026-03-01"),
        ("billed before its end", "2026-03-01", "2026-04-01", "2026-03-31", "2026-03-01"),
        ("two", "2026-03-01", "2026-04-01", "2026-04-01", "2026-03-01"),
    ],
    ids=lambda row: row[0],
)
def test_periods_tile(app: Connection, row: tuple[str | None, ...]) -> None:
    with pytest.raises(psycopg.errors.IntegrityError):
        app.execute(ADD, row)
    app.execute(ADD, ("three", "2026-03-01", "2026-04-01", "2026-04-02", "2026-03-01"))


def test_no_period_is_cut_out_of_the_middle(app: Connection) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        app.execute("DELETE FROM cycle_period WHERE name = 'one'")
    app.execute("DELETE FROM cycle_period WHERE name = 'two'")


def test_a_member_is_in_a_group_once_a_day(app: Connection) -> None:
    app.execute(
        "INSERT INTO account (uid, number, name, created_at)"
        " VALUES (gen_random_uuid(), 'A-1', 'Ada', '2026-09-01Z')"
    )
    app.execute("INSERT INTO named_group (name, of) VALUES ('g', 'account'), ('p', 'point')")
    add = (
        "INSERT INTO group_member (group_id, of, account_id, from_day, end_day)"
        " VALUES (%s, %s, 1, %s, %s)"
    )
    app.execute(add, (1, "account", "2026-01-01", "2026-02-01"))
    app.execute(add, (1, "account", "2026-02-01", None))
    with pytest.raises(psycopg.errors.ExclusionViolation):
        app.execute(add, (1, "account", "2025-12-01", "2026-01-02"))
    for kind in ("account", "point"):
        with pytest.raises(psycopg.errors.IntegrityError):
            app.execute(add, (2, kind, "2026-01-01", None))


async def test_a_shard_asks_for_its_periods_once(migrated: Database) -> None:
    async with make_pool(migrated.dsn) as pool:
        registry = TimescaleRegistry(pool)
        enrol = Enrol(registry, CLERK, lambda: NOW)
        for number in ("A-1", "A-2", "A-3"):
            await enrol.account(AccountRecord(number, Party(number)))
        cycles = BillingCycles(registry, CLERK, lambda: NOW)
        await cycles.add(BillingCycle("bimonthly", date(2026, 1, 1), 2))
        await cycles.assign("A-1", "bimonthly", date(2026, 9, 1))
        await cycles.assign("A-2", "@15", date(2026, 9, 15))
        async with pool.connection() as connection, connection.transaction():
            periods = await periods_of(connection, [1, 2, 3], date(2040, 12, 31))
    october = [periods.on(key, date(2026, 10, 14)) for key in (1, 2, 3)]
    assert list(map(str, october)) == ["2026-10.bimonthly", "2026-09@15", "2026-10"]
    # Further than the list is kept.
    assert str(periods.on(1, date(2040, 11, 5))) == "2040-12.bimonthly"


async def test_a_run_is_narrowed_to_a_group_or_an_account(migrated: Database) -> None:
    async with make_pool(migrated.dsn) as pool:
        registry = TimescaleRegistry(pool)
        enrol, groups = Enrol(registry, CLERK, lambda: NOW), NamedGroups(registry, CLERK)
        await enrol.tariff(TARIFF)
        for number in (1, 2, 3):
            await enrol.service_point(PointRecord(f"SP-{number}", ZONE))
            await enrol.account(AccountRecord(f"A-{number}", Party("Ada")))
            await enrol.agreement(
                AgreementRecord(f"A-{number}", f"SP-{number}", "HOME", date(2026, 9, 1))
            )
        await groups.add(GroupRecord("route-7", GroupOf.ACCOUNT))
        await groups.add(GroupRecord("feeder-2", GroupOf.POINT))
        await groups.assign("route-7", Membership("A-1", date(2026, 9, 1), date(2026, 10, 31)))
        await groups.assign("route-7", Membership("A-2", date(2026, 9, 1)))
        await groups.assign("feeder-2", Membership("SP-3", date(2026, 9, 1)))

        async def keys(day: date, group: str | None, account: str | None = None) -> list[int]:
            async with pool.connection() as connection:
                return await accounts_in(connection, RunScope(group, account), day)

        last = date(2026, 10, 31)
        assert await keys(date(2026, 9, 30), "route-7") == [1, 2]
        assert await keys(last, "route-7") == [2]
        assert await keys(last, "feeder-2") == [3]
        assert await keys(last, "feeder-2", "A-2") == []
        assert await keys(last, None, "A-2") == [2]
        with pytest.raises(UnknownScopeError):
            await keys(last, "nobody")

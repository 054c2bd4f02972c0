"""Every validated interval is billed once or named, on every server; what SQL planted is seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime
from decimal import Decimal

import psycopg
import pytest

from central.domain.billing.bill import RunType
from central.domain.billing.billing_cycle import BillingCycle
from central.domain.billing.coverage import Coverage
from central.domain.billing.cycle import Cycle
from central.domain.billing.run_scope import RunScope
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope, Reconciliation
from central.service.billing.run_balance import run_balance
from central.service.billing.run_bills import RunBills
from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.ports.registry import InstallationRecord, PointChannelRecord, PointRecord
from central.service.registry.cycle_file import read_cycle_file
from central.service.registry.cycles import BillingCycles
from central.service.registry.groups import NamedGroups
from central.service.views.lookup import NotFoundError
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import CHIEF, CLERK, noted
from tests.support.books import NOW, SEPTEMBER, TARIFF, ZONE, Utility, month, timescale_utility
from tests.support.ingest import Edge
from tests.support.servers import Database

MONTH = Cycle.parse("2026-10")
# 31 days and the extra autumn hour, 25 Wh each quarter hour.
OCTOBER_WH = Decimal(2980 * 25)
DAY_WH = Decimal(96 * 25)


class Books:
    """Two customers whose October is validated, and what reconciliation says of it."""

    def __init__(self, utility: Utility, dsn: str = "") -> None:
        self.utility = utility
        self._dsn = dsn

    async def deliver(self) -> Books:
        """Have their readings validated."""
        edge = await self.utility.found(customers=2)
        await self.utility.deliver(edge, month("S1"), month("S2"))
        await self.utility.validate()
        return self

    async def report(
        self, scope: ReconciledScope | None = None, at: datetime = NOW
    ) -> Reconciliation:
        return await Reconcile(self.utility.reconciliation, lambda: at)(
            scope or ReconciledScope(MONTH.days)
        )

    async def energy(self, scope: ReconciledScope | None = None) -> dict[Coverage, Decimal]:
        report = await self.report(scope)
        assert {key[:2] for key in report.sums} <= {("electricity", "Wh")}
        return {key[2]: total.total for key, total in report.sums.items()}

    def plant(self, *statements: str) -> None:
        """Do by mistake, as the owner, what nobody can do otherwise."""
        with psycopg.connect(self._dsn, autocommit=True) as owner:
            owner.execute("SET session_replication_role = replica")
            for statement in statements:
                owner.execute(statement.encode())


@pytest.fixture
async def books(utility: Utility) -> Books:
    """On every store."""
    return await Books(utility).deliver()


@pytest.fixture
async def planted(migrated: Database) -> AsyncIterator[Books]:
    """On every server, where SQL may err."""
    async with timescale_utility(migrated.dsn) as utility:
        yield await Books(utility, migrated.dsn).deliver()


async def bill(books: Books) -> None:
    run = (await RunBills(books.utility.billing, lambda: NOW)(MONTH, CLERK)).run
    await ApproveBills(books.utility.billing, lambda: NOW).run(run, CHIEF)
    await IssueBills(books.utility.billing, lambda: NOW).run(run, CHIEF)


async def test_nothing_is_due_before_its_bill_day(books: Books) -> None:
    cycles = BillingCycles(books.utility.registry, CLERK, lambda: NOW)
    await cycles.add(BillingCycle("late", date(2026, 10, 1), bill_after=25))
    await cycles.assign("A-1", "late", date(2026, 10, 1))
    assert await books.energy() == {Coverage.NOT_YET_DUE: OCTOBER_WH, Coverage.DUE: OCTOBER_WH}


async def test_days_that_no_list_has_are_said_to_have_no_period(books: Books) -> None:
    cycles = BillingCycles(books.utility.registry, CLERK, lambda: NOW)
    await cycles.put_lists(read_cycle_file("cycle,first,end\nroute-7,2026-10-01,2026-10-21\n"))
    await cycles.assign("A-1", "route-7", date(2026, 10, 1))
    energy = await books.energy()
    assert energy[Coverage.DUE] == OCTOBER_WH + 20 * DAY_WH
    assert energy[Coverage.NO_PERIOD] == OCTOBER_WH - 20 * DAY_WH
    assert "cycle import" in str(Coverage.NO_PERIOD.remedy)


async def test_what_is_validated_is_due_until_it_is_billed_and_then_balances(books: Books) -> None:
    early = await books.report(at=datetime.fromisoformat("2026-10-31T12:00:00Z"))
    assert early.balanced
    assert {key[2] for key in early.sums} == {Coverage.NOT_YET_DUE}
    report = await books.report()
    assert await books.energy() == {Coverage.DUE: 2 * OCTOBER_WH}
    assert not report.balanced
    (first, _) = report.faults
    assert (first.point, first.days, first.total) == ("SP-1", MONTH.days, OCTOBER_WH)
    await bill(books)
    report = await books.report()
    assert report.balanced
    assert report.services == 2
    assert await books.energy() == {Coverage.BILLED: 2 * OCTOBER_WH}
    ((_, sums),) = report.sums.items()
    assert (sums.intervals, sums.missing) == (2 * 2980, 0)
    (money,) = report.money
    assert (money.currency, money.bills, money.totals) == ("EUR", 2, 2 * Decimal("17.19"))


async def test_a_month_names_the_run_of_everybody(books: Books) -> None:
    narrowed = RunScope(account="A-2")
    await RunBills(books.utility.billing, lambda: NOW).start(
        MONTH, CLERK, RunType.REGULAR, narrowed
    )
    with pytest.raises(NotFoundError):
        await books.report(ReconciledScope(run="2026-10"))
    await bill(books)
    of_all = await books.energy(ReconciledScope(run="2026-10"))
    assert of_all == {Coverage.BILLED: 2 * OCTOBER_WH}


async def test_it_goes_by_run_tariff_and_group_as_well(books: Books) -> None:
    await bill(books)
    by_run = await books.report(ReconciledScope(run="2026-10"))
    assert by_run.balanced
    assert by_run.days == MONTH.days
    assert by_run.money[0].given in {None, by_run.money[0].totals}
    assert await books.energy(ReconciledScope(MONTH.days, tariff="HOME")) == {
        Coverage.BILLED: 2 * OCTOBER_WH
    }
    groups = NamedGroups(books.utility.registry, CLERK, lambda: NOW)
    await groups.add(GroupRecord("north", GroupOf.POINT))
    await groups.assign("north", Membership("SP-1", date(2026, 10, 11)))
    await groups.add(GroupRecord("shops", GroupOf.ACCOUNT))
    await groups.assign("shops", Membership("A-2", date(2026, 1, 1), date(2026, 10, 3)))
    north = await books.energy(ReconciledScope(MONTH.days, group="north"))
    assert north == {Coverage.BILLED: OCTOBER_WH - 10 * DAY_WH}
    shops = await books.energy(ReconciledScope(MONTH.days, "2026-10", "HOME", "shops"))
    assert shops == {Coverage.BILLED: 2 * DAY_WH}
    # The money is that of the bills that have these days, whichever way they are narrowed to.
    for narrowed in (
        ReconciledScope(MONTH.days, group="north"),
        ReconciledScope(MONTH.days, account="A-1"),
        ReconciledScope(run="2026-10", account="A-1"),
        ReconciledScope(MONTH.days, "2026-10", "HOME", "shops"),
    ):
        (money,) = (await books.report(narrowed)).money
        assert (money.bills, money.totals, money.given) == (1, Decimal("17.19"), None)
    later = ReconciledScope(Cycle.parse("2026-11").days, "2026-10")
    assert (await books.report(later)).money == ()
    assert "of the run" in (await books.report(later)).to_json()["covers"]["money"]
    for scope in (
        ReconciledScope(run="2025-01"),
        ReconciledScope(MONTH.days, tariff="NONE"),
        ReconciledScope(MONTH.days, group="none"),
    ):
        with pytest.raises(NotFoundError):
            await books.report(scope)
    with pytest.raises(InvalidValueError):
        await books.report(ReconciledScope(tariff="HOME"))


async def test_a_run_balances_by_its_days_whatever_its_lines_print(books: Books) -> None:
    flat = TARIFF.replace("2026-01-01", "2026-10-01")
    flat = "".join(line for line in flat.splitlines(keepends=True) if "id: energy" not in line)
    await books.utility.enrol.tariff(flat)
    use_case = RunBills(books.utility.billing, lambda: NOW)
    summary = await use_case(MONTH, CLERK)
    assert summary.kwh != summary.validated_kwh
    balance = await run_balance(books.utility.reconciliation, summary)
    assert balance is not None
    assert balance.balanced
    assert {key[2]: total.total for key, total in balance.sums.items()} == {
        Coverage.DRAFT: 2 * OCTOBER_WH
    }
    nobody = await use_case(Cycle.parse("2026-09"), CLERK)
    assert await run_balance(books.utility.reconciliation, nobody) is None


async def test_days_that_two_parts_read_are_seen(planted: Books) -> None:
    await bill(planted)
    planted.plant(
        "INSERT INTO bill_part (bill_id, agreement_id, first_day, end_day, closing, occupancy_id)"
        " SELECT bill_id, agreement_id, '2026-10-10', '2026-10-13', closing, occupancy_id"
        " FROM bill_part ORDER BY id LIMIT 1",
    )
    report = await planted.report()
    assert not report.balanced
    (fault,) = report.faults
    assert (fault.point, fault.coverage, fault.total) == ("SP-1", Coverage.TWICE, 3 * DAY_WH)
    assert (fault.days.first, fault.days.end) == (date(2026, 10, 10), date(2026, 10, 13))
    run = await planted.utility.billing.find_run(MONTH, RunType.REGULAR)
    assert run is not None
    summary = await planted.utility.billing.summary(run)
    balance = await run_balance(planted.utility.reconciliation, summary)
    assert balance is not None
    assert not balance.balanced
    energy = await planted.energy()
    assert energy == {
        Coverage.BILLED: 2 * OCTOBER_WH - 3 * DAY_WH,
        Coverage.TWICE: 3 * DAY_WH,
    }


async def test_days_that_no_part_reads_are_seen_whatever_the_bill_prints(planted: Books) -> None:
    await bill(planted)
    planted.plant(
        "UPDATE bill_part SET first_day = '2026-10-06' WHERE id = (SELECT min(id) FROM bill_part)"
    )
    report = await planted.report()
    assert not report.balanced
    (fault,) = report.faults
    assert fault.coverage in {Coverage.HOLE, Coverage.NOT_READ}
    assert (fault.days.first, fault.days.end) == (date(2026, 10, 1), date(2026, 10, 6))
    assert fault.total == 5 * DAY_WH
    # The summary of the run, which goes by what is printed, sees nothing.
    run = await planted.utility.billing.find_run(MONTH, RunType.REGULAR)
    assert run is not None
    summary = await planted.utility.billing.summary(run)
    assert summary.kwh == summary.validated_kwh


async def test_claims_and_parts_that_disagree_are_seen(planted: Books) -> None:
    await bill(planted)
    planted.plant(
        "DELETE FROM billed_period WHERE part_id = (SELECT min(id) FROM bill_part)",
        "UPDATE billed_period SET part_id = NULL WHERE part_id = (SELECT max(id) FROM bill_part)",
    )
    report = await planted.report()
    assert not report.balanced
    assert await planted.energy() == {Coverage.NOT_CLAIMED: 2 * OCTOBER_WH}
    planted.plant("DELETE FROM bill_part WHERE id = (SELECT max(id) FROM bill_part)")
    assert (await planted.energy())[Coverage.NOT_READ] == OCTOBER_WH


async def test_a_second_chain_over_the_same_days_is_seen(planted: Books) -> None:
    await bill(planted)
    planted.plant(
        "INSERT INTO occupancy (uid, account_id, service_id, billing_from)"
        " SELECT gen_random_uuid(), account_id, service_id, '2026-10-20' FROM occupancy"
        " ORDER BY id LIMIT 1",
        "INSERT INTO billed_period (occupancy_id, first_day, end_day, part_id)"
        " SELECT max(id), NULL::date, '2026-10-20'::date, NULL::bigint FROM occupancy"
        " UNION ALL SELECT max(id), '2026-10-20', '2026-10-22', 4711 FROM occupancy",
    )
    (fault,) = (await planted.report()).faults
    assert (fault.coverage, fault.total) == (Coverage.TWICE, 2 * DAY_WH)


async def test_what_was_decided_of_days_balances_and_is_named(planted: Books) -> None:
    await bill(planted)
    planted.plant(
        # Of A-1 three days are billed twice; of A-2 no bill has October.
        "INSERT INTO bill_part (bill_id, agreement_id, first_day, end_day, closing, occupancy_id)"
        " SELECT bill_id, agreement_id, '2026-10-10', '2026-10-13', closing, occupancy_id"
        " FROM bill_part ORDER BY id LIMIT 1",
        "UPDATE billed_period SET part_id = NULL WHERE part_id = 2",
        "DELETE FROM bill_part WHERE id = 2",
        "INSERT INTO claim_conflict (occupancy_id, kind, first_day, end_day, part_id)"
        " SELECT occupancy_id, 'billed_twice', first_day, end_day, id FROM bill_part WHERE id > 2"
        " UNION ALL SELECT 2, 'not_billed', '2026-10-01', '2026-11-01', NULL",
        "INSERT INTO claim_decision SELECT min(id), 'settle', 'credited', 'person:clerk', now()"
        " FROM claim_conflict",
    )
    # What is not decided yet is a fault.
    assert await planted.energy() == {
        Coverage.BILLED: OCTOBER_WH - 3 * DAY_WH,
        Coverage.DECIDED: 3 * DAY_WH,
        Coverage.NOT_READ: OCTOBER_WH,
    }
    planted.plant(
        "INSERT INTO claim_decision SELECT max(id), 'leave', 'charged by hand', 'clerk', now()"
        " FROM claim_conflict",
    )
    report = await planted.report()
    assert report.balanced
    assert [(days.point, days.days.count, days.decisions) for days in report.decided] == [
        ("SP-1", 3, "conflict 1, settle: credited"),
        ("SP-2", 31, "conflict 2, leave: charged by hand"),
    ]
    assert report.to_json()["decided"][0]["decisions"][0]["reason"] == "credited"
    # A third part beside the decided one is a fault of its own.
    planted.plant(
        "INSERT INTO bill_part (bill_id, agreement_id, first_day, end_day, closing, occupancy_id)"
        " SELECT bill_id, agreement_id, '2026-10-10', '2026-10-11', closing, occupancy_id"
        " FROM bill_part ORDER BY id LIMIT 1",
    )
    assert (await planted.energy())[Coverage.TWICE] == DAY_WH


async def test_held_bills_and_points_without_anybody_are_named(books: Books) -> None:
    utility = books.utility
    edge = Edge("gw-2")
    await utility.gateways.enrol(edge.name, noted(NOW))
    await utility.enrol.service_point(
        PointRecord("SP-9", ZONE), PointChannelRecord(ACTIVE_IMPORT, 900, Unit.WATT_HOUR)
    )
    await utility.enrol.installation(
        InstallationRecord("SP-9", "MTL", "S9", SEPTEMBER, gateway="gw-2")
    )
    await utility.deliver(edge, month("S9"))
    await utility.customer(3)
    await utility.validate()
    await bill(books)
    report = await books.report()
    assert report.balanced
    sums = {(key[0], key[2]): total for key, total in report.sums.items()}
    assert sums["no service", Coverage.VACANT].total == OCTOBER_WH
    # Nothing came of the third customer: the intervals are there, without a value.
    held = sums["electricity", Coverage.HELD]
    assert (held.intervals, held.missing, held.total) == (2980, 2980, Decimal(0))
    assert sums["electricity", Coverage.BILLED].total == 2 * OCTOBER_WH


async def test_an_amount_that_is_no_longer_that_of_its_lines_is_seen(planted: Books) -> None:
    await bill(planted)
    planted.plant("UPDATE bill SET total = total + 0.01 WHERE id = (SELECT min(id) FROM bill)")
    for scope in (ReconciledScope(MONTH.days), ReconciledScope(run="2026-10")):
        report = await planted.report(scope)
        assert not report.balanced
        assert report.money[0].totals - report.money[0].lines == Decimal("0.01")

"""Billing cycles and who is in them, on every store."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from central.domain.billing.account_periods import CycleAssignment
from central.domain.billing.bill import RunType
from central.domain.billing.billing_cycle import BillingCycle, NoBillingPeriodError
from central.domain.billing.cycle import Cycle
from central.domain.billing.occupancy import PeriodBilledError
from central.service.billing.run_bills import RunBills
from central.service.ports.cycles import UnknownCycleError
from central.service.ports.registry import NotRegisteredError, RegistryConflictError
from central.service.registry.cycle_file import read_cycle_file
from central.service.registry.cycles import BillingCycles
from central.service.registry.record_changes import Effect
from tests.support.actors import CLERK
from tests.support.books import OCTOBER, Utility, month

BIMONTHLY = BillingCycle("bimonthly", date(2026, 1, 1), 2, 10)


def _cycles(utility: Utility) -> BillingCycles:
    return BillingCycles(utility.registry, CLERK, lambda: utility.now)


async def _names(utility: Utility, cycle: str) -> list[str]:
    async with utility.registry.transaction(utility.now) as registry:
        record = await registry.cycle(cycle)
    assert record is not None
    return [one.name for one in record.cycle.listed]


async def test_a_cycle_is_listed_two_years_ahead(utility: Utility) -> None:
    change = await _cycles(utility).add(BIMONTHLY)
    assert change.effect is Effect.ADDED
    first, last = change.added[0], change.added[-1]
    assert (first.name, first.days.end) == ("2026-02.bimonthly", date(2026, 3, 1))
    assert first.bill_day == date(2026, 3, 11)
    assert last.days.end >= date(2028, 11, 20)
    assert (await _cycles(utility).add(BIMONTHLY)).effect is Effect.UNCHANGED
    with pytest.raises(RegistryConflictError):
        await _cycles(utility).add(BillingCycle("bimonthly", date(2026, 1, 1), 3))
    with pytest.raises(RegistryConflictError):
        await _cycles(utility).add(BillingCycle("monthly", date(2026, 1, 1)))


async def test_a_list_is_continued_night_after_night(utility: Utility) -> None:
    await _cycles(utility).add(BIMONTHLY)
    assert await _cycles(utility).extend() == []
    before = await _names(utility, "bimonthly")
    utility.now += timedelta(days=200)
    (change,) = await _cycles(utility).extend()
    assert await _names(utility, "bimonthly") == before + [one.name for one in change.added]
    assert len(change.added) in {3, 4}
    assert await _cycles(utility).extend() == []


async def test_read_dates_are_written_by_hand(utility: Utility) -> None:
    given = read_cycle_file(
        "cycle,first,end,bill_day\n"
        "route-7,2026-09-29,2026-10-28,2026-10-30\n"
        "route-7,2026-10-28,2026-11-30,\n"
    )
    dry = await _cycles(utility).put_lists(given, dry_run=True)
    assert [one.effect for one in dry] == [Effect.ADDED]
    async with utility.registry.transaction(utility.now) as registry:
        assert await registry.cycles() == ()
    await _cycles(utility).put_lists(given)
    again = await _cycles(utility).put_lists(given)
    assert [one.effect for one in again] == [Effect.UNCHANGED]
    assert await _names(utility, "route-7") == ["2026-10.route-7", "2026-11.route-7"]
    later = read_cycle_file(
        "cycle,first,end\nroute-7,2026-10-28,2026-11-27\nroute-7,2026-11-27,2026-12-29\n"
    )
    (change,) = await _cycles(utility).put_lists(later)
    assert (len(change.removed), len(change.added)) == (1, 2)
    assert await _cycles(utility).extend() == []
    hole = read_cycle_file("cycle,first,end\nroute-7,2027-01-29,2027-02-28\n")
    with pytest.raises(RegistryConflictError):
        await _cycles(utility).put_lists(hole)


async def test_an_account_is_put_into_a_cycle_once(utility: Utility) -> None:
    await utility.found(customers=2)
    use_case = _cycles(utility)
    await use_case.add(BIMONTHLY)
    first = date(2026, 9, 1)
    assert await use_case.assign("A-1", "bimonthly", first) is Effect.ADDED
    assert await use_case.assign("A-1", "bimonthly", first) is Effect.UNCHANGED
    assert await use_case.assign("A-1", "bimonthly", OCTOBER) is Effect.UNCHANGED
    assert await use_case.assign("A-1", "@15", date(2026, 11, 15)) is Effect.CHANGED
    assert await use_case.assign("A-2", "@1", first) is Effect.UNCHANGED
    async with utility.registry.transaction(utility.now) as registry:
        assert await registry.assignments("A-1") == (
            CycleAssignment(first, "bimonthly"),
            CycleAssignment(date(2026, 11, 15), "@15"),
        )
        assert await registry.members("bimonthly") == (("A-1", first),)
    with pytest.raises(NotRegisteredError):
        await use_case.assign("A-9", "bimonthly", first)
    with pytest.raises(NotRegisteredError):
        await use_case.assign("A-1", "weekly", first)
    with pytest.raises(NoBillingPeriodError):
        await use_case.assign("A-2", "bimonthly", date(2025, 12, 31))


async def test_a_run_of_nobodys_period_is_refused_by_name(utility: Utility) -> None:
    await utility.found()
    use_case, bills = _cycles(utility), RunBills(utility.billing, lambda: utility.now)
    await use_case.add(BIMONTHLY)
    for period, why, remedy in (
        ("2026-10.nada", "no billing cycle 'nada'", "`--cycle 2026-10` bills all cycles"),
        ("2026-09.bimonthly", "has no period 2026-09.bimonthly", "`cycle show bimonthly`"),
        ("2026-10.bimonthly", "No account is in the billing cycle bimonthly", "`cycle assign"),
    ):
        with pytest.raises(UnknownCycleError, match=why) as refused:
            await bills.start(Cycle.parse(period), CLERK)
        assert remedy in str(refused.value.remedy)
        assert await utility.billing.find_run(Cycle.parse(period), RunType.REGULAR) is None
    await use_case.assign("A-1", "bimonthly", date(2026, 9, 1))
    assert (await bills.start(Cycle.parse("2026-10.bimonthly"), CLERK)).accounts == 1


async def test_no_account_has_two_bills_of_one_period(utility: Utility) -> None:
    await utility.found()
    use_case = _cycles(utility)
    await use_case.add(BIMONTHLY)
    await use_case.assign("A-1", "bimonthly", date(2026, 11, 10))
    with pytest.raises(RegistryConflictError):
        await use_case.assign("A-1", "monthly", date(2026, 11, 20))
    assert await use_case.assign("A-1", "monthly", date(2026, 12, 1)) is Effect.CHANGED


async def test_what_is_billed_keeps_its_period(utility: Utility) -> None:
    edge = await utility.found()
    use_case = _cycles(utility)
    await use_case.add(BIMONTHLY)
    await use_case.assign("A-1", "bimonthly", date(2026, 9, 1))
    await utility.deliver(edge, month())
    await utility.validate()
    await RunBills(utility.billing, lambda: utility.now)(Cycle(2026, 10), CLERK)
    with pytest.raises(PeriodBilledError):
        await use_case.assign("A-1", "monthly", OCTOBER)
    shorter = read_cycle_file(
        "cycle,first,end,months\nbimonthly,2026-09-01,2026-10-20,2\n"
        "bimonthly,2026-10-20,2027-01-01,2\n"
    )
    with pytest.raises(PeriodBilledError):
        await use_case.put_lists(shorter)
    later = read_cycle_file("cycle,first,end,months\nbimonthly,2026-11-01,2027-01-05,2\n")
    (change,) = await use_case.put_lists(later)
    assert change.added[0].days.end == date(2027, 1, 5)
    (continued,) = await use_case.extend()
    assert continued.added[0].days.first == date(2027, 1, 5)

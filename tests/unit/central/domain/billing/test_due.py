"""What is due of an account, oldest first, in whatever cycle it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from central.domain.billing.account_periods import AccountPeriods, CycleAssignment
from central.domain.billing.bill import RunType
from central.domain.billing.billing_cycle import BillingCycle
from central.domain.billing.cycle import Cycle
from central.domain.billing.due import plan_account, waves
from central.domain.billing.planned import (
    AccountPlan,
    AgreedTerm,
    OccupancyChain,
    OpenBill,
    RunReach,
)
from central.domain.rating.inputs.segments import DayRange

AUGUST, OCTOBER, NOVEMBER = date(2026, 8, 1), date(2026, 10, 1), date(2026, 11, 1)
NOW = date(2027, 1, 1)
MONTHLY = AccountPeriods({}, {})
BIMONTHLY = AccountPeriods(
    {"bimonthly": BillingCycle("bimonthly", date(2026, 1, 1), 2)},
    {1: [CycleAssignment(date(2026, 1, 1), "bimonthly")]},
)
CHAIN = OccupancyChain(
    10, 1, 100, "SP-1", "UTC", AUGUST, None, (AgreedTerm(1000, "HOME", AUGUST, None),)
)


def plan(
    *chains: OccupancyChain,
    cycle: str = "2026-10",
    run_type: RunType = RunType.REGULAR,
    periods: AccountPeriods = MONTHLY,
    open_bills: tuple[OpenBill, ...] = (),
    now: date = NOW,
) -> AccountPlan:
    reach = RunReach.of(Cycle.parse(cycle), run_type)
    return plan_account(chains, open_bills, periods, reach, lambda day, *_: day <= now)


def named(made: AccountPlan) -> list[str]:
    return [bill.period.name for bill in made.bills]


def test_every_month_since_billing_begins_is_due() -> None:
    made = plan(CHAIN)
    assert named(made) == ["2026-08", "2026-09", "2026-10"]
    assert made.left_out == ()
    assert [bill.bill_id for bill in made.bills] == [None] * 3


def test_nothing_is_due_of_what_is_claimed_or_has_ended() -> None:
    assert named(plan(replace(CHAIN, claimed_to=NOVEMBER))) == []
    assert named(plan(replace(CHAIN, claimed_to=OCTOBER, ended_on=OCTOBER))) == []


def test_two_months_are_due_after_their_end() -> None:
    october = plan(CHAIN, periods=BIMONTHLY)
    assert named(october) == ["2026-08.bimonthly", "2026-10.bimonthly"]
    assert october.bills[0].parts[0].days == DayRange(AUGUST, date(2026, 9, 1))
    begun = replace(CHAIN, claimed_to=NOVEMBER)
    november = plan(begun, cycle="2026-11", periods=BIMONTHLY)
    assert named(november) == []
    (note,) = november.left_out
    assert (note.code, note.first, note.end) == ("NOT_DUE", NOVEMBER, date(2027, 1, 1))


def test_a_period_that_a_change_of_cycle_ends_is_due_at_its_end() -> None:
    cycles = {
        "yearly": BillingCycle("yearly", AUGUST, 12, bill_after=3),
        "quarterly": BillingCycle("quarterly", AUGUST, 3),
    }
    changes = [CycleAssignment(AUGUST, "yearly"), CycleAssignment(OCTOBER, "quarterly")]
    periods = AccountPeriods(cycles, {1: changes})
    made = plan(CHAIN, periods=periods, now=date(2026, 11, 1))
    assert [bill.parts[0].days for bill in made.bills] == [
        DayRange(AUGUST, OCTOBER),
        DayRange(OCTOBER, NOVEMBER),
    ]
    early = plan(CHAIN, periods=periods, now=date(2026, 10, 3))
    assert [note.code for note in early.left_out] == ["NOT_DUE"]
    assert "2026-10-04" in early.left_out[0].message


def test_what_is_not_over_is_not_due() -> None:
    made = plan(CHAIN, now=date(2026, 10, 31))
    assert named(made) == ["2026-08", "2026-09"]
    assert [note.code for note in made.left_out] == ["NOT_DUE"]


def test_what_ends_after_the_run_names_the_run_that_bills_it() -> None:
    # Read dates: the period reaches into the next month, and its bill day has come.
    listed = BillingCycle.by_hand("route-7", [AUGUST, date(2026, 9, 3), date(2026, 10, 3)])
    periods = AccountPeriods({"route-7": listed}, {1: [CycleAssignment(AUGUST, "route-7")]})
    early = plan(CHAIN, periods=periods, cycle="2026-08", now=date(2026, 9, 2))
    assert "billed on 2026-09-03 or later" in early.left_out[0].message
    late = plan(CHAIN, periods=periods, cycle="2026-08", now=date(2026, 9, 11))
    assert "ends on 2026-09-02" in late.left_out[0].message
    assert "`bill run --cycle 2026-09.route-7`" in late.left_out[0].message
    named_by = plan(CHAIN, periods=periods, cycle="2026-09.route-7", now=date(2026, 9, 11))
    assert named(named_by) == ["2026-09.route-7"]


def test_a_list_by_hand_that_ends_is_named() -> None:
    listed = BillingCycle.by_hand("route", [AUGUST, date(2026, 9, 3)])
    periods = AccountPeriods({"route": listed}, {1: [CycleAssignment(AUGUST, "route")]})
    made = plan(CHAIN, periods=periods)
    assert len(made.bills) == 1
    assert [note.code for note in made.left_out] == ["NO_BILLING_PERIOD"]


def test_a_final_run_bills_only_what_has_ended() -> None:
    ended = replace(CHAIN, claimed_to=OCTOBER, ended_on=date(2026, 10, 11))
    made = plan(CHAIN, ended, run_type=RunType.FINAL, now=date(2026, 10, 11))
    assert [part.final for bill in made.bills for part in bill.parts] == [True]
    assert made.bills[0].run_type is RunType.FINAL


def test_an_open_bill_is_made_again_and_takes_what_is_due_in_its_period() -> None:
    other = replace(CHAIN, occupancy_id=11, point="SP-2", claimed_to=OCTOBER)
    there = replace(CHAIN, claimed_to=NOVEMBER)
    days = DayRange(OCTOBER, NOVEMBER)
    period = Cycle.parse("2026-10").period
    draft = OpenBill(7, 1, period, RunType.REGULAR, ((10, 1000, days),))
    (bill,) = plan(there, other, open_bills=(draft,)).bills
    assert bill.bill_id == 7
    assert [(part.key, part.claimed) for part in bill.parts] == [
        ((10, OCTOBER), True),
        ((11, OCTOBER), False),
    ]


def test_of_what_an_open_bill_claims_only_the_days_so_far_are_taken() -> None:
    held = OpenBill(
        7,
        1,
        Cycle.parse("2026-10").period,
        RunType.REGULAR,
        ((10, 1000, DayRange(OCTOBER, NOVEMBER)),),
    )
    there = replace(CHAIN, claimed_to=NOVEMBER)

    def so_far(end: date) -> list[DayRange]:
        reach = RunReach(end, so_far=True)
        made = plan_account((there,), (held,), MONTHLY, reach, lambda *_: True)
        return [part.days for bill in made.bills for part in bill.parts]

    middle = date(2026, 10, 18)
    assert so_far(middle) == [DayRange(OCTOBER, middle)]
    assert so_far(date(2026, 11, 3)) == [
        DayRange(OCTOBER, NOVEMBER),
        DayRange(NOVEMBER, date(2026, 11, 3)),
    ]
    assert so_far(OCTOBER) == []


def test_adjoining_days_of_an_agreement_are_one_part_of_the_open_bill() -> None:
    end = date(2026, 10, 16)
    period = Cycle.parse("2026-10").period
    draft = OpenBill(7, 1, period, RunType.FINAL, ((10, 1000, DayRange(OCTOBER, end)),))
    (bill,) = plan(replace(CHAIN, claimed_to=end), open_bills=(draft,)).bills
    (part,) = bill.parts
    assert (bill.bill_id, part.days) == (7, DayRange(OCTOBER, NOVEMBER))
    assert (part.claimed, part.held_to) == (False, end)
    # Another agreement's days are a part of their own, on the same bill.
    terms = (AgreedTerm(1000, "HOME", AUGUST, end), AgreedTerm(1001, "DEAR", end, None))
    (bill,) = plan(replace(CHAIN, claimed_to=end, terms=terms), open_bills=(draft,)).bills
    assert [part.days for part in bill.parts] == [DayRange(OCTOBER, end), DayRange(end, NOVEMBER)]


def test_waves_take_the_oldest_of_every_account_first() -> None:
    late = replace(CHAIN, account_id=2, occupancy_id=12, claimed_to=OCTOBER)
    batches = [
        [(bill.account_id, bill.period.name) for bill in batch]
        for batch in waves([plan(CHAIN), plan(late)])
    ]
    assert batches == [
        [(1, "2026-08")],
        [(2, "2026-10")],
        [(1, "2026-09")],
        [(1, "2026-10")],
    ]

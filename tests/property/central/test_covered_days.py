"""Days that are cut into ranges become what they become one by one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from central.domain.billing.account_periods import AccountPeriods, CycleAssignment
from central.domain.billing.billing_cycle import BillingCycle
from central.domain.billing.claim_conflict import ClaimDecision
from central.domain.billing.coverage import (
    ClaimedDays,
    CorrectionNote,
    DecidedDays,
    LivePart,
    OccupiedDays,
)
from central.domain.billing.state import BillState
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.covered_days import covered_days
from central.service.ports.reconciliation import ReconciledService

FIRST = date(2026, 10, 1)
SPAN = DayRange(FIRST, FIRST + timedelta(days=20))
CHANNELS = {1: "1.8.0", 2: "2.8.0"}

starts = st.integers(-6, 22)
ranges = st.builds(
    lambda begin, count: DayRange(
        FIRST + timedelta(days=begin), FIRST + timedelta(days=begin + count)
    ),
    starts,
    st.integers(1, 15),
)
maybe_part = st.none() | st.integers(1, 3)
parts = st.builds(
    LivePart,
    st.integers(1, 3),
    ranges,
    st.sampled_from([BillState.DRAFT, BillState.ISSUED]),
    st.none() | st.dictionaries(st.sampled_from([1, 2]), st.lists(ranges, max_size=2)),
    st.none() | st.just(CorrectionNote("c", "why")),
)
occupancies = st.builds(
    lambda account, days, ends, *rows: OccupiedDays(
        account, days.first, days.end if ends else None, *map(tuple, rows)
    ),
    st.integers(1, 2),
    ranges,
    st.booleans(),
    st.lists(parts, max_size=3),
    st.lists(st.builds(ClaimedDays, ranges, maybe_part), max_size=3),
    st.lists(
        st.builds(
            DecidedDays,
            st.integers(1, 9),
            ranges,
            maybe_part,
            st.just(ClaimDecision.LEAVE),
            st.just("why"),
        ),
        max_size=2,
    ),
)


def periods() -> AccountPeriods:
    """Account 1 has calendar months; of account 2 a list by hand holds some days."""
    by_hand = BillingCycle.by_hand("route", [FIRST, FIRST + timedelta(days=4)], bill_after=5)
    return AccountPeriods({"route": by_hand}, {2: [CycleAssignment(date(2026, 1, 1), "route")]})


@given(
    st.lists(occupancies, max_size=2),
    st.lists(ranges, max_size=2),
    st.none() | st.lists(ranges, max_size=3),
    st.integers(-3, 40),
)
def test_ranges_become_what_their_days_become(
    occupied: list[OccupiedDays],
    agreed: list[DayRange],
    wanted: list[DayRange] | None,
    today: int,
) -> None:
    service = ReconciledService(
        1, "P", "electricity", "UTC", CHANNELS, tuple(occupied), tuple(agreed)
    )
    now = datetime(2026, 10, 1, 12, tzinfo=UTC) + timedelta(days=today)
    at_once = [
        (each.channel, day, each.coverage, each.reader, each.decided)
        for each in covered_days(service, SPAN, wanted, periods(), now)
        for day in each.days.days()
    ]
    one_by_one = [
        (each.channel, each.days.first, each.coverage, each.reader, each.decided)
        for day in SPAN.days()
        for each in covered_days(
            service, DayRange(day, day + timedelta(days=1)), wanted, periods(), now
        )
    ]
    assert at_once == sorted(one_by_one, key=lambda row: row[:2])

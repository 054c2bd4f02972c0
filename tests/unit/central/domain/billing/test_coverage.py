"""What becomes of a day: read once, named, or a fault."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from central.domain.billing.coverage import (
    BALANCED,
    ClaimedDays,
    Coverage,
    LivePart,
    OccupiedDays,
    coverage_on,
)
from central.domain.billing.state import BillState
from central.domain.rating.inputs.segments import DayRange

FIRST = date(2026, 9, 1)
DAY = date(2026, 10, 10)
OCTOBER = DayRange(date(2026, 10, 1), date(2026, 11, 1))
NOVEMBER = DayRange(date(2026, 11, 1), date(2026, 12, 1))


def part(days: DayRange = OCTOBER, state: BillState = BillState.ISSUED, key: int = 1) -> LivePart:
    return LivePart(key, days, state)


def home(*parts: LivePart, claims: tuple[ClaimedDays, ...] | None = None) -> OccupiedDays:
    """Somebody who is there since September, by default with a claim for each part."""
    if claims is None:
        claims = tuple(ClaimedDays(one.days, one.id) for one in parts)
    return OccupiedDays(7, FIRST, None, parts, claims)


def covered(*occupied: OccupiedDays, day: date = DAY, over: bool = True) -> Coverage:
    agreed = [DayRange(FIRST - timedelta(days=30), date(2027, 1, 1))]

    def unread(holder: OccupiedDays, _: date) -> Coverage:
        return Coverage.DUE if over and holder.account_id == 7 else Coverage.NOT_YET_DUE

    return coverage_on(day, occupied, agreed, unread)


@pytest.mark.parametrize(
    ("state", "coverage"),
    [
        (BillState.ISSUED, Coverage.BILLED),
        (BillState.APPROVED, Coverage.APPROVED),
        (BillState.DRAFT, Coverage.DRAFT),
        (BillState.HELD, Coverage.HELD),
    ],
)
def test_a_day_that_one_part_reads_is_named_by_its_bill(
    state: BillState, coverage: Coverage
) -> None:
    assert covered(home(part(state=state))) is coverage
    assert coverage in BALANCED


def test_a_day_that_no_part_reads_is_named_by_its_reason() -> None:
    assert covered(home(), over=False) is Coverage.NOT_YET_DUE
    assert covered(home()) is Coverage.DUE
    assert covered(home(part(NOVEMBER))) is Coverage.HOLE
    assert covered(home(), day=FIRST - timedelta(days=1)) is Coverage.BILLED_ELSEWHERE
    assert covered(home(), day=date(2026, 7, 1)) is Coverage.VACANT
    assert covered() is Coverage.BILLED_ELSEWHERE
    assert {Coverage.DUE, Coverage.HOLE}.isdisjoint(BALANCED)


def test_a_day_that_two_parts_read_is_twice_whoever_they_are_of() -> None:
    assert covered(home(part(), part(key=2))) is Coverage.TWICE
    assert covered(home(part()), home(part(key=2))) is Coverage.TWICE
    twice = (ClaimedDays(OCTOBER, 1), ClaimedDays(OCTOBER, 2))
    assert covered(home(part(), claims=twice)) is Coverage.TWICE
    assert Coverage.TWICE not in BALANCED


def test_parts_and_claims_must_agree() -> None:
    assert covered(home(part(), claims=())) is Coverage.NOT_CLAIMED
    other = (ClaimedDays(NOVEMBER, 2),)
    assert covered(home(part(), claims=other)) is Coverage.NOT_CLAIMED
    assert covered(home(part(), claims=(ClaimedDays(OCTOBER, 9),))) is Coverage.NOT_CLAIMED
    assert covered(home(claims=(ClaimedDays(OCTOBER, 1),))) is Coverage.NOT_READ
    assert covered(home(claims=(ClaimedDays(OCTOBER, None),))) is Coverage.NOT_READ
    assert {Coverage.NOT_CLAIMED, Coverage.NOT_READ}.isdisjoint(BALANCED)


def test_ranges_are_half_open() -> None:
    lives = home(part())
    assert covered(lives, day=OCTOBER.first) is Coverage.BILLED
    assert covered(lives, day=OCTOBER.last) is Coverage.BILLED
    assert covered(lives, day=OCTOBER.end) is Coverage.DUE
    assert covered(lives, day=OCTOBER.first - timedelta(days=1)) is Coverage.HOLE


def test_whatever_does_not_balance_says_what_to_do() -> None:
    assert {coverage for coverage in Coverage if coverage.remedy is None} == BALANCED

"""Which agreements share an occupancy, and what is billed keeps its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from central.domain.billing.occupancy import (
    AgreedDays,
    Occupancy,
    PeriodBilledError,
    default_service,
    in_the_way,
    occupied,
)
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.obis import ACTIVE_IMPORT, GAS_VOLUME, WATER_VOLUME
from firmware_bridge.contract.quantity import Unit

JAN, FEB, MAR, APR = (date(2026, month, 1) for month in (1, 2, 3, 4))


def test_agreements_that_follow_one_another_share_an_occupancy() -> None:
    agreed = [AgreedDays(JAN, FEB), AgreedDays(FEB, MAR), AgreedDays(APR)]
    assert occupied(agreed, []) == [
        Occupancy(None, JAN, MAR, (JAN, FEB)),
        Occupancy(None, APR, None, (APR,)),
    ]


def test_a_new_agreement_goes_on_with_the_occupancy_before() -> None:
    kept = Occupancy(7, JAN, None, (JAN,), FEB, FEB)
    after = occupied([AgreedDays(JAN, FEB), AgreedDays(FEB)], [kept])
    assert after == [replace(kept, agreements=(JAN, FEB))]


def test_nothing_ends_before_what_is_billed() -> None:
    kept = Occupancy(7, JAN, None, (JAN,), MAR, MAR)
    with pytest.raises(PeriodBilledError):
        occupied([AgreedDays(JAN, date(2026, 2, 15))], [kept])
    assert occupied([AgreedDays(JAN, MAR)], [kept]) == [replace(kept, ended_on=MAR)]


def test_a_gap_splits_what_is_not_billed_yet() -> None:
    kept = Occupancy(7, JAN, None, (JAN, MAR), FEB, FEB)
    after = occupied([AgreedDays(JAN, date(2026, 2, 15)), AgreedDays(MAR)], [kept])
    assert after == [
        Occupancy(7, JAN, date(2026, 2, 15), (JAN,), FEB, FEB),
        Occupancy(None, MAR, None, (MAR,)),
    ]


def test_an_agreement_before_what_is_billed_has_a_chain_of_its_own() -> None:
    kept = Occupancy(7, FEB, None, (FEB,), MAR, MAR)
    after = occupied([AgreedDays(JAN, FEB), AgreedDays(FEB)], [kept])
    assert after == [Occupancy(None, JAN, FEB, (JAN,)), kept]


def test_an_agreement_before_what_is_not_billed_moves_its_begin() -> None:
    kept = Occupancy(7, FEB, None, (FEB,))
    assert occupied([AgreedDays(JAN, FEB), AgreedDays(FEB)], [kept]) == [
        Occupancy(7, JAN, None, (JAN, FEB))
    ]


def test_what_lost_its_agreements_ends_where_it_begins() -> None:
    kept = [Occupancy(7, JAN, FEB, (JAN,)), Occupancy(8, MAR, None, (MAR,))]
    after = occupied([AgreedDays(JAN, MAR), AgreedDays(MAR)], kept)
    assert after == [Occupancy(7, JAN, None, (JAN, MAR)), Occupancy(8, MAR, MAR, ())]


def test_drafts_keep_no_occupancy_of_their_own() -> None:
    kept = [
        Occupancy(7, JAN, date(2026, 2, 20), (JAN,), date(2026, 2, 20), FEB),
        Occupancy(8, MAR, None, (MAR,), APR),
    ]
    after = occupied([AgreedDays(JAN, MAR), AgreedDays(MAR)], kept)
    assert [(one.id, one.ended_on, one.agreements) for one in after] == [
        (7, None, (JAN, MAR)),
        (8, MAR, ()),
    ]
    assert in_the_way(kept, after) == [(8, MAR)]
    decided = [kept[0], replace(kept[1], decided_to=APR)]
    assert [one.id for one in occupied([AgreedDays(JAN, MAR), AgreedDays(MAR)], decided)] == [7, 8]


def test_drafts_of_days_that_change_their_occupancy_have_to_go() -> None:
    kept = Occupancy(7, JAN, None, (JAN, MAR), APR, FEB)
    after = occupied([AgreedDays(JAN, date(2026, 2, 15)), AgreedDays(MAR)], [kept])
    assert in_the_way([kept], after) == [(7, date(2026, 2, 15))]
    begun = Occupancy(7, FEB, None, (FEB,), MAR)
    assert in_the_way([begun], occupied([AgreedDays(JAN, FEB), AgreedDays(FEB)], [begun])) == [
        (7, FEB)
    ]
    assert in_the_way([begun], occupied([AgreedDays(FEB, MAR)], [begun])) == []


def test_billing_begins_where_it_is_named_until_something_is_billed() -> None:
    agreed = [AgreedDays(JAN, billing_from=MAR)]
    assert occupied(agreed, [])[0].billing_from == MAR
    kept = Occupancy(7, JAN, None, (JAN,), FEB, FEB)
    with pytest.raises(PeriodBilledError):
        occupied(agreed, [kept])
    with pytest.raises(InvalidValueError):
        AgreedDays(FEB, billing_from=JAN)
    with pytest.raises(InvalidValueError, match="no day"):
        AgreedDays(FEB, FEB)


def test_the_service_that_bills_all_is_named_by_what_is_counted() -> None:
    assert default_service([(ACTIVE_IMPORT, Unit.WATT_HOUR)]) == "electricity"
    assert default_service([(GAS_VOLUME, Unit.LITRE)]) == "gas"
    assert default_service([(WATER_VOLUME, Unit.LITRE)]) == "water"
    assert default_service([]) == "usage"

"""What a first bill prints of the system that billed before."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from central.domain.billing.bill import Account, Party
from central.domain.billing.cutover_opening import CutoverOpening, TakeoverRead
from central.domain.rating.inputs.carried_state import CarriedState
from central.service.billing.cutover_print import cutover_of, cutover_read, with_balance
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT, Obis

BEGINS = datetime(2026, 9, 30, 22, tzinfo=UTC)
READ = TakeoverRead("MTL/S1", ACTIVE_IMPORT, Decimal(8421077))
OPENING = CutoverOpening(date(2026, 9, 30), CarriedState(), (READ,), Decimal("12.40"))


def test_an_opening_is_kept_as_a_state_with_the_cutover_beside_it() -> None:
    kept = OPENING.to_json()
    assert CarriedState.from_json(kept) == OPENING.state
    assert cutover_of(kept) == OPENING
    assert cutover_of(CarriedState().to_json()) is None
    assert cutover_of(None) is None


@pytest.mark.parametrize(
    ("meter", "obis", "at", "read"),
    [
        ("MTL/S1", ACTIVE_IMPORT, BEGINS, READ.value),
        ("MTL/S2", ACTIVE_IMPORT, BEGINS, None),
        ("MTL/S1", ACTIVE_EXPORT, BEGINS, None),
        ("MTL/S1", ACTIVE_IMPORT, BEGINS + timedelta(days=1), None),
    ],
)
def test_a_read_is_printed_where_the_other_system_ended(
    meter: str, obis: Obis, at: datetime, read: Decimal | None
) -> None:
    assert cutover_read(OPENING, meter, obis, at, BEGINS) == read
    assert cutover_read(None, meter, obis, at, BEGINS) is None


def test_a_balance_is_the_previous_one_of_the_first_bill() -> None:
    account = Account("A-1", Party("Ada"), Party("Sierra"))
    assert with_balance(account, [None]) == account
    assert with_balance(account, [OPENING, None]).previous_balance == Decimal("12.40")

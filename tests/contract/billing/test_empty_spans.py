"""What has no day or no amount is refused by name, never by the database's own words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from central.domain.billing.ledger import EntryKind, LedgerEntry
from central.service.billing.post_entries import AccountLedger
from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.ports.ingest import PoisonError
from central.service.ports.registry import AgreementRecord, InstallationRecord
from central.service.registry.groups import NamedGroups
from firmware_bridge.contract.errors import MeterlineError
from tests.support.actors import CLERK
from tests.support.books import NOW, SEPTEMBER, Utility

FIRST = date(2026, 9, 1)
AGREED = AgreementRecord("A-1", "SP-1", "HOME", FIRST)
METER = InstallationRecord("SP-1", "MTL", "S1", SEPTEMBER, gateway="gw-1")
NEW_METER = InstallationRecord("SP-1", "MTL", "S9", NOW, gateway="gw-1")
PAID = LedgerEntry("p-1", "A-1", EntryKind.PAYMENT, FIRST, "EUR", Decimal(10))


def amount(given: str) -> Callable[[Utility], Awaitable[object]]:
    async def post(utility: Utility) -> None:
        entry = replace(PAID, amount=Decimal(given))
        await AccountLedger(utility.ledger, utility.billing, lambda: NOW).post(entry, CLERK, "paid")

    return post


def member(end: date) -> Callable[[Utility], Awaitable[object]]:
    async def assign(utility: Utility) -> None:
        groups = NamedGroups(utility.registry, CLERK, lambda: NOW)
        await groups.add(GroupRecord("north", GroupOf.POINT))
        await groups.assign("north", Membership("SP-1", FIRST, end))

    return assign


ORDERS: dict[str, Callable[[Utility], Awaitable[object]]] = {
    "an agreement without a day": lambda u: u.enrol.agreement(replace(AGREED, end=FIRST)),
    "an agreement that ends before it begins": lambda u: u.enrol.agreement(
        replace(AGREED, end=FIRST - timedelta(days=3))
    ),
    "a meter that is out when it comes": lambda u: u.enrol.installation(
        replace(METER, end=SEPTEMBER)
    ),
    "a meter that is out before it comes": lambda u: u.enrol.installation(
        replace(METER, end=SEPTEMBER - timedelta(days=3))
    ),
    "a new meter that is out before it comes": lambda u: u.enrol.installation(
        replace(NEW_METER, end=NOW - timedelta(days=3))
    ),
    "a member for no day": member(FIRST),
    "a member that leaves before it comes": member(FIRST - timedelta(days=1)),
    "money of nothing": amount("0"),
    "a fraction of a cent": amount("91.499"),
}


async def test_what_has_no_day_is_refused_by_name(utility: Utility) -> None:
    await utility.found()
    for name, order in ORDERS.items():
        with pytest.raises(MeterlineError) as refused:
            await order(utility)
        assert not isinstance(refused.value, PoisonError), name
    # What has none but zeros behind its last decimal is that amount.
    await amount("91.4900")(utility)

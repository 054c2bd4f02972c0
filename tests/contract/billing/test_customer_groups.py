"""A customer file that puts accounts and points into cycles and groups, on every store."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from central.domain.billing.account_periods import CycleAssignment
from central.domain.billing.billing_cycle import BillingCycle
from central.service.ports.registry import NotRegisteredError
from central.service.registry.customer_file import read_customer_file
from central.service.registry.cycles import BillingCycles
from central.service.registry.import_customers import import_customers
from central.service.registry.record_changes import Effect
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import OPERATOR, noted
from tests.support.books import NOW, TARIFF, Utility

FILE = """\
tariffs: [home.yaml]
service_points:
  - name: SP-1
    zone: Europe/Madrid
    meters: [{meter: MTL/S1, from: "2026-08-31T23:30:00Z", gateway: gw-1}]
    groups: [feeder-7]
accounts:
  - number: A-1
    name: Ada
    agreements: [{point: SP-1, tariff: HOME, from: 2026-09-01}]
    cycle: bimonthly
    groups: [route-7, {name: pilot, from: 2026-10-01, to: 2027-01-01}]
"""


async def _import(utility: Utility, folder: Path, text: str) -> dict[tuple[str, Effect], int]:
    (folder / "home.yaml").write_text(TARIFF, encoding="utf-8")
    path = folder / "customers.yaml"
    path.write_text(text, encoding="utf-8")
    customers, tariffs = read_customer_file(path)
    return dict(await import_customers(utility.registry, utility.enrol, customers, tariffs))


async def test_a_file_puts_accounts_and_points_where_they_belong(
    utility: Utility, tmp_path: Path
) -> None:
    await utility.gateways.enrol("gw-1", noted(NOW))
    cycles = BillingCycles(utility.registry, OPERATOR, lambda: NOW)
    with pytest.raises(NotRegisteredError):
        await _import(utility, tmp_path, FILE)
    await cycles.add(BillingCycle("bimonthly", date(2026, 1, 1), 2))
    done = await _import(utility, tmp_path, FILE)
    assert done["cycle", Effect.ADDED] == 1
    assert done["group member", Effect.ADDED] == 3
    async with utility.registry.transaction(utility.now) as registry:
        assert await registry.assignments("A-1") == (
            CycleAssignment(date(2026, 9, 1), "bimonthly"),
        )
        for group, member in (("feeder-7", "SP-1"), ("route-7", "A-1"), ("pilot", "A-1")):
            assert [one.member for one in await registry.memberships(group)] == [member]
    again = await _import(utility, tmp_path, FILE)
    assert {effect for _, effect in again} == {Effect.UNCHANGED}
    later = FILE.replace("cycle: bimonthly", "cycle: {name: monthly, from: 2026-11-01}")
    assert (await _import(utility, tmp_path, later))["cycle", Effect.CHANGED] == 1


async def test_a_name_alone_needs_a_first_day(utility: Utility, tmp_path: Path) -> None:
    text = "accounts:\n  - {number: A-9, name: Ada, groups: [route-7]}\n"
    with pytest.raises(InvalidValueError, match="from which day"):
        await _import(utility, tmp_path, text)
    async with utility.registry.transaction(utility.now) as registry:
        assert await registry.account("A-9") is None

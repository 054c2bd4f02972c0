"""What another system left is settled where a customer leaves before a day is billed here."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from central.domain.billing.bill import Party
from central.domain.billing.occupancy import PeriodBilledError
from central.domain.billing.state import BillState
from central.service.ports.registry import AccountRecord, PointChannelRecord, PointRecord
from central.service.registry.cutover_file import read_cutover_file
from central.service.registry.import_cutover import CutoverRefusedError, import_cutover
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.contract.billing.test_settlement import (
    OCTOBER,
    OWING,
    SEPTEMBER,
    agreed,
    ends,
    lines,
)
from tests.support.books import Utility
from tests.support.daily_books import bill, found, measured, run, settle

FILE = """\
accounts:
  - number: A-1
    balance: -12.40
    points:
      - point: SP-1
        last_billed: 2026-08-31
        sums: {yearly: 10.55}
        deferrals: {budget_billing: 103.33}
"""


async def test_what_was_brought_over_is_settled_where_no_day_is_billed_here(
    utility: Utility, tmp_path: Path
) -> None:
    await found(utility, 0)
    enrol = utility.enrol
    await enrol.tariff(OWING)
    await enrol.service_point(
        PointRecord("SP-1", "UTC"), PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR)
    )
    await enrol.account(AccountRecord("A-1", Party("Customer")))
    await enrol.agreement(agreed())
    path = tmp_path / "cutover.yaml"
    path.write_text(FILE, encoding="utf-8")
    await import_cutover(enrol, read_cutover_file(path))
    await measured(utility, SEPTEMBER, OCTOBER)
    await ends(utility, SEPTEMBER)
    summary = await run(utility, "2026-09")
    assert summary.bills == {BillState.DRAFT: 1}
    settlement = await bill(utility, "A-1", "2026-08")
    # 1,200.00 x 243 / 365 until August, less what the other system billed, and what it deferred.
    assert lines(settlement) == [
        ("yearly", "788.35"),
        ("vat", "78.84"),
        ("budget_billing", "103.33"),
    ]
    assert settlement.bill.previous_balance == Decimal("-12.40")
    # A draft of it binds nobody.
    await ends(utility, OCTOBER)
    await ends(utility, SEPTEMBER)
    await settle(utility, "2026-09")
    issued = await bill(utility, "A-1", "2026-08")
    assert (issued.bill.state, lines(issued)) == (BillState.ISSUED, lines(settlement))
    again = await run(utility, "2026-09")
    assert again.bills == {BillState.ISSUED: 1, BillState.DISCARDED: 1}
    with pytest.raises(PeriodBilledError, match="another agreement from 2026-09-01"):
        await ends(utility, OCTOBER)
    path.write_text(FILE.replace("2026-08-31", "2026-08-30"), encoding="utf-8")
    with pytest.raises(CutoverRefusedError, match="settles what was left on 2026-09-01"):
        await import_cutover(enrol, read_cutover_file(path), reason="wrong figure")
    await enrol.agreement(agreed(first=SEPTEMBER, end=date(2026, 9, 11)))
    assert (await run(utility, "2026-09")).bills == {**again.bills, BillState.DRAFT: 1}

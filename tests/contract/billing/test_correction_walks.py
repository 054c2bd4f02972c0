"""Corrections on corrections, in any order: nothing is lost, and in the end all is right.

After every step what is issued, with what is to be adjusted yet, comes to what its parts say as
they are settled. In the end, when all is billed anew that differs, it is what
`tests/support/correction_walk.py` computes, to the cent.
"""

from __future__ import annotations

import os
from decimal import Decimal
from random import Random

from central.domain.rating.inputs.segments import DayRange
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope
from tests.support.correction_walk import FIRST, month_after
from tests.support.servers import Database
from tests.support.size import sized
from tests.support.walk_office import BALANCE, opened

WALKERS = sized("METERLINE_CORRECTION_WALKERS", 2, 40)
MONTHS = sized("METERLINE_CORRECTION_WALK_MONTHS", 3, 8)
SEED = int(os.environ.get("METERLINE_CORRECTION_WALK_SEED", "1"))


async def test_corrections_of_corrections_come_to_what_is_right(plain_migrated: Database) -> None:
    chance = Random(f"walk {SEED}")  # noqa: S311
    async with opened(plain_migrated, WALKERS, chance) as office:
        await office.begin()
        for number in range(MONTHS):
            await office.month(month_after(FIRST, number))
            await office.walk(2, "before the bills of")
            if chance.random() < 0.8:
                await office.bill()
                office.balanced(f"the bills of {office.end}")
            await office.walk(5, "behind")
        await office.bill()
        await office.gone()
        await office.bill()
        await office.walk(4, "in the end of")
        # What was cancelled again is billed between.
        for _ in range(2):
            for walker in office.walkers:
                await office.work_off(walker)
            await office.bill()
        await office.month(office.end)
        await office.bill()
        office.balanced("the end")
        billed = {account: total for account, total, _ in office.rows(BALANCE)}
        right = {each.account: each.charged(office.end) for each in office.walkers}
        assert billed == right
        assert Decimal(0) not in right.values()
        scope = ReconciledScope(DayRange(FIRST, office.end))
        report = await Reconcile(office.utility.reconciliation, lambda: office.utility.now)(scope)
        assert report.balanced
        assert {"adjust", "leave", "full"} <= office.tally.keys()

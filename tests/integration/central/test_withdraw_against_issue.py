"""An approval that is taken back against issuing: one of them, and nobody waits in a ring.

The bills of a month are issued while each approval is taken back on connections of its own, with
pauses from a printed seed. Each bill is issued with a number, or a draft without one; never both.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from datetime import date

from central.domain.billing.state import BillState
from central.service.billing.approve_bills import IssueBills, WithdrawBills
from firmware_bridge.contract.errors import OperatorError
from tests.support.actors import CHIEF, OPERATOR
from tests.support.books import Utility, timescale_utility
from tests.support.daily_books import FIRST, approve, at, found, heads, issue, measured, run
from tests.support.servers import Database
from tests.support.size import sized

RACES = sized("METERLINE_WITHDRAW_RACES", 10, 120)
CUSTOMERS = 3


def month(number: int) -> date:
    """The first day of a month from the first one on."""
    years, left = divmod(FIRST.month - 1 + number, 12)
    return date(FIRST.year + years, left + 1, 1)


class Race:
    """Approved bills that are issued and taken back, a month after the other.

    Args:
        clerk: Runs, approves and issues.
        other: The same utility on connections of its own.
        draw: The pauses.
    """

    def __init__(self, clerk: Utility, other: Utility, draw: random.Random) -> None:
        self._clerk = clerk
        self._other = other
        self._draw = draw
        self._took_s = 0.05
        self.outcomes = Counter[str]()

    async def round(self, cycle: str) -> None:
        """One race; what was taken back is issued after it."""
        clerk = self._clerk
        summary = await run(clerk, cycle)
        assert await approve(clerk, summary) == []
        approved = await heads(clerk, summary)
        issuing = IssueBills(clerk.billing, lambda: clerk.now)
        withdraw = WithdrawBills(self._other.billing, lambda: self._other.now)
        began = time.monotonic()
        _, *codes = await asyncio.gather(
            self._code(issuing.run(summary.run, CHIEF), 0),
            *(self._code(withdraw([bill.uid], OPERATOR, "typing error"), 2) for bill in approved),
        )
        # The next begin somewhere within such a time, or after the issue.
        self._took_s = min((time.monotonic() - began + self._took_s) / 2, 0.5)
        self.outcomes.update(codes)
        for bill, code in zip(approved, codes, strict=True):
            record = await clerk.billing.bill(bill.uid)
            assert record is not None
            back = record.bill.state is BillState.DRAFT
            assert back == (code == "done"), (record.bill.state, code)
            assert (record.number is None) == (record.bill.state is not BillState.ISSUED)
            assert not back or record.approver is None
        await approve(clerk, summary)
        await issue(clerk, summary)

    async def _code(self, does: Awaitable[object], times: float) -> str:
        await asyncio.sleep(self._draw.uniform(0, times * self._took_s))
        try:
            await does
        except OperatorError as error:
            return error.code
        return "done"


async def test_a_bill_is_taken_back_or_issued(plain_migrated: Database) -> None:
    seed = random.SystemRandom().randrange(2**32)
    async with AsyncExitStack() as stack:
        clerk, other = [
            await stack.enter_async_context(timescale_utility(plain_migrated.dsn)) for _ in range(2)
        ]
        for utility in (clerk, other):
            utility.now = at(month(RACES + 1))
        await found(clerk, CUSTOMERS)
        for channel in range(1, CUSTOMERS + 1):
            await measured(clerk, FIRST, month(RACES), channel)
        race = Race(clerk, other, random.Random(seed))  # noqa: S311 - pauses, not secrets
        numbers = []
        for number in range(RACES):
            cycle = f"{month(number):%Y-%m}"
            await race.round(cycle)
            summary = await run(clerk, cycle)
            numbers += [bill.uid for bill in await heads(clerk, summary)]
        records = [await clerk.billing.bill(uid) for uid in numbers]
    print(f"seed {seed}: {dict(race.outcomes)}")  # noqa: T201 - for who repeats it
    issued = sorted(str(record.number) for record in records if record is not None)
    assert issued == [f"INV-{number:06}" for number in range(1, RACES * CUSTOMERS + 1)]
    assert set(race.outcomes) <= {"done", "BILL_TRANSITION", "STALE_BILL"}

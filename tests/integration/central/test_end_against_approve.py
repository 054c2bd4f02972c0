"""An agreement's end or withdrawal against approving: one of them, and nobody waits in a ring.

An end inside a draft's days discards the draft, while the run with it is approved on connections of
its own, with pauses from a printed seed. Where one takes inputs before bills and the other bills
before inputs, the database ends one of them by force.
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
from central.service.billing.approve_bills import ApproveBills
from central.service.ports.registry import AgreementRecord
from central.service.ports.withdrawals import NamedAgreement
from central.service.registry.withdraw import Withdraw
from firmware_bridge.contract.errors import OperatorError
from tests.support.actors import CHIEF, OPERATOR
from tests.support.books import Utility, timescale_utility
from tests.support.daily_books import FIRST, found, heads, measured, run
from tests.support.servers import Database
from tests.support.size import sized

RACES = sized("METERLINE_END_RACES", 30, 1_000)
CUSTOMERS = 3
MIDDLE, SEPTEMBER = date(2026, 8, 16), date(2026, 9, 1)


class Race:
    """Drafts that are approved and lose their days again and again.

    Args:
        clerk: Runs and approves.
        other: The same utility on connections of its own.
        draw: The pauses.
    """

    def __init__(self, clerk: Utility, other: Utility, draw: random.Random) -> None:
        self._clerk = clerk
        self._other = other
        self._draw = draw
        self._took_s = 0.05
        self.outcomes = Counter[str]()

    async def round(self) -> None:
        """One race, and all as it was before."""
        summary = await run(self._clerk, "2026-08")
        approve = ApproveBills(self._clerk.billing, lambda: self._clerk.now)
        began = time.monotonic()
        codes = await asyncio.gather(
            self._code(approve.run(summary.run, CHIEF)),
            *(self._code(self._ended(number, MIDDLE)) for number in range(1, CUSTOMERS + 1)),
            self._code(self._withdrawn()),
        )
        # The next begin somewhere within such a time.
        self._took_s = min(time.monotonic() - began, 0.2)
        self.outcomes.update(codes)
        bills = await heads(self._clerk, summary)
        approved = [bill for bill in bills if bill.state is BillState.APPROVED]
        ended = {f"A-{number}" for number in range(1, CUSTOMERS + 1) if codes[number] == "done"}
        assert ended.isdisjoint(bill.account for bill in approved)
        assert ended | {bill.account for bill in bills} == {"A-1", "A-2", "A-3", "A-4"}
        await self._clerk.billing.withdraw([bill.uid for bill in approved], CHIEF, self._clerk.now)
        for number in range(1, CUSTOMERS + 1):
            await self._ended(number, None)

    async def _code(self, does: Awaitable[object]) -> str:
        await asyncio.sleep(self._draw.uniform(0, self._took_s))
        try:
            await does
        except OperatorError as error:
            return error.code
        return "done"

    async def _ended(self, number: int, until: date | None) -> None:
        agreement = AgreementRecord(f"A-{number}", f"SP-{number}", "FLAT", FIRST, until)
        await self._other.enrol.agreement(agreement)

    async def _withdrawn(self) -> None:
        """Somebody has days there in every round, so it is refused."""
        withdraw = Withdraw(self._other.registry, OPERATOR, lambda: self._other.now)
        await withdraw.agreement(NamedAgreement("A-4", "SP-4", FIRST), "typing error")


async def test_an_end_and_an_approval_wait_in_no_ring(plain_migrated: Database) -> None:
    seed = random.SystemRandom().randrange(2**32)
    async with AsyncExitStack() as stack:
        clerk, other = [
            await stack.enter_async_context(timescale_utility(plain_migrated.dsn)) for _ in range(2)
        ]
        await found(clerk, CUSTOMERS + 1)
        for channel in range(1, CUSTOMERS + 2):
            await measured(clerk, FIRST, SEPTEMBER, channel)
        race = Race(clerk, other, random.Random(seed))  # noqa: S311 - pauses, not secrets
        for _ in range(RACES):
            await race.round()
    print(f"seed {seed}: {dict(race.outcomes)}")  # noqa: T201 - for who repeats it
    assert set(race.outcomes) <= {"done", "PERIOD_BILLED", "STALE_BILL"}
    assert {"done", "PERIOD_BILLED"} <= set(race.outcomes)

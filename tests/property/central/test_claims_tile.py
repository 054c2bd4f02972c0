"""Whatever is run, approved, issued, discarded, ended or moved in a year: bills tile its days."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from central.domain.billing.bill import Party, RunType
from central.domain.billing.state import BillState
from central.service.billing.approve_bills import DiscardBills
from central.service.ports.billing import BillHead, RunSummary
from central.service.ports.registry import AccountRecord, AgreementRecord
from firmware_bridge.contract.errors import OperatorError
from tests.support.actors import CLERK
from tests.support.books import Utility, memory_utility
from tests.support.daily_books import approve, at, found, heads, issue, measured, run

FIRST, AFTER = date(2026, 1, 1), date(2027, 1, 1)
KINDS = ["run", "final", "approve", "issue", "discard", "end", "move", "hole"]


@dataclass(frozen=True)
class Step:
    """Something that happens: what, in which month, and a number that it may need."""

    kind: str
    month: int
    number: int


STEPS = st.lists(
    st.builds(Step, st.sampled_from(KINDS), st.integers(1, 12), st.integers(0, 27)),
    min_size=5,
    max_size=30,
)


@dataclass
class Year:
    """A point in a year of steps.

    Args:
        utility: Its books.
        agreements: Of the point, ascending; the last one may be open.
        runs: By cycle and type.
    """

    utility: Utility
    agreements: list[AgreementRecord]
    runs: dict[tuple[str, RunType], RunSummary] = field(default_factory=dict)

    async def take(self, step: Step) -> None:
        """Take a step; what is refused by name leaves everything as it was."""
        cycle = f"2026-{step.month:02}"
        if step.kind in {"run", "final"}:
            run_type = RunType.FINAL if step.kind == "final" else RunType.REGULAR
            self.runs[cycle, run_type] = await run(self.utility, cycle, run_type)
        elif step.kind in {"approve", "issue"}:
            decide = approve if step.kind == "approve" else issue
            for summary in self.runs.values():
                await decide(self.utility, summary)
        elif step.kind == "discard":
            await self._discard(step.number)
        else:
            await self._agree(step)

    async def _discard(self, number: int) -> None:
        listed = [head for summary in self.runs.values() for head in await self._open(summary)]
        if listed:
            uid = listed[number % len(listed)].uid
            await DiscardBills(self.utility.billing, lambda: self.utility.now)([uid], CLERK)

    async def _open(self, summary: RunSummary) -> list[BillHead]:
        states = {BillState.DRAFT, BillState.HELD}
        return [head for head in await heads(self.utility, summary) if head.state in states]

    async def _agree(self, step: Step) -> None:
        day = date(2026, step.month, 1) + timedelta(days=step.number)
        last = self.agreements[-1]
        if day <= last.first:
            return
        ended = replace(last, end=day)
        await self.utility.enrol.agreement(ended)
        self.agreements[-1] = ended
        if step.kind == "end" and step.number % 2:
            return
        number = len(self.agreements) + 1 if step.kind == "move" else 1
        account = f"A-{number}"
        await self.utility.enrol.account(AccountRecord(account, Party(account)))
        tariff = "DEAR" if step.number % 3 else "FLAT"
        gap = timedelta(days=3 if step.kind == "hole" else 0)
        new = AgreementRecord(account, "SP-1", tariff, day + gap)
        await self.utility.enrol.agreement(new)
        self.agreements.append(new)

    async def check(self) -> None:
        """Each day is on one bill at most, and each stay of an account is billed from its begin."""
        days: dict[date, str] = {}
        for summary in self.runs.values():
            for head in await heads(self.utility, summary):
                record = await self.utility.billing.bill(head.uid)
                assert record is not None
                for supply in record.bill.supplies:
                    for day in supply.days.days():
                        assert day not in days, f"{day} is on two bills"
                        days[day] = head.account
        for agreement in self.agreements:
            billed = sorted(
                day
                for day, account in days.items()
                if account == agreement.account
                and agreement.first <= day < (agreement.end or AFTER)
            )
            if billed:
                assert billed[0] == agreement.first
                assert all(
                    after - before == timedelta(days=1) for before, after in pairwise(billed)
                )
        assert all(_belongs(day, account, self.agreements) for day, account in days.items())


def _belongs(day: date, account: str, agreements: list[AgreementRecord]) -> bool:
    return any(
        one.account == account and one.first <= day < (one.end or AFTER) for one in agreements
    )


async def live(steps: list[Step]) -> None:
    async with memory_utility() as utility:
        utility.now = at(AFTER)
        await found(utility, since=FIRST)
        await measured(utility, FIRST, AFTER)
        year = Year(utility, [AgreementRecord("A-1", "SP-1", "FLAT", FIRST)])
        for step in steps:
            with suppress(OperatorError):
                await year.take(step)
            await year.check()


@settings(max_examples=60)
@given(STEPS)
def test_bills_tile_the_days_of_a_year(steps: list[Step]) -> None:
    asyncio.run(live(steps))

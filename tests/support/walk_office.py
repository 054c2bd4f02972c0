"""What corrects the bills of customers at random; see `correction_walk.py`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any
from uuid import UUID

import numpy as np
import psycopg

from central.adapters.timescale.billing.corrections import TimescaleCorrections
from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.adapters.timescale.billing.rebills import TimescaleRebills
from central.domain.actor import Actor
from central.domain.billing.bill import Party
from central.domain.billing.correction import CorrectionState, CorrectionWay
from central.domain.metering.block import DayBlock
from central.service.billing.approve_bills import (
    ApproveBills,
    DiscardBills,
    IssueBills,
    WithdrawBills,
)
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.correct_bills import CorrectBills
from central.service.billing.rebill_bills import RebillBills
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    PointChannelRecord,
    PointRecord,
)
from firmware_bridge.contract.errors import MeterlineError
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import person
from tests.support.books import Utility, pool_of, timescale_utility
from tests.support.correction_walk import (
    DAY,
    FIRST,
    Walker,
    at,
    drawn_month,
    every_day,
    month_after,
    steps,
)
from tests.support.daily_books import approve, issue, run, sells
from tests.support.servers import Database

AGENT, AUDITOR, OTHER = person("agent"), person("auditor"), person("other")
VALIDATION = Actor.job("validate")
BALANCE = """
SELECT account.number, coalesce(documents.total, 0) + coalesce(open.total, 0),
    coalesce(settled.total, 0)
FROM account
LEFT JOIN LATERAL (
    SELECT sum(amount) AS total FROM bill JOIN bill_line ON bill_line.bill_id = bill.id
    WHERE bill.account_id = account.id AND bill.state = 'issued'
) AS documents ON true
LEFT JOIN LATERAL (
    SELECT sum(adjustment.amount) AS total FROM adjustment
    JOIN live_part ON live_part.id = adjustment.part_id
    WHERE adjustment.account_id = account.id AND NOT EXISTS (
        SELECT FROM adjustment_use JOIN bill ON bill.id = adjustment_use.bill_id
        JOIN live_bill ON live_bill.id = bill.id
        WHERE adjustment_id = adjustment.id AND bill.state = 'issued'
    )
) AS open ON true
LEFT JOIN LATERAL (
    SELECT sum(line.amount) AS total
    FROM bill JOIN bill_part ON bill_part.bill_id = bill.id
    JOIN live_part ON live_part.id = bill_part.id
    CROSS JOIN LATERAL (
        SELECT version, lines FROM settled_version WHERE part_id = bill_part.id
        UNION ALL
        SELECT 1, NULL
        ORDER BY 1 DESC LIMIT 1
    ) AS newest
    CROSS JOIN LATERAL (
        SELECT amount FROM bill_line
        WHERE newest.version = 1 AND bill_id = bill_part.bill_id
            AND number <@ bill_part.line_numbers
        UNION ALL
        SELECT (each->>'amount')::numeric FROM jsonb_array_elements(newest.lines) AS each
    ) AS line
    WHERE bill.account_id = account.id AND bill.state = 'issued'
) AS settled ON true
ORDER BY account.id
"""
ISSUED = """
SELECT bill.uid, bill.first_day FROM bill JOIN live_bill ON live_bill.id = bill.id
JOIN account ON account.id = bill.account_id
WHERE account.number = %s AND bill.state = 'issued' AND bill.cancels IS NULL
ORDER BY bill.end_day, bill.first_day, bill.id
"""
PROPOSED = """
SELECT DISTINCT ON (decision) bill.uid, bill.state
FROM bill JOIN account ON account.id = bill.account_id
WHERE account.number = %s AND decision IS NOT NULL AND bill.state IN ('draft', 'approved')
ORDER BY decision, bill.id
"""


@dataclass
class Office:
    """What corrects the bills of the walkers."""

    utility: Utility
    dsn: str
    correct: CorrectBills
    cancel: CancelBills
    rebill: RebillBills
    approving: ApproveBills
    issuing: IssueBills
    discarding: DiscardBills
    withdrawing: WithdrawBills
    chance: Random
    walkers: list[Walker]
    tally: Counter[str] = field(default_factory=Counter)
    end: date = FIRST
    """The day after what is metered."""

    # What is there

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as owner:
            return list(owner.execute(statement.encode(), values).fetchall())

    def issued(self, walker: Walker) -> list[UUID]:
        return [row[0] for row in self.rows(ISSUED, walker.account)]

    def proposed(self, walker: Walker) -> list[UUID]:
        return [row[0] for row in self.rows(PROPOSED, walker.account)]

    async def waiting(self, walker: Walker) -> list[UUID]:
        listed = await self.correct.listed(walker.account)
        return [decision.uid for decision in listed if decision.state is CorrectionState.DECIDED]

    def balanced(self, after: str) -> None:
        for account, documents, settled in self.rows(BALANCE):
            assert documents == settled, f"{account} after {after}: {documents}, not {settled}"

    # What happens

    async def begin(self) -> None:
        enrol = self.utility.enrol
        await enrol.seller(Party("Sierra Power"))
        for walker in self.walkers:
            walker.prices[date(2026, 1, 1)] = Fraction(self.chance.randrange(20, 50), 100)
            await enrol.tariff(walker.document(date(2026, 1, 1)))
            channel = PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR)
            await enrol.service_point(PointRecord(walker.point, "UTC"), channel)
            await enrol.service_point(PointRecord(walker.point, "UTC"), sells())
            await enrol.account(AccountRecord(walker.account, Party(walker.account)))
            await enrol.agreement(self.agreement(walker))

    def agreement(self, walker: Walker) -> AgreementRecord:
        return AgreementRecord(walker.account, walker.point, walker.tariff, FIRST, walker.end)

    async def meter(self, walker: Walker, days: list[tuple[date, str, int]]) -> None:
        """Validate days of a channel: anew, or for the first time."""
        blocks = []
        for day, name, wh in days:
            walker.versions[name, day] += 1
            blocks.append(
                DayBlock(
                    channel_id=2 * walker.number - (name == "used"),
                    day=day,
                    zone="UTC",
                    start=at(day, 0),
                    period_s=86_400,
                    exponent=0,
                    unit=Unit.WATT_HOUR,
                    values=np.array([wh], dtype=np.int64),
                    quality=np.zeros(1, dtype=np.uint8),
                    version=walker.versions[name, day],
                )
            )
            getattr(walker, name)[day] = wh
        async with self.utility.validation.transaction() as work:
            await work.add_blocks(blocks, VALIDATION, self.utility.now)

    async def month(self, first: date) -> None:
        """A month is over and metered."""
        self.end = month_after(first)
        self.utility.now = at(self.end + DAY)
        for walker in self.walkers:
            days = drawn_month(walker, self.chance, first)
            await self.meter(walker, [(day, "used", used) for day, used, _ in days])
            await self.meter(walker, [(day, "sold", sold) for day, _, sold in days])

    async def walk(self, count: int, when: str) -> None:
        """So many changes and corrections of each customer, and all stays balanced."""
        for walker in self.walkers:
            for what in steps(self.chance, count):
                await self.happen(walker, what)
                self.balanced(f"{what} {when} {self.end}")

    async def happen(self, walker: Walker, what: str) -> None:
        self.utility.now += timedelta(minutes=1)
        try:
            await getattr(self, f"_{what}")(walker)
        except MeterlineError as error:
            self.tally[f"{what} {error.code}"] += 1
        else:
            self.tally[what] += 1

    async def _day(self, walker: Walker) -> None:
        day = self.chance.choice(every_day(FIRST, self.end))
        name = self.chance.choice(["used", "sold"])
        await self.meter(walker, [(day, name, self.chance.randrange(0, 90_000))])

    async def _price(self, walker: Walker) -> None:
        await self._priced(walker, self.chance.choice(sorted(walker.prices)))

    async def _version(self, walker: Walker) -> None:
        months = (self.end.year - FIRST.year) * 12 + self.end.month - FIRST.month
        await self._priced(walker, month_after(FIRST, self.chance.randrange(months + 1)))

    async def _priced(self, walker: Walker, effective: date) -> None:
        before = walker.prices.get(effective)
        walker.prices[effective] = Fraction(self.chance.randrange(20, 50), 100)
        if before != walker.prices[effective]:
            reason = None if before is None else "the price was wrong"
            try:
                await self.utility.enrol.tariff(walker.document(effective), reason=reason)
            except MeterlineError:
                # Withdrawn before.
                text = walker.document(effective)
                await self.utility.enrol.tariff(text, reason="after all")

    async def _withdraw(self, walker: Walker) -> None:
        versions = sorted(walker.prices)[1:]
        if versions:
            effective = self.chance.choice(versions)
            await self.utility.enrol.withdraw_tariff(walker.tariff, effective, "by mistake")
            del walker.prices[effective]

    # How it is corrected

    async def _adjust(self, walker: Walker) -> None:
        await self._settle(walker, CorrectionWay.ADJUST)

    async def _leave(self, walker: Walker) -> None:
        await self._settle(walker, CorrectionWay.LEAVE)

    async def _settle(self, walker: Walker, way: CorrectionWay) -> None:
        uid = await self.correct.decide(walker.account, way, AGENT, "it is another")
        await self.correct.approve(uid, AUDITOR)

    async def _decide(self, walker: Walker) -> None:
        way = self.chance.choice([CorrectionWay.ADJUST, CorrectionWay.LEAVE])
        await self.correct.decide(walker.account, way, AGENT, "it is another")

    async def _approve(self, walker: Walker) -> None:
        for uid in await self.waiting(walker):
            await self.correct.approve(uid, AUDITOR)
        for uid in self.proposed(walker):
            await self._issued(uid)

    async def _withdraw_decision(self, walker: Walker) -> None:
        for uid in await self.waiting(walker):
            await self.correct.withdraw(uid, OTHER, "not so")

    async def _issued(self, uid: UUID) -> None:
        await self.approving.one(uid, AUDITOR)
        await self.issuing.one(uid, AUDITOR)

    async def _full(self, walker: Walker, since: UUID | None = None) -> None:
        uids = await self.rebill(walker.account, AGENT, "it is another", since)
        await self._issued(uids[0])

    async def _parts(self, walker: Walker) -> None:
        uids = await self.rebill(walker.account, AGENT, "it is another", only_changed=True)
        await self._issued(uids[0])

    async def _propose(self, walker: Walker) -> None:
        await self.rebill(walker.account, AGENT, "it is another")

    async def _discard(self, walker: Walker) -> None:
        for uid, state in self.rows(PROPOSED, walker.account):
            if state == "approved":
                await self.withdrawing([uid], OTHER, "not so")
            await self.discarding([uid], OTHER, "not so")

    async def _cancel(self, walker: Walker) -> None:
        """The last bills, one or some."""
        await self._cancelled(self.issued(walker)[-self.chance.randrange(1, 3) :])

    async def _cancel_all(self, walker: Walker) -> None:
        await self._cancelled(self.issued(walker))

    async def _cancelled(self, bills: Sequence[UUID]) -> None:
        for uid in (await self.cancel(bills, AGENT, "billed wrongly"))[:1]:
            await self._issued(uid)

    async def _both(self, walker: Walker) -> None:
        """Two correct at once, in ways that exclude each other."""
        ways = [self._adjust, self._leave, self._full, self._cancel, self._approve]
        chosen = self.chance.sample(ways, 2)
        outcomes = await asyncio.gather(*(way(walker) for way in chosen), return_exceptions=True)
        names = sorted(way.__name__.strip("_") for way in chosen)
        for outcome in outcomes:
            if isinstance(outcome, MeterlineError):
                self.tally[f"both {' '.join(names)} {outcome.code}"] += 1
            elif outcome is not None:
                raise outcome

    async def bill(self) -> None:
        """Run, approve and issue all months that are over; what is refused waits for the next."""
        first = FIRST
        while first < self.end:
            summary = await run(self.utility, f"{first:%Y-%m}")
            await approve(self.utility, summary)
            await issue(self.utility, summary)
            first = month_after(first)

    async def work_off(self, walker: Walker) -> None:
        """Bill anew whatever says something else, each bill asked by itself."""
        await self._withdraw_decision(walker)
        await self._discard(walker)
        for number in range(len(self.issued(walker))):
            self.utility.now += timedelta(minutes=1)
            try:
                await self._full(walker, self.issued(walker)[number])
            except MeterlineError as error:
                assert error.code == "NOTHING_DIFFERS", error  # noqa: PT017 - the others fail

    async def gone(self) -> None:
        """Some go, which is told when all is billed."""
        for walker in self.walkers:
            if self.chance.random() < 0.4:
                walker.end = self.end
                await self.utility.enrol.agreement(self.agreement(walker))


@asynccontextmanager
async def opened(database: Database, count: int, chance: Random) -> AsyncIterator[Office]:
    dsn = database.dsn
    async with timescale_utility(dsn) as utility:
        pool = pool_of(utility)
        utility.now = at(FIRST)
        store = TimescaleCancellations(pool)

        def clock() -> datetime:
            return utility.now

        yield Office(
            utility,
            dsn,
            CorrectBills(TimescaleCorrections(pool), clock),
            CancelBills(utility.billing, store, clock),
            RebillBills(utility.billing, store, TimescaleRebills(pool), clock),
            ApproveBills(utility.billing, clock),
            IssueBills(utility.billing, clock),
            DiscardBills(utility.billing, clock),
            WithdrawBills(utility.billing, clock),
            chance,
            [Walker(number) for number in range(1, count + 1)],
        )

"""Where a life meets what the product corrects issued bills with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.billing.corrections import TimescaleCorrections
from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.adapters.timescale.billing.rebills import TimescaleRebills
from central.adapters.timescale.billing.suppressions import TimescaleSuppressions
from central.adapters.timescale.pool import Pool
from central.domain.billing.correction import CorrectionWay
from central.domain.billing.line_difference import sum_of
from central.service.billing.approve_bills import ApproveBills, DiscardBills, IssueBills
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.correct_bills import CorrectBills
from central.service.billing.rebill_bills import RebillBills
from central.service.billing.suppress_periods import SuppressPeriods
from central.service.ports.suppressions import OccupiedService
from firmware_bridge.contract.errors import MeterlineError
from tests.life.spared import Place
from tests.support.actors import person

AGENT, AUDITOR = person("agent"), person("auditor")
"""One decides, the other approves; neither of them works on a bill."""


@dataclass(frozen=True)
class Previewed:
    """What the product says that issued bills of an account would say otherwise.

    Args:
        bills: Their periods, with what each charges more.
        amount: That they charge more, with taxes and settlements.
        kwh: That they bill more.
    """

    bills: dict[str, Decimal]
    amount: Decimal
    kwh: Decimal


class ProductCorrections:
    """The use-cases.

    Args:
        pool: Of the store.
        clock: Now.
    """

    def __init__(self, pool: Pool, clock: Callable[[], datetime]) -> None:
        self._bills = TimescaleBillingStore(pool)
        cancellations = TimescaleCancellations(pool)
        self._correct = CorrectBills(TimescaleCorrections(pool), clock)
        self._cancel = CancelBills(self._bills, cancellations, clock)
        self._rebill = RebillBills(self._bills, cancellations, TimescaleRebills(pool), clock)
        self._suppress = SuppressPeriods(TimescaleSuppressions(pool), clock)
        self._approve = ApproveBills(self._bills, clock)
        self._issue = IssueBills(self._bills, clock)
        self._discard = DiscardBills(self._bills, clock)

    async def preview(self, account: str) -> Previewed:
        """What its bills would say, without doing anything."""
        report = await self._correct.preview(account)
        amount = sum((each.amount for each in report.amounts), Decimal(0))
        bills = {bill.head.period: sum_of(bill.differences) for bill in report.tail}
        return Previewed(bills, amount, report.kwh)

    async def settle(self, account: str, way: str) -> None:
        """Adjust, or leave: decided by one and approved by another."""
        chosen = CorrectionWay(way)
        uid = await self._correct.decide(account, chosen, AGENT, "it is another by now")
        try:
            await self._correct.approve(uid, AUDITOR)
        except MeterlineError:
            await self._correct.withdraw(uid, AGENT, "it cannot be approved")
            raise

    async def suppress(self, place: Place, end: date) -> tuple[UUID, tuple[date, date]]:
        """Days that nobody has billed are not billed, until a day: proposed, and approved.

        Returns:
            By which it is known, and its days: the first, and the one after the last.
        """
        uid = await self._suppress.suppress(OccupiedService(*place), end, AGENT, "under repair")
        try:
            await self._suppress.approve(uid, AUDITOR)
        except MeterlineError:
            await self._suppress.lift(uid, AGENT, "it cannot be approved")
            raise
        (days,) = (one.days for one in await self._suppress.listed(place[0]) if one.uid == uid)
        return uid, (days.first, days.end)

    async def lift(self, uid: UUID) -> None:
        """They are billed after all."""
        await self._suppress.lift(uid, AGENT, "it was not under repair")

    async def rebill(self, account: str, *, only_changed: bool) -> None:
        """Cancel what is wrong and bill it anew, as one."""
        uids = await self._rebill(account, AGENT, "billed anew", only_changed=only_changed)
        await self._decided(uids[:1])

    async def cancel(self, bills: Sequence[UUID]) -> None:
        """Cancel bills, the later ones with the earlier."""
        uids = await self._cancel(bills, AGENT, "billed wrongly")
        await self._decided(uids[:1])

    async def _decided(self, uids: Sequence[UUID]) -> None:
        for uid in uids:
            try:
                await self._approve.one(uid, AUDITOR)
                await self._issue.one(uid, AUDITOR)
            except MeterlineError:
                await self._discard([uid], AGENT, "it cannot be issued")
                raise

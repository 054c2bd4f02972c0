"""Estimate what is missing for too long, by bill or by policy; else order a reading on site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog

from central.domain.billing.bill_window import BillWindow
from central.domain.metering.block import DayBlock
from central.domain.metering.installed_days import local_date
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.day import Thresholds
from central.domain.vee.estimate import EstimatedDay, estimate_days, without_estimates
from central.domain.vee.estimated_gap import field_order
from central.domain.vee.policy import Policy
from central.domain.vee.reopened import is_open
from central.service.halved import NOBODYS, error_text
from central.service.ports.bill_window import BillWindowStore, HeldDays
from central.service.ports.validation import (
    ChannelDay,
    LockedChannel,
    PointChannelId,
    ValidationStore,
    ValidationTransaction,
)
from central.service.validation.gap_estimates import (
    edited_days,
    grounds,
    is_read,
    keep_estimates,
)

_DAY = timedelta(days=1)
_BEYOND = timedelta(days=62)
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class EstimateTally:
    """What was done.

    Args:
        days: Days that were estimated.
        orders: Channels whose meters somebody has to read.
        failed: Channels that failed; they are tried again the next night.
    """

    days: int = 0
    orders: int = 0
    failed: int = 0


class EstimateHeld:
    """The use-case. Doing it twice changes nothing more.

    Args:
        bills: Which bills are held.
        store: Where blocks are kept.
        clock: Now, aware.
        thresholds: How far from its boundary a reading may be.
    """

    def __init__(
        self,
        bills: BillWindowStore,
        store: ValidationStore,
        clock: Callable[[], datetime],
        thresholds: Thresholds | None = None,
    ) -> None:
        self._bills = bills
        self._store = store
        self._clock = clock
        self._thresholds = thresholds or Thresholds()

    async def __call__(self, window: BillWindow) -> EstimateTally:
        """Estimate what is missing in bills whose window is over, the earliest first.

        Days that are missing for longer than their class's policy lets them wait follow, whether
        their bill is held or not due yet.

        Args:
            window: How long a bill waits.

        Raises:
            StoreUnavailableError: What was committed stays; call again.
        """
        tally = EstimateTally()
        if window.days:
            await self._held(window, tally)
        today = self._clock().date()
        async with self._store.transaction() as work:
            waits = (await work.policies_in_force((), DayRange(today, today + _DAY))).wait
        if waits:
            await self._waiting(window, tally)
        return tally

    async def _held(self, window: BillWindow, tally: EstimateTally) -> None:
        now = self._clock()
        # East of Greenwich a day is over earlier; each bill is asked in its own zone.
        latest = now.date() + _DAY - timedelta(days=window.days)
        for held in await self._bills.held_days(latest, window.in_a_row):
            today = local_date(now, held.zone, held.day_start)
            if today - timedelta(days=window.days) < held.days.end:
                continue
            for channel in held.channels:
                await self._channel(channel, held, window, tally)

    async def _waiting(self, window: BillWindow, tally: EstimateTally) -> None:
        now = self._clock()
        for missing in await self._bills.waiting_days(now.date() + _DAY, window.in_a_row):
            today = local_date(now, missing.zone, missing.day_start)
            for channel in missing.channels:
                await self._channel(channel, missing, window, tally, today)

    async def _channel(
        self,
        channel: PointChannelId,
        held: HeldDays,
        window: BillWindow,
        tally: EstimateTally,
        today: date | None = None,
    ) -> None:
        """Estimate what is missing of a channel in days of a bill.

        Args:
            channel: Whose days.
            held: The days.
            window: How many bills in a row may have estimates.
            tally: What was done is added to it.
            today: Where the policy of the channel's class says how long they wait.
        """
        try:
            now = self._clock()  # a night may take longer than a transaction
            async with self._store.transaction() as work:
                locked = (await work.lock([channel]))[channel]
                in_force = await work.policies_in_force([channel], held.days)
                policy = in_force.policy(locked.channel, held.days.first)
                days = held.days if today is None else _overdue(held.days, policy, today)
                if days is None:
                    return
                gap = await _gap_of(work, channel, days)
                # What no tariff reads keeps no bill waiting, and nobody is sent to read it.
                reads = await is_read(work, locked.channel, days) if gap.missing else False
                if not reads and (today is None or not gap.missing):
                    return
                reason = f"{held.estimated_before} bills in a row were estimated already."
                estimated: Sequence[EstimatedDay] = ()
                if held.estimated_before < window.in_a_row:
                    reason = "No estimator of its class may say what is missing."
                    estimated = await self._estimate(work, locked, gap, policy)
                await keep_estimates(work, estimated, now)
                tally.days += len(estimated)
                done = {day.block.day for day in estimated}
                left = [block for block in gap.missing if block.day not in done]
                if left and reads:
                    finding = field_order(left[0], reason, days.end)
                    order = {ChannelDay(channel, left[0].day): (finding,)}
                    tally.orders += await work.raise_findings(order, now)
        except NOBODYS:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one channel does, others go on
            tally.failed += 1
            _log.error("gap_not_estimated", channel=channel, error=error_text(error))

    async def _estimate(
        self, work: ValidationTransaction, locked: LockedChannel, gap: _HeldGap, policy: Policy
    ) -> list[EstimatedDay]:
        basis = await grounds(work, locked.channel, gap.span, self._thresholds, policy)
        open_days = set(gap.open_days)
        blocks = [
            without_estimates(block) if block.day in open_days else block for block in gap.span
        ]
        spanned = {block.day: block for block in gap.span}
        return [
            day
            for day in estimate_days(
                blocks, basis.metered, basis.history, basis.holidays, basis.allowed
            )
            if day.block.day in open_days
            and day.block.sha256 != spanned[day.block.day].sha256
            and (day.block.day < gap.end or _is_anchored(day))
        ]


def _overdue(days: DayRange, policy: Policy, today: date) -> DayRange | None:
    """The first of missing days, which wait for as long as the policy lets them."""
    if not policy.estimate_after_days:
        return None
    end = min(days.end, today - timedelta(days=policy.estimate_after_days) + _DAY)
    return DayRange(days.first, end) if days.first < end else None


@dataclass(frozen=True, slots=True)
class _HeldGap:
    """Days of a held bill with gaps, and those on either side that a gap reaches into.

    Args:
        span: Blocks from the first such day to the last, with those between that are complete.
        open_days: The days that may be estimated: with gaps, and not of an earlier bill. What was
            estimated of them on an earlier night is taken back, so that registers that came since
            count.
        end: The day after the bill's last.
    """

    span: tuple[DayBlock, ...]
    open_days: tuple[date, ...]
    end: date

    @property
    def missing(self) -> list[DayBlock]:
        """The bill's days that have missing intervals."""
        days = set(self.open_days)
        return [b for b in self.span if b.missing and b.day in days and b.day < self.end]


async def _gap_of(work: ValidationTransaction, channel: PointChannelId, days: DayRange) -> _HeldGap:
    reach = days.first - _BEYOND, days.end + _BEYOND
    around = await work.days_of(channel, *reach)
    # Nobody read nothing there: what is billed for such days, somebody has to say.
    unknown = await work.without_meter(channel, *reach)
    incomplete = {block.day for block in around if is_open(block)} - unknown
    inside = [day for day in sorted(incomplete) if days.first <= day < days.end]
    if not inside:
        return _HeldGap((), (), days.end)
    first, last = inside[0], inside[-1]
    if first == days.first:
        while first - _DAY in incomplete:
            first -= _DAY
    if last == days.last:
        while last + _DAY in incomplete:
            last += _DAY
    span = tuple(block for block in around if first <= block.day <= last)
    edited = await edited_days(work, [block for block in span if block.day in incomplete])
    open_days = tuple(
        block.day for block in span if block.day in incomplete - edited and block.day >= days.first
    )
    return _HeldGap(span, open_days, days.end)


def _is_anchored(day: EstimatedDay) -> bool:
    """Whether registers stand at both ends, so that later days have their share already."""
    return '"registers": []' not in day.evidence

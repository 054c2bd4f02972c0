"""Validate the days of many channels so that none of them stops another.

All are done at once where that goes. Where it does not, halves of them are, until a channel stands
alone; its days are then done one by one, and one that fails gets a finding that holds its bill.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import structlog

from central.domain.vee.day import Thresholds
from central.domain.vee.notices import VALIDATION_FAILED
from central.service.halved import NOBODYS, FailedItem, error_text, halved
from central.service.ports.validation import (
    ChannelDay,
    LockedChannel,
    PointChannelId,
    ValidationTransaction,
)
from central.service.validation.judge_days import judge_days
from central.service.validation.tally import Tally
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import Interval

Plan = Callable[[LockedChannel], Sequence[date]]
"""The days of a channel that are to be validated, ascending."""

_log = structlog.get_logger(__name__)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DaysDone:
    """The result for a channel.

    Args:
        days: Those that were validated, ascending.
        channel: As it was locked; None where it could not be read.
        failed: The first day that could not be validated.
    """

    days: tuple[date, ...]
    channel: LockedChannel | None = None
    failed: date | None = None


class ValidateEach:
    """Validates days of channels in one transaction.

    Args:
        work: The transaction.
        limits: Where rules draw their lines.
        now: When.
        in_order: Whether the days after one that fails have to wait for it.
    """

    def __init__(
        self, work: ValidationTransaction, limits: Thresholds, now: datetime, *, in_order: bool
    ) -> None:
        self._work = work
        self._limits = limits
        self._now = now
        self._in_order = in_order

    async def __call__(
        self, channels: Collection[PointChannelId], plan: Plan
    ) -> tuple[Tally, dict[PointChannelId, DaysDone]]:
        """Validate the days of channels.

        Args:
            channels: Which.
            plan: Tells the days of each; it may be asked more than once.

        Raises:
            StoreUnavailableError: It is nobody's fault.
            StoreUnfitError: Likewise.
        """
        total = Tally()
        done: dict[PointChannelId, DaysDone] = {}

        async def together(
            part: Sequence[PointChannelId],
        ) -> tuple[Tally, dict[PointChannelId, DaysDone]]:
            async with self._work.part():
                locked = await self._work.lock(part)
                days = {key: tuple(plan(one)) for key, one in locked.items()}
                tally = await judge_days(self._work, locked, days, self._limits, self._now)
            return tally, {key: DaysDone(days[key], one) for key, one in locked.items()}

        async for made in halved(sorted(channels), together):
            if isinstance(made, FailedItem):
                tally, done[made.item] = await self._alone(made.item, plan)
            else:
                tally, found = made
                done |= found
            total += tally
        return total, done

    async def _alone(self, key: PointChannelId, plan: Plan) -> tuple[Tally, DaysDone]:
        locked = None
        try:
            async with self._work.part():
                locked = (await self._work.lock([key]))[key]
            days = plan(locked)
        except NOBODYS:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one channel does, others go on
            today = self._now.date()
            closed = locked.closed_through if locked is not None else None
            day = today if closed is None else closed + _DAY
            return await self._name(key, locked, day, error), DaysDone((), locked, day)
        return await self._one_by_one(key, locked, days)

    async def _one_by_one(
        self, key: PointChannelId, locked: LockedChannel, days: Sequence[date]
    ) -> tuple[Tally, DaysDone]:
        total, validated, failed = Tally(), [], None
        for day in days:
            try:
                async with self._work.part():
                    total += await judge_days(
                        self._work, {key: locked}, {key: [day]}, self._limits, self._now
                    )
            except NOBODYS:
                raise
            except Exception as error:  # noqa: BLE001 - likewise
                total += await self._name(key, locked, day, error)
                failed = failed or day
                if self._in_order:
                    break
            else:
                validated.append(day)
        return total, DaysDone(tuple(validated), locked, failed)

    async def _name(
        self, key: PointChannelId, locked: LockedChannel | None, day: date, error: Exception
    ) -> Tally:
        """Raise the finding of a day that cannot be validated; it closes once the day can."""
        text = error_text(error)
        _log.error("day_not_validated", channel=key, day=str(day), error=text)
        message = "The day could not be validated; it is tried again."
        finding = VALIDATION_FAILED.finding(_interval(day, locked), message, {"error": text})
        found = {ChannelDay(key, day): (finding,)}
        return Tally(findings=await self._work.settle_findings(found, self._now))


def _interval(day: date, locked: LockedChannel | None) -> Interval:
    """A local day; in UTC where its zone is not known."""
    try:
        if locked is not None:
            return locked.channel.local_day(day)
    except InvalidValueError:
        pass
    start = datetime.combine(day, time(), UTC)
    return Interval(start, start + _DAY)

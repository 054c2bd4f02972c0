"""Keep the prices and factors that tariffs name: idempotent, and corrected only with a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from central.domain.actor import Actor
from central.domain.rating.inputs.price_days import PriceDay, split_days
from central.domain.rating.inputs.price_series import PriceSeries
from central.service.ports.concerned_bills import ConcernedBills
from central.service.ports.series import SeriesConflictError, SeriesStore

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class KeptSeries:
    """What became of the days of a series.

    Args:
        added: Days of which nothing was known.
        completed: Days that have numbers more.
        corrected: Days in which a number changed.
        unchanged: Days that say what they said.
        concerned: Issued bills whose days a correction reaches into.
    """

    added: int = 0
    completed: int = 0
    corrected: int = 0
    unchanged: int = 0
    concerned: ConcernedBills = field(default_factory=ConcernedBills)


async def keep_series(
    store: SeriesStore,
    series: PriceSeries,
    actor: Actor,
    *,
    reason: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> KeptSeries:
    """Keep a series: all of it or nothing, and twice is once.

    Args:
        store: Where series are kept.
        series: What is given; what it does not say stays.
        actor: Who says so.
        reason: Why known numbers change.
        clock: Now, aware.

    Raises:
        InvalidValueError: Its steps do not fall into UTC days.
        SeriesConflictError: A known number would change without a reason; nothing was kept.
        StoreUnavailableError: Try again.
    """
    given = list(split_days(series))
    if not given:
        return KeptSeries()
    bills = ConcernedBills()
    async with store.transaction() as kept:
        await kept.hold(series.name)
        known = {
            one.day: one
            for one in await kept.newest(
                [series.name], given[0].day, given[-1].day + timedelta(days=1)
            )
        }
        wrong = [one for one in given if one.day in known and known[one.day].contradicts(one)]
        if wrong and reason is None:
            raise _conflict(wrong[0])
        new = [one for one in given if one.day not in known]
        again = [(known[one.day], one) for one in given if one.day in known]
        changed = [after for before, one in again if (after := before.completed(one)) is not before]
        if new or changed:
            await kept.add([*new, *changed], actor, reason, clock())
        if wrong:
            # A local day may begin on the UTC day before and end on the one after.
            first, last = min(day.day for day in wrong), max(day.day for day in wrong)
            bills = await kept.concerned(series.name, first - _DAY, last + 2 * _DAY)
    return KeptSeries(
        added=len(new),
        completed=len(changed) - len(wrong),
        corrected=len(wrong),
        unchanged=len(again) - len(changed),
        concerned=bills,
    )


def _conflict(day: PriceDay) -> SeriesConflictError:
    message = f"{day.name} already has different numbers on {day.day}."
    remedy = "Give a reason to replace them; earlier bills keep their numbers."
    return SeriesConflictError(message, value=day.day, remedy=remedy)

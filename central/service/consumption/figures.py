"""What channels, accounts, groups and tariffs use, by interval, hour, day and month, until now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from central.domain.consumption.load_profile import HOUR_S
from central.domain.consumption.step_totals import LoadTotal, StepTotals
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.input_series import billing_scale
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rounding import printed
from central.service.consumption.loads import (
    Loads,
    LoadUnit,
    of_block,
    of_sum,
    zone_of,
)
from central.service.ports.consumption import ChannelSpan, ConsumptionStore, LoadOf
from central.service.ports.validation import ValidationStore
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import day_start
from firmware_bridge.contract.obis import ACTIVE_IMPORT, Obis

STEPS_MOST = 40_000
"""How many rows are answered at once."""

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class ConsumptionBy(StrEnum):
    """What a row is of."""

    INTERVAL = "interval"
    """The longest interval of the channels, an hour at most."""
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"

    @property
    def of_days(self) -> bool:
        """Whether it is made of whole local days."""
        return self in {ConsumptionBy.DAY, ConsumptionBy.MONTH}


@dataclass(frozen=True, slots=True)
class Consumption:
    """What was used.

    Args:
        unit: Of the totals; "" where nothing was counted.
        by: What a row is of.
        totals: By where a step begins: local day, month, or UTC instant; ascending.
        left_out: Channels whose intervals are longer than a step.
    """

    unit: str
    by: ConsumptionBy
    totals: Mapping[str, LoadTotal]
    left_out: int = 0

    def rows(self) -> list[dict[str, Any]]:
        """As rows of a table; numbers as strings, exact."""
        return [
            {
                "from": name,
                "consumption": str(printed(total.total)),
                "unit": self.unit,
                "channels": total.channels,
                "missing": total.missing,
                "estimated": total.estimated,
            }
            for name, total in self.totals.items()
        ]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"by": self.by.value, "left_out": self.left_out, "rows": self.rows()}


class ConsumptionFigures:
    """The use-case. It reads, and keeps nothing.

    Args:
        store: Where validated days are.
        validation: Where readings are.
        clock: Now, aware.
    """

    def __init__(
        self,
        store: ConsumptionStore,
        validation: ValidationStore,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.loads = Loads(store, validation)
        self.clock = clock

    async def __call__(
        self,
        of: LoadOf,
        subject: str,
        days: DayRange,
        by: ConsumptionBy = ConsumptionBy.DAY,
        obis: Obis = ACTIVE_IMPORT,
    ) -> Consumption:
        """What was used on some days.

        Args:
            of: Whose.
            subject: Its name or number.
            days: Local.
            by: What a row is of.
            obis: What is counted.

        Raises:
            InvalidValueError: There are too many days or rows.
            MixedUnitsError: The channels count in several units.
            NotRegisteredError: There is none of that name.
        """
        spans = await self.loads.spans(of, subject, days, [obis])
        (shown,) = await self.side_by_side([spans], days, by)
        return shown

    async def side_by_side(
        self, sets: Sequence[Sequence[ChannelSpan]], days: DayRange, by: ConsumptionBy
    ) -> list[Consumption]:
        """What several sets of spans come to, each by itself, in the same steps of time.

        Raises:
            InvalidValueError: There would be too many rows.
            MixedUnitsError: The channels count in several units.
        """
        unit = LoadUnit()
        if by.of_days:
            return [await self._by_days(spans, by, unit) for spans in sets]
        zone = zone_of([span for spans in sets for span in spans])
        begin = day_start(days.first - _DAY, zone)
        end = day_start(days.end + _DAY, zone)
        summed = [
            await self._steps(spans, (begin, end), unit, whole_hours=by is ConsumptionBy.HOUR)
            for spans in sets
        ]
        step_s = max((each.step_s for each in summed), default=HOUR_S)
        return [
            Consumption(
                unit.name if each.totals else "",
                by,
                {
                    at.astimezone(UTC).isoformat(): total
                    for at, total in _joined({each.step_s: each.totals}, step_s, begin)
                },
                each.left_out,
            )
            for each in summed
        ]

    async def _by_days(
        self, spans: Sequence[ChannelSpan], by: ConsumptionBy, unit: LoadUnit
    ) -> Consumption:
        at = self.clock()
        sums: dict[date, LoadTotal] = {}
        for day in await self.loads.day_sums([(0, span) for span in spans]):
            if day.day is not None:
                unit.require(day.unit)
                sums.setdefault(day.day, LoadTotal()).add_channels(of_sum(day))
        async for block in self.loads.opened(spans, at):
            total = of_block(block, at)
            if total.channels:
                unit.require(block.unit)
                sums.setdefault(block.day, LoadTotal()).add_channels(total)
        length = 7 if by is ConsumptionBy.MONTH else 10
        totals: dict[str, LoadTotal] = {}
        for local, total in sorted(sums.items()):
            totals.setdefault(local.isoformat()[:length], LoadTotal()).add_time(total)
        return Consumption(unit.name, by, totals)

    async def steps(self, spans: Sequence[ChannelSpan], days: DayRange) -> SummedSteps:
        """Sums by the longest interval of spans that is an hour or shorter.

        Raises:
            InvalidValueError: There would be too many steps.
            MixedUnitsError: The channels count in several units.
        """
        zone = zone_of(spans)
        edges = day_start(days.first - _DAY, zone), day_start(days.end + _DAY, zone)
        return await self._steps(spans, edges, LoadUnit(), whole_hours=False)

    async def _steps(
        self,
        spans: Sequence[ChannelSpan],
        edges: tuple[datetime, datetime],
        unit: LoadUnit,
        *,
        whole_hours: bool,
    ) -> SummedSteps:
        at = self.clock()
        begin, end = edges
        of_period: dict[int, StepTotals] = {}
        long: set[int] = set()

        def add(block: DayBlock) -> None:
            if block.period_s > HOUR_S:
                long.add(block.channel_id)
                return
            unit.require(block.unit)
            step_s = HOUR_S if whole_hours else block.period_s
            if step_s not in of_period:
                if (end - begin) // _SECOND // step_s > STEPS_MOST:
                    message = f"That would be more than {STEPS_MOST} steps of {step_s} s."
                    remedy = "Ask for fewer days, or longer steps."
                    raise InvalidValueError(message, value=step_s, remedy=remedy)
                of_period[step_s] = StepTotals(begin, end, step_s)
            of_period[step_s].add(block, billing_scale(block), at)

        async for block in self.loads.closed(spans):
            add(block)
        async for block in self.loads.opened(spans, at):
            add(block)
        step_s = max(of_period, default=HOUR_S)
        joined = _joined(of_period, step_s, begin)
        return SummedSteps(unit.name if joined else "", step_s, joined, len(long))


@dataclass(frozen=True, slots=True)
class SummedSteps:
    """Sums by step of time.

    Args:
        unit: Of the totals.
        step_s: Length of a step. [s]
        totals: Where each begins, and what it came to; ascending.
        left_out: Channels whose intervals are longer than an hour.
    """

    unit: str
    step_s: int
    totals: Sequence[tuple[datetime, LoadTotal]]
    left_out: int


def _joined(
    of_period: Mapping[int, Iterable[tuple[datetime, LoadTotal]]], step_s: int, begin: datetime
) -> list[tuple[datetime, LoadTotal]]:
    """Steps of several lengths as steps of the longest."""
    totals: dict[datetime, LoadTotal] = {}
    for steps in of_period.values():
        of_steps: dict[datetime, LoadTotal] = {}
        for at, total in steps:
            start = begin + (at - begin) // (step_s * _SECOND) * step_s * _SECOND
            of_steps.setdefault(start, LoadTotal()).add_time(total)
        for start, total in of_steps.items():
            totals.setdefault(start, LoadTotal()).add_channels(total)
    return sorted(totals.items(), key=lambda pair: pair[0])

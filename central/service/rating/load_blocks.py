"""A load as day blocks, month by month: equal steps from a local start.

The load is in kW averaged over the step or in kWh. With a generation series, use and generation are
netted in each step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from central.domain.billing.cycle import Cycle
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.segments import DayRange
from central.service.rating.load_csv import LoadCsvError
from firmware_bridge.contract.interval import MIDNIGHT, day_start, local_day
from firmware_bridge.contract.quantity import Unit

_NAIVE_YEAR = 2018  # 365 days, 1 January is a Monday: the reference's year
_INT64_MAX = 2**63 - 1
_FINEST = -12
_LAST_YEAR = 9900  # Later days would not fit a date.


@dataclass(frozen=True, slots=True)
class RatingRequest:
    """How to read the load and price it.

    Args:
        start: Local start of the first step, without zone.
        step_minutes: Length of a step.
        zone: IANA zone of the load and the tariff.
        unit: `kW` averaged over the step, or `kWh` of the step.
        netting: Net use and generation in each step; else they are metered apart.
        naive: The reference's calendar: every year has 365 days and starts on a Monday, no
            daylight saving, no holidays, a price per day is one per month of 365/12 days.
        rounded: Round lines to the currency's digits.
    """

    start: datetime
    step_minutes: int
    zone: str
    unit: Literal["kW", "kWh"] = "kW"
    netting: bool = True
    naive: bool = False
    rounded: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class MeteredMonth:
    """A month of a load, ready to be priced under any tariff.

    Args:
        name: As 2018-01.
        days: Those of the load in it.
        blocks: By input.
    """

    name: str
    days: DayRange
    blocks: Mapping[str, Sequence[DayBlock]]


@lru_cache(maxsize=8)
def months_of(
    load: tuple[Decimal, ...],
    generation: tuple[Decimal, ...] | None,
    request: RatingRequest,
    zone: str,
    at: time,
) -> tuple[MeteredMonth, ...]:
    """The months of a load, kept: one load is often priced under many tariffs.

    Args:
        load: One value per step.
        generation: One value per step, in the same unit.
        request: How to read them.
        zone: Of the local days.
        at: When they begin.

    Raises:
        LoadCsvError: The load does not begin with a local day, or ends inside one.
    """
    series, exponent = _integers(load, generation, netting=request.netting)
    unit = Unit.WATT if request.unit == "kW" else Unit.WATT_HOUR
    step = timedelta(minutes=request.step_minutes)
    offset, months = 0, []
    for month, days in _calendar(request, len(load), zone, at):
        blocks: dict[str, list[DayBlock]] = {name: [] for name in series}
        for day in days.days():
            interval = local_day(day, zone, at)
            count, left = divmod(interval.duration, step)
            if left:
                message = (
                    f"{day} in {zone} is not a whole number of {request.step_minutes}-minute steps."
                )
                raise LoadCsvError(message, value=request.step_minutes)
            if not count:  # The zone left the day out (Samoa, 30 December 2011).
                continue
            good = np.zeros(count, dtype=np.uint8)
            for channel, name in enumerate(series, start=1):
                blocks[name].append(
                    DayBlock(
                        channel_id=channel,
                        day=day,
                        zone=zone,
                        start=interval.start,
                        period_s=request.step_minutes * 60,
                        exponent=exponent,
                        unit=unit,
                        values=series[name][offset : offset + count],
                        quality=good,
                    )
                )
            offset += count
        months.append(MeteredMonth(month, days, blocks))
    return tuple(months)


def _integers(
    load: tuple[Decimal, ...], generation: tuple[Decimal, ...] | None, *, netting: bool
) -> tuple[dict[str, NDArray[np.int64]], int]:
    """Import and export as integers of one exponent; netted per step where there is generation."""
    every = (*load, *(generation or ()))
    exponents = {value.as_tuple().exponent for value in every}
    exponent = min(0, *(found for found in exponents if isinstance(found, int)))
    highest = max(abs(max(every)), abs(min(every)))
    if 2 * highest.scaleb(-exponent) > _INT64_MAX:
        # Digits beyond a billionth of a watt are noise of whatever wrote the file.
        exponent = _FINEST
    scaled = [round(value.scaleb(-exponent)) for value in load]
    made = [round(value.scaleb(-exponent)) for value in generation or ()]
    if generation is not None and not netting:
        apart = {"import": np.array(scaled, np.int64), "export": np.array(made, np.int64)}
        return apart, exponent + 3
    if generation is not None:
        scaled = [use - own for use, own in zip(scaled, made, strict=True)]
    net = np.array(scaled, dtype=np.int64)
    if generation is None:
        return {"import": net, "export": np.zeros_like(net)}, exponent + 3
    return {"import": np.maximum(net, 0), "export": np.maximum(-net, 0)}, exponent + 3


def _calendar(
    request: RatingRequest, count: int, zone: str, at: time
) -> Iterator[tuple[str, DayRange]]:
    step = timedelta(minutes=request.step_minutes)
    first = request.start.date()
    if not 1 < first.year < _LAST_YEAR:
        message = f"The load starts in the year {first.year}."
        raise LoadCsvError(message, value=request.start)
    if request.naive:
        yield from _naive_calendar(first, count, step)
        return
    begin = request.start.replace(tzinfo=ZoneInfo(zone))
    if begin != day_start(first, zone, at):
        when = "a local midnight" if at == MIDNIGHT else f"{at:%H:%M}"
        message = f"The load starts at {request.start}, which is not {when} in {zone}."
        raise LoadCsvError(message, value=request.start)
    end_instant = day_start(first, zone, at) + count * step
    end = end_instant.astimezone(ZoneInfo(zone)).date()
    if day_start(end, zone, at) != end_instant:
        message = f"The load ends at {end_instant.isoformat()}, inside a local day."
        raise LoadCsvError(message, value=count)
    while first < end:
        cycle = Cycle(first.year, first.month)
        days = DayRange(first, min(end, cycle.days.end))
        yield str(cycle), days
        first = days.end


def _naive_calendar(first: date, count: int, step: timedelta) -> Iterator[tuple[str, DayRange]]:
    """The months of whole reference years, each laid on the same year of 365 days."""
    if (first.month, first.day) != (1, 1):
        message = "With the reference's calendar, the load starts on 1 January."
        raise LoadCsvError(message, value=first)
    per_day = timedelta(days=1) // step
    days, left = divmod(count, per_day)
    if left:
        message = "The load ends inside a day."
        raise LoadCsvError(message, value=count)
    year = first.year
    while days > 0:
        cycle = Cycle(_NAIVE_YEAR, 1)
        while days > 0 and cycle.year == _NAIVE_YEAR:
            length = min(days, cycle.days.count)
            begin = cycle.days.first
            yield f"{year}-{cycle.month:02}", DayRange(begin, begin + timedelta(days=length))
            days -= length
            cycle = cycle.next
        year += 1

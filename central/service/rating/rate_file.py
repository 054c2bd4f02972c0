"""Price a load file under a tariff file, month by month: no database, no meter, one pure function.

The load is a series of equal steps from a local start, in kW averaged over the step or kWh. With a
generation series, use and generation are netted in each step.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from central.domain.billing.cycle import Cycle
from central.domain.metering.block import DayBlock, exact_sum
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.inputs.usage_event import Events
from central.domain.rating.rate import RatingOptions, rate
from central.domain.tariff.calendar_rules import CalendarRules
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.urdb.fields import is_urdb
from central.domain.tariff.urdb.importer import Imported, import_urdb, read_records
from central.domain.tariff.version import TariffVersion
from central.service.rating.load_csv import LoadCsvError
from central.service.rating.resolve_calendar import resolve_calendar
from firmware_bridge.contract.errors import OperatorError
from firmware_bridge.contract.interval import MIDNIGHT, day_start, local_day
from firmware_bridge.contract.quantity import Unit

_NAIVE_YEAR = 2018  # 365 days, 1 January is a Monday: the reference's year
_INT64_MAX = 2**63 - 1
_FINEST = -12
_LAST_YEAR = 9900  # Later days would not fit a date.


class RatingHeldError(OperatorError):
    """A month cannot be priced."""

    code = "RATING_HELD"
    default_remedy = "Mend what holds the month, then rate it again."

    def __init__(self, month: str, holds: Sequence[Hold]) -> None:
        self.holds = tuple(holds)
        reasons = " ".join(hold.message for hold in holds)
        super().__init__(f"{month} cannot be priced: {reasons}", value=month)


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


@dataclass(frozen=True, slots=True)
class PricedMonth:
    """One priced month.

    Args:
        month: As 2018-01.
        kwh: Energy taken. [kWh]
        peak_kw: Largest average power of a step. [kW]
        rated: Lines and determinants.
        blocks: What was rated, to explain lines from.
    """

    month: str
    kwh: Fraction
    peak_kw: Fraction
    rated: Rated
    blocks: Mapping[str, Sequence[DayBlock]]


def read_tariff(  # noqa: PLR0913 - which record, and how to read it
    text: str,
    file: str,
    *,
    record: int = 0,
    zone: str,
    reference: bool = False,
    generation: bool = False,
    step_minutes: int | None = None,
) -> tuple[TariffDocument, Imported | None]:
    """A tariff document from native text, or from a record of a URDB file.

    Args:
        text: Of the file.
        file: Its name, for findings.
        record: Number of a URDB record, from 0; a native file holds one tariff, number 0.
        zone: IANA zone that takes the place of the tariff's own.
        reference: Leave out of a URDB record what the reference ignores.
        generation: Whether the customer generates.
        step_minutes: Of the load that is to be priced.

    Raises:
        TariffRefusedError: It is refused.
        LoadCsvError: The file has no such record.
    """
    if not is_urdb(_json_of(text)):
        if record:
            message = f"{file} has one tariff, so record {record} does not exist."
            raise LoadCsvError(message, value=record)
        return replace(load_tariff(text, file=file), zone=zone), None
    records = read_records(text, file)
    if not 0 <= record < len(records):
        message = f"{file} has {len(records)} records, so record {record} does not exist."
        raise LoadCsvError(message, value=record)
    imported = import_urdb(
        records[record],
        file=file,
        zone=zone,
        reference=reference,
        generation=generation,
        step_minutes=step_minutes,
    )
    return imported.document, imported


def _json_of(text: str) -> object:
    """The value of a text that is JSON, or JSON in a JSON string; None for any other text."""
    value: object = text
    while isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value


def rate_months(  # noqa: PLR0913 - what a bill depends on
    document: TariffDocument,
    load: Sequence[Decimal],
    request: RatingRequest,
    *,
    generation: Sequence[Decimal] | None = None,
    facts: AgreementFacts | None = None,
    opening: CarriedState | None = None,
    prices: Sequence[PriceSeries] = (),
    events: Events | None = None,
) -> Iterator[PricedMonth]:
    """Price a load month by month; what one month leaves opens the next.

    Args:
        document: In force for the whole load.
        load: One value per step.
        request: How to read them.
        generation: One value per step, in the same unit.
        facts: Of the agreement.
        opening: Before the first month.
        prices: Price series that the tariff names.
        events: Stream to events, all there were; None if they were not asked for.

    Raises:
        LoadCsvError: The series does not begin at a local midnight, or ends inside a day.
        RatingHeldError: A month cannot be priced.
    """
    zone = "UTC" if request.naive else request.zone
    document = replace(document, zone=zone, effective=date(1, 1, 1))
    if request.naive:
        document = replace(
            document,
            day_start=MIDNIGHT,
            cycle=replace(document.cycle, daily="month"),
            calendar=_without_holidays(document.calendar),
        )
    version = TariffVersion.of(document)
    state = opening or CarriedState()
    options = RatingOptions(rounded=request.rounded)
    back = timedelta(days=document.looks_back_days)
    # A file of events is all there was, so a stream that is not in it had none.
    given = (
        {} if events is None else {name: events.get(name, ()) for name in document.given_streams}
    )
    seen: dict[str, list[DayBlock]] = {}
    made = None if generation is None else tuple(generation)
    for one in _months(tuple(load), made, replace(request, rounded=True), zone, document.day_start):
        days = one.days
        if back:
            seen = {name: [*seen.get(name, ()), *own] for name, own in one.blocks.items()}
        resolved = resolve_calendar([document], (days.first - back).year, days.end.year)
        whole = Cycle(days.first.year, days.first.month).period
        rated = rate(
            seen or one.blocks,
            facts or AgreementFacts(),
            [version],
            resolved,
            days,
            period=whole,
            opening=state,
            prices=prices,
            events=given,
            options=options,
        )
        if rated.holds:
            raise RatingHeldError(one.label, rated.holds)
        state = rated.closing
        yield PricedMonth(one.label, one.kwh, one.peak_kw, rated, one.blocks)


def _without_holidays(rules: CalendarRules) -> CalendarRules:
    """Day types keep their names; none of them matches a holiday."""
    days = tuple(replace(kind, holidays=False) for kind in rules.days)
    return replace(rules, holidays=None, days=days)


@dataclass(frozen=True, slots=True, eq=False)
class _Metered:
    """A month of a load, ready to be priced under any tariff."""

    label: str
    days: DayRange
    kwh: Fraction
    peak_kw: Fraction
    blocks: Mapping[str, Sequence[DayBlock]]


def _total(blocks: Sequence[DayBlock]) -> tuple[Fraction, Fraction]:
    first = blocks[0]
    hours = Fraction(first.period_s, 3600)
    scale = Fraction(10) ** (first.exponent - 3)
    power = scale if first.unit is Unit.WATT else scale / hours
    values = np.concatenate([block.values for block in blocks])
    return exact_sum(values) * power * hours, int(values.max()) * power


@lru_cache(maxsize=8)
def _months(
    load: tuple[Decimal, ...],
    generation: tuple[Decimal, ...] | None,
    request: RatingRequest,
    zone: str,
    at: time,
) -> tuple[_Metered, ...]:
    """The months of a load, kept: one load is often priced under many tariffs."""
    series, exponent = _integers(load, generation, netting=request.netting)
    unit = Unit.WATT if request.unit == "kW" else Unit.WATT_HOUR
    step = timedelta(minutes=request.step_minutes)
    offset, found = 0, []
    for label, days in _calendar(request, len(load), zone, at):
        blocks: dict[str, list[DayBlock]] = {name: [] for name in series}
        for day in days.days():
            interval = local_day(day, zone, at)
            count, left = divmod(interval.duration, step)
            if left:
                message = (
                    f"{day} in {zone} is not a whole number of {request.step_minutes}-minute steps."
                )
                raise LoadCsvError(message, value=request.step_minutes)
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
        found.append(_Metered(label, days, *_total(blocks["import"]), blocks))
    return tuple(found)


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

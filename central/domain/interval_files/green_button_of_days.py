"""The days of channels as a Green Button (ESPI) file of our own, for a customer to download.

Codes are those of the "Energy Services Provider Interface" (NAESB REQ.21): units, qualities, and
the rules of daylight saving time, which are packed into 32 bits.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from central.domain.currency import number_of
from central.domain.interval_files.green_button import (
    BlockEntry,
    EspiReadings,
    FeedEntry,
    Fields,
    GreenButtonFile,
    IntervalBlock,
    IntervalReading,
    Resource,
)
from central.domain.metering.block import DayBlock
from central.domain.metering.quality import IntervalQuality
from firmware_bridge.contract.obis import ACTIVE_EXPORT, NAMES, REACTIVE_EXPORT, Obis
from firmware_bridge.contract.quantity import Unit

_BASE: Final = "https://meterline.invalid/espi/1_1/resource"
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)
_LAST_OF_MONTH: Final = 7
_LITRE_EXPONENT: Final = -3
_UOM: Final = {
    Unit.WATT_HOUR: "72",
    Unit.VAR_HOUR: "73",
    Unit.VOLT_AMPERE_HOUR: "71",
    Unit.WATT: "38",
    Unit.VAR: "63",
    Unit.VOLT_AMPERE: "61",
    Unit.LITRE: "42",
}
_ENERGY, _POWER, _VOLUME = "12", "37", "58"
_KINDS: Final = {
    Unit.WATT: _POWER,
    Unit.VAR: _POWER,
    Unit.VOLT_AMPERE: _POWER,
    Unit.LITRE: _VOLUME,
}
# By the medium of the OBIS code: service of the usage point, and commodity of its readings.
_ELECTRICITY: Final = ("0", "1")
_MEDIA: Final = {7: ("1", "7"), 8: ("2", "9")}
_FORWARD, _REVERSE = "1", "19"
_RAW: Final = "14"
_QUALITIES: Final = {
    IntervalQuality.ACTUAL: "17",
    IntervalQuality.ESTIMATED_LINEAR: "9",
    IntervalQuality.ESTIMATED_LIKE_DAY: "8",
    IntervalQuality.ESTIMATED_PROFILE: "16",
    IntervalQuality.EDITED: "7",
    IntervalQuality.ESTIMATED_BY_METER: "16",
    IntervalQuality.POWER_FAILURE: "17",
}


class CountedDay(NamedTuple):
    """A day of a channel.

    Args:
        point: Name of its service point.
        obis: What it counts.
        block: Its intervals.
        closed: Whether it is validated; what is not may change.
    """

    point: str
    obis: Obis
    block: DayBlock
    closed: bool


@dataclass(frozen=True, slots=True)
class _Series:
    """Days that count the same in the same way."""

    point: str
    obis: Obis
    unit: Unit
    exponent: int
    period_s: int


def green_button_of(
    title: str, days: Iterable[CountedDay], currency: str, at: datetime
) -> GreenButtonFile:
    """The file of some days.

    Intervals without a value, and those that end after `at`, are not in it. What a meter counts in
    another unit than ESPI has is counted in `left_out`.

    Args:
        title: Whose it is.
        days: Of channels; one that counts otherwise from some day on becomes a second series.
        currency: ISO 4217; "" for none.
        at: Now. Aware.
    """
    series: dict[_Series, list[CountedDay]] = {}
    zones: dict[tuple[str, int], str] = {}
    left_out: set[tuple[str, Obis]] = set()
    for day in sorted(days, key=lambda each: (each.point, each.obis.code, each.block.start)):
        if day.block.unit not in _UOM:
            left_out.add((day.point, day.obis))
            continue
        zones.setdefault((day.point, day.obis.code[0]), day.block.zone)
        block = day.block
        key = _Series(day.point, day.obis, block.unit, block.exponent, block.period_s)
        series.setdefault(key, []).append(day)
    updated = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    numbers_of = {key: number for number, key in enumerate(zones, start=1)}
    clocks = {zone: number for number, zone in enumerate(dict.fromkeys(zones.values()), start=1)}
    points = [
        _point(key, number, clocks[zones[key]], updated) for key, number in numbers_of.items()
    ]
    times = [_clock(zone, number, at.year, updated) for zone, number in clocks.items()]
    readings = [
        _readings(key, of_series, (numbers_of[key.point, key.obis.code[0]], number), currency, at)
        for number, (key, of_series) in enumerate(series.items(), start=1)
    ]
    feed = _entry(f"feed {title}", title, [("self", f"{_BASE}/Batch")], updated)
    gone = (("channel", len(left_out)),) if left_out else ()
    return GreenButtonFile(feed, tuple(points), tuple(times), tuple(readings), gone)


def _entry(key: str, title: str, links: Sequence[tuple[str, str]], updated: str) -> FeedEntry:
    """An entry whose identifier is the same whenever it is asked for."""
    uid = uuid5(NAMESPACE_URL, f"{_BASE}/{key}")
    return FeedEntry(f"urn:uuid:{uid}", title, tuple(links), updated, updated)


def _point(key: tuple[str, int], number: int, clock: int, updated: str) -> Resource:
    name, medium = key
    address = f"{_BASE}/UsagePoint/{number}"
    links = [
        ("self", address),
        ("related", f"{address}/MeterReading"),
        ("related", f"{_BASE}/LocalTimeParameters/{clock}"),
    ]
    service = _MEDIA.get(medium, _ELECTRICITY)[0]
    entry = _entry(f"point {medium} {name}", name, links, updated)
    return Resource(entry, "UsagePoint", (("ServiceCategory/kind", service),))


def _clock(zone: str, number: int, year: int, updated: str) -> Resource:
    links = [("self", f"{_BASE}/LocalTimeParameters/{number}")]
    entry = _entry(f"clock {zone} {year}", zone, links, updated)
    return Resource(entry, "LocalTimeParameters", clock_of(zone, year))


def clock_of(zone: str, year: int) -> Fields:
    """How a zone's clock goes in a year: offset from UTC, and when it is put on and back.

    A zone without a change in the year, or with another number than two, says its offset alone.
    """
    name = ZoneInfo(zone)
    changes = list(_changes(name, year))
    offset = datetime(year, 1, 1, tzinfo=UTC).astimezone(name).utcoffset() or timedelta(0)
    on, back, saved = "00000000", "00000000", timedelta(0)
    if [ahead > timedelta(0) for _, ahead in changes] in ([True, False], [False, True]):
        offset = min(offset, *(_after(at, name) for at, _ in changes))
        for at, ahead in changes:
            rule = _rule(at.astimezone(UTC) + (_after(at, name) - ahead))
            if ahead > timedelta(0):
                on, saved = rule, ahead
            else:
                back = rule
    seconds = timedelta(seconds=1)
    return (
        ("dstEndRule", back),
        ("dstOffset", str(saved // seconds)),
        ("dstStartRule", on),
        ("tzOffset", str(offset // seconds)),
    )


def _after(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def _changes(zone: ZoneInfo, year: int) -> Iterator[tuple[datetime, timedelta]]:
    """The instants of a year in which the clock changes, with how much it is put on."""
    at = datetime(year, 1, 1, tzinfo=UTC)
    while at.year == year:
        ahead = _after(at + _DAY, zone) - _after(at, zone)
        if ahead:
            minute = at
            while _after(minute, zone) == _after(at, zone):
                minute += _MINUTE
            yield minute, ahead
        at += _DAY


def _rule(local: datetime) -> str:
    """The weekday of a month and the hour, as 32 bits: which one of the month, or the last."""
    last = local.day + 7 > monthrange(local.year, local.month)[1]
    which = _LAST_OF_MONTH if last else (local.day - 1) // 7 + 2
    bits = local.month << 28 | which << 25 | local.isoweekday() << 17 | local.hour << 12
    return f"{bits | local.minute * 60 + local.second:08X}"


def _readings(
    key: _Series,
    days: Sequence[CountedDay],
    numbers: tuple[int, int],
    currency: str,
    at: datetime,
) -> EspiReadings:
    point, number = numbers
    updated = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    kind = f"{_BASE}/ReadingType/{number}"
    up = f"{_BASE}/UsagePoint/{point}/MeterReading"
    blocks = f"{up}/{number}/IntervalBlock"
    title = NAMES.get(key.obis, str(key.obis))
    name = f"{key.point} {key.obis} {key.unit} {key.exponent} {key.period_s}"
    links = [("self", f"{up}/{number}"), ("up", up), ("related", blocks), ("related", kind)]
    entries = []
    for day in days:
        block = _block(day, at)
        if block.readings:
            address = f"{blocks}/{day.block.day}"
            entry = _entry(
                f"block {name} {day.block.day}",
                day.block.day.isoformat(),
                [("self", address), ("up", blocks)],
                updated,
            )
            entries.append(BlockEntry(entry, (block,)))
    return EspiReadings(
        _entry(f"readings {name}", title, links, updated),
        (),
        point - 1,
        _entry(f"type {name}", title, [("self", kind)], updated),
        _type(key, currency),
        tuple(entries),
    )


def _type(key: _Series, currency: str) -> Fields:
    """What kind of readings they are."""
    is_volume = key.unit is Unit.LITRE
    fields = {
        "accumulationBehaviour": "12" if _KINDS.get(key.unit) == _POWER else "4",
        "commodity": _MEDIA.get(key.obis.code[0], _ELECTRICITY)[1],
        "currency": number_of(currency),
        "flowDirection": _REVERSE if key.obis in {ACTIVE_EXPORT, REACTIVE_EXPORT} else _FORWARD,
        "intervalLength": str(key.period_s),
        "kind": _KINDS.get(key.unit, _ENERGY),
        "powerOfTenMultiplier": str(key.exponent + (_LITRE_EXPONENT if is_volume else 0)),
        "uom": _UOM[key.unit],
    }
    return tuple((name, text) for name, text in fields.items() if text)


def _block(day: CountedDay, at: datetime) -> IntervalBlock:
    block = day.block
    step = timedelta(seconds=block.period_s)
    over = max((at - block.start) // step, 0)
    begin = int(block.start.timestamp())
    readings = tuple(
        IntervalReading(
            begin + offset * block.period_s,
            block.period_s,
            value,
            None,
            (_QUALITIES[IntervalQuality(quality)] if day.closed or quality else _RAW,),
        )
        for offset, (value, quality) in enumerate(
            zip(block.values[:over].tolist(), block.quality[:over].tolist(), strict=True)
        )
        if quality != IntervalQuality.MISSING
    )
    return IntervalBlock(begin, len(block.values) * block.period_s, readings)

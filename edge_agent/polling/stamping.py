"""Puts times on live values: the meter's own where it is believed, else the gateway's.

A meter's own time is compared with the moment in which it came. A sampled value (a gas
meter's hourly one behind a P1 port) is rightly older than that: the clock that was sent with it is
judged in its place, and where that is wrong the value is as old as it said, by the gateway's clock.
No sampled value is later than that clock: the device behind the port that says so has a wrong one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from edge_agent.meter_clock import (
    ClockStanding,
    ClockTrack,
    ProfileLook,
    Trust,
    follow,
    step,
)
from edge_agent.register_events.state_machine import counts_up
from firmware_bridge.contract.event import EventKind, MeterEvent, Nameplate, Shown
from firmware_bridge.contract.reading import (
    AT_MAX_MS,
    Kind,
    Quality,
    Reading,
    TimeQuality,
    from_ms,
    to_ms,
)
from firmware_bridge.driver.interface import MeterIdentity, MeterValue

# What a centre takes.
OLDEST: Final = timedelta(days=3 * 365)
_LONGEST_OFF: Final = timedelta(days=20 * 365)
# Further from now no arithmetic on times is tried.
_MIN: Final = -OLDEST - timedelta(days=30)
_MAX: Final = _LONGEST_OFF
_AUTUMN: Final = timedelta(hours=1)
_MARK: Final = "clock\t"
_MARK_FIELDS: Final = 3
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class StampingTime:
    """What the gateway knows of the time at which values are stamped.

    Args:
        at: When they were taken, by its clock. Aware.
        quality: How far that is known.
        doubt: How far it may be off.
        floor: An instant that is known to have passed. Aware.
        monotonic: Now. [s]
        profile: How the clock of the meter's load profile stood by then, where it keeps one.
    """

    at: datetime
    quality: TimeQuality
    doubt: timedelta
    floor: datetime
    monotonic: float
    profile: ProfileLook | None = None

    @property
    def known(self) -> bool:
        """Whether meters' clocks can be judged by it."""
        return self.quality is not TimeQuality.UNSYNCHRONISED

    def received_at(self, value: MeterValue) -> datetime:
        """When a value came."""
        return self.at - timedelta(seconds=value.age_s)


@dataclass(frozen=True, slots=True)
class Stamped:
    """Values with their times; it counts once `MeterClocks.commit` has them.

    Args:
        readings: Those whose time is known.
        timeless: Those that wait for the gateway's clock.
        undated: Those whose time is unknown.
        events: What is to be sealed with the readings.
        tracks: What is remembered then.
        marks: To be written with them.
    """

    readings: list[Reading] = field(default_factory=list)
    timeless: list[Reading] = field(default_factory=list)
    undated: list[MeterValue] = field(default_factory=list)
    events: list[MeterEvent] = field(default_factory=list)
    tracks: dict[Nameplate, ClockTrack] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)


class MeterClocks:
    """The clocks of all meters of a gateway.

    Args:
        marks: As the buffer keeps them: the offset of each clock that is wrong, 0 once it is right.
            [ms]
    """

    def __init__(self, marks: Mapping[str, int]) -> None:
        self._tracks: dict[Nameplate, ClockTrack] = {}
        for name, offset_ms in marks.items():
            parts = name.split("\t")
            if name.startswith(_MARK) and len(parts) == _MARK_FIELDS and offset_ms:
                shift = timedelta(milliseconds=offset_ms)
                self._tracks[Nameplate(*parts[1:])] = ClockTrack(ClockStanding.WRONG, shift)

    def stamp(
        self,
        main: MeterIdentity,
        values: Sequence[MeterValue],
        period_s: int,
        trust: Trust,
        moment: StampingTime,
    ) -> Stamped:
        """Put times on the values of one read-out.

        Args:
            main: The device that answered; its clock is the one that sampled values name.
            values: What it and the devices behind it showed.
            period_s: How often they are read. [s]
            trust: As configured.
            moment: When, by the gateway's clock.
        """
        values = [_second_pass(value, trust, moment) for value in values]
        found = Stamped()
        events = self._judge(_offsets(main, values, moment), trust, moment, found)
        for value in values:
            track = self._track(found, main if value.sampled and value.meter_clock else value.meter)
            time = _time(value, track, trust, moment)
            if value.sampled and value.meter_clock is not None and not value.kept:
                behind = self._track(found, value.meter) if value.meter != main else None
                time = _not_of_the_future(value, time, behind, trust, moment)
            _put(value, period_s, time, found)
        for nameplate, (kind, meter_time) in events.items():
            if found.readings:
                found.events.append(_event(nameplate, kind, meter_time, found.readings))
            else:  # nothing to send it with: it is judged anew at the next read
                del found.tracks[nameplate], found.marks[clock_mark(nameplate)]
        return found

    def commit(self, tracks: Mapping[Nameplate, ClockTrack]) -> None:
        """The readings that showed them are committed."""
        self._tracks.update(tracks)

    def _track(self, found: Stamped, device: MeterIdentity) -> ClockTrack:
        nameplate = _nameplate(device)
        return found.tracks.get(nameplate) or self._tracks.get(nameplate, ClockTrack())

    def _judge(
        self,
        offsets: Mapping[Nameplate, tuple[timedelta, datetime]],
        trust: Trust,
        moment: StampingTime,
        found: Stamped,
    ) -> dict[Nameplate, tuple[EventKind, datetime]]:
        """What follows for each clock that was seen: its track, and the event with its own time."""
        events: dict[Nameplate, tuple[EventKind, datetime]] = {}
        for nameplate, (offset, meter_time) in offsets.items():
            track = self._tracks.get(nameplate, ClockTrack())
            if trust.use_gateway_time:
                found.tracks[nameplate] = replace(
                    follow(track, offset), standing=ClockStanding.RIGHT
                )
                if not track.believed:
                    found.marks[clock_mark(nameplate)] = 0
                continue
            limit = trust.tolerance + moment.doubt
            found.tracks[nameplate], kind = step(track, offset, limit, moment.monotonic)
            if kind is not None:
                wrong = kind is EventKind.CLOCK_WRONG
                events[nameplate] = (kind, meter_time)
                found.marks[clock_mark(nameplate)] = offset // _MILLISECOND if wrong else 0
        return events


def _put(
    value: MeterValue, period_s: int, time: tuple[datetime | None, TimeQuality], found: Stamped
) -> None:
    """File a value by what is known of its time."""
    at, quality = time
    if at is None:
        found.undated.append(value)
        return
    meter_time = at if quality is TimeQuality.METER else None
    reading = replace(value, meter_time=meter_time).reading(at, period_s, quality)
    waits = reading.time_quality is TimeQuality.UNSYNCHRONISED
    (found.timeless if waits else found.readings).append(reading)


def _time(
    value: MeterValue, track: ClockTrack, trust: Trust, moment: StampingTime
) -> tuple[datetime | None, TimeQuality]:
    """The time of a value and where it comes from; None if unknown."""
    meter_time = value.meter_time
    if meter_time is None:
        return moment.at, moment.quality
    if value.kept:
        return meter_time, TimeQuality.METER
    if value.sampled or value.kind is Kind.INTERVAL:
        return _sampled(value, meter_time, track, trust, moment)
    believed = track.believed and not trust.use_gateway_time
    if believed and (moment.known or _could_be(meter_time, trust, moment)):
        return meter_time, TimeQuality.METER
    return moment.received_at(value), moment.quality


def _sampled(
    value: MeterValue, meter_time: datetime, track: ClockTrack, trust: Trust, moment: StampingTime
) -> tuple[datetime | None, TimeQuality]:
    at, quality, clock = meter_time, TimeQuality.METER, value.meter_clock
    if clock is None:
        if moment.known and meter_time > moment.received_at(value) + trust.tolerance + moment.doubt:
            at, quality = moment.received_at(value), moment.quality
    elif trust.use_gateway_time or not track.believed:
        if not moment.known:
            return None, quality
        if not _MIN <= meter_time - moment.at - track.shift <= _MAX:
            return None, quality
        at, quality = meter_time - track.shift, moment.quality
    elif not moment.known and not _could_be(clock, trust, moment):
        return None, quality
    since = moment.at if moment.known else moment.floor
    return (at if since - OLDEST <= at <= since + _LONGEST_OFF else None), quality


def _not_of_the_future(
    value: MeterValue,
    time: tuple[datetime | None, TimeQuality],
    behind: ClockTrack | None,
    trust: Trust,
    moment: StampingTime,
) -> tuple[datetime | None, TimeQuality]:
    """The time of a sampled value, unless it was sampled later than the clock sent with it.

    Args:
        value: Sampled, and with that clock.
        time: As that clock has it.
        behind: How the clock of a device behind the port stands; None for the port's own meter,
            which contradicts itself then.
        trust: As configured.
        moment: When it was heard.
    """
    future = _ahead_of_clock(value) > trust.tolerance
    if behind is None:
        return (None, time[1]) if future else time
    if future or not behind.believed:
        return moment.received_at(value), moment.quality
    return time


def _ahead_of_clock(value: MeterValue) -> timedelta:
    """How far a sampled value is later than the clock that was sent with it; 0 where it is not."""
    if value.meter_time is None or value.meter_clock is None:
        return timedelta(0)
    return max(value.meter_time - value.meter_clock, timedelta(0))


def _could_be(meter_time: datetime, trust: Trust, moment: StampingTime) -> bool:
    """Whether a clock may be right, as far as one can tell without knowing what time it is."""
    return moment.floor - trust.absurd <= meter_time <= moment.floor + _LONGEST_OFF


def _second_pass(value: MeterValue, trust: Trust, moment: StampingTime) -> MeterValue:
    """The hour that autumn repeats, told by a clock without zone: the gateway knows which it is.

    Such a time is read as that of the first pass, and the value as suspect.
    """
    meter_time = value.meter_time
    if (
        meter_time is None
        or value.sampled
        or value.quality is not Quality.SUSPECT
        or not moment.known
    ):
        return value
    ahead = meter_time - moment.received_at(value) + _AUTUMN
    if abs(ahead) <= trust.tolerance + moment.doubt:
        return replace(value, meter_time=meter_time + _AUTUMN)
    return value


def _offsets(
    main: MeterIdentity, values: Sequence[MeterValue], moment: StampingTime
) -> dict[Nameplate, tuple[timedelta, datetime]]:
    """How far each clock is ahead of the gateway's, at worst, and what it showed."""
    found: dict[Nameplate, tuple[timedelta, datetime]] = {}
    if not moment.known:
        return found
    if (look := moment.profile) is not None:
        found[_nameplate(look.device)] = (look.offset, look.own)
    for value in values:
        meter_time, owner, sampled = value.meter_time, value.meter, value.sampled
        if meter_time is None or value.kept:
            continue
        seen = []
        if sampled and value.meter_clock is not None and owner != main:
            seen.append((_nameplate(owner), _ahead_of_clock(value), meter_time))
        if sampled or value.kind is Kind.INTERVAL:
            meter_time, owner = value.meter_clock, main
        if meter_time is not None:
            seen.append((_nameplate(owner), meter_time - moment.received_at(value), meter_time))
        for nameplate, offset, time in seen:
            if nameplate not in found or abs(offset) > abs(found[nameplate][0]):
                found[nameplate] = (offset, time)
    return found


def _event(
    nameplate: Nameplate, kind: EventKind, meter_time: datetime, readings: Sequence[Reading]
) -> MeterEvent:
    """An event, with the reading that shows it: a register of that meter where there is one."""
    of_meter = [r for r in readings if _same(r, nameplate)] or list(readings)
    shows = next((r for r in of_meter if counts_up(r.channel)), of_meter[0])
    before = None
    if from_ms(0) <= meter_time <= from_ms(AT_MAX_MS):
        before = Shown(from_ms(to_ms(meter_time)), shows.mantissa, shows.exponent)
    after = Shown(shows.at, shows.mantissa, shows.exponent)
    return MeterEvent(kind, shows.channel, after, before)


def _same(reading: Reading, nameplate: Nameplate) -> bool:
    channel = reading.channel
    return (channel.manufacturer, channel.serial) == (nameplate.manufacturer, nameplate.serial)


def wrong_clocks(marks: Mapping[str, int]) -> int:
    """How many meters' clocks are wrong at present, by the buffer's marks."""
    return sum(name.startswith(_MARK) and value != 0 for name, value in marks.items())


def clock_mark(nameplate: Nameplate) -> str:
    """Names the mark that holds a clock's offset in ms while it is wrong, 0 once it is right."""
    return f"{_MARK}{nameplate.manufacturer}\t{nameplate.serial}"


def _nameplate(device: MeterIdentity) -> Nameplate:
    return Nameplate(device.manufacturer, device.serial)

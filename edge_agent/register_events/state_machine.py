"""What registers do besides counting up, noticed between two readings of a channel.

How it works. Each reading that is about to be sealed is compared with the last of its channel and
becomes a `ReadingChange`. Then `TRANSITIONS` is asked for (state, change): it names the state that
follows and the event, if there is one. What is not in the table cannot happen.

    NEW       no reading yet
    COUNTING  the last reading is where the register stands
    AT_ZERO   it shows 0 after it had counted, and nobody knows yet whether that will last

A reading is never held back, changed or left out: an event only says what the reading shows, and
the centre decides what becomes of it. Source: the rules of docs/reference/vee.md for registers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from fractions import Fraction
from typing import Final, NamedTuple

from firmware_bridge.contract.event import EventKind, MeterEvent, Nameplate, Shown
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source, TimeQuality, to_ms

# A device that starts shows 0 for seconds; what stays there for longer was reset.
RESET_AFTER_S: Final = 600
CAPACITY_MARGIN: Final = Fraction(11, 10)
# Displays step by a kilowatt-hour, some by ten after a firmware's rounding; a leap is more.
LEAP_MIN: Final = 20_000
A_DAY: Final = 24
_DAY_MS: Final = 86_400_000
_HOUR: Final = timedelta(hours=1)

_COUNTED: Final = {
    Unit.WATT_HOUR, Unit.VAR_HOUR, Unit.VOLT_AMPERE_HOUR, Unit.LITRE, Unit.JOULE, Unit.COUNT,
}  # fmt: skip
_POWERED: Final = {Unit.WATT_HOUR, Unit.VAR_HOUR, Unit.VOLT_AMPERE_HOUR}
# Of electricity (group A) only the totals (D = 8) count up for ever, and the net of both
# directions (C = 16, 36, 56, 76) does not. Group F names stored values. Source: IEC 62056-61.
_ELECTRICITY: Final = 1
_TOTAL: Final = 8
_NET: Final = {16, 36, 56, 76}
_PRESENT: Final = 255


class RegisterState(Enum):
    """What is known of a register."""

    NEW = auto()
    COUNTING = auto()
    AT_ZERO = auto()


class ReadingChange(Enum):
    """What a reading shows against the one before."""

    FIRST = auto()
    SUCCESSOR = auto()
    ONWARD = auto()
    ROLLED = auto()
    ZERO = auto()
    LONG_ZERO = auto()
    ANEW = auto()
    LOWER = auto()
    LEAPT = auto()


TRANSITIONS: Final[
    dict[tuple[RegisterState, ReadingChange], tuple[RegisterState, EventKind | None]]
] = {
    (RegisterState.NEW, ReadingChange.FIRST): (RegisterState.COUNTING, None),
    (RegisterState.NEW, ReadingChange.SUCCESSOR): (RegisterState.COUNTING, EventKind.EXCHANGE),
    (RegisterState.COUNTING, ReadingChange.SUCCESSOR): (RegisterState.COUNTING, EventKind.EXCHANGE),
    (RegisterState.AT_ZERO, ReadingChange.SUCCESSOR): (RegisterState.COUNTING, EventKind.EXCHANGE),
    (RegisterState.COUNTING, ReadingChange.ONWARD): (RegisterState.COUNTING, None),
    (RegisterState.COUNTING, ReadingChange.LEAPT): (RegisterState.COUNTING, EventKind.LEAP),
    (RegisterState.AT_ZERO, ReadingChange.LEAPT): (RegisterState.COUNTING, EventKind.LEAP),
    (RegisterState.COUNTING, ReadingChange.ROLLED): (RegisterState.COUNTING, EventKind.ROLLOVER),
    (RegisterState.COUNTING, ReadingChange.ZERO): (RegisterState.AT_ZERO, None),
    (RegisterState.COUNTING, ReadingChange.ANEW): (RegisterState.COUNTING, EventKind.RESET),
    (RegisterState.COUNTING, ReadingChange.LOWER): (RegisterState.COUNTING, EventKind.BACKWARD),
    (RegisterState.AT_ZERO, ReadingChange.ZERO): (RegisterState.AT_ZERO, None),
    (RegisterState.AT_ZERO, ReadingChange.LONG_ZERO): (RegisterState.COUNTING, EventKind.RESET),
    (RegisterState.AT_ZERO, ReadingChange.ANEW): (RegisterState.COUNTING, EventKind.RESET),
    (RegisterState.AT_ZERO, ReadingChange.ONWARD): (RegisterState.COUNTING, EventKind.ZERO_GLITCH),
}


class RegisterKey(NamedTuple):
    """Names a register, however often it is read."""

    manufacturer: str
    serial: str
    obis: Obis
    source: Source
    unit: Unit

    @classmethod
    def of(cls, channel: Channel) -> RegisterKey:
        """The register of a channel."""
        return cls(channel.manufacturer, channel.serial, channel.obis, channel.source, channel.unit)


@dataclass(frozen=True, slots=True)
class RegisterLimits:
    """What proves a rollover.

    Args:
        modulus: What the register counts to before it starts again at 0; None if not known.
        capacity_w: What the connection can carry; None if not known. [W, var or VA]
    """

    modulus: Quantity | None = None
    capacity_w: int | None = None


@dataclass(frozen=True, slots=True)
class RegisterTrack:
    """What is remembered of a register.

    Args:
        state: Where it stands.
        last: The last reading that counts; while AT_ZERO, the one before the zeros.
        exact: Whether that one's time is known.
        zeros: Readings of 0 in a row, while AT_ZERO.
        day: The day of the last event, counted from 1970 UTC.
        events_that_day: Events on that day.
    """

    state: RegisterState = RegisterState.NEW
    last: Shown | None = None
    exact: bool = True
    zeros: int = 0
    day: int = 0
    events_that_day: int = 0


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a number of readings shows; it counts once `RegisterWatch.commit` has it.

    Args:
        events: To be sent with them.
        withheld: Events of registers that have had too many that day.
        tracks: What is remembered then.
    """

    events: tuple[MeterEvent, ...]
    withheld: int
    tracks: Mapping[RegisterKey, RegisterTrack]


@dataclass(slots=True)
class RegisterWatch:
    """Compares readings with those before."""

    _tracks: dict[RegisterKey, RegisterTrack] = field(default_factory=dict)
    _limits: dict[tuple[str, str, Obis], RegisterLimits] = field(default_factory=dict)

    def learn(self, nameplate: Nameplate, obis: Obis, limits: RegisterLimits) -> None:
        """What the meter's model and the connection say of a register."""
        self._limits[nameplate.manufacturer, nameplate.serial, obis] = limits

    def last(self, nameplate: Nameplate, like: Channel) -> Shown | None:
        """What another device showed last in a channel like that one."""
        line = RegisterKey.of(like)._replace(
            manufacturer=nameplate.manufacturer, serial=nameplate.serial
        )
        track = self._tracks.get(line)
        return None if track is None else track.last

    def judge(
        self, readings: Sequence[Reading], replaced: Mapping[Nameplate, Nameplate] | None = None
    ) -> Judgement:
        """Say what readings show, in the order in which they are sealed.

        Args:
            readings: About to be sealed.
            replaced: By the nameplate of a device that is new at its place, the one before.
        """
        tracks: dict[RegisterKey, RegisterTrack] = {}
        events: list[MeterEvent] = []
        withheld = 0
        for reading in readings:
            if not counts_up(reading.channel):
                continue
            line = RegisterKey.of(reading.channel)
            before = tracks.get(line) or self._tracks.get(line, RegisterTrack())
            if _is_late(reading, before):
                continue
            old = (replaced or {}).get(Nameplate(line.manufacturer, line.serial))
            tracks[line], event = self._step(before, reading, old)
            if event is None:
                continue
            tracks[line] = _count_event(tracks[line], event)
            if tracks[line].events_that_day > A_DAY:
                withheld += 1
            else:
                events.append(event)
        return Judgement(tuple(events), withheld, tracks)

    def recall(self, readings: Sequence[Reading], events: Sequence[MeterEvent]) -> None:
        """Remember what is sealed already, as it was judged then; nothing is judged anew.

        Args:
            readings: Of one batch.
            events: That it carries.
        """
        seen = {(event.channel, event.after): event for event in events}
        for reading in readings:
            event = seen.get((reading.channel, _shown(reading)))
            if event is None:
                self.commit(self.judge([reading]))
            else:
                track = self._tracks.get(line := RegisterKey.of(reading.channel), RegisterTrack())
                self._tracks[line] = _count_event(_standing(track, reading), event)

    def commit(self, judgement: Judgement) -> None:
        """The readings are sealed: remember what they showed."""
        self._tracks.update(judgement.tracks)

    def _step(
        self, track: RegisterTrack, reading: Reading, old: Nameplate | None
    ) -> tuple[RegisterTrack, MeterEvent | None]:
        channel = reading.channel
        limits = self._limits.get(
            (channel.manufacturer, channel.serial, channel.obis), RegisterLimits()
        )
        change = _change(track, reading, limits, successor=old is not None)
        state, kind = TRANSITIONS[track.state, change]
        if state is RegisterState.AT_ZERO:
            return replace(track, state=state, zeros=track.zeros + 1), None
        after = _standing(track, reading)
        if kind is None:
            return after, None
        before = track.last if old is None else self.last(old, channel)
        return after, MeterEvent(kind, channel, _shown(reading), before, old)


def counts_up(channel: Channel) -> bool:
    """Whether a channel is a register that only ever counts up."""
    if channel.kind is not Kind.REGISTER or channel.unit not in _COUNTED:
        return False
    medium, _, quantity, processing, _, storage = channel.obis.code
    if storage != _PRESENT:
        return False
    return medium != _ELECTRICITY or (processing == _TOTAL and quantity not in _NET)


def _change(
    track: RegisterTrack, reading: Reading, limits: RegisterLimits, *, successor: bool
) -> ReadingChange:
    last = track.last
    if successor:
        return ReadingChange.SUCCESSOR
    if last is None:
        return ReadingChange.FIRST
    duration = reading.at - last.at if track.exact and _is_exact(reading) else timedelta(0)
    if not _is_lower(reading, last):
        leapt = _is_leap(reading, last, duration, limits)
        return ReadingChange.LEAPT if leapt else ReadingChange.ONWARD
    if track.state is RegisterState.COUNTING and _is_rollover(reading, last, duration, limits):
        return ReadingChange.ROLLED
    if reading.mantissa == 0:
        stays_s = track.zeros * reading.channel.period_s
        return ReadingChange.LONG_ZERO if stays_s >= RESET_AFTER_S else ReadingChange.ZERO
    now = _fraction(reading.mantissa, reading.exponent)
    anew = now > 0 and _is_plausible(now, duration, reading.channel.unit, limits)
    return (
        ReadingChange.ANEW if anew or track.state is RegisterState.AT_ZERO else ReadingChange.LOWER
    )


def _is_rollover(
    reading: Reading, last: Shown, duration: timedelta, limits: RegisterLimits
) -> bool:
    if limits.modulus is None:
        return False
    modulus = _fraction(limits.modulus.mantissa, limits.modulus.exponent)
    now = _fraction(reading.mantissa, reading.exponent)
    advance = now + modulus - _fraction(last.mantissa, last.exponent)
    return advance >= 0 and _is_plausible(advance, duration, reading.channel.unit, limits)


def _is_leap(reading: Reading, last: Shown, duration: timedelta, limits: RegisterLimits) -> bool:
    """Whether a register rose by more than the connection could have carried; False if unknown."""
    advance = _fraction(reading.mantissa, reading.exponent) - _fraction(
        last.mantissa, last.exponent
    )
    unit = reading.channel.unit
    if limits.capacity_w is None or duration <= timedelta(0) or unit not in _POWERED:
        return False
    return advance > LEAP_MIN and not _is_plausible(advance - LEAP_MIN, duration, unit, limits)


def _is_plausible(
    advance: Fraction, duration: timedelta, unit: Unit, limits: RegisterLimits
) -> bool:
    """Whether the connection could have carried an advance; False if unknown."""
    if limits.capacity_w is None or duration <= timedelta(0) or unit not in _POWERED:
        return False
    hours = Fraction(duration // timedelta(milliseconds=1), _HOUR // timedelta(milliseconds=1))
    return advance <= limits.capacity_w * CAPACITY_MARGIN * hours


def _is_lower(reading: Reading, last: Shown) -> bool:
    """Whether a register went backwards, by more than a change of its resolution explains."""
    if reading.exponent == last.exponent:
        return reading.mantissa < last.mantissa
    fall = _fraction(last.mantissa, last.exponent) - _fraction(reading.mantissa, reading.exponent)
    return fall >= Fraction(10) ** max(reading.exponent, last.exponent)


def _is_late(reading: Reading, track: RegisterTrack) -> bool:
    """Whether a reading with the meter's own time is older than what was judged already."""
    timed = reading.channel.source is Source.PROFILE or reading.time_quality is TimeQuality.METER
    return timed and track.last is not None and reading.at < track.last.at


def _standing(track: RegisterTrack, reading: Reading) -> RegisterTrack:
    """The register stands where this reading shows it."""
    exact = _is_exact(reading)
    return replace(track, state=RegisterState.COUNTING, last=_shown(reading), exact=exact, zeros=0)


def _shown(reading: Reading) -> Shown:
    return Shown(reading.at, reading.mantissa, reading.exponent)


def _is_exact(reading: Reading) -> bool:
    return reading.time_quality is not TimeQuality.UNSYNCHRONISED


def _count_event(track: RegisterTrack, event: MeterEvent) -> RegisterTrack:
    day = _day(event.after.at)
    return replace(
        track, day=day, events_that_day=track.events_that_day + 1 if track.day == day else 1
    )


def _day(at: datetime) -> int:
    return to_ms(at) // _DAY_MS


def _fraction(mantissa: int, exponent: int) -> Fraction:
    return mantissa * Fraction(10) ** exponent

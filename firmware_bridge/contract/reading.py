"""Readings: the value of a channel, its time, and the quality of both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity, Unit

MANUFACTURER_MAX = 16
SERIAL_MAX = 32
PERIOD_MAX_S = 31 * 86_400
# 9999-12-31: later than any store keeps.
AT_MAX_MS = 253_402_214_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Kind(IntEnum):
    """Whether a value is a counter at an instant or a consumption over an interval."""

    REGISTER = 0
    INTERVAL = 1


class Source(IntEnum):
    """Whether a value was read live or comes from the meter's own load profile."""

    LIVE = 0
    PROFILE = 1


class Quality(IntEnum):
    """The device's own judgement of its value. The low four bits of a row's flags."""

    ACTUAL = 0
    ESTIMATED = 1
    SUSPECT = 2
    POWER_FAILURE = 3


class TimeQuality(IntEnum):
    """Where a reading's time comes from. The high four bits of a row's flags."""

    SYNCHRONISED = 0
    HOLDOVER = 1
    UNSYNCHRONISED = 2
    METER = 3


def pack_flags(quality: Quality, time_quality: TimeQuality) -> int:
    """Both judgements in one byte, as the wire and the store keep them."""
    return quality | time_quality << 4


def unpack_flags(flags: int) -> tuple[Quality, TimeQuality]:
    """The judgements of a flags byte.

    Raises:
        InvalidValueError: One of them is not assigned.
    """
    try:
        return Quality(flags & 0x0F), TimeQuality(flags >> 4)
    except ValueError:
        message = f"The flags {flags} are not one byte."
        raise InvalidValueError(message, value=flags) from None


def to_ms(instant: datetime) -> int:
    """Milliseconds since 1970-01-01 UTC, rounded down.

    Raises:
        InvalidValueError: The time is naive.
    """
    if instant.tzinfo is None:
        message = f"The time {instant.isoformat()} has no time zone."
        raise InvalidValueError(message, value=instant)
    return (instant - _EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    """The aware UTC instant of a millisecond count."""
    return _EPOCH + timedelta(milliseconds=ms)


@dataclass(frozen=True, slots=True, order=True)
class Channel:
    """One quantity and direction from one meter, and how it is read.

    Args:
        manufacturer: Three-letter FLAG code or longer name, 1 .. 16 printable ASCII characters.
        serial: The number on the plate, 1 .. 32 printable ASCII characters.
        obis: What is counted.
        kind: Counter or interval.
        period_s: Seconds between readings; the length of an interval reading. 0 is irregular.
        source: Live or load profile.
        unit: The unit of the values.

    Raises:
        InvalidValueError: A text is empty, too long or unprintable, or the period out of range.
    """

    manufacturer: str
    serial: str
    obis: Obis
    kind: Kind
    period_s: int
    source: Source
    unit: Unit

    def __post_init__(self) -> None:
        _check_text("manufacturer", self.manufacturer, MANUFACTURER_MAX)
        _check_text("serial", self.serial, SERIAL_MAX)
        if not 0 <= self.period_s <= PERIOD_MAX_S:
            message = f"A period of {self.period_s} s is outside 0 .. {PERIOD_MAX_S} s."
            raise InvalidValueError(message, value=self.period_s)
        if self.kind is Kind.INTERVAL and self.period_s == 0:
            message = "An interval channel needs a period."
            raise InvalidValueError(message, value=self.period_s)

    def __str__(self) -> str:
        kind, source = self.kind.name.lower(), self.source.name.lower()
        return f"{self.manufacturer}/{self.serial} {self.obis} {kind}/{self.period_s}s {source}"


def _check_text(name: str, text: str, longest: int) -> None:
    if not (1 <= len(text) <= longest and text.isascii() and text.isprintable()):
        message = f"A {name} is 1 to {longest} printable ASCII characters, not {text!r}."
        raise InvalidValueError(message, value=text)


@dataclass(frozen=True, slots=True)
class Reading:
    """A value of a channel at an instant, or over the interval that starts there.

    Args:
        channel: What was read.
        at: Instant of a register reading, start of an interval reading. Aware.
        mantissa: The value's integer digits. [channel.unit x 10 ** exponent]
        exponent: The value's decimal exponent.
        quality: What the device says of the value.
        time_quality: Where `at` comes from.
        span_ms: 0 where `at` is known. For an unsynchronised reading `at` is the earliest and
            `at + span_ms` the latest instant it can have been taken. [ms]
    """

    channel: Channel
    at: datetime
    mantissa: int
    exponent: int
    quality: Quality = Quality.ACTUAL
    time_quality: TimeQuality = TimeQuality.SYNCHRONISED
    span_ms: int = 0

    @property
    def quantity(self) -> Quantity:
        """The value with its unit."""
        return Quantity(self.mantissa, self.exponent, self.channel.unit)

    @property
    def flags(self) -> int:
        """Both qualities in one byte."""
        return pack_flags(self.quality, self.time_quality)

"""What files of metered values hold: values of registers; and how a NEM file has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import groupby
from typing import Final, NamedTuple, Protocol

from firmware_bridge.contract.errors import OperatorError
from firmware_bridge.contract.plain_number import plain_decimal

# Places in a record of a read (250).
_DIRECTION: Final = 7
_READS: Final = (8, 13)
STANDARD_TIME: Final = timezone(timedelta(hours=10))
"""The Australian market's, all year."""


class IntervalFileError(OperatorError):
    """A file of metered values says something that cannot be; names the line."""

    code = "INTERVAL_FILE"
    default_remedy = "Ask its sender for a corrected file."


class Flag(NamedTuple):
    """How a value came to be.

    Args:
        method: Quality and method, such as `A` or `S14`.
        reason: Code of the reason; "" for none.
        text: The reason in words; "" for none.
    """

    method: str
    reason: str = ""
    text: str = ""


class MeteredValue(NamedTuple):
    """What a register counted from one time to another.

    Args:
        point: The connection point.
        register: Which of its registers.
        serial: Of the meter; "" for not said.
        unit: As the file has it.
        start: First instant; None where the file does not say.
        end: Instant after the last.
        value: In the unit, exact; None where the file has none.
        flag: How it came to be.
        qualities: Its qualities, as the file's kind names them.
        cost: In the file's currency, exact; None for none.
        direction: What is counted, as the file's kind says it: of NEM `E`, `B`, `Q`, `K` or `I`, of
            Green Button the code of the direction of flow; "" for not said.
        reads: What the register showed at its beginning and at its end; None where the file does
            not say.
    """

    point: str
    register: str
    serial: str
    unit: str
    start: datetime | None
    end: datetime
    value: Decimal | None
    flag: Flag
    qualities: tuple[str, ...] = ()
    cost: Decimal | None = None
    direction: str = ""
    reads: tuple[Decimal, Decimal] | None = None


class ValuesFile(Protocol):
    """A file of metered values, of whatever kind."""

    @property
    def left_out(self) -> tuple[tuple[str, int], ...]:
        """How many records of a kind hold what is not kept, by kind."""
        ...

    def values(self) -> Iterator[MeteredValue]:
        """Every value, in the file's order."""
        ...


@dataclass(frozen=True, slots=True)
class StreamDay:
    """The values of a day.

    Args:
        day: The local day; always the market's standard time, so 24 hours.
        values: In the stream's unit, exact; None where the file has none.
        flags: Of each value.
        updated: When it was computed, as the file has it; "" for nothing said.
        loaded: When the market took it in, likewise.
    """

    day: date
    values: tuple[Decimal | None, ...]
    flags: tuple[Flag, ...]
    updated: str = ""
    loaded: str = ""

    def runs(self) -> list[tuple[int, int, Flag]]:
        """Ranges of values with one flag: first, last (from 1), flag."""
        ranges: list[tuple[int, int, Flag]] = []
        first = 1
        for flag, group in groupby(self.flags):
            last = first + len(list(group)) - 1
            ranges.append((first, last, flag))
            first = last + 1
        return ranges


@dataclass(frozen=True, slots=True)
class Stream:
    """The intervals of one register of a connection point.

    Args:
        head: The fields of the record that begins it, as the file has them.
        point: The connection point.
        suffix: Which of its streams, such as `E1`.
        serial: Of the meter.
        unit: As the file has it, such as `kWh`.
        minutes: Length of an interval. [min]
        days: In the file's order; a day that stands twice is there twice.
    """

    head: tuple[str, ...]
    point: str
    suffix: str
    serial: str
    unit: str
    minutes: int
    days: tuple[StreamDay, ...]


@dataclass(frozen=True, slots=True)
class Accumulation:
    """What a register counted between two reads.

    Args:
        fields: Of its record, as the file has them.
        point: The connection point.
        suffix: Which of its registers.
        serial: Of the meter.
        unit: As the file has it.
        quantity: What it counted, exact.
        previous_at: When it was read before; None where the file does not say.
        current_at: When it was read.
        flag: Of the read.
    """

    fields: tuple[str, ...]
    point: str
    suffix: str
    serial: str
    unit: str
    quantity: Decimal
    previous_at: datetime | None
    current_at: datetime
    flag: Flag

    @property
    def direction(self) -> str:
        """`E` from the network to the customer, `I` the other way."""
        return self.fields[_DIRECTION]

    @property
    def reads(self) -> tuple[Decimal, Decimal] | None:
        """What the register showed before and now; None where that is no number."""
        before, now = (plain_decimal(self.fields[column]) for column in _READS)
        return None if before is None or now is None else (before, now)


@dataclass(frozen=True, slots=True)
class MeteredFile:
    """A NEM file.

    Args:
        header: The fields of its first record, as the file has them.
        streams: Of intervals.
        accumulations: Of reads.
        left_out: How many records of a kind hold what is not kept here, by kind.
    """

    header: tuple[str, ...]
    streams: tuple[Stream, ...] = ()
    accumulations: tuple[Accumulation, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()

    def values(self) -> Iterator[MeteredValue]:
        """Every value: of intervals, then of reads; times are the market's. See `ValuesFile`."""
        for stream in self.streams:
            names = (stream.point, stream.suffix, stream.serial, stream.unit)
            length = timedelta(minutes=stream.minutes)
            for day in stream.days:
                start = datetime.combine(day.day, time(), STANDARD_TIME)
                for value, flag in zip(day.values, day.flags, strict=True):
                    end = start + length
                    quality = (flag.method[:1],)
                    yield MeteredValue(
                        *names, start, end, value, flag, quality, direction=stream.suffix[:1]
                    )
                    start = end
        for read in self.accumulations:
            names = (read.point, read.suffix, read.serial, read.unit)
            before, at = read.previous_at, read.current_at.replace(tzinfo=STANDARD_TIME)
            since = None if before is None else before.replace(tzinfo=STANDARD_TIME)
            quality = (read.flag.method[:1],)
            yield MeteredValue(
                *names, since, at, read.quantity, read.flag, quality,
                direction=read.direction, reads=read.reads,
            )  # fmt: skip

"""What a file of metered values holds: streams of a register, day by day, and reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from firmware_bridge.contract.errors import OperatorError


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


@dataclass(frozen=True, slots=True)
class MeteredFile:
    """A file.

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

"""NEM12 (intervals) and NEM13 (accumulated) files of the Australian market.

A file is read strictly: the first record is a header, every day has all of its intervals, and each
fault names its line. What is read is written again to the same values and flags; records of meter
transactions (500, 550) are counted and left out. The formats are those of AEMO's "Meter Data File
Format Specification NEM12 & NEM13", version 2.5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from central.domain.interval_files.values import (
    Accumulation,
    Flag,
    IntervalFileError,
    MeteredFile,
    Stream,
    StreamDay,
)
from firmware_bridge.contract.plain_number import plain_decimal

LINE_MAX: Final = 64 * 1024
"""How many characters a record has at most; a day of 1,440 values is 30,000 or fewer."""
RECORDS_MAX: Final = 2_000_000
"""How many records a file has at most."""
_DAY_MINUTES: Final = 1_440
_LENGTHS: Final = frozenset({1, 5, 10, 15, 30, 60})
_VARYING: Final = "V"
_LEFT_OUT: Final = frozenset({"500", "550"})
_FIELDS: Final = {"100": 5, "200": 9, "250": 20, "400": 4}


def read_nem(lines: Iterable[str]) -> MeteredFile:
    """The contents of a file.

    Args:
        lines: Of the file, one after another; it needs no more memory than what it says.

    Raises:
        IntervalFileError: A line says what cannot be; names it.
    """
    reader = _Reader()
    number = 0
    for number, line in enumerate(lines, start=1):
        if number > RECORDS_MAX:
            raise _wrong(number, f"there are more than {RECORDS_MAX:,} records")
        if len(line) > LINE_MAX:
            raise _wrong(number, f"the record has more than {LINE_MAX:,} characters")
        text = line.strip("\ufeff\r\n ")
        if text:
            reader.take(number, text.split(","))
    return reader.end(number)


def write_nem(file: MeteredFile) -> Iterator[str]:
    """The records of a file, each with its line end; read again they say the same."""
    yield _record(file.header)
    for stream in file.streams:
        yield _record(stream.head)
        for day in stream.days:
            yield from _day_records(day)
    for read in file.accumulations:
        yield _record(read.fields)
    yield _record(["900"])


def _day_records(day: StreamDay) -> Iterator[str]:
    runs = day.runs()
    whole = runs[0][2] if len(runs) == 1 else Flag(_VARYING)
    values = ["" if value is None else format(value, "f") for value in day.values]
    yield _record(
        ["300", f"{day.day:%Y%m%d}", *values, *whole, day.updated, day.loaded],
    )
    if len(runs) > 1:
        for first, last, flag in runs:
            yield _record(["400", str(first), str(last), *flag])


def _record(fields: Iterable[str]) -> str:
    return ",".join(fields) + "\r\n"


@dataclass(slots=True)
class _Reader:
    """What was read so far."""

    header: tuple[str, ...] | None = None
    streams: list[Stream] = field(default_factory=list)
    days: list[StreamDay] = field(default_factory=list)
    reads: list[Accumulation] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    ended: bool = False

    def take(self, number: int, fields: list[str]) -> None:
        """Read a record."""
        kind = fields[0]
        self._check_order(number, kind, len(fields))
        if kind == "100":
            self._begin(number, fields)
        elif kind == "200":
            self._begin_stream(number, fields)
        elif kind == "250":
            self.reads.append(_accumulation(number, fields))
        elif kind == "300":
            self.days.append(_day(number, fields, self._stream(number)))
        elif kind == "400":
            self._flag(number, fields)
        elif kind == "900":
            self.ended = True
        elif kind in _LEFT_OUT:
            self.left_out[kind] += 1
        else:
            raise _wrong(number, f"there is no record {kind[:20]!r}")

    def _check_order(self, number: int, kind: str, fields: int) -> None:
        if self.header is None and kind != "100":
            raise _wrong(number, "the file does not begin with a record 100")
        if fields < _FIELDS.get(kind, 1):
            raise _wrong(number, f"a record {kind} has at least {_FIELDS[kind]} fields")
        if self.ended:
            raise _wrong(number, "the file goes on after its record 900")

    def end(self, number: int) -> MeteredFile:
        """The file, once its last record is read."""
        if self.header is None:
            raise _wrong(1, "the file is empty: it has no record 100")
        if not self.ended:
            raise _wrong(number, "the file ends without a record 900: it was cut off")
        self._close()
        left_out = tuple(sorted(self.left_out.items()))
        return MeteredFile(self.header, tuple(self.streams), tuple(self.reads), left_out)

    def _begin(self, number: int, fields: list[str]) -> None:
        if self.header is not None:
            raise _wrong(number, "the file has a second record 100")
        if fields[1] not in {"NEM12", "NEM13"}:
            raise _wrong(number, f"the file is neither NEM12 nor NEM13 but {fields[1][:20]!r}")
        self.header = tuple(fields)

    def _begin_stream(self, number: int, fields: list[str]) -> None:
        self._close()
        if not fields[8].isdecimal() or int(fields[8]) not in _LENGTHS:
            raise _wrong(number, f"an interval of {fields[8][:20]!r} minutes")
        head = (fields[1], fields[4], fields[6], fields[7])
        self.streams.append(Stream(tuple(fields), *head, int(fields[8]), ()))

    def _stream(self, number: int) -> Stream:
        if not self.streams:
            raise _wrong(number, "no record 200 stands before it")
        return self.streams[-1]

    def _close(self) -> None:
        if self.streams:
            self.streams[-1] = replace(self.streams[-1], days=tuple(self.days))
        self.days = []

    def _flag(self, number: int, fields: list[str]) -> None:
        if not self.days:
            raise _wrong(number, "no record 300 stands before it")
        day, (start, end) = self.days[-1], fields[1:3]
        if not (start.isdecimal() and end.isdecimal()):
            raise _wrong(number, "first and last interval are not numbers")
        if not 1 <= int(start) <= int(end) <= len(day.values):
            raise _wrong(number, f"the day has no intervals {start} to {end}")
        flags = list(day.flags)
        flag = Flag(*[*fields[3:6], "", ""][:3])
        flags[int(start) - 1 : int(end)] = [flag] * (int(end) - int(start) + 1)
        self.days[-1] = replace(day, flags=tuple(flags))


def _day(number: int, fields: list[str], stream: Stream) -> StreamDay:
    count = _DAY_MINUTES // stream.minutes
    if len(fields) < count + 3:
        raise _wrong(number, f"{max(len(fields) - 7, 0)} values instead of {count}")
    rest = (fields[count + 2 :] + [""] * 5)[:5]
    if len(fields) > count + 7 or plain_decimal(rest[0]) is not None:
        raise _wrong(number, f"more than {count} values")
    values = tuple(_value(number, text) for text in fields[2 : count + 2])
    flag = Flag(rest[0], rest[1], rest[2])
    return StreamDay(_date(number, fields[1]), values, (flag,) * count, rest[3], rest[4])


def _accumulation(number: int, fields: list[str]) -> Accumulation:
    quantity = _value(number, fields[18])
    if quantity is None:
        raise _wrong(number, "the record has no quantity")
    return Accumulation(
        tuple(fields),
        fields[1],
        fields[4],
        fields[6],
        fields[19],
        quantity,
        _instant(number, fields[9]) if fields[9] else None,
        _instant(number, fields[14]),
        Flag(*fields[15:18]),
    )


def _value(number: int, text: str) -> Decimal | None:
    if not text.strip():
        return None
    value = plain_decimal(text)
    if value is None or abs(value.adjusted()) > 18:  # noqa: PLR2004 - digits of a quantity
        raise _wrong(number, f"{text[:20]!r} is not a number")
    return value


def _date(number: int, text: str) -> date:
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise _wrong(number, f"{text[:20]!r} is not a day such as 20261031") from None


def _instant(number: int, text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S")  # noqa: DTZ007 - the market's standard time
    except ValueError:
        raise _wrong(number, f"{text[:20]!r} is not a time such as 20261031235959") from None


def _wrong(number: int, what: str) -> IntervalFileError:
    message = f"Line {number}: {what}."
    return IntervalFileError(message, value=number)

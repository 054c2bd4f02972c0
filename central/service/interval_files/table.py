"""A file of metered values as a table, a value a line, for spreadsheets and programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta, timezone
from typing import Final

from central.domain.interval_files.values import MeteredFile
from central.service.spreadsheet import harmless_cell

STANDARD_TIME: Final = timezone(timedelta(hours=10))
"""The Australian market's, all year."""
COLUMNS: Final = (
    *("point", "suffix", "serial", "unit", "start", "end"),
    *("value", "method", "reason", "text"),
)


def write_table(file: MeteredFile) -> Iterator[str]:
    """Lines of the table; blank values have an empty cell, times their offset."""
    yield _line(COLUMNS)
    for stream in file.streams:
        names = (stream.point, stream.suffix, stream.serial, stream.unit)
        length = timedelta(minutes=stream.minutes)
        for day in stream.days:
            start = datetime.combine(day.day, time(), STANDARD_TIME)
            for value, flag in zip(day.values, day.flags, strict=True):
                end = start + length
                number = "" if value is None else format(value, "f")
                yield _line(
                    (
                        *map(harmless_cell, names),
                        *_spans(start, end),
                        number,
                        *map(harmless_cell, flag),
                    )
                )
                start = end
    for read in file.accumulations:
        names = (read.point, read.suffix, read.serial, read.unit)
        spans = _spans(read.previous_at, read.current_at)
        number = format(read.quantity, "f")
        yield _line((*map(harmless_cell, names), *spans, number, *map(harmless_cell, read.flag)))


def _spans(start: datetime | None, end: datetime) -> tuple[str, str]:
    begin = "" if start is None else start.replace(tzinfo=STANDARD_TIME).isoformat()
    return begin, end.replace(tzinfo=STANDARD_TIME).isoformat()


def _line(cells: Iterable[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(list(cells))
    return buffer.getvalue()

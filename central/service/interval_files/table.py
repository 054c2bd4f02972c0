"""A file of metered values as a table, a value a line, for spreadsheets and programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

from central.domain.interval_files.values import ValuesFile
from central.service.spreadsheet import harmless_cell

COLUMNS: Final = (
    *("point", "suffix", "serial", "unit", "start", "end"),
    *("value", "method", "reason", "text", "cost"),
)


def write_table(file: ValuesFile) -> Iterator[str]:
    """Lines of the table; blank values have an empty cell, times their offset."""
    yield _line(COLUMNS)
    for metered in file.values():
        names = (metered.point, metered.register, metered.serial, metered.unit)
        begin = "" if metered.start is None else metered.start.isoformat()
        value, cost = (
            "" if number is None else format(number, "f")
            for number in (metered.value, metered.cost)
        )
        flag = map(harmless_cell, metered.flag)
        times = begin, metered.end.isoformat()
        yield _line((*map(harmless_cell, names), *times, value, *flag, cost))


def _line(cells: Iterable[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(list(cells))
    return buffer.getvalue()

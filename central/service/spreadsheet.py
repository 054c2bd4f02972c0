"""Tables as spreadsheets write them: with a byte order mark, and commas, semicolons or tabs.

A number is read exactly or refused: `1,234` is little more than one here and a thousand there, so a
comma in a number is read only where somebody says that it is the decimal one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from firmware_bridge.contract.plain_number import plain_decimal

BYTE_ORDER_MARK = "\ufeff"
_SEPARATORS = (";", "\t")
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
FAULTS_SHOWN = 20
"""How many lines at fault a message names; `value` has all."""


def rows_of(text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table with their lines, without those that are empty.

    Args:
        text: CSV; the first line that is not empty shows what its columns are set apart by.

    Raises:
        ValueError: A row cannot be told apart, such as for a quote that is never closed.
    """
    text = text.removeprefix(BYTE_ORDER_MARK)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator_of(text), strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        message = f"line {reader.line_num}: {error}"
        raise ValueError(message) from error


def separator_of(text: str) -> str:
    """What sets columns apart: a semicolon or a tab where the first line has one, else a comma."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return next((mark for mark in _SEPARATORS if mark in first), ",")


def records_of(
    text: str, needed: Iterable[str], allowed: Iterable[str]
) -> Iterator[tuple[int, dict[str, str] | str]]:
    """The rows below a heading, by its names; of one that does not fit, what is wrong with it.

    Args:
        text: As `rows_of` reads it.
        needed: Columns that the heading must have.
        allowed: All that it may have.

    Raises:
        ValueError: The heading is another, or a row cannot be told apart.
    """
    rows = rows_of(text)
    _, heading = next(rows, (0, []))
    missing = [name for name in needed if name not in heading]
    if missing:
        message = f"there is no column {missing[0]!r}"
        raise ValueError(message)
    strange = [name for name in heading if name not in set(allowed)]
    if strange or len(set(heading)) < len(heading):
        message = f"nobody knows the column {strange[0]!r}" if strange else "a column comes twice"
        raise ValueError(message)
    for line, row in rows:
        if len(row) != len(heading):
            yield line, columns_differ(len(row), len(heading))
        else:
            yield line, dict(zip(heading, row, strict=True))


def columns_differ(count: int, wanted: int) -> str:
    """What is wrong with a row of too many or too few columns."""
    why = f"it has {count} columns instead of {wanted}"
    if count > wanted:
        why += "; set columns apart by semicolons where numbers have a decimal comma"
    return why


def number_of(text: str, *, decimal_comma: bool) -> Decimal:
    """A number, exactly as it is written.

    Args:
        text: Of a cell.
        decimal_comma: Whether somebody said that a comma is the decimal one.

    Raises:
        ValueError: It is none, or could be read in two ways.
    """
    if decimal_comma and "." in text:
        message = f"{text!r} has a point where commas are decimal; leave thousands unmarked"
        raise ValueError(message)
    if "," in text and not decimal_comma:
        message = (
            f"{text!r} has a comma: write a decimal point, or say `--decimal-comma`; leave"
            " thousands unmarked"
        )
        raise ValueError(message)
    number = plain_decimal(text.replace(",", "."))
    if number is None:
        message = f"{text!r} is not a number"
        raise ValueError(message)
    return number


def listed_faults(faults: Sequence[str]) -> str:
    """The first of some faults in one text, and how many more there are."""
    rest = len(faults) - FAULTS_SHOWN
    return "; ".join(faults[:FAULTS_SHOWN]) + (f"; and {rest} more lines" if rest > 0 else "")


def harmless_cell(value: object) -> object:
    """A cell that no spreadsheet takes for a formula; numbers stay numbers."""
    if not isinstance(value, str) or not value.startswith(_FORMULA):
        return value
    rest = value.removeprefix("-")
    return value if rest and rest.replace(".", "", 1).isdigit() else f"'{value}"


def written_csv(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows of the same keys as CSV with a heading; None is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(rows[0] if rows else ())
    for row in rows:
        writer.writerow([harmless_cell(value) for value in row.values()])
    return text.getvalue()

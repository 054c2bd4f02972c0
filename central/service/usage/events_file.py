"""Usage events from files: CloudEvents a line or in one list, and rows of a table."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from central.domain.usage.cloud_event import event_of, event_of_row, read_json
from central.domain.usage.usage_event import UsageEventRefusedError
from central.service.usage.take_events import Given
from firmware_bridge.contract.errors import ConfigurationError

LINE_MAX = 64 * 1024
"""How many characters the line of an event has at most."""
_COLUMNS = ("source", "id", "subject", "type", "time")


class UsageFileError(ConfigurationError):
    """A file of usage events cannot be read; nothing of it is taken in."""

    code = "EVENTS_FILE"
    default_remedy = "Write an event a line as JSON, or a table with a line of names."


class GivenEvent(NamedTuple):
    """An event of a file.

    Args:
        line: Its number; in one list, its position; from 1.
        event: What it says, or why it cannot be read.
    """

    line: int
    event: Given


def events_of_file(lines: Iterable[str], file: str) -> Iterator[GivenEvent]:
    """The events of a file, one after another: a file of any length needs no memory.

    Args:
        lines: Of the file.
        file: Its name: a table where it ends in `.csv`, else JSON.

    Raises:
        UsageFileError: It is no such file.
    """
    if file.lower().endswith(".csv"):
        return _of_table(lines, file)
    return _of_json(lines, file)


def events_of_json(given: Any) -> Iterator[GivenEvent]:  # noqa: ANN401 - whatever JSON holds
    """The events of one JSON value: a list, or a single one."""
    for number, each in enumerate(given if isinstance(given, list) else [given], start=1):
        yield GivenEvent(number, _event(each))


def _of_json(lines: Iterable[str], file: str) -> Iterator[GivenEvent]:
    whole: list[str] = []
    size = 0
    empty = True
    for number, raw in enumerate(lines, start=1):
        line = raw.lstrip("\ufeff").strip()
        empty = empty and not line
        if whole or (number == 1 and line.startswith("[")):
            whole.append(line)
            size += len(line)
            if size > LINE_MAX * 64:
                message = f"{file} is one list that is too long."
                raise UsageFileError(message, value=file)
        elif line:
            yield GivenEvent(number, _line(line))
    if empty:
        message = f"{file} is empty: where there was nothing to tell, it is the list []."
        raise UsageFileError(message, value=file)
    if whole:
        try:
            given = read_json("\n".join(whole))
        except UsageEventRefusedError as error:
            message = f"{file} is not valid JSON."
            raise UsageFileError(message, value=file) from error
        yield from events_of_json(given)


def _of_table(lines: Iterable[str], file: str) -> Iterator[GivenEvent]:
    rows = csv.DictReader(line.lstrip("\ufeff") for line in lines)
    missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        message = f"{file} has no column {missing[0]!r}."
        raise UsageFileError(message, value=file)
    try:
        for row in rows:
            yield GivenEvent(rows.line_num, _row(row))
    except csv.Error as error:
        message = f"Line {rows.line_num} of {file} cannot be read: {error}."
        raise UsageFileError(message, value=rows.line_num) from error


def _row(row: dict[str, str]) -> Given:
    if None in row:
        message = "The line has more fields than there are names."
        return UsageEventRefusedError(message)
    try:
        return event_of_row(row)
    except UsageEventRefusedError as error:
        return error


def line_of_events(text: str) -> Given:
    """The event of one line of JSON."""
    return _line(text.strip())


def _line(line: str) -> Given:
    if len(line) > LINE_MAX:
        message = f"The line has more than {LINE_MAX} characters."
        return UsageEventRefusedError(message)
    try:
        return event_of(read_json(line))
    except UsageEventRefusedError as error:
        return error


def _event(given: object) -> Given:
    try:
        return event_of(given)
    except UsageEventRefusedError as error:
        return error

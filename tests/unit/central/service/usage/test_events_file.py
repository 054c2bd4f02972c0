from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import pytest

from central.domain.usage.usage_event import UsageEvent, UsageEventRefusedError
from central.service.usage.events_file import (
    LINE_MAX,
    GivenEvent,
    UsageFileError,
    events_of_file,
    line_of_events,
)

EVENTS = [
    {"source": "cloud", "id": f"e{number}", "subject": "acme", "type": "calls"}
    | {"time": f"2026-10-0{number}T10:00:00Z", "data": {"value": str(number)}}
    for number in (1, 2, 3)
]
LINES = [json.dumps(event) + "\n" for event in EVENTS]
TABLE = [
    "source,id,subject,type,time,value\n",
    *(f"cloud,e{number},acme,calls,2026-10-0{number}T10:00:00Z,{number}\n" for number in (1, 2, 3)),
]


def read(lines: Iterable[str], file: str = "events.json") -> list[GivenEvent]:
    return list(events_of_file(lines, file))


def events(given: list[GivenEvent]) -> list[object]:
    return [each.event for each in given]


def test_lines_a_list_and_a_table_say_the_same() -> None:
    by_line = read(LINES)
    assert [each.line for each in by_line] == [1, 2, 3]
    assert all(isinstance(each.event, UsageEvent) for each in by_line)
    whole = json.dumps(EVENTS, indent=1).splitlines(keepends=True)
    assert events(read(whole)) == events(by_line)
    table = read(TABLE, "events.CSV")
    assert events(table) == events(by_line)
    # The first line has the names.
    assert [each.line for each in table] == [2, 3, 4]
    # A mark of the encoding, and lines that are blank, say nothing.
    assert events(read(["\ufeff" + LINES[0], "\n", *LINES[1:]])) == events(by_line)


def test_what_cannot_be_read_is_told_of_its_line_and_stops_no_other() -> None:
    wrong = ["{", json.dumps({**EVENTS[0], "time": "noon"}), "x" * (LINE_MAX + 1)]
    found = read([*(line + "\n" for line in wrong), LINES[2]])
    assert [isinstance(each.event, UsageEventRefusedError) for each in found] == [
        True,
        True,
        True,
        False,
    ]
    assert isinstance(line_of_events("{"), UsageEventRefusedError)
    rows = read([*TABLE, "cloud,e4,acme,calls,2026-10-04T10:00:00Z,4,5\n"], "events.csv")
    assert [isinstance(each.event, UsageEventRefusedError) for each in rows] == [False] * 3 + [True]


@pytest.mark.parametrize(
    ("lines", "file", "said"),
    [
        ([], "events.json", "is empty"),
        (["\n", "  \n"], "events.json", "is empty"),
        (["[{}\n", "nothing"], "events.json", "not valid JSON"),
        (["source,id,subject,type\n"], "events.csv", "no column 'time'"),
    ],
)
def test_what_is_no_such_file_is_refused(lines: list[str], file: str, said: str) -> None:
    with pytest.raises(UsageFileError, match=said):
        read(lines, file)


def test_one_list_is_bounded_and_a_file_of_lines_is_not() -> None:
    def without_end() -> Iterator[str]:
        yield "["
        while True:
            yield " " * 10 + '"x",' * 1_000

    with pytest.raises(UsageFileError, match="too long"):
        read(without_end())
    endless = events_of_file(iter(LINES * 10_000), "events.json")
    assert next(endless).line == 1


def test_an_empty_list_is_told_and_has_no_events() -> None:
    assert read(["[]\n"]) == []

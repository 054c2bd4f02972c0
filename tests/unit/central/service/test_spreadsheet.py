"""Tables of spreadsheets: separators and marks as they come, numbers exactly or not at all."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from central.service.rating.series_csv import SeriesFileError, read_series_file
from central.service.registry.cycle_file import CycleFileError, read_cycle_file
from central.service.spreadsheet import number_of, records_of, rows_of

MADRID = ZoneInfo("Europe/Madrid")


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_are_told_apart_however_they_are_set(mark: str, separator: str, end: str) -> None:
    lines = (separator.join(cells) for cells in (("a", "b"), ("1", '"x y"'), ("", ""), ("2", "z")))
    text = mark + end.join(lines) + end
    assert list(rows_of(text)) == [(1, ["a", "b"]), (2, ["1", "x y"]), (4, ["2", "z"])]
    assert list(records_of(text, ["b"], ["a", "b"])) == [
        (2, {"a": "1", "b": "x y"}),
        (4, {"a": "2", "b": "z"}),
    ]


def test_a_row_that_does_not_fit_its_heading_says_why() -> None:
    ((line, why),) = records_of("at,value\n2026-10-01,1,234\n", ["at"], ["at", "value"])
    assert line == 2
    assert "3 columns instead of 2; set columns apart by semicolons" in str(why)
    with pytest.raises(ValueError, match="no column 'value'"):
        list(records_of("at\n", ["value"], ["at", "value"]))
    with pytest.raises(ValueError, match="nobody knows the column 'worth'"):
        list(records_of("at,worth\n", ["at"], ["at", "value"]))


@pytest.mark.parametrize(
    ("text", "comma", "number"),
    [
        ("1234", False, "1234"),
        ("-0.1250", False, "-0.1250"),
        ("1e3", False, "1e3"),
        ("1,234", True, "1.234"),
        ("1234", True, "1234"),
        ("1,234", False, None),
        ("1,234.5", False, None),
        ("1.234,5", True, None),
        ("1.234", True, None),
        ("1,234,567", True, None),
        ("1 234", False, None),
        ("1_234", False, None),
        ("NaN", False, None),
        ("", False, None),
    ],
)
def test_a_number_is_read_exactly_or_refused(
    text: str,
    comma: bool,  # noqa: FBT001 - a case
    number: str | None,
) -> None:
    if number is None:
        with pytest.raises(ValueError, match=r"comma|point|not a number"):
            number_of(text, decimal_comma=comma)
    else:
        assert number_of(text, decimal_comma=comma) == Decimal(number)


def test_a_series_of_a_spreadsheet_is_read_where_its_comma_is_named() -> None:
    text = "\ufeffstart;value\r\n2026-10-01T00:00;0,125\r\n2026-10-01T01:00;1,234\r\n"
    series = read_series_file(text, "ES.DA", "p.csv", MADRID, decimal_comma=True)
    assert (series.mantissas, series.exponent) == ((125, 1234), -3)
    with pytest.raises(SeriesFileError) as refused:
        read_series_file(text, "ES.DA", "p.csv", MADRID)
    assert refused.value.message.count("--decimal-comma") == 2
    assert str(refused.value.value).count("line ") == 2


def test_a_list_of_periods_is_read_from_a_spreadsheet() -> None:
    text = "\ufeffcycle;first;end\nroute-7;2026-10-01;2026-10-21\n"
    assert [cycle.name for cycle in read_cycle_file(text)] == ["route-7"]
    with pytest.raises(CycleFileError, match="line 3: it has 2 columns"):
        read_cycle_file(text + "route-7;2026-10-21\n")

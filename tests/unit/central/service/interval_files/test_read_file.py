"""Files of metered values are read by what they hold, and written again; a table has each value."""

from __future__ import annotations

import csv
import io

from central.domain.interval_files.green_button import GreenButtonFile
from central.domain.interval_files.values import MeteredFile
from central.service.interval_files.read_file import read_file, write_file
from central.service.interval_files.table import COLUMNS, write_table

VALUES = ["1.5"] * 23 + ["0"]
NEM = (
    "100,NEM12,200405011135,MDA1,Ret1\r\n"
    "200,=NEM1,E1,1,E1,N1,M1,kWh,60,\r\n"
    f"300,20261004,{','.join(VALUES)},A,,,20261005000000,\r\n"
    "900\r\n"
)
FEED = b"""\xef\xbb\xbf<?xml version="1.0"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:espi="http://naesb.org/espi"></feed>
"""


def opened(data: bytes) -> MeteredFile | GreenButtonFile:
    return read_file(io.BufferedReader(io.BytesIO(data)))


def test_a_file_is_read_by_what_it_begins_with_and_written_to_the_same() -> None:
    nem = opened(NEM.encode())
    assert isinstance(nem, MeteredFile)
    again = opened("".join(write_file(nem)).encode())
    assert list(again.values()) == list(nem.values())
    green = opened(FEED)
    assert isinstance(green, GreenButtonFile)
    assert isinstance(opened("".join(write_file(green)).encode()), GreenButtonFile)


def test_a_table_has_a_line_a_value_and_no_cell_that_is_a_formula() -> None:
    nem = opened(NEM.encode())
    assert isinstance(nem, MeteredFile)
    first, *rows = csv.reader("".join(write_table(nem)).splitlines())
    assert tuple(first) == COLUMNS
    named = [dict(zip(first, row, strict=True)) for row in rows]
    assert [row["value"] for row in named] == VALUES
    assert {row["unit"] for row in named} == {"kWh"}
    # Whoever opens it runs nothing that a file names.
    assert not any(row["point"].startswith("=") for row in named)
    # Whole year by one offset, and each end is the next begin.
    assert named[0]["start"] == "2026-10-04T00:00:00+10:00"
    assert [row["end"] for row in named[:-1]] == [row["start"] for row in named[1:]]

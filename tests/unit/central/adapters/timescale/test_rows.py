"""Rows in PostgreSQL's binary formats, byte by byte."""

from __future__ import annotations

import struct

import numpy as np

from central.adapters.timescale.ingest.rows import (
    BigintArray,
    _BigintArrayDumper,
    copy_rows,
    timestamps,
)


def test_a_row_is_its_field_count_and_each_field_behind_its_length() -> None:
    payload = copy_rows([("i8", np.array([7])), ("i2", np.array([-2]))])
    assert payload == (
        b"PGCOPY\n\xff\r\n\0" + bytes(8) + struct.pack(">hiqih", 2, 8, 7, 2, -2) + b"\xff\xff"
    )


def test_time_is_counted_in_microseconds_since_2000() -> None:
    assert timestamps(np.array([946_684_800_000, 946_684_800_001])).tolist() == [0, 1000]


def test_an_array_of_bigint() -> None:
    dumper = _BigintArrayDumper(BigintArray, None)
    filled = dumper.dump(BigintArray(np.array([5, 6])))
    assert filled == struct.pack(">iiIiiiqiq", 1, 0, 20, 2, 1, 8, 5, 8, 6)
    assert dumper.dump(BigintArray(np.array([], np.int64))) == struct.pack(">iiI", 0, 0, 20)

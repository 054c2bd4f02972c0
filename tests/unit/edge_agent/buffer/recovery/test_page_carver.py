"""Rows are read from pages that SQLite itself no longer reaches."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge_agent.buffer.recovery.page_carver import Cell, carve
from edge_agent.buffer.schema import PAGE_BYTES
from edge_agent.buffer.wal import FRAME_HEADER_BYTES, HEADER_BYTES

LONG = bytes(range(256)) * 64
INTEGERS = [0, 1, 2, -1, 200, -40_000, 8_000_000, 2**31 - 1, 2**40, -(2**62)]
Row = tuple[object, ...]


def written(path: Path, statement: str, rows: list[Row], table: str = "id INTEGER, data") -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute(f"CREATE TABLE t ({table})")
        connection.executemany(statement, rows)


def rows_of(path: Path) -> list[tuple[object, ...]]:
    # The schema's own row stands on the first page.
    return [cell.row for cell in carve(path) if cell.row[0] != "table"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "buffer.db"


def test_integers_texts_and_bytes_come_out_as_they_went_in(path: Path) -> None:
    rows: list[Row] = [*((number, None) for number in INTEGERS), (5, "text"), (6, b"bytes")]
    written(path, "INSERT INTO t VALUES (?, ?)", rows)
    assert rows_of(path) == rows


def test_rows_have_their_numbers_and_are_of_now(path: Path) -> None:
    written(path, "INSERT INTO t (rowid, id) VALUES (?, 1)", [(7,), (2**40 + 3,)])
    cells = [cell for cell in carve(path) if cell.row[0] != "table"]
    assert cells == [Cell(7, (1, None), current=True), Cell(2**40 + 3, (1, None), current=True)]


@pytest.mark.parametrize("size", [4_000, 4_061, 4_062, 8_000, 16_384, 60_000])
def test_a_row_that_spills_over_to_further_pages_is_put_together(path: Path, size: int) -> None:
    data = (LONG * 4)[:size]
    written(path, "INSERT INTO t VALUES (?, ?)", [(1, data)])
    assert rows_of(path) == [(1, data)]


def test_rows_of_a_table_without_row_numbers_are_read(path: Path) -> None:
    rows: list[Row] = [("a", 1), ("b", 2)]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("CREATE TABLE t (name TEXT PRIMARY KEY, v INTEGER) WITHOUT ROWID")
        connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
    assert rows_of(path) == rows
    assert {cell.number for cell in carve(path) if cell.row[0] in {"a", "b"}} == {0}


def test_rows_survive_a_first_page_that_is_gone(path: Path) -> None:
    rows: list[Row] = [(number, "x" * 100) for number in range(200)]
    written(path, "INSERT INTO t VALUES (?, ?)", rows)
    data = bytearray(path.read_bytes())
    data[:PAGE_BYTES] = b"\xff" * PAGE_BYTES
    path.write_bytes(data)
    with pytest.raises(sqlite3.DatabaseError), closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT * FROM t")
    assert sorted(rows_of(path)) == rows


def test_values_that_no_row_of_ours_holds_are_passed_over(path: Path) -> None:
    rows: list[Row] = [(1, 0.5), (2, "good"), (3, b"x" * (129 * 1024))]
    written(path, "INSERT INTO t VALUES (?, ?)", rows)
    assert rows_of(path) == [(2, "good")]


def test_a_chain_of_pages_that_breaks_off_gives_no_row(path: Path) -> None:
    written(path, "INSERT INTO t VALUES (?, ?)", [(1, LONG), (2, "good")])
    data = bytearray(path.read_bytes())
    overflow = 2 * PAGE_BYTES
    assert int.from_bytes(data[overflow : overflow + 4], "big") > 0
    for following in (2**31 - 1, 0):
        data[overflow : overflow + 4] = following.to_bytes(4, "big")
        path.write_bytes(data)
        assert rows_of(path) == [(2, "good")]


def test_cells_that_point_nowhere_are_passed_over(path: Path) -> None:
    written(path, "INSERT INTO t VALUES (?, ?)", [(1, "a"), (2, "b")])
    data = bytearray(path.read_bytes())
    first = PAGE_BYTES + 8
    data[first : first + 2] = (0xFFFF).to_bytes(2, "big")
    path.write_bytes(data)
    assert rows_of(path) == [(2, "b")]


def logged(path: Path) -> tuple[bytes, bytes]:
    """A file and its log with a newer version of one page."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (id INTEGER, data)")
        connection.execute("INSERT INTO t VALUES (1, 'old')")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("INSERT INTO t VALUES (2, 'new')")
        log = path.with_name(path.name + "-wal")
        return path.read_bytes(), log.read_bytes()


def test_a_page_in_the_log_is_newer_than_the_files(path: Path) -> None:
    file, log = logged(path)
    path.write_bytes(file)
    path.with_name("buffer.db-wal").write_bytes(log)
    cells = [(cell.row, cell.current) for cell in carve(path) if cell.row[0] != "table"]
    assert cells == [((1, "old"), True), ((2, "new"), True), ((1, "old"), False)]


@pytest.mark.parametrize("salt_is_damaged", [False, True])
def test_frames_of_an_earlier_round_are_not_read(path: Path, *, salt_is_damaged: bool) -> None:
    file, log = logged(path)
    path.write_bytes(file)
    data = bytearray(log)
    frame = bytearray(data[HEADER_BYTES : HEADER_BYTES + FRAME_HEADER_BYTES + PAGE_BYTES])
    frame[8:16] = bytes(8)
    frame[FRAME_HEADER_BYTES:] = bytes(PAGE_BYTES)
    data += frame
    if salt_is_damaged:
        data[16] ^= 1
    path.with_name("buffer.db-wal").write_bytes(data)
    assert (2, "new") in rows_of(path)

"""A flipped bit in the write-ahead log costs no commit, and what is beyond repair is named."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge_agent.buffer.schema import PAGE_BYTES
from edge_agent.buffer.wal import FRAME_HEADER_BYTES, HEADER_BYTES, check_log
from edge_agent.errors import BufferDamagedError, BufferUnavailableError

FRAME = FRAME_HEADER_BYTES + PAGE_BYTES
ROWS = 8


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database whose rows, a commit each, stand in its log alone."""
    folder = tmp_path_factory.mktemp("log")
    path = folder / "whole.db"
    chance = random.Random(7)  # noqa: S311 - repeatable
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, data BLOB)")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for number in range(ROWS):
            row = (number, chance.randbytes(2_000))
            connection.execute("INSERT INTO row VALUES (?, ?)", row)
        shutil.copy(path, folder / "buffer.db")
        shutil.copy(folder / "whole.db-wal", folder / "buffer.db-wal")
    return folder


class Site:
    """A copy of the database and its log, to be damaged."""

    def __init__(self, written: Path, folder: Path) -> None:
        self.path = folder / "buffer.db"
        self.log = folder / "buffer.db-wal"
        shutil.copy(written / "buffer.db", self.path)
        shutil.copy(written / "buffer.db-wal", self.log)
        self.whole = self.log.read_bytes()
        self.frames = (len(self.whole) - HEADER_BYTES) // FRAME

    def flip(self, *places: tuple[int, int]) -> None:
        data = bytearray(self.log.read_bytes())
        for at, bit in places:
            data[at] ^= 1 << bit
        self.log.write_bytes(data)

    def frame(self, number: int) -> int:
        return HEADER_BYTES + number * FRAME

    @property
    def rows(self) -> int:
        with closing(sqlite3.connect(self.path)) as connection:
            count: int = connection.execute("SELECT count(*) FROM row").fetchone()[0]
            return count


@pytest.fixture
def site(written: Path, tmp_path: Path) -> Site:
    return Site(written, tmp_path)


def test_a_log_that_is_whole_is_left_alone(site: Site) -> None:
    before = site.log.stat().st_mtime_ns
    check_log(site.path)
    assert (site.log.read_bytes(), site.log.stat().st_mtime_ns) == (site.whole, before)
    assert site.rows == ROWS


def test_a_buffer_without_a_log_needs_nothing(tmp_path: Path) -> None:
    check_log(tmp_path / "buffer.db")
    (tmp_path / "buffer.db-wal").write_bytes(b"short")
    check_log(tmp_path / "buffer.db")
    assert (tmp_path / "buffer.db-wal").read_bytes() == b"short"


@pytest.mark.parametrize("at", range(HEADER_BYTES))
def test_a_bit_of_the_header_is_turned_back(site: Site, at: int) -> None:
    site.flip((at, at % 8))
    check_log(site.path)
    assert site.log.read_bytes() == site.whole


@pytest.mark.parametrize("at", [0, 4, 8, 15, 16, 23])
def test_a_bit_of_a_frames_header_is_turned_back(site: Site, at: int) -> None:
    site.flip((site.frame(1) + at, at % 8))
    check_log(site.path)
    assert site.log.read_bytes() == site.whole


@pytest.mark.parametrize(
    ("frame", "places"),
    # The last word of a page is told from the checksum by the frame behind.
    [(0, (0, 1_500, PAGE_BYTES - 4)), (1, (0, 1_500, PAGE_BYTES - 4)), (-1, (0, 1_500))],
)
def test_a_bit_of_a_page_is_turned_back(site: Site, frame: int, places: tuple[int, ...]) -> None:
    begin = site.frame(frame % site.frames) + FRAME_HEADER_BYTES
    for at in places:
        site.flip((begin + at, 3))
        check_log(site.path)
        assert site.log.read_bytes() == site.whole
    assert site.rows == ROWS


def test_a_bit_that_could_stand_in_several_words_stays_and_no_commit_behind_it_is_lost(
    site: Site,
) -> None:
    """High bits of several words weigh the same in the sums; the row's own hash decides."""
    at = site.frame(3) + FRAME_HEADER_BYTES + 3_003
    site.flip((at, 7))
    check_log(site.path)
    assert site.log.read_bytes()[at] == site.whole[at] ^ 0x80
    assert site.rows == ROWS


def test_without_the_repair_sqlite_would_drop_all_that_follows(site: Site) -> None:
    site.flip((site.frame(1) + FRAME_HEADER_BYTES + 100, 0))
    assert site.rows < ROWS


def test_commits_behind_a_frame_beyond_repair_are_named(site: Site) -> None:
    begin = site.frame(1) + FRAME_HEADER_BYTES
    site.flip((begin + 100, 0), (begin + 900, 5), (begin + 1_700, 6))
    damaged = site.log.read_bytes()
    with pytest.raises(BufferDamagedError, match="commits follow a broken frame") as raised:
        check_log(site.path)
    assert isinstance(raised.value.value, int)
    assert raised.value.value >= 2
    assert site.log.read_bytes() == damaged


def test_a_header_beyond_repair_before_commits_is_named(site: Site) -> None:
    site.flip((0, 0), (9, 4), (17, 2), (26, 7))
    with pytest.raises(BufferDamagedError):
        check_log(site.path)


def test_what_a_power_cut_leaves_of_the_last_commit_is_no_damage(site: Site) -> None:
    begin = site.frame(site.frames - 1) + FRAME_HEADER_BYTES
    site.flip((begin + 100, 0), (begin + 900, 5), (begin + 1_700, 6))
    check_log(site.path)
    assert site.rows == ROWS - 1


def test_frames_of_a_log_before_this_one_vouch_for_nothing(site: Site) -> None:
    data = bytearray(site.whole)
    for number in range(2, site.frames):
        at = site.frame(number)
        data[at + 8 : at + 16] = bytes(8)
    at = site.frame(1) + FRAME_HEADER_BYTES
    data[at + 100 : at + 200] = bytes(100)
    site.log.write_bytes(data)
    check_log(site.path)
    assert site.rows < ROWS


def test_a_log_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "buffer.db-wal").mkdir()
    with pytest.raises(BufferUnavailableError, match="is unusable"):
        check_log(tmp_path / "buffer.db")

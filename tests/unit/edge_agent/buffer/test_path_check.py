"""A file that is none of ours is left alone, whatever it is; a damaged one of ours is not."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.path_check import check_folder
from edge_agent.errors import BufferFolderError, BufferForeignError

GATEWAY = "gw-1"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def diary(path: Path) -> None:
    path.write_text("Dear diary, " * 1000)


def database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE secrets (what TEXT)")
        connection.execute("INSERT INTO secrets VALUES ('all of them')")
        connection.commit()


def logged_database(path: Path) -> None:
    """With a write-ahead log of its own, as after a crash."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE secrets (what TEXT)")
    connection.commit()
    log = path.with_name(path.name + "-wal")
    kept = path.read_bytes(), log.read_bytes()
    connection.close()
    path.write_bytes(kept[0])
    log.write_bytes(kept[1])


@pytest.mark.parametrize("foreign", [diary, database, logged_database])
async def test_a_foreign_file_is_refused_by_name_and_not_touched(
    foreign: object, tmp_path: Path
) -> None:
    path = tmp_path / "mine"
    assert callable(foreign)
    foreign(path)
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}  # noqa: PTH208 - no Path in async code
    with pytest.raises(BufferForeignError, match="not a buffer of this gateway"):
        await Buffer.open(path, GATEWAY, NOW)
    after = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}  # noqa: PTH208
    assert after == before


async def test_a_folder_is_no_buffer(tmp_path: Path) -> None:
    with pytest.raises(BufferForeignError, match="is a folder"):
        await Buffer.open(tmp_path, GATEWAY, NOW)


@pytest.mark.parametrize("left", [b"", bytes(8192)])
async def test_what_a_power_cut_leaves_of_a_new_file_is_no_foreign_one(
    left: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "buffer.db"
    path.write_bytes(left)
    buffer = await Buffer.open(path, GATEWAY, NOW)
    await buffer.close()


def test_a_folder_that_takes_no_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BufferFolderError, match="is not a folder"):
        check_folder(tmp_path / "file" / "buffer.db")
    # Not even root may write here.
    with pytest.raises(BufferFolderError, match=r"is not writable|does not exist"):
        check_folder(Path("/proc/1/buffer.db"))
    check_folder(tmp_path / "buffer.db")

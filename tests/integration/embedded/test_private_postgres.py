"""The private PostgreSQL: its place, its permissions, and what it keeps."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from central.adapters.embedded.account import OwnFolder, private_account
from central.adapters.embedded.binaries import probe, wheel_binaries
from central.adapters.embedded.errors import (
    OwnFolderRefusedError,
    ServerBinariesMissingError,
    ServerStartError,
)
from central.adapters.embedded.postgres import EmbeddedPostgres
from tests.conftest import POSTGRES
from tests.support.servers import PostgresKind, fresh_folder


@pytest.fixture(scope="module")
def made() -> Iterator[dict[str, Path]]:
    """A folder of each kind of server with a cluster in it; `initdb` costs ten starts."""
    with ExitStack() as stack:
        folders = {}
        for kind in POSTGRES:
            folders[str(kind)] = stack.enter_context(fresh_folder()) / "pg"
            with EmbeddedPostgres(folders[str(kind)], kind.binaries, durable=False):
                pass
        yield folders


@pytest.fixture(params=POSTGRES, ids=str)
def pg(
    request: pytest.FixtureRequest, made: dict[str, Path], server_home: Path
) -> EmbeddedPostgres:
    kind: PostgresKind = request.param
    home = copied(made, kind, server_home)
    # What SIGKILL leaves in the system's cache is enough here, and far quicker.
    return EmbeddedPostgres(home, kind.binaries, durable=False)


def copied(made: dict[str, Path], kind: PostgresKind, server_home: Path) -> Path:
    """A copy with its owners, for one test."""
    subprocess.run(["cp", "-a", str(made[str(kind)]), str(server_home)], check=True)
    return server_home / "pg"


def permissions(folder: Path) -> dict[Path, tuple[int, int, int]]:
    return {
        place: (found.st_mode, found.st_uid, found.st_gid)
        for place in (folder, *folder.parents)
        if (found := place.stat())
    }


def test_committed_rows_survive_sigkill_and_stop(pg: EmbeddedPostgres) -> None:
    with pg:
        with psycopg.connect(pg.dsn) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS value")
        address = pg.dsn
        pg.kill()
        assert not pg.running
        pg.start()
        assert pg.dsn == address
        with psycopg.connect(pg.dsn) as connection:
            connection.execute("INSERT INTO kept VALUES (2)")
    with pg, psycopg.connect(pg.dsn) as connection:
        found = connection.execute("SELECT value FROM kept ORDER BY 1").fetchall()
    assert found == [(1,), (2,)]


@pytest.mark.parametrize("name", ["my meters", "one, two", 'the "new" one', "50%+ü"])
def test_any_name_of_a_folder_will_do(server_home: Path, name: str) -> None:
    with (
        EmbeddedPostgres(server_home / name, wheel_binaries(), durable=False) as pg,
        psycopg.connect(pg.dsn) as connection,
    ):
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_durable_by_default_and_utc_without_a_port(
    made: dict[str, Path], server_home: Path
) -> None:
    with (
        EmbeddedPostgres(copied(made, POSTGRES[0], server_home), wheel_binaries()) as pg,
        psycopg.connect(pg.dsn) as connection,
    ):
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()
            for name in ("fsync", "synchronous_commit", "timezone", "listen_addresses")
        }
    assert shown == {
        "fsync": ("on",),
        "synchronous_commit": ("on",),
        "timezone": ("UTC",),
        "listen_addresses": ("",),
    }


def test_timescaledb_is_there_to_create_where_the_server_offers_it(pg: EmbeddedPostgres) -> None:
    with pg, psycopg.connect(pg.dsn) as connection:
        found = connection.execute(
            "SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb'"
        ).fetchone()
        assert found == (None if pg.binaries.timescaledb is None else (pg.binaries.timescaledb,))
        if pg.binaries.timescaledb is not None:
            connection.execute("CREATE EXTENSION timescaledb")
            telemetry = connection.execute("SHOW timescaledb.telemetry_level").fetchone()
            assert telemetry == ("off",)


def test_others_cannot_reach_socket_or_data(pg: EmbeddedPostgres) -> None:
    with pg:
        for private in (pg.home / "run", pg.home / f"data-{pg.binaries.major}"):
            assert stat.S_IMODE(private.stat().st_mode) == 0o700


def test_parent_folders_keep_their_permissions(tmp_path: Path) -> None:
    # pytest's folder is open to its owner alone, as a home directory is.
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = permissions(closed)
    with EmbeddedPostgres(closed / "pg", wheel_binaries(), durable=False) as server:
        place = server.home
        with psycopg.connect(server.dsn) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert permissions(closed) == before
    if os.geteuid() == 0:
        assert place.parent == Path(tempfile.gettempdir())
        assert OwnFolder(closed / "pg", private_account()).path == place, "found again next time"
        # Ours, by the name that the test was just given.
        shutil.rmtree(place)
    else:
        assert place == closed / "pg"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs its servers as another user")
def test_binaries_that_the_servers_user_cannot_reach_are_copied(
    tmp_path: Path, server_home: Path
) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    found = wheel_binaries()
    copied = found.copy_to(hidden / "copied")
    libraries = found.libraries and next(hidden.glob(f"**/{found.libraries.name}"))
    before = permissions(hidden)
    with EmbeddedPostgres(
        server_home / "pg", replace(found, folder=copied, libraries=libraries), durable=False
    ) as server:
        assert Path(f"/proc/{server.pid}/exe").readlink().is_relative_to(server.home)
    assert permissions(hidden) == before


def test_a_deep_folder_gets_a_socket_elsewhere(server_home: Path) -> None:
    deep = server_home.joinpath(*["a-folder-with-a-long-name"] * 5)
    with EmbeddedPostgres(deep, wheel_binaries(), durable=False) as server:
        with psycopg.connect(server.dsn) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert str(deep) not in server.dsn
        sockets = Path(str(psycopg.conninfo.conninfo_to_dict(server.dsn)["host"]))
        assert sockets.is_dir()
    assert not sockets.exists()


def test_a_half_made_cluster_is_made_anew(server_home: Path) -> None:
    binaries = wheel_binaries()
    half = server_home / "pg" / f"data-{binaries.major}.new"
    half.mkdir(parents=True)
    (server_home / "pg").chmod(0o711)
    (half / "PG_VERSION").write_text("cut off")
    with EmbeddedPostgres(server_home / "pg", binaries, durable=False) as server:
        assert server.running
    assert not half.exists()


def test_a_lock_file_of_a_number_that_now_is_another_process_does_not_matter(
    pg: EmbeddedPostgres,
) -> None:
    with pg:
        lock = pg.home / f"data-{pg.binaries.major}" / "postmaster.pid"
        text = lock.read_text()
        pg.kill()
        lock.write_text(text.replace(text.split("\n", 1)[0], str(os.getpid()), 1))
        pg.start()
        assert pg.running


def test_a_folder_open_to_others_is_refused(server_home: Path) -> None:
    (server_home / "pg").mkdir()
    (server_home / "pg").chmod(0o777)
    with pytest.raises(OwnFolderRefusedError, match="can be written by others"):
        EmbeddedPostgres(server_home / "pg", wheel_binaries())


def test_a_folder_without_programs_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ServerBinariesMissingError, match=tmp_path.name):
        probe(tmp_path)


def test_a_server_that_ends_at_once_says_why(made: dict[str, Path], server_home: Path) -> None:
    home = copied(made, POSTGRES[0], server_home)
    server = EmbeddedPostgres(
        home, wheel_binaries(), durable=False, settings={"no_such_setting": "1"}
    )
    with pytest.raises(ServerStartError, match="no_such_setting"):
        server.start()
    assert not server.running


async def test_usable_from_async_code(made: dict[str, Path], server_home: Path) -> None:
    home = copied(made, POSTGRES[0], server_home)
    async with EmbeddedPostgres(home, wheel_binaries(), durable=False) as server:
        connection = await psycopg.AsyncConnection.connect(server.dsn)
        async with connection:
            cursor = await connection.execute("SELECT current_user")
            assert await cursor.fetchone() == ("meterline",)

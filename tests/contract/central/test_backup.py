"""A backup says what it holds, and what is restored from it says the same, on every server."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from central.adapters.embedded.postgres import EmbeddedPostgres
from central.adapters.timescale.backup import PostgresBackups, check_copy, sha256_of
from central.adapters.timescale.ingest.ingest import TimescaleIngestStore
from central.adapters.timescale.instance import RestoreWatch, being_copied
from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.retention_rules import TimescaleRetentionRules
from central.process.keep_fit import keep_fit
from central.service.backups import Backups, read_manifest
from central.service.ingest.ingest import Ingest
from central.service.ports.backups import (
    BackupFailedError,
    BackupUnreadableError,
    ProgramMissingError,
    RestoreNotEmptyError,
)
from tests.support.actors import CLERK, noted
from tests.support.ingest import Edge, arrive, hello, readings, state_of
from tests.support.servers import Database, fresh_database

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
OPEN_DOORS = """\
INSERT INTO gateway_invitation (gateway, code_sha256, invited_by, invited_at, expires_at)
VALUES ('roof-1', sha256('a'), 'ana', '2026-11-03Z', '2026-11-05Z');
INSERT INTO person (name, roles, added_at, added_by)
VALUES ('ana', '{viewer}', '2026-11-03Z', 'chair');
INSERT INTO person_code (sha256, person_id, added_at, added_by, until_at)
SELECT sha256('b'), id, '2026-11-03Z', 'chair', '2026-11-05Z' FROM person WHERE name = 'ana';
INSERT INTO web_session
    (sha256, browser_sha256, account, address, agent, begun_at, seen_at, until_at)
SELECT sha256('c'), sha256('d'), 'ana', '127.0.0.1', 'x', day, day, '2099-01-01Z'
FROM (SELECT '2026-11-04Z'::timestamptz AS day) AS signed_in;
"""
IS_OPEN = """\
SELECT (SELECT count(*) FROM gateway_invitation WHERE withdrawn_at IS NULL)
    + (SELECT count(*) FROM person_code WHERE used_at IS NULL)
    + (SELECT count(*) FROM web_session WHERE ended_at IS NULL)
"""
NO_ANCHORS: dict[int, bytes] = {}


def backups(database: Database) -> Backups:
    store = PostgresBackups(database.dsn, database.kind.binaries.folder)
    return Backups(store, lambda: NOW, CLERK)


@pytest.fixture
def empty(filled: Database) -> Iterator[Database]:
    """An empty database on the same server."""
    with fresh_database(filled.server, filled.kind) as fresh:
        yield fresh


def one(database: Database, query: str) -> object:
    with psycopg.connect(database.dsn, autocommit=True) as owner:
        row = owner.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


async def test_what_is_restored_says_the_same_and_goes_on(
    filled: Database, empty: Database, tmp_path: Path
) -> None:
    with psycopg.connect(filled.dsn, autocommit=True) as owner:
        owner.execute(OPEN_DOORS)
    taken = await backups(filled).take(tmp_path)
    assert taken.path == tmp_path / "meterline-20261104T120000Z.dump"
    assert sorted(os.listdir(tmp_path)) == [taken.path.name, f"{taken.path.name}.json"]  # noqa: PTH208
    assert taken.manifest.rows["bill"] == 3
    restored = await backups(empty).restore(taken.path, sha256_of, NO_ANCHORS)
    assert (restored.differences, restored.seals_lost) == ((), None)
    # What was used or ended after the backup would be open again.
    assert restored.closed == {"claim_codes": 1, "person_codes": 1, "sign_ins": 1}
    assert (one(filled, IS_OPEN), one(empty, IS_OPEN)) == (3, 0)
    # Nobody finds it a second time.
    assert await seen(empty) is None
    assert await backups(empty).close_doors() == dict.fromkeys(restored.closed, 0)
    # Both are in the audit log, each where it happened.
    said = (
        "SELECT string_agg(action || ' ' || (detail ->> 'file'), ',') FROM audit_log"
        " WHERE subject = 'database'"
    )
    assert one(filled, said) == f"backup.take {taken.path.name}"
    assert one(empty, said) == f"backup.restore {taken.path.name}"
    # What is final is kept from changing as before, and the application's role has its rights.
    with psycopg.connect(empty.dsn) as owner, pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute("UPDATE batch SET sha256 = sha256('')")
    async with make_pool(empty.dsn, max_size=1) as pool:
        ingest = Ingest(TimescaleIngestStore(pool), lambda: NOW)
        edge = Edge("rooftop-01")
        edge.seal(readings(3, NOW - timedelta(hours=1)))
        result = await ingest.commit(edge.arrive(*edge.sealed))
        assert [outcome.code for outcome in result.outcomes] == ["STORED"]


async def test_a_database_that_says_something_else_is_told_apart(
    filled: Database, tmp_path: Path
) -> None:
    taken = await backups(filled).take(tmp_path)
    with psycopg.connect(filled.dsn, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("UPDATE bill SET total = total + 1 WHERE id = (SELECT min(id) FROM bill)")
        owner.execute("DELETE FROM gateway_epoch WHERE cum = (SELECT max(cum) FROM gateway_epoch)")
    found = await backups(filled).compare(taken.manifest, {5_000: bytes(32)})
    assert "The bills say something else than in the backup." in found.differences
    assert "The cursors say something else than in the backup." in found.differences
    assert any(re.match("gateway_epoch has ", sentence) for sentence in found.differences)
    assert found.seals_lost == 5_000 - int(str(one(filled, "SELECT count(*) FROM audit_seal")))


async def test_what_cannot_be_restored_is_refused_by_name(
    filled: Database, empty: Database, tmp_path: Path
) -> None:
    taken = await backups(filled).take(tmp_path)
    with pytest.raises(RestoreNotEmptyError):
        await backups(filled).restore(taken.path, sha256_of, NO_ANCHORS)
    with taken.path.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"x")
    with pytest.raises(BackupUnreadableError, match="is not the file"):
        await backups(empty).restore(taken.path, sha256_of, NO_ANCHORS)
    assert one(empty, "SELECT count(*) FROM pg_class WHERE relname = 'bill'") == 0
    with pytest.raises(ProgramMissingError, match="pg_dump"):
        await Backups(PostgresBackups(filled.dsn, tmp_path), lambda: NOW, CLERK).take(tmp_path)
    with pytest.raises(BackupFailedError, match="pg_dump failed"):
        await backups(filled).take(tmp_path / "nowhere")


async def test_an_owner_who_is_no_superuser_restores(
    plain_filled: Database, tmp_path: Path
) -> None:
    taken = await backups(plain_filled).take(tmp_path)
    server, role = plain_filled.server, f"restorer_{uuid4().hex[:8]}"
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN")
        try:
            with fresh_database(server, plain_filled.kind) as empty:
                admin.execute(f'ALTER DATABASE "{empty.name}" OWNER TO {role}')
                store = PostgresBackups(empty.dsn_as(role), plain_filled.kind.binaries.folder)
                use_case = Backups(store, lambda: NOW, CLERK)
                restored = await use_case.restore(taken.path, sha256_of, NO_ANCHORS)
                assert restored.differences == ()
                assert one(empty, "SELECT count(*) FROM pg_event_trigger") == 0
        finally:
            admin.execute(f"DROP ROLE {role}")


@pytest.mark.parametrize("replayed", [False, True])
async def test_a_copy_of_the_server_starts_says_the_same_and_is_seen_to_be_one(
    plain_filled: Database, tmp_path: Path, server_home: Path, *, replayed: bool
) -> None:
    with psycopg.connect(plain_filled.dsn, autocommit=True) as owner:
        owner.execute(OPEN_DOORS)
    taken = await backups(plain_filled).take(tmp_path, of_server=True)
    kind, version = plain_filled.kind, taken.path / "PG_VERSION"
    said = version.read_text()
    version.write_text("9\n")
    with pytest.raises(BackupFailedError, match="PG_VERSION"):
        check_copy(taken.path)
    version.write_text(said)
    if replayed:
        (taken.path / "recovery.signal").touch()
        with (taken.path / "postgresql.auto.conf").open("a") as written:
            written.write("restore_command = 'false'\n")
    shutil.move(taken.path, server_home / f"data-{kind.binaries.major}")
    settings = {"max_connections": "200"}
    with EmbeddedPostgres(server_home, kind.binaries, durable=False, settings=settings) as server:
        copied = Database(plain_filled.name, server, kind)
        found = await backups(copied).compare(read_manifest(taken.path), NO_ANCHORS)
        assert found.differences == ()
        # No option asked for it.
        assert await is_paused(copied)
        assert await seen(copied) == ("timeline" if replayed else "copy")
        assert one(copied, IS_OPEN) == 0
        assert await seen(copied) is None
        assert await is_paused(copied)
    assert await seen(plain_filled) is None
    assert one(plain_filled, IS_OPEN) == 3
    assert not await is_paused(plain_filled)


async def test_what_was_restored_by_hand_is_seen_by_whichever_process_starts(
    filled: Database, empty: Database, tmp_path: Path
) -> None:
    with psycopg.connect(filled.dsn, autocommit=True) as owner:
        owner.execute(OPEN_DOORS)
    taken = await backups(filled).take(tmp_path)
    store = PostgresBackups(empty.dsn, empty.kind.binaries.folder)
    await store.load(taken.path, taken.manifest)
    assert one(empty, IS_OPEN) == 3
    assert await is_paused(empty)
    async with make_pool(empty.dsn_as("meterline_app"), max_size=1) as pool:
        running = asyncio.ensure_future(keep_fit(pool))
        async with asyncio.timeout(20):
            while one(empty, IS_OPEN):
                assert not running.done(), running
                await asyncio.sleep(0.05)
        running.cancel()
    said = "SELECT detail ->> 'another' || actor FROM audit_log WHERE action = 'backup.restore'"
    assert one(empty, said) == "databasejob:restore"
    assert await is_paused(empty)
    # Who resumes has looked at it.
    async with make_pool(empty.dsn, max_size=1) as pool:
        await TimescaleRetentionRules(pool).resume(noted(NOW, reason="looked through"))
    assert not await is_paused(empty)


async def test_who_resumes_before_any_process_has_started_resumes_the_restored_one(
    filled: Database, empty: Database, tmp_path: Path
) -> None:
    taken = await backups(filled).take(tmp_path)
    store = PostgresBackups(empty.dsn, empty.kind.binaries.folder)
    await store.load(taken.path, taken.manifest)
    async with make_pool(empty.dsn, max_size=1) as pool:
        await TimescaleRetentionRules(pool).resume(noted(NOW, reason="looked through"))
    assert await seen(empty) is None
    assert not await is_paused(empty)


async def test_a_server_is_no_copy_while_it_is_copied_and_one_that_died_meanwhile_may_be(
    plain_filled: Database,
) -> None:
    async with await psycopg.AsyncConnection.connect(plain_filled.dsn, autocommit=True) as owner:
        async with being_copied(owner, NOW):
            assert await seen(plain_filled) is None
        assert await seen(plain_filled) is None
        await owner.execute("UPDATE database_instance SET copying_since = now()")
    assert await seen(plain_filled) == "copy"
    assert await seen(plain_filled) is None


async def seen(database: Database) -> str | None:
    async with make_pool(database.dsn_as("meterline_app"), max_size=1) as pool:
        return await RestoreWatch(pool)(NOW)


async def is_paused(database: Database) -> bool:
    async with make_pool(database.dsn, max_size=1) as pool:
        return await TimescaleRetentionRules(pool).restored_at(NOW) is not None


async def test_gateways_fill_what_came_after_the_backup(
    filled: Database, empty: Database, tmp_path: Path
) -> None:
    edge = Edge("rooftop-02")
    for hour in range(4):
        edge.seal(readings(2, NOW - timedelta(hours=9 - hour)))
    async with make_pool(filled.dsn, max_size=1) as pool:
        ingest = Ingest(TimescaleIngestStore(pool), lambda: NOW)
        await ingest.commit(edge.arrive(*edge.sealed[:2]))
        taken = await backups(filled).take(tmp_path)
        await ingest.commit(edge.arrive(*edge.sealed[2:]))
    await backups(empty).restore(taken.path, sha256_of, NO_ANCHORS)
    whole = "SELECT count(*) FROM reading"
    assert one(empty, whole) == int(str(one(filled, whole))) - 4
    async with make_pool(empty.dsn, max_size=1) as pool:
        ingest = Ingest(TimescaleIngestStore(pool), lambda: NOW)
        # The hello says what the edge still has, though it was acknowledged; it is asked for it.
        replies = (await ingest.commit(arrive(edge.name, hello(state_of(edge, cum=4))))).replies
        assert [reply.ack.cum for reply in replies] == [2, 0]
        await ingest.commit(edge.arrive(*edge.sealed))
    assert one(empty, whole) == one(filled, whole)
    cursors = "SELECT string_agg(cum::text, ',' ORDER BY epoch) FROM gateway_epoch"
    assert one(empty, cursors) == one(filled, cursors)


@pytest.mark.parametrize("text", ["", "[]", '{"form": 9}', '{"form": 1}', None])
def test_what_is_no_manifest_is_refused_by_name(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "a.dump.json").write_text(text)
    with pytest.raises(BackupUnreadableError, match="manifest"):
        read_manifest(tmp_path / "a.dump")

"""Whoever owns the database can change the log, and verification says where; on every server."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from central.adapters.timescale.audit.store import TimescaleAuditStore
from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.migrate import MIGRATIONS, migrate
from central.adapters.timescale.pool import make_pool
from central.domain.audit.chain import BreakCode, ChainBreak
from central.domain.audit.change import Personal, change
from central.service.audit.verify import VerifiedLog, verify_audit
from central.service.ports.audit import AuditFilter
from central.service.ports.ingest import StoreUnavailableError
from tests.support.actors import CLERK
from tests.support.servers import Database

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROWS = 5
_MISTAKES = (
    "UPDATE audit_log SET at = now()",
    "UPDATE audit_seal SET sealed_at = now()",
    "DELETE FROM audit_log",
    "DELETE FROM audit_seal",
    "TRUNCATE audit_log",
    "TRUNCATE audit_seal",
    "TRUNCATE audit_log CASCADE",
    "TRUNCATE personal_value",
    "UPDATE personal_value SET value = ''",
)
Connection = psycopg.Connection[tuple[Any, ...]]


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[TimescaleAuditStore]:
    async with make_pool(database.dsn, max_size=3) as pool:
        yield TimescaleAuditStore(pool)


def write(database: Database, count: int = ROWS, *, seal: bool = True) -> None:
    async def work() -> None:
        async with make_pool(database.dsn, max_size=2) as pool:
            async with pool.connection() as connection, connection.transaction():
                for number in range(count):
                    detail = change({"name": Personal("Ada")}, {"name": Personal(f"B{number}")})
                    await audit(connection, NOW, CLERK, "account.changed", "A-1", detail)
            if seal:
                await TimescaleAuditStore(pool).seal(NOW)

    asyncio.run(work())


def verified(database: Database, anchors: dict[int, bytes] | None = None) -> VerifiedLog:
    async def work() -> VerifiedLog:
        async with opened(database) as store:
            return await verify_audit(store, anchors or {}, NOW)

    return asyncio.run(work())


def broken(database: Database, anchors: dict[int, bytes] | None = None) -> ChainBreak:
    found = verified(database, anchors).broken
    assert found is not None
    return found


@pytest.fixture
def log(migrated: Database) -> Database:
    """A sealed log of some rows."""
    write(migrated)
    assert verified(migrated).head.number == ROWS
    return migrated


@pytest.fixture
def owner(log: Database) -> Iterator[Connection]:
    """The owner, with every trigger and foreign key off."""
    with psycopg.connect(log.dsn, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("ALTER TABLE audit_seal DROP CONSTRAINT audit_seal_says_origin")
        yield connection


@pytest.mark.parametrize(
    "change_to",
    [
        "actor = 'nobody'",
        "via = NULL",
        "origin = NULL",
        "origin = '203.0.113.9'",
        "action = 'account.added'",
        "subject = 'A-2'",
        "at = at + interval '1 microsecond'",
        "detail = jsonb_set(detail, '{reason}', '\"why\"')",
    ],
)
def test_a_row_that_was_changed_is_named(log: Database, owner: Connection, change_to: str) -> None:
    for row in range(ROWS, 0, -1):
        owner.execute(f"UPDATE audit_log SET {change_to} WHERE id = {row}".encode())  # noqa: S608
        found = broken(log)
        assert (found.code, found.row_id, found.number) == (BreakCode.ROW_CHANGED, row, row)


def test_a_row_or_a_seal_that_is_gone_is_named(log: Database, owner: Connection) -> None:
    owner.execute("DELETE FROM audit_log WHERE id = 2")
    found = broken(log)
    assert (found.code, found.row_id) == (BreakCode.ROW_MISSING, 2)
    owner.execute("DELETE FROM audit_seal WHERE audit_id = 2")
    found = broken(log)
    assert (found.code, found.number) == (BreakCode.SEAL_MISSING, 2)


@pytest.mark.parametrize(
    "change_to",
    ["prev_hash = sha256('x')", "sha256 = sha256('x')", "form = 1", "form = 2", "form = 9"],
)
def test_a_seal_that_was_changed_is_named(log: Database, owner: Connection, change_to: str) -> None:
    owner.execute(f"UPDATE audit_seal SET {change_to} WHERE seal = 3".encode())  # noqa: S608
    assert broken(log).number == 3


def test_a_tail_that_was_cut_is_found_by_the_anchor_alone(log: Database, owner: Connection) -> None:
    head = verified(log).head
    owner.execute("DELETE FROM audit_seal WHERE seal > 3")
    owner.execute("DELETE FROM audit_log WHERE id > 3")
    assert verified(log).broken is None
    found = broken(log, {head.number: head.sha256})
    assert (found.code, found.number) == (BreakCode.TAIL_CUT, 4)


def test_a_chain_that_was_made_again_is_found_by_the_anchor_alone(
    log: Database, owner: Connection
) -> None:
    head = verified(log).head
    owner.execute("UPDATE audit_log SET actor = 'nobody' WHERE id = 4")
    owner.execute("DELETE FROM audit_seal WHERE seal > 3")

    async def seal_again() -> None:
        async with opened(log) as store:
            await store.seal(NOW, sweep=True)

    asyncio.run(seal_again())
    assert verified(log).broken is None
    assert broken(log, {head.number: head.sha256}).code is BreakCode.ANCHOR_DIFFERS


def test_rows_whose_turn_was_taken_away_are_found_and_sealed(
    log: Database, owner: Connection
) -> None:
    write(log, seal=False)
    owner.execute("DELETE FROM audit_unsealed")
    owner.execute("UPDATE audit_log SET at = at - interval '1 hour' WHERE id > 5")
    found = broken(log)
    assert (found.code, found.row_id) == (BreakCode.ROW_UNSEALED, ROWS + 1)

    async def seal() -> None:
        async with opened(log) as store:
            assert (await store.seal(NOW)) == verified_head
            await store.seal(NOW, sweep=True)

    verified_head = verified(log).head
    asyncio.run(seal())
    assert verified(log).head.number == 2 * ROWS


def test_a_personal_value_is_erased_without_breaking_a_seal(log: Database) -> None:
    async def names() -> list[tuple[Any, Any]]:
        async with opened(log) as store:
            rows = await store.rows(AuditFilter(subject="A-1"), 10)
        return [(one.detail["old"]["name"], one.detail["new"]["name"]) for one in rows]

    assert asyncio.run(names())[0] == ("Ada", "B4")
    with psycopg.connect(log.dsn, autocommit=True) as connection:
        found = connection.execute("SELECT detail::text FROM audit_log").fetchall()
        assert not [row for row in found if "Ada" in row[0]]
        connection.execute("DELETE FROM personal_value WHERE about = 'A-1'")
    assert verified(log).broken is None
    assert asyncio.run(names())[0] == ({"erased": True}, {"erased": True})


def test_a_personal_value_that_was_changed_is_named(log: Database, owner: Connection) -> None:
    owner.execute("UPDATE personal_value SET value = replace(value, 'B2', 'C2')")
    found = broken(log)
    assert (found.code, found.row_id) == (BreakCode.PERSONAL_CHANGED, 3)


@pytest.mark.parametrize("role", ["meterline_app", None])
def test_nobody_changes_the_log_by_mistake(log: Database, role: str | None) -> None:
    dsn = log.dsn if role is None else log.dsn_as(role)
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in _MISTAKES:
            with pytest.raises(psycopg.Error) as caught:
                connection.execute(statement.encode())
            assert caught.value.sqlstate in {"23001", "42501", "0A000"}, statement
    assert verified(log).head.number == ROWS


async def _end_waiting(admin: Connection) -> None:
    for _ in range(1_000):
        ended = admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'doomed' AND wait_event_type = 'Lock'"
        )
        if ended.fetchall():
            return
        await asyncio.sleep(0.01)
    pytest.fail("the sealer never waited")


def test_a_sealer_that_is_killed_leaves_nothing_and_the_next_goes_on(log: Database) -> None:
    write(log, seal=False)

    async def killed() -> None:
        async with make_pool(log.dsn, max_size=1, name="doomed") as pool:
            store = TimescaleAuditStore(pool)
            # Stopped between the seals and the commit: the last statement waits for this lock.
            with psycopg.connect(log.dsn) as holder:
                holder.execute("LOCK TABLE audit_seal IN SHARE MODE")
                sealing = asyncio.create_task(store.seal(NOW))
                with psycopg.connect(log.dsn, autocommit=True) as admin:
                    await _end_waiting(admin)
            with suppress(StoreUnavailableError):
                await sealing

    asyncio.run(killed())
    assert verified(log).head.number == ROWS

    async def again() -> None:
        async with opened(log) as store:
            await store.seal(NOW)

    asyncio.run(again())
    assert verified(log).head.number == 2 * ROWS


def test_one_sealer_works_at_a_time(log: Database) -> None:
    write(log, seal=False)

    async def seal() -> None:
        async with opened(log) as store:
            with psycopg.connect(log.dsn) as other:
                other.execute("SELECT pg_advisory_xact_lock(7302002)")
                assert await store.seal(NOW) is None
            assert await store.seal(NOW) is not None

    asyncio.run(seal())


def test_what_commits_later_is_sealed_later_and_nothing_waits_for_another(
    log: Database,
) -> None:
    """Written first, committed last."""

    async def work() -> None:
        async with make_pool(log.dsn, max_size=3) as pool:
            store = TimescaleAuditStore(pool)
            async with pool.connection() as slow, slow.transaction():
                await audit(slow, NOW, CLERK, "slow", "it", change(None, {"a": 1}))
                async with pool.connection() as fast, fast.transaction():
                    await audit(fast, NOW, CLERK, "fast", "it", change(None, {"a": 1}))
                await store.seal(NOW)
            await store.seal(NOW)
            rows = await store.rows(AuditFilter(subject="it"), 2)
            assert {one.action: one.seal for one in rows} == {"fast": ROWS + 1, "slow": ROWS + 2}

    asyncio.run(work())
    assert verified(log).broken is None


def test_rows_that_were_chained_as_they_were_written_are_taken_over(
    database: Database, tmp_path: Path
) -> None:
    (own,) = MIGRATIONS.glob("*_audit.sql")
    for path in MIGRATIONS.glob("*.sql"):
        if path.name[:4] < own.name[:4]:
            shutil.copy(path, tmp_path)
    migrate(database.dsn, tmp_path)
    with psycopg.connect(database.dsn_as("meterline_app"), autocommit=True) as app:
        for number in range(ROWS):
            app.execute(
                "INSERT INTO audit_log (at, actor, action, subject, detail)"
                " VALUES (now() - interval '1 year', 'Åsa|', 'did', 'ünder|it', %s)",
                (f'{{"a": {number}, "ä": "€"}}',),
            )
        assert app.execute("SELECT audit_broken_at()").fetchone() == (None,)
        before = app.execute("SELECT sha256 FROM audit_log ORDER BY id DESC LIMIT 1").fetchone()
    migrate(database.dsn)
    found = verified(database)
    assert before is not None
    assert (found.broken, found.head.number, found.head.sha256) == (None, ROWS, bytes(before[0]))
    write(database)
    assert verified(database).head.number == 2 * ROWS
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE audit_log SET actor = 'Åsa' WHERE id = 2")
    assert broken(database).row_id == 2


def test_rows_that_do_not_say_from_where_keep_their_seals_and_get_no_others(
    database: Database, tmp_path: Path
) -> None:
    for path in MIGRATIONS.glob("*.sql"):
        if path.name[:4] < "0098":
            shutil.copy(path, tmp_path)
    migrate(database.dsn, tmp_path)
    add_seal = "INSERT INTO audit_seal VALUES (%s, %s, 2, %s, %s, now())"
    with psycopg.connect(database.dsn_as("meterline_app"), autocommit=True) as app:
        head = bytes(32)
        for number in range(1, ROWS + 1):
            row = app.execute(
                "INSERT INTO audit_log (at, actor, via, action, subject, detail)"
                " VALUES (now(), 'Åsa', 'api', 'did', 'ünder', %s)"
                " RETURNING id, (extract(epoch FROM at) * 1000000)::bigint, detail::text",
                (f'{{"a": {number}, "ä": "€"}}',),
            ).fetchone()
            assert row is not None
            said = [number, row[0], row[1], "Åsa", "api", "did", "ünder", row[2]]
            text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
            before, head = head, hashlib.sha256(head + text.encode()).digest()
            app.execute(add_seal, (number, row[0], before, head))
            app.execute("DELETE FROM audit_unsealed WHERE audit_id = %s", (row[0],))
    migrate(database.dsn)
    found = verified(database)
    assert (found.broken, found.head.number, found.head.sha256) == (None, ROWS, head)
    write(database, 1)
    found = verified(database)
    assert (found.broken, found.head.number) == (None, ROWS + 1)
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        # Whoever makes seals that leave it out, such as a worker of before, makes none any more.
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(add_seal, (ROWS + 2, 1, bytes(32), bytes(32)))
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE audit_log SET origin = '203.0.113.9' WHERE id = 2")
    assert broken(database).code is BreakCode.ROW_CHANGED
    assert broken(database).row_id == 2

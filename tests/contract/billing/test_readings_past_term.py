"""Readings below a floor go when they are past their term; validated days stay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import errors

from central.adapters.timescale.knowledge import as_of
from central.adapters.timescale.retention_rules import TimescaleRetentionRules
from central.domain.actor import Actor
from central.domain.retention import HoldOf, RetentionKind, RetentionTerm
from central.service.knowledge_time import KnowledgeTime, NotKeptTimeError
from central.service.retention.delete import delete_past_term
from central.service.retention.rules import RetentionRules
from tests.support.actors import CLERK
from tests.support.books import Utility, month, pool_of, timescale_utility
from tests.support.servers import Database

LATER = datetime(2028, 6, 1, 12, tzinfo=UTC)
JOB = Actor.job("retention")
BLOCKS = "SELECT channel_id, day, version, sha256 FROM day_block ORDER BY 1, 2, 3"


@pytest.fixture
async def books(migrated: Database) -> AsyncIterator[Utility]:
    """October of two customers, validated; it is years later, and a rule says 18 months."""
    async with timescale_utility(migrated.dsn) as made:
        edge = await made.found(2)
        await made.deliver(edge, month(), month("S2"))
        await made.validate()
        made.now = LATER
        law = RetentionTerm(RetentionKind.READINGS, 18, "data protection")
        await rules(made).enter(law, "in force")
        if migrated.timescaledb:
            with psycopg.connect(migrated.dsn, autocommit=True) as owner:
                owner.execute("CALL refresh_continuous_aggregate('reading_hour', NULL, NULL)")
                owner.execute("SELECT compress_chunk(chunk) FROM show_chunks('reading') AS chunk")
        yield made


def rules(books: Utility) -> RetentionRules:
    store = TimescaleRetentionRules(pool_of(books))
    return RetentionRules(store, CLERK, lambda: books.now)


def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database.dsn, autocommit=True) as owner:
        return owner.execute(query.encode()).fetchall()


def floor(database: Database, point: str, day: str) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as owner:
        owner.execute("UPDATE service_point SET retention_floor = %s WHERE name = %s", (day, point))


def counted(database: Database) -> dict[object, object]:
    """Readings by serial of the meter."""
    query = """
    SELECT serial, count(*)::integer FROM reading
    JOIN channel ON channel.id = channel_id JOIN meter ON meter.id = meter_id GROUP BY serial
    """
    return dict(rows(database, query))  # type: ignore[arg-type]


async def deleted(books: Utility) -> int:
    store = TimescaleRetentionRules(pool_of(books))
    ahead = sum(past.due for past in await store.past_term(books.now))
    receipts = await delete_past_term(store, JOB, lambda: books.now)
    gone = sum(receipt.deleted for receipt in receipts)
    assert ahead == gone
    return gone


async def test_readings_go_by_channel_and_then_as_a_whole(
    migrated: Database, books: Utility
) -> None:
    all_of_one = len(month())
    assert counted(migrated) == {"S1": all_of_one, "S2": all_of_one}
    blocks = rows(migrated, BLOCKS)
    assert await deleted(books) == 0  # no floor
    floor(migrated, "SP-1", "2026-10-31")
    assert await deleted(books) == 0  # a month more is left below it
    floor(migrated, "SP-1", "2027-01-10")
    assert await deleted(books) == all_of_one
    assert counted(migrated) == {"S2": all_of_one}

    floor(migrated, "SP-2", "2027-01-10")
    hold = await rules(books).hold(HoldOf.METER, "MTL/S2", "court 12/2028", "the customer sues")
    assert await deleted(books) == 0
    await rules(books).lift(hold.uid, "settled")
    assert await deleted(books) == all_of_one
    assert counted(migrated) == {}
    assert rows(migrated, "SELECT count(*)::integer FROM reading_hour") == [(0,)]
    spans = "SELECT count(*)::integer FROM reading_spans() WHERE until_at <= '2026-11-01Z'"
    assert rows(migrated, spans) == [(0,)]

    # Validated days stay, whatever comes, and receipts have counted every reading.
    assert rows(migrated, BLOCKS) == blocks
    sums = """
    SELECT sum((detail ->> 'deleted')::integer)::integer FROM audit_log
    WHERE action = 'retention.deleted'
    """
    assert rows(migrated, sums) == [(2 * all_of_one,)]
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO touched (channel_id, from_at, until_at)"
            " VALUES (1, '2026-10-05Z', '2026-10-06Z')"
        )
        owner.execute("UPDATE point_channel SET closed_through = '2028-05-31'")
    await books.validate()
    assert rows(migrated, BLOCKS) == blocks

    # What was known while they came is not asked for any more.
    young = as_of(pool_of(books), KnowledgeTime(datetime(2027, 2, 1, tzinfo=UTC)))
    async with young.connection():
        pass
    before = as_of(pool_of(books), KnowledgeTime(datetime(2026, 10, 20, tzinfo=UTC)))
    with pytest.raises(NotKeptTimeError, match="was not kept"):
        async with before.connection():
            pass


@pytest.mark.usefixtures("books")
async def test_a_month_stays_where_more_came_than_was_counted(migrated: Database) -> None:
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        (span,) = owner.execute(
            "SELECT from_at, until_at FROM reading_spans() ORDER BY from_at LIMIT 1"
        ).fetchall()
        owner.execute("SET meterline.migrating = 'on'")
        with pytest.raises(errors.SerializationFailure):
            owner.execute("SELECT drop_reading_span(%s, %s, 1)", span)
        owner.execute("SET meterline.migrating = 'off'")
        for wrong in ("DELETE FROM reading", "UPDATE reading SET mantissa = 1"):
            with pytest.raises(errors.RestrictViolation):
                owner.execute(wrong.encode())
    with psycopg.connect(migrated.dsn_as("meterline_app"), autocommit=True) as app:
        app.execute("SET meterline.deleting = 'on'")
        for wrong in (
            "DELETE FROM reading",
            "SELECT drop_reading_span(now(), now(), 0)",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                app.execute(wrong.encode())

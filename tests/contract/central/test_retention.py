"""What is expired goes and is counted; what is open, or somebody answered for, stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import errors

from central.adapters.timescale.ingest.ingest import TimescaleIngestStore
from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.retention import TimescaleRetention
from central.service.drop_expired import Dropped, Retention, drop_expired
from central.service.ports.ingest_records import Rejection
from tests.support.servers import Database

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
DAY = timedelta(days=1)
# One row just kept and one just expired of each kind, and old ones that are kept for ever.
FILL = """\
INSERT INTO gateway (name, enrolled_at) VALUES ('gw1', '2020-01-01Z');
INSERT INTO rejected (
    gateway, code, payload_sha256, payload_bytes, payload, message, first_at, last_at
) SELECT 'gw1', 'X', sha256(text::bytea), 1, '', '', '2020-01-01Z', at::timestamptz
FROM (VALUES ('kept', '2026-08-22 03:00Z'), ('gone', '2026-08-22 02:59Z')) AS rows (text, at);
INSERT INTO batch (
    gateway_id, epoch, sequence, sha256, outcome, code, received_at, stored_at
) SELECT
    1, gen_random_uuid(), n, sha256(n::text::bytea), 'quarantined', 'X', '2024-01-01Z',
    '2024-01-01Z'
FROM generate_series(1, 3) AS n;
INSERT INTO quarantine (batch_id, code, message, payload, quarantined_at, released_at)
SELECT batch.id, 'X', '', '', '2024-01-01Z', at::timestamptz
FROM batch JOIN (VALUES
    (1, '2025-10-16 03:00Z'), (2, '2025-10-16 02:59Z'), (3, NULL)
) AS rows (sequence, at) USING (sequence);
INSERT INTO finding (key, code, message, raised_at, closed_at, closed_by)
SELECT key, 'GAP', '', '2024-01-01Z', at::timestamptz, actor
FROM (VALUES
    ('young', '2025-10-16 03:00Z', 'job:ingest'), ('old', '2025-10-16 02:59Z', 'job:ingest'),
    ('open', NULL, NULL), ('answered', '2024-01-02Z', 'olga')
) AS rows (key, at, actor);
INSERT INTO vee_finding (
    channel_id, day, code, severity, from_at, until_at, message, evidence, raised_at, closed_at,
    accepted_by, accepted_reason
) SELECT 1, '2024-01-01', code, 'critical', '2024-01-01Z', '2024-01-02Z', '', '{}', '2024-01-01Z',
    at::timestamptz, actor, actor
FROM (VALUES
    ('young', '2025-10-16 03:00Z', NULL), ('old', '2025-10-16 02:59Z', NULL),
    ('open', NULL, NULL), ('accepted', '2024-01-02Z', 'olga')
) AS rows (code, at, actor);
"""


def rows(dsn: str, query: str) -> list[object]:
    with psycopg.connect(dsn, autocommit=True) as owner:
        return [row[0] for row in owner.execute(query.encode()).fetchall()]


@pytest.mark.parametrize("at_once", [1, 5_000])
async def test_what_is_expired_goes_and_is_counted(migrated: Database, at_once: int) -> None:
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        owner.execute(FILL)
    async with make_pool(migrated.dsn, max_size=1) as pool:
        store = TimescaleRetention(pool)
        dropped = await drop_expired(store, Retention(), NOW, at_once)
        assert await drop_expired(store, Retention(), NOW, at_once) == Dropped()
    assert dropped == Dropped(1, 1, 1, 1, 0)
    assert str(dropped).startswith("1 refused messages, 1 released batches, 1 findings of ingest")
    assert rows(migrated.dsn, "SELECT payload_sha256 = sha256('kept') FROM rejected") == [True]
    batches = "SELECT sequence FROM quarantine JOIN batch ON batch.id = batch_id ORDER BY 1"
    assert rows(migrated.dsn, batches) == [1, 3]
    assert rows(migrated.dsn, "SELECT sequence FROM batch ORDER BY 1") == [1, 2, 3]
    kept = ["answered", "open", "young"]
    assert rows(migrated.dsn, "SELECT key FROM finding ORDER BY 1") == kept
    kept = ["accepted", "open", "young"]
    assert rows(migrated.dsn, "SELECT code FROM vee_finding ORDER BY 1") == kept
    # By mistake, neither the application nor the owner drops what is kept.
    for dsn in (migrated.dsn, migrated.dsn_as("meterline_app")):
        with psycopg.connect(dsn, autocommit=True) as session:
            for wrong in (
                "DELETE FROM quarantine WHERE released_at IS NULL",
                "DELETE FROM finding WHERE key IN ('open', 'answered')",
                "DELETE FROM finding WHERE key = 'answered'",
                "DELETE FROM vee_finding WHERE code = 'open'",
                "DELETE FROM vee_finding WHERE code = 'accepted'",
            ):
                with pytest.raises(errors.RestrictViolation):
                    session.execute(wrong.encode())


NOTICES = """\
INSERT INTO notice (kind, at, subject, facts, sorted_at)
SELECT 'bill.issued', at::timestamptz, subject, '{}', sorted::timestamptz
FROM (VALUES
    ('gone', '2025-10-01Z', '2025-10-01Z'), ('ended later', '2025-10-01Z', '2025-10-01Z'),
    ('waits', '2025-10-01Z', '2025-10-01Z'), ('unsorted', '2025-10-01Z', NULL),
    ('nobody asked', '2025-10-01Z', '2025-10-01Z'), ('young', '2025-10-17Z', '2025-10-17Z')
) AS rows (subject, at, sorted);
INSERT INTO notice_delivery (
    notice_id, endpoint, rule, copy, state, attempts, created_at, due_at, ended_at
)
SELECT
    notice.id, 'crm', 'r@1', copy, state, 1, notice.at,
    CASE WHEN state = 'waiting' THEN notice.at END, ended::timestamptz
FROM notice JOIN (VALUES
    ('gone', 0, 'failed', '2025-10-02Z'), ('gone', 1, 'delivered', '2025-10-16 02:59Z'),
    ('ended later', 0, 'delivered', '2025-10-16 03:00Z'), ('waits', 0, 'failed', '2025-10-02Z'),
    ('waits', 1, 'waiting', NULL), ('young', 0, 'delivered', '2025-10-17Z')
) AS rows (subject, copy, state, ended) USING (subject);
INSERT INTO notice_attempt (delivery_id, number, at, ms, outcome, detail)
SELECT id, 1, created_at, 5, 'delivered', '' FROM notice_delivery;
"""


async def test_notices_go_with_what_was_tried_and_none_that_waits(migrated: Database) -> None:
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        owner.execute(NOTICES)
    async with make_pool(migrated.dsn_as("meterline_app"), max_size=1) as pool:
        store = TimescaleRetention(pool)
        assert await drop_expired(store, Retention(), NOW, 1) == Dropped(notices=2)
        assert await drop_expired(store, Retention(), NOW) == Dropped()
    kept = ["ended later", "unsorted", "waits", "young"]
    assert rows(migrated.dsn, "SELECT subject FROM notice ORDER BY 1") == kept
    assert rows(migrated.dsn, "SELECT count(*) FROM notice_delivery") == [4]
    assert rows(migrated.dsn, "SELECT count(*) FROM notice_attempt") == [4]
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        for wrong in (
            "DELETE FROM notice WHERE subject = 'unsorted'",
            "DELETE FROM notice_attempt",
            "DELETE FROM notice_delivery WHERE state = 'waiting'",
            "UPDATE notice_attempt SET outcome = 'failed'",
        ):
            with pytest.raises(psycopg.Error, match=r"kept|append|refuse|change"):
                owner.execute(wrong.encode())


async def test_waiting_changes_that_touch_are_merged_and_none_is_lost(migrated: Database) -> None:
    spans = [
        (1, 0, 4),
        (1, 4, 6),
        (1, 5, 9),
        (1, 10, 12),
        (2, 4, 8),
        (1, 1, 2),
        (2, 5, 6),
        (3, 0, 1),
    ]
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        write(owner, spans)
        async with make_pool(migrated.dsn, max_size=1) as pool:
            store = TimescaleRetention(pool)
            with psycopg.connect(migrated.dsn) as validating:
                # What validation holds is left alone.
                validating.execute("SELECT FROM touched WHERE channel_id = 1 FOR UPDATE")
                assert await store.merge_touched(100) == 1
                validating.rollback()
            assert waiting(owner) == sorted([*(span for span in spans if span[0] != 2), (2, 4, 8)])
            dropped = await drop_expired(store, Retention(), NOW)
            assert dropped == Dropped(merged_changes=3)
            assert await store.merge_touched(100) == 0
        assert waiting(owner) == [(1, 0, 9), (1, 10, 12), (2, 4, 8), (3, 0, 1)]


def write(owner: psycopg.Connection[tuple[object, ...]], spans: Sequence[tuple[int, ...]]) -> None:
    for channel, first, end in spans:
        owner.execute(
            "INSERT INTO touched (channel_id, from_at, until_at) VALUES (%s, %s, %s)",
            (channel, NOW + first * DAY, NOW + end * DAY),
        )


def waiting(owner: psycopg.Connection[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return owner.execute(
        "SELECT channel_id, (extract(epoch FROM from_at - %s) / 86400)::int,"
        " (extract(epoch FROM until_at - %s) / 86400)::int FROM touched ORDER BY 1, 2, 3",
        (NOW, NOW),
    ).fetchall()


async def test_a_gateway_that_sends_nonsense_takes_no_others_place(
    migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "central.adapters.timescale.ingest.transaction"
    monkeypatch.setattr(f"{module}.REJECTED_OF_GATEWAY", 3)
    monkeypatch.setattr(f"{module}.REJECTED_MAX", 6)
    async with make_pool(migrated.dsn, max_size=1) as pool:
        store = TimescaleIngestStore(pool)

        async def reject(gateway: str, number: int) -> None:
            at = NOW + timedelta(seconds=number)
            payload = str(number).encode()
            digest = f"{gateway}{number}".encode().ljust(32)
            async with store.transaction(at) as work:
                await work.reject([Rejection(gateway, "X", "", payload, 9, digest, at)])

        await reject("quiet", 0)
        for number in range(1, 8):
            await reject("noisy", number)
        assert kept(migrated.dsn) == {"quiet": [0], "noisy": [5, 6, 7]}
        # Many names: whoever has the most gives way first, the oldest of his own.
        for number, name in enumerate(("n1", "n2", "n3"), start=8):
            await reject(name, number)
        assert kept(migrated.dsn) == {
            "quiet": [0],
            "noisy": [6, 7],
            "n1": [8],
            "n2": [9],
            "n3": [10],
        }


def kept(dsn: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in rows(dsn, "SELECT gateway || ' ' || convert_from(payload, 'UTF8') FROM rejected"):
        gateway, number = str(row).split()
        found.setdefault(gateway, []).append(int(number))
    return {gateway: sorted(numbers) for gateway, numbers in found.items()}

"""How the centre stands, for whoever watches it, on every server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg

from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.watch import TimescaleWatch
from central.service.ports.watch import AGES, SEVERITIES, CentreState
from tests.support.servers import Database

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
NOTHING = timedelta(0)
# One of each age where ages are counted, and beside it what is done and waits for nobody.
FILL = """\
INSERT INTO gateway (name, enrolled_at, revoked_at) VALUES
    ('heard', '2026-01-01Z', NULL), ('late', '2026-01-01Z', NULL),
    ('never', '2026-01-01Z', NULL), ('gone', '2026-01-01Z', '2026-02-01Z');
INSERT INTO gateway_epoch (gateway_id, epoch, first_at, last_at, advanced_at)
SELECT id, gen_random_uuid(), '2026-01-02Z', at::timestamptz, at::timestamptz
FROM gateway JOIN (VALUES ('heard', '2026-11-04 11:00Z'), ('late', '2026-11-04 09:00Z'))
    AS rows (name, at) USING (name);
INSERT INTO gateway_certificate
    (serial, gateway_id, key_sha256, certificate, issued_at, not_after, revoked_at)
SELECT serial, gateway.id, sha256(serial::bytea), 'pem', issued::timestamptz, ends::timestamptz,
    revoked::timestamptz
FROM (VALUES
    -- Renewed in time: the older one does not count.
    ('a1', 'heard', '2026-08-20Z', '2026-11-18Z', NULL),
    ('a2', 'heard', '2026-10-20Z', '2027-01-18Z', NULL),
    -- 14 of 90 days are left; the one after it is revoked.
    ('b1', 'late', '2026-08-20Z', '2026-11-18Z', NULL),
    ('b2', 'late', '2026-10-20Z', '2027-01-18Z', '2026-10-21Z'),
    ('c1', 'never', '2026-06-01Z', '2026-08-30Z', NULL),
    ('d1', 'gone', '2026-06-01Z', '2026-08-30Z', NULL)
) AS rows (serial, name, issued, ends, revoked)
JOIN gateway USING (name);
INSERT INTO touched (channel_id, from_at, until_at) VALUES
    (1, '2026-11-01Z', '2026-11-02Z'), (2, '2026-11-01Z', '2026-11-02Z');
INSERT INTO unclosed_days (as_of, channels, day, channel_id)
VALUES ('2026-11-04 11:59Z', 3, '2026-11-01', 1);
INSERT INTO finding (key, code, message, raised_at, closed_at, closed_by)
SELECT key, code, '', raised::timestamptz, closed::timestamptz, 'job:ingest'
FROM (VALUES
    ('a', 'GAP', '2026-11-04Z', NULL), ('b', 'GAP', '2026-11-03 12:00Z', NULL),
    ('c', 'GAP', '2026-10-28 12:01Z', NULL), ('d', 'GAP', '2026-10-28 12:00Z', NULL),
    ('e', 'EPOCH', '2026-10-01Z', NULL), ('f', 'GAP', '2026-10-01Z', '2026-10-02Z')
) AS rows (key, code, raised, closed);
INSERT INTO account (uid, number, name, created_at)
VALUES (gen_random_uuid(), 'A-1', 'Ada', '2026-01-01Z');
INSERT INTO bill_run (uid, cycle, run_type, creator, started_at, finished_at)
VALUES
    (gen_random_uuid(), '2026-08', 'regular', 'x', '2026-09-01Z', '2026-09-02Z'),
    (gen_random_uuid(), '2026-09', 'regular', 'x', '2026-10-01Z', NULL),
    (gen_random_uuid(), '2026-10', 'regular', 'x', '2026-11-04 11:30Z', NULL);
INSERT INTO bill_shard (run_id, number, accounts, done_at) VALUES
    (1, 0, '{1}', '2026-09-01Z'), (2, 0, '{1}', '2026-11-04 11:00Z'), (2, 1, '{1}', NULL),
    (3, 0, '{1}', NULL);
INSERT INTO night_job (night, job, worker, due_at, attempts, began_at, gave_up_at, error)
SELECT night::date, 'close_days', gen_random_uuid(), '2026-10-01Z', 5,
    '2026-10-01Z', '2026-10-01Z', 'X'
FROM (VALUES ('2026-11-03'), ('2026-10-01')) AS rows (night);
INSERT INTO audit_log (at, actor, via, action, subject, detail) VALUES
    ('2026-11-01Z', 'ops', 'command', 'backup.take', 'database', '{}'),
    ('2026-11-02Z', 'ops', 'command', 'backup.take', 'database', '{}'),
    ('2026-11-03Z', 'ops', 'command', 'backup.restore', 'database', '{}');
SET search_path TO meterline_jobs;
INSERT INTO procrastinate_jobs (queue_name, task_name, status) VALUES
    ('meterline', 'x', 'todo'), ('meterline', 'x', 'todo'), ('meterline', 'x', 'doing');
"""
DRAFT = """\
INSERT INTO bill (
    uid, run_id, account_id, cycle, run_type, state, first_day, end_day, currency, total, sha256,
    document, creator, made_at
) VALUES (
    gen_random_uuid(), %(run)s, 1, %(cycle)s, 'regular', 'draft', '2026-09-01', '2026-10-01',
    'EUR', 1, sha256(''), '{}', 'x', %(made_at)s
)
"""


async def look(database: Database) -> CentreState:
    async with make_pool(database.dsn, max_size=1) as pool:
        return await TimescaleWatch(pool).state(NOW)


async def test_nothing_waits_in_a_new_database(migrated: Database) -> None:
    state = await look(migrated)
    assert (state.seen_at, state.unclosed_counted_at) == (NOW, None)
    assert state.backup_at is None
    assert (state.unclosed_for, state.runs_idle_for, state.unsealed_for) == (NOTHING,) * 3
    assert (state.gateways, state.changes_waiting, state.runs_open, state.shards_open) == (0,) * 4
    assert state.drafts == dict.fromkeys(AGES, 0)
    assert len(state.exceptions) == len(SEVERITIES) * len(AGES)
    assert set(state.exceptions.values()) == {0}


async def test_what_waits_is_counted_by_age(migrated: Database) -> None:
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        owner.execute(FILL)
        owner.execute("RESET search_path")
        for run, cycle, made_at in ((2, "2026-09", "2026-10-01Z"), (3, "2026-10", "2026-11-04Z")):
            owner.execute(DRAFT, {"run": run, "cycle": cycle, "made_at": made_at})
    state = await look(migrated)
    assert (state.gateways, state.gateways_silent, state.changes_waiting) == (3, 2, 2)
    assert (state.channels_unclosed, state.unclosed_for) == (3, timedelta(days=2, hours=12))
    assert state.unclosed_counted_at == datetime(2026, 11, 4, 11, 59, tzinfo=UTC)
    assert state.exceptions == {
        ("critical", "under_1d"): 1,
        ("critical", "1d_to_7d"): 2,
        ("critical", "over_7d"): 1,
        ("warning", "under_1d"): 0,
        ("warning", "1d_to_7d"): 0,
        ("warning", "over_7d"): 1,
    }
    assert state.drafts == {"under_1d": 1, "1d_to_7d": 0, "over_7d": 1}
    assert (state.runs_open, state.shards_open) == (2, 2)
    assert state.runs_idle_for == timedelta(hours=1)
    assert state.backup_at == datetime(2026, 11, 2, tzinfo=UTC)
    assert (state.unsealed, state.unsealed_for) == (3, timedelta(days=3, hours=12))
    assert (state.jobs_waiting, state.jobs_doing, state.jobs_given_up) == (2, 1, 1)
    assert (state.certificates_ending, state.certificates_ended) == (1, 1)

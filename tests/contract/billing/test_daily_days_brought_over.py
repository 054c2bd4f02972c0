"""Days of daily channels that no release before could read are closed again by the migration."""

from __future__ import annotations

import psycopg

from central.adapters.timescale.migrate import MIGRATIONS
from tests.support.servers import Database

_CHANNELS = """\
INSERT INTO service_point (uid, name, zone, created_at)
VALUES (gen_random_uuid(), 'SP-1', 'Europe/Madrid', '2026-01-01Z');
INSERT INTO point_channel (service_point_id, obis, period_s, unit, closed_through)
SELECT 1, decode('0700030000' || code, 'hex'), period_s, 'L', '2026-11-19'
FROM (VALUES ('fa', 86400), ('fb', 86400), ('fc', 21600)) AS channels (code, period_s);
INSERT INTO vee_finding (
    channel_id, day, code, severity, from_at, until_at, message, evidence, raised_at, closed_at
)
SELECT
    id, day::date, code, 'critical', day::timestamptz, day::timestamptz + '1 day', '', '{}',
    '2026-11-01Z', closed
FROM point_channel, (VALUES
    ('2026-03-29', 'UNREADABLE_DAY', NULL::timestamptz),
    ('2026-10-25', 'UNREADABLE_DAY', NULL),
    ('2025-10-26', 'UNREADABLE_DAY', '2026-11-01Z'),
    ('2025-12-01', 'MISSING_INTERVALS', NULL)
) AS findings (day, code, closed)
WHERE obis <> decode('0700030000fb', 'hex');
"""


def test_only_they_and_what_is_behind_them_are_closed_again(plain_migrated: Database) -> None:
    with psycopg.connect(plain_migrated.dsn, autocommit=True) as connection:
        connection.execute(_CHANNELS)
        connection.execute((MIGRATIONS / "0036_daily_days.sql").read_bytes())
        rows = connection.execute("SELECT closed_through FROM point_channel ORDER BY id").fetchall()
    assert [str(row[0]) for row in rows] == ["2026-03-28", "2026-11-19", "2026-11-19"]

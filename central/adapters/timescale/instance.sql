-- name: differs
-- In what the database is another than the one that the row was written in; no row where it is the same.
-- A standby that is read is of its server's timeline; where a copy is under way, who makes it holds the lock.
SELECT CASE
    WHEN system <> (SELECT system_identifier FROM pg_control_system()) THEN 'server'
    WHEN database <> (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) THEN 'database'
    WHEN NOT pg_is_in_recovery() AND timeline <> left(pg_walfile_name(pg_current_wal_lsn()), 8) THEN 'timeline'
    ELSE 'copy'
END
FROM database_instance
WHERE system <> (SELECT system_identifier FROM pg_control_system())
    OR database <> (SELECT oid::bigint FROM pg_database WHERE datname = current_database())
    OR CASE WHEN pg_is_in_recovery() THEN false ELSE timeline <> left(pg_walfile_name(pg_current_wal_lsn()), 8) END
    OR (
        copying_since IS NOT NULL AND NOT EXISTS (
            SELECT FROM pg_locks
            WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = 1129270872 AND objsubid = 1
                AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        )
    )

-- name: lock
SELECT only_one FROM database_instance FOR UPDATE

-- name: first
INSERT INTO database_instance (system, database, timeline, seen_at)
SELECT
    system_identifier, (SELECT oid::bigint FROM pg_database WHERE datname = current_database()),
    left(pg_walfile_name(pg_current_wal_lsn()), 8), %(now)s
FROM pg_control_system()
ON CONFLICT DO NOTHING

-- name: adopt
UPDATE database_instance
SET
    system = (SELECT system_identifier FROM pg_control_system()),
    database = (SELECT oid::bigint FROM pg_database WHERE datname = current_database()),
    timeline = left(pg_walfile_name(pg_current_wal_lsn()), 8), seen_at = %(now)s, copying_since = NULL

-- name: lock_copy
SELECT pg_advisory_lock(1129270872)

-- name: copy_begins
UPDATE database_instance SET copying_since = %(now)s

-- name: copy_ended
UPDATE database_instance SET copying_since = NULL WHERE copying_since = %(now)s

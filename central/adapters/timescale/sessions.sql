-- name: own_role
-- Sessions are seen and ended by the role that they logged in as.
SET LOCAL ROLE NONE

-- name: held_shards
-- A row's xmax names the transaction that locked it last; one that is over is found nowhere below.
SELECT number, xmax::text FROM bill_shard
WHERE run_id = %(run)s AND done_at IS NULL AND xmax <> '0'::xid
ORDER BY number

-- name: at_work
SELECT backend_xid::text FROM pg_stat_activity
WHERE backend_xid::text = ANY(%(transactions)s) AND pid <> pg_backend_pid()

-- name: end_transaction
SELECT count(*) FROM (
    SELECT pg_terminate_backend(pid) AS is_ended FROM pg_stat_activity
    WHERE backend_xid::text = %(transaction)s AND pid <> pg_backend_pid()
        AND usename = session_user AND datname = current_database()
        AND application_name LIKE 'meterline%%'
) AS ended
WHERE is_ended

-- name: open_transactions
-- When they began is part of their name here, and is compared with no clock.
SELECT pid, backend_start::text || ' ' || xact_start::text FROM pg_stat_activity
WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid()
    AND usename = session_user AND datname = current_database()
    AND application_name LIKE 'meterline%%'

-- name: end_session
SELECT count(*) FROM (
    SELECT pg_terminate_backend(pid) AS is_ended FROM pg_stat_activity
    WHERE pid = %(pid)s AND backend_start::text || ' ' || xact_start::text = %(began)s
        AND usename = session_user
) AS ended
WHERE is_ended

-- name: facts
SELECT
    current_setting('server_version_num')::integer,
    (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
    (SELECT rolsuper FROM pg_roles WHERE rolname = session_user),
    (
        SELECT count(*) FROM pg_class
        JOIN pg_roles ON pg_roles.oid = pg_class.relowner
        WHERE pg_roles.rolname = 'meterline_app' AND pg_class.relkind IN ('r', 'p', 'v')
    ),
    (SELECT count(*) FROM gateway WHERE revoked_at IS NULL),
    EXISTS (SELECT FROM tariff_version),
    EXISTS (SELECT FROM agreement),
    EXISTS (SELECT FROM seller WHERE name <> '')

SELECT create_hypertable(
    'usage_event', by_range('at', interval '7 days'), create_default_indexes => false
);

-- Chunks appear by themselves here.
CREATE FUNCTION usage_event_attach(from_at timestamptz, until_at timestamptz, now_at timestamptz)
RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS 'SELECT 0';

-- As before, and for the chunks of events.
CREATE OR REPLACE FUNCTION reading_attach(from_at timestamptz, until_at timestamptz, now_at timestamptz)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    unguarded regclass;
BEGIN
    PERFORM pg_advisory_xact_lock(7301001);
    SELECT pg_class.oid INTO unguarded FROM pg_class
    WHERE (
        relnamespace = '_timescaledb_internal'::regnamespace AND relkind = 'r'
        AND relname ~ '^(compress_hyper_\d+_\d+_chunk|_hyper_\d+_\d+_chunk_compressed)$'
        OR pg_class.oid IN (
            SELECT inhrelid FROM pg_inherits
            WHERE inhparent IN ('reading'::regclass, 'day_block'::regclass, 'usage_event'::regclass)
        )
    ) AND NOT EXISTS (
        SELECT FROM pg_trigger WHERE tgrelid = pg_class.oid AND tgname = 'kept_from_truncate'
    )
    ORDER BY pg_class.oid LIMIT 1;
    IF unguarded IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format(
        'CREATE TRIGGER kept_from_truncate BEFORE TRUNCATE ON %s'
        ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()', unguarded
    );
    RETURN 1;
END
$$;

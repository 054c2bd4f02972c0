-- Chunks appear by themselves here. One that has appeared gets the guard that the hypertable has, and
-- so does its part in the columnstore, which is what TRUNCATE of a packed chunk empties. One a call,
-- so that no two locks are held at once that ingest takes in another order.
CREATE FUNCTION reading_attach(from_at timestamptz, until_at timestamptz, now_at timestamptz)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    unguarded regclass;
BEGIN
    PERFORM pg_advisory_xact_lock(7301001);
    SELECT pg_class.oid INTO unguarded FROM pg_class
    WHERE (
        relnamespace = '_timescaledb_internal'::regnamespace AND relkind = 'r'
        AND relname ~ '^compress_hyper_\d+_\d+_chunk$'
        OR pg_class.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'reading'::regclass)
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

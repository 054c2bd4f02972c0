-- Time is an argument everywhere: no statement reads the server's clock.

ALTER TABLE service_point ALTER created_at DROP DEFAULT;
ALTER TABLE account ALTER created_at DROP DEFAULT;
ALTER TABLE schema_migration ALTER applied_at DROP DEFAULT;
DROP FUNCTION reading_attach(timestamptz, timestamptz);

CREATE FUNCTION refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is kept: TRUNCATE is refused', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', HINT = 'What is wrong is corrected by a row.';
END
$$;

-- Give every table its guard against being emptied, its partitions too; how many had none. Left out
-- are those that fill again by themselves. Migrating calls it, so that no new table is forgotten.
CREATE FUNCTION guard_tables() RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    unguarded regclass;
    found integer := 0;
BEGIN
    FOR unguarded IN
        SELECT pg_class.oid FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
            AND relname NOT IN ('answer', 'meter_seen')
            AND NOT EXISTS (
                SELECT FROM pg_depend
                WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e'
            )
            AND NOT EXISTS (
                SELECT FROM pg_trigger WHERE tgrelid = pg_class.oid AND tgname = 'kept_from_truncate'
            )
        ORDER BY pg_class.oid
    LOOP
        EXECUTE format(
            'CREATE TRIGGER kept_from_truncate BEFORE TRUNCATE ON %s'
            ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()', unguarded
        );
        found := found + 1;
    END LOOP;
    RETURN found;
END
$$;
REVOKE ALL ON FUNCTION guard_tables FROM PUBLIC;

-- As before; but whoever waited for the lock looks for the month in the catalogue itself. What a session
-- remembers of names is not brought up to date by waiting for a lock of this kind, so that it made the
-- month again and failed.
CREATE OR REPLACE FUNCTION attach_months(parent text, first date, last date) RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    month date := date_trunc('month', first);
    -- Of an instant and of a date.
    bound CONSTANT text := 'YYYY-MM-DD 00:00:00+00';
    most CONSTANT integer := 1200;
    part text;
    made integer := 0;
BEGIN
    WHILE month <= last LOOP
        part := parent || '_' || to_char(month, 'YYYY_MM');
        IF to_regclass(part) IS NULL THEN
            PERFORM pg_advisory_xact_lock(7301001);
            -- Whoever had the lock may have made it.
            IF NOT EXISTS (
                SELECT FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
                WHERE inhparent = parent::regclass AND relname = part
            ) THEN
                IF (SELECT count(*) FROM pg_inherits WHERE inhparent = parent::regclass) >= most THEN
                    RAISE EXCEPTION '% has % months, which is all that it may have', parent, most
                        USING ERRCODE = 'program_limit_exceeded';
                END IF;
                EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, parent);
                EXECUTE format(
                    'CREATE TRIGGER kept_from_truncate BEFORE TRUNCATE ON %I'
                    ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()', part
                );
                EXECUTE format(
                    'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                    parent, part, to_char(month, bound), to_char(month + interval '1 month', bound)
                );
                made := made + 1;
            END IF;
        END IF;
        month := month + interval '1 month';
    END LOOP;
    RETURN made;
END
$$;

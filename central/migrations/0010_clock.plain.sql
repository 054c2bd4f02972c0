-- Attach the months that hold [from_at, until_at]; says how many were missing.
-- Attaching takes no lock that inserts wait for, unlike CREATE TABLE ... PARTITION OF.
CREATE FUNCTION reading_attach(from_at timestamptz, until_at timestamptz, now_at timestamptz)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    -- The bounds keep the application from making partitions without end.
    month timestamp := date_trunc('month', greatest(from_at, now_at - interval '38 months') AT TIME ZONE 'UTC');
    last timestamp := least(until_at, now_at + interval '24 months') AT TIME ZONE 'UTC';
    most CONSTANT integer := 1200;
    part text;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(7301001);
    WHILE month <= last LOOP
        part := 'reading_' || to_char(month, 'YYYY_MM');
        IF to_regclass(part) IS NULL THEN
            IF (SELECT count(*) FROM pg_inherits WHERE inhparent = 'reading'::regclass) >= most THEN
                RAISE EXCEPTION 'reading has % months, which is all that it may have', most
                    USING ERRCODE = 'program_limit_exceeded';
            END IF;
            EXECUTE format('CREATE TABLE %I (LIKE reading INCLUDING ALL)', part);
            EXECUTE format(
                'CREATE TRIGGER kept_from_truncate BEFORE TRUNCATE ON %I'
                ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()', part
            );
            EXECUTE format(
                'ALTER TABLE reading ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                part, month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC'
            );
            made := made + 1;
        END IF;
        month := month + interval '1 month';
    END LOOP;
    RETURN made;
END
$$;

ALTER TABLE day_block RENAME TO day_block_shape;
ALTER INDEX day_block_pkey RENAME TO day_block_shape_pkey;
ALTER INDEX day_block_edited RENAME TO day_block_shape_edited;
CREATE TABLE day_block (LIKE day_block_shape INCLUDING ALL) PARTITION BY RANGE (day);
DROP TABLE day_block_shape;

-- Attach the months of a table that hold some days; says how many were missing. Attaching takes no
-- lock that inserts wait for, unlike CREATE TABLE ... PARTITION OF.
CREATE FUNCTION attach_months(parent text, first date, last date) RETURNS integer
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
        END IF;
        -- Whoever had the lock may have made it.
        IF to_regclass(part) IS NULL THEN
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
        month := month + interval '1 month';
    END LOOP;
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION attach_months FROM PUBLIC;

CREATE OR REPLACE FUNCTION reading_attach(from_at timestamptz, until_at timestamptz, now_at timestamptz)
RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
-- The bounds keep the application from making partitions without end.
SELECT attach_months(
    'reading',
    (greatest(from_at, now_at - interval '38 months') AT TIME ZONE 'UTC')::date,
    (least(until_at, now_at + interval '24 months') AT TIME ZONE 'UTC')::date
)
$$;

CREATE FUNCTION day_block_attach(first date, last date, now_at timestamptz)
RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
SELECT attach_months(
    'day_block',
    greatest(first, (now_at AT TIME ZONE 'UTC' - interval '50 years')::date),
    least(last, (now_at AT TIME ZONE 'UTC' + interval '24 months')::date)
)
$$;

SELECT attach_months('day_block', min(day), max(day)) FROM day_block_wide HAVING count(*) > 0;

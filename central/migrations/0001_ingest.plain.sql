-- Native monthly partitions, attached before they are needed and never by default: a row outside
-- them fails rather than landing where no retention finds it.

ALTER TABLE reading RENAME TO reading_shape;
CREATE TABLE reading (LIKE reading_shape INCLUDING ALL) PARTITION BY RANGE (at);
DROP TABLE reading_shape;

-- Attach the months that hold [from_at, until_at]; says how many were missing.
-- Attaching takes no lock that inserts wait for, unlike CREATE TABLE ... PARTITION OF.
CREATE FUNCTION reading_attach(from_at timestamptz, until_at timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    -- The bounds keep the application from making partitions without end.
    month timestamp := date_trunc('month', greatest(from_at, now() - interval '38 months') AT TIME ZONE 'UTC');
    last timestamp := least(until_at, now() + interval '24 months') AT TIME ZONE 'UTC';
    part text;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(7301001);
    WHILE month <= last LOOP
        part := 'reading_' || to_char(month, 'YYYY_MM');
        IF to_regclass(part) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE reading INCLUDING ALL)', part);
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
REVOKE ALL ON FUNCTION reading_attach FROM PUBLIC;
SELECT reading_attach(now() - interval '2 months', now() + interval '6 months');

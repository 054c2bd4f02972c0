-- The months that there are.
CREATE FUNCTION reading_spans() RETURNS TABLE (from_at timestamptz, until_at timestamptz)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC'
FROM pg_inherits
JOIN pg_class ON pg_class.oid = inhrelid
CROSS JOIN LATERAL (SELECT to_timestamp(right(relname, 7), 'YYYY_MM')::date::timestamp AS month) AS named
WHERE inhparent = 'reading'::regclass AND relname ~ '^reading_\d{4}_\d\d$'
$$;

-- Hours are computed when they are asked for.
CREATE FUNCTION forget_reading_hours(from_at timestamptz, until_at timestamptz, channels bigint [])
RETURNS void LANGUAGE sql AS 'SELECT';

-- Drop a month, unless more has come than was counted.
CREATE FUNCTION drop_reading_span(from_at timestamptz, until_at timestamptz, counted bigint) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    part text := 'reading_' || to_char(from_at AT TIME ZONE 'UTC', 'YYYY_MM');
    there bigint;
BEGIN
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', part);
    EXECUTE format('SELECT count(*) FROM %I', part) INTO there;
    IF there <> counted THEN
        RAISE EXCEPTION '% has % readings in place of %', part, there, counted
            USING ERRCODE = 'serialization_failure';
    END IF;
    EXECUTE format('DROP TABLE %I', part);
END
$$;
REVOKE ALL ON FUNCTION drop_reading_span FROM PUBLIC;

-- The chunks that there are.
CREATE FUNCTION reading_spans() RETURNS TABLE (from_at timestamptz, until_at timestamptz)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT range_start, range_end FROM timescaledb_information.chunks
WHERE hypertable_schema = current_schema() AND hypertable_name = 'reading'
$$;

-- Hours that are kept by themselves go with their readings; NULL for those of all channels.
CREATE FUNCTION forget_reading_hours(from_at timestamptz, until_at timestamptz, channels bigint [])
RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    hours text;
BEGIN
    SELECT format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name) INTO hours
    FROM timescaledb_information.continuous_aggregates
    WHERE view_schema = current_schema() AND view_name = 'reading_hour';
    IF hours IS NOT NULL THEN
        EXECUTE format(
            'DELETE FROM %s WHERE hour >= $1 AND hour < $2 AND ($3 IS NULL OR channel_id = ANY($3))', hours
        ) USING from_at, until_at, channels;
    END IF;
END
$$;

-- Drop a chunk, unless more has come than was counted.
CREATE FUNCTION drop_reading_span(from_at timestamptz, until_at timestamptz, counted bigint) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    chunk text;
    there bigint;
BEGIN
    SELECT format('%I.%I', chunk_schema, chunk_name) INTO STRICT chunk
    FROM timescaledb_information.chunks
    WHERE hypertable_schema = current_schema() AND hypertable_name = 'reading' AND range_start = from_at;
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', chunk);
    SELECT count(*) INTO there FROM reading WHERE at >= from_at AND at < until_at;
    IF there <> counted THEN
        RAISE EXCEPTION '% has % readings in place of %', chunk, there, counted
            USING ERRCODE = 'serialization_failure';
    END IF;
    PERFORM drop_chunks('reading', older_than => until_at, newer_than => from_at);
    PERFORM forget_reading_hours(from_at, until_at, NULL);
END
$$;
REVOKE ALL ON FUNCTION drop_reading_span, forget_reading_hours FROM PUBLIC;

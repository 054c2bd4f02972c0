-- Readings go too, once they are past their term and lie below the floor of every point where their meter was:
-- whole months or chunks where nothing in them is kept, else by channel.
ALTER TABLE retention_rule DROP CONSTRAINT retention_rule_kind_check;
ALTER TABLE retention_rule ADD CONSTRAINT retention_rule_kind_check
CHECK (kind IN ('documents', 'signatures', 'readings'));

-- Channels of which a stretch of time is past its term and below the floors of the points where their meter
-- was; a month more is left below a floor, so that no day above it is validated without what it reaches back to.
CREATE FUNCTION channels_past_term(from_at timestamptz, until_at timestamptz, now_at timestamptz)
RETURNS TABLE (channel_id bigint, rule_id bigint, on_hold boolean)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
WITH everybody AS (
    SELECT id, months FROM retention_rules_of('readings') WHERE group_id IS NULL
), own AS MATERIALIZED (
    SELECT * FROM retention_of_points('readings')
), there AS (
    SELECT
        installation.meter_id, service_point.id, service_point.retention_floor,
        CASE WHEN own.service_point_id IS NULL THEN everybody.id ELSE own.rule_id END AS rule_id,
        CASE WHEN own.service_point_id IS NULL THEN everybody.months ELSE own.months END AS months
    FROM installation
    JOIN service_point ON service_point.id = installation.service_point_id
    LEFT JOIN own ON own.service_point_id = service_point.id
    LEFT JOIN everybody ON true
    -- One that was withdrawn may be entered again.
    WHERE coalesce(installation.withdrawn, installation.during)
        && tstzrange(from_at - interval '1 day', until_at + interval '1 day')
), past AS (
    SELECT
        meter_id, (array_agg(rule_id ORDER BY months DESC NULLS FIRST))[1] AS rule_id,
        bool_or(there.id IN (SELECT points_on_hold())) AS on_hold
    FROM there
    GROUP BY meter_id
    HAVING bool_and(coalesce(
        (until_at AT TIME ZONE 'UTC') + make_interval(months => months) <= (now_at AT TIME ZONE 'UTC')
        AND (until_at AT TIME ZONE 'UTC')::date <= retention_floor - 31,
        false
    ))
)
SELECT channel.id, past.rule_id, past.on_hold OR past.meter_id IN (SELECT meters_on_hold())
FROM past JOIN channel ON channel.meter_id = past.meter_id
WHERE EXISTS (
    SELECT FROM reading
    WHERE reading.channel_id = channel.id AND reading.at >= from_at AND reading.at < until_at
)
$$;

-- The same of all months or chunks, for a look ahead.
CREATE FUNCTION readings_past_term(now_at timestamptz) RETURNS TABLE (
    rule_id bigint, first_day date, end_day date, due bigint, on_hold bigint
) LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
RETURN QUERY SELECT
    past.rule_id, (span.from_at AT TIME ZONE 'UTC')::date, (span.until_at AT TIME ZONE 'UTC')::date,
    coalesce(sum(counted.readings) FILTER (WHERE NOT past.on_hold), 0)::bigint,
    coalesce(sum(counted.readings) FILTER (WHERE past.on_hold), 0)::bigint
FROM reading_spans() AS span
CROSS JOIN LATERAL channels_past_term(span.from_at, span.until_at, now_at) AS past
CROSS JOIN LATERAL (
    SELECT count(*) AS readings FROM reading
    WHERE reading.channel_id = past.channel_id
        AND reading.at >= span.from_at AND reading.at < span.until_at
) AS counted
WHERE span.until_at < now_at - interval '450 days'
GROUP BY past.rule_id, span.from_at, span.until_at
ORDER BY span.from_at, past.rule_id;
END
$$;

-- Delete the readings of the earliest month or chunk that has some past their term: all of it at once where
-- nothing in it is kept, else those of a number of channels. Receipts, one for each rule.
CREATE FUNCTION drop_readings(now_at timestamptz, most integer, by_actor text)
RETURNS SETOF retention_receipt LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    span record;
    due bigint [];
    kept boolean;
    receipts bigint [];
    gone bigint;
BEGIN
    PERFORM lock_retention();
    FOR span IN SELECT * FROM reading_spans() WHERE until_at < now_at - interval '450 days' ORDER BY from_at LOOP
        CREATE TEMPORARY TABLE going ON COMMIT DROP AS
        SELECT * FROM channels_past_term(span.from_at, span.until_at, now_at) AS past
        WHERE NOT past.on_hold ORDER BY past.channel_id;
        IF EXISTS (SELECT FROM going) THEN
            EXIT;
        END IF;
        DROP TABLE going;
    END LOOP;
    IF to_regclass('pg_temp.going') IS NULL THEN
        RETURN;
    END IF;
    SELECT EXISTS (
        SELECT FROM channel
        WHERE channel.id NOT IN (SELECT channel_id FROM going) AND EXISTS (
            SELECT FROM reading
            WHERE reading.channel_id = channel.id
                AND reading.at >= span.from_at AND reading.at < span.until_at
        )
    ) INTO kept;
    IF kept THEN
        DELETE FROM going WHERE channel_id NOT IN (SELECT channel_id FROM going ORDER BY channel_id LIMIT most);
    END IF;
    SELECT array_agg(channel_id) FROM going INTO due;
    WITH receipt AS (
        INSERT INTO retention_receipt (rule_id, kind, first_day, end_day, deleted, actor, deleted_at)
        SELECT
            going.rule_id, 'readings', (span.from_at AT TIME ZONE 'UTC')::date,
            (span.until_at AT TIME ZONE 'UTC')::date, count(*), by_actor, now_at
        FROM going JOIN reading ON reading.channel_id = going.channel_id
            AND reading.at >= span.from_at AND reading.at < span.until_at
        GROUP BY going.rule_id ORDER BY going.rule_id
        RETURNING id, deleted
    )
    SELECT array_agg(id), sum(deleted) FROM receipt INTO receipts, gone;
    PERFORM set_config('meterline.deleting', 'on', true);
    DELETE FROM reading_recorded
    WHERE channel_id = ANY(due) AND at >= span.from_at AND at < span.until_at;
    IF kept THEN
        -- The limit is against mistakes; what goes here is counted.
        PERFORM set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true);
        DELETE FROM reading WHERE channel_id = ANY(due) AND at >= span.from_at AND at < span.until_at;
        PERFORM forget_reading_hours(span.from_at, span.until_at, due);
    ELSE
        -- Nobody waits long behind this; where others do, it is tried again the next night.
        PERFORM set_config('lock_timeout', '5s', true);
        PERFORM set_config('meterline.migrating', 'on', true);
        PERFORM drop_reading_span(span.from_at, span.until_at, gone);
        PERFORM set_config('meterline.migrating', 'off', true);
    END IF;
    PERFORM set_config('meterline.deleting', 'off', true);
    DROP TABLE going;
    RETURN QUERY SELECT * FROM retention_receipt WHERE id = ANY(receipts) ORDER BY id;
END
$$;
REVOKE ALL ON FUNCTION drop_readings FROM PUBLIC;

INSERT INTO release_beside (version) VALUES (105);

-- Needs the community licence. Late rows may still arrive: a chunk in the columnstore takes inserts
-- and keeps its key unique.
ALTER TABLE reading SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'channel_id',
    timescaledb.orderby = 'at, revision'
);
CALL add_columnstore_policy('reading', after => interval '14 days');

CREATE MATERIALIZED VIEW reading_hour
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    channel_id,
    time_bucket(interval '1 hour', at) AS hour,
    count(*) AS readings,
    min(at) AS first_at,
    max(at) AS last_at,
    first(mantissa, at) AS first_mantissa,
    first(exponent, at) AS first_exponent,
    last(mantissa, at) AS last_mantissa,
    last(exponent, at) AS last_exponent
FROM reading
GROUP BY channel_id, time_bucket(interval '1 hour', at)
WITH NO DATA;
SELECT add_continuous_aggregate_policy(
    'reading_hour',
    start_offset => interval '40 days',
    end_offset => interval '2 hours',
    schedule_interval => interval '1 hour'
);

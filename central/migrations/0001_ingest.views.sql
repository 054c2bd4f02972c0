-- The continuous aggregates' names and columns, computed when asked.
CREATE VIEW reading_hour AS
SELECT
    channel_id,
    date_trunc('hour', at, 'UTC') AS hour,
    count(*) AS readings,
    min(at) AS first_at,
    max(at) AS last_at,
    (array_agg(mantissa ORDER BY at))[1] AS first_mantissa,
    (array_agg(exponent ORDER BY at))[1] AS first_exponent,
    (array_agg(mantissa ORDER BY at DESC))[1] AS last_mantissa,
    (array_agg(exponent ORDER BY at DESC))[1] AS last_exponent
FROM reading
GROUP BY channel_id, date_trunc('hour', at, 'UTC');

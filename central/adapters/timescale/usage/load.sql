-- name: spans
-- When the events of which subjects belong to which service points.
SELECT span.subject_id, span.service_point_id, span.from_at, nullif(span.until_at, 'infinity')
FROM (
    SELECT DISTINCT subject_id FROM subject_assignment WHERE service_point_id = ANY(%(points)s)
) AS candidate
CROSS JOIN LATERAL (
    SELECT * FROM subject_span WHERE subject_span.subject_id = candidate.subject_id
) AS span
WHERE span.service_point_id = ANY(%(points)s)

-- name: meters
SELECT series.name, usage_meter.since, usage_meter.revision, usage_meter.document, usage_meter.withdrawn
FROM series JOIN usage_meter ON usage_meter.series_id = series.id
WHERE series.name = ANY(%(names)s)
ORDER BY series.name, usage_meter.since, usage_meter.revision

-- name: single
-- Events of a type, each by itself.
SELECT wanted.number, source.name, event.event_id, event.version, event.at, event.value, event.attributes
FROM unnest(
    %(numbers)s::integer[], %(subjects)s::bigint[], %(from_ats)s::timestamptz[],
    %(until_ats)s::timestamptz[]
) AS wanted (number, subject_id, from_at, until_at)
JOIN usage_event AS event ON event.subject_id = wanted.subject_id
    AND event.at >= wanted.from_at AND event.at < wanted.until_at
    AND event.at >= %(first)s AND event.at < %(end)s
JOIN usage_source AS source ON source.id = event.source_id
WHERE event.type_id = (SELECT id FROM usage_type WHERE name = %(type)s)
    AND NOT event.cancelled AND NOT EXISTS (
        SELECT FROM usage_event_key AS newer
        WHERE newer.version > 1 AND newer.source_id = event.source_id
            AND newer.event_id = event.event_id AND newer.version > event.version
    )
ORDER BY wanted.number, event.at, source.name, event.event_id

-- name: measured
-- Events of a type as a meter counts them: by hour or local day, and by groups.
SELECT
    number, bucket, groups, text,
    CASE %(aggregate)s WHEN 'sum' THEN sum(amount) WHEN 'max' THEN max(amount) ELSE count(*) END,
    count(*) FILTER (WHERE amount IS NULL),
    min(event_id) FILTER (WHERE amount IS NULL)
FROM (
    SELECT
        wanted.number, event.event_id,
        CASE WHEN %(by_day)s
            THEN (event.at AT TIME ZONE wanted.zone - wanted.day_start)::date::timestamp
            ELSE date_bin('1 hour', event.at, wanted.origin) AT TIME ZONE 'UTC'
        END AS bucket,
        ARRAY(
            SELECT coalesce(event.attributes ->> name, '')
            FROM unnest(%(groups)s::text[]) WITH ORDINALITY AS by (name, place) ORDER BY place
        ) AS groups,
        CASE WHEN %(aggregate)s = 'unique' THEN coalesce(event.attributes ->> %(value)s, '') END AS text,
        CASE
            WHEN %(aggregate)s IN ('count', 'unique') THEN 1
            WHEN %(value)s = '' THEN event.value
            WHEN event.attributes ->> %(value)s ~ '^[+-]?[0-9]{1,15}(\.[0-9]{0,12})?$'
                THEN (event.attributes ->> %(value)s)::numeric
        END AS amount
    FROM unnest(
        %(numbers)s::integer[], %(subjects)s::bigint[], %(from_ats)s::timestamptz[],
        %(until_ats)s::timestamptz[], %(zones)s::text[], %(day_starts)s::time[],
        %(origins)s::timestamptz[]
    ) AS wanted (number, subject_id, from_at, until_at, zone, day_start, origin)
    JOIN usage_event AS event ON event.subject_id = wanted.subject_id
        AND event.at >= wanted.from_at AND event.at < wanted.until_at
        AND event.at >= %(first)s AND event.at < %(end)s
    WHERE event.type_id = (SELECT id FROM usage_type WHERE name = %(type)s)
        AND NOT event.cancelled AND NOT EXISTS (
            SELECT FROM usage_event_key AS newer
            WHERE newer.version > 1 AND newer.source_id = event.source_id
                AND newer.event_id = event.event_id AND newer.version > event.version
        )
        AND NOT EXISTS (
            SELECT FROM jsonb_each(%(where)s) AS needed (name, among)
            WHERE NOT needed.among ? coalesce(event.attributes ->> needed.name, '')
        )
) AS counted
GROUP BY number, bucket, groups, text
ORDER BY number, bucket, groups, text

-- name: said_later
-- When something of the events of a service point became known after a time, the earliest first: a bill
-- may have read what was known a moment after it was begun.
SELECT DISTINCT recorded_at FROM (
    SELECT receipt.recorded_at
    FROM (
        SELECT DISTINCT assigned.subject_id
        FROM subject_assignment AS assigned
        JOIN service_point ON service_point.id = assigned.service_point_id
        WHERE service_point.name = %(point)s
    ) AS mine
    JOIN usage_event AS event ON event.subject_id = mine.subject_id
        AND event.at >= %(first)s AND event.at < %(end)s
    JOIN usage_receipt AS receipt ON receipt.id = event.receipt_id
    UNION ALL
    SELECT assigned.recorded_at
    FROM subject_assignment AS assigned
    JOIN service_point ON service_point.id = assigned.service_point_id
    WHERE service_point.name = %(point)s
    UNION ALL
    SELECT usage_meter.recorded_at
    FROM usage_meter JOIN series ON series.id = usage_meter.series_id
    WHERE series.name = ANY(%(streams)s)
) AS later
WHERE recorded_at > %(since)s
ORDER BY recorded_at
LIMIT %(limit)s

-- name: point_key
SELECT id FROM service_point WHERE name = %(point)s

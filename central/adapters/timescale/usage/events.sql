-- name: known_sources
SELECT name, id FROM usage_source WHERE name = ANY(%(names)s)

-- name: add_sources
INSERT INTO usage_source (name) SELECT unnest(%(names)s::text[]) ON CONFLICT (name) DO NOTHING

-- name: known_types
SELECT name, id FROM usage_type WHERE name = ANY(%(names)s)

-- name: add_types
INSERT INTO usage_type (name) SELECT unnest(%(names)s::text[]) ON CONFLICT (name) DO NOTHING

-- name: known_subjects
SELECT name, id FROM usage_subject WHERE name = ANY(%(names)s)

-- name: add_subjects
INSERT INTO usage_subject (name) SELECT unnest(%(names)s::text[]) ON CONFLICT (name) DO NOTHING

-- name: begin_taking
-- With others who take events in, but not with who says to whom they belong. One statement for what every
-- transaction begins with: of a single event, each way to the server and back costs more than the event.
WITH held AS MATERIALIZED (
    SELECT
        set_config('meterline.recorded_at', %(recorded_at)s, true), pg_advisory_xact_lock_shared(7305001),
        usage_event_attach(%(first)s, %(last)s, %(at)s)
)
INSERT INTO usage_receipt (recorded_at, actor, reason)
SELECT %(at)s, %(actor)s, %(reason)s FROM held
RETURNING id

-- name: store
-- The keys come sorted, so that nobody waits in a ring. Lists come as one text, split by a character that
-- no text has which is kept; hashes one after another.
WITH given AS MATERIALIZED (
    SELECT
        source_id::integer, version::integer, event_id, subject_id::bigint, at::timestamptz,
        type_id::integer, cancelled::boolean, value::numeric, attributes, number
    FROM unnest(
        string_to_array(%(sources)s, E'\x1f'), string_to_array(%(versions)s, E'\x1f'),
        string_to_array(%(ids)s, E'\x1f'), string_to_array(%(subjects)s, E'\x1f'),
        string_to_array(%(ats)s, E'\x1f'), string_to_array(%(types)s, E'\x1f'),
        string_to_array(%(cancelled)s, E'\x1f'), string_to_array(%(amounts)s, E'\x1f'),
        -- Of a single event without attributes there is one empty text, and not none.
        coalesce(nullif(string_to_array(%(attributes)s, E'\x1f'), '{}'), ARRAY[''])
    ) WITH ORDINALITY AS given (
        source_id, version, event_id, subject_id, at, type_id, cancelled, value, attributes, number
    )
), claimed AS (
    INSERT INTO usage_event_key (source_id, version, event_id, receipt_id, subject_id, at, sha256)
    SELECT
        source_id, version, event_id, %(receipt)s, subject_id, at,
        substring(%(hashes)s::bytea FROM (number::integer - 1) * 32 + 1 FOR 32)
    FROM given ORDER BY number
    ON CONFLICT DO NOTHING
    RETURNING source_id, event_id, version
), fresh AS MATERIALIZED (
    SELECT given.* FROM given JOIN claimed USING (source_id, event_id, version)
), stored AS (
    INSERT INTO usage_event (
        at, subject_id, receipt_id, type_id, source_id, version, cancelled, event_id, value, attributes
    )
    SELECT
        at, subject_id, %(receipt)s, type_id, source_id, version, cancelled, event_id, value,
        nullif(attributes, '')::jsonb
    FROM fresh
)
SELECT number FROM fresh ORDER BY number

-- name: claimed
SELECT source_id, event_id, version, sha256
FROM usage_event_key
JOIN (
    SELECT source_id::integer, event_id, version::integer
    FROM unnest(
        string_to_array(%(sources)s, E'\x1f'), string_to_array(%(ids)s, E'\x1f'),
        string_to_array(%(versions)s, E'\x1f')
    ) AS given (source_id, event_id, version)
) AS given USING (source_id, event_id, version)

-- name: late
-- Where events happened on days that may be billed: days that are over, or all but over by the clock of
-- another machine.
WITH touched AS MATERIALIZED (
    SELECT subject_id::bigint, at::timestamptz
    FROM unnest(string_to_array(%(subjects)s, E'\x1f'), string_to_array(%(ats)s, E'\x1f'))
        AS given (subject_id, at)
    UNION
    -- Of events of which there are several: replacing one also changes the day that it was on.
    SELECT other.subject_id, other.at
    FROM (
        SELECT source_id::integer, event_id
        FROM unnest(string_to_array(%(sources)s, E'\x1f'), string_to_array(%(ids)s, E'\x1f'))
            AS given (source_id, event_id)
        -- Most senders replace nothing: then nothing is looked up.
        WHERE EXISTS (
            SELECT FROM usage_event_key
            WHERE version > 1
                AND usage_event_key.source_id = ANY(string_to_array(%(sources)s, E'\x1f')::integer[])
        )
    ) AS given
    JOIN usage_event_key AS later ON later.source_id = given.source_id
        AND later.event_id = given.event_id AND later.version > 1
    JOIN usage_event_key AS other ON other.source_id = given.source_id
        AND other.event_id = given.event_id
), span AS MATERIALIZED (
    -- All of them at once: one by one costs more than to keep the events.
    SELECT subject_id, service_point_id, from_at, until_at FROM subject_span
    WHERE subject_id = ANY(ARRAY(SELECT DISTINCT subject_id FROM touched))
)
SELECT DISTINCT service_point.id, service_point.name, occupancy.id, day.day
FROM touched
JOIN span ON span.subject_id = touched.subject_id
    AND span.from_at <= touched.at AND touched.at < span.until_at
JOIN service_point ON service_point.id = span.service_point_id
JOIN service ON service.service_point_id = service_point.id
CROSS JOIN LATERAL (
    SELECT (touched.at AT TIME ZONE service_point.zone - service.day_start)::date AS day
) AS day
JOIN occupancy ON occupancy.service_id = service.id
    AND occupancy.billing_from <= day.day AND day.day < coalesce(ended_on, 'infinity')
WHERE (day.day + 1 + service.day_start) AT TIME ZONE service_point.zone <= %(settled)s
ORDER BY occupancy.id

-- name: hold_occupancies
-- A run that rates them just now is waited for: then its claims are seen. The keys come sorted.
SELECT id FROM occupancy WHERE id = ANY(%(keys)s) ORDER BY id FOR NO KEY UPDATE

-- name: billed
SELECT DISTINCT late.number
FROM unnest(%(numbers)s::integer[], %(occupancies)s::bigint[], %(days)s::date[])
    AS late (number, occupancy_id, day)
JOIN billed_period ON billed_period.occupancy_id = late.occupancy_id
    AND billed_period.first_day <= late.day AND late.day < billed_period.end_day

-- name: versions
SELECT
    source.name, event.event_id, subject.name, type.name, event.at, event.value, event.attributes,
    event.version, event.cancelled,
    NOT event.cancelled AND NOT EXISTS (
        SELECT FROM usage_event_key AS newer
        WHERE newer.version > 1 AND newer.source_id = event.source_id
            AND newer.event_id = event.event_id AND newer.version > event.version
    ),
    receipt.recorded_at, receipt.actor, receipt.reason
FROM usage_source AS source
JOIN usage_event_key AS known ON known.source_id = source.id AND known.event_id = %(event_id)s
JOIN usage_event AS event ON event.subject_id = known.subject_id AND event.at = known.at
    AND event.source_id = known.source_id AND event.event_id = known.event_id
    AND event.version = known.version
JOIN usage_subject AS subject ON subject.id = event.subject_id
JOIN usage_type AS type ON type.id = event.type_id
JOIN usage_receipt AS receipt ON receipt.id = event.receipt_id
WHERE source.name = %(source)s
ORDER BY event.version

-- name: listed
SELECT
    source.name, event.event_id, subject.name, type.name, event.at, event.value, event.attributes,
    event.version, event.cancelled,
    NOT event.cancelled AND NOT EXISTS (
        SELECT FROM usage_event_key AS newer
        WHERE newer.version > 1 AND newer.source_id = event.source_id
            AND newer.event_id = event.event_id AND newer.version > event.version
    ),
    receipt.recorded_at, receipt.actor, receipt.reason
FROM usage_event AS event
JOIN usage_source AS source ON source.id = event.source_id
JOIN usage_subject AS subject ON subject.id = event.subject_id
JOIN usage_type AS type ON type.id = event.type_id
JOIN usage_receipt AS receipt ON receipt.id = event.receipt_id
WHERE (%(subject)s::text IS NULL OR subject.name = %(subject)s)
    AND (%(type)s::text IS NULL OR type.name = %(type)s)
    AND event.at >= coalesce(%(from_at)s::timestamptz, '-infinity')
    AND event.at < coalesce(%(until_at)s::timestamptz, 'infinity')
    AND (
        %(after_at)s::timestamptz IS NULL
        OR (event.at, source.name, event.event_id, event.version)
        > (%(after_at)s, %(after_source)s, %(after_id)s, %(after_version)s)
    )
ORDER BY event.at, source.name, event.event_id, event.version
LIMIT %(limit)s

-- name: waiting
-- Events at times at which their subject belongs to nobody.
SELECT subject.name, apart.events, apart.first_at, apart.last_at
FROM subject_waiting AS waiting
JOIN usage_subject AS subject ON subject.id = waiting.subject_id
CROSS JOIN LATERAL (
    SELECT count(*) AS events, min(at) AS first_at, max(at) AS last_at
    FROM waiting_event WHERE waiting_event.subject_id = waiting.subject_id
) AS apart
WHERE waiting.closed_at IS NULL
ORDER BY 2 DESC, subject.name

-- name: wait
-- One row opens for each subject of which an event belongs to nobody, where none is open.
WITH given AS MATERIALIZED (
    SELECT DISTINCT subject_id::bigint, at::timestamptz
    FROM unnest(string_to_array(%(subjects)s, E'\x1f'), string_to_array(%(ats)s, E'\x1f'))
        AS given (subject_id, at)
), span AS MATERIALIZED (
    SELECT subject_id, from_at, until_at FROM subject_span
    WHERE service_point_id IS NOT NULL
        AND subject_id = ANY(ARRAY(SELECT DISTINCT subject_id FROM given))
)
INSERT INTO subject_waiting (subject_id, opened_at)
SELECT DISTINCT subject_id, %(at)s::timestamptz FROM given
WHERE NOT EXISTS (
    SELECT FROM span WHERE span.subject_id = given.subject_id
        AND span.from_at <= given.at AND given.at < span.until_at
) AND NOT EXISTS (
    SELECT FROM subject_waiting
    WHERE subject_waiting.subject_id = given.subject_id AND closed_at IS NULL
)
ORDER BY subject_id
ON CONFLICT (subject_id) WHERE closed_at IS NULL DO NOTHING

-- name: wait_no_more
-- Of subjects of which events were replaced or cancelled.
UPDATE subject_waiting SET closed_at = %(at)s::timestamptz
WHERE closed_at IS NULL AND subject_id = ANY(%(subjects)s::bigint[])
    AND NOT EXISTS (
        SELECT FROM waiting_event WHERE waiting_event.subject_id = subject_waiting.subject_id
    )

-- name: take
-- Changes on their way to the channels of points; one that feeds no point comes with a null.
-- An instant at which an installation ends still belongs to it: its closing read. One that was
-- withdrawn leaves days that were validated with it. What has a share in another channel is not counted.
WITH taken AS (
    DELETE FROM touched WHERE id IN (
        SELECT id FROM touched ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ) RETURNING id, channel_id, from_at, until_at
)
SELECT
    taken.id, point_channel.id,
    (extract(epoch FROM taken.from_at) * 1000)::bigint,
    (extract(epoch FROM taken.until_at) * 1000)::bigint,
    taken.channel_id
FROM taken
LEFT JOIN channel ON channel.id = taken.channel_id
LEFT JOIN installation ON installation.meter_id = channel.meter_id
    AND coalesce(installation.withdrawn, installation.during)
    && tstzrange(taken.from_at - interval '1 millisecond', taken.until_at)
LEFT JOIN point_channel ON point_channel.service_point_id = installation.service_point_id
    AND point_channel.obis = channel.obis
    AND NOT EXISTS (SELECT FROM allocated_channel WHERE channel_id = point_channel.id)

-- name: put_back
INSERT INTO touched (channel_id, from_at, until_at)
SELECT * FROM unnest(%(sources)s::bigint[], %(from_at)s::timestamptz[], %(until_at)s::timestamptz[])

-- name: zones
SELECT name FROM pg_timezone_names

-- name: strange
-- Channels whose days the server cannot cut: it does not list their zone. Only those up to the last
-- that is asked for, so that a long list is not read to its end for each part of it.
SELECT point_channel.id, zone, day_start, closed_through, lower(during), upper(during)
FROM point_channel
JOIN service_point ON service_point.id = point_channel.service_point_id
JOIN installation ON installation.service_point_id = point_channel.service_point_id
    AND installation.withdrawn IS NULL
WHERE point_channel.id > %(after)s AND point_channel.id <= %(last)s
    AND NOT EXISTS (SELECT FROM allocated_channel WHERE channel_id = point_channel.id)
    AND zone NOT IN (SELECT unnest(string_to_array(%(zones)s, ' ')))
ORDER BY point_channel.id, lower(during)

-- name: due
-- A day of an installation that is over and comes after the last that was closed. An open end is
-- null, which `least` leaves out. What is earlier than a day begins belongs to the day before. A zone
-- that the server does not know would be an error: the CASE keeps it from being asked. Zones come as
-- one text and are looked up by their hash: they are some six hundred. What has a share in another
-- channel is closed with that.
SELECT point_channel.id
FROM point_channel
JOIN service_point ON service_point.id = point_channel.service_point_id
WHERE point_channel.id > %(after)s
    AND NOT EXISTS (SELECT FROM allocated_channel WHERE channel_id = point_channel.id)
    AND CASE WHEN zone IN (SELECT unnest(string_to_array(%(zones)s, ' '))) THEN
        coalesce(closed_through, '-infinity'::date)
        < (%(before)s::timestamptz AT TIME ZONE zone - day_start)::date - 1
        AND EXISTS (
            SELECT FROM installation
            WHERE installation.service_point_id = point_channel.service_point_id
                AND installation.withdrawn IS NULL
                AND greatest(
                    (lower(during) AT TIME ZONE zone - day_start)::date,
                    coalesce(
                        closed_through + 1,
                        (%(since)s::timestamptz AT TIME ZONE zone - day_start)::date
                    ),
                    retention_floor
                )
                <= least(
                    ((upper(during) - interval '1 microsecond') AT TIME ZONE zone - day_start)::date,
                    (%(before)s::timestamptz AT TIME ZONE zone - day_start)::date - 1
                )
        )
    END
ORDER BY point_channel.id
LIMIT %(limit)s

-- name: lock
-- The keys come sorted, so that nobody waits in a ring.
SELECT pg_advisory_xact_lock((7303::bigint << 44) + id) FROM unnest(%(ids)s::bigint[]) AS id

-- name: channels
SELECT
    point_channel.id, point_channel.obis, point_channel.period_s, point_channel.unit,
    point_channel.closed_through, service_point.name, service_point.zone, service_point.capacity,
    point_channel.day_start, occupied.first_days, occupied.end_days, service_point.retention_floor,
    EXISTS (SELECT FROM allocated_channel WHERE allocated_channel.channel_id = point_channel.id)
FROM point_channel
JOIN service_point ON service_point.id = point_channel.service_point_id
LEFT JOIN LATERAL (
    SELECT
        array_agg(billing_from ORDER BY occupancy.id) AS first_days,
        array_agg(coalesce(ended_on, '9999-12-31'::date) ORDER BY occupancy.id) AS end_days
    FROM service JOIN occupancy ON occupancy.service_id = service.id
    WHERE service.service_point_id = point_channel.service_point_id
        AND (service.channels IS NULL OR point_channel.obis = ANY(service.channels))
        AND billing_from < coalesce(ended_on, '9999-12-31'::date)
) AS occupied ON true
WHERE point_channel.id = ANY(%(ids)s)

-- name: installed
-- When meters were there.
SELECT point_channel.id, lower(during), upper(during)
FROM point_channel
JOIN installation ON installation.service_point_id = point_channel.service_point_id
    AND installation.withdrawn IS NULL
WHERE point_channel.id = ANY(%(ids)s)
ORDER BY point_channel.id, lower(during)

-- name: segments
SELECT
    place.channel_id, installation.id, meter.manufacturer, meter.serial,
    lower(during), upper(during), multiplier_numerator, multiplier_denominator
FROM unnest(%(ids)s::bigint[], %(from_at)s::timestamptz[], %(until_at)s::timestamptz[])
    AS place (channel_id, from_at, until_at)
JOIN point_channel ON point_channel.id = place.channel_id
JOIN installation ON installation.service_point_id = point_channel.service_point_id
    AND installation.during && tstzrange(
        place.from_at - interval '1 millisecond', place.until_at, '[]'
    )
JOIN meter ON meter.id = installation.meter_id
ORDER BY place.channel_id, lower(during)

-- name: readings
-- The newest revision of each reading, for one channel of a point and one installation after
-- another, a row for each register. The registers come first: else each was read from its first
-- reading on.
WITH register AS MATERIALIZED (
    SELECT
        place.channel_id, place.installation_id, place.from_at, place.until_at, channel.id,
        channel.kind, channel.source, channel.period_s, channel.unit
    FROM unnest(
        %(ids)s::bigint[], %(installations)s::bigint[], %(from_at)s::timestamptz[],
        %(until_at)s::timestamptz[]
    ) AS place (channel_id, installation_id, from_at, until_at)
    JOIN point_channel ON point_channel.id = place.channel_id
    JOIN installation ON installation.id = place.installation_id
    JOIN channel ON channel.meter_id = installation.meter_id AND channel.obis = point_channel.obis
)
SELECT
    register.channel_id, register.installation_id, register.kind, register.source,
    register.period_s, register.unit, series.*
FROM register
CROSS JOIN LATERAL (
    SELECT
        array_agg((extract(epoch FROM at) * 1000)::bigint ORDER BY at), array_agg(mantissa ORDER BY at),
        array_agg(exponent ORDER BY at), array_agg(flags ORDER BY at)
    FROM (
        SELECT DISTINCT ON (at) at, mantissa, exponent, flags
        FROM reading
        WHERE reading.channel_id = register.id
            AND at BETWEEN register.from_at AND register.until_at
        ORDER BY at, revision DESC
    ) AS newest
    HAVING count(*) > 0
) AS series
ORDER BY register.channel_id, register.installation_id, register.id

-- name: conflicts
SELECT DISTINCT place.channel_id, conflict.at
FROM unnest(%(ids)s::bigint[], %(from_at)s::timestamptz[], %(until_at)s::timestamptz[])
    AS place (channel_id, from_at, until_at)
JOIN point_channel ON point_channel.id = place.channel_id
JOIN installation ON installation.service_point_id = point_channel.service_point_id
JOIN channel ON channel.meter_id = installation.meter_id AND channel.obis = point_channel.obis
JOIN conflict ON conflict.channel_id = channel.id AND conflict.decided_at IS NULL
    AND conflict.at BETWEEN place.from_at AND place.until_at
    AND conflict.at >= lower(installation.during)
    AND conflict.at <= coalesce(upper(installation.during), 'infinity')
ORDER BY place.channel_id, conflict.at

-- name: open_findings
SELECT
    vee_finding.id, vee_finding.channel_id, vee_finding.day, code, from_at, until_at, severity,
    message, evidence
FROM unnest(%(ids)s::bigint[], %(days)s::date[]) AS wanted (channel_id, day)
JOIN vee_finding ON vee_finding.channel_id = wanted.channel_id AND vee_finding.day = wanted.day
WHERE closed_at IS NULL

-- name: close_findings
UPDATE vee_finding SET closed_at = %(at)s WHERE id = ANY(%(findings)s)

-- name: raise_finding
INSERT INTO vee_finding (
    channel_id, day, code, severity, from_at, until_at, message, evidence, raised_at
) VALUES (
    %(channel_id)s, %(day)s, %(code)s, %(severity)s, %(from_at)s, %(until_at)s, %(message)s,
    %(evidence)s, %(at)s
)

-- name: close_through
-- Who reopens days holds the row until the commit and asks for no lock of validation's: waiting for
-- several such rows could end in a ring.
WITH free AS (
    SELECT point_channel.id, closed.through
    FROM unnest(%(ids)s::bigint[], %(befores)s::date[], %(throughs)s::date[])
        AS closed (id, before, through)
    JOIN point_channel ON point_channel.id = closed.id
        AND point_channel.closed_through IS NOT DISTINCT FROM closed.before
    FOR NO KEY UPDATE OF point_channel SKIP LOCKED
)
UPDATE point_channel SET closed_through = free.through
FROM free WHERE point_channel.id = free.id
RETURNING point_channel.id

-- name: reopen
-- Nothing below the floor is closed anew.
UPDATE point_channel SET closed_through = greatest(%(day)s::date, retention_floor) - 1
FROM service_point
WHERE service_point.id = service_point_id AND point_channel.id = %(channel_id)s
    AND closed_through >= greatest(%(day)s::date, retention_floor)

-- name: billed_before
-- Channels of which days are closed for the first time that a bill has already, or looked back at.
SELECT DISTINCT closed.channel_id
FROM (
    SELECT channel_id, min(day) AS first_day, max(day) AS last_day
    FROM unnest(%(channels)s::bigint[], %(days)s::date[]) AS one (channel_id, day)
    GROUP BY channel_id
) AS closed
JOIN point_channel ON point_channel.id = closed.channel_id
JOIN service ON service.service_point_id = point_channel.service_point_id
    AND (service.channels IS NULL OR point_channel.obis = ANY(service.channels))
JOIN occupancy ON occupancy.service_id = service.id
JOIN billed_period ON billed_period.occupancy_id = occupancy.id
    AND billed_period.end_day > closed.first_day
LEFT JOIN bill_part ON bill_part.id = billed_period.part_id
WHERE billed_period.first_day - coalesce(bill_part.looks_back_days, 0) <= closed.last_day

-- name: accept_finding
UPDATE vee_finding
SET accepted_by = %(actor)s, accepted_reason = %(reason)s, accepted_at = %(at)s
WHERE id = %(id)s AND closed_at IS NULL AND accepted_by IS NULL AND code <> ALL(%(never)s)
RETURNING channel_id, day, code

-- name: findings_of
SELECT id, day, code, severity, accepted_by FROM vee_finding
WHERE channel_id = %(channel_id)s AND closed_at IS NULL
ORDER BY day, from_at, code

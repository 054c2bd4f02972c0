-- name: count
-- One query over all channels: how many have a day of an installation that is over and comes after the
-- last that was closed, their oldest such day, and the first of those channels. See `due` in
-- `validation.sql`.
SELECT count(*), min(unclosed.day), (array_agg(unclosed.id ORDER BY unclosed.day, unclosed.id))[1]
FROM (
    SELECT point_channel.id, min(days.first_day) AS day
    FROM point_channel
    JOIN service_point ON service_point.id = point_channel.service_point_id
    JOIN installation ON installation.service_point_id = point_channel.service_point_id
        AND installation.withdrawn IS NULL
    CROSS JOIN LATERAL (
        SELECT
            greatest(
                (lower(during) AT TIME ZONE zone - day_start)::date,
                coalesce(
                    closed_through + 1,
                    (%(since)s::timestamptz AT TIME ZONE zone - day_start)::date
                )
            ) AS first_day,
            least(
                ((upper(during) - interval '1 microsecond') AT TIME ZONE zone - day_start)::date,
                (%(before)s::timestamptz AT TIME ZONE zone - day_start)::date - 1
            ) AS last_day
        WHERE zone IN (SELECT unnest(string_to_array(%(zones)s, ' ')))
    ) AS days
    WHERE days.first_day <= days.last_day
        AND NOT EXISTS (SELECT FROM allocated_channel WHERE channel_id = point_channel.id)
    GROUP BY point_channel.id
) AS unclosed
HAVING count(*) > 0

-- name: channel
SELECT service_point.name, point_channel.obis
FROM point_channel
JOIN service_point ON service_point.id = point_channel.service_point_id
WHERE point_channel.id = %(channel_id)s

-- name: keep
INSERT INTO unclosed_days (as_of, channels, day, channel_id)
SELECT %(as_of)s, %(channels)s, %(day)s, (
    SELECT point_channel.id
    FROM point_channel
    JOIN service_point ON service_point.id = point_channel.service_point_id
    WHERE service_point.name = %(point)s AND point_channel.obis = %(obis)s
)
ON CONFLICT (one_row) DO UPDATE SET
    as_of = excluded.as_of, channels = excluded.channels, day = excluded.day,
    channel_id = excluded.channel_id

-- name: newest
SELECT unclosed_days.as_of, unclosed_days.channels, unclosed_days.day, service_point.name,
    point_channel.obis
FROM unclosed_days
LEFT JOIN point_channel ON point_channel.id = unclosed_days.channel_id
LEFT JOIN service_point ON service_point.id = point_channel.service_point_id

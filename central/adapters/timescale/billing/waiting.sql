-- name: waiting_at_points
-- Changes on their way to the channels of points, as validation takes them, that may reach into days:
-- near them, or where estimates at their ends may be made again by a register elsewhere. Which days
-- exactly, validation's rule tells. The days come first: to plan all tables at once took ten times as
-- long as to answer.
WITH part AS MATERIALIZED (
    SELECT * FROM unnest(
        %(numbers)s::integer[], %(points)s::bigint[], %(firsts)s::date[], %(ends)s::date[]
    ) AS part (number, point_id, first_day, end_day)
), metered AS MATERIALIZED (
    -- The channels of the points, and those that they have a share in.
    SELECT service_point_id AS point_id, id AS channel_id FROM point_channel
    WHERE service_point_id = ANY(%(points)s)
    UNION
    SELECT point_channel.service_point_id, allocated_channel.source_id
    FROM point_channel
    JOIN allocated_channel ON allocated_channel.channel_id = point_channel.id
    WHERE point_channel.service_point_id = ANY(%(points)s)
), change AS MATERIALIZED (
    SELECT DISTINCT
        metered.point_id, point_channel.id AS channel_id, touched.from_at, touched.until_at
    FROM metered
    JOIN point_channel ON point_channel.id = metered.channel_id
    JOIN installation ON installation.service_point_id = point_channel.service_point_id
    JOIN channel ON channel.meter_id = installation.meter_id AND channel.obis = point_channel.obis
    JOIN touched ON touched.channel_id = channel.id
        AND coalesce(installation.withdrawn, installation.during)
        && tstzrange(touched.from_at - interval '1 millisecond', touched.until_at)
), found AS (
    SELECT
        part.number, part.first_day, part.end_day, change.channel_id, change.from_at,
        change.until_at, change.from_at < (part.end_day + 3)::timestamp AT TIME ZONE 'UTC'
        AND change.until_at > (part.first_day - 3)::timestamp AT TIME ZONE 'UTC' AS near,
        EXISTS (
            SELECT FROM vee_finding
            WHERE vee_finding.channel_id = change.channel_id AND closed_at IS NULL
                AND code = %(code)s AND day IN (part.first_day, part.end_day - 1)
        ) AS estimated
    FROM part JOIN change ON change.point_id = part.point_id
)
SELECT
    found.number, found.first_day, found.end_day, found.from_at, found.until_at, found.estimated,
    point_channel.id, service_point.name, service_point.zone, point_channel.obis,
    point_channel.period_s, point_channel.unit, point_channel.day_start
FROM found
JOIN point_channel ON point_channel.id = found.channel_id
JOIN service_point ON service_point.id = point_channel.service_point_id
WHERE found.near OR found.estimated
ORDER BY found.number, found.from_at, found.channel_id

-- name: days
SELECT DISTINCT ON (day_block.channel_id, day_block.day)
    day_block.channel_id, day_block.day, day_block.version, sha256, content,
    zone, unit, period_s, exponent, start_ms, intervals
FROM unnest(%(ids)s::bigint[], %(firsts)s::date[], %(ends)s::date[])
    AS wanted (channel_id, first_day, end_day)
JOIN day_block ON day_block.channel_id = wanted.channel_id
    AND day_block.day >= wanted.first_day AND day_block.day < wanted.end_day
JOIN block_heading ON block_heading.id = day_block.heading_id
ORDER BY day_block.channel_id, day_block.day, day_block.version DESC

-- name: parts
-- The days that bills were rated with, those before their own included.
SELECT
    bill.uid, service_point.name, service_point.id,
    bill_part.first_day - coalesce(bill_part.looks_back_days, 0), bill_part.end_day
FROM bill
JOIN bill_part ON bill_part.bill_id = bill.id AND NOT bill_part.settles
JOIN agreement ON agreement.id = bill_part.agreement_id
JOIN service_point ON service_point.id = agreement.service_point_id
WHERE bill.uid = ANY(%(uids)s)

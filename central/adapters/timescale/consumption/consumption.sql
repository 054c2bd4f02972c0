-- name: exists
SELECT CASE %(kind)s::text
    WHEN 'point' THEN EXISTS (SELECT FROM service_point WHERE name = %(subject)s)
    WHEN 'account' THEN EXISTS (SELECT FROM account WHERE number = %(subject)s)
    WHEN 'group' THEN EXISTS (SELECT FROM named_group WHERE name = %(subject)s)
    WHEN 'tariff' THEN EXISTS (SELECT FROM tariff WHERE name = %(subject)s)
    ELSE true
END

-- name: of_all
SELECT
    point_channel.id, point_channel.obis, service_point.name, '', service_point.zone,
    %(first)s::date, %(end)s::date
FROM point_channel
JOIN service_point ON service_point.id = point_channel.service_point_id
WHERE point_channel.obis = ANY(%(obis)s::bytea[])
ORDER BY point_channel.id

-- name: of_point
SELECT
    point_channel.id, point_channel.obis, service_point.name, '', service_point.zone,
    %(first)s::date, %(end)s::date
FROM point_channel
JOIN service_point ON service_point.id = point_channel.service_point_id
WHERE service_point.name = %(subject)s AND point_channel.obis = ANY(%(obis)s::bytea[])
ORDER BY point_channel.id

-- name: of_account
-- A channel that two services bill comes with the days of both.
SELECT
    point_channel.id, point_channel.obis, service_point.name, account.number, service_point.zone,
    lower(agreed.days), upper(agreed.days)
FROM account
JOIN agreement ON agreement.account_id = account.id
CROSS JOIN LATERAL (
    SELECT agreement.during * daterange(%(first)s::date, %(end)s::date) AS days
) AS agreed
JOIN service ON service.id = agreement.service_id
JOIN service_point ON service_point.id = service.service_point_id
JOIN point_channel ON point_channel.service_point_id = service.service_point_id
    AND (service.channels IS NULL OR point_channel.obis = ANY(service.channels))
WHERE account.number = %(subject)s AND NOT isempty(agreed.days)
    AND point_channel.obis = ANY(%(obis)s::bytea[])
ORDER BY point_channel.id, lower(agreed.days)

-- name: of_tariff
SELECT
    point_channel.id, point_channel.obis, service_point.name, account.number, service_point.zone,
    lower(agreed.days), upper(agreed.days)
FROM tariff
JOIN agreement ON agreement.tariff_id = tariff.id
CROSS JOIN LATERAL (
    SELECT agreement.during * daterange(%(first)s::date, %(end)s::date) AS days
) AS agreed
JOIN account ON account.id = agreement.account_id
JOIN service ON service.id = agreement.service_id
JOIN service_point ON service_point.id = service.service_point_id
JOIN point_channel ON point_channel.service_point_id = service.service_point_id
    AND (service.channels IS NULL OR point_channel.obis = ANY(service.channels))
WHERE tariff.name = %(subject)s AND NOT isempty(agreed.days)
    AND point_channel.obis = ANY(%(obis)s::bytea[])
ORDER BY point_channel.id, lower(agreed.days)

-- name: of_group
-- Of a point its channels; of an account those that its agreements bill, on their days.
SELECT id, obis, point, account, zone, lower(days), upper(days)
FROM (
    SELECT
        point_channel.id, point_channel.obis, service_point.name AS point, '' AS account,
        service_point.zone,
        daterange(member.from_day, member.end_day) * daterange(%(first)s::date, %(end)s::date)
            AS days
    FROM named_group
    JOIN group_member AS member ON member.group_id = named_group.id
    JOIN service_point ON service_point.id = member.service_point_id
    JOIN point_channel ON point_channel.service_point_id = service_point.id
    WHERE named_group.name = %(subject)s
    UNION ALL
    SELECT
        point_channel.id, point_channel.obis, service_point.name, account.number,
        service_point.zone,
        agreement.during * daterange(member.from_day, member.end_day)
            * daterange(%(first)s::date, %(end)s::date)
    FROM named_group
    JOIN group_member AS member ON member.group_id = named_group.id
    JOIN account ON account.id = member.account_id
    JOIN agreement ON agreement.account_id = account.id
    JOIN service ON service.id = agreement.service_id
    JOIN service_point ON service_point.id = service.service_point_id
    JOIN point_channel ON point_channel.service_point_id = service.service_point_id
        AND (service.channels IS NULL OR point_channel.obis = ANY(service.channels))
    WHERE named_group.name = %(subject)s
) AS held
WHERE NOT isempty(days) AND obis = ANY(%(obis)s::bytea[])
ORDER BY id, lower(days)

-- name: day_sums
-- The span lets the planner leave months out.
SELECT
    key, day, unit, exponent, period_s, sum(total), count(*), max(days), sum(missing), sum(estimated)
FROM (
    SELECT
        key, channel_id, CASE WHEN %(by_day)s::boolean THEN day END AS day, unit, exponent, period_s,
        sum(total) AS total, count(*) AS days, sum(missing) AS missing, sum(estimated) AS estimated
    FROM (
        SELECT DISTINCT ON (wanted.key, day_block.channel_id, day_block.day)
            wanted.key, day_block.channel_id, day_block.day, heading_id, total, missing, estimated
        FROM unnest(
            %(keys)s::integer[], %(channels)s::bigint[], %(firsts)s::date[], %(ends)s::date[]
        ) AS wanted (key, channel_id, first_day, end_day)
        JOIN day_block ON day_block.channel_id = wanted.channel_id
            AND day_block.day >= wanted.first_day AND day_block.day < wanted.end_day
            AND day_block.day >= %(least)s::date AND day_block.day < %(most)s::date
        ORDER BY wanted.key, day_block.channel_id, day_block.day, version DESC
    ) AS newest
    JOIN block_heading ON block_heading.id = newest.heading_id
    GROUP BY 1, 2, 3, 4, 5, 6
) AS of_channel
GROUP BY 1, 2, 3, 4, 5
ORDER BY 1, 2

-- name: blocks
SELECT DISTINCT ON (day_block.channel_id, day_block.day)
    day_block.channel_id, day_block.day, day_block.version, sha256, content,
    zone, unit, period_s, exponent, start_ms, intervals
FROM unnest(%(channels)s::bigint[], %(firsts)s::date[], %(ends)s::date[])
    AS wanted (channel_id, first_day, end_day)
JOIN day_block ON day_block.channel_id = wanted.channel_id
    AND day_block.day >= wanted.first_day AND day_block.day < wanted.end_day
    AND day_block.day >= %(least)s::date AND day_block.day < %(most)s::date
JOIN block_heading ON block_heading.id = day_block.heading_id
ORDER BY day_block.channel_id, day_block.day, day_block.version DESC

-- name: past_days
-- The figures of days that rules ask for, of a channel itself or of another one of its point. The
-- span lets the planner leave months out.
SELECT DISTINCT ON (asked.channel_id, asked.obis, day_block.day)
    asked.channel_id, asked.obis, asked.first_day, asked.end_day, day_block.day,
    block_heading.intervals, block_heading.exponent, total,
    ARRAY[zeros, day_block.estimated, missing], extremes
FROM unnest(
    %(ids)s::bigint[], %(obis)s::bytea[], %(firsts)s::date[], %(ends)s::date[]
) AS asked (channel_id, obis, first_day, end_day)
JOIN point_channel AS own ON own.id = asked.channel_id
JOIN point_channel ON point_channel.service_point_id = own.service_point_id
    AND point_channel.obis = asked.obis
JOIN day_block ON day_block.channel_id = point_channel.id
    AND day_block.day >= asked.first_day AND day_block.day < asked.end_day
    AND day_block.day >= %(first)s AND day_block.day < %(end)s
JOIN block_heading ON block_heading.id = day_block.heading_id
ORDER BY asked.channel_id, asked.obis, day_block.day, day_block.version DESC

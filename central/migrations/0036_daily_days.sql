-- A daily channel has one interval per local day. Those of 23 and 25 hours could not be read until now:
-- they are closed again, and the days behind them with them, which changes none that says the same.
UPDATE point_channel SET closed_through = unreadable.day - 1
FROM (
    SELECT channel_id, min(day) AS day FROM vee_finding
    WHERE code = 'UNREADABLE_DAY' AND closed_at IS NULL
    GROUP BY channel_id
) AS unreadable
WHERE point_channel.id = unreadable.channel_id
    AND point_channel.period_s = 86400 AND point_channel.closed_through >= unreadable.day;

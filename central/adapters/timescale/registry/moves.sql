-- name: registers_at
-- What a meter's register showed: its profile first, then what was read live or written down.
SELECT
    meter.manufacturer, meter.serial, gateway.name, point_channel.obis, point_channel.unit,
    shown.mantissa, shown.exponent, written.opening, written.closing,
    EXISTS (
        SELECT FROM channel JOIN reading ON reading.channel_id = channel.id
            AND reading.at
            BETWEEN %(at)s - channel.period_s * interval '1 second' - interval '10 seconds'
            AND %(at)s - channel.period_s * interval '1 second' + interval '10 seconds'
        WHERE channel.meter_id = meter.id AND channel.obis = point_channel.obis
            AND channel.kind = %(interval)s
    ),
    lower(installation.during) = %(at)s, upper(installation.during) = %(at)s
FROM service_point
JOIN installation ON installation.service_point_id = service_point.id
    AND installation.withdrawn IS NULL
    AND installation.during @> (
        %(at)s::timestamptz - CASE WHEN %(before)s THEN 1 ELSE 0 END * interval '1 millisecond'
    )
JOIN meter ON meter.id = installation.meter_id
JOIN gateway ON gateway.id = meter.gateway_id
JOIN point_channel ON point_channel.service_point_id = service_point.id
LEFT JOIN installation_register AS written ON written.installation_id = installation.id
    AND written.obis = point_channel.obis
LEFT JOIN LATERAL (
    SELECT reading.mantissa, reading.exponent
    FROM channel JOIN reading ON reading.channel_id = channel.id
        AND reading.at BETWEEN %(at)s - interval '10 seconds' AND %(at)s + interval '10 seconds'
    WHERE channel.meter_id = meter.id AND channel.obis = point_channel.obis
        AND channel.kind = %(register)s
    ORDER BY
        channel.source DESC, abs(extract(epoch FROM reading.at - %(at)s)), reading.revision DESC
    LIMIT 1
) AS shown ON true
WHERE service_point.name = %(point)s
ORDER BY point_channel.id

-- name: add_move
INSERT INTO move (
    uid, kind, service_point_id, account_id, at, asked, steps, reason, decided_by, decided_at
)
SELECT
    %(uid)s, %(kind)s, service_point.id, account.id, %(at)s, %(asked)s, %(steps)s, %(reason)s,
    %(actor)s, %(now)s
FROM service_point LEFT JOIN account ON account.number = %(account)s
WHERE service_point.name = %(point)s

-- name: undo_move
UPDATE move SET undone_by = %(actor)s, undone_at = %(now)s, undo_reason = %(reason)s
WHERE uid = %(uid)s AND undone_at IS NULL

-- name: moves
SELECT
    move.uid, move.id, move.kind, service_point.name, account.number, move.at, move.asked,
    move.steps, move.decided_by, move.decided_at, move.reason, move.undone_by, move.undone_at,
    move.undo_reason
FROM move
JOIN service_point ON service_point.id = move.service_point_id
LEFT JOIN account ON account.id = move.account_id
WHERE (%(uid)s::uuid IS NULL OR move.uid = %(uid)s)
    AND (%(point)s::text IS NULL OR service_point.name = %(point)s)
    -- Whoever made room for another moved as well.
    AND (
        %(account)s::text IS NULL OR account.number = %(account)s
        OR move.steps -> 'agreements_ended'
        @> jsonb_build_array(jsonb_build_object('account', %(account)s::text))
    )
    AND (NOT %(holding)s OR move.undone_at IS NULL)
    AND (%(behind)s::bigint IS NULL OR move.id < %(behind)s)
    AND (
        %(since)s::timestamptz IS NULL
        OR move.decided_at >= %(since)s OR move.undone_at >= %(since)s
    )
ORDER BY move.id DESC LIMIT %(limit)s

-- name: left_unbilled
-- Accounts that have moved out and whose last day nobody has claimed, with that day.
SELECT DISTINCT account.number, occupancy.ended_on - 1 AS last
FROM move
CROSS JOIN LATERAL jsonb_to_recordset(move.steps -> 'agreements_ended')
    AS left_by (account text, service text, "end" date)
JOIN account ON account.number = left_by.account
JOIN service ON service.service_point_id = move.service_point_id
    AND service.name = left_by.service
JOIN occupancy ON occupancy.account_id = account.id AND occupancy.service_id = service.id
    AND occupancy.ended_on = left_by."end" AND occupancy.billing_from < occupancy.ended_on
WHERE move.undone_at IS NULL AND move.at <= %(now)s AND move.kind IN ('move_in', 'move_out')
    AND NOT EXISTS (
        SELECT FROM billed_period
        WHERE billed_period.occupancy_id = occupancy.id AND billed_period.first_day IS NOT NULL
            AND billed_period.end_day >= occupancy.ended_on
    )
ORDER BY account.number, last

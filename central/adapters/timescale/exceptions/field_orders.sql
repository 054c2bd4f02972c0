-- name: point_of_finding
SELECT point_channel.service_point_id FROM vee_finding
JOIN point_channel ON point_channel.id = vee_finding.channel_id
WHERE vee_finding.id = %(number)s

-- name: point_of_bill
-- Where a bill has several points, that of the first part.
SELECT agreement.service_point_id FROM bill_part
JOIN agreement ON agreement.id = bill_part.agreement_id
WHERE bill_part.bill_id = %(number)s
ORDER BY bill_part.id LIMIT 1

-- name: point_of_conflict
SELECT installation.service_point_id FROM conflict
JOIN channel ON channel.id = conflict.channel_id
JOIN installation ON installation.meter_id = channel.meter_id
    AND installation.withdrawn IS NULL AND installation.during @> conflict.at
WHERE conflict.id = %(number)s
LIMIT 1

-- name: add
INSERT INTO field_order (
    uid, kind, number, service_point_id, due_on, reason_code, reason, recorded_by, recorded_at
)
VALUES (
    %(uid)s, %(kind)s, %(number)s, %(point)s, %(due_on)s, %(reason_code)s, %(reason)s, %(actor)s,
    %(at)s
)

-- name: orders
SELECT
    field_order.uid, field_order.kind, field_order.number, service_point.name, field_order.due_on,
    field_order.recorded_by, field_order.recorded_at, field_order.reason,
    array_agg(meter.manufacturer || '/' || meter.serial ORDER BY meter.id)
    FILTER (WHERE meter.id IS NOT NULL),
    array_agg(seen.last_at ORDER BY meter.id) FILTER (WHERE meter.id IS NOT NULL),
    min(since.at) AS read_at
FROM field_order
JOIN service_point ON service_point.id = field_order.service_point_id
LEFT JOIN installation ON installation.service_point_id = field_order.service_point_id
    AND installation.withdrawn IS NULL
    AND coalesce(upper(installation.during), 'infinity') > field_order.recorded_at
LEFT JOIN meter ON meter.id = installation.meter_id
LEFT JOIN LATERAL (
    SELECT max(newest.at) AS last_at FROM channel
    CROSS JOIN LATERAL (
        SELECT at FROM reading WHERE reading.channel_id = channel.id ORDER BY at DESC LIMIT 1
    ) AS newest
    WHERE channel.meter_id = meter.id
) AS seen ON true
LEFT JOIN LATERAL (
    SELECT min(first.at) AS at FROM channel
    CROSS JOIN LATERAL (
        SELECT at FROM reading
        WHERE reading.channel_id = channel.id AND at >= field_order.recorded_at
        ORDER BY at LIMIT 1
    ) AS first
    WHERE channel.meter_id = meter.id
) AS since ON true
WHERE (%(kind)s::text IS NULL OR (field_order.kind = %(kind)s AND field_order.number = %(number)s))
GROUP BY field_order.id, service_point.name
HAVING %(every)s OR min(since.at) IS NULL
ORDER BY field_order.due_on, field_order.id
LIMIT 500

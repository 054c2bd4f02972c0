-- name: finding
SELECT
    vee_finding.channel_id, vee_finding.day, vee_finding.from_at, vee_finding.until_at,
    vee_finding.message, vee_finding.evidence, point_channel.obis, service_point.id
FROM vee_finding
JOIN point_channel ON point_channel.id = vee_finding.channel_id
JOIN service_point ON service_point.id = point_channel.service_point_id
WHERE vee_finding.id = %(number)s

-- name: registers
-- The registers behind a channel of a point: the last reads before a time, and the first after it.
SELECT
    meter.manufacturer || '/' || meter.serial, shown.at, shown.mantissa, shown.exponent,
    channel.unit, shown.flags
FROM installation
JOIN meter ON meter.id = installation.meter_id
JOIN channel ON channel.meter_id = meter.id AND channel.obis = %(obis)s AND channel.kind = 0
CROSS JOIN LATERAL (
    (
        SELECT at, mantissa, exponent, flags FROM reading
        WHERE channel_id = channel.id AND at <= %(from_at)s ORDER BY at DESC, revision DESC LIMIT 3
    ) UNION ALL (
        SELECT at, mantissa, exponent, flags FROM reading
        WHERE channel_id = channel.id AND at >= %(until_at)s ORDER BY at, revision DESC LIMIT 3
    )
) AS shown
WHERE installation.service_point_id = %(point)s AND installation.withdrawn IS NULL
    AND installation.during @> shown.at
ORDER BY shown.at, 1

-- name: conflict
SELECT
    channel.id, meter.manufacturer || '/' || meter.serial, conflict.at, conflict.mantissa,
    conflict.exponent, channel.unit, conflict.found_at
FROM conflict
JOIN channel ON channel.id = conflict.channel_id
JOIN meter ON meter.id = channel.meter_id
WHERE conflict.id = %(number)s

-- name: neighbours
SELECT at, mantissa, exponent, flags FROM (
    (
        SELECT at, mantissa, exponent, flags FROM reading
        WHERE channel_id = %(channel)s AND at <= %(at)s ORDER BY at DESC, revision DESC LIMIT 4
    ) UNION ALL (
        SELECT at, mantissa, exponent, flags FROM reading
        WHERE channel_id = %(channel)s AND at > %(at)s ORDER BY at, revision DESC LIMIT 3
    )
) AS beside ORDER BY at

-- name: reasons
SELECT holds FROM bill WHERE id = %(number)s

-- name: parts
SELECT
    service_point.name, part.first_day, part.end_day, part.used, part.use_unit, part.intervals,
    part.estimated, part.occupancy_id
FROM bill_part AS part
JOIN agreement ON agreement.id = part.agreement_id
JOIN service_point ON service_point.id = agreement.service_point_id
WHERE part.bill_id = %(number)s
ORDER BY part.id

-- name: earlier
SELECT part.first_day, part.end_day, part.used, part.use_unit, part.intervals, part.estimated
FROM billed_period
JOIN bill_part AS part ON part.id = billed_period.part_id
    AND part.first_day = billed_period.first_day
WHERE billed_period.occupancy_id = %(occupancy)s AND billed_period.end_day <= %(first)s
    AND billed_period.end_day > %(first)s - 400
ORDER BY part.first_day

-- name: batch
SELECT gateway.name, batch.epoch, batch.sequence, quarantine.code, quarantine.message
FROM quarantine
JOIN batch ON batch.id = quarantine.batch_id
JOIN gateway ON gateway.id = batch.gateway_id
WHERE quarantine.batch_id = %(number)s

-- name: candidate
SELECT causes, difference, hold FROM correction_candidate WHERE id = %(number)s

-- name: meter
SELECT gateway.name, meter.first_seen_at, meter_seen.last_at
FROM meter
JOIN gateway ON gateway.id = meter.gateway_id
LEFT JOIN meter_seen ON meter_seen.meter_id = meter.id
WHERE meter.id = %(number)s

-- name: subject
SELECT usage_subject.name, apart.events, apart.first_at, apart.last_at
FROM subject_waiting AS waiting
JOIN usage_subject ON usage_subject.id = waiting.subject_id
CROSS JOIN LATERAL (
    SELECT count(*) AS events, min(at) AS first_at, max(at) AS last_at
    FROM waiting_event WHERE waiting_event.subject_id = waiting.subject_id
) AS apart
WHERE waiting.id = %(number)s

-- name: events
SELECT event.at, usage_source.name, event.event_id, usage_type.name, event.value::text
FROM subject_waiting AS waiting
JOIN waiting_event AS event ON event.subject_id = waiting.subject_id
JOIN usage_source ON usage_source.id = event.source_id
JOIN usage_type ON usage_type.id = event.type_id
WHERE waiting.id = %(number)s
ORDER BY event.at, event.event_id
LIMIT 20

-- name: assignments
SELECT span.from_day, service_point.name
FROM subject_waiting AS waiting
JOIN subject_span AS span ON span.subject_id = waiting.subject_id
LEFT JOIN service_point ON service_point.id = span.service_point_id
WHERE waiting.id = %(number)s
ORDER BY span.from_day

-- name: changed_days
-- Days that were validated anew since parts were rated, or compared last.
SELECT
    service_point.name, point_channel.obis, min(day_block.day), max(day_block.day),
    count(DISTINCT day_block.day), bool_or(day_block.edited)
FROM bill_part AS part
JOIN stamped_part AS stamped ON stamped.id = part.id
JOIN bill ON bill.id = part.bill_id
JOIN agreement ON agreement.id = part.agreement_id
JOIN service_point ON service_point.id = agreement.service_point_id
JOIN point_channel ON point_channel.service_point_id = service_point.id
JOIN day_block ON day_block.channel_id = point_channel.id
    AND day_block.day >= part.first_day - coalesce(stamped.looks_back_days, 0)
    AND day_block.day < part.end_day
    AND day_block.made_at > coalesce(
        (SELECT max(noted_at) FROM settled_stamp WHERE settled_stamp.part_id = part.id), bill.made_at
    ) - %(margin)s::interval
WHERE part.id = ANY(%(parts)s)
GROUP BY service_point.name, point_channel.obis
ORDER BY 1, 2

-- name: changed_events
-- Usage events that came, or were replaced, since parts were rated, or compared last.
SELECT
    service_point.name, subject.name, min(event.at), max(event.at),
    count(DISTINCT (event.source_id, event.event_id))
FROM bill_part AS part
JOIN bill ON bill.id = part.bill_id
JOIN agreement ON agreement.id = part.agreement_id
JOIN service_point ON service_point.id = agreement.service_point_id
JOIN (
    SELECT DISTINCT service_point_id, subject_id FROM subject_assignment
) AS mine ON mine.service_point_id = service_point.id
JOIN usage_subject AS subject ON subject.id = mine.subject_id
JOIN usage_event AS event ON event.subject_id = mine.subject_id
    AND event.at >= part.first_day::timestamp AT TIME ZONE service_point.zone
    AND event.at < (part.end_day + 1)::timestamp AT TIME ZONE service_point.zone
LEFT JOIN usage_event_key AS newer ON newer.version > 1
    AND newer.source_id = event.source_id AND newer.event_id = event.event_id
    AND newer.version > event.version
JOIN usage_receipt ON usage_receipt.id IN (event.receipt_id, newer.receipt_id)
    AND usage_receipt.recorded_at > coalesce(
        (SELECT max(noted_at) FROM settled_stamp WHERE settled_stamp.part_id = part.id), bill.made_at
    ) - %(margin)s::interval
WHERE part.id = ANY(%(parts)s)
GROUP BY service_point.name, subject.name
ORDER BY 1, 2

-- name: changed_records
-- What the registry says otherwise since parts were rated, or compared last; what it said before.
SELECT DISTINCT
    changed.kind, changed.subject, changed.revision, changed.content, earlier.content,
    changed.recorded_by
FROM (
    SELECT
        service_point.name AS point, account.number AS account, min(coalesce(
            (SELECT max(noted_at) FROM settled_stamp WHERE settled_stamp.part_id = part.id),
            bill.made_at
        )) - %(margin)s::interval AS since
    FROM bill_part AS part
    JOIN bill ON bill.id = part.bill_id
    JOIN agreement ON agreement.id = part.agreement_id
    JOIN service_point ON service_point.id = agreement.service_point_id
    JOIN account ON account.id = bill.account_id
    WHERE part.id = ANY(%(parts)s)
    GROUP BY 1, 2
) AS rated
JOIN registry_revision AS changed ON changed.recorded_at > rated.since AND (
    changed.kind = 'agreement' AND (
        changed.content ->> 'account' = rated.account
        OR starts_with(changed.subject, rated.account || ' at ')
        OR changed.subject LIKE '%% at ' || rated.point || ' from %%'
    )
    OR changed.kind = 'installation' AND changed.content ->> 'point' = rated.point
    OR changed.kind IN ('service_point', 'service') AND changed.subject = rated.point
    OR changed.kind = 'account' AND changed.subject = rated.account
)
LEFT JOIN registry_revision AS earlier ON earlier.kind = changed.kind
    AND earlier.subject = changed.subject AND earlier.revision = changed.revision - 1
ORDER BY changed.kind, changed.subject, changed.revision

-- name: parts_of
SELECT id FROM bill_part WHERE bill_id = ANY(%(bills)s) ORDER BY id

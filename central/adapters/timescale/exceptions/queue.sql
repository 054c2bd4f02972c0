-- name: finding
-- Each kind as the view `exception` has it, alone: what is united cannot be read in an index's order.
SELECT
    'finding' AS kind, vee_finding.id AS number, vee_finding.severity, vee_finding.raised_at,
    service_point.name AS subject, vee_finding.code, vee_finding.message
FROM vee_finding
JOIN point_channel ON point_channel.id = vee_finding.channel_id
JOIN service_point ON service_point.id = point_channel.service_point_id
WHERE vee_finding.closed_at IS NULL AND vee_finding.accepted_by IS NULL
    AND vee_finding.severity <> 'info' AND vee_finding.code <> 'CONFLICTING_READINGS'

-- name: report
SELECT
    'report' AS kind, finding.id AS number, CASE
        WHEN finding.code IN ('LOST_RANGE', 'GAP', 'VOID_BATCH') THEN 'critical' ELSE 'warning'
    END AS severity, finding.raised_at, coalesce(gateway.name, '') AS subject, finding.code, finding.message
FROM finding
LEFT JOIN gateway ON gateway.id = finding.gateway_id
WHERE finding.closed_at IS NULL AND finding.code <> 'QUARANTINE'

-- name: bill
SELECT
    'bill' AS kind, bill.id AS number, 'critical' AS severity, bill.made_at AS raised_at,
    account.number || '/' || bill.cycle AS subject, bill.holds -> 0 ->> 'code' AS code,
    bill.holds -> 0 ->> 'message' AS message
FROM bill
JOIN account ON account.id = bill.account_id
WHERE bill.state = 'held'

-- name: conflict
SELECT
    'conflict' AS kind, conflict.id AS number, 'critical' AS severity,
    conflict.found_at AS raised_at, meter.manufacturer || '/' || meter.serial AS subject,
    'CONFLICTING_READINGS' AS code,
    'A reading has two different values; an operator must decide.' AS message
FROM conflict
JOIN channel ON channel.id = conflict.channel_id
JOIN meter ON meter.id = channel.meter_id
WHERE conflict.decided_at IS NULL

-- name: quarantine
SELECT
    'quarantine' AS kind, quarantine.batch_id AS number, 'critical' AS severity,
    quarantine.quarantined_at AS raised_at, gateway.name AS subject,
    quarantine.code, quarantine.message
FROM quarantine
JOIN batch ON batch.id = quarantine.batch_id
JOIN gateway ON gateway.id = batch.gateway_id
WHERE quarantine.released_at IS NULL

-- name: candidate
SELECT
    'candidate' AS kind, candidate.id AS number, 'warning' AS severity,
    candidate.opened_at AS raised_at, account.number AS subject,
    CASE WHEN candidate.hold IS NULL THEN 'CANDIDATE' ELSE 'CORRECTION_HELD' END AS code,
    coalesce(candidate.hold ->> 'message', 'An issued bill would say something else today.')
        AS message
FROM correction_candidate AS candidate
JOIN account ON account.id = candidate.account_id
WHERE candidate.closed_at IS NULL

-- name: meter
SELECT
    'meter' AS kind, meter.id AS number, 'warning' AS severity, meter.first_seen_at AS raised_at,
    meter.manufacturer || '/' || meter.serial AS subject, 'UNASSIGNED_METER' AS code,
    'The meter sends readings and is installed at no service point.' AS message
FROM meter_seen
JOIN meter ON meter.id = meter_seen.meter_id
WHERE NOT meter_seen.installed

-- name: subject
SELECT
    'subject' AS kind, waiting.id AS number, 'warning' AS severity,
    waiting.opened_at AS raised_at, usage_subject.name AS subject,
    'EVENTS_WITHOUT_POINT' AS code,
    'Usage events name a subject that belongs to no service point.' AS message
FROM subject_waiting AS waiting
JOIN usage_subject ON usage_subject.id = waiting.subject_id
WHERE waiting.closed_at IS NULL

-- name: given_last
LEFT JOIN LATERAL (
    SELECT owner, due_on, hidden_until FROM exception_owner
    WHERE exception_owner.kind = listed.kind AND exception_owner.number = listed.number
    ORDER BY revision DESC LIMIT 1
) AS given ON true

-- name: counts
SELECT kind, code, severity, count(*), min(raised_at) FROM exception
GROUP BY kind, code, severity
ORDER BY count(*) DESC, kind, code

-- name: given
SELECT owner, due_on, hidden_until, revision FROM exception_owner
WHERE kind = %(kind)s AND number = %(number)s
ORDER BY revision DESC LIMIT 1

-- name: waits
SELECT subject, code FROM exception WHERE kind = %(kind)s AND number = %(number)s

-- name: assign
INSERT INTO exception_owner (
    kind, number, revision, owner, due_on, hidden_until, reason_code, reason, recorded_by,
    recorded_at
)
VALUES (
    %(kind)s, %(number)s, %(revision)s, %(owner)s, %(due_on)s, %(hidden_until)s, %(reason_code)s,
    %(reason)s, %(actor)s, %(at)s
)

-- name: lock
SELECT lock_retention()

-- name: group
SELECT id FROM named_group WHERE name = %(name)s

-- name: enter_rule
INSERT INTO retention_rule (kind, group_id, revision, months, source, reason, actor, recorded_at)
SELECT
    %(kind)s, %(group_id)s, 1 + coalesce(max(revision), 0), %(months)s, %(source)s, %(reason)s,
    %(actor)s, %(at)s
FROM retention_rule
WHERE kind = %(kind)s::text AND group_id IS NOT DISTINCT FROM %(group_id)s::bigint
RETURNING id, revision

-- name: rules
SELECT
    rule.id, rule.kind, rule.months, rule.source, named_group.name, rule.revision, rule.reason,
    rule.actor, rule.recorded_at
FROM retention_rule AS rule LEFT JOIN named_group ON named_group.id = rule.group_id
ORDER BY rule.kind, named_group.name NULLS FIRST, rule.revision DESC

-- name: subject_account
-- Whoever erases the account holds the row.
SELECT id FROM account WHERE number = %(name)s FOR NO KEY UPDATE

-- name: subject_point
SELECT id FROM service_point WHERE name = %(name)s

-- name: subject_meter
SELECT id FROM meter WHERE manufacturer || '/' || serial = %(name)s

-- name: place_hold
INSERT INTO legal_hold (
    uid, account_id, service_point_id, meter_id, case_name, reason, placed_by, placed_at
) VALUES (
    %(uid)s, %(account)s, %(point)s, %(meter)s, %(case)s, %(reason)s, %(actor)s, %(at)s
)
ON CONFLICT DO NOTHING
RETURNING uid

-- name: lift_hold
UPDATE legal_hold SET lifted_by = %(actor)s, lifted_at = %(at)s, lifted_reason = %(reason)s
WHERE uid = %(uid)s AND lifted_at IS NULL
RETURNING uid

-- name: holds
SELECT
    legal_hold.uid,
    CASE
        WHEN legal_hold.account_id IS NOT NULL THEN 'account'
        WHEN legal_hold.service_point_id IS NOT NULL THEN 'point'
        ELSE 'meter'
    END,
    coalesce(account.number, service_point.name, meter.manufacturer || '/' || meter.serial),
    legal_hold.case_name, legal_hold.reason, legal_hold.placed_by, legal_hold.placed_at,
    legal_hold.lifted_by, legal_hold.lifted_at, legal_hold.lifted_reason
FROM legal_hold
LEFT JOIN account ON account.id = legal_hold.account_id
LEFT JOIN service_point ON service_point.id = legal_hold.service_point_id
LEFT JOIN meter ON meter.id = legal_hold.meter_id
WHERE %(uid)s::uuid IS NULL OR legal_hold.uid = %(uid)s
ORDER BY legal_hold.lifted_at DESC NULLS FIRST, legal_hold.id DESC

-- name: restored_at
SELECT at FROM audit_log AS restore
WHERE subject = %(database)s AND action = %(restored)s AND NOT EXISTS (
    SELECT FROM audit_log
    WHERE subject = %(database)s AND action = 'retention.resumed' AND id > restore.id
)
ORDER BY id DESC LIMIT 1

-- name: past_term
SELECT 'readings' AS kind, rule_id, first_day, end_day, due, on_hold FROM readings_past_term(%(at)s)
UNION ALL
SELECT
    kind, rule_id, date_trunc('month', day)::date, (date_trunc('month', day) + interval '1 month')::date,
    count(*) FILTER (WHERE NOT on_hold), count(*) FILTER (WHERE on_hold)
FROM (
    SELECT 'documents' AS kind, rule_id, day, on_hold FROM documents_past_term(%(at)s)
    UNION ALL
    SELECT 'signatures', rule_id, day, on_hold FROM signatures_past_term(%(at)s)
) AS past
GROUP BY kind, rule_id, date_trunc('month', day)
ORDER BY 1, 3, 2

-- name: drop_documents
SELECT uid, kind, rule_id, first_day, end_day, deleted, actor, deleted_at
FROM drop_documents(%(at)s, %(limit)s, %(actor)s)

-- name: drop_readings
SELECT uid, kind, rule_id, first_day, end_day, deleted, actor, deleted_at
FROM drop_readings(%(at)s, %(limit)s, %(actor)s)

-- name: drop_signatures
SELECT uid, kind, rule_id, first_day, end_day, deleted, actor, deleted_at
FROM drop_signatures(%(at)s, %(limit)s, %(actor)s)

-- name: points
SELECT service_point.id FROM service_point
WHERE %(point)s::text IS NOT DISTINCT FROM service_point.name
    OR %(point)s::text IS NULL AND (
        %(group_id)s::bigint IS NULL
        OR EXISTS (
            SELECT FROM group_member
            WHERE group_id = %(group_id)s AND group_member.service_point_id = service_point.id
        )
        OR EXISTS (
            SELECT FROM group_member JOIN agreement ON agreement.account_id = group_member.account_id
            WHERE group_id = %(group_id)s AND agreement.service_point_id = service_point.id
        )
    )
ORDER BY service_point.id

-- name: raise_floors
SELECT name, before, refusal
FROM raise_floors(%(points)s, %(day)s, %(reason)s, %(actor)s, %(at)s, %(dry)s)

-- name: floors
SELECT retention_floor.day, count(*), retention_floor.reason, retention_floor.actor, retention_floor.recorded_at
FROM retention_floor
GROUP BY retention_floor.day, retention_floor.reason, retention_floor.actor, retention_floor.recorded_at
ORDER BY retention_floor.recorded_at DESC, retention_floor.day DESC
LIMIT %(limit)s

-- name: receipts
SELECT uid, kind, rule_id, first_day, end_day, deleted, actor, deleted_at
FROM retention_receipt ORDER BY id DESC LIMIT %(limit)s

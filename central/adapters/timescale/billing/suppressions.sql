-- name: hold
-- As runs do, before anything is read of it.
SELECT occupancy.id
FROM occupancy
JOIN account ON account.id = occupancy.account_id
JOIN service ON service.id = occupancy.service_id
JOIN service_point ON service_point.id = service.service_point_id
WHERE account.number = %(account)s AND service_point.name = %(point)s
    AND (%(service)s::text IS NULL OR service.name = %(service)s)
ORDER BY occupancy.id
FOR UPDATE OF occupancy

-- name: unclaimed
SELECT
    occupancy.id, newest.end_day, occupancy.ended_on, newest.part_id, newest.opening,
    CASE WHEN bill.state <> 'issued' THEN bill.state END
FROM occupancy
CROSS JOIN LATERAL (
    SELECT end_day, part_id, opening, settles FROM billed_period
    WHERE billed_period.occupancy_id = occupancy.id
    ORDER BY billed_period.end_day DESC LIMIT 1
) AS newest
LEFT JOIN bill_part ON bill_part.id = newest.part_id
LEFT JOIN bill ON bill.id = bill_part.bill_id
WHERE occupancy.id = ANY(%(occupancies)s) AND NOT newest.settles
    AND (occupancy.ended_on IS NULL OR occupancy.ended_on > newest.end_day)
    AND EXISTS (
        SELECT FROM agreement
        WHERE agreement.occupancy_id = occupancy.id AND agreement.withdrawn IS NULL
    )

-- name: claim
INSERT INTO billed_period (occupancy_id, first_day, end_day, part_id, opening)
VALUES (%(occupancy)s, %(first)s, %(until)s, %(part)s, %(opening)s)

-- name: add
INSERT INTO suppressed_period (
    uid, occupancy_id, first_day, end_day, reason, decided_by, decided_at
) VALUES (%(uid)s, %(occupancy)s, %(first)s, %(until)s, %(reason)s, %(actor)s, %(at)s)

-- name: held
SELECT
    occupancy.id, suppressed_period.first_day, suppressed_period.end_day,
    suppressed_period.proposed AND suppressed_period.approved_at IS NULL, account.number,
    service_point.name, suppressed_period.decided_by
FROM suppressed_period
JOIN occupancy ON occupancy.id = suppressed_period.occupancy_id
JOIN account ON account.id = occupancy.account_id
JOIN service ON service.id = occupancy.service_id
JOIN service_point ON service_point.id = service.service_point_id
WHERE suppressed_period.uid = %(uid)s AND suppressed_period.lifted_at IS NULL
FOR UPDATE OF occupancy, suppressed_period

-- name: waits
SELECT uid FROM suppressed_period
WHERE occupancy_id = %(occupancy)s AND lifted_at IS NULL AND proposed AND approved_at IS NULL

-- name: approve
UPDATE suppressed_period SET approved_by = %(actor)s, approved_at = %(at)s WHERE uid = %(uid)s

-- name: behind
SELECT end_day FROM billed_period
WHERE occupancy_id = %(occupancy)s AND first_day = %(until)s

-- name: unclaim
DELETE FROM billed_period WHERE occupancy_id = %(occupancy)s AND end_day = %(until)s

-- name: lift
UPDATE suppressed_period SET lifted_by = %(actor)s, lifted_at = %(at)s, lift_reason = %(reason)s
WHERE uid = %(uid)s

-- name: suppressions
SELECT
    suppressed_period.uid, account.number, service_point.name, service.name,
    suppressed_period.first_day, suppressed_period.end_day, suppressed_period.reason,
    suppressed_period.decided_by, suppressed_period.decided_at,
    suppressed_period.proposed AND suppressed_period.approved_at IS NULL,
    suppressed_period.approved_by, suppressed_period.approved_at, suppressed_period.lifted_by,
    suppressed_period.lifted_at, suppressed_period.lift_reason
FROM suppressed_period
JOIN occupancy ON occupancy.id = suppressed_period.occupancy_id
JOIN account ON account.id = occupancy.account_id
JOIN service ON service.id = occupancy.service_id
JOIN service_point ON service_point.id = service.service_point_id
WHERE %(account)s::text IS NULL OR account.number = %(account)s
ORDER BY suppressed_period.id DESC

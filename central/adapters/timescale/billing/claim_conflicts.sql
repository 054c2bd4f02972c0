-- name: count
SELECT count(*) FILTER (WHERE claim_decision.conflict_id IS NULL), count(claim_decision.conflict_id)
FROM claim_conflict LEFT JOIN claim_decision ON claim_decision.conflict_id = claim_conflict.id

-- name: conflicts
SELECT
    conflict.id, conflict.kind, account.number, account.name, service_point.name, service.name,
    conflict.first_day, conflict.end_day,
    said.uid, said.cycle, said.number, said.state,
    others.uids, others.cycles, others.numbers, others.states,
    conflict.decision, conflict.reason, conflict.actor, conflict.decided_at
FROM (
    SELECT claim_conflict.*, decision, reason, actor, decided_at
    FROM claim_conflict
    LEFT JOIN claim_decision ON claim_decision.conflict_id = claim_conflict.id
    WHERE (claim_decision.conflict_id IS NOT NULL) = %(decided)s
        AND (%(after)s::bigint IS NULL OR claim_conflict.id > %(after)s)
    ORDER BY claim_conflict.id
    LIMIT %(limit)s
) AS conflict
JOIN occupancy ON occupancy.id = conflict.occupancy_id
JOIN account ON account.id = occupancy.account_id
JOIN service ON service.id = occupancy.service_id
JOIN service_point ON service_point.id = service.service_point_id
LEFT JOIN bill_part AS part ON part.id = conflict.part_id
LEFT JOIN bill AS said ON said.id = part.bill_id
-- What claims the same days of the service, whoever the customer is; of days that no bill says,
-- what claims those directly before and after.
CROSS JOIN LATERAL (
    SELECT
        array_agg(bill.uid ORDER BY claim.end_day) AS uids,
        array_agg(bill.cycle ORDER BY claim.end_day) AS cycles,
        array_agg(bill.number ORDER BY claim.end_day) AS numbers,
        array_agg(bill.state ORDER BY claim.end_day) AS states
    FROM billed_period AS claim
    JOIN occupancy AS holder ON holder.id = claim.occupancy_id
    JOIN bill_part AS claiming ON claiming.id = claim.part_id
    JOIN bill ON bill.id = claiming.bill_id
    WHERE holder.service_id = occupancy.service_id
        AND bill.id IS DISTINCT FROM said.id
        AND CASE
            WHEN conflict.part_id IS NULL THEN
                holder.id = occupancy.id
                AND (claim.end_day = conflict.first_day OR claim.first_day = conflict.end_day)
            ELSE claim.first_day < conflict.end_day AND claim.end_day > conflict.first_day
        END
) AS others
ORDER BY conflict.id

-- name: decide
INSERT INTO claim_decision (conflict_id, decision, reason, actor, decided_at)
SELECT id, %(decision)s, %(reason)s, %(actor)s, %(at)s
FROM claim_conflict WHERE id = %(conflict)s
ON CONFLICT DO NOTHING
RETURNING (
    SELECT account.number
    FROM claim_conflict
    JOIN occupancy ON occupancy.id = claim_conflict.occupancy_id
    JOIN account ON account.id = occupancy.account_id
    WHERE claim_conflict.id = conflict_id
)

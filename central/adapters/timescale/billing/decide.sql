-- name: links
SELECT
    bill.uid, earlier_bill.uid, account.number || '/' || earlier_bill.cycle,
    earlier_bill.state,
    bill_part.opening_sha256 IS NULL OR earlier.closing_sha256 IS NULL
    OR bill_part.opening_sha256 = earlier.closing_sha256
FROM bill
JOIN account ON account.id = bill.account_id
JOIN bill_part ON bill_part.bill_id = bill.id
JOIN billed_period ON billed_period.occupancy_id = bill_part.occupancy_id
    AND billed_period.end_day = bill_part.first_day
-- What replaces it in the same decision comes before it.
LEFT JOIN LATERAL (
    SELECT anew.id
    FROM bill_part AS anew JOIN bill AS mate ON mate.id = anew.bill_id
        AND mate.decision = bill.decision AND mate.state <> 'discarded'
    WHERE anew.replaces_part = billed_period.part_id
) AS mate ON bill.decision IS NOT NULL
JOIN settled_part AS earlier ON earlier.id = coalesce(mate.id, billed_period.part_id)
JOIN bill AS earlier_bill ON earlier_bill.id = earlier.bill_id
WHERE bill.uid = ANY(%(uids)s)

-- name: decisions
SELECT uid, decision FROM bill WHERE uid = ANY(%(uids)s) AND decision IS NOT NULL

-- name: approve
-- With the names of all who worked on them, asked once.
WITH listed AS (
    SELECT bill_id, array_agg(DISTINCT actor) AS actors FROM bill_contributor
    WHERE bill_id = ANY(ARRAY(SELECT id FROM bill WHERE uid = ANY(%(uids)s)))
    GROUP BY bill_id
)
UPDATE bill SET
    state = 'approved', approver = %(approver)s, approved_at = %(at)s,
    contributors = contributors || ARRAY(
        SELECT actor FROM unnest(listed.actors) AS actor WHERE actor <> ALL(contributors) ORDER BY actor
    )
FROM listed
WHERE bill.id = listed.bill_id AND state = 'draft' AND creator <> %(approver)s

-- name: with_those_behind
WITH RECURSIVE behind AS (
    SELECT id, uid FROM bill WHERE uid = ANY(%(uids)s) AND state = 'approved'
    UNION
    SELECT later.id, later.uid
    FROM behind
    -- What is to replace a part has nothing behind it yet.
    JOIN bill_part ON bill_part.bill_id = behind.id AND bill_part.replaces_part IS NULL
    CROSS JOIN LATERAL (
        SELECT later_part.bill_id
        FROM billed_period
        JOIN bill_part AS later_part ON later_part.id = billed_period.part_id
        WHERE billed_period.occupancy_id = bill_part.occupancy_id
            AND billed_period.first_day = bill_part.end_day
        UNION ALL
        SELECT account_state.bill_id FROM account_state
        WHERE account_state.state_from = bill_part.id
    ) AS opened
    JOIN bill AS later ON later.id = opened.bill_id AND later.state = 'approved'
)
SELECT uid FROM behind ORDER BY id

-- name: withdraw
UPDATE bill SET state = 'draft', approver = NULL, approved_at = NULL
WHERE uid = ANY(%(uids)s) AND state = 'approved'

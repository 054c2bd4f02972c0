-- name: discard
UPDATE bill SET state = 'discarded' WHERE uid = ANY(%(uids)s) AND state IN ('draft', 'held')

-- name: open_from
-- Open bills of occupancies that bill days from one on, with those behind; as a run takes them.
WITH RECURSIVE gone AS (
    SELECT bill.id
    FROM billed_period
    JOIN bill_part ON bill_part.id = billed_period.part_id
    JOIN bill ON bill.id = bill_part.bill_id AND bill.state IN ('draft', 'held')
    WHERE billed_period.occupancy_id = ANY(%(occupancies)s) AND billed_period.end_day > %(since)s
    UNION
    SELECT later.id
    FROM gone
    JOIN bill_part ON bill_part.bill_id = gone.id
    JOIN billed_period ON billed_period.occupancy_id = bill_part.occupancy_id
        AND billed_period.first_day = bill_part.end_day
    JOIN bill_part AS later_part ON later_part.id = billed_period.part_id
    JOIN bill AS later ON later.id = later_part.bill_id AND later.state IN ('draft', 'held')
)
SELECT bill.uid, account.number || '/' || bill.cycle
FROM bill JOIN account ON account.id = bill.account_id
WHERE bill.id IN (SELECT id FROM gone)
ORDER BY bill.account_id, bill.id
FOR UPDATE OF bill

-- name: open_settlements
SELECT billed_period.occupancy_id, billed_period.first_day
FROM occupancy
JOIN account ON account.id = occupancy.account_id
JOIN billed_period ON billed_period.occupancy_id = occupancy.id AND billed_period.settles
JOIN bill_part ON bill_part.id = billed_period.part_id
JOIN bill ON bill.id = bill_part.bill_id AND bill.state IN ('draft', 'held')
WHERE account.number = %(account)s
ORDER BY bill.id, billed_period.occupancy_id

-- name: open_entries
DELETE FROM ledger_use USING bill
WHERE bill.id = ledger_use.bill_id AND bill.uid = ANY(%(uids)s) AND bill.state = 'discarded'

-- name: open_adjustments
DELETE FROM adjustment_use USING bill
WHERE bill.id = adjustment_use.bill_id AND bill.uid = ANY(%(uids)s) AND bill.state = 'discarded'

-- name: end_claims
DELETE FROM billed_period
USING bill JOIN bill_part ON bill_part.bill_id = bill.id
WHERE bill.uid = ANY(%(uids)s) AND bill.state = 'discarded'
    AND billed_period.occupancy_id = bill_part.occupancy_id
    AND billed_period.end_day = bill_part.end_day AND billed_period.part_id = bill_part.id

-- name: open
-- Adjustments that no bill carries, or these bills do.
SELECT
    adjustment.account_id, adjustment.id, correction.uid::text, bill.number, adjustment.currency,
    adjustment.line
FROM adjustment
JOIN correction ON correction.id = adjustment.correction_id
JOIN bill ON bill.id = adjustment.bill_id
LEFT JOIN adjustment_use ON adjustment_use.adjustment_id = adjustment.id
WHERE adjustment.account_id = ANY(%(accounts)s)
    AND (adjustment_use.adjustment_id IS NULL OR adjustment_use.bill_id = ANY(%(bills)s::bigint[]))
ORDER BY adjustment.account_id, adjustment.id

-- name: drop_uses
DELETE FROM adjustment_use
WHERE bill_id = ANY(%(bills)s::bigint[]) AND NOT EXISTS (
    SELECT FROM unnest(%(adjustments)s::bigint[], %(lines)s::integer[])
        AS wanted (adjustment_id, line)
    WHERE wanted.adjustment_id = adjustment_use.adjustment_id
        AND wanted.line = adjustment_use.line
)

-- name: use
INSERT INTO adjustment_use (adjustment_id, bill_id, line)
SELECT adjustment_id, bill_id, line
FROM unnest(%(adjustments)s::bigint[], %(bills)s::bigint[], %(lines)s::integer[])
    AS wanted (adjustment_id, bill_id, line)
WHERE NOT EXISTS (
    SELECT FROM adjustment_use AS there
    WHERE there.adjustment_id = wanted.adjustment_id AND there.bill_id = wanted.bill_id
)

-- name: add
INSERT INTO adjustment (
    correction_id, account_id, part_id, version, bill_id, line, charge, kind, currency, amount, kwh
) VALUES (
    %(correction)s, %(account_id)s, %(part)s, %(version)s, %(bill)s, %(line)s, %(charge)s, %(kind)s,
    %(currency)s, %(amount)s, %(kwh)s
)

-- name: withdraw
UPDATE correction SET state = 'withdrawn' WHERE uid = %(uid)s AND state = 'decided'

-- name: corrections
SELECT
    correction.uid, account.number, correction.way, correction.state, bill.uid, bill.number,
    correction.reason, correction.difference, encode(correction.difference_sha256, 'hex'),
    correction.decided_by, correction.decided_at, correction.approved_by, correction.approved_at
FROM correction
JOIN account ON account.id = correction.account_id
JOIN bill ON bill.id = correction.from_bill_id
WHERE (%(uid)s::uuid IS NULL OR correction.uid = %(uid)s)
    AND (%(account)s::text IS NULL OR account.number = %(account)s)
    AND (
        %(behind)s::uuid IS NULL
        OR correction.id < (SELECT id FROM correction WHERE uid = %(behind)s)
    )
    AND (
        %(since)s::timestamptz IS NULL
        OR correction.decided_at >= %(since)s OR correction.approved_at >= %(since)s
    )
ORDER BY correction.id DESC
LIMIT %(limit)s

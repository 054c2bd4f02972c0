-- name: before
-- What the part before bills in their account's order left: of approved and issued bills the newest,
-- or a draft that comes before; of a bill that is approved itself, what it opened with.
SELECT wanted.number, newest.part_id, newest.place, newest.closing
FROM unnest(
    %(numbers)s::integer[], %(accounts)s::bigint[], %(bills)s::bigint[], %(ends)s::date[],
    %(firsts)s::date[]
) AS wanted (number, account_id, bill_id, end_day, first_day)
CROSS JOIN LATERAL (
    SELECT own.part_id, own.place, own.closing
    FROM settled_state AS own
    JOIN bill ON bill.id = own.bill_id
    LEFT JOIN bill AS mine ON mine.id = wanted.bill_id
    WHERE own.account_id = wanted.account_id
        AND bill.id IS DISTINCT FROM wanted.bill_id
        AND EXISTS (SELECT FROM live_part WHERE live_part.id = own.part_id)
        AND CASE
            WHEN mine.state IN ('approved', 'issued') THEN
                bill.state IN ('approved', 'issued') AND own.place < (
                    SELECT min(place) FROM account_state WHERE bill_id = wanted.bill_id
                )
            ELSE
                bill.state IN ('approved', 'issued')
                OR bill.state = 'draft' AND (bill.end_day, bill.first_day, bill.id)
                < (wanted.end_day, wanted.first_day, coalesce(wanted.bill_id, 9223372036854775807))
        END
    ORDER BY own.place DESC LIMIT 1
) AS newest

-- name: held
-- Bills of the same accounts that are held, but for those themselves.
SELECT wanted.number, min(bill.first_day)
FROM unnest(%(numbers)s::integer[], %(accounts)s::bigint[], %(bills)s::bigint[])
    AS wanted (number, account_id, bill_id)
JOIN bill ON bill.account_id = wanted.account_id AND bill.state = 'held' AND bill.decision IS NULL
    AND bill.id IS DISTINCT FROM wanted.bill_id
GROUP BY wanted.number

-- name: add
COPY account_state (
    part_id, bill_id, account_id, place, state_from, opening_sha256, closing_sha256, closing
) FROM STDIN

-- name: drop
DELETE FROM account_state WHERE bill_id = ANY(%(bills)s)

-- name: rows
SELECT bill_id, part_id, place, state_from, opening_sha256, closing_sha256
FROM account_state WHERE bill_id = ANY(%(bills)s)

-- name: lock
-- Two who decide on bills of one account that hand on what is its own do it one after the other. The
-- keys come sorted, so that nobody waits in a ring.
SELECT pg_advisory_xact_lock((7304::bigint << 44) + account_id)
FROM (
    SELECT DISTINCT account_state.account_id
    FROM account_state JOIN bill ON bill.id = account_state.bill_id
    WHERE bill.uid = ANY(%(uids)s)
    ORDER BY account_state.account_id
) AS accounts

-- name: links
-- The bill before each in its account's order, and another that opens from the same; what is not
-- there any more is named as the bill itself.
SELECT
    bill.uid, coalesce(earlier_bill.uid, bill.uid),
    account.number || '/' || coalesce(earlier_bill.cycle, bill.cycle),
    coalesce(earlier_bill.state, 'held'),
    coalesce(
        earlier_bill.state <> 'discarded' AND earlier.closing_sha256 = mine.opening_sha256
        AND NOT EXISTS (SELECT FROM cancelled_part WHERE part_id = earlier.part_id), false
    )
FROM bill
JOIN account ON account.id = bill.account_id
JOIN account_state AS mine ON mine.bill_id = bill.id AND mine.state_from IS NOT NULL
LEFT JOIN settled_state AS earlier ON earlier.part_id = mine.state_from
LEFT JOIN bill AS earlier_bill ON earlier_bill.id = earlier.bill_id
WHERE bill.uid = ANY(%(uids)s)
UNION ALL
SELECT
    bill.uid, other_bill.uid, account.number || '/' || other_bill.cycle, other_bill.state, false
FROM bill
JOIN account ON account.id = bill.account_id
JOIN account_state AS mine ON mine.bill_id = bill.id
JOIN account_state AS other ON other.account_id = mine.account_id
    AND other.part_id <> mine.part_id AND other.state_from IS NOT DISTINCT FROM mine.state_from
JOIN bill AS other_bill ON other_bill.id = other.bill_id
WHERE bill.uid = ANY(%(uids)s)
    AND EXISTS (SELECT FROM live_part WHERE live_part.id = other.part_id)
    AND NOT EXISTS (
        SELECT FROM bill_part AS anew
        WHERE anew.id = mine.part_id AND anew.replaces_part = other.part_id
    )
    AND (
        other_bill.state IN ('approved', 'issued')
        OR other_bill.state = 'draft' AND other_bill.uid = ANY(%(uids)s)
    )

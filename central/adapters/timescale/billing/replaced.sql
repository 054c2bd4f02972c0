-- name: decided
-- Of bills that were proposed with a cancellation the one that each replaces.
SELECT bill.id, earlier.id, earlier.revision, earlier.number, encode(earlier.content_sha256, 'hex')
FROM bill JOIN bill AS earlier ON earlier.id = bill.replaces
WHERE bill.id = ANY(%(bills)s) AND bill.decision IS NOT NULL

-- name: replaced
-- Cancelled parts of accounts, with their bills.
SELECT
    bill_part.occupancy_id, bill_part.first_day, bill_part.end_day, bill.id, bill.revision,
    bill.number, encode(bill.content_sha256, 'hex')
FROM bill AS note
JOIN cancelled_part ON cancelled_part.bill_id = note.id
JOIN bill_part ON bill_part.id = cancelled_part.part_id
JOIN bill ON bill.id = note.cancels
WHERE note.account_id = ANY(%(accounts)s) AND note.cancels IS NOT NULL
ORDER BY bill.id DESC

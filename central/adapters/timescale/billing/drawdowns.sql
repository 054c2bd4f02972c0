-- name: account
SELECT id FROM account WHERE number = %(account)s OR uid::text = %(account)s

-- name: parts
-- A part opens a bank that is the account's own from the part before it in the account's order, any
-- other from the part of its occupancy before. What is the account's own that part left there.
SELECT
    moved.part_id, moved.bank, bill.currency, bill.uid::text, coalesce(bill.number, ''), bill.state,
    part.first_day, part.end_day,
    CASE
        WHEN position('"' || moved.bank || '"' IN before.closing::text) > 0 THEN before.part_id
        ELSE part.state_from
    END,
    (
        SELECT root.opening FROM billed_period AS root
        WHERE root.occupancy_id = part.occupancy_id AND root.first_day IS NULL
            AND root.end_day = part.first_day
    ),
    moved.opened, moved.earned, moved.applied, moved.refunded, moved.expired, moved.lapse_months
FROM live_part AS part
JOIN bill ON bill.id = part.bill_id
JOIN settled_movement AS moved ON moved.part_id = part.id
LEFT JOIN account_state ON account_state.part_id = part.id
LEFT JOIN settled_state AS before ON before.part_id = account_state.state_from
WHERE part.account_id = %(account)s AND bill.state IN ('draft', 'approved', 'issued')
ORDER BY part.end_day, coalesce(account_state.place, 0), part.id, moved.bank

-- name: entries
SELECT
    ledger_use.part_id, entry.bank, entry.key, entry.day,
    entry.amount - coalesce(
        (SELECT sum(amount) FROM ledger_entry AS less WHERE less.of_id = entry.id), 0
    ),
    entry.expires
FROM ledger_entry AS entry
JOIN ledger_use ON ledger_use.entry_id = entry.id
WHERE entry.account_id = %(account)s AND entry.bank IS NOT NULL
ORDER BY entry.day, entry.id

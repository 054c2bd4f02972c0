-- name: entries
-- What was posted, by what became of it. What was taken back counts with its entry, whenever it was.
WITH entry AS (
    SELECT
        account.number, ledger_entry.currency, ledger_entry.kind, ledger_entry.amount,
        taken.refunded, taken.expired,
        ledger_entry.amount - taken.refunded - taken.expired AS remaining,
        EXISTS (
            SELECT FROM ledger_use JOIN live_bill AS bill ON bill.id = ledger_use.bill_id
            WHERE ledger_use.entry_id = ledger_entry.id AND (
                ledger_use.part_id IS NULL
                OR bill.state IN ('draft', 'approved', 'issued') AND bill.end_day <= %(until)s
            )
        ) AS consumed
    FROM ledger_entry
    JOIN account ON account.id = ledger_entry.account_id
    CROSS JOIN LATERAL (
        SELECT
            coalesce(sum(amount) FILTER (WHERE kind = 'refund'), 0) AS refunded,
            coalesce(sum(amount) FILTER (WHERE kind = 'expiry'), 0) AS expired
        FROM ledger_entry AS less WHERE less.of_id = ledger_entry.id
    ) AS taken
    -- Charges and credits are lines of bills, and no money that was received.
    WHERE ledger_entry.of_id IS NULL AND ledger_entry.title IS NULL AND ledger_entry.day < %(until)s
        AND (%(account)s::text IS NULL OR account.number = %(account)s)
        AND (%(services)s::bigint[] IS NULL OR account.id IN (
            SELECT agreement.account_id
            FROM unnest(%(services)s::bigint[], %(firsts)s::date[], %(ends)s::date[])
                AS among (service_id, first_day, end_day)
            JOIN agreement ON agreement.service_id = among.service_id
                AND agreement.during && daterange(among.first_day, among.end_day)
        ))
)
SELECT
    number, currency, sum(amount), sum(refunded), sum(expired),
    coalesce(sum(remaining) FILTER (WHERE consumed AND kind = 'payment'), 0),
    coalesce(sum(remaining) FILTER (WHERE consumed AND kind <> 'payment'), 0),
    coalesce(sum(remaining) FILTER (WHERE NOT consumed), 0)
FROM entry GROUP BY number, currency

-- name: movements
-- What parts did to the money in banks; what a part opened with counts where none before it says so.
SELECT
    account.number, bill.currency, sum(received), sum(earned), sum(applied), sum(refunded),
    sum(expired),
    coalesce(sum(opened) FILTER (WHERE NOT EXISTS (
        SELECT FROM settled_movement AS before
        WHERE before.part_id IN (bill_part.state_from, account_state.state_from)
    )), 0),
    array_agg(DISTINCT bank), array_agg(DISTINCT bill.id)
FROM settled_movement AS moved
JOIN live_part AS bill_part ON bill_part.id = moved.part_id
LEFT JOIN account_state ON account_state.part_id = moved.part_id
JOIN bill ON bill.id = bill_part.bill_id
JOIN account ON account.id = bill.account_id
WHERE bill.state IN ('draft', 'approved', 'issued') AND bill.end_day <= %(until)s
    AND (%(account)s::text IS NULL OR account.number = %(account)s)
    AND (%(services)s::bigint[] IS NULL OR account.id IN (
        SELECT agreement.account_id
        FROM unnest(%(services)s::bigint[], %(firsts)s::date[], %(ends)s::date[])
            AS among (service_id, first_day, end_day)
        JOIN agreement ON agreement.service_id = among.service_id
            AND agreement.during && daterange(among.first_day, among.end_day)
    ))
GROUP BY account.number, bill.currency

-- name: lines
-- With what was adjusted of them, whichever bill carries it; of bills of which some parts are cancelled,
-- less what their credit notes took back.
SELECT account.number, line.currency, -sum(line.amount)
FROM (
    SELECT bill.account_id, bill.id AS bill_id, bill.currency, bill_line.charge, bill_line.amount
    FROM bill_line JOIN bill ON bill.id = bill_line.bill_id
    WHERE bill_line.bill_id = ANY(%(bills)s)
    UNION ALL
    SELECT note.account_id, note.cancels, note.currency, bill_line.charge, bill_line.amount
    FROM bill_line JOIN bill AS note ON note.id = bill_line.bill_id AND note.state = 'issued'
    WHERE note.cancels = ANY(%(bills)s)
    UNION ALL
    SELECT account_id, bill_id, currency, charge, amount
    FROM adjustment
    WHERE bill_id = ANY(%(bills)s)
        AND NOT EXISTS (SELECT FROM cancelled_part WHERE part_id = adjustment.part_id)
) AS line
JOIN account ON account.id = line.account_id
WHERE EXISTS (
    SELECT FROM (
        SELECT bank FROM bank_movement WHERE bank_movement.bill_id = line.bill_id
        UNION ALL
        SELECT bank FROM settled_movement WHERE settled_movement.bill_id = line.bill_id
    ) AS moved
    WHERE line.charge IN (bank, bank || '_settlement', bank || '-settlement')
)
GROUP BY account.number, line.currency

-- name: states
-- What the newest part of each occupancy leaves, and whether what is the account's own of it is
-- handed on in the account's order.
SELECT DISTINCT ON (part.occupancy_id)
    account.number, bill.currency, part.closing, account_state.part_id IS NOT NULL
FROM bill
JOIN account ON account.id = bill.account_id
JOIN settled_part AS part ON part.bill_id = bill.id
JOIN live_part ON live_part.id = part.id
LEFT JOIN account_state ON account_state.part_id = part.id
WHERE account.number = ANY(%(accounts)s) AND bill.end_day <= %(until)s
    AND bill.state IN ('draft', 'approved', 'issued')
ORDER BY part.occupancy_id, part.end_day DESC

-- name: shared_states
-- What is the accounts' own, as the newest part in their order leaves it.
SELECT DISTINCT ON (own.account_id) account.number, bill.currency, own.closing
FROM settled_state AS own
JOIN live_part ON live_part.id = own.part_id
JOIN bill ON bill.id = own.bill_id
JOIN account ON account.id = own.account_id
WHERE account.number = ANY(%(accounts)s) AND bill.end_day <= %(until)s
    AND bill.state IN ('draft', 'approved', 'issued')
ORDER BY own.account_id, own.place DESC

-- name: next_part_ids
SELECT nextval('bill_part_id_seq') FROM generate_series(1, %(count)s)

-- name: before
-- The parts directly before some days, which those open from.
SELECT wanted.occupancy_id, wanted.first_day, billed_period.part_id
FROM unnest(%(occupancies)s::bigint[], %(firsts)s::date[]) AS wanted (occupancy_id, first_day)
JOIN billed_period ON billed_period.occupancy_id = wanted.occupancy_id
    AND billed_period.end_day = wanted.first_day
WHERE billed_period.part_id IS NOT NULL

-- name: add
INSERT INTO bill (
    uid, run_id, account_id, cycle, run_type, revision, state, first_day, end_day, currency, total,
    kwh, validated_kwh, sha256, document, creator, made_at, contributors, release, replaces, decision
)
SELECT
    %(uid)s, bill.run_id, bill.account_id, bill.cycle, bill.run_type, bill.revision + 1, 'draft',
    %(first)s, %(end)s, %(currency)s, %(total)s, %(kwh)s, %(validated_kwh)s, %(sha256)s,
    %(document)s, %(creator)s, %(at)s, ARRAY[%(creator)s::text], %(release)s, bill.id, %(decision)s
FROM bill
WHERE bill.uid = %(replaces)s
RETURNING id

-- name: replaced
-- Parts of bills that take the place of others, with those.
SELECT bill_part.id, bill_part.replaces_part, bill.id
FROM bill JOIN bill_part ON bill_part.bill_id = bill.id
WHERE bill.uid = ANY(%(uids)s) AND bill_part.replaces_part IS NOT NULL
ORDER BY bill_part.id

-- name: open_otherwise
-- Approved and issued bills that opened from some that are replaced, in their occupancy or in their
-- account's order, and would open with something else.
SELECT DISTINCT bill.uid, coalesce(bill.number, bill.uid::text), bill.state
FROM (
    SELECT behind.id
    FROM bill_part AS anew
    JOIN billed_period AS later ON later.occupancy_id = anew.occupancy_id
        AND later.first_day = anew.end_day
    JOIN settled_part AS behind ON behind.id = later.part_id
    WHERE anew.id = ANY(%(parts)s) AND behind.id <> ALL(%(replaced)s)
        AND behind.opening_sha256 IS DISTINCT FROM anew.closing_sha256
    UNION
    SELECT behind.part_id
    FROM account_state AS anew
    CROSS JOIN LATERAL (
        SELECT own.part_id, own.opening_sha256
        FROM settled_state AS own JOIN live_part ON live_part.id = own.part_id
        WHERE own.account_id = anew.account_id AND own.place > anew.place
            AND live_part.state IN ('approved', 'issued')
        ORDER BY own.place LIMIT 1
    ) AS behind
    WHERE anew.part_id = ANY(%(parts)s) AND behind.part_id <> ALL(%(replaced)s)
        AND behind.opening_sha256 IS DISTINCT FROM anew.closing_sha256
) AS opened
JOIN live_part ON live_part.id = opened.id AND live_part.state IN ('approved', 'issued')
JOIN bill ON bill.id = live_part.bill_id
ORDER BY 2

-- name: move_claims
-- In one statement, so that what lies behind never lacks what it begins at.
WITH moved AS (
    DELETE FROM billed_period USING bill_part AS anew
    WHERE anew.id = ANY(%(parts)s) AND billed_period.occupancy_id = anew.occupancy_id
        AND billed_period.part_id = anew.replaces_part
    RETURNING billed_period.*, anew.id AS taken_by
)
INSERT INTO billed_period (occupancy_id, first_day, end_day, part_id, opening, settles)
SELECT occupancy_id, first_day, end_day, taken_by, opening, settles FROM moved

-- name: move_entries
-- What the parts consumed that are replaced, those that replace them consume.
WITH opened AS (
    DELETE FROM ledger_use USING bill_part AS anew
    WHERE anew.id = ANY(%(parts)s) AND ledger_use.part_id = anew.replaces_part
    RETURNING ledger_use.entry_id, anew.id, anew.bill_id
)
INSERT INTO ledger_use (entry_id, bill_id, part_id) SELECT entry_id, bill_id, id FROM opened

-- name: chains
-- Held until the shard is saved, so that nothing ends meanwhile. The revisions come first, before
-- anything else is read: what is read later may be newer than they say, never older.
-- As the view of that name says; as of a time there are tables alone.
WITH waiting_one_off AS (
    SELECT entry.account_id, entry.service_point_id, entry.day
    FROM ledger_entry AS entry
    WHERE entry.title IS NOT NULL
        AND NOT EXISTS (SELECT FROM ledger_use WHERE ledger_use.entry_id = entry.id)
        AND entry.amount > (
            SELECT coalesce(sum(taken.amount), 0) FROM ledger_entry AS taken
            WHERE taken.of_id = entry.id
        )
)

SELECT
    occupancy.id, occupancy.account_id, service_point.id, service_point.name, service_point.zone,
    CASE WHEN newest.settles THEN newest.first_day ELSE newest.end_day END, occupancy.ended_on,
    service.channels, service.day_start, newest.settles,
    -- What the newest part left, or another system where there is none, where it is issued and
    -- nothing is to come but a settlement.
    CASE
        WHEN newest.end_day < occupancy.ended_on THEN NULL
        WHEN newest.part_id IS NULL AND occupancy.ended_on IS NOT NULL
            THEN coalesce(newest.opening, '{"peaks": [], "credits": [], "sums": []}')
        WHEN occupancy.ended_on IS NOT NULL THEN (
            SELECT settled_part.closing
            FROM settled_part JOIN bill ON bill.id = settled_part.bill_id AND bill.state = 'issued'
            WHERE settled_part.id = newest.part_id
        )
    END,
    -- Where a part settles, the one before it left that.
    CASE WHEN newest.settles OR newest.end_day = occupancy.ended_on THEN (
        SELECT settled_part.closing ->> 'tariff'
        FROM billed_period JOIN settled_part ON settled_part.id = billed_period.part_id
        WHERE billed_period.occupancy_id = occupancy.id
            AND billed_period.end_day
                = CASE WHEN newest.settles THEN newest.first_day ELSE newest.end_day END
    ) END,
    (
        SELECT min(day) FROM waiting_one_off AS waiting
        WHERE waiting.account_id = account.id AND waiting.service_point_id = service_point.id
    ),
    (
        SELECT min(day) FROM waiting_one_off AS waiting
        WHERE waiting.account_id = account.id AND waiting.service_point_id IS NULL
    ),
    service_point.input_revision, account.input_revision, common_input.input_revision
FROM occupancy
JOIN account ON account.id = occupancy.account_id
JOIN service ON service.id = occupancy.service_id
JOIN service_point ON service_point.id = service.service_point_id
CROSS JOIN common_input
JOIN LATERAL (
    SELECT first_day, end_day, part_id, settles, opening FROM billed_period
    WHERE billed_period.occupancy_id = occupancy.id
    ORDER BY billed_period.end_day DESC LIMIT 1
) AS newest ON true
WHERE occupancy.account_id = ANY(%(accounts)s)
ORDER BY occupancy.id
FOR SHARE OF occupancy

-- name: account_left
-- What is the own of accounts after all of their bills.
SELECT DISTINCT ON (own.account_id) own.account_id, own.closing
FROM settled_state AS own JOIN live_part ON live_part.id = own.part_id
WHERE own.account_id = ANY(%(accounts)s) AND live_part.state = 'issued'
ORDER BY own.account_id, own.place DESC

-- name: finish
INSERT INTO finished_occupancy (
    occupancy_id, closing_sha256, own_sha256, account_revision, found_at
)
SELECT id, closing_sha256, own_sha256, input_revision, %(at)s
FROM left_of_occupancy WHERE id = ANY(%(occupancies)s)
ON CONFLICT (occupancy_id) DO UPDATE SET
    closing_sha256 = excluded.closing_sha256, own_sha256 = excluded.own_sha256,
    account_revision = excluded.account_revision, found_at = excluded.found_at

-- name: terms
SELECT
    agreement.occupancy_id, agreement.id, tariff.name, lower(agreement.during),
    upper(agreement.during), agreement.facts, tariff.input_revision
FROM agreement JOIN tariff ON tariff.id = agreement.tariff_id
WHERE agreement.account_id = ANY(%(accounts)s) AND agreement.withdrawn IS NULL
ORDER BY agreement.occupancy_id, lower(agreement.during)

-- name: tariff_revisions
SELECT name, input_revision FROM tariff WHERE name = ANY(%(names)s)

-- name: hold_open_bills
SELECT
    id, account_id, cycle, document -> 'period', run_type, state, sha256,
    CASE WHEN sha256 IS NULL THEN document END
FROM bill
WHERE account_id = ANY(%(accounts)s) AND state IN ('draft', 'held') AND decision IS NULL
ORDER BY account_id, id
FOR UPDATE

-- name: hold_bills
SELECT
    id, account_id, cycle, document -> 'period', run_type, state, sha256,
    CASE WHEN sha256 IS NULL THEN document END
FROM bill
WHERE uid = ANY(%(uids)s)
ORDER BY account_id, id
FOR NO KEY UPDATE

-- name: open_parts
SELECT
    bill_id, id, occupancy_id, agreement_id, first_day, end_day, settles, opening_sha256,
    closing_sha256
FROM bill_part
WHERE bill_id = ANY(%(bills)s)
    AND NOT EXISTS (SELECT FROM cancelled_part WHERE part_id = bill_part.id)
ORDER BY id

-- name: uids
SELECT uid FROM bill WHERE id = ANY(%(bills)s) ORDER BY id

-- name: next_part_ids
SELECT nextval('bill_part_id_seq') FROM generate_series(1, %(count)s)

-- name: claim
-- A claim that somebody else holds is left out; one whose beginning somebody else moved fails.
INSERT INTO billed_period (occupancy_id, first_day, end_day, part_id, settles)
SELECT occupancy_id, first_day, end_day, part_id, settles
FROM unnest(
    %(occupancies)s::bigint[], %(firsts)s::date[], %(ends)s::date[], %(parts)s::bigint[],
    %(settles)s::boolean[]
) AS wanted (occupancy_id, first_day, end_day, part_id, settles)
ORDER BY occupancy_id, end_day
ON CONFLICT DO NOTHING
RETURNING part_id

-- name: unclaim
DELETE FROM billed_period
USING unnest(%(occupancies)s::bigint[], %(parts)s::bigint[]) AS given (occupancy_id, part_id)
WHERE billed_period.occupancy_id = given.occupancy_id AND billed_period.part_id = given.part_id

-- name: before
-- What the part directly before some days left, as it is settled, and where its bill stands.
SELECT
    wanted.occupancy_id, wanted.first_day, billed_period.part_id,
    coalesce(settled_part.closing, billed_period.opening), bill.state, bill.cycle, bill.id,
    account_state.part_id IS NOT NULL
FROM unnest(%(occupancies)s::bigint[], %(firsts)s::date[]) AS wanted (occupancy_id, first_day)
JOIN billed_period ON billed_period.occupancy_id = wanted.occupancy_id
    AND billed_period.end_day = wanted.first_day
LEFT JOIN settled_part ON settled_part.id = billed_period.part_id
LEFT JOIN bill ON bill.id = settled_part.bill_id
LEFT JOIN account_state ON account_state.part_id = billed_period.part_id

-- name: run_notes
SELECT account_id, code, service_point, first_day, end_day, message FROM run_note
WHERE run_id = %(run)s AND account_id = ANY(%(accounts)s)

-- name: drop_notes
DELETE FROM run_note WHERE run_id = %(run)s AND account_id = ANY(%(accounts)s)

-- name: add_notes
INSERT INTO run_note (run_id, account_id, code, service_point, first_day, end_day, message)
SELECT %(run)s, account_id, code, service_point, first_day, end_day, message
FROM unnest(
    %(accounts)s::bigint[], %(codes)s::text[], %(points)s::text[], %(firsts)s::date[],
    %(ends)s::date[], %(messages)s::text[]
) AS note (account_id, code, service_point, first_day, end_day, message)

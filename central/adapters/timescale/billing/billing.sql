-- name: add_run
INSERT INTO bill_run (uid, cycle, run_type, scope, creator, started_at)
VALUES (%(uid)s, %(cycle)s, %(run_type)s, %(scope)s, %(creator)s, %(at)s)
ON CONFLICT (cycle, run_type, scope) DO NOTHING

-- name: lock_run
SELECT id, uid, creator, finished_at FROM bill_run
WHERE cycle = %(cycle)s AND run_type = %(run_type)s AND scope = %(scope)s
FOR UPDATE

-- name: add_starter
INSERT INTO bill_run_starter (run_id, actor, first_at) VALUES (%(run)s, %(actor)s, %(at)s)
ON CONFLICT (run_id, actor) DO NOTHING

-- name: find_run
SELECT id, uid, creator, finished_at FROM bill_run
WHERE cycle = %(cycle)s AND run_type = %(run_type)s AND scope = %(scope)s

-- name: run_of_uid
SELECT cycle, run_type, scope FROM bill_run WHERE uid = %(uid)s

-- name: open_shards
SELECT count(*), coalesce(sum(cardinality(accounts)), 0) FROM bill_shard
WHERE run_id = %(run)s AND done_at IS NULL

-- name: forget_shards
-- Those of the last time, all done: a run that is continued each night keeps no more of them.
DELETE FROM bill_shard WHERE run_id = %(run)s

-- name: add_shards
-- Accounts with days to bill until the cycle's end, or a bill of such days that is open.
INSERT INTO bill_shard (run_id, number, accounts)
SELECT
    %(run)s, 1 + slot, array_agg(id ORDER BY id)
FROM (
    SELECT account.id, (row_number() OVER (ORDER BY account.id) - 1) / %(size)s AS slot
    FROM account
    WHERE (
        EXISTS (
            SELECT FROM occupancy
            WHERE occupancy.account_id = account.id AND occupancy.billing_from < %(end)s
                AND (NOT %(ended)s OR occupancy.ended_on IS NOT NULL)
                AND least(occupancy.ended_on, %(end)s) > (
                    SELECT max(end_day) FROM billed_period
                    WHERE billed_period.occupancy_id = occupancy.id
                )
        ) OR EXISTS (
            SELECT FROM unsettled_occupancy
            WHERE unsettled_occupancy.account_id = account.id
                AND unsettled_occupancy.ended_on <= %(end)s
        ) OR EXISTS (
            SELECT FROM bill
            WHERE bill.account_id = account.id AND bill.state IN ('draft', 'held')
                AND bill.decision IS NULL
                AND bill.first_day < %(end)s AND (NOT %(ended)s OR bill.run_id = %(run)s)
        )
    ) AND (%(cycle)s::text IS NULL OR EXISTS (
        SELECT FROM account_cycle
        LEFT JOIN billing_cycle ON billing_cycle.id = account_cycle.cycle_id
        WHERE account_cycle.account_id = account.id
            AND coalesce(billing_cycle.name, account_cycle.built_in) = %(cycle)s
    )) AND (%(only)s::bigint[] IS NULL OR account.id = ANY(%(only)s))
) AS waiting
GROUP BY slot

-- name: reopen_run
UPDATE bill_run SET finished_at = NULL WHERE id = %(run)s

-- name: finish_run
UPDATE bill_run SET finished_at = %(at)s
WHERE id = %(run)s AND finished_at IS NULL
    AND NOT EXISTS (SELECT FROM bill_shard WHERE run_id = %(run)s AND done_at IS NULL)

-- name: take_shard
SELECT number, accounts FROM bill_shard
WHERE run_id = %(run)s AND done_at IS NULL
ORDER BY number LIMIT 1
FOR UPDATE SKIP LOCKED

-- name: heads
SELECT
    bill.uid, account.number, bill.cycle, bill.state, bill.holds, bill.currency, bill.total, bill.kwh
FROM live_bill AS bill JOIN account ON account.id = bill.account_id
WHERE bill.run_id = %(run)s AND (%(state)s::text IS NULL OR bill.state = %(state)s)
ORDER BY account.number, bill.first_day, bill.id
LIMIT %(limit)s

-- name: heads_of
SELECT
    bill.uid, account.number, bill.cycle, bill.state, bill.holds, bill.currency, bill.total, bill.kwh
FROM live_bill AS bill
JOIN account ON account.id = bill.account_id
JOIN bill_run ON bill_run.id = bill.run_id
WHERE account.number = %(account)s AND bill_run.cycle = %(cycle)s AND bill_run.run_type = %(run_type)s
ORDER BY bill.first_day, bill.id

-- name: held_elsewhere
SELECT
    bill.uid, account.number, bill.cycle, bill.state, bill.holds, bill.currency, bill.total, bill.kwh
FROM live_bill AS bill JOIN account ON account.id = bill.account_id
WHERE bill.account_id = ANY(%(accounts)s) AND bill.run_id <> %(run)s AND bill.state = 'held'
    AND bill.first_day < %(end)s
ORDER BY account.number, bill.first_day, bill.id
LIMIT %(limit)s

-- name: states
SELECT state, count(*) FROM live_bill WHERE run_id = %(run)s GROUP BY state

-- name: totals
SELECT currency, sum(total), sum(kwh), sum(validated_kwh) FROM live_bill
WHERE run_id = %(run)s AND state NOT IN ('held', 'discarded')
GROUP BY currency ORDER BY currency

-- name: charges
-- Of bills of which some parts are cancelled, less what their credit notes took back.
SELECT
    bill_line.charge, bill_line.name, bill.currency, sum(bill.sign), sum(bill_line.amount)
FROM (
    SELECT id, currency, 1 AS sign FROM live_bill
    WHERE run_id = %(run)s AND state NOT IN ('held', 'discarded')
    UNION ALL
    SELECT note.id, note.currency, -1
    FROM live_bill
    JOIN bill AS note ON note.cancels = live_bill.id AND note.state = 'issued'
    WHERE live_bill.run_id = %(run)s
) AS bill
JOIN bill_line ON bill_line.bill_id = bill.id
GROUP BY bill_line.charge, bill_line.name, bill.currency
ORDER BY bill.currency, min(bill_line.number), bill_line.charge

-- name: beyond_ascii
-- JSON writes what is no printable ASCII in several bytes or behind a backslash.
SELECT uid FROM bill
WHERE uid = ANY(%(uids)s) AND (
    octet_length(document::text) <> length(document::text) OR document::text ~ '\\[bfnrtu]'
    OR EXISTS (
        SELECT FROM bill_line
        WHERE bill_id = bill.id AND (
            octet_length(lineage::text) <> length(lineage::text) OR lineage::text ~ '\\[bfnrtu]'
        )
    )
)

-- name: of_period
SELECT
    bill.uid, bill.run_type, bill.state, bill.number,
    EXISTS (SELECT FROM live_bill WHERE live_bill.id = bill.id)
FROM bill JOIN account ON account.id = bill.account_id
WHERE account.number = %(account)s AND bill.cycle = %(period)s AND bill.state <> 'discarded'
    AND bill.cancels IS NULL
ORDER BY bill.id

-- name: numbered
SELECT uid FROM bill WHERE number = %(number)s

-- name: notes
SELECT
    account.number, run_note.account_id, run_note.code, run_note.service_point,
    run_note.first_day, run_note.end_day, run_note.message
FROM run_note JOIN account ON account.id = run_note.account_id
WHERE run_note.run_id = %(run)s
ORDER BY account.number, run_note.first_day, run_note.service_point
LIMIT %(limit)s

-- name: counts
SELECT
    (SELECT count(*) FROM run_note WHERE run_id = %(run)s),
    (
        SELECT count(DISTINCT account_id) FROM live_bill
        WHERE run_id = %(run)s AND state <> 'discarded'
    )

-- name: cycles
SELECT id, name, months, first_day, bill_after, by_hand FROM billing_cycle
WHERE %(name)s::text IS NULL OR name = %(name)s
ORDER BY name

-- name: knows_cycle
-- Whether a cycle is there, whether it has a period, and whether an account was ever put into it.
-- Built-in cycles begin with @, and are there for everybody.
SELECT
    %(cycle)s LIKE '@%%'
    OR EXISTS (SELECT FROM billing_cycle WHERE billing_cycle.name = %(cycle)s),
    %(cycle)s LIKE '@%%'
    OR EXISTS (
        SELECT FROM billing_cycle JOIN cycle_period ON cycle_period.cycle_id = billing_cycle.id
        WHERE billing_cycle.name = %(cycle)s AND cycle_period.name = %(period)s
    ),
    %(cycle)s LIKE '@%%'
    OR EXISTS (
        SELECT FROM account_cycle
        LEFT JOIN billing_cycle ON billing_cycle.id = account_cycle.cycle_id
        WHERE coalesce(billing_cycle.name, account_cycle.built_in) = %(cycle)s
    )

-- name: hold_cycle
SELECT id FROM billing_cycle WHERE name = %(name)s FOR UPDATE

-- name: periods
SELECT cycle_id, name, first_day, end_day, bill_day FROM cycle_period
WHERE cycle_id = ANY(%(cycles)s) ORDER BY cycle_id, end_day

-- name: add_cycle
INSERT INTO billing_cycle (name, months, first_day, bill_after, by_hand)
VALUES (%(name)s, %(months)s, %(first)s, %(bill_after)s, %(by_hand)s)

-- name: drop_periods
DELETE FROM cycle_period USING billing_cycle
WHERE billing_cycle.id = cycle_id AND billing_cycle.name = %(cycle)s
    AND cycle_period.first_day >= %(first)s

-- name: add_periods
INSERT INTO cycle_period (cycle_id, name, first_day, end_day, bill_day, follows)
SELECT
    billing_cycle.id, given.name, given.first_day, given.end_day, given.bill_day,
    CASE
        WHEN given.place > 1
            OR EXISTS (SELECT FROM cycle_period WHERE cycle_id = billing_cycle.id)
            THEN given.first_day
    END
FROM billing_cycle, unnest(
    %(names)s::text[], %(firsts)s::date[], %(ends)s::date[], %(bill_days)s::date[]
) WITH ORDINALITY AS given (name, first_day, end_day, bill_day, place)
WHERE billing_cycle.name = %(cycle)s

-- name: cycle_billed_to
SELECT max(billed_period.end_day)
FROM (
    SELECT
        account_id, cycle_id, from_day,
        lead(from_day) OVER (PARTITION BY account_id ORDER BY from_day) AS until_day
    FROM account_cycle
) AS assigned
JOIN billing_cycle ON billing_cycle.id = assigned.cycle_id
JOIN occupancy ON occupancy.account_id = assigned.account_id
JOIN billed_period ON billed_period.occupancy_id = occupancy.id
    AND billed_period.end_day > assigned.from_day
    AND (assigned.until_day IS NULL OR billed_period.first_day < assigned.until_day)
    AND billed_period.first_day IS NOT NULL AND NOT billed_period.settles
WHERE billing_cycle.name = %(cycle)s

-- name: hold_occupancies
SELECT occupancy.id
FROM occupancy JOIN account ON account.id = occupancy.account_id
WHERE account.number = %(account)s
ORDER BY occupancy.id
FOR UPDATE OF occupancy

-- name: account_billed_to
SELECT max(billed_period.end_day)
FROM billed_period
JOIN occupancy ON occupancy.id = billed_period.occupancy_id
JOIN account ON account.id = occupancy.account_id
WHERE account.number = %(account)s AND billed_period.first_day IS NOT NULL
    AND NOT billed_period.settles

-- name: assignments
SELECT account_cycle.from_day, coalesce(billing_cycle.name, account_cycle.built_in)
FROM account_cycle
JOIN account ON account.id = account_cycle.account_id
LEFT JOIN billing_cycle ON billing_cycle.id = account_cycle.cycle_id
WHERE account.number = %(account)s
ORDER BY account_cycle.from_day

-- name: members
SELECT account.number, account_cycle.from_day
FROM account_cycle
JOIN account ON account.id = account_cycle.account_id
LEFT JOIN billing_cycle ON billing_cycle.id = account_cycle.cycle_id
WHERE coalesce(billing_cycle.name, account_cycle.built_in) = %(cycle)s
ORDER BY account.number, account_cycle.from_day

-- name: assign
INSERT INTO account_cycle (account_id, from_day, cycle_id, built_in)
SELECT
    account.id, %(first)s,
    (SELECT id FROM billing_cycle WHERE name = %(cycle)s), %(built_in)s
FROM account WHERE number = %(account)s
ON CONFLICT (account_id, from_day) DO UPDATE SET
    cycle_id = excluded.cycle_id, built_in = excluded.built_in

-- name: assigned
-- Of a shard's accounts, those that are ever in another cycle than the calendar month.
SELECT account_id, from_day, cycle_id, built_in FROM account_cycle
WHERE account_id = ANY(%(accounts)s)

-- name: hold_cycles
-- Nobody changes the lists until the bills are saved.
SELECT id FROM billing_cycle WHERE id = ANY(%(cycles)s) ORDER BY id FOR SHARE

-- name: some_cycles
SELECT id, name, months, first_day, bill_after, by_hand FROM billing_cycle
WHERE id = ANY(%(cycles)s) ORDER BY id

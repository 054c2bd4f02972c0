-- name: cycles
SELECT
    billing_cycle.name, billing_cycle.months, listed.first_day, listed.end_day,
    billing_cycle.bill_after, billing_cycle.by_hand,
    (
        SELECT count(*) FROM account_cycle AS assigned
        WHERE assigned.cycle_id = billing_cycle.id AND assigned.from_day <= %(today)s
            AND NOT EXISTS (
                SELECT FROM account_cycle AS later
                WHERE later.account_id = assigned.account_id
                    AND later.from_day > assigned.from_day AND later.from_day <= %(today)s
            )
    )
FROM billing_cycle
CROSS JOIN LATERAL (
    SELECT min(first_day) AS first_day, max(end_day) AS end_day
    FROM cycle_period WHERE cycle_id = billing_cycle.id
) AS listed
WHERE billing_cycle.name LIKE %(prefix)s
    AND (%(name)s::text IS NULL OR billing_cycle.name = %(name)s)
    AND (%(after)s::text IS NULL OR billing_cycle.name > %(after)s)
ORDER BY billing_cycle.name
LIMIT %(limit)s

-- name: billed_to
-- What `cycle_billed_to` of the registry says, by one look-up per occupancy.
SELECT max(newest.end_day)
FROM billing_cycle
JOIN account_cycle AS assigned ON assigned.cycle_id = billing_cycle.id
CROSS JOIN LATERAL (
    SELECT coalesce(min(later.from_day), 'infinity') AS until_day
    FROM account_cycle AS later
    WHERE later.account_id = assigned.account_id AND later.from_day > assigned.from_day
) AS stays
JOIN occupancy ON occupancy.account_id = assigned.account_id
CROSS JOIN LATERAL (
    SELECT max(billed_period.end_day) AS end_day
    FROM billed_period
    WHERE billed_period.occupancy_id = occupancy.id AND billed_period.first_day < stays.until_day
        AND NOT billed_period.settles
) AS newest
WHERE billing_cycle.name = %(cycle)s AND newest.end_day > assigned.from_day

-- name: periods
SELECT cycle_period.name, cycle_period.first_day, cycle_period.end_day, cycle_period.bill_day
FROM cycle_period JOIN billing_cycle ON billing_cycle.id = cycle_period.cycle_id
WHERE billing_cycle.name = %(cycle)s
    AND (cycle_period.first_day < coalesce(%(claimed)s::date, '-infinity')) = %(billed)s
    AND (%(after)s::date IS NULL OR cycle_period.first_day > %(after)s)
ORDER BY cycle_period.first_day
LIMIT %(limit)s

-- name: accounts
-- In the order of an index, from where the page before ended.
SELECT
    account.number, account.name, assigned.from_day, stays.until_day,
    (
        SELECT max(billed_period.end_day)
        FROM occupancy JOIN billed_period ON billed_period.occupancy_id = occupancy.id
        WHERE occupancy.account_id = account.id AND billed_period.first_day IS NOT NULL
            AND NOT billed_period.settles
    )
FROM account
JOIN account_cycle AS assigned ON assigned.account_id = account.id
CROSS JOIN LATERAL (
    SELECT min(later.from_day) AS until_day FROM account_cycle AS later
    WHERE later.account_id = assigned.account_id AND later.from_day > assigned.from_day
) AS stays
WHERE (
        assigned.cycle_id = (SELECT id FROM billing_cycle WHERE name = %(cycle)s)
        OR assigned.built_in = %(cycle)s
    )
    AND account.number LIKE %(prefix)s
    AND (%(name)s::text IS NULL OR account.number = %(name)s)
    AND (
        %(today)s::date IS NULL
        OR assigned.from_day <= %(today)s AND coalesce(stays.until_day > %(today)s, true)
    )
    AND account.number >= coalesce(%(after)s::text, '')
    AND (account.number, assigned.from_day)
    > (coalesce(%(after)s::text, ''), coalesce(%(after_day)s::date, '-infinity'))
ORDER BY account.number, assigned.from_day
LIMIT %(limit)s

-- name: groups
SELECT
    named_group.name, named_group.of,
    (
        SELECT count(*) FROM group_member
        WHERE group_id = named_group.id AND from_day <= %(today)s
            AND coalesce(end_day > %(today)s, true)
    ),
    (SELECT count(*) FROM group_member WHERE group_id = named_group.id)
FROM named_group
WHERE named_group.name LIKE %(prefix)s
    AND (%(name)s::text IS NULL OR named_group.name = %(name)s)
    AND (%(after)s::text IS NULL OR named_group.name > %(after)s)
ORDER BY named_group.name
LIMIT %(limit)s

-- name: kind
SELECT of FROM named_group WHERE name = %(group)s

-- name: members_point
-- In the order of an index, from where the page before ended.
SELECT service_point.name, service_point.address, group_member.from_day, group_member.end_day
FROM service_point
JOIN group_member ON group_member.member_id = service_point.id
    AND group_member.group_id = (SELECT id FROM named_group WHERE name = %(group)s)
WHERE service_point.name LIKE %(prefix)s
    AND (%(name)s::text IS NULL OR service_point.name = %(name)s)
    AND (
        %(today)s::date IS NULL
        OR group_member.from_day <= %(today)s AND coalesce(group_member.end_day > %(today)s, true)
    )
    AND service_point.name >= coalesce(%(after)s::text, '')
    AND (service_point.name, group_member.from_day)
    > (coalesce(%(after)s::text, ''), coalesce(%(after_day)s::date, '-infinity'))
ORDER BY service_point.name, group_member.from_day
LIMIT %(limit)s

-- name: members_account
SELECT account.number, account.name, group_member.from_day, group_member.end_day
FROM account
JOIN group_member ON group_member.member_id = account.id
    AND group_member.group_id = (SELECT id FROM named_group WHERE name = %(group)s)
WHERE account.number LIKE %(prefix)s
    AND (%(name)s::text IS NULL OR account.number = %(name)s)
    AND (
        %(today)s::date IS NULL
        OR group_member.from_day <= %(today)s AND coalesce(group_member.end_day > %(today)s, true)
    )
    AND account.number >= coalesce(%(after)s::text, '')
    AND (account.number, group_member.from_day)
    > (coalesce(%(after)s::text, ''), coalesce(%(after_day)s::date, '-infinity'))
ORDER BY account.number, group_member.from_day
LIMIT %(limit)s

-- name: board
-- Periods of lists and calendar months that are over, each with its runs; one that was never run
-- stands alone.
WITH period AS (
    SELECT
        billing_cycle.name AS route, cycle_period.name AS period, cycle_period.first_day,
        cycle_period.end_day, cycle_period.bill_day
    FROM cycle_period JOIN billing_cycle ON billing_cycle.id = cycle_period.cycle_id
    WHERE cycle_period.end_day > %(since)s::date AND cycle_period.end_day <= %(today)s::date
    UNION ALL
    SELECT 'monthly', listed.period, listed.first_day, listed.end_day, listed.end_day
    FROM unnest(%(months)s::text [], %(firsts)s::date [], %(ends)s::date [])
        AS listed (period, first_day, end_day)
)
SELECT
    period.route, period.period, period.first_day, period.end_day, period.bill_day,
    coalesce(bill_run.id, 0) AS run_id, bill_run.uid, bill_run.scope,
    bill_run.finished_at IS NOT NULL,
    (
        SELECT actor FROM bill_run_starter WHERE run_id = bill_run.id
        ORDER BY first_at DESC, actor LIMIT 1
    ),
    tally.held, tally.drafts, tally.approved, tally.issued
FROM period
LEFT JOIN bill_run ON bill_run.cycle = period.period AND bill_run.run_type = 'regular'
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(bills) FILTER (WHERE state = 'held'), 0) AS held,
        coalesce(sum(bills) FILTER (WHERE state = 'draft'), 0) AS drafts,
        coalesce(sum(bills) FILTER (WHERE state = 'approved'), 0) AS approved,
        coalesce(sum(bills) FILTER (WHERE state = 'issued'), 0) AS issued
    FROM bill_tally WHERE run_id = bill_run.id
) AS tally
WHERE (
        -- A month of everyone bills all that is due until its end, so that what is before it waits
        -- for nothing; and before there were customers, nothing was due.
        bill_run.id IS NOT NULL OR (
            EXISTS (SELECT FROM occupancy WHERE occupancy.billing_from < period.end_day)
            AND NOT EXISTS (
                SELECT FROM bill_run AS later
                WHERE later.run_type = 'regular' AND later.scope = '{}'
                    AND later.cycle ~ '^[0-9]{4}-[0-9]{2}$'
                    AND to_date(later.cycle, 'YYYY-MM') + interval '1 month' >= period.end_day
            )
        )
    )
    AND (%(after_end)s::date IS NULL
    OR (period.end_day, period.route, period.period, coalesce(bill_run.id, 0))
    > (%(after_end)s::date, %(after_route)s::text, %(after_period)s::text, %(after_run)s::bigint))
ORDER BY period.end_day, period.route, period.period, run_id
LIMIT %(limit)s

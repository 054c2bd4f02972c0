-- name: retained
SELECT
    account.erased_at,
    (
        SELECT max(coalesce(upper(during), '9999-12-31'::date)) FROM agreement
        WHERE agreement.account_id = account.id AND withdrawn IS NULL
    ),
    (
        SELECT count(*) FROM bill
        WHERE bill.account_id = account.id AND state IN ('draft', 'held', 'approved')
    ),
    EXISTS (
        SELECT FROM occupancy WHERE occupancy.account_id = account.id AND ended_on > (
            SELECT max(end_day) FROM billed_period
            WHERE billed_period.occupancy_id = occupancy.id
        )
    ),
    EXISTS (SELECT FROM unsettled_occupancy WHERE unsettled_occupancy.account_id = account.id),
    (SELECT count(*) FROM bill WHERE bill.account_id = account.id AND state = 'issued'),
    (SELECT max(issued_on) FROM bill WHERE bill.account_id = account.id AND state = 'issued'),
    account.id IN (SELECT accounts_on_hold())
FROM account WHERE account.number = %(number)s

-- name: erase
SELECT erase_account(%(number)s, %(at)s)

-- name: group
SELECT id FROM named_group WHERE name = %(name)s

-- name: enter
INSERT INTO correction_limit (
    group_id, effective, revision, charge_months, credit_months, smallest, currency, source, reason,
    actor, recorded_at
)
SELECT
    %(group_id)s, %(effective)s, 1 + coalesce(max(revision), 0), %(charge_months)s,
    %(credit_months)s, %(smallest)s, %(currency)s, %(source)s, %(reason)s, %(actor)s, %(at)s
FROM correction_limit
WHERE group_id IS NOT DISTINCT FROM %(group_id)s::bigint AND effective = %(effective)s
RETURNING revision

-- name: limits
SELECT
    named_group.name, effective, revision, charge_months, credit_months, smallest, currency, source,
    reason, actor, recorded_at
FROM correction_limit LEFT JOIN named_group ON named_group.id = correction_limit.group_id
ORDER BY named_group.name NULLS FIRST, effective DESC, revision DESC

-- name: of_account
-- The newest of every scope that an account, or a service point that it ever had, is of on a day.
SELECT DISTINCT ON (group_id) charge_months, credit_months, smallest, currency, source
FROM correction_limit
WHERE effective <= %(day)s AND (group_id IS NULL OR group_id IN (
    SELECT member.group_id FROM group_member AS member
    WHERE member.from_day <= %(day)s AND coalesce(member.end_day > %(day)s, true)
        AND (
            member.account_id = %(account_id)s
            OR member.service_point_id IN (
                SELECT service_point_id FROM agreement
                WHERE account_id = %(account_id)s AND withdrawn IS NULL
            )
        )
))
ORDER BY group_id, effective DESC, revision DESC

-- name: group
SELECT id FROM named_group WHERE name = %(name)s

-- name: enter
INSERT INTO correction_limit (
    group_id, cause, effective, revision, charge_months, credit_months, smallest, currency, source, reason,
    actor, recorded_at
)
SELECT
    %(group_id)s, %(cause)s, %(effective)s, 1 + coalesce(max(revision), 0), %(charge_months)s,
    %(credit_months)s, %(smallest)s, %(currency)s, %(source)s, %(reason)s, %(actor)s, %(at)s
FROM correction_limit
WHERE group_id IS NOT DISTINCT FROM %(group_id)s::bigint
    AND cause IS NOT DISTINCT FROM %(cause)s::text AND effective = %(effective)s
RETURNING revision

-- name: limits
SELECT
    named_group.name, cause, effective, revision, charge_months, credit_months, smallest, currency, source,
    reason, actor, recorded_at
FROM correction_limit LEFT JOIN named_group ON named_group.id = correction_limit.group_id
ORDER BY named_group.name NULLS FIRST, cause NULLS FIRST, effective DESC, revision DESC

-- name: of_accounts
-- Limits that may be of accounts: of everybody, and of the groups that they, or service points that they
-- ever had, are or were of, with the days on which they are.
SELECT
    account.id, limited.group_id, limited.cause, limited.effective, limited.revision, NULL::date, NULL::date,
    limited.charge_months, limited.credit_months, limited.smallest, limited.currency, limited.source
FROM correction_limit AS limited
CROSS JOIN unnest(%(accounts)s::bigint[]) AS account (id)
WHERE limited.group_id IS NULL
UNION ALL
SELECT
    account.id, limited.group_id, limited.cause, limited.effective, limited.revision, member.from_day,
    member.end_day, limited.charge_months, limited.credit_months, limited.smallest, limited.currency,
    limited.source
FROM correction_limit AS limited
JOIN group_member AS member ON member.group_id = limited.group_id
JOIN unnest(%(accounts)s::bigint[]) AS account (id) ON member.account_id = account.id
    OR member.service_point_id IN (
        SELECT service_point_id FROM agreement
        WHERE account_id = account.id AND withdrawn IS NULL
    )

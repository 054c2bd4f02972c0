-- name: enter
INSERT INTO correction_rule (
    name, version, way, amount, currency, days, cause, reason, entered_by, entered_at
)
SELECT
    %(name)s, 1 + coalesce(max(version), 0), %(way)s, %(amount)s, %(currency)s, %(days)s, %(cause)s,
    %(reason)s, %(actor)s, %(at)s
FROM correction_rule WHERE name = %(name)s
RETURNING version

-- name: hold
SELECT entered_by, approved_by FROM correction_rule
WHERE name = %(name)s AND version = %(version)s AND withdrawn_by IS NULL
FOR UPDATE

-- name: approve
UPDATE correction_rule SET approved_by = %(actor)s, approved_at = %(at)s
WHERE name = %(name)s AND version = %(version)s

-- name: withdraw
UPDATE correction_rule SET withdrawn_by = %(actor)s, withdrawn_at = %(at)s
WHERE name = %(name)s AND version = %(version)s

-- name: rules
SELECT
    rule.name, rule.version, rule.way, rule.amount, rule.currency, rule.days, rule.cause,
    CASE
        WHEN rule.withdrawn_by IS NOT NULL THEN 'withdrawn'
        WHEN rule.approved_by IS NULL THEN 'entered'
        WHEN in_force.id IS NULL THEN 'replaced'
        ELSE 'in force'
    END,
    rule.reason, rule.entered_by, rule.entered_at, rule.approved_by, rule.approved_at,
    rule.withdrawn_by, rule.withdrawn_at
FROM correction_rule AS rule
LEFT JOIN correction_rule_in_force AS in_force ON in_force.id = rule.id
ORDER BY rule.name, rule.version DESC

-- name: covered
-- Where two rules cover one, the first by name settles it.
SELECT DISTINCT ON (candidate.id)
    account.number, bill.uid, encode(candidate.difference_sha256, 'hex'),
    rule.name || '@' || rule.version
FROM correction_candidate AS candidate
JOIN account ON account.id = candidate.account_id
JOIN bill ON bill.id = candidate.bill_id
JOIN bill_part AS part ON part.id = candidate.part_id
JOIN correction_rule_in_force AS rule ON part.first_day > %(today)s::date - rule.days
    AND NOT EXISTS (
        SELECT FROM jsonb_array_elements(candidate.difference -> 'amounts') AS sums (each)
        WHERE each ->> 'currency' <> rule.currency OR abs((each ->> 'amount')::numeric) >= rule.amount
    )
    AND (rule.cause = 'any' OR NOT EXISTS (
        SELECT FROM jsonb_array_elements(candidate.causes) AS causes (each)
        WHERE each ->> 'kind' <> 'readings'
    ) AND NOT EXISTS (
        SELECT FROM jsonb_array_elements_text(candidate.difference -> 'bills') AS differs (number)
        LEFT JOIN bill AS other ON other.number = differs.number
        WHERE NOT EXISTS (
            SELECT FROM bill_part AS estimated
            WHERE estimated.bill_id = other.id AND estimated.not_metered
        )
    ))
WHERE candidate.closed_at IS NULL AND candidate.hold IS NULL
    AND (%(since)s::timestamptz IS NULL OR candidate.compared_at >= %(since)s)
    AND NOT EXISTS (
        SELECT FROM correction
        WHERE correction.account_id = candidate.account_id AND correction.state = 'decided'
    )
ORDER BY candidate.id, rule.name
LIMIT %(limit)s

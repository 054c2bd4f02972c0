-- name: exists
SELECT CASE %(kind)s
    WHEN 'account' THEN EXISTS (SELECT FROM account WHERE number = %(subject)s)
    WHEN 'group' THEN EXISTS (
        SELECT FROM named_group WHERE name = %(subject)s AND of = 'account'
    )
    WHEN 'tariff' THEN EXISTS (SELECT FROM tariff WHERE name = %(subject)s)
    ELSE EXISTS (SELECT FROM service_point WHERE name = %(subject)s)
END

-- name: running
-- Accounts with the channels that their services bill, as far as they last.
SELECT
    account.id, account.number, min(service_point.zone),
    array_agg(DISTINCT point_channel.id ORDER BY point_channel.id)
FROM occupancy
JOIN account ON account.id = occupancy.account_id
JOIN service ON service.id = occupancy.service_id
JOIN service_point ON service_point.id = service.service_point_id
JOIN point_channel ON point_channel.service_point_id = service_point.id
    AND (service.channels IS NULL OR point_channel.obis = ANY(service.channels))
WHERE occupancy.billing_from <= %(today)s::date + 1
    AND (occupancy.ended_on IS NULL OR occupancy.ended_on > %(today)s::date - 1)
    AND CASE %(kind)s
        WHEN 'account' THEN account.number = %(subject)s
        WHEN 'point' THEN service_point.name = %(subject)s
        WHEN 'tariff' THEN account.id IN (
            SELECT agreement.account_id FROM agreement
            JOIN tariff ON tariff.id = agreement.tariff_id
            WHERE tariff.name = %(subject)s
                AND agreement.during && daterange(%(today)s::date - 1, %(today)s::date + 2)
        )
        ELSE account.id IN (
            SELECT member_id FROM group_member
            JOIN named_group ON named_group.id = group_member.group_id
            WHERE named_group.name = %(subject)s AND from_day <= %(today)s::date
                AND (end_day IS NULL OR end_day > %(today)s::date)
        )
    END
GROUP BY account.id, account.number ORDER BY account.number

-- name: hold
SELECT pg_advisory_xact_lock((7313::bigint << 44) + hashtext(%(name)s))

-- name: rules
SELECT DISTINCT ON (name) name, version, document, recorded_by, recorded_at, reason
FROM alert_rule WHERE %(names)s::text[] IS NULL OR name = ANY(%(names)s::text[])
ORDER BY name, version DESC

-- name: due
SELECT newest.name, newest.version, newest.document, newest.recorded_by, newest.recorded_at,
    newest.reason
FROM (SELECT DISTINCT ON (name) * FROM alert_rule ORDER BY name, version DESC) AS newest
LEFT JOIN alert_look ON alert_look.rule = newest.name
WHERE NOT (newest.document -> 'off')::boolean
    AND coalesce(alert_look.looked_at, '-infinity')
        <= %(at)s::timestamptz - (newest.document ->> 'every_minutes')::integer * interval '1 minute'
ORDER BY newest.name

-- name: looked
INSERT INTO alert_look (rule, looked_at) VALUES (%(rule)s, %(at)s)
ON CONFLICT (rule) DO UPDATE SET looked_at = excluded.looked_at

-- name: add_rule
INSERT INTO alert_rule (name, version, document, reason, recorded_by, recorded_at)
VALUES (%(name)s, %(version)s, %(document)s, %(reason)s, %(actor)s, %(at)s)

-- name: forget_look
DELETE FROM alert_look WHERE rule = %(name)s

-- name: raise
INSERT INTO alert (
    rule, version, measure, account_id, subject_kind, subject, period, first_day, threshold, value,
    unit, raised_at
)
SELECT
    %(rule)s, %(version)s, %(measure)s, account.id, %(subject_kind)s, %(subject)s, %(period)s,
    %(first)s, %(threshold)s, %(value)s, %(unit)s, %(at)s
FROM account WHERE account.number = %(account)s
ON CONFLICT (rule, subject_kind, subject, first_day) DO NOTHING
RETURNING id

-- name: alerts
SELECT
    alert.id, alert.rule || '@' || alert.version, alert.measure, alert.subject_kind, alert.subject,
    account.number, alert.period, alert.first_day, alert.threshold, alert.value, alert.unit,
    alert.raised_at
FROM alert JOIN account ON account.id = alert.account_id
WHERE (%(after)s::bigint IS NULL OR alert.id < %(after)s)
    AND (%(account)s::text IS NULL OR account.number = %(account)s)
ORDER BY alert.id DESC LIMIT %(limit)s

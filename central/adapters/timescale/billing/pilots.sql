-- name: group_exists
SELECT EXISTS (SELECT FROM named_group WHERE name = %(name)s)

-- name: hold
-- Two who change one pilot do it one after the other, also where there is none yet.
SELECT pg_advisory_xact_lock((7311::bigint << 44) + hashtext(%(name)s))

-- name: newest
SELECT DISTINCT ON (name) id, name, version, document, decided_by, decided_at, reason
FROM pilot WHERE %(name)s::text IS NULL OR name = %(name)s
ORDER BY name, version DESC

-- name: add
INSERT INTO pilot (name, version, document, reason, decided_by, decided_at)
VALUES (%(name)s, %(version)s, %(document)s, %(reason)s, %(actor)s, %(at)s)

-- name: members
-- A sample is that of the least hashes of account and service, so that it is always the same.
SELECT
    account.number, service_point.name, service.name, service_point.zone, service.day_start,
    tariff.name, agreement.facts,
    greatest(lower(agreement.during), agreement.billing_from, chosen.from_day, %(first)s::date)
    AS first_day,
    least(upper(agreement.during), chosen.end_day, %(end)s::date) AS end_day,
    counted.ids, counted.codes, count(*) OVER ()
FROM (
    SELECT named_group.of, group_member.member_id, group_member.from_day, group_member.end_day
    FROM named_group JOIN group_member ON group_member.group_id = named_group.id
    WHERE named_group.name = %(group)s::text
    UNION ALL
    SELECT 'account', id, NULL, NULL FROM account WHERE number = %(account)s::text
    UNION ALL
    SELECT 'tariff', id, NULL, NULL FROM tariff WHERE name = %(tariff)s::text
) AS chosen
JOIN agreement ON agreement.withdrawn IS NULL AND CASE chosen.of
    WHEN 'point' THEN agreement.service_point_id
    WHEN 'tariff' THEN agreement.tariff_id
    ELSE agreement.account_id
END = chosen.member_id
JOIN account ON account.id = agreement.account_id
JOIN service ON service.id = agreement.service_id
JOIN service_point ON service_point.id = agreement.service_point_id
JOIN tariff ON tariff.id = agreement.tariff_id
CROSS JOIN LATERAL (
    SELECT array_agg(id ORDER BY id) AS ids, array_agg(obis ORDER BY id) AS codes
    FROM point_channel
    WHERE point_channel.service_point_id = service_point.id
        AND (service.channels IS NULL OR point_channel.obis = ANY(service.channels))
) AS counted
WHERE greatest(
        lower(agreement.during), agreement.billing_from, chosen.from_day, %(first)s::date
    ) < least(upper(agreement.during), chosen.end_day, %(end)s::date)
ORDER BY
    CASE WHEN %(most)s::integer IS NOT NULL THEN md5(account.number || '/' || service.id) END,
    account.number, service_point.name, service.name, first_day
LIMIT %(most)s::integer

-- name: result
SELECT
    pilot.name, pilot.version, pilot.document, pilot.decided_by, pilot.decided_at, pilot.reason,
    pilot_result.run, pilot_result.rows, pilot_result.made_by, pilot_result.made_at
FROM pilot JOIN pilot_result ON pilot_result.pilot_id = pilot.id
WHERE pilot.name = %(name)s AND (%(version)s::integer IS NULL OR pilot.version = %(version)s)
ORDER BY pilot.version DESC, pilot_result.run DESC LIMIT 1

-- name: add_result
INSERT INTO pilot_result (pilot_id, run, rows, made_by, made_at)
SELECT id, %(run)s, %(rows)s, %(actor)s, %(at)s
FROM pilot WHERE name = %(name)s AND version = %(version)s

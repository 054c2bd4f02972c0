-- name: has_people
SELECT EXISTS (SELECT FROM person)

-- name: people
SELECT name, roles, group_names, account_numbers, password IS NOT NULL, added_at, added_by, disabled_at
FROM person ORDER BY name

-- name: person
SELECT name, roles, group_names, account_numbers, password IS NOT NULL, added_at, added_by, disabled_at
FROM person WHERE lower(name) = lower(%(name)s)

-- name: add
INSERT INTO person (name, roles, group_names, account_numbers, added_at, added_by)
VALUES (%(name)s, %(roles)s, %(groups)s, %(accounts)s, %(now)s, %(by)s)
ON CONFLICT DO NOTHING RETURNING id

-- name: linked
SELECT person.name FROM person_identity JOIN person ON person.id = person_identity.person_id
WHERE issuer = %(issuer)s AND subject = %(subject)s

-- name: unlink
DELETE FROM person_identity USING person
WHERE person.id = person_identity.person_id AND person.name = %(name)s AND issuer = %(issuer)s
RETURNING subject

-- name: link
INSERT INTO person_identity (issuer, subject, person_id, added_at, added_by)
SELECT %(issuer)s, %(subject)s, id, %(now)s, %(by)s FROM person WHERE name = %(name)s
ON CONFLICT DO NOTHING RETURNING subject

-- name: lock
SELECT roles, group_names, account_numbers, disabled_at FROM person WHERE name = %(name)s FOR UPDATE

-- name: change
UPDATE person SET roles = %(roles)s, group_names = %(groups)s, account_numbers = %(accounts)s
WHERE name = %(name)s

-- name: disable
UPDATE person SET disabled_at = %(disabled_at)s WHERE name = %(name)s

-- name: end_sessions
UPDATE web_session SET ended_at = %(now)s, ended_by = %(by)s
WHERE account = %(name)s AND ended_at IS NULL

-- name: end_codes
UPDATE person_code SET used_at = %(now)s
FROM person WHERE person.id = person_code.person_id AND person.name = %(name)s AND used_at IS NULL

-- name: give_code
INSERT INTO person_code (sha256, person_id, added_at, added_by, until_at)
SELECT %(sha256)s, id, %(now)s, %(by)s, %(until)s FROM person WHERE name = %(name)s

-- name: take_code
UPDATE person_code SET used_at = %(now)s
FROM person
WHERE person.id = person_code.person_id AND sha256 = %(sha256)s AND used_at IS NULL
    AND lower(person.name) = lower(%(name)s) AND until_at > %(now)s AND person.disabled_at IS NULL
RETURNING person.name

-- name: set_password
UPDATE person SET password = %(password)s WHERE name = %(name)s

-- name: password_of
SELECT name, password FROM person
WHERE lower(name) = lower(%(name)s) AND disabled_at IS NULL AND password IS NOT NULL

-- name: rehash
UPDATE person SET password = %(new)s WHERE name = %(name)s AND password = %(old)s

-- name: give_key
INSERT INTO api_key (sha256, person_id, label, permissions, added_at, added_by, until_at)
SELECT %(sha256)s, id, %(label)s, %(permissions)s, %(now)s, %(by)s, %(until)s
FROM person WHERE name = %(person)s RETURNING number

-- name: keys
SELECT
    number, person.name, label, permissions, api_key.added_at, until_at, seen_at, revoked_at
FROM api_key JOIN person ON person.id = api_key.person_id
WHERE %(person)s::text IS NULL OR person.name = %(person)s ORDER BY number DESC

-- name: use_key
SELECT
    number, person.name, label, permissions, api_key.added_at, until_at, seen_at, revoked_at,
    person.name, roles, group_names, account_numbers, password IS NOT NULL, person.added_at,
    person.added_by, disabled_at
FROM api_key JOIN person ON person.id = api_key.person_id
WHERE sha256 = %(sha256)s AND revoked_at IS NULL AND until_at > %(now)s AND disabled_at IS NULL

-- name: touch_key
UPDATE api_key SET seen_at = %(now)s
WHERE number = %(number)s AND (seen_at IS NULL OR seen_at < %(now)s)

-- name: revoke_key
UPDATE api_key SET revoked_at = %(now)s, revoked_by = %(by)s
FROM person
WHERE person.id = api_key.person_id AND number = %(number)s AND revoked_at IS NULL
    AND (%(person)s::text IS NULL OR person.name = %(person)s)
RETURNING person.name, label

-- name: account_uids
SELECT uid FROM account WHERE number = ANY(%(accounts)s) ORDER BY number

-- name: is_inside
SELECT CASE %(whose)s
    WHEN 'account' THEN EXISTS (
        SELECT FROM account
        WHERE (account.number = %(key)s OR account.uid::text = lower(%(key)s))
            AND id IN (SELECT inside_accounts(%(groups)s::text[], %(accounts)s::text[], %(day)s::date))
    )
    WHEN 'bill' THEN EXISTS (
        SELECT FROM bill
        WHERE bill.account_id IN (SELECT inside_accounts(%(groups)s::text[], %(accounts)s::text[], %(day)s::date))
            AND bill.uid::text = lower(%(key)s) AND (NOT %(issued)s OR bill.state = 'issued')
    )
    WHEN 'point' THEN EXISTS (
        SELECT FROM service_point
        WHERE id IN (SELECT inside_points(%(groups)s::text[], %(accounts)s::text[], %(day)s::date))
            AND service_point.uid::text = lower(%(key)s)
    )
    WHEN 'point channel' THEN EXISTS (
        SELECT FROM point_channel
        WHERE service_point_id IN (SELECT inside_points(%(groups)s::text[], %(accounts)s::text[], %(day)s::date))
            AND point_channel.id::text = %(key)s
    )
    WHEN 'meter' THEN EXISTS (
        SELECT FROM installation
        WHERE service_point_id IN (SELECT inside_points(%(groups)s::text[], %(accounts)s::text[], %(day)s::date))
            AND meter_id::text = %(key)s AND during @> %(day)s::date::timestamp AT TIME ZONE 'UTC'
    )
    WHEN 'meter channel' THEN EXISTS (
        SELECT FROM channel
        JOIN installation ON installation.meter_id = channel.meter_id
        WHERE service_point_id IN (SELECT inside_points(%(groups)s::text[], %(accounts)s::text[], %(day)s::date))
            AND channel.id::text = %(key)s AND during @> %(day)s::date::timestamp AT TIME ZONE 'UTC'
    )
    ELSE false
END

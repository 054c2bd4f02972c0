-- name: second_factor
SELECT totp_secret, totp_since FROM person WHERE name = %(name)s AND totp_secret IS NOT NULL

-- name: begin
UPDATE person SET totp_secret = %(sealed)s WHERE name = %(name)s AND totp_since IS NULL
RETURNING id

-- name: confirm
UPDATE person SET totp_since = %(now)s
WHERE name = %(name)s AND totp_secret = %(sealed)s AND totp_since IS NULL

-- name: add_recovery
INSERT INTO recovery_code (sha256, person_id, added_at)
SELECT unnest(%(recovery)s::bytea []), id, %(now)s FROM person WHERE name = %(name)s

-- name: take_step
UPDATE person SET totp_step = %(step)s WHERE name = %(name)s AND totp_step < %(step)s RETURNING id

-- name: take_recovery
UPDATE recovery_code SET used_at = %(now)s
FROM person
WHERE person.id = recovery_code.person_id AND person.name = %(name)s AND sha256 = %(sha256)s
    AND used_at IS NULL AND totp_since IS NOT NULL
RETURNING person.id

-- name: end_recovery
UPDATE recovery_code SET used_at = %(now)s
FROM person WHERE person.id = recovery_code.person_id AND person.name = %(name)s AND used_at IS NULL

-- name: end
UPDATE person SET totp_secret = NULL, totp_since = NULL WHERE name = %(name)s

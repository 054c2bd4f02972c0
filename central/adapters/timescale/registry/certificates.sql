-- name: withdraw
UPDATE gateway_invitation SET withdrawn_at = %(at)s
WHERE gateway = %(gateway)s AND claimed_at IS NULL AND withdrawn_at IS NULL

-- name: invite
INSERT INTO gateway_invitation (gateway, code_sha256, invited_by, invited_at, expires_at)
VALUES (%(gateway)s, %(code)s, %(actor)s, %(at)s, %(expires_at)s)

-- name: lock_invitation
SELECT gateway, expires_at, withdrawn_at IS NOT NULL, claimed_key
FROM gateway_invitation WHERE code_sha256 = %(code)s FOR UPDATE

-- name: claim
UPDATE gateway_invitation SET claimed_at = %(at)s, claimed_key = %(key)s
WHERE code_sha256 = %(code)s

-- name: certificate_of_key
SELECT
    serial, gateway.name, key_sha256, certificate, not_after, issued_at, renews,
    gateway_certificate.revoked_at
FROM gateway_certificate JOIN gateway ON gateway.id = gateway_id
WHERE key_sha256 = %(key)s

-- name: certificate
SELECT
    serial, gateway.name, key_sha256, certificate, not_after, issued_at, renews,
    gateway_certificate.revoked_at
FROM gateway_certificate JOIN gateway ON gateway.id = gateway_id
WHERE serial = %(serial)s

-- name: successor
SELECT
    serial, gateway.name, key_sha256, certificate, not_after, issued_at, renews,
    gateway_certificate.revoked_at
FROM gateway_certificate JOIN gateway ON gateway.id = gateway_id
WHERE renews = %(serial)s

-- name: certificates
SELECT
    serial, gateway.name, key_sha256, certificate, not_after, issued_at, renews,
    gateway_certificate.revoked_at
FROM gateway_certificate JOIN gateway ON gateway.id = gateway_id
WHERE gateway.name = %(gateway)s ORDER BY issued_at DESC, serial

-- name: revoked
SELECT
    serial, gateway.name, key_sha256, certificate, not_after, issued_at, renews,
    gateway_certificate.revoked_at
FROM gateway_certificate JOIN gateway ON gateway.id = gateway_id
WHERE gateway_certificate.revoked_at IS NOT NULL AND not_after > %(at)s ORDER BY serial

-- name: enrol
WITH before AS (SELECT revoked_at IS NOT NULL AS revoked FROM gateway WHERE name = %(name)s)
INSERT INTO gateway (name, enrolled_at) VALUES (%(name)s, %(at)s)
ON CONFLICT (name) DO UPDATE SET revoked_at = NULL
RETURNING id, (SELECT revoked FROM before)

-- name: add
INSERT INTO gateway_certificate (
    serial, gateway_id, key_sha256, certificate, issued_at, not_after, renews
)
SELECT
    %(serial)s, gateway.id, %(key)s, %(certificate)s, %(at)s::timestamptz,
    %(not_after)s::timestamptz, %(renews)s::text
FROM gateway WHERE name = %(gateway)s
ON CONFLICT DO NOTHING
RETURNING serial

-- name: revoke_others
UPDATE gateway_certificate SET revoked_at = %(at)s
FROM gateway
WHERE gateway.id = gateway_id AND gateway.name = %(gateway)s AND serial <> %(serial)s
    AND gateway_certificate.revoked_at IS NULL
RETURNING serial

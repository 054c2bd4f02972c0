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

-- name: retire_keys
UPDATE gateway_signing_key SET retired_at = %(at)s
FROM gateway
WHERE gateway.id = gateway_id AND gateway.name = %(name)s AND key_id <> %(key_id)s
    AND retired_at IS NULL

-- name: add_key
INSERT INTO gateway_signing_key (gateway_id, key_id, public_key, registered_at)
SELECT id, %(key_id)s, %(key)s, %(at)s::timestamptz FROM gateway WHERE name = %(name)s
ON CONFLICT (gateway_id, key_id) DO UPDATE SET retired_at = NULL

-- name: require_signatures
UPDATE gateway SET signing = 'required' WHERE name = %(name)s AND signing = 'accepted'

-- name: set_signing
WITH before AS (SELECT id, signing FROM gateway WHERE name = %(name)s FOR UPDATE)
UPDATE gateway SET signing = %(signing)s FROM before WHERE gateway.id = before.id
RETURNING before.signing

-- name: proof
SELECT
    gateway.name, batch.epoch, batch.sequence, batch.sha256, batch.prev_hash, batch.received_at,
    batch_signature.version, batch_signature.key_id, batch_signature.signature,
    batch_signature.body, gateway_signing_key.public_key, gateway_signing_key.registered_at,
    gateway_signing_key.retired_at, before.sha256, before.replaces
FROM batch
JOIN gateway ON gateway.id = batch.gateway_id
LEFT JOIN batch_signature ON batch_signature.batch_id = batch.id
LEFT JOIN gateway_signing_key
    ON gateway_signing_key.gateway_id = batch.gateway_id
    AND gateway_signing_key.key_id = batch_signature.key_id
LEFT JOIN batch AS before
    ON before.gateway_id = batch.gateway_id AND before.epoch = batch.epoch
    AND before.sequence = batch.sequence - 1
WHERE gateway.name = %(gateway)s AND batch.epoch = %(epoch)s AND batch.sequence = %(sequence)s

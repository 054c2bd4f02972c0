-- name: enrol
WITH before AS (SELECT revoked_at IS NOT NULL AS revoked FROM gateway WHERE name = %(name)s)
INSERT INTO gateway (name, enrolled_at) VALUES (%(name)s, %(at)s)
ON CONFLICT (name) DO UPDATE SET revoked_at = NULL
RETURNING
    id, name, revoked_at IS NOT NULL, current_epoch, hello_at, (SELECT revoked FROM before)

-- name: gateway
SELECT id, name, revoked_at IS NOT NULL, current_epoch, hello_at
FROM gateway WHERE name = %(name)s

-- name: revoke
WITH before AS (
    SELECT id, revoked_at IS NOT NULL AS revoked FROM gateway WHERE name = %(name)s FOR UPDATE
)
UPDATE gateway SET revoked_at = coalesce(revoked_at, %(at)s)
FROM before WHERE gateway.id = before.id
RETURNING
    gateway.id, name, revoked_at IS NOT NULL, current_epoch, hello_at, before.revoked

-- name: revoke_certificates
UPDATE gateway_certificate SET revoked_at = %(at)s
FROM gateway
WHERE gateway.id = gateway_id AND gateway.name = %(name)s
    AND gateway_certificate.revoked_at IS NULL

-- name: withdraw_invitations
UPDATE gateway_invitation SET withdrawn_at = %(at)s
WHERE gateway = %(name)s AND claimed_at IS NULL AND withdrawn_at IS NULL

-- name: revoke_epoch
WITH before AS (
    SELECT gateway_epoch.revoked_at IS NOT NULL AS revoked, gateway.name
    FROM gateway_epoch JOIN gateway ON gateway.id = gateway_epoch.gateway_id
    WHERE gateway_id = %(gateway_id)s AND epoch = %(epoch)s FOR UPDATE OF gateway_epoch
)
UPDATE gateway_epoch SET revoked_at = coalesce(revoked_at, %(at)s)
FROM before WHERE gateway_id = %(gateway_id)s AND epoch = %(epoch)s
RETURNING before.revoked, before.name

-- name: move_meter
WITH before AS (
    SELECT meter.id, gateway.name FROM meter JOIN gateway ON gateway.id = meter.gateway_id
    WHERE manufacturer = %(manufacturer)s AND serial = %(serial)s FOR UPDATE OF meter
)
UPDATE meter SET gateway_id = %(home)s
FROM before, gateway AS home WHERE meter.id = before.id AND home.id = %(home)s
RETURNING before.name, home.name

-- name: close_finding
UPDATE finding SET closed_at = %(at)s, closed_by = %(closed_by)s
WHERE key = %(key)s AND closed_at IS NULL

-- name: save_status
UPDATE gateway SET status = %(state)s, agent = %(agent)s, backlog = %(backlog)s, status_at = %(at)s
WHERE name = %(name)s AND revoked_at IS NULL

-- name: admitted
SELECT name FROM gateway WHERE revoked_at IS NULL

-- name: epochs
SELECT epoch FROM gateway_epoch WHERE gateway_id = %(gateway_id)s ORDER BY first_at, epoch

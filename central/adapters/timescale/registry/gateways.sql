-- name: enrol
INSERT INTO gateway (name, enrolled_at) VALUES (%(name)s, %(at)s)
ON CONFLICT (name) DO UPDATE SET revoked_at = NULL
RETURNING id, name, revoked_at IS NOT NULL, current_epoch, hello_at

-- name: gateway
SELECT id, name, revoked_at IS NOT NULL, current_epoch, hello_at
FROM gateway WHERE name = %(name)s

-- name: revoke
UPDATE gateway SET revoked_at = coalesce(revoked_at, %(at)s) WHERE name = %(name)s
RETURNING id, name, revoked_at IS NOT NULL, current_epoch, hello_at

-- name: revoke_epoch
UPDATE gateway_epoch SET revoked_at = coalesce(revoked_at, %(at)s)
WHERE gateway_id = %(gateway_id)s AND epoch = %(epoch)s

-- name: move_meter
UPDATE meter SET gateway_id = %(home)s
WHERE manufacturer = %(manufacturer)s AND serial = %(serial)s

-- name: close_finding
UPDATE finding SET closed_at = %(at)s, closed_by = %(closed_by)s
WHERE key = %(key)s AND closed_at IS NULL

-- name: save_status
UPDATE gateway SET status = %(state)s, agent = %(agent)s, backlog = %(backlog)s, status_at = %(at)s
WHERE name = %(name)s

-- name: epochs
SELECT epoch FROM gateway_epoch WHERE gateway_id = %(gateway_id)s ORDER BY first_at, epoch

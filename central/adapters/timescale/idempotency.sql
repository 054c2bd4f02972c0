-- name: forget
DELETE FROM answer
WHERE claimed_at < %(keep_from)s OR (key = %(key)s AND status IS NULL AND claimed_at < %(abandoned)s)

-- name: claim
INSERT INTO answer (key, request_sha256, claimed_at) VALUES (%(key)s, %(sha256)s, %(now)s)
ON CONFLICT (key) DO NOTHING

-- name: held
SELECT request_sha256, status, body FROM answer WHERE key = %(key)s

-- name: settle
UPDATE answer SET status = %(status)s, body = %(body)s WHERE key = %(key)s

-- name: release
DELETE FROM answer WHERE key = %(key)s AND status IS NULL

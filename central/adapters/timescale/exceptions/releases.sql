-- name: hold
SELECT id FROM bill WHERE uid = %(uid)s AND state = 'held' FOR UPDATE

-- name: add
INSERT INTO bill_hold_release (
    bill_id, code, content_sha256, reason_code, reason, recorded_by, recorded_at
)
VALUES (%(bill)s, %(code)s, %(content)s, %(reason_code)s, %(reason)s, %(actor)s, %(at)s)
ON CONFLICT (bill_id, code, content_sha256) DO NOTHING

-- name: change
UPDATE bill SET state = %(state)s, holds = %(holds)s, sha256 = %(sha256)s, document = %(document)s
WHERE id = %(bill)s

-- name: keep_personal
INSERT INTO personal_value (uid, about, kept_at, salt, value)
VALUES (%(uid)s, %(subject)s, %(at)s, %(salt)s, %(value)s)

-- name: write
INSERT INTO audit_log (at, actor, via, action, subject, detail, origin)
VALUES (
    %(at)s, %(actor)s, %(via)s, %(action)s, %(subject)s, %(detail)s, %(origin)s
)

-- name: lock
SELECT pg_try_advisory_xact_lock(7302002)

-- name: sweep
INSERT INTO audit_unsealed (audit_id)
SELECT audit_log.id FROM audit_log
WHERE NOT EXISTS (SELECT FROM audit_seal WHERE audit_seal.audit_id = audit_log.id)
ON CONFLICT DO NOTHING

-- name: head
SELECT seal, sha256 FROM audit_seal ORDER BY seal DESC LIMIT 1

-- name: take
-- In one statement, so in one snapshot: whatever commits after it is sealed after it.
DELETE FROM audit_unsealed RETURNING audit_id

-- name: texts
SELECT
    id, (extract(epoch FROM at) * 1000000)::bigint, actor, via, action, subject, detail::text,
    origin
FROM audit_log WHERE id = ANY(%(ids)s) ORDER BY id

-- name: add_seals
COPY audit_seal (seal, audit_id, form, prev_hash, sha256, sealed_at) FROM STDIN

-- name: sealed
SELECT
    audit_seal.seal, audit_seal.form, audit_seal.prev_hash, audit_seal.sha256, audit_seal.audit_id,
    audit_log.id, (extract(epoch FROM audit_log.at) * 1000000)::bigint, audit_log.actor,
    audit_log.via, audit_log.action, audit_log.subject, audit_log.detail::text, audit_log.origin
FROM audit_seal LEFT JOIN audit_log ON audit_log.id = audit_seal.audit_id
WHERE audit_seal.seal > %(after)s ORDER BY audit_seal.seal LIMIT %(limit)s

-- name: kept
SELECT uid::text, salt, value FROM personal_value WHERE uid = ANY(%(uids)s::uuid [])

-- name: unsealed
SELECT count(*), min(id), min(at) FROM audit_log
WHERE
    at < %(before)s
    AND NOT EXISTS (SELECT FROM audit_seal WHERE audit_seal.audit_id = audit_log.id)

-- name: rows
SELECT
    audit_log.id, audit_log.at, audit_log.actor, audit_log.via, audit_log.action,
    audit_log.subject, audit_log.detail, audit_seal.seal, audit_log.origin
FROM audit_log LEFT JOIN audit_seal ON audit_seal.audit_id = audit_log.id
WHERE
    (%(actor)s::text IS NULL OR audit_log.actor = %(actor)s)
    AND (
        %(action)s::text IS NULL OR audit_log.action = %(action)s
        OR starts_with(audit_log.action, %(action)s || '.')
    )
    AND (%(since)s::timestamptz IS NULL OR audit_log.at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR audit_log.at < %(until)s)
    AND (%(before)s::bigint IS NULL OR audit_log.id < %(before)s)
    AND (
        %(origin)s::text IS NULL OR audit_log.origin = %(origin)s
        OR starts_with(audit_log.origin, %(origin)s || ' (')
    )
ORDER BY audit_log.id DESC LIMIT %(limit)s

-- name: rows_of_subject
-- Rows about it, and rows of many bills of which it is one; an index leads to each.
WITH about AS MATERIALIZED (
    SELECT id FROM audit_log WHERE subject = %(subject)s
    UNION
    SELECT id FROM audit_log
    WHERE detail ? 'bills'
        AND detail -> 'bills' @> jsonb_build_array(%(subject)s::text)
)
SELECT
    audit_log.id, audit_log.at, audit_log.actor, audit_log.via, audit_log.action,
    audit_log.subject, audit_log.detail, audit_seal.seal, audit_log.origin
FROM audit_log LEFT JOIN audit_seal ON audit_seal.audit_id = audit_log.id
WHERE
    audit_log.id = ANY(ARRAY(SELECT id FROM about))
    AND (%(actor)s::text IS NULL OR audit_log.actor = %(actor)s)
    AND (
        %(action)s::text IS NULL OR audit_log.action = %(action)s
        OR starts_with(audit_log.action, %(action)s || '.')
    )
    AND (%(since)s::timestamptz IS NULL OR audit_log.at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR audit_log.at < %(until)s)
    AND (%(before)s::bigint IS NULL OR audit_log.id < %(before)s)
    AND (
        %(origin)s::text IS NULL OR audit_log.origin = %(origin)s
        OR starts_with(audit_log.origin, %(origin)s || ' (')
    )
ORDER BY audit_log.id DESC LIMIT %(limit)s

-- name: branch
SELECT
    listed.kind, listed.number, listed.severity, listed.raised_at, listed.subject, listed.code,
    listed.message, given.owner, given.due_on, given.hidden_until
FROM exception AS listed
LEFT JOIN LATERAL (
    SELECT owner, due_on, hidden_until FROM exception_owner
    WHERE exception_owner.kind = listed.kind AND exception_owner.number = listed.number
    ORDER BY revision DESC LIMIT 1
) AS given ON true

-- name: counts
SELECT kind, code, severity, count(*), min(raised_at) FROM exception
GROUP BY kind, code, severity
ORDER BY count(*) DESC, kind, code

-- name: given
SELECT owner, due_on, hidden_until, revision FROM exception_owner
WHERE kind = %(kind)s AND number = %(number)s
ORDER BY revision DESC LIMIT 1

-- name: waits
SELECT subject, code FROM exception WHERE kind = %(kind)s AND number = %(number)s

-- name: assign
INSERT INTO exception_owner (
    kind, number, revision, owner, due_on, hidden_until, reason_code, reason, recorded_by,
    recorded_at
)
VALUES (
    %(kind)s, %(number)s, %(revision)s, %(owner)s, %(due_on)s, %(hidden_until)s, %(reason_code)s,
    %(reason)s, %(actor)s, %(at)s
)

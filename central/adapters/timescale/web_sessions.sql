-- name: forget
DELETE FROM web_session WHERE until_at < %(before)s

-- name: begin
INSERT INTO web_session (
    sha256, browser_sha256, account, address, agent, begun_at, seen_at, until_at
) VALUES (
    %(sha256)s, %(browser_sha256)s, %(account)s, %(address)s, %(agent)s, %(now)s, %(now)s, %(until)s
)

-- name: find
SELECT number, account, seen_at FROM web_session
WHERE sha256 = %(sha256)s AND browser_sha256 = %(browser_sha256)s AND ended_at IS NULL
    AND until_at > %(now)s AND seen_at > %(idle_since)s

-- name: touch
UPDATE web_session SET seen_at = %(now)s WHERE number = %(number)s AND seen_at < %(now)s

-- name: end
UPDATE web_session SET ended_at = %(now)s, ended_by = %(ended_by)s
WHERE sha256 = %(sha256)s AND ended_at IS NULL
RETURNING number, account

-- name: sessions
SELECT number, account, address, agent, begun_at, seen_at, until_at FROM web_session
WHERE ended_at IS NULL AND until_at > %(now)s AND seen_at > %(idle_since)s
    AND (%(account)s::text IS NULL OR account = %(account)s)
ORDER BY number DESC

-- name: revoke
UPDATE web_session SET ended_at = %(now)s, ended_by = %(ended_by)s
WHERE ended_at IS NULL AND until_at > %(now)s
    AND (%(number)s::bigint IS NULL OR number = %(number)s)
    AND (%(account)s::text IS NULL OR account = %(account)s)
RETURNING number, account

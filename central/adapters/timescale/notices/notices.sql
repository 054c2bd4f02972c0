-- name: hold
-- Two who change one endpoint, or rule, do it one after the other, also where there is none yet.
SELECT pg_advisory_xact_lock((7312::bigint << 44) + hashtext(%(what)s || ' ' || %(name)s))

-- name: endpoints
SELECT
    newest.name, newest.version, newest.document, newest.recorded_by, newest.recorded_at,
    newest.reason,
    (
        SELECT count(*)::integer FROM notice_secret
        WHERE notice_secret.endpoint = newest.name AND since <= %(at)s
            AND (until IS NULL OR until > %(at)s)
    )
FROM (
    SELECT DISTINCT ON (name) * FROM notice_endpoint
    WHERE %(name)s::text IS NULL OR name = %(name)s
    ORDER BY name, version DESC
) AS newest
ORDER BY newest.name

-- name: add_endpoint
INSERT INTO notice_endpoint (name, version, document, reason, recorded_by, recorded_at)
VALUES (%(name)s, %(version)s, %(document)s, %(reason)s, %(actor)s, %(at)s)

-- name: drop_secrets
DELETE FROM notice_secret WHERE endpoint = %(name)s AND until <= %(at)s

-- name: end_secrets
UPDATE notice_secret SET until = %(until)s
WHERE endpoint = %(name)s AND (until IS NULL OR until > %(until)s)

-- name: add_secret
INSERT INTO notice_secret (endpoint, secret, since) VALUES (%(name)s, %(secret)s, %(at)s)

-- name: rules
SELECT DISTINCT ON (name) name, version, document, recorded_by, recorded_at, reason
FROM notice_rule WHERE %(name)s::text IS NULL OR name = %(name)s
ORDER BY name, version DESC

-- name: add_rule
INSERT INTO notice_rule (name, version, document, reason, recorded_by, recorded_at)
VALUES (%(name)s, %(version)s, %(document)s, %(reason)s, %(actor)s, %(at)s)

-- name: again
INSERT INTO notice_delivery (notice_id, endpoint, rule, copy, state, attempts, created_at, due_at)
SELECT
    sent.notice_id, sent.endpoint, '',
    1 + (
        SELECT max(other.copy) FROM notice_delivery AS other
        WHERE other.notice_id = sent.notice_id AND other.endpoint = sent.endpoint
    ),
    'waiting', 0, %(at)s, %(at)s
FROM notice_delivery AS sent WHERE sent.uid = %(delivery)s
RETURNING uid, endpoint

-- name: test
WITH told AS (
    INSERT INTO notice (kind, at, subject, facts, sorted_at)
    VALUES (
        'endpoint.test', %(at)s, %(endpoint)s, jsonb_build_object('endpoint', %(endpoint)s::text),
        %(at)s
    )
    RETURNING id
)
INSERT INTO notice_delivery (notice_id, endpoint, rule, copy, state, attempts, created_at, due_at)
SELECT id, %(endpoint)s, '', 0, 'waiting', 0, %(at)s, %(at)s FROM told
RETURNING uid

-- name: waits
SELECT
    EXISTS (SELECT FROM notice WHERE sorted_at IS NULL)
    OR EXISTS (
        SELECT FROM notice_delivery
        JOIN LATERAL (
            SELECT document FROM notice_endpoint
            WHERE notice_endpoint.name = notice_delivery.endpoint
            ORDER BY version DESC LIMIT 1
        ) AS newest ON NOT (newest.document -> 'off')::boolean
        WHERE state = 'waiting' AND due_at <= %(at)s
            AND (leased_until IS NULL OR leased_until <= %(at)s)
    )

-- name: unsorted
SELECT id, uid, kind, at, subject, facts FROM notice
WHERE sorted_at IS NULL ORDER BY id LIMIT %(limit)s

-- name: sort
-- Those that another worker sorted meanwhile are waited for, and left.
UPDATE notice SET sorted_at = %(at)s
WHERE id = ANY(%(notices)s) AND sorted_at IS NULL
RETURNING id

-- name: add_deliveries
INSERT INTO notice_delivery (notice_id, endpoint, rule, copy, state, attempts, created_at, due_at)
SELECT notice_id, endpoint, rule, 0, 'waiting', 0, %(at)s, %(at)s
FROM unnest(%(notices)s::bigint[], %(endpoints)s::text[], %(rules)s::text[])
    AS given (notice_id, endpoint, rule)
ORDER BY notice_id, endpoint

-- name: lease
WITH due AS (
    SELECT notice_delivery.id, newest.document
    FROM notice_delivery
    JOIN LATERAL (
        SELECT document FROM notice_endpoint
        WHERE notice_endpoint.name = notice_delivery.endpoint
        ORDER BY version DESC LIMIT 1
    ) AS newest ON NOT (newest.document -> 'off')::boolean
    WHERE state = 'waiting' AND due_at <= %(at)s
        AND (leased_until IS NULL OR leased_until <= %(at)s)
    ORDER BY due_at, notice_delivery.id LIMIT %(limit)s
    FOR UPDATE OF notice_delivery SKIP LOCKED
)
UPDATE notice_delivery SET leased_until = %(until)s
FROM due JOIN notice ON true
WHERE notice_delivery.id = due.id AND notice.id = notice_delivery.notice_id
RETURNING
    notice_delivery.id, notice_delivery.attempts, notice_delivery.endpoint,
    -- A customer's address is looked up when it is sent: an account that is erased has none.
    CASE WHEN due.document ->> 'kind' = 'customer' THEN due.document || jsonb_build_object(
        'target', coalesce((
            SELECT personal ->> 'email' FROM invoicing_terms
            WHERE invoicing_terms.kind = 'account'
                AND invoicing_terms.name = notice.facts ->> 'account'
            ORDER BY version DESC LIMIT 1
        ), '')
    ) ELSE due.document END,
    notice.uid, notice.kind, notice.at, notice.subject, notice.facts,
    ARRAY(
        SELECT secret FROM notice_secret
        WHERE notice_secret.endpoint = notice_delivery.endpoint AND since <= %(at)s
            AND (notice_secret.until IS NULL OR notice_secret.until > %(at)s)
        ORDER BY since DESC, id DESC
    )

-- name: attempted
-- Who came too late, since another has it by now, keeps nothing.
UPDATE notice_delivery SET
    attempts = %(number)s, state = %(state)s, due_at = %(due_at)s, ended_at = %(ended_at)s,
    leased_until = NULL
WHERE id = %(delivery)s AND attempts = %(number)s - 1 AND state = 'waiting'
RETURNING id

-- name: add_attempt
INSERT INTO notice_attempt (delivery_id, number, at, ms, outcome, status, detail)
VALUES (%(delivery)s, %(number)s, %(at)s, %(ms)s, %(outcome)s, %(status)s, %(detail)s)

-- name: deliveries
SELECT
    notice_delivery.uid, notice.uid, notice.kind, notice.at, notice.subject, notice.facts,
    notice_delivery.endpoint, notice_delivery.rule, notice_delivery.state,
    notice_delivery.attempts, notice_delivery.created_at, notice_delivery.due_at,
    notice_delivery.ended_at, notice_delivery.id
FROM notice_delivery JOIN notice ON notice.id = notice_delivery.notice_id
WHERE (%(after)s::bigint IS NULL OR notice_delivery.id < %(after)s)
    AND (%(state)s::text IS NULL OR notice_delivery.state = %(state)s)
    AND (%(endpoint)s::text IS NULL OR notice_delivery.endpoint = %(endpoint)s)
    AND (%(uid)s::uuid IS NULL OR notice_delivery.uid = %(uid)s)
ORDER BY notice_delivery.id DESC LIMIT %(limit)s

-- name: attempts
SELECT number, at, ms, outcome, status, detail FROM notice_attempt
WHERE delivery_id = %(delivery)s ORDER BY number

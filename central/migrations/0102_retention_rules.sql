-- What is deleted when its term by law or contract is over, unless a legal hold keeps it. Rules are data:
-- of everybody or of a named group, such as the accounts of a country; holds say who placed them and why.
CREATE TABLE retention_rule (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('documents', 'signatures')),
    -- NULL for everybody; a group's rule takes the place of everybody's.
    group_id bigint REFERENCES named_group,
    revision integer NOT NULL CHECK (revision > 0),
    -- NULL: without an end. [months]
    months integer CHECK (months BETWEEN 15 AND 1200),
    -- Where it stands, such as a law and its article.
    source text NOT NULL CHECK (source <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    actor text NOT NULL CHECK (actor <> ''),
    recorded_at timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (kind, group_id, revision)
);

-- Of one account, service point or meter, and all that belongs to it.
CREATE TABLE legal_hold (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE,
    account_id bigint REFERENCES account,
    service_point_id bigint REFERENCES service_point,
    meter_id bigint REFERENCES meter,
    -- The case for which it is placed, such as a court's file number.
    case_name text NOT NULL CHECK (case_name <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    placed_by text NOT NULL CHECK (placed_by <> ''),
    placed_at timestamptz NOT NULL,
    lifted_by text CHECK (lifted_by <> ''),
    lifted_at timestamptz,
    lifted_reason text CHECK (lifted_reason <> ''),
    CHECK (num_nonnulls(account_id, service_point_id, meter_id) = 1),
    CHECK (num_nonnulls(lifted_by, lifted_at, lifted_reason) IN (0, 3))
);
CREATE UNIQUE INDEX legal_hold_once ON legal_hold (account_id, service_point_id, meter_id, case_name)
NULLS NOT DISTINCT WHERE lifted_at IS NULL;

-- What was deleted: how many rows of which month, under which rule.
CREATE TABLE retention_receipt (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    rule_id bigint NOT NULL REFERENCES retention_rule,
    kind text NOT NULL,
    first_day date NOT NULL,
    end_day date NOT NULL CHECK (first_day < end_day),
    deleted bigint NOT NULL CHECK (deleted > 0),
    actor text NOT NULL CHECK (actor <> ''),
    deleted_at timestamptz NOT NULL
);
CREATE INDEX retention_receipt_days ON retention_receipt (kind, first_day);

-- A document without bytes was deleted, and says with which receipt; what it was the hash still says.
ALTER TABLE bill_document ALTER content DROP NOT NULL;
ALTER TABLE bill_document ADD COLUMN receipt_id bigint REFERENCES retention_receipt;
ALTER TABLE bill_document ADD CHECK ((content IS NULL) = (receipt_id IS NOT NULL));

-- Whoever places a hold, enters a rule or deletes waits for the others.
CREATE FUNCTION lock_retention() RETURNS void LANGUAGE sql AS $$
SELECT pg_advisory_xact_lock(7301005)
$$;

-- The newest revision of each rule of a kind.
CREATE FUNCTION retention_rules_of(wanted text) RETURNS TABLE (id bigint, group_id bigint, months integer)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT DISTINCT ON (rule.group_id) rule.id, rule.group_id, rule.months FROM retention_rule AS rule
WHERE rule.kind = wanted ORDER BY rule.group_id, rule.revision DESC
$$;

-- Service points that groups with a rule reach, now or at any time, by themselves or by an account there;
-- of several rules the longest.
CREATE FUNCTION retention_of_points(wanted text) RETURNS TABLE (
    service_point_id bigint, rule_id bigint, months integer
) LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT DISTINCT ON (reached.point_id) reached.point_id, reached.rule_id, reached.months FROM (
    SELECT group_member.service_point_id AS point_id, rule.id AS rule_id, rule.months
    FROM retention_rules_of(wanted) AS rule JOIN group_member ON group_member.group_id = rule.group_id
    WHERE group_member.service_point_id IS NOT NULL
    UNION ALL
    SELECT agreement.service_point_id, rule.id, rule.months
    FROM retention_rules_of(wanted) AS rule
    JOIN group_member ON group_member.group_id = rule.group_id
    JOIN agreement ON agreement.account_id = group_member.account_id
) AS reached
ORDER BY reached.point_id, reached.months DESC NULLS FIRST, reached.rule_id
$$;

-- The same of accounts, by themselves or by a service point.
CREATE FUNCTION retention_of_accounts(wanted text) RETURNS TABLE (
    account_id bigint, rule_id bigint, months integer
) LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT DISTINCT ON (reached.account_id) reached.account_id, reached.rule_id, reached.months FROM (
    SELECT group_member.account_id, rule.id AS rule_id, rule.months
    FROM retention_rules_of(wanted) AS rule JOIN group_member ON group_member.group_id = rule.group_id
    WHERE group_member.account_id IS NOT NULL
    UNION ALL
    SELECT agreement.account_id, rule.id, rule.months
    FROM retention_rules_of(wanted) AS rule
    JOIN group_member ON group_member.group_id = rule.group_id
    JOIN agreement ON agreement.service_point_id = group_member.service_point_id
) AS reached
ORDER BY reached.account_id, reached.months DESC NULLS FIRST, reached.rule_id
$$;

-- Service points of which nothing is deleted: held themselves, or by an account or a meter that ever was there.
CREATE FUNCTION points_on_hold() RETURNS SETOF bigint LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT service_point_id FROM legal_hold WHERE lifted_at IS NULL AND service_point_id IS NOT NULL
UNION
SELECT agreement.service_point_id FROM legal_hold
JOIN agreement ON agreement.account_id = legal_hold.account_id
WHERE lifted_at IS NULL
UNION
SELECT installation.service_point_id FROM legal_hold
JOIN installation ON installation.meter_id = legal_hold.meter_id
WHERE lifted_at IS NULL
$$;

CREATE FUNCTION accounts_on_hold() RETURNS SETOF bigint LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT account_id FROM legal_hold WHERE lifted_at IS NULL AND account_id IS NOT NULL
UNION
SELECT agreement.account_id FROM points_on_hold() AS point (id)
JOIN agreement ON agreement.service_point_id = point.id
$$;

CREATE FUNCTION meters_on_hold() RETURNS SETOF bigint LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT meter_id FROM legal_hold WHERE lifted_at IS NULL AND meter_id IS NOT NULL
UNION
SELECT installation.meter_id FROM points_on_hold() AS point (id)
JOIN installation ON installation.service_point_id = point.id
$$;

-- Documents whose term is over, since the day of issue.
CREATE FUNCTION documents_past_term(now_at timestamptz) RETURNS TABLE (
    bill_id bigint, document_kind text, rule_id bigint, day date, on_hold boolean
) LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
WITH everybody AS (
    SELECT id, months FROM retention_rules_of('documents') WHERE group_id IS NULL
), termed AS (
    SELECT
        bill_document.bill_id, bill_document.kind, bill.issued_on, bill.account_id,
        CASE WHEN own.account_id IS NULL THEN everybody.id ELSE own.rule_id END AS rule_id,
        CASE WHEN own.account_id IS NULL THEN everybody.months ELSE own.months END AS months
    FROM bill_document
    JOIN bill ON bill.id = bill_document.bill_id
    LEFT JOIN retention_of_accounts('documents') AS own ON own.account_id = bill.account_id
    LEFT JOIN everybody ON true
    WHERE bill_document.receipt_id IS NULL
)
SELECT
    termed.bill_id, termed.kind, termed.rule_id, termed.issued_on,
    termed.account_id IN (SELECT accounts_on_hold())
FROM termed
WHERE termed.issued_on + make_interval(months => termed.months) <= (now_at AT TIME ZONE 'UTC')::date
$$;

-- Signed batches whose term is over, since they were stored. A gateway has the longest of the terms of all
-- points where meters behind it ever were.
CREATE FUNCTION signatures_past_term(now_at timestamptz) RETURNS TABLE (
    batch_id bigint, rule_id bigint, day date, on_hold boolean
) LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
WITH everybody AS (
    SELECT id, months FROM retention_rules_of('signatures') WHERE group_id IS NULL
), point_term AS MATERIALIZED (
    SELECT * FROM retention_of_points('signatures')
), own AS MATERIALIZED (
    SELECT DISTINCT ON (meter.gateway_id) meter.gateway_id, term.rule_id, term.months
    FROM meter
    JOIN installation ON installation.meter_id = meter.id
    JOIN point_term AS term ON term.service_point_id = installation.service_point_id
    ORDER BY meter.gateway_id, term.months DESC NULLS FIRST, term.rule_id
), kept AS MATERIALIZED (
    SELECT DISTINCT meter.gateway_id FROM meter JOIN meters_on_hold() AS wanted (id) ON wanted.id = meter.id
), termed AS (
    SELECT
        batch.id, batch.gateway_id, (batch_signature.stored_at AT TIME ZONE 'UTC')::date AS day,
        CASE WHEN own.gateway_id IS NULL THEN everybody.id ELSE own.rule_id END AS rule_id,
        CASE WHEN own.gateway_id IS NULL THEN everybody.months ELSE own.months END AS months
    FROM batch_signature
    JOIN batch ON batch.id = batch_signature.batch_id
    LEFT JOIN own ON own.gateway_id = batch.gateway_id
    LEFT JOIN everybody ON true
)
SELECT
    termed.id, termed.rule_id, termed.day, termed.gateway_id IN (SELECT kept.gateway_id FROM kept)
FROM termed
WHERE termed.day + make_interval(months => termed.months) <= (now_at AT TIME ZONE 'UTC')::date
$$;

-- Delete the bytes of documents whose term is over, the earliest first; a receipt for each month and rule.
CREATE FUNCTION drop_documents(now_at timestamptz, most integer, by_actor text)
RETURNS SETOF retention_receipt LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM lock_retention();
    RETURN QUERY
    WITH due AS MATERIALIZED (
        SELECT *, date_trunc('month', day)::date AS month FROM documents_past_term(now_at)
        WHERE NOT on_hold ORDER BY day, bill_id, document_kind LIMIT most
    ), receipt AS (
        INSERT INTO retention_receipt (rule_id, kind, first_day, end_day, deleted, actor, deleted_at)
        SELECT rule_id, 'documents', month, (month + interval '1 month')::date, count(*), by_actor, now_at
        FROM due GROUP BY rule_id, month ORDER BY month, rule_id
        RETURNING *
    ), gone AS (
        UPDATE bill_document SET content = NULL, receipt_id = receipt.id
        FROM due JOIN receipt ON receipt.rule_id = due.rule_id AND receipt.first_day = due.month
        WHERE bill_document.bill_id = due.bill_id AND bill_document.kind = due.document_kind
    )
    SELECT * FROM receipt ORDER BY id;
END
$$;

-- The same of what gateways signed: the batch, its hash and its place in the chain stay.
CREATE FUNCTION drop_signatures(now_at timestamptz, most integer, by_actor text)
RETURNS SETOF retention_receipt LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM lock_retention();
    PERFORM set_config('meterline.deleting', 'on', true);
    RETURN QUERY
    WITH due AS MATERIALIZED (
        SELECT *, date_trunc('month', day)::date AS month FROM signatures_past_term(now_at)
        WHERE NOT on_hold ORDER BY batch_id LIMIT most
    ), gone AS (
        DELETE FROM batch_signature WHERE batch_id IN (SELECT batch_id FROM due)
    ), receipt AS (
        INSERT INTO retention_receipt (rule_id, kind, first_day, end_day, deleted, actor, deleted_at)
        SELECT rule_id, 'signatures', month, (month + interval '1 month')::date, count(*), by_actor, now_at
        FROM due GROUP BY rule_id, month ORDER BY month, rule_id
        RETURNING *
    )
    SELECT * FROM receipt ORDER BY id;
    PERFORM set_config('meterline.deleting', 'off', true);
END
$$;
REVOKE ALL ON FUNCTION drop_documents, drop_signatures FROM PUBLIC;

INSERT INTO release_beside (version) VALUES (102);

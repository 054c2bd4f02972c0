-- What the operator's pages need beyond the tables themselves.

-- When each meter was last heard. Derived: it may be emptied and fills again by itself.
CREATE TABLE meter_seen (
    meter_id bigint PRIMARY KEY REFERENCES meter,
    last_at timestamptz,
    -- Of the latest reading that the device does not doubt.
    good_at timestamptz,
    installed boolean NOT NULL,
    -- From when somebody should look: two hours after the last reading; at once where there is
    -- none, or where the meter is installed nowhere.
    attention_from timestamptz NOT NULL,
    seen_at timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX meter_seen_attention ON meter_seen (attention_from);

CREATE INDEX meter_serial ON meter (serial text_pattern_ops);
CREATE INDEX meter_gateway ON meter (gateway_id, manufacturer, serial);
CREATE INDEX finding_newest ON finding (raised_at DESC, id DESC) WHERE closed_at IS NULL;
-- The exclusion constraints' own indexes are no help to a page: a range's overlap is hard to estimate.
CREATE INDEX installation_meter ON installation (meter_id);
CREATE INDEX installation_point ON installation (service_point_id);
CREATE INDEX gateway_name_prefix ON gateway (name text_pattern_ops);
CREATE INDEX service_point_name_prefix ON service_point (name text_pattern_ops);
CREATE INDEX account_number_prefix ON account (number text_pattern_ops);
CREATE INDEX agreement_point ON agreement (service_point_id);
CREATE INDEX bill_of_run_by_state ON bill (run_id, state, id);

-- Answers to requests with an idempotency key; a status of NULL is still at work.
CREATE TABLE answer (
    key text PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 200),
    request_sha256 bytea NOT NULL CHECK (length(request_sha256) = 32),
    status integer,
    body bytea NOT NULL DEFAULT '',
    claimed_at timestamptz NOT NULL
);
CREATE INDEX answer_claimed ON answer (claimed_at);

-- What each statement changed in a run's bills: a run's figures are sums over some hundred rows
-- rather than over its bills, and nobody waits for anybody to add one.
CREATE TABLE bill_tally (
    run_id bigint NOT NULL,
    state text NOT NULL,
    currency text,
    bills bigint NOT NULL,
    total numeric NOT NULL
);
CREATE INDEX bill_tally_run ON bill_tally (run_id);

CREATE FUNCTION bill_tally_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bill_tally (run_id, state, currency, bills, total)
    SELECT run_id, state, currency, count(*), coalesce(sum(total), 0)
    FROM added GROUP BY run_id, state, currency;
    RETURN NULL;
END
$$;
CREATE TRIGGER bill_tally_insert AFTER INSERT ON bill REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION bill_tally_added();

CREATE FUNCTION bill_tally_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bill_tally (run_id, state, currency, bills, total)
    SELECT run_id, state, currency, sum(bills), sum(total)
    FROM (
        SELECT run_id, state, currency, 1 AS bills, coalesce(total, 0) AS total FROM added
        UNION ALL
        SELECT run_id, state, currency, -1, -coalesce(total, 0) FROM removed
    ) AS change
    GROUP BY run_id, state, currency
    HAVING sum(bills) <> 0 OR sum(total) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER bill_tally_update AFTER UPDATE ON bill
REFERENCING OLD TABLE AS removed NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION bill_tally_changed();

INSERT INTO bill_tally (run_id, state, currency, bills, total)
SELECT run_id, state, currency, count(*), coalesce(sum(total), 0)
FROM bill GROUP BY run_id, state, currency;

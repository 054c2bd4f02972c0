GRANT SELECT, INSERT ON gateway_signing_key, batch_signature TO meterline_app;
GRANT UPDATE (retired_at) ON gateway_signing_key TO meterline_app;
GRANT UPDATE (signing) ON gateway TO meterline_app;
CREATE TRIGGER gateway_signing_key_kept BEFORE DELETE ON gateway_signing_key
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER gateway_signing_key_not_emptied BEFORE TRUNCATE ON gateway_signing_key
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER batch_signature_append_only BEFORE UPDATE OR DELETE ON batch_signature
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER batch_signature_not_emptied BEFORE TRUNCATE ON batch_signature
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A batch keeps what its gateway signed for, as before.
CREATE OR REPLACE FUNCTION batch_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    fixed text [] := ARRAY['id', 'gateway_id', 'epoch', 'sequence', 'received_at', 'stored_at'];
    content text [] := ARRAY['prev_hash', 'made_at', 'replaces', 'received'];
    filled boolean := OLD.received = 0 AND NEW.replaces = OLD.sha256
        AND OLD.replaces IN (NEW.sha256, decode(repeat('00', 32), 'hex'))
        -- What was not signed as its gateway signs gives way to what is.
        OR OLD.received IS NULL AND OLD.outcome = 'quarantined' AND NEW.replaces = OLD.sha256
        AND OLD.code IN ('SIGNATURE_MISSING', 'SIGNING_KEY_UNKNOWN', 'BAD_SIGNATURE');
    is_kept boolean;
BEGIN
    SELECT
        bool_and(old_row -> name IS NOT DISTINCT FROM new_row -> name) FILTER (WHERE name = ANY(fixed))
        AND (
            filled OR OLD.sha256 = NEW.sha256 AND (
                OLD.received IS NULL
                OR bool_and(old_row -> name IS NOT DISTINCT FROM new_row -> name)
                    FILTER (WHERE name = ANY(content))
            )
        )
    INTO is_kept
    FROM (SELECT to_jsonb(OLD) AS old_row, to_jsonb(NEW) AS new_row) AS compared,
        unnest(fixed || content) AS name;
    IF NOT coalesce(is_kept, false) THEN
        RAISE EXCEPTION 'batch % keeps its identity and its hash', OLD.id
            USING ERRCODE = 'restrict_violation',
            HINT = 'A gateway sends what it corrects as another batch.';
    END IF;
    RETURN NEW;
END
$$;

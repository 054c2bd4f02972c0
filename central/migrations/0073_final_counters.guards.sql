-- A legal number is given once: what counts them rises and is never begun anew.
CREATE FUNCTION bill_series_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.series IS DISTINCT FROM OLD.series OR NEW.last < OLD.last THEN
        RAISE EXCEPTION 'the legal numbers of series % only rise', OLD.series
            USING ERRCODE = 'restrict_violation',
            HINT = 'A bill that is wrong is cancelled by a credit note with a number of its own.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER bill_series_rises BEFORE UPDATE OR DELETE ON bill_series
FOR EACH ROW EXECUTE FUNCTION bill_series_guard();

-- A batch keeps what its gateway signed for. A void one gives way to the batch that it stands for,
-- and what could not be read is read later, from the same bytes.
CREATE FUNCTION batch_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    fixed text [] := ARRAY['id', 'gateway_id', 'epoch', 'sequence', 'received_at', 'stored_at'];
    content text [] := ARRAY['prev_hash', 'made_at', 'replaces', 'received'];
    filled boolean := OLD.received = 0 AND NEW.replaces = OLD.sha256
        AND OLD.replaces IN (NEW.sha256, decode(repeat('00', 32), 'hex'));
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
CREATE TRIGGER batch_kept BEFORE UPDATE OF
    id, gateway_id, epoch, sequence, sha256, prev_hash, made_at, replaces, received, received_at,
    stored_at
ON batch FOR EACH ROW EXECUTE FUNCTION batch_guard();
REVOKE UPDATE ON batch FROM meterline_app;
GRANT UPDATE (
    sha256, prev_hash, made_at, replaces, outcome, code, received, stored, duplicate, conflict,
    quarantined
) ON batch TO meterline_app;

-- A value that somebody decided replaces a gateway's: the log says who, in the same transaction.
CREATE FUNCTION reading_revision_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM audit_unsealed JOIN audit_log ON audit_log.id = audit_unsealed.audit_id
        WHERE audit_unsealed.written_by = pg_current_xact_id()
            AND audit_log.action = 'conflict.decided'
    ) THEN
        RAISE EXCEPTION 'a revision of a reading needs a row of the audit log'
            USING ERRCODE = 'restrict_violation', HINT = 'Decide the conflict with a command.';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER reading_revised AFTER INSERT ON reading
FOR EACH ROW WHEN (NEW.revision > 0) EXECUTE FUNCTION reading_revision_guard();

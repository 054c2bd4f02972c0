GRANT SELECT, INSERT ON correction_candidate TO meterline_app;
GRANT UPDATE (
    part_id, bill_id, causes, difference, difference_sha256, hold, revisions, compared_at, closed_at,
    closed_as, closed_by, correction_id, decision
) ON correction_candidate TO meterline_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON changed_input TO meterline_app;

-- A candidate that is closed stays as it was.
CREATE FUNCTION correction_candidate_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'candidate % is refused deletion', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.closed_at IS NOT NULL
        OR (OLD.uid, OLD.account_id, OLD.opened_at) <> (NEW.uid, NEW.account_id, NEW.opened_at)
    THEN
        RAISE EXCEPTION 'candidate % keeps what it said', OLD.id
            USING ERRCODE = 'restrict_violation', HINT = 'It comes back as another when an input changes.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER correction_candidate_guarded BEFORE UPDATE OR DELETE ON correction_candidate
FOR EACH ROW EXECUTE FUNCTION correction_candidate_guard();
CREATE TRIGGER correction_candidate_not_emptied BEFORE TRUNCATE ON correction_candidate
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What is open stays, and what people answered for: approving a bill asks for it.
CREATE FUNCTION refuse_open_drop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a row of % is open, or somebody answered for it: it is kept', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', HINT = 'Decide it, or leave it to the nightly job.';
END
$$;
CREATE TRIGGER quarantine_kept BEFORE DELETE ON quarantine
FOR EACH ROW WHEN (OLD.released_at IS NULL) EXECUTE FUNCTION refuse_open_drop();
CREATE TRIGGER finding_kept BEFORE DELETE ON finding
FOR EACH ROW WHEN (OLD.closed_at IS NULL OR OLD.closed_by IS NULL OR OLD.closed_by NOT LIKE 'job:%')
EXECUTE FUNCTION refuse_open_drop();
CREATE TRIGGER vee_finding_kept BEFORE DELETE ON vee_finding
FOR EACH ROW WHEN (OLD.closed_at IS NULL OR OLD.accepted_by IS NOT NULL)
EXECUTE FUNCTION refuse_open_drop();
GRANT DELETE ON quarantine, finding, vee_finding TO meterline_app;

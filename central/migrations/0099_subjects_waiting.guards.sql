GRANT SELECT ON subject_gap, waiting_event TO meterline_app;
GRANT SELECT, INSERT ON subject_waiting TO meterline_app;
GRANT UPDATE (closed_at) ON subject_waiting TO meterline_app;

-- What is closed stays closed; events that come later open another.
CREATE FUNCTION subject_waiting_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.closed_at IS NOT NULL THEN
        RAISE EXCEPTION 'subject_waiting % keeps what it said', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER subject_waiting_guarded BEFORE UPDATE OR DELETE ON subject_waiting
FOR EACH ROW EXECUTE FUNCTION subject_waiting_guard();
CREATE TRIGGER subject_waiting_not_emptied BEFORE TRUNCATE ON subject_waiting
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

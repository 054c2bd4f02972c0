GRANT SELECT, INSERT ON move TO meterline_app;
GRANT UPDATE (undone_by, undone_at, undo_reason) ON move TO meterline_app;

-- It is undone once, and keeps what was decided.
CREATE FUNCTION move_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    undone text [] := ARRAY['undone_by', 'undone_at', 'undo_reason'];
BEGIN
    IF TG_OP = 'DELETE' OR OLD.undone_at IS NOT NULL
        OR to_jsonb(NEW) - undone IS DISTINCT FROM to_jsonb(OLD) - undone
    THEN
        RAISE EXCEPTION 'move % keeps what was decided', OLD.id
            USING ERRCODE = 'restrict_violation', HINT = 'Decide it anew.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER move_kept BEFORE UPDATE OR DELETE ON move
FOR EACH ROW EXECUTE FUNCTION move_guard();
CREATE TRIGGER move_not_emptied BEFORE TRUNCATE ON move
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

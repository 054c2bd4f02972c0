-- Only what is about a person may go, by the owner and for ever.
CREATE FUNCTION registry_revision_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.personal IS NOT NULL
        OR to_jsonb(NEW) - 'personal' IS DISTINCT FROM to_jsonb(OLD) - 'personal'
    THEN
        RAISE EXCEPTION 'registry_revision is append-only: % is refused', TG_OP
            USING ERRCODE = 'restrict_violation', HINT = 'Add a revision instead.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER registry_revision_append_only BEFORE UPDATE OR DELETE ON registry_revision
FOR EACH ROW EXECUTE FUNCTION registry_revision_guard();
GRANT SELECT, INSERT ON registry_revision TO meterline_app;

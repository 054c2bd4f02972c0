CREATE FUNCTION audit_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unsealed (audit_id) SELECT id FROM added;
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_log_waits AFTER INSERT ON audit_log REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION audit_waits();

CREATE TRIGGER audit_seal_append_only BEFORE UPDATE OR DELETE ON audit_seal
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_seal_never_emptied BEFORE TRUNCATE ON audit_seal
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- Erasure deletes a row; nothing rewrites one.
CREATE TRIGGER personal_value_kept BEFORE UPDATE ON personal_value
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER personal_value_never_emptied BEFORE TRUNCATE ON personal_value
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON audit_seal, audit_unsealed, personal_value TO meterline_app;
GRANT DELETE ON audit_unsealed TO meterline_app;

CREATE TRIGGER fiscal_setting_append_only BEFORE UPDATE OR DELETE ON fiscal_setting
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER fiscal_setting_not_emptied BEFORE TRUNCATE ON fiscal_setting
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER fiscal_record_append_only BEFORE UPDATE OR DELETE ON fiscal_record
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER fiscal_record_not_emptied BEFORE TRUNCATE ON fiscal_record
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A record names the hash of the one before it, and there is no other between.
CREATE FUNCTION fiscal_record_is_next() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head text;
BEGIN
    SELECT sha256 INTO head FROM fiscal_record
    WHERE issuer = NEW.issuer AND ordinal = NEW.ordinal - 1;
    IF NEW.ordinal = 1 THEN
        head := '';
    END IF;
    IF NEW.previous IS DISTINCT FROM head THEN
        RAISE EXCEPTION 'the fiscal record % of % is not the next of its chain',
            NEW.ordinal, NEW.issuer USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER fiscal_record_added BEFORE INSERT ON fiscal_record
FOR EACH ROW EXECUTE FUNCTION fiscal_record_is_next();

GRANT SELECT, INSERT ON fiscal_setting, fiscal_record, fiscal_chain TO meterline_app;
GRANT UPDATE (ordinal) ON fiscal_chain TO meterline_app;

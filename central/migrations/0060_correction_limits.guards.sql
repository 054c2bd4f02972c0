GRANT SELECT, INSERT ON correction_limit TO meterline_app;

CREATE TRIGGER correction_limit_append_only BEFORE UPDATE OR DELETE ON correction_limit
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER correction_limit_not_emptied BEFORE TRUNCATE ON correction_limit
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON alert_rule, alert TO meterline_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON alert_look TO meterline_app;
CREATE TRIGGER alert_rule_append_only BEFORE UPDATE OR DELETE ON alert_rule
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER alert_rule_not_emptied BEFORE TRUNCATE ON alert_rule
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER alert_append_only BEFORE UPDATE OR DELETE ON alert
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER alert_not_emptied BEFORE TRUNCATE ON alert
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

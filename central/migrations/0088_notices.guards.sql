GRANT SELECT, INSERT ON notice_endpoint, notice_rule, notice_attempt TO meterline_app;
GRANT SELECT, INSERT, DELETE, UPDATE (until) ON notice_secret TO meterline_app;
GRANT SELECT, INSERT, UPDATE (sorted_at) ON notice TO meterline_app;
GRANT SELECT, INSERT, UPDATE (state, attempts, due_at, leased_until, ended_at)
ON notice_delivery TO meterline_app;
CREATE TRIGGER notice_endpoint_append_only BEFORE UPDATE OR DELETE ON notice_endpoint
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER notice_endpoint_not_emptied BEFORE TRUNCATE ON notice_endpoint
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER notice_rule_append_only BEFORE UPDATE OR DELETE ON notice_rule
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER notice_rule_not_emptied BEFORE TRUNCATE ON notice_rule
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER notice_attempt_append_only BEFORE UPDATE OR DELETE ON notice_attempt
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER notice_attempt_not_emptied BEFORE TRUNCATE ON notice_attempt
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

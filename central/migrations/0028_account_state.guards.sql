GRANT SELECT, INSERT, DELETE ON account_state TO meterline_app;
CREATE TRIGGER account_state_added AFTER INSERT ON account_state REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION bill_content_guard();
CREATE TRIGGER account_state_removed AFTER DELETE ON account_state REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION bill_content_guard();
CREATE TRIGGER account_state_kept BEFORE UPDATE ON account_state
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER account_state_not_emptied BEFORE TRUNCATE ON account_state
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

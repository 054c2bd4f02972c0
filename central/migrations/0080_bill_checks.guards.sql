GRANT SELECT, INSERT ON bill_hold_release TO meterline_app;
GRANT SELECT ON contributor_releaser TO meterline_app;
CREATE TRIGGER bill_hold_release_append_only BEFORE UPDATE OR DELETE ON bill_hold_release
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER bill_hold_release_not_emptied BEFORE TRUNCATE ON bill_hold_release
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

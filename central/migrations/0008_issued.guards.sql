CREATE TRIGGER billing_settings_append_only BEFORE UPDATE OR DELETE ON billing_settings
FOR EACH ROW EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON billing_settings TO meterline_app;
GRANT UPDATE (number, issued_on, due_on, issue, content_sha256) ON bill TO meterline_app;

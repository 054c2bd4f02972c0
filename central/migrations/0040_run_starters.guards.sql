CREATE TRIGGER bill_run_starter_kept BEFORE UPDATE OR DELETE ON bill_run_starter
FOR EACH ROW EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON bill_run_starter TO meterline_app;

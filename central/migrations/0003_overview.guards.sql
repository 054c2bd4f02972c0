GRANT SELECT, INSERT, UPDATE, DELETE ON meter_seen, answer TO meterline_app;
GRANT SELECT, INSERT ON bill_tally TO meterline_app;
CREATE TRIGGER bill_tally_append_only BEFORE UPDATE OR DELETE ON bill_tally
FOR EACH ROW EXECUTE FUNCTION refuse_change();

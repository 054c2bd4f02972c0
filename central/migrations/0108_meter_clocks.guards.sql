GRANT SELECT, INSERT ON meter_clock TO meterline_app;
CREATE TRIGGER meter_clock_append_only BEFORE UPDATE OR DELETE ON meter_clock
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER meter_clock_not_emptied BEFORE TRUNCATE ON meter_clock
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON unbilled_span, unbilled_day TO meterline_app;
GRANT SELECT, INSERT, UPDATE ON unbilled_stamp TO meterline_app;
CREATE TRIGGER unbilled_span_append_only BEFORE UPDATE OR DELETE ON unbilled_span
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER unbilled_span_not_emptied BEFORE TRUNCATE ON unbilled_span
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER unbilled_day_append_only BEFORE UPDATE OR DELETE ON unbilled_day
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER unbilled_day_not_emptied BEFORE TRUNCATE ON unbilled_day
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

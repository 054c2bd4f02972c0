GRANT SELECT, INSERT ON series, series_day TO meterline_app;
GRANT UPDATE (changed_at) ON series TO meterline_app;
CREATE TRIGGER series_day_append_only BEFORE UPDATE OR DELETE ON series_day
FOR EACH ROW EXECUTE FUNCTION refuse_change();

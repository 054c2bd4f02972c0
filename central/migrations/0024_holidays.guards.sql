CREATE TRIGGER holiday_calendar_append_only BEFORE UPDATE OR DELETE ON holiday_calendar
FOR EACH ROW EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON holiday_calendar TO meterline_app;

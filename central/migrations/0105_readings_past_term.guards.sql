GRANT EXECUTE ON FUNCTION drop_readings TO meterline_app;
DROP TRIGGER reading_append_only ON reading;
CREATE TRIGGER reading_append_only BEFORE UPDATE OR DELETE ON reading
FOR EACH ROW EXECUTE FUNCTION refuse_change_within_term();
DROP TRIGGER reading_recorded_append_only ON reading_recorded;
CREATE TRIGGER reading_recorded_append_only BEFORE UPDATE OR DELETE ON reading_recorded
FOR EACH ROW EXECUTE FUNCTION refuse_change_within_term();

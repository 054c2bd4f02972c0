CREATE TRIGGER reading_recorded_append_only BEFORE UPDATE OR DELETE ON reading_recorded
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER knowledge_begin_kept BEFORE UPDATE OR DELETE ON knowledge_begin
FOR EACH ROW EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON reading_recorded TO meterline_app;
GRANT SELECT ON knowledge_begin, knowledge_rule TO meterline_app;
-- What was known is written by triggers alone, and read by its views.
GRANT USAGE ON SCHEMA as_of TO meterline_app;

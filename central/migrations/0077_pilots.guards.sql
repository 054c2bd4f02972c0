GRANT SELECT, INSERT ON pilot, pilot_result TO meterline_app;
CREATE TRIGGER pilot_append_only BEFORE UPDATE OR DELETE ON pilot
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER pilot_not_emptied BEFORE TRUNCATE ON pilot
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER pilot_result_append_only BEFORE UPDATE OR DELETE ON pilot_result
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER pilot_result_not_emptied BEFORE TRUNCATE ON pilot_result
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

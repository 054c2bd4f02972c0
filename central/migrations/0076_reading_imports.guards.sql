GRANT SELECT, INSERT ON reading_import TO meterline_app;
CREATE TRIGGER reading_import_kept BEFORE UPDATE OR DELETE ON reading_import
FOR EACH ROW EXECUTE FUNCTION refuse_change();

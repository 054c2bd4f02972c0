GRANT SELECT, INSERT ON lookup_table TO meterline_app;
CREATE TRIGGER lookup_table_append_only BEFORE UPDATE OR DELETE ON lookup_table
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER lookup_table_not_emptied BEFORE TRUNCATE ON lookup_table
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

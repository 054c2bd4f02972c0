GRANT SELECT ON exception TO meterline_app;
GRANT SELECT, INSERT ON exception_owner, field_order TO meterline_app;
CREATE TRIGGER exception_owner_append_only BEFORE UPDATE OR DELETE ON exception_owner
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER exception_owner_not_emptied BEFORE TRUNCATE ON exception_owner
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER field_order_append_only BEFORE UPDATE OR DELETE ON field_order
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER field_order_not_emptied BEFORE TRUNCATE ON field_order
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

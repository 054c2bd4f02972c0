GRANT SELECT, INSERT ON
    usage_receipt, usage_source, usage_type, usage_subject, usage_event_key, usage_event,
    subject_assignment, usage_meter
TO meterline_app;
GRANT SELECT ON subject_span TO meterline_app;
REVOKE ALL ON FUNCTION usage_event_attach FROM PUBLIC;
GRANT EXECUTE ON FUNCTION usage_event_attach TO meterline_app;
CREATE TRIGGER usage_receipt_append_only BEFORE UPDATE OR DELETE ON usage_receipt
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_receipt_not_emptied BEFORE TRUNCATE ON usage_receipt
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_source_append_only BEFORE UPDATE OR DELETE ON usage_source
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_source_not_emptied BEFORE TRUNCATE ON usage_source
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_type_append_only BEFORE UPDATE OR DELETE ON usage_type
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_type_not_emptied BEFORE TRUNCATE ON usage_type
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_subject_append_only BEFORE UPDATE OR DELETE ON usage_subject
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_subject_not_emptied BEFORE TRUNCATE ON usage_subject
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_event_key_append_only BEFORE UPDATE OR DELETE ON usage_event_key
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_event_key_not_emptied BEFORE TRUNCATE ON usage_event_key
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_event_append_only BEFORE UPDATE OR DELETE ON usage_event
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_event_not_emptied BEFORE TRUNCATE ON usage_event
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER subject_assignment_append_only BEFORE UPDATE OR DELETE ON subject_assignment
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER subject_assignment_not_emptied BEFORE TRUNCATE ON subject_assignment
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_meter_append_only BEFORE UPDATE OR DELETE ON usage_meter
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_meter_not_emptied BEFORE TRUNCATE ON usage_meter
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
